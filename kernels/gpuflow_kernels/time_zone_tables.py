"""Tables of time zone transitions for kernels, made from the standard library's zone data.

The table of a zone is a flat tuple of int64, seconds throughout: the number ``n`` of transitions; where the cycle begins;
the ``n`` instants (UTC, since 1970) at which the offset changes; the ``n + 1`` offsets from UTC, that before the first
transition first. From the cycle's begin on, the zone's rule repeats every 400 years, as the Gregorian calendar does, weekdays
included; so a table covers any time in the future. `gpuflow_kernels.rowmath.time_zones` reads it.
"""

from __future__ import annotations

import datetime as dt
import re
import struct
import zoneinfo
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from importlib import resources
from pathlib import Path

from .errors import DTypeError

CYCLE = 146_097 * 86_400
"""Seconds of 400 Gregorian years, after which dates fall on the same weekdays again."""
NO_CYCLE = 1 << 62
"""Begin of the cycle of a zone without a rule for the future: never."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_OFFSET = re.compile(r"([+-])(\d\d):([0-5]\d)")
_DAY = 86_400
_STEP = 14 * _DAY
"""Seconds in which a zone's rule changes the offset at most once."""
_MARGIN = 200 * _DAY


def require(zone: str) -> str:
    """Return `zone` if it is a name of the time zone database, ``UTC``, or an offset such as ``+02:00``.

    Raises
    ------
    DTypeError
        When it is none.

    Examples
    --------
    >>> require("Europe/Berlin"), require("-03:30")
    ('Europe/Berlin', '-03:30')
    """
    if not isinstance(zone, str) or not is_known(zone):
        raise DTypeError(
            f"{zone!r} is no time zone; write a name of the time zone database such as 'Europe/Berlin', 'UTC', or an offset "
            "such as '+02:00' (on systems without the database: pip install tzdata)"
        )
    return zone


@lru_cache(maxsize=1024)
def is_known(zone: str) -> bool:
    """Return whether a zone exists."""
    if not isinstance(zone, str):
        return False
    if _OFFSET.fullmatch(zone) or zone == "UTC":
        return _fixed(zone) is not None
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def zone_of(tzinfo: dt.tzinfo) -> str:
    """Return the name of a Python zone (of zoneinfo, pytz or dateutil): that of the database, an offset, or else ``UTC``.

    >>> zone_of(zoneinfo.ZoneInfo("Asia/Kathmandu")), zone_of(dt.timezone(dt.timedelta(hours=-3, minutes=-30)))
    ('Asia/Kathmandu', '-03:30')
    """
    name = getattr(tzinfo, "key", None) or getattr(tzinfo, "zone", None)  # zoneinfo's, pytz's
    if isinstance(name, str) and is_known(name):
        return name
    parts = str(getattr(tzinfo, "_filename", "")).replace("\\", "/").split("/")  # dateutil's
    zone = next((n for k in range(len(parts)) if (n := "/".join(parts[k:])) and is_known(n)), None)
    if zone is not None:
        return zone
    offset = tzinfo.utcoffset(None)
    if offset is not None:
        seconds = int(offset.total_seconds())
        if seconds and seconds % 60 == 0:
            sign, minutes = "-" if seconds < 0 else "+", abs(seconds) // 60
            return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"
    return "UTC"


def _fixed(zone: str) -> int | None:
    """Return the offset of ``UTC`` or ``+02:00`` in seconds; None for a name, or an offset of a day and more."""
    if zone == "UTC":
        return 0
    match = _OFFSET.fullmatch(zone)
    if match is None:
        return None
    seconds = int(match[2]) * 3600 + int(match[3]) * 60
    if seconds >= _DAY:
        return None
    return -seconds if match[1] == "-" else seconds


@lru_cache(maxsize=128)
def table(zone: str) -> tuple[int, ...]:
    """Return the table of a zone, see the module.

    Examples
    --------
    >>> table("+02:00")
    (0, 4611686018427387904, 7200)
    >>> table("Asia/Kathmandu")[3:]     # 1920, 1986
    (504901800, 20476, 19800, 20700)
    """
    fixed = _fixed(require(zone))
    return _tabulated(zone, _offset) if fixed is None else (0, NO_CYCLE, fixed)


@lru_cache(maxsize=128)
def names(zone: str) -> tuple[int, ...]:
    """Return a table like `table`, with the names of the zone's time in place of offsets: bytes packed into one number.

    Examples
    --------
    >>> [bytes.fromhex(f"{name:x}")[::-1] for name in names("Asia/Kathmandu")[4:]]
    [b'LMT', b'+0530', b'+0545']
    """
    fixed = _fixed(require(zone))
    if fixed is None:
        return _tabulated(zone, _name)
    text = offset_text(fixed).replace(":", "").removesuffix("00") if fixed else "UTC"
    return (0, NO_CYCLE, _packed(text))


