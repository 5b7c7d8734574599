# `make` alone lists the targets. Everything sets itself up first (tools/setup.sh): a Python 3.11 to 3.13, git
# and make are enough. D2LCNN_PYTHON names another Python for .venv; D2LCNN_DATA the folder of the data sets.
.DEFAULT_GOAL := help
.PHONY: help setup vendor book pdf site translation serve test bench colab execute repository lock clean

PYTHON := .venv/bin/python
PORT ?= 8000
export URL
# Hundreds of processes would each compile the package again.
unexport PYTHONDONTWRITEBYTECODE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv with everything in it
	@sh tools/setup.sh

vendor: setup ## bring the scripts that the book serves itself
	@$(PYTHON) tools/vendor.py mathjax

# --all: where Sphinx writes some pages only, its search forgets the glossary's terms of the others.
book: vendor ## build the book: _build/html/index.html
	.venv/bin/jupyter-book build . --all -W --keep-going -n

pdf: vendor ## print the whole course as one PDF: _build/downloads/d2lcnn.pdf
	$(PYTHON) tools/pdf.py

site: pdf ## build what is published: the book that offers its PDF and its notebooks, in _build/html
	$(PYTHON) tools/notebooks_zip.py
	D2LCNN_DOWNLOADS=_build/downloads .venv/bin/jupyter-book build . -W --keep-going -n

translation: vendor ## update the catalogues in locale/, build the Chinese edition beside the English: _build/html/zh/
	$(PYTHON) tools/translation.py
	.venv/bin/jupyter-book build . -W --keep-going -n

serve: book ## build the book and open it in the browser (PORT=8000)
	@(sleep 1; $(PYTHON) -m webbrowser http://localhost:$(PORT) >/dev/null) &
	$(PYTHON) -m http.server $(PORT) --bind localhost --directory _build/html

test: setup ## run every check: style, types, package, notebooks, book, site
	$(PYTHON) tools/check.py

bench: setup ## measure our training against d2l's, ten to twenty minutes on two cores: d2lcnn/results/speed/
	$(PYTHON) benchmarks/against_d2l.py

colab: setup ## rehearse the notebooks as on Colab, in its versions, in an environment of their own
	$(PYTHON) tools/colab.py

execute: setup ## re-run the notebooks in fast mode and store their outputs
	$(PYTHON) tools/execute.py

repository: setup ## write the repository's address everywhere (URL=https://github.com/...)
	@if [ -z "$$URL" ]; then echo "say where: make repository URL=https://github.com/OWNER/NAME" >&2; exit 2; fi
	$(PYTHON) tools/repository.py "$$URL"

lock: ## compile requirements.txt anew from pyproject.toml
	@sh tools/setup.sh uv
	"$$(command -v uv || echo .uv/bin/uv)" pip compile pyproject.toml --all-extras --group peer --universal \
	    --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	    --quiet -o requirements.txt

clean: ## remove all that make made, never data/ or a recording in progress
	rm -rf .venv .uv .colab _build dist ci-artifacts book/_static/vendor
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +
