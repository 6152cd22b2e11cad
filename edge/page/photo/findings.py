"""What was found on a photograph, in words with how sure; and what the station was asked and says."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.counts import TaxonCount
from edge.page import names
from edge.page.now.sightings import Outline, how_sure, likely, outline, seen_headline
from edge.page.now.situation import Counted
from edge.page.tones import Tone
from edge.page.words import Moments, gettext, ngettext, number
from edge.photographs import Answer, Found
from edge.store import Question

CLEAR = 0.8  # a model was never shown what the other one knows: beside the surer of the two it has to be clear
NAMED = 4  # taxa in the answer: what follows is guessing


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One taxon on the photograph."""

    name: str  # empty where the headline has said it
    scientific: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The answer: colour, word and sentence say the same."""

    tone: Tone
    word: str
    headline: str
    lines: tuple[Line, ...]
    action: str
    outlines: tuple[Outline, ...]
    guess: str  # label of the surest, empty for none


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question to the station and how far it is."""

    id: str
    has_photo: bool
    tone: Tone
    state: str
    at: str
    note: str
    answer: str
    name: str  # what the station calls it, in the reader's language
    by: str
    deleted: str  # what Delete takes away, empty for whoever may not


def findings(answer: Answer, *, has_station: bool = True) -> Findings:
    """In the reader's words. What the model is not sure of is never said without its doubt. `has_station`: one that
    can be asked, by the node or by its number.
    """
    if answer.counts is not None:
        return _on_card(answer, answer.counts)
    shown = [one for one in answer.found if one.is_sure] or list(answer.found[:1])
    shown = [one for one in shown if one.model == shown[0].model or one.confidence >= CLEAR]
    by_label: dict[str, list[Found]] = {}
    for one in shown:
        by_label.setdefault(one.label, []).append(one)
    groups = list(by_label.values())[:NAMED]
    tone, word, headline, action = _said(groups, has_station=has_station)
    return Findings(
        tone=tone,
        word=word,
        headline=headline,
        lines=tuple(_line(group) for group in groups),
        action=action,
        outlines=tuple(outline(one.box, (answer.width_px, answer.height_px)) for group in groups for one in group),
        guess=groups[0][0].label if groups else "",
    )


def _on_card(answer: Answer, told: Sequence[TaxonCount]) -> Findings:
    """How many lie on a sticky card: one look tells neither when they came nor, of all insects, which they are."""
    counts = [Counted(one.label, one.count, "max_per_frame", 1, one.low, one.high) for one in told]
    tone: Tone = "wait"
    word, headline = gettext("Nothing found"), gettext("No insect was recognised on the card.")
    action = gettext("Photograph all of the card from straight ahead, in good light.")
    if counts:
        is_wide = names.is_wide(counts[0].label)
        tone, word = ("wait", gettext("Counted on the card")) if is_wide else ("look", gettext("Look at it"))
        headline = seen_headline(counts[0])
        action = gettext("Look at the card: which insects are they?") if is_wide else _look_around()
    return Findings(
        tone=tone,
        word=word,
        headline=headline,
        lines=tuple(_counted_line(one, answer.found, is_named=len(counts) > 1) for one in counts),
        action=action,
        outlines=tuple(outline(one.box, (answer.width_px, answer.height_px)) for one in answer.found if one.is_sure),
        guess=counts[0].label if counts else "",
    )


def _counted_line(one: Counted, found: Sequence[Found], *, is_named: bool) -> Line:
    precision = next(seen.precision for seen in found if seen.label == one.label)
    words = (likely(one), _tested_words(precision))
    return Line(name=seen_headline(one) if is_named else "", scientific="", words=" · ".join(filter(None, words)))


