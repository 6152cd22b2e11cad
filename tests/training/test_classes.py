import csv
from pathlib import Path

import pytest

from edge.errors import ConfigError
from training.classes import read_classes

SHARED_CLASSES = Path(__file__).parents[3] / "shared" / "domain" / "classes.csv"


def test_two_names_of_one_insect_become_one_label():
    classes = read_classes(["rice-pests"])
    names = ("rice bug -hama padi-", "walang sangit pada tanaman padi")
    assert {classes.labels[classes.class_id("rice-pests", name)] for name in names} == {"Leptocorisa"}


def test_pest_vision_and_rice_pests_together_have_21_labels():
    assert len(read_classes(["pest-vision", "rice-pests"]).labels) == 21


def test_only_labels_whose_code_was_checked_carry_one():
    classes = read_classes(["pest-vision", "rice-pests"])
    coded = {label: eppo for label, eppo in zip(classes.labels, classes.eppo, strict=True) if eppo}
    assert coded == {"Helicoverpa armigera": "HELIAR", "Leucinodes orbonalis": "LEUIOR", "Aleyrodidae": "1ALEYF"}


def test_healthy_is_known_and_has_no_class_id():
    classes = read_classes(["cacao-pods"])
    assert classes.class_id("cacao-pods", "HEALTHY") is None
    assert "healthy" not in classes.labels


def test_a_class_without_a_row_is_refused_by_name():
    with pytest.raises(ConfigError, match="dragonfly"):
        read_classes(["rice-pests"]).class_id("rice-pests", "dragonfly")


@pytest.mark.skipif(not SHARED_CLASSES.is_file(), reason="the domain tables are not beside this checkout")
def test_labels_are_those_of_the_domain_table():
    with SHARED_CLASSES.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            assert read_classes([row["dataset"]]).label_of[row["dataset"], row["class"]] == row["label"]
