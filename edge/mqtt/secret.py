"""Secrets: read from a systemd credential or a private file, never shown."""

import os
import ssl
import stat
from pathlib import Path

from edge.errors import ConfigError, to_read

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Secret:
    """A text whose printed form is stars."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself: only for the call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "***"


def read_secret(name: str, key: str) -> Secret:
    """The secret in a systemd credential called `name`, or in the file `name`; `key` names it in errors.

    A final newline is not part of it. Raises ConfigError if it is missing, empty, or a file that others may read.
    """
    path = secret_path(name, key)
    try:
        value = path.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as why:
        raise ConfigError(f"{key}: {path} cannot be read; {to_read(why, 'write it as one line of UTF-8')}") from why
    if not value:
        raise ConfigError(f"{key}: {path} is empty; write the secret into it as one line")
    return Secret(value)


def secret_path(name: str, key: str) -> Path:
    """Where that secret lies, for a library that reads it by itself. Raises ConfigError as `read_secret` does."""
    credential = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / name
    if "/" not in name and credential.exists():
        return credential  # systemd guards it itself
    path = Path(name)
    try:
        mode = path.stat().st_mode
    except OSError as why:
        then = to_read(why, "give the path of the secret's file")
        raise ConfigError(f"{key}: {path} cannot be read ({why.strerror}); {then}") from why
    if mode & _OTHERS:
        raise ConfigError(f"{key}: {path} may be read by others (mode {mode & 0o777:04o}); run: chmod 600 {path}")
    return path


def trusting(ca_file: str | None, key: str) -> ssl.SSLContext:
    """Verifies the certificate and the name in it. Raises ConfigError for an authority that cannot be read."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as why:  # ssl.SSLError is one
        then = to_read(why, "give the PEM file of the broker's authority")
        raise ConfigError(f"{key}: {ca_file} cannot be read ({why.strerror or why}); {then}") from why


def load_client(context: ssl.SSLContext, name: str, key: str) -> None:
    """Prove oneself by the certificate and key in the PEM file or credential `name`. Raises ConfigError."""
    path = secret_path(name, key)
    try:
        context.load_cert_chain(path)
    except OSError as why:
        then = to_read(why, "copy the rendered file again")
        raise ConfigError(f"{key}: {path} is no certificate with its key that can be read ({why}); {then}") from why
