"""Opens fieldeye.db: checked, capped, durable. Its indexes are mended; a damaged file is set aside, never deleted."""

import errno
import fcntl
import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from edge.config import MEGABYTE
from edge.errors import StoreDamagedError, StoreError, StoreHeldError
from edge.store.schema import STEPS, Steps, migrate

log = logging.getLogger(__name__)

NAME = "fieldeye.db"
LOCK = "lock"  # held as long as a node runs on the folder
PAGE_BYTES = 1024  # of a new file: each commit writes its pages whole, and the card has to last for years
LOG_BYTES = 800_000  # then it is checkpointed: on a full card the log must not hold half of the space
WAL_BYTES = 1_000_000  # what the log may keep on disk; taken off the budget
BUSY_S = 10  # that one connection waits for another
EMPTYING_S = 2  # that commits wait for whoever reads while the log is emptied
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
# SQLite tells which name it cannot read, and a bit flipped in it: Python's sqlite3 raises UnicodeDecodeError instead.
_MALFORMED = "malformed database schema"
_UNREADABLE = ("SQLITE_IOERR_READ", "SQLITE_IOERR_CORRUPTFS")  # a bad sector: the disk names it on reading only
_REMEDIES = {
    "SQLITE_FULL": "the disk is full; free some space on it",
    "SQLITE_READONLY": "it is read-only here; run as the service's user, or check the mount and the folder's owner",
    "SQLITE_CANTOPEN": "it cannot be opened; check that the folder exists and belongs to the service's user",
    "SQLITE_IOERR_SHMSIZE": "the disk is full; free some space on it",  # the log's index is the first to find no room
    "SQLITE_IOERR": "the disk does not read or write; replace the memory card",
    "SQLITE_CORRUPT": "it is damaged; restart the node, which mends it or goes on with a new one",
    "SQLITE_NOTADB": "it is damaged; restart the node, which sets it aside and goes on with a new one",
    "SQLITE_BUSY": "another program holds it; if that is the node, which waits for its memory card, "
    "try again in a minute, else end that program",
}
_ERRNO_REMEDIES = {
    errno.ENOSPC: _REMEDIES["SQLITE_FULL"],
    errno.EROFS: _REMEDIES["SQLITE_READONLY"],
    errno.EACCES: _REMEDIES["SQLITE_READONLY"],
    errno.EIO: _REMEDIES["SQLITE_IOERR"],
}


def is_full(why: sqlite3.Error | OSError) -> bool:
    """No space left, on the disk or below the file's cap."""
    if isinstance(why, OSError):
        return why.errno == errno.ENOSPC
    return getattr(why, "sqlite_errorname", "").startswith("SQLITE_FULL")


class Cap(NamedTuple):
    """How long a file may become, and what to do about one that is."""

    max_mb: int
    remedy: str


@contextmanager
def sentences(path: Path, doing: str, cap: Cap | None = None) -> Iterator[None]:
    """Turns an SQLite or file error inside the block into a StoreError that a person can act on."""
    try:
        yield
    except sqlite3.Error as why:
        name = getattr(why, "sqlite_errorname", "")
        remedy = next((text for prefix, text in _REMEDIES.items() if name.startswith(prefix)), "see the log")
        if cap is not None and is_full(why) and shutil.disk_usage(path.parent).free > cap.max_mb * MEGABYTE:
            # The disk has room for all that the file may take: it is the file that is full.
            remedy = f"it takes no more than {cap.max_mb} MB; {cap.remedy}"
        kind = StoreDamagedError if name.startswith(_DAMAGED) else StoreError
        raise kind(f"{path}: cannot {doing} ({why}): {remedy}") from why
    except UnicodeDecodeError as why:
        remedy = _REMEDIES["SQLITE_CORRUPT"]
        raise StoreDamagedError(f"{path}: cannot {doing} ({_MALFORMED}): {remedy}") from why
    except StoreError:
        raise
    except OSError as why:
        remedy = _ERRNO_REMEDIES.get(why.errno or 0, "check the disk and the owner of the folder")
        raise StoreError(f"{path}: cannot {doing} ({why.strerror or why}): {remedy}") from why


