# Every target first sets up the environment that it needs; after the first time that is only a quick check.

PYTHON ?= python3
# Use a separate environment for another Python: make test-service PYTHON=python3.12 VENV=.venv-3.12
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --custom-compile-command 'make lock'
OLDEST_FLASK := $(VENV)/oldest-flask
NEXT_FLASK := $(VENV)/next-flask
OLDEST_FLASK_LOCK := tests/flask_app/serving/oldest-flask.txt

# Each need, its lock, and the parts of pyproject.toml in it. $(VENV)/.NEED exists once the need is installed. The tests
# need everything, so their lock is resolved first; a package has the same version in all locks.
LOCK_lab := requirements.lock
LOCK_locust := requirements-locust.lock
LOCK_frameworks := requirements-frameworks.lock
LOCK_docs := requirements-docs.lock
LOCK_test := requirements-test.lock
LOCKED_lab := --extra bench --group build pyproject.toml
LOCKED_locust := --extra bench --extra locust --group build pyproject.toml
LOCKED_frameworks := --extra bench --extra frameworks --group build pyproject.toml
LOCKED_docs := --group pyproject.toml:docs
LOCKED_test := --all-extras $(patsubst %,--group %,build test lint typing docs) pyproject.toml
NEEDS := lab locust frameworks docs test

# The handbook: its sources are in docs/, and its build elsewhere, because tests read the sources.
DOCS := build/docs
DOCS_LANGUAGE ?= en
SPHINX := $(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --jobs auto

# Hundreds of tests start a server or the lab itself: each would compile all our modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: FORCE help env env-locust env-frameworks env-docs env-test compare test test-service serve lint style types judge docs docs-catalogues lock oldest-flask flask-next clean

help: ## Show this list
	@echo 'make compare   test the tutorial'"'"'s claims on real servers (about three minutes)'
	@echo 'make serve     serve the Flask app on Hypercorn, for a browser'
	@echo 'make test      lint, types, layout rules, every branch of judge, and every test'
	@echo 'make test-service   the Flask app'"'"'s and the bridges'"'"' tests only; on another Python:'
	@echo '               make test-service PYTHON=python3.13 VENV=.venv-3.13'
	@echo 'make lint      ruff and mypy only'
	@echo 'make docs      build the handbook, offline, and fail on any warning: $(DOCS)/html/index.html'
	@echo 'make docs-catalogues   write the catalogues for a translation'
	@echo 'make lock      resolve the dependencies into requirements*.lock again'
	@echo 'make env       build or update .venv from requirements.lock, for lab'
	@echo 'make env-locust   the same for lab locust; env-frameworks: for every contender that lab contenders lists;'
	@echo '               env-docs, env-test: for make docs and make test'
	@echo 'make oldest-flask   install the oldest supported Flask into a separate folder, for the tests'
	@echo 'make flask-next SOURCE=/path/to/checkout   test the event-loop bridge on an unreleased Flask'
	@echo 'make clean     remove .venv, other Pythons'"'"' .venv-*, and the tools'"'"' caches (results/ stays)'
	@echo
	@echo 'Options go through ARGS: make compare ARGS="tutorial --seed 7"; make serve ARGS="--bridge asgiref"'

env: $(VENV)/.lab
env-locust env-frameworks env-docs env-test: env-%: $(VENV)/.%

# An environment belongs to the folder and the Python that it was made for.
USABLE := import os, pip, sys; \
  made = open(os.path.join(sys.prefix, "pyvenv.cfg"), encoding="utf-8").read().splitlines(); \
  sys.exit(sys.version_info < (3, 11) or not any(line.endswith(os.path.abspath(sys.prefix)) for line in made))

$(VENV)/.python: FORCE
	@if $(BIN)/python -c '$(USABLE)' 2>/dev/null; then test -e $@ || touch $@; else \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo '$(PYTHON) is not Python 3.11 or newer, which is required: make env PYTHON=python3.12' >&2; exit 1; }; \
	  $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo '$(PYTHON) has no venv module; on Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }; \
	  if test -e $(VENV)/pyvenv.cfg; then \
	    echo '$(VENV) was moved or is incomplete, or its Python is missing or older than 3.11: creating it again.'; \
	    rm -rf $(VENV); \
	  fi; \
	  $(PYTHON) -m venv $(VENV) && touch $@; \
	fi