@lru_cache(maxsize=128)
def summers(zone: str) -> tuple[int, ...]:
    """Return a table like `table`, with the seconds that summer time adds in place of offsets.

    Examples
    --------
    >>> sorted(set(summers("Europe/Dublin")[-9:]))      # Irish time is the summer's, and goes back in winter
    [-3600, 0]
    """
    return _tabulated(zone, _summer) if _fixed(require(zone)) is None else (0, NO_CYCLE, 0)


def _tabulated(zone: str, of: Callable[[zoneinfo.ZoneInfo, int], int]) -> tuple[int, ...]:
    """Tabulate a property of a zone that is constant between transitions; `of(zone, instant)` returns it."""
    info = zoneinfo.ZoneInfo(zone)
    written = _written(zone)
    begin = max(0, written[-1]) if written else 0
    end = begin + CYCLE + 2 * _MARGIN
    instants = sorted({*written, *_searched(info, begin, end, of)})
    values = [of(info, instants[0] - 1 if instants else 0)]
    changes = []
    for instant in instants:
        value = of(info, instant)
        if value != values[-1]:  # other transitions change only another property, for example the name
            changes.append(instant)
            values.append(value)
    ruled = bool(changes) and changes[-1] > begin
    return (len(changes), begin + _MARGIN if ruled else NO_CYCLE, *changes, *values)


def _local(info: zoneinfo.ZoneInfo, instant: int) -> dt.datetime:
    return (_EPOCH + dt.timedelta(seconds=instant)).astimezone(info)


def _offset(info: zoneinfo.ZoneInfo, instant: int) -> int:
    return int(_local(info, instant).utcoffset().total_seconds())  # type: ignore[union-attr]


def _summer(info: zoneinfo.ZoneInfo, instant: int) -> int:
    return int(_local(info, instant).dst().total_seconds())  # type: ignore[union-attr]


def _name(info: zoneinfo.ZoneInfo, instant: int) -> int:
    return _packed(str(_local(info, instant).tzname()))


def _packed(name: str) -> int:
    """Pack ASCII into a number, the first byte in its lowest bits; names of the database have at most six."""
    return int.from_bytes(name.encode()[:8], "little")


def _searched(info: zoneinfo.ZoneInfo, begin: int, end: int, of: Callable[[zoneinfo.ZoneInfo, int], int]) -> list[int]:
    """Find the changes of the property `of` from `begin` to `end`, where the zone follows its rule."""
    changes = []
    at, value = begin, of(info, begin)
    while at < end:
        later = at + _STEP
        if of(info, later) != value:
            low, high = at, later
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if of(info, middle) == value else (low, middle)
            changes.append(high)
            value = of(info, later)
        at = later
    return changes


def _written(zone: str) -> list[int]:
    """Read the transitions listed in the zone's file (TZif, RFC 9636), from year 2 on, the range of Python's dates."""
    data = _file(zone)
    skipped, counts = 0, struct.unpack_from(">6l", data, 20)
    width = 4
    if data[4:5] >= b"2":  # a second block with 64-bit instants follows the first
        standards, universals, leaps, transitions, kinds, names = counts
        skipped = 44 + transitions * 5 + kinds * 6 + names + leaps * 8 + standards + universals
        counts, width = struct.unpack_from(">6l", data, skipped + 20), 8
    instants = struct.unpack_from(f">{counts[3]}{'q' if width == 8 else 'l'}", data, skipped + 44)
    first = int((dt.datetime(2, 1, 1, tzinfo=dt.UTC) - _EPOCH).total_seconds())
    return [t for t in instants if t > first]


def _file(zone: str) -> bytes:
    """Read the file of a zone that `zoneinfo` has accepted, from where `zoneinfo` reads it."""
    for folder in zoneinfo.TZPATH:
        path = Path(folder, zone)
        if path.is_file():
            return path.read_bytes()
    *folders, name = zone.split("/")
    return resources.files(".".join(["tzdata", "zoneinfo", *folders])).joinpath(name).read_bytes()


def offset_at(zone: str, instant: int) -> int:
    """Return the seconds that local time is ahead of UTC, at an instant in seconds since 1970.

    >>> offset_at("Europe/Berlin", 0), offset_at("Europe/Berlin", 1_720_000_000), offset_at("Europe/Berlin", 10**15)
    (3600, 7200, 7200)
    """
    transitions = table(zone)
    count, begin = transitions[:2]
    if instant >= begin + CYCLE:
        instant = begin + (instant - begin) % CYCLE
    return transitions[2 + count + bisect_right(transitions, instant, 2, 2 + count) - 2]


def offset_text(seconds: int) -> str:
    """Format an offset as ``+02:00``.

    >>> offset_text(7200), offset_text(-12_600), offset_text(3_208)
    ('+02:00', '-03:30', '+00:53:28')
    """
    sign, seconds = "-" if seconds < 0 else "+", abs(seconds)
    tail = f":{seconds % 60:02d}" if seconds % 60 else ""
    return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}{tail}"
