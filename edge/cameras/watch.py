"""A camera that is opened again when it stalls, repeats its last picture or goes away; what is wrong can be read."""

import logging
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from threading import Event
from typing import Literal

from edge.cameras.base import Camera, ClosedAtExit, Frame
from edge.cameras.freshness import Freshness
from edge.cameras.opening import Opening
from edge.clock import Clock
from edge.errors import BadFrameError, CameraEndedError, CameraError, SnapshotTakenError, SortingError

log = logging.getLogger(__name__)

State = Literal["starting", "ok", "stalled", "repeating", "missing"]
SLICE_S = 0.5  # a read is cut into such pieces, so that a node that is told to stop does
FIRST_PICTURE_S = 40.0  # a stream shows nothing before its first key frame, which may be half a minute away
SAME_S = 600.0  # an address may renew its snapshot so seldom; after as long the page says, too, that none is new
BAD_IN_A_ROW = 10  # one bad picture is bad luck, ten are a bad camera
_WELL = {"ok", "starting"}  # not lost; one that says why then is putting pictures in order
_REMEDY = {
    "starting": "look at its cable and power if it stays so for a minute",
    "ok": "look at its cable and power",
    "stalled": "look at its cable and power",
    "repeating": "it gives its last picture again and again; power it off and on, "
    "or raise camera.every_s where its address renews it seldom",
}


