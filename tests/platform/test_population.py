"""Population, density and range from what nodes counted, checked against sums by hand and by brute force."""

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.clock import ClockState
from edge.counts import NoData, Unit
from edge.errors import UsageError
from edge.nights import day_of, length_s
from edge.platform.areas.areas_below import areas_below
from edge.platform.areas.hull import Point, hull, hull_km2
from edge.platform.areas.population import (
    as_area,
    keep_threshold,
    population,
    range_of,
    running_from,
    taxa_of,
    trend,
    week_of,
)
from edge.platform.areas.spread import LookedCell, front_km_per_week
from edge.platform.areas.week import nodes_of, places_of
from edge.platform.database import Database, open_database
from edge.platform.decode import Message
from edge.platform.intake.leader import roll_up
from edge.platform.intake.registry import NOWHERE
from edge.ranges import count_range
from edge.wire import Key, ModelInfo, Stored, encode_batch
from tests.platform.conftest import filled
from tests.platform.fleet import (
    BLAST,
    EVENING,
    FIRST,
    VILLAGES,
    Fleet,
    epoch,
    in_villages,
    moment,
    moths,
    nodes_known,
    tonight,
)
from tests.platform.postgres import Postgres
from tests.platform.test_database_intake import waits_for_a_lock
from tests.records import APHID, MOTH, count, interval
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def template(postgres: Postgres) -> Iterator[tuple[str, Fleet]]:
    with filled(postgres, in_villages) as made:
        yield made


def test_counts_of_a_night_add_up_to_each_of_the_five_levels_with_their_ranges(fleet: Fleet) -> None:
    for node, number in zip("abcde", (1, 2, 4, 8, 16), strict=True):
        fleet.counts(node, 0, count(MOTH, number, number - 1, number + 3))
    fleet.sum_up()
    areas = ["330106011002", "330106011", "330106", "3301", "33", ""]
    told = [population(fleet.database, moths(area))[0] for area in areas]
    assert [(one.count, one.low, one.high, one.nodes) for one in told] == [
        (1, 0, 4, 1), (3, 1, 9, 2), (7, 4, 16, 3), (15, 11, 27, 4), (15, 11, 27, 4), (31, 26, 46, 5),
    ]  # fmt: skip


def test_a_sum_ends_at_the_largest_number_that_json_keeps(fleet: Fleet) -> None:
    most = 2**53 - 1
    fleet.place("a", latitude_deg=30.0, longitude_deg=120.0)
    for first in (0, 600):
        fleet.counts("a", 0, *[count(MOTH, most, most, most, stage=f"s{n}") for n in range(first, first + 600)])
    fleet.counts("b", 0, *[count(MOTH, most, most, most)] * 1100)
    fleet.sum_up()
    night = population(fleet.database, moths())[0]
    assert (night.count, night.low, night.high) == (most, most, most)
    assert [place.value for place in places_of(fleet.database, moths())] == [most]


def test_a_night_without_data_is_no_zero_and_a_night_without_moths_is_one(fleet: Fleet) -> None:
    fleet.counts("a", 0, count(APHID, 5, 4, 7))
    fleet.counts("a", 1, counts=NoData("dark"), frames=0)
    fleet.sum_up()
    zero, dark, silent = population(fleet.database, moths())
    assert (zero.count, zero.low, zero.high, zero.nodes) == (0, 0, 0, 1)
    assert (dark.count, dark.nodes) == (None, 0)
    assert (silent.count, silent.camera_nights) == (None, 0)
    assert nodes_known(fleet.database, moths()) == [1, 1, 1]


def test_time_in_which_nothing_was_to_be_seen_is_no_effort_and_a_still_scene_is(fleet: Fleet) -> None:
    fleet.counts("a", 0, count(MOTH, 3, 2, 5), frames=600, skipped=())
    fleet.counts("a", 0.05, counts=NoData("still"), frames=0, skipped=(("dark", 30), ("still", 90)))
    fleet.counts("a", 0.1, counts=NoData("dark"), frames=0, skipped=(("dark", 360),))
    fleet.counts("b", 0, counts=NoData("blocked"), frames=0, skipped=(("blocked", 360),))
    fleet.sum_up()
    night = population(fleet.database, moths())[0]
    assert (night.nodes, night.camera_nights, night.awake_s) == (1, 1, 3600 + 2700)


def test_a_night_runs_from_noon_to_noon_where_the_node_stands(fleet: Fleet) -> None:
    noon_utc = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)  # in Shanghai
    for hours, number in ((-0.5, 1), (0.5, 2), (23.5, 4), (24.5, 8)):
        at = noon_utc + timedelta(hours=hours)
        fleet.counts("a", 0, count(MOTH, number, number, number), start=moment(at), end=moment(at))
    fleet.sum_up()
    nights = population(fleet.database, moths(first=FIRST - timedelta(days=1), last=FIRST + timedelta(days=1)))
    assert [one.count for one in nights] == [1, 6, 8]


@pytest.mark.parametrize("told_when", ["now", "before its zone"])
@pytest.mark.parametrize(
    ("zone", "begin", "interval_s"),
    [
        ("Europe/Berlin", "2026-10-24T12:00", 43_200),  # summer time ends in this night
        ("Europe/Berlin", "2026-10-24T12:00", 86_400),
        ("Asia/Shanghai", "2026-07-06T09:00", 86_400),  # a Monday: the night before is of another week
        ("Asia/Shanghai", "2026-07-06T11:55", 3600),
        ("Pacific/Apia", "2027-01-01T12:00", 86_400),  # a Friday: of week 53 of the year before
        ("CET", "2026-07-06T11:00", 3600),  # which PostgreSQL by itself takes for an hour that knows no summer
    ],
)
def test_an_interval_belongs_to_the_night_in_which_its_middle_lies_as_on_the_node(
    database: Database, zone: str, begin: str, interval_s: float, told_when: str
) -> None:
    fleet, local = Fleet(database), ZoneInfo("Europe/Brussels" if zone == "CET" else zone)
    at = datetime.fromisoformat(begin).replace(tzinfo=local).astimezone(UTC)
    wanted = moths(first=at.date() - timedelta(days=1), last=at.date() + timedelta(days=5))
    fleet.place("a", time_zone="UTC" if told_when == "before its zone" else zone)
    nights, weeks = Counter[date](), Counter[date]()
    for _ in range(4):
        end = at + timedelta(seconds=length_s(at, interval_s, local))
        told = interval(unit="new", mode="trap", counts=(count(MOTH, 1),), start=moment(at), end=moment(end))
        fleet.tell("a", told)
        night = day_of(told, local)
        nights[night] += 1
        weeks[night - timedelta(days=night.weekday())] += 1
        at = end
    if told_when == "before its zone":
        fleet.sum_up()
        fleet.place("a", time_zone=zone)
    fleet.sum_up()
    assert {one.night: one.count for one in population(database, wanted) if one.frames} == nights
    assert dict(database.execute("SELECT week, count FROM week_count").fetchall()) == weeks


