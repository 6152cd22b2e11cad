"""What the doctor says of the camera, which a running node has or which it opens itself."""

import shutil
from contextlib import closing
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
from msgspec.structs import replace

from edge.cameras.watch import FIRST_PICTURE_S
from edge.clock import SystemClock
from edge.config import (
    CameraTable,
    GateTable,
    PageTable,
    StoreTable,
)
from edge.status import CameraStatus, StatusBoard
from edge.store import Store
from tests.cameras.sources import PICTURES, film_of, network_camera, picture_of
from tests.cli.nodes import AT, IN_USE, camera_of, config, running_page, verdict_on


@pytest.mark.parametrize(
    ("camera", "state", "says"),
    [
        (
            CameraStatus(state="ok", frames=7, last_frame=AT),
            "ok",
            "has it: 7 pictures, the last at 2026-07-01 12:00:00",
        ),
        (
            CameraStatus(state="ok", frames=7, last_frame=AT, skipped={"dark": 2, "colourless": 5}),
            "worth a look",
            "12:00:00 UTC, but each shows nothing: colourless: turn infrared off by day; for a monochrome camera set",
        ),
        (
            CameraStatus(state="ok", frames=7, last_frame=AT, skipped={"dark": 2, "no_leaf": 5}),
            "worth a look",
            "but each shows nothing: no_leaf: nothing in view is green; turn the camera to the plants",
        ),
        (
            CameraStatus(state="ok", frames=7, looked=5, last_frame=AT, skipped={"dark": 2}),
            "ok",
            "has it: 7 pictures, the last at 2026-07-01 12:00:00",
        ),
        (CameraStatus(), "worth a look", "is opening it; ask again in a minute"),
        (CameraStatus(state="missing"), "not well", "gets no new pictures from it (missing); look at its cable"),
        (CameraStatus(state="ended", frames=7), "ok", "has shown all its 7 pictures"),
    ],
)
def test_a_camera_that_the_running_node_has_is_not_opened_and_told_as_the_node_sees_it(
    camera: CameraStatus, state: str, says: str, tmp_path: Path
) -> None:
    with running_page(tmp_path, StatusBoard(AT), camera) as settings:
        assert camera_of(settings)[0] == state
        assert says in camera_of(settings)[1]


@pytest.mark.parametrize("options", [{}, {"fed": True}, {"loop": True}], ids=str)
@pytest.mark.parametrize(
    ("beside", "state", "says"), [(True, "ok", "2.jpg: "), (False, "not well", "1.heic is no JPEG, PNG")]
)
def test_a_folders_file_that_is_no_picture_is_told_where_no_picture_follows(
    options: dict[str, bool], beside: bool, state: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "1.heic").write_bytes(b"\0\0\0\x18ftypheic")
    if beside:
        shutil.copy(PICTURES[0], tmp_path / "2.jpg")
    camera = CameraTable(kind="folder", source=str(tmp_path), **options)
    told_state, sentence = camera_of(replace(config(tmp_path / "state"), camera=camera))
    assert (told_state, sentence.startswith(says)) == (state, True)


@pytest.mark.parametrize("left_bytes", [0, 9000], ids=["empty", "cut off"])
def test_an_upload_that_broke_off_does_not_make_a_folder_bad_in_which_good_ones_follow(
    left_bytes: int, tmp_path: Path
) -> None:
    (tmp_path / "1.jpg").write_bytes(PICTURES[0].read_bytes()[:left_bytes])
    shutil.copy(PICTURES[0], tmp_path / "2.jpg")
    camera = CameraTable(kind="folder", source=str(tmp_path))
    told, says = camera_of(replace(config(tmp_path / "state"), camera=camera))
    assert (told, says.partition(":")[0]) == ("ok", "2.jpg")


