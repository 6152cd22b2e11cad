"""One at a time changes the slots: what came over the network, somebody with a stick, or setup.sh."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from edge.errors import UpdateError
from edge.updates.slots import Places, no_script


class UpdateBusyError(UpdateError):
    """Another is at it, or what came before is still on trial; the same bundle is welcome afterwards."""


@contextmanager
def alone(places: Places) -> Iterator[None]:
    """Nobody else changes the slots meanwhile. Raises UpdateBusyError while somebody does, UpdateError off a node.

    The kernel takes the lock back from a process that ends, however it ends.
    """
    os.umask(0o022)  # whose shell it is may have a narrower one, and the service reads what is written here
    path = places.opt / "lock"
    try:
        places.script.stat()  # first: on a machine that is no node nothing is made
    except OSError as why:
        raise no_script(places, why) from why
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # whoever can open it can hold the lock, and keep every update away
        file = path.open("ab")
    except OSError as why:
        raise UpdateError(
            f"{path}: cannot be opened ({why.strerror}); run this as root, on a card that can be written"
        ) from why
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as why:
            raise UpdateBusyError("another bundle or setup.sh is at work here; try again in some minutes") from why
        yield
