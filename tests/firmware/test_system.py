"""The rendered system files before the tools that will read them, and the firewall before real packets."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from edge import app
from edge.cameras import reader
from edge.mqtt import Pace
from edge.node.pulse import PUBLISHER_STUCK_S
from edge.node.restarts import BAD_ENDS, WITHIN_S
from edge.page import server
from edge.page.photo import looker
from edge.updates.lock import alone
from edge.updates.slots import Places
from firmware_config import system
from tests.firmware.fleets import SITE, WIFI_PASSWORD, entry, put_fleet, put_private, run_render
from tests.updates.bundles import SLOTS, packed, software
from tests.waiting import next_line

CARD = Path(__file__).parents[2] / "firmware_config/card"
PROGRAMS = [*(CARD / "system/usr/local/lib/fieldeye").iterdir()]
SCRIPTS = [*CARD.parent.rglob("*.sh"), *PROGRAMS]
SERVICES = "system/etc/systemd/system"
BROUGHT = ("software/requirements.lock", "software/counter", "debs/Packages")
HOTSPOT = "system/etc/NetworkManager/system-connections/fieldeye-hotspot.nmconnection"
LTE = '[lte]\napn = "cmnet"\n'
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJcVqU0Y1Q0Qv1n9lY0u1hG6o8m2b7d1m3g3k5q6w7e8 bench"


def tool(name: str, package: str) -> str:
    """Path of a program, or a skip that says how to have it."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if not path:
        pytest.skip(f"{name} is not installed; run: apt-get install {package}")
    return path


