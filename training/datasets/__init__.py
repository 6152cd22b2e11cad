"""From a folder of somebody's annotations to samples: one file a format, chosen by its name in the configuration."""

from collections.abc import Callable, Collection, Mapping, Sequence
from os.path import normpath
from pathlib import Path

from edge.errors import ConfigError
from training.classes import ClassTable
from training.config import EMPTY, REVIEWED, DatasetConfig
from training.datasets.coco import read_coco
from training.datasets.empty import all_images, read_empty
from training.datasets.masks import read_masks, rows_of_leaves
from training.datasets.reviewed import read_reviewed
from training.datasets.voc import read_voc, xml_files
from training.datasets.yolo import read_yolo, text_files
from training.samples import Sample, check_own
from training.text import rows_of

Reader = Callable[[Path, str, list[str], ClassTable], list[Sample]]
READERS: dict[str, Reader] = {
    "yolo": read_yolo,
    "voc": read_voc,
    "coco": read_coco,
    "masks": read_masks,
    EMPTY: read_empty,
}
FilesOf = Callable[[Path, Sequence[str]], Mapping[Path, Path | str]]
FILES_OF: dict[str, FilesOf] = {"yolo": text_files, "voc": xml_files, "masks": rows_of_leaves}  # found by a name
SPLITS = ("train", "val", "test")
COLUMNS = ("image", "group", "split")


def images_of_split(root: Path, split: str, held_out: Collection[str] = ()) -> list[str]:
    """Paths below `root` of the pictures that `splits.csv` gives to train, val or test.

    Groups of train that are `held_out` count as val. A set's own train and test folders are never used: some hold near
    copies of each other on both sides. Raises ConfigError, also for a group to hold out that no picture is of.
    """
    table = root / "splits.csv"
    if not table.is_file():
        told = f"{table}: not found; put the dataset there, see: python -m training.fetch"
        raise ConfigError(f"{told}, or write it for pictures of your own, see training/README.md")
    rows = split_rows(table)
    strange = sorted(set(held_out) - {row["group"] for row in rows})
    if strange:
        told = f"{table}: no picture is of the group {strange[0]!r}, which is to be held out"
        raise ConfigError(f"{told}; mend held_out in the configuration")
    return [row["image"] for row in rows if _split_of(row, held_out) == split]


def split_rows(table: Path) -> list[dict[str, str]]:
    """Rows of a splits.csv. Raises ConfigError for one without its columns, or with a split that is none.

    Also for a picture that stands there twice: it would be learned and judged by, or count double.
    """
    listed = rows_of(table, COLUMNS)
    split_of: dict[str, str] = {}
    for row in listed:
        if row["split"] not in SPLITS:
            raise ConfigError(
                f"{table}: {row['image']} is in {row['split']!r}, which is no split; write one of {', '.join(SPLITS)}"
            )
        if "\\" in row["image"]:
            raise ConfigError(f"{table}: {row['image']} has a backslash; write / between folders, also on Windows")
        picture = normpath(row["image"])
        if picture in split_of:
            told = f"{table}: has {row['image']} twice, in {split_of[picture]} and {row['split']}"
            raise ConfigError(f"{told}; take one out")
        split_of[picture] = row["split"]
    return listed


def read_dataset(root: Path, dataset: DatasetConfig, split: str, classes: ClassTable) -> list[Sample]:
    """Samples of one split of the dataset at `root`, in the order of its splits.csv. Raises ConfigError.

    Crops that people reviewed have no splits: all of them train. Nor need a set that shows nothing: all of it tests.
    """
    if dataset.annotation == EMPTY and root.is_dir() and not (root / "splits.csv").is_file():
        images = all_images(root) if split == "test" else []
        return read_empty(root, dataset.name, images, classes)
    if dataset.annotation == REVIEWED:
        return read_reviewed(root, dataset.name, classes) if split == "train" else []
    if dataset.annotation not in READERS:
        raise ConfigError(f"{dataset.name}: no reader for {dataset.annotation!r}; use one of {', '.join(READERS)}")
    images = images_of_split(root, split, dataset.held_out)
    if dataset.annotation in FILES_OF:
        check_files(root, dataset.annotation)
    return READERS[dataset.annotation](root, dataset.name, images, classes)


def check_files(root: Path, annotation: str) -> None:
    """Raises ConfigError for a file of marks that two pictures have, also of two splits: it would train and test.

    Pictures that are not there are passed over: whoever only evaluates need not fetch those to train.
    """
    listed = [row["image"] for row in split_rows(root / "splits.csv")]
    check_own(FILES_OF[annotation](root, [image for image in listed if (root / image).is_file()]))


def _split_of(row: dict[str, str], held_out: Collection[str]) -> str:
    return "val" if row["split"] == "train" and row["group"] in held_out else row["split"]
