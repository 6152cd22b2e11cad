"""The week's report: figures by hand, gaps that stay gaps, a map that scales, and paper."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import numpy as np
import pypdfium2
import pytest
from playwright.sync_api import Browser

from edge.cli import platform_main
from edge.cli.station_thresholds import keep_thresholds
from edge.clock import ClockState
from edge.counts import MOVED, OUTDATED, Level, NoData
from edge.errors import UsageError
from edge.platform.areas import charts
from edge.platform.areas.charts import DOTS_BELOW, Place, area_map, bars
from edge.platform.areas.hull import Point
from edge.platform.areas.outlines import read_outlines
from edge.platform.areas.population import Trend, Wanted, keep_threshold, month_of, newest_week
from edge.platform.areas.report import INSTALL, html, pdf
from edge.platform.areas.week import MOST_TAXA, AlertTold, places_of, undated, week
from edge.platform.database import Database, only_row
from edge.platform.decode import Message
from edge.platform.sentences import change, value_words
from edge.platform.words import speaking
from edge.wire import Key, Stored, encode_batch
from tests.page.browsing import CHROMIUM
from tests.platform.conftest import filled
from tests.platform.fleet import BLAST, EVENING, Fleet, epoch, moment, tonight
from tests.platform.postgres import Postgres
from tests.records import APHID, MOTH, alert, count

MONDAY = date(2026, 7, 6)
SUNDAY = MONDAY + timedelta(days=6)
MADE = datetime(2026, 7, 13, tzinfo=UTC)
BELOW = "3 insects/trap/night is below the threshold of 10"
NO_MORE = "insects/trap/night is not held against a threshold here any more"
TOLD: tuple[tuple[Level, float, str], ...] = (
    ("calm", 14, NO_MORE),
    ("calm", 9, OUTDATED),
    ("calm", 9, MOVED),
    ("look", 12, ""),
    ("calm", 3, BELOW),
    ("look", 15, ""),
    ("act", 21, ""),
)


@pytest.fixture(scope="module")
def template(postgres: Postgres) -> Iterator[tuple[str, Fleet]]:
    with filled(postgres, three_nodes) as made:
        yield made


def three_nodes(database: Database) -> Fleet:
    """Of a county: one saw moths every night, one none, one was silent from the third night on."""
    fleet = Fleet(database)
    for n, node in enumerate("abc"):
        fleet.place(node, latitude_deg=30.1 + n / 50, longitude_deg=120.1 + n * n / 90)
    for night in range(5, 12):
        fleet.counts("a", night, count(MOTH, 7, 6, 9))
        fleet.counts("b", night, count(APHID, 1, 0, 3))
        if night < 7:
            fleet.counts("c", night)
    fleet.sum_up()
    fleet.database.execute("UPDATE node SET heard = NULL WHERE node = 'c'")  # of which only the broker has told
    return fleet


def in_the_next_county(fleet: Fleet) -> None:
    """A node that saw moths for a night."""
    fleet.place("d", latitude_deg=30.2, longitude_deg=120.2)
    fleet.counts("d", 6, count(MOTH, 1000))
    fleet.sum_up()


def test_a_report_gives_each_figure_with_effort_range_and_gaps(fleet: Fleet) -> None:
    in_the_next_county(fleet)
    told = week(fleet.database, "330106", MONDAY, SUNDAY)
    moths = told.taxa[0]
    assert (moths.total.label, moths.total.count, moths.total.low, moths.total.high) == (MOTH[0], 49, 42, 63)
    assert moths.weeks[-1].week_mean == pytest.approx((2 * 7 / 3 + 5 * 7 / 2) / 7)
    assert [place.value for place in moths.places] == [49, 0, 0]
    assert [(node.node, node.nights) for node in told.gaps] == [("c", 2)]
    page = html(told, [], MADE)
    assert "3 of 3 nodes reported, 2 of them on all 7 nights" in page
    assert re.findall(r'<tr><th scope="row">s/c</th>.*?<td>([^<]*)</td></tr>', page)[-1:] == [""]
    assert "42 to 63" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page), "the report loads nothing"
    fleet.counts("b", 11.1, saturated=True)
    fleet.sum_up()
    gaps = week(fleet.database, "330106", MONDAY, SUNDAY).gaps
    assert [(node.node, node.nights, node.saturated) for node in gaps] == [("c", 2, 0), ("b", 7, 1)]


def test_a_disease_is_told_as_a_share_of_the_frames_and_insects_on_a_square_metre(fleet: Fleet) -> None:
    for night, affected in ((5, 3), (6, 0)):
        fleet.counts("a", night, count(BLAST, affected), unit="affected_frames", frames=20, area_mm2=1_000_000)
    fleet.sum_up()
    keep_threshold(fleet.database, BLAST[0], "affected_frames", 5, 30, "the station")
    page = html(week(fleet.database, "330106", MONDAY, SUNDAY), [], MADE)
    assert re.findall(r"Incidence: [^<]*? %", page) == ["Incidence: 7.5 %"]
    assert "starts at an incidence of 5 %, sure at 30 % (the station)" in page
    assert page.count("Mean incidence (share of frames with the symptom) over eight weeks") == 1
    assert "incidence at most 15 %" in page
    assert "own, action levels those of each node." in page
    assert '<td class="n">7.5 %</td>' in page
    assert f"<title>{MONDAY}: 15 %</title>" in page
    assert "<title>s/a: 7.5 %</title>" in page, "and on the map"
    assert "most 7.5 %, 2 without data" in page
    assert page.count("Density: not calibrated.") == 2
    fleet.counts("a", 5, camera="another", area_mm2=1_000_000)
    fleet.sum_up()
    page = html(week(fleet.database, "330106", MONDAY, SUNDAY), [], MADE)
    assert page.count("Density: only 1 of 4 cameras calibrated.") == 2


def test_a_level_of_all_life_stages_says_what_they_are_together(fleet: Fleet) -> None:
    for night in range(5, 12):
        fleet.counts("a", night, count(APHID, 6, 5, 8, stage="adult"), count(APHID, 6, 5, 8, stage="nymph"))
    fleet.sum_up()
    keep_threshold(fleet.database, APHID[0], "new", 5, None, "the station")
    keep_threshold(fleet.database, MOTH[0], "new", 10, None, "the station")
    page = html(week(fleet.database, "330106", MONDAY, SUNDAY), [], MADE)
    # Red, as places on the map from the threshold on. b has told no stage.
    assert page.count('<span class="level act">go and look</span></td>') == 3
    assert page.count("(the station). All life stages together: 5.9.") == 3
    assert page.count('class="threshold"') == 1, "in no chart of another mean than it is for"
    assert page.count("The dashed line is the threshold.") == 1
    keep_threshold(fleet.database, APHID[0], "new", 5.9, None, "the station")
    page = html(week(fleet.database, "330106", MONDAY, SUNDAY), [], MADE)
    assert page.count("(the station). All life stages together: 5.88.") == 3, "below it"


def test_a_threshold_below_one_stands_with_its_decimals(fleet: Fleet) -> None:
    keep_threshold(fleet.database, MOTH[0], "new", 0.125, 1.5, "the station")
    page = html(week(fleet.database, "330106", MONDAY, SUNDAY), [], MADE)
    assert "Threshold: starts at 0.125, sure at 1.5 a camera and night (the station)." in page


def test_a_mean_shortly_below_its_threshold_is_not_told_as_that(fleet: Fleet) -> None:
    keep_threshold(fleet.database, MOTH[0], "new", 3.17, None, "the station")
    page = html(week(fleet.database, "330106", MONDAY, SUNDAY), [], MADE)
    assert '<td class="n">3.167</td>' in page


def test_a_threshold_is_told_of_its_own_taxon_and_unit_alone(fleet: Fleet) -> None:
    keep_threshold(fleet.database, APHID[0], "new", 3, None, "the station")
    keep_threshold(fleet.database, MOTH[0], "visits", 4, None, "the station")
    told = week(fleet.database, "330106", MONDAY, SUNDAY)
    assert {taxon.total.label: taxon.start_at for taxon in told.taxa} == {APHID[0]: 3, MOTH[0]: None}


def test_a_disease_at_the_stations_threshold_comes_before_insects_by_the_hundred(fleet: Fleet) -> None:
    many_insects(fleet)
    fleet.counts("a", 5, count(BLAST, 3), unit="affected_frames", frames=20)
    fleet.sum_up()
    keep_threshold(fleet.database, BLAST[0], "affected_frames", 5, 10, "the station")
    told = week(fleet.database, "330106", MONDAY, SUNDAY)
    assert (told.taxa[0].total.label, told.taxa[0].weeks[-1].level) == (BLAST[0], "act")
    assert (len(told.taxa), told.more_taxa) == (MOST_TAXA, 6)


def test_what_has_reached_a_threshold_is_shown_however_many_stand_before_it(fleet: Fleet) -> None:
    many_insects(fleet)
    for n in range(MOST_TAXA + 3):
        keep_threshold(fleet.database, f"Insect {n}", "visits", 1 if n == MOST_TAXA + 1 else 1000, None, "the station")
    told = week(fleet.database, "330106", MONDAY, SUNDAY)
    assert [one.total.label for one in told.taxa] == [f"Insect {n}" for n in (*range(MOST_TAXA), MOST_TAXA + 1)]
    assert [one.weeks[-1].level for one in told.taxa] == ["calm"] * MOST_TAXA + ["look"]
    assert "4 more were counted, and have reached no threshold of the station." in html(told, [], MADE)
    month = week(fleet.database, "330106", date(2026, 7, 1), date(2026, 7, 31))
    assert f"Insect {MOST_TAXA + 1}" in [one.total.label for one in month.taxa], "in the month's second week"


def many_insects(fleet: Fleet) -> None:
    """Three more than are shown, the first the most."""
    insects = [count((f"Insect {n}", ""), 500 - n) for n in range(MOST_TAXA + 3)]
    fleet.counts("a", 5, *insects, unit="visits")
    fleet.sum_up()


def test_density_has_its_range_and_none_where_a_night_has_none(fleet: Fleet) -> None:
    for night, side in ((5, 1), (6, 3)):
        fleet.counts("a", night, count(APHID, 6, 6 - side, 6 + side), unit="max_per_frame", area_mm2=100_000)
    fleet.sum_up()
    assert "Density: 60 /m², range 40 to 80. Seen" in _aphids(fleet)
    fleet.counts("a", 7, count(APHID, 3), unit="max_per_frame", area_mm2=100_000)
    fleet.sum_up()
    assert "Density: 50 /m². Seen" in _aphids(fleet)


def test_density_of_a_trap_is_told_a_night_and_none_of_visits(fleet: Fleet) -> None:
    fleet.place("d")
    fleet.place("e")
    fleet.counts("d", 11, count(MOTH, 70, 60, 85), area_mm2=20_000, exposed_s=7 * 86_400.0)
    fleet.counts("e", 11, count(MOTH, 84, 60, 99), area_mm2=40_000, unit="visits", awake_s=9_000)
    fleet.sum_up()
    told = [html(week(fleet.database, area, MONDAY, SUNDAY), [], MADE) for area in ("330108", "42")]
    assert "Density: 500 /m² a night, range 429 to 607." in told[0]
    assert "Density:" not in told[1]
    assert "Watched for only 2.5 h a camera and night." in told[1]


@pytest.mark.parametrize(
    ("hours", "says"),
    [(2, "14 h watched a night, 2 h before"), (17, "-18%"), (18, "14 h watched a night, 18 h before")],
)
def test_a_change_of_visits_for_which_the_hours_watched_differ_by_over_a_quarter_is_not_told(
    fleet: Fleet, hours: int, says: str
) -> None:
    """Six visits an hour in both weeks."""
    fleet.place("d")
    for night in range(-2, 12):
        watched = hours if night < 5 else 14
        fleet.counts("d", night, count(MOTH, 6 * watched), unit="visits", awake_s=watched * 3600.0, skipped=())
    fleet.sum_up()
    page = html(week(fleet.database, "330108", MONDAY, SUNDAY), [], MADE)
    assert f"<td>{says}</td></tr>" in page


def _aphids(fleet: Fleet) -> str:
    return html(week(fleet.database, "330106", MONDAY, SUNDAY), [], MADE)


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is missing: apt install chromium")
def test_on_a_phone_the_figures_of_charts_can_be_read_and_a_long_label_breaks(fleet: Fleet, browser: Browser) -> None:
    fleet.counts("a", 11, count(("Spodoptera_frugiperda_larva_third_instar", ""), 3))
    fleet.sum_up()
    page = browser.new_page(viewport={"width": 320, "height": 800})
    page.set_content(html(week(fleet.database, "330106", MONDAY, SUNDAY), [], MADE))
    heights = page.eval_on_selector_all(
        "svg :is(.figure, .scale)", "all => all.map((one) => one.getBoundingClientRect().height)"
    )
    assert len(heights) > 8
    assert min(heights) > 9  # px of a line
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    page.close()


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is missing: apt install chromium")
def test_on_a_phone_the_level_of_each_taxon_is_in_sight(fleet: Fleet, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.set_content(html(week(fleet.database, "330106", MONDAY, SUNDAY), [], MADE))
    levels = [one.bounding_box() for one in page.locator("table .level").all()]
    assert levels != []
    assert [one for one in levels if one is None or one["x"] + one["width"] > 390] == []
    page.close()


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", ("1 of 1 node reported", "1 more was counted", "Map of 1 place,")),
        ("es", ("Informó 1 de 1 equipo,", "Se contó 1 más", "Mapa de 1 lugar,")),
        ("fr", ("1 appareil sur 1 a transmis", "1 autre a été compté", "Carte de 1 lieu,")),
        ("zh", ("1 个监测点中有 1 个上报", "另有 1 种也有计数", "1 个地点的地图")),
    ],
)
def test_one_is_told_in_the_singular(language: str, says: tuple[str, ...], fleet: Fleet) -> None:
    told = week(fleet.database, "330106", MONDAY, SUNDAY)
    moths = replace(told.taxa[0], places=told.taxa[0].places[:1])
    page = html(replace(told, nodes=told.nodes[:1], taxa=(moths,), more_taxa=1), [], MADE, language)
    assert [one for one in says if one not in page] == []


def test_a_week_that_nobody_reported_is_no_zero(fleet: Fleet) -> None:
    page = html(week(fleet.database, "330106", date(2026, 8, 3), date(2026, 8, 9)), [], MADE)
    assert "0 of 3 nodes reported" in page
    assert "no data, not a zero" in page


def test_a_node_that_began_later_or_has_told_no_night_is_not_missing(fleet: Fleet) -> None:
    fleet.place("never", area_code="330106011010")
    fleet.place("later", area_code="330106011009")
    fleet.counts("later", 12)
    fleet.sum_up()
    told = week(fleet.database, "330106", MONDAY, SUNDAY)
    page = html(told, [], MADE)
    assert "3 of 3 nodes reported" in page
    assert "<p>No night reported yet: s/never.</p>" in page, "the dot of no data on the map that is in no table"
    assert [node.node for node in told.gaps] == ["c"]
    told = week(fleet.database, "330106", MONDAY - timedelta(weeks=9), SUNDAY - timedelta(weeks=9))
    assert "No node of this area had begun to count by then." in html(told, [], MADE)
    page = html(replace(told, first=MONDAY, not_begun=tuple(f"s/n{n}" for n in range(60))), [], MADE)
    assert "s/n49. Shown: 1 to 50 of 60.</p>" in page


def test_nights_that_are_to_come_are_missing_of_no_node(fleet: Fleet) -> None:
    evening = tonight()
    first = evening - timedelta(days=1)
    for node, nights in (("a", (-1, 0)), ("b", (0,)), ("c", (-1,))):
        for ago in nights:
            at = datetime.combine(evening + timedelta(days=ago), time(5, 30), UTC)
            fleet.counts(node, 0, count(MOTH, 1), start=moment(at), end=moment(at + timedelta(minutes=1)))
    fleet.sum_up()
    told = week(fleet.database, "330106", first, first + timedelta(days=6))
    page = html(told, [], MADE)
    assert "3 of 3 nodes reported so far: these nights are not all over" in page
    assert [node.node for node in told.gaps] == ["b"]  # last night; the running one and those to come miss nobody
    assert re.findall(r"(\d+) nights, most .*?, (\d+) without data", page)[:1] == [("51", "49")]
    page = html(week(fleet.database, "330106", evening, evening + timedelta(days=6)), [], MADE)
    assert "2 of 3 nodes reported so far" in page
    assert "Where data is missing" not in page
    assert "Every node reported" not in page


def test_a_name_that_is_silent_for_a_season_is_no_node_of_the_week_until_it_is_heard_again(fleet: Fleet) -> None:
    in_the_next_county(fleet)
    left = "UPDATE node SET heard = %s WHERE node IN ('c', 'd')"  # whose last night was 7 July
    for heard, monday, says, names in (
        ("2026-07-08", date(2026, 10, 5), "0 of 3 nodes reported", 0),
        ("2026-07-08", date(2026, 10, 12), "0 of 2 nodes reported", 1),
        ("2026-10-14", date(2026, 10, 12), "0 of 3 nodes reported", 0),
    ):
        fleet.database.execute(left, (heard,))
        told = week(fleet.database, "330106", monday, monday + timedelta(days=6))
        page = html(told, [], MADE)
        assert says in page
        assert re.findall(r"Names silent for over 90 days: (\d+)\.", page) == [str(names)] * (names > 0)
        wanted = Wanted(area="330106", label=MOTH[0], first=told.first, last=told.last)
        on_map = [place.name for place in places_of(fleet.database, wanted)]
        assert ("c" in [node.node for node in told.gaps]) == ("s/c" in on_map) == (not names)


def test_a_night_of_decades_ahead_keeps_no_dead_name_expected(fleet: Fleet) -> None:
    fleet.database.execute("UPDATE node SET heard = '2026-07-08' WHERE node = 'c'")
    fleet.counts("c", 55 * 365)  # a clock battery's 2081
    fleet.sum_up()
    told = week(fleet.database, "330106", date(2026, 10, 12), date(2026, 10, 18))
    assert (told.left_behind, [node.node for node in told.nodes]) == (1, ["a", "b"])


def test_names_that_nodes_send_cannot_break_the_page(fleet: Fleet) -> None:
    fleet.counts("a", 5, count(("<script>alert(1)</script>", ""), 1000, 1, 2))
    fleet.sum_up()
    assert "<script" not in html(week(fleet.database, "33", MONDAY, SUNDAY), [], MADE)


def test_what_nodes_told_stands_the_worst_first_without_levels_that_ended_because_nobody_counted(fleet: Fleet) -> None:
    evening = moment(EVENING + timedelta(days=6))
    told = [alert(at=evening, level=level, value=value, reason=reason) for level, value, reason in TOLD]
    for monday, value in ((MONDAY, 30), (MONDAY + timedelta(weeks=1), 22)):  # at ten there, of Sunday's night
        morning = moment(datetime.combine(monday, time(2), UTC))
        told.append(alert(at=morning, level="act", value=value))
    fleet.place("d")  # in the next county
    for n, node in [(0, "d"), *((n, "a") for n in reversed(range(len(told))))]:
        stored = Stored(Key(node, epoch(node), 100 + n), told[n] if node == "a" else alert(at=evening, level="act"))
        fleet.intake.keep([Message(f"fieldeye/v1/s/{node}/records", encode_batch([stored]))])
    alerts = week(fleet.database, "330106", MONDAY, SUNDAY).alerts
    assert [(one.level, one.value) for one in alerts] == [
        ("act", 21), ("act", 22), ("look", 12), ("look", 15), ("calm", 3),
    ]  # fmt: skip


def test_what_one_node_told_without_end_stands_before_no_other_nodes_first_alert_of_a_level(fleet: Fleet) -> None:
    evening = moment(EVENING + timedelta(days=6))
    levels: tuple[tuple[str, Level], ...] = (("a", "act"), ("a", "act"), ("a", "act"), ("c", "act"), ("b", "look"))
    for n, (node, level) in enumerate(levels):
        stored = Stored(Key(node, epoch(node), 100 + n), alert(at=evening, level=level))
        fleet.intake.keep([Message(f"fieldeye/v1/s/{node}/records", encode_batch([stored]))])
    unset = alert(at=moment(EVENING + timedelta(days=6), ClockState.UNSYNCED))
    fleet.intake.keep([Message("fieldeye/v1/s/a/records", encode_batch([Stored(Key("a", epoch("a"), 200), unset)]))])
    (undated,) = week(fleet.database, "330106", tonight(), tonight()).alerts
    assert abs(datetime.now(UTC) - undated.at) < timedelta(minutes=5), "of when it came"
    alerts = week(fleet.database, "330106", MONDAY, SUNDAY).alerts
    assert [one.node for one in alerts] == [f"s/{node}" for node in "acaab"], "each farm may have a node a"


def test_of_a_provinces_alerts_and_gaps_the_first_fifty_stand_behind_the_taxa(fleet: Fleet) -> None:
    told = week(fleet.database, "330106", MONDAY, SUNDAY)
    alerts = [
        AlertTold(
            at=MADE, zone="Asia/Shanghai", node=f"n{n}", label=MOTH[0], level="act", value=9, start_at=5,
            unit="% pictures", source="",
        )
        for n in range(60)
    ]  # fmt: skip
    nodes = [replace(told.nodes[0], node=f"n{n:02}", nights=n % 2) for n in range(70)]
    missed = frozenset((one.site, one.node) for one in nodes)
    page = html(replace(told, alerts=tuple(alerts), nodes=tuple(nodes), missed=missed), [], MADE)
    taxa, _, behind = page.partition("<h2>What nodes told their owners</h2>")
    assert taxa.count('<section class="taxon">') == page.count('<section class="taxon">') == len(told.taxa)
    assert re.findall(r" at (n\d+), 2026-07-13 08:00: ", behind) == [one.node for one in alerts[:50]]
    silent_first = [f"n{n:02}" for n in (*range(0, 70, 2), *range(1, 70, 2))]
    assert re.findall(r'<th scope="row">s/(n\d+)</th>', behind) == silent_first[:50]
    assert re.findall(r"Shown: [^<]*", page) == ["Shown: 1 to 50 of 60.", "Shown: 1 to 50 of 70."]


def test_nodes_that_counted_without_a_position_are_told_and_take_no_square_kilometre(fleet: Fleet) -> None:
    fleet.database.execute("UPDATE node SET latitude_deg = NULL, longitude_deg = NULL WHERE node IN ('a', 'c')")
    fleet.place("off", area_code="330106011009")
    fleet.counts("off", 3)  # and not in this week
    fleet.sum_up()
    page = html(week(fleet.database, "330106", MONDAY, SUNDAY), [], MADE)
    assert "<p>2 nodes that counted have no position and are not on the map.</p>" in page
    assert re.findall(r"Seen in \d+ km²", page) == ["Seen in 1 km²"], "the aphids, and not the moths of node a"
    fleet.database.execute("UPDATE node SET latitude_deg = 30, longitude_deg = 120")
    assert "no position" not in html(week(fleet.database, "330106", MONDAY, SUNDAY), [], MADE)


def test_counts_under_a_clock_that_was_never_set_are_told_when_they_come_and_are_in_no_weeks_figures(
    fleet: Fleet,
) -> None:
    """Of each night and first catch, too; and a node in the next county and one that saw nothing are not told."""
    fleet.place("d")
    before = week(fleet.database, "330106", MONDAY, SUNDAY)
    unset = moment(EVENING + timedelta(days=6), ClockState.UNSYNCED)
    for node, more in (("a", {}), ("a", {}), ("b", {"counts": NoData("dark"), "frames": 0}), ("d", {})):
        fleet.counts(node, 6, count(MOTH, 1000), **{"start": unset, "end": unset} | more)
    fleet.sum_up()
    assert week(fleet.database, "330106", MONDAY, SUNDAY) == before
    page = html(week(fleet.database, "330106", tonight(), tonight()), [], MADE)
    assert "<p>1 node sent counts of an unknown night, as its clock was not set. They are in no figure.</p>" in page
    assert "Nothing was counted in these nights" in page
    page = html(week(fleet.database, "33", tonight(), tonight()), [], MADE, "zh")
    assert "有 2 个监测点发来的计数不知属于哪一夜" in page


@pytest.mark.parametrize(("zone", "noon_h"), [("Pacific/Kiritimati", -2), ("Etc/GMT+12", 24)])
def test_counts_of_an_unknown_night_are_told_with_the_night_in_which_they_came_and_those_of_years_before_are_not_read(
    zone: str, noon_h: int, fleet: Fleet
) -> None:
    """From noon to noon, where that is first and last on earth; a province's clocks that were not set fill seasons."""
    fleet.place("a", time_zone=zone)
    unset, noon = moment(EVENING, ClockState.UNSYNCED), datetime.combine(MONDAY, time(), UTC) + timedelta(hours=noon_h)
    for came, nights in (
        (noon, [MONDAY]),
        (noon + timedelta(hours=24, microseconds=-1), [MONDAY]),
        (noon - timedelta(microseconds=1), [MONDAY - timedelta(days=1)]),
    ):
        fleet.database.execute("UPDATE interval_effort SET came = '2020-07-06'")
        fleet.counts("a", 0, start=unset, end=unset)
        fleet.database.execute("UPDATE interval_effort SET came = %s WHERE came > '2020-07-06'", (came,))
        around = (MONDAY + timedelta(days=ago) for ago in (-1, 0, 1))
        assert [night for night in around if undated(fleet.database, "330106", night, night)] == nights
    query = "SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'interval_effort'"
    with fleet.database.transaction():  # within it the server begins no new sum
        fleet.database.execute("SET LOCAL enable_seqscan = off")
        (before,) = only_row(fleet.database, query)
        undated(fleet.database, "330106", MONDAY, MONDAY)
        assert only_row(fleet.database, query) == (before + 1,)


