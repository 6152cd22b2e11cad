"""A model that no longer sees what it saw when it was released does not run."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.bundle import Expected, find_bundle
from edge.detections import Detections
from edge.errors import BundleError
from edge.golden import difference, tried
from tests.onnx_files import BLUE, GOLDEN, LABELS, picture_with, sha256_of, write_release

THRESHOLDS = np.array([0.5, 0.5], np.float32)
EXPECTED = (Expected(label="Pieris", confidence=0.8, xyxy=(10, 10, 30, 30)),)


def found(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    """Rows of x1, y1, x2, y2, confidence, class."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([(10, 10, 30, 30, 0.8, 0)], None),
        ([(10, 11, 30, 31, 0.72, 0)], None),  # another processor
        ([(10, 10, 30, 30, 0.8, 0), (60, 60, 90, 90, 0.55, 1)], None),  # one that is just above its threshold
        ([(10, 10, 30, 30, 0.8, 0), (60, 60, 90, 90, 0.61, 1)], "Aleyrodidae of 0.61 at [60, 60, 90, 90]"),
        ([(10, 10, 30, 30, 0.8, 0), (10, 10, 30, 30, 0.8, 0)], "where there was none"),  # the same twice
        ([], "no Pieris of 0.80 at [10, 10, 30, 30]"),
        ([(10, 10, 30, 30, 0.69, 0)], "no Pieris"),
        ([(10, 10, 30, 30, 0.91, 0)], "no Pieris"),
        ([(10, 10, 30, 30, 0.8, 1)], "no Pieris"),
        ([(14, 10, 34, 30, 0.8, 0)], "no Pieris"),
    ],
)
def test_what_differs_from_the_release_is_told_by_label_and_place(rows: list[Any], fault: str | None) -> None:
    says = difference(EXPECTED, found(*rows), LABELS, THRESHOLDS)
    assert says is None if fault is None else fault in str(says)


def test_a_label_that_the_model_does_not_have_is_missing() -> None:
    expected = (Expected(label="Rattus", confidence=0.8, xyxy=(10, 10, 30, 30)),)
    assert difference(expected, found((10, 10, 30, 30, 0.8, 0)), LABELS, THRESHOLDS) is not None


def test_a_released_model_passes(tmp_path: Path) -> None:
    assert tried(find_bundle("squares", write_release(tmp_path / "models"))).bundle.labels == LABELS


def changed_golden(folder: Path, detections: list[dict[str, Any]]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    golden = manifest["bundles"]["squares"]["golden"]
    golden["detections"] = detections
    golden["sha256"] = sha256_of(folder / golden["image"])
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_the_golden_picture_is_judged_by_the_bundle_s_own_thresholds(tmp_path: Path) -> None:
    folder = write_release(tmp_path / "models")
    picture = picture_with([(8, 16, BLUE)])
    picture[16, 8:11] = 114  # three px of 64 are wrong: confidence 0.66, see test_detector
    (folder / "golden" / "squares.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    changed_golden(folder, [GOLDEN[0] | {"confidence": 0.66}])
    assert tried(find_bundle("squares", folder), confidence=1.0).thresholds.tolist() == [1, 1]


@pytest.mark.parametrize(
    "detections", [GOLDEN[:1], [*GOLDEN, {"label": "Pieris", "confidence": 0.9, "xyxy": [0, 0, 8, 8]}]]
)
def test_one_insect_more_or_less_in_the_golden_picture_is_refused(
    tmp_path: Path, detections: list[dict[str, Any]]
) -> None:
    folder = write_release(tmp_path / "models")
    changed_golden(folder, detections)
    with pytest.raises(BundleError, match=r"squares\.onnx: does not see in golden/squares\.png.*; copy"):
        tried(find_bundle("squares", folder))


def test_a_golden_picture_that_is_gone_or_changed_is_refused(tmp_path: Path) -> None:
    folder = write_release(tmp_path / "models")
    picture = folder / "golden" / "squares.png"
    picture.write_bytes(picture.read_bytes() + b" ")
    with pytest.raises(BundleError, match="not the golden picture"):
        tried(find_bundle("squares", folder))
    picture.unlink()
    with pytest.raises(BundleError, match="golden picture cannot be read"):
        tried(find_bundle("squares", folder))
