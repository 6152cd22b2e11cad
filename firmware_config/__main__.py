"""`python -m firmware_config render|sign|send|revoke|rotate`. Exit codes: 0 done, 2 wrong use or configuration."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from edge.errors import FieldeyeError, one_line, to_install
from edge.parser import Parser
from firmware_config.keys import KeyStore

DONE, WRONG_USE = 0, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parser().parse_args(argv)
    os.umask(0o077)
    try:
        from firmware_config.verbs import VERBS  # noqa: PLC0415  its libraries are on the bench only

        VERBS[args.verb](args, KeyStore(args.keys or args.fleet.parent / "keys"))
        sys.stdout.flush()
    except FieldeyeError as why:
        return _fail(str(why))
    except ImportError as why:
        if (why.name or "").partition(".")[0] in {"edge", "firmware_config"}:
            raise
        return _fail(to_install(args.verb, "provision", why))
    except OSError as why:
        with suppress(OSError):
            sys.stdout.close()  # or Python tries once more at its end
        says = f"{why.filename or 'standard output'}: {why.strerror}" if why.strerror else str(why)  # a library's own
        return _fail(f"{says}; mend that, and run it again")
    return DONE


def _fail(sentence: str) -> int:
    print(f"firmware_config: {one_line(sentence)}", file=sys.stderr)
    return WRONG_USE


def _parser() -> Parser:
    parser = Parser(prog="python -m firmware_config", description="Turns blank SD cards into nodes.")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", required=True)
    verb = verbs.add_parser("render", help="from one fleet file to the files of each card and of the broker")
    verb.add_argument("fleet", type=Path, metavar="FLEET.toml", help="see firmware_config/fleet.example.toml")
    verb.add_argument("out", type=Path, metavar="OUT", help="folder for nodes/, labels/, broker/ and platform/")
    verb.add_argument("--json", action="store_true", help="one JSON object")
    verb = verbs.add_parser("sign", help="one file of software or of models that the fleet's nodes will install")
    verb.add_argument("fleet", type=Path, metavar="FLEET.toml")
    verb.add_argument("kind", choices=["software", "models"])
    verb.add_argument("folder", type=Path, metavar="FOLDER", help="what bundle.sh made, or a folder of models")
    verb.add_argument("out", type=Path, metavar="OUT.update")
    verb.add_argument("--model", action="append", default=[], metavar="NAME", help="only this one; may be repeated")
    verb.add_argument(
        "--thin", action="store_true", help="software without its libraries, for nodes that have the same"
    )
    verb.add_argument("--counter", type=int, metavar="N", help="default: one more than the last; it can only rise")
    verb = verbs.add_parser("revoke", help="what a node has now, on its card and label, opens nothing any more")
    verb.add_argument("fleet", type=Path, metavar="FLEET.toml")
    verb.add_argument("user", metavar="NODE", help="or platform")
    verb = verbs.add_parser("send", help="a signed bundle to a node, through the site's broker")
    verb.add_argument("fleet", type=Path, metavar="FLEET.toml")
    verb.add_argument("out", type=Path, metavar="OUT", help="the folder that render made: platform/ is used")
    verb.add_argument("node", metavar="NODE")
    verb.add_argument("bundle", type=Path, metavar="FILE.update")
    verb.add_argument("--url", metavar="URL", help="the node fetches the same file there by itself")
    verb = verbs.add_parser("rotate", help="new credentials for a node without a visit: send, wait, --finish")
    verb.add_argument("fleet", type=Path, metavar="FLEET.toml")
    verb.add_argument("node", metavar="NODE")
    verb.add_argument("out", type=Path, nargs="?", metavar="OUT.update")
    verb.add_argument("--finish", action="store_true", help="the node has them: the broker's files change over")
    verb.add_argument("--counter", type=int, metavar="N", help="as of sign; for a node that took a higher one before")
    for verb in verbs.choices.values():
        verb.add_argument(
            "--keys", type=Path, metavar="DIR", help="key store; default: keys beside the fleet file. Keep a copy of it"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
