# Everything a newcomer or a CI machine runs. Each target prepares .venv by itself; a second call starts at once.
#   make demo    the tour              make test    all tests (WITH_PEERS=1: also against torch, jax, autograd)
#   make lint    style and rooms       make types   mypy --strict
#   make bench   speed                 make docs    the pages          make programs   10,000 random programs
#   make mistakes  how often the right mistake in a derivation is named    make findings  what each debugger finds
#   make clean   remove .venv and every cache

SHELL   := bash
# -qq: only errors are shown.
PY      := .venv/bin/python
PIP     := $(PY) -m pip install -qq --disable-pip-version-check --no-warn-script-location
WORKERS ?= 2
# One BLAS thread per test process: on few cores, two pools of threads wait for each other.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

# Stamps: each stands for one set of packages that .venv holds.
VENV  := .venv/.made
BASE  := .venv/.has-base
TEST  := .venv/.has-test
DEV   := .venv/.has-dev
PEERS := .venv/.has-peers
ifeq ($(WITH_PEERS),1)
TESTED_WITH := $(TEST) $(PEERS)
else
TESTED_WITH := $(TEST)
endif

.PHONY: demo test lint types bench docs programs mistakes findings clean
.NOTPARALLEL:

demo: $(BASE)
	@.venv/bin/whygrad demo

test: $(TESTED_WITH)
	@$(ONE_THREAD) WITH_PEERS=$(WITH_PEERS) $(PY) -m pytest -q -n $(WORKERS) --dist worksteal $(ARGS)

lint: $(DEV)
	@.venv/bin/ruff check .
	@.venv/bin/lint-imports

types: $(DEV)
	@$(PY) -m mypy

bench: $(PEERS)
	@$(PY) -m benchmarks $(ARGS)

docs: $(TEST)
	@$(PY) scripts/make_docs.py $(ARGS)

programs: $(TEST)
	@$(PY) -m scripts.check_programs --count 10000

mistakes: $(TEST)
	@$(PY) -m scripts.mistakes $(ARGS)

findings: $(TEST)
	@$(PY) -m scripts.findings $(ARGS)

clean:
	@rm -rf .venv build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache src/*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV):
	@for python in python3 python3.14 python3.13 python3.12 python3.11 none; do \
	    if [ $$python = none ]; then echo "whygrad needs Python 3.11 or newer; none of python3, python3.11 to python3.14 is one." >&2; exit 1; fi; \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; \
	done; \
	echo "setting up .venv with $$($$python --version)"; \
	$$python -m venv .venv >/dev/null || { rm -rf .venv; echo "$$python can not make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

$(BASE): pyproject.toml $(VENV)
	@echo "installing whygrad and what it needs"
	@$(PIP) --editable .
	@touch $@

$(TEST): pyproject.toml $(BASE)
	@echo "installing what the tests need"
	@$(PIP) --editable '.[test]'
	@touch $@

$(DEV): pyproject.toml $(TEST)
	@echo "installing what the checks need"
	@$(PIP) --editable '.[dev]'
	@touch $@

# torch comes first and alone, so that its exact version decides what the others may bring along.
$(PEERS): pyproject.toml $(TEST)
	@echo "installing the peers: torch, jax, autograd, onnx, scikit-learn, micrograd, tinygrad (this takes a while the first time)"
	@$(PIP) torch==2.13.0
	@$(PIP) --editable '.[peers]'
	@touch $@
