"""Fleets for tests, rendered as the command does it."""

import os
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from firmware_config.__main__ import main

SITE = """
[site]
site = "valley"
country = "CN"
[wifi]
ssid = "green 'house'"
password_file = "wifi-password"
[broker]
host = "localhost"
also_known_as = ["127.0.0.1", "broker.lan"]
"""
WIFI_PASSWORD = "tomatoes-2026"  # noqa: S105


def entry(node: str, more: str = "") -> str:
    """One [[node]]."""
    return f'[[node]]\nnode = "{node}"\ncamera = {{ kind = "folder", source = "/srv/pictures" }}\n{more}\n'


def put_fleet(folder: Path, text: str) -> Path:
    """A fleet file with the password file that it names."""
    folder.mkdir(exist_ok=True)
    put_private(folder / "wifi-password", WIFI_PASSWORD)
    path = folder / "fleet.toml"
    path.write_text(text)
    return path


def put_private(path: Path, text: str) -> None:
    """A text of mode 0600."""
    path.touch(mode=0o600)
    path.write_text(text + "\n")


class Said(StringIO):
    """What a command says. It closes its output when it cannot write."""

    def close(self) -> None:
        pass


def firmware(*arguments: object) -> subprocess.CompletedProcess[str]:
    """`python -m firmware_config` in this process: to start one of its own takes longer than most of what it does."""
    output, errors, umask = Said(), Said(), os.umask(0o022)
    try:
        with redirect_stdout(output), redirect_stderr(errors):
            code = main([str(one) for one in arguments])
    except SystemExit as end:  # of the parser
        code = int(end.code or 0)
    finally:
        os.umask(umask)
    return subprocess.CompletedProcess(arguments, code, output.getvalue(), errors.getvalue())


def run_render(*arguments: object) -> subprocess.CompletedProcess[str]:
    """`python -m firmware_config render`, as `firmware` does it."""
    return firmware("render", *arguments)


def render_fleet(folder: Path, text: str) -> Path:
    """The folder `out`, made of a fleet file in `folder`; the key store is beside, `keys`."""
    done = run_render(put_fleet(folder, text), folder / "out")
    assert done.returncode == 0, done.stderr
    return folder / "out"


def contents(out: Path) -> dict[str, tuple[bytes, int, int]]:
    """Path below `out` -> content, mode, time of change in ns."""
    files = [path for path in out.rglob("*") if path.is_file()]
    return {str(p.relative_to(out)): (p.read_bytes(), p.stat().st_mode & 0o777, p.stat().st_mtime_ns) for p in files}
