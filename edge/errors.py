"""Every error that Fieldeye raises on purpose; each message says what, where and what to do, in one sentence."""

import re
import shlex
import sys


class FieldeyeError(Exception):
    """Base of all: whoever catches it can show its text to a person."""


class ConfigError(FieldeyeError, ValueError):
    """A configuration that must not be used. The command ends with exit code 2."""


class UsageError(FieldeyeError, ValueError):
    """A command called in a way that cannot work. The command ends with exit code 2."""


class CameraError(FieldeyeError, OSError):
    """A camera that cannot be opened or has stopped giving new frames."""


class CameraEndedError(CameraError):
    """A folder or a video file that was to be shown once has no further frame."""


class SortingError(CameraError):
    """A folder that does not know yet which of its pictures comes next: it is well, and wants more time."""


class SnapshotTakenError(CameraError):
    """An address that gives one picture each time it is opened has given it."""


class BadFrameError(FieldeyeError, ValueError):
    """One picture that cannot be used; the next one may be fine. `reason` is a word that is counted.

    `known_as`: by which a fed folder knows it again; empty: it is tried again.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.known_as = ""


class BundleError(FieldeyeError, ValueError):
    """A model file that must not run."""


class StoreError(FieldeyeError, OSError):
    """The local database cannot keep what it was given."""


class StoreHeldError(StoreError):
    """Another process uses the same store."""


class StoreNewerError(StoreError):
    """The database was written by newer software, and this one must not write it."""


class StoreOlderError(StoreError):
    """The database is from before the first release, and no step leads on from it."""


class StoreDamagedError(StoreError):
    """The database is damaged: no second try helps, the next start mends it or sets it aside."""


class UpdateError(FieldeyeError, ValueError):
    """A bundle that must not be installed, or that could not be."""


class WireError(FieldeyeError, ValueError):
    """A payload that does not follow the wire contract."""


class BrokerError(FieldeyeError, OSError):
    """The MQTT broker refused or cannot be reached."""


class SessionTakenError(BrokerError):
    """Another client of the same name has taken this one's place at the broker."""


class ThreadStuckError(FieldeyeError, RuntimeError):
    """A thread that did not stop within its time."""


def one_line(text: str) -> str:
    r"""`text` as it may stand in a sentence: what breaks a line or steers a terminal, as of a file's name, is `\n`."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda sign: ascii(sign[0])[1:-1], text)


def to_read(why: Exception, otherwise: str) -> str:
    """What to do about a file that cannot be read: of one that this user may not read nothing else is known."""
    if isinstance(why, PermissionError):
        return "give it to the user who runs this (chown), or run as its owner or with sudo"
    return otherwise


def to_install(asked: str, extra: str, why: ImportError) -> str:
    """What to do about an extra's library that is missing, or is there and does not load: pip takes it for installed.

    Why it does not may be told in many lines, as psycopg does without libpq.
    """
    again, lacked = ["--force-reinstall"], f"a library that loads ({' '.join(str(why).split())})"
    if isinstance(why, ModuleNotFoundError) and why.name and "." not in why.name:  # of a dotted one the rest is there
        again, lacked = [], why.name
    install = shlex.join([sys.executable, "-m", "pip", "install", *again, "-e", f".[{extra}]"])
    return f"{asked} needs {lacked}; in the repository's folder run: {install}"
