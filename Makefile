# Everything that a newcomer types. `make demo` and `make test` install what they need into $(VENV), once.

VENV   ?= .venv
PEERS  ?= .venv-peers
TOOLS  ?= .venv-tools
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help demo test gate lint bench bench-tune bench-methods bench-estimates bench-curate bench-curate-checks bench-curate-proof bench-starter bench-media bench-advise bench-campaigns bench-people bench-canaries bench-serve bench-clients chaos install install-test package clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    the sample client becomes a measured adapter (8 to 17 minutes on 2 cores, after installation)"
	@echo "make test    the whole test suite (5 minutes are aimed at, 6 to 8 on 2 slow cores)"
	@echo "make gate    what must hold before a change lands: clean imports of bad archives, bad model files refused,"
	@echo "             damaged checkpoints found, exact resume after kill -9, no answer in another client's voice, no job lost"
	@echo "make lint    ruff over the tree"
	@echo "make bench   side-by-side benchmarks; their last results lie beside them"
	@echo "make bench-tune     fine-tuning beside TRL with PEFT and a plain loop: speed, memory, held-out loss"
	@echo "make bench-methods  full, LoRA, prefix and from scratch on three archives, three seeds"
	@echo "make bench-curate   curation: the planted mix with its ablation, each check, speed, the learning curve, and the proof below"
	@echo "make bench-curate-proof   300 curated against 3,000 uncurated and 300 random, three seeds (hours; goes on where it was stopped)"
	@echo "make bench-curate-checks  each check of curation on its planted defect, and its alarms on archives as they are"
	@echo "make bench-starter  the text starter before any tuning: bits per byte, titles, context, drafts, beside n-grams and gzip"
	@echo "make bench-advise   sixteen situations of texts and six of campaign rows with known truth: does advise say so? (goes on where it was stopped)"
	@echo "make bench-people   how often the intervals of minutes and blind ratings hold the truth (two minutes)"
	@echo "make bench-canaries  secrets planted in an archive: learned by heart with the protections, and without (positive control)"
	@echo "make bench-serve    the token engine beside PEFT's mixed batch and transformers: speed, many adapters, first tokens"
	@echo "make bench-clients  clients' tools, unmodified, against the server (makes environments for them: needs a registry)"
	@echo "make bench-campaigns  a million campaign rows, and the leak check on 200 made tables (three minutes)"
	@echo "make bench-media  the response model: 40 generated retailers, transfer and drift on open data, beside GLM and LightGBM"
	@echo "make chaos   the long forms: 100,000 mutated model files, 200 kills, 5,000 corruptions, 10,000 answers of 16 clients"
	@echo "make package builds the wheel and checks that it holds the starter files"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# A stamp for each set of dependencies; the code itself is installed in place, so that edits need no new installation.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing adtune into $(VENV), once (torch is most of it)"
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing adtune with its test tools into $(VENV), once (torch is most of it)"
	$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed

install-test: $(VENV)/.installed-test

demo: install
	$(BIN)/adtune demo

test: install-test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile

gate: install
	$(BIN)/python benchmarks/gate_import.py
	$(BIN)/python benchmarks/gate_campaigns.py
	$(BIN)/python benchmarks/gate_models.py
	$(BIN)/python benchmarks/gate_checkpoints.py
	$(BIN)/python benchmarks/gate_kill.py --kills 20
	$(BIN)/python benchmarks/gate_jobs.py
	$(BIN)/python benchmarks/gate_serve.py
	$(BIN)/python benchmarks/gate_server.py

lint: install-test
	$(BIN)/ruff check .

bench: install-test
	$(BIN)/python benchmarks/brands.py

bench-tune: install-test $(PEERS)/.installed
	$(BIN)/python benchmarks/tune_peers.py --peer-python $(PEERS)/bin/python

bench-estimates: install-test
	$(BIN)/python benchmarks/estimates.py

bench-methods: install-test
	$(BIN)/python benchmarks/methods.py

bench-curate: bench-curate-checks $(PEERS)/.installed
	$(BIN)/python benchmarks/curate_mix.py --ablation
	$(BIN)/python benchmarks/curate_speed.py --peer-python $(PEERS)/bin/python
	$(BIN)/python benchmarks/curate_curve.py
	$(BIN)/python benchmarks/curate_proof.py

bench-curate-proof: install-test
	$(BIN)/python benchmarks/curate_proof.py

bench-curate-checks: install-test
	$(BIN)/python benchmarks/curate_checks.py

bench-starter: install-test
	$(BIN)/python benchmarks/starter.py

bench-advise: install-test
	$(BIN)/python benchmarks/advise_situations.py
	$(BIN)/python benchmarks/advise_response.py

bench-canaries: install-test
	$(BIN)/python benchmarks/canaries.py

bench-serve: install-test
	$(BIN)/python benchmarks/serve_engine.py

bench-clients: install-test
	$(BIN)/python benchmarks/clients_tools.py --envs $(TOOLS) --json benchmarks/results/clients_tools.json --markdown benchmarks/results/clients_tools.md

bench-campaigns: install-test
	$(BIN)/python benchmarks/scale_campaigns.py
	$(BIN)/python benchmarks/campaign_leaks.py

bench-people: install-test
	$(BIN)/python benchmarks/people.py

bench-media: install-test
	$(PIP) --editable '.[bench]'
	$(BIN)/python benchmarks/media_worlds.py
	$(BIN)/python benchmarks/media_transfer.py
	$(BIN)/python benchmarks/media_speed.py

# Peers have an environment of their own, so that what they pin binds nobody else.
$(PEERS)/.installed: benchmarks/peers/requirements.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --requirement benchmarks/peers/requirements.txt
	@touch $@

chaos: install
	$(BIN)/python benchmarks/gate_jobs.py --jobs 600 --kills 100 --pauses 20
	$(BIN)/python benchmarks/gate_import.py --files 1000
	$(BIN)/python benchmarks/gate_models.py --mutations 100000
	$(BIN)/python benchmarks/gate_checkpoints.py --corruptions 5000 --rounds 5
	$(BIN)/python benchmarks/gate_kill.py --kills 100 --terms 4
	$(BIN)/python benchmarks/gate_kill.py --kills 50 --terms 4 --method full --seed 1
	$(BIN)/python benchmarks/gate_kill.py --kills 50 --terms 4 --method prefix --seed 2
	$(BIN)/python benchmarks/gate_serve.py --requests 10000 --seed 1
	$(BIN)/python benchmarks/gate_server.py --requests 2000 --jobs 200 --kills 20

package: | $(BIN)/python
	@rm -rf build dist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	$(BIN)/python .ci/check_wheel.py dist

clean:
	rm -rf build dist src/*.egg-info .pytest_cache .ruff_cache .hypothesis
