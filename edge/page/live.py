"""The technician's live picture: encoded only when somebody asks, and for everybody together at most twice a second."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import cv2

from edge.boxes import Image, at_most
from edge.calibration import EVERYTHING, Exposure, Region, exposure, sharpness
from edge.clock import Clock
from edge.counts import Seen
from edge.draw import jpeg
from edge.status import StatusBoard

SHORTEST_S = 0.5  # between two encodings
LONGEST_PX = 960  # a phone's width twice over; a full frame costs 4x the time and the bytes
QUALITY = 75
YELLOW, RIM = (10, 214, 255), (15, 24, 20)  # BGR, as on the kept pictures


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame as it is shown, with what a technician turns the lens by."""

    jpeg: bytes
    seen: tuple[str, ...] | None  # labels of what is framed on it; None: the detector has not looked at it
    sharpness: float  # of the region that counts, grey levels squared; compares within one scene only
    light: Exposure  # of the same


class LivePicture:
    """The newest frame, shared by all who look. Any thread may ask."""

    def __init__(self, board: StatusBoard, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        self._lock = Lock()
        self._frame: Image | None = None
        self._region = EVERYTHING
        self._shot: Shot | None = None
        self._made_s = float("-inf")

    def size_px(self) -> tuple[int, int] | None:
        """Width and height of the newest frame; None before the first."""
        frame = self._board.frame()
        return None if frame is None else (frame.shape[1], frame.shape[0])

    def shot(self, *, needs_seen: bool = False) -> Shot | None:
        """The newest frame, or the one of less than half a second ago; None before the first frame.

        `needs_seen`: see StatusBoard.watch.
        """
        with self._lock:
            now_s = self._clock.monotonic_s()
            self._board.watch(now_s, needs_seen=needs_seen)
            frame, calibration = self._board.frame(), self._board.snapshot().calibration
            region = EVERYTHING if calibration is None else calibration.region
            is_another = frame is not self._frame or region != self._region
            if frame is not None and is_another and now_s - self._made_s >= SHORTEST_S:
                self._shot = made(frame, self._board.seen_on(frame), region)
                self._frame, self._region, self._made_s = frame, region, now_s
            return self._shot


def made(frame: Image, seen: Sequence[Seen] | None, region: Region) -> Shot:
    """A frame (H, W, 3) uint8 BGR measured in the region, and made smaller, framed where something is `seen`, encoded.

    Measured as it came, as the loop does: a smaller one has another sharpness, and its lost pixels are averaged away.
    """
    picture = jpeg(framed(at_most(frame, LONGEST_PX), seen or ()), QUALITY)
    labels = None if seen is None else tuple(one.label for one in seen)
    return Shot(picture, labels, sharpness(frame, region), exposure(frame, region))


def framed(image: Image, seen: Sequence[Seen]) -> Image:
    """A copy with a yellow frame, dark at its rim, around each; names stand in words beside the picture."""
    if not seen:
        return image
    canvas = image.copy()
    height_px, width_px = image.shape[:2]
    for one in seen:
        left, top, right, bottom = one.box
        corners = (round(left * width_px), round(top * height_px)), (round(right * width_px), round(bottom * height_px))
        cv2.rectangle(canvas, *corners, RIM, 5)
        cv2.rectangle(canvas, *corners, YELLOW, 2)
    return canvas
