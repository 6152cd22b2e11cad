"""The county desk: who sees what, what a form may do, and an answer's way back to a real node."""

import hashlib
import io
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from html import unescape
from http.client import HTTPConnection
from pathlib import Path
from threading import Barrier, Event, Thread
from time import time
from unicodedata import normalize

import pytest
from flask.testing import FlaskClient
from itsdangerous import TimestampSigner
from psycopg.errors import InsufficientPrivilege
from werkzeug.security import generate_password_hash

from edge.cli import platform_main
from edge.cli.loopback import free_port
from edge.cli.update import go_back
from edge.clock import SystemClock
from edge.errors import StoreError, UpdateError, UsageError
from edge.platform.address import BrokerAddress
from edge.platform.database import Database, migrate, migrations, open_database
from edge.platform.decode import Message
from edge.platform.desk import create_app, listening, nodes_page
from edge.platform.desk.entry import CHECKS_AT_ONCE, LOG_INS_AT_ONCE
from edge.platform.desk.people import add_person, area_of, remove_person
from edge.platform.leader import Leader
from edge.platform.population import keep_threshold
from edge.platform.questions import MOST_OPEN, Question, answer, answers_due, assembled, questions
from edge.platform.registry import note
from edge.platform.shared_subscription import SharedSubscription
from edge.platform.worker import Worker
from edge.platform.worker_metrics import WorkerMetrics
from edge.store.questions import KEPT_QUESTIONS, SPARED_PART
from edge.updates.fetch import fetch_all
from edge.updates.inbox import Inbox, Request
from edge.updates.install import install, install_waiting
from edge.updates.slots import ENDS_OF_GOOD_UPDATES, Places, said
from edge.wire import Health, ImageHeader, ModelInfo, Reply, encode_message, image_properties
from edge.wire.instants import ClockWord
from tests.broker import Broker
from tests.clocks import NOON
from tests.node import running, to
from tests.page.visitors import ELSEWHERE, form_on, swahili_link
from tests.platform.conftest import filled, fresh
from tests.platform.postgres import BIN, QUICK, Postgres
from tests.platform.test_intake import waits_for_a_lock
from tests.platform.test_population import BLAST, FIRST, Fleet, tonight
from tests.records import APHID, MOTH, count
from tests.updates.bundles import Bench
from tests.waiting import wait_until

PASSWORD = "a long password"  # noqa: S105
JPEG = b"\xff\xd8 a picture in three parts \xff\xd9"
VENDOR = Path(__file__).parents[2] / "edge/platform/desk/static/vendor"


@pytest.fixture(scope="module")
def template(postgres: Postgres) -> Iterator[tuple[str, Fleet]]:
    """Made once: to keep its people's passwords takes long."""
    with filled(postgres, three_nodes) as made:
        yield made


@pytest.fixture
def fleet(database: Database, template: tuple[str, Fleet]) -> Fleet:
    return template[1].copied_to(database)


def three_nodes(database: Database) -> Fleet:
    """Nodes a and b in a township, c in the next one, with a question each."""
    fleet = Fleet(database)
    for n, node in enumerate("abc"):
        fleet.place(node, latitude_deg=30.0 + n / 50, longitude_deg=120.0 + n / 70)
        fleet.counts(node, 0, count(MOTH, n + 1, n, n + 4))
        ask(fleet, node)
    fleet.sum_up()
    add_person(database, "town", PASSWORD, "330106011")
    add_person(database, "county", PASSWORD, "330106")
    return fleet


def ask(fleet: Fleet, node: str, *, question: str = "00000000-q1", jpeg: bytes = JPEG) -> None:
    for first in (20, 0, 10):  # parts overtake each other
        end = len(jpeg) if first == 20 else first + 12
        header = ImageHeader(kind="question", id=question, bytes=len(jpeg), offset=first)
        if first == 0:
            header = ImageHeader(
                kind="question", id=question, bytes=len(jpeg), who="Li", note=f"what is this at {node}?"
            )
        part = jpeg[first:end]
        told = Message(f"fieldeye/v1/s/{node}/image", part, properties=image_properties(header))
        note(fleet.database, fleet.intake, [told, told])


@pytest.fixture
def client(fleet: Fleet, url: str) -> FlaskClient:
    return create_app(url).test_client()


@pytest.fixture(scope="module")
def still(still_url: str) -> FlaskClient:
    """Logged in as the township."""
    client = create_app(still_url).test_client()
    assert log_in(client) == 302
    return client


def log_in(client: FlaskClient, name: str = "town", password: str = PASSWORD) -> int:
    return client.post("/log-in", data={"name": name, "password": password}).status_code


def first_asked(database: Database, node: str) -> Question:
    """The first of its questions on the page."""
    return next(one for one in questions(database) if one.node == node)


def token(client: FlaskClient) -> str:
    with client.session_transaction() as session:
        return str(session["token"])


@pytest.mark.parametrize("page", ["/", "/nodes", "/questions", "/api/map", "/questions/1/00000000-q1.jpg"])
def test_nothing_is_shown_to_who_has_not_logged_in(still: FlaskClient, page: str) -> None:
    answer = still.application.test_client().get(page)
    assert (answer.status_code, answer.location) == (302, "/log-in")


@pytest.mark.parametrize("page", ["/", "/alerts", "/nodes", "/questions"])
def test_each_page_leads_to_the_others_and_out(still: FlaskClient, page: str) -> None:
    told = still.get(page).text
    assert [other for other in ("/", "/alerts", "/nodes", "/questions") if f'<a href="{other}"' not in told] == []
    assert 'action="/log-out"' in told


def test_a_stranger_is_shown_no_menu(still: FlaskClient) -> None:
    told = still.application.test_client().get("/log-in").text
    assert ("<nav" in told, "/log-out" in told) == (False, False)


@pytest.mark.parametrize(("page", "code"), [("/nodes", 200), ("/questions/1/a%00b.jpg", 400)])
def test_a_connection_that_a_pooler_hands_on_after_a_page_has_nobodys_role(
    client: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch, page: str, code: int
) -> None:
    log_in(client)
    monkeypatch.setattr("edge.platform.desk.open_database", lambda *_: nullcontext(database))
    assert client.get(page).status_code == code
    assert database.execute("SELECT current_user = session_user").fetchone() == (True,)


def test_a_wrong_password_opens_nothing_and_five_let_the_name_rest(client: FlaskClient) -> None:
    assert log_in(client, "nobody") == 403
    assert [log_in(client, "town", "wrong") for _ in range(5)] == [403] * 5
    assert log_in(client) == 403, "the right one does not help now"
    assert log_in(client, "county") == 302


