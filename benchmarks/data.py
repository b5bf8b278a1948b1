"""Seeded data of the shape that the db-benchmark of H2O.ai published (https://github.com/h2oai/db-benchmark).

Group-by: three string keys, three integer keys, two small integers, one float. Join: one table `x` and three to join
it with, `small` (n / 1e6 keys), `medium` (n / 1e3) and `big` (n); nine of ten keys of either side occur on the other.
The numbers drawn differ from the published files (R's generator), their distribution does not. Strings are made
dictionary-encoded directly, so that 1e7 rows take seconds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SEED = 108


def _strings(numbers: np.ndarray, digits: int = 0) -> pa.Array:
    """``id<number>``, zero-padded to `digits`."""
    text = pc.cast(pa.array(numbers), pa.string())
    padded = pc.utf8_lpad(text, width=digits, padding="0") if digits else text
    return pc.binary_join_element_wise(pa.scalar("id"), padded, pa.scalar(""))


def groupby_table(rows: int, k: int = 100, seed: int = SEED) -> pa.Table:
    """The table ``x`` of the group-by questions.

    Parameters
    ----------
    rows : int
        Number of rows.
    k : int
        ``id1 id2 id4 id5`` have `k` distinct values, ``id3 id6`` have ``rows / k``.
    seed : int
        Equal arguments give equal tables.

    Returns
    -------
    pyarrow.Table
        ``id1 id2 id3`` dictionary strings, ``id4 id5 id6 v1 v2`` int32, ``v3`` float64; no nulls.

    Examples
    --------
    >>> groupby_table(1_000, 10).num_rows
    1000
    """
    rng = np.random.default_rng(seed)
    small = max(rows // k, 1)

    def key(distinct: int, digits: int) -> pa.DictionaryArray:
        codes = rng.integers(0, distinct, rows, dtype=np.int32)
        return pa.DictionaryArray.from_arrays(pa.array(codes), _strings(np.arange(1, distinct + 1), digits))

    def integer(high: int) -> pa.Array:
        return pa.array(rng.integers(1, high + 1, rows, dtype=np.int32))

    columns = {"id1": key(k, 3), "id2": key(k, 3), "id3": key(small, 10)}
    columns |= {"id4": integer(k), "id5": integer(k), "id6": integer(small), "v1": integer(5), "v2": integer(15)}
    columns["v3"] = pa.array(np.round(rng.uniform(0, 100, rows), 6))
    return pa.table(columns)


def _keys(rng: np.random.Generator, distinct: int) -> tuple[np.ndarray, np.ndarray]:
    """`distinct` keys for either side, of which nine tenths are common to both."""
    keys = rng.permutation(distinct + max(distinct // 10, 1)).astype(np.int32) + 1
    common = distinct - max(distinct // 10, 1)
    return keys[:distinct], np.concatenate([keys[:common], keys[distinct : 2 * distinct - common]])


def _sample(rng: np.random.Generator, keys: np.ndarray, rows: int) -> np.ndarray:
    """`rows` values drawn from `keys`, each key at least once, in random order."""
    drawn = np.concatenate([keys, rng.choice(keys, rows - len(keys))])
    rng.shuffle(drawn)
    return drawn


def join_tables(rows: int, seed: int = SEED) -> dict[str, pa.Table]:
    """The tables ``x small medium big`` of the join questions.

    Parameters
    ----------
    rows : int
        Number of rows of ``x`` and ``big``; ``medium`` has a thousandth of it, ``small`` a millionth, both at least 10.
    seed : int
        Equal arguments give equal tables.

    Returns
    -------
    dict of str to pyarrow.Table
        ``id1 id2 id3`` int32, ``id4 id5 id6`` the same as dictionary strings, and ``v1`` (in ``x``) or ``v2``. The last
        id of each table is unique in it. ``id4`` and ``id5`` have one dictionary for all tables.
    """
    rng = np.random.default_rng(seed)
    sizes = {"small": max(rows // 1_000_000, 10), "medium": max(rows // 1_000, 10), "big": rows}
    sides = [_keys(rng, n) for n in sizes.values()]
    tables = {}
    for name, n, keyed, value in (("x", rows, 3, "v1"), *((t, n, i, "v2") for i, (t, n) in enumerate(sizes.items(), 1))):
        columns = {}
        numbers = [_sample(rng, sides[i][name != "x"], n) for i in range(keyed)]
        for i, ids in enumerate(numbers, 1):
            columns[f"id{i}"] = pa.array(ids)
        for i, ids in enumerate(numbers, 4):
            top = max(int(side.max()) for side in sides[i - 4])
            columns[f"id{i}"] = pa.DictionaryArray.from_arrays(pa.array(ids - 1), _strings(np.arange(1, top + 1)))
        columns[value] = pa.array(np.round(rng.uniform(0, 100, n), 6))
        tables[name] = pa.table(columns)
    return tables


def tables_for(task: str, rows: int, folder: Path) -> dict[str, Path]:
    """The Arrow files of a task (``groupby`` or ``join``) below `folder`, written if they are not there yet."""
    names = ("x",) if task == "groupby" else ("x", "small", "medium", "big")
    paths = {name: folder / f"{task}-{rows}-{SEED}" / f"{name}.arrow" for name in names}
    if not all(path.exists() for path in paths.values()):
        made = {"x": groupby_table(rows)} if task == "groupby" else join_tables(rows)
        for name, path in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            with pa.ipc.new_file(partial, made[name].schema) as writer:
                writer.write_table(made[name])
            partial.replace(path)
    return paths


def read(path: Path) -> pa.Table:
    """A file that `tables_for` wrote, in memory."""
    # Not mapped: pages would be read from disk inside a timing.
    with pa.OSFile(str(path)) as source:
        return pa.ipc.open_file(source).read_all()
