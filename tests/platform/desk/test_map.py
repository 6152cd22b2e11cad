"""The map page: its filters, figures and tables, and what the script is told to draw."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from flask.testing import FlaskClient

from edge.clock import ClockState
from edge.counts import NoData
from edge.platform.areas.hull import Point
from edge.platform.areas.population import keep_threshold
from edge.platform.desk import create_app
from edge.platform.desk.people import add_person
from tests.platform.desk.visitors import PASSWORD, log_in
from tests.platform.fleet import BLAST, EVENING, FIRST, Fleet, moment, tonight
from tests.records import APHID, MOTH, count


def test_a_township_sees_its_own_nodes_and_nothing_of_the_next(still: FlaskClient) -> None:
    client = still
    page = client.get("/?first=2026-07-01&last=2026-07-01").text
    assert "Township 330106011" in page
    assert "<b>3</b> counted, range 1 to 9" in page
    assert {row[0] for row in client.get("/api/map?first=2026-07-01&last=2026-07-01").json["places"]} == {"s/a", "s/b"}  # type: ignore[index]
    assert "s/<wbr>c" not in client.get("/nodes").text
    assert "at c?" not in client.get("/questions").text


@pytest.mark.parametrize(
    ("night", "says", "places"),
    [("2026-07-01", ["0", "counted, range 0 to 0"], [0, 0]), ("2026-08-01", ["no data", "count"], [None, None])],
)
def test_a_pest_that_was_not_seen_is_told_as_such_and_not_another_one(
    fleet: Fleet, client: FlaskClient, night: str, says: list[str], places: list[int | None]
) -> None:
    """The first pest of the list stood there in its place, with that one's count."""
    fleet.counts("c", 0, count(APHID, 5, 4, 7))
    fleet.sum_up()
    log_in(client)
    asked = f"taxon={APHID[0]}||new&first={night}&last={night}"
    page = client.get(f"/?{asked}").text
    assert re.findall(r"<li><b>(.*?)</b> (.*?)</li>", page)[0] == tuple(says)
    assert f'<option value="{APHID[0]}||new" selected>' in page
    assert [place[3] for place in client.get(f"/api/map?{asked}").json["places"]] == places  # type: ignore[index]
    assert ("0 km²" in page) == (says[0] == "0"), "nobody looked how far it goes"


def test_nights_without_data_do_not_hide_what_the_others_counted(still: FlaskClient) -> None:
    assert "<b>3</b> counted, range 1 to 9" in still.get("/?first=2026-06-30&last=2026-07-02").text


@pytest.mark.parametrize("page", ["/", "/api/map"])
@pytest.mark.parametrize("key", ["Nobody|| new", "Plutella xylostella||heads", "Plutella xylostella", "||"])
def test_a_pest_that_no_node_ever_named_is_refused(still: FlaskClient, page: str, key: str) -> None:
    answer = still.get(page, query_string={"taxon": key, "first": "2026-07-01", "last": "2026-07-01"})
    assert (answer.status_code, "No node has ever told of this taxon" in answer.text) == (404, True)


def test_the_chart_stands_as_a_table_too(fleet: Fleet, client: FlaskClient) -> None:
    fleet.counts("a", 2, count(MOTH, 5))
    fleet.sum_up()
    log_in(client)
    asked = f"taxon={MOTH[0]}||new&first=2026-07-03&last=2026-07-03"
    _, _, chart = client.get(f"/?{asked}").text.partition("<summary>Eight weeks</summary>")
    cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", chart.partition("</table>")[0])
    rows = [cells[n : n + 3] for n in range(3, len(cells), 3)]
    assert len(rows) == 8 * 7
    assert rows[-3:] == [
        ["2026-07-01", "1.5", "1.5"], ["2026-07-02", "no data", "1.5"], ["2026-07-03", "5", "3.2"],
    ]  # fmt: skip
    drawn = client.get(f"/api/map?{asked}").json["nights"]  # type: ignore[index]
    assert [row[0] for row in rows] == [night for night, *_ in drawn]


