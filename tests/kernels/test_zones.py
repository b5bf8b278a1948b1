"""Time zones as tables: against the standard library, and as arrays that kernels are given."""

from __future__ import annotations

import datetime as dt
import pickle
import random
import zoneinfo
from typing import Any

import gpuflow_kernels.functions.builtin  # noqa: F401
import numpy as np
import pytest
from gpuflow_kernels import rowmath, time_zone_tables
from gpuflow_kernels.binding import Bindings, shape_of
from gpuflow_kernels.codegen.common.arguments import Role
from gpuflow_kernels.codegen.common.literals import abstracted
from gpuflow_kernels.codegen.cpu import skeletons as skeletons_cpu
from gpuflow_kernels.codegen.cuda import skeletons as skeletons_cuda
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.declare.scalar import Table
from gpuflow_kernels.dtypes import DType, common, timestamp
from gpuflow_kernels.errors import ArithmeticOverflowError
from gpuflow_kernels.ir.expressions import Ref
from gpuflow_kernels.ir.pipeline import Pipeline, Write

from tests.oracle import call

from .values import value_of

NAMED = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"]
ODD = ["Pacific/Apia", "Europe/Dublin", "Africa/Monrovia", "America/Sao_Paulo", "Etc/GMT-2", "Antarctica/Troll"]
EPOCH = dt.datetime(1970, 1, 1)


