"""Camtrap DP 1.0.2: deployments, media and observations, a folder that `frictionless validate` reads.

An interval is an event: an animal a taxon counted, `blank` for a zero, `unclassified` where there is no data. A
sighting with a kept picture is an observation on that picture. What the standard has no field for stands in tags
(`low:9|high:17|frames:3540`). Left out: plant diseases (no animals), sightings without a picture, losses and alerts.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from edge.errors import UsageError
from edge.exports.about import About, Piece, Place, key_of, keyed
from edge.exports.camtrap_package import DEPLOYMENTS, MEDIA, OBSERVATIONS, described
from edge.exports.csv_table import csv_cell, csv_lines
from edge.exports.moments import to_the_second
from edge.exports.taken import in_camtrap
from edge.taxa import taxon
from edge.wire import PlainInterval, PlainRecord, PlainSighting, SummaryCount

Row = Mapping[str, Any]
# The standard has three life stages; egg, pupa and whatever else stay a tag of the observation.
_LIFE_STAGES = {
    "adult": "adult",
    "subadult": "subadult",
    "larva": "juvenile",
    "nymph": "juvenile",
    "juvenile": "juvenile",
}


def pieces(found: Iterable[PlainRecord], about: About) -> Iterator[Piece]:
    """Observations and media as they come; deployments and the description of the package at the end.

    Raises UsageError for a node whose place nobody knows: the standard wants one, and a made-up one would be a lie.
    """
    seen = _Seen()
    yield Piece("observations.csv", csv_lines([OBSERVATIONS]))
    yield Piece("media.csv", csv_lines([MEDIA]))
    for record in filter(in_camtrap, found):
        if isinstance(record, PlainSighting):
            yield from _sighting(record, seen, about)
            continue
        for row in _interval(record, seen, about):
            yield Piece("observations.csv", _line(OBSERVATIONS, row))
    yield Piece("deployments.csv", csv_lines([DEPLOYMENTS]))
    stood = seen.deployments.values()
    for deployment in stood:
        yield Piece("deployments.csv", _line(DEPLOYMENTS, deployment.row()))
    spans = [one for one in stood if one.is_dated] or stood
    first = min((one.start for one in spans), default=about.created).date()
    last = max((one.end for one in spans), default=about.created).date()
    places = [one.place for one in stood]
    package = described(places, first, last, seen.labels, about, has_media=bool(seen.media))
    yield Piece("datapackage.json", json.dumps(package, indent=2).encode() + b"\n")


@dataclass(slots=True)
class _Deployment:
    """One camera at one place, from its first record to its last: of those whose clock was set, where there are any."""

    name: str
    camera: str
    place: Place
    start: datetime
    end: datetime
    is_dated: bool  # by start and end
    has_guesses: bool = False

    def row(self) -> Row:
        """As the table wants it."""
        tags = {"areaCode": self.place.area_code, "crop": self.place.crop}
        return {
            "deploymentID": self.name,
            "locationID": self.name.rpartition("/")[0],
            "locationName": self.place.area_name,
            "latitude": self.place.latitude_deg,
            "longitude": self.place.longitude_deg,
            "deploymentStart": to_the_second(self.start),
            "deploymentEnd": to_the_second(self.end),
            "cameraID": self.camera,
            "timestampIssues": self.has_guesses,
            "deploymentTags": _tags(tags),
        }


@dataclass(slots=True)
class _Seen:
    """What the tables at the end need of those before."""

    deployments: dict[str, _Deployment] = field(default_factory=dict)
    media: set[str] = field(default_factory=set)
    labels: dict[str, str] = field(default_factory=dict)  # label -> EPPO code

    def deployment(self, record: PlainInterval | PlainSighting, place: Place) -> str:
        """The record's deployment, which now spans it."""
        if place.latitude_deg is None or place.longitude_deg is None:
            who = f"{record.site}/{record.node}"
            raise UsageError(f"{who} has no position, which Camtrap DP wants; set latitude and longitude in its [node]")
        first, last = (record.start, record.end) if isinstance(record, PlainInterval) else (record.at, record.at)
        name = f"{record.site}/{record.node}/{record.camera}"
        is_dated = "unsynced" not in (first.clock, last.clock)
        fresh = _Deployment(name, record.camera, place, first.utc, max(first.utc, last.utc), is_dated)
        one = self.deployments.setdefault(name, fresh)
        one.has_guesses |= not is_dated
        if is_dated and not one.is_dated:  # the board's guesses before it do not stretch it
            one.start, one.end, one.is_dated = fresh.start, fresh.end, True
        elif is_dated == one.is_dated:
            one.start, one.end = min(one.start, fresh.start), max(one.end, fresh.end)
        return name


