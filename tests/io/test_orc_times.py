"""ORC's points in time of all years, which pyorc reads where pyarrow does not."""

from __future__ import annotations

import datetime as dt
import io
import sys
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.orc as orc
import pyorc
import pytest
from gpuflow_kernels import dtypes as t

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import ReadError, TypeMismatchError
from gpuflow.io import orc_times
from gpuflow.io.datasets.files import Kind, find
from gpuflow.io.orc import OrcSource

NEVER, FIRST, NOW = dt.datetime(9999, 12, 31, 23, 59, 59, 999999), dt.datetime(1, 1, 1), dt.datetime(2020, 1, 1, 0, 0, 0, 123456)
VALUES = [NEVER, None, FIRST, NOW, dt.datetime(1969, 12, 31, 23, 59, 59)]
ZONES = ["UTC", "America/New_York", "Asia/Tokyo", "Europe/Berlin", "Pacific/Apia", "America/St_Johns"]


class Pair(pyorc.converters.ORCConverter):
    """Seconds and nanoseconds as they are, or a datetime in UTC."""

    @staticmethod
    def from_orc(seconds: int, nanoseconds: int, timezone: Any) -> Any:
        return seconds, nanoseconds

    @staticmethod
    def to_orc(value: Any, timezone: Any) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        since = value.replace(tzinfo=dt.UTC) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        return since.days * 86400 + since.seconds, since.microseconds * 1000


def written(schema: str, rows: list[tuple[Any, ...]], zone: str = "UTC", **options: Any) -> bytes:
    made, kinds = io.BytesIO(), pyorc.TypeKind
    converters = {kinds.TIMESTAMP: Pair}
    with pyorc.Writer(made, schema, timezone=ZoneInfo(zone), converters=converters, **options) as writer:
        writer.writerows(rows)
    return made.getvalue()


