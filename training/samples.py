"""One annotated picture on disk, whatever format it came from, and one in memory, ready to be changed."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.boxes import Floats, Image, Ints
from edge.errors import BadFrameError

IGNORE = -1  # class id of a region that nobody labelled insect by insect: neither taught as background nor judged


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """An annotated picture.

    xyxy: (n, 4) float32, px of the picture as stored
    class_id: (n,) int64, index into the bundle's labels, or IGNORE
    """

    image_path: Path
    dataset: str
    xyxy: Floats
    class_id: Ints

    def __post_init__(self) -> None:
        check_boxes(self.xyxy, self.class_id)
        self.xyxy.setflags(write=False)
        self.class_id.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A picture in memory with its boxes: image (H, W, 3) uint8 BGR, xyxy (n, 4) float32 px, class_id (n,) int64."""

    image: Image
    xyxy: Floats
    class_id: Ints

    def __post_init__(self) -> None:
        check_boxes(self.xyxy, self.class_id)


def check_boxes(xyxy: Floats, class_id: Ints) -> None:
    """Raises ValueError unless boxes are (n, 4), ids (n,) and every box has an area."""
    if xyxy.shape != (len(class_id), 4):
        raise ValueError(f"boxes want the shape ({len(class_id)}, 4), got {xyxy.shape}")
    if not (np.isfinite(xyxy).all() and (xyxy[:, 2:] > xyxy[:, :2]).all()):
        raise ValueError(f"a box is empty, turned inside out or not finite: {xyxy.tolist()}")


def read_image(path: Path) -> Image:
    """Decode to (H, W, 3) uint8 BGR. Raises BadFrameError, naming the file."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise BadFrameError(f"{path}: not a picture that OpenCV can read; fetch the dataset again", reason="unreadable")
    return np.asarray(image, np.uint8)


def load_example(sample: Sample) -> Example:
    """The sample with its pixels. Raises BadFrameError."""
    return Example(read_image(sample.image_path), sample.xyxy, sample.class_id)