@pytest.mark.parametrize("page", ["/", "/api/map"])
def test_the_calendars_first_night_has_no_weeks_before_it(still: FlaskClient, page: str) -> None:
    asked = {"taxon": f"{MOTH[0]}||new", "first": "0001-01-01", "last": "0001-01-01"}
    assert still.get(page, query_string=asked).status_code == 200


@pytest.mark.parametrize("page", ["/", "/api/map"])
@pytest.mark.parametrize("area", ["330106012", "330106", "33", "３３"])
def test_an_area_beside_ones_own_is_refused_and_not_told_as_nothing(still: FlaskClient, page: str, area: str) -> None:
    answer = still.get(f"{page}?area={area}&first=2026-07-01&last=2026-07-01")
    assert (answer.status_code, "You see the area 330106011 only." in answer.text) == (403, True)


@pytest.mark.parametrize(
    ("query", "says"),
    [("area=12345", "区划代码为 2、4、6、9 或 12 位"), ("first=2026-13-01", "没有这一夜"),
     ("last=0001-01-01", "没有这一夜"), ("first=2020-01-01&last=2026-01-01", "一次最多显示"),
     ("first=2026-07-02&last=2026-07-01", "起止夜次颠倒")],
)  # fmt: skip
def test_filters_that_make_no_sense_are_answered_with_what_would(still: FlaskClient, query: str, says: str) -> None:
    answer = still.get(f"/?{query}", headers={"Accept-Language": "zh"})
    assert (answer.status_code, says in answer.text, "区划" in answer.text) == (400, True, "area" in query)
    assert not re.search(r"[a-z]{4,}", re.sub(r"<[^>]+>", "", answer.text.partition("<main>")[2])), "a word of English"


def test_the_areas_below_add_up_to_what_is_shown_the_worst_first(fleet: Fleet, client: FlaskClient) -> None:
    for node, township in (("e", "013"), ("f", "014"), ("g", "015"), ("h", "016")):
        fleet.place(node, area_code=f"330106{township}001")
    fleet.place("i", area_code="330106")
    fleet.counts("i", -1, count(MOTH, 50))
    fleet.counts("c", 1, count(MOTH, 5, 4, 7), area_mm2=2_000_000)
    fleet.counts("a", 1, count(MOTH, 1, 1, 1))
    fleet.place("second", area_code="330106012001")
    fleet.counts("second", 1)
    fleet.place("dark", area_code="330106012001")
    fleet.counts("dark", 1, counts=NoData("dark"), frames=0)
    fleet.counts("e", 0, count(MOTH, 1), area_mm2=2_000_000)
    for n in range(2):
        fleet.place(f"e{n}", area_code="330106013001")
        fleet.counts(f"e{n}", 0)
    fleet.counts("f", 0)
    fleet.counts("g", -1, count(MOTH, 50))
    fleet.sum_up()
    log_in(client, "county")
    asked = f"taxon={MOTH[0]}||new&first=2026-07-01&last=2026-07-02"
    page = client.get(f"/?{asked}").text
    rows = areas_below(page)
    assert rows == [
        ["330106012", "8", "6 to 13", "2.5 /m² a night (1 of 2 cameras)", "2"],
        ["330106011", "4", "2 to 10", "", "2"],
        ["330106013", "1", "not known", "", "3"],
        ["330106014", "0", "0 to 0", "", "1"],
        ["330106000", "no data", "", "", "0"],
        ["330106015", "no data", "", "", "0"],
    ]
    assert "area=330106000&" not in unescape(page), "it means the county, which is on the page"
    total = re.search(r"<b>(\d+)</b> counted", page)
    assert total is not None
    assert sum(int(row[1]) for row in rows if row[1] != "no data") == int(total[1])
    link = re.search(r'href="(/\?[^"]*area=330106012[^"]*)">330106012<', page)
    assert link is not None
    below = client.get(unescape(link[1]).replace("330106012", "330106012000")).text
    assert "<b>8</b> counted" in below
    assert 'value="2026-07-01"' in below
    assert areas_below(below) == [], "one village is not told apart"


