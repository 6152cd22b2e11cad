"""What a field does to a picture: each harm takes an Example and returns one, so that boxes follow.

Blur, noise and exposure are torchvision's. Lengths are of what the network sees, so that a card of 2592 px looked
at in tiles of 512 is spoilt as a tile is.
"""

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from torchvision.transforms.v2 import functional

from edge.boxes import Image
from training.samples import Example
from training.transforms import Random, as_bgr, as_rgb, compressed, specked

SEEN_PX = 416  # at which the figures below are px
BLUR_PX = 1.5  # standard deviation
NIGHT, NOISE = 0.5, 0.08  # of the light, and standard deviation of the noise, of full scale
JPEG_QUALITY = 30
SPECKS, SPECK_PX, SPECK_DARK = 40, (2.0, 7.0), 0.75  # on a dirty window: number, radius, how much light they take
GAMMA = 2.2  # half the light is not half the number in a JPEG
SMALL = 0.2

Harm = Callable[[Image, float, Random], Image]  # picture (H, W, 3) BGR, px of it per px of SEEN_PX, random


def blurred(image: Image, scale: float, _random: Random) -> Image:
    """Out of focus."""
    sigma = BLUR_PX * scale
    return as_bgr(functional.gaussian_blur(as_rgb(image), [2 * round(3 * sigma) + 1] * 2, [sigma, sigma]))


def by_night(image: Image, _scale: float, random: Random) -> Image:
    """Half the light, and the noise of a sensor that was turned up."""
    torch.manual_seed(int(random.integers(2**31)))
    dark = functional.adjust_brightness(as_rgb(image), NIGHT ** (1 / GAMMA)).float() / 255
    return as_bgr(functional.gaussian_noise(dark, sigma=NOISE) * 255)


def frugal(image: Image, _scale: float, _random: Random) -> Image:
    """JPEG of quality 30."""
    return compressed(image, JPEG_QUALITY)


def dusty(image: Image, scale: float, random: Random) -> Image:
    """Specks on the window, soft since they are out of focus."""
    smallest, largest = SPECK_PX
    return specked(image, [SPECK_DARK] * SPECKS, (smallest * scale, largest * scale), scale, random)


def darker(image: Image, _scale: float, _random: Random) -> Image:
    """Half the exposure: one stop less light."""
    return as_bgr(functional.adjust_brightness(as_rgb(image), 0.5 ** (1 / GAMMA)))


def smaller(image: Image, _scale: float, _random: Random) -> Image:
    """A fifth of the side: far away, or a poor camera."""
    return np.asarray(cv2.resize(image, None, fx=SMALL, fy=SMALL, interpolation=cv2.INTER_AREA), np.uint8)


HARMS: Mapping[str, Harm] = {
    "blur": blurred,
    "night noise": by_night,
    "JPEG 30": frugal,
    "dust": dusty,
    "half exposure": darker,
    "20 % scale": smaller,
}


def spoilt(example: Example, harm: Harm, path: Path, side_px: int) -> Example:
    """The example after a harm, the same each time for a file of that name. side_px: of what is looked at at once."""
    height, width = example.image.shape[:2]
    random = np.random.default_rng(zlib.crc32(path.name.encode()))
    image = harm(example.image, side_px / SEEN_PX, random)
    ratio = np.array([image.shape[1] / width, image.shape[0] / height] * 2, np.float32)
    return Example(image, np.asarray(example.xyxy * ratio, np.float32), example.class_id)
