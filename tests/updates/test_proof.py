"""When new software counts as good."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event

import pytest

from edge.app import Node, build
from edge.config import CameraTable, ModelTable, NodeConfig, NodeTable, StoreTable
from edge.errors import UsageError
from edge.node.restarts import BAD_ENDS
from edge.updates.install import install
from edge.updates.proof import Proof, proved
from edge.updates.slots import Places
from tests.clocks import SetClock
from tests.node import NODE, SITE
from tests.updates.bundles import Begun, Bench, one, one_and_two


@pytest.mark.parametrize(
    ("turning_s", "is_well", "is_connected", "says"),
    [
        (59, True, True, False),
        (60, True, True, True),
        (899, True, False, False),
        (900, True, False, True),
        (10_000, False, True, False),
    ],
)
def test_a_minute_with_a_broker_and_a_quarter_of_an_hour_without_prove_it(
    turning_s: float, is_well: bool, is_connected: bool, says: bool
) -> None:
    assert proved(turning_s, is_well=is_well, is_connected=is_connected) is says


def test_it_is_said_once() -> None:
    clock, said = SetClock(), []
    proof = Proof(clock, is_well=lambda: True, is_connected=lambda: True, say=lambda: said.append(clock.mono_s))
    for _ in range(20):
        proof.beat()
        clock.advance(10)
    assert said == [160.0]


@contextmanager
def built(places: Places, folder: Path, model: str = "pests-int8") -> Iterator[Node]:
    """A node that looks at pictures, without a page or a broker."""
    config = NodeConfig(
        node=NodeTable(site=SITE, node=NODE),
        camera=CameraTable(kind="folder", source=str(folder)),
        model=ModelTable(name=model),
        store=StoreTable(folder=str(folder)),
        page=None,
    )
    with ExitStack() as parts:
        yield build(config, parts, Event(), places=places)


@pytest.mark.parametrize("switched", [None, "venv", "models"])
def test_a_node_says_it_of_what_it_began_with_and_not_of_what_was_switched_to_since(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, switched: str | None
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setattr("edge.updates.proof.WITHOUT_BROKER_AFTER_S", 0.0)
    monkeypatch.setattr("edge.updates.proof.PROVED_AFTER_S", 0.0)
    opt = bench.places.opt
    opt.mkdir()
    (opt / "venv").symlink_to(sys.prefix)
    with built(bench.places, tmp_path / "state") as node:
        if switched:
            (opt / switched).unlink(missing_ok=True)
            (opt / switched).symlink_to(f"{switched}-b")
        node.alive.beat()
    assert (tmp_path / "healthy").exists() is (switched is None)


def one_and_models(bench: Bench, begun: Begun) -> None:
    """Software number 1 runs; models are installed, on trial."""
    begun.put(bench, one)
    install(bench.sign_models(["pests-int8"], 1), bench.places)


@pytest.mark.parametrize("begin", [one_and_two, one_and_models])
def test_a_node_on_trial_that_finds_nothing_to_look_with_ends_and_afterwards_keeps_its_page(
    bench: Bench, begun: Begun, tmp_path: Path, begin: Callable[[Bench, Begun], None]
) -> None:
    """It stayed in safe mode, on trial for ever, and what looked lay in the other slot."""
    begun.put(bench, begin)
    with pytest.raises(UsageError, match="no-such-model"), built(bench.places, tmp_path / "state", "no-such-model"):
        pass
    bench.prove()
    with built(bench.places, tmp_path / "state", "no-such-model") as node:
        assert (node.pipeline, "no-such-model" in node.board.snapshot().problem) == (None, True)


def test_what_is_on_trial_looks_also_after_five_bad_ends(bench: Bench, begun: Begun, tmp_path: Path) -> None:
    """Software that came to mend them stayed in safe mode, where it can neither prove itself nor fail."""
    state = tmp_path / "state"
    begun.put(bench, one_and_two)
    for _ in range(BAD_ENDS):
        with suppress(RuntimeError), built(bench.places, state):
            raise RuntimeError
    with built(bench.places, state) as node:
        assert node.pipeline is not None
        node.runs.note("a fault of its own")
    bench.prove()
    with built(bench.places, state) as node:
        assert node.pipeline is None
