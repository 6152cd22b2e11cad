"""How much pictures differ, found again in pictures that were drawn to differ so much; and old bundles get it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.bundle import MODELS, find_bundle, load_bundle, load_release
from edge.detections import Detections
from edge.ranges import ALIKE, Dispersion, count_range
from tests.counting.fields import World, drawn
from training.dispersion import dispersion_of, pairs_of
from training.manifest import release_again
from training.metrics import Truth
from training.onnx_file import read_facts, write_facts


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
    seen = drawn(250, 0.9, 0.8, of_precision=0.1, of_recall=0.05, seed=1)
    fitted = dispersion_of(*shown(seen), classes=1)
    fresh = drawn(1500, 0.9, 0.8, of_precision=0.1, of_recall=0.05, seed=2)
    rates = fresh.hits.sum() / fresh.found.sum(), fresh.hits.sum() / fresh.true.sum()
    covered = {}
    for name, dispersion in (("fitted", fitted), ("none", ALIKE)):
        told = {n: count_range(int(n), *rates, dispersion) for n in np.unique(fresh.found)}
        spans = [told[n] for n in fresh.found]
        covered[name] = np.mean([low <= n <= high for (low, high), n in zip(spans, fresh.true, strict=True)])
    assert covered["none"] < 0.85
    assert 0.92 <= covered["fitted"] <= 0.97


def test_pictures_that_are_alike_have_hardly_a_dispersion() -> None:
    fitted = dispersion_of(*shown(drawn(120, 0.9, 0.8, seed=3)), classes=1)
    assert fitted.precision <= 0.02
    assert fitted.recall <= 0.05


def test_pictures_without_a_detection_say_nothing_and_no_picture_at_all_is_no_dispersion() -> None:
    assert pairs_of(np.array([[[0, 0, 3]]])) == []
    assert dispersion_of([], [], classes=2) == Dispersion()


def test_a_class_with_two_marks_is_told_as_all_are() -> None:
    counts = np.array([[[2, 0, 0], [0, 0, 0]], [[0, 0, 0], [60, 40, 40]]])
    rare = pairs_of(counts)[0]
    assert rare.precision == pytest.approx((2 + 5 * 63 / 104) / 7)


@pytest.fixture
def old_bundle(tmp_path: Path) -> Path:
    """A copy of a released model from before there was a dispersion, with its golden picture and manifest."""
    release = find_bundle("pests-int8")
    shutil.copytree(MODELS / "golden", tmp_path / "golden")
    path = tmp_path / release.path.name
    facts = read_facts(release.path)
    facts.pop("dispersion", None)
    shutil.copy(release.path, path)
    write_facts(path, facts)
    return path


def test_a_bundle_without_it_still_loads_and_gets_it_without_another_network(old_bundle: Path) -> None:
    before = load_bundle(old_bundle)
    assert before.dispersion is None
    write_facts(old_bundle, {**read_facts(old_bundle), "dispersion": {"precision": 0.1, "recall": 0.4}})
    release_again([old_bundle])
    after = load_release(find_bundle("pests-int8", old_bundle.parent))
    assert after.dispersion == Dispersion(precision=0.1, recall=0.4)
    golden = json.loads((old_bundle.parent / "manifest.json").read_text())["bundles"]["pests-int8"]["golden"]
    assert (
        golden["detections"]
        == json.loads((MODELS / "manifest.json").read_text())["bundles"]["pests-int8"]["golden"]["detections"]
    )


@pytest.mark.parametrize(
    "name", ["pests", "pests-int8", "diseases", "diseases-int8", "cards", "cards-int8", "pests-open"]
)
def test_what_ships_knows_its_dispersion(name: str) -> None:
    assert load_release(find_bundle(name)).dispersion is not None
