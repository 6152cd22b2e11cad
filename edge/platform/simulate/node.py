"""One simulated node: its day as records with their truth, and as messages at the times at which they are sent.

All is drawn from (seed, node, day), so that a day can be made again for a replay instead of being kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import numpy as np

from edge.errors import WireError
from edge.platform.simulate.day import Simulated, day_of
from edge.platform.simulate.faults import Day, Faults, draw
from edge.wire import (
    Health,
    Info,
    Key,
    ReplayCommand,
    Reply,
    Status,
    Stored,
    StoreHealth,
    decode_message,
    encode_batch,
    encode_message,
    node_topic,
)
from edge.wire.commands import ReplyCode

COUNTY = "330106"  # nodes are spread over its townships and villages
BATCH_RECORDS = 20  # as a node sends them


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """What is simulated."""

    nodes: int
    days: int
    first_day: date = date(2026, 7, 20)  # between two flights of the planthopper
    seed: int = 0
    faults: Faults = field(default_factory=Faults)

    def midnight(self, day: int) -> datetime:
        """When a day of the plan begins, counted from 0."""
        return datetime.combine(self.first_day, datetime.min.time(), UTC) + timedelta(days=day)


class Posting(NamedTuple):
    """A message at its time."""

    at: datetime
    topic: str
    payload: bytes
    retain: bool


class SimulatedNode:
    """Owned by the fleet's thread. `number` makes its name, its place and all that happens to it."""

    def __init__(self, plan: FleetPlan, number: int) -> None:
        self._plan, self._number = plan, number
        rng = self._rng(0)
        self.site, self.name = f"{COUNTY}{number % 20:03d}", f"sim-{number:06d}"
        self.latitude_deg = round(float(rng.uniform(29.8, 30.6)), 5)
        self.longitude_deg = round(float(rng.uniform(119.6, 120.6)), 5)
        self.abundance = float(rng.lognormal(0, 0.7))  # a trap beside a light catches more than one in a hedge
        self.is_leaf = bool(rng.random() < 0.1)
        self._epoch, self._next_seq, self._day = self._new_epoch(0), 1, 0

    def next_day(self) -> tuple[list[Simulated], list[Posting]]:
        """What was measured, and what is said of it, in the order of time; some of it later than the day."""
        day, self._day = self._day, self._day + 1
        records, drawn, rng = self._records(day)
        postings = [*self._birth(day), *self._messages(records, drawn, day, rng)]
        return records, sorted(postings)

    def health(self, at: datetime) -> Posting:
        """All was sent: the platform may compare."""
        store = StoreHealth(waiting=0, last_seq=self._next_seq - 1)
        health = Health(utc=at, clock="synced", session=1, uptime_s=86400.0 * self._day, store=store)
        return Posting(at, self._topic("health"), encode_message(health), retain=True)

    def answer(self, payload: bytes, now: datetime) -> tuple[list[bytes], Reply]:
        """To `cmd/replay` as a node does: the batches of what was asked for, and the reply that comes after them."""
        try:
            command = decode_message(payload, ReplayCommand)
        except WireError as why:
            return [], Reply(code="malformed", detail=str(why))
        code = self._refusal(command, now)
        again = [] if code else self._made_again(command.first, command.last)
        reply = Reply(code=code or "done", id=command.id, epoch=str(self._epoch), sent=None if code else len(again))
        return [encode_batch(batch) for batch in _cut(again)], reply

    def _refusal(self, command: ReplayCommand, now: datetime) -> ReplyCode | None:
        if command.first > command.last:
            return "malformed"
        if command.expires <= now:
            return "expired"
        return command.refused_by(self._epoch)

    def _made_again(self, first: int, last: int) -> list[Stored]:
        """Of the card that it has now, from day 0 on."""
        again = SimulatedNode(self._plan, self._number)
        made = [one.stored for _ in range(self._day) for one in again.next_day()[0]]
        return [one for one in made if one.key.epoch == self._epoch and first <= one.key.seq <= last]

    def _records(self, day: int) -> tuple[list[Simulated], Day, np.random.Generator]:
        rng = self._rng(day + 1)
        drawn = draw(self._plan.faults, rng)
        if drawn.is_new_card and day:
            self._epoch, self._next_seq = self._new_epoch(day), 1
        records = []
        for measured in day_of(self, self._plan.midnight(day), drawn, rng):
            key = Key(self.name, self._epoch, self._next_seq)
            self._next_seq += 1
            records.append(Simulated(self.site, Stored(key, measured.record), measured))
        return records, drawn, rng

    def _messages(
        self, records: Sequence[Simulated], drawn: Day, day: int, rng: np.random.Generator
    ) -> Iterator[Posting]:
        """An hour's records in one message; what waits in an outage comes at its end, intervals first."""
        begin_h, end_h = drawn.outage_h
        midnight, faults = self._plan.midnight(day), self._plan.faults
        hours = [[one for one in records if one.measured.true_start.hour == hour] for hour in range(24)]
        due = [(hour + 1.0, told) for hour, told in enumerate(hours) if not begin_h <= hour + 1 < end_h]
        waited = [one for one in records if begin_h <= one.measured.true_start.hour + 1 < end_h]
        due.append((end_h, sorted(waited, key=lambda one: one.measured.is_sighting)))
        for at_h, batch in ((at_h, batch) for at_h, told in due for batch in _cut([one.stored for one in told])):
            at = midnight + timedelta(hours=at_h, seconds=float(rng.uniform(1, 300)))
            if rng.random() < faults.late:
                at += timedelta(hours=float(rng.uniform(1, 3)))
            posting = Posting(at, self._topic("records"), encode_batch(batch), retain=False)
            yield posting
            if rng.random() < faults.duplicate:
                yield posting._replace(at=at + timedelta(seconds=float(rng.uniform(1, 7200))))

    def _birth(self, day: int) -> Iterator[Posting]:
        """At the first midnight and with each new card."""
        if day and self._epoch != self._new_epoch(day):
            return
        at = self._plan.midnight(day)
        info = Info(
            software="fieldeye-simulated",
            version="1",
            epoch=str(self._epoch),
            latitude_deg=self.latitude_deg,
            longitude_deg=self.longitude_deg,
            area_code=f"{self.site}{self._number % 12 + 1:03d}",
            crop="Oryza sativa",
            interval_s=3600.0,
            capabilities=["replay"],
        )
        yield Posting(at, self._topic("info"), encode_message(info), True)
        yield Posting(at, self._topic("status"), encode_message(Status(state="online", session=1, connection=1)), True)

    def _new_epoch(self, day: int) -> UUID:
        return UUID(bytes=self._rng(10**6 + day).bytes(16), version=4)

    def _topic(self, channel: str) -> str:
        return node_topic(self.site, self.name, channel)

    def _rng(self, what: int) -> np.random.Generator:
        return np.random.default_rng([self._plan.seed, self._number, what])


def _cut(records: Sequence[Stored]) -> Iterator[list[Stored]]:
    for at in range(0, len(records), BATCH_RECORDS):
        yield list(records[at : at + BATCH_RECORDS])
