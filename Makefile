# The README's two commands are `make demo` and `make test`; each sets itself up in .venv.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo install install-dev test lint types nightly bench peers browser pictures lock docs clean

demo: install
	$(BIN)/virality demo -o demo

install: $(VENV)/.installed

# What pip installs it also compiles, on one core; compileall uses all of them afterwards, and leaves
# out what nothing here imports. A file for newer Pythons does not compile;
# pip would go on too, hence the hyphen before it below.
PIP := $(BIN)/python -m pip install --quiet --no-compile
COMPILE := $(BIN)/python -m compileall -q -j 0 -x '/tests/|/torch/testing/|/transformers/models/' \
	$(VENV)/lib

# torch comes first and by itself: asked for later, a plain `torch` would bring gigabytes of CUDA.
$(VENV)/.torch: requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) "$$(grep '^torch==' requirements.lock)"
	touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml requirements.lock
	$(PIP) -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	-$(COMPILE)
	touch $@

install-dev: $(VENV)/.installed-dev

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	$(PIP) -r requirements-dev.lock
	-$(COMPILE)
	touch $@

lint: install-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: install-dev
	mkdir -p build/typing && ln -sfn ../.. build/typing/virality
	$(BIN)/mypy -p virality
	MYPYPATH=benchmarks $(BIN)/mypy benchmarks/*.py

test: install-dev lint types
	$(BIN)/pytest -n 2 --dist loadfile -m "not nightly"

nightly: install-dev
	$(BIN)/pytest -n 2 --dist loadfile

# The browser tests skip where there is no Chromium: this is Debian's, and asks for root.
browser:
	command -v chromium || (apt-get update && apt-get install -y --no-install-recommends chromium)

# The pictures of the tour: the demo's report, and one of its clips explained.
pictures: install-dev demo browser
	$(BIN)/virality explain demo/model "$$(ls demo/corpus/clips/*.mp4 | head -n 1)" \
		--features demo/features -o demo/explained.html
	$(BIN)/python docs/pictures.py demo/report.html demo/explained.html

# Modules that other benchmarks import, or start with a clip, are no benchmarks themselves.
BENCHMARKS := $(filter-out %/ours.py %/peer_pipeline.py %/realistic_clip.py %/results_table.py \
	%/seed_project.py %/tables.py, $(wildcard benchmarks/*.py))

bench: install-dev build/peer peers
	for script in $(BENCHMARKS); do $(BIN)/python $$script || exit 1; done

# MoviePy serves the peer pipeline only, so it stays out of the environment. Without its own
# requirements it takes numpy from there; the others named here are small.
build/peer: $(VENV)/.installed
	rm -rf $@ && $(BIN)/python -m pip install --quiet --no-deps --target $@ \
		moviepy==2.2.1 imageio==2.38.1 imageio_ffmpeg==0.8.1 proglog==0.1.12 \
		decorator==5.2.1 python-dotenv==1.2.4 pillow==11.3.0

# Each AutoML peer lives in an environment of its own, with all that it needs named: they ask for
# older libraries than ours. xgboost-cpu stands in for xgboost, which would bring CUDA libraries.
PEERS := $(foreach peer,autogluon flaml mljar,build/peers/$(peer)/.installed)

peers: $(PEERS)

build/peers/%/.installed: benchmarks/peers/%.txt
	rm -rf $(@D) && $(PYTHON) -m venv $(@D)
	! grep -q '^# torch$$' $< || \
		$(@D)/bin/python -m pip install --quiet "$$(grep '^torch==' requirements.lock)"
	$(@D)/bin/python -m pip install --quiet --no-deps -r $<
	touch $@

# Write both locks anew from pyproject.toml, in an environment of their own. The local build tag
# of torch is dropped: 2.13.0 is what an index serves, 2.13.0+cpu is what may lie on a disk.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --upgrade pip setuptools
	build/lock/bin/python -m pip install --quiet torch==2.13.0
	build/lock/bin/python -m pip install --quiet .
	build/lock/bin/python -m pip freeze --all --exclude virality --exclude pip \
		| sed -E 's/^(torch==[0-9.]+)\+.*/\1/' > requirements.lock
	build/lock/bin/python -m pip install --quiet --group dev
	build/lock/bin/python -m pip freeze --all --exclude virality --exclude pip \
		| sed -E 's/^(torch==[0-9.]+)\+.*/\1/' | grep -vxFf requirements.lock > requirements-dev.lock

# The pages that are written by the program itself.
docs: install-dev
	$(BIN)/python -m virality.featurizers.listing > docs/features.md
	$(BIN)/typer virality.cli utils docs --name virality --title Commands --output docs/cli.md

clean:
	rm -rf build dist demo *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
