"""What an epoch shows: a small set several times, a large one in parts."""

import numpy as np
from msgspec.structs import replace

from training.config import DatasetConfig
from training.samples import IGNORE, Example
from training.train import epoch_order, rare_times


def test_a_repeated_set_is_shown_in_full_and_a_thinned_one_in_other_parts_each_epoch(tiny_config):
    small = DatasetConfig(name="rice-pests", annotation="yolo", repeat=2)
    large = DatasetConfig(name="pest-vision", annotation="empty", one_in=3)
    config = replace(tiny_config, datasets=(large, small))
    dataset_of = ["pest-vision"] * 10 + ["rice-pests"] * 2
    epochs = [epoch_order(dataset_of, np.ones(12, np.int64), config, epoch).tolist() for epoch in range(4)]
    assert [len(shown) for shown in epochs] == [3 + 4] * 4
    assert all(shown.count(index) == 2 for shown in epochs for index in (10, 11))
    assert {index for shown in epochs[:3] for index in shown if index < 10} == set(range(9))
    assert epochs[3] == epochs[0]


def test_pictures_of_a_rare_label_are_shown_more_often(tiny_config):
    common, rare, ignored, empty = [0, 0], [0, 1], [0, IGNORE], []
    examples = [shows(common)] * 96 + [shows(rare), shows(ignored), shows(empty), shows(empty)]
    times = rare_times(examples, 2, 0.09)
    assert times.tolist() == [1] * 96 + [3, 1, 1, 1]  # sqrt(0.09 / 0.01)
    assert (rare_times(examples, 2, 0.0) == 1).all()
    config = replace(tiny_config, datasets=(DatasetConfig(name="rice-pests", annotation="yolo", repeat=2),))
    assert epoch_order(["rice-pests"] * 100, times, config, 0).tolist().count(96) == 6


def shows(class_ids):
    boxes = np.array([[0, 0, 9, 9]] * len(class_ids), np.float32).reshape(-1, 4)
    return Example(np.zeros((9, 9, 3), np.uint8), boxes, np.array(class_ids, np.int64))
