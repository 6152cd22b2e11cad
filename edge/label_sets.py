"""Which labels each model can tell. Of any other label its counts say nothing, which is no data and not a zero."""

import logging
from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from edge.counts import Interval, NoData, name_and_stage, with_stage
from edge.errors import StoreError

log = logging.getLogger(__name__)

SETTING = "label_sets"
KEPT = 32  # models: a first catch is sought through a season, in which a node runs a few
LabelSets = Mapping[str, frozenset[str]]  # by model (name@version); one that is missing is taken to tell everything
NONE_KEPT: LabelSets = {}


class Kept(Protocol):
    """Where they are kept."""

    def setting(self, name: str) -> str | None: ...


class Keeping(Kept, Protocol):
    """The same, to be written."""

    def set_setting(self, name: str, value: str) -> None: ...


def can_tell(label_sets: LabelSets, model: str, label: str) -> bool:
    """Can the model tell it? `label`: a name, or a name with its life stage as in `Lepidoptera (larva)`."""
    return model not in label_sets or label in label_sets[model]


def with_counted(label_sets: LabelSets, intervals: Iterable[Interval]) -> LabelSets:
    """For these intervals, of one day: what a model counted it could tell, whatever its version tells now."""
    known = [(one.model, one.counts) for one in intervals if not isinstance(one.counts, NoData)]
    counted = {(model, taxon.label, taxon.stage) for model, counts in known for taxon in counts}
    told = dict(label_sets)
    for model, name, stage in counted:
        if model in told:
            told[model] |= {name, with_stage(name, stage)}
    return told


def names_of(labels: Iterable[str]) -> list[str]:
    """A model's labels as records have them: without life stages, each once."""
    return list(dict.fromkeys(name_and_stage(label)[0] for label in labels))


def load(kept: Kept) -> LabelSets:
    """Of the models that ran last. What cannot be read is taken as nothing. Raises StoreError."""
    try:
        return msgspec.json.decode(kept.setting(SETTING) or "{}", type=dict[str, frozenset[str]])
    except msgspec.DecodeError:
        return NONE_KEPT


def remember(keeping: Keeping, model: str, labels: Iterable[str]) -> None:
    """Keep what a model that runs can tell; most starts change nothing, and write nothing.

    Under a version that told other labels before, it is taken to tell both: no count may vanish.
    """
    given = tuple(labels)
    try:
        known = dict(load(keeping))
        before = known.pop(model, frozenset())
        told = before.union(given, names_of(given))
        if told == before:
            return
        newest = {**dict(list(known.items())[1 - KEPT :]), model: told}
        keeping.set_setting(SETTING, msgspec.json.encode({name: sorted(one) for name, one in newest.items()}).decode())
    except StoreError as why:  # until the next start the model is taken to tell everything
        log.warning("labels_not_kept", extra={"why": str(why)})
