#!/usr/bin/env bash
# Makes a Raspberry Pi OS (64-bit) or a Debian a Fieldeye node. May be run again at any time: what is right is left alone,
# and after a power cut it goes on where it was.
#
#   sudo ./setup.sh [--software DIR] [--debs DIR]
#   ./setup.sh --packages
#
#   --software DIR   fieldeye-*.whl and requirements.lock, and wheels/ for a node without internet
#                    (default: software beside this file; firmware_config/bundle.sh makes one)
#   --debs DIR       Debian's packages and their list, for a node without any internet
#                    (default: debs beside this file, if it is there; firmware_config/debs.sh makes one)
#   --packages       say which packages of Debian a node needs, and do nothing
# Exit codes: 0 done, 1 a step failed (run it again), 2 wrong use, a system that cannot become a node, or secrets on a boot
# partition that can only be read.
set -euo pipefail
umask 022 # whose shell it is may have a narrower one, and the service reads much of what is written here

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
software=$here/software
debs=$here/debs
log=/var/log/fieldeye-setup.log
done_mark=/var/lib/fieldeye-setup/done
ssh_keys=/home/technician/.ssh/authorized_keys
lock=/opt/fieldeye/lock
units=(fieldeye-leave-hotspot.timer fieldeye-healthy.path fieldeye-fetch.path fieldeye-update.path fieldeye-halt.path
    fieldeye-card.service fieldeye-clock.service)
packages=(python3-venv chrony nftables network-manager wpasupplicant dnsmasq-base iw avahi-daemon
    systemd-zram-generator unattended-upgrades util-linux-extra) # the last: hwclock, which Raspberry Pi OS lacks
modem_packages=(modemmanager usb-modeswitch)
ssh_packages=(openssh-server)

say() { echo "$(date -u +%FT%TZ) $*" | tee -a "$log"; }
refuse() { echo "setup.sh: $*" >&2; exit 2; }

check() {
    local torn
    [ "$(id -u)" = 0 ] || refuse "needs root; run: sudo $0"
    [ "$(getconf LONG_BIT)" = 64 ] || refuse "this system is 32-bit, for which ONNX Runtime is not published; flash the 64-bit Raspberry Pi OS"
    [ -r "$here/node.toml" ] || [ -r /etc/fieldeye/node.toml ] || refuse "$here/node.toml is missing; copy the node's whole folder, as it was rendered"
    compgen -G "$software/fieldeye-*.whl" >/dev/null || refuse "$software holds no fieldeye-*.whl; make it with firmware_config/bundle.sh"
    [ -r "$software/requirements.lock" ] || refuse "$software/requirements.lock is missing; make the folder with firmware_config/bundle.sh"
    # A card that was taken out before all was written has files that are empty, or of zeros alone.
    torn=$(grep -rLs '[[:graph:]]' "$here"/{node.toml,ca.pem,update-keys,secrets,system} "$software"/{requirements.lock,counter} "$debs/Packages" || true)
    [ -z "$torn" ] || refuse "${torn%%$'\n'*} is empty; copy the node's whole folder again, and eject the card before you take it out"
}

# Two at once empty each other's slot. Updates take the same lock, see edge/updates/lock.py; the kernel gives it back.
alone() {
    mkdir -p "$(dirname "$lock")"
    (umask 077 && : >>"$lock") # whoever can open it can hold it
    exec 9>>"$lock"
    flock --nonblock 9 || { echo "setup.sh: another setup.sh or an update is at work here; run this again when it has ended" >&2; exit 1; }
}

# Copies a file if it differs: written beside and renamed, so that a power cut leaves the old one or the new one.
put() { # MODE USER:GROUP SOURCE TARGET
    if cmp -s "$3" "$4" && [ "$(stat -c '%a %U:%G' "$4")" = "${1#0} $2" ]; then return 0; fi
    mkdir -p "$(dirname "$4")"
    install -m "$1" -o "${2%:*}" -g "${2#*:}" "$3" "$4.new"
    sync "$4.new"
    mv -f "$4.new" "$4"
    say "wrote $4"
}

# Raspberry Pi OS is flashed with its Wi-Fi off until somebody chooses a country. NetworkManager keeps it on from now on.
switch_wifi_on() {
    ! command -v nmcli >/dev/null || nmcli radio wifi on || say "the Wi-Fi could not be switched on; run: sudo nmcli radio wifi on"
}

