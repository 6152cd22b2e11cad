"""Sightings in a person's words, and the photograph on which they were seen."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from edge.advice.against_threshold import RISE
from edge.annotations import annotated
from edge.cameras.headers import read_header
from edge.config import Mode
from edge.counts import Box, Sighting, Unit, with_stage
from edge.errors import BadFrameError
from edge.page import names
from edge.page.now.days import Day
from edge.page.now.situation import DAY_S, Counted
from edge.page.words import Moments, caught_in, day_in_words, gettext, listed, number
from edge.store import Decision, Deed, Store, if_readable

CLEAR, PROBABLE = 0.8, 0.5  # from here on it is said so
Found = TypeVar("Found", Sighting, Counted)
Precisions = Mapping[str, float | None]  # of the model that runs, see ModelStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A box as shares 0..1 of the picture."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """A stored picture with what was seen on it."""

    id: str
    label: str  # of the first sighting on it
    seen: str
    words: str  # for those who cannot see it
    caption: str
    note: str  # what is not framed
    width: int  # px
    height: int
    outlines: tuple[Outline, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One sighting in the list."""

    name: str
    scientific: str  # empty if it is the name
    words: str
    ago: str
    at: str
    photo: str  # id, or empty


def seen_headline(sighting: Sighting | Counted) -> str:
    """What was seen and how many; of a disease that is there since days not on how many pictures of the day."""
    if isinstance(sighting, Counted) and sighting.unit == "affected_frames":
        return names.name(sighting.label)
    nights = sighting.nights if isinstance(sighting, Counted) else 1
    return gettext("%(name)s: %(count)s", name=names.name(sighting.label), count=caught_in(nights, sighting.count))


def likely(one: Sighting | Counted | None) -> str:
    """The range of a count, by what the model overlooks and takes for it in tests; empty where it says no more."""
    if not isinstance(one, Counted) or one.low is None or one.high is None or one.low == one.high:
        return ""
    return gettext("Likely between %(low)s and %(high)s", low=number(one.low), high=number(one.high))


def how_sure(confidence: float, precision: float | None) -> str:
    """A detector's confidence as a person would say it, never surer than what it calls so was right in tests.

    `precision`: share 0..1 of that; None: not measured.
    """
    if precision is None and confidence >= PROBABLE:
        return gettext("how sure is not known")
    if is_doubtful(confidence, precision):
        return gettext("not sure")
    return gettext("clearly recognised") if min(confidence, precision or 0.0) >= CLEAR else gettext("probably")


def is_doubtful(confidence: float, precision: float | None) -> bool:
    """May it as well be something else?"""
    return min(confidence, precision or 0.0) < PROBABLE


def label_of(sighting: Sighting) -> str:
    """As the model has it, with its stage."""
    return with_stage(sighting.label, sighting.stage)


def precision_of(label: str, precisions: Precisions) -> float | None:
    """Of what the model that runs calls so; what it does not know is taken for as sure as was said then."""
    return precisions.get(label, 1.0)


def foremost(sightings: Sequence[Found], done: Container[str] = ()) -> Found | None:
    """The one to name first: of the pest that there was most of, and the newest of equals.

    Naming the newest would hide fourteen hoppers of the night behind the one bug that came at dawn. A pest comes before
    a friend, and before labels about which somebody has `done` something.
    """
    foes = [one for one in sightings if not names.is_harmless(one.label)]
    still_open = [one for one in foes if one.label not in done]
    return max(still_open or foes or sightings, key=lambda one: one.count, default=None)


def deed_key(label: str) -> str:
    """Of what somebody did about a pest in sight."""
    return f"seen|{label}"


def deed_about(one: Sighting | Counted, store: Store, when: Moments) -> Deed | None:
    """What somebody did about it within a day, unless it has become clearly more since."""
    deed = if_readable(store.decisions.deed, deed_key(one.label), None)
    if deed is None or abs((when.now_utc - deed.utc).total_seconds()) >= DAY_S:
        return None
    return None if deed.about is not None and one.count >= RISE * deed.about else deed


def counts_of(day: Day, unit: Unit) -> list[Counted]:
    """What the day tells in its `unit`, each with the nights in which it came."""
    return [
        Counted(label, figure.count, unit, day.effort(label).nights, figure.low, figure.high)
        for label, figure in day.figures.items()
        if figure.count
    ]


def latest(days: Sequence[Day], unit: Unit | None) -> str:
    """What the last of these days with pictures showed; empty if there is none."""
    last = next((day for day in reversed(days) if day.frames), None)
    if last is None or unit is None:
        return ""
    first = foremost(counts_of(last, unit))
    what = gettext("Nothing was seen.") if first is None else seen_headline(first)
    return gettext("Last day with pictures, %(day)s: %(what)s", day=day_in_words(last.day), what=what)


