"""The node's parts in sentences."""

import socket
import ssl
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from flask import Flask
from flask.testing import FlaskClient

import edge.board
from edge.board import BoardReading, read_board
from edge.clock import ClockState
from edge.errors import StoreError
from edge.mqtt import trouble
from edge.page.health import health, health_in_short, readiness
from edge.page.link_words import link_words
from edge.page.set_up.visit import Visit, change
from edge.page.tones import Line
from edge.page.trust import Role
from edge.page.words import Moments
from edge.status import BatteryStatus, LinkState, LinkStatus, ModelStatus, StoreOf
from tests.page.conftest import SHANGHAI
from tests.page.scenes import Scene, broker_away, low_battery, safe_mode, sighting, well
from tests.page.visitors import as_role
from tests.updates.debian import put_apt

COOL = BoardReading(temperature_c=41.0, throttled=0, disk_free_bytes=12_000_000_000, memory_bytes=None, wifi_dbm=None)


def parts(scene: Scene, board: BoardReading = COOL) -> dict[str, Line]:
    """All parts by name, in English."""
    app: Flask = scene.app()
    with app.test_request_context("/"):
        now = scene.clock.now()
        when = Moments(now.utc, SHANGHAI)
        found = health(scene.board.snapshot(), scene.store.waiting(), scene.config, now, board, when)
        return {line.id: line for line in found}


def test_a_node_that_works_is_well_in_each_part(scene: Scene) -> None:
    well(scene)
    assert {line.tone for line in parts(scene).values()} == {"calm"}
    assert list(parts(scene)) == ["camera", "model", "link", "clock", "card", "warmth"]


@pytest.mark.parametrize(
    ("name", "mode", "tone"),
    [
        ("pests", "live", "calm"), ("pests-open", "live", "calm"), ("diseases", "leaf", "calm"),
        ("mine", "leaf", "calm"), ("pests", "leaf", "look"), ("cards", "live", "look"), ("diseases", "trap", "look"),
    ],
)  # fmt: skip
def test_a_model_that_is_made_for_another_mode_is_told(name: str, mode: str, tone: str, scene: Scene) -> None:
    well(scene)
    scene.board.show(model=ModelStatus(name=name, version="1"))
    scene.configure(camera={"mode": mode})
    model = parts(scene)["model"]
    assert model.tone == tone
    assert model.sentence.startswith("The model is not made for what this node looks at") == (tone == "look")


@pytest.mark.parametrize(
    ("skipped", "words"),
    [
        ({"still": 2900, "dark": 270, "blurred": 8}, "8 not sharp, 270 too dark, 2,900 nothing moved"),
        ({"too_late": 30, "unmatched": 2}, "30 came too late, 2 sticky card not recognised"),
        ({"eclipse": 2}, "2 eclipse"),
    ],
)
def test_skipped_pictures_are_counted_by_reason_in_words_and_one_without_a_word_as_it_is(
    skipped: dict[str, int], words: str, scene: Scene
) -> None:
    well(scene)
    scene.board.show(camera=replace(scene.board.snapshot().camera, skipped=skipped))
    assert f"Not looked at: {words}" in parts(scene)["camera"].more


def test_waiting_records_are_told_with_their_number_and_since_when(scene: Scene) -> None:
    broker_away(scene)
    link = parts(scene)["link"]
    assert (link.tone, link.detail) == ("look", "localhost:1883: Connection refused; start the broker")
    assert "2 results wait since Jun 30, 2:30\u202fPM" in link.more


def test_without_a_server_everything_stays_here_and_that_is_well(scene: Scene) -> None:
    well(scene)
    scene.configure(mqtt=None)
    scene.store.commit([sighting(scene.before(minutes=1))])
    assert parts(scene)["link"].tone == "calm"
    assert parts(scene)["link"].sentence == "No server is configured: everything stays on this node."
    assert parts(scene)["link"].more == ()


@pytest.mark.parametrize("state", ["off", "connecting", "connected", "refused", "lost"])
def test_each_state_of_the_link_has_a_sentence(state: str, scene: Scene) -> None:
    well(scene)
    scene.board.show(link=LinkStatus(state=state))
    assert parts(scene)["link"].sentence


