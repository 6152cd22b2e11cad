"""Light in, frames out: `open_camera` chooses among the kinds and imports only the one that is chosen."""

from collections.abc import Callable
from threading import Event

from edge.cameras.base import Camera, Frame, without_credentials
from edge.cameras.picture_files import Shown
from edge.cameras.watch import FIRST_PICTURE_S, WatchedCamera
from edge.clock import Clock
from edge.config import CameraTable

__all__ = ["Camera", "Frame", "WatchedCamera", "open_camera", "open_watched_camera"]


def open_camera(config: CameraTable, clock: Clock, known: set[str] | None = None, shown: Shown | None = None) -> Camera:
    """The configured camera as it is; a folder shows no `known` names and none of what was `shown` before.

    Raises CameraError, here or when read.
    """
    return KINDS[config.kind](config, clock, known, shown)


def open_watched_camera(config: CameraTable, clock: Clock, stop: Event) -> WatchedCamera:
    """The configured camera, opened when first read and again whenever it fails, until `stop` is set."""
    name = f"{config.kind} {without_credentials(config.source)}"
    known: set[str] = set()
    shown: Shown = set()  # a folder on a stick that was pulled goes on where it was
    return WatchedCamera(
        lambda: open_camera(config, clock, known, shown),
        clock,
        stop,
        name=name,
        stall_s=config.stall_s,
        first_s=FIRST_PICTURE_S if config.is_stream else None,
        known=known,
    )


def _folder(config: CameraTable, clock: Clock, known: set[str] | None, shown: Shown | None) -> Camera:
    from edge.cameras.folder import FolderCamera  # noqa: PLC0415 only when chosen

    return FolderCamera(config, clock, known, shown)


def _opencv(config: CameraTable, clock: Clock, *_: object) -> Camera:
    from edge.cameras.opencv import open_opencv  # noqa: PLC0415 only when chosen

    return open_opencv(config, clock)


def _picamera(config: CameraTable, clock: Clock, *_: object) -> Camera:
    from edge.cameras.picamera import open_picamera  # noqa: PLC0415 only when chosen

    return open_picamera(config, clock)


KINDS: dict[str, Callable[[CameraTable, Clock, set[str] | None, Shown | None], Camera]] = {
    "folder": _folder,
    "opencv": _opencv,
    "picamera": _picamera,
}
