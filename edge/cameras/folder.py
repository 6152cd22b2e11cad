"""Pictures of a folder in time order, shown once or in a loop; files that arrive while it runs are shown too.

One that is fed is never at its end: it shows each picture once, and none of those that were `known` when it was opened.
They are known by their names and, where these tell no time, by EXIF time or content, too: cameras come to IMG_0001
again, or write over one file for ever.

Which time is a picture's says `edge.cameras.picture_files`; equal times go by name. Where names tell no time, each
picture that is new is opened for its own, over as many reads as that takes.
"""

import os
import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from edge.cameras.base import ClosedAtExit, Frame
from edge.cameras.picture_files import (
    Identity,
    Shown,
    identity,
    known_as,
    known_formerly_as,
    modified,
    own_time,
    told_time,
    unusable_as,
)
from edge.cameras.pictures import NODE, bytes_of, decode_picture, name_of, pictures_in
from edge.cameras.pixels import image_and_luma
from edge.clock import Clock
from edge.config import CameraTable
from edge.errors import BadFrameError, CameraEndedError, CameraError, SortingError, to_read

_DISKS_OWN = re.compile(r"[.@#$]|lost\+found\Z|System Volume Information\Z")
MOST_FAILED = 3  # pictures that a disk does not give, and it is the disk
RELIST_S = 0.005  # for each picture of a fed folder that did not change: a look through 10,000 takes 0.1 s of x86


