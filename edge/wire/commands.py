"""Commands to a node and its replies, JSON: `cmd/<verb>` → `reply/<verb>`."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from edge.counts import Level
from edge.wire.fields import LABEL_LETTERS

MAX_COMMAND_BYTES = 4096
MAX_UPDATE_BYTES = 65_536  # of a command that carries a piece of a bundle
MAX_REPLAY_RECORDS = 10_000
MAX_PHOTO_BYTES = 524_288  # of a question's photograph, a minute on 64 kbit/s, and of what `cmd/image` asks for
USUAL_IMAGE_BYTES = 65_536
# `$` would let a line's end through, `\Z` does not; JSON Schema knows the first alone, and means the second by it.
TransactionId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{8,64}\Z")]
ImageId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
Label = Annotated[str, Meta(max_length=LABEL_LETTERS)]  # and as much of a name
Share = Annotated[float, Meta(ge=0, le=1)]
Moment = Annotated[datetime, Meta(tz=True)]  # with its zone
ReplyCode = Literal[
    "done",
    "malformed",  # not JSON, a field is missing or wrong
    "too_large",  # the message, or what it asks for
    "unknown_verb",  # or one that this node does not allow
    "expired",
    "repeated",  # this transaction was seen before
    "busy",  # too many wait, or the same records or picture do, or another bundle comes in; ask again later
    "wrong_epoch",  # the store was created anew since; what was asked for is gone
    "not_kept",  # the picture, question or alert is not here, or no longer; or a piece of a bundle that cannot be kept
]


class ReplayCommand(Struct, frozen=True, kw_only=True):
    """`cmd/replay`: send records first..last of an epoch again."""

    id: TransactionId  # chosen by the sender, new each time
    expires: Moment  # not carried out afterwards
    epoch: str
    first: Annotated[int, Meta(ge=1)]
    last: Annotated[int, Meta(ge=1)]

    def refused_by(self, epoch: UUID) -> Literal["wrong_epoch", "too_large"] | None:
        """Why a node whose store is of that epoch does not carry it out."""
        if self.epoch.lower() != str(epoch):
            return "wrong_epoch"
        return "too_large" if self.last - self.first >= MAX_REPLAY_RECORDS else None


class ImageCommand(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`cmd/image`: send a kept picture, or a part of it, on `image`."""

    id: TransactionId
    expires: Moment
    picture: ImageId  # as in a sighting, or the id of a question
    box: tuple[Share, Share, Share, Share] | None = None  # left, top, right, bottom: only this part
    most_bytes: Annotated[int, Meta(ge=1024, le=MAX_PHOTO_BYTES)] = USUAL_IMAGE_BYTES  # made smaller until it fits

    def __post_init__(self) -> None:
        if self.box is not None and not (self.box[0] < self.box[2] and self.box[1] < self.box[3]):
            raise ValueError("box must be left, top, right, bottom with a picture between them")


class AnswerCommand(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`cmd/answer`: what the station says to a question. A later answer takes the place of an earlier one."""

    id: TransactionId
    expires: Moment
    question: ImageId
    text: Annotated[str, Meta(min_length=1, max_length=1000)]  # in the person's language
    who: Label = ""  # answers
    label: Label = ""  # scientific name, where there is one
    eppo: Label = ""


class SeenCommand(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`cmd/seen`: somebody takes care of what stands above its action level, or no longer (`given_back`).

    Names it as `health.alerts` does.
    """

    id: TransactionId
    expires: Moment
    label: Label
    unit: Label
    level: Level
    since: Moment
    who: Label = ""
    given_back: bool = False
    # Who took care of it before, as far as `who` knows: who else does at the node stays. Absent: none stays.
    former: Annotated[list[Label], Meta(max_length=10)] | None = None


class UpdateCommand(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`cmd/update` and `cmd/model`: a piece of a signed bundle, or where to fetch it. The reply says what is here."""

    id: TransactionId  # new for each piece
    expires: Moment
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]  # of the whole bundle
    size_bytes: Annotated[int, Meta(ge=1, le=400_000_000)]  # of the whole bundle
    url: Annotated[str, Meta(max_length=2000)] | None = None  # http or https; a broken transfer goes on where it was
    offset: Annotated[int, Meta(ge=0)] = 0  # of this piece
    data: Annotated[bytes, Meta(max_length=32_768)] = b""  # base64; empty: only ask how much is here


Command = ReplayCommand | ImageCommand | AnswerCommand | SeenCommand | UpdateCommand


class Reply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`reply/<verb>`."""

    code: ReplyCode
    id: str | None = None  # of the command, if it could be read
    detail: str = ""
    epoch: str | None = None  # of the node's store
    sent: int | None = None  # records sent again, or bytes of a picture
    have: int | None = None  # bytes of a bundle that are here, from its begin on
    gone: list[tuple[int, int]] = []  # spans first..last that are no longer kept: count them as lost
