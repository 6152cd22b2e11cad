import shutil

import msgspec
import pytest

from edge.errors import ConfigError
from tests.training.conftest import TINY
from training import fetch
from training.fetch import Source, fault_of, fingerprint

OURS = TINY / "rice-pests"
SOURCE = Source(
    source="github.com/example", commit="abc", licence="CC-BY-4.0", pictures=(4, 1, 1), sha256="", about="a test"
)


def source():
    return msgspec.structs.replace(SOURCE, sha256=fingerprint(OURS))


def test_an_unchanged_copy_has_no_fault():
    assert fault_of(OURS, source()) is None


def test_a_missing_dataset_is_told_with_where_to_take_it(tmp_path):
    assert "github.com/example @ abc" in fault_of(tmp_path, source())


def test_one_changed_label_is_noticed(tmp_path):
    shutil.copytree(OURS, tmp_path / "copy")
    label = tmp_path / "copy" / "labels" / "rice_00.txt"
    label.write_text(label.read_text().replace("0.5", "0.4", 1))
    told = f"other files than ours (sha256 {fingerprint(tmp_path / 'copy')})"
    assert told in fault_of(tmp_path / "copy", source())


def test_who_adds_a_set_is_told_what_to_write_of_it():
    assert fault_of(OURS, SOURCE) == f"its sha256 is {fingerprint(OURS)}; write that into sources.toml"


def test_another_split_is_noticed(tmp_path):
    shutil.copytree(OURS, tmp_path / "copy")
    table = tmp_path / "copy" / "splits.csv"
    table.write_text(table.read_text().replace("test", "train"))
    told = (
        "has (5, 1, 0) pictures to train, validate and test, we had (4, 1, 1); mend its splits.csv, or pictures in sour"
    )
    assert told in fault_of(tmp_path / "copy", source())


def test_a_set_without_splits_is_known_by_its_pictures(tmp_path):
    shutil.copytree(OURS / "images", tmp_path / "cards")
    known = msgspec.structs.replace(SOURCE, pictures=(0, 0, 6), sha256=fingerprint(tmp_path / "cards"))
    assert fault_of(tmp_path / "cards", known) is None
    (tmp_path / "cards" / "rice_00.jpg").unlink()
    assert "(0, 0, 5) pictures" in fault_of(tmp_path / "cards", known)


@pytest.mark.parametrize("needed", [{"empties": ("coffee-leaves",)}, {"golden": "coffee-leaves"}])
def test_a_set_that_only_judges_is_missed_too(tiny_config, needed, monkeypatch, capsys):
    assert missed(msgspec.structs.replace(tiny_config, **needed), monkeypatch) == 1
    assert "coffee-leaves: not at" in capsys.readouterr().out


def test_a_set_of_which_nothing_is_known_is_named(tiny_config, monkeypatch):
    with pytest.raises(ConfigError, match=r"sources\.toml: no table for dataset 'bees'"):
        missed(msgspec.structs.replace(tiny_config, empties=("bees",)), monkeypatch)


@pytest.mark.parametrize("text", ["a = " + "9" * 5000, "a = " + "[" * 5000])
def test_sources_that_no_program_can_read_to_their_end_are_told_in_a_sentence(text, tmp_path, monkeypatch):
    (tmp_path / "sources.toml").write_text(text)
    monkeypatch.setattr(fetch, "SOURCES_TOML", tmp_path / "sources.toml")
    with pytest.raises(ConfigError, match=r"sources\.toml: .*; mend that key"):
        fetch.read_sources()


def missed(config, monkeypatch):
    """The exit code."""
    monkeypatch.setattr(fetch, "read_config", lambda _path: config)
    monkeypatch.setattr("sys.argv", ["fetch", "tiny.toml"])
    return fetch.main()


def test_sources_with_the_mark_that_windows_puts_before_utf_8_are_read(tmp_path, monkeypatch):
    before = fetch.read_sources()
    (tmp_path / "sources.toml").write_text(fetch.SOURCES_TOML.read_text("utf-8"), encoding="utf-8-sig")
    monkeypatch.setattr(fetch, "SOURCES_TOML", tmp_path / "sources.toml")
    assert fetch.read_sources() == before
