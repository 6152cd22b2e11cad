"""How the node is, part by part: camera, model, delivery, clock, card, warmth, power."""

from collections.abc import Iterator, Mapping, Sequence

from edge.board import BoardReading
from edge.clock import ClockState, Instant
from edge.config import Mode, NodeConfig, made_for
from edge.page.camera import camera_line
from edge.page.link_words import link_words
from edge.page.now.situation import DAY_S, NOT_KEPT, CardTrouble
from edge.page.now.sticky_card import trouble_words
from edge.page.recent import DAY
from edge.page.tones import Line, Said, Tone, line
from edge.page.words import Moments, duration, gettext, listed, ngettext, number
from edge.status import BatteryStatus, LinkStatus, ModelStatus, Snapshot
from edge.store import Waiting
from edge.updates.debian import OVERDUE_DAYS, SecurityUpdates

HOT_C = 75.0  # a Pi slows itself down from 80 °C
ROOM_BYTES = 500_000_000
NO_ROOM_BYTES = 5_000_000  # with less the store sheds old pictures for each new one, while it has any
WEAK_DBM = -75  # below it Wi-Fi loses packets and starts anew
STRONG_DBM = -60
HELD_BACK = ("budget_spent", "budget_low", "sightings_wait", "no_subscriber", "shut_out", "store_fails", "taken_over")
MAY_LAST_HOURS = ("budget_spent", "sightings_wait", "no_subscriber")  # whoever should receive them may be away so long


def health(
    snapshot: Snapshot,
    waiting: Waiting,
    config: NodeConfig,
    now: Instant,
    board: BoardReading,
    when: Moments,
    due: Sequence[str] = (),
    blind: Said | None = None,
    unusable: tuple[str, str] = ("", ""),
    trap: CardTrouble | None = None,
    security: SecurityUpdates | None = None,
) -> tuple[Line, ...]:
    """All parts, in the order in which a picture passes them.

    `due`: lure, card, if one has to be changed. `blind`: as in `camera_line`. `unusable`: why accounts and decisions
    cannot be used. `trap`: what is wrong with its sticky card. `security`: Debian's updates, where they are wanted.
    """
    lines = [
        camera_line(snapshot, now, when, blind, is_fed=config.camera.fed),
        model_line(snapshot.model, config.camera.mode, snapshot.problem),
        link_line(snapshot.link, waiting, config, when),
        clock_line(now, when, config),
        card_line(board.disk_free_bytes, snapshot),
    ]
    lines += _what_cannot_be_used(snapshot, *unusable)
    if board.temperature_c is not None:
        lines.append(warmth_line(board.temperature_c))
    if board.under_voltage:
        lines.append(power_line())
    if snapshot.battery is not None:
        lines.append(battery_line(snapshot.battery))
    if snapshot.no_battery:
        lines.append(unread_line(snapshot.no_battery))
    if board.wifi_dbm is not None:
        lines.append(wifi_line(board.wifi_dbm))
    if trap is not None:
        lines.append(trap_line(trap))
    if due:
        lines.append(care_line(due))
    days_without = 0 if security is None else security.days_without(now.utc)
    if days_without > OVERDUE_DAYS:
        lines.append(security_line(days_without))
    return tuple(lines)


def model_line(model: ModelStatus, mode: Mode, problem: str) -> Line:
    """The bundle that runs, and whether it is the one that was asked for and can tell what the node looks at.

    `problem` as in safe mode, where none is loaded.
    """
    title = gettext("Model")
    if not model.name and problem:
        return line("model", "model", title, "stop", gettext("This node is not looking."))
    if not model.name:
        return line("model", "model", title, "wait", gettext("The model is being loaded."), detail=model.detail)
    name = gettext("Model %(name)s, version %(version)s", name=model.name, version=model.version)
    if model.detail:
        sentence = gettext("The model that was asked for cannot be used; the previous one works on.")
        todo = gettext("Tell your technician. Until then it counts as before.")
        return line("model", "model", title, "look", sentence, name, detail=model.detail, todo=todo)
    if made_for(model.name) not in (None, mode):
        sentence = gettext("The model is not made for what this node looks at: it may see nothing where there is much.")
        todo = gettext("Tell your technician: change what is looked at, or the model in node.toml.")
        return line("model", "model", title, "look", sentence, name, todo=todo)
    return line("model", "model", title, "calm", gettext("The model works."), name)


