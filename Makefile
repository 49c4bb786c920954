# Two commands: `make demo` does the main job, `make test` shows in minutes that it works. Both set everything up first.
#   make test-all                      every test there is: kills, damaged files by the hundred, whole data sets, Ray
#   make demo VIDEOS=folder            the same with your own videos
#   make demo DEMO='--steps 20'        more options: see unreel demo --help
#   make bench [VIDEOS=folder]         every part against its rivals; hours, on an idle machine

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
VIDEOS ?=
DEMO ?=
BENCHED := $(if $(VIDEOS),'$(VIDEOS)',runs/shapes)

FAST := not slow and not data
OLDEST ?= python3.10
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
unexport PYTHONDONTWRITEBYTECODE  # hundreds of processes start: what one has compiled, all read

.PHONY: install format check test test-all test-oldest coverage demo bench docs tag clean
.DEFAULT_GOAL := help

help:
	@sed -n '1,5s/^# *//p' Makefile; echo 'targets: install format check test test-all test-oldest coverage demo bench docs tag clean'

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
	OMP_NUM_THREADS=1 $(BIN)/pytest -m '$(FAST) and not alone' --numprocesses auto --dist loadfile --durations 20
	$(BIN)/pytest -m '$(FAST) and alone' --durations 10

test-all: check
	OMP_NUM_THREADS=1 $(BIN)/pytest -m 'not alone' --numprocesses auto --dist loadfile --durations 20
	$(BIN)/pytest -m alone --durations 10

# The oldest Python and the lower bounds of pyproject.toml; what they depend on themselves is as new as can be, and warns.
test-oldest:
	test -x $(VENV)-oldest/bin/python || $(OLDEST) -m venv $(VENV)-oldest
	$(VENV)-oldest/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(VENV)-oldest/bin/uv pip install --quiet --python $(VENV)-oldest/bin/python --resolution lowest-direct \
		--editable '.[web,fetch,compiled,fused,test]'
	OMP_NUM_THREADS=1 $(VENV)-oldest/bin/python -m pytest -W default -m '$(FAST) and not alone' \
		$(addprefix tests/,settings losses methods models video)

# The lines that the fast tests run; the files of which they leave out more than 15 %.
coverage: install
	OMP_NUM_THREADS=1 $(BIN)/pytest -m '$(FAST) and not alone' --numprocesses auto --dist loadfile -q --cov --cov-report=
	$(BIN)/coverage report --sort=cover | awk '/^Name|^TOTAL/ || $$NF + 0 < 85'

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

# A version is a tag of a commit whose changelog has an entry for it.
tag: test-all
	grep -q '^## $(VERSION)' CHANGELOG.md || { echo 'CHANGELOG.md has no "## $(VERSION)": rename "Unreleased"'; exit 1; }
	git diff --quiet HEAD && git tag --annotate v$(VERSION) --message 'unreel $(VERSION)'

clean:
	rm -rf $(VENV) $(VENV)-oldest .coverage build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
