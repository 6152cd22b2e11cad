"""Every label that a model can say has a name for people, and no EPPO code that nobody checked."""

import csv
import re
from pathlib import Path

import pytest

from edge.page.references import _table as references
from edge.taxa import LANGUAGES, Taxon, as_spelled, is_lesion, is_within, lesions_among, taxa, taxon

CLASSES = Path(__file__).parents[1] / "training" / "classes.csv"
with CLASSES.open(encoding="utf-8", newline="") as file:
    LABELS = sorted({row["label"] for row in csv.DictReader(file)} - {"healthy"})


@pytest.mark.parametrize("label", LABELS)
def test_every_label_of_our_models_has_a_name_in_each_language(label: str) -> None:
    known = taxon(label)
    assert known.names, f"no row in edge/taxa.csv: {label}"
    assert "" not in known.names, "a language of edge/taxa.csv lacks its name"
    assert label not in known.names
    assert len(set(known.names)) > len(LANGUAGES) // 2, "English in place of a name"
    assert re.fullmatch(r"[\u4e00-\u9fff（）]+", known.name("zh"))
    assert known.rank
    assert known.group in {"pest", "disease", "beneficial"}


def test_a_code_is_told_only_where_it_was_checked() -> None:
    assert taxon("Helicoverpa armigera").eppo == "HELIAR"  # checked = yes
    assert taxon("Plutella xylostella").eppo == ""  # PLUTMA in the table, checked = no
    assert taxon("Scirpophaga incertulas").eppo == ""  # none in the table
    codes = [t.eppo for t in taxa() if t.eppo]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[0-9A-Z]{5,6}", code) for code in codes)


def test_where_a_language_has_no_name_it_is_the_scientific_one_and_not_english() -> None:
    assert taxon("Nilaparvata lugens").name("vi") == "rầy nâu"
    assert taxon("Nilaparvata lugens").name("sw") == "Nilaparvata lugens"
    assert taxon("Nilaparvata lugens").name("xx") == "Nilaparvata lugens"
    assert taxon("healthy").name("zh") == "healthy"


@pytest.mark.parametrize("language", ["zh", "zh_CN", "zh-Hans-CN", "zh_Hans"])
def test_a_language_may_come_with_script_and_region(language: str) -> None:
    assert taxon("Nilaparvata lugens").name(language) == "褐飞虱"


def test_a_name_tells_the_stage_and_the_crops_that_the_label_was_learnt_on() -> None:
    grubs = {language: taxon("Scarabaeidae").name(language) for language in LANGUAGES}
    assert grubs["en"] == "white grubs (scarab beetles)"
    assert grubs["zh"] == "蛴螬（金龟子）"
    assert grubs["es"].startswith("gallinas ciegas")
    assert grubs["fr"].startswith("vers blancs")
    assert grubs["vi"].startswith("sùng đất")
    assert taxon("Alternaria solani").name("zh") == "早疫病"  # of potato as of tomato


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("nilaparvata lugens ", "Nilaparvata lugens"),
        ("APHIS  GOSSYPII", "Aphis gossypii"),
        (" Rattus  rattus", "Rattus rattus"),
    ],
)
def test_a_typed_name_is_spelled_as_in_the_table_whatever_its_case_and_blanks(typed: str, name: str) -> None:
    assert as_spelled(typed) == name


def test_a_name_outside_the_table_is_itself_and_nothing_more() -> None:
    unknown = taxon("Rattus rattus")
    assert (unknown.scientific_name, unknown.eppo, unknown.group) == ("Rattus rattus", "", "")
    assert unknown.name("en") == "Rattus rattus"


@pytest.mark.parametrize("row", taxa(), ids=lambda row: row.scientific_name)
def test_a_wider_taxon_has_a_row_and_no_taxon_lies_within_itself(row: Taxon) -> None:
    met = [row.scientific_name]
    while wider := taxon(met[-1]).within:
        assert wider not in met
        assert taxon(wider).rank, f"no row: {wider}"
        met.append(wider)
    assert (met[-1] == "Insecta") == (row.kind == "insect")


@pytest.mark.parametrize(
    ("one", "wider", "expected"),
    [
        ("Nilaparvata lugens", "Delphacidae", True),
        ("Cnaphalocrocis medinalis", "Lepidoptera", True),
        ("Delphacidae", "Delphacidae", True),
        ("Delphacidae", "Nilaparvata lugens", False),
        ("Plutella xylostella", "Pyraloidea", False),
        ("Pyricularia oryzae", "Insecta", False),
        ("Rattus rattus", "Insecta", False),
        ("", "Insecta", False),
    ],
)
def test_a_species_lies_within_its_family_order_and_class(one: str, wider: str, expected: bool) -> None:
    assert is_within(one, wider) is expected


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("Hemileia vastatrix", True),
        ("Leucoptera coffeella", True),  # the mine in the leaf
        ("Leucoptera coffeella (adult)", False),
        ("Curculionidae", False),
        ("Miridae", False),
        ("Phytophthora palmivora", False),  # the cacao pod
        ("Moniliophthora roreri", False),
        ("what nobody has described", False),
    ],
)
def test_only_spots_and_mines_are_lesions_of_a_leaf(label: str, expected: bool) -> None:
    assert is_lesion(label) is expected
    assert lesions_among(["Aleyrodidae", label]) == ({1} if expected else set())


def test_a_picture_for_comparison_shows_the_taxon_or_a_wider_one() -> None:
    assert all(is_within(label, shown) for label, (shown, _, _) in references().items())


def test_every_row_has_an_english_name_and_a_column_for_each_language() -> None:
    assert all(t.names[0] and len(t.names) == len(LANGUAGES) for t in taxa())
