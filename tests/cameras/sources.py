"""Real sources for the camera tests: a folder of pictures, a video file, and a network camera that can fall ill."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, Literal

import cv2
import numpy as np

from edge.boxes import Image
from edge.cameras import Camera
from edge.config import CameraTable
from edge.errors import FieldeyeError

FRAMES = Path(__file__).parent.parent / "data" / "frames"
BROKEN = FRAMES / "broken"
PICTURES = sorted(FRAMES.glob("*.jpg"))
Health = Literal["playing", "stalled", "repeating"]


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


def video_of_pictures(at: Path, size: tuple[int, int] = (320, 240)) -> Path:
    path = at / "field.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, size)
    for picture in PICTURES:
        writer.write(cv2.resize(picture_of(picture), size))
    writer.release()
    return path


def picture_of(path: Path) -> Image:
    image = cv2.imread(str(path))
    assert image is not None
    return np.asarray(image, np.uint8)


class NetworkCamera:
    """An MJPEG camera over HTTP, 20 pictures a second or slower, on one port of this machine for its whole life."""

    def __init__(self, pictures: list[bytes]) -> None:
        self.pictures = pictures
        self.health: Health = "playing"
        self.every_s = 0.05
        self.port = 0
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


def _handler(camera: NetworkCamera, unplugged: Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            camera.connections += 1
            self.send_response(200)
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
