# Every target sets up what it needs first; nothing has to be installed by hand.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: playground tour test lint setup page bench judge chaos image clean

playground: setup page            ## the whole thing, with no account: a local Slack, Azure and Kubernetes
	$(BIN)/python -m playground $(ARGS)

tour: setup                       ## the whole document, headless: prints the thread, exits 0 or 1
	$(BIN)/python -m tests.tour $(ARGS)

# Most of a test is waiting, so there are more of them than cores; tests/conftest.py has those begun first that take longest.
AT_ONCE := -n 4 --no-loadscope-reorder

test: setup page lint             ## everything that has to pass
	$(BIN)/python -m pytest $(AT_ONCE) --dist loadscope --ignore=tests/judge --ignore=tests/image --ignore=tests/faults $(ARGS)
	$(BIN)/python -m pytest $(AT_ONCE) --dist loadfile tests/faults $(ARGS)  # by themselves: they kill, freeze and count

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

judge: setup                      ## clients that we did not write (azure-cli, Bolt for JavaScript, kubectl) against the playground
	scripts/judge $(ARGS)

bench: setup                      ## measurements, about eight minutes, into docs/bench.md; ARGS=--full for a thousand operations on 200 clusters
	scripts/clients kubectl
	$(BIN)/python -m bench $(ARGS)
	$(BIN)/python -m bench.results

chaos: setup                      ## a night's work: 2,000 random schedules, 10,000 each of requests, policy files and logs; make chaos ARGS="200 --seed 7"
	$(BIN)/python -m chaos $(ARGS)
	$(BIN)/python -m chaos.inputs
	$(BIN)/python -m chaos.parsers

image: setup                      ## the container image, built without a daemon (Debian 12, root), and a whole story in containers of it
	scripts/image
	$(BIN)/python -m pytest tests/image $(ARGS)

setup: .venv/ready

.venv/ready: pyproject.toml
	scripts/venv $(PYTHON)
	touch $@

page: setup playground/page/dist/index.html

playground/page/dist/index.html: $(shell find playground/page/src -type f 2>/dev/null) playground/page/package-lock.json
	scripts/page

clean:
	rm -rf .venv .tools playground/page/dist playground/page/node_modules
