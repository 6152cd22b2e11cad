"""Darwin Core Archive: a reader that others wrote finds events, occurrences and measurements joined as meant."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from dwca.read import DwCAReader
from hypothesis import HealthCheck, given, settings

from edge.cli.exporting import write_export
from edge.clock import ClockState
from edge.counts import TaxonCount
from edge.exports import About
from edge.exports.darwin_meta import DWC, meta_xml
from edge.wire import PlainInterval, PlainRecord
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
    believable,
    told,
)
from tests.records import APHID, EPOCH, MOTH, count, instant, interval


@contextmanager
def archive(records: list[PlainRecord], folder: Path, about: About = ABOUT) -> Iterator[DwCAReader]:
    write_export("darwin-core", records, about, folder / "x.zip")
    with DwCAReader(str(folder / "x.zip")) as reader:  # its tmp_dir would become the temporary folder of all tests
        yield reader


def told_by(row: Any) -> dict[str, str]:
    """Its terms that are not empty."""
    return {term.rpartition("/")[2]: value for term, value in row.data.items() if value}


def of_type(row: Any, word: str) -> list[Any]:
    """The event's rows in one of the other tables."""
    return [one for one in row.extensions if one.rowtype.endswith(word)]


def test_a_reader_finds_each_interval_with_its_taxa_and_their_ranges(tmp_path: Path) -> None:
    with archive(told(*WEEK), tmp_path) as reader:
        events = {row.id: row for row in reader}
        first = events[min(events)]
        moth, aphid = of_type(first, "Occurrence")
        bounds = [one.data[DWC + "measurementValue"] for one in of_type(first, "MeasurementOrFact")]
    assert len(events) == 6
    assert (first.data[DWC + "sampleSizeValue"], first.data[DWC + "sampleSizeUnit"]) == ("3540", "second")
    assert first.data[DWC + "eventDate"] == "2026-07-01T12:00:00Z/2026-07-01T13:00:00Z"
    assert (moth.data[DWC + "scientificName"], moth.data[DWC + "organismQuantity"]) == (
        "Plutella xylostella",
        "12",
    )
    assert aphid.data[DWC + "basisOfRecord"] == "MachineObservation"
    assert bounds == ["9", "17", "201", "260"]


def test_an_interval_its_taxa_and_their_ranges_are_told_in_the_standards_terms(tmp_path: Path) -> None:
    with archive(told(COUNTED), tmp_path) as reader:
        (event,) = list(reader)
        (moth, _), (lower, *_) = of_type(event, "Occurrence"), of_type(event, "MeasurementOrFact")
    key = f"n1/{EPOCH}/41"
    wanted = {
        "eventID": key, "eventDate": "2026-07-01T12:00:00Z/2026-07-01T13:00:00Z",
        "samplingProtocol": "camera, visits of individuals followed from frame to frame, of which one that comes back"
        " is another", "sampleSizeValue": "3540", "sampleSizeUnit": "second", "geodeticDatum": "WGS84",
        "samplingEffort": "3540 s watched, 3540 frames looked at, 3600 s awake",
        "locationID": "330106011002", "decimalLatitude": "30.25", "decimalLongitude": "120.5",
    }  # fmt: skip
    assert wanted.items() == told_by(event).items() - {("dynamicProperties", event.data[DWC + "dynamicProperties"])}
    properties = json.loads(event.data[DWC + "dynamicProperties"])
    assert (properties["camera"], properties["skipped"]) == ("farm-3/n1/cam0", {"dark": 40, "blurred": 20})
    assert told_by(moth) == {
        "occurrenceID": f"{key}/Plutella xylostella", "basisOfRecord": "MachineObservation", "organismQuantity": "12",
        "organismQuantityType": "visits", "occurrenceStatus": "present", "scientificName": "Plutella xylostella",
        "kingdom": "Animalia",
        "taxonRank": "species", "taxonID": "https://gd.eppo.int/taxon/PLUTMA", "identifiedBy": "pests@0.1.0",
        "identificationVerificationStatus": "unverified",
    }  # fmt: skip
    assert told_by(lower) == {
        "measurementID": f"{key}/Plutella xylostella/lower", "occurrenceID": f"{key}/Plutella xylostella",
        "measurementType": "lower end of the 95 % range of the count", "measurementValue": "9",
        "measurementUnit": "visits",
        "measurementMethod": "from the model's precision and recall on held-out pictures",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "says"),
    [
        ("max_per_frame", "most individuals of a taxon on one frame"), ("visits", "followed from frame to frame"),
        ("new", "on a trap, individuals new since the picture before"), ("affected_frames", "frames that show the"),
    ],
)  # fmt: skip
def test_an_event_says_how_it_was_sampled(unit: str, says: str, tmp_path: Path) -> None:
    with archive(told(interval(unit=unit)), tmp_path) as reader:
        (event,) = list(reader)
    assert says in event.data[DWC + "samplingProtocol"]


