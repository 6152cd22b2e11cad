"""The loop: one frame from the camera to committed records. Start reading here.

    camera ▸ gate ▸ detector ▸ census ▸ tally ▸ store (committed) ▸ status board
                                                  └▸ publisher (its own thread drains the store)

The newest frame wins and frames may be dropped; what was counted may not. The loop never waits for the network.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import get_args
from zoneinfo import ZoneInfo

from edge.alarms import Alarms
from edge.annotations import annotate
from edge.boxes import Image, at_most
from edge.calibration import EVERYTHING, KeptCalibration, OpticsWatch, shows_board, size_to_fit
from edge.cameras import Frame, WatchedCamera
from edge.cameras.pictures import name_of
from edge.census import (
    BOARD,
    SLOWEST_S,
    Census,
    begun,
    follows,
    in_region,
    is_undecided,
    keep,
    seen_before,
    unit_of,
    unmoved,
)
from edge.climate import ClimateSensor
from edge.clock import Clock, ClockState, Instant, reckoned, seconds_between
from edge.commits import Commits
from edge.config import NodeConfig
from edge.counts import Interval, Seen, Sighting, name_and_stage
from edge.detector import Detector
from edge.draw import jpeg
from edge.errors import BadFrameError, CameraEndedError, CameraError, SortingError, StoreError, ThreadStuckError
from edge.eye import Eye
from edge.faces import faces, hidden
from edge.gate import GateState, Reason, Skip, is_worth_a_look
from edge.label_sets import remember
from edge.late import Counting, MadeBy, counting_at, dated
from edge.leaf import lesion_share
from edge.nights import length_s, longest_s
from edge.power.sun import sun_height_deg
from edge.status import CameraStatus, StatusBoard
from edge.store import Store
from edge.tally import RECENT_FRAMES, Tally, newly_seen, numbers, plus_one
from edge.taxa import lesions_among
from edge.trap import TELLING

log = logging.getLogger(__name__)

READ_S = 5.0  # wait so long for a frame before the loop turns without one
REST_S = 2.0  # between looks the loop turns at least so often: intervals end in time, a technician is not left waiting
FED_REST_S = 1.0  # at least, when a fed folder holds nothing new
PREVIEW_S = 0.5  # between two frames that are shown and not counted
BROAD_DAY_DEG = 10.0  # height of the sun, an hour after it rose: an open lens gives no dark picture then
BLIND_FRAMES = 3  # too bright, not sharp, by day in infrared: fewer may be chance, however far apart
PICTURE_PX = 640  # longest side of a kept picture: enough to recognise an insect, about 40 kB
PICTURE_QUALITY = 80
IN_COLOUR = "in_colour"  # setting: has a picture with colour been looked at, in this store's time?
CAMERA = "cam0"  # a node has one camera; the name travels with every record


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the loop works with; `app` builds and closes them."""

    config: NodeConfig
    camera: WatchedCamera
    detector: Detector
    store: Store
    board: StatusBoard
    clock: Clock
    climate: ClimateSensor
    committed: Callable[[], None]  # called after each commit: wakes the publisher
    alive: Callable[[], None]  # called each time the loop turns: feeds the watchdog
    keeps_card: bool = True  # False: the next start forgets a trap's card and counts it anew, so this one counts none


