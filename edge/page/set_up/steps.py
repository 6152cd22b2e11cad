"""The technician's checklist: what has to be right before a node is left alone, and how it is now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from edge.calibration import Calibration
from edge.clock import ClockState
from edge.config import NodeConfig
from edge.count_agreement import Agreement
from edge.page.health import care_line
from edge.page.link_words import link_words
from edge.page.optics import Light
from edge.page.set_up.visit import CHECK_PICTURES, Visit
from edge.page.tones import Line, Tone, tone_word
from edge.page.words import gettext, ngettext, number
from edge.status import Snapshot

DONE: Tone = "calm"
OPEN: Tone = "wait"
BAD: Tone = "look"
AGAIN = "again"  # in the audit trail: a step that was found to be open still
UNHEARD = "no_subscriber"  # figure of a test message that was acknowledged and nobody receives


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: how it is, in words, and where it is done."""

    id: str
    title: str
    tone: Tone
    word: str
    sentence: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the steps are judged by."""

    config: NodeConfig
    snapshot: Snapshot
    lines: Mapping[str, Line]  # the node's health by part
    visit: Visit
    light: Light | None  # of the newest frame; None: there is none
    agreed: Agreement | None
    calibration: Calibration | None
    clock: ClockState
    today: date
    levels: int | None  # that its counts can reach; None: no model has been loaded


def steps(facts: Facts) -> tuple[Step, ...]:
    """All, in the order in which they are best done."""
    made = [
        ("picture", "/live", _picture),
        ("region", "/set-up/region", _region),
        ("focus", "/live", _focus),
        ("scale", "/set-up/scale", _scale),
        ("model", "/set-up/model", _model),
        ("clock", "/set-up/clock", _clock),
        ("place", "/settings#node.latitude", _place),
        ("care", "/set-up/care", _care),
        ("server", "/set-up/server", _server),
        ("hand", "/set-up/hand", _hand),
        ("levels", "/levels", _levels),
        ("power", "/node", _power),
    ]
    named = titles()
    return tuple(_step(name, named[name], address, *judge(facts)) for name, address, judge in made)


def titles() -> dict[str, str]:
    """Each step's id with what it is called."""
    return {
        "picture": gettext("Picture and light"),
        "region": gettext("What is counted"),
        "focus": gettext("Sharpness"),
        "scale": gettext("Millimetres"),
        "model": gettext("Model"),
        "clock": gettext("Clock"),
        "place": gettext("Place"),
        "care": gettext("Lure and card"),
        "server": gettext("Delivery"),
        "hand": gettext("Counted by hand"),
        "levels": gettext("Action levels"),
        "power": gettext("Power"),
    }


def readiness(listed_steps: Sequence[Step]) -> tuple[Tone, str]:
    """May the technician leave?"""
    left = sum(step.tone != DONE for step in listed_steps)
    if not left:
        return "calm", gettext("This node is ready.")
    return "wait", ngettext("%(count)s step is left.", "%(count)s steps are left.", left, count=number(left))


def _step(name: str, title: str, address: str, tone: Tone, sentence: str) -> Step:
    word = gettext("Done") if tone == DONE else gettext("To do") if tone == OPEN else tone_word(tone)
    return Step(id=name, title=title, tone=tone, word=word, sentence=sentence, address=address)


def _picture(facts: Facts) -> tuple[Tone, str]:
    line = facts.lines["camera"]
    if line.tone != "calm":
        return BAD, line.sentence
    if facts.light is None:
        return OPEN, gettext("The camera has not given a picture yet.")
    return (DONE if facts.light.tone == "calm" else BAD), facts.light.words


def _region(facts: Facts) -> tuple[Tone, str]:
    if "calibration" in facts.lines:
        return BAD, facts.lines["calibration"].sentence
    if "region" not in facts.visit.ticks:
        return OPEN, gettext("Draw what is counted, or say that the whole picture is.")
    return DONE, gettext("%(share)s %% of the picture are counted.", share=facts.visit.ticks["region"].figure)


def _focus(facts: Facts) -> tuple[Tone, str]:
    if "focus" not in facts.visit.ticks or facts.calibration is None or facts.calibration.focus is None:
        return OPEN, gettext("Turn the lens until the picture is sharp, and have it remembered.")
    figure, judged_by = facts.visit.ticks["focus"].figure, facts.snapshot.calibration  # the loop follows in seconds
    is_judged = judged_by is not None and judged_by.focus == facts.calibration.focus
    if is_judged and facts.snapshot.camera.focus in ("soft", "blurred"):
        return BAD, gettext("The picture is less sharp than it was: wipe the lens, then focus again.")
    return DONE, gettext("Sharp at %(figure)s.", figure=figure)