def link_line(link: LinkStatus, waiting: Waiting, config: NodeConfig, when: Moments) -> Line:
    """Delivery: where results go, and how many wait."""
    title = gettext("Delivery")
    if config.mqtt is None:  # then nothing waits
        sentence = gettext("No server is configured: everything stays on this node.")
        return line("link", "link", title, "calm", sentence)
    queue = waiting_sentence(waiting, when)
    states: Mapping[str, tuple[Tone, str]] = {
        "off": ("wait", gettext("Delivery has not started yet.")),
        "connecting": ("wait", gettext("The node is connecting to its server.")),
        "connected": ("calm", gettext("Connected: results are delivered.")),
        "refused": ("look", gettext("The server refuses this node: nothing is lost, results wait here.")),
        "lost": ("look", gettext("The server cannot be reached: nothing is lost, results wait here.")),
    }
    tone, sentence = states[link.state]
    delivered = ngettext(
        "%(count)s result delivered since the start",
        "%(count)s results delivered since the start",
        link.acknowledged,
        count=number(link.acknowledged),
    )
    last = gettext("Last delivery %(ago)s", ago=when.ago(link.last_ack.utc)) if link.last_ack else ""
    todo = gettext("Nothing to do now. If this stays for a day, tell your technician.") if tone == "look" else ""
    words = link_words(link.word)
    if link.word in HELD_BACK:  # whether the server can be reached or not
        sentence, words = words, ""
    if link.word == "store_fails":
        tone, todo = "look", gettext("Tell your technician today.")
    is_old = waiting.oldest_utc is not None and waiting.oldest_utc < when.now_utc - DAY
    if link.word == "taken_over" or (link.word in MAY_LAST_HOURS and is_old):
        tone, todo = "look", gettext("Tell your technician.")
    elif link.word == "no_subscriber":
        tone, todo = "wait", gettext("Nothing to do now. If this stays for a day, tell your technician.")
    more = (queue, words, delivered, last)
    return line("link", "link", title, tone, sentence, *more, detail=link.detail, todo=todo)


def waiting_sentence(waiting: Waiting, when: Moments) -> str:
    """How many results wait, and since when."""
    if not waiting.records or waiting.oldest_utc is None:
        return ""
    return ngettext(
        "%(count)s result waits since %(since)s",
        "%(count)s results wait since %(since)s",
        waiting.records,
        count=number(waiting.records),
        since=when.at(waiting.oldest_utc),
    )


def clock_line(now: Instant, when: Moments, config: NodeConfig) -> Line:
    """How far times can be trusted."""
    title = gettext("Clock")
    local = gettext("It is %(time)s here (%(zone)s)", time=when.dated(now.utc), zone=config.node.time_zone)
    if now.state is ClockState.UNSYNCED:
        sentence = gettext("The clock was not set since the power came back: times may be wrong.")
        todo = gettext("Tell your technician: a phone can set it.")
        return line("clock", "clock", title, "look", sentence, local, todo=todo)
    return line("clock", "clock", title, "calm", gettext("The clock is set."), local)


