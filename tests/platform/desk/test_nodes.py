"""The page of the nodes: how each is, and which of them call for somebody."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import pytest
from flask.testing import FlaskClient

from edge.cli.update import go_back
from edge.counts import NoData, TaxonCount
from edge.errors import UpdateError
from edge.platform.database import Database
from edge.platform.decode import Message
from edge.platform.desk import nodes_page
from edge.platform.desk.people import add_person
from edge.updates.fetch import fetch_all
from edge.updates.inbox import Inbox, Request
from edge.updates.install import install, install_waiting
from edge.updates.slots import ENDS_OF_GOOD_UPDATES, Places, said
from edge.wire import CameraHealth, Health, Info, ModelInfo, Status, encode_message
from tests.platform.conftest import filled
from tests.platform.desk.visitors import PASSWORD, log_in, three_nodes
from tests.platform.fleet import FIRST, VILLAGES, Fleet, epoch, moment, tonight
from tests.platform.postgres import Postgres
from tests.ports import free_port
from tests.records import MOTH, count, interval
from tests.updates.bundles import Bench


@pytest.fixture(scope="module")
def template(postgres: Postgres) -> Iterator[tuple[str, Fleet]]:
    with filled(postgres, nodes_that_see) as made:
        yield made


def nodes_that_see(database: Database) -> Fleet:
    """Each of the three has data of last night, too."""
    fleet = three_nodes(database)
    for node in "abc":
        look(fleet, node, nights_ago(1))
    fleet.sum_up()
    return fleet


def nights_ago(nights: int, zone: str = "Asia/Shanghai") -> date:
    return tonight(zone) - timedelta(days=nights)


def look(fleet: Fleet, node: str, night: date, zone: str = "Asia/Shanghai", **more: Any) -> None:
    """At the evening of a night by the clocks there; something comes, unless `more` says otherwise."""
    evening = datetime(night.year, night.month, night.day, 21, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    counted: tuple[TaxonCount, ...] = (count(MOTH, 1),)
    fields = {"start": moment(evening), "end": moment(evening + timedelta(hours=1)), "counts": counted} | more
    fleet.tell(node, interval(unit="new", **fields))


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


def test_a_problem_hides_neither_a_missing_camera_nor_silence(fleet: Fleet, client: FlaskClient) -> None:
    log_in(client)
    starting = CameraHealth(state="starting", frames=0, looked=0)
    assert how_it_is(fleet, client, camera=starting) == ["calm", "well"]
    missing = CameraHealth(state="missing", frames=0, looked=0)
    told = how_it_is(fleet, client, problem="the gauge reads nothing", camera=missing)
    assert told == ["wrong", "no camera", "It says:", "the gauge reads nothing"]
    fleet.database.execute("UPDATE node SET heard = now() - interval '2 days' WHERE node = 'a'")
    assert cell(client) == ["wrong", "silent for a day", "It says:", "the gauge reads nothing"]


def test_a_node_that_counts_nowhere_because_of_its_code_is_told_with_it(fleet: Fleet, client: FlaskClient) -> None:
    add_person(fleet.database, "all", PASSWORD, "")
    log_in(client, "all")
    fleet.place("a", area_code="3302060010")
    assert cell(client) == ["wrong", "Counts in no area; its area code:", "3302060010"]
    fleet.place("a", area_code=None)  # as on the bench
    assert cell(client) == ["calm", "well"]


@pytest.mark.parametrize(
    ("state", "says"), [("online", ["calm", "well"]), ("stopped", ["calm", "well"]), ("offline", ["wrong", "offline"])]
)
def test_a_node_that_was_cut_off_is_offline_and_one_that_sleeps_is_well(
    fleet: Fleet, client: FlaskClient, state: Literal["online", "stopped", "offline"], says: list[str]
) -> None:
    log_in(client)
    status = encode_message(Status(state=state, session=1, connection=1))
    fleet.registry.note([Message("fieldeye/v1/s/a/status", status)])
    assert how_it_is(fleet, client) == says


def how_it_is(fleet: Fleet, client: FlaskClient, last_update: str | None = None, **told: Any) -> list[str]:
    """The colour and the words of node a, which tells so."""
    health = Health(utc=datetime.now(UTC), clock="synced", session=1, uptime_s=9, last_update=last_update, **told)
    fleet.registry.note([Message("fieldeye/v1/s/a/health", encode_message(health))])
    return cell(client)


def names(client: FlaskClient) -> list[str]:
    """Of the nodes, as they stand there."""
    return re.findall(r"<th [^>]*>s/<wbr>(.)<", client.get("/nodes").text)


def cell(client: FlaskClient, node: str = "a") -> list[str]:
    """The colour and the words of a node."""
    found = re.search(rf'<th [^>]*>s/<wbr>{node}.*?</th><td class="words (\w+)">(.*?)</td>', client.get("/nodes").text)
    assert found is not None
    return [found[1], *(word.strip() for word in re.split(r"<[^>]+>", found[2]) if word.strip())]


@pytest.mark.parametrize(("volts", "share", "says"), [
    (11.2, None, "11.2 V"), (3.9, 0.64, "64%"), (12.0, None, "12 V"), (None, None, ""), (1e300, None, ""),
])  # fmt: skip
def test_a_battery_stands_with_what_its_gauge_tells(
    volts: float | None, share: float | None, says: str, fleet: Fleet, client: FlaskClient
) -> None:
    health = Health(utc=datetime.now(UTC), clock="synced", session=1, uptime_s=9, battery_v=volts, battery_share=share)
    fleet.registry.note([Message("fieldeye/v1/s/a/health", encode_message(health))])
    log_in(client)
    row = re.search(r"<th [^>]*>s/<wbr>a.*?</tr>", client.get("/nodes").text)
    assert row is not None
    assert re.findall(r'<td class="n wide">(.*?)</td>', row[0])[-1] == says
    assert re.findall(r'phone">battery (.*?)</small>', row[0]) == [says] * bool(says)


def test_a_node_of_which_only_the_broker_told_is_silent_and_stands_first(fleet: Fleet, client: FlaskClient) -> None:
    fleet.database.execute("UPDATE node SET heard = NULL, since = NULL WHERE node = 'b'")  # and no record
    log_in(client)
    page = client.get("/nodes").text
    first, second = re.findall(r'<th [^>]*>s/<wbr>(.).*?</th>.*?<td class="tight wide">(.*?)</td>', page)
    assert first == ("b", "")
    assert second[1].startswith(f"{datetime.now(UTC):%Y-%m-}")
    assert "silent for a day" in client.get("/nodes").text


@pytest.mark.parametrize(
    ("zone", "heard", "says"),
    [("Asia/Shanghai", "2026-07-01 21:30Z", "2026-07-02 05:30"),
     ("America/Lima", "2026-07-01 21:30Z", "2026-07-01 16:30"),
     (None, "2026-07-01 21:30Z", "2026-07-01 21:30 UTC"),
     ("Asia/Shanghai", "9999-12-31 21:30Z", "9999-12-31 21:30 UTC")],
)  # fmt: skip
def test_when_a_node_was_heard_and_asked_is_told_by_the_clocks_beside_it(
    fleet: Fleet, client: FlaskClient, zone: str | None, heard: str, says: str
) -> None:
    fleet.place("a", time_zone=zone)
    fleet.database.execute("UPDATE node SET heard = %s WHERE node = 'a'", (heard,))
    fleet.database.execute("UPDATE question SET utc = %s", (heard,))
    log_in(client)
    assert says in client.get("/nodes").text
    assert f"Li, {says}." in client.get("/questions").text


@pytest.mark.parametrize(
    ("heard_a", "heard_b", "order"),
    [("1 minute", "2 hours", "ab"), ("2 days", "9 days", "ba"), ("9 days", "2 days", "ab")],
)
def test_who_is_silent_longest_stands_first_and_who_is_heard_by_name(
    fleet: Fleet, client: FlaskClient, heard_a: str, heard_b: str, order: str
) -> None:
    for node, ago in (("a", heard_a), ("b", heard_b)):
        fleet.database.execute("UPDATE node SET heard = now() - %s::interval WHERE node = %s", (ago, node))
    log_in(client)
    assert names(client) == [*order]


def test_who_says_that_something_is_wrong_stands_before_who_is_well(fleet: Fleet, client: FlaskClient) -> None:
    wrong = Health(utc=datetime.now(UTC), clock="synced", session=1, uptime_s=9, problem="the model file is damaged")
    fleet.registry.note([Message("fieldeye/v1/s/b/health", encode_message(wrong))])
    log_in(client)
    assert names(client) == ["b", "a"]


def test_a_node_that_has_told_no_night_is_not_called_well(fleet: Fleet, client: FlaskClient) -> None:
    log_in(client)
    assert cell(client) == ["calm", "well"]
    fleet.database.execute("UPDATE node SET since = NULL")
    assert cell(client) == ["calm", "no night reported yet"]


COVERED: dict[str, Any] = {"frames": 0, "skipped": (("blocked", 120),), "counts": NoData("blocked")}


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_node_that_is_there_and_has_seen_nothing_for_more_than_three_nights_needs_somebody(
    fleet: Fleet, client: FlaskClient, zone: str
) -> None:
    fleet.place("d", area_code="330106011009", time_zone=zone)
    look(fleet, "d", nights_ago(5, zone), zone)
    for ago in range(5, 0, -1):
        look(fleet, "d", nights_ago(ago, zone), zone, camera="cam1", **COVERED)
    fleet.sum_up()
    log_in(client)
    assert cell(client, "d") == ["wrong", f"no data since the night of {nights_ago(5, zone)}"]
    assert names(client) == ["d", "a", "b"]
    look(fleet, "d", nights_ago(4, zone), zone)
    fleet.sum_up()
    assert cell(client, "d") == ["calm", "well"]
    assert names(client) == ["a", "b", "d"]


def test_a_node_that_never_saw_anything_needs_somebody_and_a_night_to_come_is_no_sight(
    fleet: Fleet, client: FlaskClient
) -> None:
    fleet.place("d", area_code="330106011009")
    look(fleet, "d", nights_ago(30), **COVERED)
    look(fleet, "d", nights_ago(-30))  # by a clock that was off
    fleet.sum_up()
    log_in(client)
    assert cell(client, "d") == ["wrong", f"no data since the night of {nights_ago(30)}"]


def test_a_node_that_is_silent_or_has_no_clock_says_that_and_not_that_it_sees_nothing(
    fleet: Fleet, client: FlaskClient
) -> None:
    fleet.database.execute("UPDATE night_effort SET frames = 0")
    log_in(client)
    unset = Health(utc=datetime.now(UTC), clock="unsynced", session=1, uptime_s=9)
    fleet.registry.note([Message("fieldeye/v1/s/a/health", encode_message(unset))])
    assert cell(client) == ["wrong", "the clock is not set: nobody knows the night of what it counts"]
    fleet.database.execute("UPDATE node SET heard = now() - interval '2 days'")
    assert cell(client, "b") == ["wrong", "silent for a day"]


def test_a_node_whose_clock_is_not_set_needs_somebody_while_it_is_there(fleet: Fleet, client: FlaskClient) -> None:
    unset = Health(utc=datetime.now(UTC), clock="unsynced", session=1, uptime_s=9)
    fleet.registry.note([Message("fieldeye/v1/s/a/health", encode_message(unset))])
    log_in(client)
    assert cell(client) == ["wrong", "the clock is not set: nobody knows the night of what it counts"]


def test_a_name_that_two_devices_use_in_turn_is_told_for_a_day_and_a_new_card_is_not(
    fleet: Fleet, client: FlaskClient
) -> None:
    def hear(card: str, *, ago_min: int = 0, retained: bool = False) -> list[str]:
        info = Info(
            software="fieldeye", version="0", epoch=str(epoch(card)), area_code=VILLAGES["a"], capabilities=["replay"]
        )
        utc = datetime.now(UTC) - timedelta(minutes=ago_min)
        status = Status(state="online", session=1, connection=1, utc=utc)
        for channel, told in (("info", info), ("status", status)):
            fleet.registry.note([Message(f"fieldeye/v1/s/a/{channel}", encode_message(told), retained=retained)])
        return cell(client)

    says = "in the last 24 hours two devices used this name, or an earlier card was put back"
    well, twins = ["calm", "well"], ["wrong", says]
    log_in(client)
    assert hear("a") == hear("new") == hear("a", retained=True) == hear("new") == well
    assert hear("a", ago_min=15) == hear("new") == well, "as the broker kept it for a worker that was away"
    assert hear("a") == twins
    long_ago = datetime.now(UTC) - timedelta(hours=25)
    fleet.database.execute("UPDATE node SET card_back = %s, card_since = %s WHERE node = 'a'", (long_ago, long_ago))
    assert cell(client) == well
    assert hear("new") == well, "a card of a day ago"
    assert hear("a") == twins
    assert hear("third") == twins


def test_what_the_broker_kept_of_a_day_to_come_is_no_sign_of_a_node(fleet: Fleet, client: FlaskClient) -> None:
    fleet.database.execute("UPDATE node SET heard = now() - interval '2 days' WHERE node = 'a'")
    ahead = Health(utc=datetime.now(UTC) + timedelta(days=30), clock="unsynced", session=1, uptime_s=9)
    fleet.registry.note([Message("fieldeye/v1/s/a/health", encode_message(ahead), retained=True)])
    log_in(client)
    assert cell(client) == ["wrong", "silent for a day"]


@pytest.mark.parametrize(
    "told",
    [
        Health(utc=datetime.now(UTC), clock="synced", session=1, uptime_s=9),
        Status(state="online", session=1, connection=1),
    ],
    ids=["health", "status"],
)
def test_what_a_node_that_nobody_heard_left_at_the_broker_of_no_time_does_not_close_the_page_for_all(
    fleet: Fleet, client: FlaskClient, told: Health | Status
) -> None:
    table = msgspec.to_builtins(told) | {"utc": "0001-01-01T00:00:00+10:00"}
    left = Message(f"fieldeye/v1/s/new/{type(told).__name__.lower()}", msgspec.json.encode(table), retained=True)
    fleet.intake.keep([left])
    fleet.registry.note([left])
    add_person(fleet.database, "all", PASSWORD, "")
    log_in(client, "all")
    assert client.get("/nodes").status_code == 200
    assert fleet.database.execute("SELECT reason FROM quarantine").rowcount == 1


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
        assert (">s/<wbr>d<small" in page) == (not is_left)
        left = r"Names silent for over 90 days: (\d)\.</summary><ul><li>(\S+) <span[^>]*>(.*?)</span>"
        in_shanghai = f"{long_ago + timedelta(hours=8):%Y-%m-%d %H:%M}"
        assert re.findall(left, page) == [("1", "s/d", in_shanghai)] * is_left
        page = client.get(f"/?first={today - timedelta(days=2)}&last={today}&taxon={MOTH[0]}||new").text
        assert bool(re.search(r"Silent in these nights[^<]*</summary><p[^>]*>[^<]*s/d", page)) == (not is_left)


def test_a_node_stands_with_the_software_and_the_models_that_it_runs(fleet: Fleet, client: FlaskClient) -> None:
    models = [ModelInfo(name="pests", version="2026.11.28", sha256="0" * 64)]
    fleet.place("a", models=models, software_number=4)
    log_in(client)
    page = client.get("/nodes").text
    rows = re.findall(r">(s/<wbr>.)(.*?)</th>", page)
    runs = {name: re.findall(r'line">(.*?)</small>', told) for name, told in rows}
    assert runs == {"s/<wbr>a": ["fieldeye 0, number 4", "pests 2026.11.28"], "s/<wbr>b": ["fieldeye 0"]}
