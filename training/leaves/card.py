"""The card of the leaf network, in Markdown, and the record of what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.datasets.masks import STRESSES
from training.judging.figures import Share
from training.judging.tables import table, with_interval
from training.onnx_file import Facts

GRADES = ("healthy", "very low", "low", "high", "very high")
ABOUT = Path(__file__).parents[1] / "about" / "leaf.md"
PUBLISHED = "Esgario, Krohling and Ventura (2020), ResNet50, doi:10.1016/j.compag.2019.105162"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafFigures:
    """What was measured on one split; tables have a row a person's word, a column a word of the network."""

    split: str
    leaves: int
    share_mae: float
    share_bias: float
    grade: Share
    stress: Share
    judged_stresses: int  # leaves with one predominant stress
    grades: list[list[int]]
    stresses: list[list[int]]
    size_bytes: int
    ms: float  # median of a leaf, four views, processor time of one thread


def card(facts: Facts, figures: LeafFigures) -> str:
    """Markdown from the file's metadata and its figures."""
    return "\n".join([
        f"# leaf {facts['version']}", "",
        ABOUT.read_text(encoding="utf-8").strip(), "",
        "## How well", "",
        f"{figures.leaves} leaves of the {figures.split} split, through `edge.leaf_network` on the exported file; in "
        "brackets 95 % intervals from 1000 bootstrap draws of leaves.", "",
        *_measured(figures),
        f"Published: {PUBLISHED}, another split. {grades(facts)} People did not measure: even masks painted "
        "by hand, by the published limits, agree with their grade on 90.5 % of training and validation leaves.", "",
        "Rows a person's word, columns the network's:", "",
        *_confusion("grade", GRADES, figures.grades),
        *_confusion("stress", STRESSES, figures.stresses),
        "## Made from", "",
        *_origin(facts),
    ])  # fmt: skip


def grades(facts: Facts) -> str:
    """Where they end: by what the network reads and people graded, not where it was published."""
    *first, last = (f"{100 * limit:g}" for limit in facts["limits"])
    fitted = f"{', '.join(first)} and {last} %"
    return f"Grades end at limits fitted to its own severities, {fitted} (published: 0.1, 5, 10 and 15 %)."


def _measured(figures: LeafFigures) -> list[str]:
    stress = f"predominant stress ({figures.judged_stresses} leaves that have one)"
    return table(["what", "measured", "published"], [
        ["lesion share of the leaf, mean absolute error", f"{100 * figures.share_mae:.2f} percentage points", "–"],
        ["the same, bias", f"{100 * figures.share_bias:+.2f} percentage points", "–"],
        ["severity grade as a person's", with_interval(figures.grade, 4), "0.8651"],
        [stress, with_interval(figures.stress, 4), "0.9524"],
        ["size", f"{figures.size_bytes / 1e6:.2f} MB", "–"],
        ["a leaf, four views, one x86 thread", f"{figures.ms:.0f} ms of processor time", "–"],
    ])  # fmt: skip


def _confusion(what: str, names: Sequence[str], rows: Sequence[Sequence[int]]) -> list[str]:
    return table([what, *names], [[name, *map(str, row)] for name, row in zip(names, rows, strict=True)])


def _origin(facts: Facts) -> list[str]:
    training = facts["training"]
    rows = [[one["name"], str(one["pictures"]), one["source"], one["licence"]] for one in training["datasets"]]
    return [
        *table(["dataset", "training pictures", "source", "licence as stated there"], rows),
        f"Starting weights: `{training['start_weights']}` (EfficientNet-Lite0, Apache-2.0, trained on ImageNet, whose "
        f"pictures are for research). Commands: `{training['command']}`, then `python -m training.leaves.export` and "
        f"`python -m training.leaves.judge`; commit `{training['commit']}`.",
    ]
