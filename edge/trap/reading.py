"""One picture more of a card: match it by place, and say which insects are new. Pure."""

from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from edge.boxes import Bools, Floats, Image, Ints, intersection
from edge.detections import Detections
from edge.trap.card import FALLEN_AFTER, Card, Insects
from edge.trap.pairing import is_bare_now, paired, with_strugglers
from edge.trap.picture import Picture, centres, looks
from edge.trap.places import BARE, Places, in_view, is_same, structure
from edge.trap.registration import (
    SCALES,
    Affine,
    Relief,
    after,
    is_bare,
    laid,
    part,
    registered,
    relief,
    warped,
    working_scale,
)

Verdict = Literal["first", "matched", "unmatched", "changed", "restarted"]
RESTART_AFTER = 2  # pictures in a row that do not show the card: it is another one, or the camera was moved
FORGOTTEN_AFTER = 24  # pictures in a row on which its place was bare, at least: a day of hourly ones
TELLING = 6  # insects that hung there: the loss of fewer says nothing of the card
CHANGED_SHARE = 0.5  # a sudden loss of so many of them is a new card and no wind
TAKEN_SHARE = 0.25  # of the pictures for which these are remembered, should rain or dew have hidden them
ROUNDED_PX = 1.5  # by which a side may be off its proportion, as both pictures' sides are rounded
EDGE_SHARE = 0.4  # of its box that lies where its middle does: half, and boxes are a little off
FILL = 0.56  # share of its box that an insect covers: 818 insects outlined by hand on cards
FULL = 1 / 3  # share of the card from which the catch is no longer in proportion
MOST_GONE = 1000  # remembered, the latest: each takes 8 kB against the thousand insects of a full card
FULL_AT = 1000  # insects on it, from which on a detector tells the strongest alone, see edge.seams


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """What one picture said.

    verdict: first: a start, nothing is new · matched · unmatched: this picture shows no card that is known, nothing is
    counted and nothing is lost · changed: another card, what lies on it is new · restarted: the camera was moved, or
    gives pictures of another size
    new: (k,) class of each insect that is new since the picture before
    """

    verdict: Verdict
    new: Ints
    new_xyxy: Floats  # (k, 4) px of this picture
    present: int  # insects now on the part of the card that is in view
    covered: float  # share of the card, 0..1
    saturated: bool
    is_former: bool = False  # the card of before the last start hangs there again, or may

    @property
    def begins(self) -> bool:
        """Does a card begin with it? What hangs there may have come at any time: that nothing is new is no zero."""
        return self.verdict in {"first", "restarted"}


class Region(Protocol):
    """The part of the picture that counts."""

    def mask(self, width_px: int, height_px: int) -> Image:
        """(h, w) uint8, not 0 inside."""


def read_card(
    card: Card,
    found: Detections,
    sure: Bools,
    image: Image,
    region: Region | None = None,
    forgotten_after: int = FORGOTTEN_AFTER,
) -> tuple[Card, Reading]:
    """The card after one more picture (H, W, 3) uint8 BGR, and what is new on it. Pure.

    `sure` (n,): the detection is above the model's threshold; an unsure one counts when a second picture shows it.
    `region`: in which all of `found` lies; None: the whole picture. `forgotten_after`: so many pictures with its place
    bare an insect is new when it is seen there again.
    """
    now = relief(image)
    boxes = found.xyxy * np.float32(working_scale(image))
    counts = np.ones(now.fine.shape, np.bool_) if region is None else region.mask(*now.size) > 0
    seen = Picture(boxes, found, sure, looks(image, found.xyxy), counts)
    if card.places is None:
        return _begun(replace(card, places=Places.of(now, counts)), seen, "first")
    former = card.former
    card, move = _recognised(card, now, boxes)
    is_former = card is former
    if move is None:
        card, reading = _unmatched(card, seen, now)
    else:
        card, move = _followed(card, now, move)
        card = replace(_of_region(card, counts, move), unmatched=0)
        card, reading = _matched(card, seen.through(move), now, move, forgotten_after)
    return card, replace(reading, is_former=is_former)


def _recognised(card: Card, now: Relief, boxes: Floats) -> tuple[Card, Affine | None]:
    """Which card the picture shows, and how it lies: of two, first the one before the last start is asked."""
    if card.former is not None and not is_bare(now):
        move = _registered(card.former, now, boxes)
        is_from_bare = is_bare(card.known_places.as_relief()) and not is_bare(card.former.known_places.as_relief())
        if move is not None or (is_from_bare and _may_be(card.former, now, boxes)):
            return card.former, move
        card = replace(card, former=None)
    return card, _registered(card, now, boxes)


