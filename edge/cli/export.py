"""`fieldeye export`: records into a file, to be carried where no network goes, or for other programs."""

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from edge.changes import load_changed
from edge.cli.arguments import config_argument
from edge.cli.exits import DONE
from edge.cli.exporting import Written, formats_help, keep_apart, sync, whole, write_export, written_words
from edge.clock import SystemClock
from edge.config import NodeTable
from edge.errors import StoreError
from edge.exports import FORMATS, About, place_of
from edge.introduction import former_models, introduction
from edge.label_sets import NONE_KEPT, LabelSets, load
from edge.store import BATCH_RECORDS, Question, Records, kept_records
from edge.wire import (
    Decoded,
    Info,
    PlainRecord,
    Stored,
    carried_line,
    encode_batch,
    encode_message,
    image_parts,
    image_properties,
    node_topic,
    plain,
)

log = logging.getLogger(__name__)
STICK = "stick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `export`."""
    stick = f"{STICK} (default): for `fieldeye-platform ingest --file`"
    config_argument(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="such as a file on a USB stick")
    parser.add_argument("--format", choices=[STICK, *FORMATS], default=STICK, help=f"{stick}; {formats_help()}")
    parser.add_argument("--all", action="store_true", help="stick: delivered records too; default: those that wait")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")


def run(args: argparse.Namespace) -> int:
    """The node may go on meanwhile. Nothing is taken out of its outbox: keys keep the platform from counting twice."""
    config, _ = load_changed(args.config)
    folder, node = Path(config.store.folder), config.node
    keep_apart(args.out, [args.config, folder])
    is_stick = args.format == STICK
    asked: list[Question] = []
    with kept_records(folder, node.node) as records:
        batches = _batches(records, waiting_only=is_stick and not args.all)
        info = introduction(config, records.epoch, former_models(_label_sets(records)) if is_stick else [])
        if is_stick:
            asked = [question for question in records.questions() if args.all or not question.is_sent]
            lines = chain([_info_line(info, node)], _record_lines(batches, node), _question_lines(records, asked, node))
            written = Written(_write(args.out, lines), left_out=0)
            said = _stick_words(args.out, written.records, len(asked))
        else:
            written = write_export(args.format, _plain(batches, node.site), _about(node, info), args.out)
            said = written_words(args.format, written, args.out)
    if records.damaged:
        said += f"; {records.damaged} more could not be read in {folder}: check the memory card"
    told = {"file": str(args.out), "format": args.format, **written._asdict(), "photographs": len(asked)}
    print(json.dumps(told | {"damaged": records.damaged}, ensure_ascii=False) if args.json else said)
    return DONE


def _label_sets(records: Records) -> LabelSets:
    """None where they cannot be read: that holds up no record."""
    try:
        return load(records)
    except StoreError as why:
        log.warning("labels_not_read", extra={"why": str(why)})
        return NONE_KEPT


def _stick_words(out: Path, records: int, photographs: int) -> str:
    more = f" and {photographs} photographs" if photographs else ""
    then = f"fieldeye-platform ingest --file {out.name} --database URL, or --out LEDGER where there is none"
    return f"{records} records{more} in {out}; at the platform: {then}"


def _about(node: NodeTable, info: Info) -> About:
    places = {(node.site, node.node): place_of(info)}
    return About(created=SystemClock().now().utc, publisher=node.site, places=places)


def _plain(batches: Iterator[list[Stored]], site: str) -> Iterator[PlainRecord]:
    return (plain(Decoded(stored.key, stored.record), site) for batch in batches for stored in batch)


def _batches(records: Records, *, waiting_only: bool) -> Iterator[list[Stored]]:
    last = 0
    while batch := records.after(last, BATCH_RECORDS, waiting_only=waiting_only):
        last = batch[-1].key.seq
        yield batch


def _info_line(info: Info, node: NodeTable) -> tuple[int, bytes]:
    return 0, carried_line(node_topic(node.site, node.node, "info"), encode_message(info))


def _record_lines(batches: Iterator[list[Stored]], node: NodeTable) -> Iterator[tuple[int, bytes]]:
    """How many records, and the line."""
    topic = node_topic(node.site, node.node, "records")
    return ((len(batch), carried_line(topic, encode_batch(batch))) for batch in batches)


def _question_lines(records: Records, asked: Sequence[Question], node: NodeTable) -> Iterator[tuple[int, bytes]]:
    topic = node_topic(node.site, node.node, "image")
    for question in reversed(asked):
        for header, part in image_parts(question.header(), records.question_photo(question.id) or b""):
            yield 0, carried_line(topic, part, image_properties(header))


def _write(path: Path, lines: Iterator[tuple[int, bytes]]) -> int:
    """Beside, synced, renamed: a stick that is pulled too early holds no half file under the name."""
    number, is_watched = 0, sys.stderr.isatty()
    with whole(path) as beside, beside.open("wb") as file, tqdm(unit=" records", disable=not is_watched) as progress:
        for records, line in lines:
            file.write(line)
            number += records
            progress.update(records)
        sync(file)
    return number
