"""The conversation on one connection: birth, records, health, summary, farewell."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from socket import socket
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from edge.backoff import Backoff
from edge.clock import Clock, ClockState, Instant, seconds_between
from edge.config import MqttTable, NodeTable
from edge.counts import Interval
from edge.errors import StoreDamagedError, StoreError, WireError
from edge.mqtt.budget import PROTOCOL_BYTES, SPENT_EVERY_S, Budget
from edge.mqtt.care import standing_alerts
from edge.mqtt.commands import Commands
from edge.mqtt.connection import NOBODY_SUBSCRIBES, REFUSED_FROM, Ack, Connection, message_bytes
from edge.mqtt.discovery import ONLINE, STATUS_TOPIC, discovery_payload, discovery_topic
from edge.mqtt.figures import Figures
from edge.mqtt.flight import Flight, Sent
from edge.mqtt.images import Images
from edge.mqtt.pace import Pace
from edge.mqtt.trouble import DENIED, NO_ANSWER, SPENT, UNHEARD, Trouble, from_reason_code, no_commands
from edge.mqtt.window import Window
from edge.status import StatusBoard
from edge.store import ALERTS_ONLY, BATCH_BYTES, Store
from edge.wire import (
    Health,
    Info,
    Mark,
    Properties,
    Reply,
    Status,
    Stored,
    command_filter,
    encode_batch,
    encode_message,
    image_properties,
    node_topic,
    parse_topic,
    summary_of,
)

log = logging.getLogger(__name__)

RETAINED = ("status", "info", "health", "summary")
MOST_HEALTH_BYTES = 2000  # with some alerts in it
SPAN_BYTES, LEAST_SPANS = 40, 4  # in an answer to a replay: a larger one may be more than the broker takes
NOT_AUTHORISED = 0x87


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every session of a publisher works with."""

    config: MqttTable
    node: NodeTable
    store: Store
    board: StatusBoard
    clock: Clock
    health: Callable[[], Health]
    info: Callable[[], Info]
    pace: Pace
    figures: Figures
    budget: Budget
    commands: Commands
    images: Images
    longest_sleep_s: float  # switched off by its configuration; 0: never
    kept: Backoff  # how long to leave records alone that nobody wants now
    show: Callable[[Trouble | None, Instant | None], None]  # trouble or none, time of an acknowledgement
    handed: set[Mark]  # ever sent and not acknowledged since the start: their records must not change any more
    woken: socket  # readable when something was committed


