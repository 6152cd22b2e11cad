"""Commands from the network: checked before anything is done, each carried out once, each answered with a code."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from edge.clock import Clock, ClockState
from edge.errors import WireError
from edge.store import BATCH_RECORDS, Entry, Store
from edge.wire import MAX_COMMAND_BYTES, MAX_REPLAY_RECORDS, ReplayCommand, Reply, Stored, decode_message

ALLOWED = ("replay",)
_WAITING_REPLAYS = 8  # more are answered "busy"


@dataclass(slots=True)
class Replay:
    """One replay on its way."""

    command: ReplayCommand
    next_seq: int
    sent: int = 0
    gone: list[tuple[int, int]] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Has everything that is still kept been sent?"""
        return self.next_seq > self.command.last

    def step(self, store: Store) -> list[Stored]:
        """The next batch; empty if the rest is gone."""
        last = self.command.last
        batch = store.records_from(self.next_seq, last, BATCH_RECORDS)
        upto = batch[-1].key.seq if len(batch) == BATCH_RECORDS else last
        self.gone += gaps(self.next_seq, [stored.key.seq for stored in batch], upto)
        self.next_seq, self.sent = upto + 1, self.sent + len(batch)
        return batch


class Commands:
    """Owned by the publisher's thread."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._replays: deque[Replay] = deque()
        self._verbs: dict[str, Callable[[bytes], Reply | None]] = {"replay": self._replay}

    def take(self, verb: str, payload: bytes) -> Reply | None:
        """What to answer at once; None if the command was accepted and its reply comes when it is done."""
        if len(payload) > MAX_COMMAND_BYTES:
            return Reply(code="too_large", detail=f"a command has at most {MAX_COMMAND_BYTES} bytes")
        if verb not in self._verbs:
            return Reply(code="unknown_verb", detail=f"this node carries out: {', '.join(ALLOWED)}")
        return self._verbs[verb](payload)

    @property
    def replay(self) -> Replay | None:
        """The replay that is carried out now."""
        return self._replays[0] if self._replays else None

    def finish(self, replay: Replay) -> Reply:
        """The replay has been sent."""
        self._replays.remove(replay)
        return self._reply(replay.command, "done", sent=replay.sent, gone=replay.gone)

    def _replay(self, payload: bytes) -> Reply | None:
        try:
            command = decode_message(payload, ReplayCommand)
        except WireError as why:
            return Reply(code="malformed", detail=str(why))
        if command.last < command.first or command.expires.tzinfo is None:
            return self._reply(command, "malformed", detail="first..last must rise and expires must tell its zone")
        if self._is_expired(command.expires):
            return self._reply(command, "expired")
        if self._store.is_known_command(command.id):
            return self._reply(command, "repeated", detail="choose a new id for each command")
        if len(self._replays) >= _WAITING_REPLAYS:
            return self._reply(command, "busy", detail="ask again later")  # not noted, so that the same id may
        refusal = self._refused_for_good(command)
        self._note(command, "accepted" if refusal is None else refusal.code)
        if refusal is None:
            self._replays.append(Replay(command, command.first))
        return refusal

    def _refused_for_good(self, command: ReplayCommand) -> Reply | None:
        if command.epoch != str(self._store.epoch):
            return self._reply(command, "wrong_epoch", detail="the store was created anew; that epoch is gone")
        if command.last - command.first >= MAX_REPLAY_RECORDS:
            return self._reply(command, "too_large", detail=f"ask for at most {MAX_REPLAY_RECORDS} records at once")
        return None

    def _is_expired(self, expires: datetime) -> bool:
        """A node that does not know the time cannot tell: what it does then must be harmless, as a replay is."""
        now = self._clock.now()
        return now.state is not ClockState.UNSYNCED and expires <= now.utc

    def _note(self, command: ReplayCommand, outcome: str) -> None:
        what = f"replay {command.first}-{command.last}"
        utc = self._clock.now().utc
        self._store.note_audit(Entry(utc=utc, who="broker", what=what, outcome=outcome, command=command.id))

    def _reply(self, command: ReplayCommand, code: str, **more: object) -> Reply:
        return msgspec.convert({"id": command.id, "code": code, "epoch": str(self._store.epoch), **more}, Reply)


def gaps(first: int, found: list[int], last: int) -> list[tuple[int, int]]:
    """Spans of first..last that are not in `found`, which rises."""
    spans, expected = [], first
    for seq in [*found, last + 1]:
        if seq > expected:
            spans.append((expected, seq - 1))
        expected = seq + 1
    return spans
