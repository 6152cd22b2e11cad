"""What goes out on `image`, least urgent of all: questions, then pictures that were asked for, then the newest kept.

One part of one JPEG is on its way at a time, and only while nothing else is. So a record that is committed meanwhile
waits for one part at most, and a part is as long as the line takes in about a second.
"""

import logging
import re
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from edge.backoff import Backoff
from edge.clock import Clock
from edge.config import MEGABYTE
from edge.errors import BadFrameError, StoreDamagedError, StoreError
from edge.excerpt import excerpt
from edge.mqtt.budget import DAY_S, Budget
from edge.mqtt.commands import Commands
from edge.mqtt.window import LEAST_BYTES, MOST_IMAGE_BYTES, Window
from edge.store import Store
from edge.wire import ImageCommand, ImageHeader, ImageKind, Reply, next_part

log = logging.getLogger(__name__)

_SENT_UPTO = "pictures_sent"  # setting: seq of the newest kept picture that went out unasked
_BEGUN = "question_begun"  # setting: question on its way, bytes of it that arrived, and where
_STEP_BYTES = 65_536  # of a question between two writes of that setting, each of which wears the card by some 16 kB


@dataclass(slots=True)
class Outgoing:
    """A JPEG on its way, for a command, a question, or as the kept picture with this seq."""

    header: ImageHeader
    jpeg: bytes
    command: ImageCommand | None = None
    seq: int | None = None
    question: str = ""  # id of the one whose photograph this shows: somebody may delete it meanwhile
    acknowledged_bytes: int = 0


class Part(NamedTuple):
    """One message."""

    header: ImageHeader
    payload: bytes


class Begun(NamedTuple):
    """A question of which so much has arrived."""

    id: str = ""
    bytes: int = 0


