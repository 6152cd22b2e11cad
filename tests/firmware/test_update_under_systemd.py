"""Updates on a set-up node under a real systemd: one that is good, one that is bad, and a SIGKILL at twenty points."""

import os
import shutil
import tarfile
import time
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from firmware_config.fleet import load_fleet
from firmware_config.keys import KeyStore
from firmware_config.sign import SYSTEM, signed_bundle, signing_key, software_files
from firmware_config.system import system_archive
from tests.firmware.machine import inside, page_answers, shown
from tests.updates.bundles import archive, wheel
from tests.waiting import wait_until

INBOX = "/var/lib/fieldeye/inbox"
UPDATER = "fieldeye-update.service"
POINTS = 20

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.timeout(1200),
    pytest.mark.skipif("NSPAWN_DIR" not in os.environ, reason="boots a machine as root; run: make test-systemd"),
]


def put(machine: Path, name: str, version: str, counter: int, files: dict[str, bytes]) -> str:
    """A bundle that the card's fleet has signed, on the machine's stick."""
    key = signing_key(KeyStore(machine.parent / "keys"))
    (machine / name).write_bytes(signed_bundle("software", version, counter, files, key))
    return f"/src/{name}"


def released(machine: Path) -> tuple[str, dict[str, bytes]]:
    return software_files(machine / "software", thin=False)


def send(path: str) -> None:
    """The bundle lies in the node's inbox, as if it had come over the network: systemd does the rest."""
    inside(f"install -d -o fieldeye -g fieldeye -m 0700 {INBOX}")
    inside(f"install -o fieldeye -m 0600 {path} {INBOX}/.x && mv {INBOX}/.x {INBOX}/x.update")


def status() -> str:
    return inside("/opt/fieldeye/venv/bin/fieldeye update status")


def is_installed() -> bool:
    return inside(f"ls {INBOX}") == "" and shown("ActiveState", UPDATER) == "inactive"


@pytest.fixture(scope="module")
def running(machine: Path, node: str) -> Path:
    """The node, with its broker."""
    inside("test -e /root/broker || { cp -a /src/broker /root/broker && /root/broker/install.sh; }")
    inside("systemctl start mosquitto.service")
    return machine


def test_a_signed_update_in_the_inbox_is_installed_proves_itself_and_ends_its_trial(running: Path) -> None:
    version, files = released(running)
    send(put(running, "good.update", version, 1, files))
    wait_until(is_installed, within_s=400, every_s=2)
    wait_until(page_answers, within_s=60, every_s=1)
    assert "software: number 1, on trial" in status()
    wait_until(lambda: "on trial" not in status(), within_s=200, every_s=3)
    assert "number 1, runs well" in status()
    assert inside("cat /opt/fieldeye/floor-venv") == "1"


def test_an_update_that_ends_badly_three_times_is_replaced_by_the_former(running: Path) -> None:
    _, files = released(running)
    name = next(name for name in files if name.startswith("fieldeye-"))
    send(put(running, "bad.update", "0.0.1", 2, {**files, name: spoilt(running, name)}))
    wait_until(lambda: "ended badly 3 times, so the former runs again" in status(), within_s=500, every_s=3)
    wait_until(page_answers, within_s=120, every_s=1)
    assert "software: number 1;" in status()


def spoilt(machine: Path, name: str) -> bytes:
    """The wheel with a `run` that raises."""
    path = machine / "spoilt.whl"
    with zipfile.ZipFile(machine / "software" / name) as whole, zipfile.ZipFile(path, "w") as bad:
        for member in whole.namelist():
            content = whole.read(member)
            bad.writestr(member, content if member != "edge/cli/run.py" else content + b"\nraise SystemExit(3)\n")
    return path.read_bytes()


SERVICE, FIREWALL = "etc/systemd/system/fieldeye.service", "etc/nftables.conf"


def with_system(machine: Path, name: str, counter: int, changes: dict[str, str]) -> str:
    """A thin bundle whose system files are the fleet's own, but for `changes`."""
    version, files = software_files(machine / "software", thin=True)
    system = {**system_files(machine), **changes}
    return put(machine, name, version, counter, {**files, SYSTEM: archive(system)})


def system_files(machine: Path) -> dict[str, str]:
    """What a bundle of the machine's fleet brings."""
    packed = system_archive(load_fleet(machine.parent / "fleet.toml"))
    with tarfile.open(fileobj=BytesIO(packed)) as whole:
        return {member.name: whole.extractfile(member).read().decode() for member in whole}  # type: ignore[union-attr]