def test_a_node_that_tells_its_zone_late_gets_its_nights_put_right(database: Database) -> None:
    fleet = Fleet(database)
    at = datetime(2026, 7, 1, 5, 0, tzinfo=UTC)  # before noon in UTC, after it in Shanghai
    fleet.counts("a", 0, count(MOTH, 3, 3, 3), start=moment(at), end=moment(at))
    fleet.sum_up()
    fleet.place("a")
    fleet.sum_up()
    wanted = moths(first=FIRST - timedelta(days=1), last=FIRST)
    assert [one.count for one in population(database, wanted)] == [None, 3]
    assert population(database, replace(wanted, area="00"))[1].count is None, "it is still where nobody knows"


def test_nights_decades_ahead_are_summed_behind_last_nights(fleet: Fleet) -> None:
    yesterday, ahead = (tonight() - FIRST).days - 1, (date(2090, 1, 1) - FIRST).days
    for night in range(ahead, ahead + 3):
        fleet.counts("a", night, count(MOTH, 4))
    fleet.counts("c", yesterday, count(MOTH, 6))
    fleet.database.execute("SELECT roll_up(1)")
    (told,) = population(fleet.database, moths(first=tonight() - timedelta(days=1), last=tonight() - timedelta(days=1)))
    assert told.count == 6
    fleet.sum_up()
    assert population(fleet.database, moths(first=date(2090, 1, 1), last=date(2090, 1, 1)))[0].count == 4


def test_a_node_that_tells_another_zone_and_other_labels_each_second_queues_its_nights_once(fleet: Fleet) -> None:
    for night in range(3):
        fleet.counts("a", night, count(MOTH, 4), model="pests@1")
    for zone, label in [("America/New_York", MOTH[0]), ("Asia/Shanghai", APHID[0])] * 3:
        told = ModelInfo(name="pests", version="1", sha256="0" * 64, labels=[label])
        fleet.place("a", time_zone=zone, models=[told])
    nights = fleet.database.execute("SELECT night FROM dirty_night ORDER BY 1").fetchall()
    assert nights == [(FIRST + timedelta(days=night),) for night in range(-1, 3)]


def test_nights_that_wait_are_not_summed_while_a_node_gets_another_zone(fleet: Fleet, url: str) -> None:
    fleet.counts("a", 0, count(MOTH, 4))
    with open_database(url) as second, ThreadPoolExecutor() as threads:
        with fleet.database.transaction():
            fleet.place("a", time_zone="America/New_York")
            summed = threads.submit(roll_up, second)
            wait_until(lambda: waits_for_a_lock(fleet.database), within_s=40)
        summed.result(40)
    fleet.sum_up()
    told = population(fleet.database, moths(first=FIRST - timedelta(days=1), last=FIRST))
    assert [one.count for one in told] == [4, None]


def test_a_node_that_moves_takes_its_counts_along(fleet: Fleet) -> None:
    fleet.counts("a", 0, count(MOTH, 3, 3, 3))
    fleet.sum_up()
    fleet.place("a", area_code=VILLAGES["e"])
    fleet.sum_up()
    assert population(fleet.database, moths("330106"))[0].count is None
    assert population(fleet.database, moths("42"))[0].count == 3


def test_nodes_that_move_are_missing_from_no_sum_in_between(fleet: Fleet) -> None:
    for node in "abc":
        for night in range(5):
            fleet.counts(node, night, count(MOTH, 3, 3, 3))
    fleet.sum_up()
    for node in "abc":
        fleet.place(node, area_code=VILLAGES["d"])
    fleet.database.execute("SELECT roll_up(2)")
    told = {
        area: sum(one.count or 0 for one in population(fleet.database, moths(area)))
        for area in ("33", "330106", "330108")
    }
    assert told == {"33": 27, "330106": 0, "330108": 27}


@pytest.mark.parametrize("told_when", ["at once", "one after the other"])
def test_a_node_that_moves_when_its_zone_is_put_right_leaves_nothing_behind(database: Database, told_when: str) -> None:
    fleet, at = Fleet(database), datetime(2026, 7, 2, 3, 0, tzinfo=UTC)  # of the night before in UTC, not in Auckland
    fleet.place("a", time_zone="UTC")
    fleet.counts("a", 0, count(MOTH, 3, 3, 3), start=moment(at), end=moment(at))
    fleet.sum_up()
    if told_when == "one after the other":
        fleet.place("a", time_zone="Pacific/Auckland")
    fleet.place("a", area_code=VILLAGES["d"], time_zone="Pacific/Auckland")
    fleet.sum_up()
    told = {area: population(database, moths(area)) for area in ("330106", "330108", "")}
    assert {area: [one.count for one in nights] for area, nights in told.items()} == {
        "330106": [None, None, None], "330108": [None, 3, None], "": [None, 3, None],
    }  # fmt: skip
    assert nodes_known(database, moths("")) == [0, 1, 1]


