"""The commands `fieldeye` and `fieldeye-platform`: one file a verb; exit codes stand in edge/cli/exits.py."""

import argparse
import codecs
import errno
import importlib
import io
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import edge
from edge.cli.exits import DONE, NOT_WELL, STOPPED, WRONG_USE
from edge.cli.logs import hush_opencv, set_up_logs
from edge.cli.results import say
from edge.errors import ConfigError, FieldeyeError, UsageError, to_install
from edge.parser import Parser

log = logging.getLogger(__name__)

COMMANDS = {  # verb: what it does; the file of that name holds it and is imported only when called
    "demo": "a node on bundled field pictures with a broker of its own",
    "run": "a node, until it is told to stop",
    "detect": "what is on these pictures?",
    "count": "how many come, are new, or are affected, in a video or a folder of pictures",
    "degree-days": "how far the heat since a day or the first catch has brought a pest",
    "check": "is this configuration right?",
    "doctor": "is this node well? clock, store, updates, camera, model, advice, page, broker",
    "listen": "what a broker is told, decoded as the platform sees it",
    "export": "records into a file, to be carried where no network goes",
    "reviewed": "pictures that people checked on the page, as COCO for training",
    "bench": "what this machine can do, stage by stage",
    "board": "print a calibration board, or read the scale off a picture of one",
    "power": "which panel and battery, and when the sun rises and sets",
    "update": "signed software and models: install, fetch, status, back",
    "reset-password": "a new password for the page, when nobody knows one any more",
    "model": "the model bundles: list, verify, install, back to the former",
    "label": "print the label for a node's box: QR codes for Wi-Fi and page, claim code",
    "support-bundle": "what a person far away needs to help with this node, without any secret",
}


PLATFORM_COMMANDS = {
    "ingest": "from a broker into PostgreSQL or a file, each record once, gaps asked for again",
    "tell": "alerts out to people, by webhook and e-mail",
    "desk": "a web map for the county desk: filters, nodes, photographs that farmers ask about",
    "site": "in which areas a site's nodes may count",
    "areas": "what people call the areas, beside their codes",
    "report": "the week or month of an area as HTML and PDF: counts, ranges, map, trends, gaps",
    "export": "what was taken in, as files that other programs read",
    "simulate": "a fleet of nodes on the real wire, with the truth beside it",
}
_SAYS_ALL = logging.CRITICAL  # what a log would say stands in what these print
LEVELS = {"run": logging.INFO, "check": _SAYS_ALL, "doctor": _SAYS_ALL, "support-bundle": _SAYS_ALL}
FILES = {"fieldeye-platform export": "platform_export"}  # where the verb alone would name another's file
EXTRAS = {  # of pyproject.toml: what a program, or one of its verbs, needs beside the node's set
    "fieldeye-platform": "platform",
    "fieldeye export": "platform",
    "fieldeye label": "provision",
}


def main(argv: Sequence[str] | None = None) -> int:
    """`fieldeye`: run one command and return its exit code; no traceback reaches a user."""
    return _run("fieldeye", "A field monitor for pests and crop diseases.", COMMANDS, argv)


def platform_main(argv: Sequence[str] | None = None) -> int:
    """`fieldeye-platform`: the same for the subscriber's side."""
    return _run("fieldeye-platform", "What takes in the records of many nodes.", PLATFORM_COMMANDS, argv)


