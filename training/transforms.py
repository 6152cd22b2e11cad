"""Augmentation: each transform takes an Example and returns one, so that boxes cannot lag behind pixels.

Geometry that fills a square (letterbox, random placement, mosaic) and JPEG are OpenCV; flips, colour and blur are
torchvision's `transforms.v2`, which changes picture and boxes together.
"""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from edge.boxes import Bools, Floats, Image, area, at_most, fit_into, letterbox, letterbox_xyxy, tiles
from training.samples import Example

PAD = 114  # grey of the shipped letterbox
FRUGAL, JPEG_QUALITIES = 0.1, (30, 90)  # how many pictures are compressed once more, and how far
KEPT = 2  # of a phone's 12 megapixels nobody sees more: 36 MB each fill the memory, and to blur one takes a minute
MOSAIC_SCALES = (0.4, 1.0)
VISIBLE = 0.25  # a box cut to less of its area is dropped: what is left does not show what it is
SMALLEST_PX = 3.0
LIGHT, READ_NOISE, SHOT_NOISE = (0.35, 1.0), 0.1, 0.006  # share of the light; deviation, and variance per signal, of 1
MOST_SPECKS, SPECK_SHARE = 40, 0.02  # on a window; largest radius, of the side
SHADOW_PX = 64  # shadows are drawn small: their edges are soft

Random = np.random.Generator
Area = tuple[int, int, int, int]  # left, top, right, bottom in px of the square

CHANGES = v2.Compose(
    [
        v2.RandomHorizontalFlip(0.5),
        v2.RandomVerticalFlip(0.5),  # insects are seen from above and from below the leaf
        v2.RandomApply([v2.ColorJitter(brightness=(0.6, 1.4), saturation=(0.6, 1.4), hue=0.03)], 0.8),
        v2.RandomApply([v2.GaussianBlur(5, (0.5, 1.5))], 0.1),  # a lens that is not quite in focus
    ]
)


def letterboxed(example: Example, side_px: int) -> Example:
    """The example as the detector will see it: fitted into the square at the top left, nothing random."""
    square, fit = letterbox(example.image, side_px, PAD)
    return Example(square, letterbox_xyxy(example.xyxy, fit), example.class_id)


def kept(example: Example, side_px: int) -> Example:
    """The example at no more than KEPT times the largest side at which a network is shown it, aspect kept."""
    height, width = example.image.shape[:2]
    image = at_most(example.image, KEPT * side_px)
    ratio = np.array([image.shape[1] / width, image.shape[0] / height] * 2, np.float32)
    return Example(image, example.xyxy * ratio, example.class_id)


def cut(example: Example, side_px: int, overlap_px: int, picture_px: int | None = None) -> list[Example]:
    """The tiles that the detector will look at, those without an insect included: cards are mostly empty."""
    height, width = example.image.shape[:2]
    return [_tile(example, window) for window in tiles(width, height, side_px, overlap_px, picture_px)]


def placed(example: Example, side_px: int, scales: tuple[float, float], random: Random) -> Example:
    """The example scaled by one of `scales` at a random place of the square; what hangs over the edge is cut."""
    canvas = _canvas(side_px)
    scale = _scale(example, side_px, random, scales)
    height, width = (round(edge * scale) for edge in example.image.shape[:2])
    left, top = (_start(length, side_px, random) for length in (width, height))
    part = _paste(canvas, example, scale, (left, top), (0, 0, side_px, side_px))
    return Example(canvas, part.xyxy, part.class_id)


def mosaic(examples: Sequence[Example], side_px: int, random: Random) -> Example:
    """Four examples around a random centre of the square, each in its quarter: more insects, and smaller."""
    canvas = _canvas(side_px)
    x, y = (int(v) for v in random.uniform(0.3, 0.7, 2) * side_px)
    parts = []
    for index, example in enumerate(examples):
        is_right, is_low = index % 2, index // 2
        quarter = (x if is_right else 0, y if is_low else 0, side_px if is_right else x, side_px if is_low else y)
        scale = _scale(example, side_px, random, MOSAIC_SCALES)
        height, width = (round(edge * scale) for edge in example.image.shape[:2])
        corner = (x if is_right else x - width, y if is_low else y - height)
        parts.append(_paste(canvas, example, scale, corner, quarter))
    xyxy = np.concatenate([part.xyxy for part in parts])
    return Example(canvas, xyxy, np.concatenate([part.class_id for part in parts]))


