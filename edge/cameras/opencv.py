"""Cameras that OpenCV reads: USB (V4L2), network streams (RTSP, HTTP), and video files.

A camera or stream is drained by a thread and the newest frame wins; a file waits, so each of its frames is read.
"""

import logging
import os
from pathlib import Path

import cv2

from edge.cameras.base import ClosedAtExit, Frame
from edge.cameras.capture import JPEGS, LOOK_AT, CaptureDevice, retrieved
from edge.cameras.reader import ThreadedCamera
from edge.cameras.stream import LONGEST_SILENCE_S, StreamDevice
from edge.clock import Clock
from edge.config import CameraTable
from edge.errors import CameraEndedError, CameraError, to_read

log = logging.getLogger(__name__)

_MANUAL_EXPOSURE = 1.0  # V4L2_EXPOSURE_MANUAL
_EXPOSURE_UNIT_US = 100  # V4L2_CID_EXPOSURE_ABSOLUTE counts so
# Where the camera has no such form or size, OpenCV takes another one and calls that well.
_NEXT_BEST = (cv2.CAP_PROP_FOURCC, cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
_TOLD: set[tuple[str, str]] = set()  # of which cameras it is logged what they gave in place of it: each is opened anew
_SINGLE_JPEGS = cv2.VideoWriter.fourcc(*"JPEG")  # as older webcams' drivers call the same


def open_opencv(config: CameraTable, clock: Clock) -> "ThreadedCamera | VideoFile":
    """What `camera.source` names: an index or /dev path, an address with ://, else a video file."""
    if config.is_stream:
        return ThreadedCamera(StreamDevice(config), clock, silent_s=LONGEST_SILENCE_S)
    if config.source.isdecimal() or config.source.startswith("/dev/"):
        return ThreadedCamera(UsbDevice(config), clock)
    return VideoFile(config, clock)


class UsbDevice(CaptureDevice):
    """A camera at /dev/video…; owned by its reader thread."""

    tells_repeats = True

    def __init__(self, config: CameraTable) -> None:
        self._path = f"/dev/video{config.source}" if config.source.isdecimal() else config.source
        super().__init__(f"camera {self._path}", config)

    def open(self) -> None:
        """See Device."""
        if not Path(self._path).exists() or not self._capture.open(self._path, cv2.CAP_V4L2):
            raise CameraError(f"{self.name}: cannot be opened; {LOOK_AT}, and whether others use it")
        wanted: dict[int, float] = {
            cv2.CAP_PROP_FOURCC: JPEGS,  # raw pictures of this size do not fit through USB 2
            cv2.CAP_PROP_FRAME_WIDTH: self._config.width_px,
            cv2.CAP_PROP_FRAME_HEIGHT: self._config.height_px,
            cv2.CAP_PROP_BUFFERSIZE: 1,
        }
        if self._config.exposure_us is not None:
            wanted[cv2.CAP_PROP_AUTO_EXPOSURE] = _MANUAL_EXPOSURE
            wanted[cv2.CAP_PROP_EXPOSURE] = self._config.exposure_us / _EXPOSURE_UNIT_US
        if self._config.gain is not None:
            wanted[cv2.CAP_PROP_GAIN] = self._config.gain
        refused = [key for key, value in wanted.items() if not self._capture.set(key, value)]
        form, width_px, height_px = given = [int(self._capture.get(key)) for key in _NEXT_BEST]
        refused += [key for key, value in zip(_NEXT_BEST, given, strict=True) if value != wanted[key]]
        shape = f"{form.to_bytes(4, 'little').decode('ascii', 'replace')} {width_px}x{height_px}"
        if refused and (self._path, shape) not in _TOLD:
            _TOLD.add((self._path, shape))
            told = {"camera": self._path, "opencv_properties": refused, "given": shape}
            log.warning("camera_settings_refused", extra=told)
        if form in {JPEGS, _SINGLE_JPEGS}:
            self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)  # OpenCV fills one that is cut off with the one before

    def grab(self, wait_s: float) -> bool:  # noqa: ARG002 the driver's own time-out counts
        """See Device."""
        if self._capture.grab():
            self._has_given = True
            return True
        none = "no pictures any more" if self._has_given else "no picture"
        raise CameraError(f"{self.name}: gives {none}; {LOOK_AT}")


class VideoFile(ClosedAtExit):
    """Each frame of a video file in order, once or in a loop; owned by the thread that reads it."""

    is_live = tells_repeats = False

    def __init__(self, config: CameraTable, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._path = Path(config.source)
        self._shown = self._in_round = 0
        self._capture = cv2.VideoCapture()
        self._open()

    @property
    def description(self) -> str:
        """See Camera."""
        return f"video {self._path}"

    @property
    def fps(self) -> float:
        """Frames a second, else 25. A guess: of a recorded stream, whose frames come as they can, 1000 or 90,000."""
        return self._capture.get(cv2.CAP_PROP_FPS) or 25.0

    @property
    def time_s(self) -> float:
        """When the film shows the frame read last; no later than the one before where it tells no times."""
        return self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000

    def read(self, timeout_s: float) -> Frame:  # noqa: ARG002 a file answers at once
        """See Camera."""
        if not self._capture.grab():
            self._begin_again()
        image, luma = retrieved(self._capture, self._config, self.description)
        self._shown += 1
        self._in_round += 1
        return Frame(image, luma, self._clock.now(), self._path.name, dropped=0)

    def close(self) -> None:
        """See Camera."""
        self._capture.release()

    def _open(self) -> None:
        try:
            self._path.open("rb").close()
        except OSError as why:
            remedy = to_read(why, "correct camera.source")
            text = f"{self.description}: cannot be read ({os.strerror(why.errno or 0)}); {remedy}"
            raise CameraError(text) from why
        # Whole, since FFmpeg takes what stands before a colon for the kind of an address; in bytes, since OpenCV
        # crashes at text that is no UTF-8, as of a name in GBK.
        name = os.fsencode(self._path.absolute())
        if not self._capture.open(name, cv2.CAP_FFMPEG):  # type: ignore[call-overload]  # it takes bytes
            raise CameraError(f"{self.description}: is no video that can be read; convert it to MP4")
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # else a phone's film lies on its side
        self._in_round = 0

    def _begin_again(self) -> None:
        if self._shown == 0 or (self._config.loop and self._in_round == 0):
            raise CameraError(f"{self.description}: holds no picture; convert it to MP4")
        if not self._config.loop:
            raise CameraEndedError(f"{self.description}: all {self._shown} frames were shown")
        self._open()
        if not self._capture.grab():
            raise CameraError(f"{self.description}: can no longer be read; copy it again")
