"""The insects that are being followed, as columns."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edge.boxes import Bools, Floats, Ints
from edge.tracker.motion import Motion, Numbers

_COLUMNS = ("number", "box_px", "look", "evidence", "recent", "seen_s", "confirmed")  # beside the motion


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays have no single answer to ==
class Tracks:
    """n followed insects; columns of equal length.

    number: (n,) the track's number, never given twice
    box_px: (n, 2) smoothed width and height
    look: (n, 6) smoothed signature, nan where no picture was at hand
    evidence: (n, classes) sum of the confidences with which each class was seen
    recent: (n,) int64, one bit a frame, the newest lowest: was it seen?
    seen_s: (n,) when it was there last
    """

    number: Ints
    motion: Motion
    box_px: Numbers
    look: Floats
    evidence: Numbers
    recent: Ints
    seen_s: Numbers
    confirmed: Bools
    time_s: float | None = None  # of the frame before
    given: int = 0  # numbers handed out

    @staticmethod
    def none(classes: int) -> "Tracks":
        """Nobody yet; the model knows so many `classes`."""
        return Tracks(
            number=np.empty(0, np.int64),
            motion=Motion(np.empty((0, 4)), np.empty((0, 3))),
            box_px=np.empty((0, 2)),
            look=np.empty((0, 6), np.float32),
            evidence=np.empty((0, classes)),
            recent=np.empty(0, np.int64),
            seen_s=np.empty(0),
            confirmed=np.empty(0, np.bool_),
        )

    def __len__(self) -> int:
        return len(self.number)

    @property
    def size_px(self) -> Numbers:
        """(n,) square root of the box's area."""
        return np.asarray(np.sqrt(self.box_px.prod(axis=1)))

    @property
    def class_id(self) -> Ints:
        """(n,) the class with the most evidence over the whole track, not the one of the last frame."""
        return np.asarray(self.evidence.argmax(axis=1), np.int64)

    @property
    def undecided(self) -> bool:
        """Would another look at the same scene say more: is one a visit, has one left?"""
        return not bool((self.confirmed & (self.recent & 1 == 1)).all())

    def unmoved(self, time_s: float) -> "Tracks":
        """The same at a time when the scene is as it was: who was seen then is seen now."""
        return replace(self, seen_s=np.where(self.recent & 1 == 1, time_s, self.seen_s))

    def where(self, keep: Bools) -> "Tracks":
        """Those of the mask (n,)."""
        columns: dict[str, Any] = {name: getattr(self, name)[keep] for name in _COLUMNS}
        return replace(self, motion=self.motion.where(keep), **columns)

    def joined(self, others: "Tracks") -> "Tracks":
        """With the `others` behind."""
        both: dict[str, Any] = {name: np.concatenate([getattr(self, name), getattr(others, name)]) for name in _COLUMNS}
        return replace(self, motion=self.motion.joined(others.motion), **both)