def test_wrong_passwords_that_come_at_once_let_the_name_rest_too(client: FlaskClient, fleet: Fleet) -> None:
    together = Barrier(CHECKS_AT_ONCE)

    def guess(word: str) -> int:
        other = client.application.test_client()
        together.wait()
        return log_in(other, "town", word)

    with ThreadPoolExecutor(CHECKS_AT_ONCE) as threads:
        assert set(threads.map(guess, map(str, range(8)))) == {403}
    assert fleet.database.execute("SELECT locked_until > now() FROM person WHERE name = 'town'").fetchone() == (True,)
    assert log_in(client) == 403


def test_a_log_in_waits_for_its_turn_those_beyond_are_sent_away_and_pages_are_shown(still: FlaskClient) -> None:
    """Two guessers kept everybody out, and thirty made each page take up to ten seconds."""
    checks, port = still.application.config["CHECKS"], free_port()
    Thread(target=listening(still.application, "127.0.0.1", port).run, daemon=True).start()

    def guess(_: int) -> int:
        return asked(port, "POST", "name=nobody&password=wrong")

    for _ in range(CHECKS_AT_ONCE):
        assert checks.acquire(blocking=False)
    with ThreadPoolExecutor(LOG_INS_AT_ONCE + 1) as threads:
        try:
            guesses = [threads.submit(guess, n) for n in range(LOG_INS_AT_ONCE + 1)]
            (refused,), waiting = wait(guesses, timeout=40, return_when=FIRST_COMPLETED)
            assert refused.result() == 429
            assert asked(port, "GET") == 200
        finally:
            checks.release(CHECKS_AT_ONCE)
    assert {one.result() for one in waiting} == {403}


