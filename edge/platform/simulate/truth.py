"""The truth of a simulated fleet as CSV: each record once, with what was really there."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from edge.counts import Interval, NoData
from edge.errors import StoreError
from edge.platform.simulate.day import Simulated

COLUMNS = "site node epoch seq kind true_start_utc clock_error_s frames no_data label true_count count low high".split()  # noqa: SIM905


class TruthFile:
    """A row a taxon that was there or was counted; a record without one has one row with the label empty."""

    def __init__(self, path: Path) -> None:
        self._path, self.records = path, 0
        with self._sentence():
            self._file = path.open("w", newline="", encoding="utf-8")
        self._writer = csv.DictWriter(self._file, COLUMNS)
        self._writer.writeheader()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._sentence():  # the last rows are written now
            self._file.close()

    def note(self, one: Simulated) -> None:
        """Append its rows."""
        self.records += 1
        with self._sentence():
            self._writer.writerows(_rows(one))

    @contextmanager
    def _sentence(self) -> Iterator[None]:
        try:
            yield
        except OSError as why:
            then = "make room, or name another file with --truth"
            raise StoreError(f"{self._path}: cannot be written ({why.strerror}); {then}") from why


def _rows(one: Simulated) -> list[dict[str, object]]:
    record, key = one.measured.record, one.stored.key
    at = record.start if isinstance(record, Interval) else record.at
    common: dict[str, object] = {
        "site": one.site,
        "node": key.node,
        "epoch": key.epoch,
        "seq": key.seq,
        "kind": "sighting" if one.measured.is_sighting else "interval",
        "true_start_utc": one.measured.true_start.isoformat(),
        "clock_error_s": (at.utc - one.measured.true_start).total_seconds(),
    }
    if not isinstance(record, Interval):
        return [common | {"label": record.label, "count": record.count}]
    if isinstance(record.counts, NoData):
        return [common | {"frames": 0, "no_data": record.counts.reason}]
    common["frames"] = record.frames
    there, counted = dict(one.measured.true_counts), {count.label: count for count in record.counts}
    rows = []
    for label in sorted(there.keys() | counted.keys()):
        count = counted.get(label)
        row = common | {"label": label, "true_count": there.get(label, 0), "count": count.count if count else 0}
        rows.append(row | ({"low": count.low, "high": count.high} if count else {}))
    return rows or [common | {"count": 0}]
