import csv
from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.taxa import taxon
from training.classes import CLASSES_CSV, COLUMNS, read_classes
from training.text import rows_of

DATASETS = list(dict.fromkeys(row["dataset"] for row in rows_of(CLASSES_CSV, COLUMNS)))
SHARED_CLASSES = Path(__file__).parents[3] / "shared" / "domain" / "classes.csv"


def test_two_names_of_one_insect_become_one_label():
    classes = read_classes(["rice-pests"])
    names = ("rice bug -hama padi-", "walang sangit pada tanaman padi")
    assert {classes.labels[classes.class_id("rice-pests", name)] for name in names} == {"Leptocorisa"}


def test_sets_together_have_each_label_once_set_by_set():
    apart = [label for name in DATASETS for label in read_classes([name]).labels]
    assert apart.count("Aleyrodidae") > 1
    assert read_classes(DATASETS).labels == tuple(dict.fromkeys(apart))


def test_a_label_carries_its_code_only_where_that_was_checked():
    classes = read_classes(DATASETS)
    assert dict(zip(classes.labels, classes.eppo, strict=True)) == {one: taxon(one).eppo for one in classes.labels}
    assert "HELIAR" in classes.eppo


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


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Where classes.csv is written anew."""
    path = tmp_path / "classes.csv"
    monkeypatch.setattr("training.classes.CLASSES_CSV", path)
    return path


HEAD = "dataset,class,label,eppo\n"


def test_a_table_with_the_mark_of_excel_and_a_row_without_its_last_comma_is_read(table):
    table.write_text(f"{HEAD}farm,bug,Leptocorisa\nfarm,moth,Plutella xylostella,PLUTMA\n", encoding="utf-8-sig")
    classes = read_classes(["farm"])
    assert (classes.labels, classes.eppo) == (("Leptocorisa", "Plutella xylostella"), ("", "PLUTMA"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (HEAD.replace(",", ";").encode(), r"no column 'dataset'; begin it with the line dataset,class,label,eppo"),
        (f"{HEAD}farm,飞虱,Delphacidae,".encode("gbk"), r"byte 30 is no UTF-8; save the file as UTF-8"),
    ],
)
def test_a_table_that_excel_saved_otherwise_is_named(table, content, told):
    table.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"classes\.csv: {told}"):
        read_classes(["farm"])


def test_a_label_has_the_code_of_whichever_row_has_one_and_never_two(table):
    table.write_text(f"{HEAD}farm,bug,Leptocorisa,\nfarm,Bug,Leptocorisa,LEPCSP\nfarm,bugs,Leptocorisa,\n")
    assert read_classes(["farm"]).eppo == ("LEPCSP",)
    with table.open("a") as file:
        file.write("farm,more,Leptocorisa,LEPCOR\n")
    with pytest.raises(ConfigError, match=r"Leptocorisa has both the codes LEPCSP and LEPCOR; keep the right one"):
        read_classes(["farm"])


@pytest.mark.parametrize(("rows", "has"), [(("",), "no label"), (("Leptocorisa", "Acrididae"), "two labels")])
def test_a_class_of_no_label_or_of_two_is_refused_and_learned_as_neither(table, rows, has):
    table.write_text(HEAD + "".join(f"farm,bug,{label},\n" for label in rows))
    told = rf"classes\.csv: class 'bug' of farm has {has}; give it one, healthy for what is never a detection"
    with pytest.raises(ConfigError, match=told):
        read_classes(["farm"])
