"""The insects that are being followed, as columns."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge.boxes import Floats, Ints
from edge.tracker.motion import Motion, Numbers

Mask = NDArray[np.bool_]


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
    confirmed: Mask
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

    def where(self, keep: Mask) -> "Tracks":
        """Those of the mask (n,)."""
        return replace(
            self,
            number=self.number[keep],
            motion=Motion(self.motion.state[keep], self.motion.spread[keep]),
            box_px=self.box_px[keep],
            look=self.look[keep],
            evidence=self.evidence[keep],
            recent=self.recent[keep],
            seen_s=self.seen_s[keep],
            confirmed=self.confirmed[keep],
        )

    def joined(self, others: "Tracks") -> "Tracks":
        """With the `others` behind."""
        both = self.motion.state, others.motion.state
        return replace(
            self,
            number=np.concatenate([self.number, others.number]),
            motion=Motion(np.concatenate(both), np.concatenate([self.motion.spread, others.motion.spread])),
            box_px=np.concatenate([self.box_px, others.box_px]),
            look=np.concatenate([self.look, others.look]),
            evidence=np.concatenate([self.evidence, others.evidence]),
            recent=np.concatenate([self.recent, others.recent]),
            seen_s=np.concatenate([self.seen_s, others.seen_s]),
            confirmed=np.concatenate([self.confirmed, others.confirmed]),
        )
