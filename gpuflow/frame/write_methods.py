"""The methods that write the rows of frames and tables to files, made of `gpuflow.io.write.api`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from gpuflow import io
from gpuflow.docstrings import joined, parameters, sections

_P = ParamSpec("_P")


def _method(write: Callable[Concatenate[Any, _P], None], examples: str) -> Callable[Concatenate[Any, _P], None]:
    """Make a method that writes the rows of its table, of a function that writes a table."""

    @wraps(write)
    def method(self: Any, /, *args: _P.args, **named: _P.kwargs) -> None:
        write(self._rows(), *args, **named)

    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    rest = [p for p in inspect.signature(write).parameters.values() if p.name not in ("data", "schema")]
    signature = inspect.Signature([own, *rest], return_annotation="None")
    text = parameters(signature, write.__doc__)
    method.__signature__ = signature  # type: ignore[attr-defined]
    method.__doc__ = joined(sections(write.__doc__) | {"Parameters": text, "Examples": inspect.cleandoc(examples)})
    method.__qualname__, method.__module__ = f"WriteMethods.{write.__name__}", __name__
    return method


class WriteMethods:
    """Methods that write the rows of `self`, which a frame computes first; each has both names that Polars has for it."""

    def _rows(self) -> Any:
        return self

    write_parquet = _method(
        io.write_parquet,
        """
        >>> import tempfile, gpuflow as gf
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     gf.from_dict({"x": [1, None]}).write_parquet(f"{folder}/a.parquet")
        ...     gf.scan_parquet(f"{folder}/a.parquet").collect().to_dict()
        {'x': [1, None]}
        """,
    )
    write_csv = _method(
        io.write_csv,
        """
        >>> import pathlib, tempfile, gpuflow as gf
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     gf.from_dict({"x": [1, None], "s": ["a,b", "c"]}).write_csv(f"{folder}/a.csv")
        ...     print(pathlib.Path(folder, "a.csv").read_text(), end="")
        x,s
        1,"a,b"
        ,c
        """,
    )
    write_ipc = _method(
        io.write_ipc,
        """
        >>> import tempfile, gpuflow as gf
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     gf.from_dict({"x": [1, None]}).write_ipc(f"{folder}/a.arrow")
        ...     gf.scan_ipc(f"{folder}/a.arrow").collect().to_dict()
        {'x': [1, None]}
        """,
    )
    write_ndjson = _method(
        io.write_ndjson,
        """
        >>> import pathlib, tempfile, gpuflow as gf
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     gf.from_dict({"x": [1, None]}).write_ndjson(f"{folder}/a.ndjson")
        ...     print(pathlib.Path(folder, "a.ndjson").read_text(), end="")
        {"x":1}
        {"x":null}
        """,
    )

    sink_parquet = write_parquet
    sink_csv = write_csv
    sink_ipc = write_ipc
    sink_ndjson = write_ndjson
