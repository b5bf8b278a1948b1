"""Names of Polars, pandas, cuDF and SQL that expressions, their namespaces and the package do not have: what to write instead.

`RENAMED` holds names of what gpuflow has under another name; `WAYS` has a sentence for every name, by owner: ``expression``,
``str``, ``dt``, ``module``. `gpuflow.expr.keyword_hints.unknown` makes errors of them.
"""

from __future__ import annotations

import gpuflow_kernels.aggregations.basic
import gpuflow_kernels.functions.builtin  # noqa: F401  (importing fills the registries)
from gpuflow_kernels.declare.aggregate import AGGREGATIONS
from gpuflow_kernels.declare.scalar import REQUIRED, SCALARS


def _pairs(text: str) -> dict[str, str]:
    """``theirs:ours`` pairs as a mapping."""
    return dict(pair.split(":") for pair in text.split())


RENAMED: dict[str, dict[str, str]] = {
    "expression": _pairs("""
        isna:is_null isnull:is_null notna:is_not_null notnull:is_not_null fillna:fill_null ifnull:fill_null nvl:fill_null
        astype:cast isin:is_in between:is_between nunique:n_unique count_distinct:n_unique prod:product size:len
        div:truediv divide:truediv multiply:mul subtract:sub power:pow negate:neg avg:mean average:mean stddev:std
        variance:var as_:alias rename:alias maximum:max minimum:min asin:arcsin acos:arccos atan:arctan atan2:arctan2
        ln:log trunc:truncate ceiling:ceil isfinite:is_finite isinf:is_infinite isnan:is_nan
    """),
    "str": _pairs("""
        upper:to_uppercase lower:to_lowercase title:to_titlecase casefold:to_lowercase strip:strip_chars trim:strip_chars
        lstrip:strip_chars_start ltrim:strip_chars_start rstrip:strip_chars_end rtrim:strip_chars_end startswith:starts_with
        endswith:ends_with len:len_chars length:len_chars lengths:len_chars count:count_matches removeprefix:strip_prefix
        removesuffix:strip_suffix ljust:pad_end rjust:pad_start pad:pad_start lpad:pad_start rpad:pad_end substr:slice
        substring:slice index:find position:find instr:find sub:replace gsub:replace_all regexp_replace:replace_all
        regexp_extract:extract regexp_matches:contains rlike:contains
    """),
    "dt": _pairs("""
        dayofyear:ordinal_day day_of_year:ordinal_day daysinmonth:days_in_month floor:truncate tz_localize:replace_time_zone
        tz_convert:convert_time_zone as_unit:cast_time_unit days:total_days hours:total_hours minutes:total_minutes
        seconds:total_seconds microseconds:total_microseconds nanoseconds:total_nanoseconds weekofyear:week week_of_year:week
        isoweekday:weekday format:strftime
    """),
    "module": _pairs("from_dataframe:from_any from_repr:from_any Bool:Boolean Str:String"),
}
"""By owner: a name elsewhere, and gpuflow's."""

_AFTER = "meanwhile collect() the columns it needs and go on with table.to_polars() or table.to_pandas()"
_WINDOWS = f"it looks at the rows around each row, and gpuflow has no window functions yet; {_AFTER}"
_LISTS = f"gpuflow does not compute with lists yet; {_AFTER}"
_NOT_YET = f"gpuflow does not have it yet; {_AFTER}"
_LARGEST = 'sort the frame: frame.sort("x", descending=True).head(k) keeps the k rows with the largest x'
_FRAME = "the order and number of rows are the frame's: write frame.{0}(...)"
_OVER = 'aggregate and join: frame.join(frame.group_by("k").agg(m=col("x").mean()), on="k")'
_REPEATED = 'count the rows of each value and join: frame.join(frame.group_by("x").agg(n=gf.len()), on="x"), then use col("n")'
_COUNTED = 'count the rows of each value: frame.group_by("x").agg(n=gf.len())'
_RECODE = 'chain gf.when(x == "a").then(...).when(x == "b").then(...).otherwise(x), or join() a table of old and new values'
_BINS = "chain gf.when(x < 1).then(0).when(x < 2).then(1).otherwise(2), or write x // width for bins of one width"
_USER = "declare a row function with @gf.scalar: it is compiled into the query's kernel"
_COMPUTED = "an expression has values only where a frame computes it: frame.select(expr).collect().{0}"
_TYPED = "an expression has a type only where a frame computes it: frame.select(expr).schema"
_SAME = "expressions never change, and need no copy"
_METHOD = 'write it as a method of the expression: gf.col("x").{0}()'
_PLAIN = "such columns only pass through yet; unnest or cast them before, as with pyarrow"
_NO_CACHE = "it is not needed: strings of all sources meet"
_LOCAL = "read it with {0} and hand the result to gf.from_any()"
_OPERATORS = "combine the columns by the operator: {0}"


