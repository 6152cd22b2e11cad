"""Who takes care of an alert: said at the desk it shows at the node, said at the node it shows at the desk."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec
import pytest
from flask.testing import FlaskClient

from edge.advice import Measured, Period, Standing, Threshold, key_of
from edge.platform.alerts.recipients import add_recipient
from edge.platform.alerts.standing_alerts import acknowledge_each, named, note_standing, standing
from edge.platform.alerts.telling_people import tell_people
from edge.platform.areas.sites import set_areas
from edge.platform.broker.address import BrokerAddress
from edge.platform.broker.shared_subscription import SharedSubscription
from edge.platform.database import Database, open_database
from edge.platform.decode import Message
from edge.platform.desk import create_app
from edge.platform.desk.people import add_person
from edge.platform.intake.commands_due import seen_due
from edge.store import Deed
from edge.wire import Health, Info, Key, Reply, StandingAlert, Status, Stored, encode_batch, encode_message
from tests.broker import Broker
from tests.node import running, to
from tests.platform.conftest import filled, fresh
from tests.platform.desk.visitors import PASSWORD, log_in, token
from tests.platform.fleet import Fleet, all_due, epoch, moment
from tests.platform.postgres import Postgres
from tests.platform.test_telling_people import Hook, alert, hook, levels  # noqa: F401
from tests.platform.working import at_work
from tests.records import APHID, MOTH, count
from tests.waiting import wait_until

PLATFORM_MD = Path(__file__).parents[2] / "docs" / "platform.md"
SINCE = datetime(2026, 7, 1, 12, 0, 0, 123456, UTC)
TOLD = StandingAlert(
    label=MOTH[0], unit="adults/trap/night", level="act", since=SINCE, value=9.0, start_at=5.0
)  # as test_telling_people has it
THRESHOLD = Threshold(
    scientific_name=MOTH[0], crop="Brassica", stage_of_crop="", method="pheromone trap", quantity="adults",
    unit="adults/trap/night", low=5.0, high=8.0, region="", action="look", basis="action", source="the station",
)  # fmt: skip
STANDS = Standing(
    threshold=THRESHOLD, level="act", since=moment(SINCE), count=9,
    figure=Measured(9.0, "adults/trap/night", 7.0, 12.0),
    period=Period(first=date(2026, 6, 30), last=date(2026, 6, 30), is_over=True),
)  # fmt: skip


@pytest.fixture(scope="module")
def template(postgres: Postgres) -> Iterator[tuple[str, Fleet]]:
    with filled(postgres, two_nodes) as made:
        yield made


def two_nodes(database: Database) -> Fleet:
    """Node a in one township and c in the next, an alert at both."""
    fleet = Fleet(database)
    for node in "ac":
        fleet.place(node)
        says(fleet, node, TOLD)
    add_person(database, "town", PASSWORD, "330106011")
    return fleet


def says(fleet: Fleet, node: str, *alerts: StandingAlert, retained: bool = False) -> None:
    health = Health(utc=SINCE, clock="synced", session=1, uptime_s=1.0, alerts=list(alerts))
    fleet.registry.note([Message(f"fieldeye/v1/s/{node}/health", encode_message(health), retained)])


def replies(fleet: Fleet, code: str, command: str) -> None:
    reply = Reply(code=code, id=command)  # type: ignore[arg-type]
    fleet.registry.note([Message("fieldeye/v1/s/a/reply/seen", encode_message(reply))])


def form(client: FlaskClient, **changes: str) -> dict[str, str]:
    named = {"label": TOLD.label, "unit": TOLD.unit, "level": TOLD.level, "since": SINCE.isoformat()}
    return named | {"token": token(client)} | changes


def test_the_desk_says_so_until_the_node_knows(fleet: Fleet, url: str) -> None:
    client = create_app(url).test_client()
    log_in(client)
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]
    assert "I take care of it" in client.get("/alerts").text
    assert client.post(f"/alerts/{mine.node_id}", data=form(client)).status_code == 302
    assert "town takes care of it" in client.get("/alerts").text
    ((topic, command),) = all_due(seen_due, fleet.database)
    assert topic == "fieldeye/v1/s/a/cmd/seen"
    assert (command.label, command.level, command.since, command.who) == (MOTH[0], "act", SINCE, "town")
    assert all_due(seen_due, fleet.database) == [], "not twice within two minutes"
    for no_outcome in ("busy", "expired", "repeated"):
        replies(fleet, no_outcome, command.id)
    assert "On its way to the node" in client.get("/alerts").text
    reply = encode_message(Reply(code="done", id=command.id))
    fleet.registry.note([Message("fieldeye/v1/s/a/reply/answer", reply)])
    assert "On its way to the node" in client.get("/alerts").text, "a reply to an answer"
    replies(fleet, "done", command.id)
    says(fleet, "a", TOLD, retained=True)  # from before, as the broker gives it at each connection
    assert "The node shows it too" in client.get("/alerts").text


def test_who_leaves_gives_an_alert_back_and_a_colleague_takes_it_over_and_each_step_is_kept(
    fleet: Fleet, url: str
) -> None:
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]
    acknowledge_each(fleet.database, [named(mine)], "Wang")
    client = create_app(url).test_client()
    log_in(client)
    for changes, shows, sent in (
        ({"was": "Wang"}, "town takes care of it", ("town", False)),
        ({"was": "Wang"}, "town takes care of it", None),  # from a page of before: nobody is put off who took it since
        ({"was": "Wang", "give_back": ""}, "town takes care of it", None),
        ({"was": "town", "give_back": ""}, "town gave it back", ("town", True)),
        ({"was": "town", "give_back": ""}, "town gave it back", None),
        ({"was": ""}, "town takes care of it", ("town", False)),
    ):
        assert client.post(f"/alerts/{mine.node_id}", data=form(client, **changes)).status_code == 302
        assert shows in (page := client.get("/alerts").text)
        assert [(one.who, one.given_back) for _, one in all_due(seen_due, fleet.database)] == [sent] * (
            sent is not None
        )
    assert re.findall(r"<li>(\w+ \w+ it \w+),", page) == [
        "Wang took it on", "town took it on", "town gave it back", "town took it on",
    ]  # fmt: skip
    assert ("Give it back" in page, "I take it over" in page) == (True, False), "it is one's own"


def test_what_is_done_at_the_node_is_not_only_taken_on(fleet: Fleet, url: str) -> None:
    """The officer has to know whom to call: who went there, or who only meant to."""
    fleet.place("b")
    done = msgspec.structs.replace(TOLD, who="Wang", done=SINCE, carried_out=True)
    client = create_app(url).test_client()
    log_in(client)
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]
    client.post(f"/alerts/{mine.node_id}", data=form(client))
    (said,) = [command for _, command in all_due(seen_due, fleet.database)]
    replies(fleet, "done", said.id)
    says(fleet, "a", msgspec.structs.replace(TOLD, who="town", done=SINCE))
    says(fleet, "b", msgspec.structs.replace(done, who="town"))
    in_hand, is_done = client.get("/alerts").text.split('<article class="alert">')[1:]
    assert ("town takes care of it" in in_hand, "town has done it" in in_hand) == (True, False)
    assert ("town takes care of it" in is_done, "town has done it" in is_done) == (False, True), "below what is not"
    says(fleet, "a", msgspec.structs.replace(done, who="town"))
    (together,) = client.get("/alerts").text.split('<article class="alert">')[1:]
    assert "2 nodes" in together
    assert re.findall("<li>town ([a-z ]+), ", together) == ["took it on", "has done it"]
    client.post(f"/alerts/{mine.node_id}", data=form(client, was="town", give_back=""))
    assert {one.node: one.carried_out for one in standing(fleet.database)} == {"a": False, "b": True, "c": False}


def test_what_is_done_stands_below_what_is_in_hand_however_sure(fleet: Fleet) -> None:
    says(fleet, "a", msgspec.structs.replace(TOLD, who="Wang", done=SINCE, carried_out=True))
    says(fleet, "c", msgspec.structs.replace(TOLD, level="look", who="Li", done=SINCE))
    assert [one.node for one in standing(fleet.database)] == ["c", "a"]


def test_who_has_done_what_they_took_on_has_done_it_when_the_node_says(fleet: Fleet) -> None:
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]
    acknowledge_each(fleet.database, [named(mine)], "Wang")
    (taken_on,) = [one.at for one in standing(fleet.database) if one.node == "a"]
    later = SINCE + timedelta(hours=2)
    for carried_out, at in ((False, taken_on), (True, later)):
        says(fleet, "a", msgspec.structs.replace(TOLD, who="Wang", done=later, carried_out=carried_out))
        assert [one.at for one in standing(fleet.database) if one.node == "a"] == [at]


def test_what_a_node_still_tells_of_who_was_before_takes_nothing_back(fleet: Fleet, url: str) -> None:
    client = create_app(url).test_client()
    log_in(client)
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]

    def says_done(who: str, *, retained: bool = False) -> tuple[str, str | None]:
        says(fleet, "a", msgspec.structs.replace(TOLD, who=who, done=SINCE), retained=retained)
        return next((one.who, one.outcome) for one in standing(fleet.database) if one.node == "a")

    assert says_done("Wang") == ("Wang", "done")
    client.post(f"/alerts/{mine.node_id}", data=form(client, was="Wang"))
    assert says_done("Wang") == ("town", None), "the node does not know yet"
    ((_, command),) = all_due(seen_due, fleet.database)
    replies(fleet, "done", command.id)
    assert says_done("Wang", retained=True) == ("town", "done"), "of before, as the broker gives it"
    assert says_done("town") == ("town", "done")
    assert says_done("Wang") == ("Wang", "done"), "who took it on anew at the node"
    client.post(f"/alerts/{mine.node_id}", data=form(client, was="Wang", give_back=""))
    assert says_done("Wang") == ("", None)
    assert says_done("Li") == ("Li", "done"), "who takes it on at the node while the word is on its way"
    client.post(f"/alerts/{mine.node_id}", data=form(client, was="Li", give_back=""))
    ((_, command),) = all_due(seen_due, fleet.database)
    replies(fleet, "done", command.id)
    says(fleet, "a", TOLD)
    assert "I take care of it" in (page := client.get("/alerts").text)
    assert "The node shows it too" not in page
    says_done("Li")
    says(fleet, "a", TOLD)
    assert re.findall(r"<li>(?:(\w+) (?:took|gave) it (\w+)|Open again at the node)", client.get("/alerts").text) == [
        ("Wang", "on"), ("town", "on"), ("Wang", "on"), ("town", "back"), ("Li", "on"), ("town", "back"), ("Li", "on"),
        ("", ""),
    ]  # fmt: skip


@pytest.mark.parametrize("order", ["reply first", "health first"])
def test_who_takes_it_on_at_the_node_while_the_desks_word_is_on_its_way_has_it(fleet: Fleet, order: str) -> None:
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]
    says(fleet, "a", msgspec.structs.replace(TOLD, who="Wang", done=SINCE))
    for who, was, gives_back in (("Zhao", "Wang", False), ("Wang", "Zhao", False), ("Wang", "Wang", True)):
        acknowledge_each(fleet.database, [named(mine)], who, was=was, gives_back=gives_back)
    ((_, command),) = all_due(seen_due, fleet.database)
    assert (command.given_back, command.former) == (True, ["Zhao", "Wang"]), "each once"
    if order == "reply first":
        replies(fleet, "not_kept", command.id)
    says(fleet, "a", msgspec.structs.replace(TOLD, who="Li", done=SINCE))
    if order == "health first":
        replies(fleet, "not_kept", command.id)
    assert [(one.who, one.outcome) for one in standing(fleet.database) if one.node == "a"] == [("Li", "done")]
    acknowledge_each(fleet.database, [named(mine)], "Zhao", was="Li", gives_back=True)
    ((_, command),) = all_due(seen_due, fleet.database)
    assert (command.given_back, command.former) == (True, ["Li"])


def test_of_those_who_took_care_of_it_the_last_ten_are_told(fleet: Fleet) -> None:
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]
    names = ["", *(f"person {n}" for n in range(12))]
    for was, who in pairwise(names):
        acknowledge_each(fleet.database, [named(mine)], who, was=was)
    ((_, command),) = all_due(seen_due, fleet.database)
    assert command.former == names[2:-1]


def test_a_name_is_taken_out_as_the_documentation_says(fleet: Fleet) -> None:
    """It stayed in another table than the one that was named there."""
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]
    for was, who in pairwise(["", "Wang", "Li", "Wang"]):
        acknowledge_each(fleet.database, [named(mine)], who, was=was)
    taking_out = re.findall(r"^(?:UPDATE acknowl|DELETE FROM care)[^;]*", PLATFORM_MD.read_text(), re.MULTILINE)
    assert len(taking_out) == 2
    for outcome in (None, "done"):
        fleet.database.execute("UPDATE acknowledgement SET outcome = %s", (outcome,))
        for one in taking_out:
            fleet.database.execute(one.replace("NAME", "Wang").encode())
        ((who, former),) = fleet.database.execute("SELECT who, former FROM acknowledgement").fetchall()
        assert (who, former) == (("", ["Li"]) if outcome else ("Wang", ["Wang", "Li"])), "needed until it has come"
    assert fleet.database.execute("SELECT who FROM care WHERE who <> ''").fetchall() == [("Li",)]


def test_an_alert_of_a_node_that_lies_in_no_area_yet_says_so(fleet: Fleet, url: str) -> None:
    """It stood under nine zeros."""
    fleet.place("lost", area_code=None)
    says(fleet, "lost", TOLD)
    add_person(fleet.database, "all", PASSWORD, "")
    client = create_app(url).test_client()
    log_in(client, "all")
    page = client.get("/alerts").text
    assert re.findall(r'<h2>.*? · <a href="(.*?)">In no area</a></h2>', page) == ["/?area=000000000"]
    assert "<h1>In no area</h1>" in client.get("/?area=000000000").text
    assert '<p class="about">In no area</p>' in page
    assert "<td>In no area</td>" in client.get("/nodes").text


def test_a_townships_alerts_of_one_taxon_stand_together_with_their_map_and_are_taken_care_of_at_once(
    fleet: Fleet, url: str
) -> None:
    """300 nodes were 36,000 px on a phone, each with a button of its own."""
    fleet.place("b")
    says(fleet, "b", msgspec.structs.replace(TOLD, level="look"), msgspec.structs.replace(TOLD, label="another"))
    client = create_app(url).test_client()
    log_in(client)
    together, alone = client.get("/alerts").text.split('<article class="alert">')[1:]
    assert '<a href="/?area=330106011">330106011</a> · 2 nodes' in together
    of_each = re.findall(r'<span class="(\w+)">[a-z ]+</span> \((.*?)\) ', together)
    assert of_each == [("act", "1 node"), ("look", "1 node")]
    assert [client.get("/?area=330106011").status_code, "details" in alone] == [200, False]
    alerts = [unescape(one) for one in re.findall(r'name="alert" value="(.*?)"', together)]
    assert "I take care of these 2" in together
    others = [one.node_id for one in standing(fleet.database) if one.node == "c"]
    nextdoor = [re.sub(r"\d+", str(others[0]), alerts[0], count=1)]
    for sent, code in ((["nonsense"], 400), (nextdoor, 404), ([], 404), ([*alerts, *nextdoor], 302)):
        assert all_due(seen_due, fleet.database) == []
        assert client.post("/alerts", data={"token": token(client), "alert": sent}).status_code == code
    assert sorted((topic, one.who) for topic, one in all_due(seen_due, fleet.database)) == [
        ("fieldeye/v1/s/a/cmd/seen", "town"), ("fieldeye/v1/s/b/cmd/seen", "town"),
    ]  # fmt: skip
    assert client.get("/alerts").text.count("town takes care of it") == 3, "above the two, too"
    sent = {"token": token(client), "alert": [*alerts, *nextdoor], "was": "town", "give_back": ""}
    assert "Give these 2 back" in client.get("/alerts").text
    assert client.post("/alerts", data=sent).status_code == 302
    assert [(one.who, one.given_back) for _, one in all_due(seen_due, fleet.database)] == [("town", True)] * 2
    add_person(fleet.database, "village", PASSWORD, "330106011002")
    log_in(client, "village")
    (link,) = re.findall(r'<h2>.*? · <a href="(.*?)">', client.get("/alerts").text)
    assert (link, client.get(link).status_code) == ("/?area=330106011002", 200), "no more than they may see"


def test_an_alerts_map_shows_that_pest_as_its_node_counted_it_last(fleet: Fleet, url: str) -> None:
    """Beside rice blast stood a link to the map of whatever most nodes had counted."""
    adult, larva = (count(MOTH, many, stage=stage) for many, stage in ((2, "adult"), (5, "larva")))
    fleet.counts("a", 0, count(MOTH, 9, stage="adult"), count(APHID, 99))
    fleet.counts("a", 1, adult, larva, count(APHID, 99), unit="visits")
    says(fleet, "a", TOLD, msgspec.structs.replace(TOLD, label="another", level="look"))
    fleet.place("b")
    fleet.counts("b", 2, count(MOTH, 1))
    fleet.sum_up()
    client = create_app(url).test_client()
    log_in(client)
    link, other = re.findall(r'<h2>.*? · <a href="(.*?)">', client.get("/alerts").text)
    assert "taxon" not in other
    page = client.get(unescape(link)).text
    assert re.findall(r'<option value="([^"]*)" selected>', page) == [f"{MOTH[0]}|larva|visits"]
    assert "<b>5</b> counted" in page


def test_what_is_being_noted_of_a_node_is_sent_later_and_not_waited_for(fleet: Fleet, url: str) -> None:
    """A `health` of two alerts and the sending of both waited for each other."""
    other = msgspec.structs.replace(TOLD, label="another")
    says(fleet, "a", TOLD, other)
    of_a = [one for one in standing(fleet.database) if one.node == "a"]
    node_id = of_a[0].node_id
    acknowledge_each(fleet.database, [named(one) for one in of_a], "Wang")
    fleet.database.execute("SET lock_timeout = '1s'")
    first, second = (msgspec.structs.replace(one, who="Wang", done=SINCE) for one in (other, TOLD))
    with open_database(url) as worker, worker.transaction():
        note_standing(worker, node_id, [first], is_kept=False)
        assert [command.label for _, command in all_due(seen_due, fleet.database)] == [second.label]
        note_standing(worker, node_id, [second], is_kept=False)
    assert [one.outcome for one in standing(fleet.database) if one.node == "a"] == ["done", "done"]


def test_two_people_who_take_on_the_same_alerts_from_pages_in_another_order_do_not_wait_for_each_other(
    fleet: Fleet, url: str
) -> None:
    first, last = sorted(map(named, standing(fleet.database)))

    def take_on() -> None:
        with open_database(url) as database, database.transaction():
            acknowledge_each(database, [last, first], "Li")

    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with ThreadPoolExecutor() as threads:
        with open_database(url) as database, database.transaction():
            acknowledge_each(database, [first], "Wang")
            other = threads.submit(take_on)
            wait_until(lambda: fleet.database.execute(waits).fetchone() == (1,), within_s=20)
            acknowledge_each(database, [last], "Wang")
        other.result()
    assert [one.who for one in standing(fleet.database)] == ["Wang", "Wang"], "the second sees that they are"


def test_a_township_neither_sees_nor_acknowledges_what_stands_in_the_next(fleet: Fleet, url: str) -> None:
    client = create_app(url).test_client()
    log_in(client)
    (other,) = [one for one in standing(fleet.database) if one.node == "c"]
    assert "s/c" not in client.get("/alerts").text
    assert client.post(f"/alerts/{other.node_id}", data=form(client)).status_code == 404
    assert all_due(seen_due, fleet.database) == []


@pytest.mark.parametrize("heard", ["now() - interval '25 hours'", "NULL"])
def test_what_a_node_told_that_is_silent_for_a_day_stands_below_what_others_tell(
    fleet: Fleet, url: str, heard: str
) -> None:
    fleet.place("b")
    says(fleet, "b", msgspec.structs.replace(TOLD, level="look", since=SINCE + timedelta(days=9)))
    fleet.database.execute(f"UPDATE node SET heard = {heard} WHERE node = 'a'".encode())  # noqa: S608  our own words
    client = create_app(url).test_client()
    log_in(client)
    first, last = client.get("/alerts").text.split('<article class="alert">')[1:]
    assert ("s/b" in first, "330106011003" in first, "silent for a day" in first) == (True, True, False)
    assert ("s/a" in last, "330106011002" in last, "silent for a day" in last) == (True, True, True)
    assert "s/a, since 2026-07-01 20:00:" in last, "as it was in Shanghai"


def test_what_one_node_tells_without_end_hides_no_alert_of_another(fleet: Fleet, url: str) -> None:
    fleet.place("b")
    says(fleet, "b", msgspec.structs.replace(TOLD, since=SINCE - timedelta(days=9)))
    many = [msgspec.structs.replace(TOLD, label=f"moth {n}", since=SINCE - timedelta(days=n)) for n in range(400)]
    says(fleet, "c", *many, msgspec.structs.replace(TOLD, level="look"))
    assert [one.node for one in standing(fleet.database)[:4]] == ["c", "b", "a", "c"], "the oldest of each first"
    with open_database(url) as database:
        add_person(database, "all", PASSWORD, "")
    client = create_app(url).test_client()
    log_in(client, "all")
    page = client.get("/alerts").text
    assert [page.count(f"s/{node}, since") for node in "abc"] == [1, 1, 20]
    assert "s/c: the 20 first of 401 alerts." in page


@pytest.mark.parametrize("name", ["alerts", "nodes"])
def test_what_is_too_long_for_one_page_goes_on_at_the_next(
    fleet: Fleet, url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_database(url) as database:
        add_person(database, "all", PASSWORD, "")
    client = create_app(url).test_client()
    log_in(client, "all")
    assert "Shown" not in client.get(f"/{name}").text
    monkeypatch.setattr("edge.platform.desk.paging.MOST_LINES", 1)
    first = client.get(f"/{name}").text
    assert "Shown: 1 to 1 of 2." in first
    (address,) = re.findall(r'<a href="([^"]*)">Next page</a>', first)
    fleet.database.execute("UPDATE node SET heard = now() WHERE node = 'a'")  # as each does once a minute
    last = client.get(address).text
    assert "Shown: 2 to 2 of 2." in last
    assert "Next page" not in last
    assert re.findall(r"s/(?:<wbr>)?([ac])[,<]", first + last) == ["a", "c"]
    assert "Shown: 2 to 2 of 2." in client.get(f"/{name}?start=9").text, "some have gone since"


@pytest.mark.parametrize("start", ["?start=1", ""])
def test_who_takes_care_of_an_alert_comes_back_to_the_page_on_which_it_stood(
    fleet: Fleet, url: str, start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.platform.desk.paging.MOST_LINES", 1)
    with open_database(url) as database:
        add_person(database, "all", PASSWORD, "")
    client = create_app(url).test_client()
    log_in(client, "all")
    (address,) = re.findall(r'action="(/alerts/[^"]*)"', client.get(f"/alerts{start}").text)
    assert client.post(address, data=form(client)).location == f"/alerts{start}"


@pytest.mark.parametrize("heard", ["1 day", "91 days"])
def test_what_a_name_told_that_was_left_behind_stands_nowhere_and_is_sent_nothing(fleet: Fleet, heard: str) -> None:
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]
    acknowledge_each(fleet.database, [named(mine)], "Wang")
    fleet.database.execute(
        "UPDATE node SET since = '2026-01-01', heard = now() - %s::interval WHERE node = 'a'", (heard,)
    )
    is_left = heard == "91 days"
    assert [one.node for one in standing(fleet.database)] == ["c"] + ["a"] * (not is_left)
    assert len(all_due(seen_due, fleet.database)) == (not is_left)


@pytest.mark.parametrize(("state", "stand"), [("online", "acz"), ("offline", "cz"), ("stopped", "cz")])
def test_what_a_renamed_node_told_stands_under_its_new_name_alone(
    fleet: Fleet, url: str, state: Literal["online", "offline", "stopped"], stand: str
) -> None:
    """In its former township, too. Where both names are there, they are copies of a card that both run."""
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]
    acknowledge_each(fleet.database, [named(mine)], "Wang")
    status = encode_message(Status(state=state, session=1, connection=1))
    fleet.registry.note([Message("fieldeye/v1/s/a/status", status)])
    info = Info(software="fieldeye", version="0", epoch=str(epoch("a")), area_code="330106012001")
    fleet.registry.note([Message("fieldeye/v1/s/z/info", encode_message(info))])
    says(fleet, "z", TOLD)
    assert sorted(one.node for one in standing(fleet.database)) == list(stand)
    assert len(all_due(seen_due, fleet.database)) == ("a" in stand)
    client = create_app(url).test_client()
    log_in(client)
    assert ("s/a, since" in client.get("/alerts").text) == ("a" in stand)


def test_what_a_renamed_node_told_stands_while_it_sleeps(fleet: Fleet) -> None:
    info = Info(software="fieldeye", version="0", epoch=str(epoch("a")))
    fleet.registry.note([Message("fieldeye/v1/s/z/info", encode_message(info))])
    for seq, name in enumerate("az", 1):
        told = Stored(Key(name, epoch("a"), seq), alert(SINCE, "act", MOTH[0]))
        fleet.intake.keep([Message(f"fieldeye/v1/s/{name}/records", encode_batch([told]))])
    says(fleet, "z", TOLD)
    asleep = encode_message(Status(state="stopped", session=1, connection=1))
    for name in "az":
        fleet.registry.note([Message(f"fieldeye/v1/s/{name}/status", asleep, retained=name == "a")])
    assert sorted(one.node for one in standing(fleet.database)) == ["c", "z"]


@pytest.mark.parametrize(
    ("state", "heard", "stand"),
    [("online", "25 hours", ["s/a", "s/c", "t/a"]), ("stopped", "23 hours", ["s/a", "s/c", "t/a"]),
     ("stopped", "25 hours", ["s/c", "t/a"])],
)  # fmt: skip
def test_what_a_node_told_that_was_carried_into_a_site_with_areas_stands_at_its_new_place_alone(
    fleet: Fleet, state: Literal["online", "stopped"], heard: str, stand: list[str]
) -> None:
    """That site may have no node of the former place: it is another there. While both are there, they are copies.

    Who sends for that site may name any card: one that sleeps loses no alert by it.
    """
    set_areas(fleet.database, "t", ["330206"])
    info = Info(software="fieldeye", version="0", epoch=str(epoch("a")), area_code="330206001001")
    health = Health(utc=SINCE, clock="synced", session=1, uptime_s=1.0, alerts=[TOLD])
    for topic, message in (
        ("s/a/status", Status(state=state, session=1, connection=1)), ("t/a/info", info), ("t/a/health", health),
    ):  # fmt: skip
        fleet.registry.note([Message(f"fieldeye/v1/{topic}", encode_message(message))])
    of_a = "UPDATE node SET heard = now() - %s::interval WHERE (site, node) = ('s', 'a')"
    fleet.database.execute(of_a.encode(), (heard,))
    assert sorted(f"{one.site}/{one.node}" for one in standing(fleet.database)) == stand


def test_what_a_nodes_former_card_told_stands_no_more(fleet: Fleet) -> None:
    info = Info(software="fieldeye", version="0", epoch=str(UUID(int=7)))
    fleet.registry.note([Message("fieldeye/v1/s/a/info", encode_message(info))])
    assert [one.node for one in standing(fleet.database)] == ["c"]


def test_of_two_copies_of_a_card_the_one_that_sleeps_keeps_what_it_told(fleet: Fleet) -> None:
    """Both told one number."""
    info = Info(software="fieldeye", version="0", epoch=str(epoch("a")))
    fleet.registry.note([Message("fieldeye/v1/s/z/info", encode_message(info))])
    for name in "az":
        told = Stored(Key(name, epoch("a"), 1), alert(SINCE, "act", MOTH[0]))
        fleet.intake.keep([Message(f"fieldeye/v1/s/{name}/records", encode_batch([told]))])
    asleep = encode_message(Status(state="stopped", session=1, connection=1))
    fleet.registry.note([Message("fieldeye/v1/s/a/status", asleep)])
    says(fleet, "z")
    assert [one.node for one in standing(fleet.database)] == ["a", "c"]


def test_what_is_sure_stands_above_what_is_to_be_looked_at_however_much_a_node_tells(fleet: Fleet) -> None:
    says(fleet, "a", TOLD, msgspec.structs.replace(TOLD, label="another"))
    says(fleet, "c", msgspec.structs.replace(TOLD, level="look", since=SINCE - timedelta(days=1)))
    assert [(one.node, one.told.level) for one in standing(fleet.database)] == [
        ("a", "act"),
        ("a", "act"),
        ("c", "look"),
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"since": "today"}, 400), ({"since": "2026-07-02T00:00:00+00:00"}, 404), ({"level": "calm"}, 404),
     ({"token": "guessed"}, 400)],
)  # fmt: skip
def test_what_does_not_stand_cannot_be_acknowledged(fleet: Fleet, url: str, changes: dict[str, str], code: int) -> None:
    client = create_app(url).test_client()
    log_in(client)
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]
    assert client.post(f"/alerts/{mine.node_id}", data=form(client, **changes)).status_code == code
    assert all_due(seen_due, fleet.database) == []


def test_what_the_node_says_shows_and_what_it_takes_back_goes(fleet: Fleet) -> None:
    said = StandingAlert(
        label=TOLD.label, unit=TOLD.unit, level="act", since=SINCE, value=9.0, start_at=5.0, who="Li", done=SINCE
    )
    says(fleet, "a", said)
    assert [(one.node, one.who, one.outcome) for one in standing(fleet.database)] == [
        ("c", "", None), ("a", "Li", "done"),
    ]  # fmt: skip
    assert all_due(seen_due, fleet.database) == [], "the node knows already"
    says(fleet, "a", TOLD)
    assert not any(one.who for one in standing(fleet.database))


def test_a_word_on_its_way_outlives_a_health_that_does_not_know_of_it(fleet: Fleet) -> None:
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]
    acknowledge_each(fleet.database, [named(mine)], "Wang")
    says(fleet, "a", TOLD)
    assert [one.who for one in standing(fleet.database) if one.node == "a"] == ["Wang"]


def test_a_word_that_a_starting_node_refused_is_sent_again_once_its_alert_stands_there(fleet: Fleet) -> None:
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]
    acknowledge_each(fleet.database, [named(mine)], "Wang")
    ((_, command),) = all_due(seen_due, fleet.database)
    says(fleet, "a")
    replies(fleet, "not_kept", command.id)
    fleet.database.execute("UPDATE acknowledgement SET sent = sent - interval '3 minutes'")
    assert all_due(seen_due, fleet.database) == [], "it does not stand there"
    says(fleet, "a", TOLD)
    assert [again.who for _, again in all_due(seen_due, fleet.database)] == ["Wang"]
    fleet.database.execute("UPDATE acknowledgement SET sent = now() + interval '1 day'")
    assert [again.who for _, again in all_due(seen_due, fleet.database)] == ["Wang"], "the database's clock was ahead"
    says(fleet, "a", done := msgspec.structs.replace(TOLD, who="Wang", done=SINCE))
    acknowledge_each(fleet.database, [named(mine)], "Li", was="Wang", gives_back=True)
    ((_, command),) = all_due(seen_due, fleet.database)
    replies(fleet, "not_kept", command.id)
    says(fleet, "a", done)
    fleet.database.execute("UPDATE acknowledgement SET sent = NULL")
    assert [(again.who, again.given_back) for _, again in all_due(seen_due, fleet.database)] == [("Li", True)]


def test_a_node_that_tells_that_it_is_done_and_not_by_whom_puts_nobody_off_and_gives_nothing_back(
    fleet: Fleet, url: str
) -> None:
    client = create_app(url).test_client()
    log_in(client)
    by_nobody = msgspec.structs.replace(TOLD, done=SINCE)
    says(fleet, "a", by_nobody)
    page = client.get("/alerts").text
    assert ("I take care of it" in page, "gave it back" in page) == (True, False)
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]
    client.post(f"/alerts/{mine.node_id}", data=form(client))
    ((_, command),) = all_due(seen_due, fleet.database)
    replies(fleet, "done", command.id)
    says(fleet, "a", by_nobody)
    assert "town takes care of it" in (page := client.get("/alerts").text)
    assert "Open again" not in page
    says(fleet, "a", TOLD)
    assert re.findall("<li>(town took it on|Open again at the node),", client.get("/alerts").text) == [
        "town took it on", "Open again at the node",
    ]  # fmt: skip


HOSTILE = [
    {"since": "2026-07-01T00:00:00+16:00"}, {"since": "0001-01-01T00:00:00+10:00"}, {"value": 1e308}, {"value": -1.0},
    {"label": "稻" * 81}, {"done": "2026-07-01T00:00:00-15:00", "who": "Li"},
]  # fmt: skip


def told_by_c(change: dict[str, object]) -> str:
    """Its `health` with one alert that no honest node tells."""
    told = Health(utc=SINCE, clock="synced", session=1, uptime_s=1.0, alerts=[TOLD])
    table = msgspec.to_builtins(told)
    return msgspec.json.encode(table | {"alerts": [table["alerts"][0] | change]}).decode()


def shown(url: str) -> list[str]:
    """Nodes whose alert stands on the page of the whole country."""
    with open_database(url) as database:
        add_person(database, "all", PASSWORD, "")
    client = create_app(url).test_client()
    log_in(client, "all")
    page = client.get("/alerts")
    return [node for node in "ac" if page.status_code == 200 and f"s/{node}" in page.text]


@pytest.mark.parametrize("change", HOSTILE, ids=str)
def test_no_alert_that_one_node_tells_closes_the_page_for_all(
    fleet: Fleet, url: str, change: dict[str, object]
) -> None:
    before = fleet.database.execute("SELECT count(*) FROM quarantine").fetchone()
    poison = Message("fieldeye/v1/s/c/health", told_by_c(change).encode())
    fleet.intake.keep([poison])
    fleet.registry.note([poison])
    assert shown(url) == ["a", "c"], "what it told before stands"
    assert fleet.database.execute("SELECT count(*) - 1 FROM quarantine").fetchone() == before


def test_people_are_not_woken_for_what_somebody_takes_care_of(fleet: Fleet, hook: Hook) -> None:  # noqa: F811
    add_recipient(fleet.database, "webhook", hook.address, "")
    fleet.database.execute("UPDATE recipient SET since = %s", (SINCE - timedelta(days=1),))
    for node in "ac":
        fleet.intake.keep([_record(node)])
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]
    acknowledge_each(fleet.database, [named(mine)], "Wang")
    assert tell_people(fleet.database, None, SINCE + timedelta(hours=9), {}).taken == 1
    assert [one["node"] for one in hook.told] == ["c"]


def test_people_are_told_of_what_was_given_back_before_it_was_their_time(fleet: Fleet, hook: Hook) -> None:  # noqa: F811
    add_recipient(fleet.database, "webhook", hook.address, "")
    fleet.database.execute("UPDATE recipient SET since = %s", (SINCE - timedelta(days=1),))
    fleet.intake.keep([_record("a")])
    alerts = [named(one) for one in standing(fleet.database) if one.node == "a"]
    acknowledge_each(fleet.database, alerts, "Wang")
    assert tell_people(fleet.database, None, SINCE + timedelta(hours=9), {}).taken == 0
    acknowledge_each(fleet.database, alerts, "Wang", was="Wang", gives_back=True)
    assert tell_people(fleet.database, None, SINCE + timedelta(hours=9), {}).taken == 1


def test_what_rises_anew_is_told_though_somebody_took_care_of_it_the_last_time(fleet: Fleet, hook: Hook) -> None:  # noqa: F811
    add_recipient(fleet.database, "webhook", hook.address, "")
    fleet.database.execute("UPDATE recipient SET since = %s", (SINCE - timedelta(days=1),))
    levels(fleet, "a", "act", "calm", "act", start=SINCE - timedelta(hours=1))
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]
    acknowledge_each(fleet.database, [named(mine)], "Wang")
    tell_people(fleet.database, None, SINCE + timedelta(hours=9), {})
    assert [one["at"][:13] for one in hook.told] == ["2026-07-01T14"], "the second"


def test_an_alert_that_was_told_before_somebody_took_care_of_it_is_one_of_the_days(
    fleet: Fleet,
    hook: Hook,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.platform.alerts.alerts_due.MOST_A_DAY", 1)
    add_recipient(fleet.database, "webhook", hook.address, "")
    fleet.database.execute("UPDATE recipient SET since = %s", (SINCE - timedelta(days=1),))
    fleet.intake.keep([_record("a")])
    assert tell_people(fleet.database, None, SINCE + timedelta(hours=1), {}).taken == 1
    (mine,) = [one for one in standing(fleet.database) if one.node == "a"]
    acknowledge_each(fleet.database, [named(mine)], "Wang")
    fleet.intake.keep([_record("a", 2, label="another")])
    assert tell_people(fleet.database, None, SINCE + timedelta(hours=2), {}).taken == 0, "the first was the last of 1"


def _record(node: str, seq: int = 1, label: str = MOTH[0]) -> Message:
    told = Stored(Key(node, epoch(node), seq), alert(SINCE, "act", label))
    return Message(f"fieldeye/v1/s/{node}/records", encode_batch([told]))


def source_at(broker: Broker) -> SharedSubscription:
    return SharedSubscription(BrokerAddress(host="127.0.0.1", port=broker.port), name="care-test")


def test_said_at_the_desk_it_shows_at_a_real_node_and_the_other_way(tmp_path: Path, postgres: Postgres) -> None:
    with (
        fresh(postgres) as url,
        open_database(url) as database,
        Broker() as broker,
        running(tmp_path, to(broker.port, health_every_s=0.3)) as node,
        at_work(source_at(broker), url, every_s=0.3),
    ):
        node.board.show(alerts=(STANDS,))
        wait_until(lambda: len(standing(database)) == 1, within_s=40)
        (one,) = standing(database)
        acknowledge_each(database, [named(one)], "Wang")
        wait_until(lambda: node.store.decisions.deed(key_of(STANDS)) is not None, within_s=40)
        deed = node.store.decisions.deed(key_of(STANDS))
        assert deed is not None
        assert deed.who == "Wang"
        wait_until(lambda: standing(database)[0].outcome == "done", within_s=40)
        acknowledge_each(database, [named(standing(database)[0])], "Zhao", was="Wang", gives_back=True)
        wait_until(lambda: node.store.decisions.deed(key_of(STANDS)) is None, within_s=40)
        wait_until(lambda: not standing(database)[0].giver, within_s=40)
        acknowledge_each(database, [named(standing(database)[0])], "Zhao")
        wait_until(lambda: standing(database)[0].outcome == "done", within_s=40)
        deed = node.store.decisions.deed(key_of(STANDS))
        assert deed is not None
        assert node.store.decisions.undo(key_of(STANDS), deed)
        wait_until(lambda: not standing(database)[0].who, within_s=40)
        node.store.decisions.do(key_of(STANDS), Deed("Li", SINCE))
        wait_until(lambda: standing(database)[0].who == "Li", within_s=40)
