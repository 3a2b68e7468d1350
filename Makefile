# `make help` lists the targets. Each installs what it needs of Python; the lab's also installs
# Debian packages (as root) and builds Kubernetes and Velero from Go modules, once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
# With LAB=kind commands run against a kind cluster instead of the lab.
ON_CLUSTER := $(if $(filter kind,$(LAB)),hack/kind/with.sh)
# Tests spread over the cores, each worker with an API server of its own.
SPREAD := -n auto --maxprocesses 4 --dist worksteal
IMAGE ?= velero-volume-controller:latest

.DEFAULT_GOAL := help
.PHONY: help venv lock lint format unit integration test e2e e2e-smoke bench-annotate bench-backup \
	bench-clear bench-plan bench-restore-plan demo lab-up lab-down lab-purge lab-status image manifests reference fuzz clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP) ## Make .venv with the locked dependencies, hashes checked

$(STAMP): requirements-dev.lock setup.cfg
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON): not found; Python 3.11 or newer is needed"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.11 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| { echo "$(PYTHON) lacks venv; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

lock: venv ## Pin the newest allowed dependencies anew, with hashes
	$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-header --no-annotate --no-emit-index-url \
		--python-version 3.11 setup.cfg -o requirements.lock
	$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-header --no-annotate --no-emit-index-url \
		--python-version 3.11 --extra dev setup.cfg -o requirements-dev.lock

lint: venv ## Style, types and the rooms' borders
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v shellcheck >/dev/null; then echo shellcheck; \
		shellcheck .ci/run $$(git ls-files '*.sh'); \
		else echo "shellcheck is not installed: shell scripts were not checked"; fi

format: venv ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

unit: venv ## The pure tests
	$(BIN)/pytest $(SPREAD) tests/unit

integration: venv ## The tests against a real API server and etcd, which they start
	@$(BIN)/python -m hack.lab build --control-plane-only
	$(BIN)/pytest $(SPREAD) tests/integration

test: lint ## Lint, types, unit and integration tests
	@$(BIN)/python -m hack.lab build --control-plane-only
	$(BIN)/pytest $(SPREAD)

e2e-smoke: venv ## The demo's story on the lab with Velero 1.18.3, as tests
	@$(ON_CLUSTER) $(BIN)/python -m hack.lab build
	$(ON_CLUSTER) $(BIN)/pytest tests/e2e -m smoke

e2e: venv ## All end-to-end tests, on three nodes with both versions of Velero
	@$(ON_CLUSTER) $(BIN)/python -m hack.lab build --velero 1.18.3 --velero 1.16.2
	LAB_NODES=$${LAB_NODES:-3} $(ON_CLUSTER) $(BIN)/pytest tests/e2e

bench-annotate: venv ## How fast pods are annotated, beside a bare loop of the same writes (15 minutes)
	@$(BIN)/python -m hack.lab build --control-plane-only
	$(BIN)/python -m tests.bench

bench-backup: venv ## BackupSets beside the best-configured plain Backup, on three nodes (2 hours)
	@$(BIN)/python -m hack.lab build --velero 1.18.3 --velero 1.16.2
	$(BIN)/python -m tests.bench.backup

bench-plan: venv ## How long the planner of BackupSets takes, and how near its plans come to the bound
	$(BIN)/python -m tests.bench.planner

bench-clear: venv ## How long a CleanRestore takes to clear 2,000 objects away, beside kubectl delete
	@$(BIN)/python -m hack.lab build --control-plane-only
	$(BIN)/python -m tests.bench.clear

bench-restore-plan: venv ## How long a CleanRestore's plan of 50,000 objects takes, and how much it holds
	@$(BIN)/python -m hack.lab build --control-plane-only
	$(BIN)/python -m tests.bench.restore_plan

demo: venv ## From nothing to a restored backup, told step by step
	$(ON_CLUSTER) $(BIN)/python -m hack.demo

lab-up: venv ## Bring the lab up (LAB_NODES, LAB_VELERO, LAB_NAME); LAB=kind uses kind
	$(ON_CLUSTER) $(BIN)/python -m hack.lab up

lab-down: venv ## End the lab
	@if [ "$(LAB)" = kind ]; then kind delete cluster --name vvc; else $(BIN)/python -m hack.lab down; fi

lab-purge: venv ## End the lab and remove its disks; binaries and images stay cached
	$(BIN)/python -m hack.lab purge

lab-status: venv ## Show the lab's machines, services and memory
	$(BIN)/python -m hack.lab status

image: venv ## Build the image: with Docker where it runs, else as an archive for containerd
	@if docker info >/dev/null 2>&1; then docker build -t $(IMAGE) .; \
		else $(BIN)/python -m hack.lab image; fi

manifests: venv ## Render config/ to manifests/install.yaml
	$(BIN)/python -m hack.manifests

reference: venv ## Write docs/reference/ and config/crd/ from the definitions in the code
	$(BIN)/python -m hack.reference
	$(BIN)/python -m hack.crds
	$(BIN)/python -m hack.crd_reference

fuzz: venv ## Throw documents at the configuration's parser for FUZZ_SECONDS (60)
	$(BIN)/python -m tests.fuzz --seconds $${FUZZ_SECONDS:-60}

clean: ## Remove what the targets made in this tree
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
