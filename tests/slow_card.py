"""A memory card that keeps whoever writes one of the small files beside the records waiting."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

import pytest

from edge.store.schema import transaction


@contextmanager
def stalled_commits(monkeypatch: pytest.MonkeyPatch, of: str = "edge.store.shared") -> Iterator[Event]:
    """Commits of that module wait until the block ends, as in an fsync; the event: one waits."""
    is_waiting, goes_on = Event(), Event()

    @contextmanager
    def stalled(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        with transaction(db):
            yield db
            is_waiting.set()
            goes_on.wait(60)

    with monkeypatch.context() as patched:
        patched.setattr(f"{of}.transaction", stalled)
        try:
            yield is_waiting
        finally:
            goes_on.set()


def both(monkeypatch: pytest.MonkeyPatch, first: Callable[[], object], second: Callable[[], object]) -> list[bytes]:
    """Do `second` while `first` waits for the card, as by a second tap; what the card was told to keep, in turn."""
    waits, goes_on, synced = Event(), Event(), []

    def fsync(file: int) -> None:
        told = Path(f"/proc/self/fd/{file}")
        if told.is_dir():  # where the file has its new name
            return
        synced.append(told.read_bytes())
        waits.set()
        goes_on.wait(20 if len(synced) == 1 else 0)

    monkeypatch.setattr("os.fsync", fsync)
    with ThreadPoolExecutor(2) as taps:
        done = [taps.submit(first)]
        assert waits.wait(20)
        done.append(taps.submit(second))
        with suppress(TimeoutError):
            done[1].result(0.05)
        goes_on.set()
        for one in done:
            one.result(20)
    return synced
