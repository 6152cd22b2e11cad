"""Which records to ask a node for again: not the newest that are missing, as many as still wait there and come."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from edge.errors import WireError
from edge.platform.deduplicate import Deduplicator, Span
from edge.wire import MAX_REPLAY_RECORDS, ReplayCommand, Reply, decode_message

VALID_FOR = timedelta(minutes=10)
ASK_AGAIN = timedelta(minutes=2)  # a replay over 64 kbit/s takes its time; asking twice would only double it
MOST_COMMANDS = 8  # to a node at once, which answers more with "busy"
SMALL_HOLE = 8  # records that come a second time: in bytes less than another command and its reply


def replay_commands(
    seen: Deduplicator, node: str, epoch: UUID, last_seq: int, now: datetime, *, waiting: int = 0
) -> Iterator[ReplayCommand]:
    """Commands for the gaps among 1..last_seq, but for the newest `waiting` numbers in them."""
    return commands_for(_without_newest(seen.missing(node, epoch, last_seq), waiting), epoch, now)


def _without_newest(gaps: list[Span], numbers: int) -> list[Span]:
    older = list[Span]()
    for gap in reversed(gaps):
        last = gap.last - numbers
        numbers = max(0, gap.first - 1 - last)
        if last >= gap.first:
            older.append(Span(gap.first, last))
    return older[::-1]


def commands_for(gaps: Iterable[Span], epoch: UUID, now: datetime) -> Iterator[ReplayCommand]:
    """A command for gaps that lie close together, the long ones cut to what a node answers at once."""
    return (
        ReplayCommand(
            id=uuid4().hex,
            expires=now + VALID_FOR,
            epoch=str(epoch),
            first=first,
            last=min(gap.last, first + MAX_REPLAY_RECORDS - 1),
        )
        for gap in _joined(gaps)
        for first in range(gap.first, gap.last + 1, MAX_REPLAY_RECORDS)
    )


def _joined(gaps: Iterable[Span]) -> list[Span]:
    """Oldest first, with the small holes between them."""
    joined: list[Span] = []
    for gap in sorted(gaps):
        if joined and gap.first - joined[-1].last - 1 <= SMALL_HOLE:
            joined[-1] = Span(joined[-1].first, gap.last)
        else:
            joined.append(gap)
    return joined


def spans_gone(payload: bytes) -> tuple[UUID, list[Span]] | None:
    """Epoch and spans that a node no longer has, of its reply to a replay; None for a reply that does not say."""
    try:
        reply = decode_message(payload, Reply)
        epoch = UUID(reply.epoch or "")
    except (WireError, ValueError):  # another platform's, or a newer one: nothing to learn from it
        return None
    return (epoch, [Span(*span) for span in reply.gone]) if reply.code == "done" else None
