"""The conversation on one connection: what is sent when, and what becomes of it."""

import logging
from collections.abc import Callable

from edge.clock import ClockState, Instant
from edge.errors import StoreDamagedError, StoreError, WireError
from edge.mqtt.connection import Ack, Connection
from edge.mqtt.discovery import ONLINE, STATUS_TOPIC
from edge.mqtt.flight import REPLAY, Sent
from edge.mqtt.outlet import Outlet
from edge.mqtt.presence import Presence
from edge.mqtt.publisher_parts import Parts
from edge.mqtt.trouble import (
    DENIED,
    NO_ANSWER,
    SIGHTINGS_WAIT,
    SPENT,
    TOO_LARGE,
    UNHEARD,
    Trouble,
    from_reason_code,
    no_commands,
    store_fails,
)
from edge.mqtt_client import NOBODY_SUBSCRIBES, REFUSED_FROM
from edge.store import ALERTS_ONLY, LEAST_URGENT, MUST_GO
from edge.wire import (
    Mark,
    Reply,
    Stored,
    command_filter,
    encode_batch,
    encode_message,
    image_properties,
    parse_topic,
)

log = logging.getLogger(__name__)

SPAN_BYTES, LEAST_SPANS = 40, 4  # in an answer to a replay: a larger one may be more than the broker takes
NOT_AUTHORISED = 0x87
HELD_BACK = {MUST_GO: SIGHTINGS_WAIT, ALERTS_ONLY: SPENT}  # by the least urgent that the data budget lets go
SPENT_RESTS = 4  # times as long where all of it is spent: an alert that nobody receives costs as much each time