def changed(example: Example, random: Random) -> Example:
    """Flips, quarter turns, colour, blur and JPEG. `random` seeds torch, whose generator torchvision draws from."""
    torch.manual_seed(int(random.integers(2**31)))
    image, xyxy = example.image, example.xyxy
    if random.random() < 0.5:  # mirrored at the diagonal, which with the flips makes every quarter turn
        image, xyxy = image.transpose(1, 0, 2), xyxy[:, [1, 0, 3, 2]]
    canvas_size = image.shape[:2]
    boxes = tv_tensors.BoundingBoxes(torch.from_numpy(xyxy.copy()), format="XYXY", canvas_size=canvas_size)
    shown, boxes = CHANGES(tv_tensors.Image(as_rgb(image)), boxes)
    image = as_bgr(shown)
    if torch.rand(1) < FRUGAL:
        least, most = JPEG_QUALITIES
        image = compressed(image, int(torch.randint(least, most + 1, ())))
    return Example(image, np.asarray(boxes.numpy(), np.float32), example.class_id)


def compressed(image: Image, quality: int) -> Image:
    """The picture as a JPEG of that quality shows it."""
    _, written = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(written, cv2.IMREAD_COLOR), np.uint8)


def as_rgb(image: Image) -> Tensor:
    """(H, W, 3) uint8 BGR as torchvision has it: (3, H, W) RGB."""
    return torch.from_numpy(np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1)))


def as_bgr(rgb: Tensor) -> Image:
    """(3, H, W) RGB, 0..255 of any type, as OpenCV has it: (H, W, 3) uint8 BGR."""
    shown = rgb.clamp(0, 255).to(torch.uint8).numpy().transpose(1, 2, 0)
    return np.ascontiguousarray(shown[..., ::-1])


def tinted(example: Example, by: float, random: Random) -> Example:
    """The example with each colour's light changed by a factor of 1 - by to 1 + by, as white balance does."""
    light = random.uniform(1 - by, 1 + by, 3)
    return Example(np.clip(example.image * light, 0, 255).astype(np.uint8), example.xyxy, example.class_id)


def shaded(example: Example, random: Random) -> Example:
    """The example under soft shadows of one to three leaves or stalks, which take a third to three quarters of it."""
    mask = np.zeros((SHADOW_PX, SHADOW_PX), np.float32)
    for _ in range(int(random.integers(1, 4))):
        start, end = random.uniform(-0.3, 1.3, (2, 2)) * SHADOW_PX
        breadth = int(random.uniform(0.06, 0.5) * SHADOW_PX)
        depth = float(random.uniform(0.33, 0.75))
        cv2.line(mask, start.astype(int).tolist(), end.astype(int).tolist(), [depth], breadth)
    soft = cv2.GaussianBlur(mask, (0, 0), float(random.uniform(1, 8)))
    height, width = example.image.shape[:2]
    light = 1 - cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    return Example(np.clip(example.image * light, 0, 255).astype(np.uint8), example.xyxy, example.class_id)


def weathered(example: Example, random: Random) -> Example:
    """The example in poor light, with the shot and read noise of a sensor, or behind a window with dust and drops."""
    worn = _noisy if random.random() < 0.5 else _dusty
    return Example(worn(example.image, random), example.xyxy, example.class_id)


def _noisy(image: Image, random: Random) -> Image:
    signal = image.astype(np.float32) * np.float32(random.uniform(*LIGHT) / 255)
    noise = np.sqrt(random.uniform(0, READ_NOISE) ** 2 + random.uniform(0, SHOT_NOISE) * signal)
    seen = signal + noise * random.standard_normal(signal.shape, np.float32)
    return np.asarray(np.clip(255 * seen, 0, 255), np.uint8)


def _dusty(image: Image, random: Random) -> Image:
    darks = random.uniform(0.2, 0.8, int(random.integers(5, MOST_SPECKS)))
    return specked(image, darks, (0, SPECK_SHARE * image.shape[1]), float(random.uniform(0.7, 3)), random)