def test_units_and_firewall_come_with_an_update_and_go_when_it_goes(running: Path) -> None:
    own, former = system_files(running), status().split(";")[0]
    changes = {
        SERVICE: own[SERVICE].replace("MemoryMax=360M", "MemoryMax=350M"),
        FIREWALL: own[FIREWALL].replace("tcp dport 8080 accept", "tcp dport { 8080, 9999 } accept"),
        "etc/systemd/system/fieldeye-extra.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
        "etc/systemd/system/fieldeye-extra.timer": "[Timer]\nOnActiveSec=1h\n[Install]\nWantedBy=timers.target\n",
    }
    send(with_system(running, "system.update", 3, changes))
    wait_until(is_installed, within_s=400, every_s=2)
    wait_until(page_answers, within_s=120, every_s=1)
    assert "9999" in inside("nft list ruleset")
    assert shown("ActiveState", "fieldeye-extra.timer") == "active"
    assert shown("MemoryMax") == str(350 * 1024 * 1024)
    prove()
    inside("/opt/fieldeye/venv/bin/fieldeye update back")
    wait_until(lambda: "9999" not in inside("nft list ruleset"), within_s=120, every_s=1)
    wait_until(page_answers, within_s=120, every_s=1)
    assert f"{former};" in status()
    assert shown("LoadState", "fieldeye-extra.timer") == "not-found"
    assert shown("MemoryMax") == str(360 * 1024 * 1024)


def test_an_update_whose_service_systemd_does_not_take_is_replaced_by_the_former_at_once(running: Path) -> None:
    service, former = system_files(running)[SERVICE], status().split(";")[0]
    send(with_system(running, "refused.update", 4, {SERVICE: service.replace("ExecStart=", "# ExecStart=")}))
    wait_until(lambda: "are refused, so the former runs again" in status(), within_s=400, every_s=2)
    wait_until(page_answers, within_s=120, every_s=1)
    assert f"{former};" in status()
    assert inside(f"cat /{SERVICE}") == service.strip()
    assert shown("NRestarts") == "0"


def test_an_unsigned_bundle_is_refused_and_removed(running: Path) -> None:
    inside("echo nonsense >/root/x")
    send("/root/x")
    wait_until(is_installed, within_s=60, every_s=1)
    assert "refused" in status()
    assert page_answers()


@pytest.fixture(scope="module")
def thin(running: Path) -> list[str]:
    """Bundles with rising numbers that hold no library: theirs come from a copy of the slot that runs, to be quick."""
    inside("cp -a $(readlink -f /opt/fieldeye/venv) /opt/copy")
    inside("systemctl stop fieldeye-update.path")
    borrowed = b"/opt/copy/lib/python3.13/site-packages\n"
    paths = []
    for counter in range(10, 10 + POINTS + 1):
        folder = running.parent / f"thin-{counter}"
        folder.mkdir(exist_ok=True)
        path = wheel(folder, f"0.{counter}")
        repack(path, borrowed)
        files = {path.name: path.read_bytes(), "requirements.lock": b""}
        paths.append(put(running, f"thin-{counter}.update", f"0.{counter}", counter, files))
    return paths


def repack(path: Path, borrowed: bytes) -> None:
    """Only the command and a line that lends the real software."""
    whole = path.with_suffix(".old")
    shutil.move(path, whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
        for member in old.namelist():
            if member != "edge.py":
                new.writestr(member, old.read(member).replace(b"edge:main", b"edge.cli:main"))
        new.writestr("borrowed.pth", borrowed)


@pytest.fixture(scope="module")
def update_s(thin: list[str]) -> float:
    """How long a whole update takes here."""
    began_s = time.monotonic()
    update(thin[0])
    wait_until(lambda: shown("ActiveState", UPDATER) in {"inactive", "failed"}, within_s=200)
    prove()
    return time.monotonic() - began_s


def update(path: str) -> None:
    send(path)
    inside(f"systemctl start --no-block {UPDATER}")


def prove() -> None:
    """End a trial as the node itself would after a minute."""
    wait_until(lambda: "on trial after 0 starts" not in status(), within_s=60, every_s=0.5)
    inside("/usr/local/lib/fieldeye/slots healthy")


@pytest.mark.parametrize("point", range(1, POINTS + 1))
def test_a_sigkill_at_any_point_of_an_update_leaves_a_node_that_starts(
    thin: list[str], update_s: float, point: int
) -> None:
    update(thin[point])
    time.sleep(point * update_s / POINTS)  # the point is a moment, not a condition
    inside(f"systemctl kill --signal=KILL {UPDATER} 2>/dev/null; systemctl stop {UPDATER}; rm -f {INBOX}/*")
    inside("systemctl stop fieldeye.service; systemctl --no-block start fieldeye.service")  # a re-exec cuts waiters off
    wait_until(page_answers, within_s=60, every_s=0.5)
    wait_until(lambda: shown("ActiveState") == "active", within_s=20)
    prove()