def test_a_hull_that_is_no_larger_than_its_square_kilometres_is_not_told(fleet: Fleet) -> None:
    def seen() -> str:
        return re.findall(r"Seen in [^<]*", html(week(fleet.database, "330106", MONDAY, SUNDAY), [], MADE))[0]

    assert seen() == "Seen in 1 km², 2026-07-06 to 2026-07-12."
    for node in "bc":
        fleet.counts(node, 7, count(MOTH, 1))
    fleet.sum_up()
    assert seen() == "Seen in 3 km², 2026-07-06 to 2026-07-12."
    fleet.database.execute("UPDATE node SET longitude_deg = 120.2 WHERE node = 'c'")
    assert seen() == "Seen in 3 km² of a hull of 8 km², 2026-07-06 to 2026-07-12."


def test_a_night_without_data_is_a_cross_and_a_zero_is_a_line() -> None:
    nights = [_night(0, 0.0), _night(1, None), _night(2, 10.0)]
    drawn = bars(nights, start_at=20, unit="individuals", over=SUNDAY)
    assert drawn.count("<rect") == 2
    assert "most 10 a camera and night" in drawn
    assert drawn.count("×") == 1
    assert 'height="1.0"' in drawn
    assert "1 without data" in drawn


def test_a_night_that_is_to_come_stays_empty_and_the_running_one_until_it_has_data() -> None:
    nights = [_night(0, 2.0), _night(1, None), _night(2, 5.0), replace(_night(3, None), week_mean=3.5)]
    drawn = bars(nights, start_at=None, unit="new", over=MONDAY + timedelta(days=1))
    assert (drawn.count("×"), drawn.count("<rect")) == (1, 2)  # a missed night; the first, and what tonight has so far
    assert [len(line) for line in mean_lines(drawn)] == [1, 1]
    assert f">{nights[-1].night}</text>" in drawn, "the week keeps its length"
    assert "3 nights, most 5 a camera and night, 1 without data" in drawn


