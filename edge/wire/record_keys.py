"""What makes a record one record for ever: node, epoch and sequence number."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from edge.counts import Interval, Record


@dataclass(frozen=True, slots=True)
class Key:
    """Two records with the same key are the same record, however often it was sent."""

    node: str
    epoch: UUID  # new whenever the node's store is created anew
    seq: int  # rises from 1, never used twice within an epoch


class Mark(NamedTuple):
    """One revision of one record of an epoch: an acknowledgement of the one before says nothing of it."""

    seq: int
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """A committed record."""

    key: Key
    record: Record

    @property
    def mark(self) -> Mark:
        """What the broker acknowledges."""
        return Mark(self.key.seq, self.record.revision if isinstance(self.record, Interval) else 0)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A record of a kind that this version does not know. It is there all the same: its seq is no gap."""

    kind: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """A record as it came over the wire."""

    key: Key
    record: Record | Unknown
