"""Settings. They live in Dask's configuration under ``gpuflow.`` and are resolved once, when a query is planned.

`resolve` turns what is configured on the client into a frozen `Settings`, which travels inside the physical plan:
workers never look at their own configuration. Names may be written with hyphens or underscores, and every one of them
can come from the environment (``DASK_GPUFLOW__TARGET=cpu``), from Dask's YAML files, or from code.

Examples
--------
>>> import dask
>>> with dask.config.set({"gpuflow.target": "cpu"}):
...     resolve().target
'cpu'
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import dask.config
from gpuflow_kernels.errors import GpuflowError

PREFIX = "gpuflow"


class ConfigError(GpuflowError, ValueError):
    """A setting has an unknown name or a value it cannot take."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its default, how a configured value is checked, and what it means."""

    default: Any
    check: Callable[[Any], Any]
    accepts: str
    doc: str
    missing: str = ""
    """Why it cannot be set to anything but the default yet, with the way out."""


def _choice(*names: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in names:
            raise ValueError
        return str(value)

    return check


def _count(value: Any) -> int | None:
    """A positive whole number; ``1e6`` and ``"1_000_000"`` are accepted, None stays None."""
    if value is None:
        return None
    if isinstance(value, bool):
        raise ValueError
    number = float(value.replace("_", "")) if isinstance(value, str) else float(value)
    if number != int(number) or number < 1:
        raise ValueError
    return int(number)


def _bytes(value: Any) -> int | None:
    from dask.utils import parse_bytes

    if value is None:
        return None
    if isinstance(value, bool):
        raise ValueError
    number = int(parse_bytes(value))
    if number < 1:
        raise ValueError
    return number


def _seconds(value: Any) -> float | None:
    from dask.utils import parse_timedelta

    if value is None:
        return None
    if isinstance(value, bool):
        raise ValueError
    number = float(parse_timedelta(value))
    if not number > 0:
        raise ValueError
    return number


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    names = tuple(value)
    if not all(isinstance(name, str) for name in names):
        raise ValueError
    return names


def _folder(value: Any) -> str | None:
    return None if value is None else os.path.abspath(os.path.expanduser(os.fspath(value)))


_COUNT = "a whole number of at least 1, or null to let gpuflow choose"
_BYTES = "a size such as '4 GiB' or a number of bytes, or null to let gpuflow choose"

SETTINGS: dict[str, Setting] = {
    "target": Setting("auto", _choice("auto", "cpu", "cuda", "python"), "auto, cpu, cuda or python", "Where kernels run."),
    "threads": Setting(None, _count, _COUNT, "Threads that run partitions in this process; the cores allowed by default."),
    "partition-rows": Setting(None, _count, _COUNT, "Rows of a partition."),
    "morsel-rows": Setting(131_072, _count, _COUNT, "Rows that one call of a CPU kernel sees."),
    "memory-limit": Setting(
        None, _bytes, _BYTES, "Bytes of a GPU's memory that a process may take. On CPUs it cannot be set yet."
    ),
    "broadcast-rows": Setting(None, _count, _COUNT, "A join side with at most so many rows is given to every partition."),
    "broadcast-bytes": Setting(None, _bytes, _BYTES, "The same limit in bytes; both must hold."),
    "merge-rows": Setting(None, _count, _COUNT, "Partial groups beyond this many are exchanged by key and merged apart."),
    "sort-rows": Setting(None, _count, _COUNT, "A sort of more rows is split into ranges of its first key."),
    "workers-timeout": Setting(
        "25 s",
        _seconds,
        "a time such as '10 minutes' or a number of seconds",
        "How long a query waits while no worker runs (all gone, or paused for want of memory) or the scheduler is silent.",
    ),
    "strings": Setting(
        "auto", _choice("auto", "dictionary", "plain"), "auto, dictionary or plain", "How loaded strings are laid out."
    ),
    "deterministic": Setting(
        False,
        _flag,
        "true or false",
        "Float sums with the same bits for any partitioning and target; not there yet.",
        "the last bits of float sums still depend on the partitions; sum decimals or whole numbers where that matters",
    ),
    "local-directory": Setting(
        None,
        _folder,
        "a folder, or null for the system's",
        "Where spilled data goes; not there yet.",
        "only workers write to disk what does not fit into memory; their folder is that of gf.cluster(local_directory=...)",
    ),
    "cache.folder": Setting(None, _folder, "a folder, or null for the user's cache", "Where compiled kernels are kept."),
    "cache.kernels": Setting(512, _count, _COUNT, "Compiled kernels kept in a process."),
    "cuda.pool": Setting("cupy", _choice("cupy", "rmm"), "cupy or rmm", "Whose pool device memory comes from."),
    "cuda.nvtx": Setting(False, _flag, "true or false", "Ranges named after operators in NVIDIA's profilers."),
    "optimize.disable": Setting((), _names, "a list of rule names", "Optimiser rules that are left out."),
}
"""Every setting by its name below ``gpuflow.``."""


def _defaults() -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, setting in SETTINGS.items():
        *parents, leaf = key.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = list(setting.default) if isinstance(setting.default, tuple) else setting.default
    return {PREFIX: tree}


dask.config.update_defaults(_defaults())


@dataclass(frozen=True)
class Settings:
    """What was configured when a query was planned. Picklable; see `SETTINGS` for the meaning of each.

    ``None`` is left where gpuflow chooses: sizes depend on the query and on the machine it runs on, see
    `gpuflow.physical.profile`.
    """

    target: str = "auto"
    threads: int = 1
    partition_rows: int | None = None
    morsel_rows: int = 131_072
    memory_limit: int | None = None
    broadcast_rows: int | None = None
    broadcast_bytes: int | None = None
    merge_rows: int | None = None
    sort_rows: int | None = None
    workers_timeout: float = 25.0
    strings: str = "auto"
    deterministic: bool = False
    local_directory: str | None = None
    cache_folder: str = ""
    cache_kernels: int = 512
    cuda_pool: str = "cupy"
    cuda_nvtx: bool = False
    optimize_disable: tuple[str, ...] = field(default=())


def get(key: str) -> Any:
    """The checked value of one setting.

    Parameters
    ----------
    key : str
        Name below ``gpuflow.`` (``"target"``, ``"optimize.disable"``), or the full name.

    Raises
    ------
    ConfigError
        When there is no such setting, or its value is not one it can take.

    Examples
    --------
    >>> get("morsel-rows")
    131072
    """
    name = key.removeprefix(PREFIX + ".").replace("_", "-")
    setting = SETTINGS.get(name)
    if setting is None:
        raise ConfigError(_unknown(name))
    value = dask.config.get(f"{PREFIX}.{name}", setting.default)
    try:
        checked = setting.check(value)
    except (ValueError, TypeError, AttributeError, OverflowError, KeyError):
        raise ConfigError(
            f"setting {PREFIX}.{name} is {value!r}; it takes {setting.accepts} (from code: "
            f"dask.config.set({{'{PREFIX}.{name}': ...}}), from the environment: {_variable(name)})"
        ) from None
    if setting.missing and checked != setting.default:
        raise ConfigError(f"setting {PREFIX}.{name} is {value!r}, which has no effect yet: {setting.missing}")
    return checked


def resolve() -> Settings:
    """Everything configured now, checked, as one picklable value.

    Raises
    ------
    ConfigError
        When any setting is bad, or there is a name below ``gpuflow.`` that is not a setting.
    """
    for name in _configured(dask.config.get(PREFIX, {}) or {}):
        if name not in SETTINGS:
            raise ConfigError(_unknown(name))
    values = {name.replace("-", "_").replace(".", "_"): get(name) for name in SETTINGS}
    for name, setting in SETTINGS.items():  # null means the default where there is one
        attribute = name.replace("-", "_").replace(".", "_")
        if values[attribute] is None and setting.default is not None:
            values[attribute] = setting.check(setting.default)
    values["threads"] = values["threads"] or cores()
    values["cache_folder"] = values["cache_folder"] or default_cache_folder()
    return Settings(**{f.name: values[f.name] for f in fields(Settings)})


def cores() -> int:
    """Processor cores this process may run on (by affinity and container limits, not the machine's size)."""
    from dask.system import CPU_COUNT

    return max(1, int(CPU_COUNT))


def default_cache_folder() -> str:
    """The user's cache folder for compiled kernels (``$XDG_CACHE_HOME/gpuflow``). Nothing is created here."""
    base = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    try:
        root = Path(base) if base else Path.home() / ".cache"
    except RuntimeError:  # no home folder: one private to the user below the temporary folder
        root = Path(tempfile.gettempdir()) / f"gpuflow-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    return str(root / "gpuflow")


def _configured(tree: Any, above: str = "") -> list[str]:
    """Dotted names of all leaves, in the spelling of `SETTINGS`."""
    names = []
    for key, value in tree.items():
        name = above + str(key).replace("_", "-")
        names += _configured(value, name + ".") if isinstance(value, dict) and name not in SETTINGS else [name]
    return names


def _unknown(name: str) -> str:
    near = get_close_matches(name, SETTINGS, n=2)
    hint = f"; did you mean {' or '.join(f'{PREFIX}.{n}' for n in near)}?" if near else "."
    return f"there is no setting {PREFIX}.{name}{hint} Settings: {', '.join(f'{PREFIX}.{n}' for n in SETTINGS)}"


def _variable(name: str) -> str:
    return f"DASK_{PREFIX.upper()}__" + name.upper().replace("-", "_").replace(".", "__")