def _registered(card: Card, now: Relief, boxes: Floats) -> Affine | None:
    if not _is_in_proportion(card, now):
        return None
    marks = centres(card.insects.xyxy[card.present]), centres(boxes)
    return registered(card.known_places.as_relief(), now, *marks, _lies(card, now))


def _lies(card: Card, now: Relief) -> Affine | None:
    """The map of a card that lies where it lay, by the ratio of sizes in a picture of another one; None beyond SCALES.

    Nobody has to find that scale: what is found is a little off, and would drift where sizes alternate.
    """
    (_, before), (_, long) = _sides(card, now)
    ratio = before / long
    if not SCALES[0] < ratio < SCALES[1]:
        return None
    return after(np.array([[ratio, 0, (ratio - 1) / 2], [0, ratio, (ratio - 1) / 2]]), card.known_places.lies)


def _may_be(card: Card, now: Relief, boxes: Floats) -> bool:
    """Of a picture in which the known card was not found: does it surely show a part of it, or can nobody tell?

    In a picture of another size the model finds more or fewer insects on the same card.
    """
    return not _is_as_large(card, now) or _is_in_part(card, now, boxes)


def _is_in_part(card: Card, now: Relief, boxes: Floats) -> bool:
    """Is some of the known card surely in view, most of its insects there too? All cards may bear the same print."""
    places, known = card.known_places, card.insects.xyxy[card.present]
    move = part(places.as_relief(), now, centres(known), centres(boxes))
    if move is None:
        return False
    moved, view = warped(now, move, places.as_relief().size)
    still = is_same(places.last, moved, known[in_view(view, known)])
    return bool(still.sum() > CHANGED_SHARE * len(still))


def _is_as_large(card: Card, now: Relief) -> bool:
    """Has this picture the sides of the last one that showed the card, upright or lying, in working px?"""
    before, sides = _sides(card, now)
    return before == sides


def _is_in_proportion(card: Card, now: Relief) -> bool:
    """One of other proportions may be drawn out: then nothing lies where it lay, and what was overlooked looks new."""
    (short, long), (short_now, long_now) = _sides(card, now)
    return abs(short_now * long / long_now - short) < ROUNDED_PX


def _sides(card: Card, now: Relief) -> tuple[list[int], list[int]]:
    """Of the last picture that showed the card, if it is known, and of this one; the shorter one first."""
    return sorted(now.size if card.region is None else card.region.shape), sorted(now.size)


def _followed(card: Card, now: Relief, move: Affine) -> tuple[Card, Affine]:
    """What the picture shows of the card and what was seen of that before, so that what arrives there later counts."""
    places, shift = card.known_places.around(move, now.size)
    if places is card.places:
        return card, move
    insects = replace(card.insects, xyxy=card.insects.xyxy + np.tile(shift[:, 2], 2).astype(np.float32))
    part = np.array([[0, 0, *places.as_relief().size]], np.float32)
    is_there = intersection(insects.xyxy, part)[:, 0] > 0  # however little: at the edge a box shows what is in view
    return replace(card, places=places, insects=insects.where(is_there)), after(move, shift)


def _of_region(card: Card, region: Bools, move: Affine) -> Card:
    """Where another region counts now, what lies outside is forgotten, and what it adds is seen for the first time.

    A picture of another size is another region, too, and lies where it lies by a scale of its own.
    """
    places = card.known_places
    if card.region is not None and np.array_equal(card.region, region):
        return card
    here = laid(region, move, places.as_relief().size)
    insects = card.insects.where(in_view(here, card.insects.xyxy, EDGE_SHARE))
    return replace(card, region=region, places=replace(places, ever=places.ever & here, lies=move), insects=insects)


def _begun(card: Card, seen: Picture, verdict: Verdict) -> tuple[Card, Reading]:
    """A card seen for the first time. Only on one that somebody put up meanwhile are insects new."""
    begun = replace(card, insects=seen.as_insects(seen.sure), region=seen.region)
    return begun, _reading(begun, seen, verdict, seen.sure & (verdict == "changed"))


def _unmatched(card: Card, seen: Picture, now: Relief) -> tuple[Card, Reading]:
    """Nothing is counted from a picture that shows no known card; a second one begins anew.

    The card may only have been taken out, or something stood before it. Where so few insects are left that it would be
    another one, a last look asks whether it is still the same: pushed aside, or in a picture of another size.
    """
    waited = replace(card, unmatched=card.unmatched + 1)
    if waited.unmatched < RESTART_AFTER:
        return waited, _reading(waited, seen, "unmatched", np.zeros_like(seen.sure))
    fewer = int(seen.sure.sum()) <= CHANGED_SHARE * int(card.present.sum())
    begins = replace(Card.none(), places=Places.of(now, seen.region), former=card)
    is_another = fewer and not _may_be(card, now, seen.xyxy)
    return _begun(begins, seen, "changed" if is_another else "restarted")


