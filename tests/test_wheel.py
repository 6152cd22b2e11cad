"""What goes into the wheel, and so over the air to each node: what runs, and no pictures or logs for people."""

import json
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def packed() -> dict[str, int]:
    """Path in the wheel -> bytes."""
    files = WheelBuilder(str(ROOT)).recurse_included_files()
    return {file.distribution_path: Path(file.path).stat().st_size for file in files}


def test_each_released_model_is_in_the_wheel_with_its_golden_picture_and_its_card(packed: dict[str, int]) -> None:
    manifest = json.loads((ROOT / "models" / "manifest.json").read_text("utf-8"))
    released = {path.name for path in (ROOT / "models").glob("*.onnx")}
    golden = {f"golden/{path.name}" for path in (ROOT / "models" / "golden").iterdir()}
    cards = {f"cards/{path.name}" for path in (ROOT / "models" / "cards").glob("*.md")}
    assert {f"{name}.onnx" for name in manifest["bundles"]} <= released
    wanted = {"manifest.json", *released, *golden, *cards}
    assert {name.removeprefix("edge/models/") for name in packed if name.startswith("edge/models/")} == wanted


def test_the_wheel_has_each_file_of_the_packages_but_for_what_runs_left(packed: dict[str, int]) -> None:
    files = [file for package in ("edge", "training", "firmware_config") for file in (ROOT / package).rglob("*")]
    names = {str(file.relative_to(ROOT)) for file in files if file.is_file() and "__pycache__" not in file.parts}
    left = {name for name in names if name.startswith(("training/logs/", "training/LOG.md", "training/folds/"))}
    assert left
    assert names - left == {name for name in packed if not name.startswith("edge/models/")}
