"""Light in, frames out: `open_camera` chooses among the kinds and imports only the one that is chosen."""

from collections.abc import Callable, Collection
from threading import Event

from edge.cameras.base import Camera, Frame, without_credentials
from edge.cameras.watch import WatchedCamera
from edge.clock import Clock
from edge.config import CameraTable

__all__ = ["Camera", "Frame", "WatchedCamera", "open_camera", "open_watched_camera"]


def open_camera(config: CameraTable, clock: Clock, known: Collection[str] = ()) -> Camera:
    """The configured camera as it is; a fed folder shows no `known` names. Raises CameraError, here or when read."""
    return KINDS[config.kind](config, clock, known)


def open_watched_camera(config: CameraTable, clock: Clock, stop: Event) -> WatchedCamera:
    """The configured camera, opened when first read and again whenever it fails, until `stop` is set."""
    name = f"{config.kind} {without_credentials(config.source)}"
    known: set[str] = set()
    return WatchedCamera(
        lambda: open_camera(config, clock, known), clock, stop, name=name, stall_s=config.stall_s, known=known
    )


def _folder(config: CameraTable, clock: Clock, known: Collection[str]) -> Camera:
    from edge.cameras.folder import FolderCamera  # noqa: PLC0415 only when chosen

    return FolderCamera(config, clock, known)


def _opencv(config: CameraTable, clock: Clock, _known: Collection[str]) -> Camera:
    from edge.cameras.opencv import open_opencv  # noqa: PLC0415 only when chosen

    return open_opencv(config, clock)


def _picamera(config: CameraTable, clock: Clock, _known: Collection[str]) -> Camera:
    from edge.cameras.picamera import open_picamera  # noqa: PLC0415 only when chosen

    return open_picamera(config, clock)


KINDS: dict[str, Callable[[CameraTable, Clock, Collection[str]], Camera]] = {
    "folder": _folder,
    "opencv": _opencv,
    "picamera": _picamera,
}
