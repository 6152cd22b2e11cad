"""The loop: one frame from the camera to committed records. Start reading here.

    camera ▸ gate ▸ counter (detector ▸ census ▸ tally) ▸ store (committed) ▸ status board
                                                            └▸ publisher (its own thread drains the store)

The newest frame wins and frames may be dropped; what was counted may not. The loop never waits for the network.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import get_args
from zoneinfo import ZoneInfo

from edge.annotations import annotate
from edge.boxes import at_most
from edge.calibration import EVERYTHING, KeptCalibration, OpticsWatch, shows_board, size_to_fit
from edge.cameras import Frame, WatchedCamera
from edge.census import BOARD, NO_LEAF, SLOWEST_S
from edge.climate import ClimateSensor
from edge.clock import Clock, ClockState, Instant
from edge.config import NodeConfig
from edge.counts import Interval, Seen
from edge.detector import Detector
from edge.draw import jpeg
from edge.errors import BadFrameError, CameraEndedError, CameraError, SortingError, StoreError, ThreadStuckError
from edge.faces import faces, hidden
from edge.gate import GateState, Reason, Skip, is_worth_a_look
from edge.label_sets import remember
from edge.loop.alarms import Alarms
from edge.loop.commits import Commits
from edge.loop.counter import Counted, Counter
from edge.loop.fed import FedFolder
from edge.loop.kept_card import KeptCard
from edge.loop.late import Counting, counting_at, dated
from edge.loop.lens import Lens
from edge.loop.preview import PREVIEW_S, Previews
from edge.nights import length_s, longest_s
from edge.status import CameraStatus, StatusBoard
from edge.store import Store
from edge.tally import Tally, plus_one
from edge.trap import TELLING

log = logging.getLogger(__name__)

READ_S = 5.0  # wait so long for a frame before the loop turns without one
REST_S = 2.0  # between looks the loop turns at least so often: intervals end in time, a technician is not left waiting
FED_REST_S = 1.0  # at least, when a fed folder holds nothing new
PICTURE_PX = 640  # longest side of a kept picture: enough to recognise an insect, about 40 kB
PICTURE_QUALITY = 80
IN_COLOUR = "in_colour"  # setting: has a picture with colour been looked at, in this store's time?


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
        config, store, folder = parts.config, parts.store, Path(parts.config.store.folder)
        camera = config.camera
        self._parts = parts
        self._trap_card = KeptCard(folder, parts.detector.identity)
        self._counter = Counter(parts.detector, camera, self._trap_card, keeps_card=parts.keeps_card)
        eye = self._counter.eye
        remember(store, self._counter.model, eye.labels)
        self._calibration = KeptCalibration(folder, camera.rotation_deg, parts.clock)
        self._gate = GateState(in_colour=bool(store.setting(IN_COLOUR)))
        self._lens = Lens(config.node)
        self._optics = OpticsWatch()
        self._zone = ZoneInfo(config.node.time_zone)
        self._interval_s = longest_s(config.store.interval_s, camera.mode)
        self._tally = Tally(start=parts.clock.now())
        self._alarms = Alarms(config, eye.accuracy, store, parts.board)
        self._status = CameraStatus()
        self._commits = Commits(store, parts.board, self._trap_card, parts.committed)
        self._fed = FedFolder(Path(camera.source), parts.camera.known, store) if camera.fed else None
        self._every_s = max(camera.every_s, FED_REST_S) if camera.fed else camera.every_s
        self._previews = Previews(parts.camera, parts.board, parts.clock, eye)
        self._take_calibration()

    def run(self, stop: Event) -> None:
        """Look until `stop` is set or the camera has shown its last picture, then commit the open interval.

        Raises StoreError if records are left then that the card did not take, ThreadStuckError if the camera is stuck.
        """
        try:
            while not stop.is_set():
                started_s = self._parts.clock.monotonic_s()
                pause_s = self._turn()
                if pause_s is None:
                    break
                self._close_interval_when_due()
                self._rest(stop, started_s + pause_s)
        except ThreadStuckError:
            self._close_interval()
            raise
        self._close_interval()
        self._commits.end()

    def _turn(self) -> float | None:
        """One frame, or one reason why there is none. The next turn begins so long after it; None: there is none."""
        self._look_around()
        if self._fed is not None:
            if not self._commits.commit_waiting():
                return self._every_s  # pictures wait in their folder until the card takes what was counted
            self._fed.take_over_owed()
        pause_s = self._every_s if self._fed is None else 0.0  # a fed folder may have another one right now
        camera = self._parts.camera
        try:
            frame = camera.read(READ_S)
        except CameraEndedError:
            if self._fed is None:
                self._show(replace(self._camera_state(), state="ended"))
                return None
            self._correct()
            self._show(self._camera_state())
            return self._every_s
        except BadFrameError as why:
            if self._fed is not None:
                self._fed.pass_over(why)
            self._tally = self._passed_over(why.reason, self._parts.clock.now(), self._tally)
            return 0.0 if camera.is_live else pause_s  # its next picture may be whole
        except CameraError as why:
            self._show(replace(self._camera_state(), detail=str(why)))
            is_yet_to_come = isinstance(why, SortingError) or self._status.state != "ok" or camera.bad_in_a_row
            return 0.0 if is_yet_to_come else self._every_s  # the next look may be a day away
        self._take(frame)
        return pause_s

    def _take(self, frame: Frame) -> None:
        """For the open interval, or a fed folder's picture for that of its own time."""
        self._parts.board.show_frame(frame.image)
        self._status = replace(self._camera_state(), last_frame=frame.instant)
        self._calibration.size_px = size_to_fit(self._parts.config.camera, frame.image)
        if self._calibration.changed():
            self._take_calibration()
        if self._fed is None:
            self._judge(frame)
        else:
            self._place(self._fed, dated(frame, self._zone))

    def _judge(self, frame: Frame) -> None:
        """Is it worth a look, for the open interval?"""
        config, counter, knew_colour = self._parts.config, self._counter, self._gate.in_colour
        verdict, self._gate = is_worth_a_look(
            frame, self._gate, config.gate, config.camera.mode, undecided=counter.is_undecided
        )
        if isinstance(verdict, Skip):
            if verdict.reason == "still":
                counter.unmoved(frame.instant.monotonic_s)
            self._tally = self._passed_over(verdict.reason, frame.instant, self._tally)
            return
        if self._gate.in_colour and not knew_colour:
            self._keep_colour()
        self._tally = self._looked(frame, self._tally)

    def _keep_colour(self) -> None:
        """For the next start, which may be by night, where a trap must not take infrared for another card."""
        try:
            self._parts.store.set_setting(IN_COLOUR, "1")
        except StoreError as why:  # the next start's first picture with colour tries again
            log.warning("colour_not_kept", extra={"why": str(why)})

    def _looked(self, frame: Frame, tally: Tally, *, is_late: bool = False) -> Tally:
        """The tally with what the detector finds; who arrived is committed, then shown."""
        started_s, at = self._parts.clock.monotonic_s(), frame.instant
        told = self._counter.looked(frame, tally, is_late=is_late)
        self._lens = self._lens.passed_over(NO_LEAF, at) if told.no_effort == NO_LEAF else self._lens.looked(at)
        self._parts.board.show_frame(frame.image, told.seen)
        if told.arrived:
            sightings = [self._counter.sighting(one, number, at) for one, number in told.arrived]
            self._commits.commit(sightings, self._picture(frame, told.seen))
        if not is_late:
            self._optics = self._optics.looked(frame.image, at.monotonic_s)
        took_ms = (self._parts.clock.monotonic_s() - started_s) * 1000
        self._show_look(told, at, took_ms)
        return replace(told.tally, slow=told.tally.slow + (took_ms > SLOWEST_S * 1000))

    def _picture(self, frame: Frame, seen: Sequence[Seen]) -> bytes | None:
        """As it is kept; None: it shows a person, and is not to be kept then."""
        small, wish = at_most(frame.image, PICTURE_PX), self._parts.config.camera.faces
        found = [] if wish == "keep" else faces(small)
        if found and wish == "drop":
            return None
        eye = self._counter.eye
        outside = eye.named(eye.outside, frame.image)
        return annotate(jpeg(hidden(small, found) if found else small, PICTURE_QUALITY), seen, outside)

    def _passed_over(self, reason: str, at: Instant, tally: Tally) -> Tally:
        """The tally with a frame that was not looked at, for the `reason`."""
        if reason == "dark" and self._lens.is_covered(at):
            reason = "blocked"
        status = replace(self._status, frames=self._status.frames + 1, skipped=plus_one(self._status.skipped, reason))
        shows_scene = reason in get_args(Reason)  # a broken one tells nothing of the lens, and is no time watched
        if not status.blind_s or shows_scene:
            self._lens = self._lens.passed_over(reason, at)
            status = replace(status, last_skip=reason, blind_s=self._lens.blind_s(at))
        self._show(status)
        return tally.passed_over(reason, at if shows_scene else None, self._counter.longest_gap_s)

    def _show_look(self, told: Counted, at: Instant, took_ms: float) -> None:
        was, skipped = self._status, self._status.skipped
        if told.on_card is not None:
            was = replace(was, on_card=told.on_card, hung=at if told.on_card >= TELLING else was.hung)
        self._show(
            replace(
                was,
                frames=was.frames + 1,
                looked=was.looked + (not told.no_effort),
                skipped=plus_one(skipped, told.no_effort) if told.no_effort else skipped,
                last_skip=told.no_effort,
                detections=was.detections + len(told.seen),
                blind_s=self._lens.blind_s(at),
                ms_per_frame=round(took_ms, 1),
                focus=self._optics.focus,
                light=self._optics.light,
                banded=self._optics.banded,
            )
        )

    def _camera_state(self) -> CameraStatus:
        camera = self._parts.camera
        return replace(
            self._status, state=camera.state, detail=camera.why, dropped=camera.dropped, reopened=camera.reopened
        )

    def _show(self, status: CameraStatus) -> None:
        self._status = status
        self._parts.board.show(camera=status)

    def _place(self, fed: FedFolder, frame: Frame) -> None:
        """A fed folder's picture, into the interval of its own time: the open one, or one that it corrects."""
        at = frame.instant
        if fed.has_counted(frame):
            return
        is_past = self._trap_card.is_past(at, self._parts.clock.now())
        if not is_past and at.monotonic_s >= self._tally.start.monotonic_s:
            self._correct()
            fed.count(frame)
            self._judge(frame)
            return
        try:
            late = None if is_past else self._counting_at(fed, at)
        except StoreError as why:  # it comes again after a restart
            self._commits.tell(str(why))
            return
        if late is None:
            fed.count(frame)
            self._tally = self._passed_over("too_late", at, self._tally)
            return
        fed.count_late(late, self._judged_late(frame, late.tally), frame)

    def _counting_at(self, fed: FedFolder, at: Instant) -> Counting | None:
        """The committed interval that a picture corrects, counted on; None: it is too late. Raises StoreError."""
        if fed.late is not None and fed.late.holds(at.utc):
            return fed.late
        self._correct()
        made_by, store = self._counter.made_by, self._parts.store
        return counting_at(at, self._tally.start, made_by, store, self._interval_s, self._zone)

    def _judged_late(self, frame: Frame, tally: Tally) -> Tally:
        """The tally of an interval that is over; moved or not, a picture is looked at, since others lie in between."""
        config, gate = self._parts.config, replace(self._gate, looked_at_s=None)
        verdict, _ = is_worth_a_look(frame, gate, config.gate, config.camera.mode)
        if isinstance(verdict, Skip):
            return self._passed_over(verdict.reason, frame.instant, tally)
        return self._looked(frame, tally, is_late=True)

    def _correct(self) -> None:
        """Commit the interval that late pictures were counted into."""
        if self._fed is None or self._fed.late is None:
            return
        late, self._fed.late = self._fed.late, None
        record = replace(self._counter.interval(late.tally, late.end), revision=late.revision)
        self._commits.commit_interval(record, self._counter.census, late.draft(record))

    def _close_interval_when_due(self) -> None:
        now = self._parts.clock.now()
        age_s = now.monotonic_s - self._tally.start.monotonic_s
        begin_utc = now.utc - timedelta(seconds=age_s)  # by a clock that may have been set since
        if age_s >= length_s(begin_utc, self._interval_s, self._zone):
            self._close_interval()

    def _close_interval(self) -> None:
        """Commit what was counted so far as an interval of its own and begin the next."""
        self._correct()
        now = self._parts.clock.now()
        tally = self._tally.timed(now)
        self._trap_card.time(now)
        record = self._counter.interval(tally, now)
        draft = None if self._fed is None else self._fed.draft(record, tally, self._counter.made_by)
        self._commits.commit_interval(record, self._counter.census, draft)
        self._tally = Tally(start=now, last_frame=tally.last_frame)
        self._advise(record)
        self._forget_pictures(now)
        if self._fed is not None and not self._commits.trouble:
            self._fed.forget_gone()

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

    def _rest(self, stop: Event, until_s: float) -> None:
        while not stop.is_set() and (left_s := until_s - self._parts.clock.monotonic_s()) > 0:
            self._look_around()
            self._preview(min(left_s - PREVIEW_S, REST_S))  # none that takes the next look's frame
            self._parts.camera.rest(min(left_s, PREVIEW_S if self._previews.are_wanted else REST_S))
            if self._parts.camera.is_live and self._parts.camera.state != self._status.state:
                self._show(self._camera_state())
            self._close_interval_when_due()

    def _look_around(self) -> None:
        """What comes up however long the next look is away: a technician waits to see what was saved, or set."""
        self._parts.alive()
        new = self._parts.climate.readings(self._parts.clock.monotonic_s())
        self._tally = replace(self._tally, weather=self._tally.weather.with_(new))
        if not self._commits.trouble:  # else a level may stand whose alert is not committed
            self._alarms.follow_clock(self._parts.clock.now())
        if self._calibration.changed():
            self._take_calibration()

    def _take_calibration(self) -> None:
        """What a technician saved: the region that counts, and what focus and light are held against."""
        known = self._calibration.current
        region = EVERYTHING if known is None else known.region
        area_mm2 = None if known is None or known.area_mm2 is None else round(known.area_mm2)
        if (region, area_mm2) != (self._counter.eye.region, self._counter.area_mm2):
            self._correct()
            if self._tally.frames or self._tally.skipped:
                self._close_interval()
            self._counter.count_in(region, area_mm2)
        self._optics = self._optics.against(known)
        self._status = replace(self._status, focus=self._optics.focus)
        self._parts.board.show(camera=self._status, calibration=known, uncalibrated=self._calibration.trouble)

    def _preview(self, within_s: float) -> None:
        frame = self._previews.show(within_s, self._status.ms_per_frame)
        if frame is None:
            return
        status = replace(self._camera_state(), last_frame=frame.instant)
        if status.last_skip == BOARD and not shows_board(frame.image, self._counter.eye.region):
            status = replace(status, last_skip="")  # who took it away need not wait for the next look
        self._show(status)
