"""CSV: every record comes back as it was, and a spreadsheet finds effort, zero and no data apart."""

import csv
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from edge.exports import FORMATS, About, Place, place_of
from edge.wire import Info, PlainRecord
from tests.exports.read_back import read_csv
from tests.exports.told import (
    ABOUT,
    COUNTED,
    NO_DATA,
    NOTHING_SEEN,
    NOWHERE_KNOWN,
    SEEN,
    SEEN_UNSURE_WHEN,
    SITE,
    WEEK,
    any_records,
    told,
    unknown,
)
from tests.records import EPOCH, MOTH, instant, interval, sighting


def written(records: Iterable[PlainRecord], about: About = ABOUT) -> str:
    return b"".join(piece.content for piece in FORMATS["csv"].open()(records, about)).decode()


def table(records: Iterable[PlainRecord]) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(written(records), newline="")))


@settings(max_examples=80)
@given(any_records())
def test_every_record_comes_back_as_it_was(records: list[PlainRecord]) -> None:
    assert list(read_csv(written(records))) == records


def test_a_record_of_an_unknown_kind_comes_back_too() -> None:
    assert list(read_csv(written([unknown(), *told(*WEEK)]))) == [unknown(), *told(*WEEK)]


def test_a_taxon_has_a_row_with_its_count_its_range_and_the_effort() -> None:
    first, second = table(told(COUNTED))
    wanted = {"count": "12", "low": "9", "high": "17", "frames": "3540", "awake_s": "3600.0", "unit": "visits"}
    wanted |= {"label": MOTH[0], "start_utc": "2026-07-01T12:00:00.000Z", "area_code": "330106011002"}
    assert {name: first[name] for name in wanted} == wanted
    assert (second["label"], second["count"], second["taxa"]) == ("Myzus persicae", "230", "2")


def test_nothing_seen_is_a_zero_with_effort_and_no_data_is_not_a_number() -> None:
    zero, dark = table(told(NOTHING_SEEN, NO_DATA))
    assert (zero["count"], zero["frames"], zero["no_data"]) == ("0", "3600", "")
    assert (dark["count"], dark["frames"], dark["no_data"]) == ("", "0", "dark")


def test_an_interval_is_of_the_night_in_which_most_of_it_lies_where_the_node_stands_whatever_its_mode() -> None:
    about = replace(ABOUT, places={(SITE, "n1"): Place(zone=ZoneInfo("Asia/Shanghai"))})
    early, over_noon = interval(28_800.0), interval(55_800.0, 5400.0)  # from four o'clock there, and from half past 11
    rows = csv.DictReader(StringIO(written(told(early, over_noon), about), newline=""))
    assert [row["night"] for row in rows] == ["2026-07-01"] * 2 + ["2026-07-02"] * 2  # two taxa each


def test_a_clock_at_the_end_of_the_calendar_ends_no_export_of_a_node_east_of_greenwich() -> None:
    last = replace(instant(), utc=datetime(9999, 12, 31, 23, tzinfo=UTC))
    about = replace(ABOUT, places={(SITE, "n1"): Place(zone=ZoneInfo("Asia/Shanghai"))})
    (row,) = csv.DictReader(StringIO(written(told(interval(start=last, end=last, counts=())), about), newline=""))
    assert (row["night"], row["frames"]) == ("9999-12-31", "3540")


def test_times_have_one_form_so_that_programs_take_their_column_for_times() -> None:
    whole, between = table(told(SEEN, SEEN_UNSURE_WHEN))
    assert (whole["at_utc"], between["at_utc"]) == ("2026-07-01T12:01:00.000Z", "2026-07-01T12:01:01.250Z")


def test_a_place_that_nobody_knows_is_empty_and_not_zero() -> None:
    (row,) = csv.DictReader(StringIO(written(told(sighting()), NOWHERE_KNOWN), newline=""))
    assert (row["latitude_deg"], row["longitude_deg"], row["area_code"]) == ("", "", "")


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus", "Asia", "../etc", "x" * 300])
def test_nights_of_a_node_whose_zone_is_none_are_of_utc(zone: str | None) -> None:
    """Some are no name, others a folder of zones, and one is longer than a file's name may be."""
    assert place_of(Info(software="fieldeye", version="0", epoch=str(EPOCH), time_zone=zone)).zone.tzname(None) == "UTC"


def test_text_from_the_network_is_no_formula_to_a_spreadsheet_and_still_comes_back() -> None:
    words = ['=HYPERLINK("http://x","y")', "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r=1+1", "\n=1+1", "\0=1+1", "'quoted"]
    words += ["＝1+1", "＋1+1", "－1+1", "＠SUM(1)"]  # to an Excel of East Asia
    records = told(*(sighting(label=word) for word in words))
    assert [row["label"] for row in table(records)] == [f"'{word}" for word in words]
    assert list(read_csv(written(records))) == records


def test_the_id_of_a_picture_that_reads_as_a_number_stays_a_text() -> None:
    records = told(*(sighting(picture=name) for name in ("1234567e-41", "12345678-41", "123e4567-41")))
    assert [row["picture"] for row in table(records)] == ["'1234567e-41", "12345678-41", "123e4567-41"]
    assert list(read_csv(written(records))) == records


@pytest.mark.parametrize("crop", ["rice; maize", "rice\t水稻"])
def test_a_semicolon_or_tab_begins_no_cell_in_a_spreadsheet_that_parts_there_too(crop: str) -> None:
    about = replace(ABOUT, places={(SITE, "n1"): Place(crop=crop)})
    assert f',"{crop}",' in written(told(COUNTED), about)
