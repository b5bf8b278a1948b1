"""Every format that is written: what comes back, what stays when writing fails or is killed, and names of all kinds."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gpuflow_kernels import dtypes as t

import gpuflow as gf
from gpuflow import io
from gpuflow.errors import ExecutionError, PlanError, TypeMismatchError, UnsupportedError
from gpuflow.frame.frame import Table
from gpuflow.io.write import atomic, encoders
from tests.support.reading import table
from tests.support.running import running

DATA = pa.table({
    "i": pa.array([1, None, -3], pa.int8()), "u": pa.array([2**64 - 1, 0, None], pa.uint64()),
    "f": [1.0, None, -0.1], "g": pa.array([0.1, 2, None], pa.float32()), "b": [True, None, False],
    "s": ['a"b,c\n', None, ""], "é t": [" x", "NULL", "\\\u2028\x1f"],
    "d": pa.array([-1, None, 20000], pa.date32()), "t": pa.array([0, None, 10**15 + 1], pa.timestamp("us")),
})  # fmt: skip
KINDS = {"i": "int8", "u": "uint64", "g": "float32", "d": "date", "t": t.timestamp("us")}


def given() -> Table:
    return table(io.from_arrow(DATA), 2)


FORMATS: dict[str, tuple[Any, Any, str, dict[str, Any]]] = {
    "parquet": (Table.write_parquet, io.scan_parquet, ".parquet", {}),
    "csv": (Table.write_csv, io.scan_csv, ".csv", {"schema_overrides": KINDS}),
    "ipc": (Table.write_ipc, io.scan_ipc, ".arrow", {}),
    "ndjson": (Table.write_ndjson, io.scan_ndjson, ".ndjson", {"schema_overrides": KINDS}),
}
CHOICES = {
    "parquet": [{}, {"compression": "zstd", "compression_level": 9}, {"statistics": False}, {"row_group_size": 1}],
    "csv": [{}, {"separator": ";"}, {"quote_style": "always"}, {"quote_style": "non_numeric"}, {"null_value": "NULL"}],
    "ipc": [{}, {"compression": "lz4"}, {"compression": "zstd"}],
    "ndjson": [{}],
}


@pytest.mark.parametrize(("kind", "options"), [(k, o) for k, all_ in CHOICES.items() for o in all_], ids=str)
def test_what_is_written_is_read(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    write, scan, end, reading = FORMATS[kind]
    path = tmp_path / f"new/a{end}"
    assert write(given(), path, **options) is None
    assert os.listdir(path.parent) == [path.name]
    also = {k: v for k, v in (("separator", options.get("separator")), ("null_values", options.get("null_value"))) if v}
    assert table(scan(path, **reading, **also)).equals(given())


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
@pytest.mark.parametrize(("end", "codec"), [(".gz", "gzip"), (".bz2", "bz2"), (".zst", "zstd")])
def test_text_is_compressed_by_name(tmp_path: Path, kind: str, end: str, codec: str) -> None:
    write, scan, suffix, reading = FORMATS[kind]
    path = tmp_path / f"a{suffix}{end}"
    write(given(), path)
    assert table(scan(path, **reading)).equals(given())
    write(given(), path, compression=codec)
    with pytest.raises(PlanError, match="by its name"):
        write(given(), tmp_path / f"b{suffix}", compression=codec)
    write(given(), tmp_path / "d", compression=codec, partition_by="b")
    assert {p.name for p in (tmp_path / "d").glob("*/*")} == {f"part-0{suffix}{end}"}


def test_text_is_what_other_engines_read(tmp_path: Path) -> None:
    given().write_csv(tmp_path / "a.csv")
    assert pl.read_csv(tmp_path / "a.csv", schema_overrides={"u": pl.UInt64})["s"].to_list() == ['a"b,c\n', None, ""]
    given().write_ndjson(tmp_path / "a.ndjson")
    back = pl.read_ndjson(tmp_path / "a.ndjson", schema_overrides={"u": pl.UInt64})
    assert back.select("i", "f", "b", "s", "é t").rows() == pl.DataFrame(DATA).select("i", "f", "b", "s", "é t").rows()
    odd = pa.table(
        {
            "f": [float("nan"), float("inf")],
            "z": pa.array([0, 1], pa.timestamp("ms", "Asia/Tokyo")),
            "p": pa.array([5, 6], pa.duration("ms")),
        }
    )
    io.write_ndjson(odd, tmp_path / "b.ndjson")
    assert (tmp_path / "b.ndjson").read_text().splitlines()[0] == '{"f":null,"z":"1970-01-01 00:00:00.000Z","p":5}'
    io.write_csv(odd, tmp_path / "b.csv", include_header=False)
    assert (tmp_path / "b.csv").read_text() == "nan,1970-01-01 00:00:00.000Z,5\ninf,1970-01-01 00:00:00.001Z,6\n"
    kinds = {"f": "float64", "p": "duration[ms]"}
    io.write_csv(odd, tmp_path / "c.csv")
    assert str(table(io.scan_csv(tmp_path / "c.csv", schema_overrides=kinds)).to_dict()["f"]) == "[nan, inf]"


@pytest.mark.parametrize("kind", FORMATS)
def test_frames_are_computed_and_written(tmp_path: Path, kind: str) -> None:
    _, scan, end, _ = FORMATS[kind]
    frame = gf.from_arrow(DATA).filter(gf.col("i") < 2).select("i", "s")
    with running():
        for prefix in ("sink", "write"):
            path = tmp_path / f"{prefix}{end}"
            getattr(frame, f"{prefix}_{kind}")(path)
            assert table(scan(path)).to_pylist() == frame.collect().to_pylist()


def test_pages_have_checksums_and_statistics(tmp_path: Path) -> None:
    io.write_parquet(pa.table({"x": range(1000)}), tmp_path / "a.parquet", compression="none")
    chunk = pq.ParquetFile(tmp_path / "a.parquet").metadata.row_group(0).column(0)
    assert (chunk.statistics.min, chunk.statistics.max) == (0, 999)
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[chunk.dictionary_page_offset + chunk.total_compressed_size - 30] ^= 1
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(tmp_path / "a.parquet", page_checksum_verification=True)


def failing(schema: Any, chunks: Any) -> Any:
    yield from chunks
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("keys", [(), ("b",)], ids=["file", "folder"])
@pytest.mark.parametrize("there", [True, False], ids=["old", "new"])
def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, kind: str, keys: tuple[str, ...], there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = FORMATS[kind][2]
    write = getattr(io, f"write_{kind}")
    target = tmp_path / ("d" if keys else f"a{end}")
    if there:
        write(DATA, target, partition_by=keys)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}

    def unchanged() -> bool:
        return {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before and len(os.listdir(tmp_path)) == there

    with pytest.raises(OSError, match="No space left"):
        write(failing(DATA.schema, given().chunks), target, schema=given().schema, partition_by=keys)
    assert unchanged()
    for step in ("replace", "rename", "mkdir"):
        with monkeypatch.context() as patched:

            def refuse(*_: Any, step: str = step, **__: Any) -> None:
                raise OSError(5, f"{step} failed")

            patched.setattr(os, step, refuse)
            patched.setattr(atomic, "_renameat2", lambda: None)
            try:
                write(DATA.slice(1), target, partition_by=keys)
            except OSError:
                assert unchanged(), step
            else:
                write(DATA, target, partition_by=keys) if there else atomic.remove(str(target))


@pytest.mark.parametrize("kind", FORMATS)
def test_the_disk_is_full_when_the_file_is_closed(tmp_path: Path, kind: str) -> None:
    """Into a file system of one file with no room: what is written there fails whenever it is flushed."""
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    encoder = {
        "parquet": encoders.ParquetEncoder(10, "none", None, True), "ipc": encoders.IpcEncoder("none"),
        "csv": encoders.CsvEncoder(None, ",", True, "", "necessary"), "ndjson": encoders.NdjsonEncoder(None),
    }[kind]  # fmt: skip
    target = tmp_path / "a"
    target.write_text("old")

    def write(temporary: str) -> None:
        os.symlink("/dev/full", temporary)
        with encoder.opened(temporary, DATA.schema, "a") as append:
            for batch in DATA.to_batches() * 5000:
                append(batch)

    with pytest.raises(OSError, match="No space left"):
        atomic.local_file(str(target), True, write)
    assert (os.listdir(tmp_path), target.read_text()) == (["a"], "old")


KILLED = """
import sys, time
from gpuflow import io
import pyarrow as pa
table = io.from_arrow(pa.table({"k": [1, 2], "v": [3, 4]}))
chunk = table.splits(None)[0].read(("k", "v"))
def folder():
    yield chunk
    print("half", flush=True)
    time.sleep(60)
