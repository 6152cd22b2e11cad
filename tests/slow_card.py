"""A memory card that keeps whoever writes one of the small files beside the records."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import pytest

from edge.store.schema import transaction


@contextmanager
def stalled_commits(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """Commits wait until the block ends, as in an fsync; the event: one waits."""
    is_waiting, goes_on = Event(), Event()

    @contextmanager
    def stalled(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        with transaction(db):
            yield db
            is_waiting.set()
            goes_on.wait(60)

    with monkeypatch.context() as patched:
        patched.setattr("edge.store.shared.transaction", stalled)
        try:
            yield is_waiting
        finally:
            goes_on.set()
