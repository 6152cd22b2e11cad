"""`fieldeye export --format` and `fieldeye-platform export`: the whole file or none, each mistake in one sentence."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from edge.cli import main, platform_main
from edge.cli.export import STICK
from edge.config import StoreTable
from edge.exports import FORMATS
from edge.platform import Ledger
from edge.platform.ledger.ledger_records import read_ledger
from edge.store import Store
from edge.wire import Decoded, Info, Key, PlainRecord, plain
from tests.exports.read_back import read_csv, read_parquet
from tests.exports.told import ABOUT, FULL_CARD, LEAVES, WEEK, told
from tests.faults.small_disk import run_on_small_disk
from tests.records import EPOCH, alert, interval, sighting

CONFIG = """
[node]
site = "farm-3"
node = "n1"
latitude = 30.25
longitude = 120.5
[camera]
kind = "folder"
[store]
folder = "{folder}"
"""
INFO = Info(software="fieldeye", version="0", epoch=str(EPOCH), latitude_deg=30.25, longitude_deg=120.5)
DECODED = [Decoded(Key("n1", EPOCH, seq), record) for seq, record in enumerate(WEEK, start=41)]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    path.write_text(CONFIG.format(folder=tmp_path / "store"))
    with closing(Store(StoreTable(folder=str(tmp_path / "store")), "n1")) as store:
        store.commit(WEEK)
    return path


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as kept:
        kept.keep(DECODED, "farm-3")
        kept.nodes.note(("farm-3", "n1"), INFO)
    return path


def test_a_node_exports_all_of_its_records_with_its_place(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    assert main(["export", "--config", str(config), "--format", "csv", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{len(WEEK)} records in {out}\n"
    assert [record.seq for record in read_csv(out.read_text())] == list(range(1, len(WEEK) + 1))
    assert ",30.25,120.5," in out.read_text()


def test_a_program_hears_how_many_records_went_into_which_file(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.stick"
    assert main(["export", "--config", str(config), "--out", str(out), "--json"]) == 0
    told = msgspec.json.decode(capsys.readouterr().out)
    none = dict.fromkeys(("left_out", "photographs", "damaged"), 0)
    assert told == {"file": str(out), "format": "stick", "records": len(WEEK), **none}


@pytest.mark.parametrize("name", [STICK, "csv"])
def test_a_run_of_damaged_records_ends_no_export_which_says_how_many_they_are(
    name: str, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, folder = tmp_path / "out", tmp_path / "store"
    with closing(Store(StoreTable(folder=str(folder)), "n1")) as store:
        store.commit([sighting(n) for n in range(100)])
    with closing(sqlite3.connect(folder / "fieldeye.db")) as db, db:
        db.execute("UPDATE record SET crc = crc + 1 WHERE seq BETWEEN 20 AND 69")
    assert main(["export", "--config", str(config), "--format", name, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{len(WEEK) + 50} records in {out}")
    assert said.endswith(f"; 50 more could not be read in {folder}: check the memory card\n")
    if name == "csv":
        assert list(read_csv(out.read_text()))[-1].seq == len(WEEK) + 100


def test_of_a_node_that_looks_at_leaves_camtrap_dp_has_no_record_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Ledger(tmp_path / "leaves") as kept:
        kept.keep([Decoded(Key("n1", EPOCH, 1), LEAVES), Decoded(Key("n1", EPOCH, 2), LEAVES)], "farm-3")
    out = tmp_path / "out"
    words = ["export", "--ledger", str(tmp_path / "leaves"), "--format", "camtrap-dp", "--out", str(out)]
    assert platform_main(words) == 0
    assert capsys.readouterr().out == (
        f"0 records in {out}; 2 left out, since camtrap-dp has no place for plant diseases, sightings without a "
        "picture, alerts and losses\n"
    )


@pytest.mark.parametrize("name", FORMATS)
def test_what_a_format_says_it_leaves_out_is_not_in_it_and_all_else_is(name: str) -> None:
    sick = sighting(label="Phytophthora infestans", eppo="PHYTIN", picture="x")
    empty = size_of(name)
    for record in told(*WEEK, alert(), sick):
        assert FORMATS[name].takes(record) == (size_of(name, record) > empty), record


def size_of(name: str, *records: PlainRecord) -> int:
    return sum(len(piece.content) for piece in FORMATS[name].open()(records, ABOUT))


def test_the_platform_exports_what_its_ledger_holds(ledger: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert platform_main(["export", "--ledger", str(ledger), "--format", "csv", "--out", str(out)]) == 0
    assert list(read_csv(out.read_text())) == [plain(decoded, "farm-3") for decoded in DECODED]
    assert ",30.25,120.5," in out.read_text()


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_written_whole_and_leaves_nothing_beside(name: str, ledger: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    assert platform_main(["export", "--ledger", str(ledger), "--format", name, "--out", str(folder / "x")]) == 0
    assert [one.name for one in folder.iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("words", "name", "out", "meant"),
    [
        ("", STICK, "x.csv", "csv"),
        ("--format csv", "csv", "week.GeoJSON", "geojson"),
        ("--ledger ledger.jsonl --format geojson", "geojson", "x.parquet", "parquet"),
        ("--ledger ledger.jsonl --format camtrap-dp", "camtrap-dp", "x.zip", "darwin-core"),
        ("--format parquet", "parquet", "x.jsonld", "ngsi-ld"),
    ],
)
def test_a_file_that_is_named_as_another_format_s_is_refused_by_the_option_that_was_meant(
    words: str, name: str, out: str, meant: str, config: Path, ledger: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(config.parent)
    program, source = (platform_main, []) if "--ledger" in words else (main, ["--config", "node.toml"])
    before = contents(ledger.parent)
    assert program(["export", *words.split(), *source, "--out", out]) == 2
    says = f"makes no {Path(out).suffix.lower()} file; give --format {meant}, or end the name otherwise\n"
    assert capsys.readouterr().err.partition(": ")[2] == f"{out}: --format {name} {says}"
    assert contents(ledger.parent) == before


@pytest.mark.parametrize("where", [".", "/", "..", "{here}"])
@pytest.mark.parametrize("name", [STICK, *FORMATS])
def test_a_folder_is_refused_for_a_file_and_nothing_is_left_beside_it(
    name: str, where: str, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stick = tmp_path / "usb" / "stick"
    stick.mkdir(parents=True)
    monkeypatch.chdir(stick)
    out = where.format(here=stick)
    assert main(["export", "--config", str(config), "--format", name, "--out", out]) == 2
    assert [*stick.iterdir(), *stick.parent.iterdir()] == [stick]


@pytest.mark.parametrize("name", ["store/fieldeye.db", "store/new", "node.toml"])
def test_a_node_writes_no_export_over_its_own_files(
    config: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(config.parent)
    assert main(["export", "--config", str(config), "--out", str(config.parent / name)]) == 2
    assert "could overwrite what is kept in" in capsys.readouterr().err
    assert contents(config.parent) == before


@pytest.mark.parametrize("name", ["ledger.new", "ledger.new.nodes", "ledger.new.pictures/a.jpg", "link", "ledger"])
def test_the_platform_writes_no_export_over_its_ledger(ledger: Path, tmp_path: Path, name: str) -> None:
    own = tmp_path / "ledger.new"  # what `--out ledger` is written to first
    ledger.rename(own)
    ledger.with_name("ledger.jsonl.nodes").rename(tmp_path / "ledger.new.nodes")
    (tmp_path / "link").symlink_to(own)
    before = contents(tmp_path)
    assert platform_main(["export", "--ledger", str(own), "--format", "csv", "--out", str(tmp_path / name)]) == 2
    assert contents(tmp_path) == before


@pytest.mark.parametrize("without", ["records", "nodes"])
@pytest.mark.parametrize("program", [main, platform_main])
def test_no_export_is_written_over_the_ledger_of_an_ingest_that_runs(
    program: Callable[[list[str]], int], without: str, config: Path, ledger: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    running, link = tmp_path / "running.new", tmp_path / "link"
    link.symlink_to(running)
    source = ["--ledger", str(ledger)] if program is platform_main else ["--config", str(config)]
    with Ledger(running) as kept:
        if without == "nodes":
            kept.keep(DECODED, "farm-3")
        else:
            kept.nodes.note(("farm-3", "n1"), INFO)
        before = contents(tmp_path)
        for out in (running, link, running.with_suffix("")):  # the last is first written to `running.new`
            assert program(["export", *source, "--format", "csv", "--out", str(out)]) == 2
            assert capsys.readouterr().err.endswith(
                f"{out}: would replace a ledger of fieldeye-platform ingest; name another place with --out\n"
            )
        assert contents(tmp_path) == before


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_neither_file_nor_folder_stays_what_it_is(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert main(["export", "--config", str(config), "--out", str(tmp_path / "pipe")]) == 2
    assert "pipe: is no file; name one with --out" in capsys.readouterr().err
    assert (tmp_path / "pipe").is_fifo()


def test_an_export_to_a_link_goes_where_it_leads(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.symlink_to(tmp_path / "stick")
    assert main(["export", "--config", str(config), "--out", str(out)]) == 0
    assert out.is_symlink()
    assert (tmp_path / "stick").read_bytes()


@pytest.mark.parametrize("name", [STICK, *FORMATS])
def test_what_a_power_cut_left_of_an_export_is_in_no_ones_way(name: str, config: Path, tmp_path: Path) -> None:
    for left in ("x.new", "x.new.parts"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "observations.csv").write_text("half")
    assert main(["export", "--config", str(config), "--format", name, "--out", str(tmp_path / "x")]) == 0
    assert (tmp_path / "x").exists()
    assert not (tmp_path / "x.new").exists()


FULL = """
import os, sys
from pathlib import Path
from edge.cli import main
disk = Path(os.environ["DISK"])
(disk / "filler").write_bytes(bytes(65_536))
for name in sys.argv[2:]:
    print(main(["export", "--config", sys.argv[1], "--format", name, "--out", str(disk / "x")]), len(os.listdir(disk)))
