import csv
from pathlib import Path

import numpy as np
import pytest

from edge.errors import ConfigError
from training.judging.shown import NOT_SHOWN_CSV, marked_pictures, may_be_shown
from training.samples import Sample


def sample(dataset, name):
    return Sample(Path("somewhere") / name, dataset, np.empty((0, 4), np.float32), np.empty(0, np.int64))


@pytest.mark.parametrize(
    ("dataset", "may"),
    [("pest-vision", True), ("cacao-pods", True), ("coffee-leaves", False), ("tomato-lesions", False)],
)
def test_only_pictures_of_sets_with_a_stated_open_licence_are_shown(dataset, may):
    assert bool(may_be_shown([sample(dataset, "a.jpg")])) is may


def test_a_set_of_which_no_licence_is_known_is_named():
    with pytest.raises(ConfigError, match=r"sources\.toml: no table for dataset 'bees'; add where it is from"):
        may_be_shown([sample("bees", "a.jpg")])


def test_a_picture_with_a_stock_agencys_mark_is_judged_but_not_shown():
    with NOT_SHOWN_CSV.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(row["reason"] for row in rows)
    assert len(marked_pictures()) == len(rows) > 0
    marked, other = sample("pest-vision", Path(rows[0]["image"]).name), sample("pest-vision", "a.jpg")
    assert may_be_shown([marked, other]) == [other]
