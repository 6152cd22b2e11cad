"""From one frame to the tally: what is seen on it, and what of that counts, in the way of the camera's mode.

A trap counts what is new on its card, `live` visits where frames come close enough to follow an insect. Elsewhere
nobody is followed: the tally tells the most on one frame, or on how many frames a taxon was.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edge.calibration import Region
from edge.cameras import Frame
from edge.census import NO_LEAF, Census, LiveCensus, TrapCensus, begun, follows, forgotten_after, unit_of
from edge.clock import Instant
from edge.config import CameraTable
from edge.counts import CAMERA, Interval, Seen, Sighting, name_and_stage
from edge.detector import Detector
from edge.eye import Eye
from edge.leaf import is_green, lesion_share
from edge.loop.kept_card import KeptCard
from edge.loop.late import MadeBy
from edge.tally import RECENT_FRAMES, Tally, newly_seen, numbers
from edge.taxa import lesions_among
from edge.trap import Reading


@dataclass(frozen=True, slots=True)
class Counted:
    """What one frame added."""

    tally: Tally
    seen: Sequence[Seen]
    arrived: Sequence[tuple[Seen, int]] = ()  # taxa of which somebody came: the strongest, and how many there are
    no_effort: str = ""  # why the frame was no unit of it, see `Step.skipped`; not_kept: nor will be the card
    on_card: int | None = None  # insects that lie in view on a trap's card


class Counter:
    """Owned by the loop. It knows who was on the frames before, and how this node counts: by model, unit and region."""

    def __init__(self, detector: Detector, camera: CameraTable, trap_card: KeptCard, *, keeps_card: bool) -> None:
        """`keeps_card` False: the next start forgets a trap's card and counts it anew, so this one counts none."""
        bundle = detector.bundle
        self.model = f"{bundle.name}@{bundle.version}"
        self.eye = Eye(detector)
        self.area_mm2: int | None = None
        self.longest_gap_s = max(3 * camera.every_s, 30.0)  # frames further apart are not one time awake
        self.census: Census | None = None
        if camera.mode == "trap":
            self.census = TrapCensus(trap_card.load(), forgotten_after=forgotten_after(camera))
        elif follows(camera):
            self.census = begun("live", len(bundle.classes))
        self._mode, self._unit = camera.mode, unit_of(camera)
        self._trap_card, self._keeps_card = trap_card, keeps_card
        self._recent: deque[Mapping[str, int]] = deque(maxlen=RECENT_FRAMES)
        self._lesions = lesions_among(bundle.labels)

    @property
    def made_by(self) -> MadeBy:
        """What has to be the same for two counts to be added up."""
        return self.model + self.eye.region.mark, self._unit, self.area_mm2

    def count_in(self, region: Region, area_mm2: int | None) -> None:
        """From now on only that part of the picture counts, of so much area."""
        self.eye.region, self.area_mm2 = region, area_mm2
        if isinstance(self.census, TrapCensus):
            self.census = replace(self.census, region=region)

    @property
    def is_undecided(self) -> bool:
        """Does it need another look, moved or not, to know who came or left?"""
        return isinstance(self.census, LiveCensus) and self.census.tracks.undecided

    def unmoved(self, time_s: float) -> None:
        """After a frame on which nothing had moved: nobody was out of sight meanwhile."""
        if isinstance(self.census, LiveCensus):
            self.census = LiveCensus(self.census.tracks.unmoved(time_s))

    def looked(self, frame: Frame, tally: Tally, *, is_late: bool) -> Counted:
        """The tally with one frame more. With a late one nobody arrives: others were looked at since."""
        told = self._shown(frame, tally) if self.census is None else self._followed(self.census, frame, tally)
        if is_late:
            return replace(told, arrived=())
        self._recent.append(numbers(told.seen))
        return told

    def _shown(self, frame: Frame, tally: Tally) -> Counted:
        """By what each frame shows; nobody is known again."""
        found, is_leaf = self.eye.sure(frame.image), self._mode == "leaf"
        part = self.eye.part(frame.image) if is_leaf else None
        is_pale = is_leaf and not is_green(frame.image, part)
        if is_pale and not len(found):
            tally = tally.passed_over(NO_LEAF, frame.instant, self.longest_gap_s)
            return Counted(tally, (), no_effort=NO_LEAF)
        seen = self.eye.named(found, frame.image)
        tally = tally.looked(seen, frame.instant, self.longest_gap_s)
        if is_leaf:
            tally = tally.diseased(lesion_share(frame.image, found, self._lesions, part))
            tally = replace(tally, pale=tally.pale or is_pale)
        return Counted(tally, seen, newly_seen(seen, self._recent, at_all=is_leaf))

    def _followed(self, census: Census, frame: Frame, tally: Tally) -> Counted:
        """By who is known again, and who is not."""
        found, sure = self.eye.found(frame.image)
        self.census, step = census.looked(found, sure, frame.instant.monotonic_s, frame.image)
        seen = self.eye.named(found.where(sure), frame.image)
        card = None if step.skipped else step.card
        if card is not None:
            hung_since = self._trap_card.looked(card, frame.instant)
            tally = tally.exposed(hung_since if self._keeps_card else None, frame.instant)
        on_card = None if card is None else card.present
        why = step.skipped or self._why_no_effort(card)
        if why:
            tally = tally.passed_over(why, frame.instant, self.longest_gap_s)
            return Counted(tally, seen, no_effort=why, on_card=on_card)
        labels = [self.eye.labels[i] for i in step.counted]
        is_full = card is not None and card.saturated
        tally = tally.looked(seen, frame.instant, self.longest_gap_s, labels, is_full)
        return Counted(tally, seen, newly_seen([one for one in seen if one.label in labels], []), on_card=on_card)

    def _why_no_effort(self, card: Reading | None) -> str:
        if card is None:
            return ""
        if not self._keeps_card:
            return "not_kept"
        return "unmatched" if card.begins else ""

    def sighting(self, one: Seen, number: int, at: Instant) -> Sighting:
        """Of somebody who arrived."""
        name, stage = name_and_stage(one.label)
        return Sighting(
            at=at,
            camera=CAMERA,
            model=self.model,
            label=name,
            stage=stage,
            eppo=one.eppo,
            confidence=one.confidence,
            box=one.box,
            count=number,
        )

    def interval(self, tally: Tally, end: Instant) -> Interval:
        """What is published of a tally that ends there."""
        watched = tally.watched_until(end, self.longest_gap_s).with_pale(NO_LEAF)
        record = watched.interval(
            end, camera=CAMERA, model=self.model, mode=self._mode, accuracy=self.eye.accuracy, unit=self._unit
        )
        return replace(record, area_mm2=self.area_mm2)
