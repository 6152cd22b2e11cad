import numpy as np

from edge.bundle import MODELS
from tests.training.conftest import TINY
from training.judging.looks import Looks
from training.judging.timing import costs
from training.onnx_file import read_facts, write_facts
from training.samples import Sample, read_image


def test_a_file_costs_more_than_its_network_and_there_is_no_ratio_without_the_starting_weights(tmp_path):
    looks = Looks(MODELS / "pests.onnx")
    (cost,) = costs([looks], read_image(TINY / "pest-vision/images/pest_00.jpg"), tmp_path / "absent.npz")
    assert cost.ms > 0.8 * cost.bare_ms > 0
    assert (cost.start_ms, cost.ratio) == (None, None)
    assert (cost.width_px, cost.height_px) == (640, 480)


def test_what_is_shown_is_what_is_faintly_seen_above_the_thresholds_and_each_picture_is_looked_at_once():
    looks = Looks(MODELS / "pests.onnx")
    samples = [
        Sample(path, "pest-vision", np.empty((0, 4), np.float32), np.empty(0, np.int64))
        for path in sorted((TINY / "pest-vision/images").glob("*.jpg"))
    ]
    shown, faint = looks.shown(samples), looks.faint(samples)
    called = looks.detector(read_image(samples[1].image_path))
    assert shown[1].xyxy.tolist() == called.xyxy.tolist()
    assert shown[1].confidence.tolist() == called.confidence.tolist()
    assert sum(map(len, faint)) > sum(map(len, shown)) > 0
    assert looks.faint(samples)[1] is faint[1]


def test_what_is_faintly_seen_hardly_depends_on_the_calibration(tmp_path):
    warm = tmp_path / "pests.onnx"
    warm.write_bytes((MODELS / "pests.onnx").read_bytes())
    write_facts(warm, read_facts(warm) | {"temperature": 1.0})
    image = read_image(TINY / "pest-vision/images/pest_00.jpg")
    shipped, other = Looks(MODELS / "pests.onnx"), Looks(warm)
    assert shipped.bundle.temperature != other.bundle.temperature
    assert len(shipped.faint_of(image)) > 0
    assert np.allclose(shipped.faint_of(image).xyxy, other.faint_of(image).xyxy, atol=1), "it weighs candidates, px"
