"""How each engine loads the tables and answers a shape of question. Only the engine asked for is imported."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from benchmarks.questions import GroupBy, Join, Question

ENUM_LIMIT = 200_000
"""Strings with more distinct values than this are no enumeration in engines that plan with its values."""


class Engine:
    """Loads tables, answers questions with a materialised result, and hands a result out as Arrow (not timed)."""

    name: str

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.tables: dict[str, Any] = {}

    def version(self) -> str:
        from importlib.metadata import version

        return version(self.name.removesuffix("-streaming"))

    def load(self, name: str, table: pa.Table) -> None:
        raise NotImplementedError

    def ask(self, question: Question) -> Any:
        return self.group_by(question) if isinstance(question, GroupBy) else self.join(question)

    def group_by(self, q: GroupBy) -> Any:
        raise NotImplementedError

    def join(self, q: Join) -> Any:
        raise NotImplementedError

    def answer(self, result: Any) -> pa.Table:
        raise NotImplementedError


class Gpuflow(Engine):
    name = "gpuflow"

    def version(self) -> str:
        from gpuflow.version import __version__

        return __version__

    def load(self, name: str, table: pa.Table) -> None:
        import gpuflow as gf

        self.tables[name] = gf.from_arrow(table).persist()

    def group_by(self, q: GroupBy) -> Any:
        import gpuflow as gf
        from gpuflow import col

        aggs = {out: gf.len() if f == "len" else getattr(col(column), f)() for out, f, column in q.aggs}
        frame = self.tables["x"].group_by(*q.keys).agg(**aggs)
        if q.difference:
            out, high, low = q.difference
            frame = frame.select(*q.keys, (col(high) - col(low)).alias(out))
        return frame.collect()

    def join(self, q: Join) -> Any:
        return self.tables["x"].join(self.tables[q.right], on=q.on, how=q.how).collect()

    def answer(self, result: Any) -> pa.Table:
        return result.to_arrow()


class Polars(Engine):
    name = "polars"
    mode = "in-memory"

    def load(self, name: str, table: pa.Table) -> None:
        import polars as pl

        frame = pl.from_arrow(table)
        enums = {}
        for field in table.schema:
            if pa.types.is_dictionary(field.type):
                values = table[field.name].chunk(0).dictionary
                if len(values) <= ENUM_LIMIT:
                    enums[field.name] = pl.Enum(values.to_pylist())
        self.tables[name] = frame.cast(enums).rechunk().lazy()

    def group_by(self, q: GroupBy) -> Any:
        import polars as pl

        aggs = {out: pl.len() if f == "len" else getattr(pl.col(column), f)() for out, f, column in q.aggs}
        if q.difference:
            out, high, low = q.difference
            aggs = {out: aggs[high] - aggs[low]}
        return self.tables["x"].group_by(*q.keys).agg(**aggs).collect(engine=self.mode)

    def join(self, q: Join) -> Any:
        return self.tables["x"].join(self.tables[q.right], on=q.on, how=q.how).collect(engine=self.mode)

    def answer(self, result: Any) -> pa.Table:
        return result.to_arrow()


class PolarsStreaming(Polars):
    name = "polars-streaming"
    mode = "streaming"


class DuckDB(Engine):
    name = "duckdb"

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        import duckdb

        self.connection = duckdb.connect(config={"threads": threads})
        self.enums: set[str] = set()

    def load(self, name: str, table: pa.Table) -> None:
        columns = []
        for field in table.schema:
            kind = None
            if pa.types.is_dictionary(field.type):
                values = table[field.name].chunk(0).dictionary
                if len(values) <= ENUM_LIMIT:
                    kind = f"{field.name}_enum"  # equal dictionaries in all tables that have the column
                    if kind not in self.enums:
                        self.connection.register("dictionary", pa.table({"value": values}))
                        self.connection.execute(f"CREATE TYPE {kind} AS ENUM (SELECT value FROM dictionary)")
                        self.enums.add(kind)
            columns.append(f"{field.name}::{kind} AS {field.name}" if kind else field.name)
        self.connection.register("incoming", table)
        self.connection.execute(f"CREATE TABLE {name} AS SELECT {', '.join(columns)} FROM incoming")
        self.connection.unregister("incoming")
        self.tables[name] = table.column_names

    def group_by(self, q: GroupBy) -> Any:
        functions = {"mean": "avg", "len": "count"}
        aggs = {out: f"{functions.get(f, f)}({column})" for out, f, column in q.aggs}
        if q.difference:
            out, high, low = q.difference
            aggs = {out: f"{aggs[high]} - {aggs[low]}"}
        keys = ", ".join(q.keys)
        return self._materialise(f"SELECT {keys}, {', '.join(f'{e} AS {o}' for o, e in aggs.items())} FROM x GROUP BY {keys}")

    def join(self, q: Join) -> Any:
        left = self.tables["x"]
        right = [f"r.{c} AS {c}_right" if c in left else f"r.{c}" for c in self.tables[q.right] if c != q.on]
        columns = ", ".join(["x.*", *right])
        return self._materialise(f"SELECT {columns} FROM x {q.how} JOIN {q.right} r ON x.{q.on} = r.{q.on}")

    def _materialise(self, query: str) -> str:
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE answer AS {query}")
        return "answer"

    def answer(self, result: Any) -> pa.Table:
        return self.connection.table(result).to_arrow_table()


class Pandas(Engine):
    name = "pandas"

    def load(self, name: str, table: pa.Table) -> None:
        self.tables[name] = table.to_pandas()

    def group_by(self, q: GroupBy) -> Any:
        return self._group_by(q).reset_index()

    def _group_by(self, q: GroupBy, **options: Any) -> Any:
        grouped = self.tables["x"].groupby(list(q.keys), observed=True, sort=False, **options)
        result = grouped.agg(**{out: (column, "size" if f == "len" else f) for out, f, column in q.aggs})
        if q.difference:
            out, high, low = q.difference
            result = (result[high] - result[low]).to_frame(out)
        return result

    def join(self, q: Join) -> Any:
        return self.tables["x"].merge(self.tables[q.right], on=q.on, how=q.how, suffixes=("", "_right"))

    def answer(self, result: Any) -> pa.Table:
        return pa.Table.from_pandas(result, preserve_index=False)


class Dask(Pandas):
    name = "dask"

    def load(self, name: str, table: pa.Table) -> None:
        import dask.dataframe as dd

        # Every partition carries all categories: a column with very many is better off as plain strings.
        for i, field in enumerate(table.schema):
            if pa.types.is_dictionary(field.type) and len(table[field.name].chunk(0).dictionary) > ENUM_LIMIT:
                table = table.set_column(i, field.name, table[field.name].cast(pa.large_string()))
        partitions = 2 * self.threads if table.num_rows > 50_000 else 1
        self.tables[name] = dd.from_pandas(table.to_pandas(), npartitions=partitions, sort=False)

    def group_by(self, q: GroupBy) -> Any:
        return self._compute(self._group_by(_counted(q)).reset_index())

    def join(self, q: Join) -> Any:
        return self._compute(super().join(q))

    def _compute(self, frame: Any) -> Any:
        return frame.compute(scheduler="threads", num_workers=self.threads)


def _counted(q: GroupBy) -> GroupBy:
    """``count`` for ``len``, which are the same without nulls: dask.dataframe has no named ``size``."""
    from dataclasses import replace

    return replace(q, aggs=tuple((out, "count" if f == "len" else f, column) for out, f, column in q.aggs))


ENGINES: dict[str, type[Engine]] = {e.name: e for e in (Gpuflow, Polars, PolarsStreaming, DuckDB, Pandas, Dask)}
