import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from edge.bundle import MODELS, load_bundle
from edge.errors import ConfigError
from tests.training.conftest import TINY
from training.added import ENOUGH_STEPS, added_name, as_trained, optimiser_of, with_added
from training.checkpoints import Checkpoint, save_checkpoint
from training.classes import read_classes
from training.config import DatasetConfig, TileConfig
from training.datasets.reviewed import read_reviewed
from training.facts import command_of, config_of
from training.mixture import epoch_order, examples_of, samples_of
from training.samples import IGNORE
from training.weights import activation_of

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


@pytest.mark.parametrize("listed", ["images", "categories"])
def test_two_exports_in_one_file_whose_ids_both_begin_at_one_are_refused(listed, export):
    content = json.loads((export / "annotations.json").read_text())
    twice = {**content[listed][0], "file_name": "pest_01.jpg", "name": "Aphididae"}
    write(export, **{**content, listed: [*content[listed], twice]})
    told = rf"annotations\.json: its {listed} have the id {twice['id']} twice; give each one of its own, also"
    with pytest.raises(ConfigError, match=told):
        read_reviewed(export, "node-7", LABELS)


def test_a_crop_that_is_listed_twice_is_refused_since_without_its_marks_it_would_be_background(export):
    write(export, images=[{"id": 1, "file_name": "pest_00.jpg"}, {"id": 2, "file_name": "images/pest_00.jpg"}])
    with pytest.raises(ConfigError, match=r"pest_00\.jpg: listed twice in annotations\.json; export the crops again"):
        read_reviewed(export, "node-7", LABELS)


@pytest.mark.parametrize(("size", "is_refused"), [((224, 146), False), ((None, None), False), ((448, 292), True)])
def test_a_crop_that_was_shrunk_since_it_was_checked_is_refused(size, is_refused, export):
    content = json.loads((export / "annotations.json").read_text())
    width, height = size
    write(export, **content | {"images": [{**one, "width": width, "height": height} for one in content["images"]]})
    if not is_refused:
        assert len(read_reviewed(export, "node-7", LABELS)) == 2
        return
    with pytest.raises(
        ConfigError, match=r"pest_00\.jpg: is 224x146 px and was marked at 448x292 px; take the picture"
    ):
        read_reviewed(export, "node-7", LABELS)


def test_a_picture_named_as_windows_does_is_found(export):
    write(export, images=[{"id": 1, "file_name": "images\\pest_01.jpg"}])
    assert [one.image_path for one in read_reviewed(export, "node-7", LABELS)] == [export / "images/pest_01.jpg"]


def test_a_picture_that_is_not_there_is_named_with_the_remedy(export):
    write(export, images=[{"id": 1, "file_name": "lost.jpg"}])
    with pytest.raises(ConfigError, match=r"lost\.jpg: listed in annotations\.json and not there"):
        read_reviewed(export, "node-7", LABELS)


def test_a_healthy_leaf_is_background_and_a_name_that_the_bundle_lacks_is_ignored_and_told(export, capsys):
    names = ("Pieris", "healthy", "Nilaparvata lugens")  # the last is one of the bundle's Delphacidae
    decided = [
        {"id": at, "image_id": 1, "category_id": at, "bbox": [10 + 60 * at, 20, 40, 40], "iscrowd": 0}
        for at in range(3)
    ]
    write(export, categories=[{"id": at, "name": name} for at, name in enumerate(names)], annotations=decided)
    first, _ = read_reviewed(export, "node-7", LABELS)
    assert first.xyxy.tolist() == [[10, 20, 50, 60], [130, 20, 170, 60]]
    assert first.class_id.tolist() == [LABELS.labels.index("Pieris"), IGNORE]
    told = capsys.readouterr().out
    assert "'Nilaparvata lugens' is no label of this bundle; boxes of it are ignored: 1" in told
    assert "'healthy'" not in told


WHOLE = {"image_id": 1, "category_id": 7, "bbox": [10, 20, 60, 40]}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"bbox": None}, "Expected `array`, got `null` - at `$.annotations[1].bbox`; export the crops again"),
        ({"bbox": [10, 20, 60]}, "length 4"),
        ({"image_id": 9}, "annotations[1] is of an image or a category that is not listed; export the crops again"),
        ({"category_id": 9}, "annotations[1] is of an image or a category"),
        ({"bbox": [9000, 20, 60, 40]}, "lies beside it"),
        ({"bbox": [90, 20, -60, 40]}, "turned round or no number - at `$.annotations[1]`; export the crops again"),
    ],
)
def test_an_annotation_that_is_not_whole_is_told_with_its_place(wrong, says, export):
    write(export, annotations=[WHOLE, WHOLE | wrong])
    with pytest.raises(ConfigError) as caught:
        read_reviewed(export, "node-7", LABELS)
    assert says in str(caught.value)


