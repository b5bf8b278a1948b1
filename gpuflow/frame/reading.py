"""Functions that make frames and tables of what `gpuflow.io` reads: ``scan_``, ``from_`` and ``read_``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import ParamSpec

from gpuflow import io
from gpuflow.docstrings import joined, sections
from gpuflow.io.datasets.keywords import EVERYWHERE, WAYS
from gpuflow.plan.source import Source

from .frame import Frame, Table
from .other_names import hinted

__all__ = [
    "from_any",
    "from_arrow",
    "from_cupy",
    "from_dict",
    "from_dicts",
    "from_dlpack",
    "from_numpy",
    "from_pandas",
    "from_polars",
    "from_records",
    "read_csv",
    "read_ipc",
    "read_json",
    "read_ndjson",
    "read_orc",
    "read_parquet",
    "scan_csv",
    "scan_ipc",
    "scan_json",
    "scan_ndjson",
    "scan_orc",
    "scan_parquet",
]

_P = ParamSpec("_P")

_EXAMPLE = """\
>>> import tempfile, gpuflow as gf
>>> with tempfile.TemporaryDirectory() as folder:
...     gf.from_dict({{"x": [1, None]}}).write_{format}(f"{{folder}}/a.{format}")
...     gf.read_{format}(f"{{folder}}/a.{format}").rows()
[(1,), (None,)]"""


def framed(read: Callable[_P, Source]) -> Callable[_P, Frame]:
    """Make a function that returns a Frame of one that returns a Source."""
    read = hinted(read, WAYS.get(read.__name__, EVERYWHERE))

    @wraps(read)
    def scan(*args: _P.args, **named: _P.kwargs) -> Frame:
        return Frame.scan(read(*args, **named))

    scan.__module__ = "gpuflow"
    scan.__annotations__ = {**read.__annotations__, "return": "Frame"}
    scan.__signature__ = signature(read).replace(return_annotation="Frame")  # type: ignore[attr-defined]
    scan.__doc__ = joined(
        sections(read.__doc__) | {"Returns": "Frame\n    Not computed; `Frame.collect` reads what the query needs."}
    )
    return scan


def computed(scan: Callable[_P, Source], example: str = _EXAMPLE) -> Callable[_P, Table]:
    """Make of a ``scan_`` function that gives a Source the ``read_`` function that gives a Table."""
    name, parts = scan.__name__.removeprefix("scan_"), sections(scan.__doc__)
    summary, _, rest = parts.get("", "").partition("\n\n")
    what = " ".join(summary.split(":")[0].split()).rstrip(".").removeprefix("Scan ")
    parts |= {
        "": f"Read {what} as a Table.\n\nAll rows are read now: ``scan_{name}(...).collect()``. "
        f"A query over a scan reads what it needs only.\n\n{rest}".rstrip(),
        "Returns": "Table",
        "Examples": example.format(format=name),
    }

    @wraps(scan)
    def read(*args: _P.args, **named: _P.kwargs) -> Table:
        return Frame.scan(scan(*args, **named)).collect()

    read.__name__ = read.__qualname__ = f"read_{name}"
    read.__module__ = "gpuflow"
    read.__annotations__ = {**scan.__annotations__, "return": "Table"}
    read.__signature__ = signature(scan).replace(return_annotation="Table")  # type: ignore[attr-defined]
    read.__doc__ = joined(parts)
    return hinted(read, WAYS.get(scan.__name__, EVERYWHERE))


scan_parquet = framed(io.scan_parquet)
read_parquet = computed(io.scan_parquet)
scan_csv = framed(io.scan_csv)
read_csv = computed(io.scan_csv)
scan_ipc = framed(io.scan_ipc)
read_ipc = computed(io.scan_ipc)
scan_ndjson = framed(io.scan_ndjson)
read_ndjson = computed(io.scan_ndjson)
scan_json = framed(io.scan_json)
read_json = computed(
    io.scan_json,
    """\
>>> import pathlib, tempfile, gpuflow as gf
>>> with tempfile.TemporaryDirectory() as folder:
...     _ = pathlib.Path(folder, "a.json").write_text('[{{"x": 1}}, {{"x": null}}]')
...     gf.read_json(f"{{folder}}/a.json").rows()
[(1,), (None,)]""",
)
scan_orc = framed(io.scan_orc)
read_orc = computed(
    io.scan_orc,
    """\
>>> import tempfile, pyarrow as pa, pyarrow.orc, gpuflow as gf
>>> with tempfile.TemporaryDirectory() as folder:
...     pa.orc.write_table(pa.table({{"x": [1, None]}}), f"{{folder}}/a.orc")
...     gf.read_orc(f"{{folder}}/a.orc").rows()
[(1,), (None,)]""",
)

from_any = framed(io.from_any)
from_arrow = framed(io.from_arrow)
from_cupy = framed(io.from_cupy)
from_dict = framed(io.from_dict)
from_dicts = framed(io.from_dicts)
from_dlpack = framed(io.from_dlpack)
from_numpy = framed(io.from_numpy)
from_pandas = framed(io.from_pandas)
from_polars = framed(io.from_polars)
from_records = framed(io.from_records)