def test_bars_stand_on_one_line_as_high_as_their_figures_below_the_threshold_that_is_drawn() -> None:
    drawn = parsed(bars([_night(0, 4.0), _night(1, None), _night(2, 20.0)], start_at=40, unit="new", over=SUNDAY))
    assert drawn.get("viewBox") == "0 0 640 134"
    placed = [[float(one.get(side, "")) for side in ("x", "y", "width", "height")] for one in drawn.iter("rect")]
    assert placed == [[1, 97, 211.3, 9], [427.7, 61, 211.3, 45]]
    assert [one.text for one in drawn.iter("title")] == [f"{MONDAY}: 4", f"{MONDAY + timedelta(days=2)}: 20"]
    (line,) = drawn.iter("line")
    assert (line.get("y1"), line.get("y2")) == ("16.0", "16.0")
    assert [one.get("y") for one in drawn.iter("text")] == ["117", "57.0", "131", "131"]  # cross, figure, both nights


def parsed(drawn: str) -> Element:
    """As who draws it reads it, which takes no error."""
    return fromstring(drawn.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1))  # noqa: S314  our own


def test_the_mean_which_the_level_follows_is_a_line_beside_the_threshold_and_bars_have_one_colour() -> None:
    nights = [_night(0, 0.0), _night(1, None), replace(_night(2, 30.0), week_mean=10.0, level="calm")]
    drawn = bars(nights, start_at=20, unit="individuals", over=SUNDAY)
    (line,) = re.findall(r'class="threshold"[^>]* y1="([^"]+)"', drawn)
    first, last = mean_lines(drawn)  # broken at the night without one
    assert (len(first), len(last)) == (1, 1)
    assert last[0] > float(line)  # below the threshold, where the bar is above
    assert set(re.findall(r'<rect class="([a-z]+)"', drawn)) == {"plain"}
    assert re.findall(r"<text[^>]*>([^<×]+)<", drawn) == ["30", f"{MONDAY}", f"{MONDAY + timedelta(days=2)}"]


