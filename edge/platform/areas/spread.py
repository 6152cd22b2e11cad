"""How fast a taxon spreads: from where it was, over where somebody looked and it was not yet. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from statistics import linear_regression

from edge.platform.areas.hull import Point, km_between

_DAYS_A_WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedCell:
    """A square kilometre where somebody could have seen it; its position is the mean of its nodes."""

    latitude_deg: float
    longitude_deg: float
    first_seen: date | None  # in the nights asked for or the 13 weeks before them; None: not
    looked_since: date  # Monday of the first week in which a node there could have seen it
    looked_until: date  # the last night of it, of those asked for or before them

    @property
    def at(self) -> Point:
        """The position."""
        return Point(self.latitude_deg, self.longitude_deg)


def front_km_per_week(cells: Sequence[LookedCell], first: date) -> float | None:
    """Least-squares slope of the farthest distance yet from the nearest cell in which it was; weeks begin with `first`.

    It was where it had been seen before `first`, else in the cells of its first week. It came to cells where somebody
    had looked in an earlier calendar week: elsewhere it is the nodes that spread. Weeks count up to the last in which
    it came farther, or somebody looked farther out and saw none. None for fewer than two: nobody could see it come.
    """
    seen = sorted(((cell.first_seen, cell) for cell in cells if cell.first_seen is not None), key=lambda one: one[0])
    if not seen:
        return None
    start = _week(seen[0][0], first)
    born = [cell.at for night, cell in seen if _week(night, first) == start]
    farthest_km, reached_km = 0.0, {start: 0.0}
    for night, cell in seen[len(born) :]:
        if cell.looked_since < _monday(night) and _is_beyond(cell.at, born, farthest_km):
            farthest_km = min(km_between(origin, cell.at) for origin in born)
            reached_km[_week(night, first)] = farthest_km
    unreached = sorted((cell for cell in cells if cell.first_seen is None), key=lambda cell: cell.looked_until)
    watched = next((cell for cell in reversed(unreached) if _is_beyond(cell.at, born, farthest_km)), None)
    until = max(reached_km)
    if watched is not None:
        until = max(until, _week(watched.looked_until, first))
    weeks = range(start, until + 1)
    if len(weeks) < 2:
        return None
    return linear_regression(weeks, list(accumulate((reached_km.get(week, 0.0) for week in weeks), max))).slope


def _is_beyond(at: Point, born: Sequence[Point], farthest_km: float) -> bool:
    """Ends soon: most are near one of them."""
    return all(km_between(origin, at) > farthest_km for origin in born)


def _week(night: date, first: date) -> int:
    """Of the nights asked for; -1 for whatever was before them."""
    return max((night - first).days // _DAYS_A_WEEK, -1)


def _monday(night: date) -> date:
    return date.fromordinal(night.toordinal() - night.weekday())
