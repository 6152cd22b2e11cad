"""What the farmer's page says in each state of the node."""

import re
from dataclasses import replace
from typing import get_args

import pytest
from flask.testing import FlaskClient

from edge.annotations import annotate
from edge.config import Mode
from edge.counts import BLIND, Seen, Unit
from edge.gate import Reason
from edge.page.access import needs
from edge.page.camera import reason_words
from edge.page.trust import Role
from edge.status import CameraStatus, LinkStatus, ModelStatus, Snapshot, StatusBoard
from tests.page.scenes import (
    BUG,
    HEADLINES,
    HOPPER,
    SCENES,
    Scene,
    blind,
    done,
    first_minutes,
    interval,
    nothing,
    over_the_level,
    picture_of,
    seen,
    sighting,
    trap_hour,
    well,
)
from tests.page.visitors import as_role, form_on, token_on


def test_each_state_is_said_in_its_own_headline_and_with_the_age_of_the_last_picture(
    any_scene: str, client: FlaskClient
) -> None:
    page = client.get("/").text
    assert f'<h1 id="headline">{HEADLINES[any_scene]}</h1>' in page
    assert ("Last picture" in page) != ("No picture yet" in page)


def test_a_bar_and_its_range_are_explained_as_they_are_drawn_by_day_and_by_night(
    scene: Scene, client: FlaskClient
) -> None:
    seen(scene)
    (key,) = re.findall('<p class="soft key">(.*?)</p>', client.get("/").text, re.DOTALL)
    shades = [re.findall('class="(.*?)"', entry) for entry in key.split("</svg>")[:-1]]
    words = re.findall("</svg>(.*?)</span>", key)
    assert list(zip(shades, words, strict=True)) == [(["counted"], "counted"), (["range"], "likely range")]


def test_a_real_zero_names_its_effort(scene: Scene, client: FlaskClient) -> None:
    nothing(scene)
    page = client.get("/").text
    assert "212 pictures looked at in the last 24 hours, watching for 1 hour" in page
    assert "likely range" not in page


