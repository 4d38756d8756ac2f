# Two commands on a fresh machine: `make run` and `make test`. Each installs what it needs on first use.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
T      ?= tests
STACKS := tests/gateways/stacks
PROVIDER := tests/page/provider
# Where PostgreSQL's programs are copied if root runs a stack in a private directory; see postgres_program.py.
COPIES := /var/cache/keyfold

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
UV  := $(VENV)/lock/bin/uv
# Universal: one lock file for all supported Pythons. No index address: each machine has its own.
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command "make lock" --extra build

# Python keeps what it compiles, even if the machine says otherwise: a stack is eight processes of the same modules.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run test model properties crowds revocations kills faults fuzz screenshots bench debian lint format openapi lock clean distclean here

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.local here ## start the whole stack on this machine, with a sample API behind Caddy; Ctrl-C stops it
	@exec $(BIN)/keyfold up

test: $(VENV)/.dev here debian $(VENV)/.stacks $(VENV)/.provider ## run all tests, unit to kill -9, on the real parts; T=tests/unit for some of them
	@$(BIN)/python -m pytest --quiet --numprocesses 2 --no-loadscope-reorder $(T)

model: $(VENV)/.dev ## search longer for a way to break the enforcement protocol; six minutes
	@KEYFOLD_MODEL=long $(BIN)/python -m pytest --quiet tests/property/test_enforcement_model.py

properties: $(VENV)/.dev ## run the property tests with twenty times as many examples
	@KEYFOLD_PROPERTIES=long $(BIN)/python -m pytest --quiet --numprocesses 2 --timeout 3600 tests/property

crowds: $(VENV)/.dev ## hold four thousand connections of strangers to every port; a minute
	@KEYFOLD_CROWD=4000 $(BIN)/python -m pytest --quiet tests/acceptance/test_crowds.py

revocations: $(VENV)/.dev ## revoke a thousand keys under load, pauses and kills; six minutes
	@KEYFOLD_REVOCATIONS=1000 $(BIN)/python -m pytest --quiet tests/chaos/test_thousand_revocations.py

kills: $(VENV)/.dev ## kill the shipper and the audit service two hundred times, at every step of their loops; four minutes
	@KEYFOLD_KILLS=200 $(BIN)/python -m pytest --quiet tests/chaos/test_fault_points.py

fuzz: $(VENV)/.dev ## test each service against its OpenAPI document, with many more requests; twenty minutes
	@KEYFOLD_FUZZ=long $(BIN)/python -m pytest --quiet tests/acceptance/edges/test_descriptions.py tests/acceptance/edges/test_edges.py

FAULTS := outages cuts sharing repeats poison full_disk

faults: $(VENV)/.dev ## test outages, cut connections, frozen processes, poison and a full disk; ten minutes
	@KEYFOLD_FAULTS=1 $(BIN)/python -m pytest --quiet $(FAULTS:%=tests/chaos/test_%.py)

screenshots: $(VENV)/.dev debian ## make a picture of every view of the console in build/screenshots, and the one that README shows
	@$(BIN)/python -m tests.page.screenshots build/screenshots

bench: $(VENV)/.dev debian ## measure our code beside the bare thing it stands on, in interleaved rounds, as ratios
	@$(BIN)/python -m tests.bench

# Real nginx, HAProxy and Chromium for the gateways' tests, wrk for the benchmarks. If they cannot be installed, what needs them
# does not run, and the end says so.
debian: $(VENV)/.dev
	@missing="$$($(BIN)/python -m tests.support.debian)"; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing $$missing"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $$missing >/dev/null; \
	fi || true

lint: $(VENV)/.dev ## run ruff, mypy --strict and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python $(BIN)/mypy
	$(BIN)/python $(BIN)/lint-imports

format: $(VENV)/.dev ## format the code, and fix what ruff can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

openapi: $(VENV)/.local ## write docs/openapi from the descriptions of the running stack's services
	@for service in $$($(BIN)/python -c 'from keyfold.local.service_specs import SERVICES; print(*(each.name for each in SERVICES))'); do \
		curl --fail --silent --show-error "$$($(BIN)/python -c 'import json, sys; print(json.load(open(".keyfold/stack.json"))[sys.argv[1]])' $$service)/openapi.json" \
			| $(BIN)/python -m json.tool --sort-keys --indent 2 > docs/openapi/$$service.json || exit 1; \
	done

lock: $(UV) ## write the lock files, after a dependency changed in pyproject.toml
	$(COMPILE) --upgrade --extra dev pyproject.toml --output-file requirements/dev.txt
	$(COMPILE) --extra local --constraint requirements/dev.txt pyproject.toml --output-file requirements/local.txt

clean: ## remove the environment and the local stack's data
	rm -rf $(VENV) .keyfold build dist
	@[ ! -w $(COPIES) ] || flock --nonblock $(COPIES) rm -rf $(COPIES) || echo "$(COPIES) stays: another stack runs from it"

distclean: clean ## also remove what all your clones share: Kafka, 112 MB in ~/.cache/keyfold, which is downloaded again
	rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/keyfold"

# A stamp says that the environment has what a lock file names, so that the second time costs nothing.
$(VENV)/.%: requirements/%.txt pyproject.toml | $(BIN)/python
	@echo "installing requirements/$*.txt"
	@$(PIP) install --require-hashes --requirement requirements/$*.txt
	@$(INSTALL)
	@$(BIN)/python -m keyfold.console.page_scripts
	@touch $@

# Programs of an environment begin with its path, so in a clone that was moved or copied ours is installed again.
# The paths of our modules are relative: under LC_ALL=C Python cannot read a path with an accent.
INSTALL = $(PIP) install --no-deps --no-build-isolation --editable . && \
	printf '../../../../%s\n' libs services deploy '' | tee $(VENV)/lib/python3*/site-packages/_keyfold.pth >/dev/null && { pwd -P; echo keyfold; } >$(VENV)/.place

here: | $(BIN)/python
	@[ "$$(cat $(VENV)/.place 2>/dev/null)" = "$$(pwd -P; echo keyfold)" ] || { echo "this environment was made elsewhere: repairing it"; $(INSTALL); }

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
