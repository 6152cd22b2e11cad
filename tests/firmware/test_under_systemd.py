"""A rendered card in a booted Debian: setup.sh without internet, a power cut in between, and the service afterwards."""

import os
import shlex

import pytest

from firmware_config.node import START_SETUP
from tests.firmware.conftest import FROM_CARD
from tests.firmware.machine import BOOT, LOG, inside, page_answers, shown
from tests.waiting import wait_until

SETUP = f"{BOOT}/setup.sh"
PROGRAMS = "/usr/local/lib/fieldeye"

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.skipif("NSPAWN_DIR" not in os.environ, reason="boots a machine as root; run: make test-systemd"),
]


def test_setup_goes_on_after_a_power_cut_in_its_midst(node: str) -> None:
    assert "installed fieldeye-" in node
    assert node.endswith("done: this is a node")
    assert node.count("begun with") == 2


def test_debians_packages_come_from_the_card_where_there_is_no_internet(node: str) -> None:
    (line,) = [line for line in node.splitlines() if " installed python3-venv" in line]
    assert set(FROM_CARD) <= set(line.split())
    assert inside(f"dpkg --audit; dpkg-query -W -f '${{db:Status-Status}} ' {' '.join(FROM_CARD)}").split() == [
        "installed"
    ] * len(FROM_CARD)


def test_a_node_that_is_done_is_left_alone_at_the_next_boot(node: str) -> None:
    inside(START_SETUP)
    assert inside(f"cat {LOG}") == node


def test_the_service_is_ready_and_unprivileged(node: str) -> None:
    assert (shown("ActiveState"), shown("SubState")) == ("active", "running")
    pid = shown("MainPID")
    assert inside(f"stat -c %U /proc/{pid}") == "fieldeye"
    assert "CapEff:\t0000000000000000" in inside(f"cat /proc/{pid}/status")


def test_no_secret_stays_on_the_boot_partition(node: str) -> None:
    assert inside(f"find {BOOT} -path '*secrets/*' -o -name '*.nmconnection'") == ""
    assert inside("stat -c '%a %U' /etc/fieldeye/secrets/mqtt-password /etc/fieldeye/secrets") == "600 root\n700 root"


def test_the_secrets_of_the_service_are_hidden_from_others_and_found_by_itself(node: str) -> None:
    assert "cannot be read" not in inside("journalctl --no-pager -u fieldeye")
    assert (
        inside("runuser -u nobody -- cat /etc/fieldeye/secrets/mqtt-password 2>/dev/null || echo refused") == "refused"
    )


def test_systemd_knows_every_word_of_the_files(node: str) -> None:
    assert shown("RuntimeWatchdogUSec", "") == "1min"
    assert inside("journalctl --no-pager -b | grep -c 'Unknown key\\|Failed to parse' || true") == "0"


def test_the_settings_are_for_root_and_the_service_alone(node: str) -> None:
    assert inside("stat -c '%a %U:%G' /etc/fieldeye/node.toml") == "640 root:fieldeye"


def test_the_radio_is_on_which_raspberry_pi_os_keeps_off_until_a_country_is_chosen(node: str) -> None:
    assert inside("nmcli radio wifi") == "enabled"


def test_the_firewall_stands(node: str) -> None:
    assert "policy drop" in inside("nft list chain inet fieldeye input")
    assert shown("UnitFileState", "nftables.service") == "enabled"


def test_the_page_answers(node: str) -> None:
    assert page_answers()


def test_the_installed_broker_and_the_service_find_each_other_over_tls(node: str) -> None:
    inside("cp -a /src/broker /root/broker && /root/broker/install.sh")
    assert shown("ActiveState", "mosquitto.service") == "active"
    inside("cp -a /root/broker /root/other && echo >>/root/other/ca.pem")
    assert "broker of another site" in inside("/root/other/install.sh 2>&1 || true")
    inside("systemctl stop mosquitto && echo damaged >/var/lib/mosquitto/mosquitto.db")
    inside("/root/broker/install.sh --afresh")
    assert shown("ActiveState", "mosquitto.service") == "active"
    assert "allow 192.168.0.0/16" in inside("chronyd -p")
    inside("systemctl restart fieldeye.service")
    told = "journalctl --no-pager -u fieldeye.service"  # nobody subscribes: the node says so, once it is logged in
    wait_until(lambda: '"now": "no_subscriber"' in inside(told), within_s=60)
    inside("systemctl stop mosquitto.service")