# With uv this takes seconds instead of a minute; without it, pip reads the same lock. Compile now, because every server
# that starts is a Python that loads all of it, and some systems do not allow an import to store compiled files.
.SECONDEXPANSION:
$(NEEDS:%=$(VENV)/.%): $(VENV)/.%: $$(LOCK_$$*) pyproject.toml $(VENV)/.python
	@echo 'Installing from $< ...'
	@if $(PIP) uv; then install='$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python'; \
	else install='$(PIP)'; fi; \
	$$install --no-deps --require-hashes --requirement $< && \
	{ test $* = docs || $$install --no-deps --no-build-isolation --editable .; }
	@touch $@

# Other versions of Flask, which replace the environment's own for some tests: tests/flask_app/serving/other_flask.py.
# $(call install-beside,FOLDER,WHAT)
define install-beside
rm -rf $(1)
if test -x $(BIN)/uv; then \
  $(BIN)/uv pip install --quiet --python $(BIN)/python --target $(1) --no-deps $(2); \
else \
  $(PIP) --target $(1) --no-deps $(2); \
fi
endef

oldest-flask: $(OLDEST_FLASK)/.installed

$(OLDEST_FLASK)/.installed: $(OLDEST_FLASK_LOCK) $(VENV)/.test
	@$(call install-beside,$(OLDEST_FLASK),--require-hashes --requirement $(OLDEST_FLASK_LOCK))
	@touch $@

# Installed again each time, without a cache, because a checkout changes.
flask-next: $(if $(SOURCE),env-test)
	@test -n '$(SOURCE)' || { echo 'Name a checkout of Flask: make flask-next SOURCE=/path/to/checkout' >&2; exit 2; }
	@$(call install-beside,$(NEXT_FLASK),--no-cache-dir '$(abspath $(SOURCE))')
	@$(BIN)/python -m tests.flask_app.serving.other_flask

compare: env
	@$(BIN)/lab compare $(ARGS)

serve: env
	@$(BIN)/lab serve $(ARGS)

lint: style types

style: env-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

# The product is also checked for the other systems of a class's laptops; calibration and the tests need Linux.
ELSEWHERE = $(BIN)/mypy --platform $(1) --cache-dir .mypy_cache/$(1) --config-file tests/elsewhere.ini

types: env-test
	$(BIN)/mypy
	$(call ELSEWHERE,win32)
	$(call ELSEWHERE,darwin)

judge: env-test
	$(BIN)/pytest tests/benchmarks/judge --quiet --cov=benchmarks.judge --cov-branch --cov-fail-under=100 --cov-report=term-missing:skip-covered

# Types and judge use one core each, so they run side by side. Half of the other tests' time is waiting for servers to
# start and for timeouts, so three files run at once. Tests that count CPU time or its share run afterwards, alone.
# Files keep their own order: sorted by the number of tests, the slowest would come last.
AT_ONCE := $(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder -m 'not alone'
ALONE := $(BIN)/pytest -m alone $$(grep --recursive --files-with-matches --include="*.py" mark.alone tests)

test: style oldest-flask
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory --jobs 2 types judge
	$(AT_ONCE) $(or $(ARGS),--ignore tests/benchmarks/judge)
	$(if $(ARGS),,$(ALONE))

test-service: oldest-flask
	$(AT_ONCE) tests/flask_app $(ARGS)

docs: env-docs
	@$(SPHINX) --doctree-dir $(DOCS)/doctrees --builder html --define language=$(DOCS_LANGUAGE) docs $(DOCS)/html/$(filter-out en,$(DOCS_LANGUAGE))
	@echo 'Open $(DOCS)/html/$(addsuffix /,$(filter-out en,$(DOCS_LANGUAGE)))index.html'

docs-catalogues: env-docs
	@$(SPHINX) --doctree-dir $(DOCS)/doctrees-catalogues --builder gettext docs $(DOCS)/catalogues

# A version that is already in the file is kept.
define relock
cp $(LOCK_test) $(LOCK_$(1))
$(COMPILE) --output-file $(LOCK_$(1)) $(LOCKED_$(1))

endef

# To add or drop a package and leave the others at their versions: make lock UPGRADE=
UPGRADE ?= --upgrade

lock: $(VENV)/.python ## Needs no packages: they are installed from the locks
	@$(PIP) uv
	$(COMPILE) $(UPGRADE) --output-file $(LOCK_test) $(LOCKED_test)
	$(foreach need,$(filter-out test,$(NEEDS)),$(call relock,$(need)))

clean:
	rm -rf $(VENV) .venv-* $(DOCS) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