def test_an_event_whose_clock_was_set_back_ends_no_earlier_than_it_began(tmp_path: Path) -> None:
    with archive(told(interval(length_s=-3600.0)), tmp_path) as reader:
        (event,) = list(reader)
    assert event.data[DWC + "eventDate"] == "2026-07-01T12:00:00Z/2026-07-01T12:00:00Z"


@pytest.mark.parametrize("moment", ["start", "end"])
def test_what_a_clock_that_was_never_set_guessed_is_no_date(tmp_path: Path, moment: str) -> None:
    with archive(told(replace(COUNTED, **{moment: instant(3600.0, ClockState.UNSYNCED)})), tmp_path) as reader:
        (event,) = list(reader)
    assert (event.data[DWC + "eventDate"], event.data[DWC + "verbatimEventDate"][-21:]) == ("", "/2026-07-01T13:00:00Z")


def test_the_archive_names_its_publisher_whatever_the_letters(tmp_path: Path) -> None:
    with archive(told(COUNTED), tmp_path, replace(ABOUT, publisher="Chen & Söhne <south>")) as reader:
        names = [one.text for one in reader.metadata.iter("organizationName")]
        day, language = (reader.metadata.find(f"dataset/{name}").text for name in ("pubDate", "language"))
    assert (names, day, language) == (["Chen & Söhne <south>"] * 2, "2026-07-08", "en")


def test_no_event_is_said_to_be_part_of_one_that_the_archive_lacks(tmp_path: Path) -> None:
    with archive(told(*WEEK), tmp_path) as reader:
        events = {event.id: event.data.get(DWC + "parentEventID", "") for event in reader}
    assert set(events.values()) <= {"", *events}


def test_a_zero_has_effort_and_no_occurrence_and_no_data_has_neither(tmp_path: Path) -> None:
    hung = replace(NO_DATA, mode="trap", unit="new", exposed_s=3600.0)
    with archive(told(NOTHING_SEEN, NO_DATA, hung), tmp_path) as reader:
        zero, dark, unseen = list(reader)
        assert zero.extensions == dark.extensions == []
    assert (zero.data[DWC + "sampleSizeValue"], zero.data[DWC + "eventRemarks"]) == (
        "3600",
        "looked at, and nothing seen",
    )
    for event in (dark, unseen):
        assert (event.data[DWC + "sampleSizeValue"], event.data[DWC + "eventRemarks"]) == ("0", "no data: dark")


def test_a_name_that_two_kingdoms_use_tells_of_which_it_is(tmp_path: Path) -> None:
    labels = {
        "Pieris": "Animalia", "Pomacea canaliculata": "Animalia", "Pyricularia oryzae": "Fungi",
        "Phytophthora infestans": "Chromista", "Plasmodiophora brassicae": "", "Novum insectum": "",
    }  # fmt: skip
    with archive(told(interval(counts=tuple(count((label, ""), 1) for label in labels))), tmp_path) as reader:
        (event,) = list(reader)
        told_of = {one.data[DWC + "scientificName"]: one.data[DWC + "kingdom"] for one in of_type(event, "Occurrence")}
    assert told_of == labels


def test_a_taxon_counted_as_none_is_absent(tmp_path: Path) -> None:
    with archive(told(FULL_CARD), tmp_path) as reader:
        (event,) = list(reader)
        status = [one.data[DWC + "occurrenceStatus"] for one in of_type(event, "Occurrence")]
    assert status == ["present", "absent"]


