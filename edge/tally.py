"""From what each frame showed to sightings and the counts of an interval. Pure: a frame goes in, a new tally comes out.

`live` and `trap` publish the most individuals of a taxon seen on one frame (MaxN: boxes are never summed over frames,
so an insect that stays is one insect); `leaf` publishes on how many frames a taxon was seen at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from edge.clock import Instant
from edge.config import Mode
from edge.counts import Interval, NoData, Seen, TaxonCount, Unit, counted

UNITS: Mapping[Mode, Unit] = {"live": "max_per_frame", "trap": "max_per_frame", "leaf": "affected_frames"}
RECENT_FRAMES = 3  # a detector that misses an insect on one frame must not report its arrival twice


@dataclass(frozen=True, slots=True)
class ClassAccuracy:
    """What a bundle says of one class: EPPO code, precision and recall (0..1; None: never measured)."""

    eppo: str
    precision: float | None
    recall: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A counting interval that is not over yet."""

    start: Instant
    frames: int = 0  # looked at
    skipped: Mapping[str, int] = field(default_factory=dict)  # reason -> frames
    most: Mapping[str, int] = field(default_factory=dict)  # label -> most on one frame
    affected: Mapping[str, int] = field(default_factory=dict)  # label -> frames with it
    awake_s: float = 0.0
    last_frame_s: float | None = None  # monotonic

    def looked(self, seen: Sequence[Seen], at: Instant, longest_gap_s: float) -> "Tally":
        """With one more frame that the detector looked at."""
        here = numbers(seen)
        most = {label: max(here.get(label, 0), self.most.get(label, 0)) for label in {*here, *self.most}}
        affected = {label: (label in here) + self.affected.get(label, 0) for label in {*here, *self.affected}}
        awake = self._awake(at, longest_gap_s)
        return replace(awake, frames=self.frames + 1, most=most, affected=affected)

    def passed_over(self, reason: str, at: Instant, longest_gap_s: float) -> "Tally":
        """With one more frame that was not looked at."""
        return replace(self._awake(at, longest_gap_s), skipped=plus_one(self.skipped, reason))

    def interval(
        self, end: Instant, *, camera: str, model: str, mode: Mode, accuracy: Mapping[str, ClassAccuracy]
    ) -> Interval:
        """The interval as it is published; no frame looked at is no data, not a zero."""
        numbers_seen = self.affected if mode == "leaf" else self.most
        return Interval(
            start=self.start,
            end=end,
            camera=camera,
            model=model,
            mode=mode,
            unit=UNITS[mode],
            frames=self.frames,
            skipped=tuple(sorted(self.skipped.items())),
            awake_s=round(self.awake_s, 1),
            counts=_counts(numbers_seen, accuracy) if self.frames else NoData(self._why_no_data()),
        )

    def _awake(self, at: Instant, longest_gap_s: float) -> "Tally":
        """A longer gap than `longest_gap_s` is time in which nothing was watched."""
        gap_s = 0.0 if self.last_frame_s is None else at.monotonic_s - self.last_frame_s
        awake_s = self.awake_s + (gap_s if gap_s <= longest_gap_s else 0.0)
        return replace(self, awake_s=awake_s, last_frame_s=at.monotonic_s)

    def _why_no_data(self) -> str:
        if not self.skipped:
            return "no_frame"
        return max(sorted(self.skipped), key=lambda reason: self.skipped[reason])


def numbers(seen: Sequence[Seen]) -> dict[str, int]:
    """Individuals of each label on one frame."""
    labels = [one.label for one in seen]
    return {label: labels.count(label) for label in labels}


def newly_seen(seen: Sequence[Seen], recent: Sequence[Mapping[str, int]]) -> list[tuple[Seen, int]]:
    """Taxa of which there are more than on any of the `recent` frames: the strongest detection and the number now."""
    here = numbers(seen)
    arrived = [label for label, number in here.items() if number > max((r.get(label, 0) for r in recent), default=0)]
    strongest = {label: max((s for s in seen if s.label == label), key=lambda s: s.confidence) for label in arrived}
    return [(strongest[label], here[label]) for label in arrived]


def plus_one(counter: Mapping[str, int], name: str) -> dict[str, int]:
    """The counter with one more of `name`."""
    return {**counter, name: counter.get(name, 0) + 1}


def _counts(numbers_seen: Mapping[str, int], accuracy: Mapping[str, ClassAccuracy]) -> tuple[TaxonCount, ...]:
    return tuple(
        counted(number, label, accuracy[label].eppo, precision=accuracy[label].precision, recall=accuracy[label].recall)
        for label, number in sorted(numbers_seen.items())
    )
