# Everything installs itself: on a fresh machine `make run` and `make test` are the only two commands to know.

SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PEERS ?= .venv-bench
BENCH ?= all
STUDY ?= outputs/loss_ablation

# Byte code is compiled once at install; a setting that forbids it would cost seconds at every start.
export PYTHONDONTWRITEBYTECODE =
# The main job and the tests need no network, and must not wait for one.
run refusals test bench: export HF_HUB_OFFLINE = 1

.DEFAULT_GOAL := help
.PHONY: help setup run refusals test bench check format clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F '\t' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: $(VENV)/.installed ## Create .venv and install fsqa with everything it needs (the other targets do it too)

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	$(BIN)/python -m compileall -q -j 0 $(VENV)/lib fsqa > /dev/null || true
	touch $@

run: setup ## The main job: four loss strategies x three seeds on a made-up world, then the table (a few minutes, offline)
	$(BIN)/fsqa train -m loss=all,answer_end,answer,balanced seed=0,1,2 study=$(notdir $(STUDY)) outputs=$(patsubst %/,%,$(dir $(STUDY)))
	$(BIN)/fsqa report $(STUDY)

refusals: setup ## A model that answers about the made-up world and refuses everything else: three seeds, then the table (offline)
	$(BIN)/fsqa train experiment=atlas_refusals
	$(BIN)/fsqa report outputs/atlas_refusals

test: setup ## Run the tests (offline, about twenty minutes on two cores)
	$(BIN)/python -m pytest -n 2

$(PEERS)/.installed: pyproject.toml constraints.txt benchmarks/requirements.txt
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r benchmarks/requirements.txt -e .
	$(PEERS)/bin/python -m compileall -q -j 0 $(PEERS)/lib fsqa benchmarks > /dev/null || true
	touch $@

bench: $(PEERS)/.installed ## Race fsqa against plain Lightning, HF Trainer and TRL, in an environment of its own (BENCH="race --help")
	$(PEERS)/bin/python -m benchmarks $(BENCH)

check: setup ## Lint, formatting and strict types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove the environment and caches; outputs stay
	rm -rf $(VENV) $(PEERS) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
