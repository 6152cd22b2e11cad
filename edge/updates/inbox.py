"""Bundles on their way to this node: pieces are added where the last one ended, also after a power cut.

Nothing here is trusted. A bundle that is whole gets the ending that the installer looks for; whether it was signed is
the installer's to say.
"""

import errno
import hashlib
import os
import re
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from edge.durable import sync_names, write_durably
from edge.errors import UpdateError
from edge.updates.lock import UpdateBusyError
from edge.updates.manifest import ENDING, MOST_BUNDLE_BYTES
from edge.updates.slots import RUNS, SAID, Places, made_of

PART, REQUEST = ".part", ".fetch"
COMING_S = 60.0  # without a piece for so long the sender, or the line, is gone
MOST_DAYS = 7  # the line may be down for days; who asked is told, and can ask again
COPIES = 3  # as it came, where only root writes, and unpacked; the slot takes the room of the one before
ROOM_BYTES = 50_000_000  # for pictures and records meanwhile
SMALL_BYTES = 1_000_000  # what takes no room from them, as a rotated password, which a full card needs as well
_SYNC_EVERY_BYTES = 1 << 20  # what a power cut may cost to send again


class Request(Struct, frozen=True, kw_only=True):
    """A bundle that is to be fetched."""

    url: str
    sha256: str
    bytes: int
    is_anew: bool = False  # what came before did not fit; a wrong file would else come over a bad line for ever
    is_undated: bool = False  # noted before the clock was set: a board that wakes in the past would find it old


