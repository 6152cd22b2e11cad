"""Looks at photographs from phones, one after the other, each in a process of its own."""

import logging
import os
import secrets
import signal
import subprocess
import sys
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock, Thread

import msgspec

from edge.bundle import MODELS
from edge.errors import ThreadStuckError
from edge.photographs import Answer

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "edge.photographs")
# Each further one of NumPy and of OpenCV asks for 40 MB of the little memory that the process may have.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
MOST_WAITING = 3  # the next one is told to come back: an upload waits in memory, 8 MB each at most
MOST_KEPT = 12  # looked at and still shown, half a megabyte each at most; older ones go
LOOK_S = 360.0  # the slowest board may import for a minute; then see MOST_CPU_S
STOP_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A photograph, and the answer once there is one."""

    id: str
    kinds: tuple[str, ...]  # what it is looked at for
    answer: Answer | None = None
    jpeg: bytes = b""
    note: str = ""  # typed with one that is no longer kept
    asked: str | None = None  # note with which it went to the station last


class Looker:
    """Owns a thread while uploads wait. Any thread may submit and ask; `close` may be called twice.

    `models`: the folder of installed models; one that is not there is taken from the software's own.
    """

    def __init__(self, command: Sequence[str] = COMMAND, *, models: Path = MODELS) -> None:
        self._command = (*command, str(models))
        self._lock, self._asking = Lock(), Lock()
        self._waiting: deque[tuple[str, bytes, tuple[str, ...]]] = deque()
        self._looks: OrderedDict[str, Look] = OrderedDict()
        self._thread: Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    def submit(self, upload: bytes, kinds: Sequence[str], note: str = "") -> str | None:
        """Queue it; the id to ask with, or None when too many wait."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            if self._is_closed or len(self._waiting) >= MOST_WAITING:
                return None
            self._waiting.append((name, upload, tuple(kinds)))
            self._looks[name] = Look(id=name, kinds=tuple(kinds), note=note)
            while len(self._looks) > MOST_KEPT:
                self._looks.popitem(last=False)
            if self._thread is None or not self._thread.is_alive():  # dead: it ran out of memory, say
                thread = Thread(target=self._run, name="photographs", daemon=True)
                thread.start()
                self._thread = thread
        return name

    def look(self, name: str) -> Look | None:
        """How far it is; None if it is no longer kept."""
        with self._lock:
            return self._looks.get(name)

    def forget(self, jpeg: bytes) -> None:
        """Let go of each look at this photograph: somebody wants nothing kept of it."""
        with self._lock:
            for name in [one.id for one in self._looks.values() if one.jpeg == jpeg]:
                del self._looks[name]

    @contextmanager
    def asking(self, name: str, note: str) -> Iterator[bool]:
        """One at a time; False where the last one asked the same: a second tap. What fails was not asked."""
        with self._asking:
            look = self.look(name)
            yield look is None or look.asked != note
            with self._lock:
                if name in self._looks:  # nobody has deleted it meanwhile, for good
                    self._looks[name] = replace(self._looks[name], asked=note)

    def close(self) -> None:
        """End what runs and drop what waits. Raises ThreadStuckError if that takes too long."""
        with self._lock:
            self._is_closed = True
            self._waiting.clear()
            thread = self._thread
            if self._process is not None:
                self._process.kill()
        if thread is not None:
            thread.join(STOP_S)
            if thread.is_alive():
                raise ThreadStuckError(f"a look at a photograph did not end within {STOP_S:.0f} s; kill the process")

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                name, upload, kinds = self._waiting.popleft()
            answer, jpeg = self._looked(upload, kinds)
            with self._lock:
                if name in self._looks:
                    self._looks[name] = replace(self._looks[name], answer=answer, jpeg=jpeg)

    def _looked(self, upload: bytes, kinds: tuple[str, ...]) -> tuple[Answer, bytes]:
        with self._lock:
            if self._is_closed:
                return Answer(state="failed", why="the node stops"), b""
            try:
                self._process = process = subprocess.Popen(  # noqa: S603  our own words
                    [*self._command, *kinds],
                    env=os.environ | ONE_THREAD,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            except OSError as why:  # no room for another process
                log.warning("photograph_not_looked_at", extra={"why": str(why)})
                return Answer(state="failed", why=str(why)), b""
        with process:
            try:
                out, _ = process.communicate(upload, LOOK_S)
            except subprocess.TimeoutExpired:
                process.kill()
                return Answer(state="failed", why=f"no answer within {LOOK_S:.0f} s"), b""
        return self._read(out, process.returncode)

    def _read(self, out: bytes, code: int) -> tuple[Answer, bytes]:
        """A process that was ended before all of its answer was out was ended by the photograph."""
        head, _, jpeg = out.partition(b"\n")
        try:
            answer = msgspec.json.decode(b"" if code else head, type=Answer)
        except ValueError:  # msgspec's errors, and that of letters that are none
            log.warning("photograph_broke_the_decoder", extra={"code": code})
            # The kernel kills what takes too much memory or time.
            return Answer(state="refused", why="too_large" if code == -signal.SIGKILL else "damaged"), b""
        if answer.state == "failed":
            log.warning("photograph_not_looked_at", extra={"why": answer.why})
        return answer, jpeg
