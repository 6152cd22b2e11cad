"""Which action levels a camera's counts can ever reach: the units here are those in which days are told."""

from dataclasses import replace

import pytest

from edge.advice import Stand, defaults, watched
from edge.advice.tellable import TOLD, tellable
from edge.config import AdviceTable, Mode, OwnThreshold
from edge.counts import Unit
from tests.counting.test_evidence import MOTH, days, hour

UNITS: list[tuple[Mode, Unit]] = [
    ("live", "visits"),
    ("live", "max_per_frame"),
    ("trap", "new"),
    ("leaf", "affected_frames"),
]


@pytest.mark.parametrize(("mode", "unit"), UNITS)
def test_each_unit_in_which_a_day_is_told_can_be_reached(mode: Mode, unit: Unit) -> None:
    evidence = days(replace(hour(2, 3, unit, mode), area_mm2=500_000)).over(MOTH[0], "insects/picture")
    assert evidence is not None
    told = {one.unit for one in evidence.told}
    assert told
    assert told <= set(TOLD[mode])


@pytest.mark.parametrize(
    ("unit", "mode", "has_area", "stand", "can_be"),
    [
        ("insects/picture", "live", False, Stand(), True),
        ("insects/trap/night", "live", False, Stand(), False),
        ("adults/trap/week", "trap", False, Stand(), True),
        ("insects/picture", "trap", False, Stand(), False),
        ("insects/m2", "live", False, Stand(), False),
        ("insects/m2", "live", True, Stand(), True),
        ("insects/hill", "live", True, Stand(), False),
        ("insects/hill", "live", True, Stand(hills_per_m2=25), True),
        ("larvae/m2", "live", True, Stand(), False),
        ("% pictures", "leaf", False, Stand(), True),
        ("% leaves", "leaf", False, Stand(), False),
        ("% fruit", "leaf", False, Stand(), False),
        ("furlongs", "live", False, Stand(), False),
    ],
)
def test_a_level_is_reached_only_in_a_unit_that_the_camera_tells(
    unit: str, mode: Mode, has_area: bool, stand: Stand, can_be: bool
) -> None:
    rows = watched([MOTH[0]], AdviceTable(threshold=(OwnThreshold(label=MOTH[0], unit=unit, act_at=3),)), None)
    assert bool(tellable(rows, mode, stand, has_area=has_area)) is can_be


def test_larvae_are_told_where_the_model_tells_them_apart() -> None:
    larvae = OwnThreshold(label="Lepidoptera", unit="larvae/picture", act_at=3)
    rows = watched(["Lepidoptera"], AdviceTable(threshold=(larvae,)), None)
    assert tellable(rows, "live", stages=frozenset({("Lepidoptera", "larva")})) == rows
    assert tellable(rows, "live") == ()


def test_some_packaged_levels_can_be_told_in_each_mode() -> None:
    assert {row.crop for row in tellable(defaults(), "trap")} == {"apple"}
    assert {row.unit for row in tellable(defaults(), "leaf")} == {"% leaf area"}
