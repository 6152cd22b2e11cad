"""How much energy a node needs a day, and which panel and battery give it in a bad month. Pure.

Sizing follows IEEE Std 1562 (array and battery of stand-alone systems): the load of a day, over the sun hours of the
worst month and what is lost on the way; the battery carries so many days without sun.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import get_args

from edge.config import PowerTable, Sleep
from edge.power.keeper import AWAKE_S, LOOK_EVERY_S, LOOKED_S, WAITS_S
from edge.power.schedule import LEAST_BETWEEN_S, LEAST_SLEEP_S, MOST_SLEEP_S, is_worth_staying_for
from edge.power.sun import day_length_h, irradiation_above_kwh_m2

SLEEPS: tuple[Sleep, ...] = get_args(Sleep)
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Watts at 5 V, camera included where it is on."""

    idle_w: float
    busy_w: float
    off_w: float  # halted, with what wakes it
    boot_s: float  # from power to the first look
    assumed: tuple[str, ...]  # which of these nobody has published or measured for us; chosen rather too high


# Published: idle of a Zero 2 W (CNX Software, 2021-12-09: 120 mA), 6 W of a busy Pi 4, and 3 mA of a Pi 5 that is off
# with its clock's alarm set (documentation of Raspberry Pi Ltd).
BOARDS = {
    "zero2w": Board(idle_w=0.6, busy_w=2.5, off_w=0.01, boot_s=90.0, assumed=("busy_w", "off_w", "boot_s")),
    "pi4": Board(idle_w=3.0, busy_w=6.0, off_w=0.1, boot_s=60.0, assumed=("idle_w", "off_w", "boot_s")),
    "pi5": Board(idle_w=3.5, busy_w=8.0, off_w=0.015, boot_s=45.0, assumed=("idle_w", "busy_w", "boot_s")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the node stands and what is lost there."""

    latitude_deg: float
    month: int
    clearness: float  # monthly mean share of the sun above the air that reaches the ground: monsoon 0.3, dry 0.65
    performance: float  # share of the panel's energy that reaches the board: dust, heat, charger, battery
    dark_days: float  # that the battery carries
    usable: float  # share of the battery that may be drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What a node does in a day; the rest of it is off."""

    starts: float
    awake_s: float  # after each boot
    pictures: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one way to sleep costs."""

    sleep: Sleep
    pictures: float  # a day
    load_wh: float  # a day
    panel_w: float  # rated
    battery_wh: float  # rated


def sun_hours(site: Site) -> float:
    """Hours a day at 1000 W/m2 that make up what reaches a level panel in the middle of the month."""
    return site.clearness * irradiation_above_kwh_m2(site.latitude_deg, middle(site.month))


def middle(month: int) -> date:
    """The day that stands for a month."""
    return date(2026, month, monthrange(2026, month)[1] // 2 + 1)


def worst_month(latitude_deg: float) -> int:
    """The month with the least sun above the air."""
    return min(range(1, 13), key=lambda month: irradiation_above_kwh_m2(latitude_deg, middle(month)))


def need(site: Site, board: Board, *, every_s: float, picture_ws: float, sleep: Sleep) -> Need:
    """Load, panel and battery. `picture_ws`: watt-seconds a look costs beyond idling, measured.

    The battery carries days on which the broker is away as well: the node then waits for it after each start.
    """
    light_h = day_length_h(site.latitude_deg, middle(site.month))
    usual, alone = (
        duty(board.boot_s, light_h=light_h, every_s=every_s, sleep=sleep, stays_s=stays_s)
        for stays_s in (AWAKE_S, WAITS_S)
    )
    load_wh = load(board, usual, picture_ws)
    hours = sun_hours(site) * site.performance
    return Need(
        sleep=sleep,
        pictures=usual.pictures,
        load_wh=load_wh,
        panel_w=load_wh / hours if hours else float("inf"),
        battery_wh=load(board, alone, picture_ws) * site.dark_days / site.usable,
    )


def duty(boot_s: float, *, light_h: float, every_s: float, sleep: Sleep, stays_s: float) -> Duty:
    """What the keeper makes of a day, on average over where the looks fall; `stays_s`: awake after each start.

    Between two looks it starts for each of the day, once in the morning, and once for the first look of the night.
    Looks further apart than a night is long leave out some nights; it then sleeps through the morning as well.
    """
    power = PowerTable()
    day_s = min(DAY_S, light_h * 3600 + power.before_sunrise_s + power.after_sunset_s)
    if sleep == "never":
        return Duty(starts=0, awake_s=DAY_S, pictures=DAY_S / every_s)
    if sleep == "night" or every_s <= LEAST_BETWEEN_S:
        starts = 1.0 if day_s < DAY_S else 0.0
        return Duty(starts=starts, awake_s=day_s - starts * boot_s, pictures=day_s / every_s)
    every_s = min(every_s, MOST_SLEEP_S)
    on_s = boot_s + stays_s + LOOK_EVERY_S / 2  # until the keeper looks at the clock
    left_s = every_s - on_s % every_s
    if left_s <= LEAST_SLEEP_S:  # it stays for the next look
        on_s, left_s = on_s + left_s, every_s
    soon_s = (boot_s + LOOKED_S - on_s) % every_s
    if is_worth_staying_for(soon_s, left_s):
        on_s, left_s = on_s + soon_s + LOOK_EVERY_S / 2, left_s - soon_s - LOOK_EVERY_S / 2
    each_s = on_s + left_s  # from start to start
    starts = day_s / each_s + (2 - on_s / each_s) * min(1.0, (DAY_S - day_s) / each_s)
    return Duty(starts=starts, awake_s=starts * (on_s - boot_s), pictures=starts * (1 + (on_s - boot_s) // every_s))


def load(board: Board, duty: Duty, picture_ws: float) -> float:
    """Watt-hours a day."""
    boots_s = duty.starts * board.boot_s
    off_s = max(0.0, DAY_S - duty.awake_s - boots_s)
    spent_ws = boots_s * board.busy_w + duty.awake_s * board.idle_w + off_s * board.off_w + duty.pictures * picture_ws
    return spent_ws / 3600
