# Every target first makes the environment right, for what it needs; the second time that costs a look at it.

PYTHON ?= python3
# Another Python gets another: make test-service PYTHON=python3.12 VENV=.venv-3.12
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --custom-compile-command 'make lock'
OLDEST_FLASK := $(VENV)/oldest-flask
NEXT_FLASK := $(VENV)/next-flask
OLDEST_FLASK_LOCK := tests/flask_app/serving/oldest-flask.txt

# A need, its lock and what of pyproject.toml that holds: $(VENV)/.NEED is there when it has been installed. To test takes
# all of it, so that lock is resolved first; a package has the same version in all.
LOCK_lab := requirements.lock
LOCK_locust := requirements-locust.lock
LOCK_docs := requirements-docs.lock
LOCK_test := requirements-test.lock
LOCKED_lab := --extra bench --group build pyproject.toml
LOCKED_locust := --extra bench --extra locust --group build pyproject.toml
LOCKED_docs := --group pyproject.toml:docs
LOCKED_test := --all-extras $(patsubst %,--group %,build test lint typing docs calibration) pyproject.toml
NEEDS := lab locust docs test

# The handbook: its sources in docs/, what is built of them out of the way of tests that read those.
DOCS := build/docs
DOCS_LANGUAGE ?= en
SPHINX := $(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --jobs auto

# Hundreds of tests start a server or the lab itself: each would compile all of ours again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: FORCE help env env-locust env-docs env-test compare test test-service serve lint style types judge docs docs-catalogues lock oldest-flask flask-next clean

help: ## Show this list
	@echo 'make compare   try the tutorial'"'"'s claims on real servers, here and now (about three minutes)'
	@echo 'make serve     serve the Flask app on Hypercorn, for a browser'
	@echo 'make test      lint, types, layout rules, every branch of judge, and every test'
	@echo 'make test-service   the Flask app'"'"'s and the bridges'"'"' tests only, so on another Python:'
	@echo '               make test-service PYTHON=python3.13 VENV=.venv-3.13'
	@echo 'make lint      ruff and mypy only'
	@echo 'make docs      build the handbook, offline, and fail on any warning: $(DOCS)/html/index.html'
	@echo 'make docs-catalogues   write the catalogues that a translation is made from'
	@echo 'make lock      resolve the dependencies anew into requirements*.lock'
	@echo 'make env       build or refresh .venv from requirements.lock: what lab needs'
	@echo 'make env-locust   and what lab locust needs; env-docs, env-test: what make docs and make test need'
	@echo 'make oldest-flask   put the oldest supported Flask into a folder of its own, for the tests'
	@echo 'make flask-next SOURCE=/path/to/checkout   try the event-loop bridge on a Flask that is not released yet'
	@echo 'make clean     remove .venv, other Pythons'"'"' .venv-*, and the tools'"'"' caches (results/ stays)'
	@echo
	@echo 'Options go through ARGS: make compare ARGS="tutorial --seed 7"; make serve ARGS="--bridge asgiref"'

env: $(VENV)/.lab
env-locust env-docs env-test: env-%: $(VENV)/.%

# An environment belongs to the place where it was made and to the Python that made it.
USABLE := import os, pip, sys; \
  made = open(os.path.join(sys.prefix, "pyvenv.cfg"), encoding="utf-8").read().splitlines(); \
  sys.exit(sys.version_info < (3, 11) or not any(line.endswith(os.path.abspath(sys.prefix)) for line in made))

$(VENV)/.python: FORCE
	@if $(BIN)/python -c '$(USABLE)' 2>/dev/null; then test -e $@ || touch $@; else \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo '$(PYTHON) is no Python 3.11 or newer, which this needs: make env PYTHON=python3.12' >&2; exit 1; }; \
	  $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo '$(PYTHON) has no venv module; on Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }; \
	  if test -e $(VENV)/pyvenv.cfg; then \
	    echo '$(VENV) was made elsewhere or halfway, or its Python is gone or older than 3.11: it is made anew.'; \
	    rm -rf $(VENV); \
	  fi; \
	  $(PYTHON) -m venv $(VENV) && touch $@; \
	fi

# uv makes this seconds instead of a minute; without it, pip reads the same lock. Compiled now, for every server that is
# started is a Python that loads all of it, and not everywhere may an import keep what it compiled.
.SECONDEXPANSION:
$(NEEDS:%=$(VENV)/.%): $(VENV)/.%: $$(LOCK_$$*) pyproject.toml $(VENV)/.python
	@echo 'Installing from $< ...'
	@if $(PIP) uv; then install='$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python'; \
	else install='$(PIP)'; fi; \
	$$install --no-deps --require-hashes --requirement $< && \
	{ test $* = docs || $$install --no-deps --no-build-isolation --editable .; }
	@touch $@

# Beside the environment's own Flask, which they take the place of for some tests: tests/flask_app/serving/other_flask.py.
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

# Each time anew, and out of no cache: a checkout changes.
flask-next: $(if $(SOURCE),env-test)
	@test -n '$(SOURCE)' || { echo 'Say where a checkout of Flask is: make flask-next SOURCE=/path/to/checkout' >&2; exit 2; }
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

# The product's on the systems of a class's laptops too; calibration and the tests need Linux. What is for one system cannot be
# reached on another.
ELSEWHERE = $(BIN)/mypy --platform $(1) --cache-dir .mypy_cache/$(1) --no-warn-unreachable \
  --exclude benchmarks/exercises/tasks/ --exclude benchmarks/calibration/ --package flask_app --package benchmarks

types: env-test
	$(BIN)/mypy
	$(call ELSEWHERE,win32)
	$(call ELSEWHERE,darwin)

judge: env-test
	$(BIN)/pytest tests/benchmarks/judge --quiet --cov=benchmarks.judge --cov-branch --cov-fail-under=100 --cov-report=term-missing:skip-covered

# Types and judge take one core each, so that they go side by side. Half of the other tests is waiting, for servers that
# start and for time-outs, so three files go at once; what counts or takes shares of CPU time comes after, alone. Files come
# in their own order: by their number of tests, those that take longest would come last.
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

# A version that stands in the file already is kept.
define relock
cp $(LOCK_test) $(LOCK_$(1))
$(COMPILE) --output-file $(LOCK_$(1)) $(LOCKED_$(1))

endef

# To add or drop a package and leave the others at their versions: make lock UPGRADE=
UPGRADE ?= --upgrade

lock: $(VENV)/.python ## Needs no packages: it is what they are installed from
	@$(PIP) uv
	$(COMPILE) $(UPGRADE) --output-file $(LOCK_test) $(LOCKED_test)
	$(foreach need,$(filter-out test,$(NEEDS)),$(call relock,$(need)))

clean:
	rm -rf $(VENV) .venv-* $(DOCS) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
