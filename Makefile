# What can be done here: make help. `make run` and `make test` need nothing but git, make and python3.
SHELL := /bin/bash
VENV := .venv/bin
PYTHON := /usr/bin/python3
QUICK := not qemu and not browser and not slow
# Twice the cores of the smallest machine, since half of the time is waiting; quick tests never wait.
PROCESSES := 4
# Or each of the many processes that tests start would compile CloudiA anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run test check lint format bench lab lab-down vendor screenshots messages packages-% requirements translations

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' Makefile

run: ## install what is missing, start CloudiA, print its URL (root; settings: docs/settings.md)
	@deploy/run

test: packages-test requirements translations lint ## everything: linters, types, and all tests with coverage (root)
	$(VENV)/python -m pytest -n $(PROCESSES) --cov --cov-report=term

check: packages-check requirements translations lint ## the same without QEMU, browser and slow tests
	$(VENV)/python -m pytest -n auto -m "$(QUICK)"

lint: ## ruff, mypy strict, the layers' contracts
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports

format: ## let ruff format and sort
	$(VENV)/ruff check --fix .
	$(VENV)/ruff format .

bench: packages-test requirements translations ## benchmarks with their yardsticks (tests/bench)
	$(VENV)/python -m tests.bench

lab: packages-lab ## several fake hosts on this computer (root; docs/lab.md)
	@deploy/lab/lab up $(HOSTS) $(OPTIONS)

lab-down: ## remove them
	@deploy/lab/lab down

vendor: ## fetch the pinned front-end files into static/vendor
	$(PYTHON) -m deploy.vendor

screenshots: packages-test requirements translations ## take the documentation's pictures anew
	$(VENV)/python -m pytest tests/e2e/test_screenshots.py --screenshots docs/images

messages: ## collect translatable texts into locale/
	$(VENV)/python manage.py makemessages -l ko --no-obsolete --no-wrap --add-location file \
	  -i 'tests/*' -i 'var/*' -i '.venv/*'

packages-%:
	@$(PYTHON) -m deploy.packages $*

requirements:
	@$(PYTHON) -m deploy.virtualenv requirements-dev.txt

translations: packages-check
	@$(PYTHON) -m deploy.translations
