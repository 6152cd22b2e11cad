"""From what each frame showed to sightings and the counts of an interval. Pure: a frame goes in, a new tally comes out.

`live` publishes visits where frames come fast enough to follow an insect, else the most individuals of a taxon on one
frame (MaxN); `trap` what is new on the card; `leaf` on how many frames a taxon was seen at all. Boxes are never summed
over frames, so an insect that stays is one insect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from edge.clock import Instant, reckoned, seconds_between
from edge.config import Mode
from edge.counts import Interval, NoData, Seen, TaxonCount, Unit, counted
from edge.ranges import ALIKE, Dispersion
from edge.weather import NOTHING_READ, Readings

RECENT_FRAMES = 3  # a detector that misses an insect on one frame must not report its arrival twice


@dataclass(frozen=True, slots=True)
class ClassAccuracy:
    """What a bundle says of one class: EPPO code, precision and recall (0..1; None: never measured), dispersion."""

    eppo: str
    precision: float | None
    recall: float | None
    dispersion: Dispersion = ALIKE

    def counted(self, count: int, label: str, unit: Unit, share: float = 1.0, most: int | None = None) -> TaxonCount:
        """That many of the class with their range; `share` as in `edge.ranges.count_range`, `most` there can be."""
        told = counted(
            count,
            label,
            self.eppo,
            precision=self.precision,
            recall=self.recall,
            dispersion=self.dispersion,
            share=share,
            unit=unit,
        )
        return told if most is None or told.high is None else replace(told, high=min(told.high, most))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A counting interval that is not over yet."""

    start: Instant
    frames: int = 0  # looked at
    slow: int = 0  # of these, looks that took too long to know an insect again on the next
    skipped: Mapping[str, int] = field(default_factory=dict)  # reason -> frames
    most: Mapping[str, int] = field(default_factory=dict)  # label -> most on one frame
    affected: Mapping[str, int] = field(default_factory=dict)  # label -> frames with it
    counted: Mapping[str, int] = field(default_factory=dict)  # label -> visits, or new on the card
    squares: Mapping[str, int] = field(default_factory=dict)  # the same, each frame's number squared
    saturated: bool = False  # was the card full on a frame?
    exposed_s: float | None = None  # trap: time in which what is new has come, as far as it is known
    untimed: tuple[Instant, Instant] | None = None  # trap: pictures of two boots, one of them by no trusted clock
    lesions: tuple[float, ...] = ()  # leaf: share of the leaf on each frame where it could be told
    pale: bool = False  # leaf: was something found on a frame on which nothing is green?
    weather: Readings = NOTHING_READ
    awake_s: float = 0.0
    last_frame: Instant | None = None  # perhaps of an interval before

    def looked(
        self, seen: Sequence[Seen], at: Instant, longest_gap_s: float, counted: Sequence[str] = (), full: bool = False
    ) -> "Tally":
        """With one more frame that the detector looked at; `counted` are the labels of visits or new insects."""
        here = numbers(seen)
        most = {label: max(here.get(label, 0), self.most.get(label, 0)) for label in {*here, *self.most}}
        affected = {label: (label in here) + self.affected.get(label, 0) for label in {*here, *self.affected}}
        more = {label: counted.count(label) + self.counted.get(label, 0) for label in {*counted, *self.counted}}
        squares = {label: counted.count(label) ** 2 + self.squares.get(label, 0) for label in more}
        awake = self.watched_until(at, longest_gap_s)
        full = full or self.saturated
        return replace(
            awake,
            frames=self.frames + 1,
            most=most,
            affected=affected,
            counted=more,
            squares=squares,
            saturated=full,
        )

    def exposed(self, before: Instant | None, at: Instant) -> "Tally":
        """A card that hung from the picture `before` to the one `at`, watched or not."""
        if before is None:
            return self
        hung_s = seconds_between(before, at)
        if hung_s is None:
            return replace(self, untimed=(before, at))
        if hung_s < 0:  # the clock was set in between: nobody knows
            return self
        return replace(self, exposed_s=hung_s + (self.exposed_s or 0.0))

    def timed(self, known: Instant) -> "Tally":
        """With what `exposed` could not tell before the clock was set, if it is at `known`."""
        if self.untimed is None:
            return self
        before, at = self.untimed
        return replace(self, untimed=None).exposed(before, reckoned(at, known))

    def diseased(self, severity: float | None) -> "Tally":
        """With the lesion share of one leaf more; None: too little leaf on the picture."""
        return self if severity is None else replace(self, lesions=(*self.lesions, severity))

    def with_pale(self, reason: str) -> "Tally":
        """Where a pale frame counts as sick, those passed over for the `reason` are healthy: else each was sick."""
        if not self.pale:
            return self
        skipped = dict(self.skipped)
        return replace(self, frames=self.frames + skipped.pop(reason, 0), skipped=skipped)

    def passed_over(self, reason: str, at: Instant | None, longest_gap_s: float) -> "Tally":
        """With one more frame that was not looked at; `at` None: nobody could see when or what, as on a broken one."""
        watched = self if at is None else self.watched_until(at, longest_gap_s)
        return replace(watched, skipped=plus_one(self.skipped, reason))

    def watched_until(self, at: Instant, longest_gap_s: float) -> "Tally":
        """With the time since the last frame, as far as it lies in this interval.

        A longer gap than `longest_gap_s` is time in which nothing was watched.
        """
        last = self.last_frame
        gap_s = 0.0 if last is None else seconds_between(last, at) or 0.0
        if gap_s < 0:  # a picture that comes late lies within a time that is told already
            return self
        here_s = max(0.0, min(gap_s, seconds_between(self.start, at) or 0.0))
        return replace(self, awake_s=self.awake_s + (here_s if gap_s <= longest_gap_s else 0.0), last_frame=at)

    def interval(
        self,
        end: Instant,
        *,
        camera: str,
        model: str,
        mode: Mode,
        accuracy: Mapping[str, ClassAccuracy],
        unit: Unit = "max_per_frame",
    ) -> Interval:
        """The interval as it is published; no frame looked at is no data, not a zero."""
        unit = self._told_in(unit)
        return Interval(
            start=self.start,
            end=end,
            camera=camera,
            model=model,
            mode=mode,
            unit=unit,
            frames=self.frames,
            skipped=tuple(sorted(self.skipped.items())),
            awake_s=round(self.awake_s, 1),
            counts=self._counts(unit, accuracy) if self.frames else NoData(self._why_no_data()),
            saturated=self.saturated,
            exposed_s=self.exposed_s,
            severity=self._severity(),
            climate=self.weather.climate(),
        )

    def _told_in(self, unit: Unit) -> Unit:
        """Whatever the camera's pace, a detector that is too slow for visits tells the most on one frame."""
        return "max_per_frame" if unit == "visits" and 2 * self.slow > self.frames else unit

    def _counts(self, unit: Unit, accuracy: Mapping[str, ClassAccuracy]) -> tuple[TaxonCount, ...]:
        """Each label's number, with the share of it that the frames' own numbers, squared, have of its square."""
        if unit == "max_per_frame":  # all of it from one frame
            return tuple(accuracy[label].counted(number, label, unit) for label, number in sorted(self.most.items()))
        if unit == "affected_frames":  # one from each frame
            told = sorted(self.affected.items())
            return tuple(accuracy[label].counted(n, label, unit, 1 / n, most=self.frames) for label, n in told)
        told = sorted(self.counted.items())
        return tuple(accuracy[label].counted(n, label, unit, self.squares[label] / n**2) for label, n in told)

    def _severity(self) -> float | None:
        """Of most frames or none: one leaf at dusk must not stand for an hour of frames that show none."""
        return fmean(self.lesions) if 2 * len(self.lesions) > self.frames else None

    def _why_no_data(self) -> str:
        if not self.skipped:
            return "no_frame"
        return max(sorted(self.skipped), key=lambda reason: self.skipped[reason])


def numbers(seen: Sequence[Seen]) -> dict[str, int]:
    """Individuals of each label on one frame."""
    labels = [one.label for one in seen]
    return {label: labels.count(label) for label in labels}


def newly_seen(
    seen: Sequence[Seen], recent: Sequence[Mapping[str, int]], *, at_all: bool = False
) -> list[tuple[Seen, int]]:
    """Taxa of which there are more than on any of the `recent` frames: the strongest detection and the number now.

    `at_all`: that are on none of these. A leaf stays, and the spots that are told on it are now more and now fewer.
    """
    here = numbers(seen)
    before = {label: max((frame.get(label, 0) for frame in recent), default=0) for label in here}
    arrived = [label for label, number in here.items() if number > before[label] and not (at_all and before[label])]
    strongest = {label: max((s for s in seen if s.label == label), key=lambda s: s.confidence) for label in arrived}
    return [(strongest[label], here[label]) for label in arrived]


def plus_one(counter: Mapping[str, int], name: str) -> dict[str, int]:
    """The counter with one more of `name`."""
    return {**counter, name: counter.get(name, 0) + 1}