def _matched(card: Card, seen: Picture, now: Relief, move: Affine, forgotten_after: int) -> tuple[Card, Reading]:
    places, insects = card.known_places, card.insects
    moved, view = warped(now, move, places.as_relief().size)
    row_of = paired(insects, seen)
    lost = is_bare_now(insects, row_of, places, moved, view)
    row_of = with_strugglers(insects, seen, row_of, lost)
    free = row_of < 0
    shows = structure(moved, seen.xyxy) >= BARE
    known_view = in_view(places.ever, seen.xyxy, EDGE_SHARE)
    seen_places = places.seen(moved, view, laid(seen.region, move, places.as_relief().size), move)
    there_before = ~known_view | is_same(seen_places.first, moved, seen.xyxy)
    old = free & shows & there_before & seen.sure
    new = free & shows & ~there_before
    updated, decided = _updated(insects, seen, row_of, lost)
    joined = updated.joined(seen.as_insects(old | new))
    before = int(card.present.sum())
    gone, gone_before = (int((bare & card.present).sum()) for bare in (lost, insects.bare > 0))
    is_another = before >= TELLING and gone_before <= CHANGED_SHARE * before < gone  # once: its places stay bare
    if before >= TELLING and gone_before > CHANGED_SHARE * before:
        joined = _taken(joined, forgotten_after)
    read = replace(card, insects=_remembered(joined, forgotten_after), places=seen_places)
    verdict: Verdict = "changed" if is_another else "matched"
    return read, _reading(read, seen, verdict, (new & seen.sure) | decided)


def _updated(insects: Insects, seen: Picture, row_of: Ints, lost: Bools) -> tuple[Insects, Bools]:
    """The known insects after this picture; and which detections turn one that waited into one that counts."""
    columns = np.flatnonzero(row_of >= 0)
    rows = row_of[columns]
    xyxy, look, waiting = insects.xyxy.copy(), insects.look.copy(), insects.waiting.copy()
    step = np.where(lost[rows], 1.0, 0.5).astype(np.float32)[:, None]  # one that has struggled on lies there now
    xyxy[rows] += step * (seen.xyxy[columns] - xyxy[rows])
    look[rows] = seen.look[columns]
    bare = insects.bare + lost
    bare[rows] = 0
    decided = np.zeros(len(row_of), np.bool_)
    decided[columns] = waiting[rows]
    waiting[rows] = False
    return replace(insects, xyxy=xyxy, look=look, bare=bare, waiting=waiting), decided


def _taken(insects: Insects, forgotten_after: int) -> Insects:
    """Those that are gone went with their card, as a rule: on the next, 14 of 50 were taken for some of 170 of them."""
    left = max(FORGOTTEN_AFTER, round(TAKEN_SHARE * forgotten_after))
    taken = insects.bare >= FALLEN_AFTER
    return replace(insects, bare=np.where(taken, np.maximum(insects.bare, forgotten_after - left), insects.bare))


def _remembered(insects: Insects, forgotten_after: int) -> Insects:
    """A leaf or a drop on the lens may hide an insect for a night; kept for ever, dew's places would blind the card."""
    forgotten = (insects.bare >= forgotten_after) | (insects.waiting & (insects.bare > 0))
    gone = np.flatnonzero((insects.bare > 0) & ~forgotten)
    forgotten[gone[np.argsort(insects.bare[gone], kind="stable")][MOST_GONE:]] = True
    return insects.where(~forgotten)


def _reading(card: Card, seen: Picture, verdict: Verdict, new: Bools) -> Reading:
    covered, present = _covered(card), int(card.present.sum())
    return Reading(
        verdict=verdict,
        new=seen.found.class_id[new],
        new_xyxy=seen.found.xyxy[new],
        present=present,
        covered=covered,
        saturated=covered > FULL or present >= FULL_AT,
    )


def _covered(card: Card) -> float:
    """Share of the card, of what counts on it, that lies under insects; of boxes that overlap only once."""
    places = card.known_places
    mask = np.zeros(places.last.shape, np.uint8)
    for left, top, right, bottom in card.insects.xyxy[card.present].round().astype(int).tolist():
        mask[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = 1
    return float(mask[places.ever].mean()) * FILL
