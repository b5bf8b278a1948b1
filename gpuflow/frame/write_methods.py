"""The ways of a table into files, for tables that are computed and for those that are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os


class Writing:
    """Methods that write the rows of `self`, which a frame computes for it. Files appear whole or not at all; see
    `gpuflow.io.write.api`. Each has both names that Polars has for it."""

    def _rows(self) -> Any:
        return self

    def write_parquet(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write to a Parquet file or a partitioned folder; options as in `gpuflow.io.write.api.write_parquet`.

        Examples
        --------
        >>> import tempfile, gpuflow as gf
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     gf.from_dict({"x": [1, None]}).write_parquet(f"{folder}/a.parquet")
        ...     gf.scan_parquet(f"{folder}/a.parquet").collect().to_dict()
        {'x': [1, None]}
        """
        from gpuflow.io.write.api import write_parquet

        write_parquet(self._rows(), path, **options)

    def write_csv(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write as delimited text; options as in `gpuflow.io.write.api.write_csv`.

        Examples
        --------
        >>> import pathlib, tempfile, gpuflow as gf
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     gf.from_dict({"x": [1, None], "s": ["a,b", "c"]}).write_csv(f"{folder}/a.csv")
        ...     print(pathlib.Path(folder, "a.csv").read_text(), end="")
        x,s
        1,"a,b"
        ,c
        """
        from gpuflow.io.write.api import write_csv

        write_csv(self._rows(), path, **options)

    def write_ipc(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write to an Arrow IPC file; options as in `gpuflow.io.write.api.write_ipc`.

        Examples
        --------
        >>> import tempfile, gpuflow as gf
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     gf.from_dict({"x": [1, None]}).write_ipc(f"{folder}/a.arrow")
        ...     gf.scan_ipc(f"{folder}/a.arrow").collect().to_dict()
        {'x': [1, None]}
        """
        from gpuflow.io.write.api import write_ipc

        write_ipc(self._rows(), path, **options)

    def write_ndjson(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write as JSON lines; options as in `gpuflow.io.write.api.write_ndjson`.

        Examples
        --------
        >>> import pathlib, tempfile, gpuflow as gf
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     gf.from_dict({"x": [1, None]}).write_ndjson(f"{folder}/a.ndjson")
        ...     print(pathlib.Path(folder, "a.ndjson").read_text(), end="")
        {"x":1}
        {"x":null}
        """
        from gpuflow.io.write.api import write_ndjson

        write_ndjson(self._rows(), path, **options)

    sink_parquet = write_parquet
    sink_csv = write_csv
    sink_ipc = write_ipc
    sink_ndjson = write_ndjson
