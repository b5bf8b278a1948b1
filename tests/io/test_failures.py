"""What goes wrong with files and networks: an error of gpuflow's, with the path, that pickles; and nothing is left behind."""

from __future__ import annotations

import os
import pickle
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.orc as orc
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from gpuflow import io
from gpuflow.errors import GpuflowError, ReadError, WriteError
from gpuflow.io.datasets import failures
from tests.support.reading import table

DATA = pa.table({"x": pa.array(range(5000)), "s": [f"text {k * 7919 % 5000}" for k in range(5000)]})
WRITERS: dict[str, Callable[..., None]] = {
    "parquet": io.write_parquet,
    "csv": io.write_csv,
    "csv.gz": io.write_csv,
    "csv.bz2": io.write_csv,
    "csv.zst": io.write_csv,
    "ndjson": io.write_ndjson,
    "ndjson.gz": io.write_ndjson,
    "arrow": io.write_ipc,
}


def write_orc(data: pa.Table, path: Any) -> None:
    orc.write_table(data, str(path))


def write_json(data: pa.Table, path: Any) -> None:
    io.write_ndjson(data, f"{path}.tmp.ndjson")
    rows = Path(f"{path}.tmp.ndjson").read_text().splitlines()
    Path(f"{path}.tmp.ndjson").unlink()
    Path(path).write_text("[" + ",\n".join(rows) + "]")


MADE = {**WRITERS, "orc": write_orc, "json": write_json}
SCANS: dict[str, Callable[..., Any]] = {
    "parquet": io.scan_parquet, "csv": io.scan_csv, "ndjson": io.scan_ndjson, "arrow": io.scan_ipc, "orc": io.scan_orc,
    "json": io.scan_json,
}  # fmt: skip


