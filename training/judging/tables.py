"""Tables of figures in Markdown, for report and card."""

from collections.abc import Sequence

from training.judging.figures import FEWEST_MARKS, Figures, Share

NONE = "–"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table, an empty one after it."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]


def number(value: float | None, digits: int = 2) -> str:
    """A figure, or a dash where there is none."""
    return NONE if value is None else f"{value:.{digits}f}"


def with_interval(share: Share, digits: int = 2) -> str:
    """A figure and its 95 % interval."""
    if share.value is None or share.interval is None:
        return number(share.value, digits)
    low, high = share.interval
    return f"{share.value:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def files(figures: Sequence[Figures]) -> list[str]:
    """Size, accuracy and cost of each file."""
    head = ["file", "numbers", "MB", "mAP50", "mAP50-95", "precision", "recall", "ms", "network alone, ms",
            "relative to YOLOX-Nano"]  # fmt: skip
    rows = [
        [
            f"`{one.file}`", one.precision, f"{one.cost.size_bytes / 1e6:.2f}", number(one.map50, 3),
            number(one.map50_95, 3), number(one.found.precision.value), number(one.found.recall.value),
            number(one.cost.ms, 1), number(one.cost.bare_ms, 1),
            NONE if one.cost.ratio is None else f"{one.cost.ratio:.2f} x",
        ]
        for one in figures
    ]  # fmt: skip
    return table(head, rows)


def parts(figures: Sequence[Figures]) -> list[str]:
    """Average precision on each dataset's own pictures."""
    head = ["part", "pictures"]
    for one in figures:
        head += [f"mAP50 {one.precision}", f"mAP50-95 {one.precision}"]
    rows = []
    for name, part in figures[0].parts.items():
        row = [name, str(part.pictures)]
        for one in figures:
            row += [number(one.parts[name].map50, 3), number(one.parts[name].map50_95, 3)]
        rows.append(row)
    return table(head, rows)


def found(figures: Figures) -> list[str]:
    """Precision, recall and F1 of each dataset's pictures."""
    rows = [
        [name, *map(with_interval, (part.found.precision, part.found.recall, part.found.f1))]
        for name, part in figures.parts.items()
    ]
    return table(["part", "precision", "recall", "F1"], rows)


def classes(figures: Figures, *, intervals: bool) -> list[str]:
    """One row a class."""
    head = [figures.precision, "marks", "AP50", "AP50-95", "threshold", "precision", "recall", "F1"]
    rows = []
    for one in figures.classes:
        shares = (one.found.precision, one.found.recall, one.found.f1)
        told = [with_interval(share) if intervals else number(share.value) for share in shares]
        rows.append([
            f"*{one.label}*", str(one.support), number(one.ap50), number(one.ap50_95), number(one.threshold),
            *(told if one.support >= FEWEST_MARKS else [number(None)] * len(told)),
        ])  # fmt: skip
    return table(head, rows)


def alarms(figures: Sequence[Figures]) -> list[str]:
    """False alarms per 100 pictures by dataset."""
    rows = []
    for name, first in figures[0].alarms.items():
        each = [with_interval(one.alarms[name].per_100, 1) for one in figures]
        rows.append([name, str(first.pictures), *each])
    if len(rows) > 1:
        rows.append(["all", str(figures[0].empties), *(number(per_100(one), 1) for one in figures)])
    return table(["pictures of", "pictures", *(f"per 100, {one.precision}" for one in figures)], rows)


def per_100(figures: Figures) -> float | None:
    """False alarms per 100 empty pictures; None without one."""
    return 100 * figures.false_alarms / figures.empties if figures.empties else None


def counts(figures: Figures) -> list[str]:
    """How well counts agree with a person's."""
    rows = [
        [name, str(part.counts.n), number(part.counts.mae), f"{part.counts.bias:+.2f}", number(part.counts.r2)]
        for name, part in figures.parts.items()
    ]
    return table(["part", "pictures", "mean absolute error", "bias", "R2"], rows)


def field(figures: Figures) -> list[str]:
    """What is left on spoilt pictures."""
    rows = [["as they are", number(figures.map50, 3), "", number(figures.found.f1.value), ""]]
    for name, one in figures.field.items():
        lost = None if one.f1 is None or figures.found.f1.value is None else one.f1 - figures.found.f1.value
        rows.append([
            name, number(one.map50, 3), f"{one.map50 - figures.map50:+.3f}", number(one.f1),
            NONE if lost is None else f"{lost:+.2f}",
        ])  # fmt: skip
    return table(["pictures", "mAP50", "difference", "F1", "difference"], rows)
