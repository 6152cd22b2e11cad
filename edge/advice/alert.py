"""The Alert that tells where a pest stands: figure, threshold, what to do and who says so, in plain sentences. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise, starmap

from edge.advice.against_threshold import Measured, Standing
from edge.advice.thresholds import Threshold
from edge.clock import Instant, seconds_between
from edge.counts import MOVED, OUTDATED, Alert, Level, Task, decimals_of


def alert_of(standing: Standing, at: Instant, camera: str, model: str) -> Alert:
    """The record that tells the standing. Raises ValueError if nothing was compared yet."""
    threshold, figure = standing.threshold, standing.figure
    if figure is None:
        raise ValueError(f"nothing was compared with the threshold of {threshold.scientific_name} yet")
    return Alert(
        at=at,
        camera=camera,
        model=model,
        label=threshold.scientific_name,
        eppo=standing.eppo,
        level=standing.level,
        value=figure.value,
        low=figure.low,
        high=figure.high,
        unit=threshold.unit,
        start_at=threshold.low,
        sure_at=threshold.high,
        reason=_reason(standing, figure),
        task=standing.task,
        look_at=_look_at(standing),
        source="; ".join(filter(None, (threshold.source, threshold.region, threshold.basis))),
    )


def dropped_alert(standing: Standing, at: Instant, camera: str, model: str) -> Alert:
    """The record that ends a standing whose threshold is watched here no more; its figure is the last one told."""
    return replace(
        alert_of(replace(standing, level="calm"), at, camera, model),
        reason=f"{standing.threshold.unit} is not held against a threshold here any more",
        look_at="Nothing to do; this threshold is not watched any more.",
    )


def moved_alert(standing: Standing, at: Instant, camera: str, model: str) -> Alert:
    """The record that ends a standing of another place: what is reached here is news."""
    return replace(
        alert_of(replace(standing, level="calm"), at, camera, model),
        reason=MOVED,
        look_at="Nothing to do here; what was counted at the former place says nothing of this one.",
    )


def outdated_alert(standing: Standing, at: Instant, camera: str, model: str) -> Alert:
    """The record that ends a standing whose last figure is too old to go by, or may be."""
    counted = [one for one in (standing.before, standing.at, at) if one is not None]
    is_known = None not in starmap(seconds_between, pairwise(counted))
    return replace(
        alert_of(replace(standing, level="calm"), at, camera, model),
        reason=OUTDATED,
        look_at="Nobody counted for 14 days: look at the node and its camera."
        if is_known
        else "Nobody knows how old the last count is: look at the node, its clock and its camera.",
    )


def _reason(standing: Standing, figure: Measured) -> str:
    threshold = standing.threshold
    upper = f" to {threshold.high:.15g}" if threshold.high else ""
    where = ", ".join(filter(None, (threshold.crop, threshold.stage_of_crop)))
    verb = _verb(standing.level, figure, threshold)
    told = f"{_figure(figure.value, threshold)} {threshold.unit} {verb} the threshold of"
    return f"{told} {threshold.low:.15g}{upper}" + (f" ({where})" if where else "")


def _verb(level: Level, figure: Measured, threshold: Threshold) -> str:
    if level == "calm":
        return "is below"
    if figure.value >= threshold.low:
        return "has reached"
    if figure.high is not None and figure.high >= threshold.low:
        return f"(up to {_figure(figure.high, threshold)}) may have reached"
    return "is close to"


def _figure(value: float, threshold: Threshold) -> str:
    return f"{value:.{decimals_of(value, threshold.low)}f}".rstrip("0").rstrip(".")


def _look_at(standing: Standing) -> str:
    threshold = standing.threshold
    pest, action = threshold.scientific_name, threshold.action
    sentences: Mapping[Task, str] = {
        "nothing": "Nothing to do; the next count is watched.",
        "go_and_look": f"Go and look in the field: a catch says that {pest} flies, not how many there are.",
        "count_by_eye": f"Count {threshold.quantity} by eye at several places: the camera alone is not sure enough.",
        "follow_source": f"{action[0].upper()}{action[1:]}, as the source says; ask the local station first.",
    }
    return sentences[standing.task]
