"""A thread that owns one device and keeps nothing but the newest frame, so that a device that hangs hangs nobody else.

The device is drained all the time, since drivers queue old pictures; one is only decoded when somebody waits for it.
"""

import atexit
from collections.abc import Callable
from functools import partial
from threading import Condition, Event, Thread
from typing import Protocol

from edge.boxes import Image
from edge.cameras.base import ClosedAtExit, Frame
from edge.clock import Clock, Instant
from edge.errors import BadFrameError, CameraError, SnapshotTakenError, ThreadStuckError

GRAB_S = 0.5  # how long a device that can be asked so waits for a picture before it looks whether it should stop
JOIN_S = 2.0  # a node that takes new settings is not to be away for long


class Device(Protocol):
    """What the thread owns. All calls come from that thread and may block."""

    name: str
    tells_repeats: bool  # see Camera

    def open(self) -> None:
        """Start the device. Raises CameraError."""

    def grab(self, wait_s: float) -> bool:
        """Wait for the next picture, decode nothing; False: none within `wait_s`. Raises CameraError if it has gone."""

    def picture(self) -> tuple[Image, Image]:
        """BGR and luma of the picture grabbed last. Raises BadFrameError."""

    def close(self) -> None:
        """Give it back, opened or not."""


class ThreadedCamera(ClosedAtExit):
    """A device behind its own reader thread; `read` and `close` belong to the thread that made it.

    One frame at most is kept: the first of all, then the first that the device gives after `read` asked. `silent_s`: a
    stream's reader ends by itself after so long a silence, and holds nothing that others need; None: it may hang for
    good. One that ends after its first picture is a snapshot's address: SnapshotTakenError. An error is made when it is
    raised: one that was kept would keep, by its traceback, the camera and its last picture.
    """

    is_live = True

    def __init__(self, device: Device, clock: Clock, *, silent_s: float | None = None) -> None:
        self._device = device
        self._clock = clock
        self._silent_s = silent_s
        self._stop = Event()
        self._news = Condition()  # guards what follows
        self._is_wanted = False
        self._newest: Frame | Callable[[], BadFrameError] | None = None
        self._failure: Callable[[], CameraError] | None = None
        self._given = self._read = 0
        self._thread = Thread(target=self._run, name=f"camera {device.name}", daemon=True)
        self._thread.start()

    @property
    def description(self) -> str:
        """See Camera."""
        return self._device.name

    @property
    def tells_repeats(self) -> bool:
        """See Camera."""
        return self._device.tells_repeats

    def read(self, timeout_s: float) -> Frame:
        """See Camera."""
        with self._news:
            if self._given > 1:  # the first may be all that a snapshot's address gives
                self._newest = None
            self._is_wanted = True
            self._news.wait_for(lambda: self._newest is not None or self._failure is not None, timeout_s)
            answer, self._newest, self._is_wanted = self._newest, None, False
            failure = self._failure
        if isinstance(answer, Frame):
            return answer
        if error := answer or failure:
            raise error()
        raise CameraError(f"{self.description}: no new picture within {timeout_s:.1f} s; look at its cable and power")

    def close(self) -> None:
        """See Camera."""
        self._stop.set()
        self._thread.join(JOIN_S)
        if self._thread.is_alive():
            raise ThreadStuckError(f"{self.description}: its reader did not end in {JOIN_S:.0f} s; unplug the camera")

    def leave(self) -> None:
        """See Camera. The process's end waits for the reader: one that comes back to Python then would abort it."""
        try:
            self.close()
        except ThreadStuckError:
            if self._silent_s is None:
                raise
            atexit.register(self._thread.join, self._silent_s)

    def _run(self) -> None:
        failure = partial(CameraError, f"{self.description}: its reader ended; open the camera again")
        try:
            self._drain()
        except CameraError as why:
            is_snapshot = self._silent_s is not None and self._given == 1
            failure = partial(SnapshotTakenError if is_snapshot else type(why), str(why))
        finally:
            with self._news:
                self._failure = failure
                self._news.notify_all()

    def _drain(self) -> None:
        try:
            self._device.open()
            while not self._stop.is_set():
                if self._device.grab(GRAB_S):
                    self._given += 1
                    self._hand_over(self._clock.now())
        finally:
            self._device.close()

    def _hand_over(self, instant: Instant) -> None:
        if not self._is_wanted and self._given > 1:  # a stale answer costs one frame either way
            return
        newest = self._decoded(instant)
        with self._news:
            self._newest, self._is_wanted = newest, False
            self._news.notify_all()

    def _decoded(self, instant: Instant) -> Frame | Callable[[], BadFrameError]:
        try:
            image, luma = self._device.picture()
        except BadFrameError as why:
            return partial(BadFrameError, str(why), reason=why.reason)
        self._read += 1
        return Frame(image, luma, instant, self._device.name, dropped=self._given - self._read)
