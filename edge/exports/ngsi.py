"""NGSI-LD entities of FIWARE's `DeviceMeasurement` and `Alert`, normalized, as a broker takes them for an upsert.

Of an interval: `effort` (frames looked at) always, and of a trap `exposed`, how long it hung; of each taxon `count`,
`low` and `high`; without data the effort alone, with the reason as its text, so that no zero is made up. Sightings and
losses have no entity: intervals count.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from edge.exports.about import About, Piece, Place, keyed
from edge.exports.geojson import point
from edge.exports.moments import is_dated, to_the_millisecond
from edge.exports.taken import in_ngsi
from edge.taxa import taxon
from edge.wire import PlainAlert, PlainInterval, PlainRecord, SummaryCount
from edge.wire.messages import SpreadOf

CONTEXT = [
    "https://raw.githubusercontent.com/smart-data-models/dataModel.Device/master/context.jsonld",
    "https://raw.githubusercontent.com/smart-data-models/dataModel.Alert/master/context.jsonld",
    "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld",
]
COUNT_UNIT, DENSITY_UNIT = "C62", "C93"  # UN/CEFACT: one, a plain count; one per square metre
Entity = dict[str, Any]
_SEVERITY = {"calm": "informational", "look": "medium", "act": "high"}
_SUBCATEGORY = {"mollusc": "snail", "nematode": "nematodes", "bacterium": "bacteria", "oomycete": "fungus"}
_KNOWN = ("insect", "mite", "snail", "fungus", "bacteria", "virus", "nematodes")


def pieces(found: Iterable[PlainRecord], about: About) -> Iterator[Piece]:
    """A JSON array, an entity a line."""
    yield Piece("", b"[")
    separator = b"\n"
    for record in filter(in_ngsi, found):
        for entity in _entities(record, about.place(record)):
            yield Piece("", separator + msgspec.json.encode(entity))
            separator = b",\n"
    yield Piece("", b"\n]\n")


def _entities(record: PlainInterval | PlainAlert, place: Place) -> Iterator[Entity]:
    if isinstance(record, PlainInterval):
        yield from _measurements(record, place)
    else:
        yield _alert(record, place)


def _measurements(interval: PlainInterval, place: Place) -> Iterator[Entity]:
    common = _common(interval, place) | {
        "refDevice": {"type": "Relationship", "object": f"urn:ngsi-ld:Device:{interval.site}:{interval.node}"},
        "deviceType": _property(interval.mode),
        "dateObserved": _property(to_the_millisecond(interval.end.utc)),
        "unit": _property(COUNT_UNIT),
        "source": _property(interval.model),
    }
    at, undated = interval.end.utc, {"outlier": _property(not is_dated(interval))}
    effort = {"controlledProperty": _property("effort"), "measurementType": _property("frames")}
    effort |= {"numValue": _number(interval.frames, at), "outlier": _outlier(interval)}
    effort |= {} if interval.no_data is None else {"textValue": _property(interval.no_data)}
    yield _named("DeviceMeasurement", interval, "effort") | effort | common
    if interval.exposed_s is not None:
        exposed = {"controlledProperty": _property("effort"), "measurementType": _property("exposed")}
        exposed |= {"numValue": _number(interval.exposed_s, at, "SEC"), "unit": _property("SEC")} | undated
        yield _named("DeviceMeasurement", interval, "exposed") | common | exposed
    if interval.counts == []:
        yield _measurement(interval, None, "count", 0, "none") | common
    for taxon_key, count in keyed(interval.counts or []):
        figures = {"count": count.count, "low": count.low, "high": count.high, "per_m2": count.per_m2}
        for what, value in figures.items():
            if value is not None:
                yield common | _measurement(interval, count, what, value, quote(taxon_key, safe=""))
    for what, spread, unit in _climate(interval):
        measured = {"controlledProperty": _property(what), "measurementType": _property("mean")}
        measured |= {"numValue": _number(spread.mean, at, unit), "unit": _property(unit)} | undated
        yield _named("DeviceMeasurement", interval, what) | common | measured


def _climate(interval: PlainInterval) -> Iterator[tuple[str, SpreadOf, str]]:
    """Property, readings, UN/CEFACT unit."""
    if interval.climate is not None:
        yield "temperature", interval.climate.temperature_c, "CEL"
        if interval.climate.humidity is not None:
            yield "relativeHumidity", interval.climate.humidity, COUNT_UNIT


def _measurement(interval: PlainInterval, count: SummaryCount | None, what: str, value: float, part: str) -> Entity:
    """One figure of a taxon; without a taxon the zero of an interval that showed none."""
    names = (count.eppo, count.stage) if count else ()
    unit = DENSITY_UNIT if what == "per_m2" else COUNT_UNIT
    entity = _named("DeviceMeasurement", interval, part, what) | {
        "controlledProperty": _property(taxon(count.label).group or "pest" if count else "any"),
        "measurementType": _property(":".join(filter(None, (*names, interval.unit, what)))),
        "numValue": _number(value, interval.end.utc, unit),
        "unit": _property(unit),
        "outlier": _outlier(interval),
    }
    return entity | ({"textValue": _property(count.label)} if count else {})


def _outlier(interval: PlainInterval) -> Entity:
    """The trap was too full to count on, or nobody knows when that was: the clock was never set."""
    return _property(interval.saturated or not is_dated(interval))


def _alert(alert: PlainAlert, place: Place) -> Entity:
    kind = taxon(alert.label).kind
    sub = _SUBCATEGORY.get(kind, kind)
    figures = {"eppo": alert.eppo, "scientificName": alert.label, "value": alert.value, "low": alert.low}
    figures |= {"high": alert.high, "unit": alert.unit, "actFrom": alert.start_at}
    figures |= {"surelyFrom": alert.sure_at}  # `startAt` is a moment in NGSI-LD's core context
    figures |= {"model": alert.model, "task": alert.task, "threshold": alert.source}
    entity = _named("Alert", alert) | {
        "alertSource": _property(f"urn:ngsi-ld:Device:{alert.site}:{alert.node}"),
        "category": _property("agriculture"),
        "severity": _property(_SEVERITY[alert.level]),
        "dateIssued": _property(to_the_millisecond(alert.at.utc)),
        "description": _property(f"{alert.label}: {alert.reason}. {alert.look_at}"),
        "source": _property(alert.source),
        "data": _property({name: value for name, value in figures.items() if value not in (None, "")}),
    }
    return entity | ({"subCategory": _property(sub)} if sub in _KNOWN else {}) | _common(alert, place)


def _common(record: PlainRecord, place: Place) -> Entity:
    where, area = point(place), place.area_code
    common: Entity = {} if where is None else {"location": {"type": "GeoProperty", "value": where}}
    common |= {} if area is None else {"areaServed": _property(area)}
    return common | {"dataProvider": _property(record.site), "@context": CONTEXT}


def _named(kind: str, record: PlainRecord, *parts: str) -> Entity:
    urn = ":".join(("urn:ngsi-ld", kind, record.site, record.node, record.epoch, str(record.seq), *parts))
    return {"id": urn, "type": kind}


def _property(value: object) -> Entity:
    return {"type": "Property", "value": value}


def _number(value: float, at: datetime, unit: str = COUNT_UNIT) -> Entity:
    return {"type": "Property", "value": value, "unitCode": unit, "observedAt": to_the_millisecond(at)}
