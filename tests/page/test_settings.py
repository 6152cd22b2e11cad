"""Settings on the page: the configuration's records as a form, kept durably, undone, and told to the audit trail."""

from pathlib import Path

import msgspec
import pytest
from flask.testing import FlaskClient

from edge.calibration import load_calibration
from edge.changes import NAME, over, read
from edge.config import MqttTable, NodeConfig, checked
from edge.errors import ConfigError
from edge.page.accounts.audit import what_words
from edge.page.settings.fields import fields
from edge.page.settings.form import changed, shown
from edge.page.trust import Role
from tests.page.scenes import Scene
from tests.page.visitors import as_role, form_on, on_another_page, post, technician_of, token_on
from tests.slow_card import both


@pytest.fixture
def technician(scene: Scene, restarts: list[str]) -> FlaskClient:
    return technician_of(scene, restarts)


def filled_in(config: NodeConfig, **changes: str) -> dict[str, str]:
    """What a browser sends: every field as it stands there, with `changes`; `_` for the dot of a key."""
    listed = [one for _, group in shown(config) for one in group]
    form = {one.field.key: one.value for one in listed if one.field.kind != "yes" or one.is_on}
    return form | {key.replace("__", "."): value for key, value in changes.items()}


def test_every_field_is_a_key_of_its_record_and_shows_what_holds(technician: FlaskClient, scene: Scene) -> None:
    scene.configure(node={"latitude": 31.2304, "longitude": 121.0})
    page = begun_again(scene).get("/settings").text
    table = msgspec.to_builtins(scene.config)
    with technician.application.test_request_context():
        keys = [one.key for _, listed in fields(scene.config) for one in listed]
    assert len(keys) == len(set(keys)) > 15
    for key in keys:
        part, _, name = key.partition(".")
        assert name in table[part]
        assert f'id="{key}"' in page
    stands = form_on(page, "/settings")
    keys = ("node.time_zone", "node.latitude", "node.longitude", "camera.every_s")
    assert [stands[key] for key in keys] == ["Asia/Shanghai", "31.2304", "121", "60"]


def test_a_form_sent_as_it_stands_changes_nothing(technician: FlaskClient, scene: Scene, restarts: list[str]) -> None:
    with technician.application.test_request_context():
        form = filled_in(scene.config)
    assert post(technician, "/settings", "/settings", **form).status_code == 303
    assert restarts == []
    assert not (Path(scene.config.store.folder) / NAME).exists()


def test_a_change_is_kept_told_and_the_node_begins_anew(
    technician: FlaskClient, scene: Scene, restarts: list[str]
) -> None:
    with technician.application.test_request_context():
        form = filled_in(scene.config, camera__every_s="30", node__area_code="110105001002")
    answer = post(technician, "/settings", "/settings", **form)
    assert "The node begins anew" in answer.text
    answer.close()
    assert restarts == ["again"]
    assert read(Path(scene.config.store.folder)) == {"camera": {"every_s": 30.0}, "node": {"area_code": "110105001002"}}
    said = [one.what for one in scene.store.audit_trail(2)]
    assert said == ["setting camera.every_s: 60.0 → 30.0", "setting node.area_code: – → 110105001002"]
    with technician.application.test_request_context("/?lang=zh"):
        assert [what_words(what) for what in said] == [
            "设置：两次查看的间隔（秒）：60 → 30", "设置：统计用区划代码：– → 110105001002",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ("setting camera.faces: keep → drop", "Setting: Faces on kept pictures: stay → drop the picture"),
        (
            "setting page.open_to_read: True → False",
            "Setting: Who is in the node's network may read without logging in: Yes → No",
        ),
        ("setting undo", "Setting: Undo"),
        ("setting camera.of_old: 1 → 2", "Setting: camera.of_old: 1 → 2"),
        ("visit hand 3: 2.7 -0.7", "Visit: Counted by hand: 3 pictures: off by 2.7 on average, 0.7 too few on average"),
        ("visit focus 817.1", "Visit: Sharpness: 817.1"),
        ("visit clock", "Visit: Clock"),
        ("visit model again", "Visit: Model: To do"),
        ("visit undo", "Visit: Undo"),
        ("visit", "Visit"),
        ("visit lens wiped", "Visit: lens wiped"),
        ("visit model put in anew", "Visit: model put in anew"),
        ("clock phone", "Set the clock by a phone"),
    ],
)  # fmt: skip
def test_the_trail_speaks_in_the_words_of_the_page_and_leaves_a_note_as_it_was_written(
    kept: str, words: str, technician: FlaskClient
) -> None:
    with technician.application.test_request_context("/"):
        assert what_words(kept) == words


