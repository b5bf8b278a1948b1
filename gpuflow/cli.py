"""The command ``gpuflow``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gpuflow.errors import GpuflowError
from gpuflow.version import __version__


class _Group(click.Group):
    """Errors of gpuflow are for the user: their message, and no traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except GpuflowError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group)
@click.version_option(__version__, prog_name="gpuflow")
def main() -> None:
    """Analytics on tables: one lazy query becomes one kernel."""


@main.command()
@click.option("--data", type=click.Path(path_type=Path), help="Folder for the Parquet files; the user's cache by default.")
@click.option(
    "--output", type=click.Path(path_type=Path), default=Path("demo-output"), show_default=True, help="Folder for the plot."
)
def demo(data: Path | None, output: Path) -> None:
    """Answer questions about all flights out of New York in 2013."""
    from rich.console import Console

    from gpuflow.demo import run

    run(data, output, Console(width=None if sys.stdout.isatty() else 120))


@main.command()
def doctor() -> None:
    """Show what is installed, what is missing, and where queries run."""
    from rich.console import Console

    from gpuflow.doctor import show

    show(Console(width=None if sys.stdout.isatty() else 120))


if __name__ == "__main__":
    main()
