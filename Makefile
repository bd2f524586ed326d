# `make` prints the verbs. Everything happens in .venv; only Python 3.11 or newer and make are needed.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

.DEFAULT_GOAL := help
.NOTPARALLEL:
# What has a verb of its own.
APART := tests/test_migrations.py tests/server tests/browser tests/faults tests/contract/test_stranger.py

.PHONY: help init run test migrations-test server-test browser faults faults-short lint types imports migrate migration docs docs-check openapi openapi-released contract check format lock

help: ## print this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

init: .venv/.dev ## make .venv with everything needed to develop

run: .venv/.run ## start Heard on this machine, with a SQLite file in data/
	$(BIN)/heard serve

test: .venv/.dev ## run the tests (on SQLite and on throw-away PostgreSQLs); ARGS="-k word" narrows
	$(BIN)/pytest --numprocesses=auto --dist=worksteal $(addprefix --ignore=,$(APART)) $(ARGS)

migrations-test: .venv/.dev ## run every migration up, down and up on each database
	$(BIN)/pytest tests/test_migrations.py

server-test: .venv/.dev ## start the real server, and use the command line on it
	$(BIN)/pytest tests/server

contract: .venv/.dev ## let a stranger try all that the OpenAPI document says; HEARD_CONTRACT_EXAMPLES=200 looks longer
	$(BIN)/pytest --numprocesses=2 tests/contract/test_stranger.py

browser: .venv/.dev ## run the tests that need a Chromium
	$(BIN)/pytest tests/browser

FAULTS := $(BIN)/pytest --numprocesses=2 --dist=worksteal tests/faults

faults: .venv/.dev ## break all that can break under load, and count what was acknowledged: long
	HEARD_FAULTS=full $(FAULTS)

faults-short: .venv/.dev ## a little of each fault
	$(FAULTS)

bench-%: .venv/.dev ## measure one thing: make bench-intake; FULL=1 takes longer and measures all of it
	$(BIN)/python -W ignore -m bench.$*

lint: .venv/.dev ## check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/.dev ## check types
	$(BIN)/mypy

imports: .venv/.dev ## check the floors: who may import whom
	$(BIN)/lint-imports

migrate: .venv/.run ## bring the database to the newest schema
	$(BIN)/heard migrate

migration: .venv/.dev ## write a migration from the models: make migration SLUG="add topics"
	@test -n "$(SLUG)" || { echo 'say what it does: make migration SLUG="add topics"'; exit 2; }
	$(BIN)/alembic revision --autogenerate -m "$(SLUG)"

docs: .venv/.dev ## write every generated part of docs/
	$(BIN)/python docs/generate.py

docs-check: .venv/.dev
	$(BIN)/python docs/generate.py --check

openapi: .venv/.dev ## write docs/openapi.json
	$(BIN)/python docs/generate.py openapi

openapi-released: .venv/.dev ## promise clients the API as it is now: docs/openapi.released.json
	$(BIN)/python docs/generate.py openapi-released

check: test lint types imports migrations-test server-test browser faults-short contract docs-check ## all that CI runs, in its order

format: .venv/.dev ## put the code into its format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: ## bring both lock files in line with pyproject.toml (needs uv); ARGS=--upgrade takes the newest
	$(COMPILE) $(ARGS) --extra build -o requirements.lock pyproject.toml
	$(COMPILE) $(ARGS) --extra build --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header

# Stamps: what is installed already is not installed again. The development lock holds the other one.

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Heard needs Python 3.11 or newer.")'
	@echo "Making .venv; this takes a minute, once."
	@$(PYTHON) -m venv .venv

.venv/.run: requirements.lock pyproject.toml | .venv/bin/python
	@$(PIP) --no-deps --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	@$(PIP) --no-deps --require-hashes -r requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch .venv/.run $@
