# Two commands: `make demo` does the main job, `make test` proves that everything works. Both set everything up first.
#   make demo VIDEOS=folder            the same with your own videos
#   make demo DEMO='--steps 20'        more options: see unreel demo --help
#   make bench [VIDEOS=folder]         every part against its rivals; hours, on an idle machine

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
VIDEOS ?=
DEMO ?=
BENCHED := $(if $(VIDEOS),'$(VIDEOS)',runs/shapes)

.PHONY: install format check test demo bench docs clean
.DEFAULT_GOAL := help

help:
	@sed -n '1,3s/^# *//p' Makefile; echo 'targets: install format check test demo bench docs clean'

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "unreel needs Python 3.10 or newer, this is " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	OMP_NUM_THREADS=1 $(BIN)/pytest -m 'not alone' --numprocesses auto --dist loadfile --durations 20
	$(BIN)/pytest -m alone --durations 10

demo: install
	$(BIN)/unreel demo $(if $(VIDEOS),--videos '$(VIDEOS)') $(DEMO)

bench: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	test -n '$(VIDEOS)' -o -d runs/shapes || $(BIN)/unreel synth runs/shapes
	$(BIN)/python benchmarks/preparing.py $(BENCHED)
	$(BIN)/python benchmarks/decoding.py $(VIDEOS)
	$(BIN)/python benchmarks/kornia_views.py
	$(BIN)/python benchmarks/pretraining.py
	$(BIN)/python benchmarks/encoder.py
	$(BIN)/python benchmarks/loss.py
	$(BIN)/python benchmarks/loss_memory.py --batches 4096
	$(BIN)/python benchmarks/step.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/embedding.py $(BENCHED) --recipe hdc-small
	$(BIN)/python benchmarks/search.py

docs: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
