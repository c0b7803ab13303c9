# What can be done here? `make` alone says so. All of it happens in .venv, which is made when it is missing.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# Twice quiet: errors only, no word on how pip is configured.
PIP := $(PY) -m pip install -qq
# Options for `make bench` and `make mutants`, as in: make bench ARGS="--quick --rows tell,ask"
ARGS ?=

# The work tree and .venv alone decide what is imported.
unexport PYTHONPATH PYTHONHOME
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_ROOT_USER_ACTION = ignore

.DEFAULT_GOAL := help
.PHONY: help demo test lint mutants bench clean
.NOTPARALLEL:
.DELETE_ON_ERROR:

# $(call check,what,command): one line when it passes, all that it printed when it does not.
check = @printf '%-18s' '$(1)'; if out=$$($(2) 2>&1); then echo ok; else echo FAILED; echo "$$out"; exit 1; fi

help:
	@echo "make demo    have a crew of agents audit this folder, while a fire drill goes on; leaves a page in .cache/demo"
	@echo "make test    lint, then all tests; fails below full branch coverage of policies and actors/_core"
	@echo "make lint    ruff, mypy --strict and the import contracts"
	@echo "make mutants put faults into copies of the kernel, one at a time, and see that the tests notice (ARGS='--list')"
	@echo "make bench   the benchmarks, beside the peers that can be installed (ARGS='--quick')"
	@echo "make clean   remove all that was made here, .venv too"
	@echo "PYTHON=python3.12 chooses the interpreter for a new .venv (3.11 or later)"

demo: $(VENV)/.has-package
	@$(PY) examples/flagship.py --drill --out .cache/demo .

lint: $(VENV)/.has-tests
	$(call check,ruff check,$(PY) -m ruff check .)
	$(call check,ruff format,$(PY) -m ruff format --check .)
	$(call check,mypy --strict,$(PY) -m mypy)
	$(call check,import contracts,$(VENV)/bin/lint-imports)

# All but the stress tests run on all processors. Those run apart, one after the other: coverage would slow down just the
# races they are after, and what is measured in seconds wants the machine for itself. Status 5: there are none.
# A redis-server is got where there is none. If that fails, the tests that need it are skipped; where CI is set they fail.
# So is a browser; without one, the tests of the page are skipped.
test: lint
	@$(PY) -m tests.eventlog.redis_binary || [ -z "$$CI" ]
	@$(PY) -m tests.reports.browser || true
	@$(PY) -m coverage erase
	@$(PY) -m coverage run -m pytest -q -n auto -m "not stress"
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report
	@$(PY) -m pytest -q -m stress || [ $$? -eq 5 ]

mutants: $(VENV)/.has-tests
	@$(PY) -m tests.mutations $(ARGS)

bench: $(VENV)/.has-peers
	@$(PY) -m benchmarks $(ARGS)

clean:
	@rm -rf $(VENV) .cache build dist htmlcov .coverage .coverage.* .hypothesis
	@rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; choose one: make PYTHON=python3.12"; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.has-package: $(VENV)/.made pyproject.toml
	@echo "installing actortree"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.has-tests: $(VENV)/.made pyproject.toml
	@echo "installing actortree and the tools of its tests"
	@$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.has-package

# A peer that cannot be installed is left out of the table, which says so.
$(VENV)/.has-peers: $(VENV)/.made pyproject.toml
	@echo "installing actortree and the peers it is measured against"
	@$(PIP) --editable '.[bench,plot]' || $(PIP) --editable .
	@touch $@ $(VENV)/.has-package
