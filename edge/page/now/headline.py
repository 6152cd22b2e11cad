"""The big sentence of the farmer's page: what is there, what to do, how old the last picture is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from edge.census import NO_LEAF
from edge.clock import Instant
from edge.config import CameraTable, Mode
from edge.counts import Sighting
from edge.languages.tasks import task_words
from edge.page import names
from edge.page.camera import last_picture, reason_word, skipped_sentence
from edge.page.now.fortnight import unit_words
from edge.page.now.levels import done_at, done_words
from edge.page.now.sightings import Precisions, deed_key, is_doubtful, label_of, likely, precision_of, seen_headline
from edge.page.now.situation import (
    DAY_S,
    FEW_LOOKS,
    TOO_LATE,
    UNMATCHED,
    Counted,
    Facts,
    Situation,
    age_s,
    is_first_day,
    is_too_few,
    looked,
    may_be_a_new_card,
)
from edge.page.now.sticky_card import trouble_words
from edge.page.tones import ICONS, Said, Tone
from edge.page.words import Moments, duration, figure_words, gettext, ngettext, number
from edge.status import CameraStatus, Snapshot
from edge.store import Deed

COUNTED_AFTER_S = 3600.0  # a fed picture stands in a record by then, as a rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The big sentence: colour and word say the same."""

    tone: Tone
    word: str
    headline: str
    facts: tuple[str, ...]
    action: str
    last_picture: str
    detail: str  # the machine's own English words
    icon: str  # as the word
    key: str  # of a deed, empty where nothing is asked for
    about: int | None  # the count that it would be about
    asks_technician: bool  # what is wrong is the node
    done: str = ""  # who has done it and when
    done_at: str = ""  # as its form says it


def card(
    state: Situation,
    snapshot: Snapshot,
    facts: Facts,
    now: Instant,
    when: Moments,
    config: CameraTable,
    *,
    before: str,
    latest: str,
    levels: Mapping[str, float],
) -> Card:
    """The first thing to read. `before`: what the days before were, said beside what is there now; `latest`: what the
    last day with pictures showed, said where nobody feeds newer ones; `levels`: action levels by label.
    """
    tone, headline, action = say(state, snapshot, facts, now, when, config)
    words = {
        "calm": gettext("All quiet"),
        "look": gettext("Look at it"),
        "stop": gettext("No data"),
        "wait": gettext("One moment"),
    }
    is_trap, days = config.mode == "trap", ""
    asks = state is Situation.SEEN and tone != "calm"
    shown: Tone = "look" if asks else tone  # what asks without urging has its word
    if state is Situation.SEEN or (is_trap and state is Situation.NOTHING):
        days = before
    elif state is Situation.UNFED:
        days = latest
    seen = _seen(facts, when, state, days, config.mode, levels)
    lies = _on_card(snapshot) if is_trap else ""
    range_words = likely(facts.foremost) if state is Situation.SEEN else ""
    still = _still(facts, snapshot, now) if tone == "calm" else ""
    lines = (seen, range_words, lies, days, effort(facts, snapshot, now, config), still, _light(snapshot))
    return Card(
        tone=tone,
        word=words[shown],
        headline=headline,
        facts=tuple(filter(None, lines)),
        action=action,
        last_picture=last_picture(snapshot.camera, now, when, is_fed=config.fed),
        detail="" if state in (Situation.SEEN, Situation.NOTHING) else snapshot.problem or snapshot.camera.detail,
        icon=ICONS[shown],
        key=deed_key(facts.foremost.label) if asks and facts.foremost is not None else "",
        about=None if facts.foremost is None else facts.foremost.count,
        asks_technician=tone in _asking(state),
    )


def _asking(state: Situation) -> tuple[Tone, ...]:
    """The colours of a state in which the node itself, or what hinders it, may need the technician."""
    if state is Situation.SEEN:
        return ()
    return ("look", "stop", "wait") if state is Situation.NOTHING else ("look", "stop")


def card_done(one: Card, deed: Deed, when: Moments) -> Card:
    """Of what somebody has done already, and nobody is asked for again."""
    said = done_words(deed, when)
    return replace(one, tone="wait", word=gettext("Done"), icon="check", action="", done=said, done_at=done_at(deed))


