"""The knobs of a training run: one frozen record from `configs/<name>.toml`, saved in the checkpoint."""

import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edge.errors import ConfigError
from training.text import text_of

CONFIGS = Path(__file__).parent / "configs"
Pixels = Annotated[int, msgspec.Meta(gt=0)]
AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
NAME = re.compile(r"[\w-]+")  # of a run: the card's command names its file, and folders are called so
BUNDLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")  # a signed update names the files by it
EMPTY = "empty"
REVIEWED = "reviewed"


class DatasetConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One dataset of the mixture."""

    name: str  # folder below `data`, and key in classes.csv
    annotation: str  # a key of training.datasets.READERS; "empty" and "reviewed" only train
    repeat: AtLeastOne = 1  # how often an epoch shows each picture: a small set is shown more often
    one_in: AtLeastOne = 1  # an epoch shows one picture (or tile) in so many, others than the last: a large set less
    held_out: tuple[str, ...] = ()  # groups of `train` that validate instead, for a set whose splits.csv has no val


class TileConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Squares of the source picture that training and the node look at one by one."""

    side_px: Pixels  # source px
    overlap_px: Pixels  # at least the length of the largest insect
    picture_px: Pixels | None = None  # both in a picture of so many px, and in proportion in others


class PasteConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Outlined insects of one dataset, pasted on its own pictures while training."""

    dataset: str  # read as COCO with outlines; of one class
    label: str  # that class, as classes.csv names it
    most: AtLeastOne  # on one picture or tile
    written: Share = 0.0  # share of these pictures or tiles that are written on
    strangers: str | None = None  # another dataset, YOLO polygons, whose insects are pasted as that class too
    kinds: tuple[str, ...] = ()  # its classes that may lie there, by the names in its classes.txt


class TransplantConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Insects that are cut out of some datasets of the mixture and laid on pictures of all of them while training."""

    datasets: tuple[str, ...]  # YOLO; polygons are followed, in boxes an outline is looked for
    share: Share  # of the pictures
    most: AtLeastOne  # on one picture


class PhaseConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A stretch of epochs with the same picture sizes and augmentation."""

    epochs: AtLeastOne
    sides_px: Annotated[tuple[Pixels, ...], msgspec.Meta(min_length=1)]  # one is drawn for each batch; multiples of 32
    mosaic: Share = 0.5  # share of pictures that are a mosaic of four
    scales: tuple[Positive, Positive] = (0.6, 1.6)  # of the letterboxed size, for the others
    tint: Share = 0.0  # how far each colour's light may be off, as a share: cameras do not agree on a card's yellow
    weather: Share = 0.0  # share of pictures with a sensor's noise, or behind a dusty window
    shade: Share = 0.0  # share of pictures on which leaves throw shadows


class OptimiserConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """AdamW with linear warm-up and a cosine fall."""

    learning_rate: Positive = 1e-3
    final_share: Share = 0.03  # of the learning rate, at the last step
    weight_decay: NotNegative = 0.02  # on convolution weights only: BatchNorm and biases must be free
    warmup_steps: AtLeastOne = 60  # restored BatchNorm moves outputs by a fifth in train mode: begin gently
    box_weight: NotNegative = 2.0  # of the box's loss against those of objectness and class
    gradient_norm: Positive = 35.0
    ema_decay: Share = 0.998


class TrainConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that decides a run's outcome."""

    name: str  # of the run; runs/<name> keeps checkpoint and log
    bundle: str  # name of the files in models/; a second run that goes on from a bundle replaces it
    weights: str  # to start from, relative to the repository's root: .npz of YOLOX-Nano, or a bundle of ours
    datasets: tuple[DatasetConfig, ...]
    phases: Annotated[tuple[PhaseConfig, ...], msgspec.Meta(min_length=1)]
    empties: tuple[str, ...] = ()  # datasets that show nothing of these labels: their test pictures give false alarms
    side_px: Pixels  # of the shipped bundle, and of validation
    activation: Literal["relu", "silu"] = "relu"  # ReLU is twice as fast in int8
    teachers: tuple[str, ...] = ()  # bundles of ours with the same labels, whose answers are learned beside the marks
    tile: TileConfig | None = None  # None: the whole picture at once
    paste: PasteConfig | None = None
    transplant: TransplantConfig | None = None
    foliage: Share = 0.0  # share of pictures that a sick leaf is drawn on: it is no insect
    soup: bool = False  # the bundle lies half-way back to the one that the run went on from
    folds: tuple[str, ...] = ()  # configurations of cross-validation: runs that left out groups which this one learns
    rare: Share = 0.0  # share of pictures; one of a label that fewer show is shown more often
    snug: tuple[str, ...] = ()  # labels that lie on plain ground: the node draws their boxes in, see edge.snug
    golden: str | None = None  # open set for the manifest's picture, where the bundle's own sets state no licence
    data: str = "../shared/datasets"
    batch: AtLeastOne = 16
    seed: Count = 1
    loader_processes: Count = 1
    bfloat16: bool = False
    validate_every: AtLeastOne = 2  # epochs; the last one always
    optimiser: OptimiserConfig = OptimiserConfig()

    @property
    def epochs(self) -> int:
        """Length of the run."""
        return sum(phase.epochs for phase in self.phases)

    @property
    def sources(self) -> list[DatasetConfig]:
        """All that is learned from: the mixture, and the set whose insects are pasted."""
        strangers = self.paste and self.paste.strangers
        return [*self.datasets, *([DatasetConfig(name=strangers, annotation="yolo")] if strangers else [])]

    @property
    def needed(self) -> list[str]:
        """Names of all datasets, also those that only choose thresholds, judge or give the golden picture."""
        golden = [self.golden] if self.golden else []
        return list(dict.fromkeys([*(one.name for one in self.sources), *self.empties, *golden]))

    @property
    def labelled(self) -> list[str]:
        """Names of the datasets whose classes the bundle tells."""
        return [dataset.name for dataset in self.datasets if dataset.annotation not in (EMPTY, REVIEWED)]

    def phase_at(self, epoch: int) -> PhaseConfig:
        """The phase that epoch 0..epochs-1 belongs to."""
        for phase in self.phases:
            if epoch < phase.epochs:
                return phase
            epoch -= phase.epochs
        raise ConfigError(f"{self.name}: the run has {self.epochs} epochs, there is none after them")


