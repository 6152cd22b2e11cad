#!/bin/sh
# On the broker's machine, as root, in the folder that was rendered: installs Mosquitto, chrony and these files, or renews them.
#
#   sudo ./install.sh [--afresh]
#
# --afresh   the broker forgets what it kept: what others retained or subscribed to with a card of the site goes. So does what it
#            keeps for a platform that is away: records are asked for again, pictures on their way are lost. Needed
#            where this machine was the broker of another site, or the key store is new
set -eu
afresh=
for word; do
    case $word in
        --afresh) afresh=yes ;;
        -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0"; exit 0 ;;
        *) echo "install.sh: unknown argument $word; see --help" >&2; exit 2 ;;
    esac
done
put() { # MODE GROUP SOURCE TARGET: a power cut leaves the former file or this one
    install -D -o root -g "$2" -m "$1" "$3" "$4.new"
    sync "$4.new"
    mv -f "$4.new" "$4"
}
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "install.sh: run it as root: sudo $0" >&2; exit 2; }
if [ -z "$afresh" ] && [ -s /etc/mosquitto/fieldeye/ca.pem ] && ! cmp -s ca.pem /etc/mosquitto/fieldeye/ca.pem; then
    echo "install.sh: this machine is the broker of another site or of a former key store, whose nodes these files would lock out;" \
        "give this site a machine of its own, or add --afresh if its key store is new" >&2
    exit 1
fi
if ! command -v mosquitto >/dev/null || ! command -v chronyd >/dev/null; then
    apt-get -qq update
    apt-get -qq install -y --no-install-recommends mosquitto chrony
fi
rules=$(find /usr/lib /usr/local/lib -maxdepth 2 -name mosquitto_dynamic_security.so | head -n 1) # differs by architecture
[ -n "$rules" ] || { echo "install.sh: below /usr/lib there is no mosquitto_dynamic_security.so; install Debian's package mosquitto" >&2; exit 1; }
install -d -o root -g mosquitto -m 0750 /etc/mosquitto/fieldeye
for file in passwords acl ca.pem revoked.pem server.pem server.key; do
    put 0640 mosquitto "$file" "/etc/mosquitto/fieldeye/$file"
done
ln -sfn "$rules" /etc/mosquitto/fieldeye/dynamic_security.so
[ -e /etc/mosquitto/mosquitto.conf.before-fieldeye ] || put 0644 root /etc/mosquitto/mosquitto.conf /etc/mosquitto/mosquitto.conf.before-fieldeye
put 0640 mosquitto mosquitto.conf /etc/mosquitto/mosquitto.conf
put 0644 root chrony.conf /etc/chrony/conf.d/fieldeye-broker.conf
sync /etc/mosquitto /etc/mosquitto/fieldeye /etc/chrony/conf.d
systemctl enable --quiet mosquitto chrony
[ -z "$afresh" ] || { systemctl stop mosquitto; rm -f /var/lib/mosquitto/mosquitto.db; } # a stop writes it once more
systemctl restart mosquitto chrony # a reload would not read acl
echo "install.sh: mosquitto runs with these files, and chrony tells the nodes the time; the former configuration is mosquitto.conf.before-fieldeye"
