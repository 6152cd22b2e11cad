"""Bars of fourteen days as numbers for an SVG: a template only writes them down."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.page.days import ZERO, Day, Figure

PITCH, BAR, WIDTH = 25, 17, 350  # units of the drawing's own grid, 14 days wide
TOP, FLOOR, HEIGHT = 24, 104, 108  # room above for the figure, below for the foot of a zero
NARROWEST_SCALE = 4  # a single insect is a low bar, not a full one


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One day. `kind` is "count", "zero" or "gap" (no data)."""

    kind: str
    x: int
    y: float
    height: float
    middle: float
    range_path: str  # the likely range, empty where it is not known
    right: int
    text_y: float
    label: str  # figure to write above, empty for most


def bars(fortnight: Sequence[Day], label: str) -> tuple[Bar, ...]:
    """The bars of one taxon; the highest and today's carry their figure."""
    figures = [day.figures.get(label, ZERO) for day in fortnight]
    scale = max(NARROWEST_SCALE, *(_tallest(figure) for figure in figures))
    best = max(range(len(figures)), key=lambda index: figures[index].count)
    drawn = []
    for index, (day, figure) in enumerate(zip(fortnight, figures, strict=True)):
        x = index * PITCH + (PITCH - BAR) // 2
        named = figure.count > 0 and index in (best, len(figures) - 1)
        drawn.append(
            Bar(
                kind="gap" if day.frames == 0 else "count" if figure.count else "zero",
                x=x,
                y=_y(figure.count, scale),
                height=round(FLOOR - _y(figure.count, scale), 1),
                middle=x + BAR / 2,
                range_path=_range(x + BAR / 2, figure, scale),
                right=x + BAR,
                text_y=round(_y(_tallest(figure), scale) - 6, 1),
                label=str(figure.count) if named else "",
            )
        )
    return tuple(drawn)


def _tallest(figure: Figure) -> int:
    return max(figure.count, figure.high or 0)


def _range(middle: float, figure: Figure, scale: int) -> str:
    if figure.low is None or figure.high is None or figure.low == figure.high:
        return ""
    return f"M{middle} {_y(figure.low, scale)}V{_y(figure.high, scale)}"


def _y(count: int, scale: int) -> float:
    return round(FLOOR - (FLOOR - TOP) * count / scale, 1)
