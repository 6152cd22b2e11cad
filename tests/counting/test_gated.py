"""Gate and tracker together in the node's own loop: real insects on a film of a real leaf, on a set clock."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Protocol

import cv2
import numpy as np
import pytest

from edge.bundle import MODELS, find_bundle, load_release
from edge.cameras import Frame, WatchedCamera
from edge.cameras.opencv import VideoFile
from edge.climate import NoSensor
from edge.config import CameraTable, parse_config
from edge.counts import Interval, NoData
from edge.pipeline import Parts, Pipeline
from edge.status import CameraStatus, StatusBoard
from edge.store import Store
from tests.clocks import SetClock
from tests.counting.cutouts import DEMO, packaged, paste, turned
from tests.test_preview import SlowDetector

pytestmark = pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="no model is built here")
MOTH = turned(packaged()[6], 0, 130)
LEAF = cv2.GaussianBlur(cv2.resize(cv2.imread(str(DEMO / "12-rice-leaves.jpg")), (640, 480)), (0, 0), 2)
LEFT, RIGHT = (170.0, 160.0), (470.0, 200.0)
NO_FRAME = range(0)
Scene = Sequence[tuple[float, float] | None]  # where the moth sits, frame by frame


class Node(Protocol):
    """Runs a film of a frame each `step_s`, some of it `infrared`, through a node that needs `look_s` for a look."""

    def __call__(
        self, scene: Scene, step_s: float, look_s: float, infrared: range = NO_FRAME
    ) -> tuple[Interval, CameraStatus]:
        """What it told of it."""


class Film(VideoFile):
    """A frame each `step_s`, as a camera in the field gives."""

    def __init__(self, config: CameraTable, clock: SetClock, step_s: float) -> None:
        super().__init__(config, clock)
        self._set_clock, self._step_s = clock, step_s

    def read(self, timeout_s: float) -> Frame:
        self._set_clock.advance(self._step_s)
        return super().read(timeout_s)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """With a store of its own."""

    def run(scene: Scene, step_s: float, look_s: float, infrared: range = NO_FRAME) -> tuple[Interval, CameraStatus]:
        film, folder = tmp_path / "film.avi", tmp_path / "state"
        folder.mkdir()
        filmed(film, scene, infrared)
        config = parse_config(
            f'[node]\nsite = "s"\nnode = "n"\n[camera]\nkind = "opencv"\nsource = "{film}"\nevery_s = {step_s}\n'
            f'[store]\nfolder = "{folder}"',
            "node.toml",
        )
        clock, stop = SetClock(), Event()
        detector = SlowDetector(load_release(find_bundle("pests")), clock, look_s)
        board = StatusBoard(clock.now())
        with (
            closing(Store(config.store, "n")) as store,
            closing(WatchedCamera(lambda: Film(config.camera, clock, step_s), clock, stop)) as camera,
        ):
            parts = Parts(
                config=config, camera=camera, detector=detector, store=store, board=board,
                clock=clock, climate=NoSensor(), committed=lambda: None, alive=lambda: None,
            )  # fmt: skip
            Pipeline(parts).run(stop)
            stored = store.latest_interval()
        assert stored is not None
        assert isinstance(stored.record, Interval)
        return stored.record, board.snapshot().camera

    return run


def filmed(path: Path, scene: Scene, infrared: range) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 1, LEAF.shape[1::-1])
    noise = np.random.default_rng(1)
    for number, place in enumerate(scene):
        image = LEAF.copy()
        if place is not None:
            paste(image, MOTH, place)
        taken = np.clip(image + noise.normal(0, 2, image.shape), 0, 255).astype(np.uint8)
        writer.write(cv2.cvtColor(taken[..., 1], cv2.COLOR_GRAY2BGR) if number in infrared else taken)
    writer.release()


def told(interval: Interval) -> int:
    assert not isinstance(interval.counts, NoData)
    return sum(taxon.count for taxon in interval.counts)


def test_moths_that_sit_on_a_still_leaf_one_after_the_other_are_a_visit_each_and_most_frames_cost_no_look(
    node: Node,
) -> None:
    scene = [None] * 3 + ([LEFT] * 12 + [None] * 12) * 2 + [RIGHT] * 12
    interval, camera = node(scene, 1.0, 0.0)
    assert (interval.unit, told(interval)) == ("visits", 3)
    assert camera.looked + camera.skipped["still"] == len(scene)
    assert camera.looked <= 1 + 3 * 3 + 2 * 5  # the leaf; three for each that comes; until each that left is given up


def test_a_moth_that_is_out_of_sight_for_a_second_after_it_sat_still_is_the_same_visit(node: Node) -> None:
    interval, camera = node([LEFT] * 25 + [None] * 5 + [LEFT] * 5, 0.2, 0.0)
    assert (told(interval), camera.skipped["still"] >= 20) == (1, True)


def test_a_detector_that_is_too_slow_to_know_an_insect_again_publishes_the_most_on_one_frame(node: Node) -> None:
    interval, _ = node([None, *[LEFT] * 5], 1.0, 2.5)
    assert (interval.unit, told(interval)) == ("max_per_frame", 1)


def test_a_moth_that_sits_while_the_camera_sees_in_infrared_for_a_while_is_one_visit(node: Node) -> None:
    interval, camera = node([None, *[LEFT] * 60], 1.0, 0.0, infrared=range(21, 41))
    assert (told(interval), camera.skipped["colourless"]) == (1, 20)
