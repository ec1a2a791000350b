# The README's words. `make demo` runs the main job, `make test` passes the tests; both make the environment first.
# Needs: sh, make, python3 3.11 to 3.13 with venv and pip. No Java, Maven, Docker, uv or GPU.

PYTHON ?= python3
ARGS ?=
# The interpreter that the machine has: none is ever downloaded. An environment that stands keeps its own unless PYTHON
# is named: making it anew would take it from under whatever runs in it
STANDS := $(if $(filter file,$(origin PYTHON)),$(wildcard .venv/bin/python))
export UV_PYTHON := $(shell $(or $(STANDS),$(PYTHON)) -c 'import sys; print(sys._base_executable)' 2>/dev/null)
export UV_PYTHON_DOWNLOADS := never
# A uv that works, not merely one that is on the path
UV := $(shell if uv --version >/dev/null 2>&1; then echo uv; else echo .venv/bin/uv; fi)
RUN := $(UV) run --frozen --no-sync

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench clean env env-test

help:
	@echo "make demo    watch real events being read by a real model (ARGS=--once ends by itself)"
	@echo "make test    linters, types, import contracts and all tests"
	@echo "make lint    the first three of them"
	@echo "make bench   the benchmarks, into docs/benchmarks.md"
	@echo "make clean   the environment and what runs have left behind"

demo: env
	@$(RUN) pulsewire demo $(ARGS)

test: lint
	@$(RUN) pytest $(ARGS)

lint: env-test
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@$(RUN) lint-imports

bench: env-test
	@$(RUN) pulsewire bench inference --write $(ARGS)
	@$(RUN) pulsewire bench loop --write $(ARGS)
	@$(RUN) pulsewire bench pipeline --write $(ARGS)
	@$(RUN) pulsewire bench latency --write
	@$(RUN) pulsewire bench store --write
	@$(RUN) pulsewire bench growth --write
	@$(RUN) pulsewire bench scale --write
	@$(RUN) pulsewire bench peers --write --texts 100 --events 300

clean:
	rm -rf .venv .pulsewire .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache runs

env: .venv/bin/uv
	@$(UV) sync --frozen --no-dev --quiet --inexact

env-test: .venv/bin/uv
	@$(UV) sync --frozen --all-groups --extra train --quiet

# The environment, and in it a uv to fill it with where the machine has none
.venv/bin/uv:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else f"pulsewire needs Python 3.11 to 3.13; this is {v[0]}.{v[1]}. Name another: make PYTHON=python3.12")'
	@$(PYTHON) -m venv .venv || { echo "python3 lacks venv: install it (on Debian: apt install python3-venv)" >&2; exit 1; }
	@echo "making the environment (about 1.4 GB, once) ..."
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$$(sed -n '/^name = "uv"$$/{n;s/version = "\(.*\)"/\1/p;}' uv.lock)"
