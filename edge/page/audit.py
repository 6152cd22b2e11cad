"""The audit trail in the reader's words: who did what, when, from where."""

from collections.abc import Iterable
from dataclasses import dataclass

from edge.page.words import Moments, gettext
from edge.store import Entry


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
    """The first word is a code; what follows is a name, a key or a value and stands as it is."""
    code, _, rest = what.partition(" ")
    words = {
        "log-in": gettext("Logged in"),
        "claim": gettext("Claimed the node"),
        "password": gettext("Changed the password"),
        "person": gettext("People"),
        "setting": gettext("Setting"),
        "visit": gettext("Visit"),
        "deleted-question": gettext("Deleted a question"),
        "clock": gettext("Set the clock by a phone"),
        "support": gettext("Fetched the file for help from afar"),
    }
    return ": ".join(filter(None, (words.get(code, code), rest)))


def outcome_words(outcome: str) -> str:
    """What came of it; an unknown word is shown as it is."""
    return {"done": "", "refused": gettext("refused")}.get(outcome, outcome)
