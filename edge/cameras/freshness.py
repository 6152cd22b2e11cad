"""When did a camera last give something new? Its silence, and the same picture again and again."""

import math
import zlib
from typing import Literal

from edge.cameras.base import Frame


class Freshness:
    """Owned by the thread that reads the camera; all times are monotonic.

    stall_s: so long a silence is a stall; first_s: before the first picture since it was opened
    """

    def __init__(self, stall_s: float, first_s: float) -> None:
        self._stall_s, self._first_s = stall_s, first_s
        self.has_given = False  # since it was opened
        self._new_at_s = self._asked_until_s = 0.0
        self.is_snapshot = False  # it gives one picture each time it is opened; known once one was put away
        self._last_sum: int | None = None  # of the picture before
        self._looked_sum: int | None = None  # of the one that a look had last
        self._repeated_s = -math.inf  # when the last picture came once more
        self._same_since_s: float | None = None  # when it first did so

    def opened(self, now_s: float) -> None:
        """Its silence begins."""
        self.has_given = False
        self._new_at_s = self._asked_until_s = now_s

    def asked(self, now_s: float) -> None:
        """Of the time that nobody asked, as in a look of 20 s, at most half a stall counts as the camera's silence."""
        self._new_at_s += max(0.0, now_s - self._asked_until_s - self._stall_s / 2)

    def answered(self, now_s: float) -> None:
        """Whatever it was."""
        self._asked_until_s = now_s

    def is_at_work(self, now_s: float) -> None:
        """It says what it does meanwhile: that is no silence."""
        self._new_at_s = now_s

    def came(self, now_s: float) -> None:
        """A picture that is new."""
        self.has_given, self._same_since_s, self._new_at_s = True, None, now_s

    def is_repeat(self, frame: Frame, now_s: float) -> bool:
        """The same bytes twice: a sensor's noise never does that, but a USB driver that has stalled does.

        Every eighth row is summed. A picture of one single value, as in the dark, proves nothing.
        """
        before, self._last_sum = self._last_sum, zlib.crc32(frame.image[::8].tobytes())
        if before != self._last_sum or frame.luma.min() == frame.luma.max():
            return False
        self._repeated_s = now_s
        if self._same_since_s is None:
            self._same_since_s = now_s
        return True

    def begin_look(self) -> None:
        """What a snapshot's address showed in a rest or a preview is still new to a look."""
        if self.is_snapshot:
            self._last_sum = self._looked_sum

    def end_look(self) -> None:
        """It had the picture that came last."""
        self._looked_sum = self._last_sum

    def put_away(self) -> None:
        """The only picture of a snapshot's address was had."""
        if not self.is_snapshot:
            self.is_snapshot = True
            self.begin_look()

    def is_same(self, now_s: float, for_s: float = 0.0) -> bool:
        """Has it given nothing but its last picture, and for so long?"""
        return self._same_since_s is not None and now_s - self._same_since_s >= for_s

    @property
    def has_repeated(self) -> bool:
        """Has its last picture come once more since it was opened, and nothing new after it?"""
        return self._repeated_s >= self._new_at_s

    def glance_in_s(self, now_s: float) -> float:
        """When to look whether it still gives something."""
        return self._new_at_s + self._stall_s / 2 - now_s

    def stall(self, now_s: float) -> Literal["repeating", "stalled"] | None:
        """None: it is not silent for so long. Repeating is what it did to the end, not only before it fell silent."""
        if now_s - self._new_at_s < (self._stall_s if self.has_given else self._first_s):
            return None
        return "repeating" if now_s - self._repeated_s < self._stall_s / 2 else "stalled"