def hold(folder: Path) -> IO[bytes]:
    """The folder's lock, held until the file is closed or the process ends. Raises StoreError if it is taken."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as on_failure:
        file = on_failure.enter_context((folder / LOCK).open("ab"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as why:
            raise StoreHeldError(
                f"{folder}: another Fieldeye uses this store; stop it, or give another store.folder"
            ) from why
        on_failure.pop_all()
    return file


def open_checked(
    path: Path, max_bytes: int, steps: Steps = STEPS, *, replace_unreadable: bool = False
) -> sqlite3.Connection:
    """The writer's connection to a sound file of the newest version; created if missing.

    An index that does not agree with its table is made anew. A file that is damaged otherwise is renamed to
    `fieldeye.db.damaged-<n>` with its log beside it, and a new one, with a new epoch, takes its place; so is, with
    `replace_unreadable`, one that the disk does not read. `steps` are those of its tables.
    """
    replaced = (*_DAMAGED, *_UNREADABLE) if replace_unreadable else _DAMAGED
    try:
        return _open(path, max_bytes, steps)
    except sqlite3.DatabaseError as why:
        if not getattr(why, "sqlite_errorname", "").startswith(replaced):
            raise
        aside = set_aside(path)
        log.error("store_damaged", extra={"why": str(why), "set_aside": aside.name})  # noqa: TRY400
    return _open(path, max_bytes, steps)


def open_in_memory(steps: Steps) -> sqlite3.Connection:
    """In place of a file that cannot be used; gone with the process."""
    db = connect(Path(":memory:"))
    migrate(db, steps)
    return db


def _open(path: Path, max_bytes: int, steps: Steps) -> sqlite3.Connection:
    with ExitStack() as on_failure:
        db = connect(path)
        on_failure.callback(db.close)
        _check(db)  # before anything is written: a damaged file is set aside as it was found
        if db.execute("PRAGMA page_count").fetchone()[0] == 0:
            db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {LOG_BYTES // page_bytes(db)}")
        db.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        migrate(db, steps)  # a file at its cap may grow for this; the store shortens it again
        _check_names(db, steps)
        db.execute(f"PRAGMA max_page_count = {max_pages(db, max_bytes)}")
        on_failure.pop_all()
    return db


def _check(db: sqlite3.Connection) -> None:
    found = _verdict(db, "integrity_check")
    if found != "ok" and _verdict(db, "quick_check") == "ok":  # which holds no index against its table
        log.warning("index_damaged", extra={"why": found})
        with suppress(sqlite3.IntegrityError):  # two rows of one name: the table is damaged as well
            db.execute("REINDEX")
        found = _verdict(db, "integrity_check")
    if found != "ok":
        raise _damage(found)


def _check_names(db: sqlite3.Connection, steps: Steps) -> None:
    """Of tables and columns: to SQLite one in which a bit flipped is another name, but for a capital."""
    with closing(open_in_memory(steps)) as whole:
        if lacking := _names(whole) - _names(db):
            table, column = min(lacking)
            raise _damage(f"no {column} in {table}")


def _names(db: sqlite3.Connection) -> set[tuple[str, str]]:
    """Each column, with its table before it."""
    return set(db.execute("SELECT lower(m.name), lower(c.name) FROM sqlite_master m JOIN pragma_table_info(m.name) c"))


def _damage(found: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(found)
    error.sqlite_errorname = "SQLITE_CORRUPT"
    return error


def _verdict(db: sqlite3.Connection, check: str) -> str:
    """The first fault that this check of SQLite finds, or `ok`."""
    try:
        return str(db.execute(f"PRAGMA {check}(1)").fetchone()[0])
    except UnicodeDecodeError:
        return _MALFORMED


def connect(path: Path, *, is_at_rest: bool = False) -> sqlite3.Connection:
    """A connection without implicit transactions that any thread may close.

    A letter in which a bit flipped on the card is a wrong letter: it hides neither its row nor those behind it.
    `is_at_rest`: nobody writes there and no log is left, and SQLite must not look for one, as it would make it.
    """
    name = f"{path.as_uri()}?immutable=1" if is_at_rest else path
    db = sqlite3.connect(name, timeout=BUSY_S, isolation_level=None, check_same_thread=False, uri=is_at_rest)
    db.text_factory = partial(str, encoding="utf-8", errors="replace")
    return db


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection beside the writer's: WAL lets it read while that one waits for the card.

    It is at rest where none can write, as on a card that only reads, once its log is gone.
    """
    file = path.resolve()  # of a link SQLite keeps the log where it leads
    is_at_rest = file.exists() and not log_bytes(file) and bool(os.statvfs(file).f_flag & os.ST_RDONLY)
    db = connect(file, is_at_rest=is_at_rest)
    db.execute("PRAGMA query_only = 1")
    return db


def empty_log(db: sqlite3.Connection) -> None:
    """Nothing of before stands in it then. On a full disk, or beside whoever reads on and on, it stays as it is."""
    db.execute(f"PRAGMA busy_timeout = {EMPTYING_S * 1000}")
    with suppress(sqlite3.OperationalError):
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000}")


def page_bytes(db: sqlite3.Connection) -> int:
    """Of this file: one that an earlier version made keeps its pages of 4096."""
    return int(db.execute("PRAGMA page_size").fetchone()[0])


def max_pages(db: sqlite3.Connection, max_bytes: int) -> int:
    """Pages of the main file within a budget that the log shares."""
    return (max_bytes - WAL_BYTES) // page_bytes(db)


def log_bytes(path: Path) -> int:
    """What the log beside the file takes of the disk."""
    log_file = path.with_name(f"{path.name}-wal")
    return log_file.stat().st_size if log_file.exists() else 0


def told_aside(folder: Path) -> str:
    """What to do about the damaged store that lies beside the one in use: the newest, if there is any."""
    found = folder.glob(f"{NAME}.damaged-*[0-9]")
    newest = max(found, key=lambda one: (len(one.name), one.name), default=None)
    if newest is None:
        return ""
    return (
        f"{newest}: the store was damaged and set aside, and a new one begun; save what can be read of it as in "
        "docs/delivery.md, then move that file away and restart the node"
    )


def former_store(folder: Path) -> Path | None:
    """The store that the one in use follows: set aside as damaged, or renamed by a person, and the last written.

    It may be a link to a disk that is away.
    """
    return max(folder.glob(f"{NAME}.*[0-9]"), key=lambda one: one.lstat().st_mtime, default=None)


def set_aside(path: Path) -> Path:
    """Rename the file and its log to the first free `.damaged-<n>`; returns the new name."""
    number = 1
    while path.with_name(f"{path.name}.damaged-{number}").exists():
        number += 1
    aside = path.with_name(f"{path.name}.damaged-{number}")
    for ending in ("-wal", "-shm"):
        beside = path.with_name(path.name + ending)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + ending))
    path.rename(aside)
    return aside
