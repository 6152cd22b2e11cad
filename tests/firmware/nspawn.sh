#!/usr/bin/env bash
# A small Debian 13 under a real systemd, as a stand-in for a flashed card. Root only.
#
#   nspawn.sh setup          make it (a minute once, kept in NSPAWN_DIR)
#   nspawn.sh boot FOLDER    boot it; FOLDER is /src there, read only; no network but its own loopback
#   nspawn.sh exec COMMAND   a command there, as root
#   nspawn.sh leader         its process 1 as seen from here, to enter its network
#   nspawn.sh off            power off; what was written there is gone
#
# NSPAWN_DIR  where everything is kept (default: build/nspawn)
set -euo pipefail

dir=${NSPAWN_DIR:-build/nspawn}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
root=$dir/root
group=nspawn-$(printf %s "$dir" | cksum | cut -d' ' -f1)
# What setup.sh and the broker's install.sh would fetch by apt: there is no network in there.
packages=mosquitto,python3-venv,chrony,nftables,network-manager,wpasupplicant,dnsmasq-base,iw,avahi-daemon,systemd-zram-generator,unattended-upgrades,util-linux-extra

setup() {
    [ "$(cat "$root/ready" 2>/dev/null)" != "$packages" ] || return 0
    rm -rf "$root"
    mmdebstrap --quiet --mode=root --variant=minbase --include=systemd,systemd-sysv,libnss-systemd,dbus,procps \
        --include="$packages" --aptopt='Acquire::Check-Valid-Until "false"' --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' trixie "$root" 2>"$dir/mmdebstrap.log"
    echo "$packages" >"$root/ready"
}

leader() { # the machine's process 1, as seen from here
    local pid
    pid=$(cat "$dir/pid" 2>/dev/null) && tr -d ' ' <"/proc/$pid/task/$pid/children" 2>/dev/null
}

inside() { nsenter --target "$(leader)" --all -- env -i PATH=/usr/sbin:/usr/bin "$@"; }

boot() {
    # systemd wants the unified cgroups: mounted in a namespace of its own, where the machine itself may have older ones
    # shellcheck disable=SC2016
    setsid unshare --mount --propagation private sh -euc '
        umount --recursive /sys/fs/cgroup 2>/dev/null || true
        mount -t cgroup2 none /sys/fs/cgroup
        mkdir -p "/sys/fs/cgroup/$2"
        echo $$ >"/sys/fs/cgroup/$2/cgroup.procs"
        exec systemd-nspawn --quiet --directory="$1" --machine="$2" --volatile=overlay --private-network --register=no \
            --keep-unit --system-call-filter="adjtimex clock_adjtime" --bind-ro="$3:/src" --console=pipe --boot systemd.unit=multi-user.target
    ' sh "$root" "$group" "$(realpath "$1")" </dev/null >"$dir/console.log" 2>&1 &
    echo $! >"$dir/pid"
    for _ in $(seq 600); do
        if [ -n "$(leader || true)" ] && inside test -S /run/systemd/private 2>/dev/null; then
            inside systemctl is-system-running --wait || true
            return
        fi
        [ -d "/proc/$(cat "$dir/pid")" ] || break
        sleep 0.05
    done
    cat "$dir/console.log" >&2
    return 1
}

off() {
    local pid
    pid=$(cat "$dir/pid" 2>/dev/null) || return 0
    [ -z "$(leader || true)" ] || inside systemctl poweroff --force 2>/dev/null || true
    for _ in $(seq 100); do [ -d "/proc/$pid" ] || break; sleep 0.05; done
    [ ! -d "/proc/$pid" ] || kill -KILL "$pid" || true
    rm -f "$dir/pid"
    find /sys/fs/cgroup -depth -type d -path "*/$group*" -exec rmdir {} + 2>/dev/null || true
}

case ${1:-} in
    setup) setup ;;
    boot) setup; boot "${2:?boot FOLDER}" ;;
    exec) shift; inside "$@" ;;
    leader) leader ;;
    off) off ;;
    *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
