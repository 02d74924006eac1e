# The two commands a newcomer needs: `make demo` and `make test`. Everything goes into .venv; nothing needs root.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
JOBS ?= 2

.PHONY: demo test test-all build bench lint clean

## Drive a small truck for a minute, replay its raw bytes through the stack, write runs/latest/report.html
demo: build
	$(BIN)/autonomy demo

## The default test suite
test: build
	$(BIN)/python -m pytest -m "not slow"

## Everything, the slow tests and the recorded logs included
test-all: build
	$(BIN)/python -m pytest

## Our kernels beside the libraries one would use instead
bench: build
	$(BIN)/autonomy bench

## Compile what changed
build: $(VENV)/.installed
	$(BIN)/python setup.py --quiet build_ext --inplace --parallel $(JOBS)

lint: build
	$(BIN)/ruff check .

$(VENV)/.installed: pyproject.toml constraints/python3.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints/python3.txt "setuptools>=77" wheel cython
	AUTONOMY_KERNELS=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints/python3.txt \
	    --no-build-isolation -e ".[dev]"
	touch $@

clean:
	rm -rf build dist *.egg-info runs
	find autonomy drivers hil -name '*.so' -delete