def _scale(facts: Facts) -> tuple[Tone, str]:
    known = facts.calibration
    if "scale" not in facts.visit.ticks:
        return OPEN, gettext("Lay the board where the insects are counted and measure it, or type the area.")
    if known is not None and known.scale is not None and known.area_mm2 is None:
        return BAD, gettext("What is counted reaches the horizon, so it has no area: draw only what lies below.")
    if known is None or known.area_mm2 is None:
        return DONE, gettext("Left out: counts have no density.")
    return DONE, gettext("%(area)s cm² are counted.", area=number(known.area_mm2 / 100, 1))


def _model(facts: Facts) -> tuple[Tone, str]:
    line = facts.lines["model"]
    if line.tone != "calm":
        return BAD, line.sentence
    if "model" not in facts.visit.ticks:
        return OPEN, gettext("Look at the live picture: does the model frame what is there?")
    return DONE, gettext("It looks at the live picture. Framed: %(figure)s", figure=facts.visit.ticks["model"].figure)


def _clock(facts: Facts) -> tuple[Tone, str]:
    if facts.clock is ClockState.SYNCED:
        return DONE, gettext("The clock is set.")
    return OPEN, gettext("Compare the clock and the time zone with your phone.")


def _place(facts: Facts) -> tuple[Tone, str]:
    table = facts.config.node
    if table.latitude is None or table.longitude is None:
        return OPEN, gettext("The position is missing.")
    code = table.area_code or gettext("no area code")
    return DONE, gettext(
        "%(site)s, %(latitude)s, %(longitude)s, %(code)s",
        site=table.site,
        latitude=number(table.latitude, 4),
        longitude=number(table.longitude, 4),
        code=code,
    )


def _care(facts: Facts) -> tuple[Tone, str]:
    if facts.config.camera.mode != "trap":
        return DONE, gettext("This node watches no trap.")
    if facts.visit.card is None:
        return OPEN, gettext("Say when card and lure were put in.")
    due = facts.visit.due(facts.today)
    if due:
        return BAD, care_line(due).sentence
    return DONE, gettext("Card and lure are fresh enough.")


def _server(facts: Facts) -> tuple[Tone, str]:
    line = facts.lines["link"]
    if facts.config.mqtt is None:
        return DONE, line.sentence
    if line.tone != "calm":
        return (OPEN if line.tone == "wait" else BAD), line.sentence
    if "server" not in facts.visit.ticks:
        return OPEN, gettext("Send a test message and wait for the answer.")
    tick, last = facts.visit.ticks["server"], facts.snapshot.link.last_ack
    if tick.figure == UNHEARD and (last is None or last.utc < tick.at):  # what was received before tells nothing
        return OPEN, link_words(UNHEARD)
    return DONE, gettext("The server has acknowledged a test message.")


def _hand(facts: Facts) -> tuple[Tone, str]:
    agreed = facts.agreed
    if agreed is None:
        return OPEN, gettext("Count ten pictures yourself and compare.")
    tone: Tone = DONE if agreed.n >= CHECK_PICTURES else OPEN
    return tone, agreement_words(agreed.n, agreed.mae, agreed.bias)


def _levels(facts: Facts) -> tuple[Tone, str]:
    reached = facts.levels
    if reached:
        return DONE, ngettext(
            "%(count)s action level can be reached.",
            "%(count)s action levels can be reached.",
            reached,
            count=number(reached),
        )
    if "levels" in facts.visit.ticks:
        return DONE, gettext("Left out: this node only counts.")
    if reached is None:
        return OPEN, gettext("The node has loaded no model yet, so nobody knows what it tells.")
    return OPEN, gettext("No action level can be reached by this model: enter your station's.")


def _power(facts: Facts) -> tuple[Tone, str]:
    told = [facts.lines[part] for part in ("power", "battery") if part in facts.lines]
    bad = next((line for line in told if line.tone != "calm"), None)
    return (DONE, gettext("No sign of a weak supply.")) if bad is None else (BAD, bad.sentence)


def agreement_words(pictures: int, error: float, bias: float) -> str:
    """On so many pictures off by so much; too many or too few."""
    side = gettext("too many") if bias > 0 else gettext("too few")
    off = gettext("%(count)s %(side)s on average", count=number(abs(bias), 1), side=side)
    return ngettext(
        "%(pictures)s picture: off by %(error)s on average, %(bias)s",
        "%(pictures)s pictures: off by %(error)s on average, %(bias)s",
        pictures,
        pictures=number(pictures),
        error=number(error, 1),
        bias=off if bias else gettext("to neither side"),
    )
