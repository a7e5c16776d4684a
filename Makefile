# Everything one does with this project. Nothing but Python 3.11+ is needed beforehand: what needs packages
# first makes .venv with the pinned ones. ARGS passes arguments on: make run ARGS="--workers 4".

VENV ?= .venv
PYTHON ?=
ARGS ?=
PY := $(VENV)/bin/python
SETUP := PYTHON="$(PYTHON)" ops/setup.sh $(VENV)
PIP_TOOLS := pip-tools==7.6.2
LOCK := CUSTOM_COMPILE_COMMAND="make lock" build/lock/bin/pip-compile --quiet --no-config \
	--generate-hashes --allow-unsafe --all-build-deps --strip-extras --annotation-style=line \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

.PHONY: run test check docs bench bench-quick gate gate-accept lock image clean help

help: ## show the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1  /p' Makefile

run: $(VENV)/.run ## start the registry, its data in ./data
	@exec $(VENV)/bin/registry serve $(ARGS)

# The closing line of pytest is repeated at the end, after the coverage report. The coverage asked
# for is that of the whole suite, so a part of it (ARGS) is not held to it.
test: $(VENV)/.dev ## run the tests and report their coverage
	@mkdir -p build && rm -f .coverage .coverage.* build/test.*
	@{ $(PY) -u -m coverage run -m pytest $(ARGS); echo $$? > build/test.status; } 2>&1 | tee build/test.log; \
	$(PY) -m coverage combine --quiet && $(PY) -m coverage report $(if $(ARGS),--fail-under=0); \
	covered=$$?; status=$$(cat build/test.status); \
	if [ $$status -eq 0 ]; then status=$$covered; fi; \
	echo $$status > build/test.status; \
	grep -E '(passed|failed|skipped|deselected|error|no tests ran).* in [0-9.]+s' build/test.log | tail -n 1; \
	exit $$status

check: $(VENV)/.dev ## the gate: format, lint, types, docs, tests
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m registry.config.docs --check docs/configuration.md
	@$(MAKE) --no-print-directory test

docs: $(VENV)/.run ## write the reference of the settings anew
	$(PY) -m registry.config.docs docs/configuration.md

bench: $(VENV)/.dev ## measure, at length
	$(PY) -m bench $(ARGS)

bench-quick: $(VENV)/.dev ## measure, in short
	$(PY) -m bench --quick $(ARGS)

gate: $(VENV)/.dev ## compare instructions and times of the parts with the baseline
	$(PY) -m bench.gate $(ARGS)

gate-accept: $(VENV)/.dev ## make what they are now the baseline
	$(PY) -m bench.gate --accept $(ARGS)

# Made with the oldest Python that is supported: it needs whatever newer ones need, and more.
lock: build/lock/.done ## pin the newest versions that pyproject.toml allows
	$(LOCK) --upgrade --output-file=ops/requirements.txt pyproject.toml
	$(LOCK) --upgrade --extra=dev --constraint=ops/requirements.txt \
		--output-file=ops/requirements-dev.txt pyproject.toml

image: ## build the container image
	docker build --tag fr0g-ai-registry .

clean: ## remove all that was made, but not ./data
	rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* .benchmarks
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.run: ops/requirements.txt ops/setup.sh pyproject.toml
	@$(SETUP) ops/requirements.txt --editable
	@touch $@

$(VENV)/.dev: ops/requirements-dev.txt ops/setup.sh pyproject.toml
	@$(SETUP) ops/requirements-dev.txt --editable
	@touch $@ $(VENV)/.run

build/lock/.done:
	python3.11 -m venv --clear build/lock
	build/lock/bin/python -m pip --disable-pip-version-check install --quiet $(PIP_TOOLS)
	@touch $@
