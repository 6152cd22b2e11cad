#!/bin/sh
# Puts all of a node's software into one folder, so that a node is set up without internet.
#
#   firmware_config/bundle.sh OUT [PYTHON [PLATFORM...]]    default: 3.13, manylinux wheels for aarch64 (Raspberry Pi OS Trixie)
#
# Run it in the repository's folder; PYTHON names a Python with pip. OUT then goes to each card as fieldeye/software.
set -eu
explain() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0"; }
case ${1:-} in
    "") explain; exit 2 ;;
    -h | --help) explain; exit 0 ;;
    -*) echo "bundle.sh: $1 is no folder; see --help" >&2; exit 2 ;;
esac
out=$1
python=${2:-3.13}
[ $# -lt 2 ] || shift
shift
[ $# -gt 0 ] || set -- manylinux_2_28_aarch64 manylinux_2_27_aarch64 manylinux_2_17_aarch64 manylinux2014_aarch64
platforms=""
for platform; do platforms="$platforms --platform $platform"; done
rm -rf "$out"/fieldeye-*.whl "$out/wheels" # what an older one needed would be signed and sent as well
mkdir -p "$out/wheels"
"${PYTHON:-python3}" -m pip wheel --quiet --no-deps --wheel-dir "$out" .
cp requirements.lock "$out/"
# each platform is a word of its own
# shellcheck disable=SC2086
"${PYTHON:-python3}" -m pip download --quiet --require-hashes --only-binary :all: --python-version "$python" $platforms \
    --dest "$out/wheels" --requirement requirements.lock
"${PYTHON:-python3}" "$(dirname "$0")/sbom.py" "$out"
echo "$out: $(du -sm "$out" | cut -f1) MB for Python $python"
