# Everything runs in .venv, which the first target that needs it sets up.
# PYTHON, the interpreter it is made from, has to be 3.11 or newer.

PYTHON ?= python3.11
BIN := .venv/bin
EXTENSION_SOURCES := $(shell git ls-files 'device_contract/*.pyx' 'device_contract/*.inc' 'device_contract/*.[ch]')
HOUSES := device_contract edge_agent compiler fleet_server

.PHONY: demo test test-quick lint format bench coverage fuzz services fuzzers cross wheels lock clean

demo: .venv/ready  ## bring a model to four turbines and find the broken sensor
	@$(BIN)/python -m examples.wind_turbines.demo $(ARGS)

test: .venv/ready services fuzzers cross  ## every test, with real brokers and databases, and on other processors
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

test-quick: .venv/ready  ## the tests that need no broker, no PostgreSQL and no time
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow" $(ARGS)

lint: .venv/ready  ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/ready services  ## speed and footprint against peers; writes benchmarks/results/
	$(BIN)/python -m benchmarks.sketches
	$(BIN)/python -m benchmarks.agent_memory
	$(BIN)/python -m benchmarks.footprint
	$(BIN)/python -m benchmarks.scoring

coverage: .venv/ready  ## which scikit-learn estimators convert and have a plan; writes docs/coverage.md
	@$(BIN)/python -m tests.compiler.coverage.page

fuzz: .venv/ready fuzzers  ## search for inputs that break a reader: SECONDS each, TARGETS or all
	@$(BIN)/python -m tests.fuzz.campaign $(or $(SECONDS),60) $(TARGETS)

services:  ## mosquitto, PostgreSQL and curl, for the tests
	@.ci/system-packages services

fuzzers:  ## clang with libFuzzer, for the tests and make fuzz
	@.ci/system-packages fuzzers

cross:  ## a compiler for microcontrollers and QEMU, for the tests
	@.ci/system-packages cross

wheels: .venv/ready  ## the agent's wheels for x86_64, aarch64 and armv7, into dist/
	@$(BIN)/python -m cross_build $(ARGS)

lock: .venv/ready  ## resolve the dependencies again: names, versions, hashes
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--extra dev --extra bench --extra cross --no-header --no-emit-index-url --no-annotate --output-file requirements.lock pyproject.toml

clean:
	rm -rf .venv build dist *.egg-info
	find $(HOUSES) -name '*.so' -delete

.venv/installed: requirements.lock
	@.ci/system-packages python
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	@touch $@

.venv/ready: .venv/installed pyproject.toml setup.py $(EXTENSION_SOURCES)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
