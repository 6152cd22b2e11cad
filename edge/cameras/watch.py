"""A camera that is opened again when it stalls, repeats its last picture or goes away; what is wrong can be read."""

import logging
import math
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from threading import Event
from typing import Literal

from edge.backoff import Backoff
from edge.cameras.base import Camera, ClosedAtExit, Frame
from edge.clock import Clock
from edge.errors import BadFrameError, CameraEndedError, CameraError, SnapshotTakenError, SortingError, ThreadStuckError

log = logging.getLogger(__name__)

State = Literal["starting", "ok", "stalled", "repeating", "missing"]
SLICE_S = 0.5  # a read is cut into such pieces, so that a node that is told to stop does
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
FIRST_PICTURE_S = 40.0  # a stream shows nothing before its first key frame, which may be half a minute away
STUCK_S = 60.0  # a device that a thread holds so long is only freed by a new process
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

    `state`, `reopened` and `bad_in_a_row` may be read by any thread.
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
        stuck_s: float = STUCK_S,
        known: set[str] | None = None,
    ) -> None:
        self._open_one, self._clock, self._stop = open_one, clock, stop
        self._name, self._stall_s, self._stuck_limit_s = name, stall_s, stuck_s
        self._first_s = stall_s if first_s is None else first_s  # for the first picture after opening
        self.known = set() if known is None else known  # pictures of a fed folder that count already
        self.state: State = "starting"
        self.reopened = 0
        self._was_open = self._has_given = False  # did it ever give a picture, and has it since it was opened?
        self.bad_in_a_row = 0
        self.why = ""  # it is lost, or gives no picture yet, as its own error says
        self.dropped = 0
        self.is_live = False  # see Camera; not known before it was open once
        self._dropped_before = 0
        self._camera: Camera | None = None
        self._stuck: Camera | None = None
        self._stuck_since_s = 0.0
        self._waits = Backoff(FIRST_WAIT_S, LONGEST_WAIT_S)
        self._next_try_s = 0.0
        self._new_since_s = self._asked_until_s = clock.monotonic_s()
        self._last_sum: int | None = None  # of the picture before
        self._looked_sum: int | None = None  # of the one that was read last
        self._is_snapshot = False  # known once one was put away
        self._repeated_s = -math.inf  # when the last picture came once more
        self._same_since_s: float | None = None  # when it first did so

    @property
    def description(self) -> str:
        """See Camera."""
        return self._camera.description if self._camera else self._name

    def read(self, timeout_s: float) -> Frame:
        """See Camera. Raises CameraEndedError when told to stop too, ThreadStuckError if only a new process helps."""
        if self.state == "ok":
            self._next_try_s = 0.0  # however long previews wait until they ask a snapshot's address again
        if self._is_snapshot:
            self._last_sum = self._looked_sum  # what came in a rest or a preview is still new to a look
        frame = self.preview(timeout_s)
        self._looked_sum = self._last_sum
        return frame

    def preview(self, timeout_s: float) -> Frame:
        """As `read`, for somebody who only watches: what a snapshot's address shows is still to be had by `read`."""
        until_s = self._clock.monotonic_s() + timeout_s
        while not self._stop.is_set():
            left_s = until_s - self._clock.monotonic_s()
            if left_s <= 0:
                if self.why and self.state in _WELL:
                    raise SortingError(self.why)
                if self.state == "missing":
                    raise CameraError(self.why)
                what = f"{self.description}: {self.state}, no new picture in {timeout_s:.1f} s"
                is_same = self.state == "ok" and self._same_since_s is not None
                raise CameraError(f"{what}; {_REMEDY['repeating' if is_same else self.state]}")
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
            # A snapshot, there is nothing to keep an eye on; one that is still on its way is for the next look.
            if self.state == "ok" and (self._camera is None or not self._has_given):
                self._stop.wait(left_s)
                continue
            glance_in_s = self._new_since_s + self._stall_s / 2 - self._clock.monotonic_s()
            if self.state == "ok" and glance_in_s > 0:
                self._stop.wait(min(left_s, glance_in_s))
                continue
            with suppress(BadFrameError):  # counted in a row; the picture that will be used is still to come
                self._attempt(min(SLICE_S, left_s))

    def close(self) -> None:
        """See Camera."""
        for camera in (self._stuck, self._camera):
            if camera is not None:
                camera.leave()
        self._stuck = self._camera = None

    def _attempt(self, wait_s: float) -> Frame | None:
        """One new frame, or None: not yet, or there is no camera to ask."""
        camera = self._opened(wait_s)
        if camera is None:
            return None
        began_s = self._clock.monotonic_s()
        self._pass_over(began_s - self._asked_until_s)
        try:
            frame = camera.read(wait_s)
        except (BadFrameError, CameraEndedError) as why:
            if self.state in _WELL:
                self.why = ""
            self._note_bad(why)
            raise
        except SnapshotTakenError:
            self._put_away()
            return None
        except SortingError as why:
            self._note_back("ok" if self.state == "ok" else "starting", str(why))
            self._new_since_s = self._clock.monotonic_s()  # at work, and not silent
            return None
        except CameraError as why:
            waited_s = self._clock.monotonic_s() - began_s
            self._judge(why, has_gone=waited_s < 0.9 * wait_s)  # before its time: not late, but gone
            return None
        finally:
            self._asked_until_s = self._clock.monotonic_s()
        if camera.is_live and self._is_repeat(frame):
            self._judge(CameraError("the same picture again"), has_gone=False)
            return None
        self._note_new(frame)
        return frame

    def _pass_over(self, pause_s: float) -> None:
        """Nobody asked for so long, as in a look of 20 s: at most half a stall of it counts as the camera's silence."""
        self._new_since_s += max(0.0, pause_s - self._stall_s / 2)

    def _note_back(self, state: State, why: str = "") -> None:
        if self.state not in _WELL:
            log.warning("camera_recovered", extra={"camera": self.description, "was": self.state})
            self.reopened += self._was_open
        self.state, self.why = state, why

    def _note_new(self, frame: Frame) -> None:
        self._note_back("ok")
        self._was_open = self._has_given = True
        self.bad_in_a_row = 0
        self._waits.reset()
        self._same_since_s = None
        self._new_since_s = self._clock.monotonic_s()
        self.dropped = self._dropped_before + frame.dropped

    def _is_repeat(self, frame: Frame) -> bool:
        """The same bytes twice: a sensor's noise never does that, but a USB driver that has stalled does.

        Every eighth row is summed. A picture of one single value, as in the dark, proves nothing.
        """
        seen, self._last_sum = self._last_sum, zlib.crc32(frame.image[::8].tobytes())
        is_repeat = seen == self._last_sum and frame.luma.min() != frame.luma.max()
        if is_repeat:
            self._repeated_s = self._clock.monotonic_s()
            if self._same_since_s is None:
                self._same_since_s = self._repeated_s
        return is_repeat

    def _note_bad(self, why: CameraEndedError | BadFrameError) -> None:
        if isinstance(why, CameraEndedError) or not self.is_live:
            return
        self.bad_in_a_row += 1
        if self.bad_in_a_row >= BAD_IN_A_ROW:
            self._lose("stalled", why)

    def _judge(self, why: CameraError, *, has_gone: bool) -> None:
        if has_gone:
            self._lose("missing", why)
            return
        now_s = self._clock.monotonic_s()
        if now_s - self._new_since_s >= (self._stall_s if self._has_given else self._first_s):
            repeats = now_s - self._repeated_s < self._stall_s / 2  # to the end, not only before it fell silent
            self._lose("repeating" if repeats else "stalled", why)

    def _lose(self, state: State, why: Exception) -> None:
        if state != self.state:
            log.warning("camera_lost", extra={"camera": self.description, "state": state, "why": str(why)})
        self.state = state
        self.why = f"{self.description}: {_REMEDY[state]}" if state == "repeating" else str(why)
        self.bad_in_a_row = 0
        self._close_this()
        self._wait_longer()

    def _put_away(self) -> None:
        """A snapshot's address: the next look asks for the next picture, and the same one again not at once."""
        if not self._is_snapshot:
            self._is_snapshot, self._last_sum = True, self._looked_sum
        if self._same_since_s is not None and self._clock.monotonic_s() - self._same_since_s >= SAME_S:
            self._lose("repeating", CameraError("the same picture again"))
            return
        if self._repeated_s >= self._new_since_s:  # since it was opened: it is there, and no cable is to be looked at
            self._note_back("ok")
        self._close_this()
        if not self._has_given:
            self._wait_longer()

    def _close_this(self) -> None:
        self._stuck_since_s = self._clock.monotonic_s()
        self._stuck, self._camera = self._camera, None
        self._let_go()
        self._dropped_before = self.dropped

    def _wait_longer(self) -> None:
        self._next_try_s = self._clock.monotonic_s() + self._waits.next_s()

    def _let_go(self) -> bool:
        """Close the camera that failed; False: its thread still holds the device."""
        try:
            if self._stuck is not None:
                self._stuck.close()
        except ThreadStuckError:
            if self._clock.monotonic_s() - self._stuck_since_s > self._stuck_limit_s:
                raise
            return False
        self._stuck = None
        return True

    def _opened(self, wait_s: float) -> Camera | None:
        if self._camera is not None:
            return self._camera
        pause_s = self._next_try_s - self._clock.monotonic_s()
        if pause_s > 0:
            self._stop.wait(min(wait_s, pause_s))
            return None
        if not self._let_go():
            self._wait_longer()
            return None
        try:
            self._camera = self._open_one()
        except CameraError as why:
            self._lose("missing", why)
            return None
        self.is_live = self._camera.is_live
        self._has_given = False
        self._new_since_s = self._asked_until_s = self._clock.monotonic_s()
        return self._camera
