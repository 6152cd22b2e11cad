"""Bars of nights and maps of places as SVG, for paper and page alike."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from itertools import groupby
from math import cos, radians, sqrt

from edge.platform.areas.hull import KM_A_DEGREE, Point, beside, hull
from edge.platform.areas.population import Trend, is_incidence
from edge.platform.sentences import value_words
from edge.platform.words import gettext, ngettext, number

DOTS_BELOW = 50  # places; more are drawn as square kilometres, since dots would lie on each other
WIDTH, BAR_HEIGHT = 640.0, 90.0
_ABOVE, _BELOW = 16.0, 28.0  # the highest figure, and crosses with the first and last night
_MOST_RADIUS, _EDGE = 22.0, 30.0
_SCALE = 18.0  # below the lowest dot
_ZERO = 0.6  # of the smallest that was seen: red and green look alike to many, and on grey paper
LARGEST_HEIGHT = 380.0
# Each shape carries its look, for the paper's renderer does not apply the page's style to a picture. What a dark screen
# needs otherwise stands in that style, by class, and goes before these.
_LOOK = {
    "plain": 'fill="#2e7d4f"',
    "gap": 'fill="#48524a" font-size="11" text-anchor="middle"',
    "threshold": 'stroke="#b3261e" stroke-dasharray="5 3"',
    "mean": 'fill="none" stroke="#1b1f1b" stroke-width="1.5"',
    "outline": 'fill="#eef2ee" stroke="#7b877d"',
    "bar": 'stroke="#1b1f1b"',
    "scale": 'fill="#1b1f1b" font-size="11"',
    "figure": 'fill="#1b1f1b" font-size="11" text-anchor="middle"',
    "reached": 'fill="#b3261e" stroke="#fff"',
    "seen": 'fill="#c77700" stroke="#fff"',
    "zero": 'fill="#2e7d4f"',
    "silent": 'fill="#fff" stroke="#48524a" stroke-dasharray="2 2"',
}
_DOT_OPACITY, _FAINT = 0.65, 0.5  # dots may lie on each other; faint below a threshold, for colours look alike to many


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was counted. `value` None: no data."""

    name: str  # site/node
    at: Point
    value: float | None  # a count; of a disease per cent of the frames
    area_code: str = ""
    called: str | None = None  # its area, by a name that the station keeps


def bars(nights: Sequence[Trend], start_at: float | None, unit: str, over: date) -> str:
    """A bar a night of the mean catch of a camera, or of a disease's incidence, and the mean of seven, which the
    threshold is for; a night without data is a cross below the line, never a low bar.

    `over`: the last night that is; of one after it nothing is drawn until it has data.
    """
    begun = [(n, one) for n, one in enumerate(nights) if has_begun(one, over)]
    most = max(one.per_camera_night or 0 for one in nights)
    top = max(most, start_at or 0, *(one.week_mean or 0 for one in nights), 1e-9)  # a mean knows earlier nights
    step = WIDTH / len(nights)
    drawn = [_bar(one, n * step, step, top, unit) for n, one in begun]
    drawn += [*_mean_lines(nights, step, top, over), *_axis(nights, step, top, unit)]
    if start_at is not None:
        y = _height(start_at, top)
        drawn.append(f'<line {_look("threshold")} x1="0" x2="{WIDTH:.0f}" y1="{y:.1f}" y2="{y:.1f}"/>')
    missing = sum(one.per_camera_night is None for _, one in begun)
    figures = {"nights": number(len(begun)), "most": value_words(most, unit), "missing": number(missing)}
    if is_incidence(unit):
        says = gettext("%(nights)s nights, incidence at most %(most)s, %(missing)s without data", **figures)
    else:
        says = gettext("%(nights)s nights, most %(most)s a camera and night, %(missing)s without data", **figures)
    return _svg(_ABOVE + BAR_HEIGHT + _BELOW, says, drawn)


def _height(value: float, top: float) -> float:
    return _ABOVE + BAR_HEIGHT * (1 - value / top)


def has_begun(night: Trend, over: date) -> bool:
    """Does it tell anything yet? Of one that is to come nothing is missing, and its mean is that of nights before."""
    return night.night <= over or night.per_camera_night is not None


def _mean_lines(nights: Sequence[Trend], step: float, top: float, over: date) -> Iterator[str]:
    """Broken where no mean is."""
    has_mean = [one.week_mean is not None and has_begun(one, over) for one in nights]
    for is_known, run in groupby(enumerate(nights), key=lambda one: has_mean[one[0]]):
        if is_known:
            points = " ".join(f"{(n + 0.5) * step:.1f},{_height(one.week_mean or 0, top):.1f}" for n, one in run)
            yield f'<polyline {_look("mean")} points="{points}"/>'


def _axis(nights: Sequence[Trend], step: float, top: float, unit: str) -> Iterator[str]:
    """The figure of the highest bar over it, and the first and the last night below."""
    told = [(one.per_camera_night, n) for n, one in enumerate(nights) if one.per_camera_night is not None]
    if told:
        most, n = max(told)
        x = min(max((n + 0.5) * step, 20), WIDTH - 20)
        yield f'<text {_look("figure")} x="{x:.1f}" y="{_height(most, top) - 4:.1f}">{value_words(most, unit)}</text>'
    y = _ABOVE + BAR_HEIGHT + _BELOW - 3
    yield f'<text {_look("scale")} x="0" y="{y:.0f}">{nights[0].night}</text>'
    yield f'<text {_look("scale")} x="{WIDTH:.0f}" y="{y:.0f}" text-anchor="end">{nights[-1].night}</text>'


