"""A SIGKILL between any two commands of the script of the slots: what runs is whole, and the same again goes on."""

import os
import signal
import subprocess
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pytest

from edge.updates.slots import floor, running_counter, trial
from tests.updates.bundles import SLOTS, Begun, Bench

POINTS = 20
# bash reads this file first and runs its trap before each command: the script itself knows nothing of it.
TRAP = """trap '_n=$((_n + 1)); echo "$_n" >"$KILL_LOG"; [ "$_n" != "$KILL_AT" ] || kill -KILL $$' DEBUG; set -T\n"""


def number_1(bench: Bench, _: Begun) -> None:
    """Models number 1 run well, and number 2 is ready beside."""
    (bench.folder / "trap").write_text(TRAP)
    for counter in (1, 2):
        content = bench.folder / f"new-{counter}"
        content.mkdir()
        for name in ("manifest.json", "pests.onnx"):
            (content / name).write_text(f"{name} of {counter}")
        (content / "counter").write_text(f"{counter}\n")
    update(bench, 1)
    bench.prove()


def started_thrice(bench: Bench, begun: Begun) -> None:
    """Models number 2 are on trial, and the next start goes back."""
    begun.put(bench, number_1)
    update(bench, 2)
    for _ in range(3):
        bench.slots("starting")


def update(bench: Bench, counter: int) -> None:
    bench.slots("fill", str(bench.folder / f"new-{counter}"))
    bench.slots("switch", "models")


class Machine:
    """Slots of models."""

    def __init__(self, folder: Path, begun: Begun, begin: Callable[[Bench, Begun], None] = number_1) -> None:
        folder.mkdir(exist_ok=True)
        self.bench = Bench(folder)
        begun.put(self.bench, begin)

    def killed(self, *arguments: str, at: int) -> int:
        """Run the script until its command number `at`; how many commands it came to."""
        folder = self.bench.folder
        told = {"KILL_AT": str(at), "KILL_LOG": str(folder / "n"), "BASH_ENV": str(folder / "trap")}
        told |= {"FIELDEYE_OPT": str(self.bench.places.opt), "FIELDEYE_HEALTHY": str(folder / "healthy")}
        done = subprocess.run(["bash", SLOTS, *arguments], env=os.environ | told, check=False, capture_output=True)
        commands = int((self.bench.folder / "n").read_text())
        assert done.returncode in {0, -signal.SIGKILL}, done.stderr
        return commands

    @property
    def runs(self) -> int:
        """The number that runs, once each of its files is there and its own."""
        counter = running_counter(self.bench.places, "models")
        for name in ("manifest.json", "pests.onnx"):
            assert (self.bench.places.opt / "models" / name).read_text() == f"{name} of {counter}"
        return counter


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory, begun: Begun) -> tuple[int, int]:
    """How many commands `fill` and `switch` take."""
    machine = Machine(tmp_path_factory.mktemp("count"), begun)
    filled = machine.killed("fill", str(machine.bench.folder / "new-2"), at=-1)
    return filled, machine.killed("switch", "models", at=-1)


@pytest.mark.parametrize("point", range(POINTS))
def test_a_sigkill_at_any_point_of_an_update_leaves_a_node_that_starts_and_can_go_on(
    tmp_path: Path, begun: Begun, commands: tuple[int, int], point: int
) -> None:
    machine, (filling, switching) = Machine(tmp_path, begun), commands
    at = 1 + point * (filling + switching - 1) // (POINTS - 1)
    if at <= filling:
        machine.killed("fill", str(tmp_path / "new-2"), at=at)
    else:
        machine.bench.slots("fill", str(tmp_path / "new-2"))
        machine.killed("switch", "models", at=at - filling)
    ran = machine.runs
    machine.bench.slots("starting")
    assert machine.runs == ran
    if ran == 1:
        update(machine.bench, 2)
    machine.bench.prove()
    assert (machine.runs, floor(machine.bench.places, "models")) == (2, 2)


def test_the_twenty_points_lie_on_both_sides_of_the_switch(
    tmp_path: Path, begun: Begun, commands: tuple[int, int]
) -> None:
    ran = set()
    for at in (1, commands[1]):
        machine = Machine(tmp_path / str(at), begun)
        machine.bench.slots("fill", str(machine.bench.folder / "new-2"))
        machine.killed("switch", "models", at=at)
        ran.add(machine.runs)
    assert ran == {1, 2}


def test_nothing_is_on_trial_where_a_switch_or_a_way_back_was_cut_off(tmp_path: Path, begun: Begun) -> None:
    machine, at = Machine(tmp_path, begun), 0
    places, states = machine.bench.places, []
    machine.bench.slots("fill", str(tmp_path / "new-2"))
    while machine.runs == 1:
        at += 1
        machine.killed("switch", "models", at=at)
        states.append(((places.opt / "trial-models").exists(), machine.runs, trial(places, "models")))
    assert [state for state, _ in groupby(states)] == [(False, 1, None), (True, 1, None), (True, 2, 0)]
    (places.opt / "models").unlink()  # so far comes a way back to those of the software
    assert trial(places, "models") is None


@pytest.mark.parametrize(("verb", "leaves"), [("starting", 1), ("healthy", 2), ("back", 1)])
@pytest.mark.parametrize("at", range(1, 40, 8))
def test_a_sigkill_while_a_trial_is_judged_leaves_a_whole_slot(
    tmp_path: Path, begun: Begun, verb: str, leaves: int, at: int
) -> None:
    machine = Machine(tmp_path, begun, started_thrice)
    arguments = [verb, "models"] if verb == "back" else [verb]
    machine.killed(*arguments, at=at)
    assert machine.runs in {1, 2}
    if verb != "back" or machine.runs == 2:
        machine.bench.slots(*arguments)
    assert machine.runs == leaves
    assert trial(machine.bench.places, "models") is None