"""


def test_a_full_stick_keeps_nothing_of_an_export(config: Path) -> None:
    said = run_on_small_disk("-c", FULL, str(config), STICK, *FORMATS, size="64k")
    assert said.splitlines() == ["1 1"] * (1 + len(FORMATS))


READ_ONLY = """
import os, sys
from pathlib import Path
from edge.cli import main
from edge.config import StoreTable
from edge.store import BoxKey, Decision, Store
from tests.page.scenes import picture_of
from tests.records import instant, sighting
disk, out = Path(os.environ["DISK"]), Path(sys.argv[1])
for ending in ("stopped", "cut off"):
    if os.fork() == 0:
        store = Store(StoreTable(folder=str(disk / ending)), "n1")
        store.commit([sighting()], picture_of("rice_bug.jpg"))
        key = BoxKey(store.latest_sightings(1)[0].record.picture, 0)
        said = {"said": "a", "confidence": 0.9, "model": "m", "label": "a", "who": "Mei", "utc": instant(0).utc}
        store.decisions.decide(Decision(key=key, **said))
        if ending == "stopped":
            store.close()
        os._exit(0)
    os.wait()
(disk / "link").mkdir()
for kept in ("fieldeye.db", "decisions.sqlite", "pictures"):
    (disk / "link" / kept).symlink_to(disk / "cut off" / kept)
