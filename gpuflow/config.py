"""Settings. They live in Dask's configuration under ``gpuflow.`` and are resolved once, when a query is planned.

Each is declared once, as a field of `Settings`, or of `TaskSettings` if it travels with each task; names, defaults, checks,
documentation and what travels are derived. `resolve` turns what is configured on the client into a frozen `Settings`. Names
may be written with hyphens or underscores, and every one of them can come from the environment
(``DASK_GPUFLOW__TARGET=cpu``), from Dask's YAML files, or from code.

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
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import dask.config
from gpuflow_kernels.errors import GpuflowError

PREFIX = "gpuflow"
TESTS = "gpuflow-tests"
"""What tests set to make a run hostile; no setting of users."""


class ConfigError(GpuflowError, ValueError):
    """A setting has an unknown name or a value it cannot take."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What the declaration of a setting says, besides the name and type of its field."""

    name: str
    """Below ``gpuflow.``, with hyphens."""
    attribute: str
    default: Any
    """As it stands in Dask's configuration."""
    check: Callable[[Any], Any]
    accepts: str
    doc: str
    when_null: Callable[[], Any] | None = None
    """What null stands for, where that is known before a query is planned."""
    is_size: bool = False
    """True if it replaces the size of this name in `gpuflow.physical.profile.Profile`."""
    device_only: bool = False
    """True if it travels only with tasks that run on a device."""
    missing: str = ""
    """Why it cannot be set to anything but the default yet, with the way out."""

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"DASK_{PREFIX.upper()}__" + self.name.upper().replace("-", "_").replace(".", "__")

    def checked(self, value: Any) -> Any:
        """Check a configured value and convert it to the type of its field; null stays null.

        Raises
        ------
        ConfigError
            When the setting cannot take the value.
        """
        try:
            result = self.check(value)
        except (ValueError, TypeError, AttributeError, OverflowError, KeyError):
            raise ConfigError(
                f"setting {PREFIX}.{self.name} is {value!r}; it takes {self.accepts} (from code: "
                f"dask.config.set({{'{PREFIX}.{self.name}': ...}}), from the environment: {self.variable})"
            ) from None
        if self.missing and result != self.default:
            raise ConfigError(f"setting {PREFIX}.{self.name} is {value!r}, which has no effect yet: {self.missing}")
        return result

    def resolved(self, value: Any) -> Any:
        """Check a configured value; null becomes what it stands for."""
        result = self.checked(value)
        if result is None and self.default is not None:
            return self.check(self.default)
        return self.when_null() if result is None and self.when_null is not None else result


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


def cores() -> int:
    """Processor cores this process may run on (by affinity and container limits, not the machine's size)."""
    from dask.system import CPU_COUNT

    return max(1, int(CPU_COUNT))


_COUNT = "a whole number of at least 1, or null to let gpuflow choose"
_BYTES = "a size such as '4 GiB' or a number of bytes, or null to let gpuflow choose"


def setting(default: Any, check: Callable[[Any], Any], accepts: str, doc: str, name: str = "", **more: Any) -> Any:
    """Declare a field of `Settings`: see `Setting`. `name` is needed where it has a dot."""
    checked = check(default)
    return field(default=checked, metadata={"setting": (name, default, check, accepts, doc, more)})


@dataclass(frozen=True)
class TaskSettings:
    """Settings that travel with each task: workers never look at their own configuration."""

    target: str = setting("auto", _choice("auto", "cpu", "cuda", "python"), "auto, cpu, cuda or python", "Where kernels run.")
    morsel_rows: int = setting(131_072, _count, _COUNT, "Rows that one call of a CPU kernel sees.")
    strings: str = setting(
        "auto", _choice("auto", "dictionary", "plain"), "auto, dictionary or plain", "How loaded strings are laid out."
    )
    cache_folder: str | None = setting(
        None, _folder, "a folder, or null for the user's cache", "Where compiled kernels are kept.", name="cache.folder"
    )
    cache_kernels: int = setting(512, _count, _COUNT, "Compiled kernels kept in a process.", name="cache.kernels")
    memory_limit: int | None = setting(
        None,
        _bytes,
        _BYTES,
        "Bytes of a GPU's memory that a process may take. On CPUs it cannot be set yet.",
        device_only=True,
    )
    cuda_pool: str = setting(
        "cupy", _choice("cupy", "rmm"), "cupy or rmm", "Whose pool device memory comes from.", name="cuda.pool", device_only=True
    )
    cuda_nvtx: bool = setting(
        False, _flag, "true or false", "Ranges named after operators in NVIDIA's profilers.", name="cuda.nvtx", device_only=True
    )


