"""Places on the globe: their convex hull, its area, and how far one is from another. Pure."""

from collections.abc import Sequence
from math import asin, cos, degrees, radians, sin, sqrt
from typing import NamedTuple

KM_A_DEGREE = 111.195  # of a sphere of 6371.0088 km


class Point(NamedTuple):
    """Degrees."""

    latitude_deg: float
    longitude_deg: float


def hull(points: Sequence[Point]) -> list[Point]:
    """Corners of the convex hull, counter-clockwise; fewer than three points are their own (Andrew 1979).

    Not OpenCV's: its hull is of float32, leaves out corners a metre apart and is None for places at 0.0 and -0.0.
    """
    ordered = sorted(set(points), key=lambda point: (point.longitude_deg, point.latitude_deg))
    if len(ordered) < 3:
        return ordered
    return _half(ordered)[:-1] + _half(ordered[::-1])[:-1]


def beside(point: Point, origin: Point) -> Point:
    """The same place with a longitude within half a turn of the origin's, beyond 180 too: the date line parts none."""
    turns = round((origin.longitude_deg - point.longitude_deg) / 360)
    return Point(point.latitude_deg, point.longitude_deg + 360 * turns)


def hull_km2(points: Sequence[Point]) -> float:
    """Area of the hull on the sinusoidal projection, which keeps areas."""
    points = [beside(point, points[0]) for point in points]
    middle_deg = sum(point.longitude_deg for point in points) / len(points)
    flat = [Point(point.latitude_deg * KM_A_DEGREE, _x_km(point, middle_deg)) for point in points]
    corners = hull(flat)
    pairs = zip(corners, corners[1:] + corners[:1], strict=True)
    return sum(_cross(Point(0, 0), one, another) for one, another in pairs) / 2


def km_between(one: Point, another: Point) -> float:
    """Along a great circle (haversine)."""
    up, across = radians(another.latitude_deg - one.latitude_deg), radians(another.longitude_deg - one.longitude_deg)
    narrow = cos(radians(one.latitude_deg)) * cos(radians(another.latitude_deg))
    return 2 * degrees(asin(sqrt(sin(up / 2) ** 2 + narrow * sin(across / 2) ** 2))) * KM_A_DEGREE


def _x_km(point: Point, middle_deg: float) -> float:
    return (point.longitude_deg - middle_deg) * KM_A_DEGREE * cos(radians(point.latitude_deg))


def _half(ordered: Sequence[Point]) -> list[Point]:
    corners: list[Point] = []
    for point in ordered:
        while len(corners) >= 2 and _cross(corners[-2], corners[-1], point) <= 0:
            corners.pop()
        corners.append(point)
    return corners


def _cross(origin: Point, one: Point, another: Point) -> float:
    """Twice the area of the triangle, positive for a turn to the left."""
    return (one.longitude_deg - origin.longitude_deg) * (another.latitude_deg - origin.latitude_deg) - (
        one.latitude_deg - origin.latitude_deg
    ) * (another.longitude_deg - origin.longitude_deg)
