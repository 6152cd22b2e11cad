"""`fieldeye-platform ingest`: each record once in its file, whatever happens to it on the way."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from edge.cli import platform_main
from edge.counts import Record
from edge.errors import StoreError
from edge.platform import Bad, Ledger
from edge.platform.decode import Message
from edge.wire import (
    Health,
    ImageHeader,
    Info,
    Key,
    ReplayCommand,
    Reply,
    Stored,
    StoreHealth,
    carried_line,
    decode_message,
    encode_batch,
    encode_message,
    image_parts,
    image_properties,
    node_topic,
)
from tests.broker import Broker
from tests.clocks import NOON
from tests.node import NODE, SITE, running, to, wait_drained
from tests.records import EPOCH, instant, lost, sighting
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
        name = out.with_name("records.jsonl.pictures") / f"{SITE}.{NODE}.{asked.id}.jpg"
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


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_comes_while_it_is_away_waits_at_the_broker_whoever_else_listens(
    tmp_path: Path, broker: Broker, how: signal.Signals
) -> None:
    """No node tells of its health here, so that nothing is asked for again, and nobody may ask for photographs."""
    out, photo = tmp_path / "records.jsonl", b"\xff\xd8" + bytes(range(256)) * 100 + b"\xff\xd9"
    with running(tmp_path / "node", to(broker.port)) as node, broker.connect("another") as other:
        with ingesting(broker, out) as first:
            node.commit(sighting(1))
            wait_until(lambda: kept(out) == [1], within_s=20)
            first.send_signal(how)
            first.wait(60)
        other.subscribe("fieldeye/v1/#")
        node.commit(sighting(2))
        asked = node.store.ask_station(instant(), photo, note="what is this?")
        node.publisher.wake()
        wait_drained(node)
        wait_until(lambda: node.store.questions()[0].is_sent, within_s=20)
        with ingesting(broker, out):
            wait_until(lambda: kept(out) == [1, 2], within_s=20)
            name = out.with_name("records.jsonl.pictures") / f"{SITE}.{NODE}.{asked.id}.jpg"
            wait_until(lambda: name.exists() and name.read_bytes() == photo, within_s=20)


def test_what_could_not_be_kept_comes_again(tmp_path: Path, broker: Broker) -> None:
    out = tmp_path / "records.jsonl"
    aside = tmp_path / "records.jsonl.bad"
    with broker.connect("node") as node:
        with ingesting(broker, out) as first:
            topic = node_topic(SITE, NODE, "records")
            wait_until(lambda: node.publish(topic, records({1: sighting()})[1]) == 0, within_s=20)
            wait_until(lambda: kept(out) == [1], within_s=20)
            aside.mkdir()  # as good as a disk that is full
            node.publish(topic, b"no batch")
            node.publish(topic, records({2: sighting()})[1])
            assert first.wait(60) == 1
        aside.rmdir()
        with ingesting(broker, out):
            wait_until(lambda: kept(out) == [1, 2], within_s=20)
            assert len(aside.read_text().splitlines()) == 1


def test_a_photograph_of_which_a_part_had_come_when_it_was_killed_is_whole_all_the_same(
    tmp_path: Path, broker: Broker
) -> None:
    """Each part is acknowledged by itself, and no node sends one again."""
    out, photo = tmp_path / "records.jsonl", b"\xff\xd8" + bytes(range(256)) * 400 + b"\xff\xd9"
    folder = out.with_name("records.jsonl.pictures")
    first, *others = image_parts(ImageHeader(kind="question", id="q1", bytes=len(photo), note="what is this?"), photo)

    def send(header: ImageHeader, payload: bytes) -> bool:
        topic = node_topic(SITE, NODE, "image")
        return node.publish(topic, payload, UserProperty=list(image_properties(header))) == 0

    with broker.connect("node") as node:
        with ingesting(broker, out):
            wait_until(lambda: send(*first), within_s=20)
            wait_until(lambda: any(path.stat().st_size for path in folder.glob("*.parts")), within_s=20)
        (parts,) = folder.iterdir()
        parts.write_bytes(parts.read_bytes() + b'{"topic":"fieldeye/v1')  # of a power cut
        with ingesting(broker, out):
            assert others
            assert all(send(*one) for one in others)
            wait_until(lambda: {path.suffix for path in folder.iterdir()} == {".jpg", ".json"}, within_s=20)
    assert (folder / f"{SITE}.{NODE}.q1.jpg").read_bytes() == photo


def asked_again(broker: Broker, out: Path, told: Sequence[tuple[str, bytes]]) -> list[tuple[int, int]]:
    """Records that a node is asked for which has told that."""
    with ingesting(broker, out), broker.connect("node") as node:
        node.subscribe(node_topic(SITE, NODE, "cmd/replay"))
        for channel, payload in told:
            topic = node_topic(SITE, NODE, channel)
            wait_until(lambda t=topic, p=payload: node.publish(t, p) == 0, within_s=20)  # type: ignore[misc]
        wait_until(lambda: len(node.inbox) > 0, within_s=20)
        commands = [decode_message(bytes(message.payload), ReplayCommand) for message in node.inbox]
    return [(command.first, command.last) for command in commands]


INFO = ("info", encode_message(Info(software="fieldeye", version="0", epoch=str(EPOCH), capabilities=["replay"])))
HEALTH = Health(utc=NOON, clock="synced", session=1, uptime_s=1.0, store=StoreHealth(waiting=0, last_seq=6))
UP_TO_SIX = ("health", encode_message(HEALTH))  # of which the fifth is missing


def records(told: Mapping[int, Record]) -> tuple[str, bytes]:
    return ("records", encode_batch([Stored(Key(NODE, EPOCH, seq), record) for seq, record in told.items()]))


def test_what_a_node_has_lost_is_not_asked_for_nor_after_a_restart(tmp_path: Path, broker: Broker) -> None:
    out, told = tmp_path / "records.jsonl", records({2: sighting(), 4: lost(1, 3), 6: lost(4, 5, count=1)})
    assert asked_again(broker, out, [INFO, told, UP_TO_SIX]) == [(5, 5)]
    assert asked_again(broker, out, [INFO, UP_TO_SIX]) == [(5, 5)]


def test_what_a_node_answers_to_be_gone_is_not_asked_for(tmp_path: Path, broker: Broker) -> None:
    reply = ("reply/replay", encode_message(Reply(code="done", epoch=str(EPOCH), gone=[(1, 3)])))
    told = [INFO, records({4: sighting(), 6: sighting()}), reply, UP_TO_SIX]
    assert asked_again(broker, tmp_path / "records.jsonl", told) == [(5, 5)]


def test_only_a_node_that_carries_out_a_replay_is_asked_not_too_often_and_not_for_what_waits(
    tmp_path: Path, broker: Broker
) -> None:
    """Of those that lack records each tells twice how it is."""
    told = records({1: sighting(), 6: sighting()})[1]
    silent = encode_message(Info(software="another", version="0", epoch=str(EPOCH), capabilities=["image"]))
    up_to_a_million = encode_message(replace(HEALTH, store=StoreHealth(waiting=0, last_seq=10**6)))
    four_wait, one_waits = (
        encode_message(replace(HEALTH, store=StoreHealth(waiting=waiting, last_seq=6))) for waiting in (4, 1)
    )
    nodes = {
        "silent": (silent, UP_TO_SIX[1]),
        "sends": (INFO[1], four_wait),
        "behind": (INFO[1], one_waits),
        NODE: (INFO[1], UP_TO_SIX[1]),
        "last": (INFO[1], up_to_a_million),
    }
    with ingesting(broker, tmp_path / "records.jsonl"), broker.connect("node") as node:
        node.subscribe("fieldeye/v1/+/+/cmd/replay")
        for name, (info, health) in nodes.items():
            for channel, payload in (("info", info), ("records", told), ("health", health), ("health", health)):
                topic = node_topic(SITE, name, channel)
                wait_until(lambda t=topic, p=payload: node.publish(t, p) == 0, within_s=20)  # type: ignore[misc]
        wait_until(lambda: len(node.inbox) >= 10, within_s=20)
    asked = Counter(message.topic.split("/")[3] for message in node.inbox)
    assert asked == {NODE: 1, "behind": 1, "last": 8}
    behind = [bytes(message.payload) for message in node.inbox if "/behind/" in message.topic]
    assert [(one.first, one.last) for one in (decode_message(told, ReplayCommand) for told in behind)] == [(2, 4)]


def test_a_message_that_breaks_the_contract_is_set_aside_and_the_others_go_on(tmp_path: Path, broker: Broker) -> None:
    out = tmp_path / "records.jsonl"
    no_epoch = node_topic(SITE, "x", "info"), encode_message(Info(software="fieldeye", version="0", epoch="no uuid"))
    with ingesting(broker, out), broker.connect("stranger") as stranger:
        wait_until(lambda: stranger.publish(f"fieldeye/v1/{SITE}/{NODE}/records", b"\xff nonsense") == 0, within_s=20)
        stranger.publish(*no_epoch)
        with running(tmp_path / "node", to(broker.port)) as node:
            node.commit(sighting(1))
            wait_until(lambda: kept(out) == [1], within_s=20)
    bad = json.loads((tmp_path / "records.jsonl.bad").read_text().splitlines()[0])
    assert bad["topic"].endswith("/records")
    assert bad["error"]


def test_a_bad_message_is_kept_once_and_counted_each_time(tmp_path: Path) -> None:
    aside = tmp_path / "records.jsonl.bad"
    for start in range(2):
        with Ledger(tmp_path / "records.jsonl") as ledger:
            for _ in range(100):
                ledger.set_aside(Bad("fieldeye/v1/a/b/records", "no batch"))
            ledger.set_aside(Bad("fieldeye/v1/a/b/records", f"another, {start}"))
            assert ledger.bad == 101
    errors = [json.loads(line)["error"] for line in aside.read_text().splitlines()]
    assert errors == ["no batch", "another, 0", "another, 1"]


def test_a_node_that_goes_mad_fills_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge.platform.ledger.bad_messages.MOST_BYTES", 10_000)
    aside = tmp_path / "records.jsonl.bad"
    for _ in range(2):
        with Ledger(tmp_path / "records.jsonl") as ledger:
            for number in range(500):
                ledger.set_aside(Bad("fieldeye/v1/a/b/records", f"no batch {number}"))
            assert ledger.bad == 500
    assert 9_000 < aside.stat().st_size <= 10_000
    assert [record.message for record in caplog.records] == ["bad_messages_not_kept"] * 2, "once a start"


@pytest.mark.parametrize("fault", ["a folder", "a full disk"])
def test_where_bad_messages_cannot_be_kept_is_a_sentence(tmp_path: Path, fault: str) -> None:
    aside = tmp_path / "records.jsonl.bad"
    if fault == "a folder":
        aside.mkdir()
    else:
        aside.symlink_to("/dev/full")
    with (
        pytest.raises(StoreError, match=r"records\.jsonl\.bad: cannot be .*; "),
        Ledger(tmp_path / "records.jsonl") as ledger,
    ):
        ledger.set_aside(Bad("fieldeye/v1/a/b/records", "no batch"))


def test_bad_messages_are_kept_anew_when_their_file_was_moved_away(tmp_path: Path) -> None:
    aside = tmp_path / "records.jsonl.bad"
    with Ledger(tmp_path / "records.jsonl") as ledger:
        for _ in range(2):
            ledger.set_aside(Bad("fieldeye/v1/a/b/records", "no batch"))
            aside.rename(tmp_path / "looked at")
    assert "no batch" in (tmp_path / "looked at").read_text()


def test_a_picture_of_the_longest_names_is_kept_and_its_last_part_once_more_leaves_nothing(tmp_path: Path) -> None:
    photo, told = b"\xff\xd8" + bytes(200_000) + b"\xff\xd9", []
    topic = node_topic("s" * 64, "n" * 64, "image")
    for last in "ab":
        header = ImageHeader(kind="excerpt", id="i" * 64, bytes=len(photo), command="c" * 63 + last)
        parts = [(payload, tuple(image_properties(one))) for one, payload in image_parts(header, photo)]
        told += [Message(topic, payload, properties=properties) for payload, properties in parts]
    assert len(parts) > 1
    with Ledger(tmp_path / "records.jsonl") as ledger:
        for message in (*told, told[-1]):
            ledger.keep_picture(message)
    kept = [path.suffix for path in (tmp_path / "records.jsonl.pictures").iterdir()]
    assert sorted(kept) == [".jpg", ".jpg", ".json", ".json"]


A_PHOTOGRAPH = """
import sys
from pathlib import Path
from edge.platform.ledger.album import Picture, keep_picture
from edge.wire import ImageHeader, Topic
jpeg = b"\\xff\\xd8" + bytes(100_000) + b"\\xff\\xd9"
header = ImageHeader(kind="question", id="q1", bytes=len(jpeg))
keep_picture(Picture(Topic("farm", "n1", "image"), header, jpeg), Path(sys.argv[1]))
"""


def test_no_half_of_a_photograph_is_left_where_there_is_no_room_for_all_of_it(tmp_path: Path) -> None:
    words = [sys.executable, "-c", A_PHOTOGRAPH, str(tmp_path)]
    limited = ["bash", "-c", 'ulimit -f 40 && exec "$@"', "bash", *words]
    ended = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert "farm.n1.q1.jpg: cannot be written (File too large); name another folder" in ended.stderr
    assert list(tmp_path.iterdir()) == []
    subprocess.run(words, check=True)
    assert {path.name: path.stat().st_size > 0 for path in tmp_path.iterdir()} == {
        "farm.n1.q1.jpg": True,
        "farm.n1.q1.json": True,
    }


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


def test_a_last_line_that_lacks_nothing_but_its_end_is_kept(tmp_path: Path) -> None:
    out, one, two = tmp_path / "records.jsonl", Key(NODE, EPOCH, 1), Key(NODE, EPOCH, 2)
    with Ledger(out) as ledger:
        ledger.keep([Stored(one, sighting())], SITE)
    out.write_bytes(out.read_bytes()[:-1])
    with Ledger(out) as ledger:
        assert ledger.keep([Stored(one, sighting()), Stored(two, sighting())], SITE) == 1
    assert kept(out) == [1, 2]


def test_a_file_that_another_ingest_writes_is_left_to_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stick, out = tmp_path / "stick", tmp_path / "records.jsonl"
    stick.write_bytes(carried_line(node_topic(SITE, NODE, "records"), records({1: sighting()})[1]))
    with Ledger(out) as ledger:
        assert platform_main(["ingest", "--file", str(stick), "--out", str(out)]) == 1
        told = capsys.readouterr().err
        assert (told.count("\n"), "another ingest writes it; stop that one first" in told) == (1, True)
        assert ledger.keep([Stored(Key(NODE, EPOCH, 1), sighting())], SITE) == 1
    assert platform_main(["ingest", "--file", str(stick), "--out", str(out)]) == 0
    assert capsys.readouterr().out == "0 records kept, 1 sent again, 0 set aside as bad\n"
    assert kept(out) == [1]


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_whoever_does_not_wait_for_the_last_file_stops_it_and_goes_on_later(
    tmp_path: Path, how: signal.Signals, code: int
) -> None:
    first, second, out = tmp_path / "first", tmp_path / "second", tmp_path / "records.jsonl"
    lines = [carried_line(node_topic(SITE, NODE, "records"), records({seq: sighting()})[1]) for seq in (1, 2)]
    first.write_bytes(lines[0])
    os.mkfifo(second)  # of a stick that takes long
    words = ["--file", str(first), "--file", str(second), "--out", str(out)]
    as_at_a_terminal = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {INGEST}"
    with subprocess.Popen([sys.executable, "-c", as_at_a_terminal, *words]) as process:
        try:
            wait_until(lambda: kept(out) == [1], within_s=30)
            process.send_signal(how)
            assert process.wait(30) == code
        finally:
            process.kill()
    second.unlink()
    second.write_bytes(lines[1])
    assert platform_main(["ingest", *words]) == 0
    assert kept(out) == [1, 2]


def test_a_file_that_takes_no_more_is_named_and_goes_on_once_there_is_room(tmp_path: Path) -> None:
    """As on a stick, whose files end at 4 GiB."""
    stick, out = tmp_path / "stick", tmp_path / "records.jsonl"
    lines = [carried_line(node_topic(SITE, NODE, "records"), records({seq: sighting()})[1]) for seq in range(1, 9)]
    stick.write_bytes(b"".join(lines))
    words = ["--file", str(stick), "--out", str(out)]
    limited = ["bash", "-c", 'ulimit -f 1 && exec "$@"', "bash", sys.executable, "-c", INGEST, *words]
    ended = subprocess.run(limited, capture_output=True, text=True, check=False)
    says = f"fieldeye-platform: {out}: cannot be written (File too large); free space and start again\n"
    assert (ended.returncode, ended.stderr) == (1, says)
    assert platform_main(["ingest", *words]) == 0
    assert kept(out) == list(range(1, 9))


@pytest.mark.parametrize(
    "holds",
    [b"Dear diary\n", b"Dear diary", b'{"important": 1}', b'{"kind":"sighting","node":"\xee1"}\n', b'{"a":' * 9999],
)
def test_a_file_that_holds_something_else_or_was_damaged_is_left_alone_and_named(tmp_path: Path, holds: bytes) -> None:
    out = tmp_path / "holiday.txt"
    out.write_bytes(holds)
    with pytest.raises(StoreError, match=r"holiday\.txt:1: not a record"):
        Ledger(out)
    assert out.read_bytes() == holds


@pytest.mark.parametrize(
    "words", [["--queue", "amqp://127.0.0.1:1"], ["--metrics", "9400"], ["--workers", "2"], ["--group", "b"]]
)
def test_what_only_a_database_has_is_not_passed_over_for_a_file(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert platform_main(["ingest", "--broker", "127.0.0.1:9", "--out", str(tmp_path / "x"), *words]) == 2
    assert "are for --database; give that, or leave them out" in capsys.readouterr().err


def test_a_broker_that_is_not_there_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert platform_main(["ingest", "--broker", "127.0.0.1:9", "--out", str(tmp_path / "x")]) == 1
    assert "127.0.0.1:9 cannot be reached (Connection refused);" in capsys.readouterr().err
