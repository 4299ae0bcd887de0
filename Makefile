# Everything runs in .venv, which the first target that needs it sets up.
# PYTHON, the interpreter it is made from, has to be 3.11 or newer.

PYTHON ?= python3.11
BIN := .venv/bin
EXTENSION_SOURCES := $(shell git ls-files '*.pyx' 'device_contract/*.inc' 'device_contract/*.[ch]')
HOUSES := device_contract edge_agent detectors compiler fleet_server

# Some images ask for no byte code: each of the tests' processes would compile all that it imports again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-quick test-frontends lint format bench coverage fuzz services fuzzers cross wheels lock clean

demo: .venv/ready  ## bring a model to four turbines and find the broken sensor
	@$(BIN)/python -m examples.wind_turbines.demo $(ARGS)

# Each worker has a processor of its own: the threads of a numerical library would only wait for each other.
test test-quick test-frontends: export OMP_NUM_THREADS = 1

test: .venv/ready services fuzzers cross  ## every test, with real brokers and databases, and on other processors
	$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

test-quick: .venv/ready  ## the tests that need no broker, no PostgreSQL and no time
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow" --hypothesis-profile=quick $(ARGS)

# Libraries that train warn of one another: their warnings are shown, but no errors as elsewhere.
FRONTENDS_PYTEST := --override-ini addopts="--import-mode=importlib -ra" --override-ini filterwarnings=default \
	--confcutdir=tests/frontends

test-frontends: .venv/ready .venv-frontends/ready  ## models of torch, Keras and CatBoost, in an environment of their own
	PYTHONPATH=$(CURDIR) .venv-frontends/bin/python -m pytest $(FRONTENDS_PYTEST) tests/frontends $(ARGS)

lint: .venv/ready  ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/ready .venv-monitors/ready services  ## speed and footprint against peers; writes benchmarks/results/
	$(BIN)/python -m benchmarks.sketches
	$(BIN)/python -m benchmarks.agent_memory
	$(BIN)/python -m benchmarks.footprint
	$(BIN)/python -m benchmarks.quantized
	$(BIN)/python -m benchmarks.scoring
	$(BIN)/python -m benchmarks.drift
	$(BIN)/python -m benchmarks.drift.side_by_side
	$(BIN)/python -m benchmarks.judging
	$(BIN)/python -m benchmarks.explaining

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

LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-annotate
EXTRAS := agent bench boosters client compiler cross dev onnx server
# What the lock of the frontends holds beside that extra: the test runner, and what torch asks for.
FRONTENDS_TOO := pytest pytest-timeout setuptools filelock fsspec jinja2 networkx sympy typing-extensions

# What the monitors ask for and the benchmark does not: pictures in a browser, and graphics cards.
MONITORS_WITHOUT := kaleido nvidia-nccl-cu12

lock: .venv/ready  ## resolve the dependencies again: names, versions, hashes
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) $(EXTRAS:%=--extra %) --output-file requirements.lock pyproject.toml
	mkdir -p build && echo torch > build/left-out.txt
	printf '%s\n' $(MONITORS_WITHOUT) > build/monitors-left-out.txt
	printf '%s\n' $(FRONTENDS_TOO) > build/frontends.in
	$(LOCK) --extra frontends --excludes build/left-out.txt --output-file requirements-frontends.lock \
		pyproject.toml build/frontends.in
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["monitors"], sep="\n")' > build/monitors.in
	$(LOCK) --excludes build/monitors-left-out.txt --output-file requirements-monitors.lock build/monitors.in

clean:
	rm -rf .venv .venv-frontends .venv-monitors build dist *.egg-info
	find $(HOUSES) -name '*.so' -delete

.venv/installed: requirements.lock
	@.ci/system-packages python
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --no-compile --no-deps --require-hashes --requirement requirements.lock
	@touch $@

.venv/ready: .venv/installed pyproject.toml setup.py $(EXTENSION_SOURCES)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# torch by its version alone, and not in the lock: where pip finds a build for the CPU only, that
# is a local one, whose hash is not the registry's.
.venv-frontends/ready: requirements-frontends.lock
	$(PYTHON) -m venv --clear .venv-frontends
	.venv-frontends/bin/python -m pip install --quiet --no-compile --require-hashes --requirement requirements-frontends.lock
	.venv-frontends/bin/python -m pip install --quiet --no-compile torch==2.13.0
	@touch $@

.venv-monitors/ready: requirements-monitors.lock
	$(PYTHON) -m venv --clear .venv-monitors
	.venv-monitors/bin/python -m pip install --quiet --no-deps --require-hashes --requirement requirements-monitors.lock
	@touch $@
