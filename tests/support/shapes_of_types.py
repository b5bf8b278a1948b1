"""Forty more queries, one per line: strings, decimals, zones, binary, enumerations. See `shapes`."""

from __future__ import annotations

from decimal import Decimal

from .shapes import Query

TYPED_SHAPES: dict[str, Query] = {
    # strings
    "upper": lambda x, t, u: t.select("i", r=x.col("s").str.to_uppercase()),
    "lower, filtered": lambda x, t, u: t.filter(x.col("s").str.to_lowercase() == "ab").select("i", "s"),
    "head and tail": lambda x, t, u: t.select(a=x.col("s").str.head(1), b=x.col("t").str.tail(1), c=x.col("s").str.slice(1, 2)),
    "lengths": lambda x, t, u: t.select(
        a=x.col("s").str.len_chars().cast(x.Int64).sum(), b=x.col("s").str.len_bytes().cast(x.Int64).max()
    ),
    "starts and ends": lambda x, t, u: t.filter(x.col("s").str.starts_with("a") | x.col("t").str.ends_with("c")).select("i"),
    "contains": lambda x, t, u: t.filter(x.col("s").str.contains("b", literal=True)).select("i", "s"),
    "contains, pattern": lambda x, t, u: t.group_by(k=x.col("s").str.contains("^[a-z]+$")).agg(n=x.len()),
    "replaced": lambda x, t, u: t.select(
        a=x.col("s").str.replace_all("b", "--", literal=True), b=x.col("t").str.replace("a", "")
    ),
    "stripped": lambda x, t, u: t.select(a=x.col("s").str.strip_chars("ab"), b=x.col("s").str.strip_prefix("a")),
    "padded": lambda x, t, u: t.select(
        a=x.col("s").str.pad_start(4, "."), b=x.col("t").str.pad_end(3), c=x.col("t").str.zfill(3)
    ),
    "concatenated": lambda x, t, u: t.select("i", r=x.concat_str([x.col("s"), x.col("t")], separator="/")),
    "plus": lambda x, t, u: t.select("i", r=x.col("s") + "-" + x.col("t")),
    "numbers as strings": lambda x, t, u: t.select(
        a=x.col("i").cast(x.String), b=x.col("b").cast(x.String), c=x.col("d").cast(x.String)
    ),
    "strings as numbers": lambda x, t, u: t.select(
        a=x.col("i").cast(x.String).cast(x.Int64), b=x.col("s").cast(x.Int64, strict=False)
    ),
    "by computed string": lambda x, t, u: t.group_by(k=x.col("s").str.head(1)).agg(n=x.len(), m=x.col("t").max()),
    "by strings by row": lambda x, t, u: t.group_by(k=x.col("s") + x.col("t")).agg(n=x.col("i").sum()),
    "joined by computed": lambda x, t, u: t.join(
        u.select(k=x.col("t").str.to_uppercase(), o="j"), left_on=x.col("t").str.to_uppercase(), right_on="k"
    ).select("i", "o"),
    "sorted by string": lambda x, t, u: (
        t.with_columns(r=x.col("s").str.reverse()).sort("r", "i", "j", "x", "d", nulls_last=True).select("r", "i")
    ),
    "compared strings": lambda x, t, u: t.filter(x.col("s") < x.col("t")).select("i", "s", "t"),
    "members": lambda x, t, u: t.filter(x.col("s").is_in(["a", "ab", "none", "", "é", "q"])).select("i", "s"),
    "least strings": lambda x, t, u: t.select(a=x.min_horizontal("s", "t"), b=x.coalesce(x.col("s"), x.col("t"))),
    # decimals
    "decimal sums": lambda x, t, u: t.group_by("h").agg(c=x.col("c").sum(), q=x.col("q").sum()),
    "decimal bounds": lambda x, t, u: t.group_by("b").agg(lo=x.col("c").min(), hi=x.col("q").max(), n=x.col("c").count()),
    "decimal filter": lambda x, t, u: t.filter(x.col("c") > x.lit(Decimal("0.05"))).select("i", "c"),
    "decimal key": lambda x, t, u: t.group_by("c").agg(n=x.len()),
    "decimal join": lambda x, t, u: t.join(u.select("c", o="i"), on="c").select("i", "o", "c"),
    "decimal sort": lambda x, t, u: t.sort("c", "i", "j", "x", "d", "s", descending=[True] + [False] * 5, nulls_last=True).select(
        "c", "i"
    ),
    "decimal chosen": lambda x, t, u: t.select(
        r=x.when(x.col("b")).then(x.col("c")).otherwise(None), f=x.col("c").fill_null(x.lit(Decimal("0.00")))
    ),
    # time
    "zoned parts": lambda x, t, u: t.select(
        h=x.col("z").dt.hour(), d=x.col("z").dt.day(), w=x.col("z").dt.weekday(), y=x.col("z").dt.year()
    ),
    "zoned key": lambda x, t, u: t.group_by(k=x.col("z").dt.truncate("1d")).agg(n=x.len(), last=x.col("z").max()),
    "other zone": lambda x, t, u: t.select(r=x.col("z").dt.convert_time_zone("America/New_York").dt.hour()),
    "moved by months": lambda x, t, u: t.select(
        a=x.col("e").dt.offset_by("1mo"), b=x.col("d").dt.offset_by("-1y"), c=x.col("z").dt.offset_by("1d")
    ),
    "ends of months": lambda x, t, u: t.select(
        a=x.col("d").dt.month_end(), b=x.col("e").dt.month_start(), y=x.col("d").dt.iso_year()
    ),
    "units mixed": lambda x, t, u: t.filter(x.col("e") >= x.col("m")).select("i", d=(x.col("e") - x.col("m")).dt.total_seconds()),
    "units joined": lambda x, t, u: t.select("i", k=x.col("e").dt.truncate("1s")).join(
        u.select(k=x.col("m").dt.cast_time_unit("us").dt.truncate("1s"), o="j"), on="k"
    ),
    "written times": lambda x, t, u: t.select(
        a=x.col("e").dt.strftime("%Y-%m-%d %H:%M:%S"), b=x.col("d").dt.strftime("%d.%m.%y")
    ),
    # binary, enumerations
    "binary key": lambda x, t, u: t.group_by("v").agg(n=x.len(), m=x.col("i").sum()),
    "binary compared": lambda x, t, u: t.filter(x.col("v") >= x.lit(b"a")).select("i", "v"),
    "enumeration key": lambda x, t, u: t.group_by("k").agg(n=x.len(), lo=x.col("i").min()).sort("k", nulls_last=True),
    "enumeration bounds": lambda x, t, u: t.group_by("b").agg(lo=x.col("k").min(), hi=x.col("k").max()),
}

TYPED_ORDERED = frozenset({"sorted by string", "decimal sort", "enumeration key"})
