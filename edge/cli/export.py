"""`fieldeye export`: records into a file, to be carried where no network goes."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from edge.cli.exits import DONE
from edge.config import load_config
from edge.errors import StoreError
from edge.store import BATCH_RECORDS, Records
from edge.wire import Stored, carried_line, encode_batch, node_topic


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `export`."""
    parser.add_argument("--config", type=Path, required=True, metavar="NODE.TOML")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="such as a file on a USB stick")
    parser.add_argument("--all", action="store_true", help="delivered records too; default: those that wait")


def run(args: argparse.Namespace) -> int:
    """The node may go on meanwhile. Nothing is taken out of its outbox: keys keep the platform from counting twice."""
    config = load_config(args.config)
    folder, node = Path(config.store.folder), config.node
    if not (folder / "fieldeye.db").exists():
        raise StoreError(f"{folder}: there is no store yet; start the node once, or correct store.folder")
    records = Records(folder, node.node)
    topic = node_topic(node.site, node.node, "records")
    number = _write(args.out, topic, _batches(records, waiting_only=not args.all))
    records.close()
    ledger = f"fieldeye-platform ingest --file {args.out.name} --out LEDGER"
    print(f"{number} records in {args.out}; at the platform: {ledger}")
    return DONE


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
