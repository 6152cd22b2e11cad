"""What the doctor says of advice: is there an action level that this node's counts can ever reach?"""

import difflib
from collections.abc import Collection, Iterator
from functools import partial

from edge.advice import Stand, Threshold, defaults, watched
from edge.advice.evidence import LEAST_PICTURES, SHARE_DAYS
from edge.advice.tellable import tellable, units_told
from edge.census import unit_of
from edge.cli.verdict import Verdict
from edge.config import NodeConfig
from edge.counts import name_and_stage
from edge.power.energy import duty
from edge.power.keeper import AWAKE_S

LIGHT_H = 12.0  # of a day, on average over the year wherever the node stands; pictures in the dark do not count
OWN = "set your station's in [[advice.threshold]]"


def on_advice(config: NodeConfig, labels: Collection[str], *, has_area: bool) -> Iterator[Verdict]:
    """Nothing where nobody asked for advice.

    `labels`: what the model tells; `has_area`: a calibration says how large the place is that the camera sees.
    """
    advice = config.advice
    crop = advice.crop or config.node.crop
    if not crop and not advice.threshold:
        return
    told = [name_and_stage(label) for label in labels]
    names = {name for name, _ in told}
    rows = watched(names, advice, crop)
    counted, stand = unit_of(config.camera), Stand.of(advice)
    reached = partial(tellable, counted=counted, stand=stand, stages=frozenset(told), has_area=has_area)
    useful = reached(rows)
    packaged = [row for row in defaults() if advice.defaults and row.crop == crop and row.scientific_name in names]
    wrong = _wrong_own(config, names, useful, has_area=has_area)
    if wrong := wrong or _elsewhere(config, reached(packaged) if useful else packaged):
        yield Verdict("advice", "worth a look", wrong)
    elif not useful:
        yield Verdict("advice", "worth a look", _none(crop or "", rows, config, has_area=has_area))
    elif too_seldom := _too_seldom(config):
        yield Verdict("advice", "worth a look", too_seldom)
    else:
        yield Verdict("advice", "ok", f"counts are held against {_listed(useful)}")


def _wrong_own(config: NodeConfig, names: Collection[str], useful: Collection[Threshold], *, has_area: bool) -> str:
    """The first own threshold that is never reached, and why."""
    reached = {(row.scientific_name, row.unit) for row in useful}
    for own in config.advice.threshold:
        if own.label not in names:
            near = difflib.get_close_matches(own.label, names, n=1)
            remedy = f"did you mean {near[0]}?" if near else "see `fieldeye model list`"
            return f"advice.threshold of {own.label}: the model {config.model_name} does not tell it; {remedy}"
        if (own.label, own.unit) not in reached:
            where = f"advice.threshold of {own.label}: {own.unit}"
            units = ", ".join(units_told(unit_of(config.camera), has_area=has_area, label=own.label))
            pace = f" with a picture every {config.camera.every_s:g} s" if config.camera.mode == "live" else ""
            return f"{where} is never told in mode {config.camera.mode}{pace}; give one of {units}"
    return ""


def _elsewhere(config: NodeConfig, rows: Collection[Threshold]) -> str:
    """Which of stage and region leaves none of a crop's packaged rows."""
    advice = config.advice
    for key, value, column in (("stage", advice.stage, "stage_of_crop"), ("region", advice.region, "region")):
        left = [row for row in rows if value is None or getattr(row, column) in {value, "all"}]
        if rows and not left:
            known = ", ".join(sorted({getattr(row, column) for row in rows}))
            crop, model = next(iter(rows)).crop, config.model_name
            where = f"advice.{key} {value} is of no action level for {crop} that the model {model} tells"
            return f"{where}; give one of {known}, or take it out"
        rows = left
    return ""


def _none(crop: str, rows: Collection[Threshold], config: NodeConfig, *, has_area: bool) -> str:
    known = sorted({row.crop for row in defaults()})
    if crop not in known:
        near = difflib.get_close_matches(crop, known, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}; or {OWN}"
        return f"no action level is packaged for the crop {crop}; {remedy}"
    if not rows:
        return f"no action level for {crop} is of a pest that the model {config.model_name} tells; {OWN}"
    units = ", ".join(units_told(unit_of(config.camera), has_area=has_area))
    return f"the action levels for {crop} ({_listed(rows)}) are for people who count in the field; {OWN}, in {units}"


def _too_seldom(config: NodeConfig) -> str:
    """Why a share of pictures is never told, where the camera looks too few times for one."""
    camera, sleep = config.camera, config.power.sleep
    sleep = "night" if sleep == "never" else sleep
    looks = duty(0, light_h=LIGHT_H, every_s=camera.every_s, sleep=sleep, stays_s=AWAKE_S).pictures
    if unit_of(camera) != "affected_frames" or looks * SHARE_DAYS >= LEAST_PICTURES:
        return ""
    most_s = LIGHT_H * 3600 * SHARE_DAYS / LEAST_PICTURES
    return (
        f"no action level is ever reached: the camera looks {looks:.2g} times in the light of a day, and a share needs "
        f"{LEAST_PICTURES} pictures in {SHARE_DAYS} days; set camera.every_s to {most_s:g} or less"
    )


def _listed(rows: Collection[Threshold]) -> str:
    return ", ".join(f"{row.scientific_name} {row.low:g} {row.unit}" for row in rows)
