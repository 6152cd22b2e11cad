"""A picture in, `Detections` out: session, input and output of a model. The only user of onnxruntime."""

from collections.abc import Callable
from dataclasses import replace
from math import lcm
from pathlib import Path
from typing import NamedTuple, cast

import cv2
import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from edge.boxes import (
    HEARD,
    SAME_INSECT,
    Fit,
    Floats,
    Image,
    Ints,
    fit_into,
    iou,
    letterbox,
    nms,
    tiles,
    unletterbox,
    without_rivals,
)
from edge.bundle import AGAIN, ELSEWHERE, Bundle, Tile
from edge.detections import Detections
from edge.errors import BundleError
from edge.seams import Seen, merge_tiles
from edge.snug import snug

ORT_FAULTS = (  # onnxruntime gives its exceptions no common base of their own
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)
LARGEST_LOGIT = 20.0  # e^20 strides is beyond any picture; more would only overflow float32
Rows = tuple[Floats, Floats, Ints]  # xyxy (n, 4) in square px, confidence (n,), class_id (n,)
Sides = tuple[int, int]  # width and height in px


class Network:
    """Runs one file of one input on the CPU, a detector's or another model's. Raises BundleError if it does not run."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # the errors below 4 are raised as well, and told in one line
        options.enable_cpu_mem_arena = False  # 8 MB less for a network of 4 MB, in no measurable time (1.00 to 1.03)
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle: 4 % of a core instead of 24 %
        self._path = path
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            inputs = self._session.get_inputs()
            self.takes = [(node.shape, node.type) for node in inputs]
            self._names, self._gives = ([one.name for one in of] for of in (inputs, self._session.get_outputs()))
        except (*ORT_FAULTS, UnicodeDecodeError) as why:  # the last: of a name that is no text
            raise BundleError(f"{path}: cannot be loaded ({_first_line(why)}); {AGAIN}") from why

    def __call__(self, tensor: Floats) -> list[Floats]:
        """All its outputs, unchecked."""
        try:
            return cast(list[Floats], self._session.run(self._gives, dict.fromkeys(self._names, tensor)))
        except ORT_FAULTS as why:
            raise BundleError(f"{self._path}: does not run ({_first_line(why)}); {AGAIN}") from why


class _Canvas(NamedTuple):
    """Where a picture is written for the network; as large as the last one's, since new pages cost 0.3 ms."""

    pixels: Image  # (height, width, 3)
    planes: list[Image]
    tensor: Floats  # (1, 3, height, width)

    @classmethod
    def of(cls, sides: Sides) -> "_Canvas":
        width_px, height_px = sides
        planes = [np.empty((height_px, width_px), np.uint8) for _ in range(3)]
        tensor = np.empty((1, 3, height_px, width_px), np.float32)
        return cls(np.empty((height_px, width_px, 3), np.uint8), planes, tensor)

    @property
    def sides(self) -> Sides:
        return self.pixels.shape[1], self.pixels.shape[0]