def asked(port: int, method: str, form: str = "") -> int:
    """What a desk answers to its log-in."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=40)) as line:
        line.request(method, "/log-in", form, {"Content-Type": "application/x-www-form-urlencoded"})
        return line.getresponse().status


def test_a_refused_log_in_keeps_the_name_and_begins_at_the_password(still: FlaskClient) -> None:
    stranger = still.application.test_client()
    assert "autofocus" not in stranger.get("/log-in").text
    refused = stranger.post("/log-in", data={"name": 'Li "x"', "password": "wrong"}).text
    assert re.findall(r'name="name" value="(.*?)"', refused) == ["Li &#34;x&#34;"]
    assert begins_at(refused) == "password"


def begins_at(page: str) -> str:
    """The name of the field that has the focus, is marked as wrong and described by the alert."""
    (field,) = re.findall("<(?:input|textarea) [^>]*autofocus[^>]*>", page)
    told = dict(re.findall(r'([\w-]+)="([^"]*)"', field))
    assert told["aria-invalid"] == "true"
    assert f'<p role="alert" id="{told["aria-describedby"]}"' in page
    return told["name"]


def test_a_township_sees_its_own_nodes_and_nothing_of_the_next(still: FlaskClient) -> None:
    client = still
    page = client.get("/?first=2026-07-01&last=2026-07-01").text
    assert "Township 330106011" in page
    assert "<b>3</b> counted, range 1 to 9" in page
    assert {row[0] for row in client.get("/api/map?first=2026-07-01&last=2026-07-01").json["places"]} == {"s/a", "s/b"}  # type: ignore[index]
    assert "s/c" not in client.get("/nodes").text
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
@pytest.mark.parametrize("area", ["330106012", "330106", "33"])
def test_an_area_beside_ones_own_is_refused_and_not_told_as_nothing(still: FlaskClient, page: str, area: str) -> None:
    answer = still.get(f"{page}?area={area}&first=2026-07-01&last=2026-07-01")
    assert (answer.status_code, "You see the area 330106011 only." in answer.text) == (403, True)


def test_the_areas_below_add_up_to_what_is_shown_the_worst_first(fleet: Fleet, client: FlaskClient) -> None:
    for node, township in (("e", "013"), ("f", "014"), ("g", "015"), ("h", "016")):
        fleet.place(node, area_code=f"330106{township}001")
    fleet.place("i", area_code="330106")
    fleet.counts("i", -1, count(MOTH, 50))
    fleet.counts("c", 1, count(MOTH, 5, 4, 7), area_mm2=2_000_000)
    fleet.counts("e", 0, count(MOTH, 1))
    fleet.counts("f", 0)
    fleet.counts("g", -1, count(MOTH, 50))
    fleet.sum_up()
    log_in(client, "county")
    asked = f"taxon={MOTH[0]}||new&first=2026-07-01&last=2026-07-02"
    page = client.get(f"/?{asked}").text
    rows = areas_below(page)
    assert rows == [
        ["330106012", "8", "6 to 13", "2.5 /m²", "1"],
        ["330106011", "3", "1 to 9", "", "2"],
        ["330106013", "1", "not known", "", "1"],
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


def test_of_a_disease_the_desk_tells_the_share_of_the_frames(fleet: Fleet, client: FlaskClient) -> None:
    fleet.counts("a", 0, count(BLAST, 30, 20, 40), unit="affected_frames", frames=200)
    fleet.sum_up()
    log_in(client)
    asked = f"taxon={BLAST[0]}||affected_frames&first=2026-07-01&last=2026-07-01"
    page = client.get(f"/?{asked}").text
    assert "<b>15 %</b> frames with the symptom" in page
    assert 'data-sign=" %"' in page
    assert "Incidence: each night" in page
    nights = client.get(f"/api/map?{asked}").json["nights"]  # type: ignore[index]
    assert nights[-1] == ["2026-07-01", 15, 15]
    places = page.split("<h2>Places</h2>")[1]
    assert re.findall(r'<th scope="row">(.*?)</th><td class="n">(.*?)</td>', places) == [
        ("s/a", "15 %"), ("s/b", "no data"),
    ]  # fmt: skip
    assert '<th scope="col" class="n">incidence</th>' in places
    assert page.count('data-sign=" %"') == 2, "of the map and of the chart"


@pytest.mark.parametrize(
    ("areas_mm2", "says"),
    [((20_000, 40_000), "<b>50 /m²</b> density, range 17 to 150"),
     ((3_000_000,), "<b>0.33 /m²</b> density, range 0 to 1.67"),
     ((90_000_000,), "<b>0.0111 /m²</b> density, range 0 to 0.0556"),
     ((20_000, None), "<b>50 /m²</b> density, range 0 to 250")],
)  # fmt: skip
def test_a_density_lies_within_its_range_and_is_no_zero_on_many_cameras(
    fleet: Fleet, client: FlaskClient, areas_mm2: tuple[int | None, ...], says: str
) -> None:
    for node, area_mm2 in zip("ab", areas_mm2, strict=False):
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
        fleet.counts("a", night, count(MOTH, 3, 2, 5), unit=unit, awake_s=awake_s)
    fleet.sum_up()
    log_in(client)
    page = client.get("/?first=2026-07-02&last=2026-07-04").text
    assert re.findall(r"<p>(Watched.*?)</p>", page) == says


def test_a_node_whose_last_update_was_refused_or_taken_back_is_not_well(
    fleet: Fleet, client: FlaskClient, tmp_path: Path
) -> None:
    bench, inbox = Bench(tmp_path), tmp_path / "inbox"
    inbox.mkdir()
    log_in(client)
    (inbox / "x.update").write_bytes(b"nonsense")
    install_waiting(inbox, bench.places)
    assert how_it_is(fleet, client, said(bench.places)) == ["wrong", "Last update:", said(bench.places)]
    install(bench.sign_models(["pests-int8"], 1), bench.places)
    assert how_it_is(fleet, client, said(bench.places)) == ["calm", "well"]
    bench.prove()
    assert how_it_is(fleet, client, said(bench.places)) == ["calm", "well"]
    install(tmp_path / "models-1.update", bench.places)
    assert how_it_is(fleet, client, said(bench.places)) == ["calm", "well"]
    go_back("models", bench.places)  # by somebody on the node
    assert how_it_is(fleet, client, said(bench.places)) == ["wrong", "Last update:", said(bench.places)]
    install(bench.sign_models(["pests-int8"], 2), bench.places)
    for _ in range(4):
        bench.slots("starting")
    assert how_it_is(fleet, client, said(bench.places))[:2] == ["wrong", "Last update:"]


def test_desk_and_node_know_an_update_that_went_well_by_the_same_ends() -> None:
    assert nodes_page.ENDS_OF_GOOD_UPDATES == ENDS_OF_GOOD_UPDATES


def test_a_bundle_that_is_still_being_fetched_calls_for_nobody_and_one_that_was_given_up_does(
    fleet: Fleet, client: FlaskClient, tmp_path: Path
) -> None:
    log_in(client)
    inbox = Inbox(tmp_path, Places(opt=tmp_path / "opt", inbox=tmp_path))
    request = Request(url=f"http://127.0.0.1:{free_port()}/x.update", sha256="0" * 64, bytes=9)
    for age_days, says in ((0, ["calm", "well"]), (8, ["wrong", "Last update:"])):
        inbox.ask_for(request)
        os.utime(tmp_path / f"{request.sha256}.fetch", (time() - age_days * 86_400,) * 2)
        with pytest.raises(UpdateError):
            fetch_all(inbox)
        assert how_it_is(fleet, client, (tmp_path / "said").read_text().strip())[:2] == says


def test_a_problem_stands_before_an_update_that_failed_and_hides_it_not(fleet: Fleet, client: FlaskClient) -> None:
    log_in(client)
    told = how_it_is(fleet, client, "refused: no", problem="the model file is damaged")
    assert told == ["wrong", "It says:", "the model file is damaged", "Last update:", "refused: no"]


def how_it_is(fleet: Fleet, client: FlaskClient, last_update: str, problem: str | None = None) -> list[str]:
    """The colour and the words of node a."""
    health = Health(
        utc=datetime.now(UTC), clock="synced", session=1, uptime_s=9, last_update=last_update, problem=problem
    )
    note(fleet.database, fleet.intake, [Message("fieldeye/v1/s/a/health", encode_message(health))])
    cell = re.search(r'<th [^>]*>s/a.*?</th><td class="words (\w+)">(.*?)</td>', client.get("/nodes").text)
    assert cell is not None
    return [cell[1], *(word.strip() for word in re.split(r"<[^>]+>", cell[2]) if word.strip())]


def test_a_node_of_which_only_the_broker_told_is_silent_and_stands_first(fleet: Fleet, client: FlaskClient) -> None:
    fleet.database.execute("UPDATE node SET heard = NULL, since = NULL WHERE node = 'b'")  # and no record
    log_in(client)
    first, second = re.findall(r'<th [^>]*>s/(.).*?</th>.*?<td class="tight">(.*?)</td>', client.get("/nodes").text)
    assert first == ("b", "")
    assert second[1].startswith(f"{datetime.now(UTC):%Y-%m-}")
    assert "silent for a day" in client.get("/nodes").text


def test_a_name_that_is_silent_for_a_season_calls_for_nobody_and_stands_folded_until_it_is_heard(
    fleet: Fleet, client: FlaskClient
) -> None:
    today, long_ago = datetime.now(UTC).date(), datetime.now(UTC) - timedelta(days=100)
    fleet.place("d", area_code="330106011009")
    fleet.counts("d", (long_ago.date() - FIRST).days, count(MOTH, 1))
    fleet.sum_up()
    log_in(client)
    for heard, is_left in ((long_ago, True), (datetime.now(UTC), False)):
        fleet.database.execute("UPDATE node SET heard = %s WHERE node = 'd'", (heard,))
        page = client.get("/nodes").text
        assert (">s/d<br>" in page) == (not is_left)
        left = r"Names silent for over 90 days: (\d)\.</summary><ul><li>(\S+) <span[^>]*>(.*?)</span>"
        assert re.findall(left, page) == [("1", "s/d", f"{long_ago:%Y-%m-%d %H:%M}")] * is_left
        page = client.get(f"/?first={today}&last={today}&taxon={MOTH[0]}||new").text
        assert bool(re.search(r"Silent in these nights[^<]*</summary><p[^>]*>[^<]*s/d", page)) == (not is_left)


def test_a_node_stands_with_the_software_and_the_models_that_it_runs(fleet: Fleet, client: FlaskClient) -> None:
    models = [ModelInfo(name="pests", version="2026.11.28", sha256="0" * 64)]
    fleet.place("a", models=models, software_number=4)
    log_in(client)
    page = client.get("/nodes").text
    rows = re.findall(r">(s/.)(.*?)</th>", page)
    runs = {name: re.findall(r"<small[^>]*>(.*?)</small>", told) for name, told in rows}
    assert runs == {"s/a": ["fieldeye 0, number 4", "pests 2026.11.28"], "s/b": ["fieldeye 0"]}


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


@pytest.mark.parametrize(("number", "says"), [(0, "go and look"), (99, "act")])
def test_the_desk_takes_no_alarm_back_at_noon_and_shows_tonights_at_once(
    fleet: Fleet, client: FlaskClient, number: int, says: str
) -> None:
    keep_threshold(fleet.database, MOTH[0], "new", 11, 20, "the station")
    for days_ago in range(8):
        fleet.counts("a", (tonight() - FIRST).days - days_ago, count(MOTH, 12 if days_ago else number))
    fleet.sum_up()
    log_in(client)
    for page in ("/", f"/?last={tonight()}"):
        assert f"<b>{says}</b> by the station" in client.get(page).text


@pytest.mark.parametrize(("hours", "code"), [(11, 200), (13, 302)])
def test_a_log_in_ends_after_half_a_day(
    fleet: Fleet, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, hours: int, code: int
) -> None:
    with monkeypatch.context() as before:
        before.setattr(TimestampSigner, "get_timestamp", lambda _: int(time()) - hours * 3600)
        log_in(client)
    assert client.get("/nodes").status_code == code


def test_a_township_cannot_answer_or_open_a_question_of_the_next(client: FlaskClient, fleet: Fleet) -> None:
    log_in(client)
    other = first_asked(fleet.database, "c")
    assert client.get(f"/questions/{other.node_id}/{other.id}.jpg").status_code == 404
    form = {"token": token(client), "text": "mine"}
    assert client.post(f"/questions/{other.node_id}/{other.id}", data=form).status_code == 404
    assert answers_due(fleet.database) == []


@pytest.mark.parametrize(
    ("query", "says"),
    [("area=12345", "区划代码为 2、4、6、9 或 12 位"), ("first=2026-13-01", "没有这一夜"),
     ("last=0001-01-01", "没有这一夜"), ("first=2020-01-01&last=2026-01-01", "一次最多显示"),
     ("first=2026-07-02&last=2026-07-01", "起止夜次颠倒")],
)  # fmt: skip
def test_filters_that_make_no_sense_are_answered_with_what_would(still: FlaskClient, query: str, says: str) -> None:
    answer = still.get(f"/?{query}&lang=zh")
    assert (answer.status_code, says in answer.text, "区划" in answer.text) == (400, True, "area" in query)
    assert not re.search(r"[a-z]{4,}", re.sub(r"<[^>]+>", "", answer.text.partition("<main>")[2])), "a word of English"


@pytest.mark.parametrize(
    ("page", "code", "says"),
    [
        ("/nowhere", 404, "这里没有这个页面。"),
        ("/log-out", 405, "请稍后再试"),
        ("/questions/1/a%00b.jpg", 400, "请稍后再试"),
    ],
)
def test_what_cannot_be_shown_is_said_in_the_readers_language(
    still: FlaskClient, page: str, code: int, says: str
) -> None:
    answer = still.get(page, headers={"Accept-Language": "zh"})
    assert (answer.status_code, says in answer.text) == (code, True)


def test_a_name_that_cannot_be_stored_does_not_break_the_desk_whose_log_says_why(
    still: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert log_in(still.application.test_client(), "to\0wn") == 400
    assert caplog.messages == ["/log-in: PostgreSQL text fields cannot contain NUL (0x00) bytes"]
    still.get("/questions/1/a%0A%00b.jpg")
    assert caplog.messages[1].startswith("/questions/1/a%0A%00b.jpg: "), "a line of the log is one"


def test_a_form_of_another_log_in_changes_nothing(client: FlaskClient, fleet: Fleet) -> None:
    log_in(client)
    mine = first_asked(fleet.database, "a")
    for form in ({"text": "x"}, {"text": "x", "token": "guessed"}):
        assert client.post(f"/questions/{mine.node_id}/{mine.id}", data=form).status_code == 400
    assert answers_due(fleet.database) == []


@pytest.mark.parametrize("page", ["/questions", "/alerts"])
def test_what_is_sent_after_the_log_in_ended_is_not_lost_behind_a_redirect(
    client: FlaskClient, fleet: Fleet, page: str
) -> None:
    log_in(client)
    mine = first_asked(fleet.database, "a")
    address = f"/questions/{mine.node_id}/{mine.id}" if page == "/questions" else f"/alerts/{mine.node_id}"
    form = {"token": token(client), "text": "a moth"}
    for forget in (lambda: client.delete_cookie("session"), lambda: remove_person(fleet.database, "town")):
        forget()
        refused = client.post(address, data=form)
        assert (refused.status_code, refused.location) == (403, None)
        assert "You are logged out and nothing was sent" in refused.text
        assert '<a href="/log-in">Log in</a>' in refused.text
        assert answers_due(fleet.database) == []
        assert client.get(page).location == "/log-in", "as the way back does"
        add_person(fleet.database, "town", PASSWORD, "330106011")
        assert client.post("/log-in", data={"name": "town", "password": PASSWORD}).location == page


def test_the_address_of_an_answer_leads_to_the_questions(still: FlaskClient) -> None:
    answer = still.get("/questions/1/00000000-q1")
    assert (answer.status_code, answer.location) == (303, "/questions")


def test_an_answer_is_sent_until_the_node_has_it(client: FlaskClient, fleet: Fleet) -> None:
    log_in(client)
    mine = first_asked(fleet.database, "a")
    assert client.get(f"/questions/{mine.node_id}/{mine.id}.jpg").data == JPEG
    form = {"token": token(client), "text": "  a moth, leave it ", "label": f"{MOTH[0].lower()} "}
    assert client.post(f"/questions/{mine.node_id}/{mine.id}", data=form).status_code == 302
    ((topic, command),) = answers_due(fleet.database)
    assert topic == "fieldeye/v1/s/a/cmd/answer"
    assert (command.question, command.text, command.who, command.label) == (
        mine.id,
        "a moth, leave it",
        "town",
        MOTH[0],
    )
    assert answers_due(fleet.database) == [], "not twice within two minutes"
    _reply(fleet, Reply(code="busy", id=command.id))
    assert "On its way to the node" in client.get("/questions").text
    _reply(fleet, Reply(code="done", id=command.id))
    assert "The node has the answer" in client.get("/questions").text


def test_an_answer_goes_out_whatever_number_another_node_tells(fleet: Fleet, broker: Broker) -> None:
    mine, other = (first_asked(fleet.database, node) for node in "ac")
    health = '{"store": {"waiting": 0, "last_seq": 9223372036854775807}}'
    fleet.database.execute("UPDATE node SET health = %s WHERE node_id = %s", (health, other.node_id))
    assert answer(fleet.database, mine.node_id, mine.id, text="a moth", who="Li", label="")
    address = BrokerAddress(host="127.0.0.1", port=broker.port)
    with closing(SharedSubscription(address, name="leader")) as source:
        source.connect()
        wait_until(lambda: source.take(Event(), 1) == [] and source.is_up, within_s=10)
        leader = Leader(source, WorkerMetrics(), every_s=1.0)
        leader.hear([Message(f"fieldeye/v1/s/{node}/health", b"") for node in "ac"])
        leader.turn(fleet.database, 1.0)
    assert answers_due(fleet.database) == [], "it was sent"


def test_an_answer_that_is_corrected_while_it_is_sent_goes_out_corrected(fleet: Fleet, url: str) -> None:
    mine = first_asked(fleet.database, "a")
    assert answer(fleet.database, mine.node_id, mine.id, text="a moth", who="Li", label="")
    with open_database(url) as desk, open_database(url) as leader, ThreadPoolExecutor() as threads:
        with desk.transaction():
            assert answer(desk, mine.node_id, mine.id, text="a planthopper", who="Li", label="")
            sent = threads.submit(answers_due, leader)
            wait_until(lambda: waits_for_a_lock(fleet.database), within_s=40)
        commands = sent.result(40) + answers_due(leader)
    _reply(fleet, Reply(code="done", id=commands[0][1].id))
    assert [command.text for _, command in commands] == ["a planthopper"]
    assert [one.outcome for one in questions(fleet.database) if one.node == "a"] == ["done"]


def _reply(fleet: Fleet, reply: Reply) -> None:
    note(fleet.database, fleet.intake, [Message("fieldeye/v1/s/a/reply/answer", encode_message(reply))])


@pytest.mark.parametrize("text", ["", "   ", "x" * 1001])
def test_an_answer_that_the_node_would_refuse_is_refused_here(still: FlaskClient, still_url: str, text: str) -> None:
    with open_database(still_url) as database:
        mine = first_asked(database, "a")
    form = {"token": token(still), "text": text}
    refused = still.post(f"/questions/{mine.node_id}/{mine.id}", data=form)
    assert (refused.status_code, begins_at(refused.text)) == (400, "text")
    assert swahili_link(refused.text) == "/questions"


def test_an_answer_with_line_breaks_is_as_long_as_the_browser_counts_it(client: FlaskClient, fleet: Fleet) -> None:
    log_in(client)
    mine = first_asked(fleet.database, "a")
    text = "count ten\r\n" * 99 + "and tell us"  # 1,001 in the browser
    form = {"token": token(client), "text": text, "label": MOTH[0]}
    refused = client.post(f"/questions/{mine.node_id}/{mine.id}", data=form)
    assert (refused.status_code, refused.text.count("<textarea")) == (400, 1)
    assert "and tell us</textarea>" in refused.text
    assert f'value="{MOTH[0]}"' in refused.text
    assert client.post(f"/questions/{mine.node_id}/{mine.id}", data=form | {"text": text[:-1]}).status_code == 302
    assert [command.text for _, command in answers_due(fleet.database)] == ["count ten\n" * 99 + "and tell u"]


def test_an_answer_to_a_question_that_a_colleague_has_answered_is_kept_back_until_it_is_sent_again(
    client: FlaskClient, fleet: Fleet
) -> None:
    log_in(client)
    mine = first_asked(fleet.database, "a")
    address = f"/questions/{mine.node_id}/{mine.id}"
    opened = form_on(client.get("/questions").text, address)
    for colleague in ("a moth", "a planthopper"):
        answer(fleet.database, mine.node_id, mine.id, text=colleague, who="Li", label="")
        refused = client.post(address, data=opened | {"text": "leave it"})
        assert "This question was answered meanwhile" in refused.text
        assert f"<b>Li</b>: {colleague}" in refused.text
        assert ">leave it</textarea>" in refused.text
        opened = form_on(refused.text, address)
    assert client.post(address, data=opened | {"text": "leave it"}).status_code == 302
    assert [command.text for _, command in answers_due(fleet.database)] == ["leave it"]


def test_a_second_tap_on_send_keeps_the_answer_as_it_was(client: FlaskClient, fleet: Fleet) -> None:
    """It was said that a colleague had answered meanwhile."""
    log_in(client)
    mine = first_asked(fleet.database, "a")
    address = f"/questions/{mine.node_id}/{mine.id}"
    form = form_on(client.get("/questions").text, address) | {"text": " a moth ", "label": MOTH[0]}
    assert client.post(address, data=form).status_code == 302
    ((_, command),) = answers_due(fleet.database)
    assert client.post(address, data=form).status_code == 302
    _reply(fleet, Reply(code="done", id=command.id))
    assert "The node has the answer" in client.get("/questions").text
    for other in ({"text": "a fly"}, {"label": ""}):
        assert "This question was answered meanwhile" in client.post(address, data=form | other).text


def test_an_answer_that_the_node_did_not_take_goes_out_again_when_it_is_sent_again(
    client: FlaskClient, fleet: Fleet
) -> None:
    log_in(client)
    mine = first_asked(fleet.database, "a")
    address = f"/questions/{mine.node_id}/{mine.id}"
    for _ in range(2):
        form = form_on(client.get("/questions").text, address) | {"text": "a moth"}
        assert client.post(address, data=form).status_code == 302
        ((_, command),) = answers_due(fleet.database)
        _reply(fleet, Reply(code="not_kept", id=command.id))
        assert "The node no longer keeps this question" in client.get("/questions").text


def test_a_node_that_asks_without_end_hides_no_question_of_another(fleet: Fleet) -> None:
    for number in range(2, MOST_OPEN + 5):
        ask(fleet, "b", question=f"00000000-q{number}")
    ask(fleet, "c", question="00000000-q2")
    listed = [f"{one.node} {one.id[9:]}" for one in questions(fleet.database)]
    assert listed[:6] == ["a q1", "c q1", "b q5", "b q6", "c q2", "b q7"], "the oldest of each, then the next of each"
    assert open_questions(fleet, "b") == [f"q{number}" for number in range(5, MOST_OPEN + 5)]


def test_more_questions_than_the_page_holds_hide_no_answer_and_are_numbered(client: FlaskClient, fleet: Fleet) -> None:
    log_in(client, "county")
    assert '<p class="about">The ' not in client.get("/questions").text
    fleet.database.execute(
        "INSERT INTO question (node_id, id, bytes, jpeg) SELECT node_id, 'm' || n, 3, 'abc' FROM node,"
        " generate_series(1, 48) AS n"
    )
    for one in questions(fleet.database, most=25):
        assert answer(fleet.database, one.node_id, one.id, text=f"answer to {one.node} {one.id}", who="Li", label="")
    page = client.get("/questions").text
    assert re.findall(r'<p class="about">(The .*?)</p>', page) == [
        "The 100 first of 122 without an answer.", "The 20 last of 25 with an answer.",
    ]  # fmt: skip
    articles = page.split('<article class="question">')[1:]
    assert ["answer to" in one for one in articles] == [False] * 100 + [True] * 20


def open_questions(fleet: Fleet, node: str) -> list[str]:
    """Of which the photograph is whole."""
    listed = [one for one in questions(fleet.database, most=1000) if one.node == node and one.answer is None]
    return [one.id.removeprefix("00000000-") for one in listed]


def test_half_a_photograph_makes_room_before_a_whole_one(fleet: Fleet) -> None:
    for number in range(2, MOST_OPEN + 1):
        header = ImageHeader(kind="question", id=f"00000000-q{number}", bytes=len(JPEG))
        told = Message("fieldeye/v1/s/b/image", JPEG[:9], properties=image_properties(header))
        note(fleet.database, fleet.intake, [told])
    ask(fleet, "b", question="00000000-q999")
    assert open_questions(fleet, "b") == ["q1", "q999"]
    halves = fleet.database.execute("SELECT id FROM question WHERE jpeg IS NULL ORDER BY received").fetchall()
    assert halves == [(f"00000000-q{number}",) for number in range(3, MOST_OPEN + 1)]


def test_an_answer_makes_room_for_another_question(fleet: Fleet) -> None:
    for number in range(2, MOST_OPEN + 1):
        ask(fleet, "b", question=f"00000000-q{number}")
    newest = [one for one in questions(fleet.database, most=200) if one.node == "b"][-1]
    assert answer(fleet.database, newest.node_id, newest.id, text="a moth", who="Li", label="")
    ask(fleet, "b", question="00000000-q999")
    assert open_questions(fleet, "b") == [*(f"q{number}" for number in range(1, MOST_OPEN)), "q999"]


def test_a_question_that_is_answered_while_another_takes_its_place_stays(fleet: Fleet, url: str) -> None:
    for number in range(2, MOST_OPEN + 1):
        ask(fleet, "b", question=f"00000000-q{number}")
    oldest = first_asked(fleet.database, "b")
    with open_database(url) as desk, open_database(url) as leader, ThreadPoolExecutor() as threads:
        with desk.transaction():
            assert answer(desk, oldest.node_id, oldest.id, text="a moth", who="Li", label="")
            asked = threads.submit(ask, Fleet(leader), "b", question="00000000-q999")
            wait_until(lambda: waits_for_a_lock(fleet.database), within_s=40)
        asked.result(40)
    assert [one.text for _, one in answers_due(fleet.database)] == ["a moth"]


def test_the_platform_takes_as_many_questions_of_a_node_as_that_keeps_beside_the_last_answers() -> None:
    assert MOST_OPEN == KEPT_QUESTIONS - KEPT_QUESTIONS // SPARED_PART


@pytest.mark.parametrize("utc", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"])
def test_a_question_of_no_time_does_not_close_the_page_for_all(client: FlaskClient, fleet: Fleet, utc: str) -> None:
    header = ImageHeader(kind="question", id="00000000-q9", bytes=len(JPEG))
    told = Message("fieldeye/v1/s/c/image", JPEG, properties=(*image_properties(header), ("utc", utc)))
    note(fleet.database, fleet.intake, [told])
    log_in(client, "county")
    assert client.get("/questions").status_code == 200


@pytest.mark.parametrize(("clock", "says"), [("unsynced", None), ("corrected", NOON), (None, NOON)])
def test_a_question_has_the_time_of_its_node_where_that_knew_it(
    fleet: Fleet, clock: ClockWord | None, says: datetime | None
) -> None:
    header = ImageHeader(kind="question", id="00000000-q9", bytes=len(JPEG), utc=NOON, clock=clock)
    note(fleet.database, fleet.intake, [Message("fieldeye/v1/s/c/image", JPEG, properties=image_properties(header))])
    assert [one.utc for one in questions(fleet.database) if one.id == header.id] == [says]


@pytest.mark.parametrize("path", ELSEWHERE)
def test_a_language_is_chosen_at_this_desk_whatever_path_was_asked_for(still: FlaskClient, path: str) -> None:
    page = still.get("/", environ_overrides={"PATH_INFO": path}).text
    assert re.match(r"/[a-z%]", swahili_link(page))


def test_what_is_too_large_for_a_form_is_refused_before_it_comes(still_url: str) -> None:
    """Each stranger could lay a gigabyte on the desk's disk."""
    port = free_port()
    run = (
        f"from edge.cli import platform_main; platform_main(['desk', '--database', {still_url!r}, '--port', '{port}'])"
    )
    with subprocess.Popen([sys.executable, "-c", run], stdout=subprocess.PIPE, text=True) as desk:
        try:
            assert desk.stdout is not None
            assert desk.stdout.readline() == f"http://127.0.0.1:{port}\n"
            with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
                line.sendall(b"POST /log-in HTTP/1.1\r\nHost: desk\r\nContent-Length: 1000000000\r\n\r\n")
                assert line.recv(100).startswith(b"HTTP/1.1 413 ")
        finally:
            desk.kill()


