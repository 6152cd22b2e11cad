"""`fieldeye-platform simulate`: a fleet of nodes on the real wire, for trying a platform before there are nodes."""

import argparse
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from threading import Event
from time import monotonic

from tqdm import tqdm

from edge.cli.arguments import as_day
from edge.cli.broker_arguments import add_broker_arguments, broker_address
from edge.cli.exits import DONE
from edge.cli.results import show
from edge.cli.stopping import stop_on_signal
from edge.errors import UsageError
from edge.platform.simulate import Fleet, FleetPlan, TruthFile
from edge.platform.simulate.faults import Faults

FIRST = date(2026, 7, 20)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `simulate`."""
    faults = "times as many of all faults; 0: none (default: 1)"
    add_broker_arguments(parser)
    parser.add_argument("--nodes", type=int, default=10, metavar="N", help="how many (default: 10)")
    parser.add_argument("--days", type=int, default=1, metavar="D", help="of their lives (default: 1)")
    parser.add_argument(
        "--from", dest="first_day", type=as_day, default=FIRST, metavar="DATE", help=f"the first day (default: {FIRST})"
    )
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same fleet")
    parser.add_argument("--faults", type=float, default=1.0, metavar="X", help=faults)
    parser.add_argument("--connections", type=int, default=20, metavar="C", help="which the nodes share (default: 20)")
    parser.add_argument("--rate", type=float, metavar="R", help="messages a second at most; default: all it takes")
    parser.add_argument("--linger", type=float, default=0.0, metavar="S", help="answer replays for so long at the end")
    parser.add_argument("--truth", type=Path, required=True, metavar="FILE", help="CSV of what was really there")
    parser.add_argument("--json", action="store_true", help="the sums as one object")


def run(args: argparse.Namespace) -> int:
    """Until all is received by somebody, or Ctrl-C."""
    if min(args.nodes, args.days, args.connections) < 1:
        raise UsageError("--nodes, --days and --connections must be at least 1")
    if args.seed < 0:
        raise UsageError(f"--seed {args.seed}: is 0 or more; give another")
    if args.rate is not None and not args.rate > 0:
        raise UsageError(f"--rate {args.rate:g} sends nothing; give messages a second above 0, or leave it out")
    plan = FleetPlan(
        nodes=args.nodes,
        days=args.days,
        first_day=args.first_day,
        seed=args.seed,
        faults=Faults().times(max(0.0, args.faults)),
    )
    stop = Event()
    stop_on_signal(stop)
    started_s = monotonic()
    fleet = Fleet(plan, broker_address(args), args.connections, args.rate)
    fleet.open(stop)  # first, since the file may hold the truth of an earlier fleet
    with TruthFile(args.truth) as truth:
        with tqdm(unit=" messages", disable=not sys.stderr.isatty()) as progress:
            for sent in fleet.run(truth, stop, args.linger):
                progress.update(sent)
        fleet.close()
        told = asdict(fleet.told(truth, monotonic() - started_s))
    said = "{records} records in {messages} messages within {seconds} s; {replays} replays".format(**told)
    show(told, said, as_json=args.json)
    return DONE
