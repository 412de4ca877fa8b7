# Every target first makes the environment right; the second time that costs a stat of two files.

PYTHON ?= python3
# Another Python gets another: make test-service PYTHON=python3.12 VENV=.venv-3.12
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OLDEST_FLASK := $(VENV)/oldest-flask
NEXT_FLASK := $(VENV)/next-flask
OLDEST_FLASK_LOCK := tests/flask_app/serving/oldest-flask.txt
LOCK_INPUTS := --all-extras --group build --group test --group lint --group typing --group docs \
  --group calibration

# The handbook: its sources in docs/, what is built of them out of the way of tests that read those.
DOCS := build/docs
DOCS_LANGUAGE ?= en
SPHINX := $(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --jobs auto

# Hundreds of tests start a server or the lab itself: each would compile all of ours again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help env compare test test-service serve lint style types judge docs docs-catalogues lock oldest-flask flask-next clean

help: ## Show this list
	@echo 'make compare   try the tutorial'"'"'s claims on real servers, here and now (about three minutes)'
	@echo 'make serve     serve the Flask app on Hypercorn, for a browser'
	@echo 'make test      lint, types, layout rules, every branch of judge, and every test'
	@echo 'make test-service   the Flask app'"'"'s and the bridges'"'"' tests only, so on another Python:'
	@echo '               make test-service PYTHON=python3.13 VENV=.venv-3.13'
	@echo 'make lint      ruff and mypy only'
	@echo 'make docs      build the handbook, offline, and fail on any warning: $(DOCS)/html/index.html'
	@echo 'make docs-catalogues   write the catalogues that a translation is made from'
	@echo 'make lock      resolve the dependencies anew into requirements.lock'
	@echo 'make env       build or refresh .venv from requirements.lock'
	@echo 'make oldest-flask   put the oldest supported Flask into a folder of its own, for the tests'
	@echo 'make flask-next SOURCE=/path/to/checkout   try the event-loop bridge on a Flask that is not released yet'
	@echo 'make clean     remove .venv, other Pythons'"'"' .venv-*, and the tools'"'"' caches (results/ stays)'
	@echo
	@echo 'Options go through ARGS: make compare ARGS="tutorial --seed 7"; make serve ARGS="--bridge asgiref"'

env: $(STAMP)

# uv makes this seconds instead of a minute; without it, pip reads the same lock. Compiled now, for every server that is
# started is a Python that loads all of it, and not everywhere may an import keep what it compiled.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo 'This needs Python 3.11 or newer: make env PYTHON=python3.12' >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo 'Python has no venv module here; on Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	@echo 'Installing from requirements.lock ...'
	@if $(BIN)/python -m pip install --quiet --disable-pip-version-check uv; then \
	  $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes \
	    --requirement requirements.lock && \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . ; \
	else \
	  $(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable . ; \
	fi
	@touch $@

# Beside the environment's own Flask, which they take the place of for some tests: tests/flask_app/serving/other_flask.py.
# $(call install-beside,FOLDER,WHAT)
define install-beside
rm -rf $(1)
if test -x $(BIN)/uv; then \
  $(BIN)/uv pip install --quiet --python $(BIN)/python --target $(1) --no-deps $(2); \
else \
  $(BIN)/python -m pip install --quiet --disable-pip-version-check --target $(1) --no-deps $(2); \
fi
endef

oldest-flask: $(OLDEST_FLASK)/.installed

$(OLDEST_FLASK)/.installed: $(OLDEST_FLASK_LOCK) $(STAMP)
	@$(call install-beside,$(OLDEST_FLASK),--require-hashes --requirement $(OLDEST_FLASK_LOCK))
	@touch $@

# Each time anew, and out of no cache: a checkout changes.
flask-next: $(if $(SOURCE),env)
	@test -n '$(SOURCE)' || { echo 'Say where a checkout of Flask is: make flask-next SOURCE=/path/to/checkout' >&2; exit 2; }
	@$(call install-beside,$(NEXT_FLASK),--no-cache-dir '$(abspath $(SOURCE))')
	@$(BIN)/python -m tests.flask_app.serving.other_flask

compare: env
	@$(BIN)/lab compare $(ARGS)

serve: env
	@$(BIN)/lab serve $(ARGS)

lint: style types

style: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: env
	$(BIN)/mypy

judge: env
	$(BIN)/pytest tests/benchmarks/judge --quiet --cov=benchmarks.judge --cov-branch --cov-fail-under=100 --cov-report=term-missing:skip-covered

# Types and judge take one core each, so that they go side by side. Half of the other tests is waiting, for servers that
# start and for time-outs, so four files go at once; what counts or takes shares of CPU time comes after, alone. Files come
# in their own order: by their number of tests, those that take longest would come last.
AT_ONCE := $(BIN)/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder -m 'not alone'
ALONE := $(BIN)/pytest -m alone $$(grep --recursive --files-with-matches --include="*.py" mark.alone tests)

test: style oldest-flask
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory --jobs 2 types judge
	$(AT_ONCE) $(or $(ARGS),--ignore tests/benchmarks/judge)
	$(if $(ARGS),,$(ALONE))

test-service: oldest-flask
	$(AT_ONCE) tests/flask_app $(ARGS)

docs: env
	@$(SPHINX) --doctree-dir $(DOCS)/doctrees --builder html --define language=$(DOCS_LANGUAGE) docs $(DOCS)/html/$(filter-out en,$(DOCS_LANGUAGE))
	@echo 'Open $(DOCS)/html/$(addsuffix /,$(filter-out en,$(DOCS_LANGUAGE)))index.html'

docs-catalogues: env
	@$(SPHINX) --doctree-dir $(DOCS)/doctrees-catalogues --builder gettext docs $(DOCS)/catalogues

lock: ## Needs no environment: it is what the environment is made from
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --upgrade $(LOCK_INPUTS) \
	  --custom-compile-command 'make lock' --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .venv-* $(DOCS) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