def test_words_of_nodes_and_people_cannot_become_script(client: FlaskClient, fleet: Fleet) -> None:
    header = ImageHeader(kind="question", id="00000000-q2", bytes=3, note="<script>alert(1)</script>")
    told = Message("fieldeye/v1/s/a/image", b"abc", properties=image_properties(header))
    note(fleet.database, fleet.intake, [told])
    log_in(client)
    answer = client.get("/questions")
    assert "&lt;script&gt;" in answer.text
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"""(src|href)=["'](https?:)?//""", answer.text)


@pytest.mark.parametrize(
    ("parts", "whole"),
    [([(0, b"ab"), (2, b"cd")], b"abcd"), ([(0, b"abc"), (1, b"bcd")], b"abcd"), ([(0, b"ab"), (3, b"d")], None),
     ([], None), ([(0, b"abcde")], None)],
)  # fmt: skip
def test_a_photograph_is_whole_once_no_part_is_missing(parts: list[tuple[int, bytes]], whole: bytes | None) -> None:
    assert assembled(parts, 4) == whole


def test_a_photograph_that_is_sent_anew_in_longer_parts_is_whole(fleet: Fleet) -> None:
    for first, end in ((0, 5), (5, 15), (0, 5), (5, 25), (5, 15), (25, len(JPEG))):
        header = ImageHeader(kind="question", id="00000000-q2", bytes=len(JPEG), offset=first)
        told = Message("fieldeye/v1/s/b/image", JPEG[first:end], properties=image_properties(header))
        note(fleet.database, fleet.intake, [told])
    assert open_questions(fleet, "b") == ["q1", "q2"]