class WatchedCamera(ClosedAtExit):
    """Owned by the thread that reads it. It opens the camera when first read, and again when it fails.

    `state`, `why`, `dropped` and `reopened` may be read by any thread.
    """

    def __init__(
        self,
        open_one: Callable[[], Camera],
        clock: Clock,
        stop: Event,
        *,
        name: str = "camera",
        stall_s: float = 8.0,
        first_s: float | None = None,
        known: set[str] | None = None,
    ) -> None:
        self._clock, self._stop, self._name = clock, stop, name
        self._opening = Opening(open_one, clock)
        self._freshness = Freshness(stall_s, stall_s if first_s is None else first_s)
        self.known = set() if known is None else known  # pictures of a fed folder that need no further look
        self.state: State = "starting"
        self.why = ""  # it is lost, or gives no picture yet, as its own error says
        self.is_live = False  # see Camera; not known before it was open once
        self.bad_in_a_row = 0
        self._bad = ""  # what was wrong with the last of these
        self.dropped = self._dropped_before = 0  # of all its openings, and of those before this one
        self.reopened = 0
        self._was_open = False  # did it ever give a picture?

    @property
    def description(self) -> str:
        """See Camera."""
        return self._opening.camera.description if self._opening.camera else self._name

    def read(self, timeout_s: float) -> Frame:
        """See Camera. Raises CameraEndedError when told to stop too, ThreadStuckError if only a new process helps."""
        if self.state == "ok":
            self._opening.try_at_once()  # however long previews wait until they ask a snapshot's address again
        self._freshness.begin_look()
        frame = self.preview(timeout_s)
        self._freshness.end_look()
        return frame

    def preview(self, timeout_s: float) -> Frame:
        """As `read`, for somebody who only watches: what a snapshot's address shows is still to be had by `read`."""
        until_s = self._clock.monotonic_s() + timeout_s
        while not self._stop.is_set():
            left_s = until_s - self._clock.monotonic_s()
            if left_s <= 0:
                raise self._none_came(timeout_s)
            frame = self._attempt(min(SLICE_S, left_s))
            if frame is not None:
                return replace(frame, dropped=self.dropped)
        raise CameraEndedError(f"{self.description}: told to stop")

    def rest(self, pause_s: float) -> None:
        """Wait until the next look, or until told to stop, and keep an eye on a live camera: it may fail in between.

        The pictures seen on the way are thrown away: what a snapshot's address shows is still to be had at the next
        look. Raises ThreadStuckError as `read`.
        """
        if not self.is_live:
            self._stop.wait(pause_s)
            return
        until_s = self._clock.monotonic_s() + pause_s
        while not self._stop.is_set() and (left_s := until_s - self._clock.monotonic_s()) > 0:
            unwatched_s = min(left_s, self._glance_in_s())
            if unwatched_s > 0:
                self._stop.wait(unwatched_s)
                continue
            with suppress(BadFrameError):  # counted in a row; the picture that will be used is still to come
                self._attempt(min(SLICE_S, left_s))

    def close(self) -> None:
        """See Camera."""
        self._opening.leave()

    def _glance_in_s(self) -> float:
        """How long nobody need ask it: one that is lost, or still at its start, is asked all the time."""
        if self.state != "ok":
            return 0.0
        # A snapshot, there is nothing to keep an eye on; one that is still on its way is for the next look.
        if self._opening.camera is None or not self._freshness.has_given:
            return math.inf
        return self._freshness.glance_in_s(self._clock.monotonic_s())

    def _none_came(self, timeout_s: float) -> CameraError:
        if self.why and self.state in _WELL:
            return SortingError(self.why)
        if self.state == "missing" or self._bad:
            return CameraError(self._bad or self.why)
        what = f"{self.description}: {self.state}, no new picture in {timeout_s:.1f} s"
        is_same = self.state == "ok" and self._freshness.is_same(self._clock.monotonic_s())
        return CameraError(f"{what}; {_REMEDY['repeating' if is_same else self.state]}")

    def _attempt(self, wait_s: float) -> Frame | None:
        """One new frame, or None: not yet, or there is no camera to ask."""
        camera = self._opening.camera or self._opened(wait_s)
        if camera is None:
            return None
        asked_s = self._clock.monotonic_s()
        self._freshness.asked(asked_s)
        try:
            frame = camera.read(wait_s)
        except CameraEndedError:
            self._note_well("ok")  # it was looked through: a fed folder waits for more, another one is at its end
            raise
        except BadFrameError as why:
            self._note_bad(why)
            raise
        except SnapshotTakenError:
            self._put_away()
            return None
        except SortingError as why:
            self._note_well("ok" if self.state == "ok" else "starting", str(why))
            self._freshness.is_at_work(self._clock.monotonic_s())
            return None
        except CameraError as why:
            now_s = self._clock.monotonic_s()
            has_gone = now_s - asked_s < 0.9 * wait_s  # before its time: not late, but gone
            self._judge("missing" if has_gone else self._freshness.stall(now_s), why)
            return None
        finally:
            self._freshness.answered(self._clock.monotonic_s())
        self.bad_in_a_row, self._bad = 0, ""
        now_s = self._clock.monotonic_s()
        if camera.tells_repeats and self._freshness.is_repeat(frame, now_s):
            self._judge(self._freshness.stall(now_s), CameraError("the same picture again"))
            return None
        self._note_new(frame, now_s)
        return frame

    def _opened(self, wait_s: float) -> Camera | None:
        """None: it is not its time yet, its device is still held, or it cannot be opened."""
        if (pause_s := self._opening.pause_s) > 0:
            self._stop.wait(min(wait_s, pause_s))
            return None
        try:
            camera = self._opening.open()
        except CameraError as why:
            self._lose("missing", why)
            return None
        if camera is not None:
            self.is_live = camera.is_live
            self._freshness.opened(self._clock.monotonic_s())
        return camera

    def _note_well(self, state: Literal["ok", "starting"], why: str = "") -> None:
        if self.state not in _WELL:
            log.warning("camera_recovered", extra={"camera": self.description, "was": self.state})
            self.reopened += self._was_open
        self.state, self.why = state, why

    def _note_new(self, frame: Frame, now_s: float) -> None:
        self._note_well("ok")
        self._was_open = True
        self.dropped = self._dropped_before + frame.dropped
        self._opening.works()
        self._freshness.came(now_s)

    def _note_bad(self, why: BadFrameError) -> None:
        if self.state in _WELL:
            self.why = ""
        if not self.is_live:
            return
        self.bad_in_a_row, self._bad = self.bad_in_a_row + 1, str(why)
        if self.bad_in_a_row >= BAD_IN_A_ROW:
            self._lose("stalled", why)

    def _judge(self, state: State | None, why: CameraError) -> None:
        """None: it may still give something."""
        if state is not None:
            self._lose(state, why)

    def _put_away(self) -> None:
        """A snapshot's address: the next look asks for the next picture, and the same one again not at once."""
        self._freshness.put_away()
        if self._freshness.is_same(self._clock.monotonic_s(), SAME_S):
            self._lose("repeating", CameraError("the same picture again"))
            return
        if self._freshness.has_repeated:  # no cable is to be looked at
            self._note_well("ok")
        self._give_back()
        if not self._freshness.has_given:
            self._opening.wait_longer()

    def _lose(self, state: State, why: Exception) -> None:
        if state != self.state:
            log.warning("camera_lost", extra={"camera": self.description, "state": state, "why": str(why)})
        self.state = state
        self.why = f"{self.description}: {_REMEDY[state]}" if state == "repeating" else str(why)
        self._bad = str(why) if isinstance(why, BadFrameError) else ""
        self.bad_in_a_row = 0
        self._give_back()
        self._opening.wait_longer()

    def _give_back(self) -> None:
        self._opening.give_back()
        self._dropped_before = self.dropped