class FolderCamera(ClosedAtExit):
    """Owned by the thread that reads it; holds names, never pictures. `shown` outlives a folder that was away."""

    is_live = tells_repeats = False

    def __init__(self, config: CameraTable, clock: Clock, known: set[str] | None, shown: Shown | None) -> None:
        self._config = config
        self._clock = clock
        self._folder = Path(config.source)
        # That need no further look, see `known_as` and `unusable_as`; whoever counts adds to it.
        self._known = set() if known is None else known
        self._shown = set() if shown is None else shown
        self._waiting: list[tuple[datetime, Identity]] = []  # the next one last
        self._unsorted: list[str] = []  # names that were listed; while there are some, nothing is shown
        self._listed: Shown = set()  # those of them that were sorted
        self._times: dict[Identity, datetime] = {}  # of those that waited when it was listed: known already
        self._below = ""  # the last of the folders in it
        self._listed_ns = -1
        self._relist_s = 0.0

    @property
    def description(self) -> str:
        """See Camera."""
        return f"folder {self._folder}"

    def read(self, timeout_s: float) -> Frame:
        """See Camera. A picture that cannot be used comes again when its file changes or the loop comes round.

        Raises SortingError when the order is not known within `timeout_s`; the next read goes on with it.
        """
        until_s = self._clock.monotonic_s() + timeout_s
        picture = self._next(until_s)
        path = self._folder / picture[0]
        taken, key = None, ""
        try:
            data = self._read(path, picture)
            if self._config.fed:  # of what was read: the file may have grown meanwhile, or be the next picture's
                taken = told_time(path, data)
                key = known_as(path, taken, data)
            image, luma = image_and_luma(decode_picture(data, name_of(path), NODE), self._config)
        except BadFrameError as why:
            if self._config.fed and why.reason != "unreadable":  # that is its disk's fault, or its rights'
                why.known_as = unusable_as(picture)
            raise
        return Frame(image, luma, self._clock.now(), name_of(path), dropped=0, taken=taken, known_as=key)

    def _read(self, path: Path, picture: Identity) -> bytes:
        """Raises CameraError where its disk gives nothing, BadFrameError where it is this picture alone."""
        self._shown.add(picture)
        try:
            return bytes_of(path, NODE)
        except BadFrameError as why:
            cause = why.__cause__
            if not isinstance(cause, OSError) or isinstance(cause, PermissionError | FileNotFoundError):
                raise
            if self._gives_another(path):
                return bytes_of(path, NODE)  # a share that was away for a moment connects anew when next asked
            self._shown.remove(picture)
            where = f"{self._folder}/{name_of(path)}: cannot be read ({os.strerror(cause.errno or 0)})"
            raise CameraError(f"{where}; look whether its disk is plugged in") from why

    def _gives_another(self, unreadable: Path) -> bool:
        """Does the disk give any other picture? Each one that it does not may cost seconds: after three it is away."""
        failed = 0
        with suppress(OSError):
            for path in pictures_in(self._folder):
                try:
                    if path != unreadable and _gives_a_byte(path):
                        return True
                except OSError:
                    failed += 1
                if failed == MOST_FAILED:
                    break
        return False

    def _next(self, until_s: float) -> Identity:
        self._look_for_pictures()
        self._sort(until_s)
        if not self._waiting and self._shown and self._config.loop:
            self._shown.clear()
            return self._next(until_s)
        if not self._waiting and self._config.fed:
            raise CameraEndedError(f"{self._folder}: {self._none_is_new()}")
        if not self._waiting:
            shown = len(self._shown)
            raise CameraEndedError(f"{self._folder}: all {shown} pictures were shown; add more or set camera.loop")
        _, (name, *_) = self._waiting.pop()
        return identity(self._folder / name)  # it may have changed since

    def _none_is_new(self) -> str:
        if not self._below:
            return "holds no picture that is new; wait for the device that feeds it"
        passed = f"pictures in folders below it ({self._below}) are passed over"
        return f"holds no picture that is new, and {passed}; set the device that feeds it to upload into one folder"

    def _look_for_pictures(self) -> None:
        """List the folder anew when it changed or nothing waits; 10,000 names each time would be dear.

        A file that grows in place changes no folder: a fed one is listed anew after a while, too.
        """
        try:
            changed_ns = self._folder.stat().st_mtime_ns
            is_listed = self._waiting or (self._config.fed and self._clock.monotonic_s() < self._relist_s)
            if self._unsorted or (is_listed and changed_ns == self._listed_ns):
                return
            pictures = pictures_in(self._folder)
            self._below = _last_below(self._folder) if self._config.fed else ""
        except OSError as why:
            remedy = to_read(why, "correct camera.source")
            text = f"{self._folder}: no folder to read ({os.strerror(why.errno or 0)}); {remedy}"
            raise CameraError(text) from why
        if not pictures and not self._config.fed:
            raise CameraError(f"{self._folder}: holds no picture; put JPEG or PNG files there")
        self._unsorted = [path.name for path in pictures if name_of(path) not in self._known]
        self._times = {picture: when for when, picture in self._waiting}
        self._waiting, self._listed_ns = [], changed_ns
        self._relist_s = self._clock.monotonic_s() + RELIST_S * len(pictures)

    def _sort(self, until_s: float) -> None:
        if not self._unsorted:
            return
        while self._unsorted:
            if self._clock.monotonic_s() >= until_s:
                left = len(self._unsorted)
                raise SortingError(f"{self._folder}: {left} pictures are still to be put in order; wait")
            path = self._folder / self._unsorted.pop()
            picture = identity(path)
            self._listed.add(picture)
            turn = self._turn_of(picture, path)
            if turn is not None:
                self._waiting.append((turn, picture))
        self._waiting.sort(reverse=True)
        if self._config.fed:  # what is gone would fill the memory: 250 bytes a picture, for months
            self._shown.intersection_update(self._listed)
        self._times, self._listed = {}, set()

    def _turn_of(self, picture: Identity, path: Path) -> datetime | None:
        """By its time; None: it was shown, counted, or could not be used."""
        if picture in self._shown:
            return None
        if picture in self._times:
            return self._times[picture]
        own = own_time(path)
        if self._known and self._is_known(picture, known_as(path, own)):
            self._shown.add(picture)
            return None
        return own or modified(path)

    def _is_known(self, picture: Identity, key: str) -> bool:
        """What former software knew by less is known by its own key from here on: the next one may be of that size."""
        former = known_formerly_as(key)
        if former in self._known and key not in self._known:
            self._known.discard(former)
            self._known.add(key)
        return key in self._known or unusable_as(picture) in self._known


def _last_below(folder: Path) -> str:
    """Of the folders in it, by name, as of dates; those that a disk or a share makes for itself are none."""
    with os.scandir(folder) as inside:
        names = [one.name for one in inside if one.is_dir(follow_symlinks=False) and not _DISKS_OWN.match(one.name)]
    return name_of(Path(max(names, default="")))


def _gives_a_byte(path: Path) -> bool:
    """Now, from its disk: the system remembers files of one that was pulled. Raises OSError."""
    if not path.is_file():  # a pipe would wait for ever
        return False
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return bool(file.read(1))