class Session:
    """Owned by the publisher's thread, for as long as its connection is up."""

    def __init__(self, parts: Parts, connection: Connection, number: int, *, before_s: float) -> None:
        """The publisher's `number`-th, after so much time on others."""
        self._parts, self._connection = parts, connection
        self._outlet = Outlet(parts, connection)
        self._flight, self._presence = self._outlet.flight, Presence(parts, self._outlet, number)
        self._delivered: set[Mark] = set()  # acknowledged, not yet marked in the store
        self._mark_due_s = 0.0
        self._arrived_bytes = 0  # the longest message of records that the broker has taken
        self._progress_s = since_s = parts.clock.monotonic_s()
        self._undated_until_s = since_s + parts.pace.clock_s - before_s
        self._clock_state = ClockState.UNSYNCED  # when it was last looked at whether times can be put right
        self._is_dated = False  # they were: no record of this boot waits with a time that its clock did not know
        self.is_heard = False  # the broker has acknowledged something, be it with a refusal
        self._health_due_s = self._records_due_s = 0.0
        self._store_fails: Trouble | None = None
        self._may_have_summary = True  # something was committed since it was looked at; it waits while all is spent
        self._may_have_records = True  # the outbox is worth a look: an idle node must not read its card twice a second
        self._may_have_images = True
        self._is_replays_turn = False
        self._refused: set[str] = set()  # channels other than records, logged once a connection
        self._commands = command_filter(parts.node.site, parts.node.node)
        self._beside: Trouble | None = None  # what is shown while records go
        self._held_back: Trouble | None = None  # what is shown while the data budget lets only some go
        self._is_introduced = not parts.config.home_assistant

    def begin(self) -> None:
        """The birth: what this node is, then online. A new card is told before its sessions, which begin at one."""
        self._presence.tell_info()
        self._presence.tell_status("online")
        self._connection.subscribe(self._commands)

    def turn(self, within_s: float) -> None:
        """Wait for the network or a commit, at most `within_s`; settle what was answered; send what is due."""
        wait_s = min(within_s, self._parts.pace.mark_s) if self._delivered else within_s
        if self._connection.turn(wait_s, self._parts.woken):
            self._may_have_summary = self._may_have_records = self._may_have_images = True
        now_s = self._parts.clock.monotonic_s()
        self._may_have_records = self._may_have_records or bool(self._connection.acks)
        while self._connection.acks:
            self._settle(self._connection.acks.popleft(), now_s)
        if self._beside is None and self._connection.granted.get(self._commands) is False:
            self._beside = no_commands(self._commands)
            self._parts.show(self._what_is_amiss(), None)
        if self._delivered and now_s >= self._mark_due_s:
            self._mark(now_s)
        if self._is_silent(now_s):
            self._connection.trouble = NO_ANSWER
        try:
            self._answer_commands()
            if self._connection.is_up:
                self._send_due(now_s)
            if self._store_fails and now_s >= self._records_due_s:  # what had failed was done
                self._store_fails = None
                self._parts.show(self._what_is_amiss(), None)
        except StoreError as why:
            self._put_off(why, now_s)

    def end(self) -> None:
        """The connection is gone or given up: what was not acknowledged will be sent again."""
        now_s = self._parts.clock.monotonic_s()
        self._mark(now_s)
        self._parts.batches.failed(self._flight.longest_bytes, self._arrived_bytes, now_s)
        self._parts.handed.update(self._sent)
        self._parts.figures.resent += len(self._flight.records)
        self._parts.budget.corrections_return(self._flight.replayed)
        self._parts.images.lost()
        self._connection.close()

    def say_farewell(self) -> None:
        """Send what the line takes within the farewell's time, then `stopped`, then go."""
        started_s, pace = self._parts.clock.monotonic_s(), self._parts.pace
        self._mark(started_s)  # else a revision that waits would be taken for the one that was delivered
        self._turn_while(self._has_work, started_s + pace.farewell_s * 2 / 3)
        if self._connection.is_up:
            self._presence.tell_status("stopped")
        self._turn_while(lambda: len(self._flight) > 0, started_s + pace.farewell_s)
        if self._connection.is_up:
            self._connection.say_goodbye()

    # Sending

    def _send_due(self, now_s: float) -> None:
        least_urgent = self._parts.budget.least_urgent(self._parts.clock.now())
        is_spent = least_urgent == ALERTS_ONLY
        held_back = HELD_BACK.get(least_urgent)
        if held_back is not self._held_back and now_s >= self._records_due_s:  # else why records rest stays told
            self._held_back = held_back
            self._may_have_records = True  # a day begins: what waited for it goes
            self._parts.show(self._what_is_amiss(), None)
        state = self._parts.clock.now().state
        if self._presence.is_of_other_levels() or now_s >= self._health_due_s or state is not self._clock_state:
            self._clock_state = state
            self._health_due_s = now_s + self._parts.pace.store_again_s  # if the disk does not do its part
            self._health_due_s = self._every_minute(now_s, is_spent=is_spent)
            self._may_have_records = self._may_have_images = True
        while self._may_have_records and now_s >= self._records_due_s and self._flight.has_room():
            self._may_have_records = self._send_some(least_urgent)
        if is_spent:
            return
        if self._may_have_summary and not (self._store_fails and now_s < self._records_due_s):
            self._presence.summarise()
            self._may_have_summary = False
        if not self._is_introduced and not self._may_have_records:  # a broker may end the line for it: records first
            self._is_introduced = True
            self._connection.subscribe(STATUS_TOPIC)
            self._presence.introduce()
        if self._may_have_images and not self._may_have_records and not len(self._flight):
            self._may_have_images = self._send_image(now_s)

    def _send_image(self, now_s: float) -> bool:
        """The next part of a picture, when nothing else is on its way. False if there is none, now or soon."""
        images = self._parts.images
        part = images.next_part(now_s, self._connection.most_payload_bytes)
        while images.replies:
            self._reply("image", images.replies.popleft())
        if part is not None:
            self._outlet.say("image", part.payload, properties=image_properties(part.header))
        return part is not None or images.is_resting(now_s)

    def _every_minute(self, now_s: float, *, is_spent: bool) -> float:
        """Health, and what may wait for it; returns when it is due again. Where the data budget is spent, once an hour.

        Health first: it tells of a card that takes no writes.
        """
        self._presence.tell_info()
        due_s, now = self._presence.tell_health(now_s, is_spent=is_spent), self._parts.clock.now()
        self._parts.store.give_up_damaged(now)
        if now.state is ClockState.SYNCED:
            without, question = self._parts.handed | self._sent, self._parts.images.question
            self._parts.store.correct_clock(now, without=without, without_question=question)
            self._is_dated = True
        self._parts.budget.save()
        return due_s

    def _send_some(self, least_urgent: int) -> bool:
        """Something of what waits; then of what was delivered, and is asked for or corrected. False: there is none.

        A replay takes turns with sightings, which may wait day after day.
        """
        self._is_replays_turn = not self._is_replays_turn and bool(self._parts.commands.replays)
        if self._is_replays_turn and (self._send_batch(min(MUST_GO, least_urgent)) or self._send_replay(least_urgent)):
            return True
        return self._send_batch(least_urgent) or self._send_replay(least_urgent) or self._send_corrections()

    def _send_batch(self, least_urgent: int) -> bool:
        """What waits. Counts of a boot without a clock wait for it a while: NTP may answer seconds after the broker."""
        now = self._parts.clock.now()
        batch = self._parts.store.next_batch(
            limit_bytes=self._most_bytes(now.monotonic_s),
            without=self._sent,
            least_urgent=least_urgent,
            undated=self._undated(now),
        )
        return self._send_records(batch)

    def _undated(self, now: Instant) -> str | None:
        """The boot whose counts wait for the clock."""
        return None if self._is_dated or now.monotonic_s >= self._undated_until_s else now.boot_id

    def _most_bytes(self, now_s: float) -> int:
        """So much of records goes in one message."""
        return min(self._parts.batches.limit_bytes(now_s), self._connection.most_payload_bytes)

    def _send_records(self, batch: list[Stored], sent_as: str = "") -> bool:
        if batch:
            marks = tuple(stored.mark for stored in batch)
            self._outlet.say("records", encode_batch(batch), marks, sent_as=sent_as)
        return bool(batch) and self._connection.is_up

    def _answer_commands(self) -> None:
        while self._connection.inbox:
            message = self._connection.inbox.popleft()
            if message.topic == STATUS_TOPIC:
                if message.payload == ONLINE and not message.retain:  # retained: it was told at the birth
                    self._presence.introduce()
                continue
            try:
                verb = parse_topic(message.topic).channel.removeprefix("cmd/")
            except WireError as why:  # cmd/+ takes in any word, and a reply to this one would have no topic
                log.warning("command_ignored", extra={"why": str(why)})
                continue
            reply = self._parts.commands.take(verb, bytes(message.payload))
            if reply is not None and not self._is_asked_in_vain(verb, reply):
                self._reply(verb, reply)
            self._may_have_records = self._may_have_images = True
            self._parts.images.wake()
            self._records_due_s = 0.0  # somebody is there who asks: no need to rest any longer

    def _is_asked_in_vain(self, verb: str, reply: Reply) -> bool:
        """A platform asks every two minutes for a replay that waits for tomorrow: each `busy` would cost 0.4 kB."""
        is_held_back = self._parts.budget.least_urgent(self._parts.clock.now()) != LEAST_URGENT
        return is_held_back and (verb, reply.code) == ("replay", "busy")

    def _reply(self, verb: str, reply: Reply) -> None:
        log.info("command_answered", extra={"verb": verb, "code": reply.code, "command": reply.id})
        self._outlet.say(f"reply/{verb}", encode_message(reply))

    def _send_replay(self, least_urgent: int) -> bool:
        """The next batch of the replay that is asked for; its reply after the last. False if there is none.

        History of any kind is as urgent as the least urgent record.
        """
        replays = self._parts.commands.replays
        if not replays or least_urgent != LEAST_URGENT:
            return False
        replay, now = replays[0], self._parts.clock.now()
        batch = replay.step(self._parts.store, self._most_bytes(now.monotonic_s), self._undated(now))
        self._send_records(batch, REPLAY)
        if replay.is_done:
            replays.popleft()
            room = max(LEAST_SPANS, self._connection.most_payload_bytes // SPAN_BYTES)
            done = self._parts.commands.reply(replay.command, "done", sent=replay.sent, gone=replay.gone[:room])
            self._reply("replay", done)
        return self._connection.is_up

    def _send_corrections(self) -> bool:
        """The next batch of those that go again today: one that a broker has lost leaves no gap to be asked for.

        Within half of the data budget: the day's results are still to come.
        """
        budget, now = self._parts.budget, self._parts.clock.now()
        if not budget.corrections_before or budget.image_room_bytes(now, asked=False) <= 0:
            return False
        after, limit_bytes = budget.corrections_after, self._most_bytes(now.monotonic_s)
        batch = self._parts.store.delivered_corrections(after, budget.corrections_before, now.utc, limit_bytes)
        budget.corrections_before = batch[-1].key.seq if batch else 0.0
        return self._send_records(batch, REPLAY)

    # Settling

    def _settle(self, ack: Ack, now_s: float) -> None:
        sent = self._flight.settle(ack.mid, now_s)
        self._progress_s, self.is_heard = now_s, True
        if sent is None:
            return
        self._parts.figures.ack_ms = round((now_s - sent.at_s) * 1000, 1)
        if sent.channel == "image":
            self._settle_image(ack, now_s - sent.at_s, now_s)
        if sent.channel == REPLAY and not ack.is_received:
            self._parts.budget.corrections_return(sent.marks)
        if ack.code >= REFUSED_FROM:
            self._parts.figures.refused += 1
            self._note_refused(sent, DENIED if ack.code == NOT_AUTHORISED else from_reason_code(ack.code), now_s)
        elif sent.marks and ack.code == NOBODY_SUBSCRIBES:
            self._parts.figures.unheard += 1
            self._keep(sent, UNHEARD, now_s)
        elif sent.marks:
            self._arrived_bytes = max(self._arrived_bytes, sent.size_bytes)
            self._note_delivered(sent, now_s)

    def _settle_image(self, ack: Ack, after_s: float, now_s: float) -> None:
        if ack.is_received:
            self._parts.images.acknowledged(after_s)
            self._may_have_images = True
        else:
            self._parts.images.not_wanted(now_s)

    def _note_refused(self, sent: Sent, why: Trouble, now_s: float) -> None:
        """Records that are refused are kept and rest; another message that is refused must not hold them up."""
        if sent.marks:
            self._parts.handed.update(sent.marks)  # one of several subscribers may have refused for all
            if why.word == TOO_LARGE and len(sent.marks) > 1:
                self._parts.batches.failed(sent.size_bytes, 0, now_s)
                self._parts.figures.resent += len(sent.marks)
            else:
                self._keep(sent, why, now_s)
        elif sent.channel not in self._refused:
            self._refused.add(sent.channel)
            log.warning("message_refused", extra={"channel": sent.channel, "why": why.word})

    def _keep(self, sent: Sent, why: Trouble, now_s: float) -> None:
        """The records stay in the store; sending them rests, longer each time."""
        if now_s >= self._records_due_s:  # else answers to what was on its way already
            is_spent = self._parts.budget.least_urgent(self._parts.clock.now()) == ALERTS_ONLY
            self._records_due_s = now_s + self._parts.kept.next_s() * (SPENT_RESTS if is_spent else 1)
        self._parts.figures.resent += len(sent.marks)
        self._parts.show(why, None)

    def _note_delivered(self, sent: Sent, now_s: float) -> None:
        if not self._delivered:
            self._mark_due_s = now_s + self._parts.pace.mark_s
        self._delivered.update(sent.marks)
        self._parts.handed.difference_update(sent.marks)
        if sent.channel != REPLAY:
            self._parts.figures.acknowledged += len(sent.marks)
        self._parts.kept.reset()
        self._parts.show(self._what_is_amiss(), self._parts.clock.now())

    def _what_is_amiss(self) -> Trouble | None:
        """While records, or the most urgent of them, are taken."""
        return self._store_fails or self._held_back or self._beside

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
        if self._store_fails is None:
            log.warning("store_does_not_answer", extra={"why": str(why), "unmarked": len(self._delivered)})
        self._store_fails = store_fails(why)
        self._parts.show(self._store_fails, None)
        self._mark_due_s = self._records_due_s = now_s + self._parts.pace.store_again_s

    def _is_silent(self, now_s: float) -> bool:
        """Has nothing been acknowledged for too long, though something is on its way?"""
        oldest_s = self._flight.oldest_s()
        return oldest_s is not None and now_s - max(oldest_s, self._progress_s) > self._parts.config.ack_timeout_s

    @property
    def _sent(self) -> frozenset[Mark]:
        """On this connection: records that are on their way, or delivered and not marked as that yet."""
        return self._flight.records | self._delivered

    def _has_work(self) -> bool:
        now_s = self._parts.clock.monotonic_s()
        if len(self._flight) > 0:
            return True
        try:
            return now_s >= self._records_due_s and self._parts.store.waiting().records > len(self._delivered)
        except StoreError as why:
            self._put_off(why, now_s)
            return False

    def _turn_while(self, condition: Callable[[], bool], until_s: float) -> None:
        while self._connection.is_up and condition() and (left_s := until_s - self._parts.clock.monotonic_s()) > 0:
            self.turn(min(left_s, self._parts.pace.turn_s))
