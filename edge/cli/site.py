"""`fieldeye-platform site`: in which areas a site's nodes may count."""

import argparse

from edge.cli.arguments import database_argument
from edge.cli.exits import DONE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `site`."""
    parser.add_argument("site", metavar="SITE", help="as in its nodes' topics; without an option: says where")
    database_argument(parser)
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--area", nargs="+", metavar="CODE", help="one or more, in place of those before")
    one.add_argument("--anywhere", action="store_true", help="where they say they are, as of a site never named")


def run(args: argparse.Namespace) -> int:
    """Say or change it."""
    from edge.platform.areas.sites import areas_of, set_areas  # noqa: PLC0415
    from edge.platform.database import open_database, reachable  # noqa: PLC0415  only once more than --help is asked for
    from edge.platform.tables import migrate  # noqa: PLC0415

    with reachable(), open_database(args.database, "fieldeye site") as database:
        migrate(database)
        if args.area or args.anywhere:
            set_areas(database, args.site, args.area or [])
            print("from each node's next `info` on; start the workers of `ingest` anew, and they hear it at once,")
            print("but with --queue (RabbitMQ) when the node next connects")
        print(f"{args.site} counts in: {' '.join(areas_of(database, args.site)) or 'any area'}")
    return DONE
