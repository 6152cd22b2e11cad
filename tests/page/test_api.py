"""What machines read."""

import csv
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import jsonschema
import msgspec
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge import __version__
from edge.page.trust import Role
from edge.status import BatteryStatus
from edge.wire import PlainInterval
from edge.wire.small import SmallCount, small_day
from tests.page.scenes import (
    BUG,
    HOPPER,
    MODEL,
    SCENES,
    Scene,
    each_figure,
    interval,
    safe_mode,
    seen,
    sighting,
    trap_hour,
)
from tests.page.visitors import as_role

TROUBLES = {
    "problem": "problem",
    "notice": "notice",
    "model_problem": "model",
    "store_problem": "store",
    "link_problem": "link",
    "battery_problem": "battery",
}
PATHS = ("/api/v1/state", "/api/v1/health", "/api/v1/days", "/api/v1/records")


def is_valid(client: FlaskClient, path: str, answer: Any, status: str = "200") -> bool:
    """Does the answer follow the document that the node itself gives out?"""
    document = client.get("/api/v1/openapi.json").get_json()
    wanted = document["paths"][path]["get"]["responses"][status]["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator({**wanted, "components": document["components"]}).validate(answer)
    return True


@pytest.mark.parametrize("name", SCENES)
def test_each_answer_follows_the_document_in_each_state(name: str, scene: Scene, client: FlaskClient) -> None:
    SCENES[name](scene)
    for path in PATHS:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert is_valid(client, path, answer.get_json())


def test_the_document_names_every_route_and_no_other(client: FlaskClient) -> None:
    routes = {rule.rule for rule in client.application.url_map.iter_rules() if rule.rule.startswith("/api/")}
    document = client.get("/api/v1/openapi.json").get_json()
    assert set(document["paths"]) == routes - {"/api/v1/openapi.json"} | {"/healthz", "/metrics"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.dictionaries(st.sampled_from(["after", "limit", "x"]), st.one_of(st.integers(), st.text()), max_size=3))
def test_whatever_is_asked_is_answered_or_refused_in_words(query: dict[str, Any], client: FlaskClient) -> None:
    answer = client.get("/api/v1/records", query_string=query)
    assert answer.status_code in (200, 400)
    assert is_valid(client, "/api/v1/records", answer.get_json(), str(answer.status_code))


def test_a_script_that_cannot_be_answered_is_told_why_in_json(scene: Scene, client: FlaskClient) -> None:
    unknown = client.get("/api/v1/day")
    scene.store.close()
    unread = client.get("/api/v1/days")
    assert (unknown.status_code, unread.status_code) == (404, 503)
    assert "not found" in unknown.get_json()["error"]
    assert "cannot read" in unread.get_json()["error"]


def test_state_tells_what_waits_and_why_the_node_does_not_look(scene: Scene, client: FlaskClient) -> None:
    safe_mode(scene)
    scene.store.commit([sighting(scene.before(minutes=5))])
    state = client.get("/api/v1/state").get_json()
    assert state["waiting"] == 1
    assert state["oldest_waiting_utc"] == "2026-07-01T08:25:00Z"
    assert state["problem"].endswith("did you mean every_s?")
    assert state["model"] == ""


def test_state_tells_each_figure_of_camera_and_delivery(scene: Scene, client: FlaskClient) -> None:
    each_figure(scene)
    assert client.get("/api/v1/state").get_json() == {
        "site": "paddy-3",
        "node": "north-dyke",
        "version": __version__,
        "now_utc": "2026-07-01T08:30:00Z",
        "clock": "synced",
        "problem": "",
        "camera": {
            "state": "ok",
            "frames": 4210,
            "looked": 1032,
            "skipped": {"still": 2900, "dark": 270, "blurred": 8},
            "dropped": 17,
            "last_frame_utc": "2026-07-01T08:29:48Z",
        },
        "model": MODEL,
        "link": "connected",
        "acknowledged": 318,
        "waiting": 2,
        "oldest_waiting_utc": "2026-07-01T08:28:00Z",
    }


def test_health_tells_each_figure_and_each_trouble_in_its_place(scene: Scene, client: FlaskClient) -> None:
    each_figure(scene)
    told = client.get("/api/v1/health").get_json()
    assert told.pop("store").keys() >= {"waiting", "last_seq", "used_mb", "pictures_mb"}
    assert told == {
        "now_utc": "2026-07-01T08:30:00Z",
        "clock": "synced",
        "uptime_s": 3600,
        "looking": True,
        **dict.fromkeys(TROUBLES, ""),
        "last_delivery_utc": "2026-07-01T08:27:00Z",
        "ms_per_frame": 43,
        "battery_v": 3.9,
        "battery_share": 0.64,
        "board": {"cpu_temperature_c": 61.5, "throttled": True, "disk_free_mb": 90, "memory_mb": 104.9},
    }
    now = scene.board.snapshot()
    scene.board.show(
        problem="problem",
        notice="notice",
        store="store",
        model=replace(now.model, detail="model"),
        link=replace(now.link, detail="link"),
        no_battery="battery",
    )
    told = client.get("/api/v1/health").get_json()
    assert ({trouble: told[trouble] for trouble in TROUBLES}, told["looking"]) == (TROUBLES, False)


def test_health_tells_the_battery_where_a_gauge_reads_it(scene: Scene, client: FlaskClient) -> None:
    for battery, volts, share in (
        (None, None, None),
        (BatteryStatus(voltage_v=11.204, share=None, level="empty"), 11.2, None),
        (BatteryStatus(voltage_v=3.9, share=0.64, level="good"), 3.9, 0.64),
    ):
        scene.board.show(battery=battery)
        told = client.get("/api/v1/health").get_json()
        assert (told["battery_v"], told["battery_share"]) == (volts, share)
    scene.board.show(no_battery="power.gauge: ina291 reads nothing")
    assert client.get("/api/v1/health").get_json()["battery_problem"] == "power.gauge: ina291 reads nothing"


def test_a_day_without_a_look_has_no_counts_and_a_real_zero_an_empty_list(scene: Scene, client: FlaskClient) -> None:
    seen(scene)
    days = client.get("/api/v1/days").get_json()["days"]
    assert [day["counts"] for day in days[:2]] == [None, []]
    assert days[-1]["counts"][1] == {"label": HOPPER, "count": 5, "low": 3, "high": 8, "nights": None}


def test_records_are_paged_by_their_seq_without_gap_or_repeat(scene: Scene, client: FlaskClient) -> None:
    scene.store.commit([sighting(scene.before(minutes=m)) for m in range(7)])
    got, after, last = [], 0, 1
    while after < last:
        answer = client.get(f"/api/v1/records?after={after}&limit=3").get_json()
        got += [record["seq"] for record in answer["records"]]
        after, last = answer["next_after"], answer["last_seq"]
    assert got == list(range(1, 8))


def test_the_epoch_with_which_another_could_send_as_this_node_is_told_to_who_has_logged_in(
    scene: Scene, client: FlaskClient
) -> None:
    seen(scene)
    epoch, rules = scene.store.epoch, client.application.url_map.iter_rules()
    open_to_all = {rule.rule for rule in rules if "GET" in (rule.methods or ()) and not rule.arguments} - {"/metrics"}
    assert "/api/v1/records" in open_to_all
    for address in open_to_all:
        told = client.get(address, buffered=True).data
        assert (str(epoch).encode() in told, epoch.hex.encode() in told) == (False, False), address
    as_role(client, scene, Role.READER)
    answer = client.get("/api/v1/records").get_json()
    assert {record["epoch"] for record in answer["records"]} == {str(epoch)}
    assert is_valid(client, "/api/v1/records", answer)


def test_a_day_of_the_small_format_is_made_of_rows_without_a_log_in(scene: Scene, client: FlaskClient) -> None:
    scene.store.commit([interval(scene.before(hours=2), {HOPPER: 4})])
    (row,) = client.get("/api/v1/records").get_json()["records"]
    told = msgspec.convert({"epoch": str(UUID(int=0)), **row}, PlainInterval)  # as docs/contract/small.md has it
    assert small_day(date(2026, 7, 1), [told]).counts == (SmallCount(label=HOPPER, count=4, low=2, high=7),)


@pytest.mark.parametrize(("after", "seqs"), [(1, [2]), (2, []), (3, [1, 2]), (900, [1, 2])])
def test_who_asks_beyond_the_newest_record_of_a_store_made_anew_begins_anew(
    after: int, seqs: list[int], scene: Scene, client: FlaskClient
) -> None:
    scene.store.commit([sighting(scene.before(minutes=m)) for m in (2, 1)])
    answer = client.get(f"/api/v1/records?after={after}").get_json()
    assert ([record["seq"] for record in answer["records"]], answer["next_after"], answer["last_seq"]) == (seqs, 2, 2)


def test_the_table_has_a_row_a_day_and_taxon_with_its_effort(scene: Scene, client: FlaskClient) -> None:
    scene.store.commit(
        [interval(scene.before(days=1, hours=2), {}), interval(scene.before(hours=2), {BUG: 1, HOPPER: 4})]
    )
    answer = client.get("/api/v1/days.csv")
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="north-dyke-2026-07-01.csv"'
    columns = ["day", "label", "unit", "count", "low", "high", "frames", "awake_s", "nights"]
    assert [list(row) for row in rows[-4:]] == [columns] * 4
    unit = "max_per_frame"
    assert [list(row.values()) for row in rows[-4:]] == [
        ["2026-06-29", "", unit, "", "", "", "0", "0", ""],
        ["2026-06-30", "", unit, "0", "0", "0", "60", "3600.0", ""],
        ["2026-07-01", BUG, unit, "1", "0", "4", "60", "3600.0", ""],
        ["2026-07-01", HOPPER, unit, "4", "2", "7", "60", "3600.0", ""],
    ]


def test_a_trap_s_days_go_from_noon_to_noon(scene: Scene, client: FlaskClient) -> None:
    scene.clock.advance(15 * 3600)  # 7:30 in the morning of 2 July
    scene.store.commit([trap_hour(scene.before(hours=back), 1) for back in (21, 19, 10, 2)])  # one of them before noon
    days = client.get("/api/v1/days").get_json()["days"]
    assert [(day["day"], day["counts"][0]["count"]) for day in days[-2:]] == [("2026-06-30", 1), ("2026-07-01", 3)]
    rows = list(csv.DictReader(client.get("/api/v1/days.csv").text.splitlines()))
    assert [(row["day"], row["count"]) for row in rows[-2:]] == [("2026-06-30", "1"), ("2026-07-01", "3")]


def test_the_first_of_a_trap_s_fourteen_nights_is_whole(scene: Scene, client: FlaskClient) -> None:
    scene.clock.advance(15 * 3600)
    first_noon = scene.before(days=13, hours=19, minutes=30)
    scene.store.commit([trap_hour(first_noon, 5), trap_hour(scene.before(hours=2), 1)])
    first = client.get("/api/v1/days").get_json()["days"][0]
    assert (first["day"], first["counts"][0]["count"]) == ("2026-06-18", 5)


def test_no_cell_of_the_table_can_run_as_a_formula(scene: Scene, client: FlaskClient) -> None:
    scene.store.commit([interval(scene.before(hours=2), {'=HYPERLINK("http://evil.example")': 1})])
    rows = list(csv.DictReader(client.get("/api/v1/days.csv").text.splitlines()))
    assert rows[-1]["label"].startswith("'=")
