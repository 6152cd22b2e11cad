"""The card of a bundle: what it tells, what it was made from, how well it does, in Markdown."""

from collections.abc import Sequence

import numpy as np

from training.engine import LOWEST_SCORE
from training.judging import tables
from training.judging.figures import Figures
from training.metrics import MAX_DETECTIONS, cooled
from training.onnx_file import ELSEWHERE, Facts

PUBLISHED = "yolox_nano_coco"  # starting weights of another name are a bundle of ours
NO_EXAMPLES = (
    "No pictures of right and wrong detections stand here: the licences of its pictures are not stated or not "
    "confirmed."
)


def card(facts: Facts, figures: Sequence[Figures], about: str, examples: str | None) -> str:
    """Markdown from the metadata of the first file and the figures of all.

    about: what it can and cannot tell, in a person's words; examples: file name of the sheet of test pictures, None
    where no picture may be shown.
    """
    return "\n".join([
        f"# {facts['name']} {facts['version']}", "",
        about.strip(), "",
        "## How well", "",
        *tables.files(figures),
        f"Test split: {figures[0].pictures} pictures; measured on the exported files through `edge.detector`, "
        "precision and recall at the shipped thresholds (IoU 0.5), chosen on held-out pictures. "
        f"{averaged(facts)} Times are of one "
        f"thread, pictures of {figures[0].cost.width_px}x{figures[0].cost.height_px} px: only ratios carry over to "
        "another machine. Intervals, confusion, counts, reliability and what dust, night and distance cost: "
        f"[report](../reports/{facts['name']}.md).", "",
        *tables.parts(figures),
        *_false_alarms(figures),
        *(line for one in figures for line in tables.classes(one, intervals=False)),
        *_examples(examples),
        "## Made from", "",
        *origin(facts),
    ])  # fmt: skip


def averaged(facts: Facts) -> str:
    """Over which boxes average precision is: those of a score, which is no confidence before it is calibrated."""
    least = f"{cooled(np.array(LOWEST_SCORE, np.float32), facts['temperature']):.3g}"
    return (
        f"Average precision is over all boxes with a score of {LOWEST_SCORE:g} and more, {MAX_DETECTIONS} of a class "
        f"in a picture at most. Calibrated at the {facts['precision']} file's temperature of {facts['temperature']}, "
        f"that score is a confidence of {least}: `fieldeye detect --model {facts['name']} --confidence {least}` shows "
        "these boxes."
    )


def _false_alarms(figures: Sequence[Figures]) -> list[str]:
    if not figures[0].empties:
        return []
    return ["False alarms in pictures that show none of these:", "", *tables.alarms(figures)]


def _examples(picture: str | None) -> list[str]:
    if picture is None:
        return [NO_EXAMPLES, ""]
    return [
        f"![right and wrong on test pictures]({picture})", "",
        "Test pictures taken at even steps from those that came out right and, below, from those that did not, "
        "without copies. "
        "Green: marked by a person; red: found. Only sets with an open licence, and no picture that carries somebody's "
        "mark.", "",
    ]  # fmt: skip


def origin(facts: Facts) -> list[str]:
    """Sets with their licences, starting weights, command."""
    training = facts["training"]
    rows = [[d["name"], str(d["pictures"]), d["source"], d["licence"]] for d in training["datasets"]]
    return [
        *tables.table(["dataset", "training pictures", "source", "licence as stated there"], rows),
        f"Starting weights: `{training['start_weights']}` ({_line(training)}). "
        f"Command: `{training['command']}` at commit `{training['commit']}`. Input {facts['input']['side_px']} px, BGR "
        f"0..255, letterboxed at the top left; temperature {facts['temperature']}.", "",
    ]  # fmt: skip


def _line(training: Facts) -> str:
    if ELSEWHERE in training["command"]:
        return "a network from elsewhere, under its author's licence"
    published = "YOLOX-Nano, Megvii, Apache-2.0, trained on COCO"
    if training["start_weights"] == PUBLISHED:
        return published
    return f"a bundle of ours, whose sets stand above too; its line began with {published}"
