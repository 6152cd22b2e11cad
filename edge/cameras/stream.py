"""Network streams as FFmpeg reads them: how an address is opened, and why one that does not open may not."""

import os
import re
import socket
from time import monotonic
from urllib.parse import urlsplit

import cv2

from edge.boxes import Image
from edge.cameras.base import without_credentials
from edge.cameras.capture import AS_THEY_COME, JPEGS, LOOK_AT, CaptureDevice
from edge.config import CameraTable
from edge.errors import BadFrameError, CameraError

OPEN_TIMEOUT_S = 20.0  # FFmpeg waits for a key frame where the camera does not tell the size of its pictures
LATER_S = 1.0  # FFmpeg gives a silent stream up a little after the watch did, and so lets the reader end
FIRST_GRABS = 4  # a stream's first key frame may be half a minute away, and each waits for `stall_s` and LATER_S
ANSWER_S = 2.0
REFUSED_S = 5.0  # what takes longer is silence, not a camera that refuses an address
LONGEST_SILENCE_S = REFUSED_S + OPEN_TIMEOUT_S + ANSWER_S  # after it a reader ends by itself, even while it opens
# With 5.3 megapixels a node takes 280 MB, with 4K 450 by four threads, and its service may have 377. One thread may be
# too slow on a Pi: 25 pictures of 1080p a second by H.265 are 20 % of an x86 core.
MOST_STREAM_PX, THREADS = 5_500_000, 2
STILLS = {JPEGS, *(cv2.VideoWriter.fourcc(*form) for form in ("MPNG", "webp", "tiff"))}  # each coded by itself
PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "http": 80, "https": 443}
# FFmpeg's: TCP, as OpenCV has it; no sound, for which opening would wait; how long for a key frame, in microseconds; no
# guess at frames a second, which takes 20 pictures; how long without a byte, so that a silent host is told soon.
STREAM_OPTIONS = "rtsp_transport;tcp|allowed_media_types;video|analyzeduration;18000000|fpsprobesize;0|timeout;10000000"
RTMP_OPTIONS = "fpsprobesize;0"  # a time-out would make FFmpeg the server there, and each stream is analysed to the end
_NAMED_AS_JPEG = re.compile(r"https?://[^?#]*\.jpe?g", re.IGNORECASE)
_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_OWNERS_OPTIONS = os.environ.get(_OPTIONS)
_FORMS: dict[str, str] = {}  # an address -> the form of it that opened last: each look opens a snapshot's address anew


class StreamDevice(CaptureDevice):
    """An address behind cv2.VideoCapture; owned by its reader thread."""

    def __init__(self, config: CameraTable) -> None:
        super().__init__(f"camera {without_credentials(config.source)}", config)
        self._grabs_left = FIRST_GRABS
        self.tells_repeats = False  # STILLS do; by H.265 a still card with simulated noise was one picture for 30 s

    def open(self) -> None:
        """See Device. FFmpeg alone is asked: OpenCV's other readers would print the address with its password.

        It fills what a broken line cut off a JPEG with green, in which insects are found: those we decode ourselves,
        not turned by their EXIF, as FFmpeg does not turn them either: `camera.rotation_deg` says how the camera hangs.
        """
        source, began_s = self._config.source, monotonic()
        os.environ[_OPTIONS] = _OWNERS_OPTIONS or (RTMP_OPTIONS if source.startswith("rtmp") else STREAM_OPTIONS)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(OPEN_TIMEOUT_S * 1000)]
        limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, int((self._config.stall_s + LATER_S) * 1000)]
        limits += [cv2.CAP_PROP_N_THREADS, THREADS]
        if not _opens(self._capture, source, limits):
            raise CameraError(f"{self.name}: {_why_closed(source, monotonic() - began_s)}")
        form = self._capture.get(cv2.CAP_PROP_FOURCC)
        self.tells_repeats = form in STILLS
        if form == JPEGS:
            self._capture.set(cv2.CAP_PROP_FORMAT, AS_THEY_COME)
            return
        width_px, height_px = (
            int(self._capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        if width_px * height_px > MOST_STREAM_PX:
            raise CameraError(
                f"{self.name}: its picture is of {width_px}x{height_px} px, "
                "which takes too much memory; choose a smaller one, the camera's second stream, or JPEG"
            )

    def grab(self, wait_s: float) -> bool:  # noqa: ARG002 FFmpeg's own time-outs count
        """See Device."""
        if self._capture.grab():
            self._grabs_left, self._has_given = 1, True
            return True
        self._grabs_left -= 1
        if self._grabs_left:
            return False
        if self._has_given:
            raise CameraError(f"{self.name}: gives no pictures any more; {LOOK_AT}")
        _FORMS.pop(self._config.source, None)
        raise CameraError(f"{self.name}: gives no picture; correct camera.source if it is a web page's, else {LOOK_AT}")

    def picture(self) -> tuple[Image, Image]:
        """See Device. A camera whose session is over sends its log-in page in place of a picture."""
        try:
            return super().picture()
        except BadFrameError as why:
            if why.reason != "not_an_image":
                raise
            raise BadFrameError(
                f"{self.name}: what answers there is no picture, perhaps a log-in or error page; open the address in a "
                "browser, and correct camera.source, its user name or password",
                reason=why.reason,
            ) from why


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
    unknown = "the name of its host is not known; look at network and DNS, or correct camera.source"
    if took_s > LONGEST_SILENCE_S:  # only a search for a name outlasts FFmpeg's time-outs: another would take as long
        return unknown
    try:
        is_there = _answers(source)
    except socket.gaierror:
        return unknown
    if not is_there:
        return f"cannot be opened; {LOOK_AT}, and whether others use it"
    if took_s >= REFUSED_S:
        late = f"what answers there gave no picture within {took_s:.0f} s"
        return f"{late}; look at camera, network, user name and password, or choose a smaller picture"
    wrong = "what answers there gives no pictures for this address, user name and password"
    by_tcp = ", let the camera send over TCP, not UDP alone," if source.startswith("rtsp") else ","
    return f"{wrong}; correct camera.source{by_tcp} or look whether others use it"


def _answers(address: str) -> bool:
    """Does anybody there take a connection? FFmpeg tells no reason. Raises socket.gaierror: its name is not known."""
    try:
        where = urlsplit(address)
        port = where.port or PORTS[where.scheme]
        if where.hostname is None:  # which would be this machine
            return False
        socket.create_connection((where.hostname, port), ANSWER_S).close()
    except socket.gaierror:
        raise
    except (OSError, ValueError, KeyError):  # no TCP, or no address at all
        return False
    return True
