"""Signing: what cannot be signed is one sentence, and a number that was given out is never given out again."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.firmware.fleets import SITE, entry, firmware, put_fleet, put_private
from tests.updates.bundles import software

ZERO = hashlib.sha256(b"\0").hexdigest()
ENTRY = {"file": "a.onnx", "sha256": ZERO, "version": "1", "golden": {"image": "a.jpg", "sha256": ZERO}}

LIBRARY_B = f"library_b==2 \\\n    --hash=sha256:{ZERO} \\\n    --hash=sha256:{'0' * 64}\n    # via library_a\n"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A fleet file, and a folder with one model; signing looks only at its hashes."""
    put_fleet(tmp_path, SITE + entry("a"))
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("a.onnx", "a.jpg"):
        (folder / name).write_bytes(b"\0")
    (folder / "manifest.json").write_text(json.dumps({"bundles": {"a": ENTRY}}))
    return folder


def sign(folder: Path, *more: object, kind: str = "models") -> str:
    """What it says where it refuses to sign."""
    out = folder.parent / "a.update"
    done = firmware("sign", folder.parent / "fleet.toml", kind, folder, out, *more)
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


@pytest.mark.parametrize(("name", "content"), [("a.onnx", b""), ("a.onnx", b"another"), ("a.jpg", b"another")])
def test_a_model_that_is_cut_or_another_is_not_signed_and_takes_no_number(
    name: str, content: bytes, models: Path
) -> None:
    """A node refused it after it had come."""
    (models / name).write_bytes(content)
    assert f"{name}: not the file in manifest.json" in sign(models)
    assert not (models.parent / "keys").exists()


def test_software_without_a_wheel_that_its_lock_names_is_signed_only_thin_and_else_takes_no_number(
    models: Path,
) -> None:
    """A node has no network while it installs."""
    folder = software(models.parent / "software", "1.0", library="a")
    (folder / "requirements.lock").write_text((folder / "requirements.lock").read_text() + LIBRARY_B)
    assert "software/wheels: lacks library_b==2; make the folder anew" in sign(folder, kind="software")
    assert not (models.parent / "keys").exists()
    thin = firmware("sign", models.parent / "fleet.toml", "software", folder, models.parent / "a.update", "--thin")
    assert thin.returncode == 0, thin.stderr


def test_nothing_is_signed_whose_number_cannot_be_kept(models: Path) -> None:
    assert "name another with --keys" in sign(models, "--keys", models.parent / "fleet.toml")
    (models.parent / "keys").mkdir(mode=0o700)
    put_private(models.parent / "keys" / "signed-models", "abc")
    assert "key store, signed-models: is damaged" in sign(models)


@pytest.mark.parametrize("name", ["update-key", "signed-models"])
def test_a_key_that_came_back_from_a_stick_as_everybodys_is_not_called_damaged(name: str, models: Path) -> None:
    """A file system without modes gives 0644."""
    done = firmware("sign", models.parent / "fleet.toml", "models", models, models.parent / "first.update")
    assert done.returncode == 0, done.stderr
    key = models.parent / "keys" / name
    key.chmod(0o644)
    assert f"may be read by others (mode 0644); run: chmod -R go= {key.parent}" in sign(models)


def test_without_its_fleet_no_models_are_signed_and_no_key_is_made(models: Path) -> None:
    """No node trusts the key of a folder that was mistyped."""
    (models.parent / "fleet.toml").unlink()
    assert "fleet.toml: cannot be read" in sign(models)
    assert not (models.parent / "keys").exists()


def test_a_number_that_cards_cannot_be_told_is_named_with_its_own_file(models: Path) -> None:
    for name in ("fieldeye-1.0-py3-none-any.whl", "requirements.lock"):
        (models / name).touch()
    (models / "counter").mkdir()
    done = firmware("sign", models.parent / "fleet.toml", "software", models, models.parent / "a.update")
    assert (done.returncode, f"{models}/counter: cannot be written" in done.stderr) == (2, True), done.stderr
