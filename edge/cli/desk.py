"""`fieldeye-platform desk`: the web map of a county desk, and who may log in."""

import argparse
import getpass
import os
import sys
from contextlib import suppress
from pathlib import Path

from edge.cli.arguments import area_argument, area_for, database_argument
from edge.cli.exits import DONE
from edge.cli.results import say
from edge.platform.areas.outlines import read_outlines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `desk`."""
    database_argument(parser)
    parser.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1; put a proxy with TLS before it")
    parser.add_argument("--port", type=int, default=8090, help="default: 8090")
    parser.add_argument("--https", action="store_true", help="people come over TLS: cookies travel no other way")
    parser.add_argument("--outline", type=Path, metavar="FILE", help="borders as GeoJSON")
    people = parser.add_argument_group("people, instead of serving")
    one = people.add_mutually_exclusive_group()
    one.add_argument("--add-person", metavar="NAME", help="asks for the password, or reads it from a pipe")
    one.add_argument("--people", action="store_true", help="who may log in, and whose nodes they see")
    one.add_argument("--remove-person", metavar="NAME", help="who is logged in is out at once")
    area_argument(people, "whose nodes they see")


def run(args: argparse.Namespace) -> int:
    """Serve until stopped, or add, list or remove people."""
    from edge.platform.areas.area_names import told  # noqa: PLC0415  only once more than --help is asked for
    from edge.platform.database import open_database, reachable  # noqa: PLC0415
    from edge.platform.desk import create_app, listening  # noqa: PLC0415
    from edge.platform.desk.people import add_person, area_of, people, remove_person  # noqa: PLC0415
    from edge.platform.tables import migrate  # noqa: PLC0415

    with reachable():
        with open_database(args.database, "fieldeye desk") as database:
            migrate(database)
            if args.add_person is not None:
                former = area_of(database, args.add_person)
                area = area_for(args.add_person, args.area, former)
                area = add_person(database, args.add_person, _password(), area)
                print(f"{args.add_person} may log in: {told(database, area)}")
                if former is not None and former != area:
                    say(f"who had this name saw {told(database, former)} and is out: a name is one person's")
                return DONE
            if args.people:
                listed = [f"{name}: {told(database, area)}" for name, area in people(database)]
                print("\n".join(listed) or "nobody yet; give --add-person")
                return DONE
            if args.remove_person is not None:
                remove_person(database, args.remove_person)
                print(f"{args.remove_person} may log in no more")
                return DONE
        outlines = read_outlines(args.outline) if args.outline else []
        app = create_app(args.database, outlines, https=args.https)
        server = listening(app, args.host, args.port)
        print(f"http://{args.host}:{args.port}", flush=True)
        server.run()
    return DONE


def _password() -> str:
    if not os.isatty(sys.stdin.fileno()):
        return sys.stdin.readline().rstrip("\r\n")
    with suppress(EOFError):  # Ctrl-D: none
        return getpass.getpass()
    return ""
