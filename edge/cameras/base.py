"""What every camera gives and promises: a Frame with its moment, and three named ways of having none."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from edge.boxes import Image
from edge.clock import Instant


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single answer to ==
class Frame:
    """One picture as the detector sees it, and a small grey one for the gate; both read-only.

    image: (H, W, 3) uint8 BGR
    luma: (h, w) uint8, the same view, about `lores_width_px` wide
    """

    image: Image
    luma: Image
    instant: Instant  # when it reached this node
    source: str  # file name or device, without credentials
    dropped: int  # frames that the camera gave and nobody read, since it was opened
    taken: datetime | None = None  # as a fed folder's picture says itself, local time; with its zone where it tells one
    known_as: str = ""  # by which a fed folder's picture is known, once it is counted

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.luma.ndim != 2:
            raise ValueError(f"Frame wants (H, W, 3) and (h, w), got {self.image.shape} and {self.luma.shape}")
        if self.image.dtype != "uint8" or self.luma.dtype != "uint8":
            raise ValueError(f"Frame wants uint8, got {self.image.dtype} and {self.luma.dtype}")
        for array in (self.image, self.luma):
            array.setflags(write=False)


class Camera(Protocol):
    """One source of frames, owned by one thread. The newest frame wins: there is no queue of frames anywhere."""

    @property
    def description(self) -> str:
        """What it is and where, for people; without credentials."""

    @property
    def is_live(self) -> bool:
        """Does it show the present?"""

    @property
    def tells_repeats(self) -> bool:
        """Are two equal pictures one, seen twice? Where an encoder omits what does not change a still scene gives them.

        Known once it has given a picture.
        """

    def read(self, timeout_s: float) -> Frame:
        """The next frame that is new.

        Raises CameraError when none came within `timeout_s` or, at once, when the camera has gone; CameraEndedError
        when what was to be shown once has been shown; BadFrameError for one picture that cannot be used.
        """

    def close(self) -> None:
        """Give the device back; may be called again. Raises ThreadStuckError if its thread does not end."""

    def leave(self) -> None:
        """`close` because nobody reads it any more; a stream's silent reader is no fault then, it ends by itself."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class ClosedAtExit:
    """`with camera:` for every kind."""

    def close(self) -> None:
        """See Camera.close; a kind that holds nothing has nothing to do."""

    def leave(self) -> None:
        """See Camera."""
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()


def without_credentials(source: str) -> str:
    """A camera's address as it may be shown: `rtsp://user:password@host/path` loses user and password, and the query.

    Cheap cameras carry the password in the query or the path too (`/user=admin&password=…`). Where one with `/`, `?` or
    `#` in it ends nobody can tell: of such an address only the kind is shown.
    """
    if "://" not in source:
        return source
    scheme, _, rest = source.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    behind = rest.removeprefix(authority)
    if "@" in behind:
        return f"{scheme}://…"
    path = re.split(r"[?#]", behind, maxsplit=1)[0]
    return f"{scheme}://{authority.rpartition('@')[2]}{'/…' if '=' in path else path}"
