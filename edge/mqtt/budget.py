"""How much may be sent on a metered line today, and what still goes when that is spent."""

from collections.abc import Collection
from datetime import date
from math import inf

from edge.clock import ClockState, Instant
from edge.mqtt.dial import Reach
from edge.store import ALERTS_ONLY, LEAST_URGENT, MUST_GO, Store
from edge.wire import MAX_IMAGE_BYTES, Mark

# What a publish costs beside payload and topic, reckoned from headers: MQTT 8 and its PUBACK 6, three TCP segments of
# 52 with IP and time stamps, two TLS records of 22.
PROTOCOL_BYTES = 214
# What a connection costs until the broker has answered: measured 7,060 with TLS and a chain of two certificates.
TLS_DIAL_BYTES = 7000
CLOSED_TLS_DIAL_BYTES = 2000  # a ClientHello, measured 1,525, and no certificate
DIAL_BYTES = 500
UNANSWERED_DIAL_BYTES = 300  # a name, and four SYN in ten seconds
_PLAIN_AND_TLS_BYTES = {
    Reach.NOWHERE: (0, 0),
    Reach.ASKED: (UNANSWERED_DIAL_BYTES, UNANSWERED_DIAL_BYTES),
    Reach.TAKEN: (DIAL_BYTES, CLOSED_TLS_DIAL_BYTES),
    Reach.ANSWERED: (DIAL_BYTES, TLS_DIAL_BYTES),
}
SPENT_EVERY_S = 3600.0  # a node whose data budget is spent still says once an hour that it lives
_SETTING = "sent_today"
DAY_S = 86400.0
UNMETERED_STEP_BYTES = 200_000
_HEALTH_SHARE = 0.2
_SIGHTINGS_SHARE = 0.8  # the rest is kept for intervals, losses and alerts; questions and asked pictures go so long
_UNASKED_SHARE = 0.5  # pictures that nobody asked for: the day's sightings are still to come


class Budget:
    """Bytes of the current UTC day, `unasked_bytes` of them for pictures that nobody asked for.

    Kept in the store, so that a restart does not begin a new day.
    """

    def __init__(self, store: Store, most_bytes: int | None, now: Instant) -> None:
        self._store = store
        self.most_bytes = most_bytes
        self._since_s = now.monotonic_s
        self.corrections_before = 0.0  # seq below which delivered corrections go again today; 0: all went
        self.corrections_after = store.last_elsewhere  # and above which: those of before are another node's
        self._day, self.spent_bytes, self.unasked_bytes = _read(store.setting(_SETTING), now)
        self._kept = self._figures()
        self._turn_day(now)
        self._answered_s = -inf  # when a broker last took a connection
        self.health_told_s = -inf  # whatever connection it went out on
        self.levels_told: tuple[str, ...] = ()  # with it: keys of what stood above calm

    def corrections_return(self, marks: Collection[Mark]) -> None:
        """Nobody received these, or the line broke before that was known: they and those to follow go again today."""
        self.corrections_before = max((self.corrections_before, *(mark.seq + 1 for mark in marks)))

    def spend(self, size_bytes: int, now: Instant) -> None:
        """Something was sent. A new day begins from nothing."""
        self._turn_day(now)
        self.spent_bytes += size_bytes

    def spend_dial(self, now: Instant, reach: Reach, *, has_tls: bool) -> None:
        """A connection was tried."""
        self.spend(_PLAIN_AND_TLS_BYTES[reach][has_tls], now)
        if reach is Reach.ANSWERED:
            self._answered_s = now.monotonic_s

    def may_dial(self, now: Instant) -> bool:
        """Always; in the last fifth, an hour after a broker last answered: a try that none answers costs little.

        So 1 MB lasts the day on a line that drops every three minutes.
        """
        return self.least_urgent(now) == LEAST_URGENT or now.monotonic_s - self._answered_s >= SPENT_EVERY_S

    def begin_unasked(self, size_bytes: int, now: Instant) -> None:
        """A picture that nobody asked for is about to be sent; what it costs is spent part by part."""
        self._turn_day(now)
        self.unasked_bytes += size_bytes

    def least_urgent(self, now: Instant) -> int:
        """The least urgent priority that may still go."""
        if self.most_bytes is None or self._spent_bytes(now) < self.most_bytes * _SIGHTINGS_SHARE:
            return LEAST_URGENT
        return MUST_GO if self.spent_bytes < self.most_bytes else ALERTS_ONLY

    def image_room_bytes(self, now: Instant, *, asked: bool) -> int:
        """How much of pictures may still go today; `asked`: by a person or a command."""
        if self.most_bytes is None:
            return MAX_IMAGE_BYTES
        share = _SIGHTINGS_SHARE if asked else _UNASKED_SHARE
        return int(self.most_bytes * share) - self._spent_bytes(now) - PROTOCOL_BYTES

    def unasked_room_bytes(self, daily_bytes: float, now: Instant) -> float:
        """How long a picture that nobody asked for may be now: `daily_bytes` of them are spread over the day.

        The first of a day may be longer than that.
        """
        room_bytes = self.image_room_bytes(now, asked=False)
        if self._is_new_day(now) or not self.unasked_bytes:
            return room_bytes
        midnight = now.utc.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.unasked_bytes > daily_bytes * (now.utc - midnight).total_seconds() / DAY_S:
            return 0
        return min(room_bytes, daily_bytes - self.unasked_bytes)

    def least_wait_s(self, size_bytes: int) -> float:
        """How long to wait between messages of this size that say how the node is, so that most is left for records."""
        if self.most_bytes is None:
            return 0.0
        return DAY_S * (size_bytes + PROTOCOL_BYTES) / (self.most_bytes * _HEALTH_SHARE)

    def save(self) -> None:
        """Keep the figures in the store, once they have grown by a hundredth: each time wears the card by some 16 kB.

        So much is forgotten when the power goes.
        """
        day, spent_bytes, _ = self._kept
        least = UNMETERED_STEP_BYTES if self.most_bytes is None else self.most_bytes // 100
        if self._day != day or self.spent_bytes - spent_bytes >= least:
            self.keep()

    def keep(self) -> None:
        """Keep them however little they have grown: a node that sleeps between two looks starts often."""
        if self._figures() == self._kept:
            return
        self._store.set_setting(_SETTING, f"{self._day.isoformat()} {self.spent_bytes} {self.unasked_bytes}")
        self._kept = self._figures()

    def _turn_day(self, now: Instant) -> None:
        if self._is_new_day(now):
            self._day, self.spent_bytes, self.unasked_bytes, self._since_s = now.utc.date(), 0, 0, now.monotonic_s
            self.corrections_before = inf

    def _figures(self) -> tuple[date, int, int]:
        return self._day, self.spent_bytes, self.unasked_bytes

    def _spent_bytes(self, now: Instant) -> int:
        return 0 if self._is_new_day(now) else self.spent_bytes

    def _is_new_day(self, now: Instant) -> bool:
        """A board without a clock wakes up in an earlier day than the one it spent in; that is no new one for a day."""
        today = now.utc.date()
        is_sure = now.state is not ClockState.UNSYNCED or now.monotonic_s - self._since_s >= DAY_S
        return today > self._day or (today < self._day and is_sure)


def _read(setting: str | None, now: Instant) -> tuple[date, int, int]:
    words = (setting or "").split()
    try:
        unasked_bytes = int(words[2]) if len(words) > 2 else 0  # an earlier version kept none
        return date.fromisoformat(words[0]), int(words[1]), unasked_bytes
    except (IndexError, ValueError):  # never kept yet
        return now.utc.date(), 0, 0
