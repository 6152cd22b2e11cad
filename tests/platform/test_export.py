"""`fieldeye-platform export --database`: every record as it was sent, with the place that its node told."""

import csv
import subprocess
import sys
from collections import Counter
from datetime import date
from io import StringIO
from pathlib import Path
from time import sleep

import pytest

from edge.cli import platform_main
from edge.clock import ClockState
from edge.platform.areas.population import Wanted, population
from edge.platform.areas.sites import set_areas
from edge.platform.database import Database
from edge.platform.decode import Message
from edge.platform.intake import database_records
from edge.platform.intake.database_intake import Intake
from edge.platform.intake.database_records import read_database
from edge.platform.intake.registry import Registry
from edge.wire import Info, encode_message
from tests.exports.read_back import read_csv
from tests.exports.told import WEEK, told
from tests.platform.fleet import EVENING, Fleet, moment
from tests.platform.test_database_intake import batch
from tests.records import EPOCH, MOTH, count, interval

INFO = Info(software="fieldeye", version="0", epoch=str(EPOCH), latitude_deg=30.25, longitude_deg=120.5)


def filled(database: Database) -> None:
    intake = Intake(database)
    Registry(intake).note([Message("fieldeye/v1/farm-3/n1/info", encode_message(INFO))])
    intake.keep([batch(*WEEK, first=41)])


def test_all_that_was_taken_in_comes_out_as_it_was_with_its_place(
    database: Database, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(database)
    out = tmp_path / "week.csv"
    assert platform_main(["export", "--database", url, "--format", "csv", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{len(WEEK)} records in {out}\n"
    assert sorted(read_csv(out.read_text()), key=lambda record: record.seq) == told(*WEEK)
    assert ",30.25,120.5," in out.read_text()


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Pacific/Auckland", "America/Lima", "no/zone"])
def test_a_weeks_table_sums_to_the_weeks_report(database: Database, url: str, tmp_path: Path, zone: str) -> None:
    fleet = Fleet(database)
    fleet.place("a", time_zone=zone)
    for hours in range(0, 24 * 6, 5):
        fleet.counts("a", hours / 24, count(MOTH, hours + 1))
    unset = moment(EVENING, ClockState.UNSYNCED)  # as who knows when
    fleet.counts("a", 2, count(MOTH, 1000), end=unset)
    fleet.counts("a", 2, count(MOTH, 1000), start=unset)
    fleet.sum_up()
    out = tmp_path / "week.csv"
    days = ["--since", "2026-07-01", "--until", "2026-07-06"]  # a day more at both ends
    assert platform_main(["export", "--database", url, "--format", "csv", "--out", str(out), *days]) == 0
    summed = Counter[str]()
    for row in csv.DictReader(StringIO(out.read_text(), newline="")):
        summed[row["night"]] += int(row["count"])
    wanted = Wanted(area="", label=MOTH[0], first=date(2026, 7, 2), last=date(2026, 7, 5))
    nights = [str(one.night) for one in population(database, wanted)]
    assert [summed[night] for night in nights] == [one.count for one in population(database, wanted)]
    assert summed[""] == 2000


def test_a_weeks_table_has_the_area_in_which_the_platform_counts_a_node(
    database: Database, url: str, tmp_path: Path
) -> None:
    """What another one tells would be in a clerk's sum and not in the report."""
    set_areas(database, "s", ["330206"])
    fleet = Fleet(database)
    for node, code in (("a", "330106011002"), ("b", "330206001001"), ("c", "3302060010"), ("d", "330206")):
        fleet.place(node, area_code=code)
        fleet.counts(node, 0, count(MOTH, 5))
    out = tmp_path / "week.csv"
    assert platform_main(["export", "--database", url, "--format", "csv", "--out", str(out)]) == 0
    rows = csv.DictReader(StringIO(out.read_text(), newline=""))
    assert {row["node"]: row["area_code"] for row in rows} == {
        "a": "", "b": "330206001001", "c": "", "d": "330206000000",
    }  # fmt: skip


def test_only_the_days_that_were_asked_for_the_last_included(database: Database) -> None:
    Intake(database).keep([batch(*[interval(day * 86_400.0) for day in range(4)])])
    assert [one.seq for one in read_database(database, date(2026, 7, 2), date(2026, 7, 3))] == [2, 3]
    assert [one.seq for one in read_database(database, until=date(2026, 7, 1))] == [1]
    assert [one.seq for one in read_database(database)] == [1, 2, 3, 4]


def test_records_of_several_nodes_come_out_in_the_order_of_their_times(database: Database) -> None:
    fleet = Fleet(database)
    for node, night in (("a", 2), ("b", 1), ("a", 0)):
        fleet.counts(node, night, count(MOTH, 1))
    assert [one.node for one in read_database(database)] == ["a", "b", "a"]
    assert [one.seq for one in read_database(database)] == [2, 1, 1]


def test_a_stick_that_stands_still_for_longer_than_a_worker_may_ends_no_export(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    Intake(database).keep([batch(*[interval(day * 86_400.0) for day in range(3)])])
    monkeypatch.setattr(database_records, "_AT_ONCE", 1)
    database.execute("SET idle_in_transaction_session_timeout = '100ms'")  # that of 30 s, sooner
    records = read_database(database)
    assert next(records).seq == 1
    sleep(0.3)
    assert [one.seq for one in records] == [2, 3]


@pytest.mark.parametrize("verb", ["export --format csv --out {}/week.csv", "report --area 33 --week 28 --out {}"])
def test_a_standby_is_good_enough_to_read(database: Database, url: str, tmp_path: Path, verb: str) -> None:
    filled(database)
    database.execute(f"ALTER DATABASE {database.info.dbname} SET default_transaction_read_only = on".encode())
    assert platform_main([*verb.format(tmp_path).split(), "--database", url]) == 0


def test_a_place_that_takes_no_more_is_a_sentence_and_nothing_of_the_database(
    database: Database, url: str, tmp_path: Path
) -> None:
    """While the records are still read."""
    Intake(database).keep([batch(*[interval(hour * 3600.0) for hour in range(500)])])
    out = tmp_path / "x.csv"
    asked = f"['export', '--database', '{url}', '--format', 'csv', '--out', '{out}']"
    code = f"from edge.cli import platform_main; raise SystemExit(platform_main({asked}))"
    limited = ["bash", "-c", 'ulimit -f 4 && exec "$@"', "bash", sys.executable, "-c", code]
    ended = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (
        1,
        f"fieldeye-platform: {out}: cannot be written (File too large); check the stick or disk, or name another place "
        "with --out\n",
    )
    assert not list(tmp_path.iterdir())


def test_a_database_that_is_away_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = "postgresql://fieldeye@127.0.0.1:9/none"
    out = str(tmp_path / "x")
    assert platform_main(["export", "--database", nowhere, "--format", "csv", "--out", out]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())