@dataclass(frozen=True)
class Settings(TaskSettings):
    """What was configured when a query was planned: those of its tasks, and those that only the client reads.

    ``None`` is left where gpuflow chooses: sizes depend on the query and on the machine it runs on, see
    `gpuflow.physical.profile`.
    """

    threads: int = setting(
        None, _count, _COUNT, "Threads that run partitions in this process; the cores allowed by default.", when_null=cores
    )
    partition_rows: int | None = setting(None, _count, _COUNT, "Rows of a partition.")
    broadcast_rows: int | None = setting(
        None, _count, _COUNT, "A join side with at most so many rows is given to every partition.", is_size=True
    )
    broadcast_bytes: int | None = setting(None, _bytes, _BYTES, "The same limit in bytes; both must hold.", is_size=True)
    merge_rows: int | None = setting(
        None, _count, _COUNT, "Partial groups beyond this many are exchanged by key and merged apart.", is_size=True
    )
    sort_rows: int | None = setting(
        None, _count, _COUNT, "A sort of more rows is split into ranges of its first key.", is_size=True
    )
    workers_timeout: float = setting(
        "25 s",
        _seconds,
        "a time such as '10 minutes' or a number of seconds",
        "How long a query waits while no worker runs (all gone, or paused for want of memory) or the scheduler is silent.",
    )
    deterministic: bool = setting(
        False,
        _flag,
        "true or false",
        "Float sums with the same bits for any partitioning and target; not there yet.",
        missing="the last bits of float sums still depend on the partitions; sum decimals or whole numbers where that matters",
    )
    local_directory: str | None = setting(
        None,
        _folder,
        "a folder, or null for the system's",
        "Where spilled data goes; not there yet.",
        missing="only workers write to disk what does not fit into memory; "
        "their folder is that of gf.cluster(local_directory=...)",
    )
    optimize_disable: tuple[str, ...] = setting(
        (), _names, "a list of rule names", "Optimiser rules that are left out.", name="optimize.disable"
    )

    @property
    def sizes(self) -> dict[str, int | None]:
        """The sizes that may be set, by their names in a profile."""
        return {s.attribute: getattr(self, s.attribute) for s in SETTINGS.values() if s.is_size}

    def of_tasks(self, target: str) -> dict[str, Any]:
        """The values that travel with tasks that run on `target`, by field. Those that mean nothing there are the defaults."""
        values = {
            f.name: f.default if target != "cuda" and _setting_of(f).device_only else getattr(self, f.name)
            for f in fields(TaskSettings)
        }
        return values | {"target": target}


def _setting_of(declared: Field[Any]) -> Setting:
    name, default, check, accepts, doc, more = declared.metadata["setting"]
    return Setting(name or declared.name.replace("_", "-"), declared.name, default, check, accepts, doc, **more)


SETTINGS: dict[str, Setting] = {s.name: s for s in map(_setting_of, fields(Settings))}
"""Every setting by its name below ``gpuflow.``, from the fields of `Settings`."""


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
    if name not in SETTINGS:
        raise ConfigError(_unknown(name))
    return SETTINGS[name].checked(dask.config.get(f"{PREFIX}.{name}", SETTINGS[name].default))


def resolve() -> Settings:
    """Everything configured now, checked, as one picklable value.

    Raises
    ------
    ConfigError
        When any setting is bad, or a name is configured that nothing reads: one below ``gpuflow.`` that is not a setting, or
        one that looks like a setting but lacks the dot (``DASK_GPUFLOW_TARGET``, where two underscores are meant).
    """
    values = _configured(dask.config.get(PREFIX, {}) or {})
    for name in values:
        if name not in SETTINGS:
            raise ConfigError(_unknown(name))
    for name in dask.config.config:
        if name.startswith(PREFIX) and name not in (PREFIX, TESTS):
            meant = name.removeprefix(PREFIX).strip("-_").replace("_", "-")
            if get_close_matches(meant, SETTINGS):
                raise ConfigError(_unknown(meant))
    return Settings(**{s.attribute: s.resolved(values.get(s.name, s.default)) for s in SETTINGS.values()})


def default_cache_folder() -> str:
    """The user's cache folder for compiled kernels (``$XDG_CACHE_HOME/gpuflow``). Nothing is created here."""
    base = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    try:
        root = Path(base) if base else Path.home() / ".cache"
    except RuntimeError:  # no home folder: one private to the user below the temporary folder
        root = Path(tempfile.gettempdir()) / f"gpuflow-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    return str(root / "gpuflow")


def _configured(tree: Any, above: str = "") -> dict[str, Any]:
    """The leaves of a tree by their dotted names, in the spelling of `SETTINGS`."""
    values: dict[str, Any] = {}
    for key, value in tree.items():
        name = above + str(key).replace("_", "-")
        values |= _configured(value, name + ".") if isinstance(value, dict) and name not in SETTINGS else {name: value}
    return values


def _unknown(name: str) -> str:
    near = get_close_matches(name, SETTINGS, n=2)
    hint = f"; did you mean {' or '.join(f'{PREFIX}.{n}' for n in near)}?" if near else "."
    return f"there is no setting {PREFIX}.{name}{hint} Settings: {', '.join(f'{PREFIX}.{n}' for n in SETTINGS)}"


def markdown() -> str:
    """The table of all settings, as the documentation shows it."""
    lines = ["| setting | default | takes | environment | what it does |", "|---|---|---|---|---|"]
    for s in SETTINGS.values():
        default = "null" if s.default is None else "[]" if s.default == () else str(s.default)
        lines.append(f"| `{PREFIX}.{s.name}` | `{default.lower()}` | {s.accepts} | `{s.variable}` | {s.doc} |")
    return "\n".join(lines) + "\n"
