"""The subscriber's side: each record counted once, gaps found, and `fieldeye listen` as a script meets it."""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.cli.broker_arguments import add_broker_arguments, broker_address
from edge.cli.listen import tell
from edge.counts import NoData
from edge.errors import UsageError
from edge.platform import Bad, BrokerAddress, Deduplicator, Heard, Message, Span, decode
from edge.platform.replay import commands_for
from edge.wire import Key, encode_batch, encode_message, summary_of
from tests.broker import Broker
from tests.clocks import NOON
from tests.faults.killing import ROOT
from tests.records import APHID, EPOCH, MOTH, count, interval, sighting, stored
from tests.waiting import next_line

PREFIX = "fieldeye/v1/farm-3/n1"


@given(st.lists(st.tuples(st.sampled_from(["n1", "n2"]), st.integers(1, 30)), max_size=80))
def test_each_key_is_new_once_whatever_the_order(arrived: list[tuple[str, int]]) -> None:
    seen, counted, epochs = Deduplicator(), set(), {"n1": EPOCH, "n2": UUID(int=2)}
    for node, seq in arrived:
        assert seen.is_new(Key(node, epochs[node], seq)) == ((node, seq) not in counted)
        counted.add((node, seq))
    assert (seen.counted, seen.repeated) == (len(counted), len(arrived) - len(counted))
    for node, epoch in epochs.items():
        missing = {seq for gap in seen.missing(node, epoch, 30) for seq in range(gap.first, gap.last + 1)}
        assert missing == {seq for seq in range(1, 31) if (node, seq) not in counted}


def test_a_new_epoch_begins_a_new_count() -> None:
    seen = Deduplicator()
    assert seen.is_new(Key("n1", EPOCH, 1))
    assert seen.is_new(Key("n1", UUID(int=1), 1))


def test_a_gap_at_the_end_shows_once_health_tells_the_last_seq() -> None:
    seen = Deduplicator()
    for seq in (1, 2, 5):
        seen.is_new(Key("n1", EPOCH, seq))
    assert seen.missing("n1", EPOCH, 7) == [Span(3, 4), Span(6, 7)]
    assert seen.missing("n1", EPOCH, 4) == [Span(3, 4)]
    assert seen.missing("n2", UUID(int=2), 2) == [Span(1, 2)]


def test_a_node_that_gets_another_name_is_not_asked_for_what_it_told_under_the_former_one() -> None:
    seen = Deduplicator()
    for name, seqs in (("paddy-3", range(1, 11)), ("paddy-4", range(11, 13)), ("paddy-3", range(15, 17))):
        for seq in seqs:
            assert seen.is_new(Key(name, EPOCH, seq))
    assert seen.missing("paddy-5", EPOCH, 16) == [], "it has told nothing yet"
    assert seen.missing("paddy-4", EPOCH, 12) == []
    assert seen.missing("paddy-3", EPOCH, 16) == [Span(13, 14)], "its former name again: what nobody told is asked for"


def test_copies_of_a_card_that_run_at_once_share_their_past_and_nothing_else() -> None:
    seen = Deduplicator()
    told = [*[("n1", seq) for seq in (1, 2, 3, 4, 6)], *[("n2", seq) for seq in (4, 5, 7)]]
    assert all(seen.is_new(Key(name, EPOCH, seq)) for name, seq in told)
    assert (seen.missing("n1", EPOCH, 7), seen.missing("n2", EPOCH, 7)) == ([Span(5, 5), Span(7, 7)], [Span(6, 6)])


@pytest.mark.parametrize(
    ("former", "first", "missing"),
    [
        ([5000], 3000, [Span(1, 2999)]),  # copies of a card, on a new ledger
        ([1, 2, 3], 9, [Span(4, 8)]),
        ([1, 2, 3, 7, 8], 9, [Span(4, 6)]),
        ([1, 2, 3, 4], 3, []),
    ],
)
def test_under_another_name_a_node_misses_what_its_card_has_told_under_none(
    former: list[int], first: int, missing: list[Span]
) -> None:
    seen = Deduplicator()
    for seq in former:
        seen.is_new(Key("n1", EPOCH, seq))
    assert seen.is_new(Key("n2", EPOCH, first))
    assert seen.missing("n2", EPOCH, first) == missing


