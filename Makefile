.DEFAULT_GOAL := help
PY := .venv/bin/python

.PHONY: help setup demo test soak check bench format lock

help: ## What can be done
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: .venv/ready ## Create .venv and install everything in it

.venv/ready: requirements/dev.txt pyproject.toml
	@sh .ci/setup

check: setup ## Format, lint, types, import direction
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

test: setup ## All tests
	@$(PY) -m pytest -q -n 2 --dist worksteal -rfEs

soak: setup ## The long versions of the tests that have one, with figures (an hour or more)
	@CHERRY_SOAK=1 $(PY) -m pytest -q -m soak -s --durations=20

demo: setup ## Watch Cherry change a sample repository (recorded model, everything else real)
	@.venv/bin/cherry demo

bench: setup ## Measure, as a table and as .bench/latest.json
	@$(PY) -m benchmarks

format: setup ## Format and mend what can be mended
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

lock: setup ## Resolve the dependency ranges again
	@UV_CUSTOM_COMPILE_COMMAND="make lock" .venv/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --upgrade -q -o requirements/dev.txt
