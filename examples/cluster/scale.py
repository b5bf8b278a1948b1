"""Run a query on a Dask cluster that is already there.

    dask scheduler --scheduler-file scheduler.json &
    dask worker --scheduler-file scheduler.json &
    python examples/cluster/scale.py DATA --scheduler-file scheduler.json

DATA is what `gpuflow demo` makes: a folder with ``flights/``, ``airlines.parquet`` and so on, that every worker can
read under the same path. Without it, it is made there (needs the extra ``demo``). Use ``--scheduler tcp://host:8786``
instead of a file where the address is known. `slurm.sbatch` beside this file starts everything on Slurm.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from distributed import Client

from gpuflow.demo import frames
from gpuflow.demo.data import prepare
from gpuflow.demo.questions import QUESTIONS


def connect(address: str | None, file: str | None, timeout: float) -> Client:
    """A client of the scheduler at an address or described by a file, which may still have to be written.

    Raises
    ------
    OSError
        When there is none within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while file and not (Path(file).exists() and Path(file).read_text().strip()):
        if time.monotonic() > deadline:
            raise OSError("there is no such file; start `dask scheduler --scheduler-file` first")
        time.sleep(0.1)
    return Client(address, scheduler_file=file, timeout=timeout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with the flights tables")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--scheduler", help="address such as tcp://host:8786")
    where.add_argument("--scheduler-file", help="file that `dask scheduler --scheduler-file` writes")
    parser.add_argument("--timeout", type=float, default=15, help="seconds to wait for the scheduler")
    parser.add_argument("--workers", type=int, default=1, help="wait for so many workers, at most two minutes")
    parser.add_argument("--repeat", type=int, default=1, help="ask every question so many times")
    parser.add_argument("--json", type=Path, help="also write the answers there, as columns")
    options = parser.parse_args()

    try:
        client = connect(options.scheduler, options.scheduler_file, options.timeout)
    except OSError as e:
        parser.exit(2, f"no scheduler at {options.scheduler or options.scheduler_file}: {e}\n")
    answers = {}
    with client:
        try:
            client.wait_for_workers(options.workers, timeout=120)
        except TimeoutError:
            parser.exit(2, f"fewer than {options.workers} workers came within two minutes\n")
        tables = frames(prepare(options.data))
        print(f"{len(client.scheduler_info(n_workers=-1)['workers'])} workers", flush=True)
        for question in QUESTIONS:
            start = time.perf_counter()
            for _ in range(options.repeat):
                # With a client active, collect() runs on its workers.
                answer = question.ask(tables).collect()
            seconds = (time.perf_counter() - start) / options.repeat
            print(f"\n{question.title}  ({seconds:.2f} s)\n{answer}", flush=True)
            answers[question.name] = answer.to_arrow().to_pydict()
    if options.json:
        options.json.write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
