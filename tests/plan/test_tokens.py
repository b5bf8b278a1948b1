"""Tokens tell plans apart by their content, the same in every process."""

from __future__ import annotations

import pickle
import subprocess
import sys

from gpuflow_kernels.dtypes import INT64

import gpuflow as gf
from gpuflow import col
from gpuflow.plan.tokens import token

from .tables import airlines, flights, frame

VARIANTS = [
    lambda: flights(),
    lambda: airlines(),
    lambda: flights().filter(col("small") > 1),
    lambda: flights().filter(col("small") > 2),
    lambda: flights().filter(col("small") >= 1),
    lambda: flights().filter(col("arr_delay") > 1),
    lambda: flights().filter(col("small").cast(gf.Int16, strict=False) > 1),
    lambda: flights().filter(col("small").is_in([1])),
    lambda: flights().filter(col("small").is_in([1, 2])),
    lambda: flights().select(x=col("speed").round(1)),
    lambda: flights().select(x=col("speed").round(2)),
    lambda: flights().select(x=0.0),
    lambda: flights().select(x=-0.0),
    lambda: flights().group_by("carrier").agg(x=col("small").min()),
    lambda: flights().group_by("carrier").agg(x=col("small").max()),
    lambda: flights().join(airlines(), on="carrier"),
    lambda: flights().join(airlines(), on="carrier", nulls_equal=True),
    lambda: flights().join(airlines(), on="carrier", how="left"),
    lambda: flights().sort("small"),
    lambda: flights().sort("small", descending=True),
    lambda: flights().head(3),
    lambda: flights().slice(1, 3),
    lambda: gf.concat([flights(), flights()]),
    lambda: gf.concat([flights(), flights(), flights()]),
    lambda: flights().unique(),
]


def test_content_decides():
    tokens = [token(make().plan) for make in VARIANTS]
    assert len(set(tokens)) == len(tokens)
    assert tokens == [token(make().plan) for make in VARIANTS]


def test_token_survives_pickling():
    plan = flights().filter(col("small") > 1).group_by("carrier").agg(x=col("distance").mean()).plan
    assert token(pickle.loads(pickle.dumps(plan))) == token(plan)


def test_wide_shared_plans_are_quick():
    f = frame("t", {"k": INT64})
    for _ in range(200):
        f = gf.concat([f, f])
    assert len(token(f.plan)) == 32


def test_same_in_another_process(python_environment):
    code = """if True:
        from gpuflow.plan.tokens import token
        from tests.plan.test_tokens import VARIANTS
        print("\\n".join(token(make().plan) for make in VARIANTS))
    """
    environment = python_environment | {"PYTHONHASHSEED": "77"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == [token(make().plan) for make in VARIANTS]
