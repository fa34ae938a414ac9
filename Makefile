# Hindsight. `make run` is all a new machine needs; `make help` tells the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SYSTEM_PACKAGES := libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core

.PHONY: help run test check bench lock format
.DEFAULT_GOAL := help

help:
	@echo "make run    serve Hindsight on 127.0.0.1:8000 with sample data (SAMPLE=0: empty) until Ctrl-C"
	@echo "make test   every test: on SQLite, and what touches database or broker again on PostgreSQL + Redis"
	@echo "make check  ruff, mypy, templates, import contracts, migrations, deployment settings"
	@echo "make bench  benchmarks: name, ours, reference, ratio"
	@echo "make lock   compile requirements/ again from pyproject.toml (needs uv)"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo "Hindsight needs Python 3.11; $(PYTHON) is another. Try: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/base.installed: requirements/base.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/base.txt
	@touch $@

$(VENV)/dev.installed: requirements/dev.txt $(VENV)/base.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# WeasyPrint draws text with Pango, which pip cannot bring.
$(VENV)/pango.found: $(VENV)/base.installed
	@if ! $(BIN)/python -c 'import weasyprint' >/dev/null 2>&1; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(SYSTEM_PACKAGES); \
	  else \
	    echo "PDFs need Pango. Install it, then try again:" >&2; \
	    echo "  Debian, Ubuntu:  sudo apt-get install $(SYSTEM_PACKAGES)" >&2; \
	    echo "  macOS:           brew install pango" >&2; \
	    exit 1; \
	  fi; \
	fi
	@touch $@

run: $(VENV)/base.installed $(VENV)/pango.found
	@exec $(BIN)/python manage.py serve

test: $(VENV)/dev.installed $(VENV)/pango.found
	$(BIN)/python -m pytest -n 2 --dist loadfile -q
	$(BIN)/python -m tests.second_form

check: $(VENV)/dev.installed $(VENV)/pango.found
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djade --check --target-version 5.2 $$(git ls-files 'templates/*.html')
	$(BIN)/lint-imports
	$(BIN)/mypy .
	$(BIN)/python manage.py makemigrations --check --dry-run
	PUBLIC_URL=https://hindsight.example $(BIN)/python manage.py check --deploy --fail-level WARNING

bench: $(VENV)/dev.installed $(VENV)/pango.found
	$(BIN)/python -m benchmarks

format: $(VENV)/dev.installed
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .
	$(BIN)/djade --target-version 5.2 $$(git ls-files 'templates/*.html')

lock:
	uv pip compile pyproject.toml --python-version 3.11 --generate-hashes --no-header -q -o requirements/base.txt
	uv pip compile pyproject.toml --extra dev --python-version 3.11 --generate-hashes --no-header -q \
	  -c requirements/base.txt -o requirements/dev.txt
