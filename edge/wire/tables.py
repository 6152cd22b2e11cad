"""The header of a batch: what its records share, so that each record carries a small number instead of a name."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from edge.errors import WireError
from edge.wire.fields import Fields, integer, text
from edge.wire.instants import Boots, read_boots
from edge.wire.taxa import Taxon, read_taxa

VERSION = 1
# Keys of the batch map
V, EPOCH, BASE_UTC, BASE_SEQ, BOOTS, CAMERAS, MODELS, TAXA, WORDS, RECORDS, STAGES = range(11)


@dataclass(slots=True)
class Table:
    """Values that records share; a record carries the place of one."""

    values: list[Any] = field(default_factory=list)

    def place(self, value: Any) -> int:
        """Where `value` stands; it is added if it is new."""
        if value not in self.values:
            self.values.append(value)
        return self.values.index(value)


@dataclass(slots=True)
class Tables:
    """The header while a batch is written. `base_seq` is the lowest seq in the batch."""

    epoch: UUID
    base_seq: int
    boots: Boots
    cameras: Table = field(default_factory=Table)
    models: Table = field(default_factory=Table)
    taxa: Table = field(default_factory=Table)  # of Taxon
    words: Table = field(default_factory=Table)  # modes, reasons, units

    def compact(self, records: list[dict[int, Any]]) -> dict[int, Any]:
        """The batch map. Tables that are empty are left out."""
        tables = {
            CAMERAS: self.cameras.values,
            MODELS: self.models.values,
            TAXA: [[taxon.label, taxon.eppo] for taxon in self.taxa.values],
            WORDS: self.words.values,
            STAGES: [[place, taxon.stage] for place, taxon in enumerate(self.taxa.values) if taxon.stage],
        }
        return {
            V: VERSION,
            EPOCH: self.epoch.bytes,
            BASE_UTC: self.boots.base_ms,
            BASE_SEQ: self.base_seq,
            BOOTS: self.boots.table,
            **{key: values for key, values in tables.items() if values},
            RECORDS: records,
        }


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a batch that was received."""

    epoch: UUID
    base_ms: int
    base_seq: int
    boots: list[tuple[str, int]]
    cameras: list[str]
    models: list[str]
    taxa: list[Taxon]
    words: list[str]


def read_header(batch: Fields) -> Header:
    """The header. Raises WireError."""
    version = batch.uint(V, "v")
    if version != VERSION:
        raise WireError(f"batch.v: version {version} is not {VERSION}; update this program")
    return Header(
        epoch=UUID(bytes=batch.octets(EPOCH, "epoch", 16)),
        base_ms=batch.integer(BASE_UTC, "base_utc_ms"),
        base_seq=batch.uint(BASE_SEQ, "base_seq"),
        boots=read_boots(batch.items(BOOTS, "boots")),
        cameras=[text(name, "cameras") for name in batch.items(CAMERAS, "cameras", absent=True)],
        models=[text(name, "models") for name in batch.items(MODELS, "models", absent=True)],
        taxa=read_taxa(batch.items(TAXA, "taxa", absent=True), batch.items(STAGES, "stages", absent=True)),
        words=[text(word, "words") for word in batch.items(WORDS, "words", absent=True)],
    )


def checked_seq(seq: int) -> int:
    """A sequence number as every store gives it. Raises WireError."""
    return integer(seq, "seq", least=1)
