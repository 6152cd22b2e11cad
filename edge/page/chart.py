"""Bars of fourteen days as numbers for an SVG: a template only writes them down."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.page.days import LENGTH, ZERO, Day, Figure

PITCH, BAR, DIGIT = 25, 17, 11  # units of the drawing's own grid, 14 days wide
TOP, FLOOR = 24, 104  # room above for the figure
TALL, LOW = "0 0 350 108", "0 80 350 28"  # what of the drawing is shown
FLATTEST = 4  # times the tallest bar: a level beyond is told in words only
LOWEST_SCALE = 4  # a single insect is a low bar, not a full one


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One part of a bar, from the floor up. `kind` is "sure" (at least so many), "bar" (counted: a line at its top),
    "maybe" or "only" (counted, and the range is not known)."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One day. `kind`: "count", "zero", "gap" (nobody looked), "before" (nor earlier) or "other" (looked, but at other
    things or in another way)."""

    kind: str
    x: int
    middle: float  # of its figure: that of the bar, unless it would stick out of the drawing
    right: int
    layers: tuple[Layer, ...]
    text: str  # figure to write above, empty for most
    text_y: float


def bars(fortnight: Sequence[Day], label: str, mark: float | None = None) -> tuple[Bar, ...]:
    """The bars of one taxon, below and above its action level `mark`; the highest and today's carry their figure."""
    figures = [day.figure(label) or ZERO for day in fortnight]
    scale = _scale(figures, mark)
    best = max(range(len(figures)), key=lambda index: figures[index].count)
    first = next((index for index, day in enumerate(fortnight) if day.is_watched), len(fortnight))
    return tuple(
        _bar(
            index,
            _kind(day, label, is_before=index < first),
            figure,
            scale,
            is_named=index in (best, len(figures) - 1),
        )
        for index, (day, figure) in enumerate(zip(fortnight, figures, strict=True))
    )


def mark_y(fortnight: Sequence[Day], label: str, mark: float | None) -> float | None:
    """Where the action level stands; None where there is none or it is so high that the bars would lie flat."""
    figures = [day.figure(label) or ZERO for day in fortnight]
    scale = _scale(figures, mark)
    return None if mark is None or mark > scale else _y(mark, scale)


def _scale(figures: Sequence[Figure], mark: float | None) -> float:
    tallest = max(LOWEST_SCALE, *(_tallest(figure) for figure in figures))
    return tallest if mark is None or mark > FLATTEST * tallest else max(tallest, mark)


def _kind(day: Day, label: str, *, is_before: bool) -> str:
    figure = day.figure(label)
    if figure is not None:
        return "count" if figure.count else "zero"
    if day.is_other(label):
        return "other"
    return "before" if is_before else "gap"


def _bar(index: int, kind: str, figure: Figure, scale: float, *, is_named: bool) -> Bar:
    x = index * PITCH + (PITCH - BAR) // 2
    text = str(figure.count) if is_named and figure.count else ""
    half = len(text) * DIGIT / 2
    return Bar(
        kind=kind,
        x=x,
        middle=min(max(x + BAR / 2, half), LENGTH * PITCH - half),
        right=x + BAR,
        layers=_layers(figure, scale),
        text=text,
        text_y=round(_y(_tallest(figure), scale) - 6, 1),
    )


def _layers(figure: Figure, scale: float) -> tuple[Layer, ...]:
    """The palest first, so that each darker one lies on it; the line of the count on all."""
    if figure.low is None or figure.high is None:
        return (_layer("only", figure.count, scale),)
    heights = {"maybe": figure.high, "sure": figure.low, "bar": figure.count}
    return tuple(_layer(kind, count, scale) for kind, count in heights.items() if count)


def _layer(kind: str, count: int, scale: float) -> Layer:
    return Layer(kind=kind, y=_y(count, scale), height=round(FLOOR - _y(count, scale), 1))


def _tallest(figure: Figure) -> int:
    return max(figure.count, figure.high or 0)


def _y(count: float, scale: float) -> float:
    return round(FLOOR - (FLOOR - TOP) * count / scale, 1)
