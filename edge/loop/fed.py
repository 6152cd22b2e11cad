"""A folder that another device feeds: each of its pictures counts once, in the interval of its own time.

By name, over restarts and over a store that was lost; a picture that comes late corrects an interval.
"""

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from edge.cameras import Frame
from edge.cameras.picture_files import known_formerly_as
from edge.cameras.pictures import name_of
from edge.counts import Interval
from edge.errors import BadFrameError, StoreError
from edge.loop.late import Counting, MadeBy
from edge.store import Draft, Store
from edge.tally import Tally

log = logging.getLogger(__name__)


class FedFolder:
    """Owned by the loop. `known`: names of pictures that need no further look, which its camera passes over."""

    def __init__(self, folder: Path, known: set[str], store: Store) -> None:
        self._folder, self._known, self._store = folder, known, store
        self._pictures: list[str] = []  # of the open interval
        self.late: Counting | None = None  # a committed interval that is counted on
        self._owes_names = False  # were pictures counted that neither the former store nor the folder names?
        self._take_over(self._names())

    def take_over_owed(self) -> None:
        """What a store that was lost counted, once the folder is there to name it."""
        if self._owes_names and (present := self._names()):
            self._take_over(present)

    def has_counted(self, frame: Frame) -> bool:
        """Also one that former software knew by less, as by its file's name alone."""
        self.take_over_owed()  # it came while the camera waited for it, and was listed against nothing known
        return not self._known.isdisjoint({frame.source, known_formerly_as(frame.known_as), frame.known_as})

    def count(self, frame: Frame) -> None:
        """It counts in the open interval, be it as one that came too late."""
        self._known.add(frame.known_as)
        self._pictures.append(frame.known_as)

    def pass_over(self, why: BadFrameError) -> None:
        """It is counted as one that cannot be used, once in the open interval, until its file changes."""
        if why.known_as:
            self._known.add(why.known_as)
            self._pictures.append(why.known_as)

    def count_late(self, late: Counting, tally: Tally, frame: Frame) -> None:
        """It counts in a committed interval, to which `late` counted before it, and `tally` with it."""
        self._known.add(frame.known_as)
        self.late = replace(late, tally=tally, pictures=(*late.pictures, frame.known_as))

    def draft(self, record: Interval, tally: Tally, made_by: MadeBy) -> Draft:
        """What the store keeps with the open interval, which ends here."""
        whole = Counting(tally=tally, end=record.end, made_by=made_by, pictures=tuple(self._pictures))
        self._pictures = []
        return whole.draft(record)

    def forget_gone(self) -> None:
        """Names of pictures that lie there no more; a folder that is empty may be one that is not mounted.

        Once all that was counted is committed: only then does the store have all names that are known.
        """
        present = self._names()
        try:
            if present:
                self._store.forget_counted(present)
                self._known.intersection_update(self._store.counted_pictures())
        except StoreError as why:  # the next interval tries again
            log.warning("names_not_forgotten", extra={"why": str(why)})

    def _take_over(self, present: set[str]) -> None:
        self._owes_names = not self._store.take_over_counted(present)
        self._known.update(self._store.counted_pictures())

    def _names(self) -> set[str]:
        """None in a folder that is away, which its camera tells."""
        with suppress(OSError):
            return {name_of(path) for path in self._folder.iterdir()}
        return set()