def _run(program: str, says: str, commands: Mapping[str, str], argv: Sequence[str] | None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    if sys.stderr is None:  # closed, as by 2>&-: what is printed there would stand among the results
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  it stays open
    verb = next((word for word in words if not word.startswith("-")), None)
    if "--debug" not in words:
        hush_opencv()
    _escape_what_the_locale_lacks()
    try:
        parser = _parser(program, says, commands, verb)
        if not words:
            parser.exit(WRONG_USE, parser.format_help())
        args = parser.parse_args(words)
        set_up_logs(logging.DEBUG if args.debug else LEVELS.get(args.verb, logging.WARNING))
        return _carried_out(args)
    except (ConfigError, UsageError) as why:
        return _fail(program, str(why), WRONG_USE)
    except FieldeyeError as why:
        return _fail(program, str(why), NOT_WELL)
    except KeyboardInterrupt:
        return _fail(program, "stopped", STOPPED)
    except BrokenPipeError:  # `fieldeye listen | head`: the reader has seen enough
        _close_output()
        return DONE
    except Exception as why:
        log.debug("command_failed", exc_info=True)
        return _fail(program, *_unforeseen(program, verb, why))


def _escape_what_the_locale_lacks() -> None:
    """Where it is GBK or Latin-1 there is no ✓: it is written as \\u2713, which a line of JSON may hold, too."""
    codecs.register_error("json", _escaped)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="json")


def _escaped(why: UnicodeError) -> tuple[str, int]:
    if not isinstance(why, UnicodeEncodeError):
        raise why
    return json.dumps(why.object[why.start : why.end])[1:-1], why.end


def _parser(program: str, says: str, commands: Mapping[str, str], verb: str | None) -> argparse.ArgumentParser:
    parser = Parser(prog=program, description=says)
    parser.add_argument("--version", action="version", version=f"fieldeye {edge.__version__}")
    parser.add_argument("--debug", action="store_true", help="log everything and show where a fault came from")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", required=True)
    for name, does in commands.items():
        sub = verbs.add_parser(name, help=does, description=does[0].upper() + does[1:])
        if name == verb:
            module = importlib.import_module(f"edge.cli.{FILES.get(sub.prog, name.replace('-', '_'))}")
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    return parser


def _carried_out(args: argparse.Namespace) -> int:
    """Its exit code, once all it said is written: at its own end Python has no sentence for a disk that is full."""
    code = int(args.run(args))
    try:
        print(end="", flush=True)
    except BrokenPipeError:  # who read it has seen enough
        _close_output()
    return code


def _unforeseen(program: str, verb: str | None, why: Exception) -> tuple[str, int]:
    """Sentence and exit code. No fault of ours: rights, a full disk, an extra's library that is missing or broken."""
    extra = EXTRAS.get(program) or EXTRAS.get(f"{program} {verb}")
    if extra and isinstance(why, ImportError) and (why.name or "").partition(".")[0] != "edge":
        asked = " ".join([str(verb), *getattr(why, "__notes__", [])])
        return to_install(asked, extra, why), WRONG_USE
    if isinstance(why, UnicodeEncodeError) and why.reason == "surrogates not allowed":  # as of a terminal in GBK
        says = "what was typed, or the name of a file, is no UTF-8"
        return f"{says}; set the terminal to UTF-8 and type it again, or rename the file", WRONG_USE
    if isinstance(why, PermissionError):
        says = f"{why.filename or 'a file'}: this user may not use it; change its rights, or run as its owner"
        return says, NOT_WELL
    if isinstance(why, OSError) and why.errno == errno.ENAMETOOLONG:
        says = "is longer than the name of a file can be; give each file as a word of its own"
        return f"{' '.join(str(why.filename)[:40].split())}…: {says}", WRONG_USE
    if isinstance(why, OSError) and why.errno in {errno.ENOSPC, errno.EDQUOT}:
        _close_output()
        where = f"the disk of {why.filename}" if why.filename else "the disk that this writes to"
        return f"{where} is full ({why.strerror}); make room on it, or write elsewhere, and run it again", NOT_WELL
    return f"a fault in fieldeye: {type(why).__name__}: {why}; run again with --debug and report it", NOT_WELL


def _close_output() -> None:
    """Or Python tries once more at its end to write what found no place, and says so."""
    with suppress(OSError, AttributeError):  # the last: there is none
        sys.stdout.close()


def _fail(program: str, sentence: str, code: int) -> int:
    say(sentence, program)
    return code
