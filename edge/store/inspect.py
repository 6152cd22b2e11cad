"""Looks at a store without touching it, while a node may be using it."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from edge.config import MEGABYTE, StoreTable
from edge.errors import StoreError
from edge.store import accounts, decisions
from edge.store.file import LOCK, NAME, sentences
from edge.store.schema import check_version


def inspect_store(config: StoreTable, *, has_broker: bool) -> str:
    """A sentence about a store that is well; without a broker nothing waits. Raises StoreError where it is not."""
    folder, path = Path(config.folder), Path(config.folder) / NAME
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        remedy = "run as the service's user, or check the mount and the folder's owner"
        raise StoreError(f"{existing}: cannot be written by this user; {remedy}")
    free_mb = shutil.disk_usage(existing).free / MEGABYTE
    taken_mb = path.stat().st_size / MEGABYTE if path.exists() else 0.0
    if free_mb < config.max_mb - taken_mb:
        raise StoreError(f"{existing}: only {free_mb:.0f} MB free, store.max_mb is {config.max_mb}; free some space")
    if not path.exists():
        return f"{folder}: new, {free_mb:.0f} MB free"
    with _sound(path, "read the store") as db:
        check_version(db)
        (records,) = db.execute("SELECT count(*) FROM record").fetchone()
        (waiting,) = db.execute("SELECT count(*) FROM waiting").fetchone()
    outbox = f", {waiting} waiting for the broker" if has_broker else ""
    return f"{path}: sound, {records} records{outbox}, {free_mb:.0f} MB free"


def inspect_beside(config: StoreTable) -> Iterator[tuple[str, str]]:
    """Which of the small files beside the records cannot be used, and why."""
    for file in (accounts, decisions):
        path = Path(config.folder) / file.NAME
        if not path.exists():
            continue
        try:
            with _sound(path, "read it") as db:
                check_version(db, file.STEPS)
        except StoreError as why:
            yield path.stem, str(why)


@contextmanager
def _sound(path: Path, doing: str) -> Iterator[sqlite3.Connection]:
    """Read only, and held against itself first. Raises StoreError."""
    with sentences(path, doing), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        found = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise StoreError(f"{path}: damaged ({found}); restart the node, which mends it or begins a new one")
        yield db


def is_held(folder: Path) -> bool:
    """Does a node run on this store? False, too, where this user may not ask."""
    try:
        with (folder / LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # given back at once: a node that starts finds it free
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