def scan(path: Any, end: str, **options: Any) -> Any:
    return SCANS[end.split(".")[0]](path, **options)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A whole file of each kind."""
    folder = tmp_path_factory.mktemp("content")
    for end, write in MADE.items():
        write(DATA, folder / f"a.{end}")
    return {end: (folder / f"a.{end}").read_bytes() for end in MADE}


def checked(error: BaseException, kind: type, path: Any) -> None:
    assert type(error) is kind, repr(error)
    assert isinstance(error, OSError)
    assert error.file == str(path)  # type: ignore[attr-defined]
    assert os.path.basename(str(path)) in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.file) == (kind, str(error), str(path))


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(255 - b for b in data[middle : middle + 200]) + data[middle + 200 :]


DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "cut in half": lambda data: data[: len(data) // 2],
    "without its end": lambda data: data[:-5],
    "overwritten in the middle": flipped,
    "its beginning only": lambda data: data[:6],
    "random": lambda data: bytes((k * k * 31 + k * 7) % 256 for k in range(5000)),
    "zeros": lambda data: bytes(len(data)),
    "with more behind it": lambda data: data + b"\x00\x01garbage",
}
READABLE = {
    *(("csv", name) for name in DAMAGED if name not in ("random", "overwritten in the middle")),
    ("ndjson", "without its end"), ("ndjson", "its beginning only"), ("arrow", "with more behind it"),
}  # fmt: skip
"""What is still a file of its kind, or one of which nothing can be known."""


@pytest.mark.parametrize("end", MADE)
@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files(tmp_path: Path, content: dict[str, bytes], end: str, name: str) -> None:
    path = tmp_path / f"a.{end}"
    path.write_bytes(DAMAGED[name](content[end]))
    try:
        table(scan(path, end))
    except GpuflowError as e:
        checked(e, ReadError, path)
    else:
        assert (end, name) in READABLE


@pytest.mark.parametrize("end", MADE)
def test_files_that_vanish_or_change(tmp_path: Path, content: dict[str, bytes], end: str) -> None:
    path = tmp_path / f"a.{end}"
    path.write_bytes(content[end])
    source = scan(path, end)
    split = source.splits(None)[0]
    path.write_bytes(content[end] + b" ")
    with pytest.raises(ReadError, match="has changed since it was scanned") as caught:
        split.read(("x",))
    checked(caught.value, ReadError, path)
    path.unlink()
    with pytest.raises(ReadError, match="No such file") as caught:
        split.read(("x",))
    checked(caught.value, ReadError, path)
    path.mkdir()
    with pytest.raises(ReadError) as caught:
        split.read(("x",))
    checked(caught.value, ReadError, path)
    with pytest.raises(ReadError, match=rf"the folder .*a\.{end}' has no .* files .*it is empty") as caught:
        scan(path, end)
    checked(caught.value, ReadError, path)
    path.rmdir()
    path.symlink_to(tmp_path / "gone")
    with pytest.raises(ReadError, match=r"link to .*gone'") as caught:
        scan(path, end)
    checked(caught.value, ReadError, path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ReadError, match="pipe") as caught:
        scan(path, end)
    checked(caught.value, ReadError, path)


class StrangeError(Exception):
    """As those of botocore, which are nothing that Python knows."""


class Faulty(MemoryFileSystem):
    """A file system that fails at one of its functions."""

    protocol = "faulty"
    cachable = False
    fails = ""

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return MemoryFileSystem._strip_protocol(path.removeprefix("faulty://"))

    def _check(self, name: str) -> None:
        if name == Faulty.fails:
            raise StrangeError(f"Could not connect to the endpoint URL: {name}")

    def info(self, path: str, **named: Any) -> Any:
        self._check("info")
        return super().info(path, **named)

    def find(self, path: str, *args: Any, **named: Any) -> Any:
        self._check("find")
        return super().find(path, *args, **named)

    def cp_file(self, *args: Any, **named: Any) -> None:
        self._check("cp_file")
        super().cp_file(*args, **named)

    def open(self, path: str, mode: str = "rb", **named: Any) -> Any:
        self._check(f"open {mode}")
        return FaultyFile(self, super().open(path, mode, **named))


class FaultyFile:
    def __init__(self, system: Faulty, handle: Any) -> None:
        self._system, self._handle = system, handle

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._handle, name)

        def call(*args: Any) -> Any:
            self._system._check(name)
            return value(*args)

        return call if callable(value) else value


@pytest.fixture
def faulty() -> Iterator[type[Faulty]]:
    fsspec.register_implementation("faulty", Faulty, clobber=True)
    Faulty.fails = ""
    yield Faulty
    Faulty.fails = ""
    Faulty.store.clear()


@pytest.mark.parametrize("end", MADE)
def test_file_systems_that_fail(faulty: type[Faulty], content: dict[str, bytes], end: str) -> None:
    url = f"faulty://t/a.{end}"
    faulty().pipe(f"/t/a.{end}", content[end])
    split = scan(url, end).splits(None)[0]
    for name in ("info", "open rb", "read", "seek", "find"):
        faulty.fails = name
        place = "faulty://t" if name == "find" else f"faulty:///t/a.{end}" if name != "info" else url
        if name != "seek":
            with pytest.raises(
                ReadError, match=rf"Could not connect.*{name}; nothing answers there: check the address"
            ) as caught:
                scan("faulty://t" if name == "find" else url, end).splits(None)[0].read(("x",))
            checked(caught.value, ReadError, place)
        if name not in ("find", "seek"):
            with pytest.raises(ReadError, match=f"Could not connect.*{name}") as caught:
                split.read(("x",))
            checked(caught.value, ReadError, f"faulty:///t/a.{end}")
    faulty.fails = ""
    assert split.read(("x",)).length > 0


@pytest.mark.parametrize("end", WRITERS)
def test_file_systems_that_fail_on_writing(faulty: type[Faulty], end: str) -> None:
    url = f"faulty://t/a.{end}"
    io.write_csv(DATA.slice(0, 1), url)
    before = dict(faulty.store)
    for name in ("info", "open wb", "write", "close", "cp_file"):
        faulty.fails = name
        with pytest.raises(WriteError, match=rf"cannot write faulty://t/a\.{end}: Could not connect.*{name}") as caught:
            WRITERS[end](DATA, url)
        checked(caught.value, WriteError, url)
    faulty.fails = ""
    assert dict(faulty.store) == before


@pytest.mark.parametrize("end", WRITERS)
def test_places_that_cannot_be_written(tmp_path: Path, end: str) -> None:
    (tmp_path / "file").write_text("x")
    places = {
        tmp_path / "file" / f"a.{end}": "the folder .*file' cannot be made: a file is in its way",
        tmp_path / "file" / "b" / f"a.{end}": "the folder .*b' cannot be made: a file is in its way",
        Path("/proc/nowhere") / f"a.{end}": "the folder '/proc/nowhere' cannot be made: No such file",
        tmp_path / f"{'x' * 300}.{end}": "File name too long",
    }
    for path, message in places.items():
        for more in ({}, {"partition_by": "x"}):
            with pytest.raises(WriteError, match=message) as caught:
                WRITERS[end](DATA.slice(0, 3), path, **more)
            checked(caught.value, WriteError, path)
    assert sorted(os.listdir(tmp_path)) == ["file"]


@pytest.mark.parametrize("end", WRITERS)
def test_a_full_disk(tmp_path: Path, end: str) -> None:
    """A limit on the size of files, which fails like a disk without room."""
    path = tmp_path / f"a.{end}"
    WRITERS[end](DATA.slice(0, 1), path)
    before = path.read_bytes()
    data = pa.table({"x": [0] * 5000, "s": [os.urandom(8).hex() for _ in range(5000)]})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    try:
        for target, more in ((path, {}), (tmp_path / "t", {"partition_by": "x"})):
            with pytest.raises(WriteError, match="File too large") as caught:
                WRITERS[end](data, target, **more)
            assert str(caught.value).startswith(f"cannot write {target}")
            assert ".tmp" not in str(caught.value)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == [path.name]
    assert path.read_bytes() == before


def test_an_error_of_what_makes_the_rows_stays(tmp_path: Path) -> None:
    def chunks() -> Iterator[Any]:
        yield table(io.from_arrow(DATA.slice(0, 3))).chunks[0]
        raise OSError("mine")

    for more in ({}, {"partition_by": "x"}):
        with pytest.raises(OSError, match=r"^mine$"):
            io.write_csv(chunks(), tmp_path / "a", schema=table(io.from_arrow(DATA.slice(0, 3))).schema, **more)
    assert os.listdir(tmp_path) == []


PLACES: dict[str, tuple[str, str]] = {
    "no such protocol": ("s4://bucket/a.csv", r"no file system is known for s4://; did you mean .*s3://"),
    "nothing like it": ("qqqqqqq://bucket/a.csv", r"no file system is known for qqqqqqq://; known are"),
    "a package that is missing": ("gs://bucket/a.csv", r"pip install gcsfs"),
    "no host": ("http://127.0.0.1:1/a.csv", r"127\.0\.0\.1.*nothing answers there: check the address"),
    "a mistyped chain": ("zip://a.csv::memory://nowhere.zip", r"nowhere\.zip"),
}


@pytest.mark.parametrize("name", PLACES)
def test_places_that_are_not_there(name: str) -> None:
    url, message = PLACES[name]
    if name == "a package that is missing":
        with pytest.raises(ImportError):
            import gcsfs  # noqa: F401
    for path in (url, url.replace(".csv", "*.csv")):
        with pytest.raises(ReadError, match=message) as caught:
            io.scan_csv(path)
        checked(caught.value, ReadError, path)
    if not url.startswith(("http", "zip")):
        with pytest.raises(WriteError, match=message) as caught:
            io.write_csv(DATA, url)
        checked(caught.value, WriteError, url)


def test_buckets_and_servers_that_are_not_there(s3: dict[str, Any]) -> None:
    with pytest.raises(ReadError, match=r"no file or folder 's3://nowhere-at-all/a.csv'"):
        io.scan_csv("s3://nowhere-at-all/a.csv", storage_options=s3)
    with pytest.raises(ReadError, match=r"no file matches 's3://nowhere-at-all/\*\.csv'"):
        io.scan_csv("s3://nowhere-at-all/*.csv", storage_options=s3)
    with pytest.raises(WriteError, match="bucket") as caught:
        io.write_csv(DATA, "s3://nowhere-at-all/a.csv", storage_options=s3)
    checked(caught.value, WriteError, "s3://nowhere-at-all/a.csv")


def test_folders_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may read everything is refused by hand."""
    for name in ("a", "b"):
        io.write_csv(DATA.slice(0, 3), tmp_path / name / "t.csv")
    allowed = os.scandir

    def scandir(path: Any = ".") -> Any:
        if str(path).endswith("/b"):
            raise PermissionError(13, "Permission denied", str(path))
        return allowed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(ReadError, match=r"cannot read .*/b: Permission denied") as caught:
        io.scan_csv(tmp_path)
    checked(caught.value, ReadError, tmp_path / "b")


REASONS = {
    "no text": (StrangeError(), "StrangeError"),
    "a key": (KeyError("size"), "KeyError 'size'"),
    "an errno": (OSError(28, "No space left on device", "/tmp/x.tmp"), "No space left on device"),
    "credentials": (
        StrangeError("Unable to locate credentials"),
        "locate credentials; give credentials in storage_options",
    ),
    "a time": (TimeoutError(), "TimeoutError; nothing answers there"),
    "a package": (ImportError("Please install gcsfs to access Google Storage"), "pip install gcsfs"),
    "a module": (ModuleNotFoundError("No module named 'adlfs.spec'", name="adlfs.spec"), "pip install adlfs"),
}


@pytest.mark.parametrize("name", REASONS)
def test_reasons_name_the_way_out(name: str) -> None:
    error, text = REASONS[name]
    for kind, raised in ((ReadError, failures.reading), (WriteError, failures.writing)):
        with pytest.raises(kind) as caught, raised("s3://b/a.csv"):
            raise error
        assert text in str(caught.value)
        checked(caught.value, kind, "s3://b/a.csv")
