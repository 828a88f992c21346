# The README's two commands are `make demo` and `make test`; each sets itself up in .venv.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo install install-dev test lint types nightly bench lock clean

demo: install
	$(BIN)/virality demo -o demo

install: $(VENV)/.installed

# torch comes first and by itself: asked for later, a plain `torch` would bring gigabytes of CUDA.
$(VENV)/.torch: requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "$$(grep '^torch==' requirements.lock)"
	touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml requirements.lock
	$(BIN)/python -m pip install --quiet -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

install-dev: $(VENV)/.installed-dev

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	$(BIN)/python -m pip install --quiet -r requirements-dev.lock
	touch $@

lint: install-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: install-dev
	mkdir -p build/typing && ln -sfn ../.. build/typing/virality
	$(BIN)/mypy -p virality

test: install-dev lint types
	$(BIN)/pytest -n 2 -m "not nightly"

nightly: install-dev
	$(BIN)/pytest -n 2

bench: install-dev
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done