def _said(groups: list[list[Found]], *, has_station: bool) -> tuple[Tone, str, str, str]:
    if not groups:
        nothing = gettext("Nothing was recognised.")
        why = gettext("That does not mean that the plant is healthy: the node knows only some pests and diseases.")
        return "wait", gettext("Not recognised"), nothing, f"{why} {_again(has_station=has_station)}"
    best = groups[0][0]
    name = names.name(best.label)
    if not best.is_sure:
        doubt = gettext("The node is not sure.")
        perhaps = gettext("Perhaps: %(name)s", name=name)
        return "wait", gettext("Not sure"), perhaps, f"{doubt} {_again(has_station=has_station)}"
    if all(names.is_harmless(group[0].label) for group in groups):
        word = gettext("All quiet") if best.label == names.HEALTHY else gettext("Harmless")
        return "calm", word, name, names.harmless_words(best.label)
    foe = next(group[0] for group in groups if not names.is_harmless(group[0].label))
    return "look", gettext("Look at it"), names.name(foe.label), _look_around()


def _look_around() -> str:
    return gettext("Look at the plants around it: how many have it?")


def _line(group: list[Found]) -> Line:
    best = group[0]
    name = names.name(best.label)
    sure = how_sure(best.confidence, best.precision) if best.is_sure else gettext("not sure")
    places = ngettext("%(num)s place, %(sure)s", "%(num)s places, %(sure)s", len(group), sure=sure)
    tested = _tested_words(best.precision) if best.is_sure else ""
    return Line(
        name=name,
        scientific=best.label if name != best.label else "",
        words=" · ".join(filter(None, (places, tested))),
    )


def _tested_words(precision: float | None) -> str:
    if precision is None:
        return ""
    return gettext("In tests, %(right)s of 100 such answers were right.", right=number(round(100 * precision)))


def asked(one: Question, when: Moments, *, may_delete: bool) -> Asked:
    """In the reader's words."""
    if one.answer is not None:
        tone: Tone = "calm"
        state = gettext("The station has answered %(ago)s", ago=when.ago(one.answer.utc))
    elif one.is_sent:
        tone, state = "wait", gettext("The station has it; no answer yet")
    else:
        tone, state = "wait", gettext("Waits on the node until the station can be reached")
    given = one.answer
    return Asked(
        id=one.id,
        has_photo=one.size_bytes > 0,
        tone=tone,
        state=state,
        at=when.at(one.at.utc),
        note=one.note,
        answer=given.text if given else "",
        name=names.name(given.label) if given and given.label else "",
        by=given.who if given else "",
        deleted=_deleted_words(one) if may_delete else "",
    )


def _deleted_words(one: Question) -> str:
    if one.is_sent:
        return gettext(
            "The photograph, the words with it and the answer are deleted on this node for good. "
            "The station has its own copy: ask it to delete that, too."
        )
    return gettext(
        "The photograph and the words with it are deleted on this node for good. "
        "Nothing more of it goes to the station."
    )


def _again(*, has_station: bool) -> str:
    """How to photograph it: models learned insects from near, whole leaves and fruits, of rice a piece of a blade."""
    says = gettext(
        "Photograph an insect from nearer, of a disease one whole leaf or fruit (of long leaves the sick part), "
        "in good light."
    )
    ask = gettext("Or ask the station.")
    return f"{says} {ask}" if has_station else says


def refused_words(reason: str) -> str:
    """Why a file cannot be looked at, and what to do."""
    words = {
        "empty": gettext("No photograph was chosen."),
        "not_an_image": gettext("This file is no photograph that can be read here. Send a JPEG, PNG or WebP."),
        "too_large": gettext("This photograph is too large. Set the phone's camera to a smaller size and try again."),
        "too_small": gettext("This picture is too small to recognise anything. Take a photograph from nearer."),
        "dark": gettext("This photograph is too dark to recognise anything. Take another one in more light."),
        "overexposed": gettext("This photograph is too bright to recognise anything. Take another one in the shade."),
        "blurred": gettext(
            "This photograph is not sharp enough to recognise anything. Take another one: hold still, and touch the "
            "insect or the spot on the screen."
        ),
        "truncated": gettext("Only a part of the photograph has arrived. Send it again."),
    }
    return words.get(reason, gettext("This photograph is damaged. Take it again."))