def test_a_mean_that_knows_of_earlier_nights_stays_in_the_picture() -> None:
    nights = [replace(_night(n, 2.0), week_mean=60.0 - n) for n in range(7)]
    (line,) = mean_lines(bars(nights, start_at=20, unit="individuals", over=SUNDAY))
    assert 0 < min(line) < max(line)


def mean_lines(drawn: str) -> list[list[float]]:
    """The heights of each line of means, in px from the top."""
    lines = re.findall(r'class="mean"[^>]* points="([^"]+)"', drawn)
    return [[float(point.split(",")[1]) for point in line.split()] for line in lines]


def _night(n: int, value: float | None) -> Trend:
    return Trend(
        night=MONDAY + timedelta(days=n), per_camera_night=value, week_mean=value, week_before=None, level=None
    )


@pytest.mark.parametrize(("many", "shape"), [(49, "circle"), (50, "rect")])
def test_few_places_are_dots_and_many_are_square_kilometres(many: int, shape: str) -> None:
    places = [Place(f"n{n}", Point(30 + n / 100, 120 + (n % 7) / 100), n) for n in range(many)]
    drawn = area_map(places, reached={"n1"})
    assert drawn.count(f"<{shape} ") == many
    assert [drawn.count(f'<{shape} class="{kind}"') for kind in ("reached", "seen", "zero")] == [1, many - 2, 1]


