"""Camtrap DP: frictionless and the profile find nothing against it; a zero, a disease and no data are told apart."""

import csv
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import frictionless
import jsonschema
import pytest
from geojson_pydantic import MultiPoint
from hypothesis import HealthCheck, given, settings

from edge.clock import ClockState
from edge.counts import Interval, Record
from edge.errors import UsageError
from edge.exports import FORMATS, About, Place
from edge.wire import PlainRecord
from tests.exports.told import (
    ABOUT,
    COUNTED,
    DAMP,
    FULL_CARD,
    LARVAE,
    LEAVES,
    NO_DATA,
    NOTHING_SEEN,
    SEEN,
    SEEN_UNSURE_WHEN,
    SITE,
    THREE_KINDS,
    WEEK,
    believable,
    told,
)
from tests.records import APHID, EPOCH, MOTH, count, instant, interval

SCHEMAS = Path(__file__).parent / "schemas"
PROFILE = json.loads((SCHEMAS / "camtrap-dp-profile.json").read_text())


def package(records: Iterable[PlainRecord], folder: Path, about: About = ABOUT) -> dict[str, Any]:
    """The package in `folder`; returns its description."""
    folder.mkdir(exist_ok=True)
    for one in folder.iterdir():
        one.unlink()
    for name, content in FORMATS["camtrap-dp"].open()(records, about):
        with (folder / name).open("ab") as file:
            file.write(content)
    described: dict[str, Any] = json.loads((folder / "datapackage.json").read_text())
    return described


def faults(folder: Path) -> list[str]:
    """What frictionless finds, by the schemas that the package names, which stand here."""
    described = json.loads((folder / "datapackage.json").read_text())
    del described["profile"]
    for resource in described["resources"]:
        resource["schema"] = json.loads((SCHEMAS / resource["schema"].rpartition("/")[2]).read_text())
    report = frictionless.Package.from_descriptor(described, basepath=str(folder)).validate()
    return [error.message for task in report.tasks for error in task.errors] + [
        error.message for error in report.errors
    ]


def check_profile(described: dict[str, Any]) -> None:
    jsonschema.Draft4Validator(PROFILE, format_checker=jsonschema.FormatChecker()).validate(described)
    MultiPoint.model_validate(described["spatial"])


def observations(*records: Any, folder: Path) -> list[dict[str, str]]:
    package(told(*records), folder)
    return table(folder, "observations")


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def filled(row: dict[str, str]) -> dict[str, str]:
    """Its cells that are not empty."""
    return {name: cell for name, cell in row.items() if cell}


def test_a_week_follows_the_tables_and_the_profile(tmp_path: Path) -> None:
    check_profile(package(told(*WEEK), tmp_path))
    assert faults(tmp_path) == []


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(believable())
def test_anything_a_node_counts_follows_them(tmp_path: Path, records: list[PlainRecord]) -> None:
    check_profile(package(records, tmp_path))
    assert faults(tmp_path) == []


@pytest.mark.parametrize(
    ("was", "wrong"), [("animal", "insect"), ("2026-07-01T12:00:00Z", "noon"), ("farm-3/n1/cam0", "elsewhere")]
)
def test_the_validator_would_find_a_mistake(was: str, wrong: str, tmp_path: Path) -> None:
    package(told(*WEEK), tmp_path)
    path = tmp_path / "observations.csv"
    path.write_text(path.read_text().replace(was, wrong))
    assert faults(tmp_path)


def test_a_count_is_an_animal_with_its_range_and_effort_as_tags(tmp_path: Path) -> None:
    first, second = observations(COUNTED, folder=tmp_path)
    assert (first["scientificName"], first["count"], first["observationLevel"]) == (
        "Plutella xylostella",
        "12",
        "event",
    )
    assert "low:9|high:17" in first["observationTags"]
    assert "frames:3540" in first["observationTags"]
    assert first["eventID"] == second["eventID"]


