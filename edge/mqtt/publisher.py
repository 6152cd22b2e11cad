"""The publisher: drains the store to the broker and says how the node is.

The store is the queue. A record leaves it when the broker's acknowledgement says success and somebody was subscribed;
on any other answer, and on none, it stays. So a record may arrive twice, which its key tells, but never not at all.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from math import inf
from socket import socketpair
from threading import Event
from zoneinfo import ZoneInfo

from edge.backoff import Backoff
from edge.clock import Clock, ClockState, Instant
from edge.config import MEGABYTE, MqttTable, NodeTable
from edge.errors import ConfigError, StoreError
from edge.mqtt.budget import DAY_S, Budget
from edge.mqtt.commands import Commands
from edge.mqtt.connection import Connection
from edge.mqtt.dial import Reach
from edge.mqtt.figures import Figures
from edge.mqtt.images import Images
from edge.mqtt.login import logins_of
from edge.mqtt.pace import Pace
from edge.mqtt.presence import status_message
from edge.mqtt.publisher_parts import Parts
from edge.mqtt.session import Session
from edge.mqtt.trouble import CLOSED, HANGING, LOGIN_REFUSED, SCARCE, SILENT, SPENT, TWIN, Trouble
from edge.mqtt.window import Batches
from edge.status import LinkStatus, StatusBoard
from edge.store import ALERTS_ONLY, Store
from edge.updates.inbox import Inbox
from edge.wire import Health, Info, node_topic

log = logging.getLogger(__name__)


class Publisher:
    """Runs in one thread, which owns the connection; other threads may call `wake` and read `beat_s`.

    `health` and `info` are asked when they are due; the publisher fills in `store`, `link` and `alerts`. Bundles that
    come as commands go into `inbox`. `longest_sleep_s`: a node that sleeps by its configuration is not taken for one
    that has gone.
    Raises ConfigError at once for a secret or an authority that cannot be read.
    """

    def __init__(
        self,
        config: MqttTable,
        node: NodeTable,
        store: Store,
        clock: Clock,
        board: StatusBoard,
        *,
        health: Callable[[], Health],
        info: Callable[[], Info],
        inbox: Inbox,
        pace: Pace | None = None,
        longest_sleep_s: float,
    ) -> None:
        pace = pace or Pace()
        self._waker, woken = socketpair()
        for end in (self._waker, woken):
            end.setblocking(False)
        daily_bytes = None if config.daily_mb is None else int(config.daily_mb * MEGABYTE)
        budget = Budget(store, daily_bytes, clock.now())
        commands = Commands(store, clock, inbox, board, ZoneInfo(node.time_zone))
        images = Images(
            store, clock, budget, commands,
            kept=Backoff(pace.kept_first_s, pace.kept_most_s),
            keepalive_s=config.keepalive_s,
            daily_mb=config.daily_pictures_mb,
            destination=f"{config.host}:{config.port}/{node.site}/{node.node}",
        )  # fmt: skip
        self._parts = Parts(
            config=config,
            node=node,
            store=store,
            board=board,
            clock=clock,
            health=health,
            info=info,
            pace=pace,
            figures=Figures(),
            budget=budget,
            commands=commands,
            images=images,
            batches=Batches(),
            longest_sleep_s=longest_sleep_s,
            kept=Backoff(pace.kept_first_s, pace.kept_most_s),
            show=self._show,
            handed=set(),
            woken=woken,
        )
        self._logins = logins_of(config, node)
        self._untried = len(self._logins)  # since the broker last took one
        self._refused = 0  # logins so far: each time the next one has its turn
        self._again = Backoff(pace.again_first_s, pace.again_most_s)
        self._lasting = Backoff(pace.kept_first_s, pace.kept_most_s)
        self._link = LinkStatus()
        self._taken_over_s = -inf  # when another device last took its name: they take turns, so it is told on
        self._word = "off"
        self._said: set[str] = set()  # since the broker was last well
        self._connections = 0
        self._connected_s = 0.0  # on all of them
        self._has_failed = False  # was a dial taken, but not accepted, since the last that was?
        self._left: Connection | None = None  # dialling may still hang there
        self.beat_s = clock.monotonic_s()  # when the thread last turned; a watchdog compares it with its clock

    def wake(self) -> None:
        """Something was committed. Never waits: a waker that is full wakes all the same, a closed one nobody."""
        with suppress(OSError):
            self._waker.send(b"!")

    def run(self, stop: Event) -> None:
        """Connect, publish and connect again until `stop` is set; then say farewell, within 3 s."""
        self._show_link(LinkStatus(state="connecting"), "connecting")
        while not stop.is_set():
            connection = self._connect(stop)
            if connection.is_up:
                self._converse(connection, stop)
            if not stop.is_set():
                trouble = connection.trouble or CLOSED
                if trouble.word == TWIN.word:
                    self._taken_over_s = self._beat()
                self._show(trouble, None)
                self._rest(trouble, stop)
        self._keep(self._parts.budget.keep)
        self._keep(self._parts.images.keep)
        self._show_link(replace(self._link, state="off", word="", detail=""), "off")

    def close(self) -> None:
        """Close the waker, after `run` has returned."""
        self._waker.close()
        self._parts.woken.close()

    def _connect(self, stop: Event) -> Connection:
        """A connection that the broker has accepted, or one with the trouble why not."""
        self._connections += 1
        if self._has_failed:  # else what is in use does: an authority may be brought before the broker changes to it
            self._read_logins()
        will = status_message(self._parts, "offline", self._connections)
        topic = node_topic(self._parts.node.site, self._parts.node.node, "status")
        connection = Connection(self._logins[self._refused % len(self._logins)], topic, will)
        connection.dial()
        if self._is_dialled(connection, stop) and self._is_accepted(connection, stop):
            self._untried, self._has_failed = len(self._logins), False
            return connection
        if connection.trouble is not HANGING and connection.reach in {Reach.TAKEN, Reach.ANSWERED}:
            self._has_failed = True  # a dial that nobody took says nothing of certificates
        connection.close()
        connection.trouble = connection.trouble or SILENT
        if connection.trouble.word in LOGIN_REFUSED:
            self._refused += 1
            self._untried -= 1
        return connection

    def _read_logins(self) -> None:
        """Anew: password, authority or the node's own certificate may have been corrected or renewed in their files."""
        with suppress(ConfigError):  # half of a file is there, or none
            self._logins = logins_of(self._parts.config, self._parts.node)

    def _is_dialled(self, connection: Connection, stop: Event) -> bool:
        """Dialling goes on as long as it takes: begun anew, it would begin with the first address again."""
        since_s = self._beat()
        while not connection.dialled(0.1):
            is_late = self._has_waited(self._parts.pace.dial_s, since_s, HANGING)
            if stop.is_set() or (is_late and (self._left is None or self._left.dialled(0))):  # two threads are enough
                self._left, connection.trouble = connection, HANGING
                return False
        now, budget = self._parts.clock.now(), self._parts.budget
        budget.spend_dial(now, connection.reach, has_tls=self._parts.config.tls)
        self._keep(budget.save)
        return connection.trouble is None

    def _is_accepted(self, connection: Connection, stop: Event) -> bool:
        since_s = self._beat()
        while connection.is_up and not connection.accepted and not stop.is_set():
            connection.turn(self._parts.pace.turn_s, self._parts.woken)
            if self._has_waited(self._parts.pace.accept_s, since_s, SILENT):
                return False
        return connection.is_up and connection.accepted

    def _has_waited(self, most_s: float, since_s: float, trouble: Trouble) -> bool:
        """For so long? What takes longer than usual is said before."""
        waited_s = self._beat() - since_s
        if waited_s > self._parts.pace.connect_s and self._word != trouble.word:
            self._show(trouble, None)
        return waited_s > most_s

    def _converse(self, connection: Connection, stop: Event) -> None:
        """All that is said on one connection."""
        self._parts.figures.connections += 1
        self._show(None, None)
        session = Session(self._parts, connection, self._connections, before_s=self._connected_s)
        since_s = self._beat()
        session.begin()
        while connection.is_up and not stop.is_set():
            session.turn(self._parts.pace.turn_s)
            lasted_s = self._beat() - since_s
            if session.is_heard and lasted_s > self._parts.pace.steady_s:
                self._again.reset()
                self._lasting.reset()
            if lasted_s > 2 * self._parts.pace.kept_most_s:  # another one that is awake would have come back
                self._taken_over_s = -inf
        self._connected_s += self._beat() - since_s
        if stop.is_set():
            session.say_farewell()
        session.end()

    def _keep(self, keep: Callable[[], None]) -> None:
        try:
            keep()
        except StoreError as why:
            log.warning("progress_not_kept", extra={"why": str(why)})

    def _rest(self, trouble: Trouble, stop: Event) -> None:
        until_s = self._beat() + self._waits(trouble).next_s()
        while not stop.is_set() and self._beat() < until_s:
            stop.wait(min(self._parts.pace.turn_s, max(0.0, until_s - self.beat_s)))
        if self._has_other_login(trouble):
            return
        now, budget = self._parts.clock.now(), self._parts.budget
        is_spent = budget.least_urgent(now) == ALERTS_ONLY
        is_held = not stop.is_set() and not budget.may_dial(now)
        is_mere_loss = trouble.state == "lost" and not trouble.is_lasting
        if is_held and (is_spent or is_mere_loss):  # else it is to be mended: a refusal, or no acknowledgement
            self._show(replace(SPENT, state="lost") if is_spent else SCARCE, None)
        while not stop.is_set() and not budget.may_dial(self._parts.clock.now()):
            stop.wait(self._parts.pace.turn_s)
            self._beat()

    def _waits(self, trouble: Trouble) -> Backoff:
        """Long where the next try would only cost as much again, unless another login or a set clock may end it."""
        awaits_clock = trouble.may_be_clock and self._parts.clock.now().state is ClockState.UNSYNCED
        may_end = self._has_other_login(trouble) or awaits_clock
        return self._lasting if trouble.is_lasting and not may_end else self._again

    def _has_other_login(self, trouble: Trouble) -> bool:
        return trouble.word in LOGIN_REFUSED and 0 < self._untried < len(self._logins)

    def _beat(self) -> float:
        self.beat_s = self._parts.clock.monotonic_s()
        return self.beat_s

    def _show(self, trouble: Trouble | None, acknowledged: Instant | None) -> None:
        if trouble is None and self._parts.clock.monotonic_s() < self._taken_over_s + DAY_S:
            trouble = TWIN
        link = replace(
            self._link,
            state="connected" if trouble is None else trouble.state,
            word="" if trouble is None else trouble.word,
            detail="" if trouble is None else trouble.sentence,
            acknowledged=self._parts.figures.acknowledged,
            last_ack=acknowledged or self._link.last_ack,
        )
        self._show_link(link, "connected" if trouble is None else trouble.word)

    def _show_link(self, link: LinkStatus, word: str) -> None:
        if word != self._word and word not in self._said:  # each reason once an outage
            log.warning("broker_link_changed", extra={"was": self._word, "now": word, "detail": link.detail})
        self._said = {word} if link.state == "connected" else self._said | {word}
        self._link, self._word = link, word
        self._parts.board.show(link=link)
