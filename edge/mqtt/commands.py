"""Commands from the network: checked before anything is done, each carried out once, each answered with a code."""

from collections import deque
from datetime import datetime, tzinfo
from typing import Any, assert_never

import msgspec
from msgspec import Struct

from edge.clock import Clock, ClockState
from edge.errors import StoreError, WireError
from edge.mqtt.bundles import is_worth_a_note, receive
from edge.mqtt.care import take_care
from edge.mqtt.replay import Replay
from edge.status import StatusBoard
from edge.store import Answer, Entry, Store
from edge.updates.inbox import Inbox, place
from edge.wire import (
    MAX_COMMAND_BYTES,
    MAX_REPLAY_RECORDS,
    MAX_UPDATE_BYTES,
    AnswerCommand,
    Command,
    ImageCommand,
    ReplayCommand,
    Reply,
    SeenCommand,
    UpdateCommand,
    decode_message,
)
from edge.wire.commands import ReplyCode, TransactionId
from edge.wire.fields import LARGEST

_KINDS: dict[str, type[Command]] = {
    "replay": ReplayCommand,
    "image": ImageCommand,
    "answer": AnswerCommand,
    "seen": SeenCommand,
    "update": UpdateCommand,
    "model": UpdateCommand,
}
VERBS = tuple(_KINDS)
_REPLAY_REFUSED = {
    "wrong_epoch": "the store was created anew; that epoch is gone",
    "too_large": f"ask for at most {MAX_REPLAY_RECORDS} records at once",
}
_WAITING = 8  # replays, and pictures; more are answered "busy"