def test_the_doctor_says_whether_the_service_runs(node: str) -> None:
    doctor = "CREDENTIALS_DIRECTORY=/etc/fieldeye/secrets fieldeye doctor | grep '. service' || true"
    path = "PATH=$PATH:/usr/local/bin"
    assert inside(f"{path}; {doctor}").startswith("✓ service")
    inside("systemctl stop fieldeye.service")
    assert inside(f"{path}; {doctor}").startswith("✗ service")
    inside("systemctl start fieldeye.service")


AS_SERVICE = "setpriv --reuid=fieldeye --regid=fieldeye --clear-groups"


def test_the_service_reads_how_long_no_security_updates_came(node: str) -> None:
    page = "python3 -c \"import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/node').read().decode())\""
    waits = "No security updates of the operating system for 3 months."
    assert waits not in inside(page)
    old = "/var/lib/apt/lists/deb.debian.org_debian-security_dists_trixie-security_InRelease"
    inside(f"touch -d '-91 days' {old} && unattended-upgrade")
    assert waits in inside(page)
    doctor = f"PATH=$PATH:/usr/local/bin; {AS_SERVICE} fieldeye doctor | grep Debian"
    assert "no security updates for 91 days (last looked for on " in inside(doctor)
    inside(f"touch {old}")
    assert inside(doctor).startswith("✓ Debian updates security updates: last looked for on ")
    inside(f"rm {old}")


def put_there(path: str, *lines: str) -> None:
    """A text in the machine, which may be run."""
    inside(f"mkdir -p $(dirname {path}) && printf '%s\\n' {shlex.join(lines)} >{path} && chmod 755 {path}")


@pytest.mark.parametrize(("often", "comes"), [("never", False), ("weekly", True)])
def test_over_a_metered_line_security_updates_come_only_where_the_fleet_file_says_so(
    node: str, often: str, comes: bool
) -> None:
    """Stand-ins for the line alone, and for what apt-get would load over it."""
    put_there("/root/metered/busctl", "#!/bin/sh", "echo u 1")
    put_there("/root/metered/apt-get", "#!/bin/sh", 'case "$*" in *update) ;; *) exec /usr/bin/apt-get "$@" ;; esac')
    dropped = "/run/systemd/system/apt-.service.d/20-metered.conf"
    ours = f"ExecCondition={PROGRAMS}/line-for-apt %N"
    assert f"{ours} never" in inside("systemctl cat apt-daily-upgrade").splitlines()
    path = "Environment=PATH=/root/metered:/usr/sbin:/usr/bin"
    put_there(dropped, "[Service]", path, "ExecCondition=", f"{ours} {often}")
    inside("systemctl daemon-reload && rm -f /var/lib/apt/periodic/*-stamp")
    inside("systemctl start apt-daily apt-daily-upgrade")
    came = "test -e /var/lib/apt/periodic/unattended-upgrades-stamp && echo yes || true"
    assert (inside(came) == "yes") is comes
    assert shown("Result", "apt-daily.service") == "exec-condition"
    assert shown("Result", "apt-daily-upgrade.service") == ("success" if comes else "exec-condition")
    inside(f"rm {dropped} && systemctl daemon-reload")


@pytest.mark.parametrize("name", ["set-clock", "halt"])
def test_what_the_service_asks_of_root_is_read_and_taken_away(node: str, name: str) -> None:
    """Nonsense, since a container has no clock of its own to set, and has to stay on."""
    asked = f"/run/fieldeye/{name}"
    inside(f"{AS_SERVICE} sh -c 'echo soon 1 > {asked}'")
    wait_until(lambda: inside(f"test -e {asked} || echo gone") == "gone", within_s=20)
    wait_until(lambda: "not a time" in inside(f"journalctl -u fieldeye-{name} -o cat --no-pager"), within_s=20)


ASK = """
import hashlib, pathlib
from edge.updates.inbox import Inbox, Request
bundle = b"no bundle"
told = Request(url="http://127.0.0.1:8099/new.update", sha256=hashlib.sha256(bundle).hexdigest(), bytes=len(bundle))
Inbox(pathlib.Path("/var/lib/fieldeye/inbox")).ask_for(told)
"""


