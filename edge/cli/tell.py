"""`fieldeye-platform tell`: alerts out to people, by webhook and e-mail."""

import argparse

from edge.cli.arguments import area_argument, database_argument
from edge.languages import LANGUAGES

NEVER = "never"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `tell`."""
    database_argument(parser)
    parser.add_argument("--once", action="store_true", help="send what is due and end")
    mail = parser.add_argument_group("e-mail")
    mail.add_argument("--mail-server", metavar="HOST:PORT", help="by STARTTLS, at port 465 TLS from the start")
    sender = "fieldeye@localhost"
    mail.add_argument("--from", dest="sender", default=sender, metavar="ADDRESS", help=f"default: {sender}")
    mail.add_argument("--mail-user", metavar="NAME", help="as the mail server knows you; default: nobody")
    mail.add_argument("--mail-password-file", metavar="FILE", help="holds the password; of mode 0600")
    mail.add_argument("--no-starttls", action="store_true", help="for a mail server on this machine only")
    add = parser.add_argument_group("recipients, instead of sending")
    one = add.add_mutually_exclusive_group()
    one.add_argument("--add", nargs=2, metavar=("KIND", "ADDRESS"), help="webhook https://… or email name@host")
    one.add_argument("--recipients", action="store_true", help="who is told, of which nodes, and when not")
    one.add_argument("--remove", metavar="ADDRESS", help="told nothing from now on")
    area_argument(add, "whose nodes")
    quiet = f"no news then; it comes afterwards; default: as before, at first {NEVER}"
    add.add_argument("--quiet", metavar="HH:MM-HH:MM", help=quiet)
    zone = "of the quiet hours and of an e-mail's times, for example Asia/Shanghai; default: as before, at first UTC"
    add.add_argument("--zone", metavar="ZONE", help=zone)
    add.add_argument("--language", choices=LANGUAGES, help="of the e-mails; default: as before, at first en")


def run(args: argparse.Namespace) -> int:
    """Until stopped; or add, list or remove recipients."""
    from edge.cli.telling import tell  # noqa: PLC0415  PostgreSQL only once more than --help is asked for

    return tell(args)
