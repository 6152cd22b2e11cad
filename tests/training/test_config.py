import re
from pathlib import Path

import msgspec
import pytest

from edge.errors import ConfigError
from training.config import CONFIGS, read_config
from training.datasets import READERS
from training.fetch import read_sources
from training.overlays import pasting_of

ROOT = Path(__file__).parents[2]
ALL = sorted(CONFIGS.glob("*.toml"))
PESTS = CONFIGS / "pests_8.toml"
PHASES = re.findall(r"^phases = \[.*?^\]", PESTS.read_text("utf-8"), re.DOTALL | re.MULTILINE)[0]


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_shipped_configuration_is_read_and_its_datasets_have_a_source(path):
    config = read_config(path)
    assert config.bundle in {"pests", "pests-open", "diseases", "cards"}
    assert set(config.needed) <= set(read_sources())


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_configuration_that_learns_from_what_models_held_says_at_which_commit(path):
    config, head = read_config(path), path.read_text("utf-8").partition("\nname =")[0]
    learns_from_models = any(one.startswith("models/") for one in (config.weights, *config.teachers))
    assert bool(re.search(r"\b[0-9a-f]{7}\b", head)) or not learns_from_models


def test_a_configuration_made_a_released_bundle_or_is_named_by_one_that_did():
    cards = "".join(card.read_text("utf-8") for card in (ROOT / "models" / "cards").glob("*.md"))
    made = set(re.findall(r"Command: `python -m training\.train training/configs/(\w+)\.toml`", cards))
    texts = "".join((CONFIGS / f"{one}.toml").read_text("utf-8") for one in made)
    named = {one or run for one, run in re.findall(r"(\w+)\.toml|runs/(\w+)/", texts)}
    folds = {fold for one in made for fold in read_config(CONFIGS / f"{one}.toml").folds}
    assert {path.stem for path in ALL} == made | named | folds


def test_the_readme_s_configuration_for_own_insects_is_one_and_its_table_has_each_format(tmp_path):
    text = (ROOT / "training/README.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "my_insects.toml").write_text(example, encoding="utf-8")
    assert read_config(tmp_path / "my_insects.toml").datasets[0].annotation in READERS
    assert set(re.findall(r"^   \| `(\w+)` \|", text, re.MULTILINE)) - {"annotation"} == set(READERS)


def changed(tmp_path, old, new):
    text = PESTS.read_text("utf-8").replace('"pests_8"', '"changed"')
    assert old in text
    path = tmp_path / "changed.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def test_a_configuration_with_the_mark_that_windows_puts_before_utf_8_is_read(tmp_path):
    path = changed(tmp_path, "seed = 37", "seed = 38")
    path.write_text(path.read_text("utf-8"), encoding="utf-8-sig")
    assert read_config(path).seed == 38
    path.write_text(f"# 稻田\n{PESTS.read_text('utf-8')}", encoding="gbk", errors="replace")
    with pytest.raises(ConfigError, match=r"changed\.toml: byte 2 is no UTF-8; save the file as UTF-8"):
        read_config(path)


@pytest.mark.parametrize(("name", "file"), [("mine", "changed"), ("my pests", "my pests"), ("a/b", "b"), ("", "")])
def test_a_run_is_called_as_its_file_so_that_the_command_on_the_card_is_right(tmp_path, name, file):
    path = changed(tmp_path, 'name = "changed"', f'name = "{name}"').rename(tmp_path / f"{file}.toml")
    with pytest.raises(
        ConfigError, match=rf"{file}\.toml: its name is '{name}', and .*; call both alike, with letters"
    ):
        read_config(path)


@pytest.mark.parametrize("name", ["dyke-2_b", "稻田"])
def test_a_run_may_be_called_by_letters_of_any_script(tmp_path, name):
    path = changed(tmp_path, 'name = "changed"', f'name = "{name}"').rename(tmp_path / f"{name}.toml")
    assert read_config(path).name == name


@pytest.mark.parametrize("bundle", ["稻虫", "my pests", "a/b", "", ".pests"])
def test_a_bundle_that_no_node_could_be_sent_is_refused_before_anything_is_trained(tmp_path, bundle):
    told = rf"changed\.toml: no node can be sent a bundle that is called '{bundle}'; call it with letters a to z"
    with pytest.raises(ConfigError, match=told):
        read_config(changed(tmp_path, 'bundle = "pests"', f'bundle = "{bundle}"'))


@pytest.mark.parametrize(("key", "typo"), [("seed", "sed"), ("repeat", "repaet"), ("mosaic", "mosiac")])
def test_an_unknown_key_of_any_table_is_refused_by_name(tmp_path, key, typo):
    with pytest.raises(ConfigError, match=rf"changed\.toml: .*{typo}"):
        read_config(changed(tmp_path, f"{key} =", f"{typo} ="))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (PHASES, "phases = []"),
        ("epochs = 30", "epochs = 0"),
        ("mosaic = 0.5", "mosaic = 50"),
        ("shade = 0.1", "shade = -0.1"),
        ("sides_px = [416]", "sides_px = []"),
        ("sides_px = [416]", "sides_px = [0]"),
        ("side_px = 416", "side_px = 0"),
        ("learning_rate = 1.2e-3", "learning_rate = -1.0"),
        ("seed = 37", "seed = -1"),
        ("seed = 37", 'seed = "one"'),
        ("seed = 37", "seed = 37\nloader_processes = -1"),
        ("weather = 0.1", "tint = -0.1"),
        ("weather = 0.1", "scales = [0.0, 1.0]"),
        ("learning_rate = 1.2e-3", "ema_decay = nan"),
        ("learning_rate = 1.2e-3", "ema_decay = 1.1"),
        ("learning_rate = 1.2e-3", "gradient_norm = -35"),
        ("learning_rate = 1.2e-3", "box_weight = -2"),
        ("learning_rate = 1.2e-3", "weight_decay = -0.02"),
        ("learning_rate = 1.2e-3", "final_share = -1"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_key(tmp_path, old, new):
    key = new.rpartition(" =")[0].rpartition("\n")[2]
    with pytest.raises(ConfigError, match=rf"changed\.toml: .* - at `\$.*{key}(\[.*\])?`; mend that key"):
        read_config(changed(tmp_path, old, new))


def test_scales_of_which_the_larger_stands_first_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"changed\.toml: the scales \[1\.6, 0\.6\] fall; write the smaller first"):
        read_config(changed(tmp_path, "weather = 0.1", "scales = [1.6, 0.6]"))


@pytest.mark.parametrize(
    ("text", "says"), [("seed = " + "9" * 5000, "4300 digits"), ("name = " + "[" * 5000, "recursion")]
)
def test_what_no_program_can_read_to_its_end_is_told_in_a_sentence(text, says, tmp_path):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ConfigError, match=rf"mine\.toml: .*{says}.*; mend that key"):
        read_config(tmp_path / "mine.toml")


