"""When the node goes to sleep and when it wakes again. Pure: what it does with the answer is `keeper`'s."""

from datetime import datetime, timedelta
from itertools import pairwise

from edge.config import PowerTable
from edge.power.sun import sun_day

LEAST_SLEEP_S = 300.0  # shorter than that, a boot costs more than it saves
LEAST_BETWEEN_S = 480.0  # looks no further apart leave no such sleep between: a boot and the look take three minutes
MOST_SLEEP_S = 86_400.0  # a node is heard of once a day; `halt` refuses more


def wake_at(now: datetime, power: PowerTable, latitude_deg: float, longitude_deg: float) -> datetime | None:
    """If it is night by `power`, when to wake (UTC); None if the node stays awake now.

    Night begins `after_sunset_s` after sunset and ends `before_sunrise_s` before sunrise. Where the sun neither rises
    nor sets the node stays awake.
    """
    days = [sun_day(latitude_deg, longitude_deg, now.date() + timedelta(days=day)) for day in (-1, 0, 1, 2)]
    for evening, morning in pairwise(days):
        if evening.sunset is None or morning.sunrise is None:
            continue
        begin = evening.sunset + timedelta(seconds=power.after_sunset_s)
        end = morning.sunrise - timedelta(seconds=power.before_sunrise_s)
        if begin <= now and (end - now).total_seconds() > LEAST_SLEEP_S:
            return end
    return None


def longest_sleep_s(power: PowerTable) -> float:
    """The longest that a node is off by `power`, 0 if never. A night is shorter than a day."""
    return 0.0 if power.sleep == "never" else MOST_SLEEP_S


def is_worth_staying_for(soon_s: float, left_s: float) -> bool:
    """Is the look of this start that comes in `soon_s` taken first, where the node would wake for one in `left_s`?

    If that leaves a sleep between: a node that sleeps before it leaves out each second look.
    """
    return soon_s < LEAST_SLEEP_S < left_s - soon_s


def next_look(now: datetime, every_s: float) -> datetime:
    """When to wake for the next look, on whole multiples of `every_s` since midnight UTC, so that days compare.

    A node whose looks are further apart than a day wakes, and looks, once a day.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    every_s = min(every_s, MOST_SLEEP_S)
    done = (now - midnight).total_seconds() // every_s
    return midnight + timedelta(seconds=(done + 1) * every_s)