def specked(image: Image, darks: Iterable[float], radius_px: tuple[float, float], blur_px: float, random: Random
            ) -> Image:  # fmt: skip
    """The image (H, W, 3) behind soft specks, one for each share of the light in `darks`."""
    light = np.ones(image.shape[:2], np.float32)
    for dark in darks:
        place = int(random.integers(image.shape[1])), int(random.integers(image.shape[0]))
        cv2.circle(light, place, max(1, round(random.uniform(*radius_px))), (1 - float(dark),), cv2.FILLED)
    light = cv2.GaussianBlur(light, (0, 0), blur_px).astype(np.float32)
    return np.asarray(image * light[..., None], np.uint8)


def clouds(shape: tuple[int, ...], cells: int, random: Random) -> Floats:
    """Smooth noise (h, w), mostly within -1..1, of so many cells along a side."""
    coarse = random.uniform(-1, 1, (cells + 1, cells + 1)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, shape[1::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def shifted(image: Floats, by_x: Floats, by_y: Floats) -> Floats:
    """The image (h, w) or (h, w, c) with each place taken from so many px beside it (h, w)."""
    from_x = by_x + np.arange(by_x.shape[1], dtype=np.float32)
    from_y = by_y + np.arange(by_y.shape[0], dtype=np.float32)[:, None]
    moved = cv2.remap(image, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def hidden_share(xyxy: Floats, cover: Floats | Bools) -> Floats:
    """Share (n,) of each mark (n, 4), px, that lies under `cover` (H, W): 0 to 1, or False and True."""
    hidden = [cover[y1:y2, x1:x2].sum() for x1, y1, x2, y2 in xyxy.round().clip(min=0).astype(int)]
    return np.asarray(np.array(hidden) / np.maximum(area(xyxy), 1), np.float32)


def _tile(example: Example, window: Area) -> Example:
    left, top, right, bottom = window
    whole = example.xyxy - np.array([left, top, left, top], np.float32)
    seen = np.clip(whole, 0, np.array([right - left, bottom - top] * 2, np.float32)).astype(np.float32)
    keep = _is_visible(seen, whole)
    return Example(example.image[top:bottom, left:right], seen[keep], example.class_id[keep])


def _canvas(side_px: int) -> Image:
    return np.full((side_px, side_px, 3), PAD, np.uint8)


def _scale(example: Example, side_px: int, random: Random, scales: tuple[float, float]) -> float:
    height, width = example.image.shape[:2]
    return fit_into(width, height, side_px).scale * float(random.uniform(*scales))


def _start(length_px: int, side_px: int, random: Random) -> int:
    """Where a strip of that length begins: inside when it fits, else so that it covers the whole side."""
    low, high = sorted((0, side_px - length_px))
    return int(random.integers(low, high + 1))


def _paste(canvas: Image, example: Example, scale: float, corner: tuple[int, int], window: Area) -> Example:
    """Draw the scaled example with its top left at `corner`, cut to `window`; returns what of its boxes is seen."""
    height, width = (max(1, round(edge * scale)) for edge in example.image.shape[:2])
    left, top = max(window[0], corner[0]), max(window[1], corner[1])
    right, bottom = min(window[2], corner[0] + width), min(window[3], corner[1] + height)
    scaled = cv2.resize(example.image, (width, height), interpolation=cv2.INTER_LINEAR)
    canvas[top:bottom, left:right] = scaled[top - corner[1] : bottom - corner[1], left - corner[0] : right - corner[0]]
    ratio = np.array([width / example.image.shape[1], height / example.image.shape[0]] * 2, np.float32)
    whole = example.xyxy * ratio + np.array([*corner, *corner], np.float32)
    seen = np.clip(whole, np.array([left, top] * 2, np.float32), np.array([right, bottom] * 2, np.float32))
    keep = _is_visible(seen, whole)
    return Example(example.image, seen[keep].astype(np.float32), example.class_id[keep])


def _is_visible(seen: Floats, whole: Floats) -> Bools:
    is_large = (seen[:, 2:] - seen[:, :2]).min(axis=1, initial=np.inf) >= SMALLEST_PX
    return np.asarray((area(seen) >= VISIBLE * area(whole)) & is_large, np.bool_)
