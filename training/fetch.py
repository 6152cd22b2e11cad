"""Check that the datasets of a configuration are the ones our models learned from: `python -m training.fetch CONFIG`.

Nothing is downloaded: some sets are large and three publishers ask to be credited by whoever takes a copy. For a set
that is missing, its public source is printed; put it below the configuration's `data` folder with its splits.csv.
"""

import argparse
import hashlib
from pathlib import Path

import msgspec

from edge.errors import ConfigError
from training.command import finish
from training.config import read_config
from training.datasets import SPLITS, split_rows
from training.datasets.empty import all_images
from training.text import text_of

SOURCES_TOML = Path(__file__).with_name("sources.toml")


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A public dataset: where it is, on what terms, and the fingerprint of our copy."""

    source: str
    commit: str
    licence: str  # as its publisher states it
    pictures: tuple[int, int, int]  # train, val, test
    sha256: str
    about: str


def read_sources() -> dict[str, Source]:
    """All known datasets by name. Raises ConfigError."""
    text = text_of(SOURCES_TOML)
    try:
        return msgspec.toml.decode(text, type=dict[str, Source])
    except (ValueError, RecursionError) as why:  # msgspec's errors, thousands of digits, nesting without end
        raise ConfigError(f"{SOURCES_TOML}: {why}; mend that key") from why


def source_of(name: str) -> Source:
    """What is known of a dataset. Raises ConfigError."""
    sources = read_sources()
    if name not in sources:
        raise ConfigError(f"{SOURCES_TOML}: no table for dataset {name!r}; add where it is from, or mend the name")
    return sources[name]


def fingerprint(folder: Path) -> str:
    """sha256 over the sorted lines `<path> <sha256 of the file>` of every file below `folder`."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        line = f"{path.relative_to(folder).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n"
        digest.update(line.encode())
    return digest.hexdigest()


def fault_of(folder: Path, source: Source) -> str | None:
    """What is wrong with the copy of a dataset at `folder`, in a sentence; None when it is ours."""
    splits = splits_of(folder)
    if not splits:
        return f"not at {folder}; take it from {source.source} @ {source.commit} ({source.licence})"
    counts = tuple(splits.count(split) for split in SPLITS)
    if counts != source.pictures:
        told = f"has {counts} pictures to train, validate and test, we had {source.pictures}"
        return f"{told}; mend its splits.csv, or pictures in {SOURCES_TOML.name}"
    found = fingerprint(folder)
    if not source.sha256:
        return f"its sha256 is {found}; write that into {SOURCES_TOML.name}"
    if found != source.sha256:
        return f"other files than ours (sha256 {found}); compare with {source.source} @ {source.commit}"
    return None


def splits_of(folder: Path) -> list[str]:
    """Of each picture of a dataset; without a splits.csv all of them test, as `training.datasets` reads such a set."""
    table = folder / "splits.csv"
    if not table.is_file():
        return ["test" for _ in all_images(folder)]
    return [row["split"] for row in split_rows(table)]


def main() -> int:
    """Command line: 0 when every dataset is there and unchanged, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="say, training/configs/pests_8.toml")
    config = read_config(parser.parse_args().config)
    sources = {name: source_of(name) for name in config.needed}
    faults = {name: fault_of(Path(config.data) / name, source) for name, source in sources.items()}
    for name, fault in faults.items():
        print(f"{name}: {fault or 'as we had it'} · {sources[name].licence} · {sources[name].about}")
    return 1 if any(faults.values()) else 0


if __name__ == "__main__":
    finish(main)
