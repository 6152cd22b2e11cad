"""What a bundle was made from: its own sets, and those of the bundle that it went on from."""

import re
import shutil
from math import log

import pytest
from msgspec.structs import replace

from edge.bundle import MODELS
from edge.errors import BundleError, ConfigError
from tests.training.conftest import room_for
from training.config import DatasetConfig
from training.evaluate import ABOUT, write_card
from training.facts import learned
from training.judging.card import PUBLISHED, averaged, origin
from training.judging.looks import Looks
from training.leaves.card import ABOUT as ABOUT_LEAF
from training.leaves.card import grades
from training.mixture import samples_of
from training.onnx_file import bundle_paths, read_facts

RELEASED = ["pests", "pests-open", "cards", "diseases"]


@pytest.fixture
def further(tiny_config):
    """A run that went on from `pests` and learned one of its sets again, and one of its own."""
    datasets = tuple(DatasetConfig(name=name, annotation="yolo") for name in ("greenhouse-whitefly", "pest-vision"))
    return replace(tiny_config, weights="models/pests.onnx", datasets=datasets)


def test_a_bundle_that_went_on_from_one_of_ours_tells_the_sets_and_licences_of_both(further, tmp_path):
    shutil.copy(MODELS / "pests.onnx", tmp_path / "start.onnx")
    told = {one["name"]: one["licence"] for one in learned(further, tmp_path)}
    assert list(told) == [
        "greenhouse-whitefly", "pest-vision", "rice-pests", "cacao-pods", "rice-diseases", "tomato-lesions",
    ]  # fmt: skip
    assert told["tomato-lesions"] == "none stated"


def test_what_a_bundle_went_on_from_has_to_be_there_for_its_licences(further, tmp_path):
    with pytest.raises(ConfigError, match=r"start\.onnx: .* are not there"):
        learned(further, tmp_path)
    (tmp_path / "start.onnx").write_bytes(b"none")
    with pytest.raises(BundleError, match=r"start\.onnx: not a Fieldeye model"):
        learned(further, tmp_path)


def test_a_bundle_that_began_with_the_published_weights_tells_its_own_sets(further, tmp_path):
    own = learned(replace(further, weights=f"../shared/weights/{PUBLISHED}.npz"), tmp_path)
    assert [one["name"] for one in own] == ["greenhouse-whitefly", "pest-vision"]


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (PUBLISHED, "(YOLOX-Nano, Megvii, Apache-2.0, trained on COCO)"),
        (
            "pests",
            "(a bundle of ours, whose sets stand above too; its line began with YOLOX-Nano, Megvii, Apache-2.0, ",
        ),
    ],
)
def test_a_card_says_what_the_starting_weights_had_learned(start, told):
    facts = read_facts(MODELS / "cards.onnx")
    facts["training"]["start_weights"] = start
    assert f"Starting weights: `{start}` {told}" in "\n".join(origin(facts))


@pytest.mark.parametrize("name", RELEASED)
def test_the_card_of_a_released_bundle_tells_what_its_file_does(name):
    card = (MODELS / "cards" / f"{name}.md").read_text("utf-8")
    facts = read_facts(MODELS / f"{name}.onnx")
    assert card.endswith("\n".join(origin(facts)))
    assert averaged(facts) in card
    assert card.startswith(f"# {name} {facts['version']}\n\n{(ABOUT / f'{name}.md').read_text('utf-8').strip()}\n\n## ")


@pytest.mark.parametrize("name", RELEASED)
def test_the_confidence_that_a_card_names_is_a_score_of_a_hundredth_at_its_temperature(name):
    card = (MODELS / "cards" / f"{name}.md").read_text("utf-8")
    (told,) = re.findall(rf"`fieldeye detect --model {name} --confidence (\S+)`", card)
    temperature = read_facts(MODELS / f"{name}.onnx")["temperature"]
    assert log(float(told) / (1 - float(told))) * temperature == pytest.approx(log(0.01 / 0.99), abs=0.01)


def test_a_disk_without_room_for_the_sheet_is_named_and_no_card_shows_what_is_not_there(tiny_config, tmp_path):
    with room_for(9000), pytest.raises(OSError, match=r"pests\.jpg"):
        write_card(tmp_path / "pests.md", Looks(MODELS / "pests.onnx"), [], samples_of(tiny_config, "test"))
    assert not list(tmp_path.iterdir())


def test_the_card_of_the_leaf_network_tells_at_which_limits_its_file_grades():
    card, facts = (MODELS / "cards/leaf.md").read_text("utf-8"), read_facts(MODELS / "leaf.onnx")
    assert card.startswith(f"# leaf {facts['version']}\n\n{ABOUT_LEAF.read_text('utf-8').strip()}\n\n## ")
    assert grades(facts) in card
    assert "0.1, 4.4, 10.1 and 15.9 % (published: 0.1, 5, 10 and 15 %)" in card


@pytest.mark.parametrize("name", RELEASED)
def test_both_released_files_of_a_bundle_tell_the_sets_of_the_one_that_it_began_with(name):
    told = [read_facts(path)["training"] for path in bundle_paths(MODELS, name).values()]
    began = read_facts(MODELS / f"{told[0]['start_weights']}.onnx")["training"]["datasets"]
    assert told[0] == told[1]
    assert [one for one in began if one not in told[0]["datasets"]] == []
