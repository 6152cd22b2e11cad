"""A message of a node, whatever its channel, as records and messages with long names."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from edge.errors import WireError
from edge.wire import (
    Decoded,
    Health,
    Info,
    Properties,
    Status,
    Summary,
    Topic,
    decode_batch,
    decode_message,
    parse_topic,
    plain,
)

_KINDS: dict[str, type[msgspec.Struct]] = {"status": Status, "info": Info, "health": Health, "summary": Summary}


class Message(NamedTuple):
    """As it came from the broker."""

    topic: str
    payload: bytes
    retained: bool = False
    properties: Properties = ()  # user properties: `image` has its header there


@dataclass(frozen=True, slots=True)
class Heard:
    """One decoded message: records of a batch, or one JSON message."""

    topic: Topic
    records: tuple[Decoded, ...] = ()
    message: msgspec.Struct | None = None

    def as_json(self) -> list[dict[str, Any]]:
        """One object a record, or one for the message; `kind` tells which."""
        where = {"site": self.topic.site, "node": self.topic.node}
        if self.message is not None:
            return [{"kind": self.topic.channel, **where, **msgspec.to_builtins(self.message)}]
        return [msgspec.to_builtins(plain(decoded, self.topic.site)) for decoded in self.records]


@dataclass(frozen=True, slots=True)
class Bad:
    """A message that does not follow the contract. The others go on."""

    topic: str
    error: str

    def as_json(self) -> list[dict[str, Any]]:
        """One object."""
        return [{"kind": "bad", "topic": self.topic, "error": self.error}]


def decode(message: Message) -> Heard | Bad:
    """What the message says. Other channels (cmd, reply; image, see album), and nothing, have neither part."""
    try:
        topic = parse_topic(message.topic)
        if topic.channel == "records":
            return Heard(topic, records=tuple(decode_batch(message.payload, topic.node)))
        if topic.channel in _KINDS and message.payload:  # empty: what the broker retained was taken away
            return Heard(topic, message=decode_message(message.payload, _KINDS[topic.channel]))
    except WireError as why:
        return Bad(message.topic, str(why))
    return Heard(topic)