def run(*command: object, stdin: str = "") -> str:
    """What a program says, once it has found no fault."""
    done = subprocess.run([*map(str, command)], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_what_the_tests_ask_for_is_installed_before_them() -> None:
    wanted = {package for _, package in re.findall(r'tool\("([\w-]+)", "([\w.-]+)"\)', Path(__file__).read_text())}
    recipe = run("make", "--dry-run", "--directory", CARD.parents[1], "test-firmware")
    installed = {word.rpartition("=")[2] for word in recipe.split()}
    on_each_debian = {"apt", "iproute2", "procps", "systemd"}
    takes_over = {"network-manager", "chrony"}  # this machine's network, and its clock from systemd-timesyncd
    assert wanted - installed == takes_over | on_each_debian


@pytest.fixture(scope="module")
def card(rendered: Path) -> Path:
    return rendered / "nodes/a"


@pytest.fixture(scope="module")
def card_with_ssh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ssh")
    site = SITE.replace('country = "CN"', f'country = "CN"\nssh_keys = ["{KEY}"]')
    assert run_render(put_fleet(folder, site + entry("a")), folder / "out").returncode == 0
    return folder / "out/nodes/a"


@pytest.fixture(params=["card", "card_with_ssh"])
def any_card(request: pytest.FixtureRequest) -> Path:
    return Path(request.getfixturevalue(request.param))


def test_cloud_init_accepts_user_data(any_card: Path) -> None:
    assert "Valid schema" in run(tool("cloud-init", "cloud-init"), "schema", "-c", any_card / "user-data")


def test_cloud_init_accepts_network_config(card: Path) -> None:
    kind = ["--schema-type", "network-config"]
    assert "Valid schema" in run(tool("cloud-init", "cloud-init"), "schema", *kind, "-c", card / "network-config")


def test_netplan_makes_the_site_wifi_of_network_config(card: Path, tmp_path: Path) -> None:
    plan = tmp_path / "etc/netplan/50-cloud-init.yaml"
    plan.parent.mkdir(parents=True)
    plan.touch(mode=0o600)
    plan.write_bytes((card / "network-config").read_bytes())
    run(tool("netplan", "netplan.io"), "generate", "--root-dir", tmp_path)
    (profile,) = tmp_path.glob("run/NetworkManager/system-connections/netplan-wlan0-*")
    text = profile.read_text()
    assert "ssid=green 'house'" in text
    assert re.search(r"psk=[0-9a-f]{64}\b", text)
    assert WIFI_PASSWORD not in text


def test_nobody_has_a_password_and_without_keys_nobody_can_log_in(card: Path, card_with_ssh: Path) -> None:
    assert "users: []" in (card / "user-data").read_text()
    assert "tcp dport 22" not in (card / "fieldeye/system/etc/nftables.conf").read_text()
    with_key = (card_with_ssh / "user-data").read_text()
    assert KEY in with_key
    assert "lock_passwd: true" in with_key
    assert "ssh_pwauth: false" in with_key


def test_networkmanager_reads_the_hotspot_as_a_hotspot_below_all_else(card: Path) -> None:
    nmcli = tool("nmcli", "network-manager")
    keyfile = card / "fieldeye" / HOTSPOT
    read = run(nmcli, "--offline", "connection", "modify", "connection.stable-id", "x", stdin=keyfile.read_text())
    for line in ("mode=ap", "ssid=fieldeye-a", "autoconnect-priority=-100", "key-mgmt=wpa-psk", "method=shared"):
        assert line in read.splitlines()
    assert keyfile.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("password", ["pass=word;#", " a\\b\\"], ids=["signs", "a space and backslashes"])
def test_networkmanager_reads_the_modem_as_the_dearest_line_above_the_hotspot(tmp_path: Path, password: str) -> None:
    put_private(tmp_path / "lte-password", password)
    lte = '[lte]\napn = "cmnet.cn"\nusername = "u"\npassword_file = "lte-password"\n'
    assert run_render(put_fleet(tmp_path, SITE + lte + entry("a")), tmp_path / "out").returncode == 0
    keyfile = tmp_path / "out/nodes/a/fieldeye/system" / system.LTE
    nmcli = tool("nmcli", "network-manager")
    read = run(nmcli, "--offline", "connection", "modify", "connection.stable-id", "x", stdin=keyfile.read_text())
    own = run(nmcli, "--offline", "connection", "add", "type", "gsm", "gsm.apn", "x", "gsm.password", password)
    (its_password,) = (line for line in own.splitlines() if line.startswith("password="))
    for line in ("type=gsm", "apn=cmnet.cn", its_password, "autoconnect-priority=-10", "route-metric=900"):
        assert line in read.splitlines()
    assert keyfile.stat().st_mode & 0o777 == 0o600


def test_without_a_modem_there_is_no_connection_for_one(card: Path) -> None:
    assert not list(card.rglob("*lte*"))


def test_systemd_finds_no_fault_in_the_units(card: Path, tmp_path: Path) -> None:
    units = [
        *(path for path in (card / "fieldeye" / SERVICES).iterdir() if path.is_file()),
        card / "fieldeye/fieldeye-setup.service",
    ]
    only_there = ["/opt/fieldeye/venv/bin/fieldeye", *(f"/usr/local/lib/fieldeye/{path.name}" for path in PROGRAMS)]
    for unit in units:
        text = unit.read_text()
        for program in only_there:
            text = text.replace(program, "/bin/true")
        (tmp_path / unit.name).write_text(text)
    said = run(tool("systemd-analyze", "systemd"), "verify", "--man=no", *sorted(tmp_path.iterdir()))
    assert said == ""


@pytest.mark.parametrize(
    ("conf", "theirs", "ours"),
    [
        ("journald.conf", "40-rpi-volatile-storage.conf", "Storage=persistent"),
        ("system.conf", "40-rpi-enable-watchdog.conf", "RuntimeWatchdogSec=1min"),
    ],
)
def test_what_raspberry_pi_os_brings_does_not_outweigh_the_cards_own(
    card: Path, tmp_path: Path, conf: str, theirs: str, ours: str
) -> None:
    """systemd reads the pieces of a configuration by name, whatever their folders."""
    shutil.copytree(card / "fieldeye/system", tmp_path, dirs_exist_ok=True)
    vendors = tmp_path / f"usr/lib/systemd/{conf}.d" / theirs
    vendors.parent.mkdir(parents=True)
    key = ours.partition("=")[0]
    vendors.write_text(f"{key}=theirs\n")
    read = run(tool("systemd-analyze", "systemd"), "cat-config", f"--root={tmp_path}", f"systemd/{conf}")
    assert [line for line in read.splitlines() if line.startswith(f"{key}=")] == [f"{key}=theirs", ours]


def test_no_unit_that_runs_a_model_lets_onnxruntime_report_to_its_maker(card: Path) -> None:
    units = [path.read_text() for path in (card / "fieldeye" / SERVICES).glob("*.service")]
    ours = [unit for unit in units if "/venv/bin/" in unit]
    assert len(ours) == 3
    assert all(re.search(r"^Environment=.*\bORT_DISABLE_TELEMETRY=1\b", unit, re.M) for unit in ours)


def test_systemd_kills_no_node_that_waits_for_one_thread_after_the_other(card: Path) -> None:
    unit = (card / "fieldeye" / SERVICES / "fieldeye.service").read_text()
    (given_s,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.M)
    assert int(given_s) > 2 * (reader.JOIN_S + app.JOIN_S + server.STOP_S + looker.STOP_S)


def test_a_planned_end_waits_for_a_card_that_is_silent_for_a_minute(card: Path) -> None:
    """While the publisher says farewell: given up earlier, settings that were saved end the process as a bad end."""
    unit = (card / "fieldeye" / SERVICES / "fieldeye.service").read_text()
    (watched_s,) = re.findall(r"^WatchdogSec=(\d+)$", unit, re.M)
    assert 60 + Pace().farewell_s < app.JOIN_S < int(watched_s)


def test_systemd_kills_no_node_that_waits_two_minutes_for_its_card(card: Path) -> None:
    """Its counts of the open interval would be lost. The publisher, which waited too, may be told to be stuck until it
    has turned."""
    unit = (card / "fieldeye" / SERVICES / "fieldeye.service").read_text()
    (given_s,) = re.findall(r"^WatchdogSec=(\d+)$", unit, re.M)
    (ends_s,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.M)
    assert int(given_s) >= 120 + PUBLISHER_STUCK_S
    assert int(ends_s) > 120  # and none that is told to stop meanwhile
    pauses_s = 2 + 5 + 15 + 40 + 110  # by RestartSteps
    assert BAD_ENDS * (int(given_s) + 60) + pauses_s < WITHIN_S, "one that always hangs is given up"


def test_the_threads_of_a_node_share_their_room_for_pictures(card: Path) -> None:
    """As benchmarks.node measures its memory."""
    unit = (card / "fieldeye" / SERVICES / "fieldeye.service").read_text()
    assert "Environment=MALLOC_ARENA_MAX=2" in unit.splitlines()


def test_a_look_at_a_photograph_that_runs_out_of_memory_does_not_stop_the_node(card: Path) -> None:
    """systemd's own choice stops a service when the kernel has taken any of its processes."""
    assert "OOMPolicy=continue" in (card / "fieldeye" / SERVICES / "fieldeye.service").read_text().splitlines()


def test_the_service_is_exposed_to_at_most_1_5_of_10(card: Path) -> None:
    """Check 16 of the security notes."""
    unit = card / "fieldeye" / SERVICES / "fieldeye.service"
    run(tool("systemd-analyze", "systemd"), "security", "--offline=yes", "--no-pager", "--threshold=15", unit)


@pytest.mark.parametrize(
    ("unit", "most"),
    [
        *[("fetch", 11), ("update", 14), ("healthy", 11)],
        *[("set-clock", 19), ("leave-hotspot", 17), ("clock", 24), ("halt", 35)],
    ],
)
def test_what_works_beside_the_service_is_exposed_no_more_than_it_needs(card: Path, unit: str, most: int) -> None:
    path = card / "fieldeye" / SERVICES / f"fieldeye-{unit}.service"
    run(tool("systemd-analyze", "systemd"), "security", "--offline=yes", "--no-pager", f"--threshold={most}", path)


def test_apt_reads_that_security_updates_come_at_night_and_nothing_else_does(card: Path) -> None:
    conf = card / "fieldeye/system/etc/apt/apt.conf.d/52fieldeye"
    read = run(tool("apt-config", "apt"), "dump", "-c", conf).splitlines()
    origins = [line.split("::")[-1] for line in read if "Origins-Pattern::" in line]
    assert origins == [' "origin=Debian,codename=${distro_codename}-security,label=Debian-Security";']
    assert 'APT::Periodic::Unattended-Upgrade "1";' in read


def test_a_person_may_load_security_updates_over_any_line(card: Path) -> None:
    """Where python3-gi is installed unattended-upgrade asks about the line, too, and ends without a word."""
    read = run(tool("apt-config", "apt"), "dump", "-c", card / "fieldeye/system/etc/apt/apt.conf.d/52fieldeye")
    assert 'Unattended-Upgrade::Skip-Updates-On-Metered-Connections "false";' in read.splitlines()


@pytest.mark.parametrize("timer", ["apt-daily", "apt-daily-upgrade"])
def test_systemd_reads_the_window_of_updates(card: Path, timer: str) -> None:
    text = (card / f"fieldeye/{SERVICES}/{timer}.timer.d/10-fieldeye.conf").read_text()
    (when,) = re.findall(r"^OnCalendar=(.+)$", text, re.MULTILINE)
    assert "Normalized form: *-*-* 0" in run(tool("systemd-analyze", "systemd"), "calendar", when)


LINE_FOR_APT = "/usr/local/lib/fieldeye/line-for-apt"


def of_apt(card: Path, folder: Path, arguments: str, unit: str) -> str:
    """What systemd-analyze says of a unit of apt with the card's drop-in, whose program is not there."""
    dropped = folder / "apt-.service.d/10-fieldeye.conf"
    dropped.parent.mkdir()
    ours = (card / f"fieldeye/{SERVICES}/apt-.service.d/10-fieldeye.conf").read_text()
    dropped.write_text(ours.replace(LINE_FOR_APT, "/no/such"))
    path = os.environ | {"SYSTEMD_UNIT_PATH": f"{folder}:"}
    command = [tool("systemd-analyze", "systemd"), *arguments.split(), unit]
    return subprocess.run(command, env=path, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize("unit", ["apt-daily.service", "apt-daily-upgrade.service"])
def test_systemd_asks_about_the_line_before_anything_of_apt_uses_it(card: Path, tmp_path: Path, unit: str) -> None:
    assert f"{unit}: Command /no/such is not executable" in of_apt(card, tmp_path, "verify --man=no", unit)


@pytest.mark.parametrize("unit", ["apt-daily.service", "apt-daily-upgrade.service"])
def test_a_battery_that_the_night_empties_keeps_no_security_update_away(card: Path, tmp_path: Path, unit: str) -> None:
    assert "ConditionACPower" not in of_apt(card, tmp_path, "condition --unit", unit)


def test_unattended_upgrade_does_not_ask_about_the_charger_either(card: Path) -> None:
    """As it does where powermgmt-base is installed."""
    read = run(tool("apt-config", "apt"), "dump", "-c", card / "fieldeye/system/etc/apt/apt.conf.d/52fieldeye")
    assert 'Unattended-Upgrade::OnlyOnACPower "false";' in read.splitlines()


class Line:
    """A node's root with stand-ins for NetworkManager's programs and apt-get; `asked` is what apt-get was asked."""

    def __init__(self, card: Path, root: Path, metered: str, *, modem: bool = True) -> None:
        self.root, self.program = root, root / "line-for-apt"
        self.asked, self.sources = root / "asked", root / "etc/apt/sources.list.d"
        self.stamp = root / "var/lib/apt/periodic/upgrade-stamp"
        for folder in (self.sources, self.stamp.parent, (root / system.LTE).parent, root / "bin", root / "run"):
            folder.mkdir(parents=True, exist_ok=True)
        if modem:
            (root / system.LTE).touch()
        put_program(root / "bin/nm-online", f"touch {root}/waited; exit 1")
        put_program(root / "bin/busctl", f'[ -e {root}/waited ] && echo "{metered}" || echo "u 0"')
        put_program(root / "bin/apt-get", f'echo "$*" >>{self.asked}')
        text = (card / f"fieldeye/system{LINE_FOR_APT}").read_text()
        self.program.write_text(re.sub(r"(?<=[ =])/(?=etc/|run/|var/)", f"{root}/", text))

    def lets(self, unit: str, often: str = "never") -> bool:
        path = {"PATH": f"{self.root}/bin:{os.environ['PATH']}"}
        done = subprocess.run(["sh", self.program, unit, often], env=path, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        assert done.returncode < 255, "systemd takes that for a failure, and all others for a no"
        return done.returncode == 0


@pytest.mark.parametrize(
    ("metered", "goes", "goes_with_modem"),
    [
        ("u 0", True, False),
        ("u 1", False, False),
        ("u 2", True, True),
        ("u 3", False, False),
        ("u 4", True, True),
        ("", True, True),
    ],
    ids=["no line yet", "yes", "no", "perhaps", "hardly", "no NetworkManager"],
)
@pytest.mark.parametrize("unit", ["apt-daily", "apt-daily-upgrade"])
def test_nothing_of_apt_goes_over_a_metered_line(
    card: Path, tmp_path: Path, metered: str, goes: bool, goes_with_modem: bool, unit: str
) -> None:
    assert Line(card, tmp_path / "a", metered, modem=False).lets(unit) is goes
    line = Line(card, tmp_path / "b", metered)
    assert line.lets(unit) is goes_with_modem
    assert not line.asked.exists()


@pytest.mark.parametrize(("metered", "fetched"), [("u 0", True), ("u 1", True), ("u 2", False), ("u 3", True)])
def test_where_the_fleet_file_says_so_security_updates_come_by_their_own_list_over_a_metered_line(
    card: Path, tmp_path: Path, metered: str, fetched: bool
) -> None:
    line = Line(card, tmp_path, metered)
    assert line.lets("apt-daily", "weekly") is not fetched  # which would load all lists
    assert not line.asked.exists()
    assert line.lets("apt-daily-upgrade", "weekly")
    assert line.asked.exists() is fetched


@pytest.mark.parametrize(("days", "goes"), [(5.9, False), (6.1, True), (-400, True)])
def test_over_a_metered_line_they_come_once_a_week(card: Path, tmp_path: Path, days: float, goes: bool) -> None:
    """Or in no week in which they came over another line; apt's own timers ask each night, and a clock may be wrong."""
    line = Line(card, tmp_path, "u 1")
    line.stamp.touch()
    then_s = line.stamp.stat().st_mtime - days * 86_400
    os.utime(line.stamp, (then_s, then_s))
    assert line.lets("apt-daily-upgrade", "weekly") is goes
    assert line.asked.exists() is goes


DEB822 = """\
# Debian's own
Types: deb
URIs: {0}/debian
Suites: trixie trixie-updates
Components: main

Types: deb
URIs: {0}/debian-security
Suites: trixie-security
Components: main
"""
OTHERS = "Types: deb\nURIs: {0}/other\nSuites: trixie\nComponents: main\nSigned-By: /its-security.pgp\n"
ONE_LINE = """\
deb {0}/debian trixie main
deb [signed-by=/its-security.pgp] {0}/its-security trixie main
# deb {0}/old trixie-security main
deb [arch=amd64] {0}/debian-security trixie-security main
deb-src {0}/debian-security trixie-security main
"""


@pytest.mark.parametrize(
    "files",
    [
        {"sources.list.d/debian.sources": DEB822, "sources.list.d/raspi.sources": OTHERS},
        {"sources.list": ONE_LINE},
        {"sources.list.d/debian.list": ONE_LINE},
    ],
    ids=["deb822", "one line each", "one line each, in a folder"],
)
def test_of_all_sources_apt_reads_debians_security_updates_alone(
    card: Path, tmp_path: Path, files: dict[str, str]
) -> None:
    for name, text in files.items():
        file = tmp_path / "etc/apt" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.format("http://deb.example"))
    line = Line(card, tmp_path, "u 1")
    apt = tool("apt-get", "apt")
    theirs = f"-o Dir::Etc={tmp_path}/etc/apt -o Acquire::Languages=en"
    put_program(tmp_path / "bin/apt-get", f'exec {apt} {theirs} "$@" --print-uris -q=0 >{line.asked}')
    assert line.lets("apt-daily-upgrade", "weekly")
    addresses = re.findall(r"^'(\S+)/\S+'", line.asked.read_text(), re.MULTILINE)
    suite = "http://deb.example/debian-security/dists/trixie-security"
    assert addresses[0] == suite
    assert all(address.startswith(f"{suite}/main/binary-") for address in addresses[1:])


def test_a_list_that_does_not_come_is_fetched_the_next_night_and_takes_no_other_away(
    card: Path, tmp_path: Path
) -> None:
    line, there = Line(card, tmp_path, "u 1"), tmp_path / "there"
    source = "Types: deb\nURIs: {0}\nSuites: x-security\nComponents: main\nTrusted: yes\n"
    (line.sources / "own.sources").write_text(source.format("http://127.0.0.1:1"))
    lists, apt = tmp_path / "lists", tool("apt-get", "apt")
    (lists / "partial").mkdir(parents=True)
    (lists / "deb.example_dists_trixie_Release").touch()
    own = f"-o Dir::State::lists={lists} -o Dir::Cache={tmp_path} -o APT::Sandbox::User=root -o Acquire::Retries=0"
    put_program(tmp_path / "bin/apt-get", f'exec {apt} {own} "$@" 2>/dev/null')
    assert not line.lets("apt-daily-upgrade", "weekly")
    put_archive(there, "x-security")
    (line.sources / "own.sources").write_text(source.format(f"file:{there}"))
    assert line.lets("apt-daily-upgrade", "weekly")
    assert {path.name.rpartition("dists_")[2] for path in lists.glob("*Release")} == {
        "trixie_Release",
        "x-security_Release",
    }


def put_archive(folder: Path, suite: str) -> None:
    """One of Debian's, with no package."""
    packages = folder / f"dists/{suite}/main/binary-all/Packages"
    packages.parent.mkdir(parents=True)
    packages.touch()
    release = f"Suite: {suite}\nComponents: main\nSHA256:\n {sha256().hexdigest()} 0 main/binary-all/Packages\n"
    (folder / f"dists/{suite}/Release").write_text(release)


@pytest.mark.parametrize(
    ("lte", "often"),
    [("", "never"), (LTE, "never"), (f"{LTE}security_updates = true\n", "weekly")],
    ids=["no modem", "not asked for", "asked for"],
)
def test_security_updates_over_a_modem_are_asked_for_in_the_fleet_file(tmp_path: Path, lte: str, often: str) -> None:
    assert run_render(put_fleet(tmp_path, SITE + lte + entry("a")), tmp_path / "out").returncode == 0
    dropped = tmp_path / f"out/nodes/a/fieldeye/{SERVICES}/apt-.service.d/10-fieldeye.conf"
    assert f"ExecCondition={LINE_FOR_APT} %N {often}" in dropped.read_text().splitlines()


def test_nft_accepts_the_firewall(any_card: Path) -> None:
    as_root()
    run(tool("nft", "nftables"), "--check", "--file", any_card / "fieldeye/system/etc/nftables.conf")


def test_chrony_accepts_its_configuration(card: Path) -> None:
    chronyd = tool("chronyd", "chrony")
    said = run(chronyd, "-p", "-f", card / "fieldeye/system/etc/chrony/conf.d/fieldeye.conf")
    assert "server localhost iburst" in said


def test_chrony_accepts_that_the_broker_tells_its_nodes_the_time_and_nobody_else(rendered: Path) -> None:
    said = run(tool("chronyd", "chrony"), "-p", "-f", rendered / "broker/chrony.conf")
    assert "allow 192.168.0.0/16" in said.splitlines()
    assert "allow" not in said.splitlines(), "that would be everybody"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_scripts_have_no_known_fault(script: Path) -> None:
    run(tool("shellcheck", "shellcheck"), script)


BACKEND = """
import zipfile
def build_wheel(folder, *_):
    wheel = "fieldeye-2.0-py3-none-any.whl"
    with zipfile.ZipFile(folder + "/" + wheel, "w") as file:
        file.writestr("fieldeye-2.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: fieldeye\\nVersion: 2.0\\n")
        file.writestr("fieldeye-2.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        file.writestr("fieldeye-2.0.dist-info/RECORD", "")
    return wheel
"""


def test_software_that_is_put_together_again_has_nothing_of_the_former_and_lists_what_it_has(tmp_path: Path) -> None:
    """A repository of the smallest kind, which asks the network for nothing."""
    (tmp_path / "backend.py").write_text(BACKEND)
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    library = packed(tmp_path, "a_library", "1.5", {})
    digest = sha256(library.read_bytes()).hexdigest()
    (tmp_path / "requirements.lock").write_text(f"a_library==1.5 --hash=sha256:{digest}\n")
    out = tmp_path / "out"
    (out / "wheels").mkdir(parents=True)
    for former in ("fieldeye-1.0-py3-none-any.whl", "wheels/numpy-1.0-py3-none-any.whl"):
        (out / former).touch()
    env = os.environ | {"PYTHON": sys.executable, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    done = subprocess.run(["sh", CARD.parent / "bundle.sh", out], env=env, cwd=tmp_path, check=False)
    assert done.returncode == 0
    assert {path.name for path in out.rglob("*.whl")} == {"fieldeye-2.0-py3-none-any.whl", library.name}
    told = json.loads((out / "sbom.cdx.json").read_text())
    assert (told["bomFormat"], told["specVersion"], told["metadata"]["component"]["version"]) == (
        "CycloneDX",
        "1.6",
        "2.0",
    )
    assert told["components"] == [
        {
            "type": "library",
            "name": "a_library",
            "version": "1.5",
            "hashes": [{"alg": "SHA-256", "content": digest}],
            "purl": "pkg:pypi/a-library@1.5",
        }
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [(["--help"], 0, "what is right is left alone"), (["--sotfware", "x"], 2, "see --help")],
)
def test_setup_explains_itself(arguments: list[str], code: int, says: str) -> None:
    done = subprocess.run(["bash", CARD / "setup.sh", *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, says in done.stdout + done.stderr) == (code, True)


@pytest.mark.parametrize("script", ["bundle.sh", "debs.sh", "mosquitto/install.sh"])
def test_each_other_script_explains_itself_and_does_nothing(script: str) -> None:
    """As a user who may do nothing: as root one that took these words for "go" would install a broker here."""
    become = {"user": 65534} if os.geteuid() == 0 else {}
    told = []
    for word in ("--help", "--nonsense"):
        with tempfile.TemporaryDirectory() as folder:  # which that user may enter, whatever the checkout's
            Path(folder).chmod(0o755)
            copied = shutil.copy(CARD.parent / script, folder)
            done = subprocess.run([copied, word], cwd=folder, capture_output=True, text=True, check=False, **become)
        told.append((done.returncode, script.rpartition("/")[2] in done.stdout, "see --help" in done.stderr))
    assert told == [(0, True, False), (2, False, True)]


def step_of_setup(folder: Path, command: str, *before: object) -> str:
    """A command among setup.sh's functions, which nothing has begun; `before` runs the shell that runs it."""
    functions = folder / "functions.sh"
    functions.write_text((CARD / "setup.sh").read_text().partition("\nwhile [")[0])
    return run(*before, "bash", "-c", f". {functions} && log={folder / 'log'} && {command}")


@pytest.mark.parametrize(
    ("source", "stays"),
    [
        ("rtsp://look:se-cr%22et@10.0.0.9:554/main", False),
        ("http://10.0.0.9/snap.jpg?user=look&pwd=secret", False),
        ("rtsp://10.0.0.9:554/user=look&password=secret&channel=1&stream=0.sdp", False),
        ("rtsp://10.0.0.9:554/main", True),
        ("/dev/video0", True),
    ],
)
def test_a_cameras_password_does_not_stay_on_the_boot_partition(tmp_path: Path, source: str, stays: bool) -> None:
    node = f'[[node]]\nnode = "a"\ncamera = {{ kind = "opencv", source = "{source}" }}\n'
    run_render(put_fleet(tmp_path, SITE + node), tmp_path / "out")
    card = tmp_path / "out/nodes/a/fieldeye"
    assert (card / "node.toml").stat().st_mode & 0o777 == 0o600
    step_of_setup(tmp_path, f"here={card} && forget_secrets")
    assert (card / "node.toml").exists() == stays
    assert not list((card / "secrets").iterdir())


@pytest.mark.parametrize(
    ("camera", "brings"),
    [
        ('[camera]\nkind = "picamera"\n', True),  # as it is rendered
        ("[camera]\r\nkind='picamera'\r\n", True),
        ('[camera]\nkind = "opencv"\n', False),
    ],
)
def test_a_raspberry_pis_own_camera_gets_its_library_however_a_person_wrote_it(
    tmp_path: Path, camera: str, brings: bool
) -> None:
    (tmp_path / "node.toml").write_bytes(camera.encode())
    nothing_there = "dpkg() { :; } && dpkg-query() { :; } && apt-get() { :; }"
    said = step_of_setup(tmp_path, f"here={tmp_path} debs={tmp_path}/none && {nothing_there} && install_packages")
    assert (" python3-venv " in said, " python3-picamera2" in said) == (True, brings)


@pytest.mark.parametrize("written", ['source="{}"', "source = '{}'", 'camera = {{ source = "{}" }}'])
def test_nor_does_one_that_a_person_wrote_there_in_another_way(tmp_path: Path, written: str) -> None:
    (tmp_path / "node.toml").write_bytes(f"\ufeff{written.format('rtsp://look:secret@10.0.0.9/main')}\r\n".encode())
    step_of_setup(tmp_path, f"here={tmp_path} && forget_secrets")
    assert not (tmp_path / "node.toml").exists()


def test_a_boot_partition_that_can_only_be_read_has_the_service_restarted_at_a_boot_and_not_each_minute(
    card: Path, tmp_path: Path
) -> None:
    """The kernel makes a FAT so in which it finds a fault. systemd tries again what ends in 1, not what ends in 2."""
    as_root()
    boot = shutil.copytree(card / "fieldeye", tmp_path / "boot")
    read_only = ["unshare", "--mount", "sh", "-ec", 'mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; exec "$@"']
    forget = f"here={boot} && (trap 'exit 1' EXIT; forget_secrets; trap - EXIT) || echo code $?"
    said = step_of_setup(tmp_path, forget, *read_only, boot)
    assert said.endswith("code 2\n")
    assert f"{boot} can only be read and keeps its secrets; the next boot tries again" in said
    assert "RestartPreventExitStatus=2" in (boot / "fieldeye-setup.service").read_text().splitlines()
    step_of_setup(tmp_path, f"here={boot} && forget_secrets")
    assert "code" not in step_of_setup(tmp_path, forget, *read_only, boot), "nothing is left to be taken off it"
    (boot / "node.toml").write_text('source = "rtsp://look:secret@10.0.0.9/main"\n')
    assert step_of_setup(tmp_path, forget, *read_only, boot).endswith("code 2\n")


def test_a_secret_stays_whole_when_the_power_goes_while_it_is_taken_off_the_boot_partition(tmp_path: Path) -> None:
    card, etc, bin_ = tmp_path / "card", tmp_path / "etc", tmp_path / "bin"
    for folder in (card / "secrets", card / "update-keys", bin_):
        folder.mkdir(parents=True)
    for file in ("secrets/mqtt-password", "update-keys/1.pub", "ca.pem"):
        (card / file).write_text("whole")
    put_program(bin_ / "shred", 'for file; do :; done; : >"$file"; exit 9')  # the power goes after the first pass
    put_program(bin_ / "sync", f"[ $# -gt 0 ] || cp {etc}/mqtt-password {tmp_path}/on-the-card")
    put = f'put() {{ cp "$3" "{etc}/$(basename "$4")"; }}; install() {{ mkdir -p {etc}; }}; here={card}'
    step_of_setup(tmp_path, f"{put} && install_settings && ! (PATH={bin_}:$PATH; forget_secrets)")
    assert (tmp_path / "on-the-card").exists()  # before: the last that was put in place may yet be in memory alone
    step_of_setup(tmp_path, f"{put} && install_settings && forget_secrets")
    assert (etc / "mqtt-password").read_text() == "whole"
    assert not list(card.rglob("mqtt-password"))


class SetUp:
    """A rendered card beside a node's /etc, which setup.sh finds below `root`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "root"
        self.card = folder / "boot"
        self.keys = self.root / "etc/fieldeye/update-keys"
        self.connections = self.root / "etc/NetworkManager/system-connections"
        self.ssh_keys = self.root / "home/technician/.ssh/authorized_keys"

    def copy(self, site: str) -> None:
        """As a person does: over what is there."""
        assert run_render(put_fleet(self.folder, site + entry("a")), self.folder / "out").returncode == 0
        shutil.copytree(self.folder / "out/nodes/a/fieldeye", self.card, dirs_exist_ok=True)
        inventory = self.card / "inventory"
        inventory.write_text(re.sub(r"^", str(self.root), inventory.read_text().rstrip(), flags=re.MULTILINE) + "\n")

    def run(self, instead: str = "id() { :; }") -> str:
        """Settings, connections and the end of setup.sh; `instead` of its functions. A user technician is there."""
        below = f's#\\([" ]\\)/\\(etc\\|usr\\)/#\\1{self.root}/\\2/#g'
        put = f'put() {{ local to={self.root}${{4#{self.root}}}; mkdir -p "$(dirname "$to")"; command cp "$3" "$to"; }}'
        return step_of_setup(
            self.folder,
            f"here={self.card} && eval \"$(declare -f | sed '{below}')\" && {put} && is_older() {{ return 0; }} && "
            f"cp() {{ :; }} && ln() {{ :; }}\n{instead}\n(set -e; install_settings; ssh_keys={self.ssh_keys}; "
            "install_ssh_keys; install_system; forget_secrets)",
        )


A, B = "A" * 43 + "=", "B" * 43 + "="


def trusting(*others: str) -> str:
    """A site whose nodes take bundles of others, too."""
    return SITE.replace('country = "CN"', f'country = "CN"\nupdate_keys = {json.dumps(others)}')


def test_a_key_and_a_modem_that_left_the_fleet_file_are_taken_off_the_node(tmp_path: Path) -> None:
    node = SetUp(tmp_path)
    node.copy(trusting(A, B) + LTE)
    node.run()
    (node.connections / "preconfigured.nmconnection").touch()  # somebody's own
    own = (node.keys / "1.pub").read_text()
    assert len(list(node.keys.iterdir())) == 3
    node.copy(trusting(A))
    assert node.run().count("which the fleet file has no longer") == 2
    assert {path.name: path.read_text() for path in node.keys.iterdir()} == {"1.pub": own, "2.pub": f"{A}\n"}
    assert {path.name for path in node.connections.iterdir()} == {
        "fieldeye-hotspot.nmconnection",
        "preconfigured.nmconnection",
    }


def test_set_up_again_without_a_new_card_keeps_connections_that_were_taken_off_the_boot_partition(
    tmp_path: Path,
) -> None:
    node = SetUp(tmp_path)
    node.copy(trusting(A, B) + LTE)
    node.run()
    before = sorted(path.name for path in [*node.keys.iterdir(), *node.connections.iterdir()])
    node.run()
    assert sorted(path.name for path in [*node.keys.iterdir(), *node.connections.iterdir()]) == before


@pytest.mark.parametrize("removed", [":", 'command rm "$@"'], ids=["before", "after"])
def test_a_power_cut_when_a_former_key_goes_leaves_the_right_ones_trusted(tmp_path: Path, removed: str) -> None:
    node = SetUp(tmp_path)
    node.copy(trusting(A, B))
    node.run()
    own = (node.keys / "1.pub").read_text()
    node.copy(trusting(B))
    node.run(f"rm() {{ {removed}; exit 9; }}; trap 'exit 0' EXIT")
    assert {own, f"{B}\n"} <= {path.read_text() for path in node.keys.iterdir()}
    node.run()
    assert sorted(path.read_text() for path in node.keys.iterdir()) == sorted([own, f"{B}\n"])


@pytest.mark.parametrize("torn", [b"", b"\0" * 200])
def test_an_inventory_that_was_torn_while_it_was_copied_takes_nothing_away(tmp_path: Path, torn: bytes) -> None:
    node = SetUp(tmp_path)
    node.copy(trusting(A, B) + LTE)
    node.run()
    (node.card / "inventory").write_bytes(torn)
    assert "took away" not in node.run()
    assert len(list(node.keys.iterdir())) == 3
    assert len(list(node.connections.iterdir())) == 2


def open_to(*keys: str) -> str:
    """A site whose nodes these technicians may log in to."""
    return SITE.replace('country = "CN"', f'country = "CN"\nssh_keys = {json.dumps(keys)}')


SECOND_KEY = KEY.replace("bench", "another")


def test_a_technician_who_left_the_fleet_file_loses_ssh_at_the_next_set_up(tmp_path: Path) -> None:
    node = SetUp(tmp_path)
    node.copy(open_to(KEY, SECOND_KEY))
    node.run()
    assert node.ssh_keys.read_text() == f"{KEY}\n{SECOND_KEY}\n"
    node.copy(open_to(SECOND_KEY))
    node.run()
    assert node.ssh_keys.read_text() == f"{SECOND_KEY}\n"
    node.copy(SITE)
    assert f"took away {node.ssh_keys}, which the fleet file has no longer" in node.run()
    assert not node.ssh_keys.exists()


@pytest.mark.parametrize("torn", ["authorized_keys", "inventory"])
def test_a_technicians_key_that_was_torn_while_it_was_copied_locks_nobody_out(tmp_path: Path, torn: str) -> None:
    node = SetUp(tmp_path)
    node.copy(open_to(KEY))
    node.run()
    (node.card / torn).write_text("")
    node.run()
    assert node.ssh_keys.read_text() == f"{KEY}\n"


def test_a_folder_that_a_former_build_rendered_takes_no_technicians_key_away(tmp_path: Path) -> None:
    node = SetUp(tmp_path)
    node.copy(open_to(KEY))
    node.run()
    node.copy(SITE)
    (node.card / "authorized_keys").unlink()
    node.run()
    assert node.ssh_keys.read_text() == f"{KEY}\n"


def test_a_machine_without_the_user_technician_gets_no_ssh_key(tmp_path: Path) -> None:
    node = SetUp(tmp_path)
    node.copy(open_to(KEY))
    node.run(instead="id() { return 1; }")
    assert not node.ssh_keys.exists()


@pytest.mark.parametrize("before", [None, 0o700], ids=["new", "as a former setup.sh left them"])
def test_the_service_can_read_its_configuration_whatever_the_umask_at_set_up(
    tmp_path: Path, before: int | None
) -> None:
    node = SetUp(tmp_path)
    node.copy(SITE)
    folders = [node.root / "etc/fieldeye", node.root / "usr/local/lib/fieldeye"]
    if before is not None:
        for folder in folders:
            folder.mkdir(mode=before, parents=True)
    umask = os.umask(0o077)
    try:
        node.run()
    finally:
        os.umask(umask)
    assert {folder.stat().st_mode & 0o777 for folder in [*folders, node.root / "etc", node.keys]} == {0o755}


def test_set_up_again_leaves_newer_software_and_its_units_in_place(tmp_path: Path) -> None:
    opt, said = set_up_beside_newer_software(tmp_path)
    assert "newer software runs already, and stays" in said
    assert [line for line in said.splitlines() if line.startswith("put")] == [f"put {HOTSPOT.removeprefix('system')}"]
    assert (opt / "venv").readlink() == Path("venv-b")


@pytest.mark.parametrize(("rendered", "says"), [("the update's", False), ("another broker", True)])
def test_set_up_again_says_that_what_was_rendered_anew_is_not_in_force_beside_newer_software(
    tmp_path: Path, rendered: str, says: bool
) -> None:
    for folder, text in ((tmp_path / "card", rendered), (tmp_path / "opt/venv-b", "the update's")):
        (folder / "system/etc/chrony").mkdir(parents=True)
        (folder / "system/etc/chrony/fieldeye.conf").write_text(text)
    (tmp_path / f"opt/venv-b/{SERVICES}").mkdir(parents=True)
    (tmp_path / f"opt/venv-b/{SERVICES}/a.service").touch()
    _, said = set_up_beside_newer_software(tmp_path)
    sentence = "units, firewall and time source stay those of update number 7; sign and send software to change them"
    assert (sentence in said) == says


def set_up_beside_newer_software(folder: Path) -> tuple[Path, str]:
    """Where the slots are, and what setup.sh says of software number 1 while 7 runs."""
    opt, card = folder / "opt", folder / "card"
    for slot, release in (("venv-a", "1 of-the-card"), ("venv-b", "7 from-afar")):
        (opt / slot).mkdir(parents=True, exist_ok=True)
        (opt / slot / "release").write_text(f"{release}\n")
    (opt / "venv").symlink_to("venv-b")
    (opt / "venv-b/bin").mkdir()
    put_program(opt / "venv-b/bin/fieldeye", "echo fieldeye 7")
    for file in ("software/fieldeye-1.whl", "software/requirements.lock", f"{SERVICES}/a.service", HOTSPOT):
        (card / file).parent.mkdir(parents=True, exist_ok=True)
        (card / file).touch()
    (card / "software/counter").write_text("1\n")
    return opt, step_of_setup(
        folder,
        f"here={card} software={card}/software && eval \"$(declare -f | sed 's#/opt/fieldeye#{opt}#g')\" && "
        'put() { echo "put $4"; } && cp() { :; } && ln() { :; } && install_software && install_system',
    )


STRICT = """
import sys
import tempfile

def main():
    if sys.argv[1] == "check":
        with open(sys.argv[3]) as settings:
            sys.exit("{refuses}" in settings.read())
    print("fieldeye {version}")
"""


def test_software_of_a_card_is_judged_by_the_settings_that_come_with_it_or_by_those_that_stay(tmp_path: Path) -> None:
    settings, opt = tmp_path / "etc/fieldeye/node.toml", tmp_path / "opt"
    settings.parent.mkdir(parents=True)
    settings.write_text("old key")
    for version, refuses, brings, runs in (
        ("1.0", "new key", "old key", "1.0"), ("2.0", "old key", "", "1.0"), ("2.0", "old key", "new key", "2.0"),
    ):  # fmt: skip
        card = tmp_path / f"stick of {version}{brings[:3]}"
        files = {"edge.py": STRICT.format(version=version, refuses=refuses)}
        commands = "[console_scripts]\nfieldeye = edge:main\n"
        packed(software(card / "software", version), "fieldeye", version, files, commands)
        slots = card / "system/usr/local/lib/fieldeye/slots"
        slots.parent.mkdir(parents=True)
        slots.write_text(SLOTS.read_text().replace("/etc/fieldeye/node.toml", str(settings)))
        if brings:
            (card / "node.toml").write_text(brings)
        step_of_setup(
            tmp_path,
            f"here='{card}' software='{card}/software' && eval \"$(declare -f | sed 's#/opt/fieldeye#{opt}#g')\" && "
            f"export FIELDEYE_OPT={opt} && trap 'exit 0' EXIT && install_software",
        )
        assert run(opt / "venv/bin/fieldeye", "--version").strip() == f"fieldeye {runs}"


def test_set_up_again_replaces_software_that_starts_no_longer_also_by_the_same_or_an_older_one(tmp_path: Path) -> None:
    """Debian's next release brings another Python: both slots lost their libraries, and setup.sh called them right."""
    opt, card = tmp_path / "opt", tmp_path / "card"
    slots = card / "system/usr/local/lib/fieldeye/slots"
    slots.parent.mkdir(parents=True)
    shutil.copy(SLOTS, slots)
    (software(card / "software", "1.0") / "counter").write_text("1\n")
    for release in ("1 $(mark)", "7 another"):
        said = step_of_setup(
            tmp_path,
            f"here={card} software={card}/software && eval \"$(declare -f | sed 's#/opt/fieldeye#{opt}#g')\" && "
            f"export FIELDEYE_OPT={opt} FIELDEYE_CONFIG={tmp_path}/node.toml && "
            "install_software && install_software && "
            f"mv {opt}/$(readlink {opt}/venv)/lib {tmp_path}/$RANDOM && rm -f {opt}/trial-venv && "
            f'echo "{release}" >{opt}/$(readlink {opt}/venv)/release && install_software',
        )
        assert said.count("installed fieldeye-1.0") == (2 if release == "1 $(mark)" else 1)
        assert run(opt / "venv/bin/fieldeye", "--version").strip() == "fieldeye 1.0"


def test_one_setup_at_a_time_and_no_update_beside_it(tmp_path: Path) -> None:
    """Somebody who runs it beside the first boot's: each emptied the slot that the other filled."""
    places = Places(opt=tmp_path / "opt", script=SLOTS)
    lock = f"lock={places.opt / 'lock'}"
    beside = f"(set -e; {lock}; alone; echo goes on) 2>&1 || echo code $?"
    refused = "setup.sh: another setup.sh or an update is at work here; run this again when it has ended\ncode 1\n"
    assert step_of_setup(tmp_path, f"{lock} && alone && bash -c '. {tmp_path}/functions.sh; {beside}'") == refused
    assert step_of_setup(tmp_path, beside) == "goes on\n"
    with alone(places):
        assert step_of_setup(tmp_path, beside) == refused
    assert (places.opt / "lock").stat().st_mode & 0o777 == 0o600


def test_a_card_that_was_taken_out_while_it_was_written_makes_no_node(tmp_path: Path) -> None:
    """Of a torn update key or secret nothing was seen until the node in the field refused each update."""
    node = SetUp(tmp_path)
    node.copy(SITE)
    (software(node.card / "software", "1.0") / "requirements.lock").write_text("# none\n")
    (node.card / "debs").mkdir()
    (node.card / "debs/Packages").write_text("Package: chrony\n")
    places = f"here={node.card} software={node.card}/software debs={node.card}/debs"
    check = f"{places} && id() {{ echo 0; }} && (check) 2>&1 || echo code $?"
    assert step_of_setup(tmp_path, check) == ""  # of software that was not signed there is no counter
    (node.card / "software/counter").write_text("1\n")
    for name in ("node.toml", "ca.pem", "update-keys/1.pub", "secrets/update-box", HOTSPOT, *BROUGHT):
        file = node.card / name
        whole = file.read_bytes()
        for torn in (b"", b"\0" * 200):
            file.write_bytes(torn)
            sentence = f"setup.sh: {file} is empty; copy the node's whole folder again, and eject the card"
            assert sentence in (said := step_of_setup(tmp_path, check))
            assert said.endswith("code 2\n")
        file.write_bytes(whole)


def test_debians_packages_may_lie_on_a_stick_whose_name_has_a_space(tmp_path: Path) -> None:
    apt, debs = tool("apt-get", "apt"), tmp_path / "my stick/debs"
    for folder in (debs, tmp_path / "state/lists/partial", tmp_path / "cache/archives/partial"):
        folder.mkdir(parents=True)
    (tmp_path / "status").touch()  # of a machine on which nothing is installed
    control = "Package: fieldeye-try\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: none\n"
    (debs / "Packages").write_text(f"{control}Filename: ./fieldeye-try_1_all.deb\nSize: 1\nSHA256: {'0' * 64}\n")
    own = f"-o Dir::State={tmp_path}/state -o Dir::State::status={tmp_path}/status -o Dir::Cache={tmp_path}/cache"
    step_of_setup(
        tmp_path,
        f"here={tmp_path} debs='{debs}' packages=(fieldeye-try) && dpkg() {{ :; }} && "
        f"eval \"$(declare -f | sed 's#/run/#{tmp_path}/#g')\" && "
        f'apt-get() {{ local words=(); [ "${{*: -1}}" = update ] || words=(--simulate); '
        f'{apt} {own} "${{words[@]}}" "$@" >>{tmp_path}/said; }} && install_packages',
    )
    assert "Inst fieldeye-try (1 " in (tmp_path / "said").read_text()


def test_setup_gives_a_file_its_mode_and_group_and_leaves_what_is_right(tmp_path: Path) -> None:
    me = run("id", "-un").strip() + ":" + run("id", "-gn").strip()
    source, target = tmp_path / "node.toml", tmp_path / "etc/node.toml"
    source.write_text("one")
    put = f"put 0640 {me} {source} {target}"
    assert "wrote" in step_of_setup(tmp_path, put)
    assert target.stat().st_mode & 0o777 == 0o640
    assert step_of_setup(tmp_path, put) == ""
    target.chmod(0o644)  # as it was set up until now
    assert "wrote" in step_of_setup(tmp_path, put)
    assert target.stat().st_mode & 0o777 == 0o640


class Hosts:
    """Two network namespaces with a cable between: the node, behind its firewall, and somebody."""

    def __init__(self, ip: str, rules: Path, nft: str) -> None:
        self._ip, self._name = ip, f"fw{os.getpid()}"
        self.node, self.other = f"{self._name}n", f"{self._name}o"
        for name in (self.node, self.other):
            run(ip, "netns", "add", name)
            run(ip, "-n", name, "link", "set", "lo", "up")
        run(ip, "-n", self.node, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.other)
        for name, address in ((self.node, "10.78.0.1/24"), (self.other, "10.78.0.2/24")):
            run(ip, "-n", name, "address", "add", address, "dev", "eth0")
            run(ip, "-n", name, "link", "set", "eth0", "up")
        run(ip, "netns", "exec", self.node, nft, "--file", rules)

    def remove(self) -> None:
        for name in (self.node, self.other):
            run(self._ip, "netns", "delete", name)

    def connects(self, listener: str, port: int, address: str) -> bool:
        """Does a connection to `address`:`port` come about? `listener` accepts there, the other calls."""
        caller = self.other if listener == self.node else self.node
        accept = f"import socket\ns = socket.create_server(('{address}', {port}))\nprint(flush=True)\ns.accept()"
        call = f"import socket\nsocket.create_connection(('{address}', {port}), timeout=1)"
        inside = [self._ip, "netns", "exec"]
        with subprocess.Popen([*inside, listener, "python3", "-c", accept], stdout=subprocess.PIPE) as server:
            next_line(server)
            done = subprocess.run([*inside, caller, "python3", "-c", call], capture_output=True, check=False)
            server.kill()
        return done.returncode == 0


@pytest.fixture(scope="module")
def hosts(card: Path) -> Iterator[Hosts]:
    as_root()
    made = Hosts(tool("ip", "iproute2"), card / "fieldeye/system/etc/nftables.conf", tool("nft", "nftables"))
    yield made
    made.remove()


@pytest.mark.parametrize(("port", "open_"), [(8080, True), (22, False), (1883, False), (9000, False)])
def test_from_outside_only_the_page_answers(hosts: Hosts, port: int, open_: bool) -> None:
    """Check 17 of the security notes."""
    assert hosts.connects(hosts.node, port, "10.78.0.1") is open_


def test_the_node_itself_reaches_the_broker(hosts: Hosts) -> None:
    assert hosts.connects(hosts.other, 8883, "10.78.0.2")


LOSES_LARGE_PACKETS = """
ip=$1 nft=$2 sysctl=$3 kernel=$4; shift 4
$ip link set lo up mtu 1500 gso_max_segs 1
$nft add table inet line
$nft add chain inet line in '{ type filter hook input priority 0 ; }'
$nft add rule inet line in meta length '>' 1300 drop
grep '^net' "$kernel" | $sysctl --quiet --load -
exec "$@"
"""
SENDS = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).sendall(bytes(20_000))
line = server.accept()[0]
line.settimeout(20)
came = 0
while came < 20_000:
    came += len(line.recv(20_000))
"""


@pytest.mark.faults
def test_a_line_that_loses_large_packets_without_a_word_is_no_wall() -> None:
    """A modem or a tunnel before the broker; no handshake of TLS came through."""
    as_root()
    tools = tool("ip", "iproute2"), tool("nft", "nftables"), tool("sysctl", "procps")
    kernel = CARD / "system/etc/sysctl.d/90-fieldeye.conf"
    command = ["unshare", "--net", "sh", "-ec", LOSES_LARGE_PACKETS, "sh", *tools, kernel]
    run(*command, sys.executable, "-c", SENDS)


@pytest.mark.parametrize(
    ("active", "stations", "does"),
    [
        ("greenhouse:wlan0", "", []),
        ("fieldeye-hotspot:wlan0", "Station 12:34:56:78:9a:bc (on wlan0)", []),
        ("fieldeye-hotspot:wlan0", "", ["device disconnect wlan0"]),
    ],
    ids=["on the site's Wi-Fi", "a phone on the hotspot", "nobody on the hotspot"],
)
def test_the_hotspot_ends_only_when_nobody_is_on_it(
    tmp_path: Path, active: str, stations: str, does: list[str]
) -> None:
    """nmcli and iw are stand-ins here: there is no radio."""
    put_program(tmp_path / "nmcli", f'case "$*" in *--active) echo "{active}";; *) echo "$*" >>{tmp_path}/did;; esac')
    put_program(tmp_path / "iw", f'echo "{stations}"')
    script = CARD / "system/usr/local/lib/fieldeye/leave-hotspot"
    subprocess.run(["sh", script], check=True, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    did = (tmp_path / "did").read_text().splitlines() if (tmp_path / "did").exists() else []
    assert [line for line in did if "disconnect" in line] == does


def put_program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("network namespaces and nftables need root")
