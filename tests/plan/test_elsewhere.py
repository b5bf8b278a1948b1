"""Names of Polars, pandas, cuDF and SQL: each works, or is answered by what to write, never by a guess from its letters."""

from __future__ import annotations

import re

import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import UnknownNameError
from gpuflow.expr.near_names import close, near
from gpuflow.expr.other_names import RENAMED, WAYS

EXPRESSIONS = """
over shift diff pct_change cum_sum cum_min cum_max cum_count cum_prod rank rolling_sum rolling_mean rolling_min rolling_max
rolling_std rolling_var rolling_median rolling_quantile rolling_sum_by rolling_mean_by rolling_min_by rolling_max_by
rolling_std_by rolling_var_by rolling_median_by rolling_quantile_by forward_fill backward_fill fill_null interpolate
is_duplicated is_unique is_first_distinct is_last_distinct median quantile mode arg_min arg_max min_by max_by top_k top_k_by
bottom_k bottom_k_by skew kurtosis implode unique value_counts head tail first last item filter sort_by sort reverse slice
limit drop_nulls drop_nans null_count has_nulls is_empty exclude name cast replace replace_strict cut qcut hist is_close clip
round abs rle rle_id search_sorted hash log and_ or_ not_ list struct ewm_mean ewm_mean_by ewm_std ewm_sum ewm_var entropy
approx_n_unique approx_quantile bitwise_and bitwise_or bitwise_xor bitwise_count_ones peak_max peak_min index_of repeat_by
extend_constant rolling_rank rolling_skew rolling_kurtosis rolling_map map_batches map_elements cumulative_eval cat bin meta
arr set_sorted inspect groupby merge sort_values fillna dropna drop_duplicates isna notna astype apply map assign nlargest
nsmallest resample iloc loc at index nunique isin cumsum copy where having distinct collect to_pandas to_list between corr
cov ffill bfill idxmax prod size values shape dtype
""".split()
STRINGS = """
split splitn split_exact extract_all extract_groups join to_time contains_any replace_many json_path_match encode decode
escape_regex normalize upper lower strip lstrip rstrip startswith endswith len title capitalize get isdigit isalpha findall
match fullmatch pad ljust rjust center removeprefix cat count contains replace slice zfill json_decode
""".split()
TIMES = """
time combine replace is_business_day add_business_days day_name month_name dayofweek dayofyear floor ceil normalize tz_localize
tz_convert is_month_end isocalendar days seconds year month truncate
""".split()
MODULE = """
DataFrame LazyFrame Series read_excel read_sql sum mean min max median count first last any_horizontal all_horizontal
sum_horizontal mean_horizontal fold reduce struct element field exclude nth int_range arange date_ranges time format
concat_list SQLContext sql sql_expr Config StringCache align_frames linear_space business_day_count corr rolling_corr cov
to_datetime to_numeric NA Timestamp merge melt pivot_table crosstab get_dummies Struct List Time Object select when union
arctan2 n_unique quantile repeat zeros ones read_delta scan_delta show_versions selectors date_range isna cut unique
""".split()


def answer(owner: object, name: str) -> str | None:
    """What is said to a name; None where it works."""
    try:
        getattr(owner, name)
    except UnknownNameError as e:
        return str(e)
    return None


@pytest.mark.parametrize(
    ("owner", "names"),
    [(col("x"), EXPRESSIONS), (col("x").str, STRINGS), (col("x").dt, TIMES), (gf, MODULE)],
    ids=["expression", "str", "dt", "module"],
)
def test_every_name_works_or_is_answered(owner, names):
    for name in names:
        said = answer(owner, name)
        if said is not None:
            assert "; " in said, said
            assert len(said) < 400, said
            guess = re.search(r"did you mean \.?(.*)\?", said)
            assert guess is None or guess[1] in (f"str.{name}", f"dt.{name}"), said


@pytest.mark.parametrize(
    ("owner", "name", "said"),
    [
        (
            col("x"),
            "rank",
            "an expression has no 'rank'; it looks at the rows around each row, and gpuflow has no window functions yet",
        ),
        (col("x"), "percentile", r"write x\.quantile\(q\)"),
        (col("x"), "cut", "gf.when"),
        (col("x"), "over", r"frame\.join\(frame\.group_by"),
        (col("x"), "isna", r"write \.is_null\(\)"),
        (col("x"), "upper", r"write \.str\.to_uppercase\(\)"),
        (col("x"), "day_name", r"\.dt\.strftime\('%A'\)"),
        (col("x"), "to_list", r"frame\.select\(expr\)\.collect\(\)\.to_list"),
        (col("x"), "head", r"frame\.head\(\.\.\.\); did you mean \.str\.head\?"),
        (col("x").str, "upper", r"\.str has no 'upper'; write \.str\.to_uppercase"),
        (col("x").dt, "tz_localize", r"\.dt\.replace_time_zone"),
        (gf, "DataFrame", r"gpuflow has no 'DataFrame'; make a frame: gf\.from_dict"),
        (gf, "sum", r'gf\.col\("x"\)\.sum\(\)'),
        (gf, "scan_parqet", "did you mean 'scan_parquet'"),
    ],
)
def test_what_is_said(owner, name, said):
    with pytest.raises(UnknownNameError, match=said):
        getattr(owner, name)


def test_nothing_is_named_that_is_not_there():
    """What a name is said to be called here exists, and what is answered does not."""
    owners = {"expression": col("x"), "str": col("x").str, "dt": col("x").dt, "module": gf}
    for kind, names in RENAMED.items():
        if kind in owners:
            for theirs, ours in names.items():
                assert hasattr(owners[kind], ours), (kind, theirs, ours)
                assert not hasattr(owners[kind], theirs), (kind, theirs)
    for kind, ways in WAYS.items():
        for name in ways:
            assert kind not in owners or not hasattr(owners[kind], name), (kind, name)
    named = {m for ways in WAYS.values() for way in ways.values() for m in re.findall(r"\.((?:str|dt)\.\w+)\(", way)}
    assert len(named) > 15
    for path in named:
        space, _, short = path.partition(".")
        assert hasattr(getattr(col("x"), space), short), path


def test_errors_say_no_more_than_we_do():
    """Python adds a guess to an AttributeError that knows the name and the object."""
    for owner in (col("x"), col("x").str, gf):
        with pytest.raises(UnknownNameError) as caught:
            _ = owner.no_such_name
        assert caught.value.obj is None
        assert "no_such_name'" in str(caught.value)
        assert ";" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("rank", ["arctan", "tan", "radians"], []),
        ("median", ["radians", "mean"], []),
        ("cut", ["count", "cot"], ["cot"]),
        ("is_nul", ["is_null", "is_nan"], ["is_null"]),
        ("dep_dealy", ["dep_delay", "arr_delay"], ["dep_delay"]),
        ("DepDelay", ["dep_delay"], ["dep_delay"]),
        ("delay", ["dep_delay", "arr_delay", "day"], ["dep_delay", "arr_delay"]),
        ("a", ["b", "c"], []),
        ("", ["b"], []),
        ("carier", ["carrier"], ["carrier"]),
    ],
)
def test_close_names(name, known, found):
    assert close(name, known) == found


def test_near_lists_the_names_where_none_is_close():
    assert near("zzz", []) == "; there are none"
    assert near("zzz", [f"c{i}" for i in range(20)]).endswith("'c11' and 8 more")
