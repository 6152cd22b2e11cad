"""Commands to a node and its replies, JSON: `cmd/<verb>` → `reply/<verb>`."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

MAX_COMMAND_BYTES = 4096
MAX_REPLAY_RECORDS = 10_000
TransactionId = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{8,64}$")]
ReplyCode = Literal[
    "done",
    "malformed",  # not JSON, a field is missing or wrong
    "too_large",  # the message, or what it asks for
    "unknown_verb",  # or one that this node does not allow
    "expired",
    "repeated",  # this transaction was seen before
    "busy",  # too many wait; ask again later
    "wrong_epoch",  # the store was created anew since; what was asked for is gone
]


class ReplayCommand(Struct, frozen=True, kw_only=True):
    """`cmd/replay`: send records first..last of an epoch again."""

    id: TransactionId  # chosen by the sender, new each time
    expires: datetime  # aware; not carried out afterwards
    epoch: str
    first: Annotated[int, Meta(ge=1)]
    last: Annotated[int, Meta(ge=1)]


class Reply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`reply/<verb>`."""

    code: ReplyCode
    id: str | None = None  # of the command, if it could be read
    detail: str = ""
    epoch: str | None = None  # of the node's store
    sent: int | None = None  # records sent again
    gone: list[tuple[int, int]] = []  # spans first..last that are no longer kept: count them as lost
