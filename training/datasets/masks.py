"""Leaves with a painted mask of their lesions and one stress a leaf: each connected lesion becomes a box.

`images/<part>/<id>.jpg` has its mask in `annotations/<part>/<id>_mask.png` (black ground, green leaf, red lesion) and
its stress in `dataset.csv`. A mask does not say which lesion is whose: every box gets the leaf's predominant stress.
`training.leaves` learns from the same rows and masks, pixel by pixel.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from edge.boxes import Floats, Image
from edge.errors import ConfigError
from training.classes import CLASSES_CSV, ClassTable
from training.samples import Sample, marked, read_image, upright_size
from training.text import rows_of

TABLE = "dataset.csv"
COLUMNS = ("id", "predominant_stress")
MASK = "_mask.png"  # the end of its name
STRESSES = ("healthy", "miner", "rust", "phoma", "cercospora")
UNSURE = -1  # several equal stresses: no predominant one to learn or to judge
STRESS_OF = {**{str(number): number for number in range(len(STRESSES))}, "5": UNSURE}  # by predominant_stress
MASKS = ("ground", "leaf", "lesion")
GROUND, LEAF, LESION = range(len(MASKS))
MOST_STRANGE = 0.001  # share of px in other colours, but for lines of a px or two: softened edges are yellow
SMALLEST_PX = 6  # of the 768 px pictures: thinner specks are brush marks
GAP_PX = 5  # lesions nearer than this are one: rust flecks the leaf, and nobody counts the flecks of one patch


def read_masks(root: Path, dataset: str, images: list[str], classes: ClassTable) -> list[Sample]:
    """Samples of the named pictures. A leaf of several equal stresses is left out. Raises ConfigError."""
    stresses = [stress_of(root, row) for row in leaf_rows(root, images, COLUMNS)]
    told = zip(images, stresses, strict=True)
    return [_sample(root / image, dataset, stress, classes) for image, stress in told if stress != UNSURE]


def leaf_rows(root: Path, images: Sequence[str], columns: Sequence[str]) -> list[dict[str, str]]:
    """What `dataset.csv` says of each picture (paths below `root`).

    Raises ConfigError for a lack of row or column, and for two rows of one leaf.
    """
    table = root / TABLE
    listed = rows_of(table, columns)
    rows = {row["id"]: row for row in listed}
    if len(rows) < len(listed):
        ((twice, _),) = Counter(row["id"] for row in listed).most_common(1)
        raise ConfigError(f"{table}: has two rows of {twice}; take one out")
    for image in images:
        if Path(image).stem not in rows:
            raise ConfigError(f"{root / image}: no row in {table}; take the dataset again")
    return [rows[Path(image).stem] for image in images]


def rows_of_leaves(root: Path, images: Sequence[str]) -> dict[Path, str]:
    """Which row of `dataset.csv` each of these pictures (paths below `root`) has."""
    return {root / image: f"{root / TABLE}, row {Path(image).stem}" for image in images}


def stress_of(root: Path, row: Mapping[str, str]) -> int:
    """Index into STRESSES of a leaf's predominant stress, or UNSURE. Raises ConfigError for what is neither."""
    told = row["predominant_stress"]
    if told not in STRESS_OF:
        known = ", ".join(f"{number} {name}" for number, name in enumerate(STRESSES))
        wrong = f"{root / TABLE}: {row['id']} has the predominant_stress {told!r}"
        raise ConfigError(f"{wrong}; write one of {known}, or 5 for several equal ones")
    return STRESS_OF[told]


def read_mask(picture: Path, stress: int) -> Image:
    """The mask (H, W) of that picture, GROUND, LEAF or LESION. Raises BadFrameError or OSError.

    Raises ConfigError for one of another size than the picture has, whose lesions would lie elsewhere, and for one in
    other colours, which would be a healthy leaf. `stress`: what the leaf's row has, index into STRESSES or UNSURE.
    """
    part = picture.parent
    path = part.parents[1] / "annotations" / part.name / f"{picture.stem}{MASK}"
    colours = read_image(path)
    mask = painted(colours)
    _check_painted(path, colours, mask)
    if stress and not (mask == LESION).any():
        has = "several stresses" if stress == UNSURE else STRESSES[stress]
        raise ConfigError(f"{path}: has no lesion, and its row in {TABLE} has {has}; mend one of them")
    width, height = upright_size(picture)
    if mask.shape != (height, width):
        told = f"{path}: is {mask.shape[1]}x{mask.shape[0]} px and its picture {width}x{height} px"
        raise ConfigError(f"{told}; take the picture that was painted, or paint this one")
    return mask


def painted(mask: Image) -> Image:
    """(H, W) uint8 GROUND, LEAF or LESION of a mask (H, W, 3) BGR: black ground, green leaf, red lesion."""
    is_lesion = (mask[..., 2] > 127) & (mask[..., 1] < 128)
    is_leaf = (mask[..., 1] > 127) & (mask[..., 2] < 128)
    return (LEAF * is_leaf + LESION * is_lesion).astype(np.uint8)


def _check_painted(path: Path, colours: Image, mask: Image) -> None:
    """Raises ConfigError for colours (H, W, 3) BGR that are others than `painted` reads; white is ground, too."""
    is_strange = (mask == GROUND) & (colours.max(axis=2) > 127) & (colours.min(axis=2) < 128)
    strange_share = cv2.erode(is_strange.astype(np.uint8), np.ones((3, 3), np.uint8)).mean()
    wrong = None if (mask != GROUND).any() else "shows no leaf"
    if strange_share > MOST_STRANGE:
        wrong = f"{100 * is_strange.mean():.1f} % of its px are neither black, green nor red"
    if wrong:
        raise ConfigError(f"{path}: {wrong}; paint ground black, leaf green and lesions red, as bright as can be")


def lesion_boxes(mask: Image) -> Floats:
    """Boxes (n, 4) float32 px around the connected lesions of a mask (H, W)."""
    is_lesion = (mask == LESION).astype(np.uint8)
    bridged = cv2.morphologyEx(is_lesion, cv2.MORPH_CLOSE, np.ones((GAP_PX, GAP_PX), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(bridged)
    left, top, width, height = stats[1:, :4].T  # row 0 is the ground
    boxes = np.stack([left, top, left + width, top + height], axis=1).astype(np.float32)
    return np.asarray(boxes[np.minimum(width, height) >= SMALLEST_PX], np.float32)


def _sample(picture: Path, dataset: str, stress: int, classes: ClassTable) -> Sample:
    if not stress:
        return marked(picture, dataset, np.empty((0, 4), np.float32), [])
    class_id = classes.class_id(dataset, STRESSES[stress])
    if class_id is None:
        told = f"{picture}: its leaf has {STRESSES[stress]}, which {CLASSES_CSV.name} calls healthy"
        raise ConfigError(f"{told}; give it its label there")
    boxes = lesion_boxes(read_mask(picture, stress))
    return marked(picture, dataset, boxes, [class_id] * len(boxes))