def test_a_node_is_known_from_its_first_night_also_when_its_clock_was_put_right(fleet: Fleet) -> None:
    evenings = [moment(EVENING + timedelta(days=n)) for n in (0, 1)]
    wrong, right = (interval(unit="new", start=at, end=at, revision=n) for n, at in enumerate(evenings))
    fleet.tell("a", wrong)
    fleet.sum_up()
    newer = [Stored(Key("a", epoch("a"), 1), right)]
    fleet.intake.keep([Message("fieldeye/v1/s/a/records", encode_batch(newer))])
    fleet.sum_up()
    assert nodes_known(fleet.database, moths()) == [0, 1, 1]


def test_counts_under_a_clock_that_was_never_set_are_of_no_night_until_a_revision_says_which(fleet: Fleet) -> None:
    """Not where only its start or end is known either, and whatever the node tells of itself meanwhile."""
    seen = {"counts": (count(MOTH, 7),), "unit": "new"}
    unset, end = moment(EVENING, ClockState.UNSYNCED), moment(EVENING)
    told = interval(start=unset, end=end, **seen)
    fleet.tell("a", told)
    fleet.counts("b", 0, count(MOTH, 2), start=unset, end=unset)
    for revised, counts in (
        (told, [None] * 3),
        (replace(told, revision=1), [None] * 3),
        (replace(told, revision=2, start=end), [7, None, None]),
        (replace(told, revision=3, start=end, end=unset), [None] * 3),
    ):
        fleet.intake.keep(
            [Message("fieldeye/v1/s/a/records", encode_batch([Stored(Key("a", epoch("a"), 1), revised)]))]
        )
        labels = [ModelInfo(name="pests", version="0.1.0", sha256="0" * 64, labels=[MOTH[0], str(revised.revision)])]
        fleet.place("a", area_code=VILLAGES["d"], time_zone="America/New_York", models=labels)
        fleet.place("a", models=labels)
        fleet.sum_up()
        assert [one.count for one in population(fleet.database, moths())] == counts
        assert taxa_of(fleet.database, "", FIRST, FIRST) == [] or counts[0] == 7


def test_late_records_and_revisions_change_the_sums_of_their_night(fleet: Fleet) -> None:
    told = interval(counts=(count(MOTH, 5, 5, 5),), unit="new", start=moment(EVENING), end=moment(EVENING))
    fleet.tell("a", told)
    fleet.sum_up()
    fleet.counts("b", 0, count(MOTH, 10, 9, 11))
    newer = [Stored(Key("a", epoch("a"), 1), replace(told, counts=(count(MOTH, 7, 6, 9),), revision=1))]
    fleet.intake.keep([Message("fieldeye/v1/s/a/records", encode_batch(newer))])
    fleet.sum_up()
    night = population(fleet.database, moths())[0]
    assert (night.count, night.low, night.high) == (17, 15, 20)


def test_the_largest_crowd_of_a_night_counts_once_however_often_it_was_looked_at(fleet: Fleet) -> None:
    for number in (3, 9, 4):
        fleet.counts("a", 0, count(MOTH, number, number - 1, number + 2), unit="max_per_frame")
    fleet.sum_up()
    night = population(fleet.database, moths(unit="max_per_frame"))[0]
    assert (night.count, night.low, night.high) == (9, 8, 11)


def test_one_part_without_a_range_leaves_the_sum_without_one(fleet: Fleet) -> None:
    fleet.counts("a", 0, count(MOTH, 3, 2, 5))
    fleet.counts("b", 0, count(MOTH, 4))
    fleet.sum_up()
    night = population(fleet.database, moths())[0]
    assert (night.count, night.low, night.high) == (7, None, None)


@pytest.mark.parametrize(("night", "stage"), [(0, "larva"), (1, "")])
def test_one_part_without_a_range_leaves_the_area_below_without_one(fleet: Fleet, night: int, stage: str) -> None:
    fleet.counts("a", 0, count(MOTH, 3, 2, 5))
    fleet.counts("a", night, count(MOTH, 4, stage=stage))
    fleet.sum_up()
    (below,) = areas_below(fleet.database, moths("330106011"))
    assert (below.count, below.low, below.high) == (7, None, None)


def test_density_is_of_the_calibrated_cameras_only(fleet: Fleet) -> None:
    fleet.counts("a", 0, count(MOTH, 6, 5, 8), area_mm2=20_000)
    fleet.counts("b", 0, count(APHID, 6, 5, 8), area_mm2=40_000)
    fleet.counts("c", 0, count(MOTH, 100, 90, 120))
    fleet.counts("a", 1, area_mm2=20_000)
    fleet.sum_up()
    below = {one.area: one.per_m2 for one in areas_below(fleet.database, moths())}
    assert below == {"330106011": pytest.approx(50), "330106012": None}, "a mean of both nights"
    night = population(fleet.database, moths())[0]
    assert (night.per_m2, night.per_m2_low, night.per_m2_high) == pytest.approx((100, 5 / 0.06, 8 / 0.06))
    assert population(fleet.database, moths("330106012"))[0].per_m2 is None
    asked = "SELECT area_m2 FROM population(%s, 'new', %s, NULL, %s, %s)"
    areas_m2 = [fleet.database.execute(asked, (area, MOTH[0], FIRST, FIRST)).fetchone() for area in ("", "330106012")]
    assert areas_m2 == [(0.06,), (None,)], "nothing to divide by"


def test_density_of_a_counted_zero_has_the_range_of_that_zero(fleet: Fleet) -> None:
    fleet.counts("a", 0, count(MOTH, 0, 0, 2), area_mm2=1_000_000)
    fleet.counts("b", 0, count(APHID, 6, 5, 8), area_mm2=1_000_000)
    fleet.counts("c", 0, count(MOTH, 3))
    fleet.counts("a", 1, count(MOTH, 0, 0, 2), area_mm2=1_000_000)
    fleet.counts("b", 1, count(MOTH, 0), area_mm2=1_000_000)
    fleet.sum_up()
    for area, high in ((VILLAGES["a"], 2), ("330106011", 1), ("330106", 1), ("", 1)):
        told = population(fleet.database, moths(area))[0]
        assert (told.per_m2, told.per_m2_low, told.per_m2_high) == (0, 0, high), area
    told = population(fleet.database, moths("330106"))[1]
    assert (told.per_m2, told.per_m2_low, told.per_m2_high) == (0, None, None)


