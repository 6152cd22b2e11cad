"""A trap's card on the disk: kept with each interval, so that a night counts on from what hung there before.

After a power cut insects are new again if and only if their interval was lost: the card is written before it, so that a
cut between the two loses an interval and doubles nothing.
"""

import logging
from contextlib import suppress
from pathlib import Path

from edge.census import Census, TrapCensus
from edge.clock import ClockState, Instant, reckoned
from edge.trap import Card, Kept, Reading, load_card, save_card

log = logging.getLogger(__name__)

NAME = "card.npz"


class KeptCard:
    """Owned by the loop. `seen`: when the last picture of the card was taken, be it in a run before.

    `former_seen`: when that of the card before the last start was, which may hang there again.
    """

    def __init__(self, folder: Path, model: str) -> None:
        """In the store's folder; `model`: whose detections lie there, see `Detector.identity`."""
        self._path, self._model = folder / NAME, model
        self._refused: Kept | None = None  # the last interval's, not on the disk yet
        self.seen: Instant | None = None
        self.former_seen: Instant | None = None

    def load(self) -> Card:
        """What hangs there, as far as the disk knows."""
        kept = load_card(self._path, self._model)
        if kept is None:
            return Card.none()
        self.seen, self.former_seen = kept.seen, kept.former_seen
        return kept.card

    def looked(self, reading: Reading, at: Instant) -> Instant | None:
        """A picture of the card more: since when what is new on it may have come. None: nobody knows."""
        last = self.former_seen if reading.is_former else self.seen
        self.seen = at
        if reading.verdict in {"restarted", "changed"}:
            self.former_seen = last
            return None
        return last

    def is_past(self, at: Instant, now: Instant) -> bool:
        """Was it seen later than that? Then what was on it is counted, in the intervals since.

        One that was seen later than now was seen by a clock that was ahead, which tells nothing.
        """
        if self.seen is None or self.seen.state is ClockState.UNSYNCED:
            return False
        return at.utc < self.seen.utc <= now.utc

    def time(self, now: Instant) -> None:
        """A picture from before the clock was set has its time once it is."""
        self.seen = self.seen and reckoned(self.seen, now)
        self.former_seen = self.former_seen and reckoned(self.former_seen, now)

    def keep(self, census: Census | None) -> None:
        """Before an interval is committed; of what is no card, or one that no picture shows yet, nothing."""
        if isinstance(census, TrapCensus) and census.card.places is not None:
            self._write(Kept(census.card, self.seen, self.former_seen))

    def keep_again(self) -> None:
        """Before what waits is committed: the disk that refuses both may take both by now."""
        if self._refused:
            self._write(self._refused)

    def _write(self, kept: Kept) -> None:
        before, self._refused = self._refused, None
        try:
            save_card(self._path, self._model, kept)
        except OSError as why:  # the disk is full, and the store says so; after a restart the card begins anew
            with suppress(OSError):  # the one before would count again what came since
                self._path.unlink(missing_ok=True)
            self._refused = kept
            if not before:
                log.warning("card_not_kept", extra={"file": str(self._path), "why": str(why)})