class Detector:
    """Runs one bundle. Owned by one thread: it writes pictures of one size into the same buffers.

    Where the file takes any height and width, only that part of the square is looked at in which the picture lies.

    `threads` are onnxruntime's; `confidence`, 0..1, replaces the bundle's threshold of every class.
    Raises BundleError if the file does not run or is not what its metadata says.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 1, confidence: float | None = None) -> None:
        if bundle.head not in DECODE:
            raise BundleError(f"{bundle.path}: head {bundle.head!r} is not known here; update fieldeye")
        self.bundle = bundle
        self.thresholds = bundle.thresholds if confidence is None else np.full_like(bundle.thresholds, confidence)
        self._is_snug = np.array([one.snug for one in bundle.classes], np.bool_)
        self._decode = DECODE[bundle.head]
        self._network = Network(bundle.path, threads)
        self._any_size = self._takes_any_size()
        side_px = bundle.input.side_px
        self._canvas = _Canvas.of((side_px, side_px))
        self._scale = 1 / np.array(bundle.input.std, np.float32).reshape(3, 1, 1)
        self._shift = -np.array(bundle.input.mean, np.float32).reshape(3, 1, 1) * self._scale
        self._is_raw = bool((self._scale == 1).all() and (self._shift == 0).all())
        fit = self.prepare(np.full((side_px // 2, side_px, 3), bundle.input.pad, np.uint8))
        self.decode(self.infer(), fit, self.thresholds)  # a wrong shape shows now, not at the first insect

    @property
    def is_as_measured(self) -> bool:
        """Are its thresholds the bundle's own, at which precision and recall were measured?"""
        return np.array_equal(self.thresholds, self.bundle.thresholds)

    @property
    def identity(self) -> str:
        """Of file and thresholds: what has another one may see what this one overlooks."""
        return f"{self.bundle.sha256} {self.thresholds.tolist()}"

    def __call__(self, image: Image) -> Detections:
        """What is in `image` (H, W, 3) uint8 BGR, strongest first. Raises BadFrameError if it is empty, BundleError."""
        return self.found(image, self.thresholds)

    def found(self, image: Image, thresholds: Floats) -> Detections:
        """As a call, with these least confidences (C,) of the classes."""
        tile = self.bundle.tile
        found = self._look(image, thresholds) if tile is None else self._in_tiles(image, thresholds, tile)
        return snug(found, image, self._is_snug) if self._is_snug.any() else found

    def _in_tiles(self, image: Image, thresholds: Floats, tile: Tile) -> Detections:
        height_px, width_px = image.shape[:2]
        seen = []
        for left, top, right, bottom in tiles(width_px, height_px, tile.side_px, tile.overlap_px, tile.picture_px):
            found = self._look(image[top:bottom, left:right], thresholds)
            corner = np.array([left, top, left, top], np.float32)
            seen.append(Seen((left, top, right, bottom), replace(found, xyxy=found.xyxy + corner)))
        merged = merge_tiles(seen, width_px, height_px, self.bundle.nms_iou)
        return self._with_one_name(merged, thresholds)

    def _look(self, image: Image, thresholds: Floats) -> Detections:
        fit = self.prepare(image)
        return self.decode(self.infer(), fit, thresholds)

    def prepare(self, image: Image) -> Fit:
        """Write `image` (H, W, 3) uint8 BGR into the network's input; returns how it lies there."""
        spec = self.bundle.input
        sides = self._sides(fit_into(image.shape[1], image.shape[0], spec.side_px))
        if sides != self._canvas.sides:
            self._canvas = _Canvas.of(sides)
        pixels, planes, tensor = self._canvas
        _, fit = letterbox(image, spec.side_px, spec.pad, into=pixels)
        cv2.split(pixels, planes)
        for channel, plane in enumerate(planes if spec.colour == "BGR" else reversed(planes)):
            np.copyto(tensor[0, channel], plane)
        if not self._is_raw:
            tensor[0] *= self._scale
            tensor[0] += self._shift
        return fit

    def infer(self) -> Floats:
        """Run the network on what was prepared: its first output, unchecked. Raises BundleError."""
        return self._network(self._canvas.tensor)[0]

    def decode(self, raw: Floats, fit: Fit, thresholds: Floats) -> Detections:
        """Logits (1, points, 5 + C) float32 to boxes in px of the picture that `fit` describes. Raises BundleError."""
        sides = self._sides(fit)
        self._check(raw, sides)
        xyxy, confidence, class_id = self._decode(raw[0], self.bundle, sides, HEARD * thresholds)
        keep, xyxy = nms(xyxy, confidence, class_id, self.bundle.nms_iou)
        found = self._with_one_name(Detections(xyxy, confidence[keep], class_id[keep]), thresholds)
        xyxy = unletterbox(found.xyxy, fit)
        in_picture = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])  # not wholly in the grey
        return replace(found, xyxy=xyxy).where(in_picture)

    def _with_one_name(self, found: Detections, thresholds: Floats) -> Detections:
        """Those at `thresholds` (C,) and above. A second name of what was surer named otherwise is not sure.

        Counted, it would be a second insect, so its confidence falls below what is counted. A caller who asks for
        less hears all names: they are what precision and recall are drawn from.
        """
        least = np.minimum(self.thresholds, self.bundle.thresholds)[found.class_id]
        shown = found.confidence >= least
        rivals = (iou(found.xyxy, found.xyxy) > SAME_INSECT) & shown[:, None] & shown[None, :]
        confidence = np.where(without_rivals(rivals), found.confidence, np.nextafter(least, np.float32(0)))
        order = np.argsort(-confidence, kind="stable")
        one_name = Detections(found.xyxy[order], confidence[order], found.class_id[order])
        return one_name.where(one_name.confidence >= thresholds[one_name.class_id])

    def _takes_any_size(self) -> bool:
        """Does the network run on any multiple of its strides, and not on the square alone? Raises BundleError."""
        bundle, takes = self.bundle, self._network.takes
        side_px = bundle.input.side_px
        if takes == [([1, 3, "height", "width"], "tensor(float)")]:
            return True
        if takes != [([1, 3, side_px, side_px], "tensor(float)")]:
            promised = f"its metadata promise 1x3x{side_px}x{side_px}"
            raise BundleError(f"{bundle.path}: takes {takes}, {promised}; {ELSEWHERE}")
        return False

    def _sides(self, fit: Fit) -> Sides:
        """Of what the network is given: the square, or as much of it as the picture fills."""
        if not self._any_size:
            return self.bundle.input.side_px, self.bundle.input.side_px
        step = lcm(*self.bundle.strides)
        width_px, height_px = (-(-inner // step) * step for inner in fit.inner_px)
        return width_px, height_px

    def _check(self, raw: Floats, sides: Sides) -> None:
        bundle = self.bundle
        wanted = (1, bundle.points(*sides), 5 + len(bundle.classes))
        if raw.shape != wanted or raw.dtype != np.float32:
            promised = f"its metadata promise {wanted}"
            raise BundleError(f"{bundle.path}: gives {raw.shape} {raw.dtype}, {promised}; {ELSEWHERE}")
        if not np.isfinite(raw).all():
            raise BundleError(f"{bundle.path}: gives numbers that are not finite; {AGAIN}, or use another model")


def decode_yolox(raw: Floats, bundle: Bundle, sides: Sides, thresholds: Floats) -> Rows:
    """Candidates at or above their class's threshold, not yet suppressed. `sides` are those of what was looked at.

    raw (points, 5 + C): t_x, t_y, t_w, t_h, objectness, C classes, all logits. Centre = (t_xy + grid) * stride, size =
    exp(t_wh) * stride, score = sigmoid(objectness) * sigmoid(class) (Ge et al. 2021, YOLOX, arXiv:2107.08430, released
    code); confidence = sigmoid(logit(score) / temperature). A point speaks for each of its classes.
    """
    least = _sigmoid(_logit(np.clip(thresholds, 1e-6, 1 - 1e-6)) * bundle.temperature)  # of the score, per class
    rows = np.flatnonzero(raw[:, 4] >= _logit(least.min()))  # score <= sigmoid(objectness): few rows are left
    scores = _sigmoid(raw[rows, 4:5]) * _sigmoid(raw[rows, 5:])
    at, class_id = np.nonzero(scores >= least)
    rows, score = rows[at], scores[at, class_id]
    confidence = _sigmoid(_logit(np.clip(score, 1e-6, 1 - 1e-6)) / bundle.temperature)
    return (
        _boxes(raw[rows, :4], rows, bundle, sides),
        np.asarray(confidence, np.float32),
        np.asarray(class_id, np.int64),
    )


DECODE: dict[str, Callable[[Floats, Bundle, Sides, Floats], Rows]] = {"yolox": decode_yolox}


def _boxes(offsets: Floats, rows: Ints, bundle: Bundle, sides: Sides) -> Floats:
    """Logits (n, 4) of grid points `rows` (n,) as boxes (n, 4) in square px."""
    across, down = (np.array([side // stride for stride in bundle.strides]) for side in sides)
    ends = np.cumsum(across * down)
    level = np.searchsorted(ends, rows, side="right")
    cell = rows - (ends - across * down)[level]
    stride = np.array(bundle.strides, np.float32)[level][:, None]
    grid = np.stack([cell % across[level], cell // across[level]], axis=1)
    centre = (offsets[:, :2] + grid) * stride
    half = np.exp(np.minimum(offsets[:, 2:], np.float32(LARGEST_LOGIT))) * stride / 2
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)


def _first_line(why: BaseException) -> str:
    return str(why).partition("\n")[0].strip()


def _sigmoid(logit: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -60, 60))), np.float32)


def _logit(share: Floats) -> Floats:
    return np.asarray(np.log(share / (1 - share)), np.float32)