def test_an_export_nested_without_end_is_told_in_a_sentence(export):
    (export / "annotations.json").write_text('{"info": ' + "[" * 5000)
    with pytest.raises(ConfigError, match=r"annotations\.json: .*; export the crops again as COCO"):
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
    shutil.copy(MODELS / "pests.onnx", tmp_path / "tiny.onnx")
    tiny_config = msgspec.structs.replace(tiny_config, side_px=416)
    config = with_added(tiny_config, [export], tmp_path)
    assert config.weights == str(tmp_path / "tiny.onnx")
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


def test_other_crops_are_another_run_also_when_their_folder_has_the_same_name(tiny_config, export, tmp_path):
    july = tmp_path / "july"
    shutil.copytree(export, july)
    before = [added_name(tiny_config, folders) for folders in ([export], [july], [export, july])]
    assert before[0] == before[1] != before[2]
    write(export, annotations=[])
    assert added_name(tiny_config, [export]) not in before
    assert "training/configs/tiny.toml" in command_of(msgspec.structs.replace(tiny_config, name=before[0]))


def test_a_run_of_an_earlier_build_is_exported_without_the_settings_that_are_gone(tiny_config, export, tmp_path):
    at = tmp_path / added_name(tiny_config, [export]) / "last.pt"
    crops = DatasetConfig(name=str(export), annotation="reviewed")
    learned = msgspec.structs.replace(tiny_config, datasets=(*tiny_config.datasets, crops))
    config = msgspec.to_builtins(learned) | {"ships": "last"}
    save_checkpoint(at, Checkpoint(1, {}, {}, {}, torch.get_rng_state(), config, "abc", 0.5, 1.0))
    assert as_trained(tiny_config, [export], tmp_path) == learned


def test_crops_that_lie_elsewhere_since_they_were_learned_are_read_where_they_are_now(tiny_config, export, tmp_path):
    of_its_own = DatasetConfig(name="june", annotation="reviewed")
    config = msgspec.structs.replace(tiny_config, datasets=(*tiny_config.datasets, of_its_own))
    learned = msgspec.structs.replace(
        config, datasets=(*config.datasets, DatasetConfig(name="/media/usb/crops", annotation="reviewed", repeat=3))
    )
    at, told = tmp_path / added_name(config, [export]) / "last.pt", msgspec.to_builtins(learned)
    save_checkpoint(at, Checkpoint(1, {}, {}, {}, torch.get_rng_state(), told, "abc", 0.5, 1.0))
    now = DatasetConfig(name=str(export), annotation="reviewed", repeat=3)
    assert as_trained(config, [export], tmp_path).datasets == (*config.datasets, now)


@pytest.mark.parametrize(("steps", "share"), [(44, 44 / ENOUGH_STEPS), (ENOUGH_STEPS, 1), (10 * ENOUGH_STEPS, 1)])
def test_a_run_with_added_crops_of_few_steps_goes_gently_and_any_other_run_as_it_is_told(
    steps, share, tiny_config, export, tmp_path
):
    shutil.copy(MODELS / "pests.onnx", tmp_path / "tiny.onnx")
    tiny_config = msgspec.structs.replace(tiny_config, side_px=416)
    added = with_added(tiny_config, [export], tmp_path)
    rate = added.optimiser.learning_rate
    assert optimiser_of(added, steps).learning_rate == pytest.approx(rate * share)
    assert optimiser_of(tiny_config, steps) == tiny_config.optimiser


@pytest.mark.parametrize("name", ["pests", "pests-open", "diseases", "cards"])
def test_a_run_with_added_crops_is_what_the_shipped_bundle_is_and_needs_no_file_of_other_runs(name, export):
    bundle = load_bundle(MODELS / f"{name}.onnx")
    config = with_added(config_of(bundle), [export], MODELS)
    assert config.weights == str(bundle.path)
    assert config.activation == activation_of(bundle.path)
    assert all(Path(teacher).parent == MODELS for teacher in config.teachers)


@pytest.mark.parametrize("other", [{"side_px": 672}, {"tile": TileConfig(side_px=440, overlap_px=64)}])
def test_a_configuration_of_another_side_or_other_tiles_is_refused_with_the_one_that_made_the_bundle(other, export):
    config = msgspec.structs.replace(config_of(load_bundle(MODELS / "cards.onnx")), **other)
    with pytest.raises(ConfigError, match=r"cards\.onnx.*training\.train training/configs/cards_\d+\.toml"):
        with_added(config, [export], MODELS)
