"""The heat since the first catch of a pest: a panel of the farmer's page, where a trap has a sensor beside it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from threading import Lock

from edge.advice.degree_days import DayRange, measured_days, species
from edge.advice.first_catch import Biofix, first_catch
from edge.advice.heat import Catch, Progress, after_catch, caught_by_evening, nights, progress, season_begin
from edge.counts import Interval
from edge.label_sets import load
from edge.nights import begin_of
from edge.page import names
from edge.page.words import day_in_words, gettext, ngettext, number
from edge.store import CORRECTED, Store
from edge.wire import Key

DAY = timedelta(days=1)
SUSTAINED = 2  # nights in a row with a catch: a stray moth, or one false detection, is no flight
EGGS = {
    "quarter of eggs laid": 25,
    "30% of eggs laid": 30,
    "35% of eggs laid": 35,
    "40% of eggs laid": 40,
    "half of eggs laid": 50,
}


@dataclass(frozen=True, slots=True)
class Warmth:
    """Of one pest, in the reader's words."""

    name: str
    since: str
    steps: tuple[str, ...]
    gaps: str  # what is not known, or empty
    source: str


@dataclass(frozen=True, slots=True)
class _Day:
    """Of one local day: its temperatures, and the catch from its noon on; None: nobody measured, or nobody looked."""

    range: DayRange | None
    caught: Catch | None


@dataclass(frozen=True, slots=True)
class _Heat:
    """Of one pest since its first catch, in no language yet."""

    label: str
    biofix: Biofix
    steps: tuple[Progress, ...]


class Season:
    """Days that are over are read from the store once, the last ones again after a late picture; any thread may ask.

    All of a season, when nothing is read yet, takes half a second of a fast core: a node does so when it starts.
    """

    def __init__(self, store: Store, zone: tzinfo, latitude_deg: float | None) -> None:
        self._store, self._zone, self._latitude_deg = store, zone, latitude_deg
        self._lock = Lock()
        self._days: dict[date, _Day] = {}
        self._newest: Key | None = None
        self._revised = self._retimed = 0
        self._heats: tuple[_Heat, ...] = ()
        self._heats_of: dict[date, _Day] | None = None  # the days they were reckoned from: 40 ms of a fast core
        self._running = date.min  # the first day that was not over when it was read: its night ends at the next noon

    def warmth(self, today: date) -> tuple[Warmth, ...]:
        """Of each pest that was caught and whose need of heat is known. Raises StoreError."""
        with self._lock:
            self._read(today)
            if self._heats_of is not self._days:
                self._heats, self._heats_of = tuple(_heats(self._days, self._running)), self._days
            heats = self._heats
        return tuple(told for one in heats if (told := _warmth(one)) is not None)

    def read(self, today: date) -> tuple[dict[date, _Day], date]:
        """The season's days up to now, and the first whose night was not over. Raises StoreError."""
        with self._lock:
            self._read(today)
            return dict(self._days), self._running

    def _read(self, today: date) -> None:
        stored, revised, retimed = self._store.latest_interval(), self._store.revised, self._store.retimed
        if revised != self._revised:
            is_moved = retimed != self._retimed  # by a clock, to or from any day; a late picture corrects the last ones
            self._revised, self._retimed, self._newest = revised, retimed, None
            kept = {} if is_moved else self._days
            self._days = {day: told for day, told in kept.items() if day < self._running - CORRECTED}
        if stored is None or stored.key == self._newest or not isinstance(stored.record, Interval):
            return
        newest = stored.record
        if not (self._days or _has_both(newest)):
            return
        first = season_begin(today, self._latitude_deg)
        wanted = [first + timedelta(days=n) for n in range((today - first).days + 1)]
        over = {day: told for day, told in self._days.items() if first <= day < min(self._running, today)}
        self._days = over | self._read_anew([day for day in wanted if day not in over])
        until = min(today, newest.end.utc.astimezone(self._zone).date())  # a clock that is ahead makes no day pass
        self._newest, self._running = stored.key, until - timedelta(days=1)

    def _read_anew(self, days: Sequence[date]) -> dict[date, _Day]:
        """Each with the next, as the last interval of its night ends some moments after noon; none is read twice."""
        told, read, label_sets = dict[date, _Day](), dict[date, list[Interval]](), load(self._store)
        for day in days:
            read = {one: read[one] if one in read else self._intervals(one) for one in (day, day + DAY)}
            both = [*read[day], *read[day + DAY]]
            caught = caught_by_evening(both, self._zone, label_sets).get(day)
            told[day] = _Day(measured_days(both, self._zone).get(day), caught)
        return told

    def _intervals(self, day: date) -> list[Interval]:
        begin, end = (begin_of(one, "live", self._zone) for one in (day, day + DAY))
        stored = self._store.intervals_between(begin, end)
        return [one.record for one in stored if isinstance(one.record, Interval)]


