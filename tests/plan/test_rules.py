"""Every optimiser rule by itself: a plan before, and the same plan after, as text."""

from __future__ import annotations

import textwrap

import pytest
from gpuflow_kernels.dtypes import INT64, STRING

import gpuflow as gf
from gpuflow import col, lit, when
from gpuflow.optimize import RULES, verify
from gpuflow.plan.printing import tree

from .tables import facts, frame, other

BY_NAME = {rule.__name__: rule for rule in RULES}


def words():
    return frame("words", {"s": STRING, "x": INT64}, 100)


CASES = {
    # -- fold_constants
    "fold arithmetic": ("fold_constants", facts().filter(col("y") > lit(2) * 3), "FILTER y > 6\n  SCAN facts [k, x, y, z]"),
    "fold truth": (
        "fold_constants",
        facts().filter((col("y") > 6) & lit(True) & (lit(1) < 2) | lit(False)),
        "FILTER y > 6\n  SCAN facts [k, x, y, z]",
    ),
    "fold nothing away": ("fold_constants", facts().filter(lit(True)), "SCAN facts [k, x, y, z]"),
    "fold everything away": ("fold_constants", facts().filter(lit(1) > 2), "LIMIT 0\n  SCAN facts [k, x, y, z]"),
    "fold null condition": (
        "fold_constants",
        facts().filter(lit(None, gf.Boolean)),
        "LIMIT 0\n  SCAN facts [k, x, y, z]",
    ),
    "fold text": (
        "fold_constants",
        facts().select("k", a=when(lit("b") > "a").then(lit("yes")).otherwise(lit("no")), b=lit("q").is_in(["q"])),
        'PROJECT k, a="yes", b=True\n  SCAN facts [k, x, y, z]',
    ),
    "fold null": (
        "fold_constants",
        facts().select("k", a=lit(None) + 1, b=lit(None, gf.Int64).fill_null(7), c=lit(5) // 0, d=lit(1) / 0),
        "PROJECT k, a=None, b=7, c=None, d=inf\n  SCAN facts [k, x, y, z]",
    ),
    "fold no overflow": (
        "fold_constants",
        facts().select("k", a=lit(2**62) * 2, b=lit(300).cast(gf.Int8), c=lit(2) ** -1),
        "PROJECT k, a=4611686018427387904 * 2, b=300.cast(int8), c=2 ** -1\n  SCAN facts [k, x, y, z]",
    ),
    # -- push_filters
    "push into scan": (
        "push_filters",
        facts().select("x", d=col("y")).filter(col("d") > 1),
        "PROJECT x, d=y\n  FILTER y > 1\n    SCAN facts [k, x, y, z] WHERE MAYBE y > 1",
    ),
    "push through computed column": (
        "push_filters",
        facts().with_columns(d=col("x") + 1).filter(col("d") > 1).select("d"),
        """
        PROJECT d
          PROJECT k, x, y, z, d=x.cast(int64) + 1
            FILTER (x.cast(int64) + 1) > 1
              SCAN facts [k, x, y, z] WHERE MAYBE (x.cast(int64) + 1) > 1
        """,
    ),
    "push to both sides of an inner join": (
        "push_filters",
        facts().join(other(), on="k").filter((col("y") > 1) & (col("w") > 2) & (col("x") > col("w"))),
        """
        FILTER x > w
          INNER JOIN ON k = k ADD w
            FILTER y > 1
              SCAN facts [k, x, y, z] WHERE MAYBE y > 1
            FILTER w > 2
              SCAN other [k, w] WHERE MAYBE w > 2
        """,
    ),
    "push of a key goes to both sides": (
        "push_filters",
        facts().join(other(), on="k").filter(col("k") == 5),
        """
        INNER JOIN ON k = k ADD w
          FILTER k == 5
            SCAN facts [k, x, y, z] WHERE MAYBE k == 5
          FILTER k == 5
            SCAN other [k, w] WHERE MAYBE k == 5
        """,
    ),
    "not below the right of a left join": (
        "push_filters",
        facts().join(other(), on="k", how="left").filter((col("w") > 2) & (col("y") > 1)),
        """
        FILTER w > 2
          LEFT JOIN ON k = k ADD w
            FILTER y > 1
              SCAN facts [k, x, y, z] WHERE MAYBE y > 1
            SCAN other [k, w]
        """,
    ),
    "is_null above a left join stays": (
        "push_filters",
        facts().join(other(), on="k", how="left").filter(col("w").is_null()),
        """
        FILTER w.is_null()
          LEFT JOIN ON k = k ADD w
            SCAN facts [k, x, y, z]
            SCAN other [k, w]
        """,
    ),
    "below the right of a right join": (
        "push_filters",
        facts().join(other(), on="k", how="right").filter((col("w") > 2) & (col("y") > 1) & (col("k") == 5)),
        """
        FILTER y > 1
          RIGHT JOIN ON k = k ADD k, w
            FILTER k == 5
              SCAN facts [k, x, y, z] WHERE MAYBE k == 5
            FILTER (w > 2) & (k == 5)
              SCAN other [k, w] WHERE MAYBE (w > 2) & (k == 5)
        """,
    ),
    "push below semi and anti joins": (
        "push_filters",
        facts().join(other(), on="k", how="semi").join(other(), on="k", how="anti").filter(col("y") > 1),
        """
        ANTI JOIN ON k = k
          SEMI JOIN ON k = k
            FILTER y > 1
              SCAN facts [k, x, y, z] WHERE MAYBE y > 1
            SCAN other [k, w]
          SCAN other [k, w]
        """,
    ),
    "what may raise stays above a join": (
        "push_filters",
        facts().join(other(), on="k").filter(col("y") * col("y") > 1),
        """
        FILTER (y * y) > 1
          INNER JOIN ON k = k ADD w
            SCAN facts [k, x, y, z]
            SCAN other [k, w]
        """,
    ),
    "push below keys, sort, distinct and union": (
        "push_filters",
        gf.concat([facts(), facts()])
        .unique()
        .sort("z")
        .group_by("k")
        .agg(s=col("z").sum())
        .filter((col("k") > 1) & (col("s") > 2)),
        """
        FILTER s > 2.0
          AGGREGATE s=sum(z) BY k
            SORT BY z
              DISTINCT
                UNION of 2
                  FILTER k > 1
                    SCAN facts [k, x, y, z] WHERE MAYBE k > 1
                  FILTER k > 1
                    SCAN facts [k, x, y, z] WHERE MAYBE k > 1
        """,
    ),
    "push below keys that are floats as keys, whose zeros have no sign": (
        "push_filters",
        facts().select("k", "z").unique().group_by("z").agg(n=gf.len()).filter(1 / col("z") > 0),
        """
        AGGREGATE n=len() BY z
          DISTINCT
            PROJECT k, z
              FILTER (1.0 / ((z + 0.0) + 0.0)) > 0.0
                SCAN facts [k, x, y, z] WHERE MAYBE (1.0 / ((z + 0.0) + 0.0)) > 0.0
        """,
    ),
    "not below a limit": (
        "push_filters",
        facts().head(5).filter(col("y") > 1),
        "FILTER y > 1\n  LIMIT 5\n    SCAN facts [k, x, y, z]",
    ),
    "not below an aggregation without keys": (
        "push_filters",
        facts().select(n=gf.len()).filter(lit(1) > 2),
        "FILTER 1 > 2\n  AGGREGATE n=len()\n    SCAN facts [k, x, y, z]",
    ),
    # -- merges
    "merge projections": (
        "merge_projects",
        facts().with_columns(d=col("z") * 2).select("d", e=col("d") + col("z")),
        "PROJECT d=z * 2.0, e=(z * 2.0) + z\n  SCAN facts [k, x, y, z]",
    ),
    "merge a swap": (
        "merge_projects",
        other().rename({"k": "w", "w": "k"}).rename({"k": "w", "w": "k"}),
        "SCAN other [k, w]",
    ),
    "merge filters": (
        "merge_filters",
        facts().filter(col("x") > 1).filter(col("y") > 2, col("x") > 1),
        "FILTER (x > 1) & (y > 2)\n  SCAN facts [k, x, y, z]",
    ),
    "merge no filter that may raise": (
        "merge_filters",
        facts().filter(col("y") < 9).filter(col("y") * col("y") > 2),
        "FILTER (y * y) > 2\n  FILTER y < 9\n    SCAN facts [k, x, y, z]",
    ),
    # -- limits
    "push limit": (
        "push_limits",
        facts().with_columns(a=1).head(9).slice(2, 5),
        "PROJECT k, x, y, z, a=1\n  LIMIT 5 OFFSET 2\n    SCAN facts [k, x, y, z]",
    ),
    "limits that end before the offset": (
        "push_limits",
        facts().head(3).slice(5, 5),
        "LIMIT 0 OFFSET 5\n  SCAN facts [k, x, y, z]",
    ),
    "limit below row numbers": (
        "push_limits",
        facts().with_row_index("row", 3).filter(col("row") > 4).with_row_index("again").slice(2, 9),
        """
        ROW INDEX again FROM 2
          LIMIT 9 OFFSET 2
            FILTER row > 4
              ROW INDEX row FROM 3
                SCAN facts [k, x, y, z]
        """,
    ),
    "row numbers that nothing reads": (
        "prune_columns",
        facts().with_row_index("row").select("k"),
        "PROJECT k\n  SCAN facts [k]",
    ),
    "no filter below row numbers": (
        "push_filters",
        facts().with_row_index("row").filter((col("row") > 4) & (col("y") > 1)),
        """
        FILTER (row > 4) & (y > 1)
          ROW INDEX row
            SCAN facts [k, x, y, z]
        """,
    ),
    "what is left of a limit": ("push_limits", facts().head(9).slice(2), "LIMIT 7 OFFSET 2\n  SCAN facts [k, x, y, z]"),
    "limit of what is left": ("push_limits", facts().slice(2).head(9), "LIMIT 9 OFFSET 2\n  SCAN facts [k, x, y, z]"),
    "what is left of what is left": ("push_limits", facts().slice(2).slice(3), "OFFSET 5\n  SCAN facts [k, x, y, z]"),
    "limit of a union": (
        "push_limits",
        gf.concat([other(), other()]).slice(1, 3),
        """
        LIMIT 3 OFFSET 1
          UNION of 2
            LIMIT 4
              SCAN other [k, w]
            LIMIT 4
              SCAN other [k, w]
        """,
    ),
    "top k": ("top_k", other().sort("w", descending=True).head(3), "TOP 3 BY w DESC\n  SCAN other [k, w]"),
    "top k with offset": (
        "top_k",
        other().sort("w", nulls_last=True).slice(2, 3),
        "LIMIT 3 OFFSET 2\n  TOP 5 BY w NULLS LAST\n    SCAN other [k, w]",
    ),
    "top of what is left of a sort": (
        "top_k",
        other().sort("w").slice(2),
        "OFFSET 2\n  SORT BY w\n    SCAN other [k, w]",
    ),
    # -- columns
    "prune columns": (
        "prune_columns",
        facts().filter(col("x") > 1).group_by("k").agg(s=col("y").sum(), t=col("z").sum()).select("t"),
        """
        PROJECT t
          AGGREGATE t=sum(z) BY k
            FILTER x > 1
              SCAN facts [k, x, z]
        """,
    ),
    "prune to no columns": (
        "prune_columns",
        facts().select("x", "y").select(n=gf.len()),
        "AGGREGATE n=len()\n  PROJECT\n    SCAN facts []",
    ),
    "prune joins": (
        "prune_columns",
        facts().filter(col("x") > 1).join(other().filter(col("w") > 2), on="k").select("z"),
        """
        PROJECT z
          INNER JOIN ON k = k
            PROJECT k, z
              FILTER x > 1
                SCAN facts [k, x, z]
            PROJECT k
              FILTER w > 2
                SCAN other [k, w]
        """,
    ),
    "prune unions": (
        "prune_columns",
        gf.concat([facts(), facts().filter(col("x") > 1)]).select("y"),
        """
        PROJECT y
          UNION of 2
            SCAN facts [y]
            PROJECT y
              FILTER x > 1
                SCAN facts [x, y]
        """,
    ),
    "prune not below distinct": (
        "prune_columns",
        other().unique().select("k"),
        "PROJECT k\n  DISTINCT\n    SCAN other [k, w]",
    ),
    # -- joins
    "build the smaller left": (
        "build_side",
        other(70_000).join(facts(80_000), on="k").select("w"),
        "PROJECT w\n  INNER JOIN ON k = k ADD x, y, z (builds the left side)\n    SCAN other [k, w]\n    SCAN facts [k, x, y, z]",
    ),
    "build the larger right when it is small": (
        "build_side",
        other(10).join(facts(65_536), on="k").select("w"),
        "PROJECT w\n  INNER JOIN ON k = k ADD x, y, z\n    SCAN other [k, w]\n    SCAN facts [k, x, y, z]",
    ),
    "build the right when it is large and smaller": (
        "build_side",
        other(90_000).join(facts(80_000), on="k").select("w"),
        "PROJECT w\n  INNER JOIN ON k = k ADD x, y, z\n    SCAN other [k, w]\n    SCAN facts [k, x, y, z]",
    ),
    "build the right when sizes are not known": (
        "build_side",
        other(None).join(facts(100), on="k").select("w"),
        "PROJECT w\n  INNER JOIN ON k = k ADD x, y, z\n    SCAN other [k, w]\n    SCAN facts [k, x, y, z]",
    ),
    "left joins build the right": (
        "build_side",
        other(10).join(facts(100), on="k", how="left").select("w"),
        "PROJECT w\n  LEFT JOIN ON k = k ADD x, y, z\n    SCAN other [k, w]\n    SCAN facts [k, x, y, z]",
    ),
    # -- n_unique
    "n_unique beside others": (
        "split_distinct",
        facts().group_by("k").agg(s=col("z").sum(), u=col("x").n_unique(), n=gf.len()),
        """
        PROJECT k, s, u, n
          INNER JOIN ON k = k NULLS EQUAL ADD u
            AGGREGATE s=sum(z), n=len() BY k
              [1] SCAN facts [k, x, y, z]
            AGGREGATE u=len() BY k
              AGGREGATE BY k, _value=x
                [1] as above
        """,
    ),
    "n_unique alone": (
        "split_distinct",
        facts().group_by("k").agg(u=col("x").n_unique()),
        """
        PROJECT k, u
          AGGREGATE u=len() BY k
            AGGREGATE BY k, _value=x
              SCAN facts [k, x, y, z]
        """,
    ),
    "n_unique without keys": (
        "split_distinct",
        facts().select(a=col("x").n_unique(), b=col("y").n_unique() * 2),
        """
        PROJECT a, b=_agg1 * 2
          PROJECT a, _agg1
            INNER JOIN ON 0 = 0 NULLS EQUAL ADD _agg1
              AGGREGATE a=len()
                AGGREGATE BY _value=x
                  [1] SCAN facts [k, x, y, z]
              AGGREGATE _agg1=len()
                AGGREGATE BY _value=y
                  [1] as above
        """,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_rule(name):
    rule, query, after = CASES[name]
    expected = textwrap.dedent(after).strip()
    plan = query.plan
    new = verify(rule, plan, BY_NAME[rule](plan))
    assert tree(new) == expected
    assert tree(BY_NAME[rule](new)) == expected, "a second time changes nothing"


def test_every_rule_has_a_case():
    assert {rule for rule, _, _ in CASES.values()} == set(BY_NAME)