def test_the_sample_of_a_trap_is_the_time_it_hung(tmp_path: Path) -> None:
    with archive(told(FULL_CARD), tmp_path) as reader:
        (event,) = list(reader)
    assert (event.data[DWC + "sampleSizeValue"], event.data[DWC + "sampleSizeUnit"]) == ("34567.0", "second")
    assert event.data[DWC + "samplingEffort"] == "34567 s exposed, 3540 frames looked at, 3600 s awake"


def test_visits_of_hours_watched_alike_have_the_same_sample_however_many_frames_the_wind_made(tmp_path: Path) -> None:
    moths = {"counts": (count(MOTH, 12, 9, 17),), "area_mm2": 40_000}
    windy = interval(frames=3540, skipped=(("dark", 60),), **moths)
    still = interval(frames=60, skipped=(("still", 3480), ("dark", 60)), **moths)
    with archive(told(windy, still), tmp_path) as reader:
        events = list(reader)
        samples = [(one.data[DWC + "sampleSizeValue"], one.data[DWC + "sampleSizeUnit"]) for one in events]
        visits = [one.data for event in events for one in of_type(event, "Occurrence")]
        facts = [one.data for event in events for one in of_type(event, "MeasurementOrFact")]
    assert samples == [("3540", "second")] * 2
    terms = [DWC + word for word in ("individualCount", "organismQuantity", "organismQuantityType")]
    assert [[one[term] for term in terms] for one in visits] == [["", "12", "visits"]] * 2
    assert "density" not in {one[DWC + "measurementType"] for one in facts}


def test_affected_leaves_are_no_individuals(tmp_path: Path) -> None:
    with archive(told(LEAVES), tmp_path) as reader:
        (event,) = list(reader)
        (leaf,) = of_type(event, "Occurrence")
        units = {one.data[DWC + "measurementUnit"] for one in of_type(event, "MeasurementOrFact")}
    assert (leaf.data[DWC + "individualCount"], leaf.data[DWC + "organismQuantity"]) == ("", "7")
    assert (leaf.data[DWC + "organismQuantityType"], units) == ("affected frames", {"frames"})


def test_what_was_counted_has_no_remark_and_links_to_its_taxon_where_that_has_a_code(tmp_path: Path) -> None:
    with archive(told(interval(counts=(count(MOTH, 12, 9, 17), count(("Thysanoptera", ""), 2)))), tmp_path) as reader:
        (event,) = list(reader)
        moth, thrips = of_type(event, "Occurrence")
    assert event.data[DWC + "eventRemarks"] == ""
    assert (moth.data[DWC + "taxonID"], thrips.data[DWC + "taxonID"]) == ("https://gd.eppo.int/taxon/PLUTMA", "")
    assert (moth.data[DWC + "organismQuantity"], moth.data[DWC + "organismQuantityType"]) == ("12", "visits")


def test_an_occurrence_stays_that_of_its_taxon_when_a_correction_puts_another_before_it(tmp_path: Path) -> None:
    before, after = occurrences(count(MOTH, 12), folder=tmp_path), occurrences(*THREE_KINDS, folder=tmp_path)
    assert before.items() <= after.items()
    assert list(after.values()) == [APHID[0], MOTH[0], MOTH[0]]


def test_a_taxon_that_an_interval_names_twice_is_two_occurrences(tmp_path: Path) -> None:
    assert list(occurrences(count(MOTH, 12), count(MOTH, 3), folder=tmp_path).values()) == [MOTH[0], MOTH[0]]


def occurrences(*counts: TaxonCount, folder: Path) -> dict[str, str]:
    """Id and taxon."""
    with archive(told(interval(counts=counts)), folder) as reader:
        (event,) = list(reader)
        found = [one.data for one in of_type(event, "Occurrence")]
    return {one[DWC + "occurrenceID"]: one[DWC + "scientificName"] for one in found}


def test_each_end_of_each_range_is_a_measurement_of_individuals_with_an_id_of_its_own(tmp_path: Path) -> None:
    with archive(told(replace(COUNTED, unit="max_per_frame")), tmp_path) as reader:
        (event,) = list(reader)
        measured = [one.data for one in of_type(event, "MeasurementOrFact")]
    assert {one[DWC + "measurementUnit"] for one in measured} == {"individuals"}
    assert len({one[DWC + "measurementID"] for one in measured}) == len(measured) == 4


