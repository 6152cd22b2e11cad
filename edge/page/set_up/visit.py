"""What a technician has done at this node since the visit began, kept so that it goes on after any interruption."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from threading import Lock

import msgspec
from msgspec import Struct

from edge.count_agreement import Agreement, agreement
from edge.store import Store

SETTING = "visit"
KEPT_VISITS = 50
CHECK_PICTURES = 10  # to be counted by hand
_one_at_a_time = Lock()  # who reads before another one has written would write over it


class Tick(Struct, frozen=True, kw_only=True):
    """A step that somebody has done."""

    at: datetime
    who: str
    figure: str = ""  # what came of it, a number or a name in no language


class Past(Struct, frozen=True, kw_only=True):
    """A visit that is over."""

    at: datetime
    who: str
    note: str = ""
    open_steps: tuple[str, ...] = ()  # their ids; none: the node was ready


class Visit(Struct, frozen=True, kw_only=True):
    """The visit that is going on, what has to be changed now and then, and the visits before."""

    ticks: Mapping[str, Tick] = {}
    counted: Mapping[str, int] = {}  # picture -> how many a person counts on it
    found: Mapping[str, int] = {}  # picture -> how many the node framed
    lure: date | None = None  # put in
    card: date | None = None
    lure_days: int = 30
    card_days: int = 7
    past: tuple[Past, ...] = ()

    @property
    def after(self) -> str:
        """A name for this visit, in a form that ends it: when the one before was over."""
        return self.past[0].at.isoformat() if self.past else ""

    def ticked(self, step: str, tick: Tick) -> "Visit":
        """With one step done."""
        return msgspec.structs.replace(self, ticks={**self.ticks, step: tick})

    def without(self, *steps: str) -> "Visit":
        """With these steps to be done again."""
        ticks = {name: tick for name, tick in self.ticks.items() if name not in steps}
        return msgspec.structs.replace(self, ticks=ticks)

    def back_to(self, before: Mapping[str, str], after: Mapping[str, str], tick: Tick) -> "Visit":
        """With the results `after` in place of those `before`: a step whose result is gone is to be done again."""
        undone = {step for step in {*before, *after} if before.get(step) != after.get(step)}
        again = {step: msgspec.structs.replace(tick, figure=after[step]) for step in undone if step in after}
        ticks = {step: known for step, known in self.ticks.items() if step not in undone}
        counted, found = ({}, {}) if "hand" in undone else (self.counted, self.found)
        return msgspec.structs.replace(self, ticks={**ticks, **again}, counted=counted, found=found)

    def over(self, past: Past) -> "Visit":
        """Ended: the next one begins with nothing done; dates stay."""
        return msgspec.structs.replace(self, ticks={}, counted={}, found={}, past=(past, *self.past)[:KEPT_VISITS])

    def due(self, today: date) -> list[str]:
        """lure, card: what was to be changed before today."""
        dates = (("lure", self.lure, self.lure_days), ("card", self.card, self.card_days))
        return [what for what, since, days in dates if since is not None and today > since + timedelta(days=days)]


def load(store: Store) -> Visit:
    """From the store. What cannot be read is begun anew."""
    try:
        return msgspec.json.decode(store.setting(SETTING) or "{}", type=Visit)
    except msgspec.DecodeError:
        return Visit()


def change(store: Store, changed: Callable[[Visit], Visit]) -> Visit:
    """Keep what `changed` makes of the visit that is going on, durably, and return it. Raises StoreError."""
    with _one_at_a_time:
        visit = changed(load(store))
        store.set_setting(SETTING, msgspec.json.encode(visit).decode())
    return visit


def compared(visit: Visit) -> Agreement | None:
    """The node's counts against a person's on the pictures that both have counted; None: there are none."""
    both = [name for name in visit.counted if name in visit.found]
    return agreement([visit.counted[name] for name in both], [visit.found[name] for name in both]) if both else None
