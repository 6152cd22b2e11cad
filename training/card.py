"""The card of a bundle: what it tells, what it was made from, how well it does, in Markdown."""

from collections.abc import Sequence

from training.figures import ClassFigures, Figures
from training.onnx_file import Facts


def card(facts: Facts, figures: Sequence[Figures], about: str, examples: str) -> str:
    """Markdown from the metadata of the first file and the figures of all.

    about: what it can and cannot tell, in a person's words; examples: file name of the sheet of test pictures.
    """
    return "\n".join([
        f"# {facts['name']} {facts['version']}", "",
        about.strip(), "",
        "## How well", "",
        *_sizes(figures), "",
        f"Test split: {figures[0].pictures} pictures that were used for nothing else; measured on the exported files "
        "through `edge.detector`. Times are medians on one thread of the machine that trained, 640x480 pictures: only "
        "their ratios carry over.", "",
        *_parts(figures), "",
        *_false_alarms(figures),
        "Precision, recall and F1 below are at the shipped threshold (IoU 0.5), chosen on the validation split.", "",
        *(line for one in figures for line in _classes(one)),
        f"![right and wrong on test pictures]({examples})", "",
        "Test pictures drawn evenly from those that came out right (upper half) and those that did not (lower half). "
        "Green: marked by a person; red: found.", "",
        "## Made from", "",
        *_origin(facts),
    ])  # fmt: skip


def _sizes(figures: Sequence[Figures]) -> list[str]:
    rows = [
        f"| `{one.file}` | {one.precision} | {one.size_bytes / 1e6:.2f} | {one.map50:.3f} | {one.map50_95:.3f} | "
        f"{one.ms:.1f} | {one.bare_ms:.1f} |"
        for one in figures
    ]
    head = "| file | precision | MB | mAP50 | mAP50-95 | ms, picture to detections | ms, network alone |"
    return [head, "|---|---|---|---|---|---|---|", *rows]


def _false_alarms(figures: Sequence[Figures]) -> list[str]:
    if not figures[0].empties:
        return []
    told = ", ".join(f"{100 * one.false_alarms / one.empties:.1f} with {one.precision}" for one in figures)
    return [f"False alarms per 100 pictures that show none of these ({figures[0].empties} of other crops): {told}.", ""]


def _parts(figures: Sequence[Figures]) -> list[str]:
    rows = [
        f"| {name} | {part.pictures} | "
        + " | ".join(f"{one.parts[name].map50:.3f} | {one.parts[name].map50_95:.3f}" for one in figures)
        + " |"
        for name, part in figures[0].parts.items()
    ]
    columns = " | ".join(f"mAP50 {one.precision} | mAP50-95 {one.precision}" for one in figures)
    return [f"| part | pictures | {columns} |", "|---|---|" + "---|---|" * len(figures), *rows]


def _classes(figures: Figures) -> list[str]:
    head = f"| {figures.precision} | marks | AP50 | AP50-95 | threshold | precision | recall | F1 |"
    return [head, "|---|---|---|---|---|---|---|---|", *map(_row, figures.classes), ""]


def _row(one: ClassFigures) -> str:
    numbers = (one.ap50, one.ap50_95, one.threshold, one.precision, one.recall, one.f1)
    cells = " | ".join("–" if number is None else f"{number:.2f}" for number in numbers)
    return f"| *{one.label}* | {one.support} | {cells} |"


def _origin(facts: Facts) -> list[str]:
    training = facts["training"]
    rows = [f"| {d['name']} | {d['pictures']} | {d['source']} | {d['licence']} |" for d in training["datasets"]]
    return [
        "| dataset | training pictures | source | licence as stated there |", "|---|---|---|---|", *rows, "",
        f"Starting weights: `{training['start_weights']}` (YOLOX-Nano, Megvii, Apache-2.0, trained on COCO). "
        f"Command: `{training['command']}` at commit `{training['commit']}`. Input {facts['input']['side_px']} px, BGR "
        f"0..255, letterboxed at the top left; temperature {facts['temperature']}.", "",
    ]  # fmt: skip
