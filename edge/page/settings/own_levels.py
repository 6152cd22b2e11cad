"""The action levels that a station sets on the page, and which ones this node's counts can ever reach."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from edge.advice import Stand, Threshold, defaults, watched
from edge.advice.tellable import tellable, units_told
from edge.census import unit_of
from edge.changes import over
from edge.config import SET_HERE, AdviceTable, NodeConfig, OwnThreshold, checked
from edge.counts import name_and_stage
from edge.errors import ConfigError
from edge.label_sets import names_of
from edge.languages.typed import decimal, plain
from edge.languages.units import threshold_unit_words
from edge.page import names
from edge.page.node import Node
from edge.page.set_up import calibration
from edge.page.words import THOUSANDS, gettext, number

FIELDS = ("label", "unit", "act_at", "source")
Row = dict[str, Any]  # of [[advice.threshold]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What this node can count, and in which units."""

    config: NodeConfig
    labels: tuple[str, ...]  # that its model tells, with life stages; none: no model has been loaded
    has_area: bool  # a calibration says how large the place is that the camera sees

    def levels(self, advice: AdviceTable | None = None) -> tuple[Threshold, ...]:
        """Those that its counts can reach, of the node's own table or another one."""
        advice = self.config.advice if advice is None else advice
        told = [name_and_stage(label) for label in self.labels]
        rows = watched([name for name, _ in told], advice, self.config.node.crop)
        stand, stages = Stand.of(advice), frozenset(told)
        return tellable(rows, unit_of(self.config.camera), stand, stages=stages, has_area=self.has_area)

    def crops(self) -> tuple[str, ...]:
        """Those with a packaged level in reach."""
        packaged = msgspec.structs.replace(self.config.advice, threshold=())
        crops = sorted({row.crop for row in defaults()})
        return tuple(crop for crop in crops if self.levels(msgspec.structs.replace(packaged, crop=crop)))

    def pests(self) -> list[tuple[str, str]]:
        """Label and name of what the model tells and harms the crop, as a list to choose from."""
        found = {label: names.name(label) for label in names_of(self.labels) if not names.is_harmless(label)}
        return sorted(found.items(), key=lambda one: one[1].casefold())

    def units(self) -> list[tuple[str, str]]:
        """Unit and its words; of several that say the same the first, which counts whatever is there."""
        found: dict[str, str] = {}
        for unit in units_told(unit_of(self.config.camera), has_area=self.has_area):
            found.setdefault(threshold_unit_words(unit), unit)
        return [(unit, words) for words, unit in found.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One level in the list."""

    label: str
    unit: str
    words: str
    source: str
    is_reached: bool


def reach_of(this: Node) -> Reach:
    """With the model that runs and the calibration that is kept."""
    model, known = this.board.snapshot().model, calibration.known(this)
    has_area = known is not None and known.area_mm2 is not None
    return Reach(config=this.config, labels=tuple(model.precisions) or model.labels, has_area=has_area)


def shown(rows: Iterable[Row], reach: Reach) -> list[Shown]:
    """The station's own, as they were set."""
    listed = _own(rows)
    reached = _keys(reach, listed)
    return [
        Shown(
            label=one.label,
            unit=one.unit,
            words=level_words(one.label, one.act_at, one.unit),
            source=gettext("set on this node") if one.source == SET_HERE else one.source,
            is_reached=(one.label, one.unit) in reached,
        )
        for one in listed
    ]


def packaged_of(rows: Iterable[Row], reach: Reach) -> list[Threshold]:
    """Those of the crop that can be reached beside the station's `rows`."""
    return [row for row in _levels(reach, _own(rows)) if row.crop]  # the station's name none


def level_words(label: str, act_at: float, unit: str) -> str:
    """A level in one line."""
    values = {"name": names.name(label), "level": number(act_at, 3), "unit": threshold_unit_words(unit)}
    return gettext("%(name)s: %(level)s %(unit)s", **values)


def with_one_more(
    rows: Sequence[Row], sent: Mapping[str, str], reach: Reach
) -> tuple[list[Row] | None, dict[str, str]]:
    """The rows with what was `sent`, in place of the one of the same pest and unit; or None and what is wrong with it:
    field -> words. Checked as node.toml is."""
    typed = {key: plain(sent.get(key, "")) if key == "act_at" else sent.get(key, "").strip() for key in FIELDS}
    if THOUSANDS.fullmatch(typed["act_at"]):
        return None, {"act_at": gettext("Write the number without a sign between thousands.")}
    others = without(rows, typed["label"], typed["unit"])
    row: Row = {key: value for one in rows if one not in others for key, value in one.items() if key not in FIELDS}
    row |= {key: value for key, value in typed.items() if value}  # beside what only node.toml says of it
    try:
        row["act_at"] = decimal(typed["act_at"])
        if row.get("sure_at") is not None:
            row["sure_at"] = max(row["sure_at"], row["act_at"])  # whatever is above it was so without further doubt
        listed = [*others, row]
        table = over(msgspec.to_builtins(reach.config), {"advice": {"threshold": listed}})
        own = checked(table, "settings").advice.threshold
    except ConfigError as why:
        return None, {next((key for key in FIELDS[::-1] if key in str(why)), "act_at"): gettext("This cannot be used.")}
    except ValueError:
        return None, {"act_at": gettext("A number above 0.")}
    if (typed["label"], typed["unit"]) not in _keys(reach, own):
        return None, {"unit": gettext("This node cannot count it so.")}
    return msgspec.to_builtins(own), {}


def without(rows: Iterable[Row], label: str, unit: str) -> list[Row]:
    """The rows but that one."""
    return [row for row in rows if (row["label"], row["unit"]) != (label, unit)]


def _own(rows: Iterable[Row]) -> tuple[OwnThreshold, ...]:
    return msgspec.convert(list(rows), tuple[OwnThreshold, ...])


def _keys(reach: Reach, own: tuple[OwnThreshold, ...]) -> set[tuple[str, str]]:
    return {(row.scientific_name, row.unit) for row in _levels(reach, own)}


def _levels(reach: Reach, own: tuple[OwnThreshold, ...]) -> tuple[Threshold, ...]:
    return reach.levels(msgspec.structs.replace(reach.config.advice, threshold=own))