def card_line(free_bytes: int | None, snapshot: Snapshot) -> Line:
    """Room on the card, whether it takes results, and whether earlier ones are of other software or set aside."""
    title, aside = gettext("Memory card"), snapshot.aside
    todo = gettext("Tell your technician today: what is counted now is lost when the power goes.")
    if NOT_KEPT in snapshot.camera.skipped:
        todo = gettext("Tell your technician today: until then nothing is counted.")
    if snapshot.store:
        return line("card", "card", title, "stop", unkept_words(snapshot), detail=snapshot.store, todo=todo)
    if free_bytes is None:
        sentence = gettext("The folder for results cannot be found.")
        return line("card", "card", title, "look", sentence, todo=gettext("Tell your technician."))
    room = gettext("%(free)s GB free", free=number(free_bytes / 1e9, 1))
    if free_bytes < ROOM_BYTES:
        sentence = gettext("The memory card is almost full: old pictures are removed first.")
        todo = gettext("Nothing to do: tell your technician on the next visit.")
        if free_bytes < NO_ROOM_BYTES:
            sentence = gettext("The memory card is full: new photographs may not be kept; counting goes on.")
            todo = gettext("Tell your technician today.")
        return line("card", "card", title, "look", sentence, room, todo=todo)
    if aside:
        sentence = gettext("Earlier results were damaged on the memory card and set aside; new ones are kept.")
        todo = gettext("Tell your technician: some of them may be saved.")
        return line("card", "card", title, "look", sentence, room, detail=aside, todo=todo)
    return line("card", "card", title, "calm", gettext("There is room on the memory card."), room)


def unkept_words(snapshot: Snapshot) -> str:
    """Why results are not kept. Where other software wrote those on the card, it is well."""
    words = {
        "newer": gettext("The results on the memory card were written by newer software: update this node."),
        "older": gettext("The results on the memory card are from before the first release: move them away."),
    }
    return words.get(snapshot.store_of) or gettext("The memory card takes no results: replace it.")


def unmeant(snapshot: Snapshot) -> str:
    """Which settings are in use in place of those that were meant: none, where they are also what is wrong."""
    if snapshot.notice == snapshot.problem:
        return gettext("The settings cannot be used, and there are no former ones.")
    return gettext("The new settings cannot be used; the last good ones work on.")


def shut_out_words() -> str:
    """Also where somebody wants to log in."""
    return gettext("The memory card does not tell who may log in, so nobody can.")


def _what_cannot_be_used(snapshot: Snapshot, accounts: str, decisions: str) -> Iterator[Line]:
    """Of accounts, answers, settings and calibration, each with its trouble; results are kept all the same."""
    tell = gettext("Tell your technician.")
    if accounts:
        yield line("people", "person", gettext("People"), "look", shut_out_words(), detail=accounts, todo=tell)
    if decisions:
        sentence = gettext(
            "What people answered cannot be read from the memory card; new answers are lost when the power goes."
        )
        title = gettext("Check what was seen")
        yield line("answers", "card", title, "look", sentence, detail=decisions, todo=tell)
    if snapshot.notice:
        title, detail = gettext("Settings"), snapshot.notice
        yield line("settings", "node", title, "look", unmeant(snapshot), detail=detail, todo=tell)
    if snapshot.uncalibrated:
        sentence = gettext(
            "What was drawn and measured here cannot be used: the whole picture counts, without an area."
        )
        todo = gettext("Tell your technician: draw what is counted and measure it again.")
        title = gettext("What is counted")
        yield line("calibration", "camera", title, "look", sentence, detail=snapshot.uncalibrated, todo=todo)


def power_line() -> Line:
    """A supply that is too weak at this moment."""
    sentence = gettext("The power supply is too weak: check cable, battery and solar panel.")
    return line("power", "power", gettext("Power"), "look", sentence)


def battery_line(battery: BatteryStatus) -> Line:
    """What is left in the battery, in the gauge's own figures."""
    title, figures = gettext("Battery"), battery_words(battery)
    if battery.level == "good":
        return line("battery", "battery", title, "calm", gettext("The battery is good."), figures)
    if battery.level == "low":
        todo = gettext("Wipe the solar panel and see that nothing shades it.")
        return line("battery", "battery", title, "look", gettext("The battery is getting low."), figures, todo=todo)
    sentence = gettext("The battery is nearly empty: the node is about to switch itself off. Nothing is lost.")
    todo = gettext("Charge the battery today; wipe the solar panel and check its cable.")
    return line("battery", "battery", title, "stop", sentence, figures, todo=todo)