def test_a_zero_of_the_first_minutes_does_not_speak_for_a_whole_day(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    page = client.get("/").text
    assert "No pest seen since the start." in page
    assert "in the last 24 hours." not in page
    assert "1,032 pictures looked at since the start" in page


def test_the_pictures_of_a_still_scene_that_make_few_looks_enough_for_a_zero_stand_beside_it(scene: Scene) -> None:
    still = CameraStatus(state="ok", frames=10, looked=1, skipped={"still": 9}, last_frame=scene.before(seconds=12))
    scene.board.show(camera=still)
    scene.store.commit([interval(scene.before(minutes=2), {}, frames=1, hours=1 / 60)])
    client = scene.app().test_client()
    page = client.get("/").text
    assert "No pest seen" in page
    assert "1 picture looked at in the last 24 hours, watching for 1 minute" in page
    assert "Not looked at: 9 nothing moved" in page
    scene.board.show(camera=replace(still, skipped={"still": 8}))
    page = client.get("/").text
    assert "Too few pictures to say." in page
    assert "nothing moved" not in page
    scene.board.show(camera=replace(still, looked=10))
    page = client.get("/").text
    assert "No pest seen" in page
    assert "nothing moved" not in page


def test_one_picture_of_a_day_is_too_few_for_a_quiet_one_unless_no_more_were_planned(scene: Scene) -> None:
    scene.board.show(camera=CameraStatus(state="ok", frames=1, looked=1, last_frame=scene.before(seconds=12)))
    scene.store.commit([interval(scene.before(hours=5), {}, frames=1, hours=20 / 3600)])
    page = scene.app().test_client().get("/").text
    assert '<h1 id="headline">Too few pictures to say.</h1>' in page
    assert '<section class="card wait"' in page
    assert "All quiet" not in page
    assert "1 picture looked at in the last 24 hours, watching for 20 seconds" in page
    scene.configure(camera={"every_s": 21_600})
    assert "No pest seen in the last 24 hours." in scene.app().test_client().get("/").text
    scene.store.commit([sighting(scene.before(minutes=5), "Coccinella septempunctata", 1)])
    assert '<h1 id="headline">Seven-spot ladybird: 1</h1>' in scene.app().test_client().get("/").text
    scene.configure(camera={"every_s": 60})
    page = scene.app().test_client().get("/").text
    assert '<h1 id="headline">Too few pictures to say.</h1>' in page, "beside a friend there may be foes"
    assert "Last seen: Seven-spot ladybird: 1, 5 minutes ago" in page


@pytest.mark.parametrize(
    ("confidence", "precision", "headline", "sure"),
    [
        (0.49, 0.9, "Perhaps: Brown planthopper (1)", "not sure"),
        (0.5, 0.9, "Brown planthopper: 1", "probably"),
        (0.9, 0.8, "Brown planthopper: 1", "clearly recognised"),
        (0.9, 0.64, "Brown planthopper: 1", "probably"),
        (0.9, 0.49, "Perhaps: Brown planthopper (1)", "not sure"),
        (0.9, None, "Perhaps: Brown planthopper (1)", "how sure is not known"),
        (0.4, None, "Perhaps: Brown planthopper (1)", "not sure"),
    ],
)
def test_nothing_is_said_more_surely_than_the_model_was_right_in_tests(
    confidence: float, precision: float | None, headline: str, sure: str, scene: Scene, client: FlaskClient
) -> None:
    well(scene)
    told = replace(scene.board.snapshot().model, precisions={f"{HOPPER} (nymph)": precision, HOPPER: 0.99})
    scene.board.show(model=told)
    one = sighting(scene.before(minutes=1), HOPPER, 1, confidence=confidence, stage="nymph")
    picture = annotate(picture_of("planthopper.jpg"), [Seen(f"{HOPPER} (nymph)", "", confidence, one.box)])
    scene.store.commit([one], picture)
    page = client.get("/").text
    assert f'<h1 id="headline">{headline}</h1>' in page
    assert f"Brown planthopper: 1 · {sure} · " in page
    (newest,) = scene.store.latest_sightings(1)
    assert f" · {sure} · " in client.get(f"/seen/{newest.record.picture}").text
    assert f"1 on one picture, {sure}" in client.get("/seen").text
    assert f"{sure} · " in as_role(client, scene, Role.FARMER).get("/review").text


def test_a_node_that_saw_nothing_for_a_day_claims_no_zero_and_is_not_well(scene: Scene, client: FlaskClient) -> None:
    blind(scene)
    page, part_by_part = client.get("/").text, client.get("/node").text
    assert "No data: nothing was looked at." in page
    assert "since the start" not in page
    assert "To look at: Camera" in page
    assert "This node is ready." not in part_by_part
    assert "Turn the camera away from the sun or give it shade." in part_by_part


def test_a_lens_that_has_shown_nothing_for_an_hour_is_no_quiet_day(scene: Scene, client: FlaskClient) -> None:
    seen(scene)
    dirty = replace(scene.board.snapshot().camera, last_skip="blurred", blind_s=3600.0)
    scene.board.show(camera=dirty)
    page = client.get("/").text
    assert '<h1 id="headline">The pictures are not sharp.</h1>' in page
    assert "Last seen: Brown planthopper: 5, 12 minutes ago" in page
    assert "To look at: Camera" in client.get("/node").text


def test_a_camera_in_infrared_is_no_quiet_day_and_after_a_day_the_page_says_until_when(
    scene: Scene, client: FlaskClient
) -> None:
    infrared = CameraStatus(state="ok", skipped={"colourless": 9}, last_frame=scene.clock.now(), last_skip="colourless")
    scene.board.show(camera=infrared)
    page = client.get("/").text
    assert '<h1 id="headline">The pictures have no colour (infrared): nothing can be recognised on them.</h1>' in page
    assert "All quiet" not in page
    part_by_part = client.get("/node").text
    to_do = "By day, the technician has to turn off infrared or, if the camera never sees colour, set "
    for words in (to_do, "gate.colourless_levels = 0 in node.toml", "9 without colour (infrared)"):
        assert words in part_by_part
    nothing(scene)
    scene.board.show(camera=replace(scene.board.snapshot().camera, last_skip="colourless"))
    says = "The camera sees without colour now (infrared); the node looks again when it sees colour."
    assert says in client.get("/").text


def test_answers_and_deeds_that_cannot_be_read_cost_no_page(scene: Scene, client: FlaskClient) -> None:
    done(scene)
    scene.store.decisions.close()
    assert "the action level of 10 is reached" in client.get("/").text
    (newest,) = scene.store.latest_sightings(1)
    assert "clearly recognised" in client.get(f"/seen/{newest.record.picture}").text


def test_a_calibration_board_left_on_the_card_is_no_quiet_night(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.board.show(camera=replace(scene.board.snapshot().camera, skipped={"board": 3}, last_skip="board"))
    page, part_by_part = client.get("/").text, client.get("/node").text
    assert '<h1 id="headline">The calibration board still lies on the card.</h1>' in page
    for words in ("still lies on the card.", "Take it away: until then", "looked at: 3 calibration board on the card"):
        assert words in part_by_part
    scene.board.show(camera=replace(scene.board.snapshot().camera, skipped={"not_kept": 3}, last_skip="not_kept"))
    assert '<h1 id="headline">The memory card takes no results, so nothing is counted.</h1>' in client.get("/").text


@pytest.mark.parametrize("reason", sorted(reason_words().keys() - {"unmatched"}))  # a trap's, see test_sticky_card.py
def test_each_reason_why_no_picture_of_the_day_was_looked_at_is_said_and_those_of_the_gate_have_a_headline_of_their_own(
    reason: str, scene: Scene, client: FlaskClient
) -> None:
    broken = CameraStatus(skipped={reason: 2}, last_skip=reason)
    scene.board.show(camera=broken)
    page, part_by_part = client.get("/").text, client.get("/node").text
    headline = page.partition('<h1 id="headline">')[2].partition("</h1>")[0]
    assert headline
    assert "good enough" not in page
    assert headline in part_by_part
    if reason in {*get_args(Reason), "no_leaf"} - {"still"}:
        assert "The last picture could not be used" not in headline


def test_each_reason_of_the_gate_has_words_and_all_but_stillness_show_nothing() -> None:
    reasons = set(get_args(Reason))
    assert reasons <= reason_words().keys()
    assert reasons - set(BLIND) == {"still"}


def test_the_time_in_which_nothing_could_be_seen_was_not_watched(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    skipped = (("blurred", 10), ("dark", 20), ("still", 20))
    half = replace(interval(scene.before(hours=5), {}, frames=10, hours=4), skipped=skipped)
    scene.store.commit([half, interval(scene.before(hours=1), None)])
    assert "10 pictures looked at in the last 24 hours, watching for 2 hours" in client.get("/").text


def test_a_node_that_sees_again_speaks_for_the_last_day_only(scene: Scene, client: FlaskClient) -> None:
    blind(scene)
    scene.board.show(camera=replace(scene.board.snapshot().camera, last_skip=""))
    page = client.get("/").text
    assert "Too few pictures to say." in page
    assert "The node is well." in page
    scene.store.commit([interval(scene.before(hours=1), {}, frames=10)])
    assert "No pest seen in the last 24 hours." in client.get("/").text


def test_before_anything_was_looked_at_no_zero_is_claimed(scene: Scene, client: FlaskClient) -> None:
    first_minutes(scene)
    page = client.get("/").text
    assert "No data: nothing was looked at." in page
    assert "No pest seen" not in page
    assert "Nothing was seen" not in page


def test_without_data_the_last_sighting_is_still_told_with_its_age(scene: Scene, client: FlaskClient) -> None:
    SCENES["camera-missing"](scene)
    assert "Last seen: Brown planthopper: 5, 12 minutes ago" in client.get("/").text


def test_a_sighting_of_yesterday_is_no_longer_news(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.store.commit([sighting(scene.before(hours=25))])
    assert "No pest seen" in client.get("/").text


def fed_client(scene: Scene) -> FlaskClient:
    """A browser on a node whose pictures another device takes."""
    scene.configure(camera={"fed": True})
    return scene.app().test_client()


def test_a_disease_that_is_there_since_longer_is_named_without_the_pictures_of_a_day(
    scene: Scene, client: FlaskClient
) -> None:
    well(scene)
    hours = [interval(scene.before(hours=back), {"Puccinia striiformis": 60}) for back in (3, 2)]
    scene.store.commit([replace(one, mode="leaf", unit="affected_frames") for one in hours])
    page = client.get("/").text
    assert '<h1 id="headline">Yellow rust</h1>' in page
    assert "Nothing new: what was counted was seen before that." in page


def test_a_leaf_node_that_saw_nothing_speaks_of_diseases(scene: Scene) -> None:
    scene.configure(camera={"mode": "leaf"})
    client = scene.app().test_client()
    well(scene)
    assert '<h1 id="headline">No disease seen since the start.</h1>' in client.get("/").text
    scene.store.commit([replace(interval(scene.before(hours=2), {}), mode="leaf", unit="affected_frames")])
    page = client.get("/").text
    assert '<h1 id="headline">No disease seen in the last 24 hours.</h1>' in page
    assert "All diseases" in page
    assert "Looked on 1 day: no disease seen." in page
    assert "No pest" not in page
    assert "no pest" not in page


@pytest.mark.parametrize(
    ("mode", "unit", "words"),
    [
        ("live", "max_per_frame", "Looked on 2 days: no pest seen."),
        ("trap", "new", "Looked on 2 nights: nothing new."),
    ],
)
def test_days_without_a_pest_are_told_as_days_that_were_looked_at(
    mode: Mode, unit: Unit, words: str, scene: Scene
) -> None:
    scene.configure(camera={"mode": mode})
    well(scene)
    for back in (1, 0):
        scene.store.commit([replace(interval(scene.before(days=back, hours=2), {}), mode=mode, unit=unit)])
    page = scene.app().test_client().get("/").text
    assert "All pests" in page
    assert words in page


def test_a_fed_folder_that_is_missing_sends_nobody_to_a_cable(scene: Scene) -> None:
    scene.board.show(camera=CameraStatus(state="missing", detail="/media/card: no such folder"))
    client = fed_client(scene)
    for page in (client.get("/").text, client.get("/node").text):
        assert "The folder that another device fills with pictures is missing." in page
        assert "cable is firmly" not in page


def test_a_fed_folder_that_nobody_feeds_after_a_start_calls_for_its_pictures(scene: Scene) -> None:
    scene.board.show(camera=CameraStatus(state="starting"))
    client = fed_client(scene)
    page, part_by_part = client.get("/").text, client.get("/node").text
    assert "No new pictures have been copied since" in page
    assert "The node has just started" not in page
    assert "No new pictures have been copied since" in part_by_part
    assert "The camera is starting" not in part_by_part


def test_a_fed_folder_whose_pictures_are_all_counted_is_well_and_waits_for_more(scene: Scene) -> None:
    client = fed_client(scene)
    link, model = LinkStatus(state="connected"), ModelStatus(name="pests", version="0.1.0", sha256="ab" * 32)
    scene.board.show(camera=CameraStatus(state="ok"), link=link, model=model)
    scene.store.commit([interval(scene.before(hours=2), {})])
    node, live = client.get("/node").text, client.get("/live").text
    assert "This node is ready." in node
    for page in (node, live):
        assert "No new pictures have been copied since" in page
        assert "The camera gives pictures" not in page
    scene.board.show(camera=CameraStatus(state="ok", detail="9 pictures are still to be put in order"))
    assert "No new pictures" not in client.get("/node").text


def test_what_late_pictures_brought_is_named_though_it_makes_no_sighting(scene: Scene) -> None:
    client = fed_client(scene)
    well(scene)
    scene.store.commit([trap_hour(scene.before(hours=back), 4) for back in (3, 2)])
    page = client.get("/").text
    assert '<h1 id="headline">Brown planthopper: 8</h1>' in page
    assert "New on the trap, each night" in page
    assert "Likely between 4 and 14" in page
    for text in (page, client.get("/seen").text):
        assert "Pictures that come late are counted and not listed here." in text
        assert "Nothing was seen." not in text


def test_the_unit_of_what_late_pictures_brought_is_said_once_beside_the_nights_before(scene: Scene) -> None:
    well(scene)
    scene.store.commit([trap_hour(scene.before(hours=back), caught) for back, caught in ((20, 9), (3, 4))])
    facts = [line for line in fed_client(scene).get("/").text.splitlines() if 'class="fact"' in line]
    assert len(facts) == 1
    assert facts[0].count("New on the trap, each night") == 1


def test_pictures_of_former_days_make_no_zero_of_the_last_one_and_are_told_with_their_day(scene: Scene) -> None:
    client = fed_client(scene)
    well(scene)
    assert "No picture of the last 24 hours has been counted yet." in client.get("/seen").text
    scene.store.commit([interval(scene.before(hours=back), {HOPPER: 12}, frames=1) for back in (48, 30)])
    page = client.get("/").text
    assert '<h1 id="headline">No picture of the last 24 hours has been counted yet.</h1>' in page
    assert "Last day with pictures, Jun 30: Brown planthopper: 12" in page
    assert "Come back in a few minutes: the first result appears here." in page
    scene.board.show(camera=replace(scene.board.snapshot().camera, last_skip="too_late"))
    late = client.get("/").text
    assert "The pictures that come are too old: look at the date and time of the device that takes them." in late
    for wrong in ("All quiet", "No pest seen", "since the start", "nothing was looked at"):
        assert wrong not in page + late
    assert "No picture of the last 24 hours has been counted yet." in client.get("/node").text
    scene.clock.advance(25 * 3600)
    assert "Copy the pictures from the device that takes them." in client.get("/").text


def test_a_disease_of_the_first_day_is_told_by_its_pictures_and_not_by_the_spots_on_one(
    scene: Scene, client: FlaskClient
) -> None:
    well(scene)
    rust, spots = "Puccinia striiformis", "Xanthomonas vesicatoria"
    scene.store.commit([sighting(scene.before(hours=3), rust, 4)], picture_of("rice_bug.jpg"))
    scene.store.commit([sighting(scene.before(hours=2), spots, 9)], picture_of("planthopper.jpg"))
    assert '<h1 id="headline">Bacterial spot: 9</h1>' in client.get("/").text
    hours = [interval(scene.before(hours=back), {rust: 60, spots: 20}) for back in (3, 2)]
    scene.store.commit([replace(one, mode="leaf", unit="affected_frames") for one in hours])
    before = interval(scene.before(hours=30), {rust: 31}, frames=212)
    scene.store.commit([replace(before, mode="leaf", unit="affected_frames")])
    page = client.get("/").text
    assert '<h1 id="headline">Yellow rust</h1>' in page
    assert "Pictures with signs of it in the last 24 hours: 120 of 120" in page
    assert "Pictures with signs of it, each day: yesterday 31 of 212, the day before no data" in page
    assert "Photograph from the field with Yellow rust: 4" in page


@pytest.mark.parametrize(
    ("label", "action"),
    [("healthy", "Nothing to do."), ("Coccinella septempunctata", "Nothing to do: it does no harm to the crop.")],
)
def test_a_healthy_leaf_is_not_said_to_do_no_harm(label: str, action: str, scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.store.commit([sighting(scene.before(minutes=1), label, 3)])
    assert f'<p class="action">{action}</p>' in client.get("/").text


def test_a_pest_that_was_counted_comes_before_a_helper_that_was_seen(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.store.commit([interval(scene.before(hours=2), {HOPPER: 2, "Coccinella septempunctata": 9})])
    scene.store.commit([sighting(scene.before(minutes=1), "Coccinella septempunctata", 9)])
    assert '<h1 id="headline">Brown planthopper: 2</h1>' in client.get("/").text


def test_when_a_fed_picture_came_is_not_told_as_when_it_was_taken(scene: Scene) -> None:
    client = fed_client(scene)
    well(scene)
    page = client.get("/").text
    assert "</svg>Last picture copied 12 seconds ago</p>" in page
    for path in ("/node", "/live"):
        assert "Last picture copied 12 seconds ago" in client.get(path).text
    assert 'data-words="Last picture copied {ago}"' in client.get("/live").text  # which page.js writes in


def test_a_fed_folder_calls_for_its_pictures_after_a_day_and_never_for_the_plug(scene: Scene) -> None:
    client = fed_client(scene)
    nothing(scene)
    scene.clock.advance(12 * 3600)
    assert '<h1 id="headline">No pest seen in the last 24 hours.</h1>' in client.get("/").text
    assert "This node is ready." in client.get("/node").text
    scene.clock.advance(13 * 3600)
    for page in (client.get("/").text, client.get("/node").text):
        assert "No new pictures have been copied since Jul 1," in page
        assert "Copy the pictures from the device that takes them." in page
        assert "power off" not in page


def test_a_pest_comes_before_a_helper_that_was_seen_later(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.store.commit([sighting(scene.before(hours=2), HOPPER, 4)])
    scene.store.commit([sighting(scene.before(minutes=1), "Coccinella septempunctata", 9)])
    assert '<h1 id="headline">Brown planthopper: 4</h1>' in client.get("/").text


def test_many_of_the_night_come_before_the_one_that_was_seen_last(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.store.commit([sighting(scene.before(hours=4), HOPPER, 14)], picture_of("brown_planthopper_nymph.jpg"))
    scene.store.commit([sighting(scene.before(minutes=1), BUG, 1)], picture_of("rice_bug.jpg"))
    page = client.get("/").text
    assert '<h1 id="headline">Brown planthopper: 14</h1>' in page
    assert "Seen 4 hours ago" in page
    assert "Photograph from the field with Brown planthopper: 14" in page


def test_among_as_many_of_each_the_newest_is_named(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.store.commit([sighting(scene.before(hours=2), HOPPER, 2)])
    scene.store.commit([sighting(scene.before(minutes=5), BUG, 2)])
    scene.store.commit([sighting(scene.before(minutes=1), BUG, 1)])
    assert '<h1 id="headline">Slender rice bug: 2</h1>' in client.get("/").text


def test_what_is_there_stands_beside_the_two_days_before(scene: Scene, client: FlaskClient) -> None:
    seen(scene)
    assert "Most on one picture, each day: yesterday 4, the day before 3" in client.get("/").text


@pytest.mark.parametrize(
    ("back", "words"), [(1, "yesterday 2, the day before no data"), (2, "yesterday no data, the day before 2")]
)
def test_a_day_before_that_nobody_looked_at_is_no_zero(
    back: int, words: str, scene: Scene, client: FlaskClient
) -> None:
    well(scene)
    scene.store.commit([interval(scene.before(days=back), {HOPPER: 2})])
    scene.store.commit([sighting(scene.before(minutes=1), HOPPER, 3)])
    assert words in client.get("/").text


def test_before_the_second_day_nothing_is_compared(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.store.commit([sighting(scene.before(minutes=1), HOPPER, 3)])
    assert "yesterday" not in client.get("/").text


def test_the_picture_below_is_of_the_pest_that_is_spoken_of(scene: Scene, client: FlaskClient) -> None:
    over_the_level(scene)
    scene.store.commit([sighting(scene.before(seconds=9), BUG, 9)], picture_of("rice_bug.jpg"))
    page = client.get("/").text
    assert '<h1 id="headline">Brown planthopper: 14 yesterday</h1>' in page
    assert "Photograph from the field with Brown planthopper: 5" in page


def test_only_what_is_committed_is_shown(scene: Scene, client: FlaskClient) -> None:
    first_minutes(scene)
    scene.board.show(camera=CameraStatus(state="ok", frames=9, looked=9, last_frame=scene.before(seconds=1)))
    assert "planthopper" not in client.get("/").text
    scene.store.commit([sighting(scene.before(seconds=1))])
    assert "Brown planthopper: 3" in client.get("/").text


def test_all_that_was_seen_on_the_newest_picture_is_framed(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    both = [
        sighting(scene.before(minutes=1), HOPPER, 1),
        sighting(scene.before(minutes=1), BUG, 1, box=(0, 0.5, 0.25, 1)),
    ]
    scene.store.commit(both, picture_of("whitefly.jpg"))  # 416 x 312
    page = client.get("/").text
    assert page.count('class="box"') == 2
    assert '<rect class="box" x="0.0" y="156.0" width="104.0" height="156.0"/>' in page
    assert "The clearest one is framed." not in page


@pytest.mark.parametrize("broken", [b"", b"no picture", b"\xff\xd8\xff\xe0 cut off", picture_of("rice_bug.jpg")[:9000]])
def test_a_broken_picture_is_left_out_and_the_sentence_stays(broken: bytes, scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.store.commit([sighting(scene.before(minutes=1), count=3)], broken)
    page = client.get("/").text
    assert "Brown planthopper: 3" in page
    assert "<figure" not in page


def test_a_label_outside_the_table_is_shown_as_it_is(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.store.commit([sighting(scene.before(minutes=1), "Novum insectum", 1)])
    assert '<h1 id="headline">Novum insectum: 1</h1>' in client.get("/?lang=zh").text.replace("：", ": ")


def test_a_jump_of_the_wall_clock_leaves_the_age_of_the_last_picture_right(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.clock.jump(-86_400, scene.clock.state)
    assert "Last picture 12 seconds ago · Jun 30, 4:29\u202fPM" in client.get("/").text


def test_records_from_a_clock_that_ran_ahead_are_named_by_their_date(scene: Scene, client: FlaskClient) -> None:
    seen(scene)
    scene.clock.jump(-20 * 3600, scene.clock.state)
    page = client.get("/").text
    assert "Jul 1" in page
    assert "in 20 hours" not in page
    assert "just now" not in page
    for text in (page, client.get("/seen").text):
        assert not re.search(r"(Jul 1, \S+\s[AP]M)(: | · )\1", text)  # and once is enough


def test_what_a_clock_that_was_a_year_ahead_saw_is_not_of_the_last_24_hours(scene: Scene, client: FlaskClient) -> None:
    nothing(scene)
    scene.store.commit([sighting(scene.before(days=-365), HOPPER, 9)], picture_of("planthopper.jpg"))
    for address in ("/", "/seen"):
        assert "Brown planthopper" not in client.get(address).text
    assert '<h1 id="headline">No pest seen in the last 24 hours.</h1>' in client.get("/").text


def test_a_store_that_cannot_be_read_is_said_in_words(scene: Scene, client: FlaskClient) -> None:
    seen(scene)
    scene.store.close()
    answer = client.get("/")
    assert answer.status_code == 503
    assert "The node cannot read what it has stored" in answer.text


def test_what_the_card_does_not_take_is_said_to_be_not_noted(scene: Scene, client: FlaskClient) -> None:
    over_the_level(scene)
    as_role(client, scene, Role.FARMER)
    deed = {**form_on(client.get("/").text, "/done"), "csrf": token_on(client, "/")}
    scene.store.decisions.close()
    answer = client.post("/done", data=deed)
    assert answer.status_code == 503
    assert "This was not noted: the node cannot store it. Show this page to your technician." in answer.text
    assert "The node cannot read" not in answer.text


@pytest.mark.parametrize(
    ("state", "problem", "code"), [("ok", "", 200), ("missing", "", 503), ("ok", "bad model", 503)]
)
def test_healthz_says_only_whether_the_node_looks(
    state: str, problem: str, code: int, scene: Scene, client: FlaskClient
) -> None:
    well(scene)
    scene.board.show(camera=replace(scene.board.snapshot().camera, state=state), problem=problem)
    answer = client.get("/healthz")
    assert answer.status_code == code
    assert answer.json == {"ok": code == 200}


def test_each_row_leads_to_its_photograph_with_the_frame(scene: Scene, client: FlaskClient) -> None:
    seen(scene)
    oldest = scene.store.latest_sightings(3)[-1].record.picture
    assert 'href="/seen"' not in client.get("/").text
    assert f'href="/seen/{oldest}"' in client.get("/").text
    page = client.get(f"/seen/{oldest}").text
    assert "<h1>Slender rice bug: 1</h1>" in page
    assert page.count('class="box"') == 1


def test_a_photograph_of_the_day_before_that_is_still_kept_is_shown(scene: Scene, client: FlaskClient) -> None:
    seen(scene)
    (newest,) = scene.store.latest_sightings(1)
    scene.clock.advance(25 * 3600)  # of a page that lay open
    answer = client.get(f"/seen/{newest.record.picture}", follow_redirects=True)
    assert answer.status_code == 200
    assert answer.data == scene.store.picture(newest.record.picture)


def test_a_photograph_that_is_gone_is_said_to_be_gone(scene: Scene, client: FlaskClient) -> None:
    seen(scene)
    answer = client.get("/seen/never-there", follow_redirects=True)
    assert answer.status_code == 404
    assert "This picture is no longer kept on the node." in answer.text


def test_missing_days_are_named_apart_from_days_before_the_first(scene: Scene, client: FlaskClient) -> None:
    seen(scene)
    assert "Data since Jun 19. 2 days without data are hatched: that is not a zero." in client.get("/").text
    scene.store.commit([interval(scene.before(days=back, hours=3), {}) for back in (13, 7, 6)])
    page = client.get("/").text
    assert ("Data since" in page, "without data" in page) == (False, False)


def test_more_sightings_than_fit_are_one_touch_away(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.store.commit([sighting(scene.before(minutes=m)) for m in range(9, 0, -1)])
    page = client.get("/").text
    assert page.count('<span class="name">') == 6
    assert '<a class="button" href="/seen">All 9</a>' in page
    lately = client.get("/seen").text
    assert lately.count('<span class="name">') == 9
    assert "newest" not in lately


def test_a_list_that_is_cut_off_is_not_called_all(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.store.commit([sighting(scene.before(minutes=m)) for m in range(60, 0, -1)])
    page = client.get("/").text
    assert '<a class="button" href="/seen">The newest 50</a>' in page
    lately = client.get("/seen").text
    assert lately.count('<span class="name">') == 50
    assert '<p class="soft">The newest 50</p>' in lately


def test_what_most_was_seen_of_is_named_however_much_was_seen_since(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.store.commit([sighting(scene.before(hours=9), label="Nilaparvata lugens", count=14)])
    later = [sighting(scene.before(minutes=m), label="Leptocorisa", count=1) for m in range(200, 0, -1)]
    scene.store.commit(later)
    assert "Brown planthopper: 14</h1>" in client.get("/").text


class Flickering(StatusBoard):
    """Its camera goes or comes back between two looks at it."""

    def snapshot(self) -> Snapshot:
        found = super().snapshot()
        state = "ok" if found.camera.state == "missing" else "missing"
        self.show(camera=replace(found.camera, state=state))
        return found


def test_a_page_says_one_thing_though_the_camera_goes_while_it_is_made(scene: Scene) -> None:
    scene.board = Flickering(scene.clock.now())
    well(scene)
    client = scene.app().test_client()
    pages = [client.get("/").text for _ in range(3)]
    gone = ["The camera does not answer." in page for page in pages]
    assert gone == ["To look at: Camera" in page for page in pages]
    assert set(gone) == {True, False}


def test_a_fault_of_the_page_is_told_in_words_and_without_its_cause(scene: Scene) -> None:
    app = scene.app()
    app.view_functions["pages.node_health"] = needs(Role.READER)(lambda: 1 / 0)
    answer = app.test_client().get("/node")
    assert answer.status_code == 500
    assert "The page has a fault; the node works on." in answer.text
    assert "Zero" not in answer.text
    assert answer.headers["Content-Security-Policy"]
