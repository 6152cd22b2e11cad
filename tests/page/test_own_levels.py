"""The station's own action levels: entered on the page, checked as node.toml, kept as the settings are."""

from pathlib import Path

import msgspec
import pytest
from flask.testing import FlaskClient

from edge.advice import watched
from edge.changes import load_changed, read, set_on_page
from edge.config import SET_HERE, OwnThreshold
from edge.status import ModelStatus
from tests.page.scenes import Scene, well
from tests.page.visitors import on_another_page, post, technician_of
from tests.slow_card import both

HOPPERS, THRIPS, FRIEND = "Delphacidae", "Thripidae", "Coccinella septempunctata"
STATION = "Yuhang plant protection station, 2026"


@pytest.fixture
def technician(scene: Scene, restarts: list[str]) -> FlaskClient:
    tells(scene, HOPPERS, THRIPS, FRIEND)
    return technician_of(scene, restarts)


def tells(scene: Scene, *labels: str) -> None:
    """A node whose model has these classes."""
    well(scene)
    model = ModelStatus(name="pests", version="1", labels=labels, precisions=dict.fromkeys(labels, 0.9))
    scene.board.show(model=model)


def enter(technician: FlaskClient, **typed: str) -> str:
    """Fill in the form; the page that answers."""
    form = {"label": HOPPERS, "unit": "insects/picture", "act_at": "10", "source": STATION} | typed
    answer = post(technician, "/levels", "/levels", **form)
    answer.close()
    return answer.text


def kept(scene: Scene) -> list[tuple[str, str, float]]:
    rows = read(Path(scene.config.store.folder)).get("advice", {}).get("threshold", [])
    return [(row["label"], row["unit"], row["act_at"]) for row in rows]


def step(technician: FlaskClient) -> str:
    return technician.get("/set-up").text.partition('<li id="levels">')[2].partition("</li>")[0]


def begun_anew(scene: Scene, folder: Path) -> None:
    """As the node starts: with node.toml and what was changed on the page."""
    node_toml = folder / "node.toml"
    table = msgspec.to_builtins(scene.config)
    lines = [f"[{part}]\n" + "".join(f"{k} = {msgspec.json.encode(v).decode()}\n" for k, v in table[part].items()
             if v is not None and not isinstance(v, dict)) for part in ("node", "camera", "store")]  # fmt: skip
    node_toml.write_text("\n".join(lines))
    scene.config, refused = load_changed(node_toml)
    assert refused == ""


def test_a_level_entered_on_the_page_is_watched_after_the_node_began_anew_and_an_undo_takes_it_back(
    technician: FlaskClient, scene: Scene, restarts: list[str], tmp_path: Path
) -> None:
    assert "No action level can be reached by this model: enter your station&#39;s." in step(technician)
    assert "The node begins anew" in enter(technician, act_at="10,5")
    assert restarts == ["again"]
    begun_anew(scene, tmp_path)
    (row,) = watched([HOPPERS, THRIPS], scene.config.advice, scene.config.node.crop)
    assert (row.scientific_name, row.unit, row.low, row.source) == (HOPPERS, "insects/picture", 10.5, STATION)
    again = technician_of(scene, restarts)
    assert "1 action level can be reached." in step(again)
    page = again.get("/levels").text
    assert "Planthoppers: 10.5 on one picture" in page
    assert STATION in page
    assert "Action level: Planthoppers: 10.5 on one picture · Yuhang" in again.get("/audit").text
    assert set_on_page(tmp_path / "node.toml")[0].endswith("was set on the page, node.toml says nothing")
    post(again, "/settings/undo", "/settings").close()
    begun_anew(scene, tmp_path)
    assert scene.config.advice.threshold == ()


def test_the_form_offers_pests_by_their_names_and_units_that_this_node_tells(
    technician: FlaskClient, scene: Scene
) -> None:
    page = technician.get("/levels?lang=zh").text
    assert f'<option value="{HOPPERS}">飞虱</option>' in page
    assert FRIEND not in page
    assert '<option value="insects/picture" selected>' in page
    assert "insects/m2" not in page  # nobody has measured what the camera sees
    post(technician, "/set-up/scale", "/set-up/scale", area="250")
    assert '<option value="insects/m2">' in technician.get("/levels").text
    scene.configure(camera={"mode": "trap"})
    trap = technician_of(scene, []).get("/levels").text
    assert (trap.count("insects/trap/night"), trap.count("adults/trap/night")) == (1, 0)  # one word for both


@pytest.mark.parametrize(
    ("key", "typed"),
    [
        ("act_at", ""),
        ("act_at", "0"),
        ("act_at", "-3"),
        ("act_at", "nan"),
        ("act_at", "many"),
        ("act_at", "1,000"),
        ("act_at", "1_0"),
        ("label", ""),
        ("label", "x" * 81),
        ("unit", "insects/trap/night"),
        ("unit", "insects/m2"),
        ("unit", "stars"),
        ("source", "y" * 1001),
        ("source", "Yuhang\0"),
    ],
)
def test_a_level_that_cannot_be_used_is_marked_and_what_was_typed_stands_there_still(
    key: str, typed: str, technician: FlaskClient, scene: Scene, restarts: list[str]
) -> None:
    page = enter(technician, **{"source": STATION, key: typed})
    marked = page.partition('aria-invalid="true"')[0].rpartition("id=")[2]
    assert marked.startswith(f'"{key}"')
    assert f'<option value="{HOPPERS}" selected>' in page or key == "label"
    assert (kept(scene), restarts) == ([], [])