def instants(zone: str, count: int, last: int = 2_000_000_000) -> list[int]:
    """Seconds from 1890 on, every other one within a day of a transition."""
    source = random.Random(zone)
    table = time_zone_tables.table(zone)
    known = [t for t in table[2 : 2 + table[0]] if -2_500_000_000 < t < last] or [0]
    near = [source.choice(known) + source.choice([-1, 0, 1, source.randrange(-90_000, 90_000)]) for _ in range(count // 2)]
    return near + [source.randrange(-2_500_000_000, last) for _ in range(count // 2)]


@pytest.mark.parametrize("zone", NAMED + ODD)
def test_offsets_are_those_of_the_standard_library(zone: str) -> None:
    info, table = zoneinfo.ZoneInfo(zone), np.array(time_zone_tables.table(zone))
    years = [dt.datetime(y, 7, 9, 12) for y in (2040, 2188, 2600, 3000, 9000)]
    later = [int((moment - EPOCH).total_seconds()) for moment in years]
    for s in instants(zone, 300) + later:
        expected = (EPOCH + dt.timedelta(seconds=s)).replace(tzinfo=dt.UTC).astimezone(info).utcoffset()
        assert expected is not None
        assert time_zone_tables.offset_at(zone, s) == expected.total_seconds(), s
        assert int(rowmath.zone_offset(np.int64(s), table)) == expected.total_seconds(), s


@pytest.mark.parametrize("zone", NAMED + ODD)
def test_names_are_those_of_the_standard_library(zone: str) -> None:
    info, table = zoneinfo.ZoneInfo(zone), np.array(time_zone_tables.names(zone))
    years = [dt.datetime(y, m, 9, 12) for y in (2040, 2188, 2600, 3000, 9000) for m in (1, 7)]
    for s in instants(zone, 200) + [int((moment - EPOCH).total_seconds()) for moment in years]:
        expected = (EPOCH + dt.timedelta(seconds=s)).replace(tzinfo=dt.UTC).astimezone(info).tzname()
        assert int(rowmath.zone_offset(np.int64(s), table)).to_bytes(8, "little").rstrip(b"\0").decode() == expected, s


@pytest.mark.parametrize("zone", NAMED + ODD)
def test_local_times_are_unique_missing_or_double_as_in_the_standard_library(zone: str) -> None:
    info, table = zoneinfo.ZoneInfo(zone), np.array(time_zone_tables.table(zone))
    counts = set()
    for instant in instants(zone, 200):
        s = instant + time_zone_tables.offset_at(zone, instant - 3600)  # the clock as it was an hour ago
        local = EPOCH + dt.timedelta(seconds=s)
        first, second = (local.replace(tzinfo=info, fold=f).utcoffset() for f in (0, 1))
        count, *offsets = (int(x) for x in rowmath.zone_choices(np.int64(s), table))
        assert offsets == [first.total_seconds(), second.total_seconds()], local  # type: ignore[union-attr]
        back = [(local - dt.timedelta(seconds=o)).replace(tzinfo=dt.UTC).astimezone(info) for o in set(offsets)]
        assert count == sum(b.replace(tzinfo=None) == local for b in back), local
        counts.add(count)
    assert counts == ({1} if zone == "Etc/GMT-2" else {0, 1, 2})


def test_the_cycle_of_four_hundred_years_goes_on() -> None:
    table = np.array(time_zone_tables.table("Europe/Berlin"))
    summer = int((dt.datetime(2024, 7, 1) - EPOCH).total_seconds())
    for cycles in (1, 2, 1000, 10**8):
        moved = summer + cycles * time_zone_tables.CYCLE
        assert time_zone_tables.offset_at("Europe/Berlin", moved) == int(rowmath.zone_offset(np.int64(moved), table)) == 7200
        assert tuple(map(int, rowmath.zone_choices(np.int64(moved), table))) == (1, 7200, 7200)


def test_before_all_transitions_the_sun_decides() -> None:
    assert time_zone_tables.offset_at("Europe/Berlin", -(10**12)) == 3208
    assert time_zone_tables.offset_text(3208) == "+00:53:28"


def test_names() -> None:
    assert time_zone_tables.table("+02:00") == (0, time_zone_tables.NO_CYCLE, 7200)
    assert time_zone_tables.table("UTC") == (0, time_zone_tables.NO_CYCLE, 0)
    for wrong in ("Mars/Olympus", "+2", "+25:00", "+02:75", "", "../etc/passwd", "Europe"):
        assert not time_zone_tables.is_known(wrong)
        with pytest.raises(ValueError, match="no time zone"):
            timestamp("us", wrong)
    assert time_zone_tables.zone_of(dt.UTC) == "UTC"
    assert time_zone_tables.zone_of(dt.timezone(dt.timedelta(hours=-3, minutes=-30))) == "-03:30"


def test_types() -> None:
    berlin, tokyo = timestamp("us", "Europe/Berlin"), timestamp("ns", "Asia/Tokyo")
    assert (str(berlin), str(timestamp("s", "+02:00"))) == ("timestamp[us, Europe/Berlin]", "timestamp[s, +02:00]")
    assert common(berlin, tokyo) == timestamp("ns", "Europe/Berlin")
    assert common(tokyo, berlin) == tokyo
    assert common(berlin, timestamp("us")) is None
    assert common(DType("date", 32), berlin) is None
    assert pickle.loads(pickle.dumps(berlin)) == berlin


# -- tables as arguments of a kernel ----------------------------------------------------------------------------------
def written(zone: str, *more: str) -> Pipeline:
    """The years of a column in each of the zones."""
    dtype = timestamp("us", zone)
    columns = [call("dt.year", Ref(0, dtype)), call("dt.hour", Ref(0, dtype))]
    columns += [call("dt.year", call("dt.convert_time_zone", Ref(0, dtype), zone=z)) for z in more]
    return Pipeline((dtype,), (), Write(tuple(columns)))


def generated(target: str, pipeline: Pipeline) -> Any:
    general, given = abstracted(pipeline)
    chunk = Chunk((Column(pipeline.inputs[0], np.zeros(3, np.int64)),), 3)
    shape = shape_of(general, chunk, Bindings())
    made = skeletons_cuda.generate(general, shape) if target == "cuda" else skeletons_cpu.generate(general, shape, target)
    return made.filled(given)


@pytest.mark.parametrize("target", ["python", "cpu", "cuda"])
def test_another_zone_is_no_other_text(target: str) -> None:
    berlin, kathmandu = (generated(target, written(z)) for z in ("Europe/Berlin", "Asia/Kathmandu"))
    assert berlin.text == kathmandu.text
    assert "Berlin" not in berlin.text
    assert berlin.tables == (Table(time_zone_tables.table("Europe/Berlin")),)
    assert kathmandu.tables == (Table(time_zone_tables.table("Asia/Kathmandu")),)


def test_equal_tables_are_one_argument_and_one_conversion() -> None:
    made = generated("python", written("Europe/Berlin", "Asia/Tokyo", "Europe/Berlin"))
    assert [t.values[0] for t in made.tables] == [time_zone_tables.table(z)[0] for z in ("Europe/Berlin", "Asia/Tokyo")]
    assert [a.number for a in made.params if a.role == Role.ARRAY] == [0, 1]
    assert len(made.out_nullable) == 4
    assert made.text.count("local_ticks(v") == 3, "the year and the hour of the column share one"


def test_pipelines_with_tables_travel() -> None:
    pipeline = written("America/New_York")
    again = pickle.loads(pickle.dumps(pipeline))
    assert abstracted(again)[0] == abstracted(pipeline)[0]
    assert abstracted(again)[1] == abstracted(pipeline)[1]


# -- at the ends of 64 bits -------------------------------------------------------------------------------------------
LOW, HIGH = -(1 << 63), (1 << 63) - 1


@pytest.mark.parametrize(
    ("name", "params", "value", "message"),
    [
        ("dt.local", {}, HIGH, "local does not fit timestamp"),
        ("dt.year", {}, HIGH - 3600 * 10**9, "local does not fit"),
        ("dt.truncate", {"every": "1d"}, LOW, "truncate does not fit"),
        ("dt.round", {"every": "1d"}, HIGH, "round does not fit"),
        ("dt.round", {"every": "1mo"}, HIGH, "round does not fit"),
        ("dt.offset_by", {"by": "1ns"}, HIGH, "offset_by does not fit"),
        ("dt.offset_by", {"by": "1d"}, HIGH - 86_400 * 10**9, "offset_by does not fit"),
        ("dt.offset_by", {"by": "-300y"}, 0, "offset_by does not fit"),
        ("dt.offset_by", {"by": "1mo"}, HIGH, "offset_by does not fit"),
        ("dt.month_start", {}, LOW, "month_start does not fit"),
        ("dt.month_end", {}, HIGH, "month_end does not fit"),
    ],
)
def test_what_leaves_64_bits_raises(name: str, params: dict[str, Any], value: int, message: str) -> None:
    tree = call(name, Ref(0, timestamp("ns", "Europe/Berlin")), **params)
    with pytest.raises(ArithmeticOverflowError, match=message):
        value_of(tree, (value,))
    assert value_of(tree, (None,)) is None
    assert value_of(tree, (10**18,)) is not None


@pytest.mark.parametrize(
    ("name", "params", "value"),
    [
        ("dt.offset_by", {"by": "1ns"}, HIGH),
        ("dt.offset_by", {"by": "1d"}, HIGH - 86_399 * 10**9),
        ("dt.offset_by", {"by": "-1d1ns"}, LOW + 86_400 * 10**9),
        ("dt.offset_by", {"by": "-1mo"}, LOW),
        ("dt.cast_time_unit", {"unit": "ns"}, HIGH),
        ("dt.timestamp", {"unit": "ns"}, HIGH // 100),
        ("dt.epoch", {"unit": "ns"}, HIGH // 100),
    ],
)
def test_what_leaves_64_bits_raises_without_a_zone_too(name: str, params: dict[str, Any], value: int) -> None:
    unit = "ns" if name == "dt.offset_by" else "us"
    tree = call(name, Ref(0, timestamp(unit)), **params)
    with pytest.raises(ArithmeticOverflowError, match=name.removeprefix("dt.")):
        value_of(tree, (value,))


def test_the_last_days_are_reached_exactly() -> None:
    day = 86_400 * 10**9
    plain = call("dt.offset_by", Ref(0, timestamp("ns")), by="1d")
    assert value_of(plain, (HIGH - day,)) == HIGH
    back = call("dt.offset_by", Ref(0, timestamp("ns")), by="-1d")
    assert value_of(back, (LOW + day,)) == LOW
    zoned = call("dt.offset_by", Ref(0, timestamp("ns", "+00:00")), by="1d")
    assert value_of(zoned, (HIGH - day,)) == HIGH


def test_a_date_has_32_bits_of_days() -> None:
    tree = call("dt.offset_by", Ref(0, DType("date", 32)), by="1d")
    assert value_of(tree, (2**31 - 2,)) == 2**31 - 1
    with pytest.raises(ArithmeticOverflowError, match="does not fit date"):
        value_of(tree, (2**31 - 1,))


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("dt.offset_by", {"by": "3mo-1d"}, "no interval"),
        ("dt.offset_by", {"by": ""}, "no interval"),
        ("dt.offset_by", {"by": "1i"}, "no interval"),
        ("dt.offset_by", {"by": "5ns"}, "finer unit"),
        ("dt.offset_by", {"by": "9" * 30 + "d"}, "longer than any timestamp"),
        ("dt.round", {"every": "-1d"}, "not above zero"),
        ("dt.round", {"every": "1mo1d"}, "mixes"),
        ("dt.replace_time_zone", {"zone": "Mars/Olympus"}, "no time zone"),
        ("dt.replace_time_zone", {"zone": "UTC", "ambiguous": "first"}, "'raise', 'earliest', 'latest', 'null'"),
        ("dt.replace_time_zone", {"zone": "UTC", "non_existent": "earliest"}, "'raise', 'null'"),
        ("dt.convert_time_zone", {"zone": None}, "takes a zone"),
        ("dt.epoch", {"unit": "m"}, "is not one of"),
        ("dt.timestamp", {"unit": "d"}, "is not one of"),
        ("dt.cast_time_unit", {"unit": "h"}, "is not one of"),
    ],
)
def test_wrong_parameters_are_named(name: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(name, Ref(0, timestamp("us")), **params)
