"""Is this frame worth the detector's energy? Darkness, overexposure, a covered lens, infrared, stillness, blur say no.

It knows no model and no camera: a frame, what was seen before, and the configuration go in; the answer and what to
remember come out. A still scene is looked at now and then all the same, so that its zero has effort behind it.
"""

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from edge.boxes import Image
from edge.cameras.base import Frame
from edge.config import GateTable, Mode

Reason = Literal["dark", "overexposed", "blocked", "colourless", "still", "blurred"]

MOVED_LUMA = 12  # grey levels, after the light was made equal; noise of two averaged lines stays below
_RISE = 0.05  # of the way to a sharper picture a look: rain and noise at dusk must not set the standard at once
_HALF_LIFE_S = 6 * 3600.0  # a scene that lost its texture for good (a new, empty card) is looked at again next morning
_SAME_SCENE = 0.6  # on 23 field pictures: blurred by 8 px 0.96 or more, shifted by 6 px 0.87, two unrelated ones 0.36
_TELLING_LUMA = (40.0, 220.0)  # mean: outside, noise or clipping would pass for sharpness
_DETAIL_PX = 256  # of the longer side, for `detail_of`
_BLURRED_DETAIL = 0.33  # 1 of 568 sharp pictures lies below it, and names are mostly wrong: benchmarks.photographs
_COLOUR_PX = 64  # of the longer side that are asked for their colour
_COLOUR_LUMA = (20, 235)  # of a pixel: black and white have no colour in any light
_COLOUR_SHARE = 0.1  # of them at least: fewer may be the clock that a camera writes into an infrared picture


@dataclass(frozen=True, slots=True)
class Look:
    """Worth it."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Not worth it, and the word under which it is counted."""

    reason: Reason


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single answer to ==
class GateState:
    """What the gate remembers; replaced, never changed.

    looked_at: (h / 2, w / 2) uint8, the scene when it was last looked at
    """

    looked_at: Image | None = None
    looked_at_s: float | None = None  # monotonic
    sharpness: float | None = None  # reference, see `sharpness_of`
    sharpness_s: float = 0.0  # monotonic, when it was last brought up to date
    in_colour: bool = False  # has a picture with colour been looked at? Kept over restarts, see the loop


def is_worth_a_look(
    frame: Frame, state: GateState, config: GateTable, mode: Mode = "live", *, undecided: bool = False
) -> tuple[Look | Skip, GateState]:
    """The answer for one frame, and the state for the next. Motion is asked for in live mode only.

    `undecided`: whoever follows insects needs another look to know who came or left, so the frame is not called still.
    A trap's card is matched by shape, so a monochrome camera may watch it. In the infrared of another, whose flash
    shows only its middle, it would pass for another card, and in the morning its whole catch for new (196 of none).
    Costs 0.052 ms for a still scene of 320x240 and 0.089 ms for one that moved (one x86 core).
    """
    mean, contrast = (float(value[0, 0]) for value in cv2.meanStdDev(frame.luma))
    bad_light = _bad_light(mean, contrast, config)
    if bad_light is not None:
        return bad_light, state
    in_colour = has_colour(frame.image, config.colourless_levels)
    if not in_colour and (mode != "trap" or state.in_colour):
        return Skip("colourless"), state
    now_s = frame.instant.monotonic_s
    small = _halved(frame.luma)
    may_be_still = mode == "live" and not undecided and not _is_due(state, now_s, config)
    if may_be_still and moved_share(small, state.looked_at) <= config.moved_share:
        return Skip("still"), state
    sharpness = sharpness_of(frame.luma, mean)
    reference = _reference(state, now_s)
    if reference is not None and sharpness < config.blurred_share * reference:
        if is_same_scene(small, state.looked_at):
            return Skip("blurred"), state
        reference = None
    if _TELLING_LUMA[0] <= mean <= _TELLING_LUMA[1]:
        risen = sharpness if reference is None else max(reference, reference + _RISE * (sharpness - reference))
        state = replace(state, sharpness=risen, sharpness_s=now_s)
    return Look(), replace(state, looked_at=small, looked_at_s=now_s, in_colour=in_colour)


def hinders(luma: Image, config: GateTable) -> Reason | None:
    """Why nothing can be recognised on a grey picture (h, w) uint8 of which no other was seen before; None: it can.

    Of a bare wall neither is said: it covers no lens, and has nothing that could be blurred.
    """
    mean, contrast = (float(value[0, 0]) for value in cv2.meanStdDev(luma))
    bad_light = _bad_light(mean, contrast, config)
    if bad_light is None:
        return "blurred" if detail_of(luma) < _BLURRED_DETAIL else None
    return None if bad_light.reason == "blocked" else bad_light.reason


