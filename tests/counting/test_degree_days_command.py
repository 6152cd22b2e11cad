"""`fieldeye degree-days`: from a CSV, from typed figures, and from what a node's own sensor and trap have told."""

import csv
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from edge.advice.degree_days import DayRange, degree_days, read_days
from edge.cli import main
from edge.clock import Instant
from edge.config import StoreTable
from edge.counts import Climate, Interval, NoData, Spread, TaxonCount
from edge.errors import UsageError
from edge.label_sets import remember
from edge.store import Store
from tests.clocks import SetClock

MOTH = "Helicoverpa armigera"
CSV = "date,tmin,tmax\n2026-06-01,12,27\n2026-06-02,,\n2026-06-03,18,33\n"
NIGHTS = 12  # of the node
Told = dict[str, object]


@pytest.fixture
def csv_path(tmp_path: Path) -> Path:
    path = tmp_path / "days.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def asked(capsys: pytest.CaptureFixture[str], *words: str, species: str = MOTH) -> Told:
    assert main(["degree-days", species, "--json", *words]) == 0
    told: Told = json.loads(capsys.readouterr().out)
    return told


def stage(told: Told, name: str) -> Told:
    return next(one for one in told["stages"] if one["stage_from"] == name)  # type: ignore[attr-defined]


def test_a_csv_gives_the_sum_with_and_without_the_day_that_is_missing(
    csv_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = asked(capsys, "--csv", str(csv_path))
    known = sum(degree_days(day, 10.56, 38) for day in (DayRange(12, 27), DayRange(18, 33)))
    assert stage(told, "adult")["known_c"] == pytest.approx(known, abs=0.01)
    assert stage(told, "adult")["filled_c"] == pytest.approx(1.5 * known, abs=0.01)
    assert told["missing"] == ["2026-06-02"]
    assert told["first_catch"] is None


def test_typed_figures_may_be_below_zero_and_a_stage_is_reached_on_its_day(capsys: pytest.CaptureFixture[str]) -> None:
    told = asked(capsys, "--from", "2026-06-01", "--min", "-3", "20", "20", "20", "--max", "9", "36", "36", "36")
    assert stage(told, "egg")["reached"] == "2026-06-04"  # 17.4 a day, none on the first; 48 are needed
    assert stage(told, "larva")["reached"] is None


SCALE = "Comstockaspis perniciosa"
WARM = ("--min", "20", "--max", "30")


def test_steps_from_new_year_are_told_from_new_year_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["degree-days", SCALE, *WARM, "--from", "2026-06-15"]) == 0
    out = capsys.readouterr().out
    assert "1 January ->" not in out
    assert "what the table counts from 1 January is left out; for it give --from 2026-01-01" in out
    assert main(["degree-days", SCALE, *WARM, "--from", "2026-01-01"]) == 0
    out = capsys.readouterr().out
    assert "1 January -> set out traps for males" in out
    assert "left out" not in out
    assert "few per cent" not in out
    told = [asked(capsys, *WARM, "--from", day, species=SCALE)["left_out"] for day in ("2026-06-15", "2026-01-01")]
    assert told == [1, 0]


def test_a_species_of_which_only_the_heat_since_new_year_is_known_asks_for_that_day(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["degree-days", "Panonychus ulmi", *WARM, "--from", "2026-06-15"]) == 2
    assert "its heat sum begins on 1 January; give --from 2026-01-01" in capsys.readouterr().err


