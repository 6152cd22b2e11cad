"""Cameras that OpenCV reads: USB (V4L2), network streams (RTSP, HTTP), and video files.

A camera or stream is drained by a thread and the newest frame wins; a file waits, so each of its frames is read.
"""

import logging
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import cv2
import numpy as np

from edge.boxes import Image
from edge.cameras.base import ClosedAtExit, Frame, without_credentials
from edge.cameras.pictures import NODE, decode_picture
from edge.cameras.pixels import rotated, small_luma
from edge.cameras.reader import ThreadedCamera
from edge.clock import Clock
from edge.config import CameraTable
from edge.errors import BadFrameError, CameraEndedError, CameraError, to_read

log = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 20.0  # FFmpeg waits for a key frame where the camera does not tell the size of its pictures
LATER_S = 1.0  # FFmpeg gives a silent stream up a little after the watch did, and so lets the reader end
FIRST_GRABS = 4  # a stream's first key frame may be half a minute away, and each waits for `stall_s` and LATER_S
ANSWER_S = 2.0
REFUSED_S = 5.0  # what takes longer is silence, not a camera that refuses an address
# With 5.3 megapixels a node takes 280 MB, with 4K 450 by four threads, and its service may have 377. One thread may be
# too slow on a Pi: 25 pictures of 1080p a second by H.265 are 20 % of an x86 core.
MOST_STREAM_PX, THREADS = 5_500_000, 2
PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "http": 80, "https": 443}
# FFmpeg's: TCP, as OpenCV has it; no sound, for which opening would wait; how long for a key frame, in microseconds; no
# guess at frames a second, which takes 20 pictures; how long without a byte, so that a silent host is told soon.
STREAM_OPTIONS = "rtsp_transport;tcp|allowed_media_types;video|analyzeduration;18000000|fpsprobesize;0|timeout;10000000"
RTMP_OPTIONS = "fpsprobesize;0"  # a time-out would make FFmpeg the server there, and each stream is analysed to the end
_NAMED_AS_JPEG = re.compile(r"https?://[^?#]*\.jpe?g", re.IGNORECASE)
_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_OWNERS_OPTIONS = os.environ.get(_OPTIONS)
_JPEGS = cv2.VideoWriter.fourcc(*"MJPG")  # a snapshot is one, too
_FORMS: dict[str, str] = {}  # an address -> the form of it that opened last: each look opens a snapshot's address anew
_AS_THEY_COME = -1  # CAP_PROP_FORMAT: the bytes of each picture, not decoded
_MANUAL_EXPOSURE = 1.0  # V4L2_EXPOSURE_MANUAL
_EXPOSURE_UNIT_US = 100  # V4L2_CID_EXPOSURE_ABSOLUTE counts so


def open_opencv(config: CameraTable, clock: Clock) -> "ThreadedCamera | VideoFile":
    """What `camera.source` names: an index or /dev path, an address with ://, else a video file."""
    source = config.source
    if config.is_stream:
        device = CaptureDevice(config, f"camera {without_credentials(source)}", _open_stream, FIRST_GRABS)
        return ThreadedCamera(device, clock, silent_s=REFUSED_S + OPEN_TIMEOUT_S + ANSWER_S)
    if source.isdecimal() or source.startswith("/dev/"):
        return ThreadedCamera(CaptureDevice(config, f"camera {_usb_path(config)}", _open_usb), clock)
    return VideoFile(config, clock)


class CaptureDevice:
    """A camera or stream behind cv2.VideoCapture; owned by its reader thread.

    `first_grabs`: so many may fail in a row before the first picture.
    """

    def __init__(
        self,
        config: CameraTable,
        name: str,
        open_capture: Callable[[cv2.VideoCapture, CameraTable], bool],
        first_grabs: int = 1,
    ) -> None:
        self.name = name
        self._config = config
        self._open_capture = open_capture
        self._grabs_left = first_grabs
        self._has_given = False
        self._capture = cv2.VideoCapture()

    def open(self) -> None:
        """See Device."""
        began_s = monotonic()
        if not self._open_capture(self._capture, self._config):
            raise CameraError(f"{self.name}: {_why_closed(self._config.source, monotonic() - began_s)}")

    def grab(self, wait_s: float) -> bool:  # noqa: ARG002 the driver's own time-outs count
        """See Device."""
        if self._capture.grab():
            self._grabs_left, self._has_given = 1, True
            return True
        self._grabs_left -= 1
        if not self._grabs_left:
            if not self._has_given:
                _FORMS.pop(self._config.source, None)
            none = "no pictures any more" if self._has_given else "no picture"
            raise CameraError(f"{self.name}: gives {none}; look at plug or network")
        return False

    def picture(self) -> tuple[Image, Image]:
        """See Device."""
        return _retrieved(self._capture, self._config, self.name)

    def close(self) -> None:
        """See Device."""
        self._capture.release()


def _usb_path(config: CameraTable) -> str:
    return f"/dev/video{config.source}" if config.source.isdecimal() else config.source