@pytest.mark.parametrize("before_mm2", [None, 20_000])
def test_a_night_in_which_a_camera_was_calibrated_has_no_density(fleet: Fleet, before_mm2: int | None) -> None:
    fleet.counts("a", 0, count(MOTH, 50, 40, 60), area_mm2=before_mm2)
    fleet.counts("a", 0.1, count(MOTH, 1, 1, 2), area_mm2=100_000)
    fleet.counts("a", 0.2, counts=NoData("dark"), frames=0)
    fleet.counts("a", 1, count(MOTH, 1, 1, 2), area_mm2=100_000)
    fleet.counts("a", 1.1, counts=NoData("dark"), frames=0)
    fleet.sum_up()
    assert [one.per_m2 for one in population(fleet.database, moths())] == [None, 10, None]


def test_density_of_a_trap_that_was_off_is_a_night_as_its_mean_is(fleet: Fleet) -> None:
    """The one looked at every night beside the one that was off for a week: as many moths come to both."""
    fleet.counts("a", 0, count(MOTH, 10, 8, 13), area_mm2=20_000, exposed_s=86_400.0)
    fleet.counts("c", 0, count(MOTH, 70, 56, 91), area_mm2=20_000, exposed_s=7 * 86_400.0)
    fleet.sum_up()
    for area in (VILLAGES["c"], "330106012", "330106", ""):
        night = population(fleet.database, moths(area))[0]
        assert (night.per_m2, night.per_m2_low, night.per_m2_high) == pytest.approx((500, 400, 650)), area
    assert [one.per_m2 for one in areas_below(fleet.database, moths("330106"))] == pytest.approx([500, 500])


def test_visits_have_no_density_as_one_that_comes_back_is_another_visit(fleet: Fleet) -> None:
    for unit in ("visits", "max_per_frame"):
        fleet.counts("a", 0, count(MOTH, 84, 60, 99), unit=unit, area_mm2=40_000)
    fleet.sum_up()
    told = {unit: population(fleet.database, moths(unit=unit))[0] for unit in ("visits", "max_per_frame")}
    assert (told["visits"].count, told["max_per_frame"].per_m2) == (84, 2100)
    assert (told["visits"].per_m2, told["visits"].per_m2_low, told["visits"].per_m2_high) == (None, None, None)
    assert [one.per_m2 for one in areas_below(fleet.database, moths(unit="visits"))] == [None]


def test_a_crowd_that_is_there_every_night_is_no_larger_for_that(fleet: Fleet) -> None:
    fleet.place("a", latitude_deg=30.0, longitude_deg=120.0)
    for night in range(7):
        fleet.counts("a", night, count(MOTH, 40, 38, 44), unit="max_per_frame")
    fleet.counts("a", 1, count(MOTH, 3, 2, 5), unit="max_per_frame", camera="cam1")
    fleet.sum_up()
    last = FIRST + timedelta(days=6)
    (told,) = taxa_of(fleet.database, "33", FIRST, last)
    assert (told.count, told.low, told.high) == (43, 40, 49)
    (below,) = areas_below(fleet.database, moths(unit="max_per_frame", last=last))
    assert (below.count, below.low, below.high) == (43, 40, 49)
    (one,) = taxa_of(fleet.database, "33", FIRST + timedelta(days=2), last)
    assert (one.count, one.low, one.high) == (40, 38, 44)
    assert [place.value for place in places_of(fleet.database, moths(unit="max_per_frame", last=last))] == [43]


def test_where_most_of_the_frames_are_sick_stands_first_and_not_where_cameras_look_most(fleet: Fleet) -> None:
    leaf: dict[str, Any] = {"unit": "affected_frames", "area_mm2": None}
    for node, frames, sick in (("a", 1000, 50), ("b", 20, 10), ("c", 20, 0)):
        fleet.place(node, latitude_deg=30.0, longitude_deg=120.0)
        fleet.counts(node, 0, count(BLAST, sick), frames=frames, **leaf)
        fleet.counts(node, 1, frames=frames, **leaf)
    fleet.place("d", latitude_deg=30.0, longitude_deg=120.0)
    fleet.sum_up()
    told = places_of(fleet.database, moths(label=BLAST[0], unit="affected_frames"))
    assert [(place.name, place.value) for place in told] == [("s/b", 25), ("s/a", 2.5), ("s/c", 0), ("s/d", None)]


def test_stages_are_counted_apart_and_together(fleet: Fleet) -> None:
    fleet.counts("a", 0, replace(count(MOTH, 3, 3, 3), stage="larva"), replace(count(MOTH, 4, 4, 4), stage="adult"))
    fleet.sum_up()
    for stage, many in (("larva", 3), ("adult", 4), (None, 7)):
        told, (below,) = (ask(fleet.database, moths(stage=stage)) for ask in (population, areas_below))
        assert (told[0].count, below.count) == (many, many)
    assert {(one.stage, one.count) for one in taxa_of(fleet.database, "33", FIRST, FIRST)} == {
        ("larva", 3),
        ("adult", 4),
    }


def test_each_unit_is_listed_in_turn_behind_the_stations_own_taxa(fleet: Fleet) -> None:
    fleet.counts("a", 0, count(MOTH, 900), count(APHID, 800), count(("Thysanoptera", ""), 9), unit="visits")
    fleet.counts("b", 0, count(MOTH, 40), unit="new")
    fleet.counts("c", 0, count(BLAST, 3), unit="affected_frames")
    fleet.sum_up()
    keep_threshold(fleet.database, "Thysanoptera", "visits", 100, None, "the station")
    assert [(one.label, one.unit) for one in taxa_of(fleet.database, "33", FIRST, FIRST)] == [
        ("Thysanoptera", "visits"), (MOTH[0], "visits"), (MOTH[0], "new"), (BLAST[0], "affected_frames"),
        (APHID[0], "visits"),
    ]  # fmt: skip