def read_config(path: Path) -> TrainConfig:
    """The record in a TOML file. Raises ConfigError with file, key and reason."""
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; give a configuration, for example training/configs/pests_8.toml")
    text = text_of(path)
    try:
        config = msgspec.toml.decode(text, type=TrainConfig)
    except (ValueError, RecursionError) as why:  # msgspec's errors, thousands of digits, nesting without end
        raise ConfigError(f"{path}: {why}; mend that key") from why
    _check(config, path)
    return config


def _check(config: TrainConfig, path: Path) -> None:
    """What the types of its keys cannot say. Raises ConfigError."""
    uneven = [side for phase in config.phases for side in (*phase.sides_px, config.side_px) if side % 32]
    if uneven:
        raise ConfigError(f"{path}: side {uneven[0]} px is not a multiple of 32, the coarsest stride; round it")
    if config.name != path.stem or not NAME.fullmatch(config.name):
        told = f"{path}: its name is {config.name!r}, and a bundle's card tells the command by it"
        raise ConfigError(f"{told}; call both alike, with letters, digits, _ and - alone")
    if not BUNDLE.fullmatch(config.bundle):
        told = f"{path}: no node can be sent a bundle that is called {config.bundle!r}"
        raise ConfigError(f"{told}; call it with letters a to z, digits, _, - and . alone")
    falling = [list(phase.scales) for phase in config.phases if phase.scales[0] > phase.scales[1]]
    if falling:
        raise ConfigError(f"{path}: the scales {falling[0]} fall; write the smaller first")
    tile = config.tile
    if tile and tile.overlap_px >= tile.side_px:
        told = f"{path}: tiles of {tile.side_px} px cannot overlap by {tile.overlap_px} px"
        raise ConfigError(f"{told}; make overlap_px smaller")
    mixture = [dataset.name for dataset in config.datasets]
    twice = [name for at, name in enumerate(mixture) if name in mixture[:at]]
    if twice:
        told = f"{path}: has the dataset {twice[0]!r} twice"
        raise ConfigError(f"{told}; take one out, each of its pictures would be shown and judged twice")
    pasted = (config.paste.dataset,) if config.paste else ()
    moved = config.transplant.datasets if config.transplant else ()
    strange = [name for name in (*pasted, *moved) if name not in mixture]
    if strange:
        raise ConfigError(f"{path}: {strange[0]!r} is no dataset of the mixture; name one of {', '.join(mixture)}")
