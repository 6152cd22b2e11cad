"""`fieldeye degree-days`: how far the heat since a day, or since the first catch, has brought a species."""

import argparse
import difflib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from edge.advice.degree_days import DayRange, measured_days, read_days, species
from edge.advice.first_catch import Biofix, first_catch
from edge.advice.heat import LONGEST, Progress, caught_by_evening, nights, progress, season_begin
from edge.changes import load_changed
from edge.cli.arguments import as_day, read_csv
from edge.cli.exits import DONE
from edge.cli.results import show
from edge.config import NodeConfig
from edge.counts import Interval
from edge.errors import UsageError
from edge.label_sets import LabelSets, load
from edge.nights import begin_of
from edge.store import kept_records

SOURCES = "--csv FILE, --min and --max, or --config NODE.TOML"
NEW_YEAR = "1 January"  # a step that begins on a date begins on no other
REMEDY = "give the same number of °C after --min and --max, each least below its most"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `degree-days`."""
    parser.add_argument("species", nargs="?", metavar="NAME", help="scientific name; without one: which are known")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--csv", type=Path, metavar="FILE", help="temperatures: date,tmin,tmax (°C), a line a day")
    source.add_argument("--min", type=float, nargs="+", metavar="C", help="typed: the least °C of each day from --from")
    source.add_argument("--config", type=Path, metavar="NODE.TOML", help="what the node's own sensor has told")
    parser.add_argument("--max", type=float, nargs="+", metavar="C", help="and the most")
    parser.add_argument(
        "--from", dest="first", type=as_day, metavar="DAY", help="2026-05-01; a node's: the first catch"
    )
    parser.add_argument("--to", dest="last", type=as_day, metavar="DAY", help="default: the last day that is known")
    parser.add_argument(
        "--running", type=int, default=1, metavar="N", help="nights in a row that make a first catch; default: 1"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """0; 2 where something is missing or cannot be."""
    if args.species is None:
        show({"species": species()}, *species(), as_json=args.json)
        return DONE
    if args.species not in species():
        near = difflib.get_close_matches(args.species, species(), n=1)
        remedy = f"did you mean {near[0]}?" if near else "`fieldeye degree-days` alone lists what is known"
        raise UsageError(f"{args.species}: no heat sum with a source is known; {remedy}")
    if args.running < 1:
        raise UsageError(f"--running {args.running}: is 1 or more nights in a row; correct it")
    days, caught = _told(args)
    first = args.first or (caught.evening if caught else min(days, default=None))
    last = args.last or max(days, default=None)
    if first is None or last is None or not days:
        raise UsageError(f"no day with temperatures is known; give {SOURCES}")
    if args.last is None and last < first:
        known = f"no temperature since {first} is known yet, the last is of {last}"
        raise UsageError(f"{known}; ask again in a day, or give an earlier --from")
    if not first <= last or last - first > LONGEST:
        raise UsageError(f"from {first} to {last}: must be a day to a year, in order; correct --from and --to")
    every = progress(args.species, days, first, last)
    steps = tuple(step for step in every if step.row.stage_from != NEW_YEAR or (first.month, first.day) == (1, 1))
    if not steps:
        raise UsageError(f"{args.species}: its heat sum begins on {NEW_YEAR}; give --from {first.year}-01-01")
    left_out = len(every) - len(steps)
    show(_result(args.species, steps, caught, left_out), *_lines(steps, caught, left_out), as_json=args.json)
    return DONE


def _told(args: argparse.Namespace) -> tuple[Mapping[date, DayRange], Biofix | None]:
    """Temperatures, and of a node the first catch unless a day was given."""
    if args.max and (args.csv or args.config):
        raise UsageError(f"--max goes with --min; give {SOURCES}")
    if args.csv:
        return read_days(read_csv(args.csv, "date,tmin,tmax"), args.csv.name), None
    if args.min or args.max:
        return _typed(args.min or [], args.max or [], args.first), None
    if args.config:
        return _from_node(args)
    raise UsageError(f"where are the temperatures? give {SOURCES}")


def _typed(least: list[float], most: list[float], first: date | None) -> Mapping[date, DayRange]:
    if first is None:
        raise UsageError("--min and --max need --from DAY, the first day that they tell of")
    if len(least) != len(most):
        raise UsageError(f"--min tells of {len(least)} and --max of {len(most)} days; {REMEDY}")
    try:
        pairs = [DayRange(low, high) for low, high in zip(least, most, strict=True)]
    except ValueError as why:
        raise UsageError(f"--min and --max: {why}; {REMEDY}") from why
    return {first + timedelta(days=number): pair for number, pair in enumerate(pairs)}


def _from_node(args: argparse.Namespace) -> tuple[Mapping[date, DayRange], Biofix | None]:
    config, _ = load_changed(args.config)
    zone = ZoneInfo(config.node.time_zone)
    first = args.first or season_begin(datetime.now(zone).date(), config.node.latitude)
    intervals, label_sets = _intervals(config, first, zone)
    days = measured_days(intervals, zone)
    if not days:
        raise UsageError(
            f"{config.store.folder}: no day there has 18 hours with a temperature; a node needs [climate] and a clock "
            f"that was set, see docs/counting.md, or give the station's figures with --csv"
        )
    if args.first:
        return days, None
    by_evening = caught_by_evening(intervals, zone, label_sets)
    caught = first_catch(nights(by_evening, args.species, first), args.running)
    if caught is None:
        raise UsageError(f"{args.species}: this node has no first catch of it yet; give the day to begin with --from")
    return days, caught


def _intervals(config: NodeConfig, first: date, zone: ZoneInfo) -> tuple[list[Interval], LabelSets]:
    folder, now = Path(config.store.folder), datetime.now(UTC)
    begin = begin_of(first, "live", zone)
    with kept_records(folder, config.node.node) as records:
        stored, label_sets = records.intervals_between(begin, now + timedelta(days=1)), load(records)
    return [one.record for one in stored if isinstance(one.record, Interval)], label_sets


def _result(name: str, steps: tuple[Progress, ...], caught: Biofix | None, left_out: int) -> dict[str, Any]:
    """What `--json` prints; `left_out`: how many steps of the species begin on another day."""
    one = steps[0]
    return {
        "species": name,
        "from": one.first.isoformat(),
        "to": one.last.isoformat(),
        "first_catch": caught and {"evening": caught.evening.isoformat(), "blind_before": caught.blind_before},
        "missing": [day.isoformat() for day in one.heat.missing],
        "left_out": left_out,
        "stages": [
            {
                **{key: value for key, value in asdict(step.row).items() if key != "scientific_name"},
                "known_c": round(step.heat.known_c, 2),
                "filled_c": None if step.heat.filled_c is None else round(step.heat.filled_c, 2),
                "reached": step.reached and step.reached.isoformat(),
            }
            for step in steps
        ],
    }


def _lines(steps: tuple[Progress, ...], caught: Biofix | None, left_out: int) -> list[str]:
    """What is printed; `left_out` as in `_result`."""
    one = steps[0]
    lines = [f"{one.row.scientific_name}, {one.first} to {one.last}"]
    if caught:
        blind = f"; nobody looked on the {caught.blind_before} nights before" if caught.blind_before else ""
        lines.append(f"first catch on the evening of {caught.evening}{blind}")
    if one.heat.missing:
        days = "day" if len(one.heat.missing) == 1 else "days"
        lines.append(f"{len(one.heat.missing)} {days} without a temperature; in brackets filled from the neighbours")
    if left_out:
        lines.append(f"what the table counts from {NEW_YEAR} is left out; for it give --from {one.first.year}-01-01")
    sources = {step.row.source: "" for step in steps}
    return [*lines, *(_line(step) for step in steps), *(f"source: {source}" for source in sources)]


def _line(step: Progress) -> str:
    filled = f" [{step.heat.filled_c:.1f}]" if step.heat.missing and step.heat.filled_c is not None else ""
    upper = f" to {step.row.upper_c:g}" if step.row.upper_c is not None else ""
    reached = f", reached on {step.reached}" if step.reached else ""
    is_usual = step.row.cutoff_method in {"horizontal", "none"}
    odd = "" if is_usual else f" (cut-off of its source: {step.row.cutoff_method})"
    return (
        f"{step.row.stage_from} -> {step.row.stage_to}: {step.heat.known_c:.1f}{filled} of {step.row.degree_days_c:g} "
        f"°C d above {step.row.lower_c:g}{upper} °C{reached}{odd}"
    )
