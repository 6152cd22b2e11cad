"""Effort is of whoever could tell: of a taxon that a node's model cannot tell, its nights are no data and no zeros."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any, NamedTuple

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.counts import NoData
from edge.platform.areas.areas_below import areas_below
from edge.platform.areas.population import keep_threshold, population, taxa_of, trend
from edge.platform.areas.week import nodes_of, places_of
from edge.platform.database import Database
from edge.platform.intake.registry import MOST_LABELS, MOST_MODELS
from edge.wire import ModelInfo
from tests.platform.fleet import BLAST, FIRST, VILLAGES, Fleet, moths, nodes_known
from tests.platform.test_database_intake import LONG
from tests.records import APHID, MOTH, count

INSECT = ("Insecta", "")
PESTS, CARDS = (MOTH[0], APHID[0]), (INSECT[0],)
AREAS = ("330106011002", "330106011", "330106", "3301", "33", "")


def tells(fleet: Fleet, node: str, *models: ModelInfo, **more: Any) -> None:
    """Its `info`, at the same place."""
    fleet.place(node, models=list(models), latitude_deg=30.0, longitude_deg=120.0, **more)


def model(name: str, *labels: str) -> ModelInfo:
    """`name` with its version, which runs."""
    told = dict(zip(("name", "version"), name.split("@"), strict=True))
    return ModelInfo(**told, sha256="0" * 64, labels=list(labels))


def test_nodes_that_cannot_tell_a_pest_neither_thin_its_mean_nor_stand_as_zeros(fleet: Fleet) -> None:
    tells(fleet, "a", model("pests@1", *PESTS))
    tells(fleet, "b", model("cards@1", *CARDS), area_code=VILLAGES["a"])
    tells(fleet, "c", model("cards@1", *CARDS))
    fleet.counts("a", 0, count(MOTH, 20, 18, 22), model="pests@1", area_mm2=1_000_000)
    for node in "bc":
        fleet.counts(node, 0, count(INSECT, 7), model="cards@1", area_mm2=1_000_000, saturated=True)
    fleet.sum_up()
    for area in AREAS:
        (night,) = population(fleet.database, moths(area, last=FIRST))
        (told,) = trend(fleet.database, moths(area, last=FIRST))
        assert (night.count, night.nodes, night.camera_nights, night.saturated) == (20, 1, 1, 0), area
        assert (night.per_m2, night.per_m2_low, night.per_m2_high) == (20, 18, 22)
        assert told.per_camera_night == 20
    (elsewhere,) = population(fleet.database, moths(VILLAGES["c"], last=FIRST))
    assert (elsewhere.count, elsewhere.nodes) == (None, 0)
    assert nodes_known(fleet.database, moths(VILLAGES["c"], last=FIRST)) == [1]
    places = {place.name: place.value for place in places_of(fleet.database, moths())}
    assert places == {"s/a": 20, "s/b": None, "s/c": None}
    below = {
        one.area: (one.count, one.nodes, one.per_camera_night) for one in areas_below(fleet.database, moths("330106"))
    }
    assert below == {"330106011": (20, 1, 20), "330106012": (None, 0, None)}
    assert population(fleet.database, moths(label=INSECT[0]))[0].camera_nights == 2
    assert [node.nights for node in nodes_of(fleet.database, "33", FIRST, FIRST)] == [1, 1, 1], "all of them looked"


def test_of_more_models_than_a_node_keeps_the_newest_are_known(fleet: Fleet) -> None:
    for n in range(33):
        tells(fleet, "a", model(f"pests@{n}", MOTH[0]))
    known = {name for (name,) in fleet.database.execute("SELECT model FROM model_labels")}
    assert known == {f"pests@{n}" for n in range(1, 33)}


def test_a_trap_that_counts_with_another_model_for_some_nights_has_no_data_then(fleet: Fleet) -> None:
    keep_threshold(fleet.database, MOTH[0], "new", 15, None, "the station")
    tells(fleet, "a", model("pests@1", *PESTS))
    tells(fleet, "a", model("cards@1", *CARDS))
    tells(fleet, "a", model("pests@1", *PESTS))
    for night in range(15):
        if night in range(7, 11):
            fleet.counts("a", night, count(INSECT, 25), model="cards@1")
        else:
            fleet.counts("a", night, count(MOTH, 20), model="pests@1")
    fleet.sum_up()
    wanted = moths(last=FIRST + timedelta(days=14))
    assert [one.count for one in population(fleet.database, wanted)] == [20] * 7 + [None] * 4 + [20] * 4
    last = trend(fleet.database, wanted)[-1]
    assert (last.week_mean, last.week_before, last.level) == (20, 20, "look")
    (place,) = places_of(
        fleet.database, replace(wanted, first=FIRST + timedelta(days=7), last=FIRST + timedelta(days=10))
    )
    assert place.value is None


def test_a_night_of_two_models_tells_what_any_of_them_can(fleet: Fleet) -> None:
    tells(fleet, "a", model("pests@1", *PESTS), model("cards@1", *CARDS))
    fleet.counts("a", 0, model="pests@1")
    fleet.counts("a", 0.1, count(INSECT, 3), model="cards@1")
    fleet.counts("a", 1, model="cards@1")
    fleet.counts("a", 1.1, model="open@1")
    fleet.sum_up()
    for label in (MOTH[0], INSECT[0]):
        told = population(fleet.database, moths(label=label))
        assert [one.count is not None for one in told] == [True, True, False]
    blast = population(fleet.database, moths(label=BLAST[0]))
    assert [one.count for one in blast] == [None, 0, None], "a model whose labels never came tells everything"


def test_a_node_whose_cameras_have_models_of_their_own_is_one_node(fleet: Fleet) -> None:
    tells(fleet, "a", model("pests@1", *PESTS), model("pests@2", *PESTS, BLAST[0]), model("cards@1", *CARDS))
    for camera, of in (("cam0", "pests@1"), ("cam1", "pests@2"), ("cam2", "cards@1")):
        fleet.counts("a", 0, camera=camera, model=of)
    fleet.sum_up()
    for area in AREAS:
        told = {label: population(fleet.database, moths(area, label=label))[0] for label in (MOTH[0], BLAST[0], "Mus")}
        assert {label: (one.nodes, one.camera_nights) for label, one in told.items()} == {
            MOTH[0]: (1, 2), BLAST[0]: (1, 1), "Mus": (0, 0),
        }  # fmt: skip


def test_labels_that_come_after_their_intervals_change_the_sums_of_those_nights(fleet: Fleet) -> None:
    for node, of in (("a", "pests@1"), ("b", "cards@1")):
        fleet.counts(node, 0, *[count(MOTH, 4)] * (node == "a"), model=of)
    fleet.counts("b", 1, model="pests@1")
    fleet.sum_up()
    assert [one.nodes for one in population(fleet.database, moths())] == [2, 1, 0]
    tells(fleet, "b", model("cards@1", *CARDS))
    fleet.sum_up()
    told = trend(fleet.database, moths())
    assert [one.per_camera_night for one in told] == [4, 0, None]
    tells(fleet, "b", model("cards@1", *CARDS))
    assert fleet.database.execute("SELECT FROM dirty_night").fetchall() == [], "told again, nothing changes"
    tells(fleet, "b", model("cards@1"))
    fleet.sum_up()
    assert trend(fleet.database, moths()) == told, "one that does not say leaves what it said before"
    tells(fleet, "b", model("cards@1", *CARDS, MOTH[0]))
    fleet.sum_up()
    assert [one.nodes for one in population(fleet.database, moths())] == [2, 1, 0], "the newest hold"


def test_tonight_is_summed_before_the_history_that_labels_bring_up_again(fleet: Fleet) -> None:
    for night in range(3):
        fleet.counts("a", night, count(MOTH, 4), model="pests@1")
    fleet.sum_up()
    tells(fleet, "a", model("pests@1", *PESTS))
    fleet.counts("b", 2, count(MOTH, 6))
    fleet.database.execute("SELECT roll_up(2)")
    assert [one.count for one in population(fleet.database, moths())] == [4, 4, 10]
    assert fleet.database.execute("SELECT night FROM dirty_night ORDER BY 1").fetchall() == [
        (FIRST,), (FIRST + timedelta(days=1),),
    ]  # fmt: skip


def test_a_label_that_a_new_version_brings_is_told_by_the_updated_nodes_alone(fleet: Fleet) -> None:
    for node in "abc":
        tells(fleet, node, model("pests@1", APHID[0]))
        fleet.counts(node, 0, count(APHID, 6), model="pests@1", area_mm2=500_000)
    for node in "ab":
        tells(fleet, node, model("pests@2", *PESTS))
        fleet.counts(node, 1, count(MOTH, 3), count(APHID, 6), model="pests@2", area_mm2=500_000)
    fleet.counts("c", 1, count(APHID, 6), model="pests@1", area_mm2=500_000)
    fleet.sum_up()
    for area, nodes in (("330106011", 2), ("330106", 2), ("", 2)):
        new, old = (trend(fleet.database, moths(area, label=label))[1] for label in (MOTH[0], APHID[0]))
        assert (new.per_camera_night, new.week_mean, new.week_before, old.week_mean) == (3, 3, None, 6), area
        before, night, _ = population(fleet.database, moths(area))
        assert (before.count, night.count, night.nodes, night.per_m2) == (None, 3 * nodes, nodes, 6)


def test_what_a_node_says_of_its_model_holds_for_no_other_node(fleet: Fleet) -> None:
    tells(fleet, "a", model("pests@1", *PESTS))
    tells(fleet, "b", model("pests@1", "Nothing of use"))
    for node in "ab":
        fleet.counts(node, 0, count(INSECT, 0), model="other@1")
        fleet.counts(node, 1, model="pests@1")
    fleet.sum_up()
    assert [one.nodes for one in population(fleet.database, moths())] == [2, 1, 0]


def test_a_count_stands_also_where_its_model_says_that_it_cannot_tell_it(fleet: Fleet) -> None:
    tells(fleet, "a", model("cards@1", *CARDS))
    fleet.counts("a", 0, count(MOTH, 5, 4, 7), model="cards@1", area_mm2=1_000_000)
    fleet.counts("a", 1, model="cards@1", area_mm2=1_000_000)
    fleet.sum_up()
    told = population(fleet.database, moths())
    assert [(one.count, one.low, one.high, one.per_m2, one.nodes) for one in told] == [
        (5, 4, 7, 5, 1), (None, None, None, None, 0), (None, None, None, None, 0),
    ]  # fmt: skip
    assert [one.count for one in taxa_of(fleet.database, "33", FIRST, FIRST)] == [5]


def test_a_node_that_tells_ever_other_labels_fills_no_table(fleet: Fleet) -> None:
    fleet.counts("a", 0, model="pests@0")
    fleet.counts("b", 0, model="cards@1")
    tells(fleet, "b", model("cards@1", *CARDS))
    for number in range(MOST_MODELS + 8):
        tells(fleet, "a", model(f"pests@{number}", MOTH[0]), model("pests@0", MOTH[0], f"other {number}"))
        fleet.sum_up()
    told = fleet.database.execute("SELECT count(*) FROM model_labels JOIN node USING (node_id) WHERE node = 'a'")
    assert told.fetchone() == (MOST_MODELS,)
    vocabularies = {tuple(labels) for (labels,) in fleet.database.execute("SELECT labels FROM vocabulary")}
    assert vocabularies == {CARDS, (MOTH[0], f"other {MOST_MODELS + 7}")}


@pytest.mark.parametrize(
    "told",
    [model("m@1", *[f"label {n}" for n in range(MOST_LABELS + 1)]), model(f"{LONG}@1", MOTH[0]), model("m@1")],
)
def test_of_a_model_that_says_too_much_or_nothing_all_is_taken_for_told(fleet: Fleet, told: ModelInfo) -> None:
    tells(fleet, "a", told)
    fleet.counts("a", 0, model="m@1")
    fleet.sum_up()
    assert population(fleet.database, moths())[0].count == 0
    assert fleet.database.execute("SELECT info->'models'->0->>'name' FROM node WHERE node = 'a'").fetchone() == (
        told.name,
    )


def test_a_nul_in_a_name_of_a_model_keeps_nothing_of_its_node_out(fleet: Fleet) -> None:
    tells(fleet, "a", model("m\0@1", "x\0y"), model("pests@1", *PESTS, "x\0y"))
    assert fleet.database.execute("SELECT reason FROM quarantine").fetchall() == []
    told = fleet.database.execute("SELECT model, labels FROM model_labels ORDER BY model").fetchall()
    assert told == [("m\ufffd@1", ["x\ufffdy"]), ("pests@1", sorted([*PESTS, "x\ufffdy"]))]
    labels = fleet.database.execute("SELECT info->'models'->0->'labels' FROM node WHERE node = 'a'").fetchone()
    assert labels == (["x\ufffdy"],)


def test_as_many_labels_of_as_many_letters_as_may_be_are_kept(fleet: Fleet) -> None:
    labels = [f"{n:03d}".ljust(80, "虫") for n in range(MOST_LABELS)]
    tells(fleet, "a", model("m@1", *labels))
    fleet.counts("a", 0, count((labels[7], ""), 2), model="m@1")
    fleet.sum_up()
    told = [population(fleet.database, moths(label=label))[0].count for label in (labels[7], labels[8], MOTH[0])]
    assert told == [2, 0, None]


class Look(NamedTuple):
    """An interval of the fleet below."""

    node: str
    camera: str
    night: int
    model: str
    moths: int
    frames: int


LOOKS = st.builds(
    Look, st.sampled_from("abcd"), st.sampled_from(["cam0", "cam1"]), st.integers(0, 2),
    st.sampled_from(["pests@1", "pests@2", "cards@1", "open@1"]), st.integers(0, 9), st.sampled_from([0, 10, 60]),
)  # fmt: skip
SETS = st.sampled_from([(), CARDS, PESTS, (*PESTS, BLAST[0]), (BLAST[0],)])
TOLD = st.dictionaries(st.tuples(st.sampled_from("abcd"), st.sampled_from(["pests@1", "pests@2", "cards@1"])), SETS)
Sets = Mapping[tuple[str, str], tuple[str, ...]]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(LOOKS, max_size=20), TOLD, TOLD, st.integers(0, 20))
def test_sums_are_those_of_a_plain_count_over_whoever_could_tell(
    database: Database, looks: list[Look], early: Sets, late: Sets, middle: int
) -> None:
    """Whatever each node says of its models, and whenever."""
    label_sets = {key: labels for key, labels in {**early, **{k: v for k, v in late.items() if v}}.items() if labels}
    with database.transaction(force_rollback=True):
        fleet = Fleet(database)
        for node in "abcd":
            tells(fleet, node, *[model(name, *early[node, name]) for of, name in early if of == node])
        for number, look in enumerate(looks):
            if number == middle:
                fleet.sum_up()
            counts = [count(MOTH, look.moths)] * (look.moths > 0 and can_tell(label_sets, look, MOTH[0]))
            more: dict[str, Any] = {} if look.frames else {"counts": NoData("dark")}
            fleet.counts(
                look.node, look.night, *counts, model=look.model, camera=look.camera, frames=look.frames, **more
            )  # fmt: skip
        for node in "abcd":
            tells(fleet, node, *[model(name, *late[node, name]) for of, name in late if of == node])
        fleet.sum_up()
        for area, label in product(AREAS, (MOTH[0], BLAST[0], INSECT[0])):
            wanted = moths(area, label=label)
            told = [(one.count, one.nodes, one.camera_nights, one.frames) for one in population(database, wanted)]
            assert told == [plainly(looks, label_sets, area, label, night) for night in range(3)], (area, label)
            nightly = [one.per_camera_night for one in trend(database, wanted)]
            assert nightly == [None if many is None else many / cameras for many, _, cameras, _ in told]
        for look in looks:
            (place,) = [one for one in places_of(database, moths()) if one.name == f"s/{look.node}"]
            mine = [
                plainly([one for one in looks if one.node == look.node], label_sets, "", MOTH[0], n) for n in range(3)
            ]
            seen = [many for many, *_ in mine if many is not None]
            assert place.value == (sum(seen) if seen else None)


def can_tell(label_sets: Sets, look: Look, label: str) -> bool:
    known = label_sets.get((look.node, look.model))
    return known is None or label in known


def plainly(looks: list[Look], label_sets: Sets, area: str, label: str, night: int) -> tuple[int | None, int, int, int]:
    """Count, nodes, camera-nights and frames of a night, from its intervals one by one."""
    cameras = defaultdict[tuple[str, str], list[Look]](list)
    for look in looks:
        if look.night == night and VILLAGES[look.node].startswith(area):
            cameras[look.node, look.camera].append(look)
    able = {
        key: mine for key, mine in cameras.items()
        if any(can_tell(label_sets, look, label) for look in mine if look.frames)
    }  # fmt: skip
    frames = sum(look.frames for mine in able.values() for look in mine)
    many = sum(
        look.moths for mine in able.values() for look in mine
        if label == MOTH[0] and look.frames and can_tell(label_sets, look, label)
    )  # fmt: skip
    return (many if frames else None), len({node for node, _ in able}), len(able), frames


def test_a_township_sees_what_its_own_nodes_models_tell(fleet: Fleet) -> None:
    for node in VILLAGES:
        tells(fleet, node, model("cards@1", *CARDS))
        fleet.counts(node, 0, model="cards@1")
    fleet.sum_up()
    fleet.database.execute("SELECT add_reader('town_011', '330106011')")
    with fleet.database.transaction(force_rollback=True):
        fleet.database.execute("SET LOCAL ROLE town_011")
        assert fleet.database.execute("SELECT count(*) FROM model_labels").fetchone() == (2,)
        assert population(fleet.database, moths("330106011"))[0].count is None
        assert population(fleet.database, moths("330106011", label=INSECT[0]))[0].count == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            fleet.database.execute("SELECT note_labels(1, 'cards@1', '{x}')")