def test_what_one_node_saw_is_listed_before_what_three_looked_for_and_did_not_see(fleet: Fleet) -> None:
    for node in "abc":
        fleet.counts(node, 0, count(MOTH, 0, 0, 1))
    fleet.counts("d", 0, count(APHID, 1))
    fleet.sum_up()
    told = taxa_of(fleet.database, "33", FIRST, FIRST)
    assert [(one.label, one.nodes) for one in told] == [(APHID[0], 1), (MOTH[0], 0)]


def test_what_two_nodes_saw_is_listed_before_a_hundred_taxa_of_one(fleet: Fleet) -> None:
    fleet.counts("a", 0, *(count((f"Taxon {n}", ""), 9999) for n in range(100)))
    for node in "bc":
        fleet.counts(node, 0, count(MOTH, 3))
    fleet.sum_up()
    first, *others = taxa_of(fleet.database, "33", FIRST, FIRST)
    assert (first.label, first.count, len(others)) == (MOTH[0], 6, 100)


def test_a_trend_is_a_mean_of_nights_with_data_against_the_stations_threshold(fleet: Fleet) -> None:
    keep_threshold(fleet.database, MOTH[0], "new", 10, 20, "the station")
    for night in range(14):
        if night != 10:
            fleet.counts("a", night, count(MOTH, 4 if night < 7 else 12, 1, 20))
    fleet.sum_up()
    last = trend(fleet.database, moths(last=FIRST + timedelta(days=13)))[-1]
    assert (last.week_mean, last.week_before, last.level) == (12, 4, "look")


@pytest.mark.parametrize(
    ("number", "mean", "before", "level"),
    [(None, 11, 4, "calm"), (0, 11, 4, "calm"), (40, 16, 29 / 7, "look"), (89, 23, 29 / 7, "act")],
)
def test_a_night_that_is_not_over_only_raises_a_trend_by_what_came_in_it(
    fleet: Fleet, number: int | None, mean: float, before: float, level: str
) -> None:
    """From noon to the first record of the day the oldest night alone was gone, and calm stood as a warning."""
    keep_threshold(fleet.database, MOTH[0], "new", 12, 20, "the station")
    first = (tonight() - FIRST).days - 14
    for night in range(14):
        fleet.counts("a", first + night, count(MOTH, 4 if night < 7 else 5 if night == 7 else 12))
    if number is not None:
        fleet.counts("a", first + 14, count(MOTH, number))
    fleet.sum_up()
    whole, now, *ahead, afterwards = trend(
        fleet.database, moths(first=tonight() - timedelta(days=1), last=tonight() + timedelta(days=7))
    )
    assert (whole.per_camera_night, whole.week_mean, whole.week_before, whole.level) == (12, 11, 4, "calm")
    assert (now.per_camera_night, now.week_mean, now.level) == (number, mean, level)
    assert now.week_before == pytest.approx(before)
    assert {(one.per_camera_night, one.week_mean, one.level) for one in ahead} == {(None, mean, level)}
    assert (afterwards.week_mean, afterwards.level) == (None, None)


def test_a_night_runs_until_it_is_over_for_the_last_node_of_an_area(fleet: Fleet) -> None:
    fleet.place("b", time_zone="Pacific/Pago_Pago")
    fleet.place("d", time_zone="Pacific/Kiritimati")
    for node in "abd":
        fleet.counts(node, 0, count(MOTH, 1))
    fleet.sum_up()
    ends = {area: running_from(fleet.database, area) for area in ("330106", "330108", "3301", "42")}
    here, there = tonight("Pacific/Pago_Pago"), tonight("Pacific/Kiritimati")
    assert ends == {"330106": here, "330108": there, "3301": here, "42": None}


def test_what_a_trap_caught_while_it_was_off_is_told_a_night(fleet: Fleet) -> None:
    """Three nights without power; beside it a trap that hung all winter and caught nothing."""
    keep_threshold(fleet.database, MOTH[0], "new", 15, None, "the station")
    for night, number, nights in ((0, 10, 0.8), (4, 30, 3), (4.1, 10, 1), (5, 10, 1)):
        fleet.counts("a", night, count(MOTH, number), exposed_s=nights * 86_400)
    fleet.counts("a", 4.2, counts=NoData("dark"), frames=0)
    fleet.counts("c", 5, count(APHID, 1), exposed_s=150 * 86_400)
    fleet.sum_up()
    told = trend(fleet.database, moths(VILLAGES["a"], last=FIRST + timedelta(days=5)))
    assert [one.per_camera_night for one in told] == [10, None, None, None, 10, 10]
    assert {(one.week_mean, one.level) for one in told} == {(10, "calm")}
    assert trend(fleet.database, moths("33", last=FIRST + timedelta(days=5)))[-1].per_camera_night == 5


def test_a_catch_at_the_level_is_at_it_also_when_the_night_took_some_seconds_or_an_hour_more(fleet: Fleet) -> None:
    keep_threshold(fleet.database, MOTH[0], "new", 10, None, "the station")
    today = datetime.now(UTC).date()
    lengths_s = {FIRST: 25 * 3600.0, today: 86_430.0, today - timedelta(days=3): 1.4 * 86_400}
    for night, exposed_s in lengths_s.items():
        fleet.counts("a", (night - FIRST).days, count(MOTH, 10), exposed_s=exposed_s)
    fleet.sum_up()
    for night in lengths_s:
        (told,) = trend(fleet.database, moths(first=night, last=night))
        assert (told.per_camera_night, told.level) == (10, "look")


def test_a_level_is_of_all_life_stages_together_whichever_is_asked_for(fleet: Fleet) -> None:
    keep_threshold(fleet.database, MOTH[0], "new", 10, 20, "the station")
    fleet.counts("a", 0, count(MOTH, 6, 5, 8, stage="adult"), count(MOTH, 6, 5, 8, stage="larva"))
    fleet.sum_up()
    told = {stage: trend(fleet.database, moths(stage=stage))[0] for stage in (None, "adult", "larva", "pupa")}
    assert {one.level for one in told.values()} == {"look"}
    assert [one.week_mean for one in told.values()] == [12, 6, 6, 0]
    assert trend(fleet.database, moths(stage="adult", unit="visits"))[0].level is None


