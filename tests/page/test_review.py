"""Boxes of the last nights, checked by a person; nothing leaves without a name behind it."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from edge.annotations import annotate
from edge.counts import Seen
from edge.page.review_boxes import Share, folded, search, shares, view_box, wilson
from edge.page.trust import Role
from edge.status import ModelStatus
from edge.store import BoxKey, Deed, Tally
from tests.page.scenes import BUG, HOPPER, MODEL, Scene, picture_of, sighting, well
from tests.page.visitors import as_role, form_on, log_in, person, post

SURE = Seen(HOPPER, "NILALU", 0.9, (0.3, 0.3, 0.5, 0.5))
UNSURE = Seen(BUG, "", 0.55, (0.6, 0.6, 0.7, 0.7))
CHOOSE, GONE = "Choose one of these.", "This picture is no longer kept on the node."


@pytest.fixture
def picture(scene: Scene) -> str:
    """A kept picture with two boxes; its id."""
    well(scene)
    scene.board.show(model=ModelStatus(name="pests", version="0.1.0"))
    jpeg = annotate(picture_of("brown_planthopper_nymph.jpg"), [SURE, UNSURE])
    scene.store.commit([sighting(scene.before(hours=7), HOPPER, 1)], jpeg)
    kept = scene.store.latest_sightings(1)[0].record.picture
    assert kept is not None
    return str(kept)


@pytest.fixture
def farmer(client: FlaskClient, scene: Scene) -> FlaskClient:
    return as_role(client, scene, Role.FARMER)


def answer(client: FlaskClient, picture: str, box: int, verdict: str, **more: str) -> str:
    """Where the page goes on."""
    sent = post(client, "/review", "/account", picture=picture, box=str(box), verdict=verdict, **more)
    assert sent.status_code == 303, sent.text
    return str(sent.location)


def test_each_undecided_box_is_asked_about_with_the_surest_first(farmer: FlaskClient, picture: str) -> None:
    page = farmer.get("/review").text
    asked = re.findall(r"Is this “(.+?)”", re.sub(r"aria-label=\"[^\"]*\"", "", page))
    assert asked == ["Brown planthopper", "Slender rice bug"]


@pytest.mark.parametrize(
    ("verdict", "more", "label"),
    [("yes", {}, HOPPER), ("no", {}, ""), ("other", {"label": "Sogatella furcifera"}, "Sogatella furcifera")],
)
def test_a_decision_is_kept_with_who_and_when_and_is_not_asked_for_again(
    verdict: str, more: dict[str, str], label: str, farmer: FlaskClient, picture: str, scene: Scene
) -> None:
    assert answer(farmer, picture, 0, verdict, **more) == f"/review?last={picture}.0"
    kept = scene.store.decisions.on(picture)[0]
    assert (kept.label, kept.said, kept.model, kept.who, kept.utc) == (label, HOPPER, MODEL, "farmer", scene.clock.utc)
    assert kept.confidence == SURE.confidence
    assert "Is this “Brown planthopper”" not in farmer.get("/review").text


def test_a_decision_can_be_taken_back(farmer: FlaskClient, picture: str, scene: Scene) -> None:
    page = farmer.get(answer(farmer, picture, 0, "no")).text
    assert "You said: no." in page
    assert post(farmer, "/review/undo", "/account", picture=picture, box="0").status_code == 303
    assert scene.store.decisions.on(picture) == {}
    assert "Is this “Brown planthopper”" in farmer.get("/review").text


def test_one_answer_that_is_taken_back_leaves_the_others(farmer: FlaskClient, picture: str, scene: Scene) -> None:
    answer(farmer, picture, 0, "no")
    answer(farmer, picture, 1, "no")
    assert "1 · a person said: this is something else · " in farmer.get("/").text
    post(farmer, "/review/undo", "/account", picture=picture, box="0")
    assert list(scene.store.decisions.on(picture)) == [1]
    assert "1 · clearly recognised · " in farmer.get("/").text


def test_of_two_people_on_one_box_the_first_answer_stands_and_the_other_is_told(
    farmer: FlaskClient, picture: str, scene: Scene
) -> None:
    other = farmer.application.test_client()
    log_in(other, person(scene, Role.FARMER, "wang"))
    answer(farmer, picture, 0, "yes")
    place = answer(other, picture, 0, "no")  # the box stood on a page from before
    page = other.get(place).text
    assert "farmer has answered this meanwhile: yours was not kept." in page
    assert "/review/undo" not in page
    post(other, "/review/undo", "/account", picture=picture, box="0")
    kept = scene.store.decisions.on(picture)[0]
    assert (kept.who, kept.label) == ("farmer", HOPPER)
    assert "You said: no." in farmer.get(answer(farmer, picture, 0, "no")).text  # who said it may say otherwise


def test_who_opens_another_persons_page_anew_has_answered_nothing_and_is_told_nothing(
    farmer: FlaskClient, picture: str, scene: Scene
) -> None:
    other = farmer.application.test_client()
    log_in(other, person(scene, Role.FARMER, "wang"))
    place = answer(farmer, picture, 0, "yes")
    assert 'class="note' in farmer.get(place).text
    assert 'class="note' not in other.get(place).text


def test_a_box_that_somebody_does_not_know_stays_open_and_makes_room_for_the_next(
    farmer: FlaskClient, picture: str, scene: Scene
) -> None:
    place = answer(farmer, picture, 0, "unknown")
    page = farmer.get(place).text
    assert ("Brown planthopper" in page, "Slender rice bug" in page) == (False, True)
    left = form_on(page, "/review")["unknown"]
    place = answer(farmer, picture, 1, "other", unknown=left)  # and so through a search
    assert f'name="unknown" value="{left}"' in farmer.get(place).text
    place = answer(farmer, picture, 1, "no", unknown=left)
    page = farmer.get(place).text
    assert ("Brown planthopper" in page, "You said: no." in page) == (False, True)
    assert list(scene.store.decisions.on(picture)) == [1]
    assert "Is this “Brown planthopper”" in farmer.get("/review").text  # another day


def test_a_box_stands_beside_a_picture_of_what_it_was_taken_for(farmer: FlaskClient, picture: str) -> None:
    for place in ("/review", f"/review/{picture}/0"):
        assert "For comparison: Planthoppers" in farmer.get(place).text


def test_something_else_names_first_what_the_model_tells_most_often_here(
    farmer: FlaskClient, picture: str, scene: Scene
) -> None:
    jpeg = picture_of("rice_bug.jpg")
    told = ["Delphacidae (nymph)", "Insecta", HOPPER, HOPPER, HOPPER, BUG, BUG]
    for hours, label in enumerate(told, start=8):
        scene.store.commit([sighting(scene.before(hours=hours), label, 1)], jpeg)
    scene.board.show(model=ModelStatus(name="pests", version="0.1.0", labels=("Insecta", "Pieris", "aphids?")))
    page = farmer.get(f"/review/{picture}/1").text
    assert re.findall(r'name="label" value="(.*?)"', page) == [HOPPER, "Insecta", "Delphacidae", "Pieris", "aphids?"]
    assert "autofocus" not in page  # a keyboard would hide them
    assert re.findall(r'name="label" value="(.*?)"', farmer.get(f"/review/{picture}/1?name=xyz").text) == []


@pytest.mark.parametrize("how", ["it runs", "it ran before"])
def test_an_insect_of_ones_own_that_no_table_knows_is_named_as_the_model_that_tells_it_does(
    how: str, farmer: FlaskClient, picture: str, scene: Scene
) -> None:
    own = "Ricania shantungensis"
    if how == "it runs":
        labels = (f"{own} (nymph)", "healthy", HOPPER)
        scene.board.show(model=ModelStatus(name="my-insects", version="1", labels=labels))
    else:
        scene.store.commit([sighting(scene.before(hours=8), own, 1)], picture_of("rice_bug.jpg"))
    place = f"/review/{picture}/1"
    for asked in (place, f"{place}?name=ricania", f"{place}?name=SHANT"):
        assert f'name="label" value="{own}"' in farmer.get(asked).text
    found = re.findall(r'name="label" value="(.*?)"', farmer.get(f"{place}?name=healthy").text)
    assert found.count("healthy") == 1
    answer(farmer, picture, 1, "other", label=own)
    assert scene.store.decisions.on(picture)[1].label == own
    assert f"You said: it is “{own}”." in farmer.get(f"/review?last={picture}.1").text


def test_something_else_leads_to_a_search_in_the_readers_language(farmer: FlaskClient, picture: str) -> None:
    place = answer(farmer, picture, 1, "other")
    assert place == f"/review/{picture}/1"
    found = farmer.get(f"{place}?name=褐飞虱&lang=zh").text
    assert f'name="label" value="{HOPPER}"' in found


@pytest.mark.parametrize(
    ("language", "typed", "label"),
    [
        ("en", "brown plan", HOPPER), ("zh", "褐飞虱", HOPPER), ("vi", "ray nau", HOPPER),
        ("en", "NILAPARVATA", HOPPER), ("fr", "cicadelle brune", HOPPER), ("en", "healthy", "healthy"),
        ("zh", "稻飞", "Delphacidae"), ("zh", "蚜虫", "Aphididae"), ("vi", "sau duc than cu", "Sesamia inferens"),
    ],
)  # fmt: skip
def test_a_name_is_found_without_accents_and_capitals(
    language: str, typed: str, label: str, client: FlaskClient
) -> None:
    with client.application.test_request_context(f"/?lang={language}"):
        assert search(typed, [])[0][0] == label


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("稻虱", "Delphacidae"), ("火蠓", "Delphacidae"), ("介壳虫", "Pseudococcidae"), ("腻虫", "Aphididae"),
        ("蜜虫", "Aphididae"), ("稻苞虫", "Parnara guttata"), ("吊丝虫", "Plutella xylostella"),
        ("行军虫", "Mythimna separata"), ("蚂蚱", "Acrididae"), ("火蜘蛛", "Tetranychus urticae"),
    ],
)  # fmt: skip
def test_a_pest_is_found_by_the_word_that_farmers_use_for_it(typed: str, label: str, client: FlaskClient) -> None:
    with client.application.test_request_context("/?lang=zh"):
        assert search(typed, [])[0][0] == label


def test_names_that_begin_so_come_before_those_that_hold_it(client: FlaskClient) -> None:
    with client.application.test_request_context("/"):
        names = [folded(name) for _, name, _ in search("rice", [])]
    begins = [name.startswith("rice") for name in names]
    assert begins == sorted(begins, reverse=True)
    assert all(begins[:3])


@pytest.mark.parametrize(
    ("form", "code", "words"),
    [
        ({"verdict": "other", "label": "No such thing"}, 400, CHOOSE), ({"verdict": "perhaps"}, 400, CHOOSE),
        ({"verdict": "yes", "box": "7"}, 404, GONE), ({"verdict": "yes", "box": "9" * 5000}, 404, GONE),
        ({"verdict": "yes", "box": "-1"}, 404, GONE), ({"verdict": "yes", "box": "²"}, 404, GONE),
        ({"verdict": "yes", "picture": "../../etc/passwd"}, 404, GONE),
    ],
)  # fmt: skip
def test_what_cannot_be_decided_is_refused_in_words_and_nothing_is_kept(
    form: dict[str, str], code: int, words: str, farmer: FlaskClient, picture: str, scene: Scene
) -> None:
    sent = post(farmer, "/review", "/account", **{"picture": picture, "box": "0", **form})
    assert (sent.status_code, words in sent.text) == (code, True)
    assert scene.store.decisions.on(picture) == {}


def test_the_technician_is_told_how_often_the_running_model_was_right(
    client: FlaskClient, picture: str, scene: Scene
) -> None:
    technician = as_role(client, scene, Role.TECHNICIAN)
    answer(technician, picture, 0, "yes")
    answer(technician, picture, 1, "no")
    page = technician.get("/review").text
    assert "1 of 1 right; too few to say more" in page
    assert "0 of 1 right; too few to say more" in page
    scene.board.show(model=ModelStatus(name="pests", version="0.2.0"))
    assert "of 1 right" not in technician.get("/review").text


def test_what_was_looked_at_most_is_told_first_and_of_enough_between_what(scene: Scene) -> None:
    told = [Tally("Delphacidae", MODEL, 4, 4), Tally("Leptocorisa", MODEL, 18, 20), Tally("Pieris", "pests@0", 9, 9)]
    with scene.app().test_request_context("/"):
        assert shares(told, MODEL) == [
            Share(name="Rice bugs", words="18 of 20 right: between 70 and 97 of a hundred"),
            Share(name="Planthoppers", words="4 of 4 right; too few to say more"),
        ]
        assert shares([Tally("Leptocorisa", MODEL, 5, 5)], MODEL)[0].words.startswith("5 of 5 right: between 57 and")


def test_answers_that_were_kept_as_wrong_by_earlier_software_are_judged_anew(
    farmer: FlaskClient, picture: str, scene: Scene
) -> None:
    answer(farmer, picture, 0, "yes")
    with closing(sqlite3.connect(Path(scene.config.store.folder) / "decisions.sqlite", isolation_level=None)) as db:
        db.execute("UPDATE decision SET said = 'Delphacidae', is_right = 0")
    assert scene.store.decisions.tallies() == [Tally("Delphacidae", MODEL, 1, 1)]


@pytest.mark.parametrize(
    ("said", "label", "told"),
    [
        ("Delphacidae", HOPPER, "1 of 1 right"),
        ("Insecta", "Bemisia tabaci", "1 of 1 right"),
        ("Delphacidae (nymph)", HOPPER, "1 of 1 right"),
        (HOPPER, "Delphacidae", "0 of 1 right"),
        ("Delphacidae", BUG, "0 of 1 right"),
    ],
)
def test_a_finer_name_than_the_models_finds_it_right_and_is_kept(
    said: str, label: str, told: str, client: FlaskClient, scene: Scene
) -> None:
    well(scene)
    jpeg = annotate(picture_of("brown_planthopper_nymph.jpg"), [Seen(said, "", 0.9, SURE.box)])
    scene.store.commit([sighting(scene.before(hours=7), said, 1)], jpeg)
    technician = as_role(client, scene, Role.TECHNICIAN)
    picture = str(scene.store.latest_sightings(1)[0].record.picture)
    page = technician.get(answer(technician, picture, 0, "other", label=label)).text
    assert told in page
    assert "You said: it is" in page
    assert scene.store.decisions.on(picture)[0].label == label


def test_a_farmer_is_not_shown_the_models_figures(farmer: FlaskClient, picture: str) -> None:
    answer(farmer, picture, 0, "yes")
    assert "of 1 right" not in farmer.get("/review").text


def test_a_node_without_pictures_has_nothing_to_check(farmer: FlaskClient) -> None:
    assert "All checked" in farmer.get("/review").text


def test_nobody_is_asked_about_a_picture_of_which_the_card_kept_a_part(
    farmer: FlaskClient, picture: str, scene: Scene
) -> None:
    (kept,) = Path(scene.config.store.folder).rglob(f"{picture}.jpg")
    kept.write_bytes(kept.read_bytes()[:-2000])
    assert "All checked" in farmer.get("/review").text


def test_decisions_outlive_their_picture_and_a_restart(farmer: FlaskClient, picture: str, scene: Scene) -> None:
    answer(farmer, picture, 0, "yes")
    scene.store.decisions.do("sprayed", Deed("Mei", scene.clock.utc))
    scene.store.close()
    again = type(scene.store)(scene.config.store, "north-dyke")
    try:
        assert list(again.decisions.on(picture)) == [0]
        assert again.decisions.tallies()[0][2:] == (1, 1)
        assert again.decisions.deed("sprayed") == Deed("Mei", scene.clock.utc)
        again.decisions.take_back(BoxKey(picture, 0), "farmer")
        assert again.decisions.on(picture) == {}
    finally:
        again.close()


side = st.floats(0, 1)


@given(st.tuples(side, side, side, side), st.integers(32, 4000), st.integers(32, 4000))
def test_a_cut_out_is_a_square_within_the_picture_round_its_box(
    corners: tuple[float, ...], width_px: int, height_px: int
) -> None:
    left, right = sorted((corners[0], corners[2]))
    top, bottom = sorted((corners[1], corners[3]))
    x, y, wide, high = map(float, view_box((left, top, right, bottom), width_px, height_px).split())
    assert wide == high > 0
    assert x >= 0
    assert y >= 0
    assert x + wide <= width_px + 1
    assert y + high <= height_px + 1
    if max((right - left) * width_px, (bottom - top) * height_px) < min(width_px, height_px):
        assert x - 1 <= left * width_px
        assert right * width_px <= x + wide + 1


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"), [(0, 0, 0.0, 1.0), (8, 10, 0.490, 0.943), (20, 20, 0.839, 1.0)]
)
def test_wilsons_interval_has_the_values_of_its_tables(hits: int, trials: int, low: float, high: float) -> None:
    assert wilson(hits, trials) == pytest.approx((low, high), abs=0.001)