@pytest.mark.parametrize(("levels", "state"), [(3.0, "worth a look"), (0.0, "ok")])
def test_a_monochrome_camera_is_told_which_key_lets_it_look_and_is_well_with_that(
    levels: float, state: str, tmp_path: Path
) -> None:
    grey = np.repeat(picture_of(PICTURES[0])[..., 1:2], 3, axis=2)
    cv2.imwrite(str(tmp_path / "1.png"), grey)
    camera = CameraTable(kind="folder", source=str(tmp_path))
    settings = replace(config(tmp_path / "state"), camera=camera, gate=GateTable(colourless_levels=levels))
    told_state, sentence = camera_of(settings)
    assert (told_state, "set gate.colourless_levels = 0" in sentence) == (state, state != "ok")


@pytest.mark.parametrize(("every_s", "state"), [(1.0, "worth a look"), (4.0, "ok")])
def test_a_running_node_whose_looks_take_too_long_for_visits_is_worth_a_look_unless_it_is_set_to_count_none(
    every_s: float, state: str, tmp_path: Path
) -> None:
    slow = CameraStatus(state="ok", frames=7, last_frame=AT, ms_per_frame=3100.0)
    with running_page(tmp_path, StatusBoard(AT), slow) as settings:
        camera = CameraTable(kind="opencv", source="/dev/video97", every_s=every_s)
        told_state, sentence = camera_of(replace(settings, camera=camera))
    assert told_state == state
    assert ("a look takes 3.1 s" in sentence) == (state != "ok")


def test_a_stream_whose_pictures_are_seconds_apart_is_well(tmp_path: Path) -> None:
    with network_camera() as source:
        source.every_s = 6.0
        settings = replace(config(tmp_path), camera=CameraTable(kind="opencv", source=source.address))
        state, sentence = camera_of(settings)
    assert (state, "s3cret" in sentence) == ("ok", False)
    assert "px" in sentence


def test_a_stream_that_would_take_the_nodes_memory_is_not_well(tmp_path: Path) -> None:
    with network_camera([film_of(3072, 2048, tmp_path)]) as source:
        source.health = "a snapshot"
        settings = replace(config(tmp_path), camera=CameraTable(kind="opencv", source=source.address))
        state, sentence = camera_of(settings)
    assert state == "not well"
    assert sentence.endswith("choose a smaller one, the camera's second stream, or JPEG")


def test_a_node_that_does_not_look_leaves_its_camera_to_the_doctor(tmp_path: Path) -> None:
    board = StatusBoard(AT)
    board.show(problem="no model")
    with running_page(tmp_path, board, CameraStatus()) as settings:
        assert "look at plug or network" in camera_of(settings)[1]


@pytest.mark.parametrize("page", [PageTable(port=1), None], ids=["page does not answer", "no page"])
def test_a_running_node_that_does_not_tell_of_its_camera_is_no_node_that_is_not_ready(
    page: PageTable | None, tmp_path: Path
) -> None:
    settings = replace(IN_USE, store=StoreTable(folder=str(tmp_path)), page=page)
    with closing(Store(settings.store, settings.node.node)):
        state, sentence = camera_of(settings)
    assert state == "worth a look"
    assert "the running node has it and does not say how it is" in sentence
    assert camera_of(settings)[0] == "not well"  # once that node has ended


def test_a_page_that_only_opens_to_those_who_log_in_does_not_make_the_camera_bad(tmp_path: Path) -> None:
    with running_page(tmp_path, StatusBoard(AT), CameraStatus(), open_to_read=False) as settings:
        assert camera_of(settings)[0] == "worth a look"


@pytest.mark.parametrize("kind", ["folder", "opencv"])
def test_a_folder_or_video_that_is_not_there_is_said_at_once(kind: Literal["folder", "opencv"], tmp_path: Path) -> None:
    there = config(tmp_path)
    missing = replace(there, camera=CameraTable(kind=kind, source=str(tmp_path / "nowhere")))
    clock = SystemClock()
    began_s = clock.monotonic_s()
    camera = verdict_on("camera", missing, clock)
    assert clock.monotonic_s() - began_s < FIRST_PICTURE_S / 2
    assert camera.state == "not well"
    assert "correct camera.source" in camera.sentence
