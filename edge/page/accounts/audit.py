"""The audit trail in the reader's words: who did what, when, from where."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from edge.page.link_words import link_words
from edge.page.node import node
from edge.page.set_up import steps
from edge.page.settings.fields import Field, fields
from edge.page.settings.own_levels import level_words
from edge.page.words import Moments, gettext, listed
from edge.store import Entry

STEP = re.compile(rf"(\w+)(?: (\d.*|{steps.UNHEARD}|{steps.AGAIN}))?")  # of a visit; anything else is a person's note
COMPARED = re.compile(r"(\d+): (\d+\.\d) ([+-]\d+\.\d)")  # pictures, error and bias of a count by hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One line of the trail."""

    what: str
    who: str
    at: str
    outcome: str  # empty if it was simply done


def shown_trail(entries: Iterable[Entry], when: Moments) -> list[Shown]:
    """In their order."""
    return [
        Shown(what=what_words(one.what), who=one.who, at=when.at(one.utc), outcome=outcome_words(one.outcome))
        for one in entries
    ]


def what_words(what: str) -> str:
    """The first word is a code; what follows is in the words of the page where these are known, else as it is."""
    code, _, rest = what.partition(" ")
    if code == "setting":
        rest = _setting_words(rest)
    if code == "visit":
        rest = _visit_words(rest)
    if code in ("level", "level-deleted"):
        with suppress(ValueError):  # a label of node.toml may hold anything
            label, act_at, unit, *source = rest.split(" | ", 3)
            rest = " · ".join((level_words(label, float(act_at), unit), *source))
    words = {
        "log-in": gettext("Logged in"),
        "claim": gettext("Claimed the node"),
        "password": gettext("Changed the password"),
        "person": gettext("People"),
        "setting": gettext("Setting"),
        "level": gettext("Action level"),
        "level-deleted": gettext("Deleted an action level"),
        "visit": gettext("Visit"),
        "deleted-question": gettext("Deleted a question"),
        "clock phone": gettext("Set the clock by a phone"),
        "support": gettext("Fetched the file for help from afar"),
    }
    if what in words:
        return words[what]
    name = words.get(code, code)
    return gettext("%(name)s: %(count)s", name=name, count=rest) if rest else name


def outcome_words(outcome: str) -> str:
    """What came of it; an unknown word is shown as it is."""
    code, _, left = outcome.partition(": ")
    if code == "open":
        named = steps.titles()
        return gettext("left open: %(steps)s", steps=listed(named.get(step, step) for step in left.split(", ")))
    return {"done": "", "refused": gettext("refused")}.get(outcome, outcome)


def _setting_words(told: str) -> str:
    """Of `camera.every_s: 60.0 → 30.0`."""
    if told == "undo":
        return gettext("Undo")
    key, _, change = told.partition(": ")
    known = next((field for _, group in fields(node().config) for field in group if field.key == key), None)
    if known is None:
        return told
    before, _, after = change.partition(" → ")
    values = f"{_value_words(known, before)} → {_value_words(known, after)}"
    return gettext("%(name)s: %(count)s", name=known.label, count=values)


def _value_words(field: Field, value: str) -> str:
    if field.kind == "yes":
        return {"True": gettext("Yes"), "False": gettext("No")}.get(value, value)
    if field.kind == "number":
        return value.removesuffix(".0")
    return dict(field.options).get(value, value)


def _visit_words(told: str) -> str:
    """Of `hand 3: 2.7 -0.7`, or what somebody wrote at the end of a visit."""
    if told == "undo":
        return gettext("Undo")
    step = STEP.fullmatch(told)
    title = steps.titles().get(step[1]) if step else None
    if step is None or title is None:
        return told
    figure = step[2] or ""
    if compared := COMPARED.fullmatch(figure):
        pictures, error, bias = compared.groups()
        figure = steps.agreement_words(int(pictures), float(error), float(bias))
    words = {steps.UNHEARD: link_words(steps.UNHEARD), steps.AGAIN: gettext("To do")}
    return gettext("%(name)s: %(count)s", name=title, count=words.get(figure, figure)) if figure else title