class Commands:
    """Owned by the publisher's thread. What takes time waits in `replays` and `images` until it is carried out."""

    def __init__(self, store: Store, clock: Clock, inbox: Inbox, board: StatusBoard, zone: tzinfo) -> None:
        self._store, self._clock, self._inbox, self._board, self._zone = store, clock, inbox, board, zone
        self.replays: deque[Replay] = deque()
        self.images: deque[ImageCommand] = deque()

    def take(self, verb: str, payload: bytes) -> Reply | None:
        """What to answer at once; None if the command was accepted and its reply comes when it is done."""
        most_bytes = MAX_UPDATE_BYTES if _KINDS.get(verb) is UpdateCommand else MAX_COMMAND_BYTES
        if len(payload) > most_bytes:
            return _unread(payload, "too_large", f"a command has at most {most_bytes} bytes")
        if verb not in _KINDS:
            return _unread(payload, "unknown_verb", f"this node carries out: {', '.join(VERBS)}")
        try:
            command = decode_message(payload, _KINDS[verb])
        except WireError as why:
            return _unread(payload, "malformed", str(why))
        return self._refused_for_now(command) or self._carry_out(command)

    def reply(self, command: Command, code: str, **more: object) -> Reply:
        """The reply to a command that could be read."""
        return msgspec.convert({"id": command.id, "code": code, "epoch": str(self._store.epoch), **more}, Reply)

    def is_expired(self, expires: datetime) -> bool:
        """A node that does not know the time cannot tell: what it does then must be harmless, as all of these are."""
        now = self._clock.now()
        return now.state is not ClockState.UNSYNCED and expires <= now.utc

    def _refused_for_now(self, command: Command) -> Reply | None:
        """Reasons that leave no trace."""
        if isinstance(command, ReplayCommand) and not command.first <= command.last <= LARGEST:
            return self.reply(command, "malformed", detail=f"first..last must rise, to {LARGEST} at most")
        if self.is_expired(command.expires):
            return self.reply(command, "expired")
        if not isinstance(command, UpdateCommand) and self._store.is_known_command(command.id):
            return self.reply(command, "repeated", detail="choose a new id for each command")
        if len(self._queue(command)) >= _WAITING:
            return self.reply(command, "busy", detail="ask again later")  # not noted, so that the same id may
        return self._waits_already(command)

    def _waits_already(self, command: Command) -> Reply | None:
        """Who asks again while a slow line still carries the answer would get each record or the picture twice."""
        if isinstance(command, ImageCommand):
            pictures = [(one.picture, one.box, one.most_bytes) for one in self.images]
            if (command.picture, command.box, command.most_bytes) in pictures:
                return self.reply(command, "busy", detail="this picture waits already; ask again later")
        elif isinstance(command, ReplayCommand):
            asked = [one.command for one in self.replays if one.command.epoch.lower() == command.epoch.lower()]
            if any(one.first <= command.last and command.first <= one.last for one in asked):
                return self.reply(command, "busy", detail="a replay of these records waits already; ask again later")
        return None

    def _carry_out(self, command: Command) -> Reply | None:
        """An answer is kept at once; a replay may be refused for good; what is accepted waits its turn."""
        if isinstance(command, UpdateCommand):
            return self._receive(command)
        reply = self._at_once(command)
        if reply is None or reply.code != "busy":  # else the same id may come again
            self._note(command, "accepted" if reply is None else reply.code)
        if reply is None:
            waits = Replay(command, command.first) if isinstance(command, ReplayCommand) else command
            self._queue(command).append(waits)
        return reply

    def _at_once(self, command: ReplayCommand | ImageCommand | AnswerCommand | SeenCommand) -> Reply | None:
        if isinstance(command, AnswerCommand):
            return self._keep(command)
        if isinstance(command, SeenCommand):
            return self._take_care(command)
        if isinstance(command, ReplayCommand):
            return self._replay_refused(command)
        if isinstance(command, ImageCommand):
            return None
        assert_never(command)

    def _receive(self, command: UpdateCommand) -> Reply:
        reply = receive(self._inbox, command, is_undated=self._clock.now().state is ClockState.UNSYNCED)
        if is_worth_a_note(command, reply) and not self._store.is_known_command(command.id):  # else delivered twice
            self._note(command, reply.code)
        return reply

    def _keep(self, command: AnswerCommand) -> Reply:
        utc, text = self._clock.now().utc, command.text
        given = Answer(utc=utc, who=command.who, text=text, label=command.label, eppo=command.eppo)
        if self._store.answer_question(command.question, given):
            return self.reply(command, "done")
        return self.reply(command, "not_kept", detail=f"there is no question {command.question} here")

    def _take_care(self, command: SeenCommand) -> Reply:
        try:
            if take_care(self._board, self._store, command, self._clock.now(), self._zone):
                return self.reply(command, "done")
        except StoreError as why:  # the file of people's decisions; records go on
            return self.reply(command, "busy", detail=str(why))
        detail = f"nothing of {command.label} stands {command.level} since then, or somebody takes care of it here"
        return self.reply(command, "not_kept", detail=detail)

    def _replay_refused(self, command: ReplayCommand) -> Reply | None:
        code = command.refused_by(self._store.epoch)
        return None if code is None else self.reply(command, code, detail=_REPLAY_REFUSED[code])

    def _queue(self, command: Command) -> deque[Any]:
        if isinstance(command, ReplayCommand):
            return self.replays
        if isinstance(command, ImageCommand):
            return self.images
        if isinstance(command, AnswerCommand | SeenCommand | UpdateCommand):
            return deque()  # answered at once
        assert_never(command)

    def _note(self, command: Command, outcome: str) -> None:
        entry = Entry(
            utc=self._clock.now().utc, who="broker", what=_described(command), outcome=outcome, command=command.id
        )
        self._store.note_audit(entry)


class _Named(Struct):
    id: TransactionId


def _unread(payload: bytes, code: ReplyCode, detail: str) -> Reply:
    """To what is no command, or none of ours: with its id where it has one, by which the sender knows it."""
    try:
        name = decode_message(payload, _Named).id
    except WireError:
        name = None
    return Reply(id=name, code=code, detail=detail)


def _described(command: Command) -> str:
    if isinstance(command, ReplayCommand):
        return f"replay {command.first}-{command.last}"
    if isinstance(command, ImageCommand):
        return f"image {command.picture}"
    if isinstance(command, UpdateCommand):
        return f"bundle {command.sha256[:8]} from {place(command.url or 'the broker')}"
    if isinstance(command, SeenCommand):
        return f"{'given back' if command.given_back else 'seen'} {command.label} {command.level}"
    return f"answer {command.question}"