def test_what_counts_in_no_area_stands_beside_the_provinces_and_is_none(fleet: Fleet, client: FlaskClient) -> None:
    """The first row was a province 00, which is none."""
    fleet.place("lost", area_code=None)
    fleet.counts("lost", 0, count(MOTH, 9))
    fleet.sum_up()
    add_person(fleet.database, "station", PASSWORD, "")
    log_in(client, "station")
    page = client.get("/?first=2026-07-01&last=2026-07-01").text
    assert [row[:2] for row in areas_below(page)] == [["In no area", "9"], ["33", "6"]]
    (link,) = re.findall(r'href="(/\?[^"]*)">In no area<', page)
    assert "<h1>In no area</h1>" in client.get(unescape(link)).text


def test_of_a_disease_the_area_below_with_the_largest_share_is_worst(fleet: Fleet, client: FlaskClient) -> None:
    fleet.counts("a", 0, count(BLAST, 30), unit="affected_frames", frames=200)
    fleet.counts("c", 0, count(BLAST, 10), unit="affected_frames", frames=20)
    fleet.sum_up()
    log_in(client, "county")
    page = client.get(f"/?taxon={BLAST[0]}||affected_frames&first=2026-07-01&last=2026-07-01").text
    assert [(row[0], row[1], row[3]) for row in areas_below(page)] == [
        ("330106012", "10", "50 %"), ("330106011", "30", "15 %"),
    ]  # fmt: skip


def test_an_area_with_one_camera_far_over_its_level_is_worse_than_one_with_many_calm_ones(
    fleet: Fleet, client: FlaskClient
) -> None:
    for n in range(5):
        fleet.place(f"calm{n}", area_code=f"330107001{n:03}")
        fleet.counts(f"calm{n}", 0, count(MOTH, 9))
    fleet.place("hot", area_code="330107002001")
    fleet.counts("hot", 0, count(MOTH, 40))
    fleet.sum_up()
    add_person(fleet.database, "next", PASSWORD, "330107")
    log_in(client, "next")
    page = client.get("/?area=&first=2026-07-01&last=2026-07-01").text  # emptied: one's own
    assert [(row[0], row[1]) for row in areas_below(page)] == [("330107002", "40"), ("330107001", "45")]


def test_of_many_areas_below_the_thirty_worst_are_told(fleet: Fleet, client: FlaskClient) -> None:
    for n in range(31):
        fleet.place(f"n{n}", area_code=f"330107{n:03}001")
        fleet.counts(f"n{n}", 0, count(MOTH, n + 1))
    fleet.sum_up()
    add_person(fleet.database, "next", PASSWORD, "330107")
    log_in(client, "next")
    page = client.get("/?first=2026-07-01&last=2026-07-01").text
    assert [row[1] for row in areas_below(page)] == [str(n) for n in range(31, 1, -1)]
    assert "The 30 worst of 31." in page


def test_of_many_taxa_the_first_two_hundred_and_the_one_asked_for_are_offered(
    fleet: Fleet, client: FlaskClient
) -> None:
    fleet.counts("a", 0, *(count((f"Taxon {n}", ""), 500 - n) for n in range(201)))
    fleet.sum_up()
    log_in(client)
    for asked, offered in (("", 200), ("Taxon 200||new", 201)):
        query = {"taxon": asked, "first": "2026-07-01", "last": "2026-07-01"}
        page = client.get("/", query_string=query).text
        keys = re.findall(r'<option value="([^"]+\|new)"', page)
        assert (keys[:2], len(keys)) == ([f"{MOTH[0]}||new", "Taxon 0||new"], offered)
    assert '<option value="Taxon 200||new" selected>' in page
    assert "<li><b>300</b> counted" in page


