# Everything starts here. `make help` lists the targets.
PYTHON ?= $(or $(shell command -v python3.11),python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SOAK_MINUTES ?= 30

.DEFAULT_GOAL := help
.PHONY: help setup run test fuzz check bench chaos soak alerts sbom format lock docs clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(READY)  ## make .venv with the locked dependencies

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "expected Python 3.11 or newer, got %s; say make PYTHON=python3.11" % sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: $(READY)  ## bring everything up and put the sample documents through it
	$(BIN)/serdab demo

test: $(READY)  ## run the tests, real PostgreSQL and all
	$(BIN)/python -m pytest

fuzz: $(READY)  ## look for new examples against the properties (minutes; make test repeats the same ones each time)
	$(BIN)/python -m pytest --hypothesis-profile fuzz --timeout 1800 tests/property tests/unit/test_flow_arguments.py tests/unit/test_flow_retries.py tests/unit/test_flow_payloads.py

check: $(READY)  ## lint, types, layers and sizes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/size.py
	$(BIN)/python tools/front_doors.py

PEERS := .venv-peers/.ready
$(PEERS): bench/peers/requirements.lock
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r bench/peers/requirements.lock
	@command -v redis-server >/dev/null || (apt-get update -q && apt-get install -q -y --no-install-recommends redis-server)
	@touch $@

bench: $(READY) $(PEERS)  ## measure every published claim (minutes; needs nothing else running)
	$(BIN)/python bench/durable_steps.py
	$(BIN)/python bench/latency.py
	$(BIN)/python bench/where_time_goes.py
	$(BIN)/python bench/parking.py
	$(BIN)/python bench/embed.py
	$(BIN)/python bench/documents.py
	$(BIN)/python bench/reading.py

chaos: $(READY)  ## break everything on purpose, prove that nothing is lost (half an hour; report in bench/results)
	$(BIN)/python -m chaos

soak: $(READY)  ## half an hour at half load with a snapshot held open: does anything grow? (SOAK_MINUTES=30)
	$(BIN)/python bench/soak.py --minutes $(SOAK_MINUTES)

alerts: $(READY)  ## check and test the alert rules with a real promtool (Debian: installs the package prometheus)
	@command -v promtool >/dev/null || (apt-get update -q && apt-get install -q -y --no-install-recommends prometheus)
	promtool check rules deploy/prometheus/serdab.rules.yml
	promtool test rules deploy/prometheus/serdab.rules.test.yml
	$(BIN)/python -m pytest tests/docs/test_alerts.py

sbom: $(READY)  ## write dist/sbom.cdx.json: what is in requirements.lock, as CycloneDX 1.5
	$(BIN)/python tools/sbom.py dist/sbom.cdx.json

format: $(READY)  ## let ruff format and fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)  ## write the generated reference again
	$(BIN)/python tools/reference.py

lock: $(READY)  ## write requirements.lock again (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --all-extras --no-emit-index-url --no-header -o requirements.lock pyproject.toml
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o bench/peers/requirements.lock bench/peers/requirements.in

clean:  ## remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis build dist src/*.egg-info
