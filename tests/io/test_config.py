"""Settings: where they come from, what they accept, and what is told when they do not."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import dask
import pytest

import gpuflow as gf
from gpuflow import config
from gpuflow.config import ConfigError
from gpuflow.physical.profile import Profile
from gpuflow.physical.tasks import Options


def test_defaults() -> None:
    settings = config.resolve()
    assert settings.target == "auto"
    assert settings.threads >= 1
    assert settings.partition_rows is None
    assert settings.broadcast_bytes is None
    assert config.SETTINGS["cache.folder"].default is None, "every process finds its own user's"
    assert os.path.isabs(config.default_cache_folder())
    assert os.path.basename(config.default_cache_folder()) == "gpuflow"
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert hash(settings) == hash(config.resolve())


@pytest.mark.parametrize(
    ("key", "value", "attribute", "expected"),
    [
        ("target", "python", "target", "python"),
        ("partition-rows", "1_000_000", "partition_rows", 1_000_000),
        ("partition_rows", 2e6, "partition_rows", 2_000_000),
        ("memory-limit", "4 GiB", "memory_limit", 4 * 2**30),
        ("optimize.disable", "top_k, push_filters", "optimize_disable", ("top_k", "push_filters")),
        ("optimize.disable", ["top_k"], "optimize_disable", ("top_k",)),
        ("threads", 3, "threads", 3),
        ("broadcast-rows", None, "broadcast_rows", None),
        ("broadcast-bytes", "256 MiB", "broadcast_bytes", 256 * 2**20),
        ("merge-rows", "1", "merge_rows", 1),
        ("sort_rows", 1e3, "sort_rows", 1000),
        ("cache.folder", "x", "cache_folder", os.path.abspath("x")),
        ("cuda.pool", "rmm", "cuda_pool", "rmm"),
        ("cuda.nvtx", True, "cuda_nvtx", True),
        ("workers-timeout", "2 minutes", "workers_timeout", 120.0),
        ("workers-timeout", 3, "workers_timeout", 3.0),
    ],
)
def test_values(key: str, value: Any, attribute: str, expected: Any) -> None:
    with dask.config.set({f"gpuflow.{key}": value}):
        assert getattr(config.resolve(), attribute) == expected


@pytest.mark.parametrize(
    ("key", "value", "accepts"),
    [
        ("target", "gpu", "auto, cpu, cuda or python"),
        ("threads", 0, "whole number"),
        ("threads", True, "whole number"),
        ("partition-rows", "many", "whole number"),
        ("memory-limit", "4 apples", "a size such as"),
        ("deterministic", "yes", "true or false"),
        ("workers-timeout", "soon", "a time such as"),
        ("workers-timeout", 0, "a time such as"),
        ("cuda.pool", "malloc", "cupy or rmm"),
        ("cuda.nvtx", 1, "true or false"),
        ("optimize.disable", 7, "list of rule names"),
    ],
)
def test_a_bad_value_is_told_with_what_is_accepted(key: str, value: Any, accepts: str) -> None:
    with dask.config.set({f"gpuflow.{key}": value}), pytest.raises(ConfigError, match=accepts) as caught:
        config.resolve()
    assert f"gpuflow.{key} is {value!r}" in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_an_unknown_name_is_told_with_near_ones() -> None:
    with dask.config.set({"gpuflow.tarjet": "cpu"}), pytest.raises(ConfigError, match=r"did you mean gpuflow\.target\?"):
        config.resolve()
    with pytest.raises(ConfigError, match=r"no setting gpuflow\.optimise\.disable; did you mean gpuflow\.optimize\.disable"):
        config.get("optimise.disable")
    with pytest.raises(ConfigError, match=r"zzz\. Settings: "):
        config.get("zzz")


def test_environment_and_what_importing_loads() -> None:
    code = (
        "import sys; from gpuflow import config; s = config.resolve(); "
        "print(s.target, s.broadcast_rows, s.cache_kernels, [m for m in ('numpy', 'pyarrow', 'distributed') if m in sys.modules])"
    )
    environment = {
        "PYTHONPATH": ":".join(sys.path),
        "DASK_GPUFLOW__TARGET": "cpu",
        "DASK_GPUFLOW__BROADCAST_ROWS": "17",
        "DASK_GPUFLOW__CACHE__KERNELS": "5",
    }
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split(maxsplit=3)[:3] == ["cpu", "17", "5"]
    assert "pyarrow" not in done.stdout


@pytest.mark.parametrize(
    ("key", "value", "way"),
    [
        ("deterministic", True, "sum decimals or whole numbers"),
        ("local-directory", "/somewhere", r"gf\.cluster\(local_directory="),
    ],
)
def test_a_setting_that_has_no_effect_yet_is_refused(key: str, value: Any, way: str) -> None:
    with (
        dask.config.set({f"gpuflow.{key}": value}),
        pytest.raises(ConfigError, match=f"gpuflow.{key} is .* no effect yet: .*{way}"),
    ):
        config.resolve()
    with dask.config.set({f"gpuflow.{key}": config.SETTINGS[key].default}):
        config.resolve()


def test_a_memory_limit_is_refused_where_nothing_keeps_to_it() -> None:
    frame = gf.from_dict({"x": [1]})
    with dask.config.set({"gpuflow.memory-limit": "1 GiB", "gpuflow.target": "cpu"}):
        with pytest.raises(
            ConfigError, match=r"gpuflow\.memory-limit is 1,073,741,824 bytes.* run on cpu .*gf\.cluster\(memory_limit"
        ):
            frame.collect()


@pytest.mark.parametrize("name", config.SETTINGS)
def test_every_setting_is_read_somewhere(name: str) -> None:
    """By the client, by tasks, or as a size; or refused, where it has no effect yet."""
    setting = config.SETTINGS[name]
    if setting.missing:
        return
    root = Path(config.__file__).parent
    texts = [path.read_text() for path in root.rglob("*.py") if path.name != "config.py"]
    read = rf"\b(settings|options)\.{setting.attribute}\b|config\.get\([\"']{re.escape(name)}[\"']\)"
    if setting.is_size:
        read = rf"\bprofile\.{setting.attribute}\b"
    assert any(re.search(read, text) for text in texts), f"nobody reads gpuflow.{name}"


def test_each_setting_stands_in_one_declaration() -> None:
    """What travels, what replaces sizes, and the page of the documentation follow from it."""
    assert {f.name for f in fields(config.Settings)} == {s.attribute for s in config.SETTINGS.values()}
    assert {f.name for f in fields(config.TaskSettings)} < {f.name for f in fields(Options)}
    assert set(config.resolve().sizes) <= {f.name for f in fields(Profile)}
    page = (Path(__file__).resolve().parents[2] / "docs" / "settings.md").read_text()
    assert config.markdown() in page, "put what gpuflow.config.markdown() gives into docs/settings.md"


def test_a_name_without_its_dot_is_refused() -> None:
    """As the variable DASK_GPUFLOW_TARGET, with one underscore too few, which Dask reads as a name of its own."""
    with dask.config.set({"gpuflow_target": "cpu"}), pytest.raises(ConfigError, match=r"did you mean gpuflow\.target\?"):
        config.resolve()
