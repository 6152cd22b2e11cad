"""What a person far away needs to help with a node, as one ZIP file. Whatever is secret is taken out of every part.

Two nets: the secrets that this machine knows are removed wherever they stand, and so is what merely looks like one.
"""

import importlib.metadata
import io
import json
import os
import platform
import re
import subprocess
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from urllib.parse import unquote

import msgspec

from edge import __version__
from edge.board import read_board
from edge.clock import Instant
from edge.config import NodeConfig
from edge.store import Records

LOG_LINES = 3000
AUDIT_ENTRIES = 200
SHORTEST = 4  # a text of three letters stands in every file, and nobody's secret is so short
STARS = "***"
_PASSWORD = re.compile(r"(?i)(?:pas|pwd|psw)\w*=([^&/;]+)")  # /user=admin&password=…, as cheap cameras have it
_LOOKS_SECRET: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), STARS),
    (re.compile(r"(?<=://)[^\s\"'<>]+(?=@)"), STARS),  # rtsp://name:password@camera
    (re.compile(r"(://[^\s\"'<>?]+\?)[^\s\"'<>]+"), rf"\1{STARS}"),  # http://camera/?user=name&pass=password
    (re.compile(r"\$argon2[a-z]*\$[^\s\"']+"), STARS),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{4,}"), rf"\1 {STARS}"),
    (re.compile(r"WIFI:\S*"), f"WIFI:{STARS}"),
    (
        re.compile(
            r"(?i)((?:[\w.-]*[-_])?(?:password|passwd|passphrase|psk|pwd|secret|token|claim[-_ ]?code|api[-_ ]?key"
            r"|cookie)[\"']?\s*(?:[:=]|\bis\b)\s*)(\"[^\"\n]*\"|'[^'\n]*'|[^\s\"',;}]+)"
        ),
        rf"\1{STARS}",
    ),
)


def pack(parts: Mapping[str, str], secrets: Collection[str]) -> bytes:
    """A ZIP of texts by name, without `secrets` (longest first) and without what looks like one."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, scrubbed(text, secrets))
    return packed.getvalue()


def about(now: Instant, trouble: str) -> str:
    """Versions of everything that runs, and why the configuration cannot be used."""
    requires = importlib.metadata.requires("fieldeye") or []
    wanted = [re.split(r"[<>; ]", line)[0] for line in requires if "extra ==" not in line]
    return as_json(
        {
            "fieldeye": __version__,
            "made_utc": now.utc.isoformat(),
            "python": platform.python_version(),
            "machine": platform.platform(),
            "libraries": {name: importlib.metadata.version(name) for name in wanted},
            "configuration": trouble or "can be used",
            "board": asdict(read_board(Path("/"))),
        }
    )


def journal() -> str:
    """The last lines of the service's journal, or why they cannot be had."""
    command = ["journalctl", "--unit", "fieldeye", "--lines", str(LOG_LINES), "--no-pager", "--output", "short-iso"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=30, check=False)  # noqa: S603  fixed words
    except (OSError, subprocess.TimeoutExpired) as why:
        return f"no journal: {why}"
    return (done.stdout or done.stderr).decode("utf-8", "replace")  # whatever the terminal has


def figures_of(store: Records) -> str:
    """Figures and the audit trail; no records and no pictures."""
    trail = [asdict(entry) for entry in store.audit_trail(AUDIT_ENTRIES)]
    return as_json({"epoch": str(store.epoch), **msgspec.to_builtins(store.health()), "audit": trail})


def as_json(value: object) -> str:
    """Indented, for a person to read."""
    return json.dumps(value, indent=1, ensure_ascii=False, default=str)


def scrubbed(text: str, secrets: Collection[str]) -> str:
    """The text with stars for each secret, also where JSON has escaped it."""
    for secret in sorted(secrets, key=len, reverse=True):
        for written in {secret, *(json.dumps(secret, ensure_ascii=plain)[1:-1] for plain in (True, False))}:
            text = text.replace(written, STARS)
    for pattern, instead in _LOOKS_SECRET:
        text = pattern.sub(instead, text)
    return text


def known_secrets(config: NodeConfig | None, environment: Mapping[str, str], folders: Collection[Path]) -> set[str]:
    """Contents of the files that the configuration names as secret, of systemd's credentials and of `folders`.

    A file that this user may not read is left out: then no part of the bundle can hold it either.
    """
    files = [Path(name) for name in _secret_files(config)] if config is not None else []
    credentials = environment.get("CREDENTIALS_DIRECTORY")
    for folder in [*folders, *([Path(credentials)] if credentials else [])]:
        files += _files_of(folder)
    found = {text for file in files for text in _texts(file)} | _in_address(config)
    return {text for text in found if len(text) >= SHORTEST}


def _secret_files(config: NodeConfig) -> Iterator[str]:
    """Values of keys that end in `_file`, in any table; a certificate is no secret."""
    tables = (table for table in msgspec.structs.asdict(config).values() if isinstance(table, msgspec.Struct))
    for key, value in (one for table in tables for one in msgspec.structs.asdict(table).items()):
        if key.endswith("_file") and key != "ca_file" and isinstance(value, str):
            yield value


def _in_address(config: NodeConfig | None) -> set[str]:
    """The password in a camera's address, and its query or path, which may hold one under any name."""
    _, _, address = (config.camera.source if config is not None else "").partition("://")
    user, _, place = address.rpartition("@")
    path, _, query = place.partition("?")
    path = path[path.find("/") :] if "=" in path else ""
    found = [text for text in (user.partition(":")[2], query, path, *_PASSWORD.findall(path)) if text]
    return {*found, *map(unquote, found)}


def _files_of(folder: Path) -> list[Path]:
    try:
        return [file for file in folder.iterdir() if file.is_file() and os.access(file, os.R_OK)]
    except OSError:
        return []


def _texts(file: Path) -> Iterator[str]:
    """The whole file and each of its lines."""
    try:
        text = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return
    yield text
    yield from (line.strip() for line in text.splitlines())
