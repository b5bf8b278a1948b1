"""Local time in row bodies: offsets of a zone, read from its table (`gpuflow_kernels.zones`), in seconds.

``z`` is the table: the number of transitions, the begin of the cycle, the transitions, and the offsets between them. Of the
same form is a table of names, in which packed words stand in the place of offsets.
"""

from __future__ import annotations

from typing import Any

from .integers import add_overflows, floor_div, sub_overflows
from .intrinsics import int64, uint64


def zone_cycles(s: Any, z: Any) -> Any:
    """Seconds of the whole 400-year cycles to take from `s` so that it lies within the table."""
    return (s - z[uint64(1)]) // 12622780800 * 12622780800 if s >= z[uint64(1)] + 12622780800 else int64(0)


def zone_interval(s: Any, z: Any) -> Any:
    """How many transitions of the table are not after `s`."""
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
    """Seconds that local time is ahead of UTC at the instant `s`."""
    return z[uint64(zone_interval(s - zone_cycles(s, z), z) + z[uint64(0)] + 2)]


def zone_choices(s: Any, z: Any) -> Any:
    """``(count, first, second)``: at how many instants clocks show the local time `s`, and with which offsets.

    Of one instant both offsets are its own. Of none (clocks were put forward over `s`) they are those before and after
    the gap; of several, those of the first and the last.
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
    """The offset of the local time `s`, where a moment whose offset was `own` has been moved to.

    A time that clocks show twice keeps its offset if it can, else it is the earlier one. One that they never show is
    moved by the length of the gap: by the offset on the side of the gap that it does not come from.
    """
    count, first, second = zone_choices(s, z)
    other = first if own != first else second
    same = second if own == second else first
    return other if count == 0 else same


def local_ticks(x: Any, z: Any, per: Any) -> Any:
    """Local time in ticks, of the instant `x` in ticks of which a second has `per`."""
    return x + zone_offset(floor_div(x, per), z) * per


def local_parts(x: Any, z: Any, per: Any) -> Any:
    """``(days, second, nanos, offset)`` of the local time of the instant `x` in ticks, of which a second has `per`.

    Unlike `local_ticks` it leaves 64 bits nowhere.
    """
    instant = floor_div(x, per)
    nanos = (x - instant * per) * (1000000000 // per)
    offset = int64(zone_offset(instant, z))
    days = floor_div(instant, 86400)
    second = instant - days * 86400 + offset
    more = floor_div(second, 86400)
    return days + more, second - more * 86400, nanos, offset


def zoned_ticks(x: Any, z: Any, per: Any, own: Any) -> Any:
    """The instant of the local time `x`, both in ticks, see `zone_settled`; `own` in seconds."""
    return x - zone_settled(floor_div(x, per), z, own) * per


def near_the_end(x: Any, per: Any) -> Any:
    """Whether two days more or less could leave int64: no offset is as long, so that all others need no closer look."""
    return (x < -9223372036854775807 + 172800 * per) | (x > 9223372036854775807 - 172800 * per)


def local_leaves(x: Any, z: Any, per: Any) -> Any:
    """Whether the local time of `x` leaves int64."""
    return near_the_end(x, per) and add_overflows(x, zone_offset(floor_div(x, per), z) * per)


def zoned_leaves(x: Any, moved: Any, z: Any, per: Any) -> Any:
    """Whether the local time of `x` leaves int64, or the instant of the local time `moved` that it came to."""
    own = zone_offset(floor_div(x, per), z) if near_the_end(moved, per) else int64(0)
    settled = zone_settled(floor_div(moved, per), z, own) if near_the_end(moved, per) else int64(0)
    return local_leaves(x, z, per) or sub_overflows(moved, settled * per)
