"""Real sources for the camera tests: a folder of pictures, a video file, devices and network cameras that fall ill."""

import re
import shutil
import struct
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from typing import Any, Literal

import cv2
import numpy as np

from edge.boxes import Image
from edge.cameras import Camera
from edge.config import CameraTable
from edge.errors import BadFrameError, FieldeyeError
from tests.ports import free_port

FRAMES = Path(__file__).parent.parent / "data" / "frames"
BROKEN = FRAMES / "broken"
PICTURES = sorted(FRAMES.glob("*.jpg"))
NOTICED_WITHIN_S = 10.0  # a promise of the README; a calm machine takes the stall and a second
BACK_WITHIN_S = 60.0
# A test picture of GStreamer's, by x265: a key frame and nine that need it.
BARS = FRAMES.parent / "streams" / "bars.h265"
Health = Literal[
    "playing",
    "stalled",
    "repeating",
    "a snapshot",
    "a snapshot of no told length",
    "a snapshot without query",
    "locked",
    "silent",
]


def read_until_error(camera: Camera, timeout_s: float = 0.5, most: int = 1000) -> tuple[FieldeyeError, int]:
    """The first error that reading gives, and how many frames came before it: some may have been on their way."""
    for number in range(most):
        try:
            camera.read(timeout_s)
        except FieldeyeError as why:
            return why, number
    raise AssertionError(f"{most} frames and no error")


def camera_table(kind: str, source: object, **changes: Any) -> CameraTable:
    return CameraTable(kind=kind, source=str(source), **({"every_s": 0.0} | changes))  # type: ignore[arg-type]


def folder_of_pictures(at: Path) -> Path:
    at.mkdir()
    for number, picture in enumerate(PICTURES):
        shutil.copy(picture, at / f"20260701_06{number:02d}00_{picture.name}")
    return at


def video_of_pictures(at: Path) -> Path:
    path, size = at / "field.avi", (320, 240)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, size)
    for picture in PICTURES:
        writer.write(cv2.resize(picture_of(picture), size))
    writer.release()
    return path


def film_of(width_px: int, height_px: int, at: Path) -> bytes:
    """One black picture of a codec that is no JPEG."""
    writer = cv2.VideoWriter(str(at / "film.avi"), cv2.VideoWriter.fourcc(*"mp4v"), 10, (width_px, height_px))
    writer.write(np.zeros((height_px, width_px, 3), np.uint8))
    writer.release()
    return (at / "film.avi").read_bytes()


def picture_of(path: Path) -> Image:
    image = cv2.imread(str(path))
    assert image is not None
    return np.asarray(image, np.uint8)


class IllDevice:
    """A device whose driver hangs, or whose pictures are all bad, for as long as the test says so."""

    name = "camera on a bad cable"
    tells_repeats = True

    def __init__(self) -> None:
        self.hangs, self.bad = Event(), Event()
        self.opened = self.closed = 0
        self._turn = 0

    def open(self) -> None:
        self.opened += 1

    def grab(self, wait_s: float) -> bool:  # noqa: ARG002 this one does not keep to it
        while self.hangs.is_set():
            Event().wait(0.01)
        Event().wait(0.01)
        self._turn += 1
        return True

    def picture(self) -> tuple[Image, Image]:
        if self.bad.is_set():
            raise BadFrameError("half a picture; look at the cable", reason="truncated")
        image = np.full((32, 32, 3), self._turn % 200, np.uint8)
        return image, image[..., 0].copy()

    def close(self) -> None:
        self.closed += 1


class NetworkCamera:
    """An MJPEG camera over HTTP, 20 pictures a second or slower, on one port of this machine for its whole life."""

    def __init__(self, pictures: list[bytes]) -> None:
        self.pictures = pictures
        self.health: Health = "playing"
        self.every_s = 0.05
        self.port = free_port()
        self.connections = 0
        self.plug_in()

    @property
    def address(self) -> str:
        return f"http://farmer:s3cret@127.0.0.1:{self.port}/field.mjpg"

    def plug_in(self) -> None:
        self._unplugged = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self, self._unplugged))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def unplug(self) -> None:
        self._unplugged.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _refusal(camera: NetworkCamera, path: str) -> int:
    if camera.health == "locked":
        return 401
    return 404 if camera.health == "a snapshot without query" and "?" in path else 0