def test_without_json_a_person_reads_sums_needs_and_the_source(
    csv_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["degree-days", MOTH, "--csv", str(csv_path)]) == 0
    out = capsys.readouterr().out
    assert "1 day without a temperature" in out
    assert "of 48 °C d above 10.56 to 38 °C" in out
    assert out.count("source: DDRP") == 1
    assert main(["degree-days"]) == 0
    known = capsys.readouterr().out.splitlines()
    assert MOTH in known
    assert known == sorted(known)


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["Helicoverpa armigira"], "did you mean Helicoverpa armigera?"),
        (["Unicornis fictus"], "lists what is known"),
        ([MOTH], "where are the temperatures?"),
        ([MOTH, "--csv", "nowhere.csv"], "date,tmin,tmax"),
        ([MOTH, "--min", "12", "--max", "27"], "need --from DAY"),
        ([MOTH, "--from", "2026-06-01", "--min", "12", "13", "--max", "27"], "the same number"),
        ([MOTH, "--from", "2026-06-01", "--min", "30", "--max", "12"], "least below its most"),
        ([MOTH, "--from", "2026-06-01", "--max", "12"], "the same number"),
        ([MOTH, "--csv", "nowhere.csv", "--max", "12"], "--max goes with --min"),
        ([MOTH, "--config", "nowhere.toml", "--max", "12"], "--max goes with --min"),
        ([MOTH, "--from", "2026-06-01", "--to", "2026-05-01", "--min", "1", "--max", "2"], "in order"),
        ([MOTH, "--from", "2020-06-01", "--to", "2026-05-01", "--min", "1", "--max", "2"], "to a year"),
        ([MOTH, "--running", "0"], "1 or more nights"),
    ],
)
def test_nonsense_is_refused_in_one_sentence_with_a_remedy(
    words: list[str], remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["degree-days", *words]) == 2
    assert remedy in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("2026-05-01,12,27\n2026-05-01,2,3", "line 3: 2026-05-01 stands twice; keep one line a day"),
        ("2026-05-01,,\n2026-05-01,2,3", "line 3: 2026-05-01 stands twice"),
    ],
)
def test_a_day_that_can_be_read_in_two_ways_is_refused(rows: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_days(f"date,tmin,tmax\n{rows}\n", "days.csv")


@pytest.mark.parametrize(("row", "code"), [("2026-06-05,9,12,27,5", 2), ("2026-06-05,12,27,, ", 0)])
def test_a_decimal_comma_is_refused_with_its_line_and_a_spreadsheets_empty_cells_are_not(
    row: str, code: int, csv_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    csv_path.write_text(f"date,tmin,tmax\n2026-06-04,12,27\n{row}\n")
    assert main(["degree-days", MOTH, "--csv", str(csv_path)]) == code
    says = f"{csv_path}:3: has more cells than columns; give a CSV with date,tmin,tmax, decimals with a point"
    assert (says in capsys.readouterr().err) == bool(code)


@pytest.fixture
def usual_csv_limit() -> Iterator[None]:
    """Python's own, which frictionless raises for the whole process when a test of the exports imports it."""
    before = csv.field_size_limit(131_072)
    yield
    csv.field_size_limit(before)


@pytest.mark.usefixtures("usual_csv_limit")
def test_a_file_of_another_kind_is_refused_with_what_to_give(
    csv_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    csv_path.write_text('<day date="2026-06-01" tmin="12" tmax="27"/>' * 3000, encoding="utf-8")  # of a weather service
    assert main(["degree-days", MOTH, "--csv", str(csv_path)]) == 2
    assert "cannot be read; give a CSV in UTF-8 with the columns date,tmin,tmax" in capsys.readouterr().err


def test_a_day_after_the_last_that_is_known_has_no_temperature_yet(
    csv_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["degree-days", MOTH, "--csv", str(csv_path), "--from", "2026-06-04"]) == 2
    assert "no temperature since 2026-06-04 is known yet, the last is of 2026-06-03" in capsys.readouterr().err


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A trap's NIGHTS last nights, an interval an hour with 10 to 30 °C; moths on the sixth and from the ninth on."""
    start = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=NIGHTS + 1)
    return trap(tmp_path, start, latitude=-30 if start.month <= 6 else 30)  # where the season began months ago


def trap(tmp_path: Path, start: datetime, *, latitude: int = 30, zone: str = "UTC") -> Path:
    config = tmp_path / "node.toml"
    config.write_text(
        f'[node]\nsite = "s"\nnode = "n"\ntime_zone = "{zone}"\nlatitude = {latitude}\nlongitude = 0\n'
        '[camera]\nkind = "folder"\nsource = "frames"\n'
        f'mode = "trap"\n[store]\nfolder = "{tmp_path}"\n[page]\nhost = "127.0.0.1"\n',
        encoding="utf-8",
    )
    store = Store(StoreTable(folder=str(tmp_path)), "n")
    store.commit([hour(start, n) for n in range(24 * NIGHTS)])
    store.close()
    return config


def hour(start: datetime, number: int) -> Interval:
    night, of_night = divmod(number, 24)
    caught = 3 if of_night == 9 and (night == 5 or night >= 8) else 0
    moths = (TaxonCount(label=MOTH, eppo="HELIAR", count=caught, low=1, high=5),) if caught else ()
    is_blind = night == 7
    return Interval(
        start=at(start, number), end=at(start, number + 1), camera="cam0", model="m@1", mode="trap", unit="new",
        frames=0 if is_blind else 6, skipped=(), awake_s=0.0, counts=NoData("dark") if is_blind else moths,
        climate=Climate(readings=60, temperature_c=Spread(mean=20, least=10 if of_night == 16 else 15, most=30)),
    )  # fmt: skip


def at(start: datetime, hours: float) -> Instant:
    return replace(SetClock().now(), utc=start + timedelta(hours=hours), monotonic_s=hours * 3600)


@pytest.mark.parametrize(("running", "night", "blind"), [(1, 5, 0), (2, 8, 1)])
def test_a_node_counts_from_its_first_catch_and_says_which_nights_nobody_looked(
    node: Path, capsys: pytest.CaptureFixture[str], running: int, night: int, blind: int
) -> None:
    first = (datetime.now(UTC) - timedelta(days=NIGHTS + 1 - night)).date()
    told = asked(capsys, "--config", str(node), "--running", str(running))
    assert told["first_catch"] == {"evening": first.isoformat(), "blind_before": blind}
    assert told["from"] == first.isoformat()
    days = NIGHTS - night  # the day of the first catch and those after it, whole ones by the sensor
    each = degree_days(DayRange(10, 30), 10.56, 38)
    assert stage(told, "adult")["known_c"] == pytest.approx(days * each, abs=0.05)


@pytest.mark.parametrize(("latitude", "unhung"), [(30, 0), (-30, 184)])  # since 1 January, since 1 July
def test_nights_before_a_trap_was_hung_and_those_of_a_model_that_cannot_tell_the_species_are_blind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, latitude: int, unhung: int
) -> None:
    set_clock(monkeypatch, datetime(2027, 1, 15, tzinfo=UTC))
    config = trap(tmp_path, datetime(2027, 1, 1, 18, tzinfo=UTC), latitude=latitude)
    with closing(Store(StoreTable(folder=str(tmp_path)), "n")) as store:
        remember(store, "m@1", ["Insecta"])
    told = asked(capsys, "--config", str(config))["first_catch"]
    assert told == {"evening": "2027-01-06", "blind_before": 5 + unhung}


def test_a_catch_of_the_last_evening_of_the_year_is_no_first_catch_of_the_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, datetime(2027, 1, 8, tzinfo=UTC))
    config = trap(tmp_path, datetime(2026, 12, 26, 18, tzinfo=UTC))  # the moths come at 3 in the morning, on 1 January
    told = asked(capsys, "--config", str(config))
    assert told["first_catch"] == {"evening": "2027-01-03", "blind_before": 0}


