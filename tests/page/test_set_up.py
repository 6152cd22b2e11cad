"""A technician's visit: each step as it is, live, resumable, and a record at the end."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from threading import Timer
from urllib.parse import unquote

import numpy as np
import pytest
from flask.testing import FlaskClient

from edge.annotations import annotate
from edge.calibration import EVERYTHING, Calibration, load_calibration, save_calibration
from edge.clock import SYNCHRONIZED, ClockState
from edge.counts import Seen, Sighting
from edge.page.set_up.calibration import parsed_region, region_text
from edge.page.set_up.visit import Tick, change, load
from edge.page.trust import Role
from edge.status import LinkStatus, ModelStatus
from tests.broker import Broker
from tests.counting.boards import SIDE_MM, photograph
from tests.page.scenes import HOPPER, Scene, frame_of, picture_of, sighting, well
from tests.page.visitors import as_role, form_on, on_another_page, post, token_on
from tests.slow_card import both, stalled_commits

UNHEARD = "Nobody at the server receives the results yet; they are kept."


@pytest.fixture
def technician(client: FlaskClient, scene: Scene) -> FlaskClient:
    well(scene)
    scene.board.show_frame(frame_of("whitefly.jpg"))
    return as_role(client, scene, Role.TECHNICIAN)


def state(client: FlaskClient, step: str) -> str:
    """The word of a step on the list."""
    part = client.get("/set-up").text.split(f'<li id="{step}">')[1].split("</li>")[0]
    return next(word for word in ("Done", "To do", "Look at it", "Stopped") if word in part)


def pictures(scene: Scene) -> list[str]:
    """Of the newest sightings."""
    found = [one.record for one in scene.store.latest_sightings(10)]
    return [one.picture for one in found if isinstance(one, Sighting) and one.picture is not None]


def saved(scene: Scene) -> Calibration:
    known = load_calibration(Path(scene.config.store.folder), 0)
    assert known is not None
    return known


def test_a_new_visit_begins_with_the_steps_that_only_a_person_can_do(technician: FlaskClient) -> None:
    states = {step: state(technician, step) for step in ("focus", "region", "scale", "model", "server", "hand")}
    assert set(states.values()) == {"To do"}
    page = technician.get("/set-up").text
    assert "8 steps are left." in page
    assert "This node is ready." not in page


def test_a_dark_picture_uneven_light_and_a_missing_camera_are_not_right(technician: FlaskClient, scene: Scene) -> None:
    assert state(technician, "picture") == "Done"
    scene.clock.advance(1)
    scene.board.show_frame(np.zeros((240, 320, 3), np.uint8))
    assert state(technician, "picture") == "Look at it"
    scene.clock.advance(1)
    uneven = frame_of("whitefly.jpg")
    uneven[: len(uneven) // 33] = 255
    scene.board.show_frame(uneven)
    assert "The light is not even" in technician.get("/set-up").text
    assert state(technician, "picture") == "Look at it"
    scene.board.show(camera=replace(scene.board.snapshot().camera, state="missing"))
    assert "The camera does not answer." in technician.get("/set-up").text


def test_a_sharp_picture_is_remembered_for_the_loop_to_compare_with(technician: FlaskClient, scene: Scene) -> None:
    assert post(technician, "/set-up/focus", "/live").location == "/set-up#focus"
    focus = saved(scene).focus
    assert focus is not None
    assert focus.sharpness > 10
    assert state(technician, "focus") == "Done"
    scene.board.show(camera=replace(scene.board.snapshot().camera, focus="blurred"))
    assert state(technician, "focus") == "Done"  # the loop still holds the picture against the day before
    scene.board.show(calibration=saved(scene))
    assert state(technician, "focus") == "Look at it"


def test_a_region_of_five_corners_is_kept_and_the_whole_picture_is_one_touch(
    technician: FlaskClient, scene: Scene
) -> None:
    typed = "10 10\n90 10\n90,5 50\n50 90\n10 50"
    assert post(technician, "/set-up/region", "/set-up/region", corners=typed).status_code == 303
    assert saved(scene).region.corners[2] == (0.905, 0.5)
    post(technician, "/set-up/focus", "/live")
    turned = replace(saved(scene), region=saved(scene).region.turned(90))  # by a page that rounds, the same corners
    save_calibration(Path(scene.config.store.folder), turned)
    post(technician, "/set-up/region", "/set-up/region", corners=region_text(turned.region))
    assert (saved(scene).region, saved(scene).focus) == (turned.region, turned.focus)
    assert "% of the picture are counted." in technician.get("/set-up").text
    post(technician, "/set-up/region", "/set-up/region", corners=typed, whole="1")
    assert len(saved(scene).region.corners) == 4
    assert state(technician, "focus") == "To do"  # of the whole picture nobody said that it is sharp
    assert "100 % of the picture are counted." in technician.get("/set-up").text


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "10 10\n20 20",
        "a b\n1 2\n3 4",
        "0 0\n10 10\n20 20",
        "0 0\n200 0\n50 50",
        "1 2 3\n4 5\n6 7",
        "10 10\n90 90\n90 10\n10 90",
        "1_0 10\n90 10\n90 90",
    ],
)
def test_what_is_no_region_is_said_and_stands_there_still(typed: str, technician: FlaskClient, scene: Scene) -> None:
    answer = post(technician, "/set-up/region", "/set-up/region", corners=typed)
    assert answer.status_code == 400
    assert "This is no region" in answer.text
    assert "In order around what counts." in answer.text
    assert "<textarea" in answer.text.partition(" autofocus")[0].splitlines()[-1]
    assert load_calibration(Path(scene.config.store.folder), 0) is None


def test_a_regions_text_reads_back() -> None:
    region = parsed_region("10 10; 90 10; 50 90")
    assert parsed_region(region_text(region)) == region


def test_the_board_on_the_live_picture_gives_millimetres(technician: FlaskClient, scene: Scene) -> None:
    picture, truth = photograph(0)[0], 20.0
    scene.board.show_frame(picture)
    assert post(technician, "/set-up/scale", "/set-up/scale", side=f"{truth}").status_code == 303
    known = saved(scene)
    assert known.side_mm == truth
    assert known.scale is not None
    assert "cm² are counted." in technician.get("/set-up").text
    assert "mm a pixel" in technician.get("/set-up/scale").text


@pytest.mark.parametrize("fed", [False, True])
def test_what_was_drawn_on_a_picture_of_another_shape_is_neither_shown_nor_kept(
    fed: bool, technician: FlaskClient, scene: Scene
) -> None:
    post(technician, "/set-up/region", "/set-up/region", corners="0 0\n50 0\n50 100\n0 100")
    picture = photograph(0)[0]
    scene.board.show_frame(picture)
    post(technician, "/set-up/scale", "/set-up/scale", side="20")
    scene.board.show_frame(np.ascontiguousarray(picture[: len(picture) // 2]))
    scene.configure(camera={"fed": fed})
    client = as_role(scene.app().test_client(), scene, Role.TECHNICIAN)
    assert ("50.0 100.0" in client.get("/set-up/region").text) is fed
    assert ("mm a pixel" in client.get("/set-up/scale").text) is fed
    post(client, "/set-up/scale", "/set-up/scale", area="250")
    assert (saved(scene).region != EVERYTHING) is fed  # of a fed folder the next picture may be of another camera


def test_sharpness_and_a_count_by_hand_leave_the_place_and_another_place_takes_its_ticks_away(
    technician: FlaskClient, scene: Scene
) -> None:
    half = "0 0\n50 0\n50 100\n0 100"
    picture = photograph(0)[0]
    other = np.ascontiguousarray(picture[: len(picture) // 2])  # a camera that lost its settings
    scene.board.show_frame(picture)
    post(technician, "/set-up/region", "/set-up/region", corners=half)
    post(technician, "/set-up/scale", "/set-up/scale", side="20")
    scene.board.show_frame(other)
    post(technician, "/set-up/focus", "/live")
    scene.store.commit([sighting(scene.before(minutes=1), count=1)], picture_of("whitefly.jpg"))
    post(technician, "/set-up/hand", "/set-up/hand", **dict.fromkeys(pictures(scene), "1"))
    scene.board.show_frame(picture)
    assert region_text(saved(scene).region) == region_text(parsed_region(half))
    assert saved(scene).counted_by_eye == 1
    assert [state(technician, step) for step in ("region", "scale", "focus")] == ["Done"] * 3
    scene.board.show_frame(other)
    post(technician, "/set-up/scale", "/set-up/scale", area="250")
    assert saved(scene).region == EVERYTHING
    assert [state(technician, step) for step in ("region", "scale", "focus")] == ["To do", "Done", "To do"]


def test_sharpness_beside_a_calibration_that_cannot_be_used_leaves_no_false_ticks(
    technician: FlaskClient, scene: Scene
) -> None:
    scene.board.show_frame(photograph(0)[0])
    post(technician, "/set-up/region", "/set-up/region", corners="0 0\n50 0\n50 100\n0 100")
    post(technician, "/set-up/scale", "/set-up/scale", side="20")
    (Path(scene.config.store.folder) / "calibration.json").write_text("half of it")
    post(technician, "/set-up/focus", "/live")
    assert [state(technician, step) for step in ("region", "scale", "focus")] == ["To do", "To do", "Done"]


def test_a_picture_without_a_board_says_what_to_do(technician: FlaskClient, scene: Scene) -> None:
    answer = post(technician, "/set-up/scale", "/set-up/scale", side="20")
    assert answer.status_code == 400
    assert "The board is not seen well" in answer.text
    assert load_calibration(Path(scene.config.store.folder), 0) is None


@pytest.mark.parametrize("typed", ["", "0", "-3", "wide", "nan", "inf", "1_0"])
def test_a_side_or_an_area_that_is_none_is_refused(typed: str, technician: FlaskClient) -> None:
    assert post(technician, "/set-up/scale", "/set-up/scale", side=typed).status_code == 400
    assert post(technician, "/set-up/scale", "/set-up/scale", area=typed).status_code == 400


@pytest.mark.parametrize("typed", ["1,000", "1.000", "12.500", "1,000,000"])
def test_an_area_that_is_read_two_ways_is_refused_with_what_to_do(
    typed: str, technician: FlaskClient, scene: Scene
) -> None:
    answer = post(technician, "/set-up/scale", "/set-up/scale", area=typed)
    assert answer.status_code == 400
    assert 'class="wrong">A number above 0.</span>' in answer.text
    assert "Write the number without a sign between thousands." in answer.text
    assert load_calibration(Path(scene.config.store.folder), 0) is None


def test_a_side_may_have_three_decimals(technician: FlaskClient, scene: Scene) -> None:
    scene.board.show_frame(photograph(0)[0])
    assert post(technician, "/set-up/scale", "/set-up/scale", side="19.875").status_code == 303
    assert saved(scene).side_mm == 19.875


def test_a_typed_area_and_none_at_all_are_both_an_answer(technician: FlaskClient, scene: Scene) -> None:
    post(technician, "/set-up/scale", "/set-up/scale", area="250,5")
    assert saved(scene).area_mm2 == 25_050
    assert "250.5 cm² are counted." in technician.get("/set-up").text
    post(technician, "/set-up/scale", "/set-up/scale", without="1")
    assert saved(scene).area_mm2 is None
    assert "Left out: counts have no density." in technician.get("/set-up").text


def test_a_picture_that_shows_the_sky_has_no_area_until_the_ground_is_drawn(
    technician: FlaskClient, scene: Scene
) -> None:
    scene.board.show_frame(photograph(-65, focal=800)[0])
    post(technician, "/set-up/scale", "/set-up/scale", side=str(SIDE_MM))
    assert saved(scene).area_mm2 is None
    assert "What is counted reaches the horizon, so it has no area" in technician.get("/set-up").text
    post(technician, "/set-up/region", "/set-up/region", corners="0 30\n100 30\n100 100\n0 100")
    assert "cm² are counted." in technician.get("/set-up").text


def test_a_measurement_is_undone_and_brought_back(technician: FlaskClient, scene: Scene) -> None:
    assert "/set-up/undo" not in technician.get("/set-up").text
    assert post(technician, "/set-up/undo", "/account").location == "/set-up"
    half = "0 0\n50 0\n50 100\n0 100"
    post(technician, "/set-up/region", "/set-up/region", corners=half)
    post(technician, "/set-up/scale", "/set-up/scale", area="250.5")
    post(technician, "/set-up/undo", "/set-up")
    assert saved(scene).area_mm2 is None
    assert state(technician, "scale") == "To do"
    assert state(technician, "region") == "Done"
    post(technician, "/set-up/undo", "/set-up")
    assert "250.5 cm² are counted." in technician.get("/set-up").text
    post(technician, "/set-up/region", "/set-up/region", whole="1")
    post(technician, "/set-up/undo", "/set-up")
    assert "50 % of the picture are counted." in technician.get("/set-up").text


def test_an_undo_that_is_sent_again_or_from_another_phone_brings_nothing_back(
    technician: FlaskClient, scene: Scene
) -> None:
    for area in ("250.5", "300"):
        post(technician, "/set-up/scale", "/set-up/scale", area=area)
    form = form_on(technician.get("/set-up").text, "/set-up/undo")
    for _ in range(2):
        assert technician.post("/set-up/undo", data=form).location == "/set-up"
    assert saved(scene).area_mm2 == 25_050
    assert [one.what for one in scene.store.audit_trail(9)].count("visit undo") == 1
    technician.post("/set-up/undo", data=form_on(technician.get("/set-up").text, "/set-up/undo"))
    assert saved(scene).area_mm2 == 30_000, "whoever has looked brings it back"


def test_a_measurement_that_is_sent_while_the_card_keeps_another_one_waiting_goes_on_from_that(
    technician: FlaskClient, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    csrf, other = token_on(technician, "/set-up/region"), on_another_page(technician)
    both(
        monkeypatch,
        lambda: technician.post("/set-up/region", data={"csrf": csrf, "corners": "10 10\n90 10\n90 50"}),
        lambda: other.post("/set-up/scale", data={"csrf": csrf, "area": "12"}),
    )
    assert (len(saved(scene).region.corners), saved(scene).area_mm2) == (3, 1200)
    assert (state(technician, "region"), state(technician, "scale")) == ("Done", "Done")


def test_a_step_that_is_done_while_the_card_keeps_another_one_waiting_undoes_none(
    technician: FlaskClient, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    form, other = form_on(technician.get("/set-up/care").text, "/set-up/care"), on_another_page(technician)
    with ThreadPoolExecutor(2) as pages, stalled_commits(monkeypatch, "edge.store.store") as is_waiting:
        pages.submit(technician.post, "/set-up/care", data=form | {"lure": "2026-06-20"})
        assert is_waiting.wait(20)
        clock = pages.submit(other.post, "/set-up/clock", data={"csrf": form["csrf"]})
        with suppress(TimeoutError):
            clock.result(0.1)
    visit = load(scene.store)
    assert (visit.lure, set(visit.ticks)) == (date(2026, 6, 20), {"care", "clock"})


@pytest.mark.parametrize("is_in_time", [True, False], ids=["while the card stalls", "later"])
def test_a_visit_that_a_second_tap_ends_too_is_recorded_once(
    is_in_time: bool, technician: FlaskClient, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    form, other = form_on(technician.get("/set-up").text, "/set-up/finish"), on_another_page(technician)
    with ThreadPoolExecutor(2) as pages, stalled_commits(monkeypatch, "edge.store.store") as is_waiting:
        pages.submit(technician.post, "/set-up/finish", data=form | {"note": "lens wiped"})
        assert is_waiting.wait(20)
        scene.clock.advance(1)
        if is_in_time:
            again = pages.submit(other.post, "/set-up/finish", data=form | {"note": "lens wiped"})
            with suppress(TimeoutError):
                again.result(0.1)
    if not is_in_time:
        other.post("/set-up/finish", data=form | {"note": "lens wiped"})
    assert [past.note for past in load(scene.store).past] == ["lens wiped"]
    assert [one.what for one in scene.store.audit_trail(9)].count("visit lens wiped") == 1
    post(technician, "/set-up/finish", "/set-up", **form_on(technician.get("/set-up").text, "/set-up/finish"))
    assert len(load(scene.store).past) == 2


def test_an_undo_of_what_reaches_the_horizon_says_so_again_or_asks_for_the_millimetres(
    technician: FlaskClient, scene: Scene
) -> None:
    scene.board.show_frame(photograph(65, focal=800)[0])
    post(technician, "/set-up/scale", "/set-up/scale", side=f"{SIDE_MM}")
    post(technician, "/set-up/region", "/set-up/region", corners="0 0\n100 0\n100 70\n0 70")
    assert state(technician, "scale") == "Done"
    post(technician, "/set-up/undo", "/set-up")
    assert "What is counted reaches the horizon" in technician.get("/set-up").text
    post(technician, "/set-up/scale", "/set-up/scale", without="1")
    post(technician, "/set-up/scale", "/set-up/scale", side=f"{SIDE_MM}")
    post(technician, "/set-up/undo", "/set-up")
    assert state(technician, "scale") == "To do"


def test_the_first_measurement_of_all_is_undone_to_none(technician: FlaskClient, scene: Scene) -> None:
    post(technician, "/set-up/focus", "/live")
    post(technician, "/set-up/undo", "/set-up")
    assert load_calibration(Path(scene.config.store.folder), 0) is None
    assert state(technician, "focus") == "To do"


def test_the_model_is_tried_on_the_live_picture_with_its_frames(technician: FlaskClient, scene: Scene) -> None:
    assert "has not looked at this picture" in technician.get("/set-up/model").text
    post(technician, "/set-up/model", "/live")
    assert state(technician, "model") == "To do"
    scene.clock.advance(1)
    told = [Seen(label, "", 0.9, (0.2, 0.2, 0.4, 0.4)) for label in (HOPPER, "Aleyrodidae", "Aleyrodidae (adult)")]
    scene.board.show_frame(frame_of("whitefly.jpg"), told)
    shown = technician.get("/set-up/model").text
    assert "Framed on this picture: 3 · Whiteflies: 2 · Brown planthopper: 1</p>" in shown
    told_in_chinese = unquote(technician.get("/live.jpg?lang=zh").headers["Picture-Seen"])
    assert told_in_chinese == "此画面中框出：3 · 粉虱：2 · 褐飞虱：1"
    scene.clock.advance(1)
    scene.board.show_frame(frame_of("rice_bug.jpg"))  # while a person compares
    assert technician.post("/set-up/model", data=form_on(shown, "/set-up/model")).location == "/set-up#model"
    assert "Framed: 3" in technician.get("/set-up?lang=en").text


def test_a_model_that_does_not_frame_what_is_there_leaves_its_step_open_and_says_what_to_do(
    technician: FlaskClient, scene: Scene
) -> None:
    scene.board.show_frame(frame_of("whitefly.jpg"), [])
    post(technician, "/set-up/model", "/set-up/model", seen="0")
    assert state(technician, "model") == "Done"
    told = post(technician, "/set-up/model", "/set-up/model", seen="0", wrong="1")
    assert "come nearer and take a new one" in told.text
    assert state(technician, "model") == "To do"


def test_a_model_that_is_tried_looks_at_the_live_picture_however_slow_the_board_is(
    technician: FlaskClient, scene: Scene
) -> None:
    technician.get("/live.jpg")
    assert not scene.board.needs_seen(scene.clock.monotonic_s())
    technician.get("/set-up/model")
    scene.clock.advance(4)
    technician.get("/live.jpg")
    while scene.board.is_watched(scene.clock.monotonic_s()):
        assert scene.board.needs_seen(scene.clock.monotonic_s())
        scene.clock.advance(1)
    scene.clock.advance(60)
    assert not scene.board.needs_seen(scene.clock.monotonic_s())


OFF = pytest.mark.parametrize(("off_s", "is_right"), [(5, True), (-59, True), (61, False), (-86_400, False)])


@OFF
def test_a_clock_that_is_set_is_held_against_the_phones(
    off_s: int, is_right: bool, technician: FlaskClient, scene: Scene
) -> None:
    phone = round((scene.clock.utc + timedelta(seconds=off_s)).timestamp() * 1000)
    answer = post(technician, "/set-up/clock", "/set-up/clock", phone_ms=str(phone))
    assert answer.status_code == (303 if is_right else 400)
    assert ("The two clocks differ by" in answer.text) != is_right


def test_the_nodes_time_is_shown_with_its_day_and_year(technician: FlaskClient, scene: Scene) -> None:
    scene.clock.jump(-9 * 86_400, ClockState.UNSYNCED)
    assert '<p class="figure">Jun 22, 2026, 4:30\u202fPM</p>' in technician.get("/set-up/clock").text


AGREES, BY_PHONE = "It agrees with my phone", "Set the clock by this phone"


@pytest.fixture
def settable(scene: Scene) -> tuple[FlaskClient, list[datetime]]:
    """A technician in front of a clock that is a day behind; asked to, a root unit sets it soon, as the list tells."""
    well(scene)
    scene.clock.jump(-86_400, ClockState.UNSYNCED)
    asked: list[datetime] = []

    def set_by_root(utc: datetime) -> None:
        scene.clock.state, scene.clock.utc = ClockState.SYNCED, utc

    def set_clock(utc: datetime) -> bool:
        asked.append(utc)
        Timer(0.05, set_by_root, [utc]).start()
        return True

    app = scene.app(set_clock=set_clock)
    return as_role(app.test_client(), scene, Role.TECHNICIAN), asked


@OFF
def test_a_clock_that_nothing_has_set_is_set_by_a_phone_that_agrees_and_else_says_by_how_much_it_differs(
    off_s: int, is_right: bool, settable: tuple[FlaskClient, list[datetime]], scene: Scene
) -> None:
    client, asked = settable
    true = scene.clock.utc + timedelta(seconds=off_s)
    answer = post(client, "/set-up/clock", "/set-up/clock", phone_ms=str(round(true.timestamp() * 1000)))
    assert (answer.status_code, asked) == ((303, [true]) if is_right else (400, []))
    assert ("The two clocks differ by" in answer.text) != is_right
    assert state(client, "clock") == ("Done" if is_right else "To do")
    assert (client.get("/api/v1/health").json or {})["clock"] == ("synced" if is_right else "unsynced")


def test_a_phone_sets_a_clock_that_nothing_else_has_set(
    settable: tuple[FlaskClient, list[datetime]], scene: Scene
) -> None:
    client, asked = settable
    true = scene.clock.utc + timedelta(days=1)
    phone_ms = str(round(true.timestamp() * 1000))
    assert [words in client.get("/set-up/clock").text for words in (AGREES, BY_PHONE)] == [True, True]
    compared = post(client, "/set-up/clock", "/set-up/clock", phone_ms=phone_ms).text
    assert [words in compared for words in (AGREES, BY_PHONE)] == [False, True]
    assert asked == []
    assert post(client, "/set-up/clock", "/set-up/clock", phone_ms=phone_ms, set="1").status_code == 303
    assert asked == [true]
    assert "Set the clock by a phone" in client.get("/audit").text
    later = str(round((true + timedelta(days=9)).timestamp() * 1000))
    assert post(client, "/set-up/clock", "/set-up/clock", phone_ms=later, set="1").status_code == 400
    assert asked == [true], "a clock that is set is not turned"
    assert BY_PHONE not in client.get("/set-up/clock").text


@pytest.mark.parametrize(("who", "may"), [("phone\n", True), ("cell\n", True), ("", False)])
def test_a_clock_that_a_phone_set_wrongly_or_a_cell_kept_is_set_by_another_phone_but_no_servers_is(
    who: str, may: bool, settable: tuple[FlaskClient, list[datetime]], scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, asked = settable
    flag = Path(scene.config.store.folder) / "synchronized"
    flag.write_text(who)
    monkeypatch.setattr("edge.clock.SYNCHRONIZED", flag)
    scene.clock.state = ClockState.SYNCED
    true = scene.clock.utc + timedelta(days=365)
    phone_ms = str(round(true.timestamp() * 1000))
    shown = post(client, "/set-up/clock", "/set-up/clock", phone_ms=phone_ms).text
    assert "The two clocks differ by" in shown
    assert [words in shown for words in ("Set the clock by this phone", "The right time here")] == [may, may]
    answer = post(client, "/set-up/clock", "/set-up/clock", phone_ms=phone_ms, set="1")
    assert (answer.status_code, asked) == ((303, [true]) if may else (400, []))


def test_whoever_sets_a_clock_that_was_far_behind_stays_logged_in(
    settable: tuple[FlaskClient, list[datetime]], scene: Scene
) -> None:
    client, _ = settable
    phone_ms = str(round((scene.clock.utc + timedelta(days=100)).timestamp() * 1000))
    assert post(client, "/set-up/clock", "/set-up/clock", phone_ms=phone_ms, set="1").status_code == 303
    assert state(client, "clock") == "Done"
    scene.clock.advance(13 * 3600)
    assert client.get("/set-up").status_code == 303


def test_without_scripts_the_time_is_typed_as_it_is_there(settable: tuple[FlaskClient, list[datetime]]) -> None:
    client, asked = settable
    assert post(client, "/set-up/clock", "/set-up/clock", typed="2026-07-01T18:30", set="1").status_code == 303
    assert asked == [datetime(2026, 7, 1, 10, 30, tzinfo=UTC)]


@pytest.mark.parametrize("typed", ["", "soon", "0001-01-01T00:00", "2026-13-01T00:00", "1²"])
def test_what_is_no_time_sets_no_clock(typed: str, settable: tuple[FlaskClient, list[datetime]]) -> None:
    client, asked = settable
    assert post(client, "/set-up/clock", "/set-up/clock", typed=typed, phone_ms=typed, set="1").status_code == 400
    assert asked == []


@pytest.mark.parametrize("answers", [None, False])
@pytest.mark.parametrize(("off_s", "asks"), [(86_400, {"set": "1"}), (5, {"set": "1"}), (5, {})])
def test_where_nothing_may_set_the_clock_the_page_says_what_to_do(
    answers: bool | None, off_s: int, asks: dict[str, str], scene: Scene
) -> None:
    well(scene)
    scene.clock.jump(-86_400, ClockState.UNSYNCED)
    set_clock = None if answers is None else lambda _: False
    app = scene.app(set_clock=set_clock)
    client = as_role(app.test_client(), scene, Role.TECHNICIAN)
    phone_ms = str(round((scene.clock.utc + timedelta(seconds=off_s)).timestamp() * 1000))
    answer = post(client, "/set-up/clock", "/set-up/clock", phone_ms=phone_ms, **asks)
    assert (answer.status_code, state(client, "clock")) == (400, "To do")
    assert ("The two clocks differ by" in answer.text) == (off_s > 60)
    assert "The clock could not be set from here." in answer.text
    assert "sudo sh -c 'date --utc --set=" in answer.text
    assert f"echo phone >{SYNCHRONIZED}" in unescape(answer.text)  # else the node goes on not to trust it


def test_without_scripts_the_person_compares_the_clocks(
    settable: tuple[FlaskClient, list[datetime]], scene: Scene
) -> None:
    (client, asked), shown = settable, scene.clock.utc
    assert post(client, "/set-up/clock", "/set-up/clock", phone_ms="").status_code == 303
    assert (asked, state(client, "clock")) == ([shown], "Done")


def test_a_trap_wants_dates_and_says_when_they_are_over(scene: Scene) -> None:
    well(scene)
    scene.configure(camera={"mode": "trap"})
    client = as_role(scene.app().test_client(), scene, Role.TECHNICIAN)
    assert state(client, "care") == "To do"
    dates = {"card": "2026-07-01", "card_days": "7", "lure": "2026-06-01", "lure_days": "60"}
    assert post(client, "/set-up/care", "/set-up/care", **dates).status_code == 303
    assert state(client, "care") == "Done"
    scene.clock.advance(7 * 86_400)
    as_role(client, scene, Role.TECHNICIAN)
    assert "To be changed" not in client.get("/set-up").text
    scene.clock.advance(86_400)
    as_role(client, scene, Role.TECHNICIAN)
    assert "To be changed: sticky card" in client.get("/set-up").text


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("card", "2026-02-30"), ("card", "2027-01-01"),
        ("lure_days", "0"), ("card_days", "often"), ("card_days", "3²"),
        pytest.param("card_days", "9" * 5000, id="endless"),
    ],
)  # fmt: skip
def test_dates_that_are_none_are_said_beside_their_field(
    field: str, typed: str, technician: FlaskClient, scene: Scene
) -> None:
    form = {"card": "2026-06-30", "card_days": "7", "lure": "", "lure_days": "30", field: typed}
    answer = post(technician, "/set-up/care", "/set-up/care", **form)
    assert answer.status_code == 400
    assert answer.text.count('class="wrong"') == 1
    assert load(scene.store).card is None


def test_dates_times_sizes_and_corners_are_read_from_any_keyboard(technician: FlaskClient, scene: Scene) -> None:
    dates = {"card": "２０２６－０６－３０", "card_days": "７", "lure_days": "30"}
    assert post(technician, "/set-up/care", "/set-up/care", **dates).status_code == 303
    assert (load(scene.store).card, load(scene.store).card_days) == (date(2026, 6, 30), 7)
    corners = "１０　１０；９０，０　１０\n９０　９０"
    assert post(technician, "/set-up/region", "/set-up/region", corners=corners).status_code == 303
    assert saved(scene).region.corners == ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9))
    assert post(technician, "/set-up/scale", "/set-up/scale", area="１２，５").status_code == 303
    assert saved(scene).typed_area_mm2 == 1250
    scene.clock.utc = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
    typed = "２０２６－０７－０１Ｔ１２：００"
    assert post(technician, "/set-up/clock", "/set-up/clock", typed=typed, set="").status_code == 303


def test_of_two_phones_with_the_dates_open_each_changes_what_was_touched_on_it(
    technician: FlaskClient, scene: Scene
) -> None:
    opened = form_on(technician.get("/set-up/care").text, "/set-up/care")
    technician.post("/set-up/care", data=opened | {"card": "2026-06-25", "card_days": "14"})
    refused = technician.post("/set-up/care", data=opened | {"lure": "2026-06-20", "lure_days": "0"})
    form = form_on(refused.text, "/set-up/care")
    assert [form[name] for name in ("card", "card_days", "lure")] == ["2026-06-25", "14", "2026-06-20"]
    assert technician.post("/set-up/care", data=form | {"lure_days": "60"}).status_code == 303
    kept = load(scene.store)
    assert (kept.card, kept.card_days, kept.lure, kept.lure_days) == (date(2026, 6, 25), 14, date(2026, 6, 20), 60)


def test_a_server_that_does_not_answer_is_named_with_the_step_that_failed(technician: FlaskClient) -> None:
    answer = post(technician, "/set-up/server", "/set-up/server")  # nothing listens there
    assert "Not yet: The server answers." in answer.text
    assert state(technician, "server") == "To do"


@contextmanager
def at_a_broker(scene: Scene) -> Iterator[tuple[Broker, FlaskClient]]:
    """A real one, and a technician at the page of a node that is set to it."""
    with Broker() as broker:
        scene.configure(mqtt={"host": "127.0.0.1", "port": broker.port})
        scene.clock.monotonic_s = time.monotonic  # type: ignore[method-assign]  the broker takes real time
        yield broker, as_role(scene.app().test_client(), scene, Role.TECHNICIAN)


def test_a_test_message_is_acknowledged_by_a_real_broker_step_by_step(scene: Scene) -> None:
    well(scene)
    with at_a_broker(scene) as (broker, client):
        with broker.connect("platform") as platform:
            platform.subscribe("fieldeye/#")
            page = post(client, "/set-up/server", "/set-up/server").text
        done = state(client, "server")
        broker.stop()
        broker.allow_only("fieldeye/v1/#")
        broker.start()
        without_commands = post(client, "/set-up/server", "/set-up/server").text
    assert page.index("The server answers.") < page.index("A test message was acknowledged.")
    assert ("Not yet" in page, UNHEARD in page, done) == (False, False, "Done")
    assert "Not yet: The server sends this node commands." in without_commands


def test_a_test_message_that_nobody_receives_leaves_the_step_open_until_somebody_takes_a_result(scene: Scene) -> None:
    well(scene)
    with at_a_broker(scene) as (_broker, client):
        assert UNHEARD in post(client, "/set-up/server", "/set-up/server").text
    scene.board.show(link=LinkStatus(state="connected", acknowledged=100, last_ack=scene.before(hours=1)))
    assert (state(client, "server"), UNHEARD in client.get("/set-up").text) == ("To do", True)
    scene.board.show(link=LinkStatus(state="connected", acknowledged=101, last_ack=scene.clock.now()))
    assert state(client, "server") == "Done"


def test_a_test_message_is_not_enough_where_nobody_receives_the_results(technician: FlaskClient, scene: Scene) -> None:
    tick = Tick(at=scene.clock.utc, who="technician")
    change(scene.store, lambda visit: visit.ticked("server", tick))
    assert state(technician, "server") == "Done"
    scene.board.show(link=LinkStatus(state="connected", word="no_subscriber"))
    assert state(technician, "server") == "To do"
    assert UNHEARD in technician.get("/set-up").text


def test_ten_pictures_counted_by_hand_give_error_and_bias(technician: FlaskClient, scene: Scene) -> None:
    for n in range(10):
        boxes = [Seen("Bemisia", "", 0.9, (0.1, 0.1, 0.2, 0.2))] * (n + 1)
        scene.store.commit(
            [sighting(scene.before(minutes=n + 1), count=n + 1)], annotate(picture_of("whitefly.jpg"), boxes)
        )
    names = pictures(scene)
    assert len(set(names)) == 10
    post(technician, "/set-up/hand", "/set-up/hand", **{names[0]: "11"})
    assert "1 picture: off by 1 on average, 1 too few on average" in technician.get("/set-up").text
    some = {name: str(10 - place + 1) for place, name in enumerate(names[:4])}  # one more than the node framed
    post(technician, "/set-up/hand", "/set-up/hand", **some)
    assert state(technician, "hand") == "To do"
    rest = {name: str(10 - place) for place, name in enumerate(names)} | some
    post(technician, "/set-up/hand", "/set-up/hand", **rest)
    assert state(technician, "hand") == "Done"
    assert "10 pictures: off by 0.4 on average, 0.4 too few on average" in technician.get("/set-up").text
    assert saved(scene).counted_by_eye == 10
    post(technician, "/set-up/undo", "/set-up")
    assert (load(scene.store).counted, state(technician, "hand")) == ({}, "To do")
    post(technician, "/set-up/hand", "/set-up/hand", **rest)
    post(technician, "/set-up/finish", "/set-up")
    assert (load(scene.store).counted, state(technician, "hand")) == ({}, "To do"), "the next visit counts again"


def test_a_hand_count_is_compared_with_what_the_node_framed_inside_the_line(
    technician: FlaskClient, scene: Scene
) -> None:
    inside, outside = (0.1, 0.1, 0.2, 0.2), (0.7, 0.7, 0.9, 0.9)
    boxes = [Seen("Bemisia", "", 0.9, box) for box in (inside, inside, outside)]
    scene.store.commit([sighting(scene.before(minutes=2), count=9)], picture_of("whitefly.jpg"))  # has no boxes
    scene.store.commit([sighting(scene.before(minutes=1), count=3)], annotate(picture_of("whitefly.jpg"), boxes))
    scene.board.show(model=ModelStatus(labels=("Aleyrodidae (adult)", "Aleyrodidae (nymph)", HOPPER)))
    page = technician.get("/set-up/hand").text
    assert "Count the insects on each picture, one by one. The model tells: Whiteflies, Brown planthopper." in page
    assert "<polygon" not in page
    post(technician, "/set-up/region", "/set-up/region", corners="0 0\n50 0\n50 50\n0 50")
    page = technician.get("/set-up/hand").text
    assert page.count('class="box" points="0.00,0.00 50.00,0.00 50.00,50.00 0.00,50.00"') == 1
    assert "Only what lies inside the line is counted." in page
    first, second = pictures(scene)
    assert f"/pictures/{first}" in page
    assert f"/pictures/{second}" not in page, "where its insects lay, nobody knows"
    post(technician, "/set-up/hand", "/set-up/hand", **{first: "2"})
    assert load(scene.store).found == {first: 2}


def test_a_count_by_hand_is_taken_back_by_emptying_its_field(technician: FlaskClient, scene: Scene) -> None:
    for n in range(2):
        scene.store.commit([sighting(scene.before(minutes=n + 1), count=2)], picture_of("whitefly.jpg"))
    first, second = pictures(scene)
    post(technician, "/set-up/hand", "/set-up/hand", **{first: "50", second: "2"})
    post(technician, "/set-up/hand", "/set-up/hand", **{first: " ", second: "2"})
    assert load(scene.store).counted == {second: 2}
    assert saved(scene).counted_by_eye == 1


def test_of_two_phones_that_count_each_keeps_and_takes_back_its_own(technician: FlaskClient, scene: Scene) -> None:
    for n in range(4):
        scene.store.commit([sighting(scene.before(minutes=n + 1), count=2)], picture_of("whitefly.jpg"))
    first, second, third, fourth = pictures(scene)
    post(technician, "/set-up/hand", "/set-up/hand", **{fourth: "9"})
    opened = form_on(technician.get("/set-up/hand").text, "/set-up/hand")
    technician.post("/set-up/hand", data=opened | {first: "1", second: "1"})
    refused = technician.post("/set-up/hand", data=opened | {third: "two", fourth: ""})
    form = form_on(refused.text, "/set-up/hand")
    assert [form[name] for name in (first, second, third, fourth)] == ["1", "1", "two", ""]
    technician.post("/set-up/hand", data=form | {third: "2"})
    assert load(scene.store).counted == {first: 1, second: 1, third: 2}


def test_pictures_that_come_while_a_person_counts_leave_the_shown_ones_to_be_kept(
    technician: FlaskClient, scene: Scene
) -> None:
    def ten_more() -> list[str]:
        for n in range(10):
            scene.store.commit([sighting(scene.before(seconds=n + 1), count=2)], picture_of("whitefly.jpg"))
        return pictures(scene)

    shown, token = ten_more(), token_on(technician, "/set-up/hand")
    newer, form = ten_more(), {"csrf": token, **dict.fromkeys(shown, "2")}
    answer = technician.post("/set-up/hand", data={**form, shown[3]: "two"})
    assert answer.status_code == 400
    assert {name for name in (*shown, *newer) if f"/pictures/{name}" in answer.text} == set(shown)
    assert technician.post("/set-up/hand", data=form).status_code == 303
    assert set(load(scene.store).counted) == set(shown)


@pytest.mark.parametrize("typed", ["many", "1²"])
def test_a_count_that_is_no_number_is_said_and_nothing_is_compared(
    typed: str, technician: FlaskClient, scene: Scene
) -> None:
    scene.store.commit([sighting(scene.before(minutes=1))], picture_of("whitefly.jpg"))
    answer = post(technician, "/set-up/hand", "/set-up/hand", **dict.fromkeys(pictures(scene), typed))
    assert answer.status_code == 400
    assert load(scene.store).counted == {}


def test_a_visit_ends_with_a_record_and_the_next_begins_anew(technician: FlaskClient, scene: Scene) -> None:
    post(technician, "/set-up/focus", "/live")
    post(technician, "/set-up/finish", "/set-up", note="  lens wiped  ")
    visit = load(scene.store)
    (past,) = visit.past
    assert (past.who, past.note) == ("technician", "lens wiped")
    assert {"region", "scale", "model"} <= set(past.open_steps)
    assert visit.ticks == {}
    assert state(technician, "focus") == "To do"
    page = technician.get("/set-up").text
    assert "lens wiped" in page
    assert "not ready" in page
    said = scene.store.audit_trail(1)[0]
    assert said.what == "visit lens wiped"
    assert said.outcome.startswith("open: ")
    assert re.search("left open: [^<]*What is counted, Millimetres, Model", technician.get("/audit").text)


def test_a_note_with_line_breaks_is_as_long_as_the_browser_counts_it(technician: FlaskClient, scene: Scene) -> None:
    post(technician, "/set-up/finish", "/set-up", note="lens wiped\r\n" * 45 + "all.")  # 499 in the browser
    assert load(scene.store).past[0].note == "lens wiped\n" * 45 + "all."


def test_a_visit_goes_on_after_the_node_was_off(technician: FlaskClient, scene: Scene) -> None:
    post(technician, "/set-up/focus", "/live")
    again = scene.app().test_client()
    assert state(as_role(again, scene, Role.TECHNICIAN), "focus") == "Done"


def test_when_all_is_done_the_node_is_ready(scene: Scene) -> None:
    well(scene)
    scene.configure(mqtt=None, node={"latitude": 31.2, "longitude": 121.5})
    client = as_role(scene.app().test_client(), scene, Role.TECHNICIAN)
    scene.board.show_frame(frame_of("whitefly.jpg"), [])
    for minutes in range(10):
        scene.store.commit([sighting(scene.before(minutes=minutes), count=2)], picture_of("whitefly.jpg"))
    post(client, "/set-up/region", "/set-up/region", whole="1")
    post(client, "/set-up/focus", "/live")
    post(client, "/set-up/scale", "/set-up/scale", without="1")
    post(client, "/set-up/model", "/set-up/model", seen="0")
    counted = dict.fromkeys(pictures(scene), "2")
    post(client, "/set-up/hand", "/set-up/hand", **counted)
    assert post(client, "/levels/none", "/levels").location == "/set-up#levels"
    page = client.get("/set-up").text
    assert '<h1 id="ready">This node is ready.</h1>' in page
    post(client, "/set-up/finish", "/set-up")
    assert load(scene.store).past[0].open_steps == ()
    assert scene.store.audit_trail(1)[0].outcome == "done"


def test_what_was_written_by_another_version_begins_anew(scene: Scene) -> None:
    scene.store.set_setting("visit", '{"ticks": 3}')
    assert load(scene.store).ticks == {}