def _each(names: str, sentence: str) -> dict[str, str]:
    """The same sentence for several names, which stand in its ``{0}``."""
    return {name: sentence.replace("{0}", name) for name in names.split()}


_EXPRESSION = {
    **_each(
        """shift diff pct_change cum_sum cum_min cum_max cum_count cum_prod cumsum cummin cummax cumprod cumcount cumulative_eval
        rank arg_sort argsort rolling rolling_sum rolling_mean rolling_min rolling_max rolling_std rolling_var rolling_median
        rolling_quantile rolling_skew rolling_kurtosis rolling_rank rolling_map rolling_sum_by rolling_mean_by rolling_min_by
        rolling_max_by rolling_std_by rolling_var_by rolling_median_by rolling_quantile_by rolling_rank_by ewm ewm_mean
        ewm_mean_by ewm_std ewm_sum ewm_sum_by ewm_var expanding forward_fill backward_fill ffill bfill interpolate
        interpolate_by rle rle_id peak_max peak_min is_first_distinct is_last_distinct is_sorted row_number lag lead
        dense_rank ntile extend_constant autocorr asof duplicated""",
        _WINDOWS,
    ),
    **_each("percentile approx_quantile percentile_cont", "write x.quantile(q), with q from 0 to 1"),
    **_each("qcut bin_quantiles bin_ranks", _NOT_YET),
    **_each("over partition_by groupby transform", _OVER),
    **_each("head tail slice limit sort reverse sample shuffle gather_every", _FRAME),
    **_each("sort_by sort_values sort_index", "the order of rows is the frame's: write frame.sort(by)"),
    **_each("asc desc", 'write frame.sort("x"), or frame.sort("x", descending=True)'),
    **_each("top_k top_k_by nlargest", _LARGEST),
    **_each("bottom_k bottom_k_by nsmallest", 'sort the frame: frame.sort("x").head(k) keeps the k rows with the smallest x'),
    **_each(
        "arg_max argmax idxmax max_by", 'sort the frame: frame.sort("y", descending=True).head(1) is the row with the largest y'
    ),
    **_each("arg_min argmin idxmin min_by", 'sort the frame: frame.sort("y").head(1) is the row with the smallest y'),
    **_each("mode", f'{_COUNTED}.sort("n", descending=True).head(1)'),
    **_each("value_counts unique_counts", _COUNTED),
    **_each("unique drop_duplicates distinct", 'write frame.select("x").unique(), or n_unique() for their number'),
    **_each("is_duplicated is_unique", _REPEATED),
    **_each("where mask", "choose by gf.when(condition).then(x), which is null elsewhere and so left out by aggregations"),
    **_each("drop_nulls dropna", "aggregations leave nulls out; for rows write frame.filter(x.is_not_null())"),
    **_each("drop_nans", "write frame.filter(x.is_not_nan()), or x.fill_nan(None) before an aggregation"),
    **_each("has_nulls hasnans", "write x.null_count() > 0"),
    **_each("is_empty empty", "write gf.len() == 0"),
    **_each("replace replace_strict map map_dict recode case case_when", _RECODE),
    **_each("nullif", "write gf.when(x != value).then(x), which is null elsewhere"),
    **_each("cut bin_intervals hist", _BINS),
    **_each("corr", "write it by sums: ((x * y).mean() - x.mean() * y.mean()) / (x.std(ddof=0) * y.std(ddof=0))"),
    **_each("cov", "write it by sums: (x * y).mean() - x.mean() * y.mean(), times n / (n - 1) for a sample"),
    **_each("dot", "write (x * y).sum()"),
    **_each("skew kurtosis kurt entropy sem", f"write it by sums of powers, as in (x * x * x).sum(); or {_AFTER}"),
    **_each("nan_max nan_min", "max() and min() leave NaN out; gf.when(x.is_nan().any()).then(...) finds it"),
    **_each("approx_n_unique approx_count_distinct", "n_unique() counts exactly"),
    **_each("cot", "write 1 / x.tan()"),
    **_each(
        "arcsinh arccosh arctanh erf erfc round_sig_figs map_elements map_batches apply applymap",
        _USER,
    ),
    **_each("repeat_by index_of search_sorted searchsorted lower_bound upper_bound", _NOT_YET),
    **_each("truncdiv", "write (x / y).truncate(), or x // y, which rounds down"),
    **_each("is_close", "write (x - y).abs() <= tolerance"),
    **_each("bitwise_and bitwise_or bitwise_xor", _OPERATORS.replace("{0}", "x & y, x | y and x ^ y are for bools; " + _USER)),
    **_each(
        """bitwise_count_ones bitwise_count_zeros bitwise_leading_ones bitwise_leading_zeros bitwise_trailing_ones
        bitwise_trailing_zeros reinterpret hash set_sorted to_physical shrink_dtype reshape gather get take item
        unique_indices arg_unique arg_true append update scatter factorize to_dummies get_dummies describe resample""",
        _NOT_YET,
    ),
    **_each("implode explode list arr array_agg collect_list", _LISTS),
    **_each("struct cat bin ext sparse", _PLAIN),
    **_each(
        "name prefix suffix add_prefix add_suffix keep_name", "name each output: x.alias('name'), or a keyword: select(name=x)"
    ),
    **_each("having qualify", "filter the groups after agg(): frame.group_by('k').agg(n=gf.len()).filter(gf.col('n') > 1)"),
    **_each("meta", "repr() shows an expression, and equals() compares two"),
    **_each("exclude", 'name the columns: gf.col("a", "b"), or drop the others with frame.drop()'),
    **_each("inspect", "frame.head().collect() shows what a frame computes"),
    **_each("pipe_with_dtype", "take the type from frame.schema, and write pipe()"),
    **_each("copy clone deepcopy", _SAME),
    **_each("serialize deserialize", "expressions pickle"),
    **_each("dtype dtypes shape schema ndim flags width", _TYPED),
    **_each("collect compute execute show values array", _COMPUTED.replace(".{0}", "")),
    **_each("to_list to_pandas to_polars to_numpy to_arrow to_dict to_frame to_cupy", _COMPUTED),
    **_each("tolist", _COMPUTED.replace("{0}", "to_dict()")),
    **_each("select with_columns group_by agg aggregate join drop rename_axis assign merge union", _FRAME),
    **_each("iloc loc iat at index", "rows have no labels: write frame.filter(condition), or frame.slice(offset, length)"),
}