os.system("mount -o remount,ro " + str(disk))
for ending in ("stopped", "cut off", "link"):
    (out / "node.toml").write_text(sys.argv[2].format(folder=disk / ending))
    main(["export", "--config", str(out / "node.toml"), "--out", str(out / "stick")])
    main(["reviewed", "--config", str(out / "node.toml"), "--out", str(out / ending)])
"""


def test_what_waits_and_what_people_checked_on_a_memory_card_that_only_reads_can_be_carried_away(
    tmp_path: Path,
) -> None:
    said = run_on_small_disk("-c", READ_ONLY, str(tmp_path), CONFIG).splitlines()
    assert [line.partition(" in ")[0] for line in said[::2]] == ["1 records"] * 3
    assert [line.partition(": ")[2].partition(";")[0] for line in said[1::2]] == ["1 pictures"] * 3


@pytest.mark.parametrize("name", FORMATS)
def test_a_traps_effort_is_how_long_it_hung(name: str) -> None:
    content = b"".join(piece.content for piece in FORMATS[name].open()(told(FULL_CARD), ABOUT))
    assert "34567" in (repr(list(read_parquet(content))) if name == "parquet" else content.decode())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no such ledger"),
        ("Dear diary\n", ":1: not a record"),
        ('{"kind":"lost"}\n', "missing"),
        ('{"kind":"lost","a":' + "[" * 9999 + "\n", ":1: not a record"),
    ],
)
def test_a_file_that_is_no_ledger_is_named_and_nothing_is_written(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "in", tmp_path / "x.csv"
    if text:
        path.write_text(text)
    assert platform_main(["export", "--ledger", str(path), "--format", "csv", "--out", str(out)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert says in error
    assert not list(tmp_path.glob("x*"))


def test_a_place_that_cannot_be_written_is_said_in_a_line(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "missing" / "x")
    assert platform_main(["export", "--ledger", str(ledger), "--format", "csv", "--out", out]) == 1
    assert "name another place with --out" in capsys.readouterr().err


def test_only_the_days_that_were_asked_for(ledger: Path, tmp_path: Path) -> None:
    out, days = tmp_path / "out.csv", ["--since", "2026-07-02", "--until", "2026-07-03"]
    with Ledger(ledger) as kept:
        kept.keep([Decoded(Key("n1", EPOCH, 90 + day), interval(day * 86_400.0)) for day in range(4)], "farm-3")
    assert platform_main(["export", "--ledger", str(ledger), "--format", "csv", "--out", str(out), *days]) == 0
    assert [record.seq for record in read_csv(out.read_text())] == [91, 92]


def test_a_record_that_was_revised_is_exported_as_it_was_told_last(ledger: Path) -> None:
    told = [Decoded(Key("n1", EPOCH, 90), interval(frames=100 + n, revision=n)) for n in range(4)]
    with Ledger(ledger) as kept:
        assert kept.keep([told[1], told[0], told[3], told[2]], "farm-3") == 2
    with Ledger(ledger) as again:
        assert again.keep(told, "farm-3") == 0
    records = [record for record in read_ledger(ledger) if record.seq == 90]
    assert records == [plain(told[3], "farm-3")]


def test_a_record_that_stands_in_a_ledger_twice_is_exported_once(ledger: Path) -> None:
    told = {n: plain(Decoded(Key("n1", EPOCH, 90), interval(revision=n)), "farm-3") for n in range(3)}
    with ledger.open("ab") as file:  # as two programs left it that wrote at once
        file.writelines(msgspec.json.encode(told[n]) + b"\n" for n in (0, 1, 2, 0, 2, 1))
    ledger.write_bytes(ledger.read_bytes() * 2)
    assert list(read_ledger(ledger)) == [*(plain(decoded, "farm-3") for decoded in DECODED), told[2]]


def test_what_is_revised_or_comes_while_an_export_goes_on_is_exported_as_it_was(ledger: Path) -> None:
    records = read_ledger(ledger)
    first = next(records)
    revised, new = interval(frames=100, revision=1), interval()
    with Ledger(ledger) as kept:
        told = [Decoded(Key("n1", EPOCH, 42), revised), Decoded(Key("n1", EPOCH, 99), new)]
        assert kept.keep(told, "farm-3") == 2
    assert [first, *records] == [plain(decoded, "farm-3") for decoded in DECODED]


def test_a_node_that_moved_stands_where_it_said_last(ledger: Path, tmp_path: Path) -> None:
    with Ledger(ledger) as kept:
        kept.nodes.note(("farm-3", "n1"), msgspec.structs.replace(INFO, latitude_deg=31.0))
        kept.nodes.note(("farm-3", "n1"), msgspec.structs.replace(INFO, latitude_deg=31.0))
    assert ledger.with_name("ledger.jsonl.nodes").read_text().count("\n") == 2
    out = tmp_path / "out.csv"
    platform_main(["export", "--ledger", str(ledger), "--format", "csv", "--out", str(out)])
    assert ",31.0,120.5," in out.read_text()
