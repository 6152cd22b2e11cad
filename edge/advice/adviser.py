"""All thresholds of a node at once: where each stands, which alerts a new count raises, and how that is kept. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import msgspec

from edge.advice.against_threshold import ORDER, Standing, is_outdated, judged, timed
from edge.advice.alert import alert_of, dropped_alert, moved_alert, outdated_alert
from edge.advice.evidence import Days, days_of
from edge.advice.thresholds import Threshold
from edge.advice.units import Stand
from edge.clock import Instant
from edge.counts import Alert


@dataclass(frozen=True, slots=True)
class Adviser:
    """Where each pest stands against each threshold that is watched here."""

    standings: tuple[Standing, ...]
    stand: Stand
    dropped: tuple[Standing, ...]  # above calm or of another place, and stand no more: nobody has been told that yet
    last_elsewhere: int = 0  # the store's: of this place is what has the same

    @property
    def compared(self) -> tuple[Standing, ...]:
        """Those that a count could be compared with, the most urgent first."""
        known = [one for one in self.standings if one.figure is not None]
        return tuple(sorted(known, key=lambda one: (-ORDER.index(one.level), one.threshold.scientific_name)))

    @property
    def reach(self) -> timedelta:
        """Intervals of so long before today are wanted: a week only where a threshold speaks of one."""
        return timedelta(days=max((days_of(one.threshold.unit) for one in self.standings), default=1))

    def timely(self, now: Instant, day_at: Callable[[datetime], date]) -> "Adviser":
        """Now that the clock is set: what was found before has its time, and what is outdated is as never compared."""
        known = [timed(one, now, day_at) for one in self.standings]
        outdated = [one for one in known if is_outdated(one, now, day_at(now.utc))]
        kept = [_never_compared(one) if one in outdated else one for one in known]
        above = tuple(one for one in outdated if one.level != "calm")
        return replace(self, standings=tuple(kept), dropped=self.dropped + above)

    def advised(self, days: Days, at: Instant, camera: str, model: str) -> tuple["Adviser", tuple[Alert, ...]]:
        """After a new count: an Alert for each level that changed. A threshold in another unit stays as it is.

        What was dropped is calm first: a level that the same pest reaches again or in another unit is news then.
        """
        after = [self._judged(standing, days, at) for standing in self.standings]
        changed = [new for old, new in zip(self.standings, after, strict=True) if new.level != old.level]
        ended = (self._end_of(one)(one, at, camera, model) for one in self.dropped)
        alerts = (*ended, *(alert_of(new, at, camera, model) for new in changed))
        return replace(self, standings=tuple(after), dropped=()), alerts

    def _end_of(self, dropped: Standing) -> Callable[[Standing, Instant, str, str], Alert]:
        if dropped.last_elsewhere != self.last_elsewhere:
            return moved_alert
        is_watched = any(_key(one.threshold) == _key(dropped.threshold) for one in self.standings)
        return outdated_alert if is_watched else dropped_alert

    def _judged(self, standing: Standing, days: Days, at: Instant) -> Standing:
        label, unit = standing.threshold.scientific_name, standing.threshold.unit
        return judged(standing, days.over(label, unit), days.so_far(label, unit), at, self.stand)


def begun(
    thresholds: Sequence[Threshold],
    eppo: dict[str, str],
    kept: str | None,
    stand: Stand,
    last_elsewhere: int = 0,
    *,
    is_former_here: bool = True,
) -> Adviser:
    """Standings for these thresholds; levels are taken up from what `to_json` gave, where pest and unit are the same.

    One whose action level was edited has no period, and is judged anew. A standing above calm for which there is no
    threshold any more is dropped. So is each of another place for which a figure was told there, calm or not: of a node
    that goes back, what stood there before may still stand at the platform. `is_former_here`: are those that do not say
    of which place they are, as former software kept them, of this one? Content that cannot be read is taken as nothing:
    levels are then found anew from the next count.
    """
    try:
        told = msgspec.json.decode(kept or "[]", type=tuple[Standing, ...])
    except ValueError:
        told = ()
    former = last_elsewhere if is_former_here else -1
    before = [replace(one, last_elsewhere=former) if one.last_elsewhere is None else one for one in told]
    moved = [one for one in before if one.last_elsewhere != last_elsewhere and one.figure is not None]
    known = {_key(one.threshold): one for one in before if one.last_elsewhere == last_elsewhere}
    standings = []
    for row in thresholds:
        code = eppo.get(row.scientific_name, "")
        old = known.pop(_key(row), Standing(threshold=row, last_elsewhere=last_elsewhere))
        is_edited = (old.threshold.low, old.threshold.high) != (row.low, row.high)
        standings.append(replace(old, threshold=row, eppo=code, period=None if is_edited else old.period))
    above = [one for one in known.values() if one.level != "calm"]
    return Adviser(tuple(standings), stand, (*moved, *above), last_elsewhere)


def _never_compared(one: Standing) -> Standing:
    return Standing(threshold=one.threshold, eppo=one.eppo, last_elsewhere=one.last_elsewhere)


def _key(threshold: Threshold) -> tuple[str, str]:
    return threshold.scientific_name, threshold.unit


def to_json(adviser: Adviser) -> str:
    """What `begun` takes up."""
    return msgspec.json.encode(adviser.standings + adviser.dropped).decode()
