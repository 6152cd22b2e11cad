#!/usr/bin/env bash
# Puts Debian's packages that setup.sh installs into one folder, so that a node is set up without any internet.
#
#   firmware_config/debs.sh OUT [--source LINE] [PACKAGE...]
#
#   --source LINE   another archive, as in sources.list; may be repeated
#   PACKAGE         more packages, as python3-picamera2 from the Raspberry Pi's archive
#   ARCHITECTURE    in the environment; default: arm64
#
# Run it on a Debian or Raspberry Pi OS; root is not needed and nothing is installed here. apt checks what it fetches by Debian's
# signature. OUT then goes to each card as fieldeye/debs, with all that the packages need, whatever the card's image has.
set -euo pipefail

explain() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }
case ${1:-} in
    "") explain; exit 2 ;;
    -h | --help) explain; exit 0 ;;
    -*) echo "debs.sh: $1 is no folder; see --help" >&2; exit 2 ;;
esac
command -v apt-get >/dev/null || { echo "debs.sh: needs apt-get; run it on a Debian or a Raspberry Pi OS" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
architecture=${ARCHITECTURE:-arm64}
keys=/usr/share/keyrings/debian-archive-keyring
[ -e "$keys.pgp" ] && keys=$keys.pgp || keys=$keys.gpg
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mapfile -t packages < <("$here/card/setup.sh" --packages)
{
    echo "deb [signed-by=$keys] http://deb.debian.org/debian trixie main"
    echo "deb [signed-by=$keys] http://deb.debian.org/debian trixie-updates main"
    echo "deb [signed-by=$keys] http://deb.debian.org/debian-security trixie-security main"
} >"$work/sources.list"
while [ $# -gt 0 ]; do
    case $1 in
        --source) echo "${2:?--source LINE}" >>"$work/sources.list"; shift 2 ;;
        -*) echo "debs.sh: unknown argument $1; see --help" >&2; exit 2 ;;
        *) packages+=("$1"); shift ;;
    esac
done

# An apt of its own, for a machine on which nothing is installed: so nothing is taken for granted of the card's image.
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
touch "$work/status"
options=(-qq -o "APT::Architecture=$architecture" -o "APT::Architectures=$architecture" -o "Dir::State=$work/state"
    -o "Dir::State::status=$work/status" -o "Dir::Cache=$work/cache" -o "Dir::Etc::sourcelist=$work/sources.list"
    -o "Dir::Etc::sourceparts=-" -o "Dir::Etc::preferencesparts=$work/state" -o "APT::Sandbox::User=" -o "Debug::NoLocking=1")
apt-get "${options[@]}" update
apt-get "${options[@]}" install -y --no-install-recommends --download-only -o "Dir::Cache::archives=$out" "${packages[@]}"

# What apt on the card reads: each package's entry in the signed list, with its hash, but for where the file lies.
# shellcheck disable=SC2016
mapfile -t found < <(cd "$out" && for file in *.deb; do dpkg-deb --showformat '${Package}=${Version}\n' --show "$file"; done)
apt-cache "${options[@]}" show "${found[@]}" |
    sed -E 's|^Filename: .*/|Filename: ./|' >"$out/Packages"
rm -rf "$out/partial" "$out/lock"
echo "$out: ${#found[@]} packages for $architecture, $(du -sm "$out" | cut -f1) MB"
