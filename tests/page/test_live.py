"""The live picture costs one encoding for all who look."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient

from edge.calibration import Calibration, Region, exposure, focused
from edge.counts import Seen
from edge.page.live import LivePicture
from edge.page.trust import Role
from edge.status import StatusBoard
from tests.clocks import SetClock
from tests.counting import cutouts
from tests.page.scenes import Scene, frame_of, well
from tests.page.visitors import as_role, log_in, person

REMEMBER = 'action="/set-up/focus"'


def live_picture() -> tuple[LivePicture, StatusBoard, SetClock]:
    clock = SetClock()
    board = StatusBoard(clock.now())
    board.show_frame(frame_of("rice_bug.jpg"))
    return LivePicture(board, clock), board, clock


def lights_shown(client: FlaskClient) -> list[str]:
    """The lines on the light that a reader sees."""
    page = client.get("/live").text
    return [line for line in page.splitlines() if "data-light" in line and "hidden>" not in line]


def test_twenty_phones_within_half_a_second_share_one_encoding() -> None:
    live, board, clock = live_picture()
    first = live.shot()
    board.show_frame(frame_of("whitefly.jpg"))
    clock.advance(0.4)
    assert all(live.shot() is first for _ in range(20))


def test_a_new_frame_is_shown_after_half_a_second() -> None:
    live, board, clock = live_picture()
    first = live.shot()
    board.show_frame(frame_of("whitefly.jpg"))
    clock.advance(0.5)
    assert live.shot() != first


def test_an_unchanged_frame_is_not_encoded_again() -> None:
    live, _, clock = live_picture()
    first = live.shot()
    clock.advance(60)
    assert live.shot() is first


def test_a_large_frame_is_shown_smaller_with_its_aspect() -> None:
    live, board, _ = live_picture()
    board.show_frame(cv2.resize(frame_of("rice_bug.jpg"), (2304, 1296)))
    taken = live.shot()
    assert taken is not None
    shown = cv2.imdecode(np.frombuffer(taken.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape[:2] == (540, 960)


def test_before_the_first_frame_the_picture_is_not_found_and_the_page_says_so(client: FlaskClient) -> None:
    assert client.get("/live.jpg").status_code == 404
    assert "No picture yet" in client.get("/live").text


def test_the_picture_carries_its_age_and_is_never_kept(client: FlaskClient, scene: Scene) -> None:
    well(scene)
    answer = client.get("/live.jpg")
    assert answer.mimetype == "image/jpeg"
    assert answer.headers["Picture-Age-S"] == "12"
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_the_lens_is_turned_by_and_what_a_picture_costs_are_for_the_technician(
    client: FlaskClient, scene: Scene
) -> None:
    well(scene)
    page = as_role(client, scene, Role.FARMER).get("/live").text
    assert "The light is good." in page
    assert [words for words in ("Sharpness", "JavaScript", "kB", "Board") if words in page] == []
    log_in(client, person(scene, Role.TECHNICIAN))
    page = client.get("/live").text
    assert [words for words in ("Sharpness", "JavaScript", "kB", "Board") if words not in page] == []


def test_without_scripts_the_live_page_has_a_picture_and_a_link_for_the_next(client: FlaskClient, scene: Scene) -> None:
    well(scene)
    page = client.get("/live").text
    assert 'src="/live.jpg"' in page
    assert 'href="/live"' in page


def test_sharpness_falls_when_the_lens_is_turned_away_from_focus() -> None:
    live, board, clock = live_picture()
    sharp = live.shot()
    board.show_frame(cv2.GaussianBlur(frame_of("rice_bug.jpg"), (0, 0), 3))
    clock.advance(1)
    soft = live.shot()
    assert sharp is not None
    assert soft is not None
    assert soft.sharpness < 0.3 * sharp.sharpness


def test_sharpness_and_light_are_those_that_are_remembered_and_watched_in_the_region_that_counts() -> None:
    live, board, clock = live_picture()
    large = np.asarray(cv2.resize(frame_of("rice_bug.jpg"), (1400, 1400)), np.uint8)
    large[:, 700:] = 255
    board.show_frame(large)
    whole, left = Region(), Region(((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
    for region in (whole, left):  # drawn while the view is open, on a picture that stays
        board.show(calibration=Calibration(at=clock.utc, who="Mei", rotation_deg=0, region=region))
        clock.advance(1)
        shot = live.shot()
        assert shot is not None
        assert (shot.sharpness, shot.light) == (focused(large, region).sharpness, exposure(large, region))


@pytest.mark.parametrize(
    ("light", "words"),
    [
        (128, "The light is good."),
        (30, "The light is not even"),
        (0, "Large parts are black"),
        (255, "Too bright to count"),
    ],
)
def test_the_light_is_told_in_words(light: int, words: str, client: FlaskClient, scene: Scene) -> None:
    scene.board.show_frame(np.full((240, 320, 3), light, np.uint8))
    (shown,) = lights_shown(client)
    assert words in shown


@pytest.mark.parametrize("path", sorted(cutouts.DEMO.glob("*.jpg")), ids=lambda path: path.stem)
def test_of_the_demo_pictures_one_is_dark_and_two_have_white_spots(
    path: Path, client: FlaskClient, scene: Scene
) -> None:
    words = {
        "06-rice-bug": "parts are too bright or too dark",
        "09-mealybugs": "parts are too bright or too dark",
        "14-diamondback-moth": "Large parts are black",
    }
    scene.board.show_frame(np.asarray(cv2.imread(str(path)), np.uint8))
    (shown,) = lights_shown(client)
    assert words.get(path.stem, "The light is good.") in shown


def test_a_dark_picture_with_a_lamp_in_it_is_too_bright(client: FlaskClient, scene: Scene) -> None:
    picture = np.full((240, 320, 3), 60, np.uint8)
    picture[:100, :100] = 255
    scene.board.show_frame(picture)
    (shown,) = lights_shown(client)
    assert "Too bright to count" in shown


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("missing", "The camera does not answer."),
        ("stalled", "The camera has stopped giving pictures"),
        ("repeating", "The camera repeats one picture"),
    ],
)
def test_below_the_last_picture_of_a_camera_that_is_gone_stands_no_light(
    state: str, words: str, client: FlaskClient, scene: Scene
) -> None:
    well(scene)
    scene.board.show(camera=replace(scene.board.snapshot().camera, state=state))
    (shown,) = lights_shown(client)
    assert words in shown
    assert client.get("/live.jpg").headers["Picture-Light"] == "unknown"
    technician = as_role(client, scene, Role.TECHNICIAN)
    assert REMEMBER not in technician.get("/live").text, "its sharpness may be from before the lens was turned"
    scene.board.show(camera=replace(scene.board.snapshot().camera, state="ok"))
    assert REMEMBER in technician.get("/live").text


def test_what_the_model_sees_is_framed_and_counted_on_the_picture_of_that_frame_only() -> None:
    live, board, clock = live_picture()
    plain = live.shot()
    board.show_frame(frame_of("rice_bug.jpg"), [Seen("Leptocorisa", "", 0.9, (0.2, 0.3, 0.6, 0.7))])
    clock.advance(1)
    framed = live.shot()
    assert plain is not None
    assert framed is not None
    assert (plain.seen, framed.seen) == (None, ("Leptocorisa",))
    drawn = cv2.imdecode(np.frombuffer(framed.jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)
    height_px, width_px = drawn.shape[:2]
    left, middle = round(0.2 * width_px), round(0.5 * height_px)
    assert (drawn[middle, left, 1:] > 150).all()  # yellow: green and red
    assert framed.sharpness == plain.sharpness  # measured on the picture, not on the frames


def test_the_loop_hears_that_somebody_looks_and_that_nobody_does_any_more() -> None:
    live, board, clock = live_picture()
    assert not board.is_watched(clock.monotonic_s())
    live.shot()
    clock.advance(4)
    assert board.is_watched(clock.monotonic_s())
    clock.advance(2)
    assert not board.is_watched(clock.monotonic_s())


def test_the_board_for_millimetres_is_a_pdf_to_print(client: FlaskClient) -> None:
    answer = client.get("/board.pdf")
    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF-")
