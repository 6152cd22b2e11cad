"""The box of an insect on plain ground, drawn in to what differs from that ground.

A network knows where an insect is better than where its legs end, most of all on a card of a device that it never saw:
there its boxes are a third too large. What lies within is darker or lighter than the card around it.
"""

import cv2
import numpy as np

from edge.boxes import Bools, Floats, Image, iou
from edge.detections import Detections

RING_SHARE, RING_PX = 0.1, 6  # how much of the ground around a box is looked at: of its longer side, and at least
WORK_PX = 96  # a larger box is looked at smaller: its edge is no surer than one part in a hundred
LEAST_DIFFERENCE = 0.05  # of the ground's light: a transparent wing takes away a tenth
NOISES = 3.0  # and so many times what the ground around differs from its own median
OWN_SHARE = 0.1  # of what differs within the box: less is a speck beside the insect
AGREED = 0.4  # IoU of what differs with the box: below, shadow or writing was found, not the insect
WEIGHT = 0.5  # of what differs against the box; what a model learnt of wings is worth the rest


def snug(found: Detections, image: Image, takes: Bools) -> Detections:
    """The detections in `image` (H, W, 3) uint8 BGR, boxes of those classes closer that `takes` (C,) says.

    Each edge moves WEIGHT of the way to the edge of what differs from the median colour around the box; a box where
    nothing does, or something of quite another shape, stays as it is. 0.2 ms a box.
    """
    closer = [_closer(image, box) if takes[one] else box for box, one in zip(found.xyxy, found.class_id, strict=True)]
    return Detections(np.array(closer, np.float32).reshape(-1, 4), found.confidence, found.class_id)


def _closer(image: Image, box: Floats) -> Floats:
    crop, corner, scale = _around(image, box)
    inside = _filled(crop.shape[:2], (box - np.tile(corner, 2)) * np.tile(scale, 2))
    if inside.all():
        return box
    edges = _edges(_differs(crop, ~inside), inside)
    if edges is None:
        return box
    seen = np.asarray(edges / np.tile(scale, 2) + np.tile(corner, 2), np.float32)
    if iou(seen[None], box[None])[0, 0] < AGREED:
        return box
    return np.asarray(WEIGHT * seen + (1 - WEIGHT) * box, np.float32)


def _around(image: Image, box: Floats) -> tuple[Image, Floats, Floats]:
    """The box with a ring of ground, its corner (2,) in px of the image, and its px per px of the image (2,)."""
    ring_px = max(RING_PX, RING_SHARE * float((box[2:] - box[:2]).max()))
    height, width = image.shape[:2]
    left, top = np.maximum(box[:2] - ring_px, 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(box[2:] + ring_px), [width, height]).astype(int).tolist()
    crop = image[top:bottom, left:right]
    shrink = min(1.0, WORK_PX / max(crop.shape[:2]))
    if shrink < 1:
        crop = np.asarray(cv2.resize(crop, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
    scale = np.array([crop.shape[1] / (right - left), crop.shape[0] / (bottom - top)], np.float32)
    return np.asarray(cv2.GaussianBlur(crop, (3, 3), 0), np.uint8), np.array([left, top], np.float32), scale


def _filled(shape: tuple[int, ...], box: Floats) -> Bools:
    """(h, w): which px lie in the box."""
    inside = np.zeros(shape, np.bool_)
    left, top = box[:2].astype(int)
    right, bottom = np.ceil(box[2:]).astype(int)
    inside[top:bottom, left:right] = True
    return inside


def _differs(crop: Image, ring: Bools) -> Bools:
    """(h, w): which px are not of the ring's colour."""
    ground = np.median(crop[ring], axis=0).astype(np.float32)
    blue, green, red = cv2.split(np.abs(crop - ground))  # three planes: max(axis=2) takes five times as long
    difference = np.maximum(np.maximum(blue, green), red) / max(float(ground.max()), 1.0)
    return np.asarray(difference > max(LEAST_DIFFERENCE, NOISES * float(np.median(difference[ring]))), np.bool_)


def _edges(differs: Bools, inside: Bools) -> Floats | None:
    """Left, top, right and bottom (4,) of the connected parts that lie mostly within the box; None without one."""
    count, part, stats, _ = cv2.connectedComponentsWithStats(differs.astype(np.uint8), connectivity=8)
    within = np.bincount(part[inside], minlength=count)
    own = (within > stats[:, cv2.CC_STAT_AREA] / 2) & (within > OWN_SHARE * within[1:].sum())
    own[0] = False  # the ground
    if not own.any():
        return None
    left_top, size = stats[own, :2], stats[own, 2:4]
    return np.concatenate([left_top.min(axis=0), (left_top + size).max(axis=0)]).astype(np.float32)