class Session:
    """Owned by the publisher's thread, for as long as its connection is up."""

    def __init__(self, parts: Parts, connection: Connection, number: int) -> None:
        self._parts, self._connection, self._number = parts, connection, number
        self._flight = Flight(Window(parts.config.keepalive_s), connection.most_in_flight)
        self._delivered: set[Mark] = set()  # acknowledged, not yet marked in the store
        self._mark_due_s = 0.0
        self._progress_s = parts.clock.monotonic_s()
        self.is_heard = False  # the broker has acknowledged something, be it with a refusal
        self._health_due_s = 0.0
        self._records_due_s = 0.0
        self._summarised: Interval | None = None
        self._info = b""  # as it was told last
        self._store_fails = False
        self._has_news = True  # something was committed since the summary was looked at
        self._may_have_records = True  # the outbox is worth a look: an idle node must not read its card twice a second
        self._may_have_images = True
        self._refused: set[str] = set()  # channels other than records, logged once a connection
        self._commands = command_filter(parts.node.site, parts.node.node)
        self._beside: Trouble | None = None  # what is shown while records go
        self._is_introduced = not parts.config.home_assistant

    def begin(self) -> None:
        """The birth: what this node is, then online. A new card is told before its sessions, which begin at one."""
        self._tell_info()
        self._say("status", self._status("online"))
        self._connection.subscribe(self._commands)

    def turn(self, within_s: float) -> None:
        """Wait for the network or a commit, at most `within_s`; settle what was answered; send what is due."""
        wait_s = min(within_s, self._parts.pace.mark_s) if self._delivered else within_s
        if self._connection.turn(wait_s, self._parts.woken):
            self._has_news = self._may_have_records = self._may_have_images = True
        now_s = self._parts.clock.monotonic_s()
        self._may_have_records = self._may_have_records or bool(self._connection.acks)
        while self._connection.acks:
            self._settle(self._connection.acks.popleft(), now_s)
        if self._beside is None and self._connection.granted.get(self._commands) is False:
            self._beside = no_commands(self._commands)
            self._parts.show(self._beside, None)
        if self._delivered and now_s >= self._mark_due_s:
            self._mark(now_s)
        if self._is_silent(now_s):
            self._connection.trouble = NO_ANSWER
        try:
            self._answer_commands()
            if self._connection.is_up:
                self._send_due(now_s)
            self._store_fails = False
        except StoreError as why:
            self._put_off(why, now_s)

    def end(self) -> None:
        """The connection is gone or given up: what was not acknowledged will be sent again."""
        self._mark(self._parts.clock.monotonic_s())
        self._parts.figures.resent += len(self._flight.records)
        self._parts.images.lost()
        self._connection.close()

    def say_farewell(self) -> None:
        """Send what the line takes within the farewell's time, then `stopped`, then go."""
        started_s, pace = self._parts.clock.monotonic_s(), self._parts.pace
        self._mark(started_s)  # else a revision that waits would be taken for the one that was delivered
        self._turn_while(self._has_work, started_s + pace.farewell_s * 2 / 3)
        if self._connection.is_up:
            self._say("status", self._status("stopped"))
        self._turn_while(lambda: len(self._flight) > 0, started_s + pace.farewell_s)
        self._mark(self._parts.clock.monotonic_s())
        if self._connection.is_up:
            self._connection.say_goodbye()

    # Sending

    def _send_due(self, now_s: float) -> None:
        least_urgent, has_news = self._parts.budget.least_urgent(self._parts.clock.now()), self._has_news
        is_spent = least_urgent == ALERTS_ONLY
        if now_s >= self._health_due_s:
            self._every_minute(now_s, is_spent=is_spent)
            self._may_have_records = self._may_have_images = True
        if has_news:
            self._summarise()
        if is_spent:
            if self._may_have_records:
                self._parts.show(SPENT, None)
            if has_news and now_s >= self._records_due_s:
                self._send_batch(least_urgent)
            return
        while self._may_have_records and now_s >= self._records_due_s and self._flight.has_room():
            self._may_have_records = self._send_batch(least_urgent) or self._send_replay()
        if not self._is_introduced and not self._may_have_records:  # a broker may end the line for it: records first
            self._is_introduced = True
            self._connection.subscribe(STATUS_TOPIC)
            self._introduce()
        if self._may_have_images and not self._may_have_records and not len(self._flight):
            self._may_have_images = self._send_image(now_s)

    def _send_image(self, now_s: float) -> bool:
        """The next part of a picture, when nothing else is on its way. False if there is none, now or soon."""
        images = self._parts.images
        part = images.next_part(now_s, self._connection.most_payload_bytes)
        while images.replies:
            self._reply("image", images.replies.popleft())
        if part is not None:
            self._say("image", part.payload, properties=image_properties(part.header))
        return part is not None or images.is_resting(now_s)

    def _every_minute(self, now_s: float, *, is_spent: bool) -> None:
        """Health, and what may wait for it. Where the data budget is spent, once an hour."""
        now, budget = self._parts.clock.now(), self._parts.budget
        self._parts.store.give_up_damaged(now)
        if now.state is ClockState.SYNCED:
            question = self._parts.images.question
            self._parts.store.correct_clock(now, without=self._parts.handed, without_question=question)
        self._tell_info()
        self._tell_health(now_s, is_spent=is_spent)
        budget.save()

    def _tell_health(self, now_s: float, *, is_spent: bool) -> None:
        """At the birth too, but on a metered line no sooner for a new connection."""
        health, budget = encode_message(self._filled_health()), self._parts.budget
        every_s = self._health_every_s(len(health), is_spent=is_spent)
        if budget.most_bytes is None or now_s >= budget.health_told_s + every_s:
            self._say("health", health)
            budget.health_told_s = now_s
        self._health_due_s = budget.health_told_s + every_s

    def _tell_info(self) -> None:
        """At the birth, and again when it differs: the loop may take up a calibration later."""
        info = encode_message(replace(self._parts.info(), capabilities=list(self._parts.commands.allowed)))
        if info != self._info:
            self._info = info
            self._say("info", info)

    def _health_every_s(self, size_bytes: int, *, is_spent: bool) -> float:
        every_s = max(self._parts.config.health_every_s, SPENT_EVERY_S if is_spent else 0)
        return max(every_s, self._parts.budget.least_wait_s(size_bytes))

    def _send_batch(self, least_urgent: int) -> bool:
        limit_bytes = min(BATCH_BYTES, self._connection.most_payload_bytes)
        without = self._flight.records | self._delivered
        batch = self._parts.store.next_batch(limit_bytes=limit_bytes, without=without, least_urgent=least_urgent)
        return self._send_records(batch)

    def _send_records(self, batch: list[Stored]) -> bool:
        if batch:
            self._say("records", encode_batch(batch), tuple(stored.mark for stored in batch))
        return bool(batch) and self._connection.is_up

    def _answer_commands(self) -> None:
        while self._connection.inbox:
            message = self._connection.inbox.popleft()
            if message.topic == STATUS_TOPIC:
                if message.payload == ONLINE and not message.retain:  # retained: it was told at the birth
                    self._introduce()
                continue
            try:
                verb = parse_topic(message.topic).channel.removeprefix("cmd/")
            except WireError as why:  # cmd/+ takes in any word, and a reply to this one would have no topic
                log.warning("command_ignored", extra={"why": str(why)})
                continue
            reply = self._parts.commands.take(verb, bytes(message.payload))
            if reply is not None:
                self._reply(verb, reply)
            self._may_have_records = self._may_have_images = True
            self._parts.images.wake()
            self._records_due_s = 0.0  # somebody is there who asks: no need to rest any longer

    def _introduce(self) -> None:
        """To Home Assistant, which finds the states on the topics that are there anyway."""
        parts = self._parts
        health_s = self._health_every_s(MOST_HEALTH_BYTES, is_spent=parts.budget.most_bytes is not None)
        told = discovery_payload(parts.node, parts.info(), health_s=health_s, longest_sleep_s=parts.longest_sleep_s)
        self._publish(discovery_topic(parts.node), "discovery", told, retain=True)

    def _reply(self, verb: str, reply: Reply) -> None:
        log.info("command_answered", extra={"verb": verb, "code": reply.code, "command": reply.id})
        self._say(f"reply/{verb}", encode_message(reply))

    def _send_replay(self) -> bool:
        """The next batch of the replay that is asked for; its reply after the last. False if there is none."""
        replays = self._parts.commands.replays
        if not replays:
            return False
        replay = replays[0]
        self._send_records(replay.step(self._parts.store))
        if replay.is_done:
            replays.popleft()
            room = max(LEAST_SPANS, self._connection.most_payload_bytes // SPAN_BYTES)
            done = self._parts.commands.reply(replay.command, "done", sent=replay.sent, gone=replay.gone[:room])
            self._reply("replay", done)
        return self._connection.is_up

    def _summarise(self) -> None:
        self._has_news = False
        stored, before = self._parts.store.latest_interval(), self._summarised
        latest = None if stored is None else stored.record
        if latest == before or not isinstance(latest, Interval):
            return
        if before is not None and (seconds_between(before.end, latest.end) or 0.0) < 0:
            return  # the newest record is of an earlier time, from late pictures
        self._summarised = latest
        self._say("summary", encode_message(summary_of(latest)))

    def _say(self, channel: str, payload: bytes, marks: tuple[Mark, ...] = (), properties: Properties = ()) -> None:
        """Publish on a channel of the node."""
        topic = node_topic(self._parts.node.site, self._parts.node.node, channel)
        self._publish(topic, channel, payload, marks, properties, retain=channel in RETAINED)

    def _publish(
        self,
        topic: str,
        channel: str,
        payload: bytes,
        marks: tuple[Mark, ...] = (),
        properties: Properties = (),
        *,
        retain: bool,
    ) -> None:
        """With QoS 1, and note what it costs."""
        mid = self._connection.publish(topic, payload, retain=retain, properties=properties)
        if mid is None:
            return  # the connection just ended, the next turn notices
        size_bytes = message_bytes(topic, payload, properties)
        self._parts.figures.sent_bytes += size_bytes
        self._parts.budget.spend(size_bytes + PROTOCOL_BYTES, self._parts.clock.now())
        self._parts.handed.update(marks)
        self._flight.add(mid, Sent(channel, marks, size_bytes, self._parts.clock.monotonic_s()))

    def _status(self, state: str) -> bytes:
        return status_message(self._parts, state, self._number)

    def _filled_health(self) -> Health:
        budget = self._parts.budget
        self._parts.figures.images = self._parts.images.sent
        link = self._parts.figures.as_health(budget.spent_bytes, budget.most_bytes)
        store = self._parts.store.health()
        zone = ZoneInfo(self._parts.node.time_zone)
        alerts = list(standing_alerts(self._parts.board, self._parts.store, zone))
        return replace(self._parts.health(), store=store, link=link, alerts=alerts)

    # Settling

    def _settle(self, ack: Ack, now_s: float) -> None:
        sent = self._flight.settle(ack.mid, now_s)
        self._progress_s, self.is_heard = now_s, True
        if sent is None:
            return
        self._parts.figures.ack_ms = round((now_s - sent.at_s) * 1000, 1)
        if sent.channel == "image":
            self._settle_image(ack, now_s - sent.at_s, now_s)
        if ack.code >= REFUSED_FROM:
            self._parts.figures.refused += 1
            self._note_refused(sent, DENIED if ack.code == NOT_AUTHORISED else from_reason_code(ack.code), now_s)
        elif sent.marks and ack.code == NOBODY_SUBSCRIBES:
            self._parts.figures.unheard += 1
            self._keep(sent, UNHEARD, now_s)
        elif sent.marks:
            self._note_delivered(sent, now_s)

    def _settle_image(self, ack: Ack, after_s: float, now_s: float) -> None:
        if ack.code == NOBODY_SUBSCRIBES or ack.code >= REFUSED_FROM:
            self._parts.images.not_wanted(now_s)
        else:
            self._parts.images.acknowledged(after_s)
            self._may_have_images = True

    def _note_refused(self, sent: Sent, why: Trouble, now_s: float) -> None:
        """Records that are refused are kept and rest; another message that is refused must not hold them up."""
        if sent.marks:
            self._keep(sent, why, now_s)
        elif sent.channel not in self._refused:
            self._refused.add(sent.channel)
            log.warning("message_refused", extra={"channel": sent.channel, "why": why.word})

    def _keep(self, sent: Sent, why: Trouble, now_s: float) -> None:
        """The records stay in the store; sending them rests, longer each time."""
        if now_s >= self._records_due_s:  # else answers to what was on its way already
            self._records_due_s = now_s + self._parts.kept.next_s()
        self._parts.figures.resent += len(sent.marks)
        self._parts.show(why, None)

    def _note_delivered(self, sent: Sent, now_s: float) -> None:
        if not self._delivered:
            self._mark_due_s = now_s + self._parts.pace.mark_s
        self._delivered.update(sent.marks)
        self._parts.handed.difference_update(sent.marks)
        self._parts.figures.acknowledged += len(sent.marks)
        self._parts.kept.reset()
        self._parts.show(self._beside, self._parts.clock.now())

    def _mark(self, now_s: float) -> None:
        """Take what was delivered out of the outbox. If the disk does not let us, try again later."""
        if not self._delivered:
            return
        try:
            self._parts.store.mark_delivered(self._delivered)
        except StoreError as why:
            self._put_off(why, now_s)
            return
        self._delivered.clear()

    def _put_off(self, why: StoreError, now_s: float) -> None:
        """The disk does not do its part: the connection stays, and what needs the store is tried again later.

        A damaged store ends the thread, and the node with it.
        """
        if isinstance(why, StoreDamagedError):
            raise why
        if not self._store_fails:
            log.warning("store_does_not_answer", extra={"why": str(why), "unmarked": len(self._delivered)})
        self._store_fails = True
        self._mark_due_s = self._records_due_s = self._health_due_s = now_s + self._parts.pace.store_again_s

    def _is_silent(self, now_s: float) -> bool:
        """Has nothing been acknowledged for too long, though something is on its way?"""
        oldest_s = self._flight.oldest_s()
        return oldest_s is not None and now_s - max(oldest_s, self._progress_s) > self._parts.config.ack_timeout_s

    def _has_work(self) -> bool:
        resting = self._parts.clock.monotonic_s() < self._records_due_s
        return len(self._flight) > 0 or (not resting and self._parts.store.waiting().records > len(self._delivered))

    def _turn_while(self, condition: Callable[[], bool], until_s: float) -> None:
        while self._connection.is_up and condition() and (left_s := until_s - self._parts.clock.monotonic_s()) > 0:
            self.turn(min(left_s, self._parts.pace.turn_s))


def status_message(parts: Parts, state: str, number: int) -> bytes:
    """A `status` payload. `offline` is the last will: it has no time, because the broker sends it later."""
    utc = None if state == "offline" else parts.clock.now().utc
    session = parts.store.session_number()
    return encode_message(Status(state=state, session=session, connection=number, utc=utc))  # type: ignore[arg-type]
