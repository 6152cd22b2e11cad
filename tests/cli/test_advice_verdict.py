"""What the doctor says of advice: can this node's counts reach any action level?"""

from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from edge.cli.advice_verdict import on_advice
from edge.config import (
    Mode,
    OwnThreshold,
    PowerTable,
)
from tests.cli.nodes import config, level

LABELS = ("Plutella xylostella", "Delphacidae")


@pytest.mark.parametrize(
    ("crop", "own", "state", "says"),
    [
        ("ryce", None, "worth a look", "did you mean rice?"),
        ("tea", None, "worth a look", "no action level is packaged for the crop tea; known are apple,"),
        ("apple", None, "worth a look", "no action level for apple is of a pest that the model pests tells"),
        ("cabbage", None, "worth a look", "(Plutella xylostella 3 larvae/leaf) are for people who count in the field"),
        (None, level("Plutela xylostella", "insects/picture"), "worth a look", "did you mean Plutella xylostella?"),
        (None, level("Delphacidae", "furlongs"), "worth a look", "furlongs is never told in mode live with"),
        (None, level("Delphacidae", "visits/day"), "worth a look", "with a picture every 60 s; give one of insects/p"),
        (None, level("Delphacidae", "insects/m2"), "worth a look", "insects/m2 is never told in mode live"),
        ("rice", level("Delphacidae", "insects/picture"), "ok", "held against Delphacidae 10 insects/picture"),
    ],
)
def test_an_action_level_that_no_count_can_reach_is_named(
    crop: str | None, own: OwnThreshold | None, state: str, says: str, tmp_path: Path
) -> None:
    (verdict,) = on_advice(config(tmp_path, "live", crop, *([own] if own else [])), LABELS, has_area=False)
    assert (verdict.what, verdict.state) == ("advice", state)
    assert says in verdict.sentence


@pytest.mark.parametrize("own", [(), (level("Hemileia vastatrix", "% pictures"),)])
@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("region", "Kerala", "advice.region Kerala is of no action level for rice that the model diseases tells; give"),
        ("region", "Kerala", "one of India (Kerala)"),
        ("stage", "Mid-tillering", "one of flowering and after, mid-tillering, nursery, panicle initiation to booting"),
    ],
)
def test_a_stage_or_region_that_leaves_no_packaged_level_is_named(
    key: str, value: str, says: str, own: tuple[OwnThreshold, ...], tmp_path: Path
) -> None:
    leaf = config(tmp_path, "leaf", "rice", *own)
    labels = ("Pyricularia oryzae", "Hemileia vastatrix")
    misspelt = replace(leaf, advice=replace(leaf.advice, **{key: value}))
    (verdict,) = on_advice(misspelt, labels, has_area=False)
    assert verdict.state == "worth a look"
    assert says in verdict.sentence


def test_a_region_is_no_matter_where_its_levels_are_for_people_and_the_station_has_its_own(tmp_path: Path) -> None:
    live = config(tmp_path, "live", "cabbage", level("Delphacidae", "insects/picture"))
    (verdict,) = on_advice(replace(live, advice=replace(live.advice, region="Hebei")), LABELS, has_area=False)
    assert verdict.state == "ok"


def test_a_share_of_the_leaf_is_never_told_of_a_pod(tmp_path: Path) -> None:
    own = level("Phytophthora palmivora", "% leaf area")
    (verdict,) = on_advice(config(tmp_path, "leaf", None, own), (own.label,), has_area=False)
    assert verdict.sentence.endswith("% leaf area is never told in mode leaf; give one of % pictures")


def test_a_level_of_what_the_modes_model_does_not_tell_names_that_model(tmp_path: Path) -> None:
    own = level("Delphacidae", "% pictures")
    (verdict,) = on_advice(config(tmp_path, "leaf", None, own), ("Hemileia vastatrix",), has_area=False)
    assert "the model diseases does not tell it" in verdict.sentence


@pytest.mark.parametrize(
    ("mode", "sleep", "every_s", "state"),
    [
        ("leaf", "never", 6480, "ok"),
        ("leaf", "never", 7200, "worth a look"),
        ("leaf", "between", 3600, "ok"),
        ("leaf", "between", 14_400, "worth a look"),
        ("live", "between", 14_400, "ok"),
    ],
)
def test_a_leaf_that_is_looked_at_too_seldom_for_a_share_is_worth_a_look(
    mode: Mode, sleep: Literal["never", "between"], every_s: float, state: str, tmp_path: Path
) -> None:
    looked = config(tmp_path, mode, None, level("Delphacidae", "% pictures" if mode == "leaf" else "insects/picture"))
    camera = replace(looked.camera, every_s=every_s)
    seldom = replace(looked, camera=camera, power=PowerTable(sleep=sleep))
    (verdict,) = on_advice(seldom, LABELS, has_area=False)
    assert verdict.state == state
    assert ("20 pictures in 3 days; set camera.every_s to 6480 or less" in verdict.sentence) == (state != "ok")


def test_who_asked_for_no_advice_hears_nothing_of_it(tmp_path: Path) -> None:
    assert list(on_advice(config(tmp_path), LABELS, has_area=False)) == []
