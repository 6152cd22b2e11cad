"""Units and firewall that came with software: in place when it starts, gone when it goes, whole after a SIGKILL."""

import os
import signal
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from edge.updates.install import install
from firmware_config.fleet import load_fleet
from firmware_config.system import WATCHERS, system_archive
from tests.firmware.fleets import SITE, entry, put_fleet, run_render
from tests.updates.bundles import SLOTS, Begun, Bench, one
from tests.updates.test_power_cuts import TRAP

FILES = SLOTS.parent / "system-files"
UNIT, FIREWALL, PROGRAM = "etc/systemd/system/fieldeye.service", "etc/nftables.conf", "usr/local/lib/fieldeye/halt"
ONE = {UNIT: "unit of 1\n", FIREWALL: "rules of 1\n", "etc/systemd/system/fieldeye-old.timer": "1\n"}
TWO = {UNIT: "unit of 2\n", FIREWALL: "rules of 2\n", PROGRAM: "#!/bin/sh\n", "etc/chrony/conf.d/new.conf": "2\n"}
BAD = {"SERVICE_RESULT": "exit-code"}
POINTS = 20


def in_place(bench: Bench) -> dict[str, str]:
    """What lies on the node below /."""
    root = bench.places.opt / "root"
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def one_with_files(bench: Bench, _: Begun) -> None:
    """Number 1 runs well, with its files."""
    install(bench.sign_software("1.0", 1, system=ONE), bench.places)
    bench.prove()


def updated(bench: Bench, begun: Begun) -> None:
    """The same; number 2 is installed, on trial."""
    begun.put(bench, one_with_files)
    install(bench.sign_software("2.0", 2, system=TWO), bench.places)


def test_they_are_put_in_place_when_their_software_starts_and_not_before(bench: Bench, begun: Begun) -> None:
    begun.put(bench, updated)
    assert in_place(bench) == ONE
    bench.slots("starting")
    assert in_place(bench) == TWO
    assert os.access(bench.places.opt / "root" / PROGRAM, os.X_OK)


def test_after_three_bad_starts_those_of_the_former_are_back_and_new_ones_are_gone(bench: Bench, begun: Begun) -> None:
    begun.put(bench, updated)
    seen = []
    for _ in range(4):
        bench.slots("starting")
        seen.append(in_place(bench))
        bench.slots("stopped", **BAD)
    assert seen == [TWO, TWO, TWO, ONE]


def test_going_back_by_hand_takes_them_back_as_well(bench: Bench, begun: Begun) -> None:
    begun.put(bench, updated)
    bench.prove()
    bench.slots("back", "venv")
    bench.slots("starting")
    assert (in_place(bench), bench.runs()) == (ONE, "fieldeye 1.0")


def test_software_without_any_leaves_what_is_there(bench: Bench, begun: Begun) -> None:
    begun.put(bench, updated)
    bench.prove()
    install(bench.sign_software("3.0", 3), bench.places)
    bench.slots("starting")
    assert (in_place(bench), bench.runs()) == (TWO, "fieldeye 3.0")


def test_software_without_any_comes_back_to_what_it_ran_with(bench: Bench, begun: Begun) -> None:
    begun.put(bench, one_with_files)
    for number, system in ((2, None), (3, TWO)):
        install(bench.sign_software(f"{number}.0", number, system=system), bench.places)
        bench.prove()
    assert in_place(bench) == TWO
    bench.slots("back", "venv")
    bench.slots("starting")
    assert (in_place(bench), bench.runs()) == (ONE, "fieldeye 2.0")


def test_software_whose_program_is_none_does_not_run_and_none_of_its_files_is_put_in_place(
    bench: Bench, begun: Begun
) -> None:
    begun.put(bench, one_with_files)
    install(bench.sign_software("2.0", 2, system={**TWO, PROGRAM: "#!/bin/sh\nif true; then\n"}), bench.places)
    assert "are refused, so the former runs again" in bench.slots("starting")
    assert (in_place(bench), bench.runs()) == (ONE, "fieldeye 1.0")


