"""The consumers in docs/contract/consumers read what nodes send, without anything of ours."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cbor2
import pytest

from edge.wire import PlainInterval, PlainRecord, PlainSighting, decode_batch, encode_batch, plain, utc_ms
from edge.wire.compact import UNIT, UNITS
from edge.wire.tables import RECORDS
from tests.broker import Broker, Client
from tests.contract.golden import BATCHES, CONTRACT
from tests.records import interval, stored
from tests.waiting import next_line, wait_until

CONSUMERS = CONTRACT / "consumers"
TOPIC = "fieldeye/v1/farm-3/n1/records"


@pytest.fixture(params=["python", "javascript"])
def program(request: pytest.FixtureRequest) -> list[str]:
    """The command of a consumer; JavaScript where node is there and its two packages are or can be had."""
    if request.param == "python":
        return [sys.executable, str(CONSUMERS / "consumer.py")]
    return ["node", str(request.getfixturevalue("installed") / "consumer.mjs")]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The JavaScript consumer with its packages, in a folder of this run alone; npm keeps what it once fetched."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("no node: apt install nodejs npm")
    folder = tmp_path_factory.mktemp("consumer")
    for name in ("package.json", "package-lock.json", "consumer.mjs"):
        shutil.copy(CONSUMERS / name, folder)
    command = ["npm", "ci", "--silent", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        subprocess.run(command, cwd=folder, check=True, timeout=300, capture_output=True)
    except (subprocess.SubprocessError, OSError) as why:
        pytest.skip(f"mqtt.js and cborg cannot be had: {why}")
    return folder


@contextmanager
def consuming(program: list[str], broker: Broker, node: Client) -> Iterator["subprocess.Popen[str]"]:
    """The consumer, once it has subscribed: until then a batch of a later version, which it passes over, is unheard."""
    command = [*program, "127.0.0.1", str(broker.port)]
    with (
        (broker.folder / "said").open("w") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as process,
    ):
        try:
            wait_until(lambda: node.publish(TOPIC, cbor2.dumps({0: 99})) == 0, within_s=60, every_s=0.1)
            yield process
        finally:
            process.kill()


def lines(process: "subprocess.Popen[str]", number: int) -> list[dict[str, Any]]:
    return [json.loads(next_line(process)) for _ in range(number)]


def said(broker: Broker, number: int) -> list[str]:
    """What the consumer has complained of, once there are `number` lines."""

    def complaints() -> list[str]:
        return (broker.folder / "said").read_text().splitlines()

    wait_until(lambda: len(complaints()) >= number, within_s=10)
    return complaints()


def wanted(record: PlainRecord) -> dict[str, Any] | None:
    """What a consumer says of the record, by our own decoder."""
    key = {"node": record.node, "epoch": record.epoch, "seq": record.seq}
    if isinstance(record, PlainSighting):
        what = {"label": record.label, "stage": record.stage or None, "count": record.count}
        return key | {"utc_ms": utc_ms(record.at.utc), "kind": "sighting"} | what
    if isinstance(record, PlainInterval):
        counts = record.counts
        rows = [[one.label, one.stage or None, one.count, one.low, one.high] for one in counts or ()]
        taxa = None if counts is None else rows
        effort = {"utc_ms": utc_ms(record.start.utc), "unit": record.unit, "frames": record.frames}
        effort["revision"] = record.revision
        return key | effort | {"kind": "interval", "counts": taxa, "no_data": record.no_data}
    return None


def test_a_consumer_reads_every_golden_record_that_it_knows_and_passes_over_the_others(program: list[str]) -> None:
    golden = [encode_batch(stored(*records, first_seq=41 + 10 * n)) for n, records in enumerate(BATCHES.values())]
    known = [wanted(plain(one, "farm-3")) for payload in golden for one in decode_batch(payload, "n1")]
    expected = [one for one in known if one is not None]
    with Broker() as broker, broker.connect("node") as node, consuming(program, broker, node) as process:
        for payload in golden:
            assert node.publish(TOPIC, payload) == 0
        assert lines(process, len(expected)) == expected
    assert len(expected) < len(known)
    assert any(one["counts"][0][1] for one in expected if one.get("counts")), "no golden interval has a life stage"


def test_a_consumer_counts_a_repeated_record_once_and_a_revised_one_anew(program: list[str]) -> None:
    first, revised = interval(), interval(revision=1, frames=3000)
    with Broker() as broker, broker.connect("node") as node, consuming(program, broker, node) as process:
        for record in (first, first, revised, first):
            assert node.publish(TOPIC, encode_batch(stored(record))) == 0
        assert node.publish(TOPIC, encode_batch(stored(interval(3600.0), first_seq=2))) == 0
        told = lines(process, 3)
    assert [(one["seq"], one["revision"], one["frames"]) for one in told] == [(1, 0, 3540), (1, 1, 3000), (2, 0, 3540)]


MALFORMED = [
    b"", b"\xff", b"\x81" * 60_000, cbor2.dumps([1]), cbor2.dumps({0: 1}), cbor2.dumps({0: 1, 1: b"short", 9: [{}]}),
    cbor2.dumps({0: 1, 1: bytes(16), 2: "", 3: 1, 7: [], 8: [], 9: [{0: 0, 1: 0, 2: [0], 5: 7}]}),
]  # fmt: skip


def test_a_consumer_passes_over_what_is_no_batch_with_a_sentence(program: list[str]) -> None:
    with Broker() as broker, broker.connect("node") as node, consuming(program, broker, node) as process:
        for payload in MALFORMED:
            assert node.publish(TOPIC, payload) == 0
        assert node.publish(TOPIC, encode_batch(stored(interval()))) == 0
        assert lines(process, 1)[0]["seq"] == 1
        complaints = said(broker, len(MALFORMED))
    assert [one for one in complaints if not one.startswith(f"{TOPIC}: passed over a message that is no batch (")] == []


def test_a_consumer_passes_over_a_batch_with_a_unit_that_this_version_has_no_word_for(program: list[str]) -> None:
    later = cbor2.loads(encode_batch(stored(interval())))
    later[RECORDS][0][UNIT] = len(UNITS)
    with Broker() as broker, broker.connect("node") as node, consuming(program, broker, node) as process:
        assert node.publish(TOPIC, cbor2.dumps(later)) == 0
        assert node.publish(TOPIC, encode_batch(stored(interval(), first_seq=2))) == 0
        assert lines(process, 1)[0]["seq"] == 2
        assert said(broker, 1)[0].startswith(f"{TOPIC}: passed over a message")


def test_a_consumer_reads_the_neighbours_of_a_record_of_a_kind_to_come(program: list[str]) -> None:
    later = cbor2.loads(encode_batch(stored(interval(), interval(3600.0), interval(7200.0))))
    later[RECORDS][1] = {0: 4, 1: later[RECORDS][1][1]}  # of which v1 knows no more than kind and seq
    with Broker() as broker, broker.connect("node") as node, consuming(program, broker, node) as process:
        assert node.publish(TOPIC, cbor2.dumps(later)) == 0
        assert [one["seq"] for one in lines(process, 2)] == [1, 3]


@pytest.mark.parametrize("name", ["consumer.py", "consumer.mjs"])
def test_a_consumer_is_short_enough_to_be_read_at_once(name: str) -> None:
    assert len((CONSUMERS / name).read_text().splitlines()) <= 47