install_packages() {
    local wanted=("${packages[@]}") missing=() name
    ! grep -Eqs "kind *= *[\"']picamera" "$here/node.toml" || wanted+=(python3-picamera2) # from apt: it brings libcamera
    [ ! -e "$here/system/etc/NetworkManager/system-connections/fieldeye-lte.nmconnection" ] || wanted+=("${modem_packages[@]}")
    [ ! -s "$here/authorized_keys" ] || wanted+=("${ssh_packages[@]}")
    for name in "${wanted[@]}"; do
        dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    local options=(-qq -o DPkg::Lock::Timeout=300)
    export DEBIAN_FRONTEND=noninteractive
    dpkg --configure -a
    if [ -r "$debs/Packages" ]; then # what the technician's apt has checked; no other archive is asked
        echo "deb [trusted=yes] \"file:$debs\" ./" >/run/fieldeye-debs.list
        options+=(-o Dir::Etc::sourcelist=/run/fieldeye-debs.list -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0
            -o APT::Sandbox::User=root)
    fi
    apt-get "${options[@]}" update
    apt-get "${options[@]}" install -y --no-install-recommends "${missing[@]}"
    say "installed ${missing[*]}"
}

make_user() {
    ! id -u fieldeye >/dev/null 2>&1 || return 0
    # The camera, and its buffers, belong to the group video.
    useradd --system --groups video --home-dir /var/lib/fieldeye --no-create-home --shell /usr/sbin/nologin fieldeye
    say "made the user fieldeye"
}

# Two slots and a link to the one that runs, see system/usr/local/lib/fieldeye/slots.
install_software() {
    local slots=$here/system/usr/local/lib/fieldeye/slots before
    before=$(readlink /opt/fieldeye/venv || true)
    if /opt/fieldeye/venv/bin/fieldeye --version >/dev/null 2>&1; then # else its Python went with a former Debian
        if grep -q " $(mark)\$" "/opt/fieldeye/$before/release"; then return 0; fi
        if is_older; then say "newer software runs already, and stays"; return 0; fi
    fi
    [ ! -r "$here/node.toml" ] || local -x FIELDEYE_CONFIG=$here/node.toml # what the new software will run with
    bash "$slots" build "$software"
    bash "$slots" switch venv
    say "installed $(basename "$software"/fieldeye-*.whl)"
}

# What came as an update since this folder was made stays, and so do the units and the firewall that belong to it.
is_older() { [ "$(cat "$software/counter" 2>/dev/null || echo 0)" -lt "$(runs)" ]; }

runs() { # says the number of the software
    local number
    number=$(cut -d' ' -f1 /opt/fieldeye/venv/release 2>/dev/null || true)
    echo "${number:-0}"
}

mark() { (cd "$software" && sha256sum fieldeye-*.whl requirements.lock | sha256sum | cut -d' ' -f1); }

# A key or a connection that the fleet file has no longer. The folder's own files do not tell: copying a newly rendered one
# over it leaves a former key there, and connections do not stay on the boot partition. A torn inventory tells nothing.
is_former() { # FILE
    grep -qsxF /etc/fieldeye/update-keys/1.pub "$here/inventory" && ! grep -qxF "$1" "$here/inventory"
}

remove_former() { # FILE...: last, so that a power cut leaves what is new in place
    local file
    for file; do
        if [ ! -e "$file" ] || ! is_former "$file"; then continue; fi
        sync "$(dirname "$file")"
        rm "$file"
        say "took away $file, which the fleet file has no longer"
    done
}

