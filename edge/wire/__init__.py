"""Wire contract v1: topics and payloads. Pure functions; nothing here opens a connection or reads a clock.

`records` travels as CBOR with integer keys (batch, compact), everything else as JSON (messages). People and other
programs read the long names of `plain`. The contract is written down in docs/contract/ and only ever grows.
"""

from edge.wire.batch import MAX_BATCH_BYTES, MAX_BATCH_RECORDS, as_sent, decode_batch, encode_batch
from edge.wire.carried import Carried, carried_line, read_carried
from edge.wire.commands import (
    MAX_COMMAND_BYTES,
    MAX_REPLAY_RECORDS,
    ReplayCommand,
    Reply,
    ReplyCode,
)
from edge.wire.compact import ALERT, INTERVAL, LOST, SIGHTING, picture_id, question_id
from edge.wire.instants import CLOCKS, from_utc_ms, utc_ms, whole_ms
from edge.wire.keys import Decoded, Key, Stored, Unknown
from edge.wire.messages import (
    CameraHealth,
    CameraInfo,
    Health,
    Info,
    LinkHealth,
    ModelInfo,
    Status,
    StoreHealth,
    Summary,
    SummaryCount,
    decode_message,
    encode_message,
    messages_schema,
    summary_of,
)
from edge.wire.plain import (
    PlainAlert,
    PlainInterval,
    PlainLost,
    PlainRecord,
    PlainSighting,
    PlainUnknown,
    plain,
    records_schema,
)
from edge.wire.topics import Topic, command_filter, node_topic, parse_topic

__all__ = [
    "ALERT",
    "CLOCKS",
    "INTERVAL",
    "LOST",
    "MAX_BATCH_BYTES",
    "MAX_BATCH_RECORDS",
    "MAX_COMMAND_BYTES",
    "MAX_REPLAY_RECORDS",
    "SIGHTING",
    "CameraHealth",
    "CameraInfo",
    "Carried",
    "Decoded",
    "Health",
    "Info",
    "Key",
    "LinkHealth",
    "ModelInfo",
    "PlainAlert",
    "PlainInterval",
    "PlainLost",
    "PlainRecord",
    "PlainSighting",
    "PlainUnknown",
    "ReplayCommand",
    "Reply",
    "ReplyCode",
    "Status",
    "StoreHealth",
    "Stored",
    "Summary",
    "SummaryCount",
    "Topic",
    "Unknown",
    "as_sent",
    "carried_line",
    "command_filter",
    "decode_batch",
    "decode_message",
    "encode_batch",
    "encode_message",
    "from_utc_ms",
    "messages_schema",
    "node_topic",
    "parse_topic",
    "picture_id",
    "plain",
    "question_id",
    "read_carried",
    "records_schema",
    "summary_of",
    "utc_ms",
    "whole_ms",
]
