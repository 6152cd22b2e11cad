"""Which records to ask a node for again. Pure; who sends the commands waits a while first, since records overtake."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from edge.platform.deduplicate import Deduplicator, Span
from edge.wire import MAX_REPLAY_RECORDS, ReplayCommand

VALID_FOR = timedelta(minutes=10)


def replay_commands(seen: Deduplicator, node: str, epoch: UUID, last_seq: int, now: datetime) -> list[ReplayCommand]:
    """A command for each gap among 1..last_seq."""
    return commands_for(seen.missing(node, epoch, last_seq), epoch, now)


def commands_for(gaps: Iterable[Span], epoch: UUID, now: datetime) -> list[ReplayCommand]:
    """A command a gap, the long ones cut to what a node answers at once."""
    return [
        ReplayCommand(
            id=uuid4().hex,
            expires=now + VALID_FOR,
            epoch=str(epoch),
            first=first,
            last=min(gap.last, first + MAX_REPLAY_RECORDS - 1),
        )
        for gap in gaps
        for first in range(gap.first, gap.last + 1, MAX_REPLAY_RECORDS)
    ]
