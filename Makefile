# Two commands do everything on a fresh machine with Python 3.11+, git and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo

.PHONY: help demo test test-all test-faults lint bench audit fuzz docs clean
help:
	@echo "make demo      install, run the main job on the bundled demo, print the table and where the page is"
	@echo "make test      lint, types, and the tests that take minutes at most"
	@echo "make test-all  the same and the long tests (kills, real data sets)"
	@echo "make test-faults  kills at random moments, full disks, damaged files, and long work: minutes"
	@echo "make lint      ruff and mypy"
	@echo "make bench     the benchmarks of docs/benchmarks.md"
	@echo "make audit     known weaknesses of the pinned packages, and what is installed with its licences"
	@echo "make fuzz      coverage-guided fuzzing of what is read, SECONDS=60 a kind of file"
	@echo "make docs      the documentation, as a site in site/"

# One install serves all targets; it is done again when a pin or the packaging changes.
$(VENV)/installed: constraints.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

demo: $(VENV)/installed
	$(BIN)/seqbench config init $(DEMO)
	$(BIN)/seqbench run $(DEMO)/demo.yaml

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/pytest --numprocesses auto --dist worksteal -m "not slow and not faults"

test-all: lint
	$(BIN)/pytest --numprocesses auto --dist worksteal -m "not faults"

test-faults: $(VENV)/installed
	$(BIN)/pytest --numprocesses auto --dist worksteal -m faults -rs tests/faults

bench: $(VENV)/installed
	$(BIN)/python benchmarks/real_data.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[bench]"
	$(BIN)/python benchmarks/extract.py

audit: $(VENV)/installed
	$(BIN)/python scripts/audit.py

FUZZED ?= data\ set config fasta table bed vcf
SECONDS ?= 60
fuzz: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[fuzz]"
	for kind in $(FUZZED); do $(BIN)/python scripts/fuzz.py "$$kind" $(SECONDS) || exit 1; done

docs: $(VENV)/installed
	$(BIN)/python scripts/config_reference.py > docs/config.md
	$(BIN)/python scripts/command_reference.py > docs/commands.md
	$(BIN)/python scripts/api_reference.py > docs/api.md
	$(BIN)/python scripts/fault_messages.py > docs/fault-messages.md
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) $(DEMO) site build dist .mypy_cache .ruff_cache .pytest_cache
