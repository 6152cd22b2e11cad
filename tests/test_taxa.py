"""Every label that a model can say has a name for people, and no EPPO code that nobody checked."""

import csv
import re
from pathlib import Path

import pytest

from edge.taxa import LANGUAGES, taxa, taxon

CLASSES = Path(__file__).parents[1] / "training" / "classes.csv"
with CLASSES.open(encoding="utf-8", newline="") as file:
    LABELS = sorted({row["label"] for row in csv.DictReader(file)} - {"healthy"})


@pytest.mark.parametrize("label", LABELS)
def test_every_label_of_our_models_has_an_english_and_a_chinese_name(label: str) -> None:
    known = taxon(label)
    assert known.name("en") != label
    assert re.fullmatch(r"[\u4e00-\u9fff]+", known.name("zh"))
    assert known.rank
    assert known.group in {"pest", "disease", "beneficial"}


def test_a_code_is_told_only_where_it_was_checked() -> None:
    assert taxon("Helicoverpa armigera").eppo == "HELIAR"  # checked = yes
    assert taxon("Plutella xylostella").eppo == ""  # PLUTMA in the table, checked = no
    assert taxon("Scirpophaga incertulas").eppo == ""  # none in the table
    codes = [t.eppo for t in taxa() if t.eppo]
    assert len(codes) == len(set(codes)) == 120
    assert all(re.fullmatch(r"[0-9A-Z]{5,6}", code) for code in codes)


def test_a_name_falls_back_to_english_and_then_to_the_scientific_one() -> None:
    assert taxon("Nilaparvata lugens").name("vi") == "rầy nâu"
    assert taxon("Nilaparvata lugens").name("sw") == "brown planthopper"  # no Swahili name is known
    assert taxon("Nilaparvata lugens").name("xx") == "brown planthopper"
    assert taxon("healthy").name("zh") == "healthy"


@pytest.mark.parametrize("language", ["zh", "zh_CN", "zh-Hans-CN", "zh_Hans"])
def test_a_language_may_come_with_script_and_region(language: str) -> None:
    assert taxon("Nilaparvata lugens").name(language) == "褐飞虱"


def test_a_name_outside_the_table_is_itself_and_nothing_more() -> None:
    unknown = taxon("Rattus rattus")
    assert (unknown.scientific_name, unknown.eppo, unknown.group, unknown.stages) == ("Rattus rattus", "", "", ())
    assert unknown.name("en") == "Rattus rattus"


def test_lists_in_the_table_are_lists() -> None:
    assert taxon("Laodelphax striatellus").stages == ("egg", "nymph", "adult")
    assert taxon("Laodelphax striatellus").crops == ("rice", "wheat", "maize")


def test_every_row_has_an_english_name_and_a_column_for_each_language() -> None:
    assert len(taxa()) == 352
    assert all(t.names[0] and len(t.names) == len(LANGUAGES) for t in taxa())
