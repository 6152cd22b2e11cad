"""GeoJSON (RFC 7946): a feature a record, at its node's place, the whole record its properties.

A node whose place nobody knows is an unlocated feature (`geometry` null, section 3.2), never one at 0, 0.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from edge.exports.about import About, Piece, Place, key_of
from edge.wire import PlainRecord


def pieces(found: Iterable[PlainRecord], about: About) -> Iterator[Piece]:
    """One feature a line, so that a file of a year can be read as it comes."""
    yield Piece("", b'{"type":"FeatureCollection","features":[')
    separator = b"\n"
    for record in found:
        yield Piece("", separator + msgspec.json.encode(_feature(record, about.place(record))))
        separator = b",\n"
    yield Piece("", b"\n]}\n")


def point(place: Place) -> dict[str, Any] | None:
    """Longitude first, as the RFC has it; WGS 84 is its only system."""
    if place.longitude_deg is None or place.latitude_deg is None:
        return None
    return {"type": "Point", "coordinates": [place.longitude_deg, place.latitude_deg]}


def _feature(record: PlainRecord, place: Place) -> dict[str, Any]:
    properties = msgspec.to_builtins(record) | {"area_code": place.area_code, "crop": place.crop}
    properties |= {} if place.area_name is None else {"area_name": place.area_name}
    return {"type": "Feature", "id": key_of(record), "geometry": point(place), "properties": properties}