class Images:
    """Owned by the publisher's thread, for all its connections: a picture goes on where the last one broke off.

    So does a question after a restart, if its parts go to the same `destination`.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        budget: Budget,
        commands: Commands,
        *,
        kept: Backoff,
        keepalive_s: float,
        daily_mb: float,
        destination: str,
    ) -> None:
        self._store, self._clock, self._budget, self._commands = store, clock, budget, commands
        self._kept = kept  # how long to leave pictures alone that nobody wants now
        self._daily_bytes = daily_mb * MEGABYTE
        self._window = Window(keepalive_s, MOST_IMAGE_BYTES)
        self._destination = destination
        self._begun = _read(store.setting(_BEGUN), destination)
        self._outgoing: Outgoing | None = None
        self._part_bytes = 0  # on their way
        self._due_s = self._unasked_due_s = 0.0
        self.replies: deque[Reply] = deque()  # to be sent
        self.sent = 0  # whole pictures

    @property
    def question(self) -> str:
        """Id of the question that was begun last, which must not change any more; empty for none."""
        return self._begun.id

    def next_part(self, now_s: float, most_bytes: int = MOST_IMAGE_BYTES) -> Part | None:
        """The part to send now, if there is one, of at most `most_bytes`. Raises StoreError."""
        self.keep(_STEP_BYTES)
        budget_bytes = self._budget.image_room_bytes(self._clock.now(), asked=True)
        room_bytes = min(self._window.limit_bytes, budget_bytes, most_bytes)
        if self.is_resting(now_s) or room_bytes < LEAST_BYTES:
            return None
        self._stop_deleted()
        self._outgoing = self._outgoing or self._question() or self._asked() or self._unasked(now_s)
        if self._outgoing is None:
            return None
        begin = self._outgoing.acknowledged_bytes
        payload = self._outgoing.jpeg[begin : begin + room_bytes]
        self._part_bytes = len(payload)
        return Part(next_part(self._outgoing.header, begin), payload)

    def keep(self, least_bytes: int = 1) -> None:
        """What has arrived whole is done; of a question keep how far, if `least_bytes` further. Raises StoreError."""
        outgoing = self._outgoing
        if outgoing is None:
            return
        if outgoing.acknowledged_bytes == len(outgoing.jpeg):
            self._finish(outgoing)
        elif outgoing.header.id == self._begun.id and outgoing.acknowledged_bytes - self._begun.bytes >= least_bytes:
            self._begun = Begun(outgoing.header.id, outgoing.acknowledged_bytes)
            try:
                self._store.set_setting(_BEGUN, f"{self._begun.id} {self._begun.bytes} {self._destination}")
            except StoreDamagedError:
                raise
            except StoreError as why:  # after a restart some of it goes out again
                log.warning("progress_not_kept", extra={"why": str(why)})

    def is_resting(self, now_s: float) -> bool:
        """Did nobody want pictures, a short while ago?"""
        return now_s < self._due_s

    def acknowledged(self, after_s: float) -> None:
        """A subscriber has got the part."""
        if self._outgoing is not None:
            self._outgoing.acknowledged_bytes += self._part_bytes
        self._part_bytes = 0
        self._window.acknowledged(after_s)
        self._kept.reset()

    def not_wanted(self, now_s: float) -> None:
        """Nobody subscribes, or the broker refuses: rest, longer each time, and try with a short part then."""
        self._part_bytes = 0
        self._due_s = now_s + self._kept.next_s()
        self._window.begin_again()

    def lost(self) -> None:
        """The connection ended; if a part was on its way, it may have been too long for the line."""
        if self._part_bytes:
            self._window.shrink()
        self._part_bytes = 0

    def wake(self) -> None:
        """Somebody is there who asks: no need to rest any longer."""
        self._due_s = 0.0

    def _finish(self, outgoing: Outgoing) -> None:
        if outgoing.header.kind == "question":
            self._store.mark_question_sent(outgoing.header.id)
        if outgoing.seq is not None:
            self._store.set_setting(_SENT_UPTO, str(outgoing.seq))
        if outgoing.command is not None:
            self._commands.images.popleft()
            self.replies.append(self._commands.reply(outgoing.command, "done", sent=len(outgoing.jpeg)))
        self._outgoing = None
        self.sent += 1

    def _stop_deleted(self) -> None:
        """Of a question that somebody deleted nothing more goes out; whoever asked for it again is told so."""
        outgoing = self._outgoing
        if outgoing is None or not outgoing.question or self._store.question(outgoing.question) is not None:
            return
        if outgoing.command is not None:
            self._commands.images.popleft()
            self.replies.append(self._not_kept(outgoing.command))
        self._outgoing = None

    def _question(self) -> Outgoing | None:
        waiting = self._store.next_question()
        if waiting is None:
            return None
        question, jpeg = waiting
        if question.id != self._begun.id or self._begun.bytes >= len(jpeg):
            self._begun = Begun(question.id)
        return Outgoing(question.header(), jpeg, question=question.id, acknowledged_bytes=self._begun.bytes)

    def _asked(self) -> Outgoing | None:
        """The first that can be sent; the others are answered why not."""
        while self._commands.images:
            command = self._commands.images[0]  # until it is sent: who asks for it again meanwhile would get it twice
            if self._commands.is_expired(command.expires):
                self.replies.append(self._commands.reply(command, "expired"))
            elif (found := self._found(command)) is not None:
                return found
            self._commands.images.popleft()
        return None

    def _found(self, command: ImageCommand) -> Outgoing | None:
        question = self._store.question(command.picture)
        kept = self._store.picture(command.picture) or self._store.question_photo(command.picture)
        if kept is None:
            self.replies.append(self._not_kept(command))
            return None
        try:
            sent = excerpt(kept, command.box, command.most_bytes)
        except BadFrameError as why:
            self.replies.append(self._commands.reply(command, "not_kept", detail=str(why)))
            return None
        shows = "" if question is None else question.id
        if sent is kept and question is not None:
            return Outgoing(question.header(command.id), kept, command, question=shows)
        kind: ImageKind = "picture" if sent is kept else "excerpt"
        header = ImageHeader(kind=kind, id=command.picture, bytes=len(sent), command=command.id)
        return Outgoing(header, sent, command, question=shows)

    def _not_kept(self, command: ImageCommand) -> Reply:
        return self._commands.reply(command, "not_kept", detail="this picture is no longer here")

    def _unasked(self, now_s: float) -> Outgoing | None:
        """The newest kept picture, spread over the day also where that has many starts; older ones are passed over."""
        now = self._clock.now()
        if not self._daily_bytes or now_s < self._unasked_due_s:
            return None
        room_bytes = self._budget.unasked_room_bytes(self._daily_bytes, now)
        if room_bytes <= 0:
            return None
        newest = self._store.newest_picture(_number(self._store.setting(_SENT_UPTO)))
        jpeg = None if newest is None else self._store.picture(newest[1])
        if newest is None or not jpeg or len(jpeg) > room_bytes:
            return None
        self._budget.begin_unasked(len(jpeg), now)
        self._unasked_due_s = now_s + DAY_S * len(jpeg) / self._daily_bytes
        return Outgoing(ImageHeader(kind="picture", id=newest[1], bytes=len(jpeg)), jpeg, seq=newest[0])


def _number(setting: str | None) -> int:
    """0 of one that was never kept, or that the card spoiled."""
    return int(setting) if setting and re.fullmatch(r"\d{1,18}", setting, re.ASCII) else 0


def _read(setting: str | None, destination: str) -> Begun:
    """Of a setting that the card spoiled nothing, as of one that goes elsewhere."""
    begun = re.fullmatch(r"(\S+) (\d{1,9}) (.*)", setting or "", re.ASCII)
    return Begun(begun[1], int(begun[2])) if begun and begun[3] == destination else Begun()