@pytest.mark.parametrize(
    ("many", "start_at", "says"),
    [(49, None, "Amber: seen, the larger"), (50, None, "Amber: seen, the stronger"),
     (49, 1, "threshold on. Amber: seen, below it. The larger"), (50, 1, "on. Amber: seen, below it. The stronger")],
)  # fmt: skip
def test_the_maps_legend_says_how_much_is_told_there(
    many: int, start_at: float | None, says: str, fleet: Fleet
) -> None:
    told = week(fleet.database, "330106", MONDAY, SUNDAY)
    places = tuple(Place(f"n{n}", Point(30 + n / 100, 120), n) for n in range(many))
    page = html(replace(told, taxa=(replace(told.taxa[0], places=places, start_at=start_at),)), [], MADE)
    assert f"{says} the more. Small and green: looked and saw none." in page
    assert ("Red: " in page) == (start_at is not None)


@pytest.mark.parametrize(("start_at", "worst"), [(5, "reached"), (8, "seen"), (None, "seen")])
def test_red_on_paper_is_what_is_red_at_the_desk(fleet: Fleet, start_at: float | None, worst: str) -> None:
    """One moth was red in the report, and amber at the desk in the same week."""
    keep_threshold(fleet.database, MOTH[0], "new", start_at, None, "the station")
    fleet.counts("b", 6.1, count(MOTH, 7))
    fleet.sum_up()
    page = html(week(fleet.database, "330106", MONDAY, SUNDAY), [], MADE)
    dots = re.findall(r'<circle class="(\w+)"[^>]*><title>s/(\w): [\d,]+<', page)[:3]
    assert dots == [(worst, "a"), ("seen", "b"), ("zero", "c")]


