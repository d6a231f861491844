# Every target sets up what it needs. Nothing is installed outside of .venv and one cache folder (see dev/cache.py), but
# for the Debian packages that `make test-node` needs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CHART := deploy/helm/litellm-key-operator
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
export PYTHONUNBUFFERED := 1
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
export NO_MKDOCS_2_WARNING := 1

# The newest Python that answers and is new enough: a name on the PATH may be a shim with nothing behind it.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$python && break; done)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: venv
venv: $(READY) ## the virtual environment, from hash-pinned requirements

$(READY): requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" && "$(PYTHON)" -c '$(NEW_ENOUGH)' || \
		{ echo "Python 3.11 or newer is needed; set PYTHON=/path/to/it" >&2; exit 1; }
	@echo "==> Installing the pinned Python packages into $(VENV) (usually a minute, once)"
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "$(PYTHON) cannot make virtual environments: install its venv package" >&2; exit 1; }
	@$(PIP) install --require-hashes --progress-bar off -r requirements/dev.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: check
check: $(READY) ## lint, format, types, layers, generated files, the site
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m litellm_key_operator.api.crd --check
	$(BIN)/python -m litellm_key_operator.api.crd --check $(CHART)/files/crds
	$(BIN)/python -m dev.reference --check
	$(BIN)/python -m dev.chart --check
	$(BIN)/mkdocs build --quiet --strict

.PHONY: generate
generate: $(READY) ## write the CRDs, the reference pages and the chart's table anew from their sources
	$(BIN)/python -m litellm_key_operator.api.crd --write
	$(BIN)/python -m litellm_key_operator.api.crd --write $(CHART)/files/crds
	$(BIN)/python -m dev.reference --write
	$(BIN)/python -m dev.chart --write

.PHONY: docs
docs: $(READY) ## build the site into build/site
	$(BIN)/mkdocs build --strict

.PHONY: docs-serve
docs-serve: $(READY) ## the site on loopback, built anew with each change
	$(BIN)/mkdocs serve --strict --dev-addr=127.0.0.1:8000

.PHONY: format
format: $(READY) ## format, and mend what the linter can mend
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

.PHONY: test
test: $(READY) ## the tests, on a real API server and a real LiteLLM
	$(BIN)/python -m dev.servers prepare
	$(BIN)/pytest

.PHONY: test-node
test-node: $(READY) ## the tests of the image, and those on a node (root, Debian: it installs packages); IF_POSSIBLE=1
	$(BIN)/python -m dev.node $(if $(IF_POSSIBLE),--if-possible) test

.PHONY: test-unit
test-unit: $(READY) ## the tests that need no server
	$(BIN)/pytest tests/unit

.PHONY: simulate
simulate: $(READY) ## the whole crash simulation of the core
	$(BIN)/python -m tests.simulation

.PHONY: image
image: $(READY) ## the operator's image, by docker, podman or buildah; IMAGE=name:tag, BASE_IMAGE=... change it
	@$(BIN)/python -m dev.image $(if $(IMAGE),"$(IMAGE)")

.PHONY: walk
walk: $(READY) ## a random walk on the real servers; STEPS=3000 in all, LENGTH=30 of one, SEED=7 RUNS=1 one again
	@$(BIN)/python -m dev.servers prepare
	LLMKEYS_WALK_STEPS="$(STEPS)" LLMKEYS_WALK_LENGTH="$(LENGTH)" LLMKEYS_WALK_SEED="$(SEED)" LLMKEYS_WALK_RUNS="$(RUNS)" \
		$(BIN)/pytest tests/walk

.PHONY: demo
demo: $(READY) ## the main job, live; KEEP=1 leaves everything up, CLUSTER=mine uses your servers
	@$(BIN)/python -m dev.demo

.PHONY: demo-down
demo-down: $(READY) ## end what `make demo KEEP=1` left up
	@$(BIN)/python -m dev.demo down

.PHONY: bench
bench: $(READY) ## the figures, against the bare servers (15 minutes); QUICK=1 measures less (3)
	@$(BIN)/python -m dev.bench

.PHONY: servers-up
servers-up: $(READY) ## start API server and LiteLLM in the background
	@$(BIN)/python -m dev.servers up

.PHONY: servers-down
servers-down: $(READY) ## end them
	@$(BIN)/python -m dev.servers down

.PHONY: pins
pins: $(READY) ## resolve requirements/*.txt anew
	$(BIN)/python -m dev.pins

.PHONY: clean
clean: ## remove .venv and the tools' caches (servers stay cached: see `python -m dev.servers status`)
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
