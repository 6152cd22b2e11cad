"""Darwin Core Archive: events with occurrences and measurements, a zip as GBIF reads it.

An interval is an event with its effort; a taxon counted is an occurrence, `present`, or `absent` where the count is 0;
the range of a count is two measurements of that occurrence. An interval that showed nothing is an event without
occurrences; one without data says so in its remarks and has sample size 0. Where the clock was never set, the board's
guess is no `eventDate`, which GBIF would show on its map. Left out: sightings (intervals count the same insects),
alerts, losses.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from edge.counts import watched_of
from edge.exports.about import About, Piece, Place, key_of, keyed
from edge.exports.csv_table import csv_lines
from edge.exports.darwin_meta import EVENT, MEASUREMENT, OCCURRENCE, Table, meta_xml, names
from edge.exports.moments import is_dated, to_the_second
from edge.exports.taken import in_darwin
from edge.taxa import taxon
from edge.wire import PlainInterval, PlainRecord, SummaryCount

_PROTOCOL = {
    "max_per_frame": "camera, most individuals of a taxon on one frame of the interval",
    "visits": "camera, visits of individuals followed from frame to frame, of which one that comes back is another",
    "new": "camera on a trap, individuals new since the picture before",
    "affected_frames": "camera on leaves, frames that show the disease",
}
# Of what is no count of individuals: its type, and the unit of its range.
_QUANTITY = {"visits": ("visits", "visits"), "affected_frames": ("affected frames", "frames")}
_EML = """<?xml version="1.0" encoding="UTF-8"?>
<eml:eml xmlns:eml="https://eml.ecoinformatics.org/eml-2.2.0" packageId="fieldeye/{created}" system="fieldeye">
  <dataset>
    <title>Field monitoring of pests</title>
    <creator><organizationName>{publisher}</organizationName></creator>
    <pubDate>{day}</pubDate>
    <language>en</language>
    <contact><organizationName>{publisher}</organizationName></contact>
  </dataset>
