"""What the pictures of `fieldeye count` said together, and how it is told to people and programs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from statistics import mean
from typing import Any

from edge.census import NO_LEAF, Step
from edge.cli.results import say
from edge.cli.truth import Truth
from edge.config import Mode
from edge.count_agreement import agreement
from edge.counts import Unit
from edge.detector import Detector
from edge.errors import UsageError
from edge.eye import accuracy_of
from edge.leaf import Scale, graded, incidence, mckinney_index
from edge.leaf_network import LeafTold
from edge.trap import Reading

WORDS: Mapping[Unit, str] = {
    "visits": "visits",
    "max_per_frame": "on one picture at most",
    "new": "new",
    "affected_frames": "affected",
}


@dataclass
class Tallied:
    """What the pictures said so far."""

    mode: Mode
    unit: Unit
    frames: int = 0  # good and looked at
    skipped: Counter[str] = field(default_factory=Counter)
    counts: Counter[int] = field(default_factory=Counter)  # class -> individuals, the most on one picture, or leaves
    squares: Counter[int] = field(default_factory=Counter)  # the same, each picture's number squared
    severities: list[float] = field(default_factory=list)
    stresses: Counter[str] = field(default_factory=Counter)  # label -> leaves that it rules, with --crop
    card: Reading | None = None  # what the last picture of a trap's card said
    per_picture: dict[str, dict[str, int]] = field(default_factory=dict)  # name -> what `--against` can compare

    def add(self, name: str, step: Step, sure: int, leaf: LeafTold | None) -> None:
        """One picture more, with so many sure detections; `leaf` is of a leaf network, which is better than colour."""
        here = Counter(step.counted.tolist())
        if self.unit == "max_per_frame":
            self.counts |= here
            self.squares = Counter({class_id: number**2 for class_id, number in self.counts.items()})
        else:
            self.counts.update(here)
            self.squares.update({class_id: number**2 for class_id, number in here.items()})
        self.card = step.card or self.card
        present = step.card.present if step.card else sure
        if step.skipped != NO_LEAF:
            self.per_picture[name] = {"count": sure, "new": len(step.counted), "present": present}
        if why := step.skipped or ("unmatched" if step.card and step.card.begins else ""):  # no effort, as on a node
            self.skipped[why] += 1
            return
        self.frames += 1
        if leaf and leaf.stress:
            self.stresses[leaf.stress] += 1
        severity = leaf.severity if leaf else step.severity
        if severity is not None:
            self.severities.append(severity)


def result_of(tallied: Tallied, detector: Detector, scale: Scale | None) -> dict[str, Any]:
    """What `--json` prints; without the crop's `scale` no leaf has a grade."""
    accuracy, labels = accuracy_of(detector), detector.bundle.labels
    most = tallied.frames if tallied.mode == "leaf" else None  # leaves
    counts = [
        accuracy[labels[c]].counted(n, labels[c], tallied.unit, tallied.squares[c] / n**2, most)
        for c, n in sorted(tallied.counts.items())
    ]
    result: dict[str, Any] = {
        "mode": tallied.mode,
        "unit": tallied.unit,
        "model": f"{detector.bundle.name}@{detector.bundle.version}",
        "frames": tallied.frames,
        "skipped": dict(sorted(tallied.skipped.items())),
        "counts": [asdict(count) for count in counts],
    }
    if card := tallied.card:
        result["card"] = {"present": card.present, "covered": round(card.covered, 3), "saturated": card.saturated}
    if tallied.mode == "leaf":
        for one in result["counts"]:
            one["incidence"] = incidence(one["count"], tallied.frames)
        result["leaf"] = _leaf(tallied, scale)
    return result


def _leaf(tallied: Tallied, scale: Scale | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "leaves": tallied.frames,
        "severity": round(mean(tallied.severities), 4) if tallied.severities else None,
    }
    if scale:
        index = mckinney_index(graded(tallied.severities, scale), scale.highest)
        told |= {"index": None if index is None else round(index, 1), "scale": scale.source}
    if tallied.stresses:
        told["stresses"] = dict(sorted(tallied.stresses.items()))
    return told


def compared(truth: Truth, tallied: Tallied, threshold: float | None) -> dict[str, Any]:
    """How well both counts agree. Raises UsageError where a person counted none of these pictures."""
    unknown = [name for name, _ in truth.counts if name not in tallied.per_picture]
    both = [(y, tallied.per_picture[name][truth.what]) for name, y in truth.counts if name in tallied.per_picture]
    if not both:
        raise UsageError(f"{truth.name}: names none of the pictures that were counted; write their file names")
    if unknown:
        names = f"{len(unknown)} of its {len(truth.counts)} pictures ({unknown[0]})"
        say(f"{truth.name}: {names} were not counted, so they are not compared")
    person, machine = zip(*both, strict=True)
    return {"what": truth.what, **asdict(agreement(person, machine, threshold))}


def reasons_of(skipped: Mapping[str, int]) -> str:
    """Why pictures were not counted, each with how many."""
    return ", ".join(f"{reason} {number}" for reason, number in sorted(skipped.items()))


def sentences(result: dict[str, Any]) -> list[str]:
    """The same for people."""
    reasons = reasons_of(result["skipped"])
    lines = [f"{result['mode']}: {result['frames']} pictures counted, {sum(result['skipped'].values())} not"]
    lines[0] += f" ({reasons})" if reasons else ""
    for count in result["counts"]:
        span = f" ({count['low']} to {count['high']})" if count["low"] is not None else ", range not measured"
        share = f", {count['incidence']:.0%} of the leaves" if "incidence" in count else ""
        lines.append(f"{count['label']}: {count['count']} {WORDS[result['unit']]}{span}{share}")
    if result["frames"] and not result["counts"]:
        lines.append(f"none: 0 {WORDS[result['unit']]}")
    for part in ("card", "leaf", "against"):
        if part in result:
            lines.append(f"{part}: " + ", ".join(f"{key} {_said(value)}" for key, value in result[part].items()))
    return lines


def _said(value: object) -> str:
    """As a person reads it."""
    if isinstance(value, dict):
        return " and ".join(f"{label or 'healthy'} on {leaves}" for label, leaves in value.items())
    return f"{value:.4g}" if isinstance(value, float) else "unknown" if value is None else str(value)
