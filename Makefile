# Two commands on a fresh machine: `make run` and `make test`. Each makes what it needs on first use.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
T      ?= tests
STACKS := tests/gateways/stacks
PROVIDER := tests/page/provider
# Where PostgreSQL's programs lie for a stack of root's in a private directory; see postgres_program.py.
COPIES := /var/cache/keyfold

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
UV  := $(VENV)/lock/bin/uv
# Universal: one lock file for all supported Pythons. No index address: each machine has its own.
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command "make lock" --extra build

# Python keeps what it compiles, also where a machine says otherwise: a stack is eight processes of the same modules.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run test model properties revocations kills faults fuzz screenshots bench debian lint format openapi lock clean distclean here

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.local here ## the whole stack on this machine, with a sample API behind Caddy; Ctrl-C stops it
	@exec $(BIN)/keyfold up

test: $(VENV)/.dev here debian $(VENV)/.stacks $(VENV)/.provider ## all tests, unit to kill -9, on real parts; T=tests/unit for a part
	@$(BIN)/python -m pytest --quiet --numprocesses 2 --no-loadscope-reorder $(T)

model: $(VENV)/.dev ## the enforcement protocol, searched further for a way to break it; six minutes
	@KEYFOLD_MODEL=long $(BIN)/python -m pytest --quiet tests/property/test_enforcement_model.py

properties: $(VENV)/.dev ## the property tests with twenty times as many examples
	@KEYFOLD_PROPERTIES=long $(BIN)/python -m pytest --quiet --numprocesses 2 --timeout 3600 tests/property

revocations: $(VENV)/.dev ## a thousand revocations under load, pauses and kills; six minutes
	@KEYFOLD_REVOCATIONS=1000 $(BIN)/python -m pytest --quiet tests/chaos/test_thousand_revocations.py

kills: $(VENV)/.dev ## two hundred kills of shipper and audit service, at every step of their loops; four minutes
	@KEYFOLD_KILLS=200 $(BIN)/python -m pytest --quiet tests/chaos/test_fault_points.py

fuzz: $(VENV)/.dev ## each service against its OpenAPI document, with many more requests; twenty minutes
	@KEYFOLD_FUZZ=long $(BIN)/python -m pytest --quiet tests/acceptance/edges/test_descriptions.py tests/acceptance/edges/test_edges.py

FAULTS := outages cuts sharing repeats poison full_disk

faults: $(VENV)/.dev ## outages, cut connections, frozen processes, poison, a full disk; ten minutes
	@KEYFOLD_FAULTS=1 $(BIN)/python -m pytest --quiet $(FAULTS:%=tests/chaos/test_%.py)

screenshots: $(VENV)/.dev debian ## every view of the console as a picture, in build/screenshots, and the one that README shows
	@$(BIN)/python -m tests.page.screenshots build/screenshots

bench: $(VENV)/.dev debian ## ours beside the bare thing, in interleaved rounds, as ratios
	@$(BIN)/python -m tests.bench

# Real nginx, HAProxy and Chromium for the gateways' tests, wrk for the benchmarks. Where they cannot be had, what needs them does
# not run, and the end says so.
debian: $(VENV)/.dev
	@missing="$$($(BIN)/python -m tests.support.debian)"; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing $$missing"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $$missing >/dev/null; \
	fi || true

lint: $(VENV)/.dev ## ruff, mypy --strict and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python $(BIN)/mypy
	$(BIN)/python $(BIN)/lint-imports

format: $(VENV)/.dev ## put the code into its one form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

openapi: $(VENV)/.local ## docs/openapi anew, from the running stack's own descriptions
	@for service in $$($(BIN)/python -c 'from keyfold.local.service_specs import SERVICES; print(*(each.name for each in SERVICES))'); do \
		curl --fail --silent --show-error "$$($(BIN)/python -c 'import json, sys; print(json.load(open(".keyfold/stack.json"))[sys.argv[1]])' $$service)/openapi.json" \
			| $(BIN)/python -m json.tool --sort-keys --indent 2 > docs/openapi/$$service.json || exit 1; \
	done

lock: $(UV) ## the lock files anew, after a change of pyproject.toml
	$(COMPILE) --upgrade --extra dev pyproject.toml --output-file requirements/dev.txt
	$(COMPILE) --extra local --constraint requirements/dev.txt pyproject.toml --output-file requirements/local.txt

clean: ## the environment and the local stack's data, gone
	rm -rf $(VENV) .keyfold build dist
	@[ ! -w $(COPIES) ] || flock --nonblock $(COPIES) rm -rf $(COPIES) || echo "$(COPIES) stays: another stack runs from it"

distclean: clean ## and what all clones of yours share, to be fetched again: Kafka, 112 MB in ~/.cache/keyfold
	rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/keyfold"

# A stamp says that the environment has what a lock file says, so that the second time costs nothing.
$(VENV)/.%: requirements/%.txt pyproject.toml | $(BIN)/python
	@echo "installing requirements/$*.txt"
	@$(PIP) install --require-hashes --requirement requirements/$*.txt
	@$(INSTALL)
	@$(BIN)/python -m keyfold.console.page_scripts
	@touch $@

# Programs of an environment begin with its path, so in a clone that was moved or copied ours is written anew.
# Where the modules are is said as seen from there: of a path with an accent Python makes nothing under LC_ALL=C.
INSTALL = $(PIP) install --no-deps --no-build-isolation --editable . && \
	printf '../../../../%s\n' libs services deploy '' | tee $(VENV)/lib/python3*/site-packages/_keyfold.pth >/dev/null && { pwd -P; echo keyfold; } >$(VENV)/.place

here: | $(BIN)/python
	@[ "$$(cat $(VENV)/.place 2>/dev/null)" = "$$(pwd -P; echo keyfold)" ] || { echo "this environment was made elsewhere: mending it"; $(INSTALL); }

# The APIs that the gateways' tests put behind gateways: Node's from their lock file, Go's built once.
$(VENV)/.stacks: $(wildcard $(STACKS)/node/package*.json $(STACKS)/go/*) | $(VENV)/.dev
	@echo "building tests/gateways/stacks"
	@mkdir -p $(VENV)/stacks/node && cp $(STACKS)/node/package*.json $(VENV)/stacks/node
	@export PATH="$(CURDIR)/$(BIN):$$PATH" GOTOOLCHAIN=local; \
	npm ci --prefix $(VENV)/stacks/node --no-audit --no-fund --loglevel=error >/dev/null && \
	go build -C $(STACKS)/go -buildvcs=false -o "$(CURDIR)/$(VENV)/stacks/go" .
	@touch $@

# The OpenID provider that signing in is tested with.
$(VENV)/.provider: $(wildcard $(PROVIDER)/package*.json) | $(VENV)/.dev
	@echo "installing $(PROVIDER)"
	@mkdir -p $(VENV)/provider && cp $(PROVIDER)/package*.json $(VENV)/provider
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --prefix $(VENV)/provider --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Keyfold needs Python 3.11 or later: make PYTHON=python3.x ...")'
	@$(PYTHON) -m venv $(VENV)

$(UV): | $(BIN)/python
	@$(BIN)/python -m venv $(VENV)/lock
	@$(VENV)/lock/bin/python -m pip --disable-pip-version-check --quiet install uv
