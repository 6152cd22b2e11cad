"""From detections to who is counted: the three ways of looking, behind one call a picture. Pure.

    census = begun("live", classes=15)
    census, step = census.looked(found, sure, time_s, image)

`live` counts visits, `trap` what is new on the card, `leaf` leaves that are affected.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from edge.boxes import Bools, Image, Ints
from edge.calibration import EVERYTHING, Region, shows_board
from edge.config import CameraTable, Mode
from edge.counts import Unit
from edge.detections import Detections
from edge.leaf import Sightings, is_green, lesion_share
from edge.tracker import Tracks, followed
from edge.trap import FORGOTTEN_AFTER, Card, Reading, read_card

BOARD = "board"  # the word for pictures on which the calibration board lies where is counted
NO_LEAF = "no_leaf"  # the word for pictures of leaf mode on which nothing is green and nothing was found: no zero
UNITS: Mapping[Mode, Unit] = {"live": "visits", "trap": "new", "leaf": "affected_frames"}
DAY_S = 86_400.0
SLOWEST_S = 2.0  # between pictures; at one a second 9 % of the visits are wrong, see docs/counting.md


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single answer to ==
class Step:
    """What one picture added.

    counted: (k,) class of each individual or leaf that this picture made count
    number: (n,) of each detection, the insect's own number where it has one, else 0
    skipped: why the picture was no unit of effort (same_leaf; no_leaf; unmatched: no known card; board: it lies there),
        or empty
    severity: share of the leaf that is lesion, None where it is not asked or cannot be told
    card: what a trap's picture said
    """

    counted: Ints
    number: Ints
    skipped: str = ""
    severity: float | None = None
    card: Reading | None = None


class Census(Protocol):
    """One camera's way of counting, up to now."""

    def looked(self, found: Detections, sure: Bools, time_s: float, image: Image) -> tuple["Census", Step]:
        """After one more picture (H, W, 3) uint8 BGR; `sure` (n,) are the detections above the model's threshold."""


@dataclass(frozen=True, slots=True, eq=False)
class LiveCensus:
    """Insects come and go: each visit counts once, under the name that the evidence so far gives it."""

    tracks: Tracks

    def looked(self, found: Detections, sure: Bools, time_s: float, image: Image) -> tuple["LiveCensus", Step]:
        """See Census."""
        tracks, step = followed(self.tracks, found, sure, time_s, image)
        name = dict(zip(tracks.number.tolist(), tracks.class_id.tolist(), strict=True))
        return LiveCensus(tracks), Step(np.array([name[visit] for visit in step.visits], np.int64), step.number)


@dataclass(frozen=True, slots=True, eq=False)
class TrapCensus:
    """Insects accumulate on a card: each counts in the picture that shows it first."""

    card: Card
    region: Region = EVERYTHING  # in which all that it is given lies
    forgotten_after: int = FORGOTTEN_AFTER  # bare pictures

    def looked(self, found: Detections, sure: Bools, time_s: float, image: Image) -> tuple["TrapCensus", Step]:  # noqa: ARG002 a card has no clock
        """See Census. A board that lies on the card, to measure it, is neither a catch nor another card."""
        if shows_board(image, self.region):
            return self, Step(np.empty(0, np.int64), np.zeros(len(found), np.int64), BOARD)
        card, reading = read_card(self.card, found, sure, image, self.region, self.forgotten_after)
        is_new = (found.xyxy[:, None] == reading.new_xyxy[None]).all(axis=2).any(axis=1)
        skipped = reading.verdict if reading.verdict == "unmatched" else ""
        return replace(self, card=card), Step(reading.new, is_new.astype(np.int64), skipped, card=reading)


@dataclass(frozen=True, slots=True, eq=False)
class LeafCensus:
    """Each leaf counts once for each disease it shows; spots are not counted."""

    leaves: Sightings
    lesions: Collection[int]  # classes

    def looked(self, found: Detections, sure: Bools, time_s: float, image: Image) -> tuple["LeafCensus", Step]:  # noqa: ARG002 a leaf has no clock
        """See Census."""
        here, nobody = found.where(sure), np.zeros(len(found), np.int64)
        if not len(here) and not is_green(image):
            return self, Step(np.empty(0, np.int64), nobody, NO_LEAF)
        leaves, again = self.leaves.with_(image)
        if again:
            return self, Step(np.empty(0, np.int64), nobody, "same_leaf")
        severity = lesion_share(image, here, self.lesions)
        return replace(self, leaves=leaves), Step(np.unique(here.class_id), nobody, severity=severity)


def follows(camera: CameraTable) -> bool:
    """Do its pictures come close enough to know an insect again? A folder of single pictures is no film.

    At a minute a picture nobody can tell who is who: there `live` publishes the most on one frame.
    """
    return camera.mode == "live" and camera.kind != "folder" and camera.every_s <= SLOWEST_S


def unit_of(camera: CameraTable) -> Unit:
    """What its intervals count in."""
    return "max_per_frame" if camera.mode == "live" and not follows(camera) else UNITS[camera.mode]


def forgotten_after(camera: CameraTable) -> int:
    """Bare pictures after which a trap forgets an insect: those of a day; of a fed folder nobody knows how many."""
    return FORGOTTEN_AFTER if camera.fed else max(FORGOTTEN_AFTER, round(DAY_S / max(camera.every_s, 1.0)))


def begun(mode: Mode, classes: int, lesions: Collection[int] = ()) -> Census:
    """Nothing seen yet, by a model of so many `classes`.

    `lesions` are the classes by which a leaf's severity can be told; where the model has none it is not.
    """
    if mode == "live":
        return LiveCensus(Tracks.none(classes))
    return LeafCensus(Sightings(), lesions) if mode == "leaf" else TrapCensus(Card.none())