class Pipeline:
    """Owned by one thread, which owns camera, gate, detector and tally with it."""

    def __init__(self, parts: Parts) -> None:
        bundle = parts.detector.bundle
        self._parts = parts
        self._model = f"{bundle.name}@{bundle.version}"
        self._identity = parts.detector.identity
        self._eye = Eye(parts.detector)
        remember(parts.store, self._model, self._eye.labels)
        camera = parts.config.camera
        self._calibration = KeptCalibration(Path(parts.config.store.folder), camera.rotation_deg)
        self._gate = GateState(in_colour=bool(parts.store.setting(IN_COLOUR)))
        self._recent: deque[Mapping[str, int]] = deque(maxlen=RECENT_FRAMES)
        self._card = Path(parts.config.store.folder) / "card.npz"
        counts_each = camera.mode == "trap" or follows(camera)
        self._census = begun(camera.mode, len(self._eye.labels), self._card, self._identity) if counts_each else None
        self._unit = unit_of(camera)
        self._card_seen = seen_before(self._census)
        self._refused: tuple[Census, Instant | None] | None = None  # the last interval's card, not on the disk yet
        self._zone = ZoneInfo(parts.config.node.time_zone)
        self._interval_s = longest_s(parts.config.store.interval_s, camera.mode)
        self._begin_interval(parts.clock.now())
        self._alarms = Alarms(parts.config, self._eye.accuracy, parts.store, parts.board)
        self._status = CameraStatus()
        self._commits = Commits(parts.store, parts.board, parts.committed)
        self._pictures: list[str] = []  # of a fed folder, in the open interval
        self._late: Counting | None = None  # a committed interval that is counted on
        self._has_more = False  # may a fed folder have another picture right now?
        self._blind: tuple[Instant, ...] = ()  # the first BLIND_FRAMES since a frame showed something
        self._sees_by_day = False  # has a frame since the start shown something in broad day?
        self._owes_names = False  # were pictures counted that neither the former store nor the folder names?
        if camera.fed:
            self._take_over(self._names_there())
        self._optics = OpticsWatch()
        self._area_mm2: int | None = None
        self._take_calibration()
        self._lesions = lesions_among(self._eye.labels)

    def run(self, stop: Event) -> None:
        """Look until `stop` is set or the camera has shown its last picture, then commit the open interval.

        Raises StoreError if records are left then that the card did not take, ThreadStuckError if the camera is stuck.
        """
        camera, ended = self._parts.config.camera, False
        every_s = max(camera.every_s, FED_REST_S) if camera.fed else camera.every_s
        try:
            while not ended and not stop.is_set():
                started_s = self._parts.clock.monotonic_s()
                ended = not self._turn()
                self._close_interval_when_due()
                self._rest(stop, started_s + (0.0 if self._has_more else every_s))
        except ThreadStuckError:
            self.close_interval()
            raise
        self.close_interval()
        self._commits.end()

    def close_interval(self) -> None:
        """Commit what was counted so far as an interval of its own and begin the next."""
        self._correct()
        now = self._parts.clock.now()
        self._time_card(now)
        record = self._interval(self._tally, now)
        self._keep_card()
        if self._parts.config.camera.fed:
            whole = Counting(tally=self._tally, end=now, made_by=self._made_by, pictures=tuple(self._pictures))
            self._commits.commit_intervals((record, whole.draft(record)))
        else:
            self._commits.commit([record])
        self._begin_interval(now, self._tally.last_frame)
        self._advise(record)
        self._forget_pictures(now)
        self._forget_names()

    def _begin_interval(self, now: Instant, last_frame: Instant | None = None) -> None:
        self._tally, self._pictures = Tally(start=now, last_frame=last_frame), []
        self._length_s = length_s(now.utc, self._interval_s, self._zone)

    def _time_card(self, now: Instant) -> None:
        """Pictures from before the clock was set have their time once it is, as the interval's start has."""
        self._tally = self._tally.timed(now)
        self._card_seen = self._card_seen and reckoned(self._card_seen, now)

    def _interval(self, tally: Tally, end: Instant) -> Interval:
        mode, accuracy = self._parts.config.camera.mode, self._eye.accuracy
        tally = tally.watched_until(end, self._longest_gap_s())
        record = tally.interval(end, camera=CAMERA, model=self._model, mode=mode, accuracy=accuracy, unit=self._unit)
        return replace(record, area_mm2=self._area_mm2)

    @property
    def _made_by(self) -> MadeBy:
        return self._model + self._eye.region.mark, self._unit, self._area_mm2

    def _advise(self, interval: Interval) -> None:
        """What the counts up to now mean. Shown once it is committed."""
        alerts = self._alarms.after(interval)
        if alerts:
            self._commits.commit(alerts)
        if not self._commits.trouble:
            self._alarms.show()

    def _forget_pictures(self, now: Instant) -> None:
        """Pictures stay so many days; a node that does not know the time forgets none."""
        days = self._parts.config.store.pictures_days
        if days is None or now.state is ClockState.UNSYNCED:
            return
        try:
            gone = self._parts.store.forget_pictures(now.utc - timedelta(days=days))
        except StoreError as why:  # the next interval tries again
            log.warning("pictures_not_forgotten", extra={"why": str(why)})
            return
        if gone:
            log.info("pictures_forgotten", extra={"count": gone, "days": days})

    def _forget_names(self) -> None:
        """Of a fed folder's pictures that are gone; one that is empty may be one that is not mounted."""
        present = self._names_there() if self._parts.config.camera.fed else None
        try:
            if present:
                self._parts.store.forget_counted(present)
        except StoreError as why:  # the next interval tries again
            log.warning("names_not_forgotten", extra={"why": str(why)})

    def _names_there(self) -> set[str]:
        """In a fed folder; none in one that is away, which its camera tells."""
        with suppress(OSError):
            return {name_of(path) for path in Path(self._parts.config.camera.source).iterdir()}
        return set()

    def _take_over(self, present: set[str]) -> None:
        self._owes_names = not self._parts.store.take_over_counted(present)
        self._parts.camera.known.update(self._parts.store.counted_pictures())

    def _follow_changes(self) -> None:
        """Also between two looks, which may be an hour apart: a technician waits to see what was saved, or set."""
        if not self._commits.trouble:  # else a level may stand whose alert is not committed
            self._alarms.follow_clock(self._parts.clock.now())
        if self._calibration.changed():
            self._take_calibration()

    def _take_calibration(self) -> None:
        """What a technician saved: the region that counts, and what focus and light are held against."""
        known = self._calibration.current
        region = EVERYTHING if known is None else known.region
        area_mm2 = None if known is None or known.area_mm2 is None else round(known.area_mm2)
        if (region, area_mm2) != (self._eye.region, self._area_mm2):
            self._correct()
            if self._tally.frames or self._tally.skipped:
                self.close_interval()
        self._eye.region, self._area_mm2 = region, area_mm2
        self._census = in_region(self._census, region)
        self._optics = self._optics.against(known)
        self._status = replace(self._status, focus=self._optics.focus)
        self._parts.board.show(camera=self._status, calibration=known, uncalibrated=self._calibration.trouble)

    def _read_weather(self) -> None:
        new = self._parts.climate.readings(self._parts.clock.monotonic_s())
        self._tally = replace(self._tally, weather=self._tally.weather.with_(new))

    def _keep_card(self) -> None:
        """With the interval, so that after a power cut insects are new again if and only if their interval was lost.

        Before it: a cut between the two loses an interval and doubles nothing.
        """
        self._write_card(self._census, self._card_seen)

    def _keep_card_again(self) -> None:
        """Before an interval that waits is committed: the disk that refuses both may take both by now."""
        if self._refused:
            self._write_card(*self._refused)

    def _write_card(self, census: Census | None, seen: Instant | None) -> None:
        if census is None:
            return
        before, self._refused = self._refused, None
        try:
            keep(census, self._card, self._identity, seen)
        except OSError as why:  # the disk is full, and the store says so; after a restart the card begins anew
            with suppress(OSError):  # the one before would count again what came since
                self._card.unlink(missing_ok=True)
            self._refused = census, seen
            if not before:
                log.warning("card_not_kept", extra={"file": str(self._card), "why": str(why)})

    def _turn(self) -> bool:
        """One frame, or one reason why there is none. False: the camera has shown everything."""
        self._parts.alive()
        self._read_weather()
        self._follow_changes()
        fed = self._has_more = self._parts.config.camera.fed
        if self._commits.has_intervals:
            self._keep_card_again()
            if not self._commits.commit_intervals():
                self._has_more = False  # the pictures wait in their folder until the card takes what was counted
                return True
        if self._owes_names and (present := self._names_there()):
            self._take_over(present)
        try:
            frame = self._parts.camera.read(READ_S)
        except CameraEndedError:
            self._has_more = False
            if fed:
                self._correct()
                self._show(self._camera_state())
                return True
            self._show(replace(self._camera_state(), state="ended"))
            return False
        except BadFrameError as why:
            self._skip(why.reason, self._parts.clock.now())
            return True
        except CameraError as why:
            self._has_more = isinstance(why, SortingError)
            self._show(replace(self._camera_state(), detail=str(why)))
            return True
        self._consider(frame)
        return True

    def _consider(self, frame: Frame) -> None:
        self._parts.board.show_frame(frame.image)
        self._status = replace(self._camera_state(), last_frame=frame.instant)
        self._calibration.size_px = size_to_fit(self._parts.config.camera, frame.image)
        if self._calibration.changed():
            self._take_calibration()
        if self._parts.config.camera.fed:
            self._place(dated(frame, self._zone))
        else:
            self._judge(frame)

    def _place(self, frame: Frame) -> None:
        """A fed folder's picture, into the interval of its own time: the open one, or one that it corrects."""
        if self._owes_names:  # the folder came while the camera waited for it, and was listed against nothing known
            self._take_over(self._names_there())
        if not self._parts.camera.known.isdisjoint({frame.source, frame.known_as}):
            return
        self._parts.camera.known.add(frame.known_as)
        is_passed = self._is_passed(frame.instant)
        if frame.instant.monotonic_s >= self._tally.start.monotonic_s and not is_passed:
            self._correct()
            self._pictures.append(frame.known_as)
            self._judge(frame)
            return
        try:
            late = None if is_passed else self._counting_at(frame.instant)
        except StoreError as why:  # it comes again after a restart
            self._parts.camera.known.discard(frame.known_as)
            self._commits.tell(str(why))
            return
        if late is None:
            self._pictures.append(frame.known_as)
            self._skip("too_late", frame.instant)
            return
        self._late = self._counted_on(late, frame)

    def _is_passed(self, at: Instant) -> bool:
        """Was a trap's card seen later than that? Then what was on it is counted, in the intervals since."""
        seen = self._card_seen
        return seen is not None and seen.state is not ClockState.UNSYNCED and at.utc < seen.utc

    def _counting_at(self, at: Instant) -> Counting | None:
        if self._late is not None and self._late.holds(at.utc):
            return self._late
        self._correct()
        return counting_at(at, self._tally.start, self._made_by, self._parts.store, self._interval_s, self._zone)

    def _counted_on(self, late: Counting, frame: Frame) -> Counting:
        """With one picture more, which makes no sighting; it is looked at moved or not, since others lie in between."""
        config, open_tally = self._parts.config, self._tally
        self._tally = late.tally  # for this one frame: `_skip` and `_look` count into `self._tally`
        verdict, _ = is_worth_a_look(frame, replace(self._gate, looked_at_s=None), config.gate, config.camera.mode)
        if isinstance(verdict, Skip):
            self._skip(verdict.reason, frame.instant)
        else:
            self._look(frame, is_late=True)
        counted, self._tally = self._tally, open_tally
        return replace(late, tally=counted, pictures=(*late.pictures, frame.known_as))

    def _correct(self) -> None:
        """Commit the interval that late pictures were counted into."""
        late, self._late = self._late, None
        if late is not None:
            self._keep_card()
            record = replace(self._interval(late.tally, late.end), revision=late.revision)
            self._commits.commit_intervals((record, late.draft(record)))

    def _judge(self, frame: Frame) -> None:
        config, knew_colour = self._parts.config, self._gate.in_colour
        verdict, self._gate = is_worth_a_look(
            frame, self._gate, config.gate, config.camera.mode, undecided=is_undecided(self._census)
        )
        if isinstance(verdict, Skip):
            if verdict.reason == "still":
                self._census = unmoved(self._census, frame.instant.monotonic_s)
            self._skip(verdict.reason, frame.instant)
            return
        if self._gate.in_colour and not knew_colour:
            self._keep_colour()
        self._look(frame)

    def _keep_colour(self) -> None:
        """For the next start, which may be by night, where a trap must not take infrared for another card."""
        try:
            self._parts.store.set_setting(IN_COLOUR, "1")
        except StoreError as why:  # the next start's first picture with colour tries again
            log.warning("colour_not_kept", extra={"why": str(why)})

    def _look(self, frame: Frame, *, is_late: bool = False) -> None:
        started_s = self._parts.clock.monotonic_s()
        self._status = replace(self._status, last_skip="")
        self._sees_by_day = self._sees_by_day or self._is_broad_day(frame.instant)
        if self._census is None:
            found = self._eye.sure(frame.image)
            seen = self._eye.named(found, frame.image)
            self._tally = self._tally.looked(seen, frame.instant, self._longest_gap_s())
            is_leaf = self._parts.config.camera.mode == "leaf"
            if is_leaf:
                share = lesion_share(frame.image, found, self._lesions, self._eye.part(frame.image))
                self._tally = self._tally.diseased(share)
            arrived = newly_seen(seen, self._recent, at_all=is_leaf)
            if not is_late:
                self._recent.append(numbers(seen))
        else:
            seen, arrived = self._counted(self._census, frame)
        self._parts.board.show_frame(frame.image, seen)
        if arrived and not is_late:
            self._keep_card_again()
            self._commits.commit(
                [self._sighting(one, number, frame.instant) for one, number in arrived], self._kept(frame, seen)
            )
        if not is_late:
            self._optics = self._optics.looked(frame.image, frame.instant.monotonic_s)
        took_ms = (self._parts.clock.monotonic_s() - started_s) * 1000
        self._tally = replace(self._tally, slow=self._tally.slow + (took_ms > SLOWEST_S * 1000))
        self._show(
            replace(
                self._status,
                frames=self._status.frames + 1,
                looked=self._status.looked + (not self._status.last_skip),
                detections=self._status.detections + len(seen),
                blind_s=self._blind_s("", frame.instant),
                ms_per_frame=round(took_ms, 1),
                focus=self._optics.focus,
                light=self._optics.light,
                banded=self._optics.banded,
            )
        )

    def _counted(self, census: Census, frame: Frame) -> tuple[list[Seen], list[tuple[Seen, int]]]:
        """What is seen, and of what is a visit or new on the card: the strongest, and the number in sight."""
        found, sure = self._eye.found(frame.image)
        self._census, step = census.looked(found, sure, frame.instant.monotonic_s, frame.image)
        seen = self._eye.named(found.where(sure), frame.image)
        if step.skipped:
            self._count_none(step.skipped, frame.instant)
            return seen, []
        if step.card is not None:
            is_another = step.card.verdict in {"restarted", "changed"}  # since when it hangs nobody knows
            hung_since = None if is_another or not self._parts.keeps_card else self._card_seen
            self._tally, self._card_seen = self._tally.exposed(hung_since, frame.instant), frame.instant
            hung = frame.instant if step.card.present >= TELLING else self._status.hung
            self._status = replace(self._status, on_card=step.card.present, hung=hung)
            if not self._parts.keeps_card:
                self._count_none("not_kept", frame.instant)
                return seen, []
            if step.card.verdict in {"first", "restarted"}:  # what lies there may have come at any time: no zero
                self._count_none("unmatched", frame.instant)
                return seen, []
        labels = [self._eye.labels[i] for i in step.counted]
        full = step.card is not None and step.card.saturated
        self._tally = self._tally.looked(seen, frame.instant, self._longest_gap_s(), labels, full)
        return seen, newly_seen([one for one in seen if one.label in labels], [])

    def _count_none(self, why: str, at: Instant) -> None:
        """Of a frame that was looked at."""
        self._tally = self._tally.passed_over(why, at, self._longest_gap_s())
        self._status = replace(self._status, skipped=plus_one(self._status.skipped, why), last_skip=why)

    def _skip(self, reason: str, at: Instant) -> None:
        if reason == "dark" and self._sees_by_day and self._is_broad_day(at):  # a closed box is always dark
            reason = "blocked"
        self._tally = self._tally.passed_over(reason, at, self._longest_gap_s())
        skipped = plus_one(self._status.skipped, reason)
        status = replace(self._status, frames=self._status.frames + 1, skipped=skipped)
        if not status.blind_s or reason in get_args(Reason):  # a broken one tells nothing of the lens
            status = replace(status, last_skip=reason, blind_s=self._blind_s(reason, at))
        self._show(status)

    def _is_broad_day(self, at: Instant) -> bool:
        """Only where place and time are known."""
        place = self._parts.config.node
        if place.latitude is None or place.longitude is None or at.state is ClockState.UNSYNCED:
            return False
        return sun_height_deg(place.latitude, place.longitude, at.utc) > BROAD_DAY_DEG

    def _blind_s(self, reason: str, at: Instant) -> float:
        """For how long no frame has shown anything, up to one `at` that was skipped for the `reason`, if any.

        Told from BLIND_FRAMES on. The night ends it: dew at dusk is not dew at dawn.
        """
        if reason in ("overexposed", "blurred") or (reason == "colourless" and self._is_broad_day(at)):
            self._blind = (*self._blind, at)[:BLIND_FRAMES]
        elif reason in ("", "still", "dark", "colourless"):
            self._blind = ()
        return 0.0 if len(self._blind) < BLIND_FRAMES else seconds_between(self._blind[0], at) or 0.0

    def _sighting(self, one: Seen, number: int, at: Instant) -> Sighting:
        name, stage = name_and_stage(one.label)
        return Sighting(
            at=at,
            camera=CAMERA,
            model=self._model,
            label=name,
            stage=stage,
            eppo=one.eppo,
            confidence=one.confidence,
            box=one.box,
            count=number,
        )

    def _kept(self, frame: Frame, seen: Sequence[Seen]) -> bytes | None:
        """The picture as it is kept; None: it shows a person, and is not to be kept then."""
        small, wish = at_most(frame.image, PICTURE_PX), self._parts.config.camera.faces
        found = [] if wish == "keep" else faces(small)
        if found and wish == "drop":
            return None
        outside = self._eye.named(self._eye.outside, frame.image)
        return annotate(jpeg(hidden(small, found) if found else small, PICTURE_QUALITY), seen, outside)

    def _close_interval_when_due(self) -> None:
        age_s = self._parts.clock.monotonic_s() - self._tally.start.monotonic_s
        if age_s >= self._length_s:
            self.close_interval()

    def _camera_state(self) -> CameraStatus:
        camera = self._parts.camera
        return replace(
            self._status, state=camera.state, detail=camera.why, dropped=camera.dropped, reopened=camera.reopened
        )

    def _longest_gap_s(self) -> float:
        """Frames further apart are not one time awake."""
        return max(3 * self._parts.config.camera.every_s, 30.0)

    def _show(self, status: CameraStatus) -> None:
        self._status = status
        self._parts.board.show(camera=status)

    def _rest(self, stop: Event, until_s: float) -> None:
        while not stop.is_set() and (left_s := until_s - self._parts.clock.monotonic_s()) > 0:
            self._parts.alive()
            self._read_weather()
            self._follow_changes()
            self._preview(min(left_s - PREVIEW_S, REST_S))  # none that takes the next look's frame
            self._parts.camera.rest(min(left_s, PREVIEW_S if self._is_watched() else REST_S))
            if self._parts.camera.is_live and self._parts.camera.state != self._status.state:
                self._show(self._camera_state())
            self._close_interval_when_due()

    def _is_watched(self) -> bool:
        """A folder or a film is not read on: each of its pictures counts."""
        return self._parts.camera.is_live and self._parts.board.is_watched(self._parts.clock.monotonic_s())

    def _preview(self, within_s: float) -> None:
        """While somebody looks at the live picture: one frame more. Not counted, not kept.

        A camera may give one picture a second: a shorter wait, with a rest behind it, can miss each of them.
        """
        if within_s <= 0 or not self._is_watched():
            return
        try:
            frame = self._parts.camera.preview(within_s)
        except (BadFrameError, CameraError):  # the next look will say so
            return
        self._parts.board.show_frame(frame.image, self._seen_on_preview(frame.image))
        status = replace(self._camera_state(), last_frame=frame.instant)
        if status.last_skip == BOARD and not shows_board(frame.image, self._eye.region):
            status = replace(status, last_skip="")  # who took it away need not wait for the next look
        self._show(status)

    def _seen_on_preview(self, image: Image) -> list[Seen] | None:
        """None: not looked at. A look that takes long, or nobody knows how long, would show the picture too late."""
        look_ms = self._status.ms_per_frame
        is_quick = look_ms is not None and look_ms <= REST_S * 1000
        if not is_quick and not self._parts.board.needs_seen(self._parts.clock.monotonic_s()):
            return None
        return self._eye.named(self._eye.sure(image), image)
