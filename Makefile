# Every habit is one word. What is missing on a fresh Debian 13 or Raspberry Pi OS is installed; when all is there, nothing is said.
SHELL := /bin/bash
PYTHON ?= python3
WORKERS ?= 3
VENV := .venv
BIN := $(VENV)/bin
QUIET_PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
# pip is what venv makes last: one that was cut off, or that somebody made without, lacks it.
HAVE_PIP := $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --upgrade >/dev/null
# Where pip unpacks: on the disk, since /tmp of Debian 13 is half the memory and PyTorch's libraries are larger.
UNPACKED := $(VENV)/tmp
INSTALL := mkdir -p $(UNPACKED) && TMPDIR='$(CURDIR)/$(UNPACKED)' $(QUIET_PIP)
# Tests start the command some hundred times, which would compile itself each time where bytecode is not kept.
COMPILED := env -u PYTHONDONTWRITEBYTECODE
NEED := .ci/need
POSTGRES := /usr/lib/postgresql/17/bin/initdb=postgresql-17
EXTENSIONS := /usr/share/postgresql/17/extension/postgis.control=postgresql-17-postgis-3 \
    /usr/share/postgresql/17/extension/timescaledb.control=postgresql-17-timescaledb
POOLER := /usr/sbin/pgbouncer=pgbouncer
FONTS := /usr/share/fonts/truetype/noto/NotoSans-Regular.ttf=fonts-noto-core \
    /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc=fonts-noto-cjk
# What reads the files of a card on the node. Not NetworkManager and chrony, which would take over this machine's network and clock.
READERS := cloud-init /usr/sbin/netplan=netplan.io /usr/sbin/nft=nftables shellcheck
FAST_TESTS = set -e; $(NEED) mosquitto $(FONTS) $(POSTGRES); \
    $(NEED) --wanted chromium-headless-shell || $(NEED) chromium; \
    $(NEED) --wanted eatmydata || true; \
    $(COMPILED) $$(command -v eatmydata) $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
    -m 'not faults and not picamera and not systemd and not platform and not arm64'
SENTENCES := $(BIN)/pybabel --quiet extract --no-location --sort-output
CATALOGUES := $(BIN)/pybabel --quiet update -w 120 --no-fuzzy-matching --ignore-pot-creation-date --ignore-obsolete
# What made `pests`, as its card says.
CONFIG ?= $(shell sed -n 's|.*Command: .*training.train \(training/configs/[a-z0-9_]*\.toml\).*|\1|p' models/cards/pests.md)
# picamera2 comes from apt and is seen only by Debian's own Python in an environment with system packages; one that was
# made before it came is SHUT.
PICAMERA2 := /usr/lib/python3/dist-packages/picamera2
SYSTEM_PACKAGES := $(if $(wildcard $(PICAMERA2)),--system-site-packages)
SHUT := $(if $(SYSTEM_PACKAGES),$(shell grep -ls '^include-system-site-packages = false' $(VENV)/pyvenv.cfg))

.PHONY: help demo test check bench train install bundle faults soak test-node test-firmware test-systemd e2e test-arm64 test-picamera test-homeassistant test-platform fleet words lock clean opened

help:
	@sed -n 's/^\([a-z0-9-]*\):.*  ## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

demo: $(VENV)/.node  ## a node on bundled field pictures, with a broker and the page (SECONDS=30 ends by itself)
	@$(NEED) --wanted mosquitto || true
	@$(BIN)/fieldeye demo $(if $(SECONDS),--seconds $(SECONDS))

test: $(VENV)/.dev  ## all fast tests, in three processes (WORKERS=1: in one)
	@$(FAST_TESTS) --durations=8

test-node: $(VENV)/.tests  ## the same but for those of training, without PyTorch
	@$(FAST_TESTS) --ignore tests/training

check: $(VENV)/.dev  ## lint, types, architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/pytest tests/test_architecture.py

bench: $(VENV)/.dev  ## what this machine can do, as ratios
	@$(NEED) mosquitto
	@$(BIN)/fieldeye bench
	@$(BIN)/python -m benchmarks

train: $(VENV)/.dev  ## one run of training (hours): CONFIG=training/configs/NAME.toml; default: the one that made `pests`
	@$(BIN)/python -m training.train $(CONFIG)

install: $(VENV)/.node  ## the node alone, into .venv

bundle: $(BIN)/python  ## what goes onto cards so that a node is set up without internet: build/card/software and build/card/debs
	@$(HAVE_PIP)
	@PYTHON=$(BIN)/python firmware_config/bundle.sh build/card/software
	@firmware_config/debs.sh build/card/debs

