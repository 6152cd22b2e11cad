"""`fieldeye label`: the label for a node's box, with QR codes for its Wi-Fi and its page, and the claim code."""

import argparse
import configparser
import os
import re
from pathlib import Path

from edge.changes import load_changed
from edge.cli.arguments import config_argument
from edge.cli.exits import DONE
from edge.cli.results import show
from edge.config import HOTSPOT_ADDRESS, NodeConfig
from edge.errors import UsageError, to_read
from edge.mqtt.secret import read_secret

HOTSPOT = Path("/etc/NetworkManager/system-connections/fieldeye-hotspot.nmconnection")
_SIGNS = {"\\": "\\", "s": " ", "t": "\t", "n": "\n", "r": "\r"}  # behind a backslash, as GLib writes them


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `label`."""
    config_argument(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="FILE.pdf or FILE.svg")
    parser.add_argument("--wifi", type=Path, metavar="FILE", help=f"NetworkManager's file; default: {HOTSPOT}")
    parser.add_argument("--claim-code", type=Path, metavar="FILE", help="default: what page.claim_code_file names")
    parser.add_argument("--url", metavar="URL", help="address of the page, where it is not the hotspot's")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")


def run(args: argparse.Namespace) -> int:
    """0 if the label was written. It holds secrets, so nobody else may read the file."""
    from edge.label import Label, label_pdf, label_svg, pdf_language  # noqa: PLC0415  its libraries are on the bench only

    config, _ = load_changed(args.config)
    if args.out.suffix.lower() not in {".pdf", ".svg"}:
        raise UsageError(f"--out {args.out}: end it in .pdf or .svg")
    hotspot, password = _wifi(args.wifi)
    claim, url = _claim(args.claim_code, config), args.url or _url(config, hotspot)
    label = Label(config.node.site, config.node.node, hotspot, password, claim, url)
    language = config.node.language
    is_pdf = args.out.suffix.lower() == ".pdf"
    content = label_pdf(label, language) if is_pdf else label_svg(label, language).encode()
    try:
        args.out.unlink(missing_ok=True)
        with os.fdopen(os.open(args.out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)
    except OSError as why:
        raise UsageError(f"--out {args.out}: {why.strerror}; name a file that can be written") from why
    holds = {"label": str(args.out), "page": url, "wifi": hotspot or None, "has_claim_code": bool(claim)}
    is_english = is_pdf and pdf_language(language) != language
    show(holds, _said(args.out, hotspot, claim, is_english=is_english), as_json=args.json)
    return DONE


def _said(path: Path, hotspot: str, claim: str, *, is_english: bool) -> str:
    lacks = [what for what, there in (("a Wi-Fi of its own", hotspot), ("a claim code", claim)) if not there]
    without = f", without {' and '.join(lacks)}" if lacks else ""
    if is_english:
        without += ", in English words (FILE.svg has the node's language, whose letters no PDF reader brings)"
    return f"{path}: 90 x 62 mm{without}; print it at 100 % and keep it inside the box, since it opens the node"


def _wifi(file: Path | None) -> tuple[str, str]:
    """Name and password of the hotspot; empty if the node has none. Raises UsageError."""
    path = file or HOTSPOT
    if file is None and not path.exists():
        return "", ""
    settings = configparser.RawConfigParser(delimiters=("=",), strict=False)
    try:
        settings.read_string(path.read_text("utf-8"))
        return _ssid(_unescaped(settings["wifi"]["ssid"])), _unescaped(settings["wifi-security"]["psk"])
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError) as why:
        then = to_read(why, "give the file that NetworkManager keeps of the hotspot")
        raise UsageError(f"--wifi {path}: no name and password of a Wi-Fi can be read there; {then}") from why


def _unescaped(text: str) -> str:
    return re.sub(r"\\([\\stnr])", lambda sign: _SIGNS[sign[1]], text)


def _ssid(text: str) -> str:
    """NetworkManager writes a name beyond ASCII as its bytes, `230;181;139;`, and a `;` in another one as `\\;`."""
    if re.fullmatch(r"(\d+;)+", text):
        return bytes(map(int, text.split(";")[:-1])).decode()
    return text.replace(r"\;", ";")


def _claim(file: Path | None, config: NodeConfig) -> str:
    """Raises ConfigError for a file that cannot be used."""
    wanted = str(file) if file else config.page and config.page.claim_code_file
    return read_secret(wanted, "--claim-code" if file else "page.claim_code_file").reveal() if wanted else ""


def _url(config: NodeConfig, hotspot: str) -> str:
    if config.page is None:
        raise UsageError("[page] is missing in the configuration: a node without a page needs no label")
    return f"http://{HOTSPOT_ADDRESS if hotspot else f'{config.node.node}.local'}:{config.page.port}/"
