"""A USB camera as the kernel shows it: OpenCV's own V4L2 code asks a file that answers as a camera does."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import pytest

from edge.boxes import Image
from tests.cameras.sources import PICTURES, picture_of
from tests.waiting import next_line

SHIM = Path(__file__).with_name("usb_camera.c")
WIDTH_PX, HEIGHT_PX = 640, 480
ASKED = """
import json, logging, sys
from edge.cameras.opencv import UsbDevice
from edge.config import CameraTable
from edge.errors import FieldeyeError

lines = []
logging.lastResort = logging.Handler()
logging.lastResort.emit = lambda line: lines.append([line.opencv_properties, line.given])
device = UsbDevice(CameraTable(kind="opencv", **json.loads(sys.argv[1])))
for what in sys.stdin:
    try:
        if what == "open\\n":
            device.open()
            answer = lines
        elif what == "look\\n":
            device.grab(0)
            image, _ = device.picture()
            answer = [image.shape[1], image.shape[0], round(float(image[-20:].mean()))]
        else:
            answer = device._capture.get(int(what))
    except FieldeyeError as why:
        answer = getattr(why, "reason", str(why))
    print(json.dumps(answer), flush=True)
device.close()
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here")
    library = tmp_path_factory.mktemp("usb") / "usb_camera.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, SHIM], check=True)
    return library


@pytest.fixture
def picture() -> Iterator[Path]:
    """What the camera gives, beside its device file, which has to lie under /dev."""
    with TemporaryDirectory(dir="/dev/shm") as folder:
        Path(folder, "video0").touch()
        Path(folder, "by-id").symlink_to("video0")  # as in /dev/v4l
        yield Path(folder, "picture")


@contextmanager
def process(shim: Path, picture: Path, formats: str, settings: dict[str, float]) -> Iterator[Callable[[object], Any]]:
    """A process of its own has the camera; called with `open`, `look` or a property's number, it answers."""
    folder = picture.parent
    camera = {"USB_CAMERA": f"{folder}/video0", "USB_PICTURE": f"{picture}", "USB_FORMATS": formats}
    around = os.environ | camera | {"USB_SIZE": f"{WIDTH_PX}x{HEIGHT_PX}", "LD_PRELOAD": f"{shim}"}
    command = [sys.executable, "-c", ASKED, json.dumps({"source": f"{folder}/by-id"} | settings)]
    with subprocess.Popen(command, env=around, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as asked:
        assert asked.stdin is not None
        stdin = asked.stdin

        def answer(what: object) -> Any:
            stdin.write(f"{what}\n")
            stdin.flush()
            return json.loads(next_line(asked))

        yield answer
        stdin.close()
    assert asked.returncode == 0


def jpeg_of(image: Image, *how: int) -> bytes:
    return cv2.imencode(".jpg", image, how)[1].tobytes()


@pytest.mark.parametrize("formats", ["MJPG YUYV", "JPEG"])
def test_a_picture_that_the_cable_cuts_off_is_passed_over_and_not_filled_up_with_the_one_before(
    formats: str, shim: Path, picture: Path
) -> None:
    white = jpeg_of(np.full((HEIGHT_PX, WIDTH_PX, 3), 255, np.uint8))
    shown = np.asarray(cv2.resize(picture_of(PICTURES[0]), (WIDTH_PX, HEIGHT_PX)), np.uint8)
    whole, progressive = jpeg_of(shown), jpeg_of(shown, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    size, told = {"width_px": WIDTH_PX, "height_px": HEIGHT_PX}, []
    with process(shim, picture, formats, size) as camera:
        refused = [[[cv2.CAP_PROP_FOURCC], f"JPEG {WIDTH_PX}x{HEIGHT_PX}"]]
        assert camera("open") == (refused if formats == "JPEG" else [])
        for content in (white, whole[: len(whole) // 2], progressive[:-99], b"noise", b"", white):
            picture.write_bytes(content)
            told.append(camera("look"))
        picture.unlink()
        told.append(camera("look"))
    assert told[:4] == [[*size.values(), 255], "truncated", "truncated", "not_an_image"]
    assert told[4:6] == ["damaged", [*size.values(), 255]]
    assert told[6].endswith("by-id: gives no pictures any more; look at plug or network")


def test_a_webcam_that_never_writes_the_end_of_a_jpeg_gives_pictures_all_the_same(shim: Path, picture: Path) -> None:
    white = jpeg_of(np.full((HEIGHT_PX, WIDTH_PX, 3), 255, np.uint8))[:-2]
    rest, told = bytes(WIDTH_PX * HEIGHT_PX), []  # of its buffer
    with process(shim, picture, "MJPG", {"width_px": WIDTH_PX, "height_px": HEIGHT_PX}) as camera:
        camera("open")
        for content in (white, white + rest, white[: len(white) // 2] + rest):
            picture.write_bytes(content)
            told.append(camera("look"))
    assert told == [[WIDTH_PX, HEIGHT_PX, 255], [WIDTH_PX, HEIGHT_PX, 255], "truncated"]


def test_a_usb_camera_without_jpegs_of_that_size_is_taken_as_it_is_and_what_it_gives_is_logged(
    shim: Path, picture: Path
) -> None:
    settings = {"width_px": 1280, "height_px": 720, "exposure_us": 2500, "gain": 3.0}
    with process(shim, picture, "YUYV", settings) as camera:
        refused = [cv2.CAP_PROP_GAIN, cv2.CAP_PROP_FOURCC, cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT]
        assert camera("open") == [[refused, f"YUYV {WIDTH_PX}x{HEIGHT_PX}"]]
        assert len(camera("open")) == 1, "once, and not each time that it is opened anew"
        assert (camera(cv2.CAP_PROP_AUTO_EXPOSURE), camera(cv2.CAP_PROP_EXPOSURE)) == (1, 25), "V4L2's own units"
        assert camera("look").endswith("gives no picture; look at plug or network")
        picture.write_bytes(bytes([200, 128]) * (WIDTH_PX * HEIGHT_PX))
        assert camera("look") == [WIDTH_PX, HEIGHT_PX, 214]
