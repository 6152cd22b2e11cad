"""Wire contract v1: what goes in comes out, within its sizes, and nothing but WireError comes of garbage."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import cbor2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clock import ClockState
from edge.counts import NoData
from edge.errors import WireError
from edge.wire import (
    MAX_BATCH_BYTES,
    Health,
    Info,
    ReplayCommand,
    Reply,
    Status,
    Stored,
    Summary,
    Unknown,
    as_sent,
    decode_batch,
    decode_message,
    encode_batch,
    encode_message,
    node_topic,
    parse_topic,
    plain,
    summary_of,
)
from tests.clocks import NOON
from tests.records import APHID, EPOCH, MOTH, batches, count, instant, interval, lost, sighting, stored

SIGHTING_BYTES, INTERVAL_BYTES = 48, 128


@given(batches())
def test_a_batch_comes_back_as_it_was_sent(batch: list[Stored]) -> None:
    back = decode_batch(encode_batch(batch), "n1")
    assert [(one.key, one.record) for one in back] == [(one.key, as_sent(one.record)) for one in batch]


@given(batches())
def test_what_was_rounded_once_is_not_rounded_again(batch: list[Stored]) -> None:
    once = [as_sent(one.record) for one in batch]
    assert [as_sent(record) for record in once] == once


def test_rounding_keeps_milliseconds_thousandths_and_a_fifth_of_a_pixel() -> None:
    seen = sighting(confidence=0.123456, box=(0.1234567, 0.0, 1.0, 0.5))
    sent = as_sent(replace(seen, at=replace(seen.at, utc=NOON + timedelta(microseconds=1999), monotonic_s=7.00049)))
    assert sent.at.utc == NOON + timedelta(milliseconds=1)
    assert sent.at.monotonic_s == 7.0
    assert sent.confidence == 0.123
    assert sent.box == pytest.approx((0.1234567, 0.0, 1.0, 0.5), abs=1 / 65535)


def test_twenty_sightings_cost_at_most_48_bytes_each() -> None:
    records = [
        sighting(61.7 * n, label=taxon[0], eppo=taxon[1], count=n + 1, confidence=0.5 + n / 50,
                 picture=f"{EPOCH.hex[:8]}-{100_000 + n}")
        for n, taxon in zip(range(20), [MOTH, APHID, ("Bemisia tabaci", "BEMITA"), ("Aphididae", "")] * 5, strict=True)
    ]  # fmt: skip
    assert len(encode_batch(stored(*records, first_seq=100_000))) <= 20 * SIGHTING_BYTES


def test_twenty_unsynced_sightings_of_two_boots_cost_at_most_48_bytes_each() -> None:
    boots = ("6b1f8c1e-6f0b-4f52-9d4c-0c5b0a3f9a11", "11111111-6f0b-4f52-9d4c-0c5b0a3f9a11")
    records = [sighting(60.0 * n, at=instant(60.0 * n, ClockState.UNSYNCED, boots[n // 10])) for n in range(20)]
    assert len(encode_batch(stored(*records, first_seq=100_000))) <= 20 * SIGHTING_BYTES


def test_twenty_intervals_of_two_taxa_cost_at_most_128_bytes_each() -> None:
    records = [interval(3600.0 * n) for n in range(20)]
    assert len(encode_batch(stored(*records, first_seq=100_000))) <= 20 * INTERVAL_BYTES


def test_no_data_stays_no_data_and_a_zero_stays_a_zero() -> None:
    night = interval(frames=0, counts=NoData("dark"))
    quiet = interval(frames=3, counts=())
    back = [one.record for one in decode_batch(encode_batch(stored(night, quiet)), "n1")]
    assert [back[0].counts, back[1].counts] == [NoData("dark"), ()]  # type: ignore[union-attr]
    told = [msgspec.to_builtins(plain(one, "s1")) for one in decode_batch(encode_batch(stored(night, quiet)), "n1")]
    assert "counts" not in told[0]
    assert told[0]["no_data"] == "dark"
    assert told[1]["counts"] == []
    assert "no_data" not in told[1]


def test_an_unmeasured_range_is_left_out_and_not_zero() -> None:
    batch = stored(interval(counts=(count(MOTH, 5),)))
    (back,) = decode_batch(encode_batch(batch), "n1")
    assert back.record == batch[0].record
    assert msgspec.to_builtins(plain(back, "s1"))["counts"] == [{"label": MOTH[0], "eppo": MOTH[1], "count": 5}]


def test_keys_of_newer_nodes_are_ignored() -> None:
    batch = cbor2.loads(encode_batch(stored(interval(), sighting(), lost(3, 9))))
    expected = decode_batch(cbor2.dumps(batch), "n1")
    batch[99] = "of the batch"
    for record in batch[9]:
        record[99] = {"of": "the record"}
    assert decode_batch(cbor2.dumps(batch), "n1") == expected


def test_a_record_of_a_kind_from_the_future_is_no_gap() -> None:
    batch = cbor2.loads(encode_batch(stored(sighting(), first_seq=41)))
    batch[9][0] = {0: 7, 1: 0, 50: "?"}
    (back,) = decode_batch(cbor2.dumps(batch), "n1")
    assert (back.key.seq, back.record) == (41, Unknown(7))


@pytest.mark.parametrize("key", range(10))
def test_a_batch_without_one_of_its_parts_is_refused_unless_it_is_an_empty_table(key: int) -> None:
    batch = cbor2.loads(encode_batch(stored(interval())))
    del batch[key]
    with pytest.raises(WireError):
        decode_batch(cbor2.dumps(batch), "n1")


@pytest.mark.parametrize(
    ("record", "key"),
    [(sighting(), k) for k in (0, 1, 2, 5, 6, 7, 8)]
    + [(interval(), k) for k in (0, 1, 2, 5, 6, 7, 8, 9, 10, 11)]
    + [(lost(1, 2), k) for k in (0, 1, 2, 5, 6, 7, 8)],
)
def test_a_record_without_one_of_its_parts_is_refused(record: object, key: int) -> None:
    batch = cbor2.loads(encode_batch(stored(record)))  # type: ignore[arg-type]
    del batch[9][0][key]
    with pytest.raises(WireError):
        decode_batch(cbor2.dumps(batch), "n1")


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "not CBOR"),
        (b"\x00", "not a CBOR map"),
        (b"\x6bhello", "not CBOR"),
        (b"\xa0", "missing"),
        (b"\xbf\x00\x01\xff", "not CBOR"),  # indefinite length
        (b"\xa2\x00\x01\x00\x01", "not CBOR"),  # the same key twice
        (b"\xa1\x00\xc0\x60", "not CBOR"),  # a tag
        (b"\x81" * 5000, "not CBOR"),  # deep
        (b"\x9b" + b"\xff" * 8, "not CBOR"),  # claims 2**64 - 1 items
        (b"\x5b" + b"\xff" * 8, "not CBOR"),
        (b"\x00" * (MAX_BATCH_BYTES + 1), "at most"),
        (encode_batch(stored(sighting())) + b"\x00", "after the batch"),
    ],
)
def test_what_is_no_batch_is_refused_with_the_reason(payload: bytes, says: str) -> None:
    with pytest.raises(WireError, match=says):
        decode_batch(payload, "n1")


def test_counts_and_no_data_together_are_refused() -> None:
    batch = cbor2.loads(encode_batch(stored(interval())))
    batch[9][0][12] = 0
    with pytest.raises(WireError, match="either counts or no_data"):
        decode_batch(cbor2.dumps(batch), "n1")


def test_counts_without_a_frame_are_refused() -> None:
    batch = cbor2.loads(encode_batch(stored(interval())))
    batch[9][0][8] = 0
    with pytest.raises(WireError, match="if and only if"):
        decode_batch(cbor2.dumps(batch), "n1")


@given(st.binary(max_size=300))
def test_any_bytes_give_records_or_a_wire_error(payload: bytes) -> None:
    with suppress(WireError):
        decode_batch(payload, "n1")


@settings(max_examples=400)
@given(batches(), st.data())
def test_a_batch_with_bytes_changed_gives_records_or_a_wire_error(batch: list[Stored], data: st.DataObject) -> None:
    payload = bytearray(encode_batch(batch))
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    with suppress(WireError):
        decode_batch(bytes(payload[: data.draw(st.integers(0, len(payload)))]), "n1")


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=20)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers(0, 14), inner, max_size=4)
)


@settings(max_examples=400)
@given(batches(), st.integers(0, 14), values, st.booleans())
def test_a_value_of_any_other_type_gives_records_or_a_wire_error(
    batch: list[Stored], key: int, value: object, deep: bool
) -> None:
    loaded = cbor2.loads(encode_batch(batch))
    (loaded[9][0] if deep else loaded)[key] = value
    with suppress(WireError):
        decode_batch(cbor2.dumps(loaded), "n1")


@pytest.mark.parametrize(
    "bad",
    [sighting(count=-1), sighting(confidence=1.1), sighting(box=(0, 0, 1.2, 1)), interval(awake_s=-1), lost(0, 1)],
)
def test_what_the_receiver_would_refuse_is_not_sent(bad: object) -> None:
    with pytest.raises(WireError):
        encode_batch(stored(bad))  # type: ignore[arg-type]


def test_a_batch_of_two_epochs_is_a_fault_of_the_caller() -> None:
    one, other = stored(sighting(), sighting())
    with pytest.raises(ValueError, match="one node and epoch"):
        encode_batch([one, replace(other, key=replace(other.key, node="n2"))])


def test_a_topic_is_taken_apart_into_what_it_was_made_of() -> None:
    assert node_topic("farm-3", "n_1", "records") == "fieldeye/v1/farm-3/n_1/records"
    assert parse_topic("fieldeye/v1/farm-3/n_1/cmd/replay") == ("farm-3", "n_1", "cmd/replay")


@pytest.mark.parametrize(
    "topic",
    [
        "", "fieldeye/v1", "fieldeye/v1/a/b", "fieldeye/v2/a/b/records", "fieldeye/v1/a/b/c/records",
        "fieldeye/v1//b/info", "fieldeye/v1/a+/b/info", "fieldeye/v1/a/b/unheard", "fieldeye/v1/a/b/cmd",
        "fieldeye/v1/a/b/records/x",
        f"fieldeye/v1/{'a' * 65}/b/info", "fieldeye/v1/a/b/cmd/re#play", "fieldeye/v1/a/b/info\n",
        "Fieldeye/v1/a/b/info",
    ],
)  # fmt: skip
def test_a_topic_outside_the_contract_is_refused(topic: str) -> None:
    with pytest.raises(WireError):
        parse_topic(topic)


@pytest.mark.parametrize("site", ["a/b", "", "+", "#", "ü", "a b"])
def test_a_name_that_would_leave_its_level_makes_no_topic(site: str) -> None:
    with pytest.raises(WireError):
        node_topic(site, "n1", "records")


def test_a_message_comes_back_and_ignores_what_it_does_not_know() -> None:
    status = Status(state="online", session=4, connection=2, utc=NOON)
    assert decode_message(encode_message(status), Status) == status
    assert decode_message(encode_message(status)[:-1] + b',"new":1}', Status) == status


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"{}", b'{"state":"asleep","session":1,"connection":1}', b"[1]", b"\xff", b'{"state":"\xff"}',
        b'{"new":' + b"[" * 60_000, b'{"session":1e999}', b'{"session":' + b"9" * 5000 + b"}", b" " * 65_537,
    ],
)  # fmt: skip
def test_a_message_that_is_none_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        decode_message(payload, Status)


@pytest.mark.parametrize("store", [b'{"waiting":0,"last_seq":9223372036854775807}', b'{"waiting":-1}'])
def test_numbers_that_no_node_reaches_are_refused(store: bytes) -> None:
    health = encode_message(Health(utc=NOON, clock="synced", session=1, uptime_s=3.5))
    with pytest.raises(WireError, match=r"last_seq|waiting"):
        decode_message(health[:-1] + b',"store":' + store + b"}", Health)


@given(st.sampled_from([Status, Info, Health, Summary, ReplayCommand, Reply]), st.binary(max_size=200), st.data())
def test_any_bytes_give_a_message_or_a_wire_error(kind: type, noise: bytes, data: st.DataObject) -> None:
    whole = bytearray(encode_message(Health(utc=NOON, clock="synced", session=1, uptime_s=3.5)))
    at = data.draw(st.integers(0, len(whole)))
    with suppress(WireError):
        decode_message(bytes(whole[:at]) + noise + bytes(whole[at:]), kind)


def test_the_summary_tells_no_data_from_none() -> None:
    told = msgspec.to_builtins(summary_of(interval(frames=0, counts=NoData("camera_missing"))))
    assert told["no_data"] == "camera_missing"
    assert "counts" not in told
    assert msgspec.to_builtins(summary_of(interval(counts=())))["counts"] == []


def test_unknown_health_is_left_out() -> None:
    health = Health(utc=NOON, clock="unsynced", session=1, uptime_s=3.5)
    assert set(msgspec.json.decode(encode_message(health))) == {"utc", "clock", "session", "uptime_s"}
