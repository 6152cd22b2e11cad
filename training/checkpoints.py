"""Checkpoints that survive a power cut: written beside, synced, renamed into place."""

import fcntl
import io
import pickle
import struct
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch

from edge.durable import write_durably
from edge.errors import ConfigError
from training.config import TrainConfig

State = dict[str, Any]  # torch's state dictionaries are not typed further


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that a run needs to go on as if it had never stopped, after `epoch` epochs."""

    epoch: int
    model: State
    ema: State
    optimiser: State
    random: torch.Tensor  # torch's generator; batches need none, they are functions of (seed, epoch, step)
    config: State
    commit: str
    best_map50: float  # score of the best epoch, of a leaf network; a detector ships its last
    seconds: float  # of training so far
    labels: tuple[str, ...] = ()  # in the order of class ids; a leaf network has none, and older runs did not say


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """By `write_durably`, in place of the one before. Raises OSError that names the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()  # torch has its own words for a full disk, and none says so
    torch.save({name: getattr(checkpoint, name) for name in Checkpoint.__dataclass_fields__}, content)
    write_durably(path, content.getvalue())


@contextmanager
def alone_in(run: Path) -> Iterator[None]:
    """No other process trains into this folder meanwhile. Raises ConfigError while one does.

    The kernel takes the lock back from a process that ends, however it ends. Not flock: that would be the data
    loader's processes', too, which outlive a killed one by some seconds.
    """
    with (run / "lock").open("ab") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as why:
            raise ConfigError(f"{run}: is being trained by another process; wait for it, or end it first") from why
        yield


def load_checkpoint(path: Path) -> Checkpoint:
    """Raises ConfigError when the file is not there, or not a checkpoint of this program."""
    if not path.is_file():
        raise ConfigError(f"{path}: not there; train first, or say with --runs or --run where the run is")
    if not _is_whole(path):
        raise ConfigError(f"{path}: not a checkpoint, cut off or damaged; fetch it whole, or remove it to begin anew")
    try:
        return Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    except (
        RuntimeError, TypeError, EOFError, ValueError, LookupError, AttributeError, AssertionError, struct.error,
        pickle.UnpicklingError,
    ) as why:  # fmt: skip
        cause = str(why).partition("\n")[0]  # the rest is advice to who wrote the program
        raise ConfigError(f"{path}: not a checkpoint of this version ({cause}); remove it to begin anew") from why


def _is_whole(path: Path) -> bool:
    """No page that was saved, no pointer of Git LFS, and none in which the disk spoiled a weight: torch reads that."""
    try:
        with ZipFile(path) as file:
            return file.testzip() is None
    except (BadZipFile, NotImplementedError, zlib.error):
        return False


def load_detector(path: Path, labels: tuple[str, ...]) -> Checkpoint:
    """The checkpoint of a detector of these labels. Raises ConfigError also when it learned others."""
    state = load_checkpoint(path)
    if state.labels not in ((), labels):
        told = f"{path}: learned other labels, or the same in another order, than the configuration has now"
        raise ConfigError(f"{told}; give it the datasets and the rows of classes.csv of then, or another name")
    return state


def load_leaf(path: Path) -> Checkpoint:
    """The checkpoint of a leaf network. Raises ConfigError also when it is a detector's."""
    state = load_checkpoint(path)
    if state.labels:
        raise ConfigError(f"{path}: is a detector's; name the run of a leaf network with --run")
    return state


def known_settings(state: Checkpoint) -> State:
    """Its configuration without what is no setting any more, which a run of an earlier build may name."""
    return {name: value for name, value in state.config.items() if name in TrainConfig.__struct_fields__}


def start_of(config: TrainConfig, run: Path) -> Path:
    """The weights that a run went on from, as they were then. Raises ConfigError."""
    path = run / f"start{Path(config.weights).suffix}"
    if not path.is_file():
        raise ConfigError(f"{path}: the weights that the run went on from are not there; put them there again")
    return path


def current_commit() -> str:
    """Hash of the commit checked out, with `+` when files of training differ from it; `none` without one or git."""
    head = _git("rev-parse", "--short=12", "HEAD")
    if head is None:
        return "none"
    return head + ("+" if _git("--no-optional-locks", "status", "--porcelain", "-uno", "--", ".") else "")


def _git(*arguments: str) -> str | None:
    root = Path(__file__).parent
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)  # noqa: S603, S607
    except FileNotFoundError:
        return None
    return None if done.returncode else done.stdout.strip()
