"""One consistent view for every thread."""

from threading import Thread

import numpy as np

from edge.status import CameraStatus, LinkStatus, StatusBoard
from tests.clocks import SetClock


def test_each_owner_replaces_its_own_part_only() -> None:
    board = StatusBoard(SetClock().now())
    board.show(camera=CameraStatus(state="ok", frames=3))
    board.show(link=LinkStatus(state="lost", detail="broker away"))
    now = board.snapshot()
    assert (now.camera.frames, now.link.detail, now.problem) == (3, "broker away", "")


def test_threads_that_show_at_once_lose_nothing_of_each_other() -> None:
    board = StatusBoard(SetClock().now())

    def show_cameras() -> None:
        for frames in range(500):
            board.show(camera=CameraStatus(frames=frames))

    def show_links() -> None:
        for acknowledged in range(500):
            board.show(link=LinkStatus(acknowledged=acknowledged))

    threads = [Thread(target=show_cameras), Thread(target=show_links)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (board.snapshot().camera.frames, board.snapshot().link.acknowledged) == (499, 499)


def test_there_is_no_frame_before_the_first() -> None:
    board = StatusBoard(SetClock().now())
    assert board.frame() is None
    image = np.zeros((2, 2, 3), np.uint8)
    board.show_frame(image)
    assert board.frame() is image
