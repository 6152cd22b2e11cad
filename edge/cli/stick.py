"""What goes onto a stick: a node's records and photographs, as `fieldeye-platform ingest --file` reads them."""

import logging
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from edge.cli.exporting import sync, whole
from edge.config import NodeConfig, NodeTable
from edge.errors import StoreError
from edge.introduction import former_models, introduction
from edge.label_sets import NONE_KEPT, LabelSets, load
from edge.store import BATCH_RECORDS, Question, Records
from edge.wire import (
    MAX_BATCH_BYTES,
    Info,
    Stored,
    carried_line,
    encode_batch,
    encode_message,
    image_parts,
    image_properties,
    node_topic,
)

log = logging.getLogger(__name__)

_Line = tuple[int, int, bytes]  # how many records stand in it, and how many photographs begin there


def write_stick(config: NodeConfig, records: Records, out: Path, *, delivered: bool) -> tuple[int, int]:
    """Those that wait, or the `delivered` too; says how many records and photographs. Raises StoreError, UsageError."""
    node = config.node
    info = introduction(config, records.epoch, former_models(_label_sets(records)))
    asked = [question for question in records.questions() if delivered or not question.is_sent]
    kept = _record_lines(batches(records, waiting_only=not delivered), node)
    return _write(out, chain([_info_line(info, node)], kept, _question_lines(records, asked, node)))


def stick_words(out: Path, records: int, photographs: int, delivered: int) -> str:
    """What is on it and what to do with it; where none waits, how many are kept that were `delivered`."""
    more = f" and {photographs} photographs" if photographs else ""
    none = f", as none waits for the broker: --all takes the {delivered} that were delivered" if delivered else ""
    then = f"fieldeye-platform ingest --file {out.name} --database URL, or --out LEDGER where there is none"
    return f"{records} records{more} in {out}{none}; at the platform: {then}"


def batches(records: Records, *, waiting_only: bool) -> Iterator[list[Stored]]:
    """All kept records, or those that wait for the broker, in their order."""
    last = 0
    while batch := records.after(last, BATCH_RECORDS, MAX_BATCH_BYTES, waiting_only=waiting_only):
        last = batch[-1].key.seq
        yield batch


def _label_sets(records: Records) -> LabelSets:
    """None where they cannot be read: that holds up no record."""
    try:
        return load(records)
    except StoreError as why:
        log.warning("labels_not_read", extra={"why": str(why)})
        return NONE_KEPT


def _info_line(info: Info, node: NodeTable) -> _Line:
    return 0, 0, carried_line(node_topic(node.site, node.node, "info"), encode_message(info))


def _record_lines(batches: Iterator[list[Stored]], node: NodeTable) -> Iterator[_Line]:
    topic = node_topic(node.site, node.node, "records")
    return ((len(batch), 0, carried_line(topic, encode_batch(batch))) for batch in batches)


def _question_lines(records: Records, asked: Sequence[Question], node: NodeTable) -> Iterator[_Line]:
    topic = node_topic(node.site, node.node, "image")
    for question in reversed(asked):
        photo = records.question_photo(question.id)
        if photo is None and question.size_bytes:
            log.warning("photograph_not_read", extra={"question": question.id})
        for header, part in image_parts(question.header(), photo or b""):
            yield 0, int(header.offset == 0), carried_line(topic, part, image_properties(header))


def _write(path: Path, lines: Iterator[_Line]) -> tuple[int, int]:
    """Beside, synced, renamed: a stick that is pulled too early holds no half file under the name."""
    number, photographs, is_watched = 0, 0, sys.stderr.isatty()
    with whole(path) as beside, beside.open("wb") as file, tqdm(unit=" records", disable=not is_watched) as progress:
        for records, begun, line in lines:
            file.write(line)
            number, photographs = number + records, photographs + begun
            progress.update(records)
        sync(file)
    return number, photographs
