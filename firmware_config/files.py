"""Rendered files: what each holds and who may read it, written so that what has not changed is not touched."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from edge.errors import UsageError
from firmware_config.keys import write_new

# What of a card's folder is rendered and nothing else: what more lies there would still open doors.
_RENDERED_ALONE = ("update-keys", "system/etc/NetworkManager/system-connections")


@dataclass(frozen=True, slots=True)
class File:
    """Content and mode. The content is not shown when the record is printed: it may be a secret."""

    content: bytes = field(repr=False)
    mode: int


class Changes(NamedTuple):
    """Paths below OUT, sorted."""

    written: tuple[str, ...]
    removed: tuple[str, ...]


def public(text: str) -> File:
    """A text that anybody may read."""
    return File(text.encode(), 0o644)


def secret(text: str) -> File:
    """A text that only its owner may read."""
    return File(text.encode(), 0o600)


def write(files: dict[str, File], out: Path) -> Changes:
    """Make `out` hold `files`, and no node, label, key or connection that is not among them. Raises UsageError."""
    try:
        written = [name for name in sorted(files) if _written(out / name, files[name])]
        return Changes(tuple(written), tuple(_remove_former(files, out)))
    except OSError as why:
        raise UsageError(f"{why.filename or out}: cannot be written ({why.strerror}); give another folder") from why


def _written(path: Path, file: File) -> bool:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.is_file() and path.read_bytes() == file.content and path.stat().st_mode & 0o777 == file.mode:
        return False
    write_new(path, file.content, file.mode).replace(path)
    return True


def _remove_former(files: dict[str, File], out: Path) -> list[str]:
    """Cards, labels and logins of who has left the fleet would still open doors: remove them."""
    nodes = {name.split("/")[1] for name in files if name.startswith("nodes/")}
    former = [f for f in _children(out / "nodes") if f.name not in nodes and (f / "fieldeye/node.toml").is_file()]
    labels = [f for f in _children(out / "labels") if f.suffix == ".svg" and f.stem not in nodes]
    shown = out / "home-assistant"  # its login, where the fleet has done with it
    if (shown / "client.key").is_file() and not any(name.startswith(f"{shown.name}/") for name in files):
        former.append(shown)
    for folder in former:
        shutil.rmtree(folder)
    single = labels + [path for node in nodes for path in _former_of_node(files, out, node)]
    for path in single:
        path.unlink()
    return sorted(os.path.relpath(path, out) for path in [*former, *single])


def _former_of_node(files: dict[str, File], out: Path, node: str) -> list[Path]:
    """Update keys and connections that the fleet file has no longer."""
    there = [path for folder in _RENDERED_ALONE for path in _children(out / "nodes" / node / "fieldeye" / folder)]
    return [path for path in there if path.relative_to(out).as_posix() not in files and not path.is_dir()]


def _children(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
