# The two commands a newcomer needs: `make demo` and `make test`. Everything goes into .venv; nothing needs root.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
JOBS ?= 2

FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?= all

.PHONY: demo demo-hil test test-all build extras bench lint sanitized sanitize socketcan controllers fuzz clean

## Drive a 40 t truck along a motorway in closed loop, replay its raw bytes, write runs/latest/report.html
demo: build
	$(BIN)/autonomy demo
	@echo; echo "Open runs/latest/report.html in a browser; docs/tutorial.md goes on from here."

## The stack as a real-time loop against a truck in another process, over vcan where there is one: lateness, losses, verdict
demo-hil: build
	$(BIN)/autonomy hil live -o runs/hil

## The default test suite; a file's tests stay together, for they share what was costly to make
test: build
	$(BIN)/python -m pytest -m "not slow" -n $(JOBS) --dist loadfile

## Everything, the slow tests and the recorded logs included
test-all: build
	$(BIN)/python -m pytest

## Our kernels beside the libraries one would use instead
bench: build
	$(BIN)/autonomy bench

## Compile what changed
build: $(VENV)/.installed
	@ls autonomy/*.so >/dev/null 2>&1 || echo "compiling the kernels, two to five minutes ..."
	@$(BIN)/python setup.py --quiet build_ext --inplace --parallel $(JOBS)

## SUMO traffic and FMU plants, for the tests that use them: 250 MB. A loud line where they cannot be had
extras: $(VENV)/.installed
	@for extra in traffic fmi; do \
	    AUTONOMY_KERNELS=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints/python3.txt \
	        --no-build-isolation -e ".[$$extra]" || echo "make extras: [$$extra] CANNOT BE HAD HERE, ITS TESTS ARE SKIPPED"; \
	done

lint: build
	$(BIN)/ruff check .

$(VENV)/.installed: pyproject.toml constraints/python3.txt
	@echo "installing Python packages into $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints/python3.txt "setuptools>=77" wheel cython
	@AUTONOMY_KERNELS=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints/python3.txt \
	    --no-build-isolation -e ".[dev]"
	@touch $@

SANITIZED = build/sanitize
# Leaks: tests/fuzz/test_leaks.py
IN_SANITIZED = cd $(SANITIZED) && PYTHONPATH=. ASAN_OPTIONS=detect_leaks=0

# A copy of the tree, compiled with the address and undefined-behaviour sanitizers
sanitized: build
	rm -rf $(SANITIZED) && mkdir -p $(SANITIZED)
	tar --exclude='*.so' -cf - autonomy drivers hil ext configs docs tests setup.py pyproject.toml README.md | tar -xf - -C $(SANITIZED)
	cd $(SANITIZED) && AUTONOMY_SANITIZE=1 $(abspath $(BIN))/python setup.py --quiet build_ext --inplace --parallel $(JOBS)

## The tests of the kernels under sanitizers
sanitize: sanitized
	$(IN_SANITIZED) LD_PRELOAD="$$(cc -print-file-name=libasan.so) $$(cc -print-file-name=libubsan.so)" \
	    $(abspath $(BIN))/python -m pytest -q -m "not slow" tests/playback tests/drivers tests/estimation tests/inputs \
	    tests/planning tests/control tests/safety tests/faults tests/fuzz tests/runtime tests/hil/plant tests/hil/rig/test_pacer.py

## Transport tests, a closed loop and processor time over real SocketCAN, in a user-mode kernel; a loud line where that cannot be had
socketcan: build
	@AUTONOMY_SOCKETCAN=1 PYTHONPATH=. UML_PYTHON=$(abspath $(BIN))/python hil/socketcan/uml.sh $(abspath $(BIN))/python -m pytest -q -m socketcan -p no:cacheprovider \
	    tests/socketcan tests/drivers/can/test_transport_contract.py; status=$$?; \
	if [ $$status = 98 ]; then echo "make socketcan: SKIPPED, NOTHING WAS TESTED OVER REAL SOCKETCAN"; exit 0; fi; \
	[ $$status = 0 ] || exit $$status; \
	PYTHONPATH=. UML_PYTHON=$(abspath $(BIN))/python hil/socketcan/uml.sh $(abspath $(BIN))/python -m autonomy bench socketcan

## The same transport on emulated CAN controllers with the kernel's driver: bit timing, error states, bus-off and restart
controllers: build
	@AUTONOMY_CONTROLLERS=1 PYTHONPATH=. UML_PYTHON=$(abspath $(BIN))/python hil/socketcan/qemu.sh $(abspath $(BIN))/python -m pytest -q -m controller \
	    -p no:cacheprovider tests/drivers/can/test_transport_contract.py tests/socketcan/test_controllers.py; status=$$?; \
	if [ $$status = 98 ]; then echo "make controllers: SKIPPED, NOTHING WAS TESTED ON CAN CONTROLLERS"; else exit $$status; fi

# The fuzzer's library is clang's and counts globals that gcc compiled otherwise
## Every reader and codec on inputs guided by coverage, the kernels under sanitizers, ten minutes each: for the night
fuzz: sanitized
	AUTONOMY_KERNELS=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints/python3.txt \
	    --no-build-isolation -e ".[fuzz]"
	$(IN_SANITIZED):detect_odr_violation=0 LD_PRELOAD="$$($(abspath $(BIN))/python -c 'import atheris; print(atheris.path())')/asan_with_fuzzer.so" \
	    $(abspath $(BIN))/python -m tests.fuzz.run $(FUZZ_TARGETS) --seconds $(FUZZ_SECONDS) --corpus $(CURDIR)/build/fuzz

clean:
	rm -rf build dist *.egg-info runs
	find autonomy drivers hil -name '*.so' -delete
