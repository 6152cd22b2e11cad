"""Insects on other grounds: they bring none of their own, keep to their marks, and hide at most a corner of another."""

import cv2
import numpy as np
import pytest
from msgspec.structs import replace

from edge.boxes import area, intersection, iou
from edge.errors import ConfigError
from tests.training.conftest import TINY
from training.classes import read_classes
from training.config import DatasetConfig, TransplantConfig
from training.cutouts import CORNER
from training.datasets import read_dataset
from training.label_decisions import STAY, Decision, movable
from training.mixture import samples_of
from training.overlays import alteration_of
from training.samples import Example, Sample
from training.transplants import ENLARGED, SIDES, Transplants, by_class, read_transplants, transplanted

PESTS = read_classes(["pest-vision", "rice-pests"])
GRASS, BEETLE = (40, 160, 60), (20, 20, 140)


@pytest.fixture
def beetle(tmp_path):
    """A red beetle on grass with noise; `sample(lines)` is its picture with these lines as labels."""
    random = np.random.default_rng(1)
    image = np.full((240, 320, 3), GRASS, np.uint8)
    cv2.ellipse(image, (160, 120), (60, 35), 30, 0, 360, BEETLE, -1)
    noisy = np.clip(image + random.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), noisy)

    points = cv2.ellipse2Poly((160, 120), (60, 35), 30, 0, 360, 10).astype(np.float32)
    box = np.concatenate([points.min(axis=0), points.max(axis=0)])

    def sample(line):
        (tmp_path / "labels" / "a.txt").write_text(line)
        return Sample(tmp_path / "images" / "a.png", "rice-pests", box[None].copy(), np.array([3]))

    polygon = "0 " + " ".join(str(v) for v in (points / [320, 240]).ravel())
    return sample, polygon, box


@pytest.mark.parametrize("kind", ["polygon", "box"])
def test_an_insect_is_cut_out_by_its_outline_or_by_the_one_that_is_found(beetle, kind):
    sample, polygon, box = beetle
    [one] = read_transplants([sample(polygon if kind == "polygon" else "0 0.5 0.5 0.4 0.3")])
    assert one.class_id == 3
    assert one.opacity.shape == pytest.approx((box[3] - box[1], box[2] - box[0]), abs=6)
    of_beetle = one.picture[one.opacity > 127].mean(axis=0)
    assert of_beetle == pytest.approx(BEETLE, abs=12)  # no grass to speak of


def test_what_has_no_outline_that_can_be_found_is_left_out(beetle):
    sample, _, _ = beetle
    bare = sample("0 0.5 0.5 0.4 0.3")
    cv2.imwrite(str(bare.image_path), np.full((240, 320, 3), GRASS, np.uint8))
    assert read_transplants([bare]) == []


def test_a_run_that_is_to_lay_insects_elsewhere_and_can_cut_out_none_says_so_before_it_begins(tiny_config):
    config = replace(tiny_config, transplant=TransplantConfig(datasets=("pest-vision",), share=0.5, most=2))
    samples = samples_of(config, "train")
    assert alteration_of(config, samples, []) is not None
    with pytest.raises(ConfigError, match=r"tiny: no insect of pest-vision can be cut out; take transplant away"):
        alteration_of(config, [one for one in samples if one.dataset != "pest-vision"], [])


def test_laid_on_another_picture_it_brings_no_grass_and_its_box_fits(beetle):
    sample, polygon, _ = beetle
    moved = Transplants(by_class(read_transplants([sample(polygon)])), share=1.0, most=1)
    sky = Example(np.full((300, 400, 3), (200, 120, 60), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    for seed in range(20):
        result = transplanted(sky, moved, np.random.default_rng(seed))
        [box] = result.xyxy
        is_changed = np.abs(result.image.astype(int) - sky.image).max(axis=2) > 40
        ys, xs = np.nonzero(is_changed)
        assert iou(box[None], np.array([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], np.float32))[0, 0] > 0.75
        assert np.mean(result.image[ys, xs][:, 1] > 130) < 0.05  # of the grass a rim at most; the sky's green is 120
        longest = (box[2:] - box[:2]).max()
        assert SIDES[0] * 400 * 0.6 <= longest <= min(SIDES[1] * 400, ENLARGED * 130) * 1.1
    assert (sky.image == (200, 120, 60)).all()


def test_on_a_picture_that_is_too_small_for_an_insect_none_is_laid(beetle):
    sample, polygon, _ = beetle
    moved = Transplants(by_class(read_transplants([sample(polygon)])), share=1.0, most=1)
    dot = Example(np.zeros((2, 2, 3), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    assert all(len(transplanted(dot, moved, np.random.default_rng(seed)).xyxy) == 0 for seed in range(9))


def test_each_class_comes_as_often_and_none_hides_another(beetle):
    sample, polygon, _ = beetle
    common = read_transplants([sample(polygon)])
    rare = [type(common[0])(common[0].picture, common[0].opacity, 5)]
    moved = Transplants(by_class([*common * 9, *rare]), share=0.5, most=4)
    field = Example(
        np.full((300, 400, 3), GRASS, np.uint8), np.array([[150, 100, 250, 200]], np.float32), np.array([1])
    )
    ids, untouched = [], 0
    for seed in range(200):
        result = transplanted(field, moved, np.random.default_rng(seed))
        untouched += result is field
        ids += result.class_id[1:].tolist()
        smaller = np.minimum(area(result.xyxy)[:, None], area(result.xyxy)[None])
        shares = intersection(result.xyxy, result.xyxy) / smaller
        assert (shares[~np.eye(len(shares), dtype=bool)] <= CORNER + 1e-6).all()
    assert 70 < untouched < 130
    assert 0.35 < np.mean(np.array(ids) == 5) < 0.65


def test_a_mark_that_is_to_stay_is_not_cut_out():
    samples = read_dataset(TINY / "pest-vision", DatasetConfig(name="pest-vision", annotation="yolo"), "train", PESTS)
    one = samples[0]
    image = str(one.image_path.relative_to(TINY / "pest-vision"))
    mark = tuple(np.round(one.xyxy[0], 1).tolist())
    left = movable(samples, TINY, [Decision("pest-vision", image, STAY, mark, "more leaf than insect")])
    assert len(left[0].xyxy) == len(one.xyxy) - 1
    assert left[1] is samples[1]
