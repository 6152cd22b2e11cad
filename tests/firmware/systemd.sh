#!/usr/bin/env bash
# make test-systemd: setup.sh and the service in a booted Debian 13; make e2e (--e2e): the whole bench procedure there.
# Root only; some minutes the first time, then one or two.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export NSPAWN_DIR=${NSPAWN_DIR:-build/nspawn} PYTHON=$PWD/.venv/bin/python
dpkg -s mmdebstrap systemd-container >/dev/null 2>&1 ||
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends mmdebstrap systemd-container
tests/firmware/nspawn.sh setup
[ -r "$NSPAWN_DIR/debs/Packages" ] || ARCHITECTURE=$(dpkg --print-architecture) firmware_config/debs.sh "$NSPAWN_DIR/debs"
machine=$(uname -m)
firmware_config/bundle.sh "$NSPAWN_DIR/software" 3.13 "manylinux_2_28_$machine" "manylinux_2_27_$machine" \
    "manylinux_2_17_$machine" "manylinux2014_$machine"
[ "${1:-}" != --e2e ] || exec "$PYTHON" -m tests.firmware.e2e
exec "$PYTHON" -m pytest -m systemd tests/firmware "$@"
