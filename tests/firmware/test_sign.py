"""Signing: what cannot be signed is one sentence, and a number that was given out is never given out again."""

import json
from pathlib import Path

import pytest

from tests.firmware.fleets import SITE, entry, firmware, put_fleet, put_private

ENTRY = {"file": "a.onnx", "version": "1", "golden": {"image": "a.jpg"}}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A fleet file, and a folder with one model; signing does not look into it."""
    put_fleet(tmp_path, SITE + entry("a"))
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("a.onnx", "a.jpg"):
        (folder / name).write_bytes(b"\0")
    (folder / "manifest.json").write_text(json.dumps({"bundles": {"a": ENTRY}}))
    return folder


def sign(models: Path, *more: object) -> str:
    """What it says where it refuses to sign."""
    out = models.parent / "a.update"
    done = firmware("sign", models.parent / "fleet.toml", "models", models, out, *more)
    assert (done.returncode, done.stderr.count("\n"), out.exists()) == (2, 1, False), done.stderr
    return done.stderr


@pytest.mark.parametrize(
    "content", ["{}", "[]", "[", '{"bundles": 1}', '{"bundles": {"a": {}}}', '{"bundles": {"a": 1}}']
)
def test_a_manifest_that_is_none_is_named(content: str, models: Path) -> None:
    (models / "manifest.json").write_text(content)
    assert "manifest.json" in sign(models)


def test_a_folder_that_lacks_a_file_of_its_manifest_says_which(models: Path) -> None:
    (models / "a.jpg").unlink()
    assert "a.jpg" in sign(models)
    assert "knows no model b; it has a" in sign(models, "--model", "b")


def test_nothing_is_signed_whose_number_cannot_be_kept(models: Path) -> None:
    assert "name another with --keys" in sign(models, "--keys", models.parent / "fleet.toml")
    (models.parent / "keys").mkdir(mode=0o700)
    put_private(models.parent / "keys" / "signed-models", "abc")
    assert "key store, signed-models: is damaged" in sign(models)


def test_a_number_that_cards_cannot_be_told_is_named_with_its_own_file(models: Path) -> None:
    for name in ("fieldeye-1.0-py3-none-any.whl", "requirements.lock"):
        (models / name).touch()
    (models / "counter").mkdir()
    done = firmware("sign", models.parent / "fleet.toml", "software", models, models.parent / "a.update")
    assert (done.returncode, f"{models}/counter: cannot be written" in done.stderr) == (2, True), done.stderr