def _handler(camera: NetworkCamera, unplugged: Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            camera.connections += 1
            if camera.health == "silent":
                unplugged.wait()
                return
            if refusal := _refusal(camera, self.path):
                self.send_error(refusal)
                return
            self.send_response(200)
            if camera.health.startswith("a snapshot"):
                jpeg = camera.pictures[camera.connections % len(camera.pictures)]
                self.send_header("Content-Type", "image/jpeg")
                if camera.health != "a snapshot of no told length":
                    self.send_header("Content-Length", str(len(jpeg)))
                self.end_headers()
                self.wfile.write(jpeg)
                return
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
            self.end_headers()
            with suppress(OSError):  # the viewer has gone
                self._play()

        def _play(self) -> None:
            turn = 0
            while not unplugged.is_set():
                if camera.health != "stalled":
                    turn += camera.health == "playing"
                    jpeg = camera.pictures[turn % len(camera.pictures)]
                    head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
                unplugged.wait(camera.every_s)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def network_camera(pictures: list[bytes] | None = None) -> Iterator[NetworkCamera]:
    camera = NetworkCamera(pictures or [path.read_bytes() for path in PICTURES[:4]])
    try:
        yield camera
    finally:
        camera.unplug()


@contextmanager
def late_key_frame(after_s: float, *, by_tcp: bool = True, most: int | None = None) -> Iterator[str]:
    """The address of an H.265 camera over RTSP (RFC 7826 and 7798), which sends its first key frame so late.

    Not `by_tcp`: it sends over UDP alone. `most`: of its ten pictures, again and again.
    """
    with ThreadingTCPServer(("127.0.0.1", 0), _rtsp_handler(after_s, by_tcp=by_tcp, most=most)) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"rtsp://127.0.0.1:{server.server_address[1]}/bars"
        finally:
            server.shutdown()
            thread.join()


def _rtsp_handler(after_s: float, *, by_tcp: bool, most: int | None) -> type[StreamRequestHandler]:
    units = BARS.read_bytes().split(b"\0\0\0\1")[1:][: None if most is None else 3 + most]
    vps, sps, pps = (b64encode(unit).decode() for unit in units[:3])
    told = f"sprop-vps={vps};sprop-sps={sps};sprop-pps={pps}"
    sdp = f"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=fmtp:96 {told}\r\n"

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # the viewer has gone
                while request := self._request():
                    self._answer(*request)
                    if request[0] == "PLAY":
                        self._play()

        def _request(self) -> tuple[str, str] | None:
            lines = list(iter(lambda: self.rfile.readline().decode().strip(), ""))
            number = re.search(r"CSeq: (\d+)", "\n".join(lines))
            return (lines[0].split()[0], number[1]) if number else None

        def _answer(self, verb: str, number: str) -> None:
            status = "200 OK" if by_tcp or verb != "SETUP" else "461 Unsupported Transport"
            head = f"RTSP/1.0 {status}\r\nCSeq: {number}\r\nSession: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n"
            body = sdp if verb == "DESCRIBE" else ""
            self.wfile.write(
                f"{head}Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            )

        def _play(self) -> None:
            for turn in count():
                for unit in units[4:] if turn * 0.9 < after_s else units:
                    is_picture = unit[0] >> 1 < 32
                    packet = struct.pack(">BBHII", 0x80, 96 | is_picture << 7, self._sent & 0xFFFF, self._at, 7) + unit
                    self.wfile.write(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
                    self._sent += 1
                    if is_picture:
                        self._at += 9000
                        Event().wait(0.1)

        _sent = _at = 0

    return Handler