_STR = {
    **_each("split splitn split_exact partition rsplit rpartition", "take one part: .str.split_part(separator, n), from 1"),
    **_each("extract_all findall extractall extract_many find_many", f"take one match: .str.extract(pattern, group); {_LISTS}"),
    **_each("extract_groups", "take one group at a time: .str.extract(pattern, 1), .str.extract(pattern, 2)"),
    **_each("contains_any", "join the alternatives: .str.contains('one|two')"),
    **_each("replace_many translate", "chain .str.replace_all(old, new, literal=True)"),
    **_each("match", "anchor the pattern: .str.contains('^...')"),
    **_each("fullmatch", "anchor the pattern at both ends: .str.contains('^...$')"),
    **_each("isdigit isdecimal isnumeric", "match a pattern: .str.contains('^[0-9]+$')"),
    **_each("isalpha isalnum isspace isascii islower isupper istitle", "match a pattern, as in .str.contains('^[[:alpha:]]+$')"),
    **_each("capitalize", "join the parts: gf.concat_str(x.str.head(1).str.to_uppercase(), x.str.slice(1).str.to_lowercase())"),
    **_each("swapcase wrap center slice_replace normalize rfind rindex escape_regex", _NOT_YET),
    **_each("get", "take one character: .str.slice(k, 1)"),
    **_each("join concat cat", f"join columns of a row by gf.concat_str(...); for the strings of a group {_AFTER}"),
    **_each("repeat", "join copies: gf.concat_str(x, x)"),
    **_each("to_time", f"gpuflow does not compute with times of day yet; {_AFTER}"),
    **_each("json_decode json_path_match get_json_object", f"gpuflow does not read JSON inside strings yet; {_AFTER}"),
    **_each("encode decode", f"gpuflow does not compute with bytes yet; {_AFTER}"),
    **_each("get_dummies", "write one column for each: (x == 'a').cast(gf.Int8).alias('a')"),
}

