# Needs Python 3.11 or newer and make. Everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
# Says of which pyproject.toml .venv was made.
VENV := .venv/made
LINTERS := lint-ruff lint-layout lint-types lint-sql lint-migrations lint-functions

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint $(LINTERS) format docs pictures check services soak bench clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(VENV) ## make .venv with everything in it (PYTHON=… chooses the interpreter)

$(VENV): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo '$(PYTHON) is no Python 3.11 or newer. Name one: make setup PYTHON=python3.12'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	    || { echo '$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv'; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV) ## a story in a few seconds, on a server of its own
	$(BIN)/mixpay demo

# They start the command hundreds of times: it is compiled once, whatever else Python is told.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV) ## the test suite, on the embedded server or the one that MIXPAY_TEST_URL names
	$(BIN)/pytest -q -n auto --maxprocesses 8 --dist worksteal $(ARGS)

lint: $(VENV) ## what can be said without running it; every tool runs, whatever the others find
	@$(MAKE) --no-print-directory --keep-going $(LINTERS)

lint-ruff: ; $(BIN)/ruff check
lint-layout: ; $(BIN)/ruff format --check
lint-types: ; $(BIN)/mypy
lint-sql: ; $(BIN)/sqlfluff lint sql migrations
lint-migrations: ; $(BIN)/squawk migrations/*.sql
lint-functions: ; $(BIN)/pytest -q tests/test_plpgsql_check.py

format: $(VENV) ## lay out the Python as ruff does
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV) ## write what docs/ has from the catalog, and build the site in build/site
	$(BIN)/python -m mixpay_db.docs
	$(BIN)/python docs/site/build.py

pictures: $(VENV) ## draw docs/pictures/trade.svg, the money of the demo's first trade
	$(BIN)/python docs/pictures/draw.py

check: lint test ## lint and test

services: ## what the services in Node, the TypeScript test and the tests of the pages need from npm
	npm install --silent --no-package-lock --prefix examples/services/node
	npm install --silent --no-package-lock --prefix tests/pictures/node

soak: $(VENV) ## what takes long: a faulty channel and workers that are killed, all real orders, thousands of lives, upgrades under traffic, locks
	MIXPAY_SOAK=1 $(BIN)/pytest -q tests/dispatch/test_faults.py tests/test_real_data.py tests/test_money_lives.py \
	    tests/migrations/test_traffic.py tests/concurrency/test_locks.py $(ARGS)

bench: $(VENV) ## measure against a floor, pgbench and 0.3.0 (ARGS=--quick to try); balances of ten million movements
	$(BIN)/python bench/bench.py $(ARGS)
	$(BIN)/python bench/balances.py

clean: ## remove what make made
	rm -rf .venv dist build .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
