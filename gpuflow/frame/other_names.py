"""What to write here instead of the names that pandas, Polars, Dask, cuDF and SQL have for things done to a table.

``{table}`` in a text is how a table in memory comes of the object: ``frame.collect()``, or ``table`` itself. What is
not there yet says so with `NOT_YET`, and stands in docs/limits.md with an example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import ParamSpec, TypeVar

from gpuflow.errors import UnknownNameError
from gpuflow.expr.keyword_hints import keyword_hints, unknown

_P = ParamSpec("_P")
_R = TypeVar("_R")

NOT_YET = "gpuflow does not have it yet; meanwhile"


def _each(names: str, way: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), way)


def _not_yet(names: str, meanwhile: str) -> dict[str, str]:
    return _each(names, f"{NOT_YET} {meanwhile}")


_ELSEWHERE = "compute the rest, and go on in another library: {table}.to_polars().%s"

WAYS: dict[str, str] = {
    # rows
    **_each("query where having remove mask loc", "write .filter(gf.col('x') > 1), and .select('x') for columns"),
    **_each("iloc take gather", "write .slice(offset, length); of a table in memory also {table}[3:7] and {table}[[0, 2]]"),
    **_each("at iat xs", "write {table}[row, 'column']"),
    **_each("sort_values sort_index order order_by orderBy orderby", "write .sort('x', descending=True)"),
    **_each("nlargest top_k", "write .sort('x', descending=True).head(n)"),
    **_each("nsmallest bottom_k", "write .sort('x').head(n)"),
    **_each("drop_duplicates dropDuplicates distinct_on", "write .unique('x')"),
    **_each("dropna", "write .drop_nulls(); and .filter(gf.col('x').is_not_nan()) for NaN, which is no null"),
    **_each("drop_nans", "write .filter(gf.col('x').is_not_nan())"),
    **_each("fillna", "write .fill_null(value); and .fill_nan(value) for NaN, which is no null"),
    **_each("append vstack extend union_all unionAll union_by_name", "write .union(other), or gf.concat([a, b], how='diagonal')"),
    **_each("first", "write .head(1)"),
    **_each("fetch", "write .head(n).collect()"),
    **_each("intersect", "write .join(other, on=[...], how='semi').unique()"),
    **_each("except_ subtract difference", "write .join(other, on=[...], how='anti').unique()"),
    **_each("duplicated is_duplicated is_unique", "write .group_by('x').agg(n=gf.len()).filter(gf.col('n') > 1)"),
    # columns
    **_each("assign withColumn with_column mutate insert insert_column eval", "write .with_columns(new=gf.col('x') * 2)"),
    **_each("with_columns_seq", "write .with_columns(...)"),
    **_each("project select_seq", "write .select(...)"),
    **_each("aggregate agg", "write .select(gf.col('x').sum(), ...) for one row, or .group_by('k').agg(...)"),
    **_each("astype convert_dtypes infer_objects", "write .cast({{'x': gf.Float64}})"),
    **_each("isna isnull", "write .select(gf.all().is_null())"),
    **_each("notna notnull", "write .select(gf.all().is_not_null())"),
    **_each("isin", "write .filter(gf.col('x').is_in([...]))"),
    **_each("select_dtypes select_types", "write .select([n for n, d in frame.schema.items() if d.is_float])"),
    **_each("pop drop_in_place", "write .drop('x')"),
    **_each("replace", "write .with_columns(gf.when(gf.col('x') == old).then(new).otherwise(gf.col('x')).alias('x'))"),
    **_each("clip round abs", "write it of columns: .with_columns(gf.col('x').abs())"),
    **_each("set_axis add_prefix add_suffix rename_axis", "write .rename(str.upper), or .rename({{'old': 'new'}})"),
    **_each(
        "apply applymap map transform map_rows map_batches map_columns map_partitions foreach",
        "write expressions in .with_columns(...), declare a function by @gf.scalar, or go through {table}.to_polars()",
    ),
    # groups and joins
    **_each("groupby groupBy group", "write .group_by('k').agg(gf.col('x').sum())"),
    **_each("merge", "write .join(other, on='k', how='left')"),
    **_each("value_counts", "write .group_by('x').agg(count=gf.len()).sort('count', descending=True)"),
    **_each("nunique n_unique", "write .select(gf.all().n_unique())"),
    **_each("std var product prod any all stddev variance", "write .select(gf.col('x').std()) and so on: var, product, any, all"),
    **_each("resample group_by_dynamic", "write .group_by(gf.col('t').dt.truncate('1h')).agg(...)"),
    **_each("get_dummies to_dummies", "write .with_columns(is_a=gf.col('x') == 'a')"),
    # what a frame is
    **_each("collect_schema info describe_schema printSchema", "write .schema, or print it"),
    **_each("copy clone", "nothing needs to be copied: methods leave a table as it is, and make another one"),
    **_each("index set_index reset_index reindex set_sorted", "tables have no index: keep it in a column"),
    **_each("empty", "write {table}.is_empty()"),
    **_each("size ndim", "write {table}.shape"),
    **_each("count_rows num_rows", "write {table}.height, or .select(gf.len())"),
    **_each("num_columns", "write .width"),
    **_each("column_names names axes", "write .columns"),
    **_each("values as_matrix", "write {table}.to_numpy()"),
    **_each("items iter_columns", "write dict({table}).items()"),
    **_each("iterrows itertuples toLocalIterator", "write {table}.iter_rows(named=True)"),
    **_each("get", "write gf.col('x') in a query, or {table}['x'] for the values"),
    **_each("show display glimpse print", "write print({table}.head(10))"),
    **_each("explain_analyze show_graph profile", "write .explain(), .explain('physical') or .explain('kernel')"),
    **_each("cache materialize", "write .persist(), or .collect()"),
    **_each("compute execute fetchall fetchdf collect_async collect_batches toPandas df", "write .collect()"),
    **_each("remote", "make a dask.distributed.Client: .collect() runs on its workers"),
    **_each("memory_usage", "write {table}.estimated_size()"),
    **_each("repartition npartitions partitions divisions to_delayed rechunk", "partitions are chosen when a query runs"),
    # writing
    **_each("to_csv", "write .write_csv(path)"),
    **_each("to_parquet", "write .write_parquet(path)"),
    **_each("to_feather write_ipc_stream write_feather", "write .write_ipc(path)"),
    **_each("to_json write_json", "write .write_ndjson(path): one object for each row"),
    **_each("to_arrow_table arrow fetch_arrow_table", "write {table}.to_arrow()"),
    **_each("to_records to_list tolist", "write {table}.rows(), or {table}.to_dicts()"),
    **_each("to_df", "write {table}.to_pandas()"),
    **_each("to_torch to_jax torch", "write torch.from_dlpack({table}.column('x'))"),
    **_each(
        "to_excel to_sql to_html to_markdown to_latex to_hdf to_stata to_xml to_pickle to_clipboard to_orc",
        "write {table}.to_pandas() and go on from there",
    ),
    **_each(
        "write_excel write_database write_delta write_iceberg write_avro write_clipboard sink_delta sink_iceberg sink_batches",
        "write {table}.to_polars() and go on from there",
    ),
    **_each("to_string", "write str({table}) for what is shown, {table}.to_pandas().to_string() for all rows"),
    **_each("to_series", "write {table}['x'], or {table}.to_pandas()['x']"),
    **_each("plot hist boxplot style", "write {table}.to_pandas() and plot that"),
    # not there yet
    **_not_yet("pivot pivot_table crosstab unstack", "write an aggregation for each column: gf.when(...).then('x').sum()"),
    **_not_yet("unpivot melt stack", "concat() one select() for each column"),
    **_not_yet("join_asof", _ELSEWHERE % "join_asof(...)"),
    **_not_yet("join_where cross cross_join", "join on a constant column, and filter()"),
    **_not_yet(
        "shift diff pct_change cumsum cum_sum cummax cummin cumprod rank rolling expanding ewm",
        _ELSEWHERE % "with_columns(...)",
    ),
    **_not_yet("ffill bfill forward_fill backward_fill interpolate asfreq upsample", _ELSEWHERE % "with_columns(...)"),
    **_not_yet("mode skew kurt kurtosis corr cov corrwith", _ELSEWHERE % "select(...)"),
    **_each("with_row_count row_number", "write .with_row_index()"),
    **_not_yet("tail last reverse", "sort() the other way round and head(n); a table in memory has {table}.tail(n)"),
    **_not_yet("sample shuffle", _ELSEWHERE % "sample(n)"),
    **_not_yet("describe summary", "write .select(gf.col('x').mean(), gf.col('x').std(), ...)"),
    **_not_yet("explode unnest flatten to_struct", "lists and structs pass as they are; " + _ELSEWHERE % "explode(...)"),
    **_not_yet("transpose T", _ELSEWHERE % "transpose()"),
    **_not_yet("gather_every merge_sorted update hstack fold partition_by rows_by_key", _ELSEWHERE % "lazy()"),
    **_not_yet("sql sql_query registerTempTable create_view", "ask DuckDB: t = {table}.to_arrow(); duckdb.sql('from t')"),
    **_not_yet("match_to_schema serialize deserialize inspect clear", _ELSEWHERE % "lazy()"),
}  # fmt: skip
"""By name, for frames and tables."""

GROUP_WAYS: dict[str, str] = {
    **_each("aggregate", "write .agg(gf.col('x').sum())"),
    **_each("size count_rows", "write .len()"),
    **_each("count", "write .agg(gf.all().count()), or .len() for rows"),
    **_each("nunique", "write .n_unique()"),
    **_each("apply transform map map_groups pipe", "write .agg(...), and declare an aggregation of your own by @gf.aggregation"),
    **_each("get_group", "write frame.filter(gf.col('k') == value)"),
    **_each("groups ngroups indices", "write frame.select('k').unique()"),
    **_each("having filter", "filter what comes out: .agg(n=gf.len()).filter(gf.col('n') > 1)"),
    **_each("idxmax idxmin", "join the result of .max() to the rows"),
    **_each("collect", "write .agg(...) first"),
    **_each("prod", "write .agg(gf.all().product())"),
    **_not_yet("head tail nth sample", "write .first() or .last(), or frame.unique('k', keep='first')"),
    **_not_yet("mode skew kurt describe", "go on in another library: frame.collect().to_polars().group_by(...)"),
    **_not_yet(
        "shift diff cumsum cumcount rank rolling ffill bfill pct_change resample ewm expanding over",
        "go on in another library: frame.collect().to_polars()",
    ),
}
"""By name, for groups."""

KEYWORDS: dict[str, str] = {
    "ascending": "write descending=True for the other direction",
    "inplace": "methods leave a table as it is, and make another one: frame = frame.{method}(...)",
    "axis": "rows are chosen by filter(), columns by select() and drop()",
    "by": "write the names themselves: {method}('x', 'y')",
    "columns": "write the names themselves: drop('x', 'y'), rename({{'old': 'new'}})",
    "index": "tables have no index",
    "na_position": "write nulls_last=True or False",
    "reverse": "write descending=True",
    "ignore_index": "tables have no index",
    "as_index": "keys are columns of the result",
    "dropna": "null is a group of its own; leave it out by filter(gf.col('k').is_not_null())",
    "suffixes": "write suffix='_right' for the names of the other table",
    "lsuffix": "write suffix='_right' for the names of the other table",
    "rsuffix": "write suffix='_right' for the names of the other table",
    "join_nulls": "write nulls_equal=True",
    "streaming": "queries read their files in pieces as it is",
    "engine": "the target is chosen by the setting gpuflow.target",
    "strategy": "write a value, or an aggregation: fill_null(gf.lit(0)), .with_columns(gf.col('x').fill_null(0))",
}
"""What to write instead of parameters that other libraries have."""


def other_name(owner: str, name: str, ways: Mapping[str, str], known: Iterable[str], table: str = "") -> UnknownNameError:
    """Make the error for a name of another library, with the way to it from a frame or a table."""
    return unknown(owner, name, {n: way.format(table=table) for n, way in ways.items()}, known)


def hinted(method: Callable[_P, _R], keywords: Mapping[str, str] = KEYWORDS) -> Callable[_P, _R]:
    """Decorate a function: for a parameter of another library it raises an error that says what to write instead."""
    return keyword_hints(keywords)(method)
