"""Borders that a station has as GeoJSON (RFC 7946): what is drawn under a map, without asking any server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.errors import UsageError, to_read
from edge.platform.areas.hull import Point


def read_outlines(path: Path) -> list[list[Point]]:
    """Outer rings of all polygons in a file. Raises UsageError."""
    try:
        borders = json.loads(path.read_text("utf-8-sig"))
        found = [[_point(float(at[1]), float(at[0])) for at in ring] for ring in _rings(borders)]
    except OSError as why:
        raise UsageError(f"{path}: cannot be read ({why.strerror}); {to_read(why, 'give a GeoJSON file')}") from why
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as why:
        raise UsageError(f"{path}: no GeoJSON with polygons ({why}); export borders as GeoJSON in WGS 84") from why
    if not found:
        raise UsageError(f"{path}: no polygon in it; export borders as GeoJSON polygons")
    return found


def _point(latitude_deg: float, longitude_deg: float) -> Point:
    """Raises ValueError for one that is not on the globe, as where borders are in metres."""
    if not (abs(latitude_deg) <= 90 and abs(longitude_deg) <= 180):
        raise ValueError(f"{longitude_deg}, {latitude_deg} are no degrees")
    return Point(latitude_deg, longitude_deg)


def _rings(told: dict[str, Any]) -> Iterator[list[Any]]:
    kind = told["type"]
    if kind == "FeatureCollection":
        for feature in told["features"]:
            yield from _rings(feature)
    elif kind == "Feature" and told["geometry"]:
        yield from _rings(told["geometry"])
    elif kind == "Polygon":
        yield told["coordinates"][0]
    elif kind == "MultiPolygon":
        for polygon in told["coordinates"]:
            yield polygon[0]
