#!/bin/sh
# On the broker's machine, as root, in the folder that was rendered: installs Mosquitto and these files, or renews them.
set -eu
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "install.sh: run it as root: sudo $0" >&2; exit 2; }
command -v mosquitto >/dev/null || { apt-get -qq update && apt-get -qq install -y --no-install-recommends mosquitto; }
install -d -o root -g mosquitto -m 0750 /etc/mosquitto/fieldeye
install -o root -g mosquitto -m 0640 passwords acl ca.pem revoked.pem server.pem server.key /etc/mosquitto/fieldeye/
[ -e /etc/mosquitto/mosquitto.conf.before-fieldeye ] || cp -p /etc/mosquitto/mosquitto.conf /etc/mosquitto/mosquitto.conf.before-fieldeye
install -o root -g mosquitto -m 0640 mosquitto.conf /etc/mosquitto/mosquitto.conf
systemctl enable --quiet mosquitto
systemctl restart mosquitto
echo "install.sh: mosquitto runs with these files; the former configuration is mosquitto.conf.before-fieldeye"