def areas_below(page: str) -> list[list[str]]:
    """The cells of each row."""
    _, _, after = page.partition("<h2>Areas below</h2>")
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", after.partition("</table>")[0])
    return [[re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows]


def test_a_node_is_silent_from_its_first_night_on_and_the_list_stands_below_the_map(
    fleet: Fleet, client: FlaskClient
) -> None:
    fleet.counts("b", 2, count(MOTH, 1))
    fleet.place("never")
    fleet.place("later", area_code="330106011009")
    fleet.counts("later", 3, count(MOTH, 1))
    fleet.sum_up()
    log_in(client)
    page = client.get("/?first=2026-07-03&last=2026-07-03").text
    told = re.findall(r"<details><summary>(Silent.*?)</summary><p[^>]*>(.*?)</p>", page.partition('id="map"')[2])
    assert told == [("Silent in these nights: 1.", "s/a")]


def test_the_nodes_reporting_in_a_night_are_not_held_against_those_that_count_something_else(
    fleet: Fleet, client: FlaskClient
) -> None:
    fleet.place("leaf", area_code="330106011009")
    fleet.counts("leaf", 0, count(BLAST, 1), unit="affected_frames", frames=20)
    fleet.sum_up()
    log_in(client)
    page = client.get(f"/?taxon={MOTH[0]}||new&first=2026-07-01&last=2026-07-01").text
    (night,) = re.findall(r'row">2026-07-01</th>(.*?)</tr>', page.partition("<h2>Nights</h2>")[2])
    assert re.findall(r'<td class="n">(.*?)</td>', night)[1:] == ["2", "2", "0"], "nodes, cameras, too full"


def test_where_it_is_worst_stands_first_with_its_area(still: FlaskClient) -> None:
    places = still.get("/?first=2026-07-01&last=2026-07-01").text.split("<h2>Places</h2>")[1]
    assert places.index("s/b") < places.index("s/a")
    assert "330106011" in places


def test_nodes_without_a_position_are_told_beside_the_map_and_take_no_square_kilometre(
    fleet: Fleet, client: FlaskClient
) -> None:
    log_in(client)
    for node, says, is_placed in (
        ("b", "1 node that counted has no position and is not on the map.", True),
        ("a", "2 nodes that counted have no position and are not on the map.", False),
    ):
        fleet.database.execute("UPDATE node SET latitude_deg = NULL, longitude_deg = NULL WHERE node = %s", (node,))
        page = client.get("/?first=2026-07-01&last=2026-07-01").text
        assert "<b>3</b> counted" in page
        assert says in page
        assert [one in page for one in ("km²</b>", "The table below", "<h2>Places</h2>")] == [is_placed] * 3


def test_counts_of_an_unknown_night_are_told_with_the_nights_in_which_they_came(
    fleet: Fleet, client: FlaskClient
) -> None:
    unset = moment(EVENING, ClockState.UNSYNCED)
    fleet.counts("a", 0, count(MOTH, 1000), start=unset, end=unset)
    fleet.sum_up()
    log_in(client)
    says = "<p>1 node sent counts of an unknown night, as its clock was not set. They are in no figure.</p>"
    came = client.get(f"/?first={tonight()}&last={tonight()}").text
    assert (says in came, "Nothing was counted here in these nights." in came) == (True, True)
    page = client.get("/?first=2026-07-01&last=2026-07-01").text
    assert (says in page, "<b>3</b> counted, range 1 to 9" in page) == (False, True)


def test_where_a_pest_was_seen_is_told_as_an_area_and_how_fast_it_spreads_where_it_does(
    fleet: Fleet, client: FlaskClient
) -> None:
    log_in(client)
    for taxon, says in ((MOTH, "in which it was seen"), (APHID, "in which it was seen; spreads 2.6 km a week")):
        page = client.get(f"/?taxon={taxon[0]}||new&first=2026-07-01&last=2026-07-14").text
        assert re.findall(r"<li><b>(\d+ km²)</b> (.*?)</li>", page) == [("2 km²", says)]
        fleet.counts("a", 0, count(APHID, 5))
        fleet.counts("b", 1)
        fleet.counts("b", 8, count(APHID, 5))
        fleet.sum_up()


@pytest.mark.parametrize(
    ("unit", "start_at", "until", "says", "reached"),
    [("new", 2, 1, "2 a camera and night", "b"), ("new", 2, 2, "2 a camera and night", ""),
     ("new", 1, 2, "1 a camera and night", "ba"), ("affected_frames", 7.5, 2, "7.5 %", "a"), ("new", None, 1, "", ""),
     ("max_per_frame", 2.5, 2, "2.5 a camera and night", "b"), ("max_per_frame", 3, 2, "3 a camera and night", "")],
)  # fmt: skip
def test_red_is_what_has_reached_the_stations_threshold_which_stands_there_and_in_the_chart(
    fleet: Fleet, client: FlaskClient, unit: str, start_at: float | None, until: int, says: str, reached: str
) -> None:
    keep_threshold(fleet.database, MOTH[0], unit, start_at, None, "the station")
    fleet.counts("b", 1, exposed_s=7 * 86_400)
    for node, affected in (("a", 3), ("b", 2)):
        fleet.counts(node, 1, count(MOTH, affected), unit="affected_frames", frames=40)
        fleet.counts("b", affected - 2, count(MOTH, affected), unit="max_per_frame")
    fleet.sum_up()
    log_in(client)
    asked = f"taxon={MOTH[0]}||{unit}&first=2026-07-01&last=2026-07-0{until}"
    page, told = client.get(f"/?{asked}").text, client.get(f"/api/map?{asked}").json
    assert told is not None
    assert ([place[0] for place in told["places"] if place[4]], told["threshold"]) == (
        [f"s/{one}" for one in reached],
        start_at,
    )
    assert re.findall(r"by the station&#39;s threshold of (.*?)</li>", page) == [says] * bool(says)
    assert ("Red: from the station's threshold on." in page, "Amber: seen, " in page) == (bool(says), True)
    assert re.findall(r'row">s/(.)</th><td class="n act">', page) == [*reached]


def test_the_date_line_parts_no_map_at_the_desk(fleet: Fleet, url: str) -> None:
    fleet.database.execute("UPDATE node SET longitude_deg = CASE node WHEN 'a' THEN 179.9 ELSE -179.9 END")
    border = [Point(30, 179.5), Point(30, -179.5), Point(31, 179.9)]
    client = create_app(url, [border]).test_client()
    log_in(client)
    told = client.get("/api/map?first=2026-07-01&last=2026-07-01").json
    assert told is not None
    east = [place[2] for place in told["places"]] + [longitude for _, longitude in told["outlines"][0]]
    assert max(east) - min(east) == pytest.approx(1)


def test_of_a_disease_the_desk_tells_the_share_of_the_frames(fleet: Fleet, client: FlaskClient) -> None:
    fleet.counts("a", 0, count(BLAST, 30, 20, 40), unit="affected_frames", frames=200)
    fleet.sum_up()
    log_in(client)
    asked = f"taxon={BLAST[0]}||affected_frames&first=2026-07-01&last=2026-07-01"
    page = client.get(f"/?{asked}").text
    assert "<b>15 %</b> frames with the symptom" in page
    choices = re.findall(r"<option [^>]*>(.*?)</option>", page)
    assert choices == [
        "Diamondback moth (Plutella xylostella)",
        "Rice blast (Pyricularia oryzae) · frames with the symptom",
    ]
    assert 'data-sign=" %"' in page
    assert "Incidence: each night" in page
    nights = client.get(f"/api/map?{asked}").json["nights"]  # type: ignore[index]
    assert nights[-1] == ["2026-07-01", 15, 15]
    places = page.split("<h2>Places</h2>")[1]
    assert re.findall(r'<th scope="row">(.*?)</th><td class="n">(.*?)</td>', places) == [
        ("s/a", "15 %"), ("s/b", "no data"),
    ]  # fmt: skip
    assert '<th scope="col" class="n">incidence</th>' in places


@pytest.mark.parametrize(
    ("areas_mm2", "says"),
    [((20_000, 40_000), "<b>50 /m² a night</b> density, range 17 to 150"),
     ((3_000_000,), "<b>0.33 /m² a night</b> density, range 0 to 1.67"),
     ((90_000_000,), "<b>0.0111 /m² a night</b> density, range 0 to 0.0556"),
     ((20_000, None), "<b>50 /m² a night (1 of 2 cameras)</b> density, range 0 to 250"),
     ((20_000, None, None), "<b>only 1 of 3 cameras calibrated</b> density<")],
)  # fmt: skip
def test_a_density_lies_within_its_range_and_is_no_zero_on_many_cameras(
    fleet: Fleet, client: FlaskClient, areas_mm2: tuple[int | None, ...], says: str
) -> None:
    for node, area_mm2 in zip("abx", areas_mm2, strict=False):
        fleet.place(node, area_code="330106011009")
        moths = count(MOTH, 1, 0, 5) if node == "a" else count(MOTH, 2, 1, 4)
        fleet.counts(node, 1, moths, area_mm2=area_mm2)
    fleet.sum_up()
    log_in(client)
    assert says in client.get("/?first=2026-07-02&last=2026-07-02").text


@pytest.mark.parametrize(
    ("unit", "awake_s", "says"),
    [("visits", 5_400, ["Watched for only 1.5 h a camera and night."]), ("visits", 21_600, []), ("new", 60, [])],
)
def test_how_long_cameras_watched_is_told_of_visits_if_it_was_little(
    fleet: Fleet, client: FlaskClient, unit: str, awake_s: float, says: list[str]
) -> None:
    for night in (1, 2):
        fleet.counts("a", night, count(MOTH, 3, 2, 5), unit=unit, awake_s=awake_s, skipped=())
    fleet.sum_up()
    log_in(client)
    page = client.get("/?first=2026-07-02&last=2026-07-04").text
    assert re.findall(r"<p>(Watched.*?)</p>", page) == says


def test_of_visits_the_desk_tells_no_density_and_no_change_that_the_hours_watched_made(
    fleet: Fleet, client: FlaskClient
) -> None:
    for night, hours in ((1, 2), (8, 14)):
        watched = {"unit": "visits", "awake_s": hours * 3600.0, "skipped": ()}
        fleet.counts("a", night, count(MOTH, 6 * hours), area_mm2=40_000, **watched)
    fleet.sum_up()
    log_in(client)
    page = client.get("/?first=2026-07-09&last=2026-07-09").text
    figures = re.findall(r"<li><b>(.*?)</b>", page)
    assert figures[:2] == ["84", "14 h watched a night, 2 h before"]
    assert "/m²" not in page


def test_a_node_whose_clock_runs_ahead_does_not_lead_the_desk_into_its_future(
    fleet: Fleet, client: FlaskClient
) -> None:
    fleet.counts("a", (datetime.now(UTC).date() - FIRST).days + 40, count(MOTH, 9, 9, 9))
    fleet.sum_up()
    log_in(client)
    page = client.get("/").text
    assert 'name="last" value="2026-07-01"' in page


def test_the_desk_opens_on_nights_that_are_over_and_marks_one_that_is_not(fleet: Fleet, client: FlaskClient) -> None:
    for days_ago in (1, 0):
        fleet.counts("a", (tonight() - FIRST).days - days_ago, count(MOTH, 9, 9, 9))
    fleet.sum_up()
    log_in(client)
    page = client.get("/").text
    assert f'name="last" value="{tonight() - timedelta(days=1)}"' in page
    assert "not over yet" not in page
    page = client.get(f"/?last={tonight()}").text
    assert re.findall(r'row">(\S+) <span class="about">not over yet<', page) == [str(tonight())]


def test_of_nights_that_are_to_come_the_desk_says_neither_no_data_nor_who_is_silent(
    fleet: Fleet, client: FlaskClient
) -> None:
    fleet.counts("a", (tonight() - FIRST).days - 1, count(MOTH, 9, 9, 9))
    fleet.sum_up()
    log_in(client)
    last = tonight() + timedelta(days=2)
    asked = f"first={tonight() - timedelta(days=2)}&last={last}&taxon={MOTH[0]}||new"
    page = client.get(f"/?{asked}").text
    nights = re.findall(r'row">([\d-]+)(?: <span[^>]*>not over yet</span>)?</th><td class="n">(.*?)</td><td>', page)
    assert [figure for _night, figure in nights] == ["no data", "9", "", "", ""]
    weeks = re.findall(r'row">([\d-]+)</th><td class="n">([^<]*)</td><td class="n">([^<]*)</td></tr>', page)
    assert weeks[-1] == (str(tonight() - timedelta(days=1)), "9", "9")
    drawn = client.get(f"/api/map?{asked}").json
    assert drawn is not None
    assert [mean for _night, _each, mean in drawn["nights"][-4:]] == [9, None, None, None]
    assert "Silent in these nights" in page
    page = client.get(f"/?first={tonight()}&last={last}&taxon={MOTH[0]}||new").text
    nights_told = page.partition("<h2>Nights")[2].partition("<h2>")[0]
    assert ("no data" in nights_told, "Silent in these nights" in page) == (False, False)


@pytest.mark.parametrize(
    ("taxon", "mean", "together"),
    [(f"{APHID[0]}|adult", "2.5", ["All life stages together: 6."]), (f"{MOTH[0]}|", "1.5", [])],
)
def test_a_level_of_all_life_stages_says_at_the_desk_what_they_are_together(
    fleet: Fleet, client: FlaskClient, taxon: str, mean: str, together: list[str]
) -> None:
    for label, start_at in ((APHID[0], 5.5), (MOTH[0], 1)):
        keep_threshold(fleet.database, label, "new", start_at, None, "the station")
    fleet.counts("a", 0, count(APHID, 5, 5, 8, stage="adult"), count(APHID, 7, 5, 8, stage="nymph"))
    fleet.sum_up()
    log_in(client)
    page = client.get(f"/?taxon={taxon}|new&first=2026-07-01&last=2026-07-01").text
    assert f'2026-07-01</th><td class="n">{mean}</td><td class="n">{mean}</td>' in page
    assert "<b>go and look</b> by the station" in page
    assert re.findall(r"<p>(All life.*?)</p>", page) == together
    told = client.get(f"/api/map?taxon={taxon}|new&first=2026-07-01&last=2026-07-01").json
    assert told is not None
    assert (told["threshold"] is None) == bool(together), "in no chart of another mean than it is for"
    assert [place[4] for place in told["places"] if place[0] == "s/a"] == [True]


@pytest.mark.parametrize(
    ("number", "stage", "says"),
    [(0, "", "go and look"), (99, "", "act"), (99, "larva", "act")],  # larvae: of the level alone
)
def test_the_desk_takes_no_alarm_back_at_noon_and_shows_tonights_at_once(
    fleet: Fleet, client: FlaskClient, number: int, stage: str, says: str
) -> None:
    keep_threshold(fleet.database, MOTH[0], "new", 11, 20, "the station")
    for days_ago in range(8):
        told = count(MOTH, 12) if days_ago else count(MOTH, number, stage=stage)
        fleet.counts("a", (tonight() - FIRST).days - days_ago, told)
    fleet.sum_up()
    log_in(client)
    for page in ("/", f"/?last={tonight()}"):
        text = client.get(page).text
        assert f"<b>{says}</b> by the station" in text
        is_beyond = page == "/" and says == "act"  # of no night that stands there
        assert (f"The change and any level include the night {tonight()}, which is not over yet." in text) == is_beyond
