#!/usr/bin/env bash
# The discovery payload against the real Home Assistant: its own parser and the schemas of its MQTT entities, in an
# environment of its own (600 MB under build/), since it pins other versions of much that we use. Python 3.13 or later.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${HOMEASSISTANT_PYTHON:-python3.13}
venv=build/homeassistant
command -v "$python" >/dev/null || { echo "$python is missing; name a Python 3.13 with HOMEASSISTANT_PYTHON=..." >&2; exit 1; }
if [ ! -e $venv/.done ]; then
    "$python" -m venv $venv
    $venv/bin/pip install --quiet --disable-pip-version-check 'homeassistant>=2024.12' paho-mqtt==2.1.0
    touch $venv/.done
fi
.venv/bin/python -m tests.homeassistant.payloads >build/homeassistant/told.json
$venv/bin/python tests/homeassistant/check.py build/homeassistant/told.json
