# The front door. `make help` lists the verbs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
MAKEFLAGS += --no-print-directory

STAGE ?= k3s
# Whose stores hold the data; DATA=managed lets the stage k3s go on with those of the stage managed.
DATA ?=
UV_VERSION := 0.13.9
UV := $(or $(shell command -v uv 2>/dev/null),.cache/uv/bin/uv)
PY := .venv/bin/python
# Most tests wait for servers of their own; a file's tests share them and stay together. WORKERS=0 runs all in one process.
WORKERS ?= 2
# A test that takes its process with it ends the run with its name; xdist's replacement of the process waits forever with --dist loadfile.
CRASHED := --max-worker-restart 0
# `make test` leaves out what is marked `full`: other points, sides and forms of what the rest proves. `make test-full` leaves out nothing.
PICK ?= -m "not full"
# A caller's configuration of Ansible must not change what the checkout does.
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
# Podman's netavark and the tests look for iptables and haproxy, which are not in the PATH of a plain user's shell.
export PATH := $(CURDIR)/.venv/bin:$(PATH):/usr/local/sbin:/usr/sbin:/sbin
# Some images of CI forbid Python to keep what it compiled; then each of hundreds of starts compiles Ansible and boto3 again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help
help: ## list the verbs
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: .venv/.ready ## install the controller's Python environment, pinned by uv.lock

.cache/uv/bin/uv:
	@if ! python3 -c 'import venv, ensurepip' 2>/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
	fi
	python3 -m venv .cache/uv
	.cache/uv/bin/pip install --quiet --no-deps uv==$(UV_VERSION)

.venv/.ready: uv.lock pyproject.toml | $(filter .cache/uv/bin/uv,$(UV))
	@own=
	# The distribution's own Python comes first: it is built by what a profile of its use says, which one by pyenv is not, and Ansible is
	# a fifth faster by it. UV_PYTHON names another.
	if [ -z "$${UV_PYTHON:-}" ] && /usr/bin/python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
	  own=/usr/bin/python3
	fi
	$(UV) sync --frozen --quiet $${own:+--python "$$own"}
	touch $@

# The tests start servers of their own; the packages' services stay off (RUNLEVEL=1).
.PHONY: servers
servers:
	@tests/integration/other_redis.sh || echo "moves from Redis 6.0 and Valkey are left out: Debian's archive was not reached"
	if [ -x /usr/lib/postgresql/15/bin/postgres ] && command -v redis-server >/dev/null && command -v pgbouncer >/dev/null && command -v haproxy >/dev/null && command -v setpriv >/dev/null; then exit 0; fi
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	  echo "the tests need PostgreSQL 15 (/usr/lib/postgresql/15), redis-server, haproxy and pgbouncer on this machine" >&2; exit 1
	fi
	export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
	apt-get update -qq
	if ! apt-cache show postgresql-15 >/dev/null 2>&1; then
	  apt-get install -y -qq --no-install-recommends postgresql-common ca-certificates >/dev/null
	  /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y >/dev/null
	fi
	apt-get install -y -qq --no-install-recommends postgresql-15 redis-server haproxy pgbouncer util-linux >/dev/null

.PHONY: demo
demo: setup ## bring the stage up in the sandbox: local AWS, hosts, cluster, services (STAGE=k3s|single|managed, DATA=managed)
	@$(PY) -m sandbox up
	source .sandbox/env
	ansible-playbook site.yml -i inventories/$(STAGE) -e @.sandbox/vars.yml $(if $(DATA),-e platform_data_stage=$(DATA))

.PHONY: load
load: setup ## 1000 requests over 10 connections to the stage that stands in the sandbox, with a report and a picture (STAGE=k3s|single|managed)
	@source .sandbox/env
	ansible-playbook playbooks/load_check.yml -i inventories/$(STAGE) -e @.sandbox/vars.yml

.PHONY: lint
lint: setup ## yamllint, ansible-lint (production profile), ruff, mypy
	@yamllint -s .
	ruff check .
	ruff format --check .
	mypy plugins/module_utils sandbox molecule/k3s/hosts.py
	antsibull-changelog lint
	# Else an older copy that ansible-lint or molecule left in the home would stand for the modules here. It starts Ansible for each playbook
	# and role, on no inventory: without the plugin that reads AWS, and without callbacks.
	ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/collections" ANSIBLE_INVENTORY_ENABLED=host_list ANSIBLE_CALLBACKS_ENABLED= ansible-lint -c .config/ansible-lint.yml
	if command -v go >/dev/null; then go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.7; else echo "actionlint left out: no Go here"; fi

.PHONY: unit
unit: setup servers ## unit tests: decisions, without a server
	@pytest -n $(WORKERS) $(CRASHED) tests/unit

.PHONY: molecule
molecule: setup ## roles on real systemd hosts
	@$(PY) -m sandbox up
	molecule test -s k3s
	source .sandbox/env
	molecule test -s data_stores

.PHONY: e2e
e2e: setup ## the main job end to end in a fresh sandbox
	@$(MAKE) fresh
	$(MAKE) e2e-stages
	$(MAKE) e2e-end