def test_a_bundle_that_was_told_of_is_fetched_and_comes_before_the_installer(node: str) -> None:
    inside("mkdir -p /root/site && printf 'no bundle' >/root/site/new.update")
    inside("systemd-run --quiet python3 -m http.server 8099 --bind 127.0.0.1 --directory /root/site")
    wait_until(lambda: ":1FA3 " in inside("cat /proc/net/tcp"), within_s=20)  # port 8099
    inside(f"{AS_SERVICE} /opt/fieldeye/venv/bin/python -c '{ASK}'")
    wait_until(lambda: "1 fetched" in inside("journalctl -u fieldeye-fetch -o cat --no-pager"), within_s=60)
    wait_until(lambda: "refused" in inside("journalctl -u fieldeye-update -o cat --no-pager"), within_s=60)


def test_the_radio_is_looked_after(node: str) -> None:
    inside("systemctl start fieldeye-leave-hotspot.service")
    assert shown("Result", "fieldeye-leave-hotspot.service") == "success"


FLAG = "/run/systemd/timesync/synchronized"


def test_the_service_is_told_when_a_server_of_time_has_set_the_clock_or_a_cell_has_kept_it_since(node: str) -> None:
    """chronyd turns no clock of a container (-x); one of the two is the server. A file is the board's own clock."""
    inside(f"rm -f {FLAG}; install -d -o _chrony -m 0750 /run/chrony; mkdir -p /srv/own")
    put_there("/srv/own/go-on", "#!/bin/sh", "cd /srv/own", "while date +%s >new; do mv new second; sleep 1; done")
    inside("systemd-run --quiet --unit=own-clock /srv/own/go-on")
    dropped = "/run/systemd/system/fieldeye-clock.service.d/own.conf"
    put_there(dropped, "[Service]", "Environment=FIELDEYE_SINCE_EPOCH=/srv/own/second")
    inside("systemctl daemon-reload")
    told = {
        "server": ["local stratum 8", "allow", "cmdport 0", "bindcmdaddress /", "pidfile /run/server.pid"],
        "client": ["server 127.0.0.1 iburst minpoll -2 maxpoll -2", "port 0"],
    }
    for name, lines in told.items():
        inside(f"printf '%s\\n' {' '.join(map(repr, lines))} >/root/{name}.conf")
        inside(f"systemd-run --quiet --unit=chronyd-{name} chronyd -x -d -f /root/{name}.conf")
    inside("systemctl restart fieldeye-clock.service")
    wait_until(lambda: inside(f"cat {FLAG} || echo not yet") == "", within_s=60)
    wait_until(lambda: shown("ActiveState", "fieldeye-clock.service") == "inactive", within_s=60)
    inside("systemctl stop chronyd-server chronyd-client")
    inside(f"rm {FLAG}; systemctl restart fieldeye-clock.service")
    wait_until(lambda: inside(f"cat {FLAG} || echo not yet") == "cell", within_s=60)
    inside(f"systemctl stop own-clock; rm {dropped} && systemctl daemon-reload")


def test_setup_again_changes_no_file(node: str) -> None:
    again = inside(f"bash {SETUP}")
    assert not [word for word in ("wrote", "installed", "made", "took") if f"Z {word} " in again]


def test_what_onnxruntime_once_kept_to_report_is_taken_away(node: str) -> None:
    kept = "/var/lib/fieldeye/.cache/Microsoft"
    inside(f"{AS_SERVICE} mkdir -p {kept}/DeveloperTools/.onnxruntime && systemctl restart fieldeye.service")
    assert inside(f"test -e {kept} || echo gone") == "gone"


def test_a_frozen_node_is_started_anew_by_its_watchdog(node: str) -> None:
    inside("mkdir -p /run/systemd/system/fieldeye.service.d")
    inside("printf '[Service]\\nWatchdogSec=15\\n' >/run/systemd/system/fieldeye.service.d/short.conf")
    inside("systemctl daemon-reload && systemctl restart fieldeye.service")
    before = int(shown("NRestarts"))
    inside("systemctl kill --kill-whom=main --signal=STOP fieldeye.service")
    wait_until(lambda: int(shown("NRestarts")) > before and shown("ActiveState") == "active", within_s=120)
    assert "Watchdog timeout" in inside("journalctl --no-pager -u fieldeye.service")
    wait_until(page_answers, within_s=30)


def test_a_node_with_wrong_settings_starts_and_shows_its_page(node: str) -> None:
    inside("cp /etc/fieldeye/node.toml /root/right.toml; echo 'nonsense = ' >/etc/fieldeye/node.toml")
    inside("systemctl restart fieldeye.service")
    assert shown("ActiveState") == "active"
    wait_until(page_answers, within_s=30)
    assert "config_refused" in inside("journalctl --no-pager -u fieldeye.service")
    inside("cp /root/right.toml /etc/fieldeye/node.toml && systemctl restart fieldeye.service")
