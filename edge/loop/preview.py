"""For who watches: more frames than are counted, in the pauses between two looks."""

from edge.boxes import Image
from edge.cameras import Frame, WatchedCamera
from edge.clock import Clock
from edge.counts import Seen
from edge.errors import BadFrameError, CameraError
from edge.eye import Eye
from edge.status import StatusBoard

PREVIEW_S = 0.5  # between two frames that are shown and not counted
QUICK_MS = 2000.0  # a look that takes longer would show the picture too late


class Previews:
    """Owned by the loop."""

    def __init__(self, camera: WatchedCamera, board: StatusBoard, clock: Clock, eye: Eye) -> None:
        self._camera, self._board, self._clock, self._eye = camera, board, clock, eye

    @property
    def are_wanted(self) -> bool:
        """A folder or a film is not read on: each of its pictures counts."""
        return self._camera.is_live and self._board.is_watched(self._clock.monotonic_s())

    def show(self, within_s: float, look_ms: float | None) -> Frame | None:
        """One frame more, if one comes in time. Not counted, not kept. `look_ms`: the last look took; None: not known.

        A camera may give one picture a second: a shorter wait, with a rest behind it, can miss each of them.
        """
        if within_s <= 0 or not self.are_wanted:
            return None
        try:
            frame = self._camera.preview(within_s)
        except (BadFrameError, CameraError):  # the next look will say so
            return None
        self._board.show_frame(frame.image, self._seen(frame.image, look_ms))
        return frame

    def _seen(self, image: Image, look_ms: float | None) -> list[Seen] | None:
        """None: not looked at."""
        is_quick = look_ms is not None and look_ms <= QUICK_MS
        if not is_quick and not self._board.needs_seen(self._clock.monotonic_s()):
            return None
        return self._eye.named(self._eye.sure(image), image)