_DT = {
    **_each("day_name", "write .dt.strftime('%A')"),
    **_each("month_name", "write .dt.strftime('%B')"),
    **_each("dayofweek day_of_week", "write .dt.weekday(), 1 for Monday to 7 for Sunday (pandas counts from 0)"),
    **_each(
        "ceil",
        "with t = x.dt.truncate('1h') write gf.when(t == x).then(x).otherwise(t.dt.offset_by('1h'))",
    ),
    **_each("normalize", "write .dt.truncate('1d')"),
    **_each("time timetz", "write .dt.strftime('%H:%M:%S'), or the ticks of a day: x - x.dt.truncate('1d')"),
    **_each("combine replace", "make it of its parts: gf.datetime(x.dt.year(), x.dt.month(), x.dt.day(), ...)"),
    **_each("is_month_end", "write x.dt.date() == x.dt.month_end().dt.date()"),
    **_each("is_month_start", "write x.dt.day() == 1"),
    **_each("is_year_start is_quarter_start is_year_end is_quarter_end", "compare .dt.month() and .dt.day()"),
    **_each("isocalendar", "write .dt.iso_year(), .dt.week() and .dt.weekday()"),
    **_each("is_business_day", "write x.dt.weekday() <= 5"),
    **_each("to_period", "write .dt.truncate('1mo'), or .dt.strftime('%Y-%m')"),
    **_each("add_business_days business_day_count components freq", _NOT_YET),
    **_each("to_pydatetime to_pytimedelta", "collect() the frame, and read table.to_dict()"),
    **_each("tz unit", "look at frame.schema"),
}

_MODULE = {
    **_each("DataFrame LazyFrame Dataset", "make a frame: gf.from_dict({'x': [1, 2]}), gf.from_any(...) or gf.scan_parquet(...)"),
    **_each("Series Index", "make a frame of one column: gf.from_dict({'x': values})"),
    **_each("sum mean min max median std var n_unique product any quantile head tail cum_sum cum_count implode", _METHOD),
    **_each("first last", _METHOD),
    **_each("count", 'write gf.len() for rows, gf.col("x").count() for values'),
    **_each("approx_n_unique", 'n_unique() counts exactly: gf.col("x").n_unique()'),
    **_each("any_horizontal", _OPERATORS.replace("{0}", "a | b | c")),
    **_each("all_horizontal", _OPERATORS.replace("{0}", "a & b & c")),
    **_each("sum_horizontal mean_horizontal cum_sum_horizontal", _OPERATORS.replace("{0}", "a + b + c, with fill_null(0)")),
    **_each("fold reduce cum_fold cum_reduce", "use functools.reduce over a list of expressions, which is written out"),
    **_each("format", "join the parts: gf.concat_str('a', gf.lit(' of '), 'b')"),
    **_each("concat_list concat_arr element", _LISTS),
    **_each("struct field struct_with_fields Struct List Array Map Field", _PLAIN),
    **_each("where iif if_else case case_when ifelse", "write gf.when(condition).then(x).otherwise(y)"),
    **_each("set_option options", "a table shows ten rows; print(table.to_pandas().to_string()) shows all"),
    **_each("exclude nth selectors cs", 'name the columns: gf.col("a", "b"), gf.col("^a.*$") or gf.col(gf.Int64)'),
    **_each("arange int_range int_ranges linear_space linear_spaces", "make the column before: gf.from_dict({'i': range(n)})"),
    **_each("ones zeros repeat", "write gf.lit(value), which every row gets"),
    **_each("time time_range time_ranges Time", f"gpuflow does not compute with times of day yet; {_AFTER}"),
    **_each("date_ranges datetime_ranges business_day_count", _NOT_YET),
    **_each("corr", "write it by sums: ((x * y).mean() - x.mean() * y.mean()) / (x.std(ddof=0) * y.std(ddof=0))"),
    **_each("cov", "write it by sums: (x * y).mean() - x.mean() * y.mean(), times n / (n - 1) for that of a sample"),
    **_each("rolling_corr rolling_cov", _WINDOWS),
    **_each("arg_sort_by arg_where row_index", _WINDOWS),
    **_each("map_batches map_groups", _USER),
    **_each("merge", "write left.join(right, on='key')"),
    **_each("merge_ordered merge_asof merge_sorted", _NOT_YET),
    **_each("union vstack append", "write gf.concat([one, two])"),
    **_each("hstack align_frames", "write one.join(two, on='key')"),
    **_each("select", "write frame.select(...)"),
    **_each("collect_all", "collect() each frame"),
    **_each("sql sql_expr SQLContext", "gpuflow has no SQL yet: write filter(), select(), group_by().agg(), join() and sort()"),
    **_each("Config", "settings are Dask's: dask.config.set({'gpuflow.target': 'cpu'}); all rows: table.to_pandas().to_string()"),
    **_each("StringCache enable_string_cache disable_string_cache using_string_cache string_cache", _NO_CACHE),
    **_each("set_random_seed", "nothing in gpuflow is random"),
    **_each("show_versions build_info", "run `gpuflow doctor`"),
    **_each("Object Unknown Null Int128 UInt128 Float16 Categories", "gpuflow has no such type"),
    **_each("DataType", "types are values of gf.DType, such as gf.Int64"),
    **_each("read_excel read_ods", _LOCAL.replace("{0}", "pandas.read_excel()")),
    **_each("read_sql read_sql_query read_sql_table", _LOCAL.replace("{0}", "pandas.read_sql()")),
    **_each("read_database read_database_uri", _LOCAL.replace("{0}", "polars.read_database()")),
    **_each("read_avro read_clipboard read_lines scan_lines", _LOCAL.replace("{0}", "Polars")),
    **_each("read_delta scan_delta", _LOCAL.replace("{0}", "DeltaTable(path).to_pyarrow_table()")),
    **_each("read_iceberg scan_iceberg scan_lance", _LOCAL.replace("{0}", "its own library as an Arrow table")),
    **_each("scan_pyarrow_dataset", "gf.scan_parquet(files) reads the same files"),
    **_each("read_feather", "write gf.scan_ipc(path)"),
    **_each("read_table", "write gf.scan_csv(path, separator='\\t')"),
    **_each("read_parquet_schema read_ipc_schema", "write gf.scan_parquet(path).schema"),
    **_each("to_datetime", "write .str.to_datetime() of strings, gf.from_epoch() of numbers"),
    **_each("to_timedelta", "write gf.duration(...)"),
    **_each("to_numeric", "write .cast(gf.Float64, strict=False)"),
    **_each("Timestamp", "write gf.datetime(2024, 1, 31), or any datetime or pandas.Timestamp"),
    **_each("Timedelta", "write gf.duration(days=1), or any timedelta or pandas.Timedelta"),
    **_each("NA NaT null", "write None, or gf.lit(None)"),
    **_each("nan NaN", "write float('nan'), which is a value; null is None, or gf.lit(None)"),
    **_each("avg", "write gf.col('x').mean()"),
    **_each("udf", "declare it: @gf.scalar for a function of rows, @gf.aggregation for one of groups"),
    **_each("set_index reset_index", "tables have no index: name columns where they are needed, as in join(on=...)"),
    **_each("window Window", _WINDOWS),
    **_each("isna isnull", _METHOD.replace("{0}", "is_null")),
    **_each("notna notnull", _METHOD.replace("{0}", "is_not_null")),
    **_each("cut qcut", _BINS),
    **_each("get_dummies", "write one column for each: (x == 'a').cast(gf.Int8).alias('a')"),
    **_each("melt pivot pivot_table crosstab unpivot wide_to_long", _NOT_YET),
    **_each("unique value_counts", "write frame.group_by('x').agg(n=gf.len())"),
    **_each("desc asc", 'write frame.sort("x", descending=True)'),
    **_each("row_number rank dense_rank lag lead", _WINDOWS),
    **_each("Client LocalCluster", "write gf.cluster(), or dask.distributed.Client()"),
    **_each("compute", "write frame.collect()"),
    **_each("read_text read_fwf read_html read_xml read_sas read_spss read_stata read_hdf", _LOCAL.replace("{0}", "pandas")),
}  # fmt: skip

