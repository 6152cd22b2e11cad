"""`fieldeye-platform` called wrongly: one sentence with the word that is wrong, and exit code 2."""

import re
import socket
from pathlib import Path

import pytest

from edge.cli import platform_main
from edge.cli.station_thresholds import keep_thresholds
from edge.errors import StoreError, UsageError
from edge.platform.database import Database, open_database
from edge.platform.simulate import TruthFile
from tests.platform.postgres import Postgres
from tests.ports import free_port


def test_the_help_of_ingest_names_what_only_a_database_takes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        platform_main(["ingest", "--help"])
    of_both, of_database = capsys.readouterr().out.split("with --database or --leave:")[1].split("with --database:")
    assert set(re.findall(r"^  (--\w+)", of_both, re.M)) == {"--workers", "--group"}
    assert set(re.findall(r"^  (--\w+)", of_database, re.M)) == {"--queue", "--metrics"}


@pytest.mark.parametrize("words", ["ingest", "export --format csv --out {}/x.csv"])
def test_a_database_of_no_name_is_one_all_the_same(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a shell's variable that nobody set: libpq looks where its own variables say."""
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", str(free_port()))
    verb, *more = words.format(tmp_path).split()
    assert platform_main([verb, "--database", "", *more]) == 1
    assert "the database cannot be reached" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("desk --port 99999", "--port 99999 is no port"),
        ("desk --host 192.0.2.1", "192.0.2.1:8090 cannot be served"),
        ("desk --add-person= --area all", "a name has 1 to 80 letters"),
        ("desk --add-person Li", "'Li': whose nodes? give --area CODE, or --area all"),
        ("desk --add-person Li --area=", "'Li': whose nodes? give --area CODE"),
        ("tell --add email name@example.org", "'name@example.org': whose nodes? give --area CODE"),
        ("tell --add email name@example.org --area 12345", "area '12345' is no area code"),
        ("tell --add email name@example.org --area 33 --quiet 21:00", "--quiet 21:00 is no span of hours"),
        (
            "tell --add email name@example.org --area 33 --quiet 21:00+08:00-06:00+08:00",
            "--quiet 21:00+08:00-06:00+08:00: its hours are those of --zone",
        ),
        ("tell --once --mail-server :587", "--mail-server :587 is no HOST:PORT"),
        ("tell --once --mail-server mail..example.org:587", "--mail-server mail..example.org:587 is no HOST:PORT"),
        ("tell --once --mail-server 127.0.0.1:0", "--mail-server 127.0.0.1:0 is no HOST:PORT"),
        ("tell --once --mail-server 127.0.0.1:65536", "--mail-server 127.0.0.1:65536 is no HOST:PORT"),
        ("tell --once --mail-server 127.0.0.1:25 --from=", "--from '' is no address"),
        (
            "tell --once --mail-server 127.0.0.1:25 --mail-user josé",
            "--mail-user or its password has letters beyond ASCII",
        ),
        ("site a/b --area 33", "'a/b' is no site"),
        ("desk --remove-person \udcc0\udcee", "is no UTF-8; set the terminal to UTF-8"),
        ("site county-b --area 330", "area '330' is no area code"),
        ("ingest --metrics 99999", "--metrics 99999 and a port a worker go beyond 65535; take a lower one"),
        ("ingest --metrics 65535 --workers 2", "--metrics 65535 and a port a worker go beyond 65535"),
        ("ingest --group=", "--group '' is no name of a group"),
        ("ingest --group a/b", "--group 'a/b' is no name of a group; write letters, none of them / + or #"),
        ("ingest --group a+", "--group 'a+' is no name"),
        ("ingest --group #", "--group '#' is no name"),
        ("ingest --group a\0", "--group 'a\\x00' is no name"),
        ("ingest --queue http://nobody:secret@x", "--queue is no address of a queue"),
        ("ingest --queue amqp://nobody:secret@[x", "--queue is no address of a queue"),
        ("ingest --queue amqps://nobody:secret/1@x", "--queue is no address of a queue"),
        (
            "ingest --queue amqp://nobody:secret@127.0.0.1:1,amqp://nobody:secret@10.0.0.9",
            "--queue amqp://10.0.0.9: the password would cross the network in the open; write amqps://, or add",
        ),
        ("export --format csv --out x.csv --since 2026-07-02 --until 2026-07-01", "is before --since"),
    ],
)
def test_a_mistake_is_answered_with_the_word_that_is_wrong(
    still_url: str, words: str, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.cli.desk._password", lambda: "a long password")
    verb, *more = words.split()
    assert platform_main([verb, "--database", still_url, *more]) == 2
    told = capsys.readouterr().err
    assert (told.count("\n"), "secret" in told) == (1, False)
    assert says in told


@pytest.mark.parametrize(
    "password",
    [
        "secret%x",
        "secret x",
        "not@secret",
        "secret/x",
        "secret#x",
        "secret?x",
        "secret[x",
        "not@secret/x",
        "not@secret:x",
    ],
)
def test_a_databases_password_with_unusual_letters_is_not_printed(
    password: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert platform_main(["desk", "--database", f"postgresql://nobody:{password}@127.0.0.1:1/x"]) in (1, 2)
    told = capsys.readouterr().err
    assert (told.count("\n"), "secret" in told) == (1, False)


def test_why_a_database_cannot_be_reached_is_told_though_its_address_has_two_ats(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert platform_main(["desk", "--database", "postgresql://me@127.0.0.1:1/x?application_name=a@b"]) == 1
    assert "Connection refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    "queue",
    ["amqp://nobody:secret@127.0.0.1:1", "amqps://nobody:secret@127.0.0.2:1", "amqp://127.0.0.2:1",
     "amqp://nobody:secret@127.0.0.2:1 --insecure"],
)  # fmt: skip
def test_a_queues_password_goes_over_loopback_by_tls_or_where_somebody_says_so(
    still_url: str, queue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No cluster answers there, so that a worker ends."""
    assert platform_main(["ingest", "--database", still_url, "--queue", *queue.split()]) == 1
    told = capsys.readouterr().err
    assert ("cannot be reached" in told, "secret" in told) == (True, False)


def test_only_what_a_broker_keeps_can_be_left(capsys: pytest.CaptureFixture[str]) -> None:
    assert platform_main(["ingest", "--leave", "old", "--queue", "amqp://127.0.0.1:1"]) == 2
    assert "--queue and --metrics are for --database" in capsys.readouterr().err
    assert platform_main(["ingest", "--leave", "old", "--broker", "127.0.0.1:9"]) == 1
    assert "127.0.0.1:9 cannot be reached" in capsys.readouterr().err


def test_a_mail_password_that_no_log_in_carries_is_refused_and_not_printed(
    still_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ended `tell` at the first alert by e-mail, and webhooks behind that were told nothing."""
    secret = tmp_path / "secret"
    secret.touch(0o600)
    secret.write_text("pässword\n", "utf-8")
    words = f"tell --once --database {still_url} --mail-server 127.0.0.1:25 --mail-password-file {secret}"
    assert platform_main(words.split()) == 2
    told = capsys.readouterr().err
    assert ("its password has letters beyond ASCII" in told, "ä" in told) == (True, False)


def test_a_persons_name_is_one_line(
    still_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.cli.desk._password", lambda: "a long password")
    assert platform_main(["desk", "--database", still_url, "--add-person", "a\nb", "--area", "33"]) == 2
    assert "a name has 1 to 80 letters, in one line" in capsys.readouterr().err


def test_a_port_that_another_has_is_named_and_no_address_is_printed(
    still_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert platform_main(["desk", "--database", still_url, "--port", str(port)]) == 2
    told = capsys.readouterr()
    assert (told.out, f"127.0.0.1:{port} cannot be served" in told.err) == ("", True)


def test_a_database_that_is_no_address_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert platform_main(["desk", "--database", "nonsense"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("has_thresholds", [False, True])
def test_a_report_of_a_database_without_tables_says_what_makes_them(
    has_thresholds: bool, postgres: Postgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.csv").write_text("label,unit,start_at,sure_at,source\nPlutella xylostella,new,5,,us\n")
    more = ["--thresholds", str(tmp_path / "own.csv")] if has_thresholds else []
    assert platform_main(["report", "--database", postgres.url(), "--area", "33", "--week", "28", *more]) == 1
    told = capsys.readouterr().err
    assert (told.count("\n"), "`ingest --database` makes them" in told) == (1, True)


@pytest.mark.parametrize("verb", ["report --area 33 --week 28 --thresholds {}", "site county-b", "ingest"])
def test_what_only_the_owner_may_do_is_said_to_a_reader(
    still_url: str, verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_database(still_url) as database:
        database.execute("SELECT add_reader('reads_only', '33')")
        database.execute("ALTER ROLE reads_only LOGIN")
    own = tmp_path / "own.csv"
    own.write_text("label,unit,start_at,sure_at,source\nPlutella xylostella,new,5,,us\n")
    url = still_url.replace("//fieldeye@", "//reads_only@")
    assert platform_main([*verb.format(own).split(), "--database", url]) == 1
    told = capsys.readouterr().err
    assert (told.count("\n"), "the owner of its tables" in told) == (1, True)


@pytest.mark.parametrize(
    "row",
    ["Aphididae,new,nan,,us", "Aphididae,new,inf,,us", "Aphididae,new,-5,,us", "Aphididae,new,5,2,us",
     "Aphididae,new,5,nan,us", "Aphididae,new,many,,us", "M\0th,new,5,,us", ",new,5,,us", "Aphididae,new,5",
     "Aphididae,new", "Aphididae,new,,5,us", "Aphididae,adults/trap/night,5,,us", "Plutela xylostela,new,5,,us",
     "Plutella xylostella,new,7,,us", "Plutella xylostella,new,,,", "Aphididae,affected_frames,130,,us",
     "Aphididae,affected_frames,5,101,us", "Aphididae,new,5,5,20,us"],
)  # fmt: skip
def test_thresholds_are_kept_all_or_none(
    still_url: str, row: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.csv"
    own.write_text(f"label,unit,start_at,sure_at,source\n\nPlutella xylostella,new,5,,us\n{row}\n")
    words = ["report", "--database", still_url, "--area", "33", "--week", "28", "--out", str(tmp_path)]
    assert platform_main([*words, "--thresholds", str(own)]) == 2
    told = capsys.readouterr().err
    assert (told.count("\n"), f"{own}:4: " in told) == (1, True)
    with open_database(still_url) as database:
        assert database.execute("SELECT count(*) FROM threshold").fetchone() == (0,)


@pytest.mark.parametrize("holds", ["", "label,unit,start_at,sure_at,source\n"])
def test_a_file_of_thresholds_that_holds_none_is_not_taken_for_kept(
    database: Database, holds: str, tmp_path: Path
) -> None:
    """As one that a full disk cut off."""
    (tmp_path / "own.csv").write_text(holds)
    with pytest.raises(UsageError, match=r"own\.csv: holds no threshold; give a CSV with the columns label,unit,"):
        keep_thresholds(database, tmp_path / "own.csv")


@pytest.mark.parametrize(
    ("label", "unit", "says"),
    [
        ("Plutella xylostella", "adults/trap/night", "give one of: max_per_frame, visits, new, affected_frames"),
        ("Plutela xylostela", "new", "give Plutella xylostella"),
        ("one that the station had counted", "new", "give one that the station has counted"),
        ("???", "new", "give a scientific name"),
    ],
)
def test_a_threshold_that_nothing_is_ever_held_against_is_refused_with_what_would_be(
    database: Database, label: str, unit: str, says: str, tmp_path: Path
) -> None:
    database.execute("INSERT INTO taxon (label) VALUES ('one that the station has counted')")
    own = tmp_path / "own.csv"
    own.write_text(f"label,unit,start_at,sure_at,source\n{label},{unit},5,,us\n")
    with pytest.raises(UsageError) as told:
        keep_thresholds(database, own)
    assert says in str(told.value)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--from yesterday", "'yesterday' is no day"),
        ("--rate -1", "--rate -1 sends nothing"),
        ("--rate nan", "--rate nan sends nothing"),
        ("--seed -1", "--seed -1: is 0 or more"),
    ],
)
def test_a_fleet_that_cannot_be_is_refused(
    tmp_path: Path, words: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = platform_main(["simulate", "--truth", str(tmp_path / "truth.csv"), *words.split()])
    except SystemExit as ended:  # argparse's own way
        code = int(ended.code or 0)
    assert code == 2
    assert says in capsys.readouterr().err


def test_a_disk_that_is_full_is_said_with_the_name_of_the_truth() -> None:
    """Its first row is written at the end, as the last ones of a long one are."""
    says = r"/dev/full: cannot be written \(No space left on device\); make room"
    with pytest.raises(StoreError, match=says), TruthFile(Path("/dev/full")):
        pass


def test_a_truth_is_not_lost_to_a_broker_that_is_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("of an earlier fleet")
    assert platform_main(["simulate", "--truth", str(truth), "--broker", f"127.0.0.1:{free_port()}"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert truth.read_text() == "of an earlier fleet"