def two_slots(bench: Bench, _: Begun) -> None:
    """As `updated`, in a moment: slots that hold nothing but their files."""
    opt = bench.places.opt
    for slot, number, files in (("venv-a", 1, ONE), ("venv-b", 2, TWO)):
        for name, text in files.items():
            path = opt / slot / "system" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755 if name == PROGRAM else 0o644)
        (opt / slot / "release").write_text(f"{number} x\n")
    (opt / "venv").symlink_to("venv-a")
    bench.slots("starting")
    bench.slots("switch", "venv")


def killed(bench: Bench, at: int) -> int:
    """Put files in place until the script's command number `at`; how many commands it came to."""
    (bench.folder / "trap").write_text(TRAP)
    told = {"KILL_AT": str(at), "KILL_LOG": str(bench.folder / "n"), "BASH_ENV": str(bench.folder / "trap")}
    told |= {"FIELDEYE_OPT": str(bench.places.opt)}
    done = subprocess.run(["bash", FILES, "fit"], env=os.environ | told, check=False, capture_output=True)
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return int((bench.folder / "n").read_text() or 0)  # a substitution's shell outlives the kill, and writes it as well


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory, begun: Begun) -> int:
    """How many commands it takes."""
    bench = Bench(tmp_path_factory.mktemp("count"))
    begun.put(bench, two_slots)
    return killed(bench, at=-1)


@pytest.mark.parametrize("point", range(POINTS))
def test_a_sigkill_at_any_point_leaves_whole_files_and_the_next_start_goes_on_or_back(
    bench: Bench, begun: Begun, commands: int, point: int
) -> None:
    begun.put(bench, two_slots)
    killed(bench, at=1 + point * (commands - 1) // (POINTS - 1))
    for name, text in in_place(bench).items():
        assert name.endswith(".new") or text in {ONE.get(name), TWO.get(name)}
    if point % 2:
        bench.slots("starting")
    else:
        bench.slots("back", "venv")
        bench.slots("starting")
    there = {name: text for name, text in in_place(bench).items() if not name.endswith(".new")}
    assert there == (TWO if point % 2 else ONE)


def test_a_bundle_brings_what_a_card_brings_but_for_connections_and_what_leads_back(tmp_path: Path) -> None:
    fleet = put_fleet(tmp_path, SITE + entry("a"))
    assert run_render(fleet, tmp_path / "out").returncode == 0
    card = tmp_path / "out/nodes/a/fieldeye/system"
    names = {str(path.relative_to(card)) for path in card.rglob("*") if path.is_file()}
    packed = system_archive(load_fleet(fleet))
    with tarfile.open(fileobj=BytesIO(packed)) as whole:
        brought = {member.name: whole.extractfile(member).read() for member in whole}  # type: ignore[union-attr]
        assert {member.mode for member in whole if "lib/fieldeye" in member.name} == {0o755}
    assert {name: (card / name).read_bytes() for name in brought} == brought
    left = names - brought.keys()
    assert left == {*WATCHERS, "etc/NetworkManager/system-connections/fieldeye-hotspot.nmconnection"}
    assert packed == system_archive(load_fleet(fleet))


def test_what_setup_has_put_in_place_belongs_to_the_slot_that_runs_and_comes_back_with_it(
    bench: Bench, begun: Begun
) -> None:
    begun.put(bench, one)
    bench.prove()
    card, root = bench.folder / "card", bench.places.opt / "root"
    hidden = "etc/NetworkManager/system-connections/x.nmconnection"
    for name in (UNIT, PROGRAM, hidden, *WATCHERS):
        for place in (card, root):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text("of the card\n")
    subprocess.run([FILES, "adopt", card], env=os.environ | {"FIELDEYE_OPT": str(bench.places.opt)}, check=True)
    assert not list((bench.places.opt / "venv").resolve().rglob("*.nmconnection"))
    install(bench.sign_software("2.0", 2, system=TWO), bench.places)
    bench.slots("starting")
    bench.slots("back", "venv")
    bench.slots("starting")
    assert in_place(bench) == dict.fromkeys((UNIT, PROGRAM, hidden, *WATCHERS), "of the card\n")
