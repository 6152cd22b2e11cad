"""A camera that is opened when it is needed, given back when it fails, and opened again after waits that double."""

from collections.abc import Callable

from edge.backoff import Backoff
from edge.cameras.base import Camera
from edge.clock import Clock
from edge.errors import ThreadStuckError

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
STUCK_S = 60.0  # a device that a thread holds so long is only freed by a new process


class Opening:
    """Owned by the thread that reads `camera`, which is None while there is none; a device is never held twice."""

    def __init__(self, open_one: Callable[[], Camera], clock: Clock) -> None:
        self._open_one, self._clock = open_one, clock
        self.camera: Camera | None = None
        self._failed: Camera | None = None  # its thread may hold the device still
        self._failed_at_s = 0.0
        self._waits = Backoff(FIRST_WAIT_S, LONGEST_WAIT_S)
        self._next_try_s = 0.0

    @property
    def pause_s(self) -> float:
        """How long until it may be tried; not above 0: now."""
        return self._next_try_s - self._clock.monotonic_s()

    def open(self) -> Camera | None:
        """None: a thread still holds the device. Raises CameraError, and ThreadStuckError where it does for STUCK_S."""
        if not self._is_free():
            self.wait_longer()
            return None
        self.camera = self._open_one()
        return self.camera

    def give_back(self) -> None:
        """Close the one that is open. Raises ThreadStuckError as `open`."""
        self._failed, self.camera = self.camera, None
        self._failed_at_s = self._clock.monotonic_s()
        self._is_free()

    def leave(self) -> None:
        """See Camera."""
        for camera in (self._failed, self.camera):
            if camera is not None:
                camera.leave()
        self._failed = self.camera = None

    def wait_longer(self) -> None:
        """Before the next try, and twice as long before the one after."""
        self._next_try_s = self._clock.monotonic_s() + self._waits.next_s()

    def try_at_once(self) -> None:
        """However long was to be waited."""
        self._next_try_s = 0.0

    def works(self) -> None:
        """The next wait is the first again."""
        self._waits.reset()

    def _is_free(self) -> bool:
        try:
            if self._failed is not None:
                self._failed.close()
        except ThreadStuckError:
            if self._clock.monotonic_s() - self._failed_at_s > STUCK_S:
                raise
            return False
        self._failed = None
        return True
