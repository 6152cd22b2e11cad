"""A batch of records as the payload of one `records` message, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any, NoReturn

import cbor2

from edge.counts import Alert, Interval, Record, Sighting
from edge.errors import WireError
from edge.wire.alerts import in_thousandths
from edge.wire.compact import BOX_STEPS, compact_record, read_record, shares
from edge.wire.effort import rounded
from edge.wire.fields import Fields
from edge.wire.instants import Boots, utc_ms, whole_ms
from edge.wire.record_keys import Decoded, Key, Stored
from edge.wire.tables import RECORDS, Tables, read_header

MAX_BATCH_BYTES = 65_536  # a receiver refuses more before it decodes
MAX_BATCH_RECORDS = 1000
_MAX_DEPTH = 6  # batch, records, record, counts, one count: 5
# Tags mean objects that no field of ours has (dates, patterns, shared references); the decoder must not build them.
_BUILT_IN_TAGS = (0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43000, 55799)


def encode_batch(records: Sequence[Stored]) -> bytes:
    """Records of one node and epoch as one payload; the topic names the node.

    Raises WireError for a value that the wire cannot carry, ValueError for no records or records of several epochs.
    """
    if len({(stored.key.node, stored.key.epoch) for stored in records}) != 1:
        raise ValueError("a batch carries at least one record, all of one node and epoch")
    first = records[0].record
    base_ms = utc_ms(first.start.utc if isinstance(first, Interval) else first.at.utc)
    base_seq = min(stored.key.seq for stored in records)
    tables = Tables(records[0].key.epoch, base_seq, Boots(base_ms))
    maps = [compact_record(stored, tables) for stored in records]
    return cbor2.dumps(tables.compact(maps))


def decode_batch(payload: bytes, node: str) -> list[Decoded]:
    """The records of a payload that came on a topic of `node`. Raises WireError, and nothing else, for any bytes."""
    batch = Fields(_loads(payload), "batch")
    header = read_header(batch)
    values = batch.items(RECORDS, "records")
    if len(values) > MAX_BATCH_RECORDS:
        raise WireError(
            f"batch.records: {len(values)} records, at most {MAX_BATCH_RECORDS} are read; send smaller ones"
        )
    read = [read_record(value, header) for value in values]
    return [Decoded(Key(node, header.epoch, seq), record) for seq, record in read]


def as_sent(record: Record) -> Record:
    """The record as the wire keeps it: milliseconds, shares and figures in thousandths, boxes in 65535 steps of a side.

    A store commits records in this form, so that page, file and platform never differ in a digit.
    """
    if isinstance(record, Sighting):
        left, top, right, bottom = (round(side * BOX_STEPS) for side in record.box)
        confidence = round(record.confidence * 1000) / 1000
        return replace(record, at=whole_ms(record.at), confidence=confidence, box=shares(left, top, right, bottom))
    if isinstance(record, Interval):
        awake_s = round(record.awake_s * 1000) / 1000
        start, end = whole_ms(record.start), whole_ms(record.end)
        return replace(record, start=start, end=end, awake_s=awake_s, **rounded(record))
    if isinstance(record, Alert):
        names = ("value", "low", "high", "start_at", "sure_at")
        figures: dict[str, Any] = {name: in_thousandths(getattr(record, name)) for name in names}
        return replace(record, at=whole_ms(record.at), **figures)
    return replace(record, at=whole_ms(record.at))


def _loads(payload: bytes) -> object:
    if len(payload) > MAX_BATCH_BYTES:
        raise WireError(f"batch: {len(payload)} bytes, at most {MAX_BATCH_BYTES} are read; send smaller batches")
    stream = BytesIO(payload)
    decoder = cbor2.CBORDecoder(
        stream,
        tag_hook=_refuse_tag,
        semantic_decoders=_TAG_REFUSERS,
        max_depth=_MAX_DEPTH,
        allow_indefinite=False,
        allow_duplicate_keys=False,
    )
    try:
        value: object = decoder.decode()
    except cbor2.CBORDecodeError as why:
        raise WireError(f"batch: not CBOR as this contract uses it ({why}); discard it") from why
    if stream.tell() != len(payload):
        raise WireError("batch: bytes after the batch; send one batch a message")
    return value


def _refuse_tag(*_: object) -> NoReturn:
    raise WireError("tags are not used")


_TAG_REFUSERS: Mapping[int, Any] = dict.fromkeys(_BUILT_IN_TAGS, _refuse_tag)