def file():
    yield chunk
    io.write_parquet(folder(), sys.argv[1] + "/d", schema=table.schema, partition_by="k")
io.write_parquet(file(), sys.argv[1] + "/a.parquet", schema=table.schema)
"""


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_what_was_there(tmp_path: Path, python_environment: dict[str, str]) -> None:
    root = tmp_path / "t"
    for name, keys in (("a.parquet", ()), ("d", "k")):
        io.write_parquet(pa.table({"k": [7], "v": [8]}), root / name, partition_by=keys)
    command = [sys.executable, "-c", KILLED, str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=python_environment) as process:
        assert process.stdout is not None and process.stdout.readline() == b"half\n"
        process.send_signal(signal.SIGKILL)
    assert table(io.scan_parquet(root / "a.parquet")).to_dict() == {"k": [7], "v": [8]}
    assert table(io.scan_parquet(root / "d")).to_dict() == {"v": [8], "k": [7]}
    assert sorted(name for name in os.listdir(root) if not name.startswith(".")) == ["a.parquet", "d"]
    assert len(io.scan_parquet(root, hive_partitioning=False, extra_columns="ignore", missing_columns="insert").files) == 2


def test_what_is_there_stays_unless_it_may_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for write, scan, end, _ in FORMATS.values():
        path, folder = tmp_path / f"a{end}", tmp_path / f"d{end}"
        write(given(), path, overwrite=False)
        write(given(), folder, partition_by="b", overwrite=False)
        for target, keys in ((path, ()), (folder, "b")):
            with pytest.raises(PlanError, match="overwrite=True"):
                write(given(), target, partition_by=keys, overwrite=False)
        write(given().head(1), folder, partition_by="b")
        assert len(table(scan(folder, **({"hive_partitioning": True} if "csv" not in end and "json" not in end else {})))) == 1
        (folder / "b=true/thesis.txt").touch()
        with pytest.raises(PlanError, match=r"thesis\.txt"):
            write(given(), folder, partition_by="b")
    # another process was faster: what it wrote stays
    first = tmp_path / "race.parquet"
    real = atomic._refuse
    monkeypatch.setattr(atomic, "_refuse", lambda target, overwrite: (real(target, overwrite), first.write_text("theirs")))
    with pytest.raises(PlanError, match="has come about"):
        io.write_parquet(DATA, first, overwrite=False)
    assert first.read_text() == "theirs"


def test_a_folder_is_there_whole_at_any_time(tmp_path: Path) -> None:
    """Exchanged in one step where the system can: a reader never finds it missing."""
    if atomic._renameat2() is None:
        pytest.skip("the system cannot exchange two names")
    target = tmp_path / "d"
    io.write_parquet(DATA, target, partition_by="b")
    watch = "import os, sys, time\nend = time.time() + 1.0\nwhile time.time() < end:\n    os.stat(sys.argv[1])"
    with subprocess.Popen([sys.executable, "-S", "-c", watch, str(target)]) as process:
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            io.write_parquet(DATA, target, partition_by="b")
    assert process.returncode == 0


NAMES = [
    "..",
    "../..",
    "/etc/x",
    "a/../../b",
    "\0",
    "x\0y",
    "=",
    "a=b",
    "",
    ".",
    "~",
    "%2F",
    "日本 é",
    "\\",
    "*?[",
    "\n",
    " ",
    "__HIVE_DEFAULT_PARTITION__",
]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_names_and_values_stay_below_the_root(tmp_path: Path, name: str) -> None:
    root = tmp_path / "outer" / "root"
    data = pa.table([pa.array([name, "x", None]), pa.array([1, 2, 3])], names=[name, "v"])
    io.write_parquet(data, root, partition_by=name)
    found = [p.relative_to(tmp_path).parts for p in tmp_path.rglob("*") if p.is_file()]
    assert all(parts[:2] == ("outer", "root") and len(parts) == 4 for parts in found), found
    back = table(io.scan_parquet(root, hive_schema={name: "string"})).to_pylist()
    assert sorted((r["v"], r[name]) for r in back if r[name] is not None) == [(1, name), (2, "x")]
    assert len(back) == 3


@pytest.mark.parametrize(
    ("kind", "options", "error", "match"),
    [
        ("csv", {"separator": "||"}, TypeMismatchError, "separator"),
        ("csv", {"quote_style": "some"}, TypeMismatchError, "quote_style"),
        ("csv", {"compression": "rar"}, TypeMismatchError, "compression='rar'"),
        ("csv", {"separator": '"'}, TypeMismatchError, "separator"),
        ("csv", {"separator": "\n"}, TypeMismatchError, "separator"),
        ("parquet", {"compression_level": 3}, TypeMismatchError, "compression_level=3 does not go with 'snappy'"),
        ("parquet", {"compression": "gzip", "compression_level": "x"}, TypeMismatchError, "compression_level='x'"),
        ("ipc", {"compression": "gzip"}, TypeMismatchError, "gzip"),
        ("parquet", {"row_group_size": True}, TypeMismatchError, "row_group_size"),
    ],
)  # fmt: skip
def test_mistakes_in_the_call(tmp_path: Path, kind: str, options: dict[str, Any], error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        getattr(io, f"write_{kind}")(DATA, tmp_path / "a", **options)
    assert os.listdir(tmp_path) == []


def test_types_that_have_no_text(tmp_path: Path) -> None:
    binary = pa.table({"x": [1], "y": pa.array([b"\xff"], pa.binary())})
    if not io.from_arrow(binary).unsupported:
        with pytest.raises(UnsupportedError, match="column 'y' is "):
            io.write_csv(binary, tmp_path / "a.csv")


@pytest.mark.parametrize("kind", FORMATS)
def test_folders_of_every_format_come_back(tmp_path: Path, kind: str) -> None:
    write, scan, _, _ = FORMATS[kind]
    rows = [(1, "a/b", 7), (2, None, 8)]
    data = table(io.from_records(rows, ["x", "k", "d"]))
    write(data, tmp_path / "t", partition_by=["k", "d"])
    assert sorted(table(scan(tmp_path / "t")).rows()) == rows
    assert set(scan(tmp_path / "t", hive_partitioning=False).schema) == {"x"}
    assert scan(tmp_path / "t", hive_schema={"d": "string"}).schema["d"] == t.STRING
    write(data.head(0), tmp_path / "t", partition_by="k")
    assert table(scan(tmp_path / "t")).rows() == []
    assert scan(tmp_path / "t").schema["k"] == t.STRING


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link.parquet").symlink_to(tmp_path / "a.parquet")
    io.write_parquet(pa.table({"x": [1]}), tmp_path / "link.parquet")
    assert (tmp_path / "link.parquet").is_symlink()
    assert pq.read_table(tmp_path / "a.parquet").to_pydict() == {"x": [1]}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    """A user who may do it would else have a table in the place of /dev/null."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    with pytest.raises(PlanError, match="is a device, a pipe or a socket"):
        io.write_csv(pa.table({"x": [1]}), pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode) and os.listdir(tmp_path) == ["pipe.csv"]


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_points_in_time_that_have_no_text(tmp_path: Path, kind: str) -> None:
    far = io.from_arrow(pa.table({"x": pa.array([0, 2**60], pa.timestamp("us"))}))
    with pytest.raises(ExecutionError, match=r"has no text \(timestamp\[us\], value out of range: 1152921504606846976"):
        FORMATS[kind][0](table(far), tmp_path / f"a.{kind}")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", FORMATS)
def test_a_column_of_nulls_and_nothing_else_comes_back(tmp_path: Path, kind: str) -> None:
    write, scan, end, _ = FORMATS[kind]
    for values in ([1, None, 3], [None, 2, None], ["", None, "x"]):
        write(table(io.from_dict({"x": values})), tmp_path / f"a{end}")
        assert table(scan(tmp_path / f"a{end}"))["x"].to_pylist() == values