def test_a_replaced_model_is_named_with_the_reason(scene: Scene) -> None:
    well(scene)
    scene.board.show(model=ModelStatus(name="pests", version="0.1.0", detail="pests-2.onnx: sha256 differs"))
    model = parts(scene)["model"]
    assert (model.tone, model.detail) == ("look", "pests-2.onnx: sha256 differs")
    assert "Model pests, version 0.1.0" in model.more


def test_bands_of_lamps_are_said_with_what_to_set_and_a_missing_camera_comes_first(scene: Scene) -> None:
    well(scene)
    scene.board.show(camera=replace(scene.board.snapshot().camera, banded=True))
    camera = parts(scene)["camera"]
    assert (camera.tone, camera.sentence) == ("look", "Lamps draw dark bands across the picture.")
    assert "lamps on mains" in camera.todo
    scene.board.show(camera=replace(scene.board.snapshot().camera, state="missing"))
    assert parts(scene)["camera"].tone == "stop"


def test_a_clock_that_was_never_set_is_said_with_its_day(scene: Scene) -> None:
    well(scene)
    scene.clock.jump(-9 * 86_400, ClockState.UNSYNCED)
    clock = parts(scene)["clock"]
    assert clock.tone == "look"
    assert clock.more == ("It is Jun 22, 2026, 4:30\u202fPM here (Asia/Shanghai)",)


@pytest.mark.parametrize(
    ("board", "part", "tone"),
    [
        (replace(COOL, disk_free_bytes=200_000_000), "card", "look"),
        (replace(COOL, disk_free_bytes=None), "card", "look"),
        (replace(COOL, temperature_c=81.0), "warmth", "look"),
        (replace(COOL, throttled=0x1), "power", "look"),
    ],
)
def test_what_the_board_complains_of_is_passed_on(board: BoardReading, part: str, tone: str, scene: Scene) -> None:
    well(scene)
    assert parts(scene, board)[part].tone == tone


@pytest.mark.parametrize(("free_bytes", "says"), [(0, "Tell your technician today."), (90_000_000, "Nothing to do: ")])
def test_a_card_without_room_for_a_picture_does_not_wait_for_the_next_visit(
    free_bytes: int, says: str, scene: Scene
) -> None:
    well(scene)
    card = parts(scene, replace(COOL, disk_free_bytes=free_bytes))["card"]
    assert card.todo.startswith(says)
    assert ("may not be kept" in card.sentence) == (not free_bytes)


def test_results_that_were_set_aside_are_told_until_somebody_took_them_away(scene: Scene) -> None:
    well(scene)
    scene.board.show(aside="/var/lib/fieldeye/fieldeye.db.damaged-1: the store was damaged")
    card = parts(scene)["card"]
    assert (card.tone, card.detail) == ("look", "/var/lib/fieldeye/fieldeye.db.damaged-1: the store was damaged")
    assert (card.sentence, card.more) == (
        "Earlier results were damaged on the memory card and set aside; new ones are kept.",
        ("12 GB free",),
    )
    scene.board.show(aside="")
    assert parts(scene)["card"].tone == "calm"


@pytest.mark.parametrize(
    ("of", "words"),
    [
        ("newer", "The results on the memory card were written by newer software: update this node."),
        ("older", "The results on the memory card are from before the first release: move them away."),
    ],
)
def test_results_of_other_software_ask_for_what_helps_and_not_for_another_card(
    scene: Scene, client: FlaskClient, of: StoreOf, words: str
) -> None:
    well(scene)
    scene.board.show(store="/var/lib/fieldeye/fieldeye.db: of another Fieldeye", store_of=of)
    card = parts(scene)["card"]
    assert (card.tone, card.sentence, card.detail) == ("stop", words, scene.board.snapshot().store)
    assert "the power goes" in card.todo
    assert client.get("/api/v1/health").get_json()["store_problem"] == card.detail
    settings = as_role(client, scene, Role.TECHNICIAN).get("/settings").text
    assert words in settings
    assert "replace" not in settings
    scene.board.show(camera=replace(scene.board.snapshot().camera, skipped={"not_kept": 3}))
    assert "until then nothing is counted" in parts(scene)["card"].todo