_PREFIX = {"expression": ".", "str": ".str.", "dt": ".dt.", "module": "gf."}


def _written(owner: str) -> dict[str, str]:
    space = f"{owner}." if owner in ("str", "dt") else ""
    return {theirs: f"write {_PREFIX[owner]}{ours}{_brackets(ours, space + ours)}" for theirs, ours in RENAMED[owner].items()}


def _brackets(name: str, key: str) -> str:
    """How a call ends: open where an argument is needed."""
    if name[0].isupper():
        return ""
    if key in SCALARS:
        function = SCALARS[key]
        return "(...)" if function.arity > 1 or REQUIRED in function.parameters.values() else "()"
    return "()" if key in AGGREGATIONS and AGGREGATIONS[key].arity < 2 else "(...)"


WAYS: dict[str, dict[str, str]] = {
    "expression": _written("expression") | _EXPRESSION,
    "str": _written("str") | _STR,
    "dt": _written("dt") | _DT,
    "module": _written("module") | _MODULE,
}
"""By owner: a name elsewhere, and what to write."""

ARGUMENTS = {
    "case": 'begin the pattern with (?i), which leaves case out of account: "(?i)ann"',
    "flags": 'begin the pattern with flags in brackets: "(?i)ann"',
    "regex": "patterns are regular expressions; write literal=True for plain text",
    "na": "null stays null; write .fill_null(False) behind it",
    "freq": "write the step itself: truncate('1h')",
    "tz": "write the zone itself: convert_time_zone('Europe/Berlin')",
    "errors": "write strict=False, which makes null of what cannot be read",
    "decimals": "write digits=2",
}
"""By argument of methods elsewhere: what to write."""
