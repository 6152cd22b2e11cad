"""How much pictures differ, found again in pictures that were drawn to differ so much; old bundles load without it."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.bundle import MODELS, find_bundle, load_bundle, load_release
from edge.detections import Detections
from edge.ranges import ALIKE, Dispersion, count_range
from tests.counting.fields import World, drawn
from training.dispersion import dispersion_of, pairs_of
from training.metrics import Truth
from training.onnx_file import read_facts, write_facts

FEW = 25  # individuals a picture: a fit costs by their square


def shown(world: World) -> tuple[list[Truth], list[Detections]]:
    """The pictures of a world as boxes in a row: of class 0, those found upon their marks, the others beside."""
    truths, found = [], []
    for true, hits, seen in zip(world.true.tolist(), world.hits.tolist(), world.found.tolist(), strict=True):
        marks = row_of(np.arange(true), 0.0)
        boxes = np.vstack([row_of(np.arange(hits), 0.0), row_of(np.arange(seen - hits), 100.0)])
        truths.append(Truth(marks, np.zeros(true, np.int64)))
        found.append(Detections(boxes, np.full(seen, 0.9, np.float32), np.zeros(seen, np.int64)))
    return truths, found


def row_of(places: np.ndarray, top: float) -> np.ndarray:
    """(n, 4) squares of 10 px, 20 px apart."""
    left = places[:, None] * 20.0
    return np.hstack([left, left * 0 + top, left + 10, left * 0 + top + 10]).astype(np.float32)


def test_a_range_with_the_dispersion_that_was_fitted_covers_other_pictures() -> None:
    seen = drawn(80, 0.9, 0.8, of_precision=0.1, of_recall=0.05, seed=1, most=FEW)
    fitted = dispersion_of(*shown(seen), classes=1)
    fresh = drawn(1500, 0.9, 0.8, of_precision=0.1, of_recall=0.05, seed=2, most=FEW)
    rates = fresh.hits.sum() / fresh.found.sum(), fresh.hits.sum() / fresh.true.sum()
    covered = {}
    for name, dispersion in (("fitted", fitted), ("none", ALIKE)):
        told = {n: count_range(int(n), *rates, dispersion) for n in np.unique(fresh.found)}
        low, high = np.array([told[n] for n in fresh.found]).T
        covered[name] = np.mean((low <= fresh.true) & (fresh.true <= high))
    assert covered["none"] < 0.9
    assert 0.92 <= covered["fitted"] <= 0.97


def test_pictures_that_are_alike_have_hardly_a_dispersion() -> None:
    fitted = dispersion_of(*shown(drawn(80, 0.9, 0.8, seed=3, most=FEW)), classes=1)
    assert fitted.precision <= 0.05
    assert fitted.recall <= 0.15


def test_rough_boxes_are_no_errors_of_a_count() -> None:
    """Every third box of what was found misses its mark: a miss and a false alarm, and the count is the same."""
    seen = rough(drawn(80, 0.95, 0.95, seed=5, most=FEW), 1 / 3)
    fitted = dispersion_of(*shown(seen), classes=1)
    assert fitted.rough > 0.7
    fresh = rough(drawn(1000, 0.95, 0.95, seed=6, most=FEW), 1 / 3)
    rates = fresh.hits.sum() / fresh.found.sum(), fresh.hits.sum() / fresh.true.sum()
    widths, held = {}, {}
    for name, dispersion in (("fitted", fitted), ("none", ALIKE)):
        told = {n: count_range(int(n), *rates, dispersion) for n in np.unique(fresh.found)}
        held[name] = np.mean(
            [told[n][0] <= true <= told[n][1] for n, true in zip(fresh.found, fresh.true, strict=True)]
        )
        widths[name] = np.mean([told[n][1] - told[n][0] for n in fresh.found])
    assert 0.92 <= held["fitted"] <= 0.98
    assert widths["fitted"] < 0.5 * widths["none"]


def rough(world: World, share: float) -> World:
    hits = np.random.default_rng(9).binomial(world.hits, 1 - share)
    return World(world.true, hits, world.found)


def test_pictures_that_show_nothing_say_nothing() -> None:
    assert pairs_of(np.array([[[0, 0, 0]]])) == []
    assert dispersion_of([], [], classes=2) == Dispersion()


def test_a_class_with_two_marks_is_told_as_all_are() -> None:
    counts = np.array([[[2, 0, 0], [0, 0, 0]], [[0, 0, 0], [60, 40, 40]]])
    rare = pairs_of(counts)[0]
    assert rare.precision == pytest.approx((2 + 5 * 63 / 104) / 7)


def test_a_bundle_from_before_still_loads_without_it(tmp_path: Path) -> None:
    path = tmp_path / "pests-int8.onnx"
    shutil.copy(MODELS / path.name, path)
    write_facts(path, {name: fact for name, fact in read_facts(path).items() if name != "dispersion"})
    assert load_bundle(path).dispersion is None


@pytest.mark.parametrize(
    "name", ["pests", "pests-int8", "diseases", "diseases-int8", "cards", "cards-int8", "pests-open"]
)
def test_what_ships_knows_its_dispersion(name: str) -> None:
    assert load_release(find_bundle(name)).dispersion is not None
