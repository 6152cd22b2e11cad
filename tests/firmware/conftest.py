"""A rendered fleet of two nodes, and a machine with one of its cards, each once for all tests."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_config.node import START_SETUP
from tests.firmware.fleets import SITE, entry, render_fleet
from tests.firmware.machine import BOOT, DONE, LOG, NSPAWN, inside, is_set_up, shown
from tests.waiting import wait_until

PICTURES = Path(__file__).parents[2] / "edge/cli/demo_pictures"
FROM_CARD = ("chrony", "unattended-upgrades", "python3-venv", "dnsmasq-base")  # not in this image; there is no network
NODE = '[[node]]\nnode = "a"\ncamera = { kind = "folder", source = "/src/pictures", loop = true, every_s = 1 }\n'


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder OUT of the fleet valley with the nodes a and b; the key store is beside, `keys`."""
    return render_fleet(tmp_path_factory.mktemp("fleet"), SITE + entry("a") + entry("b"))


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Booted, with the card's folder on its boot partition and nothing set up; a folder that is /src in there."""
    folder = tmp_path_factory.mktemp("source")
    out, source = render_fleet(folder, SITE + NODE), folder / "src"
    shutil.copytree(out / "nodes/a/fieldeye", source / "card")
    shutil.copytree(out / "broker", source / "broker")
    shutil.copytree(PICTURES, source / "pictures")
    for brought in ("software", "debs"):
        shutil.copytree(Path(os.environ["NSPAWN_DIR"]) / brought, source / brought)
    subprocess.run([NSPAWN, "boot", source], check=True, capture_output=True)
    inside(f"mkdir -p /boot/firmware && cp -a /src/card {BOOT} && cp -a /src/software /src/debs {BOOT}/")
    inside(f"dpkg --purge --force-depends {' '.join(FROM_CARD)}")
    inside("nmcli radio wifi off")  # as Raspberry Pi OS is flashed
    yield source
    subprocess.run([NSPAWN, "off"], check=True, capture_output=True)


@pytest.fixture(scope="session")
def cut(machine: Path) -> None:
    """The first boot, as cloud-init's bootcmd begins it; setup.sh is killed while it installs the software."""
    inside(START_SETUP)
    half = "test -d /opt/fieldeye/venv-a/bin && echo yes || true"
    wait_until(lambda: inside(half) == "yes", within_s=120)
    inside("systemctl kill --signal=KILL fieldeye-setup.service")
    wait_until(lambda: shown("Result", "fieldeye-setup.service") == "signal", within_s=30)
    assert inside(f"test -e {DONE} || echo unfinished") == "unfinished"


@pytest.fixture(scope="session")
def node(cut: None) -> str:
    """What setup.sh logged until it was done, at the boot after the cut."""
    inside(START_SETUP)
    wait_until(is_set_up, within_s=300, every_s=1)
    return inside(f"cat {LOG}")