def test_lesions_are_a_share_of_their_event(tmp_path: Path) -> None:
    with archive(told(replace(LEAVES, severity=0.06)), tmp_path) as reader:
        (event,) = list(reader)
        shares = [one.data for one in of_type(event, "MeasurementOrFact") if one.data[DWC + "occurrenceID"] == ""]
    assert [(one[DWC + "measurementValue"], one[DWC + "measurementUnit"]) for one in shares] == [("0.06", "share")]


def test_what_the_standard_has_no_term_for_is_a_property_of_the_event(tmp_path: Path) -> None:
    unsure = replace(FULL_CARD, start=instant(10_800.0, ClockState.UNSYNCED))
    with archive(told(COUNTED, unsure), tmp_path) as reader:
        properties = [json.loads(event.data[DWC + "dynamicProperties"]) for event in reader]
    place = {"areaCode": "330106011002", "crop": "Oryza sativa"}
    shared = [{name: told_of[name] for name in place} for told_of in properties]
    assert shared == [place, place]
    assert [told_of["clock"] for told_of in properties] == ["synced", "unsynced"]
    assert [(one["mode"], one.get("saturated")) for one in properties] == [("live", None), ("trap", True)]


def test_the_interval_of_a_place_has_its_datum_and_area(tmp_path: Path) -> None:
    with archive(told(COUNTED), tmp_path) as reader:
        (event,) = list(reader)
    assert event.data[DWC + "locationID"] == "330106011002"
    assert event.data[DWC + "geodeticDatum"] == "WGS84"


def test_the_interval_of_no_known_place_has_no_coordinates_and_no_datum(tmp_path: Path) -> None:
    with archive(told(COUNTED), tmp_path, NOWHERE_KNOWN) as reader:
        (event,) = list(reader)
    assert [event.data[DWC + word] for word in ("decimalLatitude", "decimalLongitude", "geodeticDatum")] == [""] * 3
    assert event.data[DWC + "locationID"] == "farm-3/n1"


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(believable())
def test_every_interval_is_an_event_and_every_count_an_occurrence(tmp_path: Path, records: list[PlainRecord]) -> None:
    intervals = [record for record in records if isinstance(record, PlainInterval)]
    with archive(records, tmp_path) as reader:
        occurrences = [len(of_type(event, "Occurrence")) for event in reader]
    assert sorted(occurrences) == sorted(len(one.counts or []) for one in intervals)


def test_density_stage_and_climate_are_kept(tmp_path: Path) -> None:
    with archive(told(LARVAE), tmp_path) as reader:
        (event,) = list(reader)
        (larva,) = of_type(event, "Occurrence")
        measured = {
            one.data[DWC + "measurementType"]: tuple(
                one.data[DWC + word] for word in ("measurementValue", "measurementUnit", "occurrenceID")
            )
            for one in of_type(event, "MeasurementOrFact")
        }
    assert larva.data[DWC + "lifeStage"] == "larva"
    assert measured["density"] == ("8.0", "individuals per m2", larva.data[DWC + "occurrenceID"])
    assert measured["mean air temperature"] == ("24.5", "degree Celsius", "")
    assert "mean relative humidity" not in measured


def test_humidity_is_a_share_of_its_event(tmp_path: Path) -> None:
    with archive(told(DAMP), tmp_path) as reader:
        (event,) = list(reader)
        (damp,) = [
            one.data
            for one in of_type(event, "MeasurementOrFact")
            if one.data[DWC + "measurementType"] == "mean relative humidity"
        ]
    assert (damp[DWC + "measurementValue"], damp[DWC + "measurementUnit"]) == ("0.72", "share")
    assert damp[DWC + "occurrenceID"] == ""


def test_meta_xml_has_the_core_first_and_a_reference_in_each_extension() -> None:
    root = ElementTree.fromstring(meta_xml())  # noqa: S314 our own words
    space = "{http://rs.tdwg.org/dwc/text/}"
    assert [one.tag.removeprefix(space) for one in root] == ["core", "extension", "extension"]
    assert all(one.find(f"{space}coreid") is not None for one in root[1:])
