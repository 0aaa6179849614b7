# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 2
SHARED := -n $(WORKERS) --dist worksteal
DOCS_READY := $(VENV)/.ready-docs

.PHONY: demo test check coverage docs bench drill clean

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $(READY)

demo: $(READY)
	$(BIN)/python -m rubbercarbon demo

test: $(READY)
	$(BIN)/python -m pytest $(SHARED) -m 'not drill'

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell

coverage: $(READY)
	$(BIN)/coverage erase
	NUMBA_DISABLE_JIT=1 $(BIN)/coverage run -m pytest $(SHARED) -m 'not jit and not slow and not drill'
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=95

$(DOCS_READY): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	touch $(DOCS_READY)

docs: $(DOCS_READY)
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build

bench: $(READY)
	$(BIN)/python benchmarks/kernels.py
	$(BIN)/python benchmarks/draws.py
	$(BIN)/python benchmarks/projection.py
	$(BIN)/python benchmarks/national.py
	$(BIN)/python benchmarks/startup.py

drill: $(READY)
	$(BIN)/python -m pytest -m drill -s
	$(BIN)/python benchmarks/felled_trees.py
	$(BIN)/python benchmarks/felled_intervals.py

clean:
	rm -rf $(VENV) docs/_build docs/generated dist .mypy_cache .ruff_cache .pytest_cache .coverage .coverage.* rubbercarbon-demo