def test_an_interval_a_sighting_and_their_camera_are_told_in_the_standards_columns(tmp_path: Path) -> None:
    described = package(told(COUNTED, SEEN), tmp_path)
    moths, _, seen = (filled(row) for row in table(tmp_path, "observations"))
    key, start, at = f"n1/{EPOCH}/41", "2026-07-01T12:00:00Z", "2026-07-01T12:01:00Z"
    assert moths == {
        "observationID": f"{key}/Plutella xylostella", "deploymentID": "farm-3/n1/cam0", "eventID": key,
        "eventStart": start, "eventEnd": "2026-07-01T13:00:00Z", "observationLevel": "event",
        "observationType": "animal", "scientificName": "Plutella xylostella", "count": "12",
        "classificationMethod": "machine", "classifiedBy": "pests@0.1.0",
        "observationTags": "eppo:PLUTMA|unit:visits|mode:live|frames:3540|awakeS:3600.0|low:9|high:17",
    }  # fmt: skip
    assert [round(float(seen.pop(f"bbox{side}")), 5) for side in ("X", "Y", "Width", "Height")] == [0.2, 0.4, 0.4, 0.6]
    assert seen == {
        "observationID": f"n1/{EPOCH}/42", "deploymentID": "farm-3/n1/cam0", "mediaID": f"n1-{SEEN.picture}",
        "eventStart": at, "eventEnd": at, "observationLevel": "media", "observationType": "animal",
        "scientificName": "Plutella xylostella", "count": "2", "classificationMethod": "machine",
        "classifiedBy": "pests@0.1.0", "classificationProbability": "0.875", "observationTags": "eppo:PLUTMA",
    }  # fmt: skip
    assert [filled(row) for row in table(tmp_path, "media")] == [
        {
            "mediaID": f"n1-{SEEN.picture}", "deploymentID": "farm-3/n1/cam0", "captureMethod": "timeLapse",
            "timestamp": at, "filePath": f"media/n1-{SEEN.picture}.jpg", "filePublic": "false",
            "fileMediatype": "image/jpeg",
        }
    ]  # fmt: skip
    assert [filled(row) for row in table(tmp_path, "deployments")] == [
        {
            "deploymentID": "farm-3/n1/cam0", "locationID": "farm-3/n1", "latitude": "30.25", "longitude": "120.5",
            "deploymentStart": start, "deploymentEnd": "2026-07-01T13:00:00Z", "cameraID": "cam0",
            "timestampIssues": "false", "deploymentTags": "areaCode:330106011002|crop:Oryza sativa",
        }
    ]  # fmt: skip
    assert described["contributors"] == [{"title": "County plant protection station", "role": "rightsHolder"}]
    assert described["spatial"]["coordinates"] == [[120.5, 30.25]]
    assert described["project"]["observationLevel"] == ["event", "media"]
    assert package(told(COUNTED), tmp_path)["project"]["observationLevel"] == ["event"]


def test_an_interval_whose_clock_was_set_back_ends_no_earlier_than_it_began(tmp_path: Path) -> None:
    first, _ = observations(interval(length_s=-3600.0), folder=tmp_path)
    (deployment,) = table(tmp_path, "deployments")
    assert (first["eventStart"], first["eventEnd"]) == ("2026-07-01T12:00:00Z",) * 2
    assert (deployment["deploymentStart"], deployment["deploymentEnd"]) == ("2026-07-01T12:00:00Z",) * 2


def test_a_zero_is_blank_and_no_data_is_not(tmp_path: Path) -> None:
    zero, dark = observations(NOTHING_SEEN, NO_DATA, folder=tmp_path)
    assert (zero["observationType"], zero["count"]) == ("blank", "")
    assert (dark["observationType"], dark["observationComments"]) == ("unclassified", "no data: dark")


def test_a_taxon_that_was_looked_for_and_not_seen_is_no_animal(tmp_path: Path) -> None:
    (moths,) = observations(FULL_CARD, folder=tmp_path)
    assert (moths["count"], "saturated:true" in moths["observationTags"]) == ("3", True)
    assert "exposedS:34567.0" in moths["observationTags"]
    (blank,) = observations(interval(counts=FULL_CARD.counts[1:]), folder=tmp_path)  # type: ignore[index]
    assert (blank["observationType"], blank["observationComments"]) == ("blank", "Myzus persicae: 0 (0 to 2)")