def test_a_season_begins_at_midnight_where_the_node_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = trap(tmp_path, datetime(2026, 12, 18, tzinfo=UTC), zone="Asia/Shanghai")
    set_clock(monkeypatch, datetime(2026, 12, 31, 15, 59, tzinfo=UTC))
    assert asked(capsys, "--config", str(config))["first_catch"] == {"evening": "2026-12-23", "blind_before": 0}
    set_clock(monkeypatch, datetime(2026, 12, 31, 16, 1, tzinfo=UTC))
    assert main(["degree-days", MOTH, "--config", str(config)]) == 2
    assert "no day there has 18 hours" in capsys.readouterr().err


def set_clock(monkeypatch: pytest.MonkeyPatch, utc: datetime) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return utc.astimezone(tz)

    monkeypatch.setattr("edge.cli.degree_days.datetime", Clock)


def test_a_node_without_a_catch_or_without_a_sensor_says_what_to_give(
    node: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["degree-days", "Chilo suppressalis", "--config", str(node)]) == 2
    assert "no first catch of it yet; give the day to begin with --from" in capsys.readouterr().err
    bare = tmp_path / "bare"
    bare.mkdir()
    other = tmp_path / "other.toml"
    other.write_text(node.read_text("utf-8").replace(str(tmp_path), str(bare)), encoding="utf-8")
    assert main(["degree-days", MOTH, "--config", str(other)]) == 1
    assert "start the node once" in capsys.readouterr().err
    Store(StoreTable(folder=str(bare)), "n").close()
    assert main(["degree-days", MOTH, "--config", str(other)]) == 2
    assert "a node needs [climate]" in capsys.readouterr().err
