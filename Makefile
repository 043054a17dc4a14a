# Everything a contributor or a first visitor does. Each target makes what it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8050
DEMO_STORE ?= demo.db

.PHONY: help demo test test-fast test-torch test-ray lint format bench bench-proofs faults screenshots clean browser

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ —/'

$(VENV)/.app: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@echo "Installing ReactCNN and TensorFlow into $(VENV) (about 2 GB, a few minutes)"
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.app
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

EPOCHS := --images sample --experiment demo --store $(DEMO_STORE) --quiet

demo: $(VENV)/.app  ## watch VGG-16 at work on sample images: http://127.0.0.1:8050/
	@{ $(BIN)/python -m collector $(EPOCHS) --model vgg16-cifar10-epoch02 --epoch 2 \
	    --name 'demo, epoch 2' --first 400 --batch-size 8 --no-scores && \
	   exec $(BIN)/python -m collector $(EPOCHS) --epoch 60 --name 'demo, epoch 60' --pace 2; } & \
	collector=$$!; trap 'kill $$collector 2>/dev/null; wait $$collector' EXIT; \
	$(BIN)/python -m reactcnn_dash --store $(DEMO_STORE) --port $(PORT) --open

# Node itself comes from pip; nothing here is needed to use the product.
node_modules/.installed: package-lock.json $(VENV)/.dev
	$(BIN)/python -m tools.node npm ci --silent
	touch $@

# Two at a time, and a whole file by one of them: its stores and servers are made once. The files
# come as tests/conftest.py sorts them. NumPy's threads would only wait for each other.
PYTEST := OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
# Whoever told Python to keep nothing compiled would have each process compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

test: $(VENV)/.dev browser  ## run every test
	$(PYTEST)

test-fast: $(VENV)/.dev  ## run what is quick: no browser, no processes, no database server, no fitting
	$(PYTEST) -m unit --ignore=tests/browser

test-ray: $(VENV)/.dev  ## run a real Ray of two workers, one of them killed
	$(BIN)/python -m pip install --quiet --editable '.[ray]'
	$(BIN)/python -m pytest tests/ray/on_ray.py

# What is tested with. On Linux the plain wheel brings CUDA; pip's own settings can name a smaller one.
TORCH ?= torch==2.13.0

$(VENV)/.torch: $(VENV)/.dev
	$(BIN)/python -c 'import torch, safetensors, onnxscript' 2>/dev/null || \
	    $(BIN)/python -m pip install --quiet '$(TORCH)' safetensors onnxscript
	touch $@

test-torch: $(VENV)/.torch  ## run the tests of PyTorch modules, with PyTorch
	$(PYTEST) tests/torch

lint: $(VENV)/.dev node_modules/.installed  ## check format, style, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.generate --check
	$(BIN)/python -m tools.node tsc
	$(BIN)/python -m tools.node biome check --error-on-warnings

format: $(VENV)/.dev node_modules/.installed  ## format and fix what can be fixed
	$(BIN)/python -m tools.generate
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python -m tools.node biome check --write

bench: $(VENV)/.dev browser  ## measure speed, memory and slimming
	$(BIN)/python -m tests.benchmarks

bench-proofs: $(VENV)/.dev browser  ## measure how surely faults and odd images are found; long
	$(BIN)/python -m tests.benchmarks --proofs

faults: $(VENV)/.dev browser  ## kills, full disks, odd requests, many pages; hours
	$(BIN)/python -m tests.faults

screenshots: $(VENV)/.dev browser  ## take the README's screenshots anew
	$(BIN)/python -m tests.browser.screenshots

browser:
	@sh tests/browser/install-chromium.sh

clean:  ## remove the environment and the demo's store
	rm -rf $(VENV) node_modules $(DEMO_STORE) $(DEMO_STORE)-wal $(DEMO_STORE)-shm
