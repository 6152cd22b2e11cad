"""What a node says of itself: birth, health and summary, and to Home Assistant, which entities that makes."""

from math import inf
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from edge.advice import key_of
from edge.clock import seconds_between
from edge.counts import Interval
from edge.mqtt.budget import SPENT_EVERY_S
from edge.mqtt.care import standing_alerts
from edge.mqtt.commands import VERBS
from edge.mqtt.discovery import discovery_payload, discovery_topic
from edge.mqtt.outlet import Outlet
from edge.mqtt.publisher_parts import Parts
from edge.wire import Health, Status, encode_message, summary_of

MOST_HEALTH_BYTES = 2000  # with some alerts in it


class Presence:
    """Of one connection, the publisher's `number`-th."""

    def __init__(self, parts: Parts, outlet: Outlet, number: int) -> None:
        self._parts, self._outlet, self._number = parts, outlet, number
        self._info = b""  # as it was told last
        self._is_birth = parts.budget.most_bytes is None  # health is told, whenever it was told before
        self._summarised: Interval | None = None

    def tell_status(self, state: str) -> None:
        """Online, or stopped: then the broker drops the will."""
        self._outlet.say("status", status_message(self._parts, state, self._number))

    def tell_info(self) -> None:
        """At the birth, and again when it differs: the loop may take up a calibration later."""
        info = encode_message(replace(self._parts.info(), capabilities=list(VERBS)))
        if info != self._info:
            self._info = info
            self._outlet.say("info", info)

    def tell_health(self, now_s: float, *, is_spent: bool) -> float:
        """At the birth too, but on a metered line no sooner for a new connection; returns when it is due again."""
        health, budget = encode_message(self._filled_health()), self._parts.budget
        every_s = self._health_every_s(len(health), is_spent=is_spent)
        if self._is_birth or now_s >= budget.health_told_s + every_s:
            self._outlet.say("health", health)
            self._is_birth, budget.health_told_s = False, now_s
        return budget.health_told_s + every_s

    def is_of_other_levels(self) -> bool:
        """Did an action level begin or end since this was asked? Then health is due: nobody waits for its next time."""
        standing, budget = self._parts.board.snapshot().alerts, self._parts.budget
        levels = tuple(key_of(one) for one in standing if one.level != "calm")
        if levels == budget.levels_told:
            return False
        budget.levels_told, budget.health_told_s = levels, -inf
        return True

    def summarise(self) -> None:
        """Tell the latest interval, if it is another than was told."""
        stored, before = self._parts.store.latest_interval(), self._summarised
        latest = None if stored is None else stored.record
        if latest == before or not isinstance(latest, Interval):
            return
        if before is not None and (seconds_between(before.end, latest.end) or 0.0) < 0:
            return  # the newest record is of an earlier time, from late pictures
        self._summarised = latest
        self._outlet.say("summary", encode_message(summary_of(latest)))

    def introduce(self) -> None:
        """To Home Assistant, which finds the states on the topics that are there anyway."""
        parts = self._parts
        health_s = self._health_every_s(MOST_HEALTH_BYTES, is_spent=parts.budget.most_bytes is not None)
        told = discovery_payload(parts.node, parts.info(), health_s=health_s, longest_sleep_s=parts.longest_sleep_s)
        self._outlet.publish(discovery_topic(parts.node), "discovery", told, retain=True)

    def _health_every_s(self, size_bytes: int, *, is_spent: bool) -> float:
        every_s = max(self._parts.config.health_every_s, SPENT_EVERY_S if is_spent else 0)
        return max(every_s, self._parts.budget.least_wait_s(size_bytes))

    def _filled_health(self) -> Health:
        budget = self._parts.budget
        self._parts.figures.images = self._parts.images.sent
        link = self._parts.figures.as_health(budget.spent_bytes, budget.most_bytes)
        store = self._parts.store.health()
        zone = ZoneInfo(self._parts.node.time_zone)
        alerts = list(standing_alerts(self._parts.board, self._parts.store, zone))
        today = self._parts.clock.now().utc.astimezone(zone).date()
        compared = sum(one.is_fresh(today) for one in self._parts.board.snapshot().alerts)
        return replace(self._parts.health(), store=store, link=link, alerts=alerts, compared=compared)


def status_message(parts: Parts, state: str, number: int) -> bytes:
    """A `status` payload. `offline` is the last will: it has no time, because the broker sends it later."""
    utc = None if state == "offline" else parts.clock.now().utc
    session = parts.store.session_number()
    return encode_message(Status(state=state, session=session, connection=number, utc=utc))  # type: ignore[arg-type]
