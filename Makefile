# `make demo` and `make test` are all a newcomer needs; both install first.
PYTHON ?= python3
VENV   ?= .venv
# Empty: torch comes from your configured package index. `cpu`, `cu130`, ... : from PyTorch's own builds.
TORCH_BACKEND ?=

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: install demo test test-fast check clean

install: $(INSTALLED)

# uv, because libp2p's pin of a package without wheels must be overridden (overrides.txt) and pip cannot.
$(INSTALLED): pyproject.toml constraints.txt overrides.txt
	@echo "Installing into $(VENV) (torch is the big one; this takes a few minutes once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "Could not make a virtual environment: on Debian and Ubuntu run 'apt-get install python3-venv'." >&2; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Consilience needs Python 3.11 or later; try 'make PYTHON=python3.12 ...' after 'make clean'." >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
ifeq ($(TORCH_BACKEND),)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
else
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --torch-backend=$(TORCH_BACKEND) --constraint constraints.txt torch
endif
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --override overrides.txt --constraint constraints.txt \
	  --editable '.[research,embeddings,dev]'
	@touch $@
	@echo "Installed. The command is $(BIN)/consilience"

demo: install
	@$(BIN)/python -P -m node.demo

# Many tests run real processes on a machine that others use as well: one that fails is run once more, and the
# summary lists it as RERUN. Failing twice is failing; being listed often is a fault to mend (CONTRIBUTING.md).
PYTEST := $(BIN)/python -m pytest --reruns 1

test: test-fast
	$(PYTEST) -m slow

test-fast: install
	$(PYTEST) -m "not slow and not gpu"

check: install
	.ci/check $(BIN)

clean:
	rm -rf $(VENV) build dist ./*.egg-info demo-swarm
