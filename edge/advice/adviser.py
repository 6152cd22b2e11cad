"""All thresholds of a node at once: where each stands, which alerts a new count raises, and how that is kept. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec

from edge.advice.alert import alert_of
from edge.advice.evidence import Days
from edge.advice.standing import Standing, judged
from edge.advice.thresholds import Threshold
from edge.advice.units import UNKNOWN_STAND, Refused, Stand, nights_of
from edge.clock import Instant
from edge.counts import Alert


@dataclass(frozen=True, slots=True)
class Adviser:
    """Where each pest stands against each threshold that is watched here."""

    standings: tuple[Standing, ...]
    stand: Stand = UNKNOWN_STAND

    @property
    def compared(self) -> tuple[Standing, ...]:
        """Those that a count could be compared with, the most urgent first."""
        urgency = {"act": 0, "look": 1, "calm": 2}
        known = [one for one in self.standings if one.figure is not None]
        return tuple(sorted(known, key=lambda one: (urgency[one.level], one.threshold.scientific_name)))

    @property
    def reach(self) -> timedelta:
        """Intervals of so long before today are wanted: a week only where a threshold speaks of one."""
        nights = [nights_of(one.threshold.unit) or 1.0 for one in self.standings]
        return timedelta(days=max(nights, default=1.0))

    def advised(self, days: Days, at: Instant, camera: str, model: str) -> tuple["Adviser", tuple[Alert, ...]]:
        """After a new count: an Alert for each level that changed. A threshold in another unit stays as it is."""
        after = [self._judged(standing, days, at) for standing in self.standings]
        changed = [new for old, new in zip(self.standings, after, strict=True) if new.level != old.level]
        return replace(self, standings=tuple(after)), tuple(alert_of(new, at, camera, model) for new in changed)

    def _judged(self, standing: Standing, days: Days, at: Instant) -> Standing:
        label, unit = standing.threshold.scientific_name, standing.threshold.unit
        answer = judged(standing, days.over(label, unit), days.so_far(label, unit), at, self.stand)
        return standing if isinstance(answer, Refused) else answer


def begun(thresholds: Sequence[Threshold], eppo: dict[str, str], kept: str | None, stand: Stand) -> Adviser:
    """Standings for these thresholds; levels are taken up from what `to_json` gave, where pest and unit are the same.

    Content that cannot be read is taken as nothing: levels are then found anew from the next count.
    """
    try:
        before = msgspec.json.decode(kept or "[]", type=tuple[Standing, ...])
    except (msgspec.DecodeError, ValueError):
        before = ()
    known = {(one.threshold.scientific_name, one.threshold.unit): one for one in before}
    standings = []
    for row in thresholds:
        code = eppo.get(row.scientific_name, "")
        old = known.get((row.scientific_name, row.unit), Standing(threshold=row))
        period = old.period if old.threshold == row else None  # an edited row is judged anew
        standings.append(replace(old, threshold=row, eppo=code, period=period))
    return Adviser(tuple(standings), stand)


def to_json(adviser: Adviser) -> str:
    """What `begun` takes up."""
    return msgspec.json.encode(adviser.standings).decode()