def test_of_a_disease_the_trend_is_its_incidence_however_often_cameras_looked(fleet: Fleet) -> None:
    keep_threshold(fleet.database, BLAST[0], "affected_frames", 5, 20, "the station")
    leaf: dict[str, Any] = {"unit": "affected_frames", "area_mm2": None}
    fleet.counts("a", 0, count(BLAST, 2), frames=40, **leaf)
    fleet.counts("a", 7, count(BLAST, 1), frames=4, **leaf)
    fleet.counts("a", 8, count(BLAST, 30), frames=300, **leaf)
    fleet.counts("b", 8, frames=96, **leaf)
    fleet.counts("a", 9, counts=NoData("dark"), frames=0, **leaf)
    fleet.sum_up()
    told = trend(fleet.database, moths(label=BLAST[0], unit="affected_frames", last=FIRST + timedelta(days=9)))
    assert [one.per_camera_night for one in told] == [5, *[None] * 6, 25, 100 * 30 / 396, None]
    assert told[-1].week_mean == pytest.approx(100 * 31 / 400)  # not (25 + 7.6) / 2
    assert (told[-1].week_before, told[-1].level) == (5, "look")


@pytest.mark.parametrize(
    ("model_before", "front"), [("pests@1", pytest.approx(10, rel=0.1)), ("aphids@1", None), (None, None)]
)
def test_range_is_told_by_cells_hull_and_front(fleet: Fleet, model_before: str | None, front: object) -> None:
    """Ten kilometres a week to the north from two nodes in a square kilometre: a front where somebody looked before."""
    aphids = ModelInfo(name="aphids", version="1", sha256="0" * 64, labels=[APHID[0]])
    for week, node in enumerate("abcd"):
        latitude = 30.0 + 10 * week / 111.195
        fleet.place(node, latitude_deg=latitude, longitude_deg=120.0 + 0.1 * (week % 2), models=[aphids])
        if model_before:
            fleet.counts(node, week * 7 - 7, model=model_before)
        fleet.counts(node, week * 7, count(MOTH, 1, 1, 1))
        fleet.counts(node, week * 7 + 2, count(MOTH, 1, 1, 1))
    fleet.place("e", latitude_deg=30.0001, longitude_deg=120.0001, area_code=VILLAGES["a"])
    fleet.counts("e", 0, count(MOTH, 1, 1, 1))
    fleet.sum_up()
    found = range_of(fleet.database, moths(last=FIRST + timedelta(days=40)))
    assert len(found.cells) == 4
    assert sorted(cell.nodes for cell in found.cells) == [1, 1, 1, 2]
    assert (found.first_seen, found.last_seen) == (FIRST, FIRST + timedelta(days=23))
    assert found.front_km_per_week == front
    assert found.hull_km2 == pytest.approx(10 * 0.1 * 111.195 * 0.8645 * 2, rel=0.02)


def test_a_node_put_beside_one_that_looked_before_is_a_front(fleet: Fleet) -> None:
    """One square kilometre is looked at by whoever stands there, also by a node that never saw the taxon."""
    for node, latitude in (("a", 30.0), ("b", 30.1001), ("c", 30.1002), ("d", 30.2)):
        fleet.place(node, latitude_deg=latitude, longitude_deg=120.0)
    fleet.counts("a", 0, count(MOTH, 1))
    fleet.counts("b", 7)
    fleet.counts("c", 14, count(MOTH, 1))
    fleet.counts("d", 14)
    fleet.sum_up()
    found = range_of(fleet.database, moths(last=FIRST + timedelta(days=20)))
    assert {(cell.latitude_deg, cell.nodes, cell.nights) for cell in found.cells} == {(30.0, 1, 1), (30.1002, 1, 1)}
    assert found.front_km_per_week == pytest.approx(0.1002 * 111.195 / 2)


def a_cell(north_km: float, east_km: float, week: int | None, looked: int = -1, until: int = 4) -> LookedCell:
    monday = FIRST - timedelta(days=FIRST.weekday())
    return LookedCell(
        latitude_deg=30 + north_km / 111.195,
        longitude_deg=120 + east_km / 96.3,
        first_seen=None if week is None else FIRST + timedelta(weeks=week),
        looked_since=monday + timedelta(weeks=looked),
        looked_until=FIRST + timedelta(weeks=until),
    )


@pytest.mark.parametrize(
    ("cells", "front"),
    [
        ([a_cell(20 * week, east, week) for week in range(5) for east in range(0, 300, 30)], 20),  # a whole border's
        ([a_cell(20 * week, 0, week, looked=week) for week in range(5)], None),  # where a node came each week
        ([a_cell(0, 0, 0, looked=0), a_cell(10, 0, 1), a_cell(90, 0, 2, looked=2), a_cell(20, 0, 2)], 10),
        ([a_cell(0, 0, 0), a_cell(50, 0, 0)], None),
        ([a_cell(0, 0, -9), a_cell(50, 0, -1), a_cell(57, 0, 0)], 7),  # from where it was before, in a week
        ([a_cell(0, 0, -9), a_cell(50, 0, -1)], None),  # nobody could have seen it come any farther
        ([a_cell(0, 0, -1), a_cell(50, 0, None)], 0),
        ([a_cell(0, 0, 0), a_cell(10, 0, 1), a_cell(50, 0, None)], 2),  # stood still from the second of five weeks on
        ([a_cell(0, 0, 0), a_cell(10, 0, 1), a_cell(50, 0, None, until=1)], 10),  # told to stand by nobody
        ([a_cell(0, 0, 0), a_cell(10, 0, 1), a_cell(5, 0, None)], 10),  # nor by who looks behind it
        ([a_cell(0, 0, None)], None),
        ([], None),
    ],
)
def test_a_front_runs_from_where_it_was_over_the_weeks_in_which_somebody_looked_farther_out(
    cells: list[LookedCell], front: float | None
) -> None:
    told = front_km_per_week(cells, FIRST)
    assert told == (front and pytest.approx(front, rel=0.01))


