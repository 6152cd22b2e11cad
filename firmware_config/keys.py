"""The key store: a folder of secrets that are made once and never change, so that rendering again changes nothing."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from edge.errors import ConfigError, to_read

# No 0, 1, I, L, O, U: read aloud in a field and typed on a phone.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
RESTORE = "restore it from your copy of the key store"  # never: remove it, since a new one locks the nodes out
_OTHERS = 0o077
NEW = ".new"


class KeyStore:
    """A folder of mode 0700 with files of mode 0600. One process at a time renders from it.

    What is made is in memory until `keep`, which must come before anything that was rendered from it is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._new: dict[str, str] = {}

    def take(self, name: str, make: Callable[[], str]) -> str:
        """The secret called `name`, made by `make` if there is none yet. Raises ConfigError if others may read it."""
        path = self._folder / name
        if name not in self._new and path.exists():
            return read_private(path, f"key store, {name}", RESTORE, f"chmod -R go= {self._folder}")
        return self._new[name] if name in self._new else self.replace(name, make())

    def take_bytes(self, name: str, length: int) -> bytes:
        """As `take`, `length` random bytes, kept in hexadecimal. Raises ConfigError also if they are not that."""
        text = self.take(name, lambda: secrets.token_hex(length))  # its own refusals are ValueErrors, too
        try:
            value = bytes.fromhex(text)
        except ValueError as why:
            raise damaged(name) from why
        if len(value) != length:
            raise damaged(name)
        return value

    def replace(self, name: str, value: str) -> str:
        """`value` is from now on the secret called `name`; returned."""
        self._new[name] = value
        return value

    def knows(self, name: str) -> bool:
        """Is there a secret called `name`?"""
        return name in self._new or (self._folder / name).exists()

    def forget(self, name: str) -> None:
        """The secret called `name` is made anew the next time it is asked for. Raises ConfigError."""
        self._new.pop(name, None)
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as why:
            raise ConfigError(f"{self._folder}: cannot be written ({why.strerror}); name another with --keys") from why

    def keep(self) -> None:
        """Write what is new, each secret complete or not at all, also when the power goes. Raises ConfigError."""
        try:
            besides = [self._write(self._folder / name, value) for name, value in self._new.items()]
            for beside in besides:  # together, since the first waits for the disk and the others ride along
                with beside.open("rb") as file:
                    os.fsync(file.fileno())
            for beside in besides:
                beside.replace(beside.with_name(beside.name.removesuffix(NEW)))
        except OSError as why:
            raise ConfigError(f"{self._folder}: cannot be written ({why.strerror}); name another with --keys") from why
        self._new = {}

    def _write(self, path: Path, value: str) -> Path:
        for folder in reversed(path.relative_to(self._folder).parents):
            (self._folder / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        return write_new(path, value.encode(), 0o600)


def damaged(name: str) -> ConfigError:
    """What to raise where the secret called `name` is not what was kept."""
    return ConfigError(f"key store, {name}: is damaged; {RESTORE}")


def read_private(path: Path, what: str, remedy: str, close: str) -> str:
    """The text of a file that only its owner may read, without a final newline.

    Raises ConfigError; `remedy` is for one that holds no text, `close` the command for one that others may read.
    """
    try:
        mode, text = path.stat().st_mode, path.read_text("utf-8-sig").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as why:
        raise ConfigError(f"{what}: {path} cannot be read; {to_read(why, remedy)}") from why
    if mode & _OTHERS:
        raise ConfigError(f"{what}: {path} may be read by others (mode {mode & 0o777:04o}); run: {close}")
    if not text:
        raise ConfigError(f"{what}: {path} is empty; {remedy}")
    return text


def write_new(path: Path, content: bytes, mode: int) -> Path:
    """Write a file beside `path`, to be renamed to it; it never has a wider mode than `mode`."""
    beside = path.with_name(path.name + NEW)
    beside.unlink(missing_ok=True)
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123  from a descriptor
        os.fchmod(file.fileno(), mode)  # whatever the umask says
        file.write(content)
    return beside


def new_password() -> str:
    """192 random bits, for a machine."""
    return secrets.token_urlsafe(24)


def new_code() -> str:
    """Twelve characters in three groups for a person, 58 bits."""
    letters = [secrets.choice(ALPHABET) for _ in range(12)]
    return "-".join("".join(letters[at : at + 4]) for at in (0, 4, 8))
