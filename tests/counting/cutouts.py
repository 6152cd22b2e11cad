"""Real insects, cut along their outlines, to paste where a test wants them."""

import json
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).parent / "data"
SHARED = Path(__file__).parents[3] / "shared" / "datasets"
STICKY_CARDS, CARD_SERIES = SHARED / "sticky-cards", SHARED / "card-series" / "0a5bb6f4"
DEMO = Path(__file__).parents[2] / "edge" / "cli" / "demo_pictures"
Cutout = NDArray[np.uint8]  # (h, w, 4) BGR and opacity


@cache
def packaged() -> tuple[Cutout, ...]:
    """Eight insects under CC BY, see data/cutouts/LICENCE.md."""
    return tuple(cv2.imread(str(p), cv2.IMREAD_UNCHANGED) for p in sorted((DATA / "cutouts").glob("*.png")))


@cache
def from_sticky_cards(split: str, most: int = 150) -> tuple[Cutout, ...]:
    """Insects outlined by hand on real cards of that split; not in the repository, since no licence is stated."""
    told = json.loads((STICKY_CARDS / "annotations.json").read_text())
    wanted = {line.split(",")[0] for line in (STICKY_CARDS / "splits.csv").read_text().splitlines() if split in line}
    cutouts = []
    for picture in (p for p in told["images"] if p["file_name"] in wanted):
        image = cv2.imread(str(STICKY_CARDS / picture["file_name"]))
        outlines = [a for a in told["annotations"] if a["image_id"] == picture["id"]]
        cutouts += [_cut(image, a["segmentation"]) for a in outlines if 25 < max(a["bbox"][2:]) < 160]
    return tuple(cutouts[k] for k in np.random.default_rng(1).permutation(len(cutouts))[:most])


def _cut(image: NDArray[np.uint8], segmentation: list[list[float]]) -> Cutout:
    parts = [np.array(part, np.float32).reshape(-1, 2).round().astype(np.int32) for part in segmentation]
    left, top, width, height = cv2.boundingRect(np.vstack(parts))
    left, top = max(left, 0), max(top, 0)
    crop = image[top : top + height, left : left + width]
    mask = np.zeros(crop.shape[:2], np.uint8)
    cv2.fillPoly(mask, [part - (left, top) for part in parts], 255)
    return np.dstack([crop, cv2.GaussianBlur(mask, (5, 5), 0)])


def turned(cutout: Cutout, degrees: float, longest_px: float | None = None) -> Cutout:
    """The insect turned counter-clockwise, cropped to what is left of it."""
    height, width = cutout.shape[:2]
    scale = 1.0 if longest_px is None else longest_px / max(height, width)
    side = int(np.hypot(height, width) * scale) + 4
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    turn[:, 2] += (side - width) / 2, (side - height) / 2
    whole = cv2.warpAffine(cutout, turn, (side, side), flags=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    ys, xs = np.nonzero(whole[..., 3] > 60)
    return whole[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]


def paste(canvas: NDArray[np.uint8], cutout: Cutout, centre: tuple[float, float]) -> tuple[float, ...] | None:
    """Draw the insect; its box (left, top, right, bottom) px within the canvas, None if nothing of it shows."""
    height, width = cutout.shape[:2]
    left, top = round(centre[0] - width / 2), round(centre[1] - height / 2)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + width, canvas.shape[1]), min(top + height, canvas.shape[0])
    if x1 - x0 < 3 or y1 - y0 < 3:
        return None
    part = cutout[y0 - top : y1 - top, x0 - left : x1 - left]
    opacity = part[..., 3:].astype(np.float32) / 255
    place = canvas[y0:y1, x0:x1]
    place[:] = (place * (1 - opacity) + part[..., :3] * opacity).round()
    return float(x0), float(y0), float(x1), float(y1)
