"""Pictures of a report: average precision by class, confusion, reliability, what a field costs."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from training.judging.figures import Figures

mpl.use("Agg")
GROUND = "(ground)"


def draw_all(figures: Sequence[Figures], folder: Path, name: str) -> dict[str, str]:
    """PNGs `<name>-<what>.png` in the folder; returns file names by what they show."""
    drawn = {"classes": _classes, "confusion": _confusion, "reliability": _reliability}
    if figures[0].field:
        drawn["field"] = _field
    names = {}
    for what, draw in drawn.items():
        names[what] = f"{name}-{what}.png"
        picture = draw(figures)
        picture.savefig(folder / names[what], dpi=80)
        plt.close(picture)
    return names


def _classes(figures: Sequence[Figures]) -> Figure:
    shown = [one for one in figures[0].classes if one.support]
    picture, axes = plt.subplots(figsize=(9, 1.2 + 0.34 * len(shown)))
    picture.subplots_adjust(left=0.33, right=0.97, top=0.98, bottom=0.7 / (1.2 + 0.34 * len(shown)))
    place = np.arange(len(shown))
    for number, one in enumerate(figures):
        told = {row.label: row.ap50 or 0.0 for row in one.classes}
        axes.barh(place + 0.4 * number, [told[row.label] for row in shown], 0.38, label=f"AP50 {one.precision}")
    axes.set_yticks(place + 0.2, [f"{row.label} ({row.support})" for row in shown])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="average precision at IoU 0.5 (marks in brackets)")
    axes.legend()
    return picture


def _confusion(figures: Sequence[Figures]) -> Figure:
    """Rows as shares of a row's marks; numbers are counts."""
    table = np.array(figures[0].confusion)
    names = [*(one.label for one in figures[0].classes), GROUND]
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    side = 3 + 0.36 * len(names)
    picture, axes = plt.subplots(figsize=(side, side))
    picture.subplots_adjust(left=2.4 / side, bottom=2.4 / side, right=1 - 0.2 / side, top=1 - 0.4 / side)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(table > 0).tolist():
        dark = share[row, column] > 0.5
        axes.text(column, row, str(table[row, column]), ha="center", va="center", size=7, color="w" if dark else "k")
    axes.set_xticks(range(len(names)), names, rotation=90, size=7)
    axes.set_yticks(range(len(names)), names, size=7)
    axes.set(xlabel="said", ylabel="marked by a person", title=f"{figures[0].file}, shipped thresholds, IoU 0.5")
    return picture


def _reliability(figures: Sequence[Figures]) -> Figure:
    picture, panels = plt.subplots(1, len(figures), figsize=(4.5 * len(figures), 4.4))
    for axes, one in zip(np.atleast_1d(panels), figures, strict=True):
        axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
        for told, name in zip(one.reliability, ("before", "after"), strict=True):
            points = [(b.confidence, b.precision) for b in told.bins]
            axes.plot(*(zip(*points, strict=True) if points else ([], [])), marker="o",
                      label=f"{name}: error {told.error:.3f}")  # fmt: skip
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share that is right", title=one.file)
        axes.legend()
        axes.grid(alpha=0.3)
    return picture


def _field(figures: Sequence[Figures]) -> Figure:
    told = {"as they are": figures[0].map50, **{name: one.map50 for name, one in figures[0].field.items()}}
    picture, axes = plt.subplots(figsize=(7, 3.2))
    picture.subplots_adjust(bottom=0.25)
    axes.bar(list(told), list(told.values()))
    axes.set(ylim=(0, 1), ylabel="mAP50", title=figures[0].file)
    axes.tick_params(axis="x", rotation=20)
    return picture