def _bar(night: Trend, x: float, step: float, most: float, unit: str) -> str:
    if night.per_camera_night is None:
        return f'<text {_look("gap")} x="{x + step / 2:.1f}" y="{_ABOVE + BAR_HEIGHT + 11:.0f}">×</text>'
    height = max(BAR_HEIGHT * night.per_camera_night / most, 1.0)  # a zero is a line that can be seen
    title = f"<title>{night.night}: {value_words(night.per_camera_night, unit)}</title>"
    return (
        f'<rect {_look("plain")} x="{x + 1:.1f}" y="{_ABOVE + BAR_HEIGHT - height:.1f}" '
        f'width="{max(step - 2, 1):.1f}" height="{height:.1f}">{title}</rect>'
    )


def area_map(
    places: Sequence[Place],
    outlines: Sequence[Sequence[Point]] = (),
    unit: str = "new",
    reached: Collection[str] = (),
) -> str:
    """Dots whose area grows with the value, or square kilometres where there are many places; hollow where no data is.

    Red are those whose names have `reached` the station's threshold, as on the desk's map; others that saw some, amber.
    Without an outline the hull of the places is drawn.
    """
    rings = [list(ring) for ring in outlines] or [hull([beside(place.at, places[0].at) for place in places])]
    frame = _Frame([point for ring in rings for point in ring] + [place.at for place in places])
    drawn = [_ring(frame, ring) for ring in rings if len(ring) > 1]
    draw = _dot if len(places) < DOTS_BELOW else _square
    most = max((place.value for place in places if place.value is not None), default=None)
    worst_first = sorted(places, key=lambda place: -(place.value or 0))
    drawn += [draw(frame, place, max(most or 0, 1), unit, place.name in reached) for place in worst_first]
    silent = sum(place.value is None for place in places)
    says = ngettext(
        "Map of %(places)s place, most %(most)s, %(silent)s without data",
        "Map of %(places)s places, most %(most)s, %(silent)s without data",
        len(places),
        places=number(len(places)),
        most=value_words(most, unit),
        silent=number(silent),
    )
    return _svg(frame.height, says, [*drawn, frame.scale_bar()])


class _Frame:
    """Degrees to the picture: north up, a degree of longitude as wide as it is in the middle of the map."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._origin = points[0]
        lats = [point.latitude_deg for point in points]
        lons = [beside(point, self._origin).longitude_deg for point in points]
        self._west, self._north = min(lons), max(lats)
        self._narrow = cos(radians((min(lats) + max(lats)) / 2))
        wide, high = (max(lons) - self._west) * self._narrow, self._north - min(lats)
        across = (WIDTH - 2 * _EDGE) / max(wide, 0.01)
        self.scale = min(across, (LARGEST_HEIGHT - 2 * _EDGE - _SCALE) / max(high, 0.01))
        self.height = high * self.scale + 2 * _EDGE + _SCALE

    def at(self, point: Point) -> tuple[float, float]:
        """x and y."""
        x = _EDGE + (beside(point, self._origin).longitude_deg - self._west) * self._narrow * self.scale
        return x, _EDGE + (self._north - point.latitude_deg) * self.scale

    @property
    def km(self) -> float:
        """Pixels of a kilometre."""
        return self.scale / KM_A_DEGREE

    def scale_bar(self) -> str:
        """A round number of kilometres."""
        km = max((one for one in (0.1, 0.5, 1, 5, 10, 50, 100, 500) if one * self.km <= WIDTH / 3), default=0.1)
        y = self.height - 6
        line = f'<line {_look("bar")} x1="8" x2="{8 + km * self.km:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        return f'{line}<text {_look("scale")} x="8" y="{y - 5:.1f}">{km:g} km</text>'


def _dot(frame: _Frame, place: Place, most: float, unit: str, is_reached: bool) -> str:
    x, y = frame.at(place.at)
    radius = 4.0 * _ZERO if _saw_none(place, is_reached) else max(_MOST_RADIUS * sqrt((place.value or 0) / most), 4.0)
    look = _of_place(place, _DOT_OPACITY if is_reached else _FAINT, is_reached)
    return f'<circle {look} cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">{_title(place, unit)}</circle>'


def _square(frame: _Frame, place: Place, most: float, unit: str, is_reached: bool) -> str:
    x, y = frame.at(place.at)
    km = min(frame.km, 2 * _MOST_RADIUS)  # or the zeros of one field's many nodes would hide who saw something
    side = max(km, 5.0) * (_ZERO if _saw_none(place, is_reached) else 1)
    strength = 0.2 + 0.8 * sqrt((place.value or 0) / most)
    look = _of_place(place, strength, is_reached)
    return (
        f'<rect {look} x="{x - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side:.1f}" '
        f'height="{side:.1f}">{_title(place, unit)}</rect>'
    )


def _saw_none(place: Place, is_reached: bool) -> bool:
    """None of the chosen life stage, while all stages together have not reached their threshold."""
    return place.value == 0 and not is_reached


def _of_place(place: Place, opacity: float, is_reached: bool) -> str:
    if place.value is None:
        return _look("silent")
    if _saw_none(place, is_reached):
        return _look("zero")
    return f'{_look("reached" if is_reached else "seen")} fill-opacity="{opacity:.2f}"'


def _look(kind: str) -> str:
    return f'class="{kind}" {_LOOK[kind]}'


def _title(place: Place, unit: str) -> str:
    return f"<title>{escape(place.name)}: {value_words(place.value, unit)}</title>"


def _ring(frame: _Frame, ring: Sequence[Point]) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(frame.at, ring))
    return f'<polygon {_look("outline")} points="{points}"/>'


def _svg(height: float, says: str, drawn: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" '
        f'aria-label="{escape(says)}">{"".join(drawn)}</svg>'
    )
