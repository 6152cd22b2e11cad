"""`fieldeye-platform desk`: the web map of a county desk, and who may log in."""

import argparse
import getpass
import os
import sys
from pathlib import Path

from edge.cli.exits import DONE
from edge.platform.database import migrate, open_database
from edge.platform.desk import create_app, listening
from edge.platform.desk.people import add_person
from edge.platform.outlines import read_outlines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `desk`."""
    parser.add_argument("--database", required=True, metavar="URL", help="PostgreSQL: postgresql://user@host/name")
    parser.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1; put a proxy with TLS before it")
    parser.add_argument("--port", type=int, default=8090, help="default: 8090")
    parser.add_argument("--https", action="store_true", help="people come over TLS: cookies travel no other way")
    parser.add_argument("--outline", type=Path, metavar="FILE", help="borders as GeoJSON")
    add = parser.add_argument_group("a person, instead of serving; asks for the password, or reads it from a pipe")
    add.add_argument("--add-person", metavar="NAME")
    add.add_argument("--area", metavar="CODE", default="", help="whose nodes; default: all")


def run(args: argparse.Namespace) -> int:
    """Serve until stopped, or add a person."""
    with open_database(args.database, "fieldeye desk") as database:
        migrate(database)
        if args.add_person is not None:
            add_person(database, args.add_person, _password(), args.area)
            print(f"{args.add_person} may log in")
            return DONE
    outlines = read_outlines(args.outline) if args.outline else []
    app = create_app(args.database, outlines, https=args.https)
    server = listening(app, args.host, args.port)
    print(f"http://{args.host}:{args.port}", flush=True)
    server.run()
    return DONE


def _password() -> str:
    return getpass.getpass() if os.isatty(sys.stdin.fileno()) else sys.stdin.readline().rstrip("\n")
