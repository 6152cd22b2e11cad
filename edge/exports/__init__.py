"""Decoded records as files that others read. Pure: a format turns records into pieces of files and opens none itself.

`FORMATS` chooses; a format is imported when it is chosen, since some bring a library that a node does not have.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from edge.exports.about import NOWHERE, About, Piece, Place, key_of, place_of
from edge.exports.taken import everything, in_camtrap, in_darwin, in_ngsi
from edge.wire import PlainRecord

__all__ = ["FORMATS", "NOWHERE", "About", "Format", "Piece", "Place", "key_of", "place_of"]

Pieces = Callable[[Iterable[PlainRecord], About], Iterator[Piece]]


@dataclass(frozen=True, slots=True)
class Format:
    """`holds`: a single file, a folder of files, or a zip of them. `open` imports what makes the pieces.

    `takes` tells whether anything of a record is in them; `leaves_out` says in words of which records nothing is.
    """

    says: str
    holds: Literal["file", "folder", "zip"]
    open: Callable[[], Pieces]
    takes: Callable[[PlainRecord], bool] = everything
    leaves_out: str = ""


def _csv() -> Pieces:
    from edge.exports.csv_table import csv_pieces  # noqa: PLC0415 only when chosen

    return csv_pieces


def _camtrap() -> Pieces:
    from edge.exports.camtrap import camtrap_pieces  # noqa: PLC0415 only when chosen

    return camtrap_pieces


def _darwin() -> Pieces:
    from edge.exports.darwin import darwin_pieces  # noqa: PLC0415 only when chosen

    return darwin_pieces


def _geojson() -> Pieces:
    from edge.exports.geojson import geojson_pieces  # noqa: PLC0415 only when chosen

    return geojson_pieces


def _ngsi() -> Pieces:
    from edge.exports.ngsi import ngsi_pieces  # noqa: PLC0415 only when chosen

    return ngsi_pieces


def _parquet() -> Pieces:
    from edge.exports.parquet import parquet_pieces  # noqa: PLC0415 only when chosen

    return parquet_pieces


FORMATS: dict[str, Format] = {
    "csv": Format("a table: a row a taxon of an interval, a sighting, a loss", "file", _csv),
    "camtrap-dp": Format(
        "Camtrap DP 1.0.2, a folder for ecologists",
        "folder",
        _camtrap,
        in_camtrap,
        "plant diseases, sightings without a picture, alerts and losses",
    ),
    "darwin-core": Format(
        "Darwin Core Archive, a zip as GBIF reads it", "zip", _darwin, in_darwin, "sightings, alerts and losses"
    ),
    "geojson": Format("features for maps", "file", _geojson),
    "ngsi-ld": Format("entities for FIWARE brokers", "file", _ngsi, in_ngsi, "sightings and losses"),
    "parquet": Format("typed columns for DuckDB, Spark and pandas", "file", _parquet),
}
