"""Bars of fourteen days as numbers for an SVG: a template only writes them down."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.page.now.days import LENGTH, Day, Mean
from edge.page.words import figure_words, number

PITCH, BAR, DIGIT, LINE = 25, 17, 11, 18  # units of the drawing's own grid, 14 days wide
MARGIN, BESIDE = 2, 3  # left of a bar; right of it, to the line of its range, which the bar's figure leaves free
TOP, FLOOR = 24, 104  # room above for the figure
TALL, LOW = "0 0 350 108", "0 80 350 28"  # what of the drawing is shown
FLATTEST = 4  # times the tallest bar: a level beyond is told in words only
LOWEST_SCALE = 4  # a single insect is a low bar, not a full one
ZERO = Mean(0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One day, or the nights of one catch. `kind`: "count", "zero", "gap" (nobody looked), "before" (nor earlier),
    "other" (looked, but at other things or in another way) or "later" (part of a bar further right)."""

    kind: str
    x: int
    middle: float  # of its figure: that of the bar, unless it would stick out of the drawing
    right: int
    y: float  # of its top: what was counted
    height: float
    range_x: int  # of the line beside it
    range_y: tuple[float, float] | None  # from the most to the least that is likely; None: not known
    is_mean: bool  # of the nights in which it came
    text: str  # figure to write above, empty for most
    text_y: float


def bars(fortnight: Sequence[Day], label: str, mark: float | None = None) -> tuple[Bar, ...]:
    """The bars of one taxon, below and above its action level `mark`; the highest and today's carry their figure.

    A catch of several nights is one bar over those in which nobody looked, as high as its mean a night. Today's figure
    is told in words alone where it would run into the highest one: 312 beside 305 is read as one number.
    """
    figures = [day.mean(label) or ZERO for day in fortnight]
    scale, level_y = _scale(figures, mark), mark_y(fortnight, label, mark)
    best = max(range(len(figures)), key=lambda index: figures[index].count)
    first = next((index for index, day in enumerate(fortnight) if day.is_watched), len(fortnight))
    *before, today = (
        _bar(
            index,
            _kind(day, label, is_before=index < first),
            figure,
            scale,
            level_y,
            wide=1 + sum(one.told_later(label) is day for one in fortnight),
            is_mean=figure.count > 0 and day.effort(label).nights > 1,
            text=_text(figure, mark) if index in (best, len(figures) - 1) else "",
        )
        for index, (day, figure) in enumerate(zip(fortnight, figures, strict=True))
    )
    is_hidden = any(_run_together(bar, today) for bar in before if bar.text)
    return (*before, replace(today, text="") if is_hidden else today)


def mark_y(fortnight: Sequence[Day], label: str, mark: float | None) -> float | None:
    """Where the action level stands; None where there is none or it is so high that the bars would lie flat."""
    scale = _scale([day.mean(label) or ZERO for day in fortnight], mark)
    return None if mark is None or mark > scale else _y(mark, scale)


def _scale(figures: Sequence[Mean], mark: float | None) -> float:
    tallest = max(LOWEST_SCALE, *(max(figure.count, figure.high or 0) for figure in figures))
    return tallest if mark is None or mark > FLATTEST * tallest else max(tallest, mark)


def _kind(day: Day, label: str, *, is_before: bool) -> str:
    figure = day.figure(label)
    if figure is not None:
        return "count" if figure.count else "zero"
    if day.told_later(label):
        return "later"
    if day.is_other(label):
        return "other"
    return "before" if is_before else "gap"


def _text(figure: Mean, mark: float | None) -> str:
    """From 10 up in whole numbers, which are short, unless these stand on the other side of the level."""
    count, level = figure.count, mark or 0
    if count >= 10 and (round(count) >= level) == (count >= level):
        return number(count)
    return figure_words(count, level) if count else ""


def _bar(
    index: int, kind: str, figure: Mean, scale: float, level_y: float | None, *, wide: int, is_mean: bool, text: str
) -> Bar:
    left, right = (one * PITCH + MARGIN for one in (index + 1 - wide, index))
    half, top = len(text) * DIGIT / 2, _y(figure.count, scale)
    is_range_known = kind == "count" and figure.low is not None and figure.high is not None
    return Bar(
        kind=kind,
        x=left,
        middle=min(max((left + right + BAR) / 2, half), LENGTH * PITCH - half),
        right=right + BAR,
        y=top,
        height=round(FLOOR - top, 1),
        range_x=right + BAR + BESIDE,
        range_y=(_y(figure.high or 0, scale), _y(figure.low or 0, scale)) if is_range_known else None,
        is_mean=is_mean,
        text=text,
        text_y=round(_above(top, level_y), 1),
    )


def _run_together(one: Bar, other: Bar) -> bool:
    """Their figures, side by side or one on the other."""
    wide = (len(one.text) + len(other.text)) * DIGIT / 2
    return abs(one.middle - other.middle) < wide and abs(one.text_y - other.text_y) < LINE


def _above(top: float, level_y: float | None) -> float:
    """Where the figure over a bar stands: above the line of the level, if that would strike it through."""
    text_y = top - 6
    return text_y if level_y is None or not text_y - LINE < level_y < text_y + 3 else level_y - 5


def _y(count: float, scale: float) -> float:
    return round(FLOOR - (FLOOR - TOP) * count / scale, 1)
