"""Files that a power cut leaves whole."""

import errno
import os
from pathlib import Path
from threading import Lock

_locks: dict[str, Lock] = {}  # by file: a second tap on a slow card would take from the first what lies beside


def write_durably(path: Path, content: bytes) -> None:
    """Write beside, sync, rename, sync: a power cut meanwhile leaves the old file or the new one, never half of one.

    Raises OSError that names the file, say of a full disk, and leaves nothing beside it then.
    """
    beside = path.with_name(f"{path.name}.new")
    with _locks.setdefault(str(path), Lock()):
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError as why:
            beside.unlink(missing_ok=True)
            raise OSError(why.errno, why.strerror, str(path)) from why
    sync_names(path.parent)


def sync_names(folder: Path) -> None:
    """A file's new name is durable only once its folder is: a node's card writes its journal each half hour alone.

    Raises OSError that names the folder, of a card that no longer writes.
    """
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
    except OSError as why:
        if why.errno == errno.EIO:  # all else: some file systems, as of shares, cannot sync a folder
            raise OSError(why.errno, why.strerror, str(folder)) from why


def version_of(path: Path) -> str:
    """A name for what `path` holds, another one after each `write_durably`; empty where there is none to ask.

    Two in a row differ in their inode, any others in their time, however coarse the clock of the disk is.
    """
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_mtime_ns}.{found.st_ino}"