</eml:eml>
"""


def pieces(found: Iterable[PlainRecord], about: About) -> Iterator[Piece]:
    """The tables as they come, with meta.xml and eml.xml, which say what they are."""
    yield Piece("meta.xml", meta_xml().encode())
    day = about.created.date().isoformat()
    about_file = _EML.format(created=to_the_second(about.created), publisher=escape(about.publisher), day=day)
    yield Piece("eml.xml", about_file.encode())
    for table in (EVENT, OCCURRENCE, MEASUREMENT):
        yield Piece(table.file, csv_lines([names(table)]))
    for record in filter(in_darwin, found):
        yield _piece(EVENT, _event(record, about.place(record)))
        for taxon_key, count in keyed(record.counts or []):
            yield from _occurrence(record, count, f"{key_of(record)}/{taxon_key}")
        yield from _field(record)


def _event(record: PlainInterval, place: Place) -> dict[str, Any]:
    start, end = to_the_second(record.start.utc), to_the_second(max(record.start.utc, record.end.utc))
    camera = f"{record.site}/{record.node}/{record.camera}"
    more: dict[str, Any] = {"camera": camera, "areaCode": place.area_code, "crop": place.crop, "mode": record.mode}
    more |= {"clock": record.start.clock, "saturated": record.saturated or None, "skipped": record.skipped or None}
    located = {} if place.latitude_deg is None else {"geodeticDatum": "WGS84"}
    return located | {
        "eventID": key_of(record),
        "eventDate" if is_dated(record) else "verbatimEventDate": f"{start}/{end}",
        "samplingProtocol": _PROTOCOL[record.unit],
        **_effort(record),
        "eventRemarks": _remarks(record),
        "locationID": place.area_code or f"{record.site}/{record.node}",
        "locality": place.area_name,
        "decimalLatitude": place.latitude_deg,
        "decimalLongitude": place.longitude_deg,
        "dynamicProperties": _json({name: value for name, value in more.items() if value is not None}),
    }


def _effort(record: PlainInterval) -> dict[str, Any]:
    """How long a trap hung, where that is known and somebody looked, or visits were watched for; frames of all else."""
    looked = f"{record.frames} frames looked at, {record.awake_s:g} s awake"
    if record.counts is not None and record.exposed_s is not None:
        effort = f"{record.exposed_s:.0f} s exposed, {looked}"
        return {"samplingEffort": effort, "sampleSizeValue": record.exposed_s, "sampleSizeUnit": "second"}
    if record.counts is not None and record.unit == "visits":  # in wind more frames are looked at, of the same time
        watched_s = round(watched_of(record.awake_s, record.frames, record.skipped))
        effort = f"{watched_s} s watched, {looked}"
        return {"samplingEffort": effort, "sampleSizeValue": watched_s, "sampleSizeUnit": "second"}
    return {"samplingEffort": looked, "sampleSizeValue": record.frames, "sampleSizeUnit": "frame"}


def _remarks(record: PlainInterval) -> str:
    if record.counts is None:
        return f"no data: {record.no_data}"
    return "" if record.counts else "looked at, and nothing seen"


def _occurrence(record: PlainInterval, count: SummaryCount, key: str) -> Iterator[Piece]:
    """The taxon's row, and its range as two measurements."""
    of_what, unit = _QUANTITY.get(record.unit, ("", "individuals"))
    known = taxon(count.label)
    quantity: dict[str, Any] = {"individualCount": count.count}
    if of_what:
        quantity = {"organismQuantity": count.count, "organismQuantityType": of_what}
    row = quantity | {
        "eventID": key_of(record),
        "occurrenceID": key,
        "basisOfRecord": "MachineObservation",
        "occurrenceStatus": "present" if count.count else "absent",
        "scientificName": count.label,
        "kingdom": known.kingdom,
        "taxonRank": known.rank,
        "taxonID": f"https://gd.eppo.int/taxon/{count.eppo}" if count.eppo else "",
        "lifeStage": count.stage,
        "identifiedBy": record.model,
        "identificationVerificationStatus": "unverified",
    }
    yield _piece(OCCURRENCE, row)
    method = "from the model's precision and recall on held-out pictures"
    for bound, value in (("lower", count.low), ("upper", count.high)):
        what = f"{bound} end of the 95 % range of the count"
        yield from _measurement(record, what, value, unit, method=method, occurrence=key, part=bound)
    yield from _measurement(
        record, "density", count.per_m2, "individuals per m2", method="by calibration", occurrence=key, part="density"
    )


def _field(record: PlainInterval) -> Iterator[Piece]:
    """What is known of the interval beside its taxa."""
    temperature = None if record.climate is None else record.climate.temperature_c.mean
    moist = None if record.climate is None else record.climate.humidity
    humidity = None if moist is None else moist.mean
    yield from _measurement(record, "mean air temperature", temperature, "degree Celsius", part="temperature")
    yield from _measurement(record, "mean relative humidity", humidity, "share", part="humidity")
    yield from _measurement(record, "share of a leaf that is lesion", record.severity, "share", part="severity")


def _measurement(
    record: PlainInterval,
    what: str,
    value: float | None,
    unit: str,
    *,
    part: str,
    method: str = "",
    occurrence: str = "",
) -> Iterator[Piece]:
    """One row, of an occurrence or of the event itself; none where nothing was measured."""
    if value is None:
        return
    row = {
        "eventID": key_of(record),
        "measurementID": f"{occurrence or key_of(record)}/{part}",
        "occurrenceID": occurrence,
        "measurementType": what,
        "measurementValue": value,
        "measurementUnit": unit,
        "measurementMethod": method,
    }
    yield _piece(MEASUREMENT, row)


def _piece(table: Table, row: Mapping[str, Any]) -> Piece:
    return Piece(table.file, csv_lines([[row.get(name) for name in names(table)]]))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
