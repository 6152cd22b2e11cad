"""One annotated picture on disk, whatever format it came from, and one in memory, ready to be changed."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import cos, radians, sin
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage

from edge.boxes import Floats, Image, Ints
from edge.cameras.headers import read_header
from edge.cameras.pictures import lit
from edge.errors import BadFrameError, ConfigError

SMALLEST_PX = 2.0  # a thinner mark is a slip of the mouse, and no point of the grid can learn it
IGNORE = -1  # class id of a region that nobody labelled insect by insect: neither taught as background nor judged
ORIENTATION, QUARTER_TURNED = 274, range(5, 9)  # tag and values of EXIF (CIPA DC-008) that exchange width and height
OVERHANG = 0.01  # of the longer side: outlines that bow 2.5 px over sticky-cards' edge are judged as people drew them

Size = tuple[float, float]  # width, height px


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """An annotated picture.

    xyxy: (n, 4) float32, px of the picture as `read_image` gives it
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
    """Decode to (H, W, 3) uint8 BGR, turned upright by its EXIF. Raises BadFrameError or OSError, naming the file."""
    data = path.read_bytes()
    if not _is_whole(data, path):  # OpenCV fills what is missing with grey, and marks there would teach it
        told = f"{path}: cut off, or its checksum is wrong"
        raise BadFrameError(f"{told}; fetch the dataset again, or leave it out", reason="truncated")
    try:  # not imread: of a TIFF that lies on its side it gives nothing
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise BadFrameError(f"{path}: not a picture that OpenCV can read; fetch the dataset again", reason="unreadable")
    return np.asarray(image, np.uint8)


def _is_whole(data: bytes, path: Path) -> bool:
    try:
        return read_header(data).is_whole
    except BadFrameError as why:
        raise BadFrameError(f"{path}: {why}", reason=why.reason) from why


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height px of what `read_image` gives, by the header alone. Raises BadFrameError or OSError."""
    try:
        with PillowImage.open(path) as opened:
            # OpenCV reads no EXIF of other formats, and no XMP, which Pillow would ask where there is no EXIF
            has_exif = opened.format in ("JPEG", "MPO", "PNG", "WEBP") and "exif" in opened.info
            is_turned = has_exif and opened.getexif().get(ORIENTATION) in QUARTER_TURNED
            return (opened.height, opened.width) if is_turned else (opened.width, opened.height)
    except (FileNotFoundError, PermissionError):
        raise  # these name the file
    except (OSError, RuntimeError, SyntaxError, ValueError, PillowImage.DecompressionBombError) as why:
        told = f"{path}: not a picture, cut short or too large"
        remedy = "fetch the dataset again, save a phone's HEIC as JPEG, or leave it out"
        raise BadFrameError(f"{told}; {remedy}", reason="unreadable") from why


def check_mark(corners: Sequence[float]) -> None:
    """Raises ValueError for left, top, right, bottom turned round or no number: left out, it would be background."""
    left, top, right, bottom = corners
    if not (np.isfinite(corners).all() and left <= right and top <= bottom):
        raise ValueError(f"the mark [{', '.join(f'{one:g}' for one in corners)}] is turned round or no number")


def turned(corners: Sequence[float], degrees: float) -> list[float]:
    """The hull of a mark that somebody turned about its middle: CVAT writes it as it was before, and the angle.

    Raises ValueError for an angle that is no number.
    """
    left, top, right, bottom = corners
    if not degrees:
        return [left, top, right, bottom]
    across, down = abs(cos(radians(degrees))), abs(sin(radians(degrees)))
    half_width = ((right - left) * across + (bottom - top) * down) / 2
    half_height = ((right - left) * down + (bottom - top) * across) / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    hull = [x - half_width, y - half_height, x + half_width, y + half_height]
    check_mark(hull)
    return hull


def check_once(file: Path, named: Iterable[tuple[str, Sequence[float]]]) -> None:
    """Raises ConfigError for a mark that stands twice: one of the two would always be missed."""
    if mark := twice(named):
        raise ConfigError(f"{file}: has the mark {mark} twice; take one out")


def check_own(file_of: Mapping[Path, Path | str]) -> None:
    """Raises ConfigError for a file of marks that two pictures have, of one name in two formats or two folders."""
    first: dict[Path | str, Path] = {}
    for picture, file in file_of.items():
        if first.setdefault(file, picture) != picture:
            told = f"{file}: would be the marks of both {first[file]} and {picture}"
            raise ConfigError(f"{told}; give each picture a name and a file of its own")


def twice(named: Iterable[tuple[str, Sequence[float]]]) -> str:
    """The first mark, name and corners px, that stands there twice; empty: none."""
    marks = Counter((name, tuple(corners)) for name, corners in named)
    told = (f"{name} at [{', '.join(f'{one:g}' for one in corners)}]" for (name, corners), n in marks.items() if n > 1)
    return next(told, "")


def is_beside(mark: Floats, inside: Floats) -> bool:
    """Is nothing left of a mark (4,) where it is cut at the picture's edge?"""
    return bool(((mark[2:] > mark[:2]) & (inside[2:] <= inside[:2])).any())


def within(xyxy: Floats, path: Path, marked_at: Collection[Size] = ()) -> Floats:
    """Marks (n, 4) px of a picture, those that hang over its edge cut there. Raises ConfigError for one beside it.

    Also for marks at another size than the picture has: it was turned or shrunk, before or since. `marked_at`: what
    their file states, 0 for what it does not.
    """
    width, height = upright_size(path)
    for one in marked_at:
        if min(one) > 0 and one != (width, height):
            told = f"{path}: is {width}x{height} px and was marked at {one[0]:.0f}x{one[1]:.0f} px"
            raise ConfigError(f"{told}; take the picture that was marked, or mark this one")
    size = np.array([width, height] * 2, np.float32)
    outside = np.maximum(-xyxy, xyxy - size).max(axis=1, keepdims=True, initial=0)
    inside = np.where(outside > OVERHANG * size.max(), np.clip(xyxy, 0, size), xyxy).astype(np.float32)
    for mark, rest in zip(xyxy, inside, strict=True):
        if is_beside(mark, rest):
            told = f"{path}: is {width}x{height} px and the mark {mark.round().astype(int).tolist()} lies beside it"
            raise ConfigError(f"{told}; take the picture that was marked, or the mark away")
    return inside


def marked(image: Path, dataset: str, xyxy: Floats, class_id: Iterable[int | None]) -> Sample:
    """The picture with its marks (n, 4) px, but for slips of the mouse and what is background (None)."""
    boxes, ids = [], []
    for box, one in zip(xyxy, class_id, strict=True):
        if one is not None and (box[2:] - box[:2]).min() >= SMALLEST_PX:
            boxes.append(box)
            ids.append(one)
    return Sample(image, dataset, np.array(boxes, np.float32).reshape(-1, 4), np.array(ids, np.int64))


def load_example(sample: Sample) -> Example:
    """The sample with its pixels. Raises BadFrameError also for a black picture with marks, which would teach them."""
    image = read_image(sample.image_path)
    if len(sample.class_id):
        lit(image, str(sample.image_path))
    return Example(image, sample.xyxy, sample.class_id)