def test_what_the_node_no_longer_has_is_no_gap() -> None:
    seen = Deduplicator()
    seen.is_new(Key("n1", EPOCH, 4))
    for span in (Span(6, 7), Span(2, 5), Span(2, 3)):
        seen.gone("n1", EPOCH, span)
    assert seen.missing("n1", EPOCH, 9) == [Span(1, 1), Span(8, 9)]
    assert seen.is_new(Key("n1", EPOCH, 3)), "what comes all the same counts"


@pytest.mark.parametrize(
    ("gaps", "asked"),
    [
        ([Span(1, 20), Span(22, 41), Span(50, 50)], [(1, 50)]),
        ([Span(1, 20), Span(30, 30)], [(1, 20), (30, 30)]),  # nine records between them
        ([Span(1, 9_995), Span(9_999, 10_003)], [(1, 10_000), (10_001, 10_003)]),
    ],
)
def test_gaps_that_lie_close_together_take_one_command(gaps: list[Span], asked: list[tuple[int, int]]) -> None:
    assert [(command.first, command.last) for command in commands_for(gaps, EPOCH, NOON)] == asked


@pytest.mark.parametrize(
    ("topic", "payload"),
    [(f"{PREFIX}/records", b"?"), (f"{PREFIX}/status", b"{}"), ("elsewhere", b""), (f"{PREFIX}/health", b"\xff")],
)
def test_a_message_outside_the_contract_is_reported_and_the_others_go_on(topic: str, payload: bytes) -> None:
    assert isinstance(decode(Message(topic, payload)), Bad)


@pytest.mark.parametrize("channel", ["image", "cmd/replay", "reply/replay"])
def test_channels_for_others_are_passed_over(channel: str) -> None:
    heard = decode(Message(f"{PREFIX}/{channel}", b"\x00"))
    assert isinstance(heard, Heard)
    assert heard.as_json() == []


@contextmanager
def listening(broker: Broker, *options: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "edge", "listen", "--broker", f"127.0.0.1:{broker.port}", *options]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def test_listen_prints_one_object_a_record_and_marks_repetitions_but_no_correction() -> None:
    payload, corrected = (encode_batch(stored(sighting(), interval(revision=number))) for number in (0, 1))
    with Broker() as broker, broker.connect("node") as node, listening(broker, "--json") as process:
        node.publish(f"{PREFIX}/status", b'{"state":"online","session":1,"connection":1}', retain=True)
        told = [json.loads(next_line(process))]
        for sent in (payload, payload, corrected, corrected, payload):
            node.publish(f"{PREFIX}/records", sent)
        told += [json.loads(next_line(process)) for _ in range(10)]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert [(one["kind"], one.get("seq"), one.get("repeated", False)) for one in told] == [
        ("status", None, False),
        ("sighting", 1, False),
        ("interval", 2, False),
        ("sighting", 1, True),
        ("interval", 2, True),
        ("sighting", 1, True),
        ("interval", 2, False),
        *[("sighting", 1, True), ("interval", 2, True)] * 2,
    ]


HANGING = """
import socket, sys, time
from edge.cli import main

answered, look_up = [], socket.getaddrinfo

def hang(*asked, **more):
    if len(answered) < int(sys.argv[2]):
        answered.append(asked)
        return look_up(*asked, **more)
    print("it hangs", flush=True)
    time.sleep(600)

socket.getaddrinfo = hang
sys.exit(main(["listen", "--broker", sys.argv[1]]))
"""


