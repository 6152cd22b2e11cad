"""`fieldeye power`: which panel and battery, and when the sun rises and sets."""

import argparse
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from math import inf

from edge.cli.arguments import as_day
from edge.cli.exits import DONE
from edge.cli.results import show
from edge.errors import UsageError
from edge.power.energy import BOARDS, SLEEPS, Board, Need, Site, need, sun_hours, worst_month
from edge.power.sun import sun_day

MEASURED = {"idle_w": "awake", "busy_w": "booting", "off_w": "halted", "boot_s": "to the first look"}  # of a Board


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `power plan` and `power sun`."""
    verbs = parser.add_subparsers(dest="power_verb", metavar="plan|sun", required=True)
    plan = verbs.add_parser("plan", help="panel and battery for each way to sleep")
    sun = verbs.add_parser("sun", help="sunrise and sunset")
    for verb in (plan, sun):
        verb.add_argument("--latitude", type=float, required=True, metavar="DEG", help="-90 to 90; south is below 0")
    plan.add_argument("--board", choices=sorted(BOARDS), required=True, help="Raspberry Pi")
    plan.add_argument(
        "--picture-ws",
        type=float,
        required=True,
        metavar="WS",
        help="watt-seconds a look costs beyond idling: read a USB meter over a hundred looks, see docs/power.md",
    )
    plan.add_argument("--month", type=int, choices=range(1, 13), metavar="1..12", help="default: with the least sun")
    for option, default, metavar, what in (
        ("--every-s", 3600.0, "S", "from picture to picture"),
        ("--clearness", 0.45, "SHARE", "of the sun's light above the air that reaches the ground"),
        ("--performance", 0.6, "SHARE", "of the panel's energy that is not lost"),
        ("--dark-days", 5.0, "DAYS", "without sun that the battery carries"),
        ("--usable", 0.8, "SHARE", "of the battery that may be emptied, of one of lead 0.5"),
    ):
        plan.add_argument(option, type=float, default=default, metavar=metavar, help=f"{what}; default: {default:g}")
    for name, what in MEASURED.items():
        unit = name[-1].upper()
        plan.add_argument(_option(name), type=float, metavar=unit, help=f"measured, {what}; default: of the board")
    sun.add_argument("--longitude", type=float, required=True, metavar="DEG", help="-180 to 180; west is below 0")
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
    given = {name: getattr(args, name) for name in MEASURED}
    measured = {name: value for name, value in given.items() if value is not None}
    for name, value in measured.items():
        if not 0 <= value < inf:
            raise UsageError(f"{_option(name)} {value:g}: is 0 or more; measure it again")
    board = BOARDS[args.board]
    return replace(board, **measured, assumed=tuple(name for name in board.assumed if name not in measured))


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


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
    rises, sets = (at and at.isoformat(timespec="minutes") for at in (told.sunrise, told.sunset))
    said = f"sunrise {rises}, sunset {sets} (UTC)" if rises else f"the sun stays {'up' if told.is_light else 'down'}"
    found = {"date": day.isoformat(), "sunrise": rises, "sunset": sets, "is_light": told.is_light}
    show(found, f"{day}: {said}", as_json=args.json)
    return DONE
