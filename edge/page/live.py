"""The technician's live picture: encoded only when somebody asks, and for everybody together at most twice a second."""

from threading import Lock

from edge.boxes import Image
from edge.clock import Clock
from edge.draw import jpeg, thumbnail
from edge.status import StatusBoard

SHORTEST_S = 0.5  # between two encodings
LONGEST_PX = 960  # a phone's width twice over; a full frame costs 4x the time and the bytes
QUALITY = 75


class LivePicture:
    """The newest frame as JPEG, shared by all who look. Any thread may ask."""

    def __init__(self, board: StatusBoard, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        self._lock = Lock()
        self._frame: Image | None = None
        self._jpeg: bytes | None = None
        self._encoded_s = float("-inf")
        self.encoded = 0  # pictures since start

    def jpeg(self) -> bytes | None:
        """The newest frame, or the one of less than half a second ago; None before the first frame."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            frame = self._board.frame()
            if frame is not None and frame is not self._frame and now_s - self._encoded_s >= SHORTEST_S:
                self._jpeg = jpeg(thumbnail(frame, LONGEST_PX), QUALITY)
                self._frame, self._encoded_s = frame, now_s
                self.encoded += 1
            return self._jpeg
