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
from tests.records import MOTH, alert, count, interval

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
    assert found["pest", "PLUTMA:larva:visits:per_m2"]["numValue"] == 8.0
    warm = found["temperature", "mean"]
    assert (warm["numValue"], warm["unit"]) == (24.5, "CEL")
    assert ("relativeHumidity", "mean") not in found
    (damp,) = [entity for entity in entities(DAMP) if entity["controlledProperty"] == "relativeHumidity"]
    assert (damp["numValue"], damp["unit"], damp["measurementType"]) == (0.72, "C62", "mean")


def test_a_disease_is_told_from_a_pest() -> None:
    kinds = {entity["textValue"]: entity["controlledProperty"] for entity in entities(COUNTED, LEAVES)[1:]
             if "textValue" in entity}  # fmt: skip
    assert kinds == {"Plutella xylostella": "pest", "Myzus persicae": "pest", "Phytophthora infestans": "disease"}


def test_an_entity_has_the_place_and_area_of_its_node_and_none_where_nobody_knows_it() -> None:
    for entity in entities(COUNTED, alert()):
        assert entity["location"] == {"type": "Point", "coordinates": [120.5, 30.25]}
        assert entity["areaServed"] == "330106011002"
    for entity in entities(COUNTED, alert(), about=NOWHERE_KNOWN):
        assert not {"location", "areaServed"} & set(entity)


def test_how_long_a_trap_hung_is_an_entity_in_seconds() -> None:
    (hung,) = [entity for entity in entities(FULL_CARD) if entity["measurementType"] == "exposed"]
    assert (hung["controlledProperty"], hung["numValue"], hung["unit"]) == ("effort", 34567.0, "SEC")


def test_nothing_seen_is_a_zero_and_no_data_is_effort_alone() -> None:
    zero = {entity["measurementType"]: entity["numValue"] for entity in entities(NOTHING_SEEN)}
    (dark,) = entities(NO_DATA)
    assert zero == {"frames": 3600, "visits:count": 0}
    assert (dark["measurementType"], dark["numValue"], dark["textValue"]) == ("frames", 0, "dark")


def test_an_alert_says_how_grave_and_why() -> None:
    (entity,) = entities(alert(level="act"))
    assert (entity["severity"], entity["subCategory"], entity["category"]) == ("high", "insect", "agriculture")
    assert entity["data"] == {
        "eppo": "PLUTMA", "scientificName": "Plutella xylostella", "value": 14.0, "low": 11.0, "high": 18.5,
        "unit": "insects/trap/night", "startAt": 10.0, "model": "pests@0.1.0", "task": "go_and_look",
        "threshold": "the local station",
    }  # fmt: skip
    assert "14 insects/trap/night" in entity["description"]