def test_a_larva_is_a_juvenile_with_its_own_word_and_density_as_tags(tmp_path: Path) -> None:
    (larva,) = observations(LARVAE, folder=tmp_path)
    assert larva["lifeStage"] == "juvenile"
    assert {"stage:larva", "perM2:8.0", "temperatureC:24.5"} <= set(larva["observationTags"].split("|"))
    assert "humidity" not in larva["observationTags"]


def test_an_observation_stays_that_of_its_taxon_when_a_correction_puts_another_before_it(tmp_path: Path) -> None:
    corrected = interval(counts=THREE_KINDS, revision=1)
    before, after = (
        {one["observationID"]: one["scientificName"] for one in observations(record, folder=tmp_path)}
        for record in (interval(counts=(count(MOTH, 12),)), corrected)
    )
    assert before.items() <= after.items()
    assert list(after.values()) == [APHID[0], MOTH[0], MOTH[0]]


def test_a_range_from_zero_and_a_crop_with_the_sign_between_tags_are_told(tmp_path: Path) -> None:
    place = replace(ABOUT.places[SITE, "n1"], crop="rice|maize")
    about = replace(ABOUT, places={(SITE, "n1"): place})
    package(told(interval(counts=(count(MOTH, 2, 0, 5),))), tmp_path, about)
    (moths,), (deployment,) = table(tmp_path, "observations"), table(tmp_path, "deployments")
    assert moths["observationTags"].endswith("|low:0|high:5")
    assert deployment["deploymentTags"].endswith("|crop:rice/maize")


def test_humidity_is_a_tag(tmp_path: Path) -> None:
    assert {"humidity:0.72" in one["observationTags"].split("|") for one in observations(DAMP, folder=tmp_path)} == {
        True
    }


def test_a_leaf_is_no_animal(tmp_path: Path) -> None:
    assert observations(LEAVES, folder=tmp_path) == []
    (crowd,) = observations(replace(LEAVES, unit="max_per_frame", mode="live"), folder=tmp_path)
    assert (crowd["observationType"], crowd["scientificName"]) == ("blank", "")


def test_a_sick_leaf_on_a_kept_picture_is_no_animal(tmp_path: Path) -> None:
    assert observations(replace(SEEN, label="Pyricularia oryzae", eppo="PYRIOR"), folder=tmp_path) == []


def test_a_sighting_stands_on_its_picture_and_one_without_is_left_out(tmp_path: Path) -> None:
    (seen,) = observations(SEEN, SEEN_UNSURE_WHEN, folder=tmp_path)
    with (tmp_path / "media.csv").open(newline="") as file:
        (media,) = csv.DictReader(file)
    assert seen["mediaID"] == media["mediaID"] == f"n1-{SEEN.picture}"
    assert (media["filePublic"], seen["observationLevel"]) == ("false", "media")
    assert media["captureMethod"] == "timeLapse"
    assert float(seen["bboxX"]) + float(seen["bboxWidth"]) == pytest.approx(0.6, abs=1e-4)


def test_a_picture_of_two_taxa_is_one_medium_and_a_box_of_no_width_is_none(tmp_path: Path) -> None:
    thin = replace(SEEN, label=APHID[0], eppo=APHID[1], box=(0.2, 0.4, 0.2, 1.0))
    moth, aphid = observations(SEEN, thin, folder=tmp_path)
    assert moth["mediaID"] == aphid["mediaID"]
    assert [aphid[f"bbox{side}"] for side in ("X", "Y", "Width", "Height")] == [""] * 4
    assert faults(tmp_path) == []


