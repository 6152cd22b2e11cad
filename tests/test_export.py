"""Records carried on a stick: the same keys, so that neither a second stick nor the network doubles them."""

import json
import shutil
import sqlite3
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from edge.cli import export, main, platform_main
from edge.cli.stick import write_stick
from edge.config import StoreTable, load_config
from edge.errors import StoreError
from edge.label_sets import remember
from edge.platform import Ledger
from edge.platform.ledger.nodes import nodes_path, read_nodes
from edge.store import Draft, Store, kept_records
from edge.store.file import PAGE_BYTES
from edge.wire import Info, ModelInfo, carried_line, decode_batch, encode_message, read_carried
from tests.faults.killing import ROOT
from tests.records import EPOCH, alert, instant, interval, marks, sighting
from tests.test_store import JPEG, put_in_the_way

CONFIG = """
[node]
site = "farm-3"
node = "n1"
[camera]
kind = "folder"
[store]
folder = "{folder}"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    path.write_text(CONFIG.format(folder=tmp_path / "store"))
    return path


@dataclass(frozen=True)
class Told:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


def fieldeye(*arguments: object, program: Callable[[list[str]], int] = main) -> Told:
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = program([*map(str, arguments)])
    return Told(code, out.getvalue(), err.getvalue())


def store_of(tmp_path: Path) -> Store:
    return Store(StoreTable(folder=str(tmp_path / "store")), "n1")


def ingested(out: Path, sticks: Sequence[Path]) -> list[tuple[str, int]]:
    """Kinds and numbers in the ledger after these sticks."""
    files = [word for stick in sticks for word in ("--file", stick)]
    done = fieldeye("ingest", *files, "--out", out, program=platform_main)
    assert done.returncode == 0, done.stderr
    return [(told["kind"], told["seq"]) for told in map(json.loads, out.read_text().splitlines())]


def test_what_waits_is_exported_and_ingested_once_however_often_the_stick_comes(tmp_path: Path, config: Path) -> None:
    stick, out = tmp_path / "stick.jsonl", tmp_path / "ledger.jsonl"
    with closing(store_of(tmp_path)) as store:  # the node goes on meanwhile
        store.commit([sighting(n, count=n) for n in range(45)])
        store.commit([interval()])
        store.mark_delivered(marks([1, 2]))
        command = [sys.executable, "-m", "edge", "export", "--config", config, "--out", stick]
        assert subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.startswith(b"44 records")
        assert store.waiting().records == 44
        store.commit([sighting()])
    everything = [("sighting", seq) for seq in range(3, 46)] + [("interval", 46)]
    assert ingested(out, [stick, stick]) == everything
    fieldeye("export", "--config", config, "--out", stick, "--all")
    assert ingested(out, [stick]) == [*everything, ("sighting", 1), ("sighting", 2), ("sighting", 47)]
    with closing(store_of(tmp_path)) as store:
        store.mark_delivered(marks(range(1, 48)))
    said = fieldeye("export", "--config", config, "--out", stick).stdout
    assert said.startswith(
        f"0 records in {stick}, as none waits for the broker: --all takes the 47 that were delivered;"
    )


def test_alerts_of_long_sentences_stand_in_batches_that_a_platform_reads(tmp_path: Path, config: Path) -> None:
    stick, long = tmp_path / "stick.jsonl", "查" * 1000  # as long as a station may write them
    with closing(store_of(tmp_path)) as store:
        store.commit([alert(n, source=long, look_at=long) for n in range(20)])
    assert main(["export", "--config", str(config), "--out", str(stick)]) == 0
    _, *batches = map(read_carried, stick.read_bytes().splitlines())
    assert [one.key.seq for batch in batches for one in decode_batch(batch.payload, "n1")] == list(range(1, 21))
    assert len(batches) == 2


def test_a_corrected_interval_stands_on_a_stick_once(tmp_path: Path, config: Path) -> None:
    stick = tmp_path / "stick.csv"
    with closing(store_of(tmp_path)) as store:
        key = store.commit_interval(interval(), Draft(seq=None, state=b"", pictures=()))
        store.commit_interval(interval(frames=3541, revision=1), Draft(seq=key.seq, state=b"", pictures=()))
    done = fieldeye("export", "--config", config, "--out", stick, "--all", "--format", "csv")
    assert done.returncode == 0, done.stderr
    lines = stick.read_text().splitlines()
    assert [len(lines), sum("3541" in line for line in lines)] == [3, 2]  # a line for each of its two taxa


def test_a_photograph_on_a_stick_is_kept_whole_beside_the_ledger_and_leaves_no_question_out(
    tmp_path: Path, config: Path
) -> None:
    stick, out = tmp_path / "stick.jsonl", tmp_path / "ledger.jsonl"
    photo = b"\xff\xd8" + bytes(range(256)) * 400 + b"\xff\xd9"  # more than one message holds
    with closing(store_of(tmp_path)) as store:
        store.commit([sighting()])
        sent, waiting = store.ask_station(instant(), photo), store.ask_station(instant(), photo, note="what is this?")
        store.mark_question_sent(sent.id)
        told = fieldeye("export", "--config", config, "--out", stick).stdout
        assert told.startswith("1 records and 1 photographs")
    assert ingested(out, [stick, stick]) == [("sighting", 1)]
    folder = tmp_path / "ledger.jsonl.pictures"
    assert (folder / f"farm-3.n1.{waiting.id}.jpg").read_bytes() == photo
    assert json.loads((folder / f"farm-3.n1.{waiting.id}.json").read_text())["note"] == "what is this?"
    assert len(list(folder.iterdir())) == 2


def test_a_photograph_that_the_card_does_not_give_is_not_told_as_one_on_the_stick(
    tmp_path: Path, config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stick = tmp_path / "stick.jsonl"
    with closing(store_of(tmp_path)) as store:
        unread, _ = store.ask_station(instant(), JPEG), store.ask_station(instant(), JPEG)
    put_in_the_way(tmp_path / "store" / "questions" / f"{unread.id}.jpg")
    with kept_records(tmp_path / "store", "n1") as records:
        assert write_stick(load_config(config), records, stick, delivered=False) == (0, 1)
    assert [line.question for line in caplog.records] == [unread.id]  # type: ignore[attr-defined]


PLACED = """node = "n1"
latitude = 30.25
longitude = 120.5
area_code = "330106011002"
crop = "Oryza sativa"
time_zone = "Asia/Shanghai"
"""


def test_a_node_that_a_platform_knows_from_a_stick_alone_stands_where_it_is(tmp_path: Path, config: Path) -> None:
    stick, out = tmp_path / "stick.jsonl", tmp_path / "ledger.jsonl"
    config.write_text(config.read_text().replace('node = "n1"', PLACED))
    with closing(store_of(tmp_path)) as store:
        store.commit([sighting()])
        for labels in (["Insecta"], ["Pieris (larva)", "Pieris"]):
            remember(store, "pests@1", labels)
            fieldeye("export", "--config", config, "--out", stick)
            assert ingested(out, [stick]) == [("sighting", 1)]
        told = read_nodes(out)["farm-3", "n1"]
        assert told.epoch == str(store.epoch)
    assert (told.latitude_deg, told.longitude_deg, told.area_code) == (30.25, 120.5, "330106011002")
    assert (told.crop, told.time_zone) == ("Oryza sativa", "Asia/Shanghai")
    assert told.models == [ModelInfo(name="pests", version="1", sha256="", labels=["Insecta", "Pieris"])]


def test_a_stick_changes_nothing_that_a_node_has_told_itself(tmp_path: Path, config: Path) -> None:
    stick, out = tmp_path / "stick.jsonl", tmp_path / "ledger.jsonl"
    model = ModelInfo(name="pests", version="0.1.0", sha256="0" * 64)
    now = Info(software="fieldeye", version="1", epoch=str(EPOCH), models=[model], capabilities=["replay"])
    store_of(tmp_path).close()
    fieldeye("export", "--config", config, "--out", stick)
    with Ledger(out) as ledger:
        ledger.nodes.note(("farm-3", "n1"), now)
    ingested(out, [stick])
    assert read_nodes(out) == {("farm-3", "n1"): now}


def test_what_a_power_cut_left_of_a_nodes_words_is_in_no_ones_way(tmp_path: Path) -> None:
    first, then = (Info(software="fieldeye", version=version, epoch=str(EPOCH)) for version in "12")
    path = nodes_path(tmp_path / "ledger.jsonl")
    for info in (first, then):
        with Ledger(tmp_path / "ledger.jsonl") as ledger:
            ledger.nodes.note(("farm-3", "n1"), info)
        if info is first:
            path.write_bytes(path.read_bytes()[:-20])
    assert read_nodes(tmp_path / "ledger.jsonl") == {("farm-3", "n1"): then}


def test_nodes_words_that_nest_without_end_are_named(tmp_path: Path) -> None:
    nodes_path(tmp_path / "ledger.jsonl").write_bytes(b'{"a":' + 100_000 * b"[" + b"\n")
    with pytest.raises(StoreError, match=r"\.nodes:1: says nothing of a node .*; mend or delete that line"):
        read_nodes(tmp_path / "ledger.jsonl")


def test_nodes_words_that_the_disk_does_not_give_are_named(tmp_path: Path) -> None:
    nodes_path(tmp_path / "ledger.jsonl").symlink_to("/proc/self/mem")  # gives EIO, as a bad sector does
    with pytest.raises(StoreError, match=r"ledger\.jsonl\.nodes: cannot be read .*; check its disk, or delete it"):
        read_nodes(tmp_path / "ledger.jsonl")


def test_a_torn_file_loses_its_last_line_only(tmp_path: Path, config: Path) -> None:
    stick, out = tmp_path / "stick.jsonl", tmp_path / "ledger.jsonl"
    with closing(store_of(tmp_path)) as store:
        store.commit([sighting(n) for n in range(60)])
    fieldeye("export", "--config", config, "--out", stick)
    stick.write_bytes(stick.read_bytes()[:-30])
    assert len(ingested(out, [stick])) == 40
    assert "only in part" in out.with_name(out.name + ".bad").read_text()


INFO_LINE = carried_line(
    "fieldeye/v1/farm-3/n1/info", encode_message(Info(software="fieldeye", version="0", epoch=str(EPOCH)))
)


@pytest.mark.parametrize("holds", [b"", b"Dear diary\n", INFO_LINE + b'{"topic":"fieldeye/v1/farm-3/n1/rec'])
def test_a_file_in_which_nothing_can_be_read_is_named_and_the_others_are_kept(
    tmp_path: Path, config: Path, holds: bytes
) -> None:
    stick, bad, out = tmp_path / "stick.jsonl", tmp_path / "bad", tmp_path / "ledger.jsonl"
    bad.write_bytes(holds)
    with closing(store_of(tmp_path)) as store:
        store.commit([sighting()])
    fieldeye("export", "--config", config, "--out", stick)
    done = fieldeye("ingest", "--file", bad, "--file", stick, "--out", out, program=platform_main)
    assert (done.returncode, done.stdout) == (1, "1 records kept, 0 sent again, 1 set aside as bad\n")
    assert done.stderr.startswith(f"fieldeye-platform: {bad}: no record in it can be read")


def test_a_node_without_a_store_has_nothing_to_export_and_none_is_made(tmp_path: Path, config: Path) -> None:
    done = fieldeye("export", "--config", config, "--out", tmp_path / "x")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "no store yet" in done.stderr
    assert not (tmp_path / "store").exists()


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="needs sqlite3: apt install sqlite3")
def test_what_can_be_read_of_a_store_that_was_set_aside_is_exported_with_its_keys(tmp_path: Path, config: Path) -> None:
    with closing(store_of(tmp_path)) as store:
        store.commit([sighting(n, count=n) for n in range(500)])
    whole, saved = tmp_path / "store/fieldeye.db", tmp_path / "saved"
    pages = whole.read_bytes()
    whole.write_bytes(pages[: 60 * PAGE_BYTES] + bytes(PAGE_BYTES) + pages[61 * PAGE_BYTES :])
    store_of(tmp_path).close()
    saved.mkdir()
    steps = "sqlite3 store/fieldeye.db.damaged-1 .recover | sqlite3 saved/fieldeye.db"  # as in docs/delivery.md
    subprocess.run(steps, shell=True, cwd=tmp_path, check=False, capture_output=True)  # noqa: S602
    config.write_text(CONFIG.format(folder=saved))
    done = fieldeye("export", "--config", config, "--all", "--out", tmp_path / "saved.jsonl")
    assert done.returncode == 0, done.stderr
    kept = ingested(tmp_path / "ledger.jsonl", [tmp_path / "saved.jsonl"])
    assert 450 < len(kept) < 500


@pytest.mark.parametrize("form", ["stick", "csv"])
def test_settings_that_cannot_be_read_hold_up_no_record(tmp_path: Path, config: Path, form: str) -> None:
    with closing(store_of(tmp_path)) as store:
        store.commit([sighting()])
    file = tmp_path / "store/fieldeye.db"
    with closing(sqlite3.connect(file)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'setting'").fetchone()
    with file.open("rb+") as pages:
        pages.seek((page - 1) * PAGE_BYTES)
        pages.write(bytes(PAGE_BYTES))
    out = tmp_path / "out"
    assert export.run(Namespace(config=config, out=out, format=form, all=True, json=True)) == 0
    assert out.stat().st_size


def test_a_stick_that_cannot_be_written_is_said_in_a_line(tmp_path: Path, config: Path) -> None:
    store_of(tmp_path).close()
    done = fieldeye("export", "--config", config, "--out", tmp_path / "missing" / "x")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "check the stick" in done.stderr