def _sighting(record: PlainSighting, seen: _Seen, about: About) -> Iterator[Piece]:
    deployment, picture = seen.deployment(record, about.place(record)), f"{record.node}-{record.picture}"
    at = to_the_second(record.at.utc)
    if picture not in seen.media:
        seen.media.add(picture)
        media: dict[str, Any] = {"mediaID": picture, "deploymentID": deployment, "timestamp": at}
        media |= {"captureMethod": "timeLapse"}
        media |= {"filePath": f"media/{picture}.jpg", "filePublic": False, "fileMediatype": "image/jpeg"}
        yield Piece("media.csv", _line(MEDIA, media))
    left, top, right, bottom = record.box
    box = {"bboxX": left, "bboxY": top, "bboxWidth": right - left, "bboxHeight": bottom - top}
    row = _common(record, deployment) | _animal(record, seen, {})
    row |= {"mediaID": picture, "eventStart": at, "eventEnd": at, "observationLevel": "media"}
    row |= {"classificationProbability": record.confidence, **(box if min(right - left, bottom - top) > 0 else {})}
    yield Piece("observations.csv", _line(OBSERVATIONS, row))


def _interval(record: PlainInterval, seen: _Seen, about: About) -> Iterator[Row]:
    """An animal a taxon; one `blank` if none was seen, one `unclassified` if nothing can be said."""
    common = _common(record, seen.deployment(record, about.place(record))) | {
        "eventID": key_of(record),
        "eventStart": to_the_second(record.start.utc),
        "eventEnd": to_the_second(max(record.start.utc, record.end.utc)),
        "observationLevel": "event",
    }
    effort = {"unit": record.unit, "mode": record.mode, "frames": record.frames, "awakeS": record.awake_s}
    effort |= {"exposedS": record.exposed_s, "saturated": record.saturated or None} | _climate(record)
    if record.counts is None:
        yield common | {
            "observationType": "unclassified",
            "observationTags": _tags(effort),
            "observationComments": f"no data: {record.no_data}",
        }
        return
    animals = [count for count in record.counts if taxon(count.label).group != "disease"]
    present = [count for count in animals if count.count]
    for taxon_key, count in keyed(present):
        tags = effort | {"low": count.low, "high": count.high, "perM2": count.per_m2}
        row = common | _animal(count, seen, tags)
        yield row | {"observationID": f"{key_of(record)}/{taxon_key}"}
    if not present:
        yield common | {
            "observationType": "blank",
            "observationTags": _tags(effort),
            "observationComments": "; ".join(_zero(count) for count in animals),
        }


def _climate(record: PlainInterval) -> dict[str, Any]:
    climate = record.climate
    if climate is None:
        return {}
    return {"temperatureC": climate.temperature_c.mean, "humidity": climate.humidity and climate.humidity.mean}


def _common(record: PlainInterval | PlainSighting, deployment: str) -> dict[str, Any]:
    return {
        "observationID": key_of(record),
        "deploymentID": deployment,
        "classificationMethod": "machine",
        "classifiedBy": record.model,
    }


def _animal(what: SummaryCount | PlainSighting, seen: _Seen, tags: Mapping[str, Any]) -> dict[str, Any]:
    seen.labels[what.label] = what.eppo
    more = {"eppo": what.eppo, "stage": what.stage, **tags}
    row = {"observationType": "animal", "scientificName": what.label, "observationTags": _tags(more)}
    return row | {"lifeStage": _LIFE_STAGES.get(what.stage, ""), **({"count": what.count} if what.count else {})}


def _zero(count: SummaryCount) -> str:
    known = count.low is not None and count.high is not None
    return f"{count.label}: 0" + (f" ({count.low} to {count.high})" if known else "")


def _tags(values: Mapping[str, Any]) -> str:
    """`key:value` pairs, joined as the standard wants; what is not known is left out."""
    told = {name: csv_cell(value) for name, value in values.items() if value not in (None, "")}
    return "|".join(f"{name}:{value.replace('|', '/')}" for name, value in told.items())


def _line(columns: Iterable[str], row: Row) -> bytes:
    return csv_lines([[row.get(name) for name in columns]])