def _open_usb(capture: cv2.VideoCapture, config: CameraTable) -> bool:
    path = _usb_path(config)
    if not Path(path).exists() or not capture.open(path, cv2.CAP_V4L2):
        return False
    wanted: dict[int, float] = {
        cv2.CAP_PROP_FOURCC: _JPEGS,  # raw pictures of this size do not fit through USB 2
        cv2.CAP_PROP_FRAME_WIDTH: config.width_px,
        cv2.CAP_PROP_FRAME_HEIGHT: config.height_px,
        cv2.CAP_PROP_BUFFERSIZE: 1,
    }
    if config.exposure_us is not None:
        wanted[cv2.CAP_PROP_AUTO_EXPOSURE] = _MANUAL_EXPOSURE
        wanted[cv2.CAP_PROP_EXPOSURE] = config.exposure_us / _EXPOSURE_UNIT_US
    if config.gain is not None:
        wanted[cv2.CAP_PROP_GAIN] = config.gain
    refused = [key for key, value in wanted.items() if not capture.set(key, value)]
    if refused:
        log.warning("camera_settings_refused", extra={"camera": path, "opencv_properties": refused})
    return True


def _open_stream(capture: cv2.VideoCapture, config: CameraTable) -> bool:
    """FFmpeg alone is asked: OpenCV's other readers would print the address with its password.

    It fills what a broken line cut off a JPEG with green, in which insects are found: those we decode ourselves, not
    turned by their EXIF, as FFmpeg does not turn them either: `camera.rotation_deg` says how the camera hangs. Raises
    CameraError for pictures of too many px.
    """
    options = RTMP_OPTIONS if config.source.startswith("rtmp") else STREAM_OPTIONS
    os.environ[_OPTIONS] = _OWNERS_OPTIONS or options
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(OPEN_TIMEOUT_S * 1000)]
    limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, int((config.stall_s + LATER_S) * 1000)]
    limits += [cv2.CAP_PROP_N_THREADS, THREADS]
    if not _opens(capture, config.source, limits):
        return False
    if capture.get(cv2.CAP_PROP_FOURCC) == _JPEGS:
        capture.set(cv2.CAP_PROP_FORMAT, _AS_THEY_COME)
        return True
    width_px, height_px = (int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    if width_px * height_px > MOST_STREAM_PX:
        raise CameraError(
            f"camera {without_credentials(config.source)}: its picture is of {width_px}x{height_px} px, "
            "which takes too much memory; choose a smaller one, the camera's second stream, or JPEG"
        )
    return True


def _opens(capture: cv2.VideoCapture, source: str, limits: list[int]) -> bool:
    """A JPEG's address with an empty query first: without, FFmpeg asks how long it is, and many a camera does not tell.

    As it stands where that is refused; not after a long silence, which would come twice. A form that gave a picture is
    asked alone from then on: FFmpeg does not tell a refused query from a refused password, and cameras lock out whoever
    sends a wrong one too often.
    """
    forms = [f"{source}?", source] if _NAMED_AS_JPEG.fullmatch(source) else [source]
    began_s = monotonic()
    for form in [_FORMS[source]] if source in _FORMS else forms:
        if monotonic() - began_s < REFUSED_S and capture.open(form, cv2.CAP_FFMPEG, limits):
            _FORMS[source] = form
            return True
    if source in _FORMS:  # another camera may stand there now: its turn next time
        _FORMS[source] = forms[0] if _FORMS[source] == forms[-1] else forms[-1]
    return False


def _why_closed(source: str, took_s: float) -> str:
    if not _answers(source):
        return "cannot be opened; look at plug or network, and whether others use it"
    if took_s >= REFUSED_S:
        late = f"what answers there gave no picture within {took_s:.0f} s"
        return f"{late}; look at camera, network, user name and password, or choose a smaller picture"
    wrong = "what answers there gives no pictures for this address, user name and password"
    by_tcp = ", let the camera send over TCP, not UDP alone," if source.startswith("rtsp") else ","
    return f"{wrong}; correct camera.source{by_tcp} or look whether others use it"


def _answers(address: str) -> bool:
    """Does anybody there take a connection? FFmpeg's own reason does not reach us."""
    try:
        where = urlsplit(address)
        port = where.port or PORTS[where.scheme]
        if where.hostname is None:  # which would be this machine
            return False
        socket.create_connection((where.hostname, port), ANSWER_S).close()
    except (OSError, ValueError, KeyError):  # no TCP, or no address at all
        return False
    return True


class VideoFile(ClosedAtExit):
    """Each frame of a video file in order, once or in a loop; owned by the thread that reads it."""

    is_live = False

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
        """Frames a second by the file's own word, else 25."""
        return self._capture.get(cv2.CAP_PROP_FPS) or 25.0

    def read(self, timeout_s: float) -> Frame:  # noqa: ARG002 a file answers at once
        """See Camera."""
        if not self._capture.grab():
            self._begin_again()
        image, luma = _retrieved(self._capture, self._config, self.description)
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
        if not self._capture.open(str(self._path), cv2.CAP_FFMPEG):
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


def _retrieved(capture: cv2.VideoCapture, config: CameraTable, name: str) -> tuple[Image, Image]:
    try:
        is_there, raw = capture.retrieve()
    except cv2.error as why:
        raise BadFrameError(f"{name}: a picture cannot be decoded ({why.err})", reason="damaged") from why
    if is_there and capture.get(cv2.CAP_PROP_FORMAT) == _AS_THEY_COME:
        raw = decode_picture(raw.tobytes(), f"a picture of {name}", NODE, upright=False)
    if not is_there or raw.ndim != 3:
        raise BadFrameError(f"{name}: a picture cannot be decoded", reason="damaged")
    image = rotated(np.asarray(raw, np.uint8), config.rotation_deg)
    return image, small_luma(image, config.lores_width_px, config.lores_height_px)