def test_a_short_password_or_a_wrong_area_makes_no_log_in(database: Database) -> None:
    for password, area in (("short", "33"), (PASSWORD, "331")):
        with pytest.raises(UsageError):
            add_person(database, "x", password, area)


def test_a_password_costs_whoever_guesses_it_32_mb_a_guess(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.platform.desk.people.generate_password_hash", generate_password_hash)
    add_person(database, "x", PASSWORD, "33")
    (kept,) = database.execute("SELECT password_hash FROM person WHERE name = 'x'")
    assert kept[0].startswith("scrypt:32768:8:1$")


def test_a_person_is_added_from_the_command_line(
    url: str, database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = database.execute("SELECT name, role FROM person").fetchall()
    with (Path("/dev/null")).open() as nothing:
        monkeypatch.setattr("sys.stdin", _Pipe(nothing.fileno(), f"{PASSWORD}\n"))
        words = ["desk", "--database", url, "--add-person", "Wang", "--area", "330106000000"]
        assert platform_main(words) == 0
    assert capsys.readouterr().out == "Wang may log in, County 330106\n"
    people = database.execute("SELECT name, role FROM person").fetchall()
    assert sorted(people) == sorted([*before, ("Wang", "fieldeye_area_330106")])


def test_a_new_password_leaves_the_area_as_it_was(
    fleet: Fleet, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It raised a village's person to all areas."""
    monkeypatch.setattr("edge.cli.desk._password", lambda: f"{PASSWORD}er")
    for more, says in (([], "Township 330106011"), (["--area", "all"], "All areas"), ([], "All areas")):
        assert platform_main(["desk", "--database", url, "--add-person", "town", *more]) == 0
        assert capsys.readouterr().out == f"town may log in, {says}\n"
        (prefix,) = fleet.database.execute("SELECT prefix FROM person JOIN reader USING (role) WHERE name = 'town'")
        assert prefix[0] == {"All areas": ""}.get(says, "330106011")
    assert log_in(create_app(url).test_client(), "town", f"{PASSWORD}er") == 302


def test_a_name_and_a_password_are_the_same_with_accents_apart(client: FlaskClient, fleet: Fleet) -> None:
    kept, apart = ([normalize(form, text) for text in ("Nguyễn Lan", "mật khẩu của tôi")] for form in ("NFC", "NFD"))
    add_person(fleet.database, *apart, "330106")
    assert area_of(fleet.database, apart[0]) == "330106"
    assert [log_in(client, *typed) for typed in (kept, apart)] == [302, 302]
    assert client.get("/nodes").status_code == 200
    remove_person(fleet.database, apart[0])
    assert area_of(fleet.database, kept[0]) is None


def test_who_is_removed_is_out_at_once(client: FlaskClient, fleet: Fleet, url: str) -> None:
    log_in(client)
    assert client.get("/nodes").status_code == 200
    assert platform_main(["desk", "--database", url, "--remove-person", "town"]) == 0
    assert client.get("/nodes").location == "/log-in"
    assert log_in(client) == 403
    with pytest.raises(UsageError, match="nobody is called 'town'; give one of: county"):
        remove_person(fleet.database, "town")


def test_a_new_password_ends_the_log_ins_of_the_old_one(client: FlaskClient, fleet: Fleet) -> None:
    log_in(client)
    add_person(fleet.database, "town", PASSWORD + "er", "330106011")
    assert client.get("/nodes").location == "/log-in"


def test_who_logs_out_is_out_on_every_device(client: FlaskClient) -> None:
    """A copied cookie was good for twelve hours."""
    phone = client.application.test_client()
    assert (log_in(client), log_in(phone)) == (302, 302)
    assert client.post("/log-out", data={"token": token(client)}).location == "/log-in"
    assert phone.get("/nodes").location == "/log-in"
    assert (log_in(phone), phone.get("/nodes").status_code) == (302, 200)


def test_another_area_holds_from_the_next_page_on(client: FlaskClient, fleet: Fleet) -> None:
    log_in(client, "county")
    assert "s/c" in client.get("/nodes").text
    fleet.database.execute("UPDATE person SET role = 'fieldeye_area_330106011' WHERE name = 'county'")
    seen = client.get("/nodes").text
    assert "s/a" in seen
    assert "s/c" not in seen


class _Pipe(io.StringIO):
    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self._number = number

    def fileno(self) -> int:
        return self._number


def test_vendored_libraries_are_what_was_published() -> None:
    for line in (VENDOR / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name
    assert {path.name for path in VENDOR.glob("*.LICENSE")} == {"leaflet.LICENSE", "uplot.LICENSE"}


def test_a_question_asked_at_a_real_node_is_answered_at_the_desk_and_read_at_the_node(
    tmp_path: Path, postgres: Postgres
) -> None:
    stop = Event()
    with (
        fresh(postgres) as url,
        open_database(url) as database,
        Broker() as broker,
        running(tmp_path, to(broker.port, health_every_s=0.3)) as node,
    ):
        address, metrics = BrokerAddress(host="127.0.0.1", port=broker.port), WorkerMetrics()
        source = SharedSubscription(address, name="desk-test")
        leader = Leader(source, metrics, every_s=0.3)
        worker = Worker(source, lambda: open_database(url), leader, metrics, SystemClock())
        thread = Thread(target=lambda: list(worker.run(stop)))
        thread.start()
        try:
            jpeg = (Path(__file__).parents[2] / "edge/cli/demo_pictures/06-rice-bug.jpg").read_bytes()
            asked = node.store.ask_station(
                SystemClock().now(), jpeg, who="Li", note="what eats my rice?", guess="", eppo=""
            )
            node.publisher.wake()
            wait_until(lambda: len(questions(database)) == 1, within_s=40)
            add_person(database, "county", PASSWORD, "")
            client = create_app(url).test_client()
            log_in(client, "county")
            (mine,) = questions(database)
            assert client.get(f"/questions/{mine.node_id}/{mine.id}.jpg").data == jpeg
            form = {"token": token(client), "text": "a rice bug", "label": "Leptocorisa"}
            client.post(f"/questions/{mine.node_id}/{mine.id}", data=form)
            wait_until(lambda: questions(database)[0].outcome == "done", within_s=40)
            told = node.store.question(asked.id)
            assert told is not None
            assert told.answer is not None
            assert (told.answer.text, told.answer.who, told.answer.label) == ("a rice bug", "county", "Leptocorisa")
        finally:
            stop.set()
            thread.join(20)


def test_whoever_owns_the_database_and_may_make_roles_need_be_no_superuser() -> None:
    """A server of its own, since roles are the server's: here the owner makes the first."""
    with Postgres(QUICK) as server:
        with open_database(server.url()) as root:
            root.execute("CREATE ROLE station LOGIN CREATEROLE")
            root.execute("CREATE ROLE other LOGIN")
            root.execute("CREATE DATABASE own OWNER station")
            root.execute("CREATE DATABASE second OWNER other")
        own = server.url("own", "station")
        with open_database(own) as database:
            migrate(database)
            add_person(database, "county", PASSWORD, "330106")
        client = create_app(own).test_client()
        assert client.post("/log-in", data={"name": "county", "password": PASSWORD}).status_code == 302
        assert client.get("/").status_code == 200
        with open_database(server.url("second", "other")) as database:
            migrate(database)
            with pytest.raises(StoreError, match=r"may not make the role fieldeye_area_330106 .*CREATEROLE"):
                add_person(database, "county", PASSWORD, "330106")
        with open_database(server.url()) as root:
            root.execute("ALTER ROLE other CREATEROLE")
        with (
            open_database(server.url("second", "other")) as database,
            pytest.raises(StoreError, match=r"another user made .*: give these one owner, or two servers"),
        ):
            add_person(database, "county", PASSWORD, "330106")


RIGHTS = """
    SELECT relname, NULL::name, relacl::text FROM pg_class WHERE relacl::text ~ 'fieldeye_[rd]e' UNION ALL
    SELECT attrelid::regclass::name, attname, attacl::text FROM pg_attribute WHERE attacl::text ~ 'fieldeye_[rd]e'
    ORDER BY 1, 2
"""


def test_a_backup_that_is_restored_on_a_new_server_lets_everybody_in_as_before(
    tmp_path: Path, fleet: Fleet, url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    rights = fleet.database.execute(RIGHTS.encode()).fetchall()
    assert rights
    subprocess.run([BIN / "pg_dump", "-Fc", "--no-owner", "-f", tmp_path / "dump", url], check=True)
    with Postgres(QUICK) as server:
        with open_database(server.url()) as root:
            root.execute("CREATE ROLE fieldeye_station LOGIN CREATEROLE")
            root.execute("CREATE DATABASE own OWNER fieldeye_station")
        own = server.url("own", "fieldeye_station")
        restored = subprocess.run([BIN / "pg_restore", "-d", own, tmp_path / "dump"], capture_output=True, check=False)
        assert b'role "fieldeye_reader" does not exist' in restored.stderr
        client = create_app(own).test_client()
        assert (log_in(client), client.get("/").status_code) == (302, 503)
        assert '/: the role fieldeye_area_330106011 cannot be taken on (role "' in caplog.messages[-1]
        with open_database(own) as database:
            assert (migrate(database), migrate(database)) == ([], []), "as each command does at its start"
            now = database.execute(RIGHTS.encode()).fetchall()
            assert [(*of, acl.replace("fieldeye_station", "fieldeye")) for *of, acl in now] == rights
        assert client.get("/").status_code == 200
        assert client.get("/questions/1/00000000-q1.jpg").data == JPEG
        assert (
            client.post("/questions/1/00000000-q1", data={"token": token(client), "text": "a moth"}).status_code == 302
        )
        monkeypatch.setattr("edge.cli.desk._password", lambda: PASSWORD)
        assert platform_main(["desk", "--database", own, "--add-person", "boss", "--area", "all"]) == 0


def test_a_database_of_version_19_lets_its_people_answer_and_who_was_made_to_read_no_more() -> None:
    """SQL of a QGIS or Grafana that reads went out to farmers as an answer."""
    with Postgres(QUICK) as server:
        with open_database(server.url()) as root:
            root.execute("CREATE ROLE station LOGIN CREATEROLE")
            root.execute("CREATE DATABASE own OWNER station")
        own = server.url("own", "station")
        with open_database(own) as database:
            make_version_19(database)
            assert (migrate(database), migrate(database)) == ([one for one in migrations() if one > 19], [])
            areas = "SELECT prefix FROM recipient UNION ALL (SELECT prefix FROM site_area ORDER BY prefix)"
            assert database.execute(areas.encode()).fetchall() == [("330106",), ("3301",), ("330106011",)]
            three_nodes(database)
            for change in ("UPDATE question SET answer = 'x'", "INSERT INTO acknowledgement (who) VALUES ('x')"):
                with database.transaction(force_rollback=True):
                    database.execute("SET LOCAL ROLE qgis")
                    with pytest.raises(InsufficientPrivilege):
                        database.execute(change.encode())
            database.execute("REVOKE fieldeye_reader FROM qgis")
            migrate(database)
            assert database.execute("SELECT pg_has_role('qgis', 'fieldeye_reader', 'MEMBER')").fetchone() == (False,)
            database.execute("DELETE FROM reader WHERE role = 'qgis'; DROP ROLE qgis")
            migrate(database)
            assert database.execute("SELECT to_regrole('qgis')").fetchone() == (None,), "as docs/platform.md says"
        client = create_app(own).test_client()
        assert log_in(client, "former") == 302
        assert (
            client.post("/questions/1/00000000-q1", data={"token": token(client), "text": "a moth"}).status_code == 302
        )


def make_version_19(database: Database) -> None:
    """With a person and a role that reads, as its program made them."""
    database.execute("CREATE ROLE fieldeye_reader NOLOGIN")
    for script in migrations()[19].values():
        database.execute(script.encode())
    database.execute("CREATE TABLE schema_version (version integer PRIMARY KEY, name text, applied timestamptz)")
    database.execute("INSERT INTO schema_version VALUES (19, '0019', now())")
    database.execute("SELECT add_reader('qgis', '330106'), add_reader('fieldeye_area_33', '33')")
    database.execute("INSERT INTO recipient (kind, address, prefix) VALUES ('email', 'a@b', '330106000000')")
    database.execute("INSERT INTO site_area VALUES ('s', '330106011'), ('s', '330106011000'), ('s', '330100')")
    hashed = generate_password_hash(PASSWORD)
    database.execute(
        "INSERT INTO person (name, password_hash, role) VALUES ('former', %s, 'fieldeye_area_33')", (hashed,)
    )


def test_a_desk_whose_database_has_gone_says_so_and_goes_on_once_it_is_back(capsys: pytest.CaptureFixture[str]) -> None:
    with Postgres(QUICK) as postgres:
        with open_database(postgres.url()) as database:
            migrate(database)
            three_nodes(database)
        client = create_app(postgres.url()).test_client()
        log_in(client)
        postgres.kill()
        answer = client.get("/")
        assert (answer.status_code, "cannot answer this now" in answer.text) == (503, True)
        assert "Traceback" not in capsys.readouterr().err
        postgres.start()
        assert client.get("/").status_code == 200
        with open_database(postgres.url()) as database:
            database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")  # as before a backup is restored
        answer = client.get("/")
        assert (answer.status_code, "cannot answer this now" in answer.text) == (503, True)
        assert "Traceback" not in capsys.readouterr().err