@pytest.mark.parametrize("unit", ["us", "ms"])
@pytest.mark.parametrize("kind", ["timestamp", "timestamp with local time zone"])
def test_times_of_all_years(tmp_path: Path, kind: str, unit: str) -> None:
    path, zone = tmp_path / "a.orc", "UTC" if "zone" in kind else None
    cut = [v and v.replace(microsecond=v.microsecond // 1000 * 1000 if unit == "ms" else v.microsecond) for v in VALUES]
    path.write_bytes(
        written(f"struct<t:{kind},`n.m`:int,t2:{kind}>", [(v, k, NOW.replace(microsecond=0)) for k, v in enumerate(cut)])
    )
    expected = [v and v.replace(tzinfo=zone and dt.UTC) for v in cut]
    for source in (path, path.read_bytes()):  # of this machine, and by an open file
        frame = gf.scan_orc(source, time_unit=unit)
        assert frame.schema["t"] == frame.schema["t2"] == t.timestamp(unit, zone)
        found = frame.collect().to_dict()
        assert (found["t"], found["n.m"]) == (expected, [0, 1, 2, 3, 4])
        assert set(found["t2"]) == {NOW.replace(microsecond=0, tzinfo=zone and dt.UTC)}
        assert frame.filter(col("t").dt.year() == 9999).collect().to_dict()["n.m"] == [0]
    assert gf.scan_orc(path).select("t2", "n.m").collect().to_dict()["n.m"] == [0, 1, 2, 3, 4]


def test_what_a_unit_does_not_hold_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.orc"
    path.write_bytes(written("struct<t:timestamp>", [(NOW,), (None,), (NEVER,), ((1, 123_456_789),)]))
    with pytest.raises(ReadError, match=r"a\.orc, stripe 0, column 't': row 2 is 9999-12-31 .* pass time_unit='us'") as caught:
        gf.scan_orc(path).collect()
    assert (caught.value.row_group, caught.value.column) == (0, "t")
    with pytest.raises(ReadError, match=r"row 3 is 1970-01-01 00:00:01.123456789, .* digits .*; pass time_unit='ns'"):
        gf.scan_orc(path, time_unit="us").collect()
    assert gf.scan_orc(path, n_rows=2).collect().to_dict() == {"t": [NOW, None]}
    fine = tmp_path / "b.orc"
    orc.write_table(pa.table({"t": pa.array([0, None, 1001], pa.timestamp("ns"))}), fine)
    with pytest.raises(ReadError, match=r"stripe 0, column 't': row 2 is 1970-01-01 00:00:00.000001001, .* time_unit='ns'"):
        gf.scan_orc(fine, time_unit="us").collect()
    assert gf.scan_orc(fine, time_unit="us", n_rows=2).collect().to_dict() == {"t": [dt.datetime(1970, 1, 1), None]}
    with pytest.raises(TypeMismatchError, match="time_unit='day' is not one of 's', 'ms', 'us', 'ns'"):
        gf.scan_orc(fine, time_unit="day")


def test_without_pyorc_the_line_that_installs_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.orc"
    path.write_bytes(written("struct<t:timestamp,n:int>", [(NEVER, 1)]))
    monkeypatch.setitem(sys.modules, "pyorc", None)
    for unit in ("ns", "us"):
        with pytest.raises(ReadError, match=r"stripe 0, column 't': .*time_unit='us'.* pip install 'pyorc>=0\.12'"):
            gf.scan_orc(path, time_unit=unit).collect()
    assert gf.scan_orc(path).select("n").collect().to_dict() == {"n": [1]}


def test_stripes_are_read_each_as_it_can_be(tmp_path: Path) -> None:
    values = [(NOW + dt.timedelta(microseconds=k * k * 7919) if k % 30_000 else NEVER,) for k in range(90_000)]
    path = tmp_path / "a.orc"
    path.write_bytes(written("struct<t:timestamp>", values, stripe_size=1 << 16, compression=pyorc.CompressionKind.NONE))
    assert len(OrcSource(path).layouts[0].rows) > 3
    assert gf.scan_orc(path, time_unit="us").collect().to_dict()["t"] == [v for (v,) in values]
    with pytest.raises(ReadError, match=r"stripe \d+, column 't': row \d+ is 9999"):
        gf.scan_orc(path).collect()


@pytest.mark.parametrize("kind", ["timestamp", "timestamp with local time zone"])
@pytest.mark.parametrize("zone", ZONES)
def test_zones_are_those_of_pyarrow(zone: str, kind: str) -> None:
    """Of values that both read; also around 1970, where the two libraries differ by a second."""
    pairs = [(s, n) for s in (*range(-180_000, 180_000, 1800), *range(-60, 60)) for n in (0, 999_999, 1_000_000, 999_999_999)]
    pairs += [(s, n) for s in range(-9_000_000_000, 9_000_000_000, 9_999_999) for n in (0, 5, 999_999_999)]
    content = written(f"struct<t:{kind}>", [(pair,) for pair in pairs], zone)
    opened = orc.ORCFile(pa.BufferReader(content))
    (file,) = find(content, kind=Kind("ORC", OrcSource.suffixes))
    far = orc_times._by_pyorc(file, opened.schema, 0, "t", "")
    (found,) = orc_times.concat_stripes([far], pa.timestamp("ns")).chunks
    expected = orc_times.as_seconds(opened.read_stripe(0).column("t"), far.type)
    assert found.equals(expected)


def test_times_inside_of_others(tmp_path: Path) -> None:
    path = tmp_path / "a.orc"
    rows = [([NEVER, None, FIRST], (NOW, "a", dt.date(1, 1, 1))), (None, (NEVER, None, None)), ([], (None, "c", None))]
    path.write_bytes(written("struct<l:array<timestamp>,s:struct<t:timestamp,n:string,d:date>>", rows))
    found = gf.scan_orc(path, time_unit="us").collect().to_dict()
    names = ("t", "n", "d")
    assert found == {"l": [r[0] for r in rows], "s": [dict(zip(names, r[1], strict=True)) for r in rows]}
    with pytest.raises(ReadError, match=r"column 'l': a value inside is 9999-12-31 .* pass time_unit='us'"):
        gf.scan_orc(path).select("l").collect()
    both = "struct<s:struct<a:timestamp,b:timestamp with local time zone>>"
    path.write_bytes(written(both, [((NEVER, NOW),)]))
    assert gf.scan_orc(path, time_unit="us").collect().to_dict() == {"s": [{"a": NEVER, "b": NOW.replace(tzinfo=dt.UTC)}]}
    path.write_bytes(written(both, [((NEVER, NOW),)], "Asia/Tokyo"))
    with pytest.raises(ReadError, match=r"column 's': .* beside others without are not read"):
        gf.scan_orc(path, time_unit="us").collect()
    path.write_bytes(written("struct<m:map<string,timestamp>>", [({"a": NEVER},)]))
    with pytest.raises(ReadError, match=r"stripe 0, column 'm': .* inside of map.* is not read; leave the column out"):
        gf.scan_orc(path, time_unit="us").collect()
    path.write_bytes(written("struct<m:map<string,timestamp>>", [({"a": NOW},)]))
    assert gf.scan_orc(path, time_unit="us").collect().to_dict() == {"m": [[("a", NOW)]]}