def pictured(store: Store, looked_back: int) -> dict[str, Sighting]:
    """Name of a picture -> the newest sighting on it, newest first, of so many sightings."""
    found: dict[str, Sighting] = {}
    for stored in store.latest_sightings(looked_back):
        record = stored.record
        if isinstance(record, Sighting) and record.picture is not None:
            found.setdefault(record.picture, record)
    return found


def photo_of(
    lead: Sighting | None,
    sightings: Sequence[Sighting],
    store: Store,
    when: Moments,
    mode: Mode,
    precisions: Precisions,
) -> Photo | None:
    """Of the sighting that the page speaks of, else of the newest whose picture is still there."""
    ordered = sorted(sightings, key=lambda one: one is not lead)
    kept = dict.fromkeys(sighting.picture for sighting in ordered if sighting.picture is not None)
    photos = (photo(name, ordered, store, when, mode, precisions) for name in kept)
    return next((found for found in photos if found is not None), None)


def photo(
    name: str, sightings: Sequence[Sighting], store: Store, when: Moments, mode: Mode, precisions: Precisions
) -> Photo | None:
    """A stored picture with the boxes of all that was seen on it; None if it is gone or broken."""
    content = store.picture(name)
    size = size_px(content)
    same = [sighting for sighting in sightings if sighting.picture == name]
    if content is None or size is None or not same:
        return None
    marked = [one.box for one in annotated(content)]
    boxes = marked or [sighting.box for sighting in same]
    seen = listed(_in_sight(sighting, mode) for sighting in same)
    answers: Mapping[int, Decision] = if_readable(store.decisions.on, name, {})
    wrong = sum(not one.is_right for one in answers.values())
    is_else = bool(marked) and wrong == len(marked)
    sure = how_sure(same[0].confidence, precision_of(label_of(same[0]), precisions))
    if is_else:
        sure = gettext("a person said: this is something else")
    time = when.at(same[0].at.utc)
    return Photo(
        id=name,
        label=same[0].label,
        seen=seen,
        words=gettext("Photograph from the field with %(seen)s", seen=seen),
        caption=gettext("%(seen)s · %(sure)s · %(time)s", seen=seen, sure=sure, time=time),
        note=gettext("The clearest one is framed.") if len(boxes) < sum(one.count for one in same) else "",
        width=size[0],
        height=size[1],
        outlines=tuple(outline(box, size) for box in boxes),
    )


def _in_sight(sighting: Sighting, mode: Mode) -> str:
    if mode != "trap":
        return seen_headline(sighting)
    lies = {"name": names.name(sighting.label), "count": number(sighting.count)}
    return gettext("%(name)s: %(count)s on the card", **lies)


def outline(box: Box, size: tuple[int, int]) -> Outline:
    """A box on a drawing of that size."""
    left, top, right, bottom = box
    width, height = size
    return Outline(
        x=round(left * width, 1),
        y=round(top * height, 1),
        width=round((right - left) * width, 1),
        height=round((bottom - top) * height, 1),
    )


def size_px(jpeg: bytes | None) -> tuple[int, int] | None:
    """Width and height in px of a picture, None if it is gone or broken. Reads its header only."""
    if jpeg is None:
        return None
    try:
        header = read_header(jpeg)
    except BadFrameError:
        return None
    return (header.width_px, header.height_px) if header.is_whole else None


def rows(sightings: Iterable[Sighting], when: Moments, precisions: Precisions) -> tuple[Row, ...]:
    """The list of what was seen lately."""
    return tuple(
        Row(
            name=names.name(sighting.label),
            scientific=sighting.label if names.name(sighting.label) != sighting.label else "",
            words=gettext(
                "%(count)s on one picture, %(sure)s",
                count=number(sighting.count),
                sure=how_sure(sighting.confidence, precision_of(label_of(sighting), precisions)),
            ),
            ago=when.ago(sighting.at.utc),
            at=when.at(sighting.at.utc),
            photo=sighting.picture or "",
        )
        for sighting in sightings
    )


def nothing_words(*, is_zero: bool, is_counted: bool, is_fed: bool, is_trap: bool) -> str:
    """An empty list: what came late, or has been there since longer, is counted only; a real zero; nobody looked."""
    if is_counted and is_fed:
        return gettext("Pictures that come late are counted and not listed here.")
    if is_counted:
        return gettext("Nothing new: what was counted was seen before that.")
    if is_fed and not is_zero:
        return gettext("No picture of the last 24 hours has been counted yet.")
    if is_zero and is_trap:
        return gettext("Nothing new on the card.")
    return gettext("Nothing was seen.") if is_zero else gettext("No data: nothing was looked at.")
