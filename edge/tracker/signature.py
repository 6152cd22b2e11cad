"""What an insect looks like in a few numbers, cheap enough for every box of every frame."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.boxes import Floats, Image

GRID_PX = 6
NUMBERS = 6  # of a signature: mean and spread of blue, green, red
LUMA_STEP = 14.0  # grey levels by which one insect differs from itself a second later: turning, light


def _weights() -> NDArray[np.float32]:
    """The middle of a box is insect, its corners are leaf."""
    axis = np.exp(-(((np.arange(GRID_PX) - (GRID_PX - 1) / 2) / (GRID_PX / 3)) ** 2))
    square = np.outer(axis, axis).ravel()
    return np.asarray(square / square.sum(), np.float32)


WEIGHTS = _weights()


def signatures(image: Image, xyxy: Floats) -> Floats:
    """(n, 6) float32 of the boxes (n, 4) px in `image` (H, W, 3) uint8 BGR, in steps of LUMA_STEP."""
    height_px, width_px = image.shape[:2]
    cells = np.empty((len(xyxy), GRID_PX, GRID_PX, 3), np.uint8)
    for cell, (left, top, right, bottom) in zip(cells, xyxy.astype(int).tolist(), strict=True):
        x, y = min(max(left, 0), width_px - 1), min(max(top, 0), height_px - 1)
        crop = image[y : max(bottom, y + 1), x : max(right, x + 1)]
        cv2.resize(crop, (GRID_PX, GRID_PX), dst=cell, interpolation=cv2.INTER_LINEAR)
    pixels = cells.reshape(len(xyxy), GRID_PX * GRID_PX, 3).astype(np.float32)
    mean = np.einsum("npc,p->nc", pixels, WEIGHTS)
    spread = np.sqrt(np.maximum(np.einsum("npc,p->nc", pixels * pixels, WEIGHTS) - mean * mean, 0))
    return np.asarray(np.hstack([mean, spread]) / LUMA_STEP, np.float32)


def unlikeness(a: Floats, b: Floats) -> NDArray[np.float64]:
    """(n, m) squared difference of signatures a (n, 6) and b (m, 6), per number."""
    off = a[:, None] - b[None]
    return np.asarray(np.einsum("nmk,nmk->nm", off, off) / NUMBERS, np.float64)
