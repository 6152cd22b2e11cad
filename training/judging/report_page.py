"""The report of a bundle: all that was measured, in Markdown, JSON and pictures side by side."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from training.judging import tables
from training.judging.figures import Figures
from training.judging.plots import draw_all


def write_report(folder: Path, name: str, figures: Sequence[Figures]) -> None:
    """`<name>.md`, `<name>.json` and `<name>-*.png` in the folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    rounded = json.loads(json.dumps([asdict(one) for one in figures]), parse_float=lambda text: round(float(text), 5))
    (folder / f"{name}.json").write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
    pictures = draw_all(figures, folder, name)
    (folder / f"{name}.md").write_text(page(name, figures, pictures), encoding="utf-8")


def page(name: str, figures: Sequence[Figures], pictures: Mapping[str, str]) -> str:
    """Markdown; pictures: file names by what they show."""
    first = figures[0]
    return "\n".join([
        f"# `{name}` on {first.pictures} pictures of the {first.split} split", "",
        "Exported files, through `edge.detector` and `edge.boxes`, one thread. Precision, recall and F1 are at the "
        "shipped thresholds (chosen on held-out pictures) and IoU 0.5, all classes together where no class is "
        "named; in brackets 95 % intervals from 1000 bootstrap draws of pictures.", "",
        *tables.files(figures), *_times(first), "",
        "## By dataset", "",
        *tables.parts(figures),
        *(line for one in figures for line in (f"{one.precision}:", "", *tables.found(one))),
        "## By class", "",
        *(line for one in figures for line in tables.classes(one, intervals=True)),
        f"![average precision by class]({pictures['classes']})", "",
        "## What is taken for what", "",
        "A row is what a person marked, a column what was said; the last column was missed, the last row is false "
        "alarms.", "",
        f"![confusion]({pictures['confusion']})", "",
        "## Counts", "",
        "Boxes shown on a picture beside a person's marks on it, all classes together.", "",
        *(line for one in figures for line in (f"{one.precision}:", "", *tables.counts(one))),
        "## Does confidence mean what it says?", "",
        *(_calibration(one) for one in figures), "",
        f"![reliability]({pictures['reliability']})", "",
        *_alarms(figures),
        *_field(first, pictures),
    ])  # fmt: skip


def _times(first: Figures) -> list[str]:
    cost = first.cost
    start = (
        " The starting network (YOLOX-Nano, 416 px, SiLU) alone took " + f"{cost.start_ms:.1f} ms."
        if cost.start_ms
        else ""
    )
    return [
        f"Times: of the processor, lower quartile, a picture of {cost.width_px}x{cost.height_px} px to detections, all "
        f"in turns of one run; only ratios carry over to another machine.{start}"
    ]


def _calibration(one: Figures) -> str:
    before, after = one.reliability
    return (
        f"- {one.precision}: expected calibration error {before.error:.3f} before temperature scaling, "
        f"{after.error:.3f} after. The temperature was fitted on the validation split."
    )


def _alarms(figures: Sequence[Figures]) -> list[str]:
    if not figures[0].alarms:
        return []
    return ["## False alarms", "", "Detections in pictures that show none of the classes.", "", *tables.alarms(figures)]


def _field(first: Figures, pictures: Mapping[str, str]) -> list[str]:
    if not first.field:
        return []
    return [
        "## In the field", "",
        f"The same pictures spoilt by `training/judging/field.py`, {first.precision}.", "",
        *tables.field(first),
        f"![what a field costs]({pictures['field']})", "",
    ]  # fmt: skip