@pytest.mark.parametrize("moment", ["start", "end"])
def test_a_clock_that_was_not_set_is_told_of_the_deployment(tmp_path: Path, moment: str) -> None:
    issues = []
    unsure = replace(NOTHING_SEEN, **{moment: instant(3600.0, ClockState.UNSYNCED)})
    for records in ([COUNTED], [COUNTED, unsure, LARVAE]):
        package(told(*records), tmp_path)
        with (tmp_path / "deployments.csv").open(newline="") as file:
            issues += [row["timestampIssues"] for row in csv.DictReader(file)]
    assert issues == ["false", "true"]


def guessed(after_s: float, **changes: str) -> Interval:
    """An hour whose clock was never set."""
    start, end = (instant(after_s + more_s, ClockState.UNSYNCED) for more_s in (0.0, 3600.0))
    return interval(start=start, end=end, **changes)


@pytest.mark.parametrize("guess", [guessed(2e6), replace(SEEN, at=instant(-2e6, ClockState.UNSYNCED))])
def test_a_clock_that_was_never_set_stretches_no_deployment_and_no_package(guess: Record, tmp_path: Path) -> None:
    for records in ([COUNTED, guess], [guess, COUNTED], [guess, COUNTED, guess]):
        described = package(told(*records), tmp_path)
        (row,) = table(tmp_path, "deployments")
        assert (row["deploymentStart"], row["deploymentEnd"]) == ("2026-07-01T12:00:00Z", "2026-07-01T13:00:00Z")
        assert row["timestampIssues"] == "true"
        assert described["temporal"] == {"start": "2026-07-01", "end": "2026-07-01"}


def test_a_package_lasts_as_long_as_its_cameras_whose_clock_was_set(tmp_path: Path) -> None:
    described = package(told(COUNTED, guessed(2e6, camera="cam1")), tmp_path)
    assert described["temporal"] == {"start": "2026-07-01", "end": "2026-07-01"}


def test_of_a_camera_whose_clock_was_never_set_the_guesses_are_told(tmp_path: Path) -> None:
    described = package(told(guessed(86_400.0), guessed(0.0)), tmp_path)
    (row,) = table(tmp_path, "deployments")
    assert (row["deploymentStart"], row["deploymentEnd"]) == ("2026-07-01T12:00:00Z", "2026-07-02T13:00:00Z")
    assert described["temporal"] == {"start": "2026-07-01", "end": "2026-07-02"}


def test_a_deployment_lasts_until_its_last_interval_ends_in_whatever_order_they_come(tmp_path: Path) -> None:
    package(told(NOTHING_SEEN, COUNTED, NO_DATA), tmp_path)
    with (tmp_path / "deployments.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["deploymentStart"], row["deploymentEnd"]) == ("2026-07-01T12:00:00Z", "2026-07-01T15:00:00Z")


def test_a_package_lasts_from_the_first_day_of_any_camera_to_the_day_on_which_the_last_interval_ends(
    tmp_path: Path,
) -> None:
    described = package(told(interval(86_400.0, 86_400.0), interval(camera="cam1")), tmp_path)
    assert described["temporal"] == {"start": "2026-07-01", "end": "2026-07-03"}


def test_a_taxon_has_the_names_that_it_has_and_no_empty_ones(tmp_path: Path) -> None:
    borer = interval(counts=(count(("Sesamia inferens", "SESAIN"), 3),))
    (taxon,) = package(told(borer), tmp_path)["taxonomic"]
    assert taxon == {
        "scientificName": "Sesamia inferens", "taxonID": "https://gd.eppo.int/taxon/SESAIN", "taxonRank": "species",
        "kingdom": "Animalia", "vernacularNames": {"eng": "pink stem borer", "zho": "大螟"},
    }  # fmt: skip
    (unknown,) = package(told(interval(counts=(count(("Novum insectum", ""), 1),))), tmp_path)["taxonomic"]
    assert unknown == {"scientificName": "Novum insectum"}


@pytest.mark.parametrize("half", [Place(), Place(latitude_deg=30.25), Place(longitude_deg=120.5)])
def test_a_node_without_a_place_is_refused_and_named(half: Place, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="farm-3/n1 has no position"):
        package(told(COUNTED), tmp_path, replace(ABOUT, places={(SITE, "n1"): half}))
