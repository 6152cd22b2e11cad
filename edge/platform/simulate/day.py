"""What a simulated camera measures in a day: intervals and sightings, beside what was really there."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Protocol
from uuid import UUID

import numpy as np

from edge.clock import ClockState, Instant
from edge.counts import Interval, NoData, Sighting, TaxonCount, counted
from edge.platform.simulate.faults import Day
from edge.platform.simulate.season import BLAST, FLIGHTS, flying, sick
from edge.taxa import taxon
from edge.wire import Stored

PRECISION, RECALL = 0.9, 0.8  # of the simulated model; counts are drawn and their ranges made with the same two
MODEL, CAMERA = "simulated@1", "cam0"
FRAMES_AN_HOUR = 60
LOCAL_H = 8  # ahead of UTC, so that insects fly at night


class Where(Protocol):
    """What a day depends on besides its date."""

    latitude_deg: float
    abundance: float
    is_leaf: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A record and the truth behind it."""

    record: Interval | Sighting
    true_start: datetime
    true_counts: tuple[tuple[str, int], ...] = ()  # label, individuals that were there; of intervals

    @property
    def is_sighting(self) -> bool:
        """Less urgent than an interval."""
        return isinstance(self.record, Sighting)


@dataclass(frozen=True, slots=True)
class Simulated:
    """A measurement with its key."""

    site: str
    stored: Stored
    measured: Measured


@dataclass(frozen=True, slots=True)
class _Clock:
    """The node's own idea of the time, and its boot."""

    midnight: datetime
    boot_id: str
    day: Day

    def instant(self, true: datetime) -> Instant:
        since_s = (true - self.midnight).total_seconds()
        is_wrong = since_s < self.day.clock_wrong_until_h * 3600
        error = timedelta(milliseconds=round(self.day.clock_error_s * 1000) if is_wrong else 0)
        state = ClockState.UNSYNCED if is_wrong else ClockState.SYNCED
        return Instant(true + error, state, self.boot_id, 1000.0 + since_s)


def day_of(where: Where, midnight: datetime, day: Day, rng: np.random.Generator) -> Iterator[Measured]:
    """The day's records in the order of commit: an hour's sightings, then its interval."""
    clock = _Clock(midnight, str(UUID(bytes=rng.bytes(16), version=4)), day)
    gust = float(rng.gamma(2, 0.5))  # a warm still night flies more than a windy one
    for hour in range(24):
        start = midnight + timedelta(hours=hour)
        if day.is_broken or day.blind[hour]:
            record = _interval(clock, start, 0, "dark", NoData("dark"), is_leaf=where.is_leaf)  # dark frames come, too
            if day.is_broken:
                record = replace(record, skipped=(), awake_s=0.0, counts=NoData("no_frame"))
            yield Measured(record=record, true_start=start)
            continue
        frames = FRAMES_AN_HOUR - int(rng.integers(0, 4))
        there = _leaves(where, start, frames, rng) if where.is_leaf else _insects(where, start, gust, rng)
        found = [_found(label, stage, number, rng) for label, stage, number in there]
        seen = [count for count in found if count.count]
        if not where.is_leaf:
            yield from (_sighting(clock, start, count, rng) for count in seen)
        record = _interval(clock, start, frames, "blurred", tuple(seen), is_leaf=where.is_leaf)
        truth = tuple((label, number) for label, _, number in there if number)
        yield Measured(record=record, true_start=start, true_counts=truth)


def _insects(where: Where, start: datetime, gust: float, rng: np.random.Generator) -> list[tuple[str, str, int]]:
    local = start + timedelta(hours=LOCAL_H)
    day = local.timetuple().tm_yday
    expected = [flying(flight, day, local.hour, where.latitude_deg) for flight in FLIGHTS]
    drawn = rng.poisson([where.abundance * gust * one for one in expected])
    return [(flight.label, "adult", int(one)) for flight, one in zip(FLIGHTS, drawn, strict=True)]


def _leaves(where: Where, start: datetime, frames: int, rng: np.random.Generator) -> list[tuple[str, str, int]]:
    share = sick(BLAST, start.timetuple().tm_yday, where.latitude_deg)
    return [(BLAST.label, "", int(rng.binomial(frames, share)))]


def _found(label: str, stage: str, there: int, rng: np.random.Generator) -> TaxonCount:
    """What the model makes of it: some are missed, some are made up, and the range knows both."""
    false = rng.poisson(there * RECALL * (1 - PRECISION) / PRECISION)
    found = _range_of(int(rng.binomial(there, RECALL) + false))
    return replace(found, label=label, eppo=taxon(label).eppo, stage=stage)


@cache
def _range_of(count: int) -> TaxonCount:
    return counted(count, "", "", precision=PRECISION, recall=RECALL)


def _interval(
    clock: _Clock, start: datetime, frames: int, others: str, counts: tuple[TaxonCount, ...] | NoData, *, is_leaf: bool
) -> Interval:
    """`others`: why the rest of the hour's frames were skipped."""
    skipped = FRAMES_AN_HOUR - frames
    return Interval(
        start=clock.instant(start),
        end=clock.instant(start + timedelta(hours=1)),
        camera=CAMERA,
        model=MODEL,
        mode="leaf" if is_leaf else "trap",
        unit="affected_frames" if is_leaf else "new",
        frames=frames,
        skipped=((others, skipped),) if skipped else (),
        awake_s=3600.0,
        counts=counts,
    )


def _sighting(clock: _Clock, start: datetime, count: TaxonCount, rng: np.random.Generator) -> Measured:
    """The first of the hour."""
    true = start + timedelta(milliseconds=int(rng.integers(0, 3_600_000)))
    left, top = (round(float(one), 4) for one in rng.uniform(0, 0.9, 2))
    record = Sighting(
        at=clock.instant(true),
        camera=CAMERA,
        model=MODEL,
        label=count.label,
        eppo=count.eppo,
        confidence=round(float(rng.beta(8, 2)), 3),
        box=(left, top, left + 0.05, top + 0.05),
        count=1,
    )
    return Measured(record=record, true_start=true)
