"""Addresses of streams and snapshots: how each is opened, what it shows, and what is said of one that does not open."""

import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

import cv2
import numpy as np
import pytest

from edge.cameras import open_camera, open_watched_camera
from edge.cameras.stream import STREAM_OPTIONS
from edge.clock import SystemClock
from edge.errors import BadFrameError, CameraError
from tests.cameras.sources import (
    BACK_WITHIN_S,
    NOTICED_WITHIN_S,
    Health,
    NetworkCamera,
    camera_table,
    film_of,
    late_key_frame,
    read_until_error,
)
from tests.waiting import next_line


def test_a_stream_that_is_joined_between_key_frames_gives_its_first_whole_picture_and_nothing_before() -> None:
    with late_key_frame(after_s=2) as address:
        table = camera_table("opencv", address, stall_s=0.5)  # FFmpeg's own time-out is a second more
        with open_watched_camera(table, SystemClock(), Event()) as camera:
            assert camera.read(BACK_WITHIN_S).image.std() > 80  # the smears before it: 18


def test_a_stream_that_comes_over_udp_alone_is_told_how_to_send() -> None:
    with late_key_frame(after_s=0, by_tcp=False) as address:
        with open_camera(camera_table("opencv", address), SystemClock()) as camera:
            error, _ = read_until_error(camera, NOTICED_WITHIN_S)
        assert "let the camera send over TCP, not UDP alone" in str(error)


def test_a_stream_whose_pictures_become_smaller_shows_each_whole(source: NetworkCamera) -> None:
    shades = {side: np.full((side, side, 3), side, np.uint8) for side in (128, 64)}
    source.pictures = [cv2.imencode(".jpg", shades[128])[1].tobytes()]
    with open_camera(camera_table("opencv", source.address), SystemClock()) as camera:
        assert np.ptp(camera.read(NOTICED_WITHIN_S).image) == 0
        source.pictures = [cv2.imencode(".jpg", shades[64])[1].tobytes()]
        after = [camera.read(NOTICED_WITHIN_S).image for _ in range(5)][-1]
    assert after.max() < 70  # else a piece of the larger one is left


