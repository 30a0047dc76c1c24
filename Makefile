# The targets are what CI runs and what people run. PYTHON is an interpreter with the [dev] extra.
PYTHON ?= python
.DEFAULT_GOAL := help

help:  ## list the targets
	@$(PYTHON) -c "import re; [print(f'{t:14}{d}') for t, d in re.findall(r'(?m)^([a-z-]+):.*?  ## (.+)', open('Makefile').read())]"

regenerate:  ## make generated/ anew from openapi.yaml
	$(PYTHON) scripts/regenerate.py

drift:  ## fail, with the diff, when generated/ is not what openapi.yaml gives
	$(PYTHON) scripts/regenerate.py --check

.PHONY: help regenerate drift
