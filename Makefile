# Every target does its own set-up, once: a virtual environment with the locked dependencies and this checkout.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test interop soak bench-tls bench-audit bench-hosts lint lock clean help

help:
	@echo "make demo     audit the embedded lab; prints the report's path last"
	@echo "make test     all tests that need no root and no other program"
	@echo "make interop  tests against real mail, TLS and DNS servers (root; skipped where they are not installed)"
	@echo "make soak     thousands of random DNSSEC lookups beside Unbound and delv (LOOKUPS=6000 SEED=1)"
	@echo "make bench-tls  our TLS surveys beside sslyze and testssl.sh, which it fetches (root; ROUNDS=3)"
	@echo "make bench-audit  a provider's whole audit beside the peers for the same questions (root; ROUNDS='3 1')"
	@echo "make bench-hosts  50 domains that share 5 mail hosts, in one run and one by one (no root)"
	@echo "make lint     ruff and mypy"
	@echo "make lock     write the lock files anew (needs pip-tools)"
	@echo "make clean    remove the virtual environment, caches and reports"

$(READY): pyproject.toml requirements-dev.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tr03108 needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	rm -rf $(VENV)
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)
	@$(BIN)/tr03108 demo

test: $(READY)
	$(BIN)/python -m pytest tests --ignore=tests/interop

interop: $(READY)
	$(BIN)/python -m pytest tests/interop

soak: $(READY)
	TR03108_SOAK_LOOKUPS=$(LOOKUPS) TR03108_SOAK_SEED=$(SEED) $(BIN)/python -m pytest -q -s tests/soak/soak_dnssec.py

bench-tls: $(READY)
	benchmarks/tls/peers.sh
	PYTHONPATH=tests $(BIN)/python benchmarks/tls/run.py --rounds $(or $(ROUNDS),3)

bench-audit: $(READY)
	benchmarks/tls/peers.sh
	PYTHONPATH=tests $(BIN)/python benchmarks/whole_audit.py --rounds $(or $(ROUNDS),3 1)

bench-hosts: $(READY)
	$(BIN)/python benchmarks/shared_hosts.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy checks

lock:
	pip-compile $(LOCK_OPTIONS) --all-extras --output-file requirements-dev.lock pyproject.toml
	pip-compile $(LOCK_OPTIONS) --constraint requirements-dev.lock --output-file requirements.lock pyproject.toml
LOCK_OPTIONS := --quiet --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate \
  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

clean:
	rm -rf $(VENV) build dist tr03108-report demo-report .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
