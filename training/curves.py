"""Draw the log of a run: `python -m training.curves runs/pests/log.jsonl curves.png`."""

import argparse
import json
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from edge.errors import UsageError
from training.command import finish

mpl.use("Agg")
LOSSES = ("loss", "loss_box", "loss_objectness", "loss_class")
SCORES = ("map50", "map50_95")


def draw_curves(log: Path, picture: Path) -> None:
    """Losses of training above, average precision of validation below, over epochs, as a PNG."""
    lines = _lines(log)
    figure, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(8, 6), layout="constrained")
    for axes, names in ((top, LOSSES), (bottom, SCORES)):
        for name in names:
            points = [(line["epoch"] + 1, line[name]) for line in lines if name in line]
            axes.plot(*np.array(points).reshape(-1, 2).T, label=name, marker="." if name in SCORES else "")
        axes.legend()
        axes.grid(alpha=0.3)
    top.set_ylabel("training loss a point")
    bottom.set(ylabel="validation", xlabel="epoch", ylim=(0, 1))
    try:
        figure.savefig(picture, dpi=100)
    except ValueError as why:
        raise UsageError(f"{picture}: cannot be drawn ({why}); end its name in .png") from why
    finally:
        plt.close(figure)


def _lines(log: Path) -> list[dict[str, float]]:
    """Each epoch once: a run that was begun anew, or from an earlier checkpoint, has learned the later ones again."""
    lines: list[dict[str, float]] = []
    try:
        for told in map(json.loads, log.read_text(encoding="utf-8").splitlines()):
            line = {name: float(told[name]) for name in ("epoch", *LOSSES, *SCORES) if name in told}
            epoch = line["epoch"]
            lines = [*(one for one in lines if one["epoch"] < epoch), line]
    except (KeyError, OverflowError, RecursionError, TypeError, ValueError) as why:
        raise UsageError(f"{log}: not the log of a run ({why}); name runs/<name>/log.jsonl") from why
    if not lines:
        raise UsageError(f"{log}: no epoch yet; wait for the first")
    return lines


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path, help="log.jsonl of a run")
    parser.add_argument("picture", type=Path, help="the PNG that is written")
    arguments = parser.parse_args()
    draw_curves(arguments.log, arguments.picture)


if __name__ == "__main__":
    finish(main)
