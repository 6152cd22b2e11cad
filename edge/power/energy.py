"""How much energy a node needs a day, and which panel and battery give it in a bad month. Pure.

Sizing follows IEEE Std 1562 (array and battery of stand-alone systems): the load of a day, over the sun hours of the
worst month and what is lost on the way; the battery carries so many days without sun.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Literal

from edge.power.sun import day_length_h, irradiation_above_kwh_m2

Sleep = Literal["never", "night", "between"]
SLEEPS: tuple[Sleep, ...] = ("never", "night", "between")
DAY_H = 24.0


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
    clearness: (
        float  # share of the sun above the air that reaches the ground, monthly mean: 0.3 monsoon, 0.5 usual, 0.65 dry
    )
    performance: float  # share of the panel's energy that reaches the board: dust, heat, charger, battery
    dark_days: float  # that the battery carries
    usable: float  # share of the battery that may be drawn


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
    """Load, panel and battery. `picture_ws`: watt-seconds a look costs beyond idling, measured."""
    light_h = day_length_h(site.latitude_deg, middle(site.month))
    awake_h = DAY_H if sleep == "never" else light_h
    pictures = awake_h * 3600 / every_s
    load_wh = load(board, awake_h=awake_h, pictures=pictures, picture_ws=picture_ws, sleep=sleep)
    hours = sun_hours(site) * site.performance
    return Need(
        sleep=sleep,
        pictures=pictures,
        load_wh=load_wh,
        panel_w=load_wh / hours if hours else float("inf"),
        battery_wh=load_wh * site.dark_days / site.usable,
    )


def load(board: Board, *, awake_h: float, pictures: float, picture_ws: float, sleep: Sleep) -> float:
    """Watt-hours a day."""
    if sleep == "between":
        on_h = min(awake_h, pictures * board.boot_s / 3600)
        return on_h * board.busy_w + (DAY_H - on_h) * board.off_w + pictures * picture_ws / 3600
    boots_wh = 0.0 if sleep == "never" else board.boot_s * board.busy_w / 3600
    return awake_h * board.idle_w + (DAY_H - awake_h) * board.off_w + pictures * picture_ws / 3600 + boots_wh
