"""Decoded records as files that others read. Pure: a format turns records into pieces of files and opens none itself.

`FORMATS` chooses; a format is imported when it is chosen, since some bring a library that a node does not have.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

from edge.exports.about import About, Piece, Place, place_of
from edge.exports.taken import everything, in_camtrap, in_darwin, in_ngsi
from edge.wire import PlainRecord

__all__ = ["FORMATS", "About", "Format", "Piece", "Place", "place_of"]

Pieces = Callable[[Iterable[PlainRecord], About], Iterator[Piece]]


@dataclass(frozen=True, slots=True)
class Format:
    """`holds`: a single file, a folder of files, or a zip of them. `module`: of this package, whose `pieces` it takes.

    `takes` tells whether anything of a record is in them; `leaves_out` says in words of which records nothing is.
    A file whose name ends in `ending` is taken for this format; empty: others end so, too.
    """

    says: str
    holds: Literal["file", "folder", "zip"]
    module: str
    takes: Callable[[PlainRecord], bool] = everything
    leaves_out: str = ""
    ending: str = ""

    def open(self) -> Pieces:
        """Imports what makes the pieces."""
        pieces: Pieces = import_module(f"edge.exports.{self.module}").pieces
        return pieces


FORMATS: dict[str, Format] = {
    "csv": Format(
        "a table: a row a taxon of an interval, a sighting, an alert, a loss", "file", "csv_table", ending=".csv"
    ),
    "camtrap-dp": Format(
        "Camtrap DP 1.0.2, a folder for ecologists",
        "folder",
        "camtrap",
        in_camtrap,
        "plant diseases, sightings without a picture, alerts and losses",
    ),
    "darwin-core": Format(
        "Darwin Core Archive, a zip as GBIF reads it",
        "zip",
        "darwin",
        in_darwin,
        "sightings, alerts and losses",
        ".zip",
    ),
    "geojson": Format("features for maps", "file", "geojson", ending=".geojson"),
    "ngsi-ld": Format("entities for FIWARE brokers", "file", "ngsi", in_ngsi, "sightings and losses", ".jsonld"),
    "parquet": Format("typed columns for DuckDB, Spark and pandas", "file", "parquet", ending=".parquet"),
}