def test_a_level_entered_again_replaces_the_former_one_and_a_pest_of_another_model_is_marked(
    technician: FlaskClient, scene: Scene
) -> None:
    enter(technician)
    enter(technician, label=THRIPS)
    enter(technician, act_at="12", source="")
    assert kept(scene) == [(THRIPS, "insects/picture", 10.0), (HOPPERS, "insects/picture", 12.0)]
    assert "set on this node" in technician.get("/levels").text
    tells(scene, THRIPS)
    assert technician.get("/levels").text.count("This node cannot count it so.") == 1


@pytest.mark.parametrize(("act_at", "sure_at"), [("７", 8.0), ("10", 10.0)])
def test_a_level_of_node_toml_entered_again_keeps_what_the_form_does_not_ask_for(
    act_at: str, sure_at: float, technician: FlaskClient, scene: Scene
) -> None:
    more = {"sure_at": 8.0, "quantity": "hoppers", "action": "drain the field"}
    own = OwnThreshold(label=HOPPERS, unit="insects/picture", act_at=5, source="bulletin 12", **more)  # type: ignore[arg-type]
    scene.configure(advice={"threshold": (own,)})
    enter(technician_of(scene, []), act_at=act_at, source="")
    assert read(Path(scene.config.store.folder))["advice"]["threshold"] == [
        {**msgspec.to_builtins(own), "act_at": float(act_at), "sure_at": sure_at, "source": SET_HERE}
    ]


def test_a_deleted_level_is_gone_and_a_second_tap_deletes_nothing(
    technician: FlaskClient, scene: Scene, restarts: list[str]
) -> None:
    enter(technician)
    enter(technician, label=THRIPS)
    for _ in range(2):
        post(technician, "/levels/delete", "/levels", label=HOPPERS, unit="insects/picture").close()
    assert kept(scene) == [(THRIPS, "insects/picture", 10.0)]
    assert len(restarts) == 3
    assert [one.what.split(" ")[0] for one in scene.store.audit_trail(2)] == ["level-deleted", "level"]


def test_a_level_of_node_toml_under_an_odd_label_is_deleted_and_the_trail_still_read(
    technician: FlaskClient, scene: Scene, restarts: list[str]
) -> None:
    odd = OwnThreshold(label="moth | borer", unit="insects/picture", act_at=3)
    tells(scene, odd.label)
    scene.configure(advice={"threshold": (odd,)})
    client = technician_of(scene, restarts)
    post(client, "/levels/delete", "/levels", label=odd.label, unit=odd.unit).close()
    assert read(Path(scene.config.store.folder)) == {"advice": {"threshold": []}}
    assert "Packaged for the crop" not in client.get("/levels").text, "before the node has begun anew"
    assert "moth | borer" in client.get("/audit").text


def test_two_technicians_who_enter_levels_at_once_keep_both(
    technician: FlaskClient, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = on_another_page(technician)
    both(monkeypatch, lambda: enter(technician), lambda: enter(other, label=THRIPS))
    assert {label for label, _, _ in kept(scene)} == {HOPPERS, THRIPS}


def test_nothing_is_kept_while_the_configuration_that_was_meant_is_not_in_use(
    technician: FlaskClient, scene: Scene
) -> None:
    token_page = technician.get("/levels").text
    assert "csrf" in token_page
    scene.board.show(notice="/etc/fieldeye/node.toml: unknown key")
    assert 'role="alert"' in technician.get("/levels").text, "before anybody has typed"
    assert 'role="alert"' in enter(technician)
    assert kept(scene) == []


def test_a_node_whose_model_has_not_come_yet_says_so_and_offers_no_form(technician: FlaskClient, scene: Scene) -> None:
    scene.board.show(model=ModelStatus())
    assert "has loaded no model yet" in step(technician)
    page = technician.get("/levels").text
    assert "has loaded no model yet" in page
    assert 'action="/levels"' not in page


def test_the_settings_mark_the_crops_of_which_this_node_can_reach_a_level(scene: Scene) -> None:
    tells(scene, HOPPERS)
    none = technician_of(scene, []).get("/settings").text
    assert "For none of them a packaged action level can be reached here" in none
    assert '<option value="rice" label="rice: no action level in reach">' in none
    scene.configure(camera={"mode": "leaf"})
    tells(scene, "Pyricularia oryzae")
    page = technician_of(scene, []).get("/settings").text
    assert "A packaged action level can be reached here for: rice." in page
    assert '<option value="rice" label="rice: action level in reach">' in page
    assert '<option value="cotton" label="cotton: no action level in reach">' in page
    scene.configure(node={"crop": "rice"})
    client = technician_of(scene, [])
    assert "can be reached." in step(client)
    assert "Packaged for the crop" in client.get("/levels").text
