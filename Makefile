# The two commands a newcomer needs: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv

build:
	$(PYTHON) setup.py build_ext --inplace

.PHONY: build
