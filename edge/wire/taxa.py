"""The table of taxa in a batch's header: [label, EPPO code] a place, and beside it the life stages of some of them.

The stages stand in a table of their own, since an entry of the first one never changes its length.
"""

from typing import Any, NamedTuple

from edge.wire.fields import LABEL_LETTERS, array, integer, one_of, text


class Taxon(NamedTuple):
    """What is counted apart."""

    label: str
    eppo: str
    stage: str = ""


def read_taxa(names: list[Any], stages: list[Any]) -> list[Taxon]:
    """Both tables as one. Raises WireError."""
    taxa = [_named(entry) for entry in names]
    for entry in stages:
        at, stage = array(entry, "stages", 2)
        place = integer(at, "stages.place", least=0)
        taxa[place] = one_of(taxa, place, "stages")._replace(stage=text(stage, "stages.stage", most=LABEL_LETTERS))
    return taxa


def _named(entry: object) -> Taxon:
    label, eppo = array(entry, "taxa", 2)
    return Taxon(text(label, "taxa.label", most=LABEL_LETTERS), text(eppo, "taxa.eppo", most=LABEL_LETTERS))
