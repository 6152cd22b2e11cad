"""What is known of a pest or disease beyond its label: checked EPPO code, names in nine languages."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from edge.counts import name_and_stage

WHOLE_PODS = frozenset({"Phytophthora palmivora", "Moniliophthora roreri"})  # `diseases` boxes a cacao pod, not a spot
MINERS = frozenset({"Leucoptera coffeella"})  # an insect, of which `diseases` boxes the mine in the leaf
LANGUAGES = ("en", "zh", "es", "fr", "pt", "hi", "id", "vi", "sw")
_KINGDOMS = dict.fromkeys(("insect", "mite", "arachnid", "mollusc", "nematode"), "Animalia")
# As GBIF has them; a protist may be in either of two.
_KINGDOMS |= {"fungus": "Fungi", "oomycete": "Chromista", "bacterium": "Bacteria", "virus": "Viruses"}


@dataclass(frozen=True, slots=True)
class Taxon:
    """A row of taxa.csv; "" and () where nothing is known."""

    scientific_name: str  # the key, and what a bundle's class is labelled with
    eppo: str = ""  # only where the code was read beside the name at its source: a wrong code is worse than none
    rank: str = ""  # species, genus, family, order, ...
    within: str = ""  # the nearest wider taxon that has a row
    group: str = ""  # pest, disease, beneficial
    kind: str = ""  # insect, mite, fungus, ...
    names: tuple[str, ...] = ()  # in the order of LANGUAGES
    also: tuple[str, ...] = ()  # everyday names to be found by, in any language; not told

    @property
    def kingdom(self) -> str:
        """Tells *Pieris* the butterfly from the shrub; "" where it is not known."""
        return _KINGDOMS.get(self.kind, "")

    def name(self, language: str) -> str:
        """The local name in that language ("zh", "zh_Hans_CN", "pt-BR"), else the scientific one."""
        known = dict(zip(LANGUAGES, self.names, strict=False))
        short = language.replace("-", "_").partition("_")[0]
        return known.get(short) or self.scientific_name


def taxon(scientific_name: str) -> Taxon:
    """What is known of it; of a name outside the table, nothing but the name itself."""
    return _table().get(scientific_name) or Taxon(scientific_name)


def as_spelled(typed: str) -> str:
    """A scientific name as it stands in the table, whatever its case and blanks; what is not there, in its own case."""
    name = " ".join(typed.split())
    return next((known for known in _table() if known.casefold() == name.casefold()), name)


def is_within(scientific_name: str, wider: str) -> bool:
    """Is it `wider` itself or a part of it, as a species of its family? Of whatever life stage."""
    (scientific_name, _), (wider, _) = name_and_stage(scientific_name), name_and_stage(wider)
    while scientific_name not in ("", wider):
        scientific_name = taxon(scientific_name).within
    return scientific_name == wider


def is_lesion(label: str) -> bool:
    """Does a box of that class enclose a lesion of a leaf, and not an insect or a whole fruit?"""
    name, _ = name_and_stage(label)
    return label in MINERS or (taxon(name).group == "disease" and name not in WHOLE_PODS)


def lesions_among(labels: Sequence[str]) -> frozenset[int]:
    """Which classes of a model are lesions, by their place among its labels."""
    return frozenset(class_id for class_id, label in enumerate(labels) if is_lesion(label))


def taxa() -> tuple[Taxon, ...]:
    """All rows, in the order of the file."""
    return tuple(_table().values())


@cache
def _table() -> dict[str, Taxon]:
    text = files("edge").joinpath("taxa.csv").read_text("utf-8")
    return {row["scientific_name"]: _taxon(row) for row in csv.DictReader(text.splitlines())}


def _taxon(row: dict[str, str]) -> Taxon:
    return Taxon(
        scientific_name=row["scientific_name"],
        eppo=row["code_eppo"] if row["checked"] == "yes" else "",
        rank=row["rank"],
        within=row["within"],
        group=row["group"],
        kind=row["kind"],
        names=tuple(row[f"name_{language}"] for language in LANGUAGES),
        also=tuple(row["also"].split(";")) if row["also"] else (),
    )
