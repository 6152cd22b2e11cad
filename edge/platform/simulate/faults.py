"""What goes wrong on a simulated node's day, drawn once a day."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How often a day, an hour or a message goes wrong, 0..1; all 0 is a fleet in which nothing does."""

    outage_a_day: float = 0.15  # hours without a line: what waited comes in batches
    broken_camera_a_day: float = 0.02  # the whole day without data
    blind_hour: float = 0.03
    clock_a_day: float = 0.05  # woke up without the time, which is set some hours later
    new_card_a_day: float = 0.002  # a new epoch, counting from 1
    duplicate: float = 0.05  # of messages, sent again within two hours
    late: float = 0.05  # of messages, overtaken by up to three hours of others

    def times(self, factor: float) -> "Faults":
        """The same, more or less often."""
        return Faults(**{name: min(1.0, getattr(self, name) * factor) for name in self.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What went wrong on one day of one node."""

    outage_h: tuple[float, float]  # from, to; empty where both are the same
    is_broken: bool
    blind: tuple[bool, ...]  # by hour
    clock_wrong_until_h: int  # 0: right all day
    clock_error_s: float
    is_new_card: bool


def draw(faults: Faults, rng: np.random.Generator) -> Day:
    """One day. The same generator gives the same day."""
    begin_h, length_h = rng.uniform(0, 23), rng.exponential(5)
    has_outage = rng.random() < faults.outage_a_day
    wrong_until_h = int(rng.integers(1, 9))
    is_wrong = rng.random() < faults.clock_a_day
    return Day(
        outage_h=(begin_h, begin_h + length_h) if has_outage else (0.0, 0.0),
        is_broken=bool(rng.random() < faults.broken_camera_a_day),
        blind=tuple(bool(one) for one in rng.random(24) < faults.blind_hour),
        clock_wrong_until_h=wrong_until_h if is_wrong else 0,
        clock_error_s=-float(rng.uniform(60, 40 * 86400)),
        is_new_card=bool(rng.random() < faults.new_card_a_day),
    )
