"""The Raspberry Pi's own camera through picamera2, imported only when it is chosen.

One configuration with two streams: main for pictures, a small YUV one for the gate. What was asked for is not what is
given (a USB or virtual camera answers in NV12), so the format is read from the configuration that came back.
"""

import logging
from collections.abc import Callable
from concurrent.futures import TimeoutError as NotYetError
from typing import Any

from edge.boxes import Image
from edge.cameras.pixels import inside, rotated, to_bgr, to_luma
from edge.cameras.reader import ThreadedCamera
from edge.clock import Clock
from edge.config import CameraTable
from edge.errors import CameraError

log = logging.getLogger(__name__)

PATIENCE_S = 5.0  # with a driver that hangs, see `close`
BUFFERS = 4  # one is held by the reader, one is being filled, two lie between
FASTEST_FPS = 30.0
FRAMES_A_LOOK = 4.0  # what is not looked at still costs the Pi's processor and memory bandwidth


def open_picamera(config: CameraTable, clock: Clock) -> ThreadedCamera:
    """The Pi camera number `camera.source`. Raises CameraError if picamera2 is not installed."""
    try:
        import picamera2  # noqa: PLC0415 only when chosen: it is Debian's and never a dependency
    except ImportError as why:
        raise CameraError(
            f"picamera2 cannot be imported ({why}); run: sudo apt install python3-picamera2, "
            "and use a virtual environment made with --system-site-packages"
        ) from why
    return ThreadedCamera(PiDevice(config, picamera2.Picamera2), clock)


class PiDevice:
    """One picamera2 camera; owned by its reader thread."""

    tells_repeats = True

    def __init__(self, config: CameraTable, picamera2: Any) -> None:
        self._config = config
        self._picamera2 = picamera2
        self.name = f"Pi camera {config.source}"
        self._camera: Any = None
        self._job: Any = None  # asked for and not yet there
        self._request: Any = None  # the newest, held until the next one comes
        self._turn_deg = config.rotation_deg  # what the sensor leaves to do; a quarter turn always

    def open(self) -> None:
        """See Device."""
        if not self._config.source.isdecimal():
            raise CameraError(f"{self.name}: camera.source is the camera's number; write 0 for the first")
        try:
            self._camera = self._picamera2(int(self._config.source))
            self._camera.configure(self._configuration())
            turned = self._camera.camera_config["transform"]  # what came of it: not every sensor turns
            self._turn_deg = 0 if turned.hflip and turned.vflip else self._config.rotation_deg
            self._camera.start()
        except (RuntimeError, IndexError) as why:  # picamera2 has no error of its own
            raise CameraError(f"{self.name}: cannot be opened ({why}); {remedy(why)}") from why

    def grab(self, wait_s: float) -> bool:
        """See Device. The job stays in line when its time is over, so that no buffer is lost to it."""
        try:
            if self._job is None:
                self._job = self._camera.capture_request(wait=False)
            request = self._job.get_result(timeout=wait_s)
        except NotYetError:
            return False
        except RuntimeError as why:
            raise CameraError(f"{self.name}: stopped ({why}); look at its ribbon cable") from why
        self._job = None
        self._let_go()
        self._request = request
        return True

    def picture(self) -> tuple[Image, Image]:
        """See Device."""
        image, luma = self._converted("main", to_bgr), self._converted("lores", to_luma)
        luma = inside(luma, self._config.lores_width_px, self._config.lores_height_px)
        return rotated(image, self._turn_deg), rotated(luma, self._turn_deg)

    def close(self) -> None:
        """See Device. A job in line is cancelled first: picamera2 would wait for it behind a sensor that is dead.

        libcamera's `stop` holds Python's lock: while a driver hangs, it would freeze the whole node until systemd's
        watchdog ends it. So a driver gets a few seconds to come round first.
        """
        if self._camera is None:
            return
        if self._job is not None and not self._came_round():
            self._camera.cancel_all_and_flush()
            self._job = None
        self._let_go()
        self._camera.close()
        self._camera = None

    def _came_round(self) -> bool:
        try:
            return self.grab(PATIENCE_S)
        except CameraError:
            return False  # it is given up as it is

    def _converted(self, stream: str, convert: Callable[[Image, str, int, int], Image]) -> Image:
        given = self._request.config[stream]
        return convert(self._request.make_array(stream), given["format"], *given["size"])

    def _let_go(self) -> None:
        if self._request is not None:
            self._request.release()
            self._request = None

    def _configuration(self) -> Any:
        from libcamera import Transform  # noqa: PLC0415 comes with picamera2

        half_turn = int(self._config.rotation_deg == 180)
        return self._camera.create_video_configuration(
            main={"size": (self._config.width_px, self._config.height_px), "format": "RGB888"},
            lores={"size": (self._config.lores_width_px, self._config.lores_height_px), "format": "YUV420"},
            transform=Transform(hflip=half_turn, vflip=half_turn),
            buffer_count=BUFFERS,
            controls=self._controls(),
        )

    def _controls(self) -> dict[str, Any]:
        wanted = wanted_controls(self._config)
        missing = sorted(wanted.keys() - self._camera.camera_controls.keys())
        if missing:
            log.warning("camera_controls_skipped", extra={"camera": self.name, "controls": missing})
        return {key: value for key, value in wanted.items() if key not in missing}


def remedy(why: Exception) -> str:
    """What to do where picamera2 could not open a camera; libcamera's own reason may stand behind a vaguer one."""
    if "busy" in f"{why} {why.__context__}".lower():
        return "another program has it: end that one"
    return "look at its ribbon cable, try: rpicam-hello --list-cameras"


def wanted_controls(config: CameraTable) -> dict[str, Any]:
    """libcamera's controls for what is configured, by its names and in its units (µs, dioptres)."""
    frame_us = _frame_duration_us(config)
    controls: dict[str, Any] = {"FrameDurationLimits": (frame_us, frame_us)}
    if config.exposure_us is not None:
        controls["ExposureTime"] = config.exposure_us
    if config.gain is not None:
        controls["AnalogueGain"] = config.gain
    if config.exposure_us is not None and config.gain is not None:
        controls["AeEnable"] = False
    if config.awb_gains is not None:
        controls |= {"AwbEnable": False, "ColourGains": config.awb_gains}
    if config.lens_position is not None:
        controls |= {"AfMode": 0, "LensPosition": config.lens_position}  # AfModeManual
    if config.mains_hz:
        controls |= {"AeFlickerMode": 1, "AeFlickerPeriod": 1_000_000 // (2 * config.mains_hz)}  # FlickerManual
    return controls


def _frame_duration_us(config: CameraTable) -> int:
    """A few frames a look, 1 a second at least so that exposure follows the light, never shorter than the exposure."""
    fps = FASTEST_FPS if config.every_s == 0 else min(FASTEST_FPS, max(1.0, FRAMES_A_LOOK / config.every_s))
    return max(round(1_000_000 / fps), config.exposure_us or 0)
