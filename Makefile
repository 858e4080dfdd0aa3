# make demo: from a fresh clone to a talking face. make test: the test suite. Only Python 3.11-3.13 is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check

export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1

# A test process computes on one thread; pytest runs one process per core.
TEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow torture fuzz bench licences lint format parameters lock check-lock clean

help:
	@echo "make demo       install, run the pipeline on the demo speaker, say where the results are"
	@echo "make test       install, run the tests (test-slow: the long ones)"
	@echo "make torture    kill commands fifty times and compare (make fuzz: read 10,000 damaged inputs)"
	@echo "make bench      speed against what people use instead (docs/benchmarks.md)"
	@echo "make licences   of all packages that are installed with this one"
	@echo "make lint       ruff and mypy (format: rewrite the layout)"
	@echo "make parameters write docs/parameters.md from difftalker/config"
	@echo "make lock       for a release: run all stages anew, say which files to commit (check-lock: are they in step?)"
	@echo "make install    only .venv with the difftalker command"
	@echo "make clean      remove .venv, scratch files and tool caches; data and models stay"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "error: $(PYTHON) is not Python 3.11, 3.12 or 3.13; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# The stamps hold the time of the last installation from each lock file.
$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the packages of requirements.lock into $(VENV) (a minute or more) ..."
	@$(INSTALL) -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "Installing the tools of requirements-dev.lock ..."
	@$(INSTALL) -r requirements-dev.lock
	@touch $@

install: $(VENV)/.runtime

demo: install
	@$(BIN)/python -c "from pipelines.graph import mend_after_kill; mend_after_kill('.')"
	@dvc repro
	@echo
	@echo "Video     data/results/synthesis/"
	@echo "Metrics   data/results/metrics.json"
	@echo "Report    data/results/report.html (open it in a browser)"
	@echo "Git       dvc.lock, metrics and plots are now those of this machine, so git shows them as changed"
	@echo "Next      source .venv/bin/activate"
	@echo "          difftalker dub --audio data/results/synthesis/demo.mp4 -o talk.mp4   (or any recording of speech)"

test: $(VENV)/.dev
	@$(TEST)

test-slow: $(VENV)/.dev
	@$(TEST) -m slow

torture: $(VENV)/.dev
	@$(BIN)/python -m tests.torture

fuzz: $(VENV)/.dev
	@$(BIN)/python -m tests.fuzz

bench: $(VENV)/.dev
	@$(BIN)/python -m benchmarks.bench --quick

licences: install
	@$(BIN)/python docs/licences.py

lint: $(VENV)/.dev
	@ruff check .
	@ruff format --check .
	@mypy

format: $(VENV)/.dev
	@ruff check --fix .
	@ruff format .

parameters: install
	@$(BIN)/python docs/parameters.py

# With --force: what all stages share is no dependency of them, so DVC alone would not see a change there.
lock: $(VENV)/.dev
	@dvc repro --force
	@$(MAKE) --no-print-directory check-lock
	@echo "To commit for the release:"
	@git status --short -- dvc.lock data/raw/dvc.lock data/results data/plots

check-lock: $(VENV)/.dev
	@$(BIN)/python -m pytest -m release tests/stages/test_lock.py

clean:
	rm -rf $(VENV) build dist *.egg-info data/scratch .pytest_cache .hypothesis .mypy_cache .ruff_cache