class Inbox:
    """A folder of a node. One bundle comes in at a time: another drops a half that is fetched, or has stopped."""

    def __init__(self, folder: Path, places: Places | None = None) -> None:
        self._folder, self._places = folder, places or Places()

    def have_bytes(self, sha256: str, size_bytes: int) -> int:
        """How much of a bundle is here, from its begin on; all of it if it waits to be installed, or runs."""
        if self._file(sha256, ENDING).exists() or made_of(self._places, sha256):
            return size_bytes
        part = self._file(sha256, PART)
        if not part.exists():
            return 0
        have = part.stat().st_size
        return self._settled(sha256, size_bytes) if have == size_bytes else have  # the power went before it was checked

    def add(self, sha256: str, size_bytes: int, offset: int, piece: bytes) -> int:
        """Add a piece if it begins where the last one ended; returns how much is here. Raises UpdateError."""
        try:
            have = self.have_bytes(sha256, size_bytes)
            if not 0 < size_bytes <= MOST_BUNDLE_BYTES or (have + len(piece) > size_bytes and offset == have):
                raise UpdateError(f"a bundle has 1 to {MOST_BUNDLE_BYTES} bytes and no more than it was announced with")
            if have == size_bytes:
                self._tell_what_runs(sha256)
            if offset != have or not piece:
                return have
            self._make_way(sha256, size_bytes, have)
            have = self._append(self._file(sha256, PART), piece)
            return self._settled(sha256, size_bytes) if have == size_bytes else have
        except OSError as why:
            if why.errno == errno.ENOSPC:  # the rest never fits, and what came keeps pictures and records away
                with suppress(OSError):
                    self._file(sha256, PART).unlink(missing_ok=True)
            raise self._unusable(why) from why

    def check_room(self, size_bytes: int) -> None:
        """Is there room to take a bundle that is not here, and to install it? Raises UpdateError if not, OSError."""
        makes_way_bytes = sum(_size_bytes(part) for part in self._folder.glob(f"*{PART}"))
        free_mb = (shutil.disk_usage(self._folder).free + makes_way_bytes) / 1e6
        needed_mb = (COPIES * size_bytes + (ROOM_BYTES if size_bytes > SMALL_BYTES else 0)) / 1e6
        if free_mb < needed_mb:
            raise UpdateError(
                f"{self._folder}: {free_mb:.0f} MB are free, and this bundle needs {needed_mb:.0f}; "
                "make room on the memory card, then send it again"
            )

    def ask_for(self, request: Request) -> None:
        """Have a bundle fetched. Raises UpdateError."""
        if not _can_be_fetched(request.url):
            raise UpdateError(
                "url must begin with https:// or http://, name a host but no user, and be ASCII without spaces"
            )
        try:
            self._make_way(request.sha256, request.bytes, self.have_bytes(request.sha256, request.bytes))
            self.be_quiet()
            if not self._tell_what_runs(request.sha256):
                self._note(request)
        except OSError as why:
            raise self._unusable(why) from why

    def requests(self) -> list[Request]:
        """What is to be fetched. A request that cannot be read is dropped: the power went before it was whole."""
        found = []
        for path in sorted(self._folder.glob(f"*{REQUEST}")):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Request))
            except (OSError, ValueError):  # msgspec's errors, and that of letters that are none
                path.unlink(missing_ok=True)
        return found

    def begin_anew(self, request: Request) -> None:
        """All that came of it was dropped."""
        self._note(msgspec.structs.replace(request, is_anew=True))

    def date(self, request: Request) -> None:
        """From now on it counts for how long nothing of it comes."""
        with suppress(OSError):  # on a full card: at the next failure
            self._note(msgspec.structs.replace(request, is_undated=False))

    def forget(self, request: Request) -> None:
        """It is here, or never will be."""
        self._file(request.sha256, REQUEST).unlink(missing_ok=True)

    def give_up(self, request: Request) -> None:
        """Forget it. What came is kept for whoever tells of it again, but another bundle need not wait for the rest."""
        self.forget(request)
        with suppress(OSError):
            os.utime(self._file(request.sha256, PART), (0, 0))

    def is_asked_for(self, request: Request) -> bool:
        """Is it still to be fetched, or did another take its place?"""
        return self._file(request.sha256, REQUEST).exists()

    def is_old(self, request: Request, utc: datetime) -> bool:
        """Did nothing of it come for so long that it is given up?"""
        written_s = []
        for ending in (REQUEST, PART):
            with suppress(OSError):
                written_s.append(self._file(request.sha256, ending).stat().st_mtime)
        return bool(written_s) and utc.timestamp() - max(written_s) > MOST_DAYS * 86_400

    def say(self, sentence: str) -> None:
        """Why nothing came, for people: see `slots.said`. The same is written once: the card wears."""
        self._write(SAID, sentence)

    def be_quiet(self) -> None:
        """What was said holds no longer."""
        (self._folder / SAID).unlink(missing_ok=True)

    def is_coming(self, utc: datetime) -> bool:
        """Does a bundle come in: is one to be fetched, or was a piece added a moment before `utc`?"""
        parts = self._folder.glob(f"*{PART}")
        return any(self._folder.glob(f"*{REQUEST}")) or any(_is_fresh(part, utc) for part in parts)

    def is_waiting(self) -> bool:
        """Does a whole bundle wait for the installer, or is it being installed?"""
        return any(self._folder.glob(f"*{ENDING}"))

    def _tell_what_runs(self, sha256: str) -> bool:
        """Who asks for what runs is told so: nothing comes of it that the installer could tell of."""
        runs = bool(made_of(self._places, sha256))
        if runs:
            self.be_quiet()
            self._write(RUNS, sha256)
        return runs

    def _write(self, name: str, word: str) -> None:
        path, text = self._folder / name, f"{word}\n".encode()
        with suppress(OSError):
            if not path.exists() or path.read_bytes() != text:
                write_durably(path, text)

    def _note(self, request: Request) -> None:
        write_durably(self._file(request.sha256, REQUEST), msgspec.json.encode(request))

    def _file(self, sha256: str, ending: str) -> Path:
        return self._folder / f"{sha256}{ending}"

    def _unusable(self, why: OSError) -> UpdateError:
        return UpdateError(f"{self._folder}: takes no bundle ({why.strerror}); make room on the memory card")

    def _append(self, part: Path, piece: bytes) -> int:
        with part.open("ab") as file:
            before = file.tell()
            file.write(piece)
            file.flush()
            if before // _SYNC_EVERY_BYTES != file.tell() // _SYNC_EVERY_BYTES:
                os.fsync(file.fileno())
            return file.tell()

    def _settled(self, sha256: str, size_bytes: int) -> int:
        """All pieces are here: are they the bundle? If not they are dropped, and it begins anew."""
        part = self._file(sha256, PART)
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        if digest != sha256:
            part.unlink()
            return 0
        part.replace(part.with_suffix(ENDING))
        sync_names(self._folder)  # its sender goes away with this answer
        return size_bytes

    def _make_way(self, sha256: str, size_bytes: int, have: int) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        parts = [path for path in self._folder.glob(f"*{PART}") if path.stem != sha256]
        sent = [part for part in parts if not part.with_suffix(REQUEST).exists()]  # the others the node itself fetches
        if any(_is_fresh(part, datetime.now(UTC)) for part in sent):  # two senders would drop each other's for ever
            raise UpdateBusyError("another bundle is coming in; stop its sender, or wait a minute")
        if have == 0:
            self.check_room(size_bytes)  # before anything is dropped for it
        requests = [path for path in self._folder.glob(f"*{REQUEST}") if path.stem != sha256]
        for path in [*requests, *parts]:  # who fetches looks at the request
            path.unlink(missing_ok=True)


def _is_fresh(part: Path, utc: datetime) -> bool:
    try:
        return abs(utc.timestamp() - part.stat().st_mtime) < COMING_S
    except FileNotFoundError:
        return True  # it was the last piece: the bundle is whole


def place(url: str) -> str:
    """Of a URL for people, without a user or a signature in it: many read a node's health and its audit trail.

    Where a password with `/`, `?` or `#` in it ends nobody can tell: of such a URL only the scheme is told.
    """
    if re.match(r"(?s)[^/]*//[^/?#]*:.*[/?#].*@", url):
        return f"{url.partition('//')[0]}//…"
    return re.sub(r"//[^/]*@", "//", re.split(r"[?#]", url, maxsplit=1)[0])


def _size_bytes(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0  # it is whole, and makes no way


def _can_be_fetched(url: str) -> bool:
    try:
        parts = urlsplit(url)
        names_a_host = bool(parts.hostname) and parts.port != 0 and parts.username is None
        (parts.hostname or "").encode("idna")  # as the fetch will
        return parts.scheme in {"http", "https"} and names_a_host and url.isascii() and " " not in url
    except ValueError:  # brackets that do not end, a port that is none, or two dots in a row
        return False