@pytest.mark.parametrize(("many", "shape"), [(1, "circle"), (50, "rect")])
def test_a_place_that_has_reached_the_threshold_is_red_also_where_none_of_the_chosen_stage_is(
    many: int, shape: str
) -> None:
    """Thirty adults and no larva: larvae were chosen, and the threshold is of all stages."""
    places = [Place(f"n{n}", Point(30 + n / 100, 120), 0) for n in range(many)]
    drawn = area_map(places, reached={"n0"})
    assert [drawn.count(f'<{shape} class="{kind}"') for kind in ("reached", "zero")] == [1, many - 1]


def test_a_change_of_less_than_half_a_per_cent_is_no_minus_zero_and_one_from_zero_has_no_per_cent() -> None:
    assert [change(now, 1000) for now in (996, 1004, 990, 0)] == ["+0%", "+0%", "-1%", "-100%"]
    assert [change(now, 0) for now in (3, 0)] == ["none before", "none, as before"]


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "+1,250%"), ("es", "+1.250\u00a0%"), ("fr", "+1\u202f250\u00a0%"), ("pt", "+1.250%"), ("zh", "+1,250%")],
)
def test_a_change_is_written_as_the_language_writes_per_cent(language: str, said: str) -> None:
    with speaking(language):
        assert change(27, 2) == said


def test_squares_lie_about_their_places_as_dots_do_and_are_the_stronger_the_more_was_seen() -> None:
    ring = [Point(30, 120), Point(31, 120), Point(31, 121)]
    places = [Place(f"s/n{n}", Point(30 + n / 100, 120 + n / 100), 100 if n else 25) for n in range(DOTS_BELOW)]
    dots, squares = (parsed(area_map(some, [ring])) for some in (places[:2], places))
    (outline,) = squares.iter("polygon")
    assert len((outline.get("points") or "").split()) == len(ring)
    at = {title_of(one): [float(one.get(side, "")) for side in ("cx", "cy")] for one in dots.iter("circle")}
    for one in squares.iter("rect"):
        x, y, wide, high = (float(one.get(side, "")) for side in ("x", "y", "width", "height"))
        if title_of(one) in at:
            assert [x + wide / 2, y + high / 2] == pytest.approx(at[title_of(one)], abs=0.2)
    assert {title_of(one).split(": ")[1]: one.get("fill-opacity") for one in squares.iter("rect")} == {
        "100": "1.00", "25": "0.60"
    }  # fmt: skip
    template = (Path(charts.__file__).parents[1] / "templates/report.html").read_text("utf-8")
    assert "fill-opacity" not in template, "its style would go before what a shape carries"


def title_of(shape: Element) -> str:
    return shape.findtext("title") or ""


def test_dots_grow_in_area_with_the_count_and_stay_hollow_without_data() -> None:
    places = [Place("a", Point(30, 120), 100), Place("b", Point(30.1, 120), 25), Place("c", Point(30, 120.2), None)]
    drawn = area_map(places)
    radii = [float(r) for r in re.findall(r'class="seen"[^>]* r="([\d.]+)"', drawn)]
    assert radii == [22.0, 11.0]
    assert drawn.count('class="silent"') == 1


@pytest.mark.parametrize(
    ("values", "says"),
    [((3, 0), "most 3, 0 without"), ((0, 0), "most 0, 0 without"), ((0, None), "most 0, 1 without"),
     ((None, None), "most no data, 2 without")],
)  # fmt: skip
def test_a_map_on_which_nothing_was_seen_is_not_said_to_show_one(values: tuple[float | None, ...], says: str) -> None:
    places = [Place("a", Point(30 + n, 120), value) for n, value in enumerate(values)]
    assert f"Map of 2 places, {says} data" in area_map(places)


def test_the_scale_of_a_map_lies_below_its_lowest_dot() -> None:
    drawn = parsed(area_map([Place("s/a", Point(30.1, 120.1), 7)]))
    (dot,), (scale,) = drawn.iter("circle"), drawn.iter("text")
    top_px = float(scale.get("y", "")) - float(scale.get("font-size", ""))
    assert float(dot.get("cy", "")) + float(dot.get("r", "")) < top_px


def test_the_zeros_of_one_fields_many_nodes_hide_nobody_who_saw_something() -> None:
    places = [Place(f"n{n}", Point(30 + n / 10_000, 120), 0 if n else 9) for n in range(DOTS_BELOW)]
    drawn = area_map(places)
    sides = {kind: {*re.findall(rf'class="{kind}"[^>]* width="([\d.]+)"', drawn)} for kind in ("seen", "zero")}
    assert sides == {"seen": {"44.0"}, "zero": {"26.4"}}


@pytest.mark.parametrize(
    ("mean", "start_at", "says"),
    [(0.0042, 0, "0.0042"), (0.05, 0, "0.1"), (0, 0, "0"), (0.96, 1, "0.96"), (1, 1, "1"), (0.04, 0.04, "0.04"),
     (7.857, 5, "7.9"), (999.97, 1000, "999.97"), (None, 1, "no data")],
)  # fmt: skip
def test_a_mean_is_never_rounded_to_zero_nor_onto_its_threshold(mean: float | None, start_at: float, says: str) -> None:
    assert value_words(mean, "new", start_at) == says
    assert value_words(mean, "affected_frames", start_at) == says + " %" * (mean is not None)


@pytest.mark.parametrize(("many", "size"), [(49, "r"), (50, "width")])
def test_a_place_without_a_pest_is_smaller_than_any_with_one(many: int, size: str) -> None:
    places = [Place(f"n{n}", Point(30 + n / 100, 120), n * n) for n in range(many)]
    sizes = {
        kind: [float(px) for px in re.findall(rf'class="{kind}"[^>]* {size}="([\d.]+)"', area_map(places))]
        for kind in ("zero", "seen")
    }
    assert (len(sizes["zero"]), len(sizes["seen"])) == (1, many - 1)
    assert max(sizes["zero"]) < min(sizes["seen"])


