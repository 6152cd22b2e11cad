"""What a person is asked to check: single boxes cut out of kept pictures, as sentences and numbers for a drawing."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import sqrt
from unicodedata import combining, normalize

from edge.annotations import annotated
from edge.counts import Box, Seen, Sighting, name_and_stage
from edge.label_sets import names_of
from edge.languages import language
from edge.page import names
from edge.page.names import HEALTHY
from edge.page.now.sightings import Outline, Precisions, how_sure, outline, pictured, precision_of, size_px
from edge.page.references import Reference, reference
from edge.page.words import Moments, gettext, number
from edge.store import BoxKey, Store, Tally
from edge.taxa import taxa, taxon

LOOKED_BACK = 300  # sightings, newest first: some nights
SHOWN = 6  # boxes on one page: each loads a picture of about 40 kB
FOUND = 10  # names in an answer
COMMON = 6  # names to choose from before anybody searches
LEAST_SIDE = 0.12  # of the picture's longer side: a tiny insect is told by what it sits on
ROOM = 1.8  # sides of the cut-out against the longer side of the box
LEAST_LOOKED = 5  # decisions, before a share says anything


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxAt:
    """A box with all that is known of it."""

    key: BoxKey
    seen: Seen
    sighting: Sighting
    size_px: tuple[int, int]  # of the picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """One box to be checked."""

    picture: str
    box: int
    view_box: str
    width: int
    height: int
    outline: Outline
    question: str
    scientific: str
    words: str
    reference: Reference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How often the model was right about a taxon at this place."""

    name: str
    words: str


def undecided(store: Store) -> Iterator[BoxAt]:
    """Boxes nobody has decided on, newest picture first, the surest of a picture first."""
    for name, sighting in pictured(store, LOOKED_BACK).items():
        done = store.decisions.on(name)
        yield from (one for one in _boxes_on(store, name, sighting) if one.key.box not in done)


def box(store: Store, key: BoxKey) -> BoxAt | None:
    """One box of a picture of the last nights; None if it is not kept."""
    sighting = pictured(store, LOOKED_BACK).get(key.picture)
    found = () if sighting is None else _boxes_on(store, key.picture, sighting)
    return next((one for one in found if one.key == key), None)


def _boxes_on(store: Store, name: str, sighting: Sighting) -> tuple[BoxAt, ...]:
    """All boxes of a picture; () if it is gone, broken or from before boxes were kept in pictures."""
    jpeg = store.picture(name)
    size = size_px(jpeg)
    if jpeg is None or size is None:
        return ()
    return tuple(
        BoxAt(key=BoxKey(name, index), seen=seen, sighting=sighting, size_px=size)
        for index, seen in enumerate(annotated(jpeg))
    )


def crop(one: BoxAt, when: Moments, precisions: Precisions) -> Crop:
    """In the reader's words."""
    name = names.name(one.seen.label)
    width_px, height_px = one.size_px
    sure = how_sure(one.seen.confidence, precision_of(one.seen.label, precisions))
    return Crop(
        picture=one.key.picture,
        box=one.key.box,
        view_box=view_box(one.seen.box, width_px, height_px),
        width=width_px,
        height=height_px,
        outline=outline(one.seen.box, one.size_px),
        question=gettext("Is this “%(name)s”?", name=name),
        scientific=one.seen.label if name != one.seen.label else "",
        words=gettext("%(sure)s · %(time)s", sure=sure, time=when.at(one.sighting.at.utc)),
        reference=reference(one.seen.label),
    )


def view_box(shares: Box, width_px: int, height_px: int) -> str:
    """A square round a box (shares of the picture) with what is around it, moved into the picture, in px."""
    left, top, right, bottom = shares[0] * width_px, shares[1] * height_px, shares[2] * width_px, shares[3] * height_px
    side = max(ROOM * max(right - left, bottom - top), LEAST_SIDE * max(width_px, height_px))
    side = min(side, width_px, height_px)
    x = min(max(0.0, (left + right - side) / 2), width_px - side)
    y = min(max(0.0, (top + bottom - side) / 2), height_px - side)
    return f"{x:.0f} {y:.0f} {side:.0f} {side:.0f}"


def names_here(store: Store, labels: Iterable[str]) -> list[str]:
    """What the model told most often of late, then what else it can tell, `labels`; some of one's own are no taxa."""
    told = Counter(name_and_stage(one.label)[0] for one in pictured(store, LOOKED_BACK).values())
    return names_of([*(label for label, _ in told.most_common()), *labels])


def commonest(here: Iterable[str], but: str) -> list[tuple[str, str, str]]:
    """As `search`: the first of `names_here`; never what the model said, `but`."""
    said = name_and_stage(but)[0]
    return _choices(label for label in here if label != said)[:COMMON]


def search(words: str, here: Iterable[str]) -> list[tuple[str, str, str]]:
    """Label, local name and scientific name of what may be meant: names that begin so first, then those that hold it.

    In the reader's language, in English, by the scientific name and by everyday names; accents and capitals do not
    matter. Among all taxa and `names_here`.
    """
    wanted = folded(words)
    if not wanted:
        return []
    ranked, code = [], language()
    for row in dict.fromkeys((*taxa(), *(taxon(name) for name in here if name != HEALTHY))):
        known = {folded(name) for name in (row.name(code), row.name("en"), row.scientific_name, *row.also)}
        if any(wanted in name for name in known):
            ranked.append((not any(name.startswith(wanted) for name in known), len(row.name("en")), row))
    ranked.sort(key=lambda one: one[:2])
    found = [row.scientific_name for _, _, row in ranked]
    if wanted in folded(names.name(HEALTHY)):
        found.insert(0, HEALTHY)
    return _choices(found[:FOUND])


def _choices(labels: Iterable[str]) -> list[tuple[str, str, str]]:
    named = [(label, names.name(label)) for label in labels]
    return [(label, name, label if label not in {name, HEALTHY} else "") for label, name in named]


def folded(text: str) -> str:
    """Without accents and capitals: `Rầy nâu` is found by `ray nau`."""
    apart = normalize("NFKD", text.strip().casefold()).replace("đ", "d")
    return "".join(sign for sign in apart if not combining(sign))


def is_name(label: str, here: Iterable[str]) -> bool:
    """May a person call a box so? `here`: as `names_here`."""
    return label in {HEALTHY, *here} or any(row.scientific_name == label for row in taxa())


def shares(tallies: Iterable[Tally], model: str) -> list[Share]:
    """How often `model` was right here by what people decided, most looked at first."""
    own = sorted((one for one in tallies if one.model == model), key=lambda one: -one.looked)
    return [Share(name=names.name(one.said), words=_share_words(one)) for one in own]


def _share_words(tally: Tally) -> str:
    right, looked = number(tally.right), number(tally.looked)
    if tally.looked < LEAST_LOOKED:
        return gettext("%(right)s of %(looked)s right; too few to say more", right=right, looked=looked)
    low, high = wilson(tally.right, tally.looked)
    return gettext(
        "%(right)s of %(looked)s right: between %(low)s and %(high)s of a hundred",
        right=right,
        looked=looked,
        low=number(100 * low),
        high=number(100 * high),
    )


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Interval of a proportion, 0..1. Wilson (1927), JASA 22:209-212; z=1.96 is 95 %. No trials: (0, 1)."""
    if not trials:
        return 0.0, 1.0
    z = 1.96
    share, square = hits / trials, z * z / trials
    middle = (share + square / 2) / (1 + square)
    half = z * sqrt(share * (1 - share) / trials + square / (4 * trials)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)
