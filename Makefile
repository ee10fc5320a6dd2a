# Each target works in a fresh clone; a second call does no work again. `make help` lists them.

VENV := "$(CURDIR)/.venv/bin/python"
# the Python that .venv was made with, once it is there
PYTHON ?= $(or $(shell command -v $(VENV) || command -v python3 || command -v python),$(error \
	neither python3 nor python is there, nothing was changed: install Python 3.10 to 3.15, try again))
SITE_VENV := "$(CURDIR)/.site-venv/bin/python"
SITE_READY := .site-venv/ready
# by its whole name: a learner may have copies
FIRST_LESSON := $(shell ls notebooks | grep -E '^[0-9]+-[a-z0-9-]+[.]ipynb$$' | head -n 1)

CHECK_LINKS = $(VENV) -m pytest -q -c /dev/null --rootdir . --noconftest -p no:cacheprovider --check-links \
	$(if $(WEB),,--check-links-ignore "https?://.*")

# set for the user's other projects; here they would change what is imported, installed or drawn
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONOPTIMIZE PYTHONSAFEPATH PYTHONWARNINGS
unexport PIP_TARGET PIP_PREFIX MPLBACKEND JUPYTERLAB_DIR
export PIP_USER := 0

.DEFAULT_GOAL := help
.PHONY: help environment lab data test test-lab run refresh lint bench frames site test-site update mark clean

help: ## show this list
	@echo "Usage: make TARGET    (options: PYTHON=python3.12, TORCH=cpu or pypi)"
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

environment: ## make .venv with all packages (the other targets do it for you)
	@"$(PYTHON)" .ci/environment.py

lab: environment ## open JupyterLab on the first lesson
	@echo "JupyterLab: opening $(FIRST_LESSON); stop it with Ctrl-C twice."
	@cd notebooks && $(VENV) -m jupyterlab --ip=localhost $(FIRST_LESSON) $(LAB)

data: environment ## fetch and check Fashion-MNIST (30 MB, once)
	@cd notebooks && $(VENV) -m course.fashion_mnist

test: environment ## run every notebook and compare its output, and the unit tests (TEST=--twice)
	@$(VENV) -m pytest $(TEST)

test-lab: environment ## use the notebooks in a real JupyterLab (needs Chromium)
	@$(VENV) -m pip install --quiet "playwright>=1.50"
	@$(VENV) .ci/browser_test.py $(LAB_TEST)

run: environment ## run all notebooks headless into .run/
	@$(VENV) .ci/run_notebooks.py --into .run

refresh: environment ## run all notebooks in place and store what they print (NOTEBOOKS=...)
	@$(VENV) .ci/run_notebooks.py $(NOTEBOOKS)

lint: environment ## check style, links and the notebooks' form (WEB=1: also the links that leave)
	@$(VENV) -m pip install --quiet "ruff>=0.17,<0.18" "pytest-check-links>=0.10"
	@$(VENV) -m ruff check .
	@$(VENV) -m ruff format --check .
	@$(CHECK_LINKS) --check-anchors README.md data/README.md $(wildcard .github/*.md)
	@$(CHECK_LINKS) $$(git ls-files 'notebooks/*.ipynb')
	@$(VENV) -m pytest -q -c /dev/null --rootdir . --noconftest -p no:cacheprovider .ci/notebook_form.py .ci/exercise_form.py

bench: environment ## measure: seconds a notebook, examples a second against d2l's loader
	@$(VENV) .ci/bench.py
	@$(VENV) .ci/run_notebooks.py --jobs 1 --into .run

frames: environment ## record what the controls draw, for the web pages, into .frames/ (NOTEBOOKS=...)
	@$(VENV) .ci/site/frames.py $(NOTEBOOKS)

site: $(SITE_READY) ## build the course as web pages into .site/, from the notebooks as they are stored
	@rm -rf .site .site-venv/doctrees
	@$(SITE_VENV) -m sphinx -q -n -W --keep-going -c .ci/site -d .site-venv/doctrees . .site || \
		{ echo "Site: Sphinx found a fault (see above); .site is not complete."; exit 1; }
	@echo "Site: ready, open .site/index.html"

test-site: site ## look at every page of it in a browser (needs Chromium)
	@$(SITE_VENV) .ci/site/check.py

$(SITE_READY): .ci/site/requirements.txt
	@echo "Site: making .site-venv with Sphinx (a minute, once) ..."
	@{ "$(PYTHON)" -m venv --clear .site-venv && \
		$(SITE_VENV) -m pip install --quiet --disable-pip-version-check -r $< && touch $@; } || \
		{ echo "Site: .site-venv could not be made (see above); try again later."; exit 1; }

update: environment ## fetch the course's corrections; what you have written stays
	@$(VENV) .ci/update.py

mark: environment ## for teachers: mark the answers in a folder (LESSON=01 HANDED_IN=folder)
	@$(VENV) .ci/mark.py "$(LESSON)" "$(HANDED_IN)"

clean: ## remove .venv and what the tools made; the data and the notebooks stay
	rm -rf .venv .run .frames .site .site-venv .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -prune -exec rm -rf {} +
