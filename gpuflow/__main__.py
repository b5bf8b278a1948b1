"""``python -m gpuflow`` is the command ``gpuflow``."""

from gpuflow.cli import main

if __name__ == "__main__":
    main(prog_name="gpuflow")