@pytest.mark.parametrize(("told", "answers"), [(signal.SIGINT, 0), (signal.SIGTERM, 1)])
def test_listen_that_looks_for_its_broker_ends_when_it_is_told_to_however_long_a_name_server_hangs(
    told: signal.Signals, answers: int
) -> None:
    with Broker() as broker, broker.connect("node") as node:
        node.publish(f"{PREFIX}/status", b'{"state":"online","session":1,"connection":1}', retain=True)
        command = [sys.executable, "-c", HANGING, f"127.0.0.1:{broker.port}", str(answers)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            if answers:
                assert next_line(process) == "farm-3/n1 is online\n"
                broker.kill()
            assert next_line(process) == "it hangs\n"
            process.send_signal(told)
            try:
                assert process.wait(30) == 0
            finally:
                process.kill()


def test_listen_speaks_to_people_without_json() -> None:
    with Broker() as broker, broker.connect("node") as node, listening(broker) as process:
        node.publish(f"{PREFIX}/status", b'{"state":"online","session":1,"connection":1}', retain=True)
        assert next_line(process) == "farm-3/n1 is online\n"
        nothing_came = summary_of(interval(frames=0, counts=NoData("no_frame")))
        node.publish(f"{PREFIX}/summary", encode_message(nothing_came), retain=True)
        assert next_line(process) == "farm-3/n1 summary\n"
        node.publish(f"{PREFIX}/records", encode_batch(stored(sighting(), interval(revision=1))))
        assert "saw 2 x Plutella xylostella (88%)" in next_line(process)
        assert next_line(process).endswith(" x Myzus persicae (201 to 260) (corrected)\n")


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({}, "visits on 3540 frames: 12 x Plutella xylostella (9 to 17), 230 x Myzus persicae (201 to 260)"),
        ({"unit": "max_per_frame", "counts": ()}, "the most on one of 3540 frames: none"),
        (
            {"unit": "new", "counts": (count(MOTH, 3),)},
            "new insects on 3540 frames: 3 x Plutella xylostella",
        ),
        (
            {"unit": "affected_frames", "counts": (count(APHID, 4, 2, 7),)},
            "affected frames of 3540: 4 x Myzus persicae (2 to 7)",
        ),
        ({"frames": 0, "counts": NoData("no_frame")}, "nothing: no frame came"),
        ({"frames": 0, "counts": NoData("too_small")}, "nothing: too small"),
        ({"frames": 0, "counts": NoData("no_frame"), "length_s": 0.9}, None),
        ({"frames": 0, "counts": NoData("still"), "length_s": 0.0}, "nothing: nothing moved"),
    ],
)
def test_listen_tells_people_what_was_counted_and_how_surely_and_nothing_of_an_interval_without_length(
    record: dict[str, Any], says: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    heard = decode(Message(f"{PREFIX}/records", encode_batch(stored(interval(**record)))))
    (told,) = heard.as_json()
    tell(told, as_json=False)
    assert capsys.readouterr().out.partition(" counted ")[2] == (f"{says}\n" if says else "")
    tell(told, as_json=True)
    assert json.loads(capsys.readouterr().out) == told


@pytest.mark.parametrize(("broker", "code"), [("127.0.0.1:1", 1), ("nowhere:port", 2), (":1883", 2)])
def test_listen_says_in_one_line_why_it_cannot(broker: str, code: int) -> None:
    command = [sys.executable, "-m", "edge", "listen", "--broker", broker]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stderr.count("\n") == 1
    assert broker in done.stderr


def address(*options: str) -> BrokerAddress:
    parser = argparse.ArgumentParser()
    add_broker_arguments(parser)
    return broker_address(parser.parse_args(options))


@pytest.mark.parametrize(("broker", "host"), [("::1", "::1"), ("[::1]", "::1"), ("broker.lan", "broker.lan")])
def test_an_address_without_a_port_keeps_its_own_colons(broker: str, host: str) -> None:
    assert (address("--broker", broker).host, address("--broker", broker).port) == (host, 1883)


@pytest.fixture
def password(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text("s3cret\n")
    path.chmod(0o600)
    return str(path)


@pytest.mark.parametrize("at", ["broker.lan:1883", "10.0.0.9:1883", "127.0.0.2"])
def test_a_password_does_not_cross_the_network_in_the_open(at: str, password: str) -> None:
    with pytest.raises(UsageError, match=f"--broker {at} without --tls: .*; add --tls, or --insecure"):
        address("--broker", at, "--username", "platform", "--password-file", password)


@pytest.mark.parametrize(
    "options",
    [["--broker", "127.0.0.1:1883"], ["--broker", "[::1]:1883"], ["--broker", "b:1883", "--insecure"],
     ["--broker", "b:8883", "--tls"]],
)  # fmt: skip
def test_a_password_goes_over_loopback_by_tls_or_where_somebody_says_so(options: list[str], password: str) -> None:
    assert address(*options, "--username", "platform", "--password-file", password).password is not None


def test_a_certificate_of_the_subscribers_own_means_tls() -> None:
    with Broker(tls=True) as broker:
        own = broker.folder / "client.pem"
        own.touch(mode=0o600)
        own.write_text((broker.folder / "server.pem").read_text() + (broker.folder / "server.key").read_text())
        asks = address("--broker", "broker.lan:8883", "--client-file", str(own))
        assert asks.tls is not None
        assert asks.client_key is not None
        assert (asks.client_key in own.read_text(), "CERTIFICATE" in asks.client_key) == (True, False)
