# Each target works in a fresh clone; a second call does no work again. `make help` lists them.

PYTHON ?= $(shell command -v python3 || command -v python)
VENV := .venv/bin/python
LESSONS := $(wildcard notebooks/[0-9]*.ipynb)

CHECK_LINKS = $(VENV) -m pytest -q -c /dev/null --rootdir . --noconftest -p no:cacheprovider --check-links \
	$(if $(WEB),,--check-links-ignore "https?://.*")

.DEFAULT_GOAL := help
.PHONY: help environment lab data test test-lab test-rerun lint audit run refresh bench clean

help: ## show this list
	@echo "Usage: make TARGET    (options: PYTHON=python3.12, TORCH=cpu or pypi)"
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

environment: ## make .venv with all packages (the other targets do it for you)
	@"$(PYTHON)" .ci/environment.py

lab: environment ## open JupyterLab on lesson 01
	@echo "JupyterLab: opening lesson 01; stop it with Ctrl-C twice."
	@cd notebooks && ../$(VENV) -m jupyter lab --ip=localhost \
		01-linear-regression-from-scratch.ipynb $(LAB)

data: environment ## fetch and check Fashion-MNIST (30 MB, once)
	@cd notebooks && ../$(VENV) -m course.fashion_mnist

test: environment ## run every notebook and compare its output, then the unit tests
	@$(VENV) .ci/test.py

test-lab: environment ## run every notebook in a real JupyterLab (needs Chromium)
	@$(VENV) -m pip install --quiet "playwright>=1.50"
	@$(VENV) .ci/lab.py $(LAB_TEST)

test-rerun: environment ## run every cell twice, all cells again, and interrupt the slow ones
	@$(VENV) .ci/rerun.py

lint: environment ## check the style of code and notebooks, and the links (WEB=1: also those that leave)
	@$(VENV) -m pip install --quiet "ruff>=0.17,<0.18" "pytest-check-links>=0.10"
	@$(VENV) -m ruff check .
	@$(VENV) -m ruff format --check .
	@$(CHECK_LINKS) --check-anchors README.md data/README.md
	@$(CHECK_LINKS) notebooks/*.ipynb

audit: environment ## look up known security holes of the installed packages (asks a server)
	@$(VENV) -m pip install --quiet "pip-audit>=2.7"
	@$(VENV) -m pip_audit --local

run: environment ## execute all notebooks headless into .run/
	@$(VENV) .ci/execute.py --into .run $(LESSONS)

refresh: environment ## execute all notebooks in place and tidy their metadata
	@$(VENV) .ci/execute.py $(LESSONS)

bench: environment ## measure: seconds a lesson, examples a second against d2l's loader
	@$(VENV) .ci/bench.py

clean: ## remove .venv and what the tools made; the data and the notebooks stay
	rm -rf .venv .run .everywhere .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -prune -exec rm -rf {} +
