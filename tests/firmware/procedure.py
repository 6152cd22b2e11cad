"""The bench procedure of firmware_config/README.md, step by step, on a booted Debian in place of a card."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from playwright.sync_api import Page

from edge.calibration.record import from_json
from firmware_config.node import START_SETUP
from tests.counting.boards import SIDE_MM, photograph, true_mm_per_px
from tests.firmware.fleets import SITE, put_fleet
from tests.firmware.machine import BOOT, LOG, NSPAWN, inside, is_set_up, page_answers, shown
from tests.firmware.phone import calibrate, claim, phone
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "edge/cli/demo_pictures"
FLEET = f"""{SITE}
[[node]]
node = "a"
crop = "rice"
camera = {{ kind = "folder", source = "/src/pictures", loop = true, every_s = 2 }}
store = {{ interval_s = 20 }}
"""
COMMAND = "/opt/fieldeye/venv/bin/fieldeye"
LISTEN = f"""systemd-run --quiet --unit=platform sh -c '{COMMAND} listen --json --broker localhost:8883 --tls \
--ca-file /src/platform/ca.pem --username platform --password-file /src/platform/mqtt-password \
--client-file /src/platform/mqtt-client >/root/heard'"""
OUTBOX = """python3 -c '
import sqlite3
db = sqlite3.connect("file:/var/lib/fieldeye/fieldeye.db?mode=ro", uri=True)
print(*(row[0] for row in db.execute("SELECT seq FROM delivered")))'"""


