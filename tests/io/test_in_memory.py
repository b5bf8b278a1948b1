"""Bytes and open files in place of paths, for every format."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest

import gpuflow as gf
from gpuflow.errors import ReadError, TypeMismatchError
from gpuflow.io import scan_csv, scan_ipc, scan_ndjson, scan_orc, scan_parquet
from tests.support.reading import table
from tests.support.running import running

DATA = pa.table({"a": [1, 2], "s": ["x", "é"]})


def written(write: Any) -> bytes:
    sink = io.BytesIO()
    write(DATA, sink)
    return sink.getvalue()


def ipc(data: pa.Table, sink: Any) -> None:
    with pa.ipc.new_file(sink, data.schema) as writer:
        writer.write_table(data)


CONTENT = {
    "csv": (scan_csv, "a,s\n1,x\n2,é\n".encode()),
    "ndjson": (scan_ndjson, '{"a":1,"s":"x"}\n{"a":2,"s":"é"}\n'.encode()),
    "parquet": (scan_parquet, written(pq.write_table)),
    "ipc": (scan_ipc, written(ipc)),
    "orc": (scan_orc, written(orc.write_table)),
}


@pytest.mark.parametrize("kind", CONTENT)
def test_content_in_memory(tmp_path: Path, kind: str) -> None:
    scan, content = CONTENT[kind]
    path = tmp_path / "a.bin"
    path.write_bytes(b"##" + content)
    with open(path, "rb") as handle:
        handle.seek(2)
        for source in (content, bytearray(content), memoryview(content), io.BytesIO(content), handle):
            made = scan(source)
            assert table(made).to_dict() == DATA.to_pydict()
            split = pickle.loads(pickle.dumps(made.splits(None)[0]))
            assert split.read(("s",)).length == 2
    assert table(scan([content, io.BytesIO(content)])).to_dict() == {k: v * 2 for k, v in DATA.to_pydict().items()}
    assert (
        scan(content).token == scan(io.BytesIO(content)).token != scan(content + b"\n" if kind == "csv" else [content] * 2).token
    )


def test_open_text_is_read_from_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a title\na,s\n1,é\n", encoding="utf-8")
    with open(tmp_path / "a.csv", encoding="utf-8") as handle:
        handle.readline()
        found = table(scan_csv(handle, include_file_paths="from")).to_dict()
    assert found == {"a": [1], "s": ["é"], "from": ["<a.csv>"]}
    with running():
        assert gf.scan_csv(io.StringIO("a\n1\n2\n")).select(gf.col("a").sum()).collect().item() == 3


def test_open_files_that_cannot_be_read(tmp_path: Path) -> None:
    class Numbers:
        def read(self) -> int:
            return 7

    closed = io.BytesIO(b"a\n1\n")
    closed.close()
    with open(tmp_path / "a.csv", "wb") as writing:
        for handle, message in ((closed, "closed file"), (writing, r"<a\.csv>: .*read")):
            with pytest.raises(ReadError, match=f"cannot read the open CSV file.*{message}"):
                scan_csv(handle)
    with pytest.raises(TypeMismatchError, match=r"Numbers\.read\(\) gave 7"):
        scan_csv(Numbers())
    with pytest.raises(ReadError, match="<in memory>"):
        scan_parquet(b"no Parquet file")
