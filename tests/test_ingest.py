"""`fieldeye-platform ingest`: each record once in its file, whatever happens to it on the way."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.cli import platform_main
from edge.errors import StoreError
from edge.platform import Ledger
from tests.broker import Broker
from tests.node import NODE, SITE, running, to, wait_drained
from tests.records import instant, sighting
from tests.waiting import wait_until

INGEST = "import sys; from edge.cli import platform_main; sys.exit(platform_main(['ingest', *sys.argv[1:]]))"


@contextmanager
def ingesting(broker: Broker, out: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", INGEST, "--broker", f"127.0.0.1:{broker.port}", "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def kept(out: Path) -> list[int]:
    lines = out.read_text().splitlines(keepends=True) if out.exists() else []
    return [json.loads(line)["seq"] for line in lines if line.endswith("\n")]


def test_a_question_that_came_over_the_network_is_kept_beside_the_file(tmp_path: Path, broker: Broker) -> None:
    out, photo = tmp_path / "records.jsonl", b"\xff\xd8" + bytes(range(256)) * 100 + b"\xff\xd9"
    with running(tmp_path / "node", to(broker.port)) as node, ingesting(broker, out):
        asked = node.store.ask_station(instant(), photo, note="what is this?")
        node.publisher.wake()
        name = out.with_name("records.jsonl.pictures") / f"{SITE}_{NODE}_{asked.id}.jpg"
        wait_until(lambda: name.exists() and name.read_bytes() == photo, within_s=20)


def test_records_that_were_acknowledged_but_never_kept_are_asked_for_again(tmp_path: Path, broker: Broker) -> None:
    out = tmp_path / "records.jsonl"
    with running(tmp_path / "node", to(broker.port, health_every_s=0.2)) as node:
        with ingesting(broker, out) as first:
            committed = node.commit(*[sighting(n) for n in range(40)])
            wait_until(lambda: len(kept(out)) >= 20, within_s=20)
            first.kill()
        with broker.connect("another") as other:  # takes what the killed one does not, so that all is acknowledged
            other.subscribe("fieldeye/v1/#")
            committed |= node.commit(*[sighting(n) for n in range(40, 80)])
            wait_drained(node)
        with ingesting(broker, out) as second:
            wait_until(lambda: set(kept(out)) == committed, within_s=20)
            second.send_signal(signal.SIGTERM)
            assert second.wait(60) == 0
    assert sorted(kept(out)) == sorted(committed)


def test_a_message_that_breaks_the_contract_is_set_aside_and_the_others_go_on(tmp_path: Path, broker: Broker) -> None:
    out = tmp_path / "records.jsonl"
    with ingesting(broker, out), broker.connect("stranger") as stranger:
        wait_until(lambda: stranger.publish(f"fieldeye/v1/{SITE}/{NODE}/records", b"\xff nonsense") == 0, within_s=20)
        with running(tmp_path / "node", to(broker.port)) as node:
            node.commit(sighting(1))
            wait_until(lambda: kept(out) == [1], within_s=20)
    bad = json.loads((tmp_path / "records.jsonl.bad").read_text().splitlines()[0])
    assert bad["topic"].endswith("/records")
    assert bad["error"]


def test_a_line_that_a_power_cut_left_half_is_taken_back_and_written_anew(tmp_path: Path, broker: Broker) -> None:
    out = tmp_path / "records.jsonl"
    with running(tmp_path / "node", to(broker.port, health_every_s=0.2)) as node:
        with ingesting(broker, out):
            node.commit(*[sighting(n) for n in range(3)])
            wait_until(lambda: kept(out) == [1, 2, 3], within_s=20)
            wait_drained(node)
        out.write_bytes(out.read_bytes()[:-20])
        with ingesting(broker, out):
            wait_until(lambda: kept(out) == [1, 2, 3], within_s=20)


def test_a_file_that_holds_something_else_is_left_alone_and_named(tmp_path: Path) -> None:
    out = tmp_path / "holiday.txt"
    out.write_text("Dear diary\n")
    with pytest.raises(StoreError, match=r"holiday\.txt:1: not a record"):
        Ledger(out)
    assert out.read_text() == "Dear diary\n"


def test_a_broker_that_is_not_there_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert platform_main(["ingest", "--broker", "127.0.0.1:9", "--out", str(tmp_path / "x")]) == 1
    assert "127.0.0.1:9 cannot be reached (Connection refused);" in capsys.readouterr().err
