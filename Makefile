# `make` prints the verbs. Everything happens in .venv; only Python 3.11 or newer and make are needed.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help init run test lint types imports migrate migration docs docs-check openapi check format lock

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

init: .venv/.dev ## make .venv with everything needed to develop

run: .venv/.run ## start Heard on this machine, with a SQLite file in data/
	$(BIN)/heard serve

test: .venv/.dev ## run the tests (on SQLite and on a throw-away PostgreSQL); ARGS="-k word" narrows
	$(BIN)/pytest --numprocesses=auto $(ARGS)

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

check: test lint types imports docs-check ## all that CI runs, in its order

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
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	@$(PIP) --require-hashes -r requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch .venv/.run $@