def test_a_demonstration_promises_no_next_start(scene: Scene) -> None:
    app = scene.app()
    technician = as_role(app.test_client(), scene, Role.TECHNICIAN)
    with app.test_request_context():
        form = filled_in(scene.config, camera__every_s="30")
    answer = post(technician, "/settings", "/settings", **form)
    assert "This is a demonstration: it goes on with the settings that it began with." in answer.text


@pytest.mark.parametrize(
    ("key", "typed"),
    [
        ("node.site", "north field"),
        ("node.site", ""),
        ("node.area_code", "11010500100"),
        ("node.area_code", "11010500100a"),
        ("node.time_zone", "Mars/Olympus"),
        ("node.time_zone", "../../etc/passwd"),
        ("node.latitude", "91"),
        ("node.latitude", "nan"),
        ("node.latitude", "31.2"),
        ("node.language", "xx"),
        ("camera.every_s", "-1"),
        ("camera.every_s", "often"),
        ("camera.mode", "film"),
        ("camera.rotation_deg", "45"),
        ("camera.gain", "0.5"),
        ("page.station_phone", "ask Mei"),
        ("page.technician_phone", "+"),
        ("page.technician_phone", "0571-8700 1234 / 138 0000 0000"),
        ("mqtt.port", "99999"),
        ("mqtt.port", ""),
        ("mqtt.host", "broker.example"),
        ("mqtt.daily_mb", "0"),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field_and_nothing_is_kept(
    key: str, typed: str, technician: FlaskClient, scene: Scene, restarts: list[str]
) -> None:
    with technician.application.test_request_context():
        form = filled_in(scene.config) | {key: typed, "node.crop": "rice"}
    answer = post(technician, "/settings", "/settings", **form)
    assert answer.status_code == 400
    assert '<span class="wrong">' in answer.text
    assert 'value="rice"' in answer.text  # what was typed elsewhere is still there
    assert restarts == []
    assert not (Path(scene.config.store.folder) / NAME).exists()
    assert [one for one in scene.store.audit_trail() if one.what.startswith("setting")] == []


def test_of_two_fields_that_cannot_be_used_the_first_has_the_focus(technician: FlaskClient, scene: Scene) -> None:
    form = filled_in(scene.config) | {"node.latitude": "91", "camera.every_s": "-3"}
    page = post(technician, "/settings", "/settings", **form).text
    assert page.count('aria-invalid="true"') == 2
    assert page.partition(" autofocus")[0].count('aria-invalid="true"') == page.count(" autofocus") == 1


@pytest.mark.parametrize(("key", "typed"), [("mqtt.host", "127.0.0.1"), ("mqtt.port", "8884")])
def test_a_node_with_a_password_for_its_server_is_led_to_no_other_one_from_the_page(
    key: str, typed: str, scene: Scene
) -> None:
    scene.configure(mqtt={"username": "n", "password_file": "mqtt-password"})
    client = scene.app().test_client()
    technician = as_role(client, scene, Role.TECHNICIAN)
    with technician.application.test_request_context():
        form = filled_in(scene.config)
    answer = post(technician, "/settings", "/settings", **{**form, key: typed})
    assert answer.status_code == 400
    assert answer.text.count("The node would send its password there") == 1
    assert not (Path(scene.config.store.folder) / NAME).exists()
    assert post(technician, "/settings", "/settings", **{**form, "mqtt.daily_mb": "5"}).status_code == 200


def test_a_node_with_a_login_at_its_server_keeps_its_site(technician: FlaskClient, scene: Scene) -> None:
    """The server's rules name the site: the node would never be heard again."""
    config = msgspec.structs.replace(scene.config, mqtt=MqttTable(host="localhost", tls=False, username="n"))
    with technician.application.test_request_context():
        values, wrong = changed(config, filled_in(config, node__site="other", node__crop="rice"))
        assert values == {}
        assert wrong == {
            "node.site": "The server lets this node speak for its site only: change it by a new memory card."
        }
        assert changed(config, filled_in(config, node__crop="rice")) == ({"node": {"crop": "rice"}}, {})
        assert changed(scene.config, filled_in(scene.config, node__site="other"))[0] == {"node": {"site": "other"}}


def test_a_node_without_a_password_for_its_server_is_led_to_another_one(technician: FlaskClient, scene: Scene) -> None:
    with technician.application.test_request_context():
        values, wrong = changed(scene.config, filled_in(scene.config, mqtt__host="127.0.0.1", mqtt__port="1884"))
    assert (values, wrong) == ({"mqtt": {"host": "127.0.0.1", "port": 1884}}, {})


@pytest.mark.parametrize("key", ["camera.every_s", "camera.exposure_us", "store.pictures_days"])
@pytest.mark.parametrize("typed", ["3,600", "3.600"])
def test_a_number_that_is_read_two_ways_is_refused_with_what_to_do(
    key: str, typed: str, technician: FlaskClient, scene: Scene
) -> None:
    with technician.application.test_request_context():
        values, wrong = changed(scene.config, filled_in(scene.config) | {key: typed})
    assert (values, wrong) == ({}, {key: "Write the number without a sign between thousands."})


def test_the_words_beside_a_field_are_in_the_readers_language(technician: FlaskClient, scene: Scene) -> None:
    with technician.application.test_request_context():
        form = filled_in(scene.config, node__area_code="12")
    token = token_on(technician, "/settings")
    answer = technician.post("/settings?lang=zh", data={"csrf": token, **form})
    assert "此值不能使用。" in answer.text


def test_a_position_is_both_numbers_and_a_comma_will_do(technician: FlaskClient, scene: Scene) -> None:
    with technician.application.test_request_context():
        values, wrong = changed(scene.config, filled_in(scene.config, node__latitude="31,2", node__longitude="121,564"))
    assert wrong == {}
    assert values == {"node": {"latitude": 31.2, "longitude": 121.564}}


def test_numbers_and_codes_are_read_from_any_keyboard_and_a_name_stays_as_it_is(
    technician: FlaskClient, scene: Scene
) -> None:
    place = {"node__latitude": "３６．８８", "node__longitude": "१२१,५", "node__area_code": "３７０７８３０００００１"}
    with technician.application.test_request_context():
        names = {"node__crop": "水稻（早）", "mqtt__username": "ｎ１"}
        values, wrong = changed(scene.config, filled_in(scene.config, **place, **names))
        assert wrong == {}
        assert values == {
            "node": {"area_code": "370783000001", "crop": "水稻（早）", "latitude": 36.88, "longitude": 121.5},
            "mqtt": {"username": "ｎ１"},
        }
        values, _ = changed(scene.config, filled_in(scene.config, node__crop="ｃｏｔｔｏｎ"))
        assert values == {"node": {"crop": "cotton"}}  # as the thresholds call it
        _, wrong = changed(scene.config, filled_in(scene.config, camera__every_s="３，６００"))
        assert wrong.keys() == {"camera.every_s"}


def test_a_position_that_was_pasted_fills_both_fields(technician: FlaskClient, scene: Scene) -> None:
    with technician.application.test_request_context("/"):
        values, wrong = changed(scene.config, filled_in(scene.config, node__latitude="31°13'49\"N 121°28'25\"E"))
    assert not wrong
    assert values == {"node": {"latitude": 31.230278, "longitude": 121.473611}}


def test_a_box_that_is_not_ticked_is_no(technician: FlaskClient, scene: Scene) -> None:
    with technician.application.test_request_context():
        form = filled_in(scene.config)
        del form["page.open_to_read"]
        assert changed(scene.config, form) == ({"page": {"open_to_read": False}}, {})


def test_what_is_counted_turns_with_the_picture_and_somebody_looks_where_it_lies(
    technician: FlaskClient, scene: Scene
) -> None:
    folder = Path(scene.config.store.folder)
    post(technician, "/set-up/region", "/set-up/region", corners="0 0\n50 0\n50 50\n0 50")
    with pytest.raises(ConfigError, match=r"made with camera\.rotation_deg 0"):
        load_calibration(folder, 180)  # as after a change by hand
    with technician.application.test_request_context():
        form = filled_in(scene.config, camera__rotation_deg="180")
    post(technician, "/settings", "/settings", **form).close()
    assert load_calibration(folder, 0) is not None  # until the node begins anew
    scene.configure(camera={"rotation_deg": 180})
    again = scene.app().test_client()
    technician = as_role(again, scene, Role.TECHNICIAN)
    assert "100.0 100.0\n50.0 100.0\n50.0 50.0\n100.0 50.0" in technician.get("/set-up/region").text
    step = technician.get("/set-up").text.split('<li id="region">')[1].split("</li>")[0]
    assert "To do" in step


def test_what_is_measured_while_the_card_keeps_a_turn_waiting_turns_too(
    technician: FlaskClient, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(technician, "/set-up/region", "/set-up/region", corners="0 0\n50 0\n50 50\n0 50")
    turn, other = form_on(technician.get("/settings").text, "/settings"), on_another_page(technician)
    both(
        monkeypatch,
        lambda: technician.post("/settings", data=turn | {"camera.rotation_deg": "180"}),
        lambda: other.post("/set-up/scale", data={"csrf": turn["csrf"], "area": "12"}),
    )
    known = load_calibration(Path(scene.config.store.folder), 180)
    assert known is not None
    assert known.area_mm2 == 1200


def test_a_whole_picture_that_is_turned_asks_for_nobody(technician: FlaskClient, scene: Scene) -> None:
    post(technician, "/set-up/region", "/set-up/region", whole="1")
    with technician.application.test_request_context():
        form = filled_in(scene.config, camera__rotation_deg="90")
    post(technician, "/settings", "/settings", **form).close()
    step = technician.get("/set-up").text.split('<li id="region">')[1].split("</li>")[0]
    assert "Done" in step


def test_a_card_that_does_not_take_a_change_is_told_by_its_name(
    technician: FlaskClient, scene: Scene, restarts: list[str]
) -> None:
    (Path(scene.config.store.folder) / f"{NAME}.new").symlink_to("/dev/full")  # what lies beside it until it is whole
    with technician.application.test_request_context():
        form = filled_in(scene.config, camera__every_s="30")
    answer = post(technician, "/settings", "/settings", **form)
    assert answer.status_code == 503
    assert f"{NAME}: cannot be written (No space left on device); free some space" in answer.text
    assert restarts == []


def test_an_undo_goes_back_and_is_told(technician: FlaskClient, scene: Scene, restarts: list[str]) -> None:
    with technician.application.test_request_context():
        form = filled_in(scene.config, camera__every_s="30")
    post(technician, "/settings", "/settings", **form).close()
    post(technician, "/settings/undo", "/settings").close()
    assert restarts == ["again", "again"]
    assert read(Path(scene.config.store.folder)) == {}
    assert scene.store.audit_trail(1)[0].what == "setting undo"


def begun_again(scene: Scene) -> FlaskClient:
    """The node with what was changed, and a technician in front of it."""
    now = over(msgspec.to_builtins(scene.config), read(Path(scene.config.store.folder)))
    scene.config = checked(now, "settings")
    app = scene.app()
    return as_role(app.test_client(), scene, Role.TECHNICIAN)


def test_of_two_phones_with_the_form_open_each_changes_what_was_touched_on_it(
    technician: FlaskClient, scene: Scene
) -> None:
    opened = form_on(technician.get("/settings").text, "/settings")
    first = opened | {"camera.every_s": "300", "node.crop": "rice", "camera.faces": "blur"}
    del first["page.open_to_read"]
    technician.post("/settings", data=first)
    technician = begun_again(scene)
    second = opened | {"csrf": token_on(technician, "/settings"), "node.area_code": "330106011001"}
    technician.post("/settings", data=second)
    assert read(Path(scene.config.store.folder)) == {
        "camera": {"every_s": 300.0, "faces": "blur"},
        "node": {"crop": "rice", "area_code": "330106011001"},
        "page": {"open_to_read": False},
    }
    assert scene.store.audit_trail(1)[0].what == "setting node.area_code: – → 330106011001"


def test_a_form_that_is_refused_keeps_what_was_touched_and_shows_what_another_phone_changed(
    technician: FlaskClient, scene: Scene
) -> None:
    opened = form_on(technician.get("/settings").text, "/settings")
    technician.post("/settings", data=opened | {"camera.every_s": "300"})
    technician = begun_again(scene)
    second = opened | {"csrf": token_on(technician, "/settings"), "node.area_code": "33", "camera.gain": "2"}
    refused = form_on(technician.post("/settings", data=second).text, "/settings")
    assert {key: refused[key] for key in ("camera.every_s", "node.area_code", "camera.gain")} == {
        "camera.every_s": "300",
        "node.area_code": "33",
        "camera.gain": "2",
    }
    technician.post("/settings", data=refused | {"node.area_code": "", "camera.gain": "4"})
    assert read(Path(scene.config.store.folder)) == {"camera": {"every_s": 300.0, "gain": 4.0}}


def test_an_undo_that_is_sent_again_or_from_another_phone_brings_nothing_back(
    technician: FlaskClient, scene: Scene, restarts: list[str]
) -> None:
    folder = Path(scene.config.store.folder)
    opened = form_on(technician.get("/settings").text, "/settings")
    for pause_s in ("300", "30"):
        technician.post("/settings", data=opened | {"camera.every_s": pause_s}).close()
    undo = form_on(technician.get("/settings").text, "/settings/undo")
    technician.post("/settings/undo", data=undo).close()
    again = technician.post("/settings/undo", data=undo)
    assert (again.status_code, read(folder)) == (400, {"camera": {"every_s": 300.0}})
    assert "The settings were changed meanwhile: look at them before you undo." in again.text
    assert len(restarts) == 3
    technician.post("/settings/undo", data=form_on(again.text, "/settings/undo")).close()
    assert read(folder) == {"camera": {"every_s": 30.0}}, "whoever has looked brings it back"


def test_settings_that_somebody_copied_here_have_no_way_back(technician: FlaskClient, scene: Scene) -> None:
    (Path(scene.config.store.folder) / NAME).write_text('{"camera": {"every_s": 30.0}}', "utf-8")
    told = technician.post("/settings/undo", data=form_on(technician.get("/settings").text, "/settings"))
    assert (told.status_code, "Nothing has been changed yet." in told.text) == (400, True)


def test_the_answer_to_an_undo_is_read_in_another_language(technician: FlaskClient, scene: Scene) -> None:
    with technician.application.test_request_context():
        form = filled_in(scene.config, camera__every_s="30")
    kept = post(technician, "/settings", "/settings", **form).text
    undone = post(technician, "/settings/undo", "/settings").text
    assert 'href="/settings?lang=sw"' in kept
    assert 'href="/settings?lang=sw"' in undone


def test_without_a_change_there_is_nothing_to_undo(technician: FlaskClient, restarts: list[str]) -> None:
    assert post(technician, "/settings/undo", "/settings").status_code == 400
    assert restarts == []


def test_a_node_on_its_last_good_settings_says_so_and_takes_no_others(technician: FlaskClient, scene: Scene) -> None:
    scene.board.show(notice="/etc/fieldeye/node.toml: unknown key camera.evry_s; did you mean every_s?")
    page = technician.get("/settings").text
    assert "did you mean every_s?" in page
    assert "<form method" not in page


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("notice", "The new settings cannot be used; the last good ones work on."),
        ("store", "The memory card takes no results: replace it."),
    ],
)
def test_a_node_that_cannot_keep_settings_shows_no_form_and_takes_none_that_lay_open(
    trouble: str, words: str, technician: FlaskClient, scene: Scene, restarts: list[str]
) -> None:
    opened = form_on(technician.get("/settings").text, "/settings")
    scene.board.show(**{trouble: "why"})  # type: ignore[arg-type]
    page = technician.get("/settings").text
    assert (words in page, "<form method" in page) == (True, False)
    answer = technician.post("/settings", data=opened | {"camera.every_s": "30"})
    assert (answer.status_code, words in answer.text, restarts) == (400, True, [])
    assert not (Path(scene.config.store.folder) / NAME).exists()


def test_no_field_shows_or_takes_a_secret_or_a_file(technician: FlaskClient, scene: Scene) -> None:
    with technician.application.test_request_context():
        keys = [one.key for _, listed in fields(scene.config) for one in listed]
    assert not [key for key in keys if "file" in key or "password" in key or "folder" in key or "source" in key]


def test_the_phone_proposes_the_crops_that_have_action_levels(technician: FlaskClient) -> None:
    page = technician.get("/settings").text
    assert 'list="node.crop-known"' in page
    assert page.count("list=") == 1
    assert '<datalist id="node.crop-known"><option value="apple"></option>' in page
    assert '<option value="rice"></option>' in page
