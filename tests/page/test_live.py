"""The live picture costs one encoding for all who look, and none when nobody does."""

import cv2
import numpy as np
from flask.testing import FlaskClient

from edge.boxes import Image
from edge.page.live import LivePicture
from edge.status import StatusBoard
from tests.clocks import SetClock
from tests.page.scenes import FRAMES, Scene, well


def frame(name: str) -> Image:
    return np.asarray(cv2.imread(str(FRAMES / name)), np.uint8)


def live_with(name: str) -> tuple[LivePicture, StatusBoard, SetClock]:
    clock = SetClock()
    board = StatusBoard(clock.now())
    board.show_frame(frame(name))
    return LivePicture(board, clock), board, clock


def test_nobody_looking_encodes_nothing() -> None:
    live, _, _ = live_with("rice_bug.jpg")
    assert live.encoded == 0


def test_twenty_phones_within_half_a_second_share_one_encoding() -> None:
    live, board, clock = live_with("rice_bug.jpg")
    first = live.jpeg()
    board.show_frame(frame("whitefly.jpg"))
    clock.advance(0.4)
    assert {live.jpeg() for _ in range(20)} == {first}
    assert live.encoded == 1


def test_a_new_frame_is_shown_after_half_a_second() -> None:
    live, board, clock = live_with("rice_bug.jpg")
    first = live.jpeg()
    board.show_frame(frame("whitefly.jpg"))
    clock.advance(0.5)
    assert live.jpeg() != first
    assert live.encoded == 2


def test_an_unchanged_frame_is_not_encoded_again() -> None:
    live, _, clock = live_with("rice_bug.jpg")
    live.jpeg()
    clock.advance(60)
    live.jpeg()
    assert live.encoded == 1


def test_a_large_frame_is_shown_smaller_with_its_aspect() -> None:
    live, board, _ = live_with("rice_bug.jpg")
    board.show_frame(cv2.resize(frame("rice_bug.jpg"), (2304, 1296)))
    shown = cv2.imdecode(np.frombuffer(live.jpeg() or b"", np.uint8), cv2.IMREAD_COLOR)
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


def test_without_scripts_the_live_page_has_a_picture_and_a_link_for_the_next(client: FlaskClient, scene: Scene) -> None:
    well(scene)
    page = client.get("/live").text
    assert 'src="/live.jpg"' in page
    assert 'href="/live"' in page
