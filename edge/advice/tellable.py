"""Which thresholds a node's counts can be held against: those in a unit that its camera tells or can be turned into."""

from collections.abc import Iterable, Mapping

from edge.advice.thresholds import Threshold
from edge.advice.units import Stand, converted, noun_of
from edge.counts import Unit
from edge.taxa import is_lesion

PER_M2 = "insects/m2"  # where the camera was calibrated
LEAF_AREA = "% leaf area"  # of what is told by lesions
TOLD: Mapping[Unit, tuple[str, ...]] = {  # as edge/advice/evidence.py tells them
    "visits": ("visits/day",),
    "max_per_frame": ("insects/picture", PER_M2),
    "new": ("insects/trap/night", "adults/trap/night", "insects/card/night", "adults/card/night"),
    "affected_frames": ("% pictures", LEAF_AREA),
}


def tellable(
    thresholds: Iterable[Threshold],
    counted: Unit,
    stand: Stand,
    *,
    stages: frozenset[tuple[str, str]] = frozenset(),
    has_area: bool = False,
) -> tuple[Threshold, ...]:
    """Those that counts in `counted` can ever be compared with; `stages`: name and stage that the model tells apart."""
    return tuple(
        row
        for row in thresholds
        if any(
            _fits(unit, row, stand, stages)
            for unit in units_told(counted, has_area=has_area, label=row.scientific_name)
        )
    )


def units_told(counted: Unit, *, has_area: bool, label: str = "") -> list[str]:
    """In which units counts in `counted` are told, of that label where one is given."""
    never = set() if has_area else {PER_M2}
    if label and not is_lesion(label):
        never.add(LEAF_AREA)
    return [unit for unit in TOLD[counted] if unit not in never]


def _fits(unit: str, row: Threshold, stand: Stand, stages: frozenset[tuple[str, str]]) -> bool:
    stage = noun_of(row.unit)
    if (row.scientific_name, stage) in stages:
        unit = unit.replace("insects/", f"{stage}s/", 1)
    return converted(1.0, unit, row.unit, stand) is not None
