"""What a person far away needs to help with a node, as one ZIP file. Whatever is secret is taken out of every part.

Two nets: the secrets that this machine knows are removed wherever they stand, and so is what merely looks like one.
"""

import io
import json
import os
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from edge.config import NodeConfig

SHORTEST = 4  # a text of three letters stands in every file, and nobody's secret is so short
STARS = "***"
_LOOKS_SECRET: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), STARS),
    (re.compile(r"(?<=://)[^\s\"'<>]+(?=@)"), STARS),  # rtsp://name:password@camera
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
    for table in msgspec.structs.asdict(config).values():
        if isinstance(table, msgspec.Struct):
            for key, value in msgspec.structs.asdict(table).items():
                if key.endswith("_file") and key != "ca_file" and isinstance(value, str):
                    yield value


def _in_address(config: NodeConfig | None) -> set[str]:
    """The password in a camera's address."""
    try:
        password = urlsplit(config.camera.source).password if config is not None else None
    except ValueError:  # not an address
        return set()
    return {password, unquote(password)} if password else set()


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