def unread_line(why: str) -> Line:
    """A battery whose gauge is named and tells nothing."""
    sentence = gettext("The battery cannot be read: it may run empty without a warning.")
    todo = gettext("Tell your technician.")
    return line("battery", "battery", gettext("Battery"), "look", sentence, detail=why, todo=todo)


def battery_words(battery: BatteryStatus | None) -> str:
    """64 %, where the gauge reckons it, else volts; empty where nothing is known."""
    if battery is None:
        return ""
    if battery.share is not None:
        return gettext("Battery %(percent)s %%", percent=number(battery.share * 100))
    return gettext("Battery %(volts)s V", volts=number(battery.voltage_v, 1))


def wifi_line(level_dbm: int) -> Line:
    """How well the node hears the Wi-Fi that it has joined."""
    title, shown = gettext("Wi-Fi"), gettext("%(level)s dBm", level=number(level_dbm))
    if level_dbm < WEAK_DBM:
        sentence = gettext("The Wi-Fi is weak here: results may come late.")
        todo = gettext("Move the node or the access point, or keep metal away from it.")
        return line("wifi", "wifi", title, "look", sentence, shown, todo=todo)
    words = gettext("The Wi-Fi is strong.") if level_dbm >= STRONG_DBM else gettext("The Wi-Fi is good enough.")
    return line("wifi", "wifi", title, "calm", words, shown)


def trap_line(trouble: CardTrouble) -> Line:
    """A sticky card that does not tell the catch."""
    sentence, todo = trouble_words(trouble)
    return line("trap", "node", gettext("Sticky card"), "look", sentence, todo=todo)


def care_line(due: Sequence[str]) -> Line:
    """What a technician has to change, as it was dated on the last visit."""
    words = {"lure": gettext("lure"), "card": gettext("sticky card")}
    sentence = gettext("To be changed: %(parts)s", parts=listed(words[what] for what in due))
    return line("care", "node", gettext("Lure and card"), "look", sentence)


def security_line(days: int) -> Line:
    """A node whose only line is metered waits for another one: a technician's matter, so no alarm to a farmer."""
    sentence = gettext("No security updates of the operating system for %(time)s.", time=duration(days * DAY_S))
    todo = gettext("For a night, give the node a line that is not metered.")
    return line("security", "node", gettext("Security updates"), "wait", sentence, todo=todo)


def warmth_line(temperature_c: float) -> Line:
    """The processor's temperature."""
    title = gettext("Warmth")
    shown = gettext("%(celsius)s °C", celsius=number(temperature_c))
    if temperature_c >= HOT_C:
        return line("warmth", "warmth", title, "look", gettext("The node is hot: give it shade."), shown)
    return line("warmth", "warmth", title, "calm", gettext("Not too warm."), shown)


def health_in_short(lines: Sequence[Line], problem: str) -> tuple[Tone, str]:
    """The node's health in one sentence for the farmer; `problem` as in safe mode."""
    if problem:
        return "stop", gettext("This node is not looking.")
    bad = [line.title for line in lines if line.tone in ("stop", "look")]
    if not bad:
        return "calm", gettext("The node is well.")
    tone: Tone = "stop" if any(line.tone == "stop" for line in lines) else "look"
    return tone, gettext("To look at: %(parts)s", parts=listed(bad))


def readiness(lines: Sequence[Line], problem: str) -> tuple[Tone, str]:
    """May the technician leave? Everything is well, and nothing is still starting or waits for others."""
    tone, words = health_in_short(lines, problem)
    waiting = [line.title for line in lines if line.tone == "wait"]
    if tone == "calm" and waiting:
        return "wait", gettext("Still waiting: %(parts)s", parts=listed(waiting))
    return tone, gettext("This node is ready.") if tone == "calm" else words
