PYTHON ?= python3
# Optional: an index with CPU wheels of torch (the default index may serve builds with several GB of CUDA packages).
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
# Data of the benchmarks that are not ours to ship.
MLEARN ?= ../shared/data/mlearn
TIO2 ?= ../shared/data/aenet-tio2/TiO2_subset1000.extxyz.gz
# Li3PO4 with labels: made by `benchmarks/masks.py --make FILE` where tblite is installed.
LI3PO4 ?=
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.PHONY: setup demo run test test-all check fmt bench clean

setup: $(VENV)/.complete ## a .venv from the lock file

$(VENV)/.complete: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: setup ## the main job: train on the shipped DFT data, promote, predict, run MD
	$(BIN)/python -m nnpd.demo $(if $(CONTINUE),--continue)

run: setup ## the service on this machine, data in NNPD_HOME
	$(BIN)/nnpd up

test: setup ## the tests, with the true end-to-end run
	$(PYTEST) -n 2 --dist worksteal

check: setup ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## every figure that is claimed (docs/benchmarks.md); hours
	$(BIN)/python benchmarks/predict.py --json
	$(BIN)/python benchmarks/import.py --json
	$(BIN)/python benchmarks/accuracy.py --train $(MLEARN)/Si_train.extxyz.gz --test $(MLEARN)/Si_test.extxyz.gz --references mlearn-si --json
	$(BIN)/python benchmarks/accuracy.py --train $(MLEARN)/Li_train.extxyz.gz --test $(MLEARN)/Li_test.extxyz.gz --references mlearn-li --json
	$(BIN)/python benchmarks/accuracy.py --train $(TIO2) --test-fraction 0.1 --references aenet-tio2 --json
	$(BIN)/python benchmarks/elements.py --json
	$(BIN)/python benchmarks/compression.py --json
	$(if $(LI3PO4),$(BIN)/python benchmarks/masks.py --data $(LI3PO4) --json,@echo "masks.py left out: no data, see LI3PO4 in the Makefile" >&2)
	$(BIN)/python benchmarks/train.py committee --data $(MLEARN)/Si_train.extxyz.gz --json
	$(BIN)/python benchmarks/train.py race --data $(MLEARN)/Si_train.extxyz.gz --json
	$(BIN)/python benchmarks/train.py memory --steps 10 --json
	$(BIN)/python benchmarks/train.py weighting --data $(MLEARN)/Si_train.extxyz.gz --steps 1100 --json
	$(BIN)/python benchmarks/defects.py --json
	$(BIN)/python benchmarks/guest.py --cache $${TMPDIR:-/tmp}/nnpd-guest.npz --json
	$(BIN)/python benchmarks/selection.py --genetic --json
	$(BIN)/python benchmarks/physics.py --data $(MLEARN)/Si_train.extxyz.gz --json
	$(BIN)/python benchmarks/physics.py --data $(MLEARN)/Li_train.extxyz.gz --json
	$(BIN)/python benchmarks/service.py --json

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache demo-output