@dataclass
class Bench:
    """A technician's folder: fleet file, rendered files and software. `parts` end with it."""

    folder: Path
    parts: ExitStack
    page: Page | None = None

    @property
    def out(self) -> Path:
        """What is rendered."""
        return self.folder / "out"

    @property
    def source(self) -> Path:
        """What the node finds at /src."""
        return self.folder / "src"

    def network(self) -> list[str]:
        """Runs what follows in the node's network."""
        leader = subprocess.run([NSPAWN, "leader"], capture_output=True, text=True, check=True).stdout.strip()
        return ["nsenter", f"--net=/proc/{leader}/ns/net", "--"]

    def tool(self, *arguments: object, before: tuple[str, ...] = ()) -> str:
        """`python -m firmware_config`; its last line."""
        command = [*before, sys.executable, "-m", "firmware_config", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().splitlines()[-1].replace(f"{self.folder}/", "")

    def rendered(self, fleet: str) -> str:
        """The fleet file, and all that comes of it."""
        return self.tool("render", put_fleet(self.folder, fleet), self.out)

    def signed(self, name: str, *more: str) -> str:
        """The software as a bundle."""
        return self.tool(
            "sign", self.folder / "fleet.toml", "software", self.source / "software", self.folder / name, *more
        )


def render(bench: Bench) -> str:
    """From the fleet file to a card, a label and the broker; the software gets its number."""
    said = bench.rendered(FLEET)
    shutil.copytree(Path(os.environ["NSPAWN_DIR"]) / "software", bench.source / "software")
    return f"{said}; {bench.signed('1.update')}"


def set_up(bench: Bench) -> str:
    """The first boot, without internet."""
    for rendered, name in (("nodes/a/fieldeye", "card"), ("broker", "broker"), ("platform", "platform")):
        shutil.copytree(bench.out / rendered, bench.source / name)
    (bench.source / "pictures").mkdir()
    cv2.imwrite(str(bench.source / "pictures/board.png"), photograph(0)[0])
    subprocess.run([NSPAWN, "boot", bench.source], check=True, capture_output=True)
    bench.parts.callback(switch_off)
    inside(f"mkdir -p /boot/firmware && cp -a /src/card {BOOT} && cp -a /src/software {BOOT}/software")
    inside(START_SETUP)
    wait_until(is_set_up, within_s=900, every_s=2)
    return inside(f"tail -n 1 {LOG}").split(" ", 1)[1]


def switch_off() -> None:
    """What was written there is gone."""
    subprocess.run([NSPAWN, "off"], check=True, capture_output=True)


def start(_bench: Bench) -> str:
    """Service and page, the site's broker, and the platform that listens there; nothing sets a clock in here."""
    inside("mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized")
    inside("cp -a /src/broker /root/broker && /root/broker/install.sh")
    inside(LISTEN)
    wait_until(page_answers, within_s=240, every_s=2)
    exposure = inside("systemd-analyze security --no-pager fieldeye.service | tail -n 1").split(": ")[-1]
    return f"fieldeye.service is {shown('SubState')} as {shown('User')}, exposure {exposure}"


def claim_by_browser(bench: Bench) -> str:
    """With the code on the label."""
    code = (bench.out / "nodes/a/fieldeye/secrets/claim-code").read_text().strip()
    bench.page = bench.parts.enter_context(phone(bench.network(), bench.folder))
    return claim(bench.page, code.lower())


def calibrate_on_a_picture(bench: Bench) -> str:
    """The printed board lies before the camera."""
    assert bench.page
    said = calibrate(bench.page, SIDE_MM)
    found = from_json(inside("cat /var/lib/fieldeye/calibration.json").encode(), "calibration.json").mm_per_px
    truth = true_mm_per_px(photograph(0)[1])
    assert found, said
    assert abs(found / truth - 1) < 0.01, f"{found} mm a pixel is not {truth}"
    return f"{said} ({found:.4f} mm a pixel, in truth {truth:.4f})"


def verify(_bench: Bench) -> str:
    """The doctor's verdict, as the README asks for it."""
    told = inside(f"CREDENTIALS_DIRECTORY=/etc/fieldeye/secrets {COMMAND} doctor || true").splitlines()
    assert told[-1] == "this node is ready", "\n".join(told)
    return f"{len(told) - 1} verdicts: {told[-1]}"


def count(bench: Bench) -> str:
    """Insects on the pictures, with the calibrated area."""
    for picture in sorted(PICTURES.glob("*.jpg")):
        shutil.copy(picture, bench.source / "pictures")
    (bench.source / "pictures/board.png").unlink()
    wait_until(lambda: bool(counted()), within_s=240, every_s=2)
    last = counted()[-1]
    insects = sum(one["count"] for one in last["counts"])
    return f"{insects} insects on {last['frames']} pictures of {last['area_mm2'] / 100:.0f} cm2"


def counted() -> list[dict[str, Any]]:
    """Intervals that the platform has heard with something on a known area."""
    return [one for one in heard() if one.get("counts") and one.get("area_mm2")]


def heard() -> list[dict[str, Any]]:
    """All that the platform has heard, an object a record or message."""
    return [json.loads(line) for line in inside("cat /root/heard").splitlines()]


def deliver(_bench: Bench) -> str:
    """What the broker acknowledged is what the platform has, each record once."""
    delivered = set(map(int, inside(OUTBOX).split()))
    assert delivered, "the broker has acknowledged nothing"
    wait_until(lambda: delivered <= {one["seq"] for one in heard() if "seq" in one}, within_s=60, every_s=1)
    return f"{len(delivered)} records acknowledged, all of them with the platform"


def update(bench: Bench) -> str:
    """Signed, through the broker, thin; with it comes what the fleet file says anew of security updates."""
    bench.rendered(FLEET.replace("[wifi]", "security_updates = false\n[wifi]"))
    said = bench.signed("2.update", "--thin")
    bench.tool(
        "send", bench.folder / "fleet.toml", bench.out, "a", bench.folder / "2.update", before=tuple(bench.network())
    )
    wait_until(lambda: "software: number 2" in status(), within_s=900, every_s=3)
    wait_until(lambda: "on trial" not in status(), within_s=600, every_s=3)
    assert "number 2, runs well" in status(), status()
    assert not updates_nightly(), "the bundle's system files are not in place"
    return f"{said}; {status().splitlines()[-1]}"


def roll_back(_bench: Bench) -> str:
    """By hand: the former software, and the system files that came with it."""
    inside(f"{COMMAND} update back")
    wait_until(updates_nightly, within_s=240, every_s=2)
    wait_until(page_answers, within_s=240, every_s=2)
    assert "software: number 1;" in status(), status()
    return status().splitlines()[0]


def status() -> str:
    """Of updates; empty while the service is being exchanged."""
    return inside(f"{COMMAND} update status || true")


def updates_nightly() -> bool:
    """Does apt update this node at night?"""
    return 'Unattended-Upgrade "1"' in inside("cat /etc/apt/apt.conf.d/52fieldeye")


STEPS = {
    "render": render,
    "set up": set_up,
    "start": start,
    "claim": claim_by_browser,
    "calibrate": calibrate_on_a_picture,
    "verify": verify,
    "count": count,
    "deliver": deliver,
    "update": update,
    "roll back": roll_back,
}