.PHONY: fresh
fresh:
	@$(PY) -m sandbox down
	$(PY) -m sandbox up
	rm -rf .state

.PHONY: e2e-stages
e2e-stages:
	@pytest $(PICK) --durations=25 tests/integration/pg_source/test_container.py tests/e2e/test_[1-8]*.py tests/integration/k3s_contract tests/unit/sandbox/test_sandbox_gaps.py

# These take the sandbox away, so nothing else may need it any more.
.PHONY: e2e-end
e2e-end:
	@pytest $(PICK) --durations=5 tests/e2e/test_9_*.py

.PHONY: integration
integration: setup servers ## parts against real servers that the tests start themselves; the built artifact
	@pytest -n $(WORKERS) $(CRASHED) --dist loadfile $(PICK) --durations=25 tests/integration/artifact tests/integration/postgres tests/integration/pgbouncer tests/integration/redis_migration tests/integration/pg_source/test_service.py tests/integration/pg_source/test_role.py tests/integration/pg_migration tests/integration/retire tests/faults

# Three lanes side by side, for each waits about half of its time; the stages are the longest, and what measures no time gives way to
# the two that do. What the others say comes at the end; each is run to its end:
# one failure a run would cost the next half an hour.
.PHONY: test
test: setup servers ## everything CI runs; installs what is missing
	@folder=$$(mktemp -d)
	# A run that is stopped from outside says what it was at: its lanes' output would be gone with it.
	unfinished() {
	  for log in "$$folder"/*.log; do
	    if [ -e "$$log" ] && [ ! -e "$${log%.log}.done" ]; then printf '\n== make %s was not finished; it said last:\n' "$$(basename "$$log" .log)"; tail -n 5 "$$log"; fi
	  done
	}
	trap 'unfinished; jobs -p | xargs -r kill 2>/dev/null || true; rm -rf "$$folder"' EXIT
	lane() {
	  for verb in "$$@"; do
	    SECONDS=0
	    if $(MAKE) $$verb WORKERS=$(if $(filter 0,$(WORKERS)),0,1) >"$$folder/$$verb.log" 2>&1; then echo "make $$verb: passed, $$SECONDS s"
	    else echo "make $$verb: FAILED, $$SECONDS s; what it said comes at the end"; echo "$$verb" >>"$$folder/lost"; fi
	    touch "$$folder/$$verb.done"
	  done
	}
	lane integration &
	if $(MAKE) fresh; then
	  (renice -n 5 $$BASHPID >/dev/null 2>&1 || true; lane lint unit molecule) &
	  $(MAKE) e2e-stages || echo e2e-stages >>"$$folder/lost"
	  wait
	  $(MAKE) e2e-end || echo e2e-end >>"$$folder/lost"
	else
	  echo fresh >>"$$folder/lost"
	  wait
	fi
	for verb in lint unit integration molecule; do if [ -e "$$folder/$$verb.log" ]; then printf '\n== make %s\n' $$verb; cat "$$folder/$$verb.log"; fi; done
	if [ -e "$$folder/lost" ]; then echo "failed: make $$(paste -sd' ' "$$folder/lost")" >&2; exit 1; fi

.PHONY: test-full
test-full: ## everything that there is, with every variant and the long molecule scenarios
	@$(MAKE) test PICK=
	$(MAKE) molecule-more

.PHONY: molecule-more
molecule-more: setup ## three K3s servers, the first of them lost; releases of a compose application (not part of test)
	@$(PY) -m sandbox up
	molecule test -s k3s_ha
	molecule test -s compose

.PHONY: check
check: lint unit ## what a commit must pass: seconds, not minutes

# What a benchmark measures: k3s in the sandbox that stands, stage and managed in one of their own, the others with servers of their own.
WHAT ?= k3s
WRITE ?=
.PHONY: bench
bench: setup $(if $(filter redis copy downtime,$(WHAT)),servers) ## measure, print ratios (WHAT=k3s|stage|managed|redis|copy|downtime); WRITE=1 writes its section of docs/figures.md
	@$(if $(filter k3s,$(WHAT)),$(PY) -m sandbox up)
	$(PY) -m benchmarks $(WHAT) $(if $(WRITE),--write)

.PHONY: docs
docs: setup ## write the generated pages again
	@$(PY) docs/generate.py

.PHONY: clean
clean: ## stop and remove everything the sandbox made; image caches stay (make distclean removes them)
	@if [ -x $(PY) ] && $(PY) -c 'import typer' 2>/dev/null; then $(PY) -m sandbox down; fi
	rm -rf .state .pytest_cache .mypy_cache .ruff_cache .ansible

.PHONY: distclean
distclean: ## clean, and remove the image and build caches and the Python environment
	@if [ -x $(PY) ] && $(PY) -c 'import typer' 2>/dev/null; then $(PY) -m sandbox down --images; fi
	rm -rf .state .pytest_cache .mypy_cache .ruff_cache .ansible .cache .venv