def moved_share(now: Image, before: Image | None) -> float:
    """Share, 0..1, of the pixels that differ between two grey pictures (h, w) uint8 once their mean light is equal.

    The brighter one is darkened: brightening the other would raise its noise. Nothing before, or another size: 1.
    """
    if before is None or before.shape != now.shape:
        return 1.0
    light_now, light_before = cv2.mean(now)[0] + 1.0, cv2.mean(before)[0] + 1.0
    if light_now > light_before:
        now = np.asarray(cv2.convertScaleAbs(now, alpha=light_before / light_now), np.uint8)
    else:
        before = np.asarray(cv2.convertScaleAbs(before, alpha=light_now / light_before), np.uint8)
    moved = cv2.threshold(cv2.absdiff(now, before), MOVED_LUMA, 1, cv2.THRESH_BINARY)[1]
    return cv2.countNonZero(moved) / now.size


def has_colour(image: Image, least_levels: float) -> bool:
    """Do the channels of `image` (H, W, 3) uint8 differ by so many grey levels, in more places than a clock covers?

    In 5,435 pictures, most of them public, by 5 or more, in 28 that are grey by 2 or less; in a fog whose white balance
    is off by 1 % by 3. Where all is black or white nobody knows: yes.
    """
    step = max(1, min(*image.shape[:2], max(image.shape[:2]) // _COLOUR_PX))  # no further than a narrow one reaches
    blue, green, red = cv2.split(np.ascontiguousarray(image[step // 2 :: step, step // 2 :: step]))
    most, least = cv2.max(cv2.max(blue, green), red), cv2.min(cv2.min(blue, green), red)
    levels = (most - least)[(least > _COLOUR_LUMA[0]) & (most < _COLOUR_LUMA[1])]
    return bool(np.count_nonzero(levels >= least_levels) >= _COLOUR_SHARE * levels.size)


def sharpness_of(luma: Image, mean: float) -> float:
    """Variance of the Laplacian over the square of the mean, so that twice the light is not twice the focus.

    It has no absolute scale: compare pictures of one scene only. Pech-Pacheco et al. (2000), ICPR 3:314-317; the
    division is ours.
    """
    deviation = cv2.meanStdDev(cv2.Laplacian(luma, cv2.CV_16S))[1]
    return float(deviation[0, 0] ** 2) / max(mean, 1.0) ** 2


def detail_of(luma: Image) -> float:
    """Energy of what is as large as a hundredth of a grey picture over that of what is twice as large.

    Of what any scene shows a sharp picture keeps both, and a blur takes the smaller one first. The finest is left out,
    where noise is. Of a picture of one colour infinite.
    """
    scale = _DETAIL_PX / max(luma.shape)
    size = (max(1, round(luma.shape[1] * scale)), max(1, round(luma.shape[0] * scale)))
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR).astype(np.float32)
    fine, middle, coarse = (cv2.GaussianBlur(small, (0, 0), sigma_px) for sigma_px in (1.0, 3.0, 6.0))
    smaller, larger = float(((fine - middle) ** 2).mean()), float(((middle - coarse) ** 2).mean())
    return smaller / larger if larger else float("inf")


def is_same_scene(now: Image, before: Image | None) -> bool:
    """Do two grey pictures show the same place, whatever their focus and light? Correlation of 8x8 thumbnails."""
    if before is None:
        return False
    a, b = (cv2.resize(picture, (8, 8), interpolation=cv2.INTER_AREA).astype(np.float32) for picture in (now, before))
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum()) > _SAME_SCENE * float(np.linalg.norm(a) * np.linalg.norm(b))


def _bad_light(mean: float, contrast: float, config: GateTable) -> Skip | None:
    if mean < config.dark_luma:
        return Skip("dark")
    if mean > config.bright_luma:
        return Skip("overexposed")
    return Skip("blocked") if contrast < config.blocked_contrast else None


def _is_due(state: GateState, now_s: float, config: GateTable) -> bool:
    return state.looked_at_s is None or now_s - state.looked_at_s >= config.always_every_s


def _reference(state: GateState, now_s: float) -> float | None:
    """The reference sharpness, fallen by half every six hours in which nothing as sharp was seen."""
    if state.sharpness is None:
        return None
    return state.sharpness * float(0.5 ** (max(0.0, now_s - state.sharpness_s) / _HALF_LIFE_S))


def _halved(luma: Image) -> Image:
    """Every two by two pixels averaged: half the noise, a quarter of the work, and unlike a stride it misses none."""
    size = (max(1, luma.shape[1] // 2), max(1, luma.shape[0] // 2))
    small = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)
    small.setflags(write=False)
    return small
