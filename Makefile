# Everything happens in .venv; `make help` lists what there is.
PYTHON ?= python3
BIN := .venv/bin
STORY ?= cosmic-leaf
# pip compiles what it installs in one process, which takes it a minute; this takes all cores.
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable
COMPILE := $(BIN)/python -W ignore -m compileall -qq -j 0 .venv/lib || true

.PHONY: help demo test check format clean results

help:
	@echo "make demo    make .venv, install, and write a zoom video of the story $(STORY) with the bundled model"
	@echo "make test    make .venv, install, then lint, types and tests: the gate"
	@echo "make check   lint and types only"
	@echo "make format  bring the code into its standard form"
	@echo "make results run the comparisons of docs/results again; hours on a CPU, nothing where they are there"
	@echo "make clean   remove .venv and caches; runs and checkpoints stay"

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tenfold needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(INSTALL) .
	$(COMPILE)
	touch $@

.venv/ready-dev: .venv/ready
	$(INSTALL) '.[dev]'
	$(COMPILE)
	touch $@

demo: .venv/ready
	$(BIN)/tenfold zoom $(STORY)
	@echo
	@echo "Try next, with $(BIN) on your PATH or before each command:"
	@echo '  tenfold zoom "from a planet to a leaf"             what you want to see, in words'
	@echo "  tenfold stories                                    the ready stories, four of them in the words of the bundled model"
	@echo "  tenfold zoom whole-ladder --seed 7                 another story, another seed"
	@echo "  tenfold zoom cosmic-leaf --direction out --size 512"
	@echo "  tenfold zoom my-story.yaml --model path/to/stable-diffusion --device cuda"

check: .venv/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Processes of one thread each; three for two cores, as many tests wait for browsers, servers and disks. Whole files to each.
test: check
	$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

# Three presets on six stories, three seeds each. What is there is found; the same command goes on after a stop.
results: .venv/ready
	for preset in table1 ablation outpainting; do \
		$(BIN)/tenfold sweep $$preset --stories docs/results/stories --seeds 3 --set sampling.steps=30 --set enlarge.model=none \
			--max-mb 5 --to docs/results/$$preset || exit 1; \
	done

format: .venv/ready-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
