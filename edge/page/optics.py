"""Sharpness and light in words, for the person who turns the lens."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edge.calibration import Exposure
from edge.page import names
from edge.page.live import Shot
from edge.page.tones import Tone
from edge.page.words import gettext, number


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """How the light is, as a colour and words."""

    verdict: str
    tone: Tone
    words: str
    is_shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Optics:
    """What stands below the live picture."""

    sharpness: str
    seen: str
    lights: tuple[Light, ...]  # all, so that a script can show another one; one is shown
    cost: str


def optics(shot: Shot) -> Optics:
    """Of the picture that is shown."""
    return Optics(
        sharpness=number(shot.sharpness, 1),
        seen=seen_words(shot.seen),
        lights=lights(shot.light),
        cost=gettext("One picture has %(size)s kB.", size=number(len(shot.jpeg) / 1000)),
    )


def lights(light: Exposure) -> tuple[Light, ...]:
    """All verdicts on light; that of `light` is shown."""
    sentences: dict[str, tuple[Tone, str]] = {
        "good": ("calm", gettext("The light is good.")),
        "look": ("look", gettext("The light is not even: parts are too bright or too dark.")),
        "dark": ("stop", gettext("Large parts are black: turn the camera or give it light.")),
        "bright": ("stop", gettext("Too bright to count: turn the camera away from the sun or give it shade.")),
    }
    return tuple(
        Light(verdict=verdict, tone=tone, words=words, is_shown=verdict == verdict_on(light))
        for verdict, (tone, words) in sentences.items()
    )


def verdict_on(light: Exposure) -> str:
    """good, look, dark or bright: pixels are lost at both ends, and only one of them is the sun."""
    if light.verdict != "bad":
        return light.verdict
    return "dark" if light.black > light.white else "bright"


def seen_words(seen: Sequence[str] | None) -> str:
    """How many are framed and of what, the most first; None: nobody knows."""
    if seen is None:
        return gettext("The model has not looked at this picture.")
    told = Counter(names.name(label) for label in seen).most_common()
    each = [gettext("%(name)s: %(count)s", name=name, count=number(count)) for name, count in told]
    return " · ".join([gettext("Framed on this picture: %(count)s", count=number(len(seen))), *each])