@pytest.mark.parametrize(("nights_before", "front"), [(49, 0), (91, 0), (92, 10), (120, 10)])
def test_a_pest_that_was_there_in_the_quarter_before_is_no_front(
    fleet: Fleet, nights_before: int, front: float
) -> None:
    """Of three nodes 10 km apart the second has a pause in the nights asked for, the third sees none."""
    for node, latitude in (("a", 30.0), ("b", 30.0 + 10 / 111.195), ("c", 30.0 + 20 / 111.195)):
        fleet.place(node, latitude_deg=latitude, longitude_deg=120.0)
    for night in (0, nights_before, nights_before + 5):
        fleet.counts("a", night, count(MOTH, 2))
        fleet.counts("b", night, count(MOTH, int(night != nights_before)))
        fleet.counts("c", night)
    fleet.counts("a", nights_before - 1, count(MOTH, 2))
    fleet.sum_up()
    first = FIRST + timedelta(days=nights_before)
    found = range_of(fleet.database, moths(first=first, last=first + timedelta(days=6)))
    assert {(cell.nights, cell.first_seen) for cell in found.cells} == {(2, first), (1, first + timedelta(days=5))}
    assert found.front_km_per_week == pytest.approx(front, rel=0.01)


@pytest.mark.parametrize(("looked_until", "front"), [(13, 10), (14, 5)])
def test_a_front_counts_no_week_after_the_last_night_on_which_somebody_looked_farther_out(
    fleet: Fleet, looked_until: int, front: float
) -> None:
    """Weeks from Wednesday on, as asked for, and not from Monday."""
    for node, latitude in (("a", 30.0), ("b", 30.0 + 10 / 111.195), ("c", 30.0 + 50 / 111.195)):
        fleet.place(node, latitude_deg=latitude, longitude_deg=120.0)
    for node, night, seen in (("a", 0, 1), ("b", 0, 0), ("b", 7, 1), ("c", 0, 0), ("c", looked_until, 0)):
        fleet.counts(node, night, count(MOTH, seen))
    fleet.sum_up()
    found = range_of(fleet.database, moths(last=FIRST + timedelta(days=40)))
    assert found.front_km_per_week == pytest.approx(front, rel=0.01)


def test_a_range_is_of_the_nights_asked_for_and_no_others(fleet: Fleet) -> None:
    """Each span of 12 nights, of which 1 July 2026 is a Wednesday; two nodes of a square kilometre share theirs."""
    fleet.place("a", latitude_deg=30.0, longitude_deg=120.0)
    fleet.place("b", latitude_deg=30.0001, longitude_deg=120.0)
    seen = {0, 3, 4, 5, 6, 11}
    for night in range(12):
        fleet.counts("b", night, count(MOTH, int(night in {3, 6})))
        fleet.counts("a", night, count(MOTH, int(night in seen)), count(MOTH, int(night == 3), stage="larva"))
        fleet.counts("a", night, count(MOTH, int(night in seen)), unit="max_per_frame")
    fleet.sum_up()
    for first, last in combinations_with_replacement(range(12), 2):
        span = {"first": FIRST + timedelta(days=first), "last": FIRST + timedelta(days=last)}
        found = range_of(fleet.database, moths(**span))
        nights = [night for night in range(first, last + 1) if night in seen]
        assert [one.nights for one in found.cells] == ([len(nights)] if nights else [])
        told = [FIRST + timedelta(days=night) for night in (nights[0], nights[-1])] if nights else [None, None]
        assert [found.first_seen, found.last_seen] == told


def test_the_hull_agrees_with_postgis(database: Database) -> None:
    if not database.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'").fetchone():
        pytest.skip("PostGIS is not installed")
    database.execute("CREATE EXTENSION postgis")
    points = [Point(30 + (n * 37 % 101) / 300, 120 + (n * 53 % 97) / 300) for n in range(60)]
    text = "MULTIPOINT(" + ",".join(f"{point.longitude_deg} {point.latitude_deg}" for point in points) + ")"
    (km2,) = database.execute(
        "SELECT ST_Area(ST_ConvexHull(ST_GeomFromText(%s, 4326))::geography) / 1e6", (text,)
    ).fetchone() or (0,)
    assert hull_km2(points) == pytest.approx(km2, rel=0.01)


def test_the_date_line_parts_no_hull() -> None:
    fiji, elsewhere = [179.95, -179.95, 179.97], [120.0, 120.1, 120.02]
    latitudes = [-17.0, -17.05, -17.1]
    km2 = hull_km2([Point(*at) for at in zip(latitudes, elsewhere, strict=True)])
    assert hull_km2([Point(*at) for at in zip(latitudes, fiji, strict=True)]) == pytest.approx(km2, rel=1e-6)
    assert 40 < km2 < 60


@given(st.lists(st.builds(Point, st.floats(-60, 60), st.floats(-170, 170)), max_size=30))
def test_no_point_lies_outside_the_hull(points: list[Point]) -> None:
    corners = hull(points)
    assert set(corners) <= set(points)
    if len(corners) > 2:
        for one, another in zip(corners, corners[1:] + corners[:1], strict=True):
            for p in points:
                left = (another.longitude_deg - one.longitude_deg) * (p.latitude_deg - one.latitude_deg)
                assert left - (another.latitude_deg - one.latitude_deg) * (p.longitude_deg - one.longitude_deg) >= -1e-6


