"""The sticky card of a trap: what is new in the night that was told last, and when a zero says nothing. Pure."""

from collections.abc import Container, Sequence
from datetime import date, timedelta
from itertools import takewhile

from edge.advice import Period
from edge.clock import Instant
from edge.counts import Interval, NoData, Sighting
from edge.label_sets import LabelSets
from edge.nights import day_of, in_days
from edge.page.now.days import Day, one_day
from edge.page.now.levels import period_words
from edge.page.now.sightings import counts_of, foremost
from edge.page.now.situation import UNMATCHED, CardTrouble, Counted
from edge.page.recent import DAY
from edge.page.words import Moments, gettext
from edge.status import CameraStatus, Snapshot
from edge.trap import TELLING


def told_last(intervals: Sequence[Interval], when: Moments, label_sets: LabelSets) -> Day | None:
    """The last 24 hours' newest night in which somebody looked, as the chart adds it up.

    A night begins at noon: the one before is told up to midnight, while it has a catch and this one has none yet.
    """
    looked = _looked(intervals)
    if not looked or looked[-1].end.utc < when.now_utc - DAY:
        return None
    nights, newest = in_days(looked, when.zone), day_of(looked[-1], when.zone)
    before, last = (
        one_day(day, nights.get(day, []), "new", label_sets) for day in (newest - timedelta(days=1), newest)
    )
    is_early = newest == when.today() and not counts_of(last, "new")
    return before if is_early and counts_of(before, "new") else last


def night_words(night: Day | None, named: Sighting | Counted | None, when: Moments) -> str:
    """When that was, with the nights before whose catch what is `named` has as well, or a zero has.

    Empty where no night was told.
    """
    if night is None:
        return ""
    nights = named.nights if isinstance(named, Counted) else night.effort("").nights
    return period_words(Period(first=night.day, last=night.day, is_over=False), "trap", when.today(), nights)


def caught(
    night: Day | None, intervals: Sequence[Interval], seen: Sequence[Sighting], done: Container[str]
) -> Sighting | Counted | None:
    """What is new in the night; until an interval tells how many, what was `seen` since the newest one that told."""
    told = _looked(intervals)
    since = [one for one in seen if not told or one.at.utc >= told[-1].end.utc]
    return foremost(counts_of(night, "new") if night else [], done) or foremost(since, done)


def card_trouble(
    intervals: Sequence[Interval], camera: CameraStatus, put_in: date | None, when: Moments
) -> CardTrouble | None:
    """What keeps the card from telling the catch; `put_in` is the day of this one, if anybody said so."""

    def is_of_this_one(at: Instant) -> bool:
        return put_in is None or when.local(at.utc).date() > put_in

    mine = [one for one in _looked(intervals) if is_of_this_one(one.end)]
    if mine and mine[-1].saturated:
        return "full"
    caught = sum(taxon.count for one in mine if not isinstance(one.counts, NoData) for taxon in one.counts)
    hung = caught >= TELLING or (camera.hung is not None and is_of_this_one(camera.hung))
    return "bare" if camera.on_card == 0 and hung else None


def unmatched_in_a_row(intervals: Sequence[Interval], snapshot: Snapshot, *, is_fed: bool) -> int:
    """Pictures of a fortnight that showed no known card since the newest interval that counted, of all starts.

    Those of an open interval are among them while this start has counted nothing: then all that it skipped are in the
    row. A fed folder's wait for their interval, which may lie before the start.
    """
    camera, started = snapshot.camera, snapshot.started
    row = list(takewhile(lambda one: not one.frames, reversed(intervals)))
    if camera.looked or is_fed:
        return _unmatched(row)
    before = [one for one in row if one.start.boot_id != started.boot_id or one.start.monotonic_s < started.monotonic_s]
    return _unmatched(before) + camera.skipped.get(UNMATCHED, 0)


def _unmatched(intervals: Sequence[Interval]) -> int:
    return sum(dict(one.skipped).get(UNMATCHED, 0) for one in intervals)


def _looked(intervals: Sequence[Interval]) -> list[Interval]:
    return [one for one in intervals if one.unit == "new" and one.frames]


def trouble_words(found: CardTrouble) -> tuple[str, str]:
    """What is wrong, and what to do. Nobody can tell a card that is gone from a new one that nothing has come to."""
    if found == "full":
        full = gettext("The sticky card is full: what it catches no longer tells how many there are.")
        return full, gettext("Change the card.")
    return (
        gettext("No insect that hung here is in view any more: is the card still there?"),
        gettext("Look at the trap. If somebody has hung up a new card, all is well."),
    )
