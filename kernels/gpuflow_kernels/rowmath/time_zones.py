"""Local time in row bodies: offsets of a zone, read from its table (`gpuflow_kernels.time_zone_tables`), in seconds.

``z`` is the table: the number of transitions, the begin of the cycle, the transitions, and the offsets between them. A table of
names has packed words in place of offsets.
"""

from __future__ import annotations

from typing import Any

from .integers import add_overflows, floor_div, sub_overflows
from .intrinsics import int64, uint64


def zone_cycles(s: Any, z: Any) -> Any:
    """Return the seconds of whole 400-year cycles to subtract from `s` so that it is within the table."""
    return (s - z[uint64(1)]) // 12622780800 * 12622780800 if s >= z[uint64(1)] + 12622780800 else int64(0)


def zone_interval(s: Any, z: Any) -> Any:
    """Count the transitions of the table up to `s`."""
    low = int64(0)
    high = int64(z[uint64(0)])
    while low < high:
        middle = (low + high) >> 1
        if z[uint64(middle + 2)] <= s:
            low = middle + 1
        else:
            high = middle
    return low


def zone_offset(s: Any, z: Any) -> Any:
    """Return the seconds that local time is ahead of UTC at the instant `s`."""
    return z[uint64(zone_interval(s - zone_cycles(s, z), z) + z[uint64(0)] + 2)]


def zone_choices(s: Any, z: Any) -> Any:
    """Return at how many instants clocks show the local time `s`, and with which offsets: ``(count, first, second)``.

    For one instant both offsets are the same. For none (clocks skipped `s`) they are those before and after the gap; for several,
    those of the first and the last instant.
    """
    local = s - zone_cycles(s, z)
    transitions = int64(z[uint64(0)])
    # no offset is as long as 26 hours
    k = zone_interval(local - 93600, z)
    last = zone_interval(local + 93600, z)
    count = int64(0)
    first = int64(0)
    second = int64(0)
    before = int64(0)
    after = int64(0)
    passed = False
    while k <= last:
        offset = int64(z[uint64(k + transitions + 2)])
        instant = local - offset
        early = k > 0 and instant < z[uint64(k + 1)]
        late = k < transitions and instant >= z[uint64(k + 2)]
        if early:
            after = after if passed else offset
            passed = True
        elif late:
            before = offset
        else:
            first = offset if count == 0 else first
            second = offset
            count = count + 1
        k = k + 1
    return count, (first if count > 0 else before), (second if count > 0 else after)


def zone_settled(s: Any, z: Any, own: Any) -> Any:
    """Choose the offset of the local time `s`, the result of moving a time whose offset was `own`.

    For a time that clocks show twice this is `own` if possible, else the offset of the earlier instant. A skipped time is moved
    by the length of the gap, by using the offset on the side of the gap that it does not come from.
    """
    count, first, second = zone_choices(s, z)
    other = first if own != first else second
    same = second if own == second else first
    return other if count == 0 else same


def local_ticks(x: Any, z: Any, per: Any) -> Any:
    """Convert the instant `x` to local time, both in ticks, `per` to a second."""
    return x + zone_offset(floor_div(x, per), z) * per


def local_parts(x: Any, z: Any, per: Any) -> Any:
    """Return ``(days, second, nanos, offset)`` of the local time of the instant `x` in ticks, `per` to a second.

    Unlike `local_ticks` this never overflows.
    """
    instant = floor_div(x, per)
    nanos = (x - instant * per) * (1000000000 // per)
    offset = int64(zone_offset(instant, z))
    days = floor_div(instant, 86400)
    second = instant - days * 86400 + offset
    more = floor_div(second, 86400)
    return days + more, second - more * 86400, nanos, offset


def zoned_ticks(x: Any, z: Any, per: Any, own: Any) -> Any:
    """Convert the local time `x` to an instant, both in ticks, see `zone_settled`; `own` is in seconds."""
    return x - zone_settled(floor_div(x, per), z, own) * per


def near_the_end(x: Any, per: Any) -> Any:
    """Return whether two days more or less could overflow int64: no offset is as long, so other times need no exact test."""
    return (x < -9223372036854775807 + 172800 * per) | (x > 9223372036854775807 - 172800 * per)


def local_overflows(x: Any, z: Any, per: Any) -> Any:
    """Return whether the local time of `x` overflows int64."""
    return near_the_end(x, per) and add_overflows(x, zone_offset(floor_div(x, per), z) * per)


def zoned_overflows(x: Any, moved: Any, z: Any, per: Any) -> Any:
    """Return whether the local time of `x` overflows int64, or the instant of `moved`, the local time that it was moved to."""
    own = zone_offset(floor_div(x, per), z) if near_the_end(moved, per) else int64(0)
    settled = zone_settled(floor_div(moved, per), z, own) if near_the_end(moved, per) else int64(0)
    return local_overflows(x, z, per) or sub_overflows(moved, settled * per)
