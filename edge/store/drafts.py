"""What a later correction of an interval needs, kept in the transaction that commits the interval."""

import sqlite3
from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from pathlib import Path
from zlib import crc32

from edge.counts import Interval
from edge.wire import utc_ms

CORRECTED = timedelta(days=7)  # back from the open interval: an older picture is too late for it
KEPT_DRAFTS = 400  # a fortnight of hours; what is older is not corrected any more
KEPT_NAMES = 10_000  # of pictures that are gone: a week at a picture a minute, less with two or three names each; 1 MB
_BY_CONTENT = 2  # slashes in NAME/SIZE/CRC; one in NAME/TIME and in NAME/SIZE of former software


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Of one interval: `seq` if it was committed before, the counting so far in the loop's own form, new pictures.

    A `state` of None: it cannot be corrected. `pictures` by name: they are never to be counted again.
    """

    seq: int | None
    state: bytes | None
    pictures: tuple[str, ...]

    @property
    def as_records(self) -> int:
        """How many records would take as much room."""
        return 1 + len(self.pictures) // 2


def keep(db: sqlite3.Connection, seq: int, interval: Interval, draft: Draft) -> None:
    """Within the caller's transaction: in the place of that interval's draft before; the oldest go."""
    if draft.state is not None:
        row = (seq, utc_ms(interval.end.utc), draft.state, crc32(draft.state))
        db.execute("INSERT OR REPLACE INTO draft (seq, end_ms, state, crc) VALUES (?, ?, ?, ?)", row)
        oldest = "DELETE FROM draft WHERE seq IN (SELECT seq FROM draft ORDER BY end_ms DESC LIMIT -1 OFFSET ?)"
        db.execute(oldest, (KEPT_DRAFTS,))
    note_names(db, draft.pictures)


def note_names(db: sqlite3.Connection, names: Collection[str]) -> None:
    """Within the caller's transaction: of pictures that are never to be counted again, see `_with_former`."""
    rows = [(row,) for name in names for row in _with_former(name)]
    db.executemany("INSERT OR IGNORE INTO counted (name) VALUES (?)", rows)


def _with_former(name: str) -> Iterable[str]:
    """NAME/SIZE/CRC, and before it NAME and NAME/SIZE, by which software knows it to which a node may go back.

    One that could not be used, which begins with a slash, stands alone: whole, it may come under the same name.
    """
    return (name,) if name.startswith("/") else accumulate(name.split("/"), "{}/{}".format)


def without_former(names: Collection[str]) -> set[str]:
    """Without those of former software where a file has better ones: other pictures may have been of that size."""
    better = {_file_name(name) for name in names if "/" in name}
    best = {_file_name(name) for name in names if name.count("/") == _BY_CONTENT}
    by_size = {name for name in names if _file_name(name) in best and name.partition("/")[2].isdigit()}
    return set(names) - better - by_size


def _file_name(name: str) -> str:
    """Empty of one that could not be used."""
    return name.partition("/")[0]


def numbered_names(db: sqlite3.Connection) -> list[tuple[int, str]]:
    """Those that are kept, in their order. One that lost a bit on the card is another name, be it of another type."""
    found = "SELECT number, CAST(name AS BLOB) FROM counted ORDER BY number"
    return [(number, name.decode(errors="replace")) for number, name in db.execute(found) if name]


def names_in(path: Path) -> list[str] | None:
    """Those that another store keeps, in their order; None where they cannot be read."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return [name for _, name in numbered_names(db)]
    except (sqlite3.Error, UnicodeDecodeError):  # the last: of what SQLite says about a name in which a bit flipped
        return None


def forget_names(db: sqlite3.Connection, present: Collection[str]) -> None:
    """Within the caller's transaction: those before the last `KEPT_NAMES` that no picture bears any more.

    Of a file that is written over again and again, its last ones.
    """
    names = numbered_names(db)
    newest = {_kind(name): number for number, name in names}
    kept = {number for kind, number in newest.items() if kind[0] in present}
    gone = [(number,) for number, _ in names if number <= names[-1][0] - KEPT_NAMES and number not in kept]
    db.executemany("DELETE FROM counted WHERE number = ?", gone)


def _kind(name: str) -> tuple[str, int]:
    """Of which file it is, and whether its own name, that of a picture of it, or that of one that cannot be used."""
    return _file_name(name.removeprefix("/")), name.count("/")
