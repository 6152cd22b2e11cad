#!/usr/bin/env bash
# A Raspberry Pi's processor without one: an arm64 Debian under QEMU's user emulation. Root only.
#
#   root.sh setup SUITE            make it (a minute once, kept in ARM64_DIR): trixie has Python 3.13, bookworm 3.11
#   root.sh run SUITE COMMAND...   a command there; this folder is /src there, read only, and ARM64_DIR/out is /out
#
# ARM64_DIR  where everything is kept (default: build/arm64)
# QEMU_CPU   cortex-a53 (Pi 3, Zero 2 W), cortex-a72 (Pi 4, the default), cortex-a76 (Pi 5)
#
# Exit code 75 and one sentence: this machine cannot. Nothing is registered on the machine and no script of a package runs:
# arm64 programs run through a binfmt_misc of a user namespace of their own.
set -euo pipefail

cannot() { echo "$*" >&2; exit 75; }

word=${1:-} suite=${2:-}
dir=${ARM64_DIR:-build/arm64}
binfmt=/usr/share/qemu/binfmt.d/qemu-aarch64.conf
[ -e "$binfmt" ] || binfmt=/usr/lib/binfmt.d/qemu-aarch64.conf

install_emulator() {
    local packages=(mmdebstrap qemu-user-static qemu-user-binfmt debian-archive-keyring)
    ! dpkg -s "${packages[@]}" >/dev/null 2>&1 || return 0
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq install -y --no-install-recommends "${packages[@]}" >"$dir/apt.log" 2>&1 ||
        { apt-get -qq update && apt-get -qq install -y --no-install-recommends "${packages[@]}"; } >"$dir/apt.log" 2>&1 ||
        cannot "${packages[*]}: cannot be installed by apt here (see $dir/apt.log)"
}

setup() {
    [ ! -e "$root/ready" ] || return 0
    install_emulator
    unshare --user --map-users=0:0:65536 --map-groups=0:0:65536 --mount mount -t binfmt_misc none /proc/sys/fs/binfmt_misc ||
        cannot "this kernel ($(uname -r)) has no binfmt_misc for a user namespace; 6.7 or newer has"
    rm -rf "$root"
    # "extract" unpacks and runs no package's script: seconds instead of minutes, and enough for Python
    mmdebstrap --quiet --mode=root --variant=extract --architectures=arm64 --skip=check/qemu \
        --include=dash,coreutils,python3,python3-venv,libstdc++6,libgomp1 \
        --aptopt='Acquire::Check-Valid-Until "false"' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' "$suite" "$root" >"$dir/mmdebstrap.log" 2>&1 ||
        cannot_or_failed
    mkdir -p "$root"/{proc,sys,dev,tmp,root,src,out,usr/bin,usr/sbin,usr/lib}
    for name in bin sbin lib; do [ -e "$root/$name" ] || ln -s "usr/$name" "$root/$name"; done
    touch "$root/ready"
}

cannot_or_failed() { # a missing network is no fault of ours, anything else is
    python3 -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=20)' \
        "http://deb.debian.org/debian/dists/$suite/InRelease" 2>/dev/null ||
        cannot "deb.debian.org cannot be reached, and the arm64 Debian comes from there"
    cat "$dir/mmdebstrap.log" >&2
    exit 1
}

run() { # with a clean environment: settings of this machine's Python, pip or BLAS would be wrong there
    # shellcheck disable=SC2016
    exec unshare --user --map-users=0:0:65536 --map-groups=0:0:65536 --mount --propagation private -- sh -euc '
        root=$1 out=$2 binfmt=$3 cpu=$4; shift 4
        mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
        cat "$binfmt" >/proc/sys/fs/binfmt_misc/register
        mount -t tmpfs none "$root/tmp"
        mount --rbind "$PWD" "$root/src" # with what is mounted below it: a user namespace may not leave that out
        mount -o remount,bind,ro "$root/src"
        mount --bind "$out" "$root/out"
        for name in proc sys dev; do mount --rbind "/$name" "$root/$name"; done
        exec env -i QEMU_CPU="$cpu" PATH=/usr/bin:/usr/sbin HOME=/root LANG=C.UTF-8 PYTHONPATH=/opt/fieldeye \
            chroot "$root" "$@"
    ' sh "$root" "$dir/out" "$binfmt" "${QEMU_CPU:-cortex-a72}" "$@"
}

case $word in
    setup | run)
        [ "$(id -u)" = 0 ] || cannot "only root can make another processor's root file system here"
        mkdir -p "$dir/out"
        dir=$(cd "$dir" && pwd)
        root=$dir/${suite:?root.sh $word SUITE}
        setup
        shift 2
        [ "$word" = setup ] || run "$@"
        ;;
    *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