def test_a_side_that_no_stride_divides_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="300 px is not a multiple of 32"):
        read_config(changed(tmp_path, "side_px = 416", "side_px = 300"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("validate_every = 6", "validate_every = 0"),
        ("batch = 16", "batch = 0"),
        ("learning_rate = 1.2e-3", "warmup_steps = 0"),
        ("one_in = 2", "one_in = 0"),
        ("most = 3", "most = 0"),
        ("repeat = 4", "repeat = 0"),
    ],
)
def test_none_of_what_is_divided_or_drawn_by_is_refused(tmp_path, old, new):
    with pytest.raises(ConfigError, match=rf"changed\.toml: .* >= 1 - at .*{new.split()[0]}"):
        read_config(changed(tmp_path, old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('["pest-vision", "rice-pests"]', '["rice-pests", "rice-pest"]'),
        ("seed = 37", 'seed = 37\npaste = { dataset = "rice-pest", label = "Apis", most = 1 }'),
    ],
)
def test_insects_of_a_set_that_is_no_part_of_the_mixture_are_refused(tmp_path, old, new):
    with pytest.raises(ConfigError, match=r"changed\.toml: 'rice-pest' is no dataset of .*; name one of pest-vision"):
        read_config(changed(tmp_path, old, new))


def test_insects_of_a_class_that_nobody_named_are_refused():
    config = read_config(CONFIGS / "cards_11.toml")
    strange = msgspec.structs.replace(config, paste=msgspec.structs.replace(config.paste, label="Insekta"))
    with pytest.raises(ConfigError, match=r"paste\.label: 'Insekta' is no class; name one of .*Insecta"):
        pasting_of(strange, [])


def test_tiles_of_no_pixels_are_refused(tmp_path):
    tile = "tile = { side_px = 96, overlap_px = 16, picture_px = 0 }"
    with pytest.raises(ConfigError, match=r"picture_px"):
        read_config(changed(tmp_path, "side_px = 416", f"side_px = 416\n{tile}"))


def test_tiles_that_overlap_by_as_much_as_they_are_long_are_refused(tmp_path):
    tile = "tile = { side_px = 96, overlap_px = 96 }"
    with pytest.raises(ConfigError, match=r"changed\.toml: tiles of 96 px cannot overlap by 96 px; "):
        read_config(changed(tmp_path, "side_px = 416", f"side_px = 416\n{tile}"))


def test_a_set_that_is_named_twice_is_refused_since_each_would_be_shown_and_judged_twice(tmp_path):
    with pytest.raises(ConfigError, match=r"changed\.toml: has the dataset 'rice-pests' twice; "):
        read_config(changed(tmp_path, '{ name = "cacao-pods"', '{ name = "rice-pests"'))


def test_each_epoch_belongs_to_its_phase():
    config = read_config(PESTS)
    first, last = config.phase_at(0), config.phase_at(config.epochs - 1)
    assert first == config.phases[0]
    assert last == config.phases[-1]
    with pytest.raises(ConfigError, match="no"):
        config.phase_at(config.epochs)
