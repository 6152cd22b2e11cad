"""Counts against their action levels on the farmer's page, and what somebody has done about them."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from edge.advice import Measured, Period, Standing
from edge.clock import ClockState
from edge.config import AdviceTable, CameraTable, OwnThreshold
from edge.loop.alarms import Alarms
from edge.mqtt.care import standing_alerts
from edge.page.now.chart import FLOOR, TOP, mark_y
from edge.page.now.days import Day, Effort, Figure
from edge.page.now.levels import Gauge, gauge, key_of, period_words
from edge.page.now.sightings import deed_key
from edge.page.references import CREDITS, _table, reference
from edge.page.trust import Role
from edge.store import Deed
from edge.tally import ClassAccuracy
from edge.taxa import taxon
from tests.page.scenes import (
    BUG,
    HOPPER,
    LEVEL,
    Scene,
    camera_gone_while_over_the_level,
    clock_not_set,
    covered,
    done,
    first_minutes,
    interval,
    near_the_level,
    nothing,
    over_the_level,
    seen,
    sighting,
    standing,
    taken_on,
    trap_hour,
    well,
)
from tests.page.visitors import as_role, headline, log_in, person, post

TODAY = date(2026, 7, 1)


CHANGED = "This has changed meanwhile: read it again. Nothing was noted."


def say_done(farmer: FlaskClient, key: str, page: str = "") -> TestResponse:
    """As the form on the page that lies open does, or on the one that stands there now."""
    return filled_in(farmer, "/done", key, page)


def take_back(farmer: FlaskClient, key: str, page: str = "") -> TestResponse:
    """As `say_done`, by "Not done yet"."""
    return filled_in(farmer, "/done/undo", key, page)


def filled_in(farmer: FlaskClient, address: str, key: str, page: str) -> TestResponse:
    """The form about `key` as it stands on the page."""
    forms = (page or farmer.get("/").text).split(f'action="{address}"')[1:]
    told = [dict(re.findall('name="(.*?)" value="(.*?)"', form.partition("</form>")[0])) for form in forms]
    return post(farmer, address, "/account", **next((one for one in told if one["key"] == key), {"key": key}))


def opened(scene: Scene, client: FlaskClient, *, is_seen: bool) -> tuple[FlaskClient, str, str]:
    """A farmer, what the page asks of one, and the page as it lies open: 11 of a level, or what is only in sight.

    The other pest in sight was answered.
    """
    seen(scene)
    first = standing(scene, 11, "act")
    scene.board.show(alerts=() if is_seen else (first,))
    scene.store.decisions.do(deed_key(BUG), Deed("Mei", scene.before(minutes=5).utc, 1.0))
    farmer = as_role(client, scene, Role.FARMER)
    return farmer, deed_key(HOPPER) if is_seen else key_of(first), farmer.get("/").text


def few(scene: Scene) -> None:
    """A node that came up in the morning and has seen one picture."""
    well(scene)
    camera = replace(scene.board.snapshot().camera, frames=1, looked=1, skipped={})
    scene.board.show(camera=camera)
    scene.store.commit([interval(scene.before(hours=5), {}, frames=1, hours=20 / 3600)])


def test_a_pest_over_its_level_is_the_first_thing_said_with_what_to_do(scene: Scene, client: FlaskClient) -> None:
    over_the_level(scene)
    page = client.get("/").text
    assert headline(page) == "Brown planthopper: 14 yesterday"
    assert "14 on one picture: the action level of 10 is reached." in page
    assert "Ask your plant protection station today" in page


def test_a_count_whose_range_holds_the_level_asks_to_count_by_eye(scene: Scene, client: FlaskClient) -> None:
    near_the_level(scene)
    page = client.get("/").text
    assert headline(page) == "Brown planthopper: 7 today so far"
    assert "the true number may have reached the action level of 10" in page
    assert "Count by eye" in page


def test_a_pest_below_its_level_is_told_and_asks_for_nothing(scene: Scene, client: FlaskClient) -> None:
    scene.board.show(alerts=(standing(scene, 1, "calm", BUG),))
    page = client.get("/").text
    assert "1 on one picture: below the action level of 10." in page
    assert "/done" not in page


@pytest.mark.parametrize(
    ("figure", "level", "days_ago", "sentence"),
    [
        (Measured(2.5, "insects/picture"), "act", 0, "2.5 on one picture: the action level of 10 was reached earlier."),
        (Measured(9.96, "insects/picture"), "calm", 1, "9.96 on one picture: below the action level of 10."),
        (Measured(9, "insects/picture"), "act", 1, "9 on one picture: still close to the action level of 10."),
        (Measured(5, "insects/picture", 3, 9), "look", 1, "5 on one picture: still close to the action level of 10."),
        (Measured(5, "insects/picture", 3, 9), "look", 0, "5 on one picture: still close to the action level of 10."),
        (Measured(5, "insects/picture", 3, 10), "look", 1, "5 on one picture: the true number may have reached the"),
    ],
)
def test_a_level_that_is_held_above_its_figure_is_not_said_to_be_reached(
    figure: Measured, level: str, days_ago: int, sentence: str, scene: Scene, client: FlaskClient
) -> None:
    well(scene)
    scene.board.show(alerts=(replace(standing(scene, 3, level, days=days_ago), figure=figure),))
    assert sentence in client.get("/").text


@pytest.mark.parametrize("unit", ["% leaf area", "% pictures"])
def test_a_share_is_not_headed_by_a_number_of_pictures(unit: str, scene: Scene, client: FlaskClient) -> None:
    seen(scene)
    over = standing(scene, 24, "act")
    over = replace(over, threshold=replace(over.threshold, unit=unit), figure=Measured(15.4, unit))
    scene.board.show(alerts=(over,))
    page = client.get("/").text
    assert headline(page) == "Brown planthopper: yesterday"
    assert "15.4 " in page


@pytest.mark.parametrize(
    ("unit", "value", "first", "sentence"),
    [
        ("insects/picture", 14.2, "Brown planthopper: 14", "14.2 on one picture: the action level of 10 is reached."),
        ("insects/picture", 10.0, "Brown planthopper: 10", "10 on one picture: the action level of 10 is reached."),
        ("insects/picture", 9.0, "Brown planthopper: 9", "9 on one picture: still close to the action level of 10."),
        ("% pictures", 15.4, "Brown planthopper", "the action level of 10 is reached."),
    ],
)
def test_a_figure_of_before_its_level_was_edited_is_told_without_a_day(
    unit: str, value: float, first: str, sentence: str, scene: Scene, client: FlaskClient
) -> None:
    seen(scene)
    over = standing(scene, 14, "act")
    edited = replace(over, threshold=replace(over.threshold, unit=unit), figure=Measured(value, unit), period=None)
    scene.board.show(alerts=(replace(edited, count=None),))
    page = client.get("/").text
    assert headline(page) == first
    assert sentence in page


def test_the_chart_of_a_trap_shows_the_night_that_is_held_against_the_level_across_it(scene: Scene) -> None:
    well(scene)
    own = OwnThreshold(label=HOPPER, unit="insects/trap/night", act_at=10)
    trap, advice = CameraTable(kind="folder", mode="trap"), AdviceTable(threshold=(own,))
    scene.configure(camera=trap, advice=advice)
    alarms = Alarms(scene.config, {HOPPER: ClassAccuracy("", None, None)}, scene.store, scene.board)
    for back in range(28, 4, -1):  # from noon to noon
        hour = trap_hour(scene.before(hours=back, minutes=30), 6 if back in (19, 10) else 0)
        scene.store.commit([hour])
        alarms.after(hour)
    alarms.show()
    page = scene.app().test_client().get("/").text
    assert headline(page) == "Brown planthopper: 12 last night"
    assert "12 a trap and night: the action level of 10 is reached." in page
    assert '<tr><th scope="row">Jun 30</th><td>12</td>' in page


def test_what_is_worse_today_than_yesterday_is_told_of_today_on_the_page_and_in_health(scene: Scene) -> None:
    well(scene)
    own = OwnThreshold(label=HOPPER, unit="insects/picture", act_at=2)
    scene.configure(advice=AdviceTable(threshold=(own,)))
    alarms = Alarms(scene.config, {HOPPER: ClassAccuracy("", None, None)}, scene.store, scene.board)
    for day, count in ((1, 3), (0, 10)):
        hour = interval(scene.before(days=day, hours=2), {HOPPER: count})
        scene.store.commit([hour])
        alarms.after(hour)
    alarms.show()
    page = scene.app().test_client().get("/").text
    assert headline(page) == "Brown planthopper: 10 today so far"
    assert "10 on one picture: the action level of 2 is reached." in page
    (told,) = standing_alerts(scene.board, scene.store, ZoneInfo("Asia/Shanghai"))
    assert told.value == 10


@pytest.mark.parametrize(("level", "days"), [("act", 2), ("look", 1)])
def test_no_camera_comes_before_a_level_of_older_days_and_one_that_only_asks_to_look(
    level: str, days: int, scene: Scene, client: FlaskClient
) -> None:
    camera_gone_while_over_the_level(scene)
    scene.board.show(alerts=(standing(scene, 14, level, days=days),))
    page = client.get("/").text
    assert headline(page) == "The camera does not answer."
    assert "the action level of 10 is reached" in page


@pytest.mark.parametrize("days", [0, 1])
def test_what_has_to_be_done_today_stays_first_while_the_camera_is_gone_which_is_told_below_it(
    days: int, scene: Scene, client: FlaskClient
) -> None:
    camera_gone_while_over_the_level(scene)
    urgent = standing(scene, 14, "act", days=days)
    scene.board.show(alerts=(urgent,))
    first, _, below = client.get("/").text.partition("</section>")
    assert headline(first).startswith("Brown planthopper: 14")
    assert "Ask your plant protection station today" in first
    assert below.count("The camera does not answer.") == 1
    assert "Check that the camera&#39;s cable is firmly in place." in below
    scene.store.decisions.do(key_of(urgent), Deed("Mei", scene.clock.utc))
    assert headline(client.get("/").text) == "The camera does not answer."


CALLS = re.compile('<a class="button" href="(tel:[^"]*)">([^<]*)</a>')
STATION = (
    "tel:+8657187001234",
    "Call the station: +86\N{NO-BREAK SPACE}(0)571\N{NO-BREAK SPACE}8700\N{NON-BREAKING HYPHEN}1234",
)
TECHNICIAN = "tel:110", "Call the technician: 110"


def test_whom_to_ask_and_whom_to_tell_is_called_by_one_touch_where_the_page_says_so(scene: Scene) -> None:
    camera_gone_while_over_the_level(scene)
    scene.board.show(alerts=(standing(scene, 14, "act"),))
    assert "tel:" not in scene.app().test_client().get("/").text
    scene.configure(page={"station_phone": "+86 (0)571 8700-1234", "technician_phone": "110"})
    person(scene, Role.TECHNICIAN)
    client = scene.app().test_client()
    first, _, below = client.get("/").text.partition("</section>")
    assert (CALLS.findall(first), CALLS.findall(below)) == ([STATION], [TECHNICIAN])
    assert CALLS.findall(client.get("/node").text) == [TECHNICIAN]
    assert CALLS.findall(client.get("/log-in").text) == [TECHNICIAN], "who gives a name and a password"
    assert 'href="/photo"' not in first, "whoever has no name may not send one"
    farmer = as_role(client, scene, Role.FARMER)
    assert 'href="/photo"' in farmer.get("/").text.partition("</section>")[0]
    say_done(farmer, key_of(scene.board.snapshot().alerts[0]))
    assert STATION not in CALLS.findall(farmer.get("/").text), "it is done"
    scene.board.show(alerts=(standing(scene, 14, "act", BUG),))
    assert 'href="/photo"' in farmer.get("/").text.partition("</section>")[0]
    scene.configure(mqtt=None)
    first = as_role(scene.app().test_client(), scene, Role.FARMER).get("/").text.partition("</section>")[0]
    assert (CALLS.findall(first), 'href="/photo"' in first) == ([STATION], False), "there is no server to send it to"


@pytest.mark.parametrize(
    ("of", "calls"), [(seen, 0), (near_the_level, 0), (nothing, 0), (first_minutes, 0), (covered, 1), (few, 1)]
)
def test_the_technician_is_called_about_the_node_and_not_about_pests(
    of: Callable[[Scene], None], calls: int, scene: Scene
) -> None:
    of(scene)
    scene.configure(page={"station_phone": "12", "technician_phone": "110"})
    first = scene.app().test_client().get("/").text.partition("</section>")[0]
    assert CALLS.findall(first) == [TECHNICIAN] * calls


@pytest.mark.parametrize("address", ["/", "/node"])
def test_a_technician_is_not_told_to_call_one_and_is_led_to_the_clock(address: str, scene: Scene) -> None:
    clock_not_set(scene)
    now = scene.board.snapshot().camera
    scene.board.show(camera=replace(now, state="missing", last_frame=scene.before(minutes=9)))
    scene.configure(page={"technician_phone": "110"})
    told, step = "Tell your technician: a phone can set it.", 'href="/set-up/clock"'
    farmers = as_role(scene.app().test_client(), scene, Role.FARMER).get(address).text
    assert (TECHNICIAN in CALLS.findall(farmers), told in farmers, step in farmers) == (True, True, False)
    theirs = as_role(scene.app().test_client(), scene, Role.TECHNICIAN).get(address).text
    assert (CALLS.findall(theirs), told in theirs, step in theirs) == ([], False, True)


def test_what_is_done_is_remembered_with_who_and_steps_back(scene: Scene, client: FlaskClient) -> None:
    over_the_level(scene)
    farmer = as_role(client, scene, Role.FARMER)
    key = key_of(scene.board.snapshot().alerts[0])
    assert 'action="/done"' in farmer.get("/").text
    assert say_done(farmer, key).location == "/"
    deed = scene.store.decisions.deed(key)
    assert deed is not None
    assert deed.about == 14
    page = farmer.get("/").text
    assert '<section class="card wait"' in page
    assert headline(page) == "Brown planthopper: 14 yesterday"
    assert "Done by farmer, just now" in page
    assert "Ask your plant protection station today" not in page
    assert take_back(farmer, key).location == "/"
    page = farmer.get("/").text
    assert headline(page) == "Brown planthopper: 14 yesterday"
    assert ("Done by farmer" in page, "Ask your plant protection station today" in page) == (False, True)
    assert '<section class="card stop"' in page


@pytest.mark.parametrize("address", ["/node", "/seen", "/set-up", "/set-up/server"])
def test_what_is_done_is_read_for_the_page_that_tells_it_alone(
    address: str, scene: Scene, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    over_the_level(scene)
    technician, asked = as_role(client, scene, Role.TECHNICIAN), list[str]()
    monkeypatch.setattr(scene.store.decisions, "deed", asked.append)
    assert technician.get(address).status_code == 200
    assert not asked
    technician.get("/")
    assert asked


def test_what_is_done_before_the_clock_is_set_was_done_just_now_once_it_is(scene: Scene, client: FlaskClient) -> None:
    over_the_level(scene)
    scene.clock.state = ClockState.UNSYNCED
    farmer = as_role(client, scene, Role.FARMER)
    say_done(farmer, key_of(scene.board.snapshot().alerts[0]))
    scene.clock.jump(70 * 86_400, ClockState.SYNCED)
    well(scene)
    scene.store.decisions.put_times_right(scene.clock.now())
    assert "Done by farmer, just now" in farmer.get("/").text


def test_what_is_looked_at_is_remembered_with_who_and_steps_back(scene: Scene, client: FlaskClient) -> None:
    seen(scene)
    farmer, order = as_role(client, scene, Role.FARMER), "Go and look at the plants in front of the camera."
    page = farmer.get("/").text
    assert order in page
    (key,) = re.findall('name="key" value="(.*?)"', page)
    assert say_done(farmer, key).location == "/"
    page = farmer.get("/").text
    assert headline(page) == "Slender rice bug: 1"  # which nobody has looked at
    scene.clock.advance(60)
    say_done(farmer, key.replace(HOPPER, BUG))
    page = farmer.get("/").text
    assert headline(page) == "Slender rice bug: 1"  # the last answer, which a finger may have missed
    assert "Done by farmer, just now" in page
    assert '<section class="card wait"' in page
    assert order not in page
    (last,) = re.findall('name="key" value="(.*?)"', page)
    take_back(farmer, last)
    page = farmer.get("/").text
    assert (headline(page), order in page) == ("Slender rice bug: 1", True)
    deed = scene.store.decisions.deed(key)
    assert deed is not None
    scene.store.decisions.undo(key, deed)
    page = farmer.get("/").text
    assert (headline(page), order in page) == ("Brown planthopper: 5", True)


@pytest.mark.parametrize(
    ("hours", "count", "asks"), [(20, 5, False), (20, 7, False), (20, 8, True), (24, 5, True), (-30, 5, True)]
)
def test_what_was_looked_at_is_asked_for_again_after_a_day_and_once_it_is_clearly_more(
    hours: int, count: int, *, asks: bool, scene: Scene, client: FlaskClient
) -> None:
    well(scene)
    scene.store.commit([sighting(scene.before(minutes=12), HOPPER, count)])
    scene.store.decisions.do(deed_key(HOPPER), Deed("Mei", scene.before(hours=hours).utc, 5.0))
    page = client.get("/").text
    assert headline(page) == f"Brown planthopper: {count}"
    assert ("Go and look at the plants" in page) is asks
    assert ("Done by Mei" in page) is not asks


def test_a_pest_below_an_act_that_is_done_asks_no_more_once_it_was_looked_at(scene: Scene, client: FlaskClient) -> None:
    done(scene)
    scene.store.commit([sighting(scene.before(minutes=1), BUG, 2)])
    farmer = as_role(client, scene, Role.FARMER)
    say_done(farmer, deed_key(BUG))
    page = farmer.get("/").text
    assert headline(page) == "Brown planthopper: 14 yesterday"
    assert "Go and look" not in page


def test_what_is_done_hides_nothing_that_nobody_answered_when_its_pest_is_seen_again(
    scene: Scene, client: FlaskClient
) -> None:
    done(scene)
    scene.store.commit([sighting(scene.before(minutes=9), "Aleyrodidae", 8), sighting(scene.before(minutes=1))])
    page = client.get("/").text
    assert headline(page) == "Whiteflies: 8"
    assert "Go and look at the plants" in page


def test_what_is_done_about_one_pest_does_not_hide_another(scene: Scene, client: FlaskClient) -> None:
    done(scene)
    scene.store.commit([sighting(scene.before(minutes=1), BUG, 2)])
    page = client.get("/").text
    assert headline(page) == "Slender rice bug: 2"
    assert "Done by Mei, 2 hours ago" in page


@pytest.mark.parametrize(
    ("days", "about", "count", "sentence"),
    [
        (1, 16.0, 40, "Done by Mei, 1 day ago"),  # of the day itself, which began before
        (2, 16.0, 23, "Done by Mei, 2 days ago"),
        (2, 16.0, 24, "Done 2 days ago; since then it has become more."),
        (3, 16.0, 16, "Done by Mei, 3 days ago"),
        (4, 16.0, 9, "Done by Mei, 4 days ago"),
        (4, 16.0, 16, "Done 4 days ago; it is still at the action level."),
        (4, None, 16, "Done 4 days ago; it is still at the action level."),  # by an earlier version
    ],
)
def test_what_was_done_holds_while_it_helps(
    days: int, about: float | None, count: int, sentence: str, scene: Scene, client: FlaskClient
) -> None:
    over_the_level(scene)
    first = standing(scene, 16, "act")
    scene.store.decisions.do(key_of(first), Deed("Mei", scene.clock.utc, about))
    scene.clock.advance(86_400 * days)
    well(scene)
    later = replace(standing(scene, count, "act"), since=first.since)
    scene.board.show(alerts=(later,))
    page = client.get("/").text
    assert sentence in page
    holds = "Done by" in sentence
    assert ("Ask your plant protection station today" in page) is not holds
    (told,) = standing_alerts(scene.board, scene.store, ZoneInfo("Asia/Shanghai"))
    assert (told.who == "Mei") is holds
    farmer = as_role(client, scene, Role.FARMER)
    say_done(farmer, key_of(later))
    assert ("Done by farmer, just now" in farmer.get("/").text) is not holds


def test_what_the_station_takes_care_of_is_not_done_and_says_who_and_what_was_asked(
    scene: Scene, client: FlaskClient
) -> None:
    taken_on(scene)
    task, takes_care = "Count by eye at ten places today", "Li takes care of it, 2:30\u202fPM."
    page = client.get("/").text
    assert '<section class="card wait"' in page
    assert headline(page) == "Brown planthopper: 7 today so far"
    assert (task in page, takes_care in page, "In progress" in page) == (True, True, True)
    assert ("Done" in page, "Log in to say that it is done" in page) == (False, True)
    farmer = as_role(client, scene, Role.FARMER)
    assert 'action="/done/undo"' not in farmer.get("/").text, "it is the station's to give back"
    say_done(farmer, key_of(scene.board.snapshot().alerts[0]))
    page = farmer.get("/").text
    assert (task in page, takes_care in page, "Done by farmer, just now" in page) == (False, False, True)


def test_what_nobody_has_taken_on_comes_before_what_the_station_takes_care_of(
    scene: Scene, client: FlaskClient
) -> None:
    taken_on(scene)
    scene.board.show(alerts=(*scene.board.snapshot().alerts, standing(scene, 8, "look", BUG)))
    assert headline(client.get("/").text) == "Slender rice bug: 8 yesterday"


def test_what_the_station_takes_care_of_is_still_to_do_where_nothing_is_in_sight_today(
    scene: Scene, client: FlaskClient
) -> None:
    nothing(scene)
    act = standing(scene, 14, "act")
    scene.board.show(alerts=(act,))
    scene.store.decisions.do(key_of(act), Deed("Li", scene.before(hours=2).utc, 14.0, is_taken_on=True))
    page = client.get("/").text
    assert (headline(page), "Nothing to do." in page) == ("Brown planthopper: 14 yesterday", False)
    scene.store.commit([sighting(scene.before(minutes=1), BUG, 2)])
    page = client.get("/").text
    assert (headline(page), "In progress" in page) == ("Slender rice bug: 2", True)
    scene.store.decisions.do(deed_key(BUG), Deed("Mei", scene.clock.utc, 2.0))
    assert headline(client.get("/").text) == "Brown planthopper: 14 yesterday"


def test_what_is_in_progress_stands_before_what_is_done(scene: Scene, client: FlaskClient) -> None:
    done(scene)
    look = standing(scene, 8, "look", BUG)
    scene.board.show(alerts=(*scene.board.snapshot().alerts, look))
    scene.store.decisions.do(key_of(look), Deed("Li", scene.before(hours=1).utc, 8.0, is_taken_on=True))
    page = client.get("/").text
    assert (headline(page), page.index("In progress") < page.index("Done by Mei")) == (
        "Slender rice bug: 8 yesterday",
        True,
    )


def test_a_form_from_before_the_station_took_it_on_takes_nothing_back(scene: Scene, client: FlaskClient) -> None:
    done(scene)
    key = key_of(scene.board.snapshot().alerts[0])
    farmer = as_role(client, scene, Role.FARMER)
    assert 'action="/done/undo"' in farmer.get("/").text
    word = Deed("Li", scene.clock.utc, 14.0, is_taken_on=True)
    scene.store.decisions.do(key, word, after=scene.store.decisions.deed(key))
    assert take_back(farmer, key).location == "/"
    assert "Li takes care of it" in farmer.get("/").text


def test_what_the_station_took_on_asks_anew_once_it_has_doubled(scene: Scene, client: FlaskClient) -> None:
    taken_on(scene)
    first = scene.board.snapshot().alerts[0]
    scene.clock.advance(2 * 86_400)
    well(scene)
    scene.board.show(alerts=(replace(standing(scene, 14, "look"), since=first.since),))
    page = client.get("/").text
    assert '<section class="card look"' in page
    assert ("Li takes care" in page, "since then" in page) == (False, False)


def test_a_level_that_is_reached_again_asks_again(scene: Scene, client: FlaskClient) -> None:
    done(scene)
    assert "Done by Mei, 2 hours ago" in client.get("/").text
    scene.clock.advance(86_400)
    scene.board.show(alerts=(standing(scene, 15, "act"),))
    page = client.get("/").text
    assert "Done by Mei" not in page
    assert "Brown planthopper: 15 yesterday" in page


@pytest.mark.parametrize("key", ["", "Leptocorisa|insects/picture|calm|0", "x" * 5000, "seen|Pieris", "seen|"])
def test_only_what_the_page_asks_for_can_be_done(key: str, scene: Scene, client: FlaskClient) -> None:
    over_the_level(scene)
    assert say_done(as_role(client, scene, Role.FARMER), key).status_code == 400


def test_what_is_done_about_a_warning_that_has_moved_on_is_told_that_it_is_over(
    scene: Scene, client: FlaskClient
) -> None:
    over_the_level(scene)
    farmer = as_role(client, scene, Role.FARMER)
    key = key_of(scene.board.snapshot().alerts[0])
    scene.board.show(alerts=())
    page = say_done(farmer, key).text
    assert "This warning is over." in page
    assert 'href="/?lang=sw"' in page, "the answer's own address is none to read"


def test_what_is_done_about_a_warning_that_became_worse_leads_to_the_new_level_and_is_not_kept(
    scene: Scene, client: FlaskClient
) -> None:
    near_the_level(scene)
    farmer = as_role(client, scene, Role.FARMER)
    key, before = key_of(scene.board.snapshot().alerts[0]), farmer.get("/").text
    over_the_level(scene)
    assert take_back(farmer, key).location == "/"
    page = farmer.get(say_done(farmer, key, before).location or "").text
    assert CHANGED in page
    assert "the action level of 10 is reached" in page
    assert "Done by" not in page


@pytest.mark.parametrize("is_seen", [False, True])
def test_what_is_done_on_a_page_that_lay_open_is_not_taken_for_a_figure_that_nobody_saw(
    scene: Scene, client: FlaskClient, *, is_seen: bool
) -> None:
    farmer, key, before = opened(scene, client, is_seen=is_seen)
    if is_seen:
        scene.store.commit([sighting(scene.before(minutes=1), HOPPER, 40)])
    else:
        (first,) = scene.board.snapshot().alerts
        scene.board.show(alerts=(replace(first, count=40, figure=Measured(40.0, LEVEL.unit)),))
    assert post(farmer, "/done", "/account", key=key).location != "/", "of a page of an earlier version nobody knows"
    page = farmer.get(say_done(farmer, key, before).location or "").text
    assert (headline(page).startswith("Brown planthopper: 40"), CHANGED in page) == (True, True)
    assert scene.store.decisions.deed(key) is None
    assert say_done(farmer, key).location == "/", "now it was seen"
    assert (deed := scene.store.decisions.deed(key)) is not None
    assert deed.about == 40


@pytest.mark.parametrize("is_seen", [False, True])
def test_what_two_people_have_done_is_the_firsts_and_the_second_is_told_who_that_was(
    scene: Scene, client: FlaskClient, *, is_seen: bool
) -> None:
    farmer, key, before = opened(scene, client, is_seen=is_seen)
    mei = scene.app().test_client()
    log_in(mei, person(scene, Role.FARMER, "Mei"))
    say_done(mei, key)
    scene.clock.advance(60)
    page = farmer.get(say_done(farmer, key, before).location or "").text
    assert '<p class="note look" role="status">Done by Mei, 1 minute ago</p>' in page
    assert (deed := scene.store.decisions.deed(key)) is not None
    assert deed.who == "Mei"
    scene.clock.advance(60)
    assert 'role="status">Done by' not in mei.get(say_done(mei, key, before).location or "").text, "her own"
    assert scene.store.decisions.deed(key) == deed
    take_back(mei, key)
    assert say_done(farmer, key).location == "/"


@pytest.mark.parametrize("is_seen", [False, True])
def test_not_done_yet_on_a_page_that_lay_open_takes_back_what_it_shows_and_nothing_newer(
    scene: Scene, client: FlaskClient, *, is_seen: bool
) -> None:
    farmer, key, _ = opened(scene, client, is_seen=is_seen)
    say_done(farmer, key)
    before = farmer.get("/").text
    take_back(farmer, key)
    scene.clock.advance(60)
    mei = scene.app().test_client()
    log_in(mei, person(scene, Role.FARMER, "Mei"))
    say_done(mei, key)
    page = farmer.get(take_back(farmer, key, before).location or "").text
    assert (CHANGED in page, "Done by Mei, just now" in page) == (True, True)
    assert take_back(farmer, key).location == "/", "now it was seen"
    assert scene.store.decisions.deed(key) is None


def test_who_presses_while_the_card_keeps_the_first_waiting_is_second(
    scene: Scene, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    over_the_level(scene)
    farmer, decisions = as_role(client, scene, Role.FARMER), scene.store.decisions
    key, write = key_of(scene.board.snapshot().alerts[0]), decisions.writing

    @contextmanager
    def slow(doing: str) -> Iterator[sqlite3.Connection]:
        monkeypatch.setattr(decisions, "writing", write)
        decisions.do(key, Deed("Mei", scene.clock.utc, 14.0))
        with write(doing) as db:
            yield db

    monkeypatch.setattr(decisions, "writing", slow)
    page = farmer.get(say_done(farmer, key).location or "").text
    assert '<p class="note look" role="status">Done by Mei, just now</p>' in page
    assert (deed := decisions.deed(key)) is not None
    assert deed.who == "Mei"


@pytest.mark.parametrize(("later", "is_kept"), [(9, True), (16, True), (17, False)])
def test_a_figure_that_moved_a_little_meanwhile_is_the_one_that_was_seen(
    later: int, scene: Scene, client: FlaskClient, *, is_kept: bool
) -> None:
    first = standing(scene, 11, "act")
    scene.board.show(alerts=(first,))
    farmer, key = as_role(client, scene, Role.FARMER), key_of(first)
    before = farmer.get("/").text
    scene.board.show(alerts=(replace(first, count=later, figure=Measured(float(later), LEVEL.unit)),))
    say_done(farmer, key, before)
    deed = scene.store.decisions.deed(key)
    assert (deed and deed.about) == (later if is_kept else None)


def test_whoever_has_no_name_yet_hears_who_gives_one(scene: Scene, client: FlaskClient) -> None:
    person(scene, Role.FARMER)
    assert "Your technician gives you one" in client.get("/photo", follow_redirects=True).text


def test_a_reader_is_led_to_the_log_in_and_back(scene: Scene, client: FlaskClient) -> None:
    over_the_level(scene)
    assert 'href="/log-in?next=/"' in client.get("/").text


def period(first: int, last: int) -> Period:
    return Period(first=date(2026, 6, first), last=date(2026, 6, last), is_over=True)


@pytest.mark.parametrize(
    ("told", "mode", "words"),
    [
        (period(30, 30), "live", "yesterday"),
        (period(30, 30), "trap", "last night"),
        (period(28, 28), "live", "on Jun 28"),
        (Period(first=date(2025, 9, 20), last=date(2025, 9, 20), is_over=True), "live", "on Sep 20, 2025"),
        (Period(first=date(2025, 12, 28), last=date(2026, 1, 3), is_over=True), "trap", "from Dec 28, 2025 to Jan 3"),
        (Period(first=date(2081, 9, 1), last=date(2081, 9, 1), is_over=False), "live", "on Sep 1, 2081"),
        (period(24, 30), "trap", "from Jun 24 to Jun 30"),
        (Period(first=TODAY, last=TODAY, is_over=False), "trap", "tonight so far"),
        (Period(first=TODAY, last=TODAY, is_over=False), "live", "today so far"),
    ],
)
def test_when_it_was_counted_is_said_as_a_person_says_it(
    told: Period, mode: str, words: str, client: FlaskClient
) -> None:
    with client.application.test_request_context("/"):
        assert period_words(told, mode, TODAY, 1) == words  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "nights", "words"),
    [
        (period(30, 30), 3, "in the last 3 nights"),
        (period(28, 28), 3, "in the 3 nights up to Jun 28"),
        (period(24, 30), 7, "from Jun 24 to Jun 30"),
        (period(24, 30), 60, "in the last 60 nights"),
    ],
)
def test_a_catch_of_more_nights_than_its_period_is_told_with_all_of_them(
    told: Period, nights: int, words: str, client: FlaskClient
) -> None:
    with client.application.test_request_context("/"):
        assert period_words(told, "trap", TODAY, nights) == words


@pytest.mark.parametrize(
    ("count", "nights", "level_at", "mean", "word"),
    [(50, 3, 15.0, "16.7", "is reached"), (50, 3, 20.0, "16.7", "below"), (1199, 60, 20.0, "19.98", "below")],
)
def test_a_catch_of_several_nights_is_held_against_the_level_of_one_and_told_as_both(
    count: int, nights: int, level_at: float, mean: str, word: str, scene: Scene
) -> None:
    well(scene)
    scene.clock.advance(15 * 3600)  # 7:30 of July 2
    own = OwnThreshold(label=HOPPER, unit="insects/trap/night", act_at=level_at)
    scene.configure(camera={"mode": "trap"}, advice=AdviceTable(threshold=(own,)))
    alarms = Alarms(scene.config, {HOPPER: ClassAccuracy("", 1.0, 1.0)}, scene.store, scene.board)
    hour = trap_hour(scene.before(hours=1), count, nights=nights)
    scene.store.commit([hour])
    alarms.after(hour)
    alarms.show()
    well(scene)
    page = scene.app().test_client().get("/").text
    assert f">Brown planthopper: {count:,} in the last {nights} nights</h" in page
    assert re.search(rf"{mean} a trap and night: .*{word}", page)
    assert (f"New on the trap: {mean} a night on average" in page) == (word == "below")


@pytest.mark.parametrize("value", [0.0, 3.0, 10.0, 400.0])
def test_count_range_and_level_all_fit_on_the_bar(value: float) -> None:
    bar = gauge(Measured(value, "insects/picture", value / 2, value * 1.5), 10.0)
    assert 0 <= bar.low_x <= bar.count_x <= 350
    assert bar.low_x + bar.range_wide <= 350.1
    assert 0 < bar.level_x <= 350
    assert (bar.count_x >= bar.level_x) == (value >= 10)


def test_a_bar_without_a_range_is_drawn_without_one() -> None:
    """Of 350 units, three quarters are the level."""
    assert gauge(Measured(5.0, "visits/day", 3.0, 9.0), 10.0) == Gauge(
        count_x=131.2, low_x=78.8, range_wide=157.5, level_x=262.5
    )
    assert gauge(Measured(5.0, "visits/day"), 10.0) == Gauge(count_x=131.2, low_x=131.2, range_wide=0.0, level_x=262.5)


def test_the_bar_of_nothing_seen_is_empty_whatever_its_range() -> None:
    nothing = Measured(0.0, "insects/picture", 0.0, 10.0)
    assert gauge(nothing, 10.0) == Gauge(count_x=0.0, low_x=0.0, range_wide=0.0, level_x=262.5)


def days(*counts: int) -> list[Day]:
    return [
        Day(
            day=date(2026, 6, n + 1),
            efforts=(Effort(9, 9.0),),
            figures={HOPPER: Figure(count, count, count)},
            saturated=False,
        )
        for n, count in enumerate(counts)
    ]


def test_the_level_is_a_line_where_bars_can_be_compared_with_it() -> None:
    line = mark_y(days(2, 5, 8), HOPPER, 10.0)
    assert line == TOP
    assert mark_y(days(2, 5, 20), HOPPER, 10.0) == (TOP + FLOOR) / 2


def drawn(page: str) -> list[str]:
    """Names of the taxa that have a row of bars."""
    return re.findall('<div class="bars">\n<h3>(.*?)</h3>', page)


def crowd(scene: Scene, standings: Sequence[Standing]) -> None:
    """Three insects without a level, each by far more than the rice bugs and the hoppers."""
    well(scene)
    counts = {"Schizaphis graminum": 60, "Uroleucon compositae": 45, "Aleyrodidae": 30, BUG: 13, HOPPER: 12}
    scene.store.commit([interval(scene.before(hours=2), counts)])
    scene.board.show(alerts=tuple(standings))


@pytest.mark.parametrize("level", ["look", "act"])
def test_pests_over_their_level_come_first_in_the_days_then_those_with_a_level_and_then_the_most(
    level: str, scene: Scene, client: FlaskClient
) -> None:
    crowd(scene, [standing(scene, 14, level), standing(scene, 1, "calm", BUG)])
    page = client.get("/").text
    assert drawn(page) == ["Brown planthopper", "Slender rice bug", "Greenbug"]
    assert page.count(" · action level: 10</p>") == 2


def test_a_pest_over_a_level_that_cannot_be_drawn_is_among_the_days(scene: Scene, client: FlaskClient) -> None:
    over = standing(scene, 14, "act")
    weekly = replace(over, threshold=replace(over.threshold, unit="adults/trap/week"))
    crowd(scene, [weekly])
    page = client.get("/").text
    assert drawn(page) == ["Brown planthopper", "Greenbug", "Safflower aphid"]
    assert "action level: " not in page


def test_a_level_far_above_all_bars_is_left_to_words() -> None:
    assert mark_y(days(2, 5, 8), HOPPER, 500.0) is None
    assert mark_y(days(2, 5, 8), HOPPER, None) is None


@pytest.mark.parametrize("label", ["Leptocorisa", "Nilaparvata lugens", "Plutella xylostella"])
def test_a_picture_for_comparison_says_what_it_shows_and_whose_it_is(label: str, client: FlaskClient) -> None:
    with client.application.test_request_context("/"):
        found = reference(label)
    assert found is not None
    assert any(credit in found.credit for credit in CREDITS.values())
    assert client.get(f"/static/{found.file}", buffered=True).mimetype == "image/webp"


def test_every_picture_for_comparison_is_of_a_known_taxon_and_small(client: FlaskClient) -> None:
    for label, (shown, file, _) in _table().items():
        assert taxon(label).group == taxon(shown).group == "pest", label
        assert len(client.get(f"/static/{file}", buffered=True).data) < 15_000


def test_a_taxon_without_a_picture_has_none(client: FlaskClient) -> None:
    with client.application.test_request_context("/"):
        assert reference("Coccinella septempunctata") is None
