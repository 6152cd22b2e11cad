"""Which action levels a camera's counts can ever reach: the units here are those in which days are told."""

from dataclasses import replace
from typing import Literal

import pytest

from edge.advice import Stand, defaults, watched
from edge.advice.tellable import TOLD, tellable, units_told
from edge.census import unit_of
from edge.config import AdviceTable, CameraTable, Mode, OwnThreshold
from edge.counts import Unit
from tests.counting.test_evidence import BLAST, MOTH, days, hour

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
    assert told <= set(TOLD[unit])


@pytest.mark.parametrize(
    ("unit", "counted", "has_area", "stand", "can_be"),
    [
        ("insects/picture", "max_per_frame", False, Stand(), True),
        ("visits/day", "visits", False, Stand(), True),
        ("visits/day", "max_per_frame", False, Stand(), False),
        ("insects/picture", "visits", False, Stand(), False),
        ("insects/trap/night", "max_per_frame", False, Stand(), False),
        ("adults/trap/week", "new", False, Stand(), True),
        ("insects/picture", "new", False, Stand(), False),
        ("insects/m2", "max_per_frame", False, Stand(), False),
        ("insects/m2", "max_per_frame", True, Stand(), True),
        ("insects/hill", "max_per_frame", True, Stand(), False),
        ("insects/hill", "max_per_frame", True, Stand(hills_per_m2=25), True),
        ("larvae/m2", "max_per_frame", True, Stand(), False),
        ("% pictures", "affected_frames", False, Stand(), True),
        ("% leaves", "affected_frames", False, Stand(), False),
        ("% fruit", "affected_frames", False, Stand(), False),
        ("furlongs", "max_per_frame", False, Stand(), False),
    ],
)
def test_a_level_is_reached_only_in_a_unit_that_the_camera_tells(
    unit: str, counted: Unit, has_area: bool, stand: Stand, can_be: bool
) -> None:
    rows = watched([MOTH[0]], AdviceTable(threshold=(OwnThreshold(label=MOTH[0], unit=unit, act_at=3),)), None)
    assert bool(tellable(rows, counted, stand, has_area=has_area)) is can_be


def test_a_share_of_leaf_area_is_told_of_lesions_alone() -> None:
    shares = {label: units_told("affected_frames", has_area=False, label=label) for label in (BLAST[0], MOTH[0])}
    assert shares == {BLAST[0]: ["% pictures", "% leaf area"], MOTH[0]: ["% pictures"]}
    assert units_told("affected_frames", has_area=False) == ["% pictures", "% leaf area"]
    own = tuple(OwnThreshold(label=label, unit="% leaf area", act_at=5) for label in shares)
    rows = watched(shares, AdviceTable(threshold=own), None)
    assert [row.scientific_name for row in tellable(rows, "affected_frames", Stand())] == [BLAST[0]]


@pytest.mark.parametrize(
    ("kind", "every_s", "unit"),
    [("opencv", 2.0, "visits"), ("opencv", 2.1, "max_per_frame"), ("folder", 1.0, "max_per_frame")],
)
def test_visits_are_told_by_a_camera_whose_pictures_follow_within_two_seconds(
    kind: Literal["opencv", "folder"], every_s: float, unit: Unit
) -> None:
    assert unit_of(CameraTable(kind=kind, source="0", every_s=every_s)) == unit


@pytest.mark.parametrize(
    ("stage", "many"), [("larva", "larvae"), ("pupa", "pupae"), ("nymph", "nymphs"), ("egg", "eggs")]
)
def test_a_life_stage_is_told_where_the_model_tells_it_apart(stage: str, many: str) -> None:
    own = OwnThreshold(label="Lepidoptera", unit=f"{many}/picture", act_at=3)
    rows = watched(["Lepidoptera"], AdviceTable(threshold=(own,)), None)
    assert tellable(rows, "max_per_frame", Stand(), stages=frozenset({("Lepidoptera", stage)})) == rows
    assert tellable(rows, "max_per_frame", Stand()) == ()


def test_some_packaged_levels_can_be_told_in_each_mode() -> None:
    assert "apple" in {row.crop for row in tellable(defaults(), "new", Stand())}
    assert {row.unit for row in tellable(defaults(), "affected_frames", Stand())} == {"% leaf area"}