def test_places_and_nodes_are_told_from_whole_weeks_and_the_nights_beside_them(fleet: Fleet) -> None:
    """Each span of 25 nights, of which 1 July 2026 is a Wednesday, against a plain sum."""
    fleet.place("a", latitude_deg=30.0, longitude_deg=120.0)
    moths_of, crowd_of, nights = {}, {}, range(25)
    for night in nights:
        moths_of[night], crowd_of[night] = night % 4, night * 7 % 25
        if night % 5 != 4:
            fleet.counts("a", night, count(MOTH, moths_of[night]), count(APHID, 100), saturated=night % 3 == 0)
            fleet.counts("a", night, count(MOTH, crowd_of[night]), unit="max_per_frame")
        if night % 9 == 0:
            fleet.sum_up()
    fleet.sum_up()
    for first, last in combinations_with_replacement(nights, 2):
        looked = [night for night in range(first, last + 1) if night % 5 != 4]
        span = {"first": FIRST + timedelta(days=first), "last": FIRST + timedelta(days=last)}
        (place,) = places_of(fleet.database, moths(**span))
        (crowd,) = places_of(fleet.database, moths(unit="max_per_frame", **span))
        assert place.value == (sum(moths_of[night] for night in looked) if looked else None)
        assert crowd.value == max((crowd_of[night] for night in looked), default=None)
        (node,) = nodes_of(fleet.database, VILLAGES["a"], **span)
        assert (node.nights, node.saturated) == (len(looked), sum(night % 3 == 0 for night in looked))


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 2), st.integers(0, 50), st.booleans()), max_size=25))
def test_sums_made_piece_by_piece_equal_sums_made_at_once(
    database: Database, told: list[tuple[str, int, int, bool]]
) -> None:
    """Whenever the sums were made in between, they are those of a plain query over the intervals."""
    with database.transaction(force_rollback=True):
        fleet = Fleet(database)
        for node in VILLAGES:
            fleet.place(node)
        for node, night, number, sums in told:
            fleet.counts(node, night, count(MOTH, number, number, number + 1))
            if sums:
                fleet.sum_up()
        fleet.sum_up()
        for area in ("330106011002", "330106011", "330106", "3301", "33", ""):
            nights = population(database, moths(area))
            for n, one in enumerate(nights):
                mine = [t for t in told if t[1] == n and VILLAGES[t[0]].startswith(area)]
                assert one.count == (sum(t[2] for t in mine) if mine else None)
                assert one.nodes == len({t[0] for t in mine})


def test_the_range_of_a_sum_holds_the_truth_of_a_fleet() -> None:
    """200 sums of 20 counts with precision 0.9 and recall 0.8: at least 95 % of the ranges hold what was there."""
    chance = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        true = chance.poisson(6, 20)
        found = chance.binomial(true, 0.8) + chance.poisson((true + 1) * 0.8 * 0.1 / 0.9)
        ranges = [count_range(int(one), 0.9, 0.8) for one in found]
        held += sum(low for low, _ in ranges) <= true.sum() <= sum(high for _, high in ranges)
    assert held >= 190


@pytest.mark.parametrize("area", ["3", "330", "33010", "3301060110020", "33 1", "３３"])
def test_an_area_of_no_level_is_refused_with_a_remedy(area: str) -> None:
    with pytest.raises(UsageError, match="give 2, 4, 6, 9 or 12 digits"):
        moths(area)


@pytest.mark.parametrize(
    ("code", "area"),
    [
        ("330106000000", "330106"), ("330106011000", "330106011"), ("330106000", "330106"), ("330100", "3301"),
        ("330000000000", "33"), ("330110000000", "330110"), ("330106011010", "330106011010"), ("", ""), ("33", "33"),
        (NOWHERE, "00"),
    ],
)  # fmt: skip
def test_a_code_with_zeros_behind_it_is_the_area_that_it_stands_for(still_url: str, code: str, area: str) -> None:
    with open_database(still_url) as database:
        assert database.execute("SELECT as_area(%s)", (code,)).fetchone() == (area,)
    assert as_area(code) == area


@pytest.mark.parametrize(
    ("codes", "area", "below"),
    [
        (("441900003001", "441900004000"), "4419", ["441900003", "441900004"]),  # a city without counties
        (("441900000000", "441900003000"), "4419", ["441900000", "441900003"]),
        (("441900000000",), "4419", []),
        (("330106011001", "330106012001"), "", ["330106011", "330106012"]),  # all in one county
        (("330106011001", "330106011002"), "33", ["330106011001", "330106011002"]),
        (("330106011001", "441900003001"), "", ["33", "44"]),
        (("441901001001", "441900003000"), "4419", ["441900", "441901"]),
    ],
)
def test_below_an_area_stand_those_of_the_next_level_that_its_nodes_told(
    database: Database, codes: tuple[str, ...], area: str, below: list[str]
) -> None:
    fleet = Fleet(database)
    for number, code in enumerate(codes):
        fleet.place(f"n{number}", area_code=code)
        fleet.counts(f"n{number}", 0, count(MOTH, 1))
    fleet.sum_up()
    assert sorted(one.area for one in areas_below(database, moths(area))) == below


def test_weeks_are_those_of_iso_8601() -> None:
    assert week_of(2026, 27) == (date(2026, 6, 29), date(2026, 7, 5))
    with pytest.raises(UsageError, match=r"week 53 of 2025 .* \(in some years 53\)"):
        week_of(2025, 53)


def test_what_nobody_counts_in_and_what_is_no_area_is_no_zero(still_url: str) -> None:
    with open_database(still_url) as database:
        for unit in get_args(Unit):
            assert len(population(database, moths(unit=unit))) == len(trend(database, moths(unit=unit))) == 3
        for area, unit in (("33", "foo"), ("33", ""), ("330", "new")):
            for asked in (b"population", b"trend"):
                question = b"SELECT FROM " + asked + b"(%s, %s, 'x', NULL, %s, %s)"
                with pytest.raises(psycopg.errors.InvalidParameterValue, match="give "):
                    database.execute(question, (area, unit, FIRST, FIRST))


def test_the_document_asks_for_each_column_of_the_functions(still_url: str) -> None:
    (block,) = re.findall(r"```sql\n(SELECT.*?)```", Path("docs/platform.md").read_text("utf-8"), re.DOTALL)
    columns = "SELECT proargnames[pronargs + 1:] FROM pg_proc WHERE proname = %s"
    with open_database(still_url) as database:
        for question in block.split(";")[:-1]:
            told = [column.name for column in database.execute(question.encode()).description or ()]
            (name,) = re.findall(r"FROM (\w+)", question)
            assert database.execute(columns, (name,)).fetchone() == (told,)