def say(state: Situation, snapshot: Snapshot, facts: Facts, now: Instant, when: Moments, config: CameraTable) -> Said:
    """What the big sentence says."""
    if state is Situation.SEEN and facts.foremost is not None:
        return _what_is_there(facts.foremost, facts.period, config.mode, snapshot.model.precisions)
    if state is Situation.NOTHING:
        return _nothing(facts, snapshot, now, config)
    if state is Situation.UNUSABLE:
        return _unusable(snapshot.camera, facts)
    if state is Situation.UNFED:
        return _unfed(snapshot, now, when)
    if state is Situation.MISSING:
        return _missing(config)
    said: Mapping[Situation, Said] = {
        Situation.STOPPED: (
            "stop",
            gettext("This node is not looking."),
            gettext("Show this page to your technician."),
        ),
        Situation.STALLED: (
            "stop",
            gettext("The camera gives no new pictures."),
            gettext("The node is trying again by itself. If this stays, take the power off and on once."),
        ),
        Situation.LATE: (
            "stop",
            gettext("There has been no new picture for a long time."),
            gettext("Take the power off and on once. If this stays, call your technician."),
        ),
        Situation.COVERED: (
            "stop",
            gettext("Something covers the camera."),
            gettext("Wipe the lens and remove what hangs in front of it."),
        ),
        Situation.STARTING: (
            "wait",
            gettext("The node has just started."),
            gettext("Come back in a few minutes: the first result appears here."),
        ),
    }
    return said[state]


def _what_is_there(foremost: Sighting | Counted, period: str, mode: Mode, precisions: Precisions) -> Said:
    headline = _headline(foremost, period, mode, precisions)
    if names.is_harmless(foremost.label):
        return "calm", headline, names.harmless_words(foremost.label)
    if mode == "trap" and names.is_wide(foremost.label):
        return "wait", headline, gettext("Look at the card: which insects are they?")
    if mode == "trap":
        return "look", headline, task_words("go_and_look")
    return "look", headline, gettext("Go and look at the plants in front of the camera.")


def _headline(foremost: Sighting | Counted, period: str, mode: Mode, precisions: Precisions) -> str:
    """A trap's sighting tells how many lie on the card, and not how many came."""
    name, count = names.name(foremost.label), number(foremost.count)
    if mode == "trap" and isinstance(foremost, Sighting):
        return gettext("%(name)s: new on the card", name=name)
    if mode == "trap":
        return gettext("%(name)s: %(count)s %(period)s", name=name, count=count, period=period)
    if isinstance(foremost, Sighting) and is_doubtful(
        foremost.confidence, precision_of(label_of(foremost), precisions)
    ):
        return gettext("Perhaps: %(name)s (%(count)s)", name=name, count=count)
    return seen_headline(foremost)


def _missing(config: CameraTable) -> Said:
    """A fed folder lies on a stick, a card or another machine, and no camera hangs on a cable."""
    if config.fed:
        gone = gettext("The folder that another device fills with pictures is missing.")
        plug = gettext(
            "Plug in again the stick or cable that brings the pictures. If this stays, call your technician."
        )
        return "stop", gone, plug
    cable = gettext("Check that the camera's cable is firmly in place.")
    return "stop", gettext("The camera does not answer."), cable


def _seen(facts: Facts, when: Moments, state: Situation, days: str, mode: Mode, levels: Mapping[str, float]) -> str:
    if state is Situation.SEEN and facts.foremost is not None:
        if not isinstance(facts.foremost, Sighting):
            return _counted(facts.foremost, facts, days, levels.get(facts.foremost.label))
        ago, time = when.ago(facts.foremost.at.utc), when.at(facts.foremost.at.utc)
        if ago != time:  # else it is to come, by a clock that was set back
            return gettext("Seen %(ago)s: %(time)s", ago=ago, time=time)
    if facts.newest is None:
        return ""
    headline = names.name(facts.newest.label) if mode == "trap" else seen_headline(facts.newest)
    return gettext("Last seen: %(what)s, %(ago)s", what=headline, ago=when.ago(facts.newest.at.utc))


def _on_card(snapshot: Snapshot) -> str:
    count = snapshot.camera.on_card
    if not count or snapshot.camera.last_skip == UNMATCHED:  # they may hang on the one before
        return ""
    return ngettext(  # a sighting, whose number stands below the photograph, may be older
        "%(count)s insect lay on the card at the last look",
        "%(count)s insects lay on the card at the last look",
        count,
        count=number(count),
    )


def _counted(one: Counted, facts: Facts, days: str, level: float | None) -> str:
    if one.nights > 1:
        mean = figure_words(one.count / one.nights, level or 0)
        return gettext("New on the trap: %(mean)s a night on average", mean=mean)
    if one.unit != "affected_frames":
        return "" if days else unit_words(one.unit)  # what is said of the days before begins with it
    shares = {"count": number(one.count), "frames": number(facts.frames)}
    return gettext("Pictures with signs of it in the last 24 hours: %(count)s of %(frames)s", **shares)


def effort(facts: Facts, snapshot: Snapshot, now: Instant, config: CameraTable) -> str:
    """What stands behind a zero as behind a count; empty if nothing was looked at, or in pictures of any day only."""
    if facts.frames:
        return ngettext(
            "%(count)s picture looked at in the last 24 hours, watching for %(time)s",
            "%(count)s pictures looked at in the last 24 hours, watching for %(time)s",
            facts.frames,
            count=number(facts.frames),
            time=duration(facts.watched_s),
        )
    count = looked(snapshot, now)
    if not count or config.fed:
        return ""
    return ngettext(
        "%(count)s picture looked at since the start",
        "%(count)s pictures looked at since the start",
        count,
        count=number(count),
    )


