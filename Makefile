# Needs make, git and Python 3.11 or later; everything else goes into .venv.
#   make demo        real questions over real data, in a minute or two, install included
#   make test        the whole test suite
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
# Modules are byte-compiled when they are first imported: most of what is installed never is.
PIP := $(PY) -m pip install --quiet --no-compile --disable-pip-version-check
WORKERS ?= 2
# The suite starts many processes; what they import is compiled once, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-fast test-large test-workers bench bench-small gpu-check gpu-check-installing fuzz-files fuzz-codecs fuzz-plans lint format docs clean

help:
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

# A shim may be on the path and yet not run, so each candidate is tried.
$(PY):
	@for python in "$${PYTHON:-}" python3.13 python3.12 python3.11 python3.14 python3 python; do \
	  [ -n "$$python" ] || continue; \
	  "$$python" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	  echo "creating $(VENV) with $$("$$python" --version)"; \
	  "$$python" -m venv $(VENV) && exit 0; \
	done; \
	echo "no Python >= 3.11 with venv found (on Debian: apt install python3 python3-venv), or set PYTHON=/path/to/python" >&2; exit 1

# One stamp per set of extras: nothing is installed again until pyproject.toml changes.
$(VENV)/.installed-%: pyproject.toml | $(PY)
	@echo "installing gpuflow[$*]"
	@$(PIP) -e ".[$*]"
	@touch $@

DEMO := $(VENV)/.installed-demo
TEST := $(VENV)/.installed-test
BENCH := $(VENV)/.installed-bench
DEV := $(VENV)/.installed-dev
DOCS := $(VENV)/.installed-docs

demo: $(DEMO) ## answer questions about the flights of 2013 and draw a plot
	@$(VENV)/bin/gpuflow demo

test: $(TEST) $(BENCH) ## the whole test suite
	@$(PY) -m pytest -q -n $(WORKERS) --dist worksteal

# What a change breaks first: planning, files, declarations, row functions, errors. Clusters, hostile settings and fuzzing are
# left to `make test`.
FAST := tests/plan tests/io tests/kernels/test_declarations.py tests/kernels/test_functions.py tests/frame/test_bad_input.py \
  tests/frame/test_regressions.py

test-fast: $(TEST) $(BENCH) ## the quick part of it, in about a minute
	@$(PY) -m pytest -q -n $(WORKERS) --dist worksteal -m "not slow" $(FAST)

test-large: $(TEST) $(BENCH) ## columns of more than 2^31 bytes: 5 GB of memory, some minutes
	@$(PY) -m pytest -q tests/large/strings.py

test-workers: $(TEST) $(BENCH) ## joins on two workers of 500 MB, and a full disk (as root): some minutes
	@$(PY) -m tests.large.small_workers
	@$(PY) -m tests.large.small_workers --source memory --runs 2
	@[ "$$(id -u)" != 0 ] || $(PY) -m tests.large.full_disk

bench: $(BENCH) ## db-benchmark, 1e7 rows, against Polars, DuckDB, pandas and dask.dataframe
	@$(PY) -m benchmarks --rows 1e7

bench-small: $(BENCH) ## the same on 1e5 rows, to see that all is well
	@$(PY) -m benchmarks --rows 1e5 --no-save

# Any Python that has CuPy and numba-cuda will do, so that a machine without network needs nothing installed.
gpu-check: ## prove it on this machine's CUDA device, in eight minutes; exit code 2 without one
	@for python in "$${PYTHON:-}" $(PY) python3 python; do \
	  [ -n "$$python" ] || continue; \
	  "$$python" -c 'import click, cupy, numba.cuda, pyarrow' >/dev/null 2>&1 || continue; \
	  PYTHONPATH="kernels:.$${PYTHONPATH:+:$$PYTHONPATH}" exec "$$python" -m benchmarks.gpu; \
	done; \
	$(MAKE) --no-print-directory gpu-check-installing

gpu-check-installing: $(TEST) $(BENCH)
	@extra=$$($(PY) -c 'from gpuflow.doctor import cuda; c = cuda(); print(c.extra if c.driver and not c.devices else "")'); \
	if [ -n "$$extra" ]; then echo "installing gpuflow[$$extra]"; $(PIP) -e ".[$$extra]" || true; fi
	@$(PY) -m benchmarks.gpu

fuzz-files: $(TEST) ## read a thousand damaged copies of each Parquet file of a corpus, in some minutes
	@nice -n 19 $(PY) -m tests.fuzz.files --copies $${COPIES:-1000}

fuzz-codecs: $(TEST) ## read compressed Parquet files by four threads in twenty processes, in some minutes
	@nice -n 19 $(PY) -m tests.fuzz.shared_codecs --processes $${PROCESSES:-20}

fuzz-plans: $(TEST) ## compare fifty thousand random queries with Polars, in about half an hour
	@nice -n 19 $(PY) -m tests.fuzz.plans --count $${COUNT:-50000} --seed $${SEED:-0}

lint: $(DEV) ## ruff, mypy, and numpydoc on public docstrings
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(PY) -m tests.docstrings

format: $(DEV) ## let ruff mend what it can
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

docs: $(DOCS) ## the manual as a site in build/site
	@$(VENV)/bin/mkdocs build --quiet --strict

clean: ## remove what was built, and .venv
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
