"""`fieldeye export`: records into a file, to be carried where no network goes, or for other programs."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from edge.changes import load_changed
from edge.cli.exits import DONE
from edge.cli.exporting import formats_help, write_export
from edge.clock import SystemClock
from edge.config import NodeTable
from edge.errors import StoreError
from edge.exports import FORMATS, About, Place
from edge.store import BATCH_RECORDS, Records
from edge.wire import Decoded, PlainRecord, Stored, carried_line, encode_batch, node_topic, plain

STICK = "stick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `export`."""
    stick = f"{STICK} (default): for `fieldeye-platform ingest --file`"
    parser.add_argument("--config", type=Path, required=True, metavar="NODE.TOML")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="such as a file on a USB stick")
    parser.add_argument("--format", choices=[STICK, *FORMATS], default=STICK, help=f"{stick}; {formats_help()}")
    parser.add_argument("--all", action="store_true", help="stick: delivered records too; default: those that wait")


def run(args: argparse.Namespace) -> int:
    """The node may go on meanwhile. Nothing is taken out of its outbox: keys keep the platform from counting twice."""
    config, _ = load_changed(args.config)
    folder, node = Path(config.store.folder), config.node
    if not (folder / "fieldeye.db").exists():
        raise StoreError(f"{folder}: there is no store yet; start the node once, or correct store.folder")
    records = Records(folder, node.node)
    is_stick = args.format == STICK
    batches = _batches(records, waiting_only=is_stick and not args.all)
    if is_stick:
        number = _write(args.out, node_topic(node.site, node.node, "records"), batches)
        more = f"; at the platform: fieldeye-platform ingest --file {args.out.name} --out LEDGER"
    else:
        number = write_export(args.format, _plain(batches, node.site), _about(node), args.out)
        more = ""
    records.close()
    print(f"{number} records in {args.out}{more}")
    return DONE


def _about(node: NodeTable) -> About:
    place = Place(latitude_deg=node.latitude, longitude_deg=node.longitude, area_code=node.area_code, crop=node.crop)
    return About(created=SystemClock().now().utc, publisher=node.site, places={(node.site, node.node): place})


def _plain(batches: Iterator[list[Stored]], site: str) -> Iterator[PlainRecord]:
    return (plain(Decoded(stored.key, stored.record), site) for batch in batches for stored in batch)


def _batches(records: Records, *, waiting_only: bool) -> Iterator[list[Stored]]:
    last = 0
    while batch := records.after(last, BATCH_RECORDS, waiting_only=waiting_only):
        last = batch[-1].key.seq
        yield batch


def _write(path: Path, topic: str, batches: Iterator[list[Stored]]) -> int:
    """Beside, synced, renamed: a stick that is pulled too early holds no half file under the name."""
    beside, number = path.with_name(path.name + ".new"), 0
    try:
        with beside.open("wb") as file, tqdm(unit=" records", disable=not sys.stderr.isatty()) as progress:
            for batch in batches:
                file.write(carried_line(topic, encode_batch(batch)))
                number += len(batch)
                progress.update(len(batch))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as why:
        if isinstance(why, StoreError):
            raise
        raise StoreError(f"{path}: cannot be written ({why.strerror or why}); check the stick") from why
    return number
