"""Nodes that count, in a database of the tests."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from edge.clock import ClockState, Instant
from edge.counts import Interval, TaxonCount
from edge.platform.areas.population import Wanted
from edge.platform.database import Database
from edge.platform.decode import Message
from edge.platform.intake.database_intake import Intake
from edge.platform.intake.leader import roll_up
from edge.platform.intake.registry import Registry
from edge.wire import Info, Key, Stored, encode_batch, encode_message
from tests.clocks import BOOT
from tests.records import MOTH, interval

T = TypeVar("T")
FIRST = date(2026, 7, 1)
EVENING = datetime(2026, 7, 1, 13, 0, tzinfo=UTC)  # 21:00 in Shanghai, of the night of 1 July
BLAST = ("Pyricularia oryzae", "PYRIOR")
VILLAGES = {"a": "330106011002", "b": "330106011003", "c": "330106012001", "d": "330108001001", "e": "420100000000"}


class Fleet:
    """Nodes that count, in a database."""

    def __init__(self, database: Database) -> None:
        self.database, self.intake, self._seq = database, Intake(database), defaultdict[str, int](int)
        self.registry = Registry(self.intake)

    def copied_to(self, database: Database) -> "Fleet":
        """The same nodes, in a copy of their database."""
        copy = Fleet(database)
        copy._seq |= self._seq
        return copy

    def place(self, node: str, **more: Any) -> None:
        fields = {"area_code": VILLAGES.get(node), "time_zone": "Asia/Shanghai"} | more
        info = Info(software="fieldeye", version="0", epoch=str(epoch(node)), **fields)
        self.registry.note([Message(f"fieldeye/v1/s/{node}/info", encode_message(info))])

    def counts(self, node: str, nights: float, *counts: TaxonCount, **more: Any) -> None:
        at = EVENING + timedelta(days=nights)
        fields: dict[str, Any] = {
            "counts": counts,
            "unit": "new",
            "start": moment(at),
            "end": moment(at + timedelta(hours=1)),
        } | more
        self.tell(node, interval(**fields))

    def tell(self, node: str, record: Interval) -> None:
        self._seq[node] += 1
        stored = [Stored(Key(node, epoch(node), self._seq[node]), record)]
        assert self.intake.keep([Message(f"fieldeye/v1/s/{node}/records", encode_batch(stored))]) == (1, 0, 0)

    def sum_up(self) -> None:
        while roll_up(self.database):
            pass


def epoch(node: str) -> UUID:
    return UUID(int=int.from_bytes(node.encode()))


def moment(at: datetime, clock: ClockState = ClockState.SYNCED) -> Instant:
    return Instant(at, clock, BOOT, 1.0)


def all_due(of_what: Callable[..., list[T]], database: Database, *more: Any) -> list[T]:
    """What is due where a leader hears every node."""
    return of_what(database, set(database.execute("SELECT site, node FROM node").fetchall()), *more)


def nodes_known(database: Database, wanted: Wanted) -> list[int]:
    """Of each night, which SQL alone tells."""
    asked = "SELECT nodes_known FROM population(%(area)s, %(unit)s, %(label)s, %(stage)s, %(first)s, %(last)s)"
    return [many for (many,) in database.execute(asked, asdict(wanted))]


def tonight(zone: str = "Asia/Shanghai") -> date:
    """The night that runs there now, noon to noon."""
    return (datetime.now(ZoneInfo(zone)) - timedelta(hours=12)).date()


def moths(area: str = "33", **changes: Any) -> Wanted:
    fields: dict[str, Any] = {"area": area, "label": MOTH[0], "first": FIRST, "last": FIRST + timedelta(days=2)}
    return Wanted(**fields | changes)


def in_villages(database: Database) -> Fleet:
    """Each node in its own, as VILLAGES has them; none has said what its models can tell."""
    fleet = Fleet(database)
    for node in VILLAGES:
        fleet.place(node)
    return fleet