def _has_both(newest: Interval) -> bool:
    """A trap, and a sensor beside it: other nodes are spared the reading of a season."""
    return newest.unit == "new" and newest.climate is not None


def _heats(days: Mapping[date, _Day], yesterday: date) -> Iterator[_Heat]:
    """Up to `yesterday`, however long a sensor is silent, and to today where that is known by now."""
    ranges = {day: told.range for day, told in days.items() if told.range is not None}
    caught = {day: told.caught for day, told in days.items() if told.caught is not None}
    for label in sorted({label for one in caught.values() for label in one.new}.intersection(species())):
        biofix = first_catch(nights(caught, label, min(days)), SUSTAINED)
        if biofix is not None and max(ranges, default=date.min) >= biofix.evening:
            steps = progress(label, ranges, biofix.evening, max(yesterday, *ranges))
            yield _Heat(label, biofix, after_catch(steps))


def _warmth(heat: _Heat) -> Warmth | None:
    said = [(words, step) for step in heat.steps if (words := stage_words(step.row.stage_to))]
    if not said:
        return None
    evening = day_in_words(heat.biofix.evening)
    return Warmth(
        name=names.name(heat.label),
        since=gettext("Caught two nights in a row since the evening of %(day)s.", day=evening),
        steps=tuple(_step(words, step) for words, step in said),
        gaps=_gaps(heat.biofix, _reckoned(step for _, step in said)),
        source=said[0][1].row.source,
    )


def _step(words: str, step: Progress) -> str:
    if step.reached_filled is not None:
        day = day_in_words(step.reached_filled)
        if _reckoned([step]):
            return gettext("%(stage)s: reached about %(day)s", stage=words, day=day)
        return gettext("%(stage)s: reached on %(day)s", stage=words, day=day)
    filled_c = step.heat.filled_c
    return gettext(
        "%(stage)s: %(sum)s of %(need)s degree days",
        stage=words,
        sum=number(step.heat.known_c if filled_c is None else filled_c),
        need=number(step.row.degree_days_c),
    )


def _reckoned(steps: Iterable[Progress]) -> set[date]:
    """Days without a temperature that what is said of these steps goes by: none after a step is complete."""
    return {day for step in steps for day in step.heat.missing if day <= (step.reached_filled or step.last)}


def _gaps(biofix: Biofix, missing: Collection[date]) -> str:
    blind = biofix.blind_before
    unseen = ngettext(
        "Nobody looked on %(num)s night before: it may have come earlier.",
        "Nobody looked on %(num)s nights before: it may have come earlier.",
        blind,
    )
    filled = ngettext(
        "%(num)s day without a temperature is reckoned from its neighbours.",
        "%(num)s days without a temperature are reckoned from their neighbours.",
        len(missing),
    )
    return " ".join([unseen] * (blind > 0) + [filled] * bool(missing))


def stage_words(stage_to: str) -> str:
    """What the heat leads to; empty for steps that are nothing to look for, such as a date of spraying."""
    if stage_to in EGGS:
        return gettext("%(percent)s %% of the eggs laid", percent=number(EGGS[stage_to]))
    words = {
        "first egg": gettext("First eggs"),
        "main egg laying": gettext("Most eggs laid"),
        "peak egg laying": gettext("Most eggs laid"),
        "egg hatch begins": gettext("First eggs hatch"),
        "peak flight": gettext("Most adults fly"),
        "adult": gettext("Adults of the next generation"),
        "crawler emergence": gettext("First crawlers hatch"),
        "first male of next generation": gettext("Adults of the next generation"),
    }
    return words.get(stage_to, "")
