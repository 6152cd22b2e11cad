"""Wire contract v1: what goes in comes out, within its sizes, and nothing but WireError comes of garbage."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cbor2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clock import ClockState
from edge.counts import Interval, NoData, Record, Sighting
from edge.errors import WireError
from edge.wire import (
    MAX_BATCH_BYTES,
    Decoded,
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
from tests.records import (
    APHID,
    EPOCH,
    MOTH,
    alert,
    batches,
    count,
    instant,
    interval,
    intervals,
    lost,
    sighting,
    stored,
)

SIGHTING_BYTES, INTERVAL_BYTES = 48, 128
ROOT = Path(__file__).parent.parent
README, CONTRACT = ((ROOT / name).read_text("utf-8") for name in ("README.md", "docs/contract/contract.md"))


@given(batches())
def test_a_batch_comes_back_as_it_was_sent(batch: list[Stored]) -> None:
    back = decode_batch(encode_batch(batch), "n1")
    assert [(one.key, one.record) for one in back] == [(one.key, as_sent(one.record)) for one in batch]


def test_two_cameras_and_a_model_that_was_changed_keep_their_records_apart() -> None:
    pairs = [("cam0", "pests@1"), ("cam0", "pests@2"), ("cam1", "pests@1"), ("cam1", "pests@2")]
    batch = stored(*[sighting(camera=camera, model=model) for camera, model in pairs])
    assert [one.record for one in decode_batch(encode_batch(batch), "n1")] == [one.record for one in batch]


def test_a_leaf_that_is_sick_all_over_and_a_sure_insect_that_fills_the_picture_come_through() -> None:
    batch = stored(interval(severity=1.0), sighting(confidence=1.0, box=(0.0, 0.0, 1.0, 1.0)))
    assert [one.record for one in decode_batch(encode_batch(batch), "n1")] == [one.record for one in batch]


def test_records_of_one_boot_keep_both_their_times_where_the_clock_was_set_between_them() -> None:
    instants = [instant(), instant(60), replace(instant(120), utc=NOON + timedelta(days=40)), instant(180)]
    batch = stored(*[sighting(at=at) for at in instants], interval(start=instants[0], end=instants[2]))
    assert [one.record for one in decode_batch(encode_batch(batch), "n1")] == [one.record for one in batch]


@given(batches())
def test_what_was_rounded_once_is_not_rounded_again(batch: list[Stored]) -> None:
    once = [as_sent(one.record) for one in batch]
    assert [as_sent(record) for record in once] == once


def test_rounding_keeps_milliseconds_thousandths_and_a_fifth_of_a_pixel() -> None:
    box = (0.1234567, 0.0234567, 0.8765433, 0.5432543)
    seen = sighting(confidence=0.123456, box=box)
    sent = as_sent(replace(seen, at=replace(seen.at, utc=NOON + timedelta(microseconds=1999), monotonic_s=7.00049)))
    assert sent.at.utc == NOON + timedelta(milliseconds=1)
    assert sent.at.monotonic_s == 7.0
    assert sent.confidence == 0.123
    assert sent.box == pytest.approx(box, abs=1 / 65535)


def test_twenty_sightings_cost_at_most_48_bytes_each() -> None:
    records = [
        sighting(61.7 * n, label=taxon[0], eppo=taxon[1], count=n + 1, confidence=0.5 + n / 50,
                 picture=f"{EPOCH.hex[:8]}-{100_000 + n}")
        for n, taxon in zip(range(20), [MOTH, APHID, ("Bemisia tabaci", "BEMITA"), ("Aphididae", "")] * 5, strict=True)
    ]  # fmt: skip
    each = len(encode_batch(stored(*records, first_seq=100_000))) / 20
    assert each <= SIGHTING_BYTES
    assert f"| a sighting on the wire, in a batch of 20 | {each:.0f} B |" in README
    assert f"a sighting {each:.0f} bytes," in CONTRACT


def test_twenty_unsynced_sightings_of_two_boots_cost_at_most_48_bytes_each() -> None:
    boots = ("6b1f8c1e-6f0b-4f52-9d4c-0c5b0a3f9a11", "11111111-6f0b-4f52-9d4c-0c5b0a3f9a11")
    records = [sighting(60.0 * n, at=instant(60.0 * n, ClockState.UNSYNCED, boots[n // 10])) for n in range(20)]
    assert len(encode_batch(stored(*records, first_seq=100_000))) <= 20 * SIGHTING_BYTES


def test_twenty_intervals_of_two_taxa_cost_at_most_128_bytes_each() -> None:
    records = [interval(3600.0 * n) for n in range(20)]
    each = len(encode_batch(stored(*records, first_seq=100_000))) / 20
    assert each <= INTERVAL_BYTES
    assert f"| an interval of two taxa, in a batch of 20 | {each:.0f} B |" in README
    assert f"an interval with two taxa {each:.0f}." in CONTRACT


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
        (b"\xa1\x00\xc1\x00", "not CBOR"),  # a tag
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


@pytest.mark.parametrize(
    ("record", "key", "value"),
    [
        pytest.param(interval(), 2, [0, 0, -1, 0], id="no such clock"),
        pytest.param(interval(), 2, [0, 0, 3, 0], id="a clock of later"),
        pytest.param(interval(), 2, [2**53 - 1, 0, 0, 0], id="after the calendar"),
        pytest.param(interval(), 2, [0, 0, 0, -1], id="no such boot"),
        pytest.param(interval(), 2, [0.5, 0, 0, 0], id="half a millisecond"),
        pytest.param(interval(), 2, [0, 0, True, 0], id="true is no clock"),
        pytest.param(interval(), 2, [0, 2**53, 0, 0], id="a lag beyond what JSON keeps"),
        pytest.param(interval(), 8, True, id="true is no number of frames"),
        pytest.param(interval(), 8, 2**53, id="more than JSON keeps"),
        pytest.param(sighting(), 8, -1, id="fewer insects than none"),
        pytest.param(interval(), 9, [[-1, 40]], id="no such reason"),
        pytest.param(interval(), 9, [[1, -1]], id="skipped less than none"),
        pytest.param(interval(), 11, [[-1, 12, 9, 17]], id="no such taxon"),
        pytest.param(interval(), 11, [[0, -1, 0, 17]], id="count below zero"),
        pytest.param(interval(), 11, [[0, 12, -1, 17]], id="low below zero"),
        pytest.param(interval(), 11, [[0, 12, 9, -1]], id="high below zero"),
        pytest.param(interval(), 11, [[0, 12, 9, None]], id="a low without a high"),
        pytest.param(interval(), 11, [[0, 12, None, 17]], id="a high without a low"),
        pytest.param(interval(), 13, 1, id="one is not true"),
        pytest.param(interval(), 16, 1001, id="more than all of the leaf is sick"),
        pytest.param(interval(), 17, [-1, [0, 0, 0], None], id="fewer readings than none"),
        pytest.param(sighting(), 6, 1001, id="surer than sure"),
        pytest.param(sighting(), 7, bytes(6), id="a box of three sides"),
        pytest.param(sighting(), 9, -1, id="a picture of a later record"),
        pytest.param(sighting(), 9, 42, id="a picture before the first record"),
        pytest.param(lost(1, 2), 5, 0, id="a loss before the first record"),
        pytest.param(alert(low=None, high=None), 8, 11_000, id="an alert's low without a high"),
    ],
)
def test_a_number_outside_its_range_is_refused_and_never_read_from_the_end_of_a_table(
    record: Record, key: int, value: object
) -> None:
    batch = cbor2.loads(encode_batch(stored(record, first_seq=41)))
    batch[9][0][key] = value
    with pytest.raises(WireError, match="record 41"):
        decode_batch(cbor2.dumps(batch), "n1")


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        (0, 2, "version 2 is not 1; update this program"),
        (1, bytes(15), "epoch: must be a byte string of 16 bytes"),
        (1, "0c9a64a158c84f2a", "epoch: must be a byte string of 16 bytes"),
        (4, [[bytes(16)]], "boots: must be an array of 2"),
        (4, [[bytes(15), 0]], "boots.id: must be text"),
        (7, [["Plutella xylostella"]], "taxa: must be an array of 2"),
        (7, [["Plutella xylostella", []]], "taxa.eppo: must be text"),
        (10, [[0]], "stages: must be an array of 2"),
        (10, [[-1, "larva"]], "stages"),
        (10, [[2, "larva"]], "stages"),
    ],
)
def test_a_header_outside_the_contract_is_refused_with_the_reason(key: int, value: object, says: str) -> None:
    batch = cbor2.loads(encode_batch(stored(interval())))
    batch[key] = value
    with pytest.raises(WireError, match=says):
        decode_batch(cbor2.dumps(batch), "n1")


def test_a_batch_is_read_up_to_its_greatest_size_and_number() -> None:
    full = cbor2.loads(encode_batch(stored(lost(1, 2)))) | {9: [{0: 7, 1: n} for n in range(1000)]}
    assert len(decode_batch(cbor2.dumps(full), "n1")) == 1000
    with pytest.raises(WireError, match="1001 records"):
        decode_batch(cbor2.dumps(full | {9: [*full[9], {0: 7, 1: 1000}]}), "n1")
    room = MAX_BATCH_BYTES - len(cbor2.dumps(full | {99: bytes(30_000)})) + 30_000
    assert len(decode_batch(cbor2.dumps(full | {99: bytes(room)}), "n1")) == 1000


@pytest.mark.parametrize(
    ("long", "record", "what"),
    [
        (lambda letters: {"label": letters}, alert, "label"),
        (lambda letters: {"eppo": letters}, sighting, "eppo"),
        (lambda letters: {"stage": letters}, sighting, "stage"),
        (lambda letters: {"unit": letters}, alert, "unit"),
        (lambda letters: {"camera": 2 * letters + 40 * "x"}, interval, "cameras"),
        (lambda letters: {"model": 2 * letters + 40 * "x"}, interval, "models"),
        (lambda letters: {"mode": 2 * letters + 40 * "x"}, interval, "words"),
        (lambda letters: {"picture": 2 * letters + 40 * "x"}, sighting, "picture"),
        (lambda letters: {"reason": 25 * letters}, alert, "reason"),
        (lambda letters: {"look_at": 25 * letters}, alert, "look_at"),
        (lambda letters: {"source": 25 * letters}, alert, "source"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_text_is_read_up_to_what_an_index_holds(
    long: Callable[[str], dict[str, str]], record: Callable[..., Record], what: str
) -> None:
    decode_batch(encode_batch(stored(record(**long("稻" * 80)))), "n1")
    with pytest.raises(WireError, match=rf"{what}: must be text of at most (80|200|2000) letters"):
        decode_batch(encode_batch(stored(record(**long("稻" * 81)))), "n1")


@pytest.mark.parametrize("picture", ["0c9a64a1-007", "0c9a64a1-٣", "0c9a64a1-42", "1c9a64a1-3", "0c9a64a1-q3"])
def test_a_picture_that_is_named_otherwise_than_the_store_does_keeps_its_name(picture: str) -> None:
    (back,) = decode_batch(encode_batch(stored(sighting(picture=picture), first_seq=41)), "n1")
    assert isinstance(back.record, Sighting)
    assert back.record.picture == picture


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


def test_a_unit_of_a_later_version_is_refused() -> None:
    batch = cbor2.loads(encode_batch(stored(interval())))
    batch[9][0][7] = 4
    with pytest.raises(WireError, match=r"unit: must be an integer from 0 to 3"):
        decode_batch(cbor2.dumps(batch), "n1")


@given(st.binary(max_size=300))
def test_any_bytes_give_records_or_a_wire_error(payload: bytes) -> None:
    with suppress(WireError):
        decode_batch(payload, "n1")


@settings(max_examples=200)
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


@settings(max_examples=200)
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
    [
        sighting(count=-1), sighting(confidence=1.1), sighting(confidence=-0.1), sighting(box=(0, 0, 1.2, 1)),
        sighting(box=(-0.1, 0, 1, 1)), interval(awake_s=-1), interval(frames=-1), interval(counts=(count(MOTH, -1),)),
        alert(value=-1.0), lost(0, 1),
    ],
)  # fmt: skip
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
    assert parse_topic(node_topic("a" * 64, "b" * 64, "info")) == ("a" * 64, "b" * 64, "info")


@pytest.mark.parametrize(
    "topic",
    [
        "", "fieldeye/v1", "fieldeye/v1/a/b", "fieldeye/v2/a/b/records", "fieldeye/v1/a/b/c/records",
        "fieldeye/v1//b/info", "fieldeye/v1/a+/b/info", "fieldeye/v1/a/b/unheard", "fieldeye/v1/a/b/cmd",
        "fieldeye/v1/a/b/records/x", "fieldeye/v1/a/b/cmd/replay/x", "fieldeye/v1/a/b/image/x/y",
        f"fieldeye/v1/{'a' * 65}/b/info", "fieldeye/v1/a/b/cmd/re#play", "fieldeye/v1/a/b/info\n",
        "Fieldeye/v1/a/b/info", "fieldeye/v1_a/b/info", "fieldeye/v1+a/b/info", "fieldeye/v1#a/b/info",
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


def test_a_message_is_read_up_to_its_greatest_size() -> None:
    status = Status(state="online", session=4, connection=2)
    payload = encode_message(status)
    assert decode_message(payload + b" " * (65_536 - len(payload)), Status) == status
    with pytest.raises(WireError, match="65537 bytes"):
        decode_message(payload + b" " * (65_537 - len(payload)), Status)


@pytest.mark.parametrize("store", [b'{"waiting":0,"last_seq":9223372036854775807}', b'{"waiting":-1}'])
def test_numbers_that_no_node_reaches_are_refused(store: bytes) -> None:
    health = encode_message(Health(utc=NOON, clock="synced", session=1, uptime_s=3.5))
    with pytest.raises(WireError, match=r"last_seq|waiting"):
        decode_message(health[:-1] + b',"store":' + store + b"}", Health)


@pytest.mark.parametrize("told", [
    b'"battery_v":1e300', b'"battery_v":1e16', b'"battery_v":-1', b'"battery_share":1e300', b'"battery_share":1.1',
    b'"battery_share":-0.1',
])  # fmt: skip
def test_a_battery_that_no_page_could_tell_is_refused(told: bytes) -> None:
    health = encode_message(Health(utc=NOON, clock="synced", session=1, uptime_s=3.5))
    for known in (b'"battery_v":0,"battery_share":0', b'"battery_v":54.6,"battery_share":1'):
        decode_message(health[:-1] + b"," + known + b"}", Health)
    with pytest.raises(WireError, match=r"battery"):
        decode_message(health[:-1] + b"," + told + b"}", Health)


STANDING = {"label": "a", "unit": "b", "level": "act", "since": "2026-07-01T00:00:00Z", "value": 9, "start_at": 5}


@pytest.mark.parametrize(
    "change",
    [
        {"label": "稻" * 81}, {"unit": "x" * 81}, {"who": "x" * 81}, {"value": 1e308}, {"value": -1},
        {"start_at": 1e16}, {"since": "2026-07-01T00:00:00+16:00"},
        {"since": "0001-01-01T00:00:00+10:00"}, {"since": "9999-12-31T23:59:59-10:00"},
        {"done": "2026-07-01T00:00:00-15:00"},
    ],
    ids=str,
)  # fmt: skip
def test_an_alert_that_no_database_or_page_could_tell_is_refused(change: dict[str, object]) -> None:
    health = encode_message(Health(utc=NOON, clock="synced", session=1, uptime_s=3.5))
    known = ({"label": "稻" * 80, "since": "2026-07-01T00:00:00+14:00"}, {"since": "2026-07-01T00:00:00"})
    for standing in (STANDING, *(STANDING | one for one in known)):
        decode_message(health[:-1] + b',"alerts":[' + msgspec.json.encode(standing) + b"]}", Health)
    with pytest.raises(WireError, match=r"alerts\[0\]"):
        decode_message(health[:-1] + b',"alerts":[' + msgspec.json.encode(STANDING | change) + b"]}", Health)


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


@given(intervals())
def test_the_summary_says_of_an_interval_what_its_record_says(record: Interval) -> None:
    (kept,) = stored(record)
    long = plain(Decoded(kept.key, record), "s1")
    told = msgspec.structs.asdict(summary_of(record))
    assert (told.pop("start"), told.pop("end")) == (record.start.utc, record.end.utc)
    assert told == {name: getattr(long, name) for name in told}


def test_a_density_has_four_digits() -> None:
    (moths,) = summary_of(interval(area_mm2=30_000, unit="new", counts=(count(MOTH, 1),))).counts or ()
    assert moths.per_m2 == 33.33


def test_unknown_health_is_left_out() -> None:
    health = Health(utc=NOON, clock="unsynced", session=1, uptime_s=3.5)
    assert set(msgspec.json.decode(encode_message(health))) == {"utc", "clock", "session", "uptime_s"}
