# The commands of developers and of CI. PYTHON is an interpreter with the extra [dev], as in README's venv.
PYTHON ?= $(firstword $(wildcard .venv/bin/python .venv/Scripts/python.exe) python)
BASE ?= main
# Recipes read these from the environment, so the shell does not execute what they contain.
export BASE OMIT ORDER SPEC STYLE TAG
# The folder of the interpreter also contains the programs mutmut and zizmor.
BIN = $(if $(findstring /,$(PYTHON)),$(dir $(PYTHON)))
# A table of outcomes: a line for each row, in order.
TABLE = $(PYTHON) -m pytest --numprocesses=0 -p no:randomly --verbose
.DEFAULT_GOAL := help

help:  ## list the targets
	@$(PYTHON) -c "import re; [print(f'{t:15}{d}') for t, d in re.findall(r'(?m)^([a-z-]+):  ## (.+)', open('Makefile').read())]"

regenerate:  ## regenerate generated/ from openapi.yaml
	$(PYTHON) scripts/regenerate.py

drift:  ## fail, and print the diff, if generated/ is out of date with openapi.yaml
	$(PYTHON) scripts/regenerate.py --check

test:  ## run the tests of the product
	$(PYTHON) -m pytest

test-tooling:  ## run the tests of the tools, the site, the examples and the contract, and the slow ones
	$(PYTHON) -m pytest -m "tooling or slow"

coverage:  ## run all tests; fail unless they reach every line and branch of the overlay
	$(PYTHON) -m coverage erase
	$(PYTHON) -m coverage run -m pytest -m ""
	$(PYTHON) -m coverage combine --quiet
	$(PYTHON) -m coverage report $${OMIT:+--omit="$$OMIT"}

lint:  ## check the contract, the code and the workflows
	$(PYTHON) scripts/node_tools.py redocly lint --config scripts/node/redocly.yaml openapi.yaml
	$(PYTHON) -m openapi_spec_validator openapi.yaml
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	$(PYTHON) scripts/node_tools.py pyright
	$(PYTHON) scripts/node_tools.py pyright --verifytypes yandex_market_chats --ignoreexternal
	$(PYTHON) scripts/node_tools.py pyright --verifytypes yandex_market_chats_generated --ignoreexternal
	$(BIN)zizmor --offline --persona=pedantic --quiet .github
	$(PYTHON) -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(PYTHON) -m check_jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

mutants:  ## mutate the core modules; fail if the tests notice fewer than 97 % of the mutants
	rm -rf mutants src
	ln -s overlays src
	CI=1 $(BIN)mutmut run
	$(BIN)mutmut results
	$(BIN)mutmut export-cicd-stats
	$(PYTHON) scripts/mutants.py

record:  ## record tests/cassettes/ against the sandbox again: the bytes stay the same
	$(PYTHON) -m pytest -n0 --record-mode=rewrite tests/test_cassettes.py

record-live:  ## record against the real API what an account can provoke; asks before it sends
	@$(PYTHON) -m pytest -n0 --record-mode=rewrite -m tooling --capture=no tests/test_cassettes.py

faults:  ## run the table of outcomes over real sockets: what happens | client | wire | promise
	$(TABLE) tests/test_faults.py

settle:  ## run the table of what reading a chat settles: what happens | client | promise | requests
	$(TABLE) tests/test_settle.py::test_case_ends_as_promised

probe:  ## check with your account what the SDK assumes about the API: ORDER=id of a test order
	@$(PYTHON) scripts/probe.py "$$ORDER"

build:  ## build the sdist, and the wheel from it, into dist/
	$(PYTHON) -c "import shutil; shutil.rmtree('dist', ignore_errors=True)"
	$(PYTHON) -m build

bench:  ## compare with bare httpx and the vanilla client; WRITE=--write puts the table into docs/costs.md
	$(PYTHON) benchmarks/all.py $(WRITE)

fleet:  ## send as 8 processes through RedisLimits, kill some of them, and kill Redis
	$(PYTHON) benchmarks/fleet.py

docs:  ## build the documentation into site/
	$(PYTHON) scripts/docs.py

spec-diff:  ## report what the changes to openapi.yaml since BASE (main; empty: the last release) mean
	@$(PYTHON) scripts/spec_diff.py "$$BASE" $${STYLE:+"$$STYLE"}

vendor-diff:  ## compare openapi.yaml with the vendor's own contract: SPEC=file
	@$(PYTHON) scripts/vendor_diff.py "$$SPEC"

api-diff:  ## fail if the public interface breaks without the version step for it
	@$(PYTHON) scripts/api_diff.py

release-check:  ## fail unless TAG is the version that the package, the contract and CHANGELOG.md state
	@$(PYTHON) scripts/versions.py "$$TAG"

.PHONY: help regenerate drift test test-tooling coverage lint mutants record record-live faults settle probe build bench fleet docs spec-diff vendor-diff api-diff release-check