install_settings() {
    install -d -m 0755 /etc/fieldeye /usr/local/lib/fieldeye # as a former setup.sh left them in a narrower umask
    # A camera's address may hold its password: nobody reads it but the service.
    [ ! -r "$here/node.toml" ] || put 0640 root:fieldeye "$here/node.toml" /etc/fieldeye/node.toml
    put 0644 root:root "$here/ca.pem" /etc/fieldeye/ca.pem
    install -d -m 0700 /etc/fieldeye/secrets
    local key secret
    for key in "$here"/update-keys/*.pub; do
        ! is_former "/etc/fieldeye/update-keys/$(basename "$key")" || continue
        put 0644 root:root "$key" "/etc/fieldeye/update-keys/$(basename "$key")"
    done
    remove_former /etc/fieldeye/update-keys/*.pub
    for secret in "$here"/secrets/*; do
        [ -f "$secret" ] || continue
        put 0600 root:root "$secret" "/etc/fieldeye/secrets/$(basename "$secret")"
    done
}

# cloud-init writes them once and only ever adds to them. An empty file that the inventory lists was torn.
install_ssh_keys() {
    if [ ! -e "$here/authorized_keys" ] || ! id -u technician >/dev/null 2>&1; then return 0; fi
    if [ -s "$here/authorized_keys" ]; then
        put 0600 "technician:$(id -gn technician)" "$here/authorized_keys" "$ssh_keys"
    else
        remove_former "$ssh_keys"
    fi
}

# Are units, firewall and time source of this folder those of the software that runs? See system-files.
is_in_force() {
    diff -rq -x NetworkManager -x slots -x system-files "$here/system" /opt/fieldeye/venv/system >/dev/null 2>&1
}

install_system() {
    local file target mode folder=$here/system
    if is_older; then
        folder=$here/system/etc/NetworkManager
        is_in_force || say "units, firewall and time source stay those of update number $(runs); sign and send software to change them"
    fi
    # The one file here that another's firewall may stand in.
    [ -e /etc/nftables.conf.before-fieldeye ] || cp -p /etc/nftables.conf /etc/nftables.conf.before-fieldeye
    while IFS= read -r file; do
        target=${file#"$here/system"}
        mode=0644
        case $target in
            *.nmconnection) mode=0600 ;;
            */lib/fieldeye/*) mode=0755 ;;
        esac
        put "$mode" root:root "$file" "$target"
    done < <(find "$folder" -type f | sort)
    remove_former /etc/NetworkManager/system-connections/fieldeye-*.nmconnection
    is_older || "$here/system/usr/local/lib/fieldeye/system-files" adopt "$here/system" # go and come back with this software
    if [ "$(readlink /usr/local/bin/fieldeye)" != /opt/fieldeye/venv/bin/fieldeye ]; then
        ln -sfn /opt/fieldeye/venv/bin/fieldeye /usr/local/bin/fieldeye
        say "wrote /usr/local/bin/fieldeye"
    fi
}

start_units() {
    systemctl daemon-reload
    systemctl daemon-reexec # reads RuntimeWatchdogSec
    systemctl restart systemd-journald systemd-sysctl
    systemctl enable --quiet nftables chrony fieldeye.service "${units[@]}"
    systemctl restart nftables
    systemctl restart --no-block chrony "${units[@]}"
    nmcli connection reload || true
    systemctl restart fieldeye.service
    [ ! -s "$ssh_keys" ] || systemctl enable --now --quiet ssh
}

# The boot partition has no owners and no modes: what is secret must not stay on it.
forget_secrets() {
    local file secret=("$here"/secrets/* "$here"/system/etc/NetworkManager/system-connections/*)
    ! grep -Eqs 'source *= *["'\''].*://.*[@?=]' "$here/node.toml" || secret+=("$here/node.toml") # a camera's password
    if [ ! -w "$here" ]; then # a FAT in which the kernel found a fault, until the next boot has it checked
        for file in "${secret[@]}" "$here"/forgotten/*; do
            [ -f "$file" ] || continue
            say "this is a node, but $here can only be read and keeps its secrets; the next boot tries again"
            trap - EXIT
            exit 2 # not each minute, for that restarts the service
        done
        return 0
    fi
    mkdir -p "$here/forgotten" # first: what is half overwritten must not be put in place at the next boot
    for file in "${secret[@]}"; do
        [ ! -f "$file" ] || mv -f "$file" "$here/forgotten/"
    done
    sync # both places: the last that was put in place may yet be in memory alone
    for file in "$here"/forgotten/*; do
        [ -f "$file" ] || continue
        shred -u "$file"
        say "took $(basename "$file") off the card's boot partition"
    done
    rmdir "$here/forgotten"
}

while [ $# -gt 0 ]; do
    case $1 in
        --debs) debs=$(realpath "${2:?--debs DIR}"); shift 2 ;;
        --packages) printf '%s\n' "${packages[@]}" "${modem_packages[@]}" "${ssh_packages[@]}"; exit 0 ;;
        --software) software=$(realpath "${2:?--software DIR}"); shift 2 ;;
        -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
        *) refuse "unknown argument $1; see --help" ;;
    esac
done
check
alone
say "begun with $(basename "$software"/fieldeye-*.whl)"
step=begin
trap '[ $? = 0 ] || { say "step $step failed; what is done stays done, run it again: $0"; exit 1; }' EXIT
for step in switch_wifi_on install_packages make_user install_software install_settings install_ssh_keys install_system start_units forget_secrets; do
    "$step" # no "||" here: it would switch off errexit within the step
done
mkdir -p "$(dirname "$done_mark")"
date -u +%FT%TZ >"$done_mark"
sync
say "done: this is a node"
