"""What a simulated fleet measured, and what a platform has of it, in the same terms."""

import csv
import json
from collections import Counter
from pathlib import Path

Key = tuple[str, str, int]  # node, epoch, seq
Sums = Counter[tuple[str, str]]  # kind and label -> count


def true_keys(truth: Path) -> set[Key]:
    """Each record's key."""
    return {(row["node"], row["epoch"], int(row["seq"])) for row in _rows(truth)}


def true_sums(truth: Path) -> Sums:
    """What was counted of each taxon."""
    sums: Sums = Counter()
    for row in _rows(truth):
        if row["label"]:
            sums[row["kind"], row["label"]] += int(row["count"])
    return +sums


def kept(ledger: Path) -> list[dict[str, object]]:
    """Whole lines of a ledger that may still grow."""
    lines = ledger.read_bytes().splitlines(keepends=True) if ledger.exists() else []
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def kept_keys(ledger: Path) -> list[Key]:
    """With repetitions, if there are any."""
    return [(str(told["node"]), str(told["epoch"]), int(str(told["seq"]))) for told in kept(ledger)]


def kept_sums(ledger: Path) -> Sums:
    """What the platform has counted of each taxon."""
    sums: Sums = Counter()
    for told in kept(ledger):
        counts = told.get("counts") or ([told] if told["kind"] == "sighting" else [])
        for count in counts:  # type: ignore[attr-defined]
            sums[str(told["kind"]), count["label"]] += count["count"]
    return +sums


def _rows(truth: Path) -> list[dict[str, str]]:
    with truth.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
