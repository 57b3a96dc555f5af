# Everything a developer or an operator runs. Needs Python 3.11 or newer, make, and the package registries.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PACKAGES := $(patsubst %/pyproject.toml,%,$(wildcard libs/*/pyproject.toml services/*/pyproject.toml))
MANIFESTS := $(wildcard deploy/constraints.txt deploy/requirements*.txt $(addsuffix /pyproject.toml,$(PACKAGES)))
ARGS ?=
# Tests that run at a time, each with servers of its own; 0 runs them in one process, as a debugger needs it.
WORKERS ?= 2
ALL ?= 0
INSTALL_LOG := $(VENV)/install.log
NOT_INSTALLED = { echo "The Python packages could not be installed (see $(INSTALL_LOG)): if the registry cannot be reached,\
 check the network, set HTTPS_PROXY, or name a mirror in PIP_INDEX_URL; then run make again." >&2; exit 1; }
# uv does not read pip's setting.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

.DEFAULT_GOAL := help
.PHONY: help demo up down test lint audit bench chaos fmt migrate docs pictures clean

help: ## Say what can be done here
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(STAMP) ## Run a real shop's eighteen months through the whole stack and show what came of it; ALL=1: ten times that
	ALL=$(ALL) $(BIN)/regulars demo $(ARGS)

up: $(STAMP) ## Start PostgreSQL, Kafka, the mail sink, the services and the console; print addresses and an API key
	$(BIN)/regulars up $(ARGS)

down: $(STAMP) ## Stop exactly what `make up` started; ARGS=--purge also deletes its data
	$(BIN)/regulars down $(ARGS)

test: $(STAMP) ## Run all tests against a real PostgreSQL and Kafka, two at a time; ARGS goes to pytest
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal $(ARGS)

lint: $(STAMP) ## Check style, types, weaknesses, who may import whom, and that generated documents are fresh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml libs services deploy
	$(BIN)/lint-imports
	$(BIN)/python -m common.contract check

audit: $(STAMP) ## Ask the advisories about every pinned package, and write the answer with its date into docs/audit.md
	$(BIN)/python -m regulars.docs.advisories $(ARGS)

bench: $(STAMP) ## Measure speed and print it beside its target
	$(BIN)/python -m bench $(ARGS)

chaos: $(STAMP) ## Kill, pause and cut things under load and count what is lost or doubled; SHORT=1 takes minutes
	cd tests && ../$(BIN)/python -m chaos $(if $(SHORT),--short) $(ARGS)

fmt: $(STAMP) ## Format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

migrate: $(STAMP) ## Bring the databases of the running stack up to date
	$(BIN)/regulars migrate $(ARGS)

docs: $(STAMP) ## Generate the documents that describe the code; ARGS=check says which are stale
	$(BIN)/python -m regulars.docs $(ARGS)

pictures: $(STAMP) ## Take pictures of the console of a demo that still runs (make demo ARGS=--keep), into docs/pictures
	$(BIN)/python tests/console/pictures.py $(ARGS)

clean: ## Delete the environment and the caches of the tools (not .run, which holds data)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The environment is made anew into the same folder whenever a list of requirements changes.
$(STAMP): $(MANIFESTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the environment into $(VENV)"
	@$(BIN)/python -m pip install --retries 1 --constraint deploy/constraints.txt uv >$(INSTALL_LOG) 2>&1 || $(NOT_INSTALLED)
	@# Compiled now: every process of ours would else compile all of it again where Python may not write (some 4 s each).
	@$(BIN)/uv pip install --compile-bytecode --python $(BIN)/python --constraint deploy/constraints.txt \
		--requirement deploy/requirements.txt --requirement deploy/requirements-dev.txt \
		$(addprefix --editable ./,$(PACKAGES)) >>$(INSTALL_LOG) 2>&1 || $(NOT_INSTALLED)
	@# The demo's history lies in this package; it is data, so what its code would need is left out.
	@$(BIN)/uv pip install --python $(BIN)/python --constraint deploy/constraints.txt --no-deps lifetimes \
		>>$(INSTALL_LOG) 2>&1 || $(NOT_INSTALLED)
	@$(BIN)/python -m compileall -q -j 0 $(PACKAGES)
	@touch $@
