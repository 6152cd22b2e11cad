"""What an epoch shows: a small set several times, a large one in parts."""

from msgspec.structs import replace

from training.config import DatasetConfig
from training.train import epoch_order


def test_a_repeated_set_is_shown_in_full_and_a_thinned_one_in_other_parts_each_epoch(tiny_config):
    small = DatasetConfig(name="rice-pests", annotation="yolo", repeat=2)
    large = DatasetConfig(name="pest-vision", annotation="empty", one_in=3)
    config = replace(tiny_config, datasets=(large, small))
    dataset_of = ["pest-vision"] * 10 + ["rice-pests"] * 2
    epochs = [epoch_order(dataset_of, config, epoch).tolist() for epoch in range(4)]
    assert [len(shown) for shown in epochs] == [3 + 4] * 4
    assert all(shown.count(index) == 2 for shown in epochs for index in (10, 11))
    assert {index for shown in epochs[:3] for index in shown if index < 10} == set(range(9))
    assert epochs[3] == epochs[0]