faults: $(VENV)/.dev  ## the long fault tests
	@$(NEED) mosquitto
	@$(NEED) --wanted /usr/sbin/nft=nftables || true
	@$(BIN)/pytest --timeout 3600 -rs tests/faults tests/training/test_processes.py
	@$(BIN)/pytest -m faults tests/cameras

soak: $(VENV)/.dev  ## random faults (HOURS=8: for so many hours; default 1)
	@$(NEED) mosquitto
	@mkdir -p build
	@$(BIN)/python -m tests.faults.soak $(or $(HOURS),1) build/soak.md

test-firmware: $(VENV)/.dev  ## what is rendered for cards and brokers, read by the tools that will read it (nft, netplan, cloud-init)
	@$(NEED) mosquitto $(READERS)
	@command -v nmcli >/dev/null || echo 'without nmcli (network-manager) two tests of its connections are skipped'
	@[ -x /usr/sbin/chronyd ] || echo 'without chronyd (chrony) two tests of its configuration are skipped'
	@$(BIN)/pytest -m 'not systemd' tests/firmware

test-systemd: $(VENV)/.dev  ## set-up and service under a real systemd
	@tests/firmware/systemd.sh

e2e: $(VENV)/.dev  ## the whole bench procedure, from the fleet file to an acknowledged record, an update and back
	@$(NEED) mosquitto chromium
	@tests/firmware/systemd.sh --e2e

test-arm64: $(VENV)/.dev  ## wheels and models on the processors of a Raspberry Pi 3, 4 and 5, emulated (some minutes)
	@$(BIN)/pytest -m arm64 -rsP --timeout 3600 tests/arm64

test-picamera:  ## the real picamera2 on a virtual camera
	@tests/picamera/run.sh

test-homeassistant: $(VENV)/.dev  ## the discovery payload against Home Assistant itself (600 MB, Python 3.13)
	@tests/homeassistant/run.sh

test-platform: $(VENV)/.dev  ## the subscriber's side under faults: PostgreSQL, Mosquitto, a RabbitMQ cluster
	@$(NEED) mosquitto rabbitmq-server $(POSTGRES)
	@$(NEED) --wanted $(POOLER) $(EXTENSIONS) || true
	@$(BIN)/pytest --timeout 900 tests/platform

fleet: $(VENV)/.dev  ## 2,000 simulated nodes for a day into PostgreSQL, and what they cost
	@$(NEED) mosquitto $(POSTGRES)
	@$(BIN)/python -m tests.fleet.cost 100 200 500 1000 2000

words: $(VENV)/.dev  ## the sentences in the code into the .po files, where they are translated
	@mkdir -p build
	@$(SENTENCES) -F babel.cfg -o build/page.pot .
	@$(CATALOGUES) -i build/page.pot -d edge/page/translations
	@$(SENTENCES) -F edge/platform/babel.cfg -o build/desk.pot .
	@$(CATALOGUES) -i build/desk.pot -d edge/platform/translations
	@$(SENTENCES) -o build/languages.pot edge/languages
	@$(CATALOGUES) -i build/languages.pot -d edge/languages/translations

lock: $(VENV)/.dev  ## requirements.lock anew
	@env -u PIP_FIND_LINKS $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --no-emit-index-url \
	    --no-emit-find-links --no-emit-trusted-host --output-file requirements.lock pyproject.toml

clean:  ## what builds leave behind goes
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The environment: what a node needs, and beside it what tests and training need.
$(BIN)/python:
	@$(NEED) --python $(PYTHON)
	@$(PYTHON) -m venv $(SYSTEM_PACKAGES) $(VENV)

opened:
	@echo 'giving $(VENV) access to picamera2'
	@sed -i 's/^\(include-system-site-packages = \)false/\1true/' $(SHUT)

$(VENV)/.node: requirements.lock pyproject.toml | $(BIN)/python $(if $(SHUT),opened)
	@echo 'installing the node into $(VENV)'
	@$(HAVE_PIP)
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps -e .
	@rm -rf $(UNPACKED)
	@touch $@

$(VENV)/.tests: $(VENV)/.node
	@echo 'installing what tests need into $(VENV)'
	@$(INSTALL) -e '.[dev,platform]'
	@rm -rf $(UNPACKED)
	@touch $@

$(VENV)/.dev: $(VENV)/.tests
	@echo 'installing what training needs into $(VENV)'
	@$(INSTALL) -e '.[training]'
	@rm -rf $(UNPACKED)
	@touch $@
