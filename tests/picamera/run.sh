#!/usr/bin/env bash
# The camera tests with the real picamera2 on libcamera's virtual camera: no Pi, no camera.
#   tests/picamera/run.sh [PYTEST ARGUMENTS]        what is missing is installed the first time (apt needs root)
# Everything lies in build/vcam. libcamera's Python module exists for Debian's own Python alone, so /usr/bin/python3 it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

vcam=$PWD/build/vcam
python=$vcam/venv/bin/python
packages=(python3-libcamera libcamera-ipa python3-venv python3-dev libcap-dev gcc libc6-dev)
mkdir -p "$vcam/frames"

install_packages() {
    dpkg -s "${packages[@]}" >/dev/null 2>&1 && return
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends "${packages[@]}" >"$vcam/apt.log"
}

make_environment() {
    [ -x "$python" ] || /usr/bin/python3 -m venv --system-site-packages "$vcam/venv"
    [ "$vcam/installed" -nt pyproject.toml ] && return
    "$python" -m pip install -q --disable-pip-version-check picamera2==0.3.38 pytest pytest-timeout hypothesis playwright -e . &&
        touch "$vcam/installed"
}

make_camera() { # three sizes, the largest first; each picture stays for four frames, as libcamera has it
    [ "$vcam/fakeheap.so" -nt tests/picamera/fakeheap.c ] ||
        gcc -O2 -Wall -shared -fPIC -o "$vcam/fakeheap.so" tests/picamera/fakeheap.c
    local number=0 picture
    for picture in tests/data/frames/*.jpg; do
        cp "$picture" "$vcam/frames/$((number++)).jpg"
    done
    {
        printf '"Virtual0":\n  supported_formats:\n'
        printf '  - width: %s\n    height: %s\n    frame_rates: [1, 30]\n' 1280 720 640 480 320 240
        printf '  frames:\n    path: "%s/frames/"\n  location: "CameraLocationExternal"\n  model: "virtual"\n' "$vcam"
    } >"$vcam/virtual.yaml"
    rm -f "$vcam/stall"
}

install_packages
make_environment
make_camera
export LIBCAMERA_PIPELINES_MATCH_LIST=virtual LIBCAMERA_LOG_LEVELS='*:ERROR'
export VCAM_YAML=$vcam/virtual.yaml VCAM_STALL=$vcam/stall VCAM_FPS=10
export PYTHONPATH=$PWD/tests/picamera LD_PRELOAD=$vcam/fakeheap.so
exec "$python" -m pytest -m picamera tests/cameras "$@"
