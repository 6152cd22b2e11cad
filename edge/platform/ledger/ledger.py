"""Keeps decoded records in a file of JSON lines, each once, through restarts: the smallest platform there is."""

import fcntl
import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self
from uuid import UUID

import msgspec

from edge.counts import Lost
from edge.errors import StoreError, WireError
from edge.platform.decode import Bad, Message
from edge.platform.deduplicate import Deduplicator, Span
from edge.platform.ledger.album import Album, keep_picture
from edge.platform.ledger.bad_messages import BadMessages
from edge.platform.ledger.nodes import NodeBook
from edge.platform.rows import revision_of
from edge.wire import Decoded, Key, plain

_BEGINS = b'{"kind":"'  # each line


class _KeyOfLine(msgspec.Struct):
    node: str
    epoch: UUID
    seq: int
    revision: int = 0
    first_seq: int | None = None  # of a loss
    last_seq: int | None = None
    count: int | None = None


class Ledger:
    """Owned by one thread. What it returned from `keep` is on the disk. Messages it cannot read go to `<file>.bad`.

    Its file is locked: two that append to one would each keep what the other has. A record with a higher revision is
    appended too; `read_ledger` gives the highest of a key.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.seen = Deduplicator()
        self.bad = 0
        with ExitStack() as on_failure:
            try:
                self._file = on_failure.enter_context(path.open("ab+"))
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as why:
                then = "stop that one first, or name another file with --out"
                raise StoreError(f"{path}: another ingest writes it; {then}") from why
            except OSError as why:
                then = "name another file with --out"
                raise StoreError(f"{path}: cannot be written ({why.strerror or why}); {then}") from why
            self._take_up()
            self.nodes = NodeBook(path)  # the line before has refused a file that is none of ours
            self._bad_messages = BadMessages(path)
            self._pictures = path.with_name(f"{path.name}.pictures")
            self._album = Album(self._pictures)
            on_failure.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # of a full disk once more, which `keep` has told
            self._file.close()

    def keep(self, records: Sequence[Decoded], site: str) -> int:
        """Append those that are new or revised, durable when it returns; says how many. Raises StoreError."""
        new = [decoded for decoded in records if self.seen.is_news(decoded.key, revision_of(decoded))]
        lines = b"".join(msgspec.json.encode(plain(decoded, site)) + b"\n" for decoded in new)
        try:
            self._file.write(lines)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as why:
            raise StoreError(f"{self._path}: cannot be written ({why.strerror}); free space and start again") from why
        for decoded in new:
            if isinstance(decoded.record, Lost) and decoded.record.is_whole:
                span = Span(decoded.record.first_seq, decoded.record.last_seq)
                self.seen.gone(decoded.key.node, decoded.key.epoch, span)
        return len(new)

    def keep_picture(self, message: Message) -> None:
        """An `image` message: once a picture is whole, it lies in the folder `<file>.pictures`. Raises StoreError."""
        try:
            picture = self._album.take(message)
        except WireError as why:
            self.set_aside(Bad(message.topic, str(why)))
            return
        if picture is not None:
            keep_picture(picture, self._pictures)
            self._album.is_kept(picture)

    def set_aside(self, bad: Bad) -> None:
        """A message that does not follow the contract: kept with its reason, in the way of nothing else.

        Raises StoreError.
        """
        self.bad += 1
        self._bad_messages.keep(bad)

    def _take_up(self) -> None:
        """Note what is there already; a last line that a power cut left half goes, since it was never promised."""
        self._file.seek(0)
        whole, last = 0, b"\n"
        for number, line in enumerate(self._file, start=1):
            try:
                told = msgspec.json.decode(line, type=_KeyOfLine)
            except (ValueError, RecursionError) as why:  # the last: of nesting without end
                is_ours = number > 1 or _BEGINS.startswith(line[: len(_BEGINS)])
                if is_ours and not line.endswith(b"\n"):
                    break
                raise StoreError(f"{self._path}:{number}: not a record ({why}); name another file with --out") from why
            self.seen.is_news(Key(told.node, told.epoch, told.seq), told.revision)
            if told.first_seq and told.last_seq and told.count == told.last_seq - told.first_seq + 1:
                self.seen.gone(told.node, told.epoch, Span(told.first_seq, told.last_seq))
            whole, last = whole + len(line), line
        self._file.truncate(whole)
        self._file.seek(0, os.SEEK_END)
        if not last.endswith(b"\n"):
            self._file.write(b"\n")
        self.seen.counted, self.seen.repeated = 0, 0
