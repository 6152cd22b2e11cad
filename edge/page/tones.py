"""How a part of the node is: a colour, an icon and a word that say the same, and sentences."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edge.page.words import gettext

Tone = Literal["calm", "look", "stop", "wait"]
Said = tuple[Tone, str, str]  # colour, sentence and what to do
ICONS: Mapping[Tone, str] = {"calm": "check", "look": "alert", "stop": "stop", "wait": "wait"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One part of the node: how it is and what that means."""

    id: str
    icon: str  # of the part
    title: str
    tone: Tone
    sentence: str
    more: tuple[str, ...] = ()  # what matters most first
    todo: str = ""  # for whoever stands there; empty when there is nothing to do, or the sentence says it
    detail: str = ""  # the machine's own English words

    @property
    def word(self) -> str:
        """Of the tone, so that colour is never alone."""
        if (self.id, self.tone) == ("battery", "stop"):  # the node runs on until its supply ends
            return gettext("Nearly empty")
        return tone_word(self.tone)


def tone_word(tone: Tone) -> str:
    """The word beside a colour."""
    words = {
        "calm": gettext("Good"),
        "look": gettext("Look at it"),
        "stop": gettext("Stopped"),
        "wait": gettext("Waiting"),
    }
    return words[tone]


def line(
    part: str, icon: str, title: str, tone: Tone, sentence: str, *more: str, detail: str = "", todo: str = ""
) -> Line:
    """A Line without what is empty."""
    return Line(
        id=part,
        icon=icon,
        title=title,
        tone=tone,
        sentence=sentence,
        more=tuple(filter(None, more)),
        todo=todo,
        detail=detail,
    )
