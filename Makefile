# One door a verb; CI uses the same doors. `make help` lists them.
VENV ?= .venv
BIN := $(VENV)/bin
export VENV

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test test-slow test-gpu check format bench bench-gpu train-builtin docs clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make the environment in .venv
	@scripts/setup core

setup-dev: ## The same, with what tests and checks need
	@scripts/setup dev

demo: setup ## Compare the built-in models; ends in a table and demo/report.html
	@$(BIN)/vid-bench compare shapes-oracle shapes-base shapes-small --prompt-set shapes-demo --output demo

test: setup-dev ## Run the tests
	@$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder

test-slow: setup-dev ## Run the tests that take minutes
	@$(BIN)/python -m pytest -m slow

test-gpu: setup-dev ## Run the tests that need a CUDA device
	@$(BIN)/python -m pytest -m gpu

check: setup-dev ## Lint, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: setup-dev ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup-dev ## Measure the tool itself: its own cost and memory, and metrics against other libraries
	@$(BIN)/python benchmarks/overhead.py
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/start.py
	@$(BIN)/python benchmarks/memory.py
	@$(BIN)/python benchmarks/fvd.py
	@$(BIN)/python benchmarks/extractors.py
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/decode.py
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/flicker.py
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/flow.py
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/frechet.py
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/one_pass.py
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/calibration.py
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/experiments_calibration.py
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/server.py

bench-gpu: setup ## Check the profiler on a GPU and time what it brings; writes docs/benchmarks-gpu.md
	@$(BIN)/python benchmarks/gpu.py

train-builtin: setup ## Train the built-in models and extractors again
	@$(BIN)/python -m training.build

docs: setup-dev ## Write the generated pages again
	@$(BIN)/python -m vid_diffusion_bench.cli.docs docs/cli.md
	@$(BIN)/python -m vid_diffusion_bench.server.docs docs/server.md

clean: ## Remove what was built here
	@rm -rf $(VENV) build dist demo .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
