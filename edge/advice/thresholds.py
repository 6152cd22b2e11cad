"""Action thresholds with their region and source: defaults from a table, and rows of the node's own."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from edge.config import AdviceTable, OwnThreshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Where a source starts to act (`low`) and, where given, acts without further doubt (`high`)."""

    scientific_name: str
    crop: str
    stage_of_crop: str
    method: str  # scouting, pheromone trap, sweep net, soil sampling
    quantity: str  # what is counted
    unit: str  # with its effort
    low: float
    high: float | None
    region: str
    action: str
    basis: str  # economic, action, nominal
    source: str


@cache
def defaults() -> tuple[Threshold, ...]:
    """The packaged rows: each figure was read in the source that it names."""
    rows = csv.DictReader(files("edge").joinpath("thresholds.csv").read_text("utf-8").splitlines())
    return tuple(_threshold(row) for row in rows)


def watched(labels: Iterable[str], advice: AdviceTable, crop: str | None) -> tuple[Threshold, ...]:
    """What the model's `labels` are held against: the node's own rows, and the packaged ones of its crop.

    One row a pest and unit, the one that acts first; an own row stands in place of the packaged ones.
    """
    names, crop = set(labels), advice.crop or crop
    own = {(row.label, row.unit): _own(row) for row in advice.threshold if row.label in names}
    packaged = [row for row in defaults() if row.scientific_name in names] if advice.defaults and crop else []
    found = dict(own)
    field = (("crop", crop), ("stage_of_crop", advice.stage), ("region", advice.region))  # None: not known
    for row in sorted(packaged, key=lambda row: row.scientific_name):
        if not all(known is None or getattr(row, column) in {known, "all"} for column, known in field):
            continue
        key = row.scientific_name, row.unit
        if key not in own and (key not in found or row.low < found[key].low):
            found[key] = row
    return tuple(found.values())


def _own(row: OwnThreshold) -> Threshold:
    return Threshold(
        scientific_name=row.label,
        crop="",
        stage_of_crop="",
        method="",
        quantity=row.quantity,
        unit=row.unit,
        low=row.act_at,
        high=row.sure_at,
        region="",
        action=row.action,
        basis="",
        source=row.source,
    )


def _threshold(row: dict[str, str]) -> Threshold:
    low, high = float(row["threshold_low"]), float(row["threshold_high"]) if row["threshold_high"] else None
    texts = ("scientific_name", "crop", "stage_of_crop", "method", "quantity", "unit", "region", "action", "basis")
    return Threshold(low=low, high=high, source=row["source"], **{column: row[column] for column in texts})
