"""Decisions about labels: what they do to training pictures, and that the file names real rows."""

import numpy as np
import pytest
from msgspec.structs import replace

from edge.bundle import MODELS, load_bundle
from edge.detector import Detector
from edge.errors import ConfigError
from tests.training.conftest import TINY
from training import label_care
from training.classes import read_classes
from training.config import CONFIGS, DatasetConfig
from training.datasets import read_dataset
from training.label_care import proposed, seen_near
from training.label_decisions import (
    COLUMNS,
    DECISIONS_CSV,
    DROP,
    REGION,
    STAY,
    WRONG,
    Decision,
    cared_for,
    read_decisions,
)
from training.mixture import samples_of
from training.samples import IGNORE, Sample, load_example
from training.sheets import SAID, TILE_PX

PESTS = read_classes(["pest-vision", "rice-pests"])


@pytest.fixture
def samples():
    return read_dataset(TINY / "pest-vision", DatasetConfig(name="pest-vision", annotation="yolo"), "train", PESTS)


def about(sample, action, xyxy=(0.0, 0.0, 0.0, 0.0)):
    return Decision("pest-vision", str(sample.image_path.relative_to(TINY / "pest-vision")), action, xyxy, "looked at")


def test_a_dropped_picture_is_gone_and_the_others_stay(samples):
    kept = cared_for(samples, TINY, [about(samples[2], DROP)])
    assert [one.image_path for one in kept] == [one.image_path for one in samples if one is not samples[2]]


@pytest.mark.parametrize(("split", "left"), [("train", 0), ("val", 0), ("test", 1)])
def test_decisions_hold_for_training_and_validation_and_never_for_the_test(tiny_config, monkeypatch, split, left):
    config = replace(tiny_config, datasets=tiny_config.datasets[:1])
    before = samples_of(config, split)
    monkeypatch.setattr("training.mixture.read_decisions", lambda: [about(one, DROP) for one in before])
    assert len(samples_of(config, split)) == left * len(before)


def test_a_region_joins_the_boxes_as_one_to_ignore(samples):
    cared = cared_for(samples, TINY, [about(samples[1], REGION, (10, 20, 30, 40))])
    assert cared[1].xyxy[-1].tolist() == [10, 20, 30, 40]
    assert cared[1].class_id[-1] == IGNORE
    assert cared[1].class_id[:-1].tolist() == samples[1].class_id.tolist()
    assert cared[0] is samples[0]


def test_a_wrong_mark_is_taken_away_and_the_others_stay(samples):
    crowded = next(one for one in samples if len(one.xyxy) > 1)
    [cared] = cared_for([crowded], TINY, [about(crowded, WRONG, tuple(np.round(crowded.xyxy[0], 1).tolist()))])
    assert cared.xyxy.tolist() == crowded.xyxy[1:].tolist()
    assert cared.class_id.tolist() == crowded.class_id[1:].tolist()


def test_every_decision_has_a_reason_and_an_action_that_is_known():
    decisions = read_decisions()
    assert {one.action for one in decisions} == {DROP, REGION, WRONG, STAY}
    assert all(one.reason for one in decisions)


def test_an_insect_whose_label_was_taken_away_is_proposed(samples):
    detector = Detector(load_bundle(MODELS / "pests.onnx"), confidence=0.5)
    crowded = [one for one in samples if len(one.xyxy) > 1]
    assert not list(proposed(detector, [unlabelled(one, keep=0) for one in crowded])), "no kind labelled: no proposal"
    found = [boxes for one in crowded for _, boxes in proposed(detector, [unlabelled(one, keep=1)])]
    assert found
    assert all(boxes.shape[1] == 4 for boxes in found)


def test_a_proposal_is_shown_with_its_surroundings_even_at_the_edge(samples):
    whole = seen_near(load_example(samples[0]), np.array([0, 0, 40, 30], np.float32), 12)
    assert whole.shape == (TILE_PX, TILE_PX, 3)
    assert (whole == SAID).all(axis=2).any()


def unlabelled(sample, keep):
    """The sample with only its first `keep` labels."""
    return Sample(sample.image_path, sample.dataset, np.array(sample.xyxy[:keep]), np.array(sample.class_id[:keep]))


def test_decisions_as_a_spreadsheet_saves_them_with_a_mark_before_and_empty_rows_behind_are_the_same(
    tmp_path, monkeypatch
):
    before = read_decisions()
    (tmp_path / "care.csv").write_text(f"{DECISIONS_CSV.read_text('utf-8')},,,,,,,\n", encoding="utf-8-sig")
    monkeypatch.setattr("training.label_decisions.DECISIONS_CSV", tmp_path / "care.csv")
    assert read_decisions() == before


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("Wrong,1,2,3,4,a snail", ": Wrong of b.jpg is no action; write one of drop, ignore, wrong, stay"),
        ("ignore,1,2,x,4,blurred", ": ignore of b.jpg: could not convert string to float: 'x'; write left, top, right"),
        ("ignore,1,2,nan,4,blurred", ": ignore of b.jpg: the mark [1, 2, nan, 4] is turned round or no number; write"),
        ("wrong,3,2,1,4,a snail", ": wrong of b.jpg: the mark [3, 2, 1, 4] is turned round or no number; write left"),
        ("stay,1,2,1,4,a leg", ": stay of b.jpg: the region has no area; write left, top, right and bottom"),
        ("ignore,1,2,3,2,blurred", ": ignore of b.jpg: the region has no area"),
        ("ignore,,,,,blurred", ": ignore of b.jpg: the region has no area"),
        (
            "stay,1,2,3,4,a leg\nrice-pest,c.jpg,drop,,,,,twice",
            ": drop of c.jpg: 'rice-pest' is no dataset of sources.t",
        ),
        ('drop,,,,,"a drawing', ", line 3: unexpected end of data; put a quote at both ends of a cell, or none"),
    ],
)
def test_a_decision_that_says_nothing_is_named_and_not_passed_over(row, says, tmp_path, monkeypatch):
    first = "pest-vision,a.jpg,drop,,,,,a drawing"
    table = tmp_path / "care.csv"
    table.write_text("\n".join([",".join(COLUMNS), first, f"pest-vision,b.jpg,{row}", first]))
    monkeypatch.setattr("training.label_decisions.DECISIONS_CSV", table)
    with pytest.raises(ConfigError) as caught:
        read_decisions()
    assert str(caught.value).startswith(f"{table}{says}")


def test_a_bundle_of_other_labels_proposes_nothing_since_its_kinds_are_others(tmp_path, monkeypatch):
    words = ["--bundle", MODELS / "cards.onnx", "--out", tmp_path / "new.csv", "--sheet", tmp_path / "new.png"]
    monkeypatch.setattr("sys.argv", ["label_care", *map(str, [CONFIGS / "pests_8.toml", *words])])
    with pytest.raises(ConfigError, match=r"cards\.onnx: tells other labels, or the same in another order, than"):
        label_care.main()
    assert not list(tmp_path.iterdir())
