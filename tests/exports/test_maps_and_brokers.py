"""GeoJSON and NGSI-LD: valid by what others wrote, and no place or zero made up."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from geojson_pydantic import FeatureCollection
from hypothesis import given, settings

from edge.clock import ClockState
from edge.exports import FORMATS, About, Place
from edge.wire import PlainInterval, PlainRecord
from tests.exports.read_back import read_geojson
from tests.exports.told import (
    ABOUT,
    COUNTED,
    DAMP,
    FULL_CARD,
    LARVAE,
    LEAVES,
    NO_DATA,
    NOTHING_SEEN,
    NOWHERE_KNOWN,
    THREE_KINDS,
    WEEK,
    any_records,
    told,
)
from tests.records import EPOCH, MOTH, alert, count, instant, interval

SCHEMAS = Path(__file__).parent / "schemas"
MODELS = {name: json.loads((SCHEMAS / f"{name}.json").read_text()) for name in ("DeviceMeasurement", "Alert")}


def written(name: str, records: Iterable[PlainRecord], about: About = ABOUT) -> bytes:
    return b"".join(piece.content for piece in FORMATS[name].open()(records, about))


@settings(max_examples=60, deadline=None)
@given(any_records())
def test_geojson_is_valid_and_every_record_comes_back_as_it_was(records: list[PlainRecord]) -> None:
    content = written("geojson", records)
    FeatureCollection.model_validate_json(content)
    assert read_geojson(content) == records


def test_a_feature_stands_at_longitude_and_latitude() -> None:
    (feature,) = json.loads(written("geojson", told(COUNTED)))["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [120.5, 30.25]}
    assert feature["properties"]["counts"][0]["low"] == 9
    assert feature["id"] == f"n1/{EPOCH}/41"
    assert (feature["properties"]["area_code"], feature["properties"]["crop"]) == ("330106011002", "Oryza sativa")


def test_a_node_without_a_place_is_an_unlocated_feature() -> None:
    (feature,) = json.loads(written("geojson", told(COUNTED), NOWHERE_KNOWN))["features"]
    assert feature["geometry"] is None


@pytest.mark.parametrize("half", [Place(latitude_deg=30.25), Place(longitude_deg=120.5)])
def test_half_a_place_is_none(half: Place) -> None:
    about = replace(ABOUT, places={("farm-3", "n1"): half})
    (feature,) = json.loads(written("geojson", told(COUNTED), about))["features"]
    assert feature["geometry"] is None


def simple(entity: dict[str, Any]) -> dict[str, Any]:
    """An entity's simplified form (ETSI GS CIM 009, 4.5.4): bare values, as the models describe it."""
    return {
        name: part.get("value", part.get("object")) if isinstance(part, dict) else part
        for name, part in entity.items()
        if name != "@context"
    }


def entities(*records: Any, about: About = ABOUT) -> list[dict[str, Any]]:
    return [simple(entity) for entity in json.loads(written("ngsi-ld", told(*records), about))]


CHECKER = jsonschema.FormatChecker()
CHECKER.checks("date-time", raises=ValueError)(lambda text: bool(datetime.fromisoformat(text)))


