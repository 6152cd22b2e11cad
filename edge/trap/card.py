"""What is known of one card: where each insect lies, and the surface around them. Records only."""

from dataclasses import dataclass, fields

import numpy as np

from edge.boxes import Bools, Floats, Ints
from edge.trap.places import Places

FALLEN_AFTER = 2  # pictures in a row on which its place was bare


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays have no single answer to ==
class Insects:
    """n insects of a card; columns of equal length, places in the card's own px, as `Places` has them.

    look: (n, 6) signature with the light taken out
    bare: (n,) pictures in a row on which its place was bare
    waiting: (n,) seen once and not surely: a second look decides
    """

    xyxy: Floats
    look: Floats
    bare: Ints
    waiting: Bools

    def __len__(self) -> int:
        return len(self.waiting)

    def where(self, keep: Bools) -> "Insects":
        """Those of the mask (n,)."""
        return Insects(**{f.name: getattr(self, f.name)[keep] for f in fields(self)})

    def joined(self, others: "Insects") -> "Insects":
        """With the `others` behind."""
        both = {f.name: (getattr(self, f.name), getattr(others, f.name)) for f in fields(self)}
        return Insects(**{name: np.concatenate(columns) for name, columns in both.items()})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Card:
    """A card up to now; begin with `Card.none`. `places` None: no picture of it yet."""

    insects: Insects
    places: Places | None = None
    unmatched: int = 0  # pictures in a row that did not show this card
    region: Bools | None = None  # (h, w) of the last picture that showed it: what counted
    former: "Card | None" = None  # until a picture that is not bare: the one before, which may be seen again

    @staticmethod
    def none() -> "Card":
        """Nothing seen yet."""
        return Card(
            insects=Insects(
                xyxy=np.empty((0, 4), np.float32),
                look=np.empty((0, 6), np.float32),
                bare=np.empty(0, np.int64),
                waiting=np.empty(0, np.bool_),
            )
        )

    @property
    def known_places(self) -> Places:
        """`places`, of a card of which a picture has been seen."""
        assert self.places is not None  # noqa: S101  read_card begins a card without them
        return self.places

    @property
    def present(self) -> Bools:
        """(n,) does it lie on the card now?"""
        return ~self.insects.waiting & (self.insects.bare < FALLEN_AFTER)