def test_a_node_without_former_settings_does_not_say_that_they_work_on(scene: Scene, client: FlaskClient) -> None:
    safe_mode(scene)
    told = parts(scene)["settings"].sentence
    assert told == "The settings cannot be used, and there are no former ones."
    assert told in as_role(client, scene, Role.TECHNICIAN).get("/settings").text
    node, live = client.get("/node").text, client.get("/live").text
    assert (node.count("This node is not looking."), live.count("This node is not looking.")) == (3, 1)
    assert ("is starting" in node + live, "is being loaded" in node) == (False, False)
    scene.board.show(problem="")
    assert parts(scene)["settings"].sentence == "The new settings cannot be used; the last good ones work on."


def test_a_calibration_that_cannot_be_used_is_told_here_and_in_the_visit(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.board.show(uncalibrated="/var/lib/fieldeye/calibration.json: no calibration")
    told = parts(scene)["calibration"]
    assert (told.tone, told.detail) == ("look", "/var/lib/fieldeye/calibration.json: no calibration")
    assert told.sentence in as_role(client, scene, Role.TECHNICIAN).get("/set-up").text
    assert "To look at: What is counted" in client.get("/").text
    scene.board.show(uncalibrated="")
    assert "calibration" not in parts(scene)


@pytest.mark.parametrize(("level", "tone"), [("good", "calm"), ("low", "look"), ("empty", "stop")])
def test_a_battery_says_how_it_is_and_what_to_do(
    level: Literal["good", "low", "empty"], tone: str, scene: Scene
) -> None:
    well(scene)
    scene.board.show(battery=BatteryStatus(voltage_v=11.9, share=None, level=level))
    battery = parts(scene)["battery"]
    assert (battery.tone, bool(battery.todo)) == (tone, tone != "calm")
    assert battery.more == ("Battery 11.9 V",)
    assert battery.word == {"calm": "Good", "look": "Look at it", "stop": "Nearly empty"}[tone]  # it runs on


def test_a_battery_that_cannot_be_read_is_said_and_the_technician_s_visit_is_not_over(
    scene: Scene, client: FlaskClient
) -> None:
    well(scene)
    scene.board.show(no_battery="power.gauge: ina291 reads nothing")
    told = parts(scene)["battery"]
    assert (told.tone, told.detail) == ("look", "power.gauge: ina291 reads nothing")
    assert "To look at: Battery" in client.get("/").text
    assert told.sentence in as_role(client, scene, Role.TECHNICIAN).get("/set-up").text


def test_the_farmer_reads_how_much_is_left_in_the_battery(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    assert "Battery" not in client.get("/").text
    scene.board.show(battery=BatteryStatus(voltage_v=3.9, share=0.64, level="good"))
    assert "The node is well.<br>Battery 64 %" in client.get("/").text


def test_a_battery_that_is_to_be_looked_at_is_named_once(scene: Scene, client: FlaskClient) -> None:
    low_battery(scene)
    page = client.get("/").text
    assert "<span>To look at: Battery</span>" in page
    assert page.count("Battery 11.7 V") == 1  # in its note


@pytest.mark.parametrize(
    ("row", "tone"),
    [("-56.", "calm"), ("-72.", "calm"), ("-81.", "look"), ("-256", None), ("0", None),
     ("-81.  -256 0 0 0\n wlan1: 0000 54. -56.", "calm"), ("no level", None)],
)  # fmt: skip
def test_wifi_is_read_where_the_kernel_tells_it(row: str, tone: str | None, scene: Scene) -> None:
    well(scene)
    heads = "Inter-| sta-|   Quality\n face | tus | link level noise\n"
    edge.board.WIRELESS.write_text(f"{heads} wlan0: 0000   54.  {row}  -256        0      0      0\n")
    wifi = parts(scene, read_board(Path(scene.config.store.folder))).get("wifi")
    assert (wifi.tone if wifi else None) == tone


def test_what_the_board_does_not_tell_is_left_out(scene: Scene) -> None:
    well(scene)
    silent = replace(COOL, temperature_c=None, throttled=None)
    assert {"warmth", "power"}.isdisjoint(parts(scene, silent))
    assert read_board(Path("/nonexistent")).disk_free_bytes is None, "a store that is gone takes no page along"


@pytest.mark.parametrize(
    ("told", "is_weak", "is_slowed"),
    [("0", False, False), ("50000", False, False), ("d0001", True, True), ("2", False, True), ("4", False, True),
     ("8", False, True), ("", None, None)],
)  # fmt: skip
def test_weak_power_and_a_slowed_processor_are_those_of_now_and_not_of_the_past(
    told: str, is_weak: bool | None, is_slowed: bool | None, scene: Scene
) -> None:
    edge.board.THROTTLED.write_text(f"{told}\n")
    board = read_board(Path(scene.config.store.folder))
    assert (board.under_voltage, board.is_throttled) == (is_weak, is_slowed)


def test_the_farmer_is_told_which_parts_to_look_at(scene: Scene) -> None:
    broker_away(scene)
    lines = list(parts(scene).values())
    app = scene.app()
    with app.test_request_context("/"):
        assert health_in_short(lines, "") == ("look", "To look at: Delivery")
        assert health_in_short(lines, "no model") == ("stop", "This node is not looking.")
        stopped = [*lines, replace(lines[0], tone="stop", title="Camera")]
        assert health_in_short(stopped, "") == ("stop", "To look at: Delivery, Camera")


def test_a_node_is_ready_when_all_is_well_and_nothing_waits(scene: Scene) -> None:
    well(scene)
    app = scene.app()
    with app.test_request_context("/"):
        assert readiness(list(parts(scene).values()), "") == ("calm", "This node is ready.")
        scene.board.show(model=ModelStatus(), link=LinkStatus(state="connecting"))
        assert readiness(list(parts(scene).values()), "") == ("wait", "Still waiting: Model, Delivery")
        assert readiness(list(parts(scene).values()), "no model")[0] == "stop"


def every_word() -> set[str]:
    """Of each reason that edge/mqtt can give."""
    fixed = {one.word for one in vars(trouble).values() if isinstance(one, trouble.Trouble)}
    failures: list[Exception] = [
        ssl.SSLCertVerificationError(1, "x"), ssl.SSLError(1, "x"), socket.gaierror(1, "x"), ConnectionRefusedError(),
        ConnectionResetError(), TimeoutError(), OSError("x"),
    ]  # fmt: skip
    for why in failures:
        if isinstance(why, ssl.SSLCertVerificationError):
            why.verify_code, why.verify_message = 18, "self-signed"
    codes = (0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8B, 0x8D, 0x8E, 0x95, 0x97, 0x9A, 0x9B, 0x9C, 0x9D)
    return (
        fixed
        | {trouble.from_exception(why, "broker", 8883).word for why in failures}
        | {trouble.from_reason_code(code).word for code in codes}
        | {trouble.no_commands("").word, trouble.store_fails(StoreError("")).word}
    )


def test_each_reason_why_the_server_cannot_be_used_is_said_in_the_readers_language(client: FlaskClient) -> None:
    words = every_word()
    assert len(words) > 18
    with client.application.test_request_context("/?lang=zh"):
        for word in words:
            said = link_words(word)
            assert said, word
            assert not said.isascii(), word


def test_the_reason_stands_on_the_page_before_the_machines_own_words(scene: Scene, client: FlaskClient) -> None:
    scene.board.show(link=LinkStatus(state="refused", word="bad_login", detail="the broker does not accept"))
    page = client.get("/node?lang=zh").text
    assert "服务器不接受用户名和密码" in page
    assert "the broker does not accept" in page


@pytest.mark.parametrize(
    ("state", "word", "sentence"),
    [
        ("connected", "budget_spent", "Today's data is used up; results wait for tomorrow, warnings are still sent."),
        ("lost", "budget_spent", "Today's data is used up; results wait for tomorrow, warnings are still sent."),
        (
            "lost",
            "shut_out",
            "The server, or what stands before it, ends the connection at the log-in: check that it runs and the "
            "port; if both are right, this node's certificate may be revoked or missing, or it wants TLS (mqtt.tls).",
        ),
        ("lost", "budget_low", "Little of today's data is left: the server is asked again within the hour."),
        (
            "connected",
            "sightings_wait",
            "Little of today's data is left: some results wait for tomorrow, counts and warnings are still sent.",
        ),
        ("connected", "no_subscriber", "Nobody at the server receives the results yet; they are kept."),
        (
            "connected",
            "store_fails",
            "The memory card holds up delivery: results wait on the node, which tries again.",
        ),
    ],
)
def test_where_nothing_is_delivered_although_the_server_answers_the_page_says_that_and_not_what_else_it_says_of_it(
    state: LinkState, word: str, sentence: str, scene: Scene
) -> None:
    well(scene)
    scene.board.show(link=LinkStatus(state=state, word=word))
    assert parts(scene)["link"].sentence == sentence
    assert sentence not in parts(scene)["link"].more


@pytest.mark.parametrize(
    ("word", "hours", "tone", "todo"),
    [
        ("no_subscriber", 23, "wait", "Nothing to do now. If this stays for a day, tell your technician."),
        ("no_subscriber", 25, "look", "Tell your technician."),
        ("budget_spent", 23, "calm", ""),
        ("budget_spent", 25, "look", "Tell your technician."),
        ("sightings_wait", 23, "calm", ""),
        ("sightings_wait", 25, "look", "Tell your technician."),
    ],
)
def test_results_that_nobody_receives_or_the_data_budget_holds_back_are_after_a_day_something_to_look_at(
    word: str, hours: int, tone: str, todo: str, scene: Scene
) -> None:
    well(scene)
    scene.store.commit([sighting(scene.before(hours=hours))])
    scene.board.show(link=LinkStatus(state="connected", word=word))
    link = parts(scene)["link"]
    assert (link.tone, link.todo) == (tone, todo)


@pytest.mark.parametrize("state", ["connected", "refused"])
def test_a_second_device_under_the_nodes_name_is_something_to_look_at_whoever_is_connected(
    state: LinkState, scene: Scene
) -> None:
    well(scene)
    scene.board.show(link=LinkStatus(state=state, word="taken_over"))
    link = parts(scene)["link"]
    says = "Another device uses this node's name: give each one its own."
    assert (link.tone, link.sentence, link.todo) == ("look", says, "Tell your technician.")


def test_a_card_that_gives_no_results_to_send_is_something_for_today(scene: Scene) -> None:
    well(scene)
    scene.board.show(link=LinkStatus(state="connected", word="store_fails"))
    link = parts(scene)["link"]
    assert (link.tone, link.todo) == ("look", "Tell your technician today.")


def test_a_card_that_is_over_is_told_to_everybody(scene: Scene, client: FlaskClient) -> None:
    change(scene.store, lambda _: Visit(card=scene.clock.utc.date() - timedelta(days=8)))
    assert "To be changed: sticky card" in client.get("/node").text
    assert "Lure and card" in client.get("/").text


def test_only_a_technician_is_led_to_the_settings(scene: Scene, client: FlaskClient) -> None:
    assert 'href="/settings"' not in client.get("/node").text
    assert 'href="/settings"' in as_role(client, scene, Role.TECHNICIAN).get("/node").text


@pytest.mark.parametrize(("days", "told"), [(40, False), (41, True)])
def test_security_updates_that_do_not_come_are_told_to_technicians_and_alarm_no_farmer(
    days: int, told: bool, scene: Scene, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    well(scene)
    put_apt(Path(scene.config.store.folder), scene.clock.utc, monkeypatch, since=400, listed=days, ran=0)
    page = client.get("/node").text
    assert ("For a night, give the node a line that is not metered." in page) is told
    assert ("Still waiting: Security updates" in page) is told
    assert "The node is well." in client.get("/").text