@pytest.mark.parametrize("health", ["playing", "a snapshot"])
def test_a_picture_that_the_line_cuts_off_is_passed_over_and_not_filled_up(source: NetworkCamera, health: str) -> None:
    source.health = health  # type: ignore[assignment]
    with open_watched_camera(camera_table("opencv", source.address), SystemClock(), Event()) as camera:
        camera.read(NOTICED_WITHIN_S)
        source.pictures = [jpeg[: len(jpeg) // 2] for jpeg in source.pictures]
        error, _ = read_until_error(camera, NOTICED_WITHIN_S, most=20)  # some may have been on their way
    assert isinstance(error, BadFrameError)
    assert error.reason == "truncated"


def test_a_stream_that_would_take_the_nodes_memory_is_refused_and_the_largest_smaller_one_is_shown(
    source: NetworkCamera, tmp_path: Path
) -> None:
    source.health, said = "a snapshot", []
    for size in ((2592, 1944), (3072, 2048)):
        source.pictures = [film_of(*size, tmp_path)]
        with open_camera(camera_table("opencv", source.address), SystemClock()) as camera:
            try:
                said.append(str(camera.read(NOTICED_WITHIN_S).image.shape))
            except CameraError as why:
                said.append(str(why))
    assert said[0] == "(1944, 2592, 3)"
    assert "its picture is of 3072x2048 px" in said[1]
    assert said[1].endswith("choose a smaller one, the camera's second stream, or JPEG")


def test_a_snapshot_of_more_pixels_than_a_stream_may_have_is_shown(source: NetworkCamera) -> None:
    source.health = "a snapshot"
    source.pictures = [cv2.imencode(".jpg", np.zeros((2048, 3072, 3), np.uint8))[1].tobytes()]
    with open_camera(camera_table("opencv", source.address), SystemClock()) as camera:
        assert camera.read(NOTICED_WITHIN_S).image.shape == (2048, 3072, 3)


@pytest.mark.parametrize("path", ["a.jpg", "snap/A.JPEG", "a.jpg?", "a.jpg?n=1", "a.cgi"])
def test_a_snapshot_whose_length_nobody_tells_is_shown_whatever_its_path_ends_in(
    source: NetworkCamera, path: str
) -> None:
    source.health = "a snapshot of no told length"
    address = source.address.replace("field.mjpg", path)
    with open_camera(camera_table("opencv", address), SystemClock()) as camera:
        assert camera.read(NOTICED_WITHIN_S).image.any()


def test_a_snapshot_of_a_camera_that_knows_no_query_is_shown(source: NetworkCamera) -> None:
    source.health = "a snapshot without query"
    address = source.address.replace("field.mjpg", "a.jpg")
    with open_camera(camera_table("opencv", address), SystemClock()) as camera:
        assert camera.read(NOTICED_WITHIN_S).image.any()


def test_the_form_of_an_address_that_gave_a_picture_is_asked_alone_until_it_gives_none(source: NetworkCamera) -> None:
    steps: list[tuple[Health, int, bool]] = [  # how often it is asked, and whether it is shown
        ("a snapshot without query", 2, True),
        ("a snapshot without query", 1, True),
        ("locked", 1, False),  # a wrong password that is sent twice locks out twice as soon
        ("a snapshot without query", 1, False),  # another camera may stand there: the other form's turn
        ("a snapshot without query", 1, True),
        ("a snapshot of no told length", 1, False),
        ("a snapshot of no told length", 1, True),
        ("a snapshot without query", 1, False),
        ("a snapshot without query", 1, True),
    ]
    table = camera_table("opencv", source.address.replace("field.mjpg", "strict.jpg"))
    asked = []
    for source.health, _, _ in steps:
        before = source.connections
        with open_camera(table, SystemClock()) as camera:
            try:
                is_shown = camera.read(NOTICED_WITHIN_S).image.any()
            except CameraError:
                is_shown = False
        asked.append((source.health, source.connections - before, is_shown))
    assert asked == steps


def test_a_silent_camera_is_told_as_silent_and_not_waited_for_a_second_time_without_a_query(
    source: NetworkCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.cameras.stream._OWNERS_OPTIONS", "timeout;300000")
    monkeypatch.setattr("edge.cameras.stream.REFUSED_S", 0.2)
    source.health = "silent"
    address = source.address.replace("field.mjpg", "a.jpg")
    with open_camera(camera_table("opencv", address), SystemClock()) as camera:
        error, _ = read_until_error(camera, NOTICED_WITHIN_S)
    assert "what answers there gave no picture within" in str(error)
    assert "; look at camera, network, user name and password, or choose" in str(error)  # some keep a refusal back
    assert source.connections == 1


def test_a_snapshot_is_turned_as_the_camera_hangs_and_not_by_its_exif_too(source: NetworkCamera) -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)  # on its side
    wide = cv2.imencode(".jpg", np.zeros((40, 80, 3), np.uint8))[1].tobytes()
    source.health = "a snapshot"
    source.pictures = [wide[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + wide[2:]]
    with open_camera(camera_table("opencv", source.address, rotation_deg=90), SystemClock()) as camera:
        assert camera.read(NOTICED_WITHIN_S).image.shape == (80, 40, 3)


def test_an_rtmp_camera_is_called_and_not_waited_for() -> None:
    """FFmpeg's `timeout`, which ends the wait for a silent host elsewhere, made a server of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(NOTICED_WITHIN_S)
        with open_camera(camera_table("opencv", f"rtmp://127.0.0.1:{server.getsockname()[1]}/live"), SystemClock()):
            caller, _ = server.accept()
            with caller:
                caller.settimeout(NOTICED_WITHIN_S)
                assert caller.recv(1)[0] == 3  # the version, with which a client begins


def test_a_snapshot_that_came_before_it_was_asked_for_is_not_lost(source: NetworkCamera) -> None:
    source.health = "a snapshot"
    with open_camera(camera_table("opencv", source.address), SystemClock()) as camera:
        Event().wait(0.5)  # on a calm machine it is there by then
        frame = camera.read(NOTICED_WITHIN_S)
        assert (frame.image.any(), frame.dropped) == (True, 0)


def test_a_camera_that_refuses_the_password_is_told_from_one_that_is_not_there(source: NetworkCamera) -> None:
    source.health = "locked"
    said = []
    for be_away in (lambda: None, source.unplug):
        be_away()
        with open_camera(camera_table("opencv", source.address), SystemClock()) as camera:
            said.append(str(read_until_error(camera, NOTICED_WITHIN_S)[0]))
    source.plug_in()
    assert "gives no pictures for this address, user name and password; correct camera.source" in said[0]
    assert "cannot be opened; look at plug or network" in said[1]
    assert "s3cret" not in said[0]
    assert "TCP" not in said[0], "that is RTSP's"
    assert source.connections == 1, "a wrong password that is sent twice locks out twice as soon"


def test_an_address_of_a_cameras_log_in_page_is_told_as_one_to_correct(source: NetworkCamera) -> None:
    source.health = "a snapshot"
    source.pictures = [b"<html><form>Log in</form></html>"]
    address = source.address.replace("field.mjpg", "snapshot.cgi")  # which FFmpeg opens, whatever it holds
    with open_camera(camera_table("opencv", address), SystemClock()) as camera:
        error, _ = read_until_error(camera, NOTICED_WITHIN_S)
    assert "gives no picture; correct camera.source if it is a web page's, else look at plug or network" in str(error)


def test_a_log_in_page_at_the_address_of_a_picture_is_told_as_such(source: NetworkCamera) -> None:
    """A page of the session's end was "no JPEG; convert it"."""
    source.health = "a snapshot"
    source.pictures = [b"<html><form>Log in</form></html>"]
    address = source.address.replace("field.mjpg", "snapshot.jpg")
    with open_camera(camera_table("opencv", address), SystemClock()) as camera:
        error, _ = read_until_error(camera, NOTICED_WITHIN_S)
    assert "perhaps a log-in or error page; open the address in a browser" in str(error)


@pytest.mark.parametrize("address", ["rtspx://127.0.0.1/a", "http://127.0.0.1:99999/a", "http:///a"])
def test_what_is_no_address_of_a_camera_is_told_as_one_that_cannot_be_opened(address: str) -> None:
    with open_camera(camera_table("opencv", address), SystemClock()) as camera:
        error, _ = read_until_error(camera, NOTICED_WITHIN_S)
    assert f"camera {address}: cannot be opened; look at plug or network" in str(error)


@pytest.mark.parametrize("hangs", [False, True])
def test_a_camera_whose_name_nobody_knows_is_told_so_and_name_servers_that_hang_are_not_asked_twice(
    hangs: bool, source: NetworkCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dead name servers hold FFmpeg for a minute; with another one the reader would pass for stuck and end the node."""
    address = "rtsp://camera.invalid/field"
    if hangs:
        address, source.health = source.address, "locked"  # who answers would be asked, and told as one that refuses
        monkeypatch.setattr("edge.cameras.stream.LONGEST_SILENCE_S", 0.0)
    with open_camera(camera_table("opencv", address), SystemClock()) as camera:
        error, _ = read_until_error(camera, NOTICED_WITHIN_S)
    assert str(error).endswith(": the name of its host is not known; look at network and DNS, or correct camera.source")


def test_an_opened_camera_that_is_never_read_is_closed_without_waiting(source: NetworkCamera) -> None:
    began_s = time.monotonic()
    open_camera(camera_table("opencv", source.address), SystemClock()).close()
    assert time.monotonic() - began_s < 20


@pytest.mark.faults
def test_a_stream_that_does_not_begin_cannot_be_opened_and_says_so_in_seconds(
    source: NetworkCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.cameras.stream._OWNERS_OPTIONS", STREAM_OPTIONS.replace("timeout;10", "timeout;1"))
    monkeypatch.setattr("edge.cameras.stream.REFUSED_S", 0.5)
    source.health = "stalled"
    with (
        pytest.raises(CameraError, match="gave no picture within 1 s"),
        open_camera(camera_table("opencv", source.address), SystemClock()) as camera,
    ):
        camera.read(20)


@pytest.mark.usefixtures("impatient")
def test_a_stream_that_is_silent_when_its_node_stops_is_no_fault_and_the_next_node_has_it(
    source: NetworkCamera,
) -> None:
    for _ in range(2):
        with open_watched_camera(camera_table("opencv", source.address), SystemClock(), Event()) as camera:
            source.every_s = 5.0
            began_s = camera.read(NOTICED_WITHIN_S).instant.monotonic_s
        assert time.monotonic() - began_s < NOTICED_WITHIN_S
    assert source.connections == 2


READS_ONCE = """
import atexit, sys, threading
from edge.cameras import open_camera
from edge.clock import SystemClock
from edge.config import CameraTable

atexit.register(lambda: print([one.name for one in threading.enumerate() if one.name.startswith("camera")]))
with open_camera(CameraTable(kind="opencv", source=sys.argv[1], stall_s=1.0), SystemClock()) as camera:
    camera.read(10)
    print("read", flush=True)
    sys.stdin.readline()
"""


def test_a_process_ends_after_the_reader_of_its_silent_stream_and_is_not_aborted_by_it(source: NetworkCamera) -> None:
    command = [sys.executable, "-c", READS_ONCE, source.address]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert next_line(process) == "read\n"
        source.health = "stalled"
        rest, _ = process.communicate("stop\n", timeout=60)
    assert (process.returncode, rest) == (0, "[]\n")
