"""`fieldeye power`: which panel and battery, and when the sun rises and sets."""

import argparse
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from math import inf

from edge.cli.arguments import as_day
from edge.cli.exits import DONE
from edge.errors import UsageError
from edge.power.energy import BOARDS, SLEEPS, Board, Need, Site, need, sun_hours, worst_month
from edge.power.sun import sun_day


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `power plan` and `power sun`."""
    verbs = parser.add_subparsers(dest="power_verb", metavar="plan|sun", required=True)
    plan = verbs.add_parser("plan", help="panel and battery for each way to sleep")
    plan.add_argument("--board", choices=sorted(BOARDS), required=True)
    plan.add_argument("--latitude", type=float, required=True, metavar="DEG")
    plan.add_argument("--month", type=int, choices=range(1, 13), metavar="1..12", help="default: with the least sun")
    plan.add_argument(
        "--every-s", type=float, default=3600.0, metavar="S", help="from picture to picture; default: 3600"
    )
    plan.add_argument(
        "--picture-ws",
        type=float,
        required=True,
        metavar="WS",
        help="watt-seconds a look costs beyond idling: read a USB meter over a hundred looks, see docs/power.md",
    )
    plan.add_argument(
        "--clearness", type=float, default=0.45, metavar="SHARE", help="of the sun above the air, default 0.45"
    )
    plan.add_argument(
        "--performance", type=float, default=0.6, metavar="SHARE", help="of the panel's energy, default 0.6"
    )
    plan.add_argument(
        "--dark-days", type=float, default=5.0, metavar="DAYS", help="that the battery carries, default 5"
    )
    plan.add_argument(
        "--usable", type=float, default=0.8, metavar="SHARE", help="of the battery, default 0.8; lead 0.5"
    )
    for name, what in (
        ("idle-w", "awake"),
        ("busy-w", "booting"),
        ("off-w", "halted"),
        ("boot-s", "to the first look"),
    ):
        plan.add_argument(
            f"--{name}", type=float, metavar=name[-1].upper(), help=f"measured, {what}; default: of the board"
        )
    sun = verbs.add_parser("sun", help="sunrise and sunset")
    sun.add_argument("--latitude", type=float, required=True, metavar="DEG")
    sun.add_argument("--longitude", type=float, required=True, metavar="DEG")
    sun.add_argument("--date", type=as_day, metavar="YYYY-MM-DD", help="default: today")
    for verb in (plan, sun):
        verb.add_argument("--json", action="store_true", help="one JSON object a line")


def run(args: argparse.Namespace) -> int:
    """0; 2 for figures that cannot be."""
    if not -90 <= args.latitude <= 90:
        raise UsageError(f"--latitude {args.latitude:g}: must be -90 to 90; south is below 0")
    return _plan(args) if args.power_verb == "plan" else _sun(args)


def _plan(args: argparse.Namespace) -> int:
    for name in ("clearness", "performance", "usable"):
        if not 0 < getattr(args, name) <= 1:
            raise UsageError(f"--{name} {getattr(args, name)}: is a share above 0 and at most 1; correct it")
    if not (0 < args.every_s < inf and 0 <= args.picture_ws < inf and 0 < args.dark_days < inf):
        raise UsageError("--every-s and --dark-days are above 0, and --picture-ws is not below 0; correct them")
    board = _board(args)
    site = Site(
        latitude_deg=args.latitude,
        month=args.month or worst_month(args.latitude),
        clearness=args.clearness,
        performance=args.performance,
        dark_days=args.dark_days,
        usable=args.usable,
    )
    if not sun_hours(site):
        raise UsageError(f"month {site.month} at {site.latitude_deg:g} degrees has no sun; give another --month")
    needs = [need(site, board, every_s=args.every_s, picture_ws=args.picture_ws, sleep=sleep) for sleep in SLEEPS]
    for line in [json.dumps(asdict(one)) for one in needs] if args.json else _table(site, board, needs):
        print(line)
    return DONE


def _board(args: argparse.Namespace) -> Board:
    """The board with what was measured in place of what is assumed."""
    given = {name: getattr(args, name) for name in ("idle_w", "busy_w", "off_w", "boot_s")}
    measured = {name: value for name, value in given.items() if value is not None}
    for name, value in measured.items():
        if not 0 <= value < inf:
            raise UsageError(f"--{name.replace('_', '-')} {value:g}: is 0 or more; measure it again")
    board = BOARDS[args.board]
    return replace(board, **measured, assumed=tuple(name for name in board.assumed if name not in measured))


def _table(site: Site, board: Board, needs: list[Need]) -> list[str]:
    head = (
        f"month {site.month} at {site.latitude_deg:g} degrees: {sun_hours(site):.1f} sun hours a day on a level panel"
    )
    figures = (
        f"{board.idle_w:g} W awake, {board.busy_w:g} W booting, {board.off_w:g} W off, {board.boot_s:g} s to a look"
    )
    assumed = f"assumed, so measure them: {', '.join(board.assumed)}" if board.assumed else "all measured"
    rows = [
        f"{one.sleep:<8} {one.pictures:>8.0f} {one.load_wh:>8.1f} {one.panel_w:>8.1f} {one.battery_wh:>10.0f}"
        for one in needs
    ]
    return [
        head,
        f"board: {figures}; {assumed}",
        f"{'sleep':<8} {'looks/d':>8} {'Wh/d':>8} {'panel W':>8} {'battery Wh':>10}",
        *rows,
    ]


def _sun(args: argparse.Namespace) -> int:
    if not -180 <= args.longitude <= 180:
        raise UsageError(f"--longitude {args.longitude:g}: must be -180 to 180; west is below 0")
    day = args.date or datetime.now(UTC).date()
    told = sun_day(args.latitude, args.longitude, day)
    times = {name: None if at is None else at.isoformat(timespec="minutes") for name, at in
             (("sunrise", told.sunrise), ("sunset", told.sunset))}  # fmt: skip
    if args.json:
        print(json.dumps({"date": day.isoformat(), **times, "is_light": told.is_light}))
    elif told.sunrise is None:
        print(f"{day}: the sun stays {'up' if told.is_light else 'down'}")
    else:
        print(f"{day}: sunrise {times['sunrise']}, sunset {times['sunset']} (UTC)")
    return DONE
