"""The table of taxa in a batch's header: [label, EPPO code] a place, and beside it the life stages of some of them.

The stages stand in a table of their own, since an entry of the first one never changes its length.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from edge.errors import WireError
from edge.wire.fields import LABEL_LETTERS, array, integer, text


class Taxon(NamedTuple):
    """What is counted apart."""

    label: str
    eppo: str
    stage: str


@dataclass(slots=True)
class TaxaTable:
    """While a batch is written."""

    values: list[Taxon] = field(default_factory=list)

    def place(self, label: str, eppo: str, stage: str = "") -> int:
        """Where the taxon stands; it is added if it is new."""
        taxon = Taxon(label, eppo, stage)
        if taxon not in self.values:
            self.values.append(taxon)
        return self.values.index(taxon)

    @property
    def names(self) -> list[list[str]]:
        """[label, eppo] a place."""
        return [[taxon.label, taxon.eppo] for taxon in self.values]

    @property
    def stages(self) -> list[list[Any]]:
        """[place, stage] of each taxon that has one."""
        return [[place, taxon.stage] for place, taxon in enumerate(self.values) if taxon.stage]


def read_taxa(names: list[Any], stages: list[Any]) -> list[Taxon]:
    """Both tables as one. Raises WireError."""
    taxa = [_named(entry) for entry in names]
    for entry in stages:
        at, stage = array(entry, "stages", 2)
        place = integer(at, "stages.place", least=0)
        if place >= len(taxa):
            raise WireError(f"stages: points at entry {place} of a table of {len(taxa)}")
        taxa[place] = taxa[place]._replace(stage=text(stage, "stages.stage", most=LABEL_LETTERS))
    return taxa


def _named(entry: object) -> Taxon:
    label, eppo = array(entry, "taxa", 2)
    return Taxon(text(label, "taxa.label", most=LABEL_LETTERS), text(eppo, "taxa.eppo", most=LABEL_LETTERS), "")
