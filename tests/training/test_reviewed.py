import json
import shutil

import msgspec
import numpy as np
import pytest

from edge.errors import ConfigError
from tests.training.conftest import TINY
from training.added import with_added
from training.classes import read_classes
from training.datasets.reviewed import read_reviewed
from training.samples import IGNORE
from training.train import epoch_order, examples_of, samples_of

LABELS = read_classes(["pest-vision", "rice-pests"])


@pytest.fixture
def export(tmp_path):
    """A node's export: one crop with a confirmed and an undecided insect, one whose only box was rejected."""
    folder = tmp_path / "node-7"
    (folder / "images").mkdir(parents=True)
    for name in ("pest_00.jpg", "pest_01.jpg"):
        shutil.copy(TINY / "pest-vision" / "images" / name, folder / "images" / name)
    write(folder, annotations=[
        {"id": 1, "image_id": 1, "category_id": 7, "bbox": [10, 20, 60, 40], "area": 2400, "iscrowd": 0,
         "decided_by": "anna", "decided_utc": "2026-05-02T06:10:00Z"},
        {"id": 2, "image_id": 1, "category_id": 7, "bbox": [90, 20, 30, 40], "area": 1200, "iscrowd": 1},
    ])  # fmt: skip
    return folder


def write(folder, **changed):
    content = {
        "images": [{"id": 1, "file_name": "pest_00.jpg"}, {"id": 2, "file_name": "images/pest_01.jpg"}],
        "categories": [{"id": 7, "name": "Pieris", "supercategory": "PIERSP"}],
        "annotations": [],
    } | changed
    (folder / "annotations.json").write_text(json.dumps(content), encoding="utf-8")


def test_a_confirmed_box_is_taught_an_undecided_one_ignored_and_a_rejected_one_is_background(export):
    first, second = read_reviewed(export, "node-7", LABELS)
    assert first.xyxy.tolist() == [[10, 20, 70, 60], [90, 20, 120, 60]]
    assert first.class_id.tolist() == [LABELS.labels.index("Pieris"), IGNORE]
    assert len(second.class_id) == 0
    assert all(sample.image_path.is_file() for sample in (first, second))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"categories": [{"id": 7, "name": "Apis mellifera"}]}, "'Apis mellifera' is no label of this bundle"),
        ({"images": [{"id": 1, "file_name": "lost.jpg"}]}, r"lost\.jpg: listed in annotations\.json and not there"),
    ],
)
def test_an_export_that_does_not_fit_is_refused_with_file_and_remedy(export, changed, message):
    content = json.loads((export / "annotations.json").read_text("utf-8"))
    write(export, **{"annotations": content["annotations"], **changed})
    with pytest.raises(ConfigError, match=message):
        read_reviewed(export, "node-7", LABELS)


def test_a_stranger_that_nobody_decided_on_is_no_fault(export):
    undecided = {"id": 2, "image_id": 1, "category_id": 8, "bbox": [90, 20, 30, 40], "iscrowd": 1}
    write(export, categories=[{"id": 8, "name": "Apis mellifera"}], annotations=[undecided])
    assert read_reviewed(export, "node-7", LABELS)[0].class_id.tolist() == [IGNORE]


def test_a_folder_without_an_export_is_named_before_anything_is_trained(tiny_config, tmp_path):
    with pytest.raises(ConfigError, match="name a folder that a node's COCO export wrote"):
        with_added(tiny_config, [tmp_path / "absent"], tmp_path)


def test_a_run_with_added_crops_goes_on_from_the_bundle_and_is_judged_on_the_old_pictures(
    tiny_config, export, tmp_path
):
    config = with_added(tiny_config, [export], tmp_path)
    assert config.weights == str(tmp_path / "tiny.onnx")
    assert config.name == "tiny-added"
    assert config.optimiser.learning_rate < tiny_config.optimiser.learning_rate
    assert config.labelled == tiny_config.labelled
    old, new = samples_of(tiny_config, "train"), samples_of(config, "train")
    assert len(new) == len(old) + 2
    for split in ("val", "test"):
        assert [s.image_path for s in samples_of(config, split)] == [
            s.image_path for s in samples_of(tiny_config, split)
        ]
    _, dataset_of = examples_of(new, config)
    shown = epoch_order(dataset_of, np.ones(len(dataset_of), np.int64), config, 0).tolist()
    assert [shown.count(index) for index in (len(old), len(old) + 1)] == [3, 3]
    assert msgspec.convert(msgspec.to_builtins(config), type(config)) == config