def test_north_is_up_and_a_kilometre_is_as_long_both_ways() -> None:
    side = 0.1
    narrow = side / 0.866
    places = [Place("south-west", Point(30, 120), 1), Place("north-west", Point(30 + side, 120), 1),
              Place("south-east", Point(30, 120 + narrow), 1)]  # fmt: skip
    drawn = area_map(places)
    at = {
        m[2]: (float(m[0]), float(m[1]))
        for m in re.findall(r'cx="([\d.]+)" cy="([\d.]+)" [^>]*><title>([a-z-]+)', drawn)
    }
    assert at["north-west"][1] < at["south-west"][1]
    up, right = at["south-west"][1] - at["north-west"][1], at["south-east"][0] - at["south-west"][0]
    assert up == pytest.approx(right, rel=0.01)


def test_the_date_line_parts_no_map() -> None:
    """Three places in Fiji, some 10 km apart, drawn as they would be elsewhere; with borders, too."""
    maps = []
    for east in ([179.95, -179.95, 179.97], [119.95, 120.05, 119.97]):
        at = [Point(latitude, longitude) for latitude, longitude in zip((-17.0, -17.05, -17.1), east, strict=True)]
        places = [Place(f"n{n}", one, 1) for n, one in enumerate(at)]
        maps.append((area_map(places), area_map(places[:2], [at])))
    assert maps[0] == maps[1]


def test_borders_come_from_a_file_and_a_wrong_one_is_a_sentence(tmp_path: Path) -> None:
    ring = [[120, 30], [121, 30], [121, 31], [120, 30]]
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "MultiPolygon", "coordinates": [[ring]]}}
    path = tmp_path / "county.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), "utf-8-sig")
    assert read_outlines(path) == [[Point(lat, lon) for lon, lat in ring]]
    for wrong in (
        "{",
        "[]",
        '{"type": "Point", "coordinates": [1, 2]}',
        '{"type": "Polygon", "coordinates": [[["x"]]]}',
        '{"type": "Polygon", "coordinates": [[[250000, 33]]]}',  # metres
        '{"type": "Polygon", "coordinates": [[[120, 3320000]]]}',
        f'{{"type": "Polygon", "coordinates": [[[120, 1{"0" * 400}]]]}}',
        "[" * 100_000,
    ):
        path.write_text(wrong)
        with pytest.raises(UsageError, match=r"county\.geojson: no"):
            read_outlines(path)