def _still(facts: Facts, snapshot: Snapshot, now: Instant) -> str:
    """The pictures of a still scene, where few looks are enough for a zero by them (see `is_too_few`)."""
    if not is_first_day(snapshot, now) or max(facts.frames, snapshot.camera.looked) >= FEW_LOOKS:
        return ""
    return skipped_sentence({"still": snapshot.camera.skipped.get("still", 0)})


def _light(snapshot: Snapshot) -> str:
    if snapshot.camera.last_skip == "dark":
        return gettext("It is too dark to see now; the node looks again when it is light.")
    if snapshot.camera.last_skip == "colourless":
        return gettext("The camera sees without colour now (infrared); the node looks again when it sees colour.")
    return ""


def _unfed(snapshot: Snapshot, now: Instant, when: Moments) -> Said:
    passed_s, is_too_late = age_s(snapshot.camera, now), snapshot.camera.last_skip == TOO_LATE
    has_come_today = snapshot.camera.last_frame is not None and passed_s <= DAY_S
    last = snapshot.camera.last_frame or snapshot.started
    headline = gettext("No new pictures have been copied since %(time)s.", time=when.at(last.utc))
    if has_come_today:
        headline = gettext("No picture of the last 24 hours has been counted yet.")
    if not is_too_late and passed_s <= COUNTED_AFTER_S:
        return "wait", headline, gettext("Come back in a few minutes: the first result appears here.")
    if is_too_late and passed_s <= DAY_S:
        action = gettext("The pictures that come are too old: look at the date and time of the device that takes them.")
        return "look", headline, action
    return "look", headline, gettext("Copy the pictures from the device that takes them.")


def _nothing(facts: Facts, snapshot: Snapshot, now: Instant, config: CameraTable) -> Said:
    """Of a card that tells no catch no zero is said."""
    if facts.card is not None:
        return "look", *trouble_words(facts.card)
    if is_too_few(snapshot, facts, now, config):
        later = gettext("Come back later. If this stays for a day, call your technician.")
        return "wait", gettext("Too few pictures to say."), later
    return "calm", _zero(facts, snapshot, now, config.mode), gettext("Nothing to do.")


def _zero(facts: Facts, snapshot: Snapshot, now: Instant, mode: Mode) -> str:
    """It reaches only as far as somebody looked, and is one of what was looked for."""
    if mode == "trap" and facts.period:
        return gettext("Nothing new on the card %(period)s.", period=facts.period)
    if mode == "trap":
        return gettext("Nothing new on the card since the start.")
    is_new = not facts.frames and is_first_day(snapshot, now)
    if mode != "leaf":
        return gettext("No pest seen since the start.") if is_new else gettext("No pest seen in the last 24 hours.")
    if is_new:
        return gettext("No disease seen since the start.")
    return gettext("No disease seen in the last 24 hours.")


def _unusable(camera: CameraStatus, facts: Facts) -> Said:
    """Of an unknown reason its word is said."""
    skip = camera.last_skip
    other = gettext("The last picture could not be used: %(reason)s.", reason=reason_word(skip))
    on_new_card: Tone = "wait" if may_be_a_new_card(camera, facts) else "look"
    words: Mapping[str, Said] = {
        "dark": ("wait", gettext("Too dark to see anything."), gettext("Wait until it is light.")),
        "overexposed": (
            "stop",
            gettext("Too bright to see anything."),
            gettext("Turn the camera away from the sun or give it shade."),
        ),
        "colourless": (
            "look",
            gettext("The pictures have no colour (infrared): nothing can be recognised on them."),
            gettext(
                "By night, wait until it is light. By day, the technician has to turn off infrared or, if the camera "
                "never sees colour, set gate.colourless_levels = 0 in node.toml."
            ),
        ),
        "blurred": (
            "stop",
            gettext("The pictures are not sharp."),
            gettext("Wipe the lens. If this stays, the technician has to focus it."),
        ),
        "board": (
            "stop",
            gettext("The calibration board still lies on the card."),
            gettext("Take it away: until then nothing is counted."),
        ),
        NO_LEAF: (
            "stop",
            gettext("No green leaf is to be seen."),
            gettext("Turn the camera to the plants. If they are no longer green, nothing can be counted."),
        ),
        "not_kept": (
            "stop",
            gettext("The memory card takes no results, so nothing is counted."),
            gettext("Tell your technician today: until then nothing is counted."),
        ),
        UNMATCHED: (
            on_new_card,
            gettext("The sticky card is new or was moved: counting goes on once two pictures show it."),
            gettext("Look at the trap. If somebody has hung up a new card, all is well."),
        ),
        "": ("stop", gettext("No picture was good enough yet."), gettext("Look at the live picture.")),
    }
    return words.get(skip) or ("stop", other, gettext("Show this page to your technician."))