def check(entity: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(MODELS[entity["type"]], format_checker=CHECKER).validate(entity)


def test_a_week_follows_the_data_models() -> None:
    found = entities(*WEEK, alert())
    assert {entity["type"] for entity in found} == {"DeviceMeasurement", "Alert"}
    for entity in found:
        check(entity)
        assert entity["id"].startswith(f"urn:ngsi-ld:{entity['type']}:farm-3:n1:{EPOCH}:")


@settings(max_examples=60, deadline=None)
@given(any_records())
def test_anything_follows_them_under_ids_of_its_own(records: list[PlainRecord]) -> None:
    found = [simple(entity) for entity in json.loads(written("ngsi-ld", records))]
    for entity in found:
        check(entity)
    assert len({entity["id"] for entity in found}) == len(found)
    told_of = {":".join(entity["id"].split(":")[:7]) for entity in found if entity["type"] == "DeviceMeasurement"}
    assert len(told_of) == sum(isinstance(record, PlainInterval) for record in records)


@pytest.mark.parametrize(("change", "value"), [("numValue", "12"), ("dateObserved", "noon"), ("outlier", 1)])
def test_the_model_would_find_a_mistake(change: str, value: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check(entities(COUNTED)[0] | {change: value})


def test_a_count_its_range_and_the_effort_are_an_entity_each() -> None:
    found = {entity["measurementType"]: entity["numValue"] for entity in entities(COUNTED)}
    assert found == {
        "frames": 3540,
        "PLUTMA:visits:count": 12, "PLUTMA:visits:low": 9, "PLUTMA:visits:high": 17,
        "MYZUPE:visits:count": 230, "MYZUPE:visits:low": 201, "MYZUPE:visits:high": 260,
    }  # fmt: skip


def test_a_count_names_its_device_its_model_and_when_it_was_measured() -> None:
    entity = json.loads(written("ngsi-ld", told(COUNTED)))[1]
    del entity["@context"]
    at = "2026-07-01T13:00:00.000Z"
    told_of = {name: entity.pop(name) for name in ("id", "type", "numValue", "refDevice", "location")}
    assert told_of == {
        "id": f"urn:ngsi-ld:DeviceMeasurement:farm-3:n1:{EPOCH}:41:Plutella%20xylostella:count",
        "type": "DeviceMeasurement",
        "numValue": {"type": "Property", "value": 12, "unitCode": "C62", "observedAt": at},
        "refDevice": {"type": "Relationship", "object": "urn:ngsi-ld:Device:farm-3:n1"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [120.5, 30.25]}},
    }
    assert {part.pop("type") for part in entity.values()} == {"Property"}
    assert {name: part["value"] for name, part in entity.items()} == {
        "controlledProperty": "pest", "measurementType": "PLUTMA:visits:count", "outlier": False, "unit": "C62",
        "textValue": "Plutella xylostella", "dataProvider": "farm-3", "deviceType": "live", "dateObserved": at,
        "source": "pests@0.1.0", "areaServed": "330106011002",
    }  # fmt: skip


def test_an_entity_stays_that_of_its_taxon_when_a_correction_puts_another_before_it() -> None:
    before, after = (
        {one["id"]: one["textValue"] for one in entities(record) if "textValue" in one}
        for record in (interval(counts=(count(MOTH, 12),)), interval(counts=THREE_KINDS, revision=1))
    )
    assert before.items() <= after.items()
    assert [one.rpartition(":41:")[2] for one in after] == [
        "Myzus%20persicae:count", "Plutella%20xylostella:count", "Plutella%20xylostella%2Flarva:count",
    ]  # fmt: skip


def test_a_larva_says_so_and_climate_is_an_entity_a_property() -> None:
    found = {(entity["controlledProperty"], entity["measurementType"]): entity for entity in entities(LARVAE)}
    dense = found["pest", "PLUTMA:larva:max_per_frame:per_m2"]
    assert (dense["numValue"], dense["unit"]) == (8.0, "C93")  # UN/CEFACT: reciprocal square metre
    for entity in json.loads(written("ngsi-ld", told(LARVAE, DAMP))):
        assert entity["numValue"]["unitCode"] == entity["unit"]["value"]
        assert entity["numValue"]["observedAt"] == entity["dateObserved"]["value"]
    warm = found["temperature", "mean"]
    assert (warm["numValue"], warm["unit"]) == (24.5, "CEL")
    assert ("relativeHumidity", "mean") not in found
    (damp,) = [entity for entity in entities(DAMP) if entity["controlledProperty"] == "relativeHumidity"]
    assert (damp["numValue"], damp["unit"], damp["measurementType"]) == (0.72, "C62", "mean")


def test_a_disease_is_told_from_a_pest() -> None:
    found = entities(COUNTED, LEAVES, interval(counts=(count(("Novum insectum", ""), 1),)))
    assert {entity["textValue"]: entity["controlledProperty"] for entity in found if "textValue" in entity} == {
        "Plutella xylostella": "pest", "Myzus persicae": "pest", "Phytophthora infestans": "disease",
        "Novum insectum": "pest",
    }  # fmt: skip


def test_an_entity_has_the_place_and_area_of_its_node_and_none_where_nobody_knows_it() -> None:
    for entity in entities(COUNTED, alert()):
        assert entity["location"] == {"type": "Point", "coordinates": [120.5, 30.25]}
        assert entity["areaServed"] == "330106011002"
    for entity in entities(COUNTED, alert(), about=NOWHERE_KNOWN):
        assert not {"location", "areaServed"} & set(entity)


def test_how_long_a_trap_hung_is_an_entity_in_seconds() -> None:
    found = json.loads(written("ngsi-ld", told(FULL_CARD)))
    (hung,) = [simple(entity) for entity in found if entity["numValue"]["unitCode"] == "SEC"]
    assert hung["measurementType"] == "exposed"
    assert (hung["controlledProperty"], hung["numValue"], hung["unit"]) == ("effort", 34567.0, "SEC")
    just_hung = entities(replace(FULL_CARD, exposed_s=0.0))
    assert [one["numValue"] for one in just_hung if one["measurementType"] == "exposed"] == [0.0]


def test_what_a_full_trap_counted_is_an_outlier() -> None:
    told_of = {entity["measurementType"]: entity["outlier"] for entity in entities(FULL_CARD) if "outlier" in entity}
    assert told_of == dict.fromkeys(
        ("frames", "PLUTMA:new:count", "MYZUPE:new:count", "MYZUPE:new:low", "MYZUPE:new:high"), True
    ) | {"exposed": False}


@pytest.mark.parametrize("moment", ["start", "end"])
def test_what_was_measured_nobody_knows_when_is_an_outlier(moment: str) -> None:
    unset = instant(3600.0, ClockState.UNSYNCED)
    for record in (DAMP, NOTHING_SEEN, NO_DATA):
        hung = replace(record, exposed_s=60.0)
        assert {entity["outlier"] for entity in entities(hung)} == {False}
        assert {entity["outlier"] for entity in entities(replace(hung, **{moment: unset}))} == {True}


def test_nothing_seen_is_a_zero_and_no_data_is_effort_alone() -> None:
    zero = {entity["measurementType"]: entity["numValue"] for entity in entities(NOTHING_SEEN)}
    (dark,) = entities(NO_DATA)
    assert zero == {"frames": 3600, "visits:count": 0}
    assert (dark["measurementType"], dark["numValue"], dark["textValue"]) == ("frames", 0, "dark")


def test_an_alert_says_how_grave_and_why() -> None:
    calm, look, entity = entities(*(alert(level=level, sure_at=20.0) for level in ("calm", "look", "act")))
    assert (calm["severity"], look["severity"]) == ("informational", "medium")
    (none,) = entities(alert(level="calm", value=0.0, low=0.0))
    assert (none["data"]["value"], none["data"]["low"]) == (0.0, 0.0)
    assert (entity["severity"], entity["subCategory"], entity["category"]) == ("high", "insect", "agriculture")
    assert entity["alertSource"] == "urn:ngsi-ld:Device:farm-3:n1"
    assert (entity["dateIssued"], entity["source"]) == ("2026-07-01T12:00:00.000Z", "the local station")
    assert entity["data"] == {
        "eppo": "PLUTMA", "scientificName": "Plutella xylostella", "value": 14.0, "low": 11.0, "high": 18.5,
        "unit": "insects/trap/night", "actFrom": 10.0, "surelyFrom": 20.0, "model": "pests@0.1.0",
        "task": "go_and_look", "threshold": "the local station",
    }  # fmt: skip
    assert entity["description"] == (
        "Plutella xylostella: 14 insects/trap/night has reached the threshold of 10. Go and look in the field."
    )


def test_an_alert_is_filed_under_the_models_word_for_what_it_is_of_where_that_has_one() -> None:
    words = {
        "Pomacea canaliculata": "snail", "Bursaphelenchus xylophilus": "nematodes",
        "Xanthomonas oryzae pv. oryzae": "bacteria", "Phytophthora infestans": "fungus", "Pyricularia oryzae": "fungus",
        "Tetranychus urticae": "mite", "Araneae": None,
    }  # fmt: skip
    found = entities(*(alert(label=label) for label in words))
    assert [entity.get("subCategory") for entity in found] == list(words.values())