def test_the_command_writes_a_page_and_paper_with_the_stations_own_thresholds(
    fleet: Fleet, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    thresholds = tmp_path / "own.csv"
    with thresholds.open("w") as file:
        csv.writer(file).writerows(
            [("label", "unit", "start_at", "sure_at", "source"), (MOTH[0], "new", 2, "", "the station")]
        )
    words = ["report", "--database", url, "--area", "330106000000", "--week", "28", "--year", "2026"]
    assert platform_main([*words, "--out", str(tmp_path), "--thresholds", str(thresholds)]) == 0
    assert [Path(line).name for line in capsys.readouterr().out.split()] == [
        "report-330106-2026-W28.html", "report-330106-2026-W28.pdf",
    ]  # fmt: skip
    page = (tmp_path / "report-330106-2026-W28.html").read_text("utf-8")
    assert "starts at 2 a camera and night (the station)" in page
    assert ">go and look<" in page
    paper = pypdfium2.PdfDocument(tmp_path / "report-330106-2026-W28.pdf")
    text = "".join(page.get_textpage().get_text_range() for page in paper)
    assert "42 to 63" in text
    assert MOTH[0] in text
    thresholds.write_text(f"label,unit,start_at,sure_at,source\n{MOTH[0]},new,,,\n")
    keep_thresholds(fleet.database, thresholds)
    assert fleet.database.execute("SELECT FROM threshold").fetchall() == []
    words[4] = "all"
    assert platform_main([*words, "--out", str(tmp_path)]) == 0
    assert "<p>All areas, nights of 2026-07-06 to" in (tmp_path / "report-all-2026-W28.html").read_text("utf-8")


def test_without_pango_the_page_is_written_and_a_sentence_says_what_paper_needs(url: str, tmp_path: Path) -> None:
    (tmp_path / "libpango-1.0.so.0").touch()
    ended = reported(url, tmp_path, "en", LD_LIBRARY_PATH=str(tmp_path))
    assert_only_a_page(ended, f"the report's PDF needs Pango; for more than its HTML run: {INSTALL}")


def test_paper_without_a_font_for_its_language_is_no_paper_of_empty_boxes(url: str, tmp_path: Path) -> None:
    fonts = tmp_path / "fonts.conf"
    fonts.write_text(f"<fontconfig><dir>{tmp_path}</dir><cachedir>{tmp_path}</cachedir></fontconfig>")
    ended = reported(url, tmp_path, "zh", FONTCONFIG_FILE=str(fonts))
    why = "would be empty boxes in 'zh', as no font here has its letters"
    assert_only_a_page(ended, f"the report's PDF {why}; for more than its HTML run: {INSTALL}")


def test_the_pages_tell_what_paper_needs() -> None:
    assert f"\n{INSTALL}" in (Path(__file__).parents[2] / "docs/platform.md").read_text("utf-8")


def reported(url: str, folder: Path, language: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`report`, where that machine has not all that paper needs."""
    command = [sys.executable, "-c", "import sys; from edge.cli import platform_main; sys.exit(platform_main())"]
    words = ["report", "--database", url, "--area", "330106", "--week", "28", "--year", "2026", "--language", language]
    return subprocess.run(
        [*command, *words, "--out", folder / "out"], env={**os.environ, **environment},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def assert_only_a_page(ended: subprocess.CompletedProcess[str], sentence: str) -> None:
    assert (ended.returncode, ended.stderr) == (2, f"fieldeye-platform: {sentence}\n")
    page = Path(ended.stdout.rstrip("\n"))
    assert [one.name for one in page.parent.iterdir()] == ["report-330106-2026-W28.html"]


@pytest.mark.parametrize(
    ("on_the_wall", "week", "monday"),
    [
        (date(2026, 7, 13), 28, date(2026, 7, 6)),
        (date(2026, 7, 13), 29, date(2026, 7, 13)),
        (date(2026, 7, 13), 30, date(2025, 7, 21)),
        (date(2027, 1, 4), 53, date(2026, 12, 28)),
        (date(2028, 1, 3), 52, date(2027, 12, 27)),
        (date(2024, 12, 31), 1, date(2024, 12, 30)),
        (date(2027, 1, 3), 1, date(2025, 12, 29)),
        (date(2026, 12, 27), 53, date(2020, 12, 28)),
        (date(1903, 12, 27), 53, date(1896, 12, 28)),
    ],
)
def test_a_week_without_a_year_is_the_newest_that_has_begun(on_the_wall: date, week: int, monday: date) -> None:
    assert newest_week(week, on_the_wall) == (monday, monday + timedelta(days=6))


def test_the_command_without_a_year_reports_no_week_that_is_to_come(
    fleet: Fleet, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coming = (datetime.now(UTC).date() + timedelta(days=9)).isocalendar()
    words = ["report", "--database", url, "--area", "330106", "--week", str(coming.week), "--out", str(tmp_path)]
    assert platform_main(words) == 0
    year = newest_week(coming.week, datetime.now(UTC).date())[0].isocalendar().year
    assert f"report-330106-{year}-W{coming.week:02}.html" in capsys.readouterr().out


def test_a_month_is_reported_with_all_its_nights_and_says_of_which_its_means_are(
    fleet: Fleet, url: str, tmp_path: Path
) -> None:
    fleet.counts("a", 30, count(MOTH, 5))
    fleet.counts("a", 31, count(MOTH, 1000))  # of August
    fleet.sum_up()
    words = ["report", "--database", url, "--area", "330106", "--month", "2026-07", "--out", str(tmp_path)]
    assert platform_main(words) == 0
    page = (tmp_path / "report-330106-2026-07.html").read_text("utf-8")
    assert (tmp_path / "report-330106-2026-07.pdf").read_bytes().startswith(b"%PDF")
    assert "nights of 2026-07-01 to 2026-07-31." in page
    assert re.findall(
        r'<th scope="row">[^<]*Plutella.*?<td class="n">(\d+)</td>.*?<td class="n">([^<]*)</td>', page
    ) == [("54", "5")]
    assert page.count("A camera and night, the change and the level are of the last seven nights.") == 1
    for last, says in ((SUNDAY, False), (MONDAY, True)):  # a week, and a month that has just begun
        page = html(week(fleet.database, "330106", MONDAY, last), [], MADE)
        assert ("are of the last seven nights" in page) == says


@pytest.mark.parametrize(
    ("month", "today", "last"),
    [("2026-07", date(2026, 8, 1), date(2026, 7, 31)), ("2028-02", date(2030, 1, 1), date(2028, 2, 29)),
     ("2026-07", date(2026, 7, 9), date(2026, 7, 9))],
)  # fmt: skip
def test_a_month_ends_with_its_last_night_or_with_today(month: str, today: date, last: date) -> None:
    assert month_of(month, today) == (last.replace(day=1), last)


def test_paper_shows_seen_none_and_no_data_in_the_colours_that_its_words_name(fleet: Fleet) -> None:
    fleet.place("d", latitude_deg=30.05, longitude_deg=120.15)
    fleet.counts("d", 40)  # known, and silent in this week
    fleet.sum_up()
    keep_threshold(fleet.database, MOTH[0], "new", 7, None, "the station")  # none of the other's
    paper = pypdfium2.PdfDocument(pdf(html(week(fleet.database, "330106", MONDAY, SUNDAY), [], MADE)))
    pixels = np.concatenate([np.asarray(page.render(scale=1).to_pil().convert("RGB")).reshape(-1, 3) for page in paper])
    reached, seen, none, land = (0xC7, 0x6C, 0x66), (0xDB, 0xB5, 0x77), (0x2E, 0x7D, 0x4F), (0xEE, 0xF2, 0xEE)
    for colour in (reached, seen, none, land):
        assert _near(pixels, colour) > 20, colour
    assert _near(pixels, (0, 0, 0)) < 100, "what has no colour is black"


def _near(pixels: np.ndarray, colour: tuple[int, int, int]) -> int:
    """How many of `pixels` (n, 3) have that colour, within what edges and opacity change."""
    return int((np.abs(pixels.astype(int) - colour) <= 12).all(axis=1).sum())


def test_an_area_without_a_node_is_not_said_to_have_reported(fleet: Fleet) -> None:
    page = html(week(fleet.database, "999999", MONDAY, SUNDAY), [], MADE)
    assert "No node of this area had begun to count by then." in page
    assert "Every node reported" not in page


@pytest.mark.parametrize(
    ("area", "code", "says"),
    [("330106", 2, "area 330106: the database's user reads 330106011 and nothing beside it; give an area within that"),
     ("330106012", 2, "area 330106012: the"), ("330106011", 0, ""), ("330106011002", 0, "")],
)  # fmt: skip
def test_a_report_in_a_townships_role_tells_no_zeros_of_what_the_role_may_not_see(
    fleet: Fleet, url: str, area: str, code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.database.execute("SELECT add_reader('town_011', '330106011')")
    fleet.database.execute("ALTER ROLE town_011 LOGIN")
    own = url.replace("//fieldeye@", "//town_011@")
    words = ["--area", area, "--week", "28", "--year", "2026", "--out", str(tmp_path)]
    assert platform_main(["report", "--database", own, *words]) == code
    told = capsys.readouterr().err
    assert (says in told, told.count("\n")) == (True, code // 2)
    assert bool(list(tmp_path.iterdir())) == (code == 0)


def test_a_report_in_the_role_of_all_areas_tells_any(fleet: Fleet) -> None:
    fleet.database.execute("SELECT add_reader('country', '')")
    fleet.database.execute("SET ROLE country")
    assert week(fleet.database, "330106", MONDAY, SUNDAY).reporting == 3


@pytest.mark.parametrize(
    ("more", "says"),
    [(["--month", "2026-7-1"], "'2026-7-1' is no month"), (["--month", "2999-01"], "2999-01 has not begun"),
     (["--month", "2026-07", "--year", "2026"], "--month 2026-07 names its year"), (["--week", "60"], "week 60"),
     (["--week", "28", "--year", "0"], "week 28 of 0"),
     (["--week", "52", "--year", "9999"], "week 52 of 9999"),
     (["--week", "28", "--area", "331"], "no area code"),
     (["--week", "28", "--thresholds", "nowhere.csv"], "nowhere.csv: cannot be read")],
)  # fmt: skip
def test_a_report_that_cannot_be_made_is_a_sentence(
    still_url: str, more: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert platform_main(["report", "--database", still_url, "--area", "330106", *more]) == 2
    assert says in capsys.readouterr().err
