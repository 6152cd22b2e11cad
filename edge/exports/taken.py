"""Which records a format has a place for. The others are left out, and whoever exports is told how many."""

from typing import TypeGuard

from edge.taxa import taxon
from edge.wire import PlainAlert, PlainInterval, PlainRecord, PlainSighting


def everything(_record: PlainRecord) -> bool:
    """Of a format that loses nothing."""
    return True


def in_camtrap(record: PlainRecord) -> TypeGuard[PlainInterval | PlainSighting]:
    """Animals that were counted, and those on a kept picture."""
    if isinstance(record, PlainSighting):
        return record.picture is not None and taxon(record.label).group != "disease"
    return isinstance(record, PlainInterval) and record.unit != "affected_frames"


def in_darwin(record: PlainRecord) -> TypeGuard[PlainInterval]:
    """Events are intervals."""
    return isinstance(record, PlainInterval)


def in_ngsi(record: PlainRecord) -> TypeGuard[PlainInterval | PlainAlert]:
    """What has a data model."""
    return isinstance(record, PlainInterval | PlainAlert)
