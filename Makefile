# make demo | make test | make lint | make bench: each makes .venv and installs what it needs, once.
#
# PYTHON=python3.12 make test      another Python (3.11 or newer)
# PIP_EXTRA_INDEX_URL=… make demo   pip's own variables hold: PyTorch's index of CPU builds saves
#                                  gigabytes of CUDA on a machine without an NVIDIA GPU

PYTHON ?= python3
# Two workers, each test file on one of them, so that what a file prepares is prepared once.
PYTEST_OPTIONS ?= -n 2 --dist loadfile
BIN := .venv/bin
USER_STAMP := .venv/.installed
DEV_STAMP := .venv/.installed-dev
BENCH_STAMP := .venv/.installed-bench
# The demo needs less than the tests; where everything is there already, it takes that.
DEMO_STAMP := $(if $(wildcard $(DEV_STAMP)),$(DEV_STAMP),$(USER_STAMP))
# Where TypeScript checks the types of the study's pages; nothing that npm installs is shipped.
PAGES := tests/study/pages
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test libraries lint page-types bench clean

help:
	@echo 'make demo   train one network under MSE, MAE and MS-SSIM, and write the report'
	@echo 'make test   run the tests'
	@echo 'make libraries  install TensorFlow and BasicSR, for the tests that compare with them'
	@echo 'make lint   check format, style, types and the arrows between the rooms'
	@echo 'make bench  measure speed and memory beside other libraries, and write docs/benchmarks.md'
	@echo 'make clean  remove .venv and what the tools left'

demo: $(DEMO_STAMP)
	$(BIN)/snellen reconstruct --preset demo

test: $(DEV_STAMP)
	@tests/install_browser.sh
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

# What is too large for every `make test`; tests/metrics/test_named_conventions_libraries.py then
# runs it. BasicSR's metrics need nothing else of what it asks for.
libraries: $(DEV_STAMP)
	$(PIP_INSTALL) tensorflow-cpu opencv-python-headless setuptools wheel
	$(PIP_INSTALL) --no-deps --no-build-isolation basicsr

lint: $(DEV_STAMP) page-types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# npm's own lock file, written last, says that all of it is there.
PAGE_STAMP := $(PAGES)/node_modules/.package-lock.json

ifneq ($(shell command -v npm),)
page-types: $(PAGE_STAMP)
	npm run --prefix $(PAGES) --silent types
else
page-types:
	@echo 'npm is not installed: the types of the pages of snellen study were not checked' >&2
endif

$(PAGE_STAMP): $(PAGES)/package.json $(PAGES)/package-lock.json
	npm ci --prefix $(PAGES) --ignore-scripts --silent
	@touch $@

# On a machine with nothing else to do. BENCH_OPTIONS='--quick --rounds 1' tries it out, into runs/.
bench: $(BENCH_STAMP)
	$(BIN)/python -m benchmarks.compare_metrics $(BENCH_OPTIONS)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'snellen needs Python 3.11 or newer: PYTHON=python3.11 make …' >&2; exit 1; }
	$(PYTHON) -m venv .venv

$(USER_STAMP): pyproject.toml | $(BIN)/python
	@echo 'installing into .venv: some minutes the first time'
	$(PIP_INSTALL) -e .
	@touch $@

$(DEV_STAMP): pyproject.toml | $(BIN)/python
	@echo 'installing into .venv: some minutes the first time'
	$(PIP_INSTALL) -e '.[dev]'
	@# Without its torchvision, which none of its SSIM needs and which is tied to one torch.
	$(PIP_INSTALL) --no-deps 'piq>=0.8'
	@touch $@ $(USER_STAMP)

# piq and piqa ask for torchvision, which is locked to one torch: without it, they may not import.
$(BENCH_STAMP): pyproject.toml | $(BIN)/python
	@echo 'installing into .venv: some minutes the first time'
	$(PIP_INSTALL) -e '.[bench]'
	$(PIP_INSTALL) --no-deps piq piqa
	@touch $@ $(USER_STAMP)

clean:
	rm -rf $(PAGES)/node_modules
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
