"""The technician's live picture: encoded only when somebody asks, and for everybody together at most twice a second."""

from dataclasses import dataclass
from threading import Lock

from edge.boxes import Image
from edge.calibration import Exposure, Region, exposure, sharpness
from edge.clock import Clock
from edge.draw import jpeg, thumbnail
from edge.status import StatusBoard

SHORTEST_S = 0.5  # between two encodings
LONGEST_PX = 960  # a phone's width twice over; a full frame costs 4x the time and the bytes
QUALITY = 75
WHOLE = Region()


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame as it is shown, with what a technician turns the lens by."""

    jpeg: bytes
    sharpness: float  # grey levels squared; compares within one scene only
    light: Exposure


class LivePicture:
    """The newest frame, shared by all who look. Any thread may ask."""

    def __init__(self, board: StatusBoard, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        self._lock = Lock()
        self._frame: Image | None = None
        self._shot: Shot | None = None
        self._made_s = float("-inf")
        self.encoded = 0  # pictures since start

    def shot(self) -> Shot | None:
        """The newest frame, or the one of less than half a second ago; None before the first frame."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            frame = self._board.frame()
            if frame is not None and frame is not self._frame and now_s - self._made_s >= SHORTEST_S:
                self._shot, self._frame, self._made_s = made(frame), frame, now_s
                self.encoded += 1
            return self._shot


def made(frame: Image) -> Shot:
    """A frame (H, W, 3) uint8 BGR made smaller, measured and encoded."""
    small = thumbnail(frame, LONGEST_PX)
    return Shot(jpeg(small, QUALITY), sharpness(small, WHOLE), exposure(small, WHOLE))
