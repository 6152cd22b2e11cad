"""A day in 51 or 222 bytes: comes back as it was, and what does not fit is said to be missing."""

from datetime import UTC, date
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.counts import NoData, Unit
from edge.errors import WireError
from edge.gate import Reason
from edge.page.now import days as page_days
from edge.taxa import taxa
from edge.wire import Decoded, PlainInterval, plain
from edge.wire.small import SmallCount, SmallDay, small_day
from edge.wire.small_bytes import (
    LEVELS,
    REASONS,
    SLOWEST_BYTES,
    STAGES,
    USUAL_BYTES,
    decode_small,
    encode_small,
    name_number,
)
from tests.contract.golden import CONTRACT
from tests.records import APHID, MOTH, count, interval, stored

DAY = date(2026, 7, 1)
NAMES = sorted(one.scientific_name for one in taxa())


def hour(after_s: float = 0.0, **changes: Any) -> PlainInterval:
    """An interval as `GET /api/v1/records` tells it."""
    (one,) = stored(interval(after_s, **changes))
    told = msgspec.json.encode(plain(Decoded(one.key, one.record), "north-field"))
    return msgspec.json.decode(told, type=PlainInterval)


@st.composite
def counts(draw: Any) -> SmallCount:
    number = draw(st.integers(0, 2**40) | st.integers(0, 300))
    low, high = draw(st.just((None, None)) | st.tuples(st.integers(0, number), st.integers(number, number + 10**6)))
    return SmallCount(
        label=draw(st.sampled_from(NAMES)),
        stage=draw(st.sampled_from(STAGES)),
        count=number,
        low=low,
        high=high,
        level=draw(st.sampled_from(LEVELS)),
    )


@st.composite
def days(draw: Any) -> SmallDay:
    frames = draw(st.just(0) | st.integers(0, 10**6))
    return SmallDay(
        day=draw(st.dates(date(2020, 1, 1), date(2199, 1, 1))),
        unit=draw(st.sampled_from(["max_per_frame", "visits", "new", "affected_frames"])),
        frames=frames,
        awake_min=draw(st.integers(0, 1500)),
        counts=tuple(draw(st.lists(counts(), max_size=40))) if frames else None,
        no_data=None if frames else draw(st.sampled_from(REASONS)),
        omitted=draw(st.integers(0, 9)) if frames else 0,
        saturated=draw(st.booleans()),
        battery_percent=draw(st.none() | st.integers(0, 100)),
    )


def without_counts(told: SmallDay) -> tuple[object, ...]:
    return told.day, told.unit, told.frames, told.awake_min, told.no_data, told.saturated, told.battery_percent


@given(days(), st.sampled_from([SLOWEST_BYTES, USUAL_BYTES]))
def test_a_day_fits_and_what_is_in_it_comes_back_as_it_was(told: SmallDay, most_bytes: int) -> None:
    payload = encode_small(told, most_bytes)
    back = decode_small(payload)
    assert len(payload) <= most_bytes
    assert without_counts(back) == without_counts(told)
    if told.counts is None:
        assert back.counts is None
        return
    assert back.counts is not None
    assert set(back.counts) <= set(told.counts)
    assert back.omitted == told.omitted + len(told.counts) - len(back.counts)


@given(days())
def test_with_room_enough_nothing_is_omitted(told: SmallDay) -> None:
    back = decode_small(encode_small(told, 2000))
    assert (back.omitted, set(back.counts or ())) == (told.omitted, set(told.counts or ()))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_day_or_a_wire_error(payload: bytes) -> None:
    try:
        again = decode_small(payload)
    except WireError:
        return
    assert decode_small(encode_small(again, 2000)) == again or any(one.stage == "other" for one in again.counts or ())


@given(days(), st.data())
def test_a_payload_that_was_cut_never_makes_up_a_count(told: SmallDay, data: st.DataObject) -> None:
    payload = encode_small(told, USUAL_BYTES)
    cut = payload[: data.draw(st.integers(0, len(payload) - 1))]
    try:
        back = decode_small(cut)
    except WireError:
        return
    assert set(back.counts or ()) <= set(told.counts or ()) or back.counts is None


def test_six_taxa_with_ranges_fit_the_slowest_line_and_thirty_the_usual_one() -> None:
    told = [SmallCount(label=name, count=40, low=31, high=52) for name in NAMES[:41]]
    day = SmallDay(day=DAY, unit="new", frames=1440, awake_min=1440, counts=tuple(told), battery_percent=80)
    slow, usual = decode_small(encode_small(day)), decode_small(encode_small(day, USUAL_BYTES))
    assert (len(slow.counts or ()), slow.omitted) == (6, 35)
    assert (len(usual.counts or ()), usual.omitted) == (30, 11)


def test_what_is_over_its_threshold_goes_first_then_the_most() -> None:
    calm = [SmallCount(label=name, count=100 + n, low=50, high=500) for n, name in enumerate(NAMES[:20])]
    act = SmallCount(label=MOTH[0], count=3, low=2, high=6, level="act")
    day = SmallDay(day=DAY, unit="new", frames=60, awake_min=60, counts=(*calm, act))
    first, second, *_ = decode_small(encode_small(day)).counts or ()
    assert (first, second.count) == (act, 119)


def test_of_one_level_goes_before_the_other_whatever_their_counts() -> None:
    told = [
        SmallCount(label=name, count=n, level=level)
        for name, n, level in zip(NAMES, [9, 1, 5], ["calm", "act", "look"], strict=False)
    ]
    day = SmallDay(day=DAY, unit="new", frames=60, awake_min=60, counts=tuple(told))
    assert [one.level for one in decode_small(encode_small(day)).counts or ()] == ["act", "look", "calm"]


def test_a_line_too_short_for_a_head_is_refused_and_the_shortest_says_how_many_are_missing() -> None:
    told = [SmallCount(label=name, count=2**50) for name in NAMES[:2]]
    day = SmallDay(day=DAY, unit="new", frames=2**50, awake_min=1, counts=tuple(told), battery_percent=1)
    shortest = decode_small(encode_small(day, 24))
    assert (shortest.counts, shortest.omitted) == ((), 2)
    with pytest.raises(ValueError, match="give at least 24"):
        encode_small(day, 23)


def test_a_zero_is_a_zero_and_no_data_is_not() -> None:
    zero = decode_small(encode_small(small_day(DAY, [hour(counts=())])))
    dark = decode_small(encode_small(small_day(DAY, [hour(frames=0, awake_s=0.0, counts=NoData("dark"))])))
    assert (zero.counts, zero.frames, zero.no_data) == ((), 3540, None)
    assert (dark.counts, dark.frames, dark.no_data) == (None, 0, "dark")


def test_a_day_of_new_insects_is_their_sum_and_a_hole_in_it_lessens_the_effort_only() -> None:
    hours = [hour(h * 3600.0, unit="new", mode="trap", counts=(count(MOTH, 3, 2, 5),)) for h in range(4)]
    hole = hour(14400.0, unit="new", mode="trap", frames=0, awake_s=0.0, counts=NoData("dark"))
    told = small_day(DAY, [*hours, hole], levels={MOTH[0]: "look"}, battery_percent=71)
    assert told.counts == (SmallCount(label=MOTH[0], count=12, low=8, high=20, level="look"),)
    assert (told.frames, told.awake_min, told.battery_percent) == (4 * 3540, 240, 71)


def test_a_day_without_a_count_says_why_most_of_its_hours_had_none() -> None:
    reasons = ["blurred", "dark", "dark"]
    hours = [hour(h * 3600.0, frames=0, awake_s=0.0, counts=NoData(why)) for h, why in enumerate(reasons)]
    assert small_day(DAY, hours).no_data == "dark"


def test_a_day_in_which_the_trap_filled_up_says_so_and_has_no_more_than_25_hours() -> None:
    hours = [hour(h * 3600.0, saturated=h == 3) for h in range(26)]
    told = small_day(DAY, hours)
    assert (told.saturated, told.awake_min) == (True, 1500)
    assert not small_day(DAY, hours[:3]).saturated


def test_stages_of_a_taxon_are_summed_apart() -> None:
    hours = [hour(h * 3600.0, counts=(count(MOTH, 3, stage="larva"), count(MOTH, 1, stage="adult"))) for h in (0, 1)]
    assert [(one.stage, one.count) for one in small_day(DAY, hours).counts or ()] == [("larva", 6), ("adult", 2)]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"counts": None}, "if and only if"),
        ({"counts": (), "no_data": "dark"}, "if and only if"),
        ({"frames": 0}, "if and only if"),
        ({"day": date(2019, 12, 31)}, "2020"),
        ({"awake_min": 1501}, "1500 minutes"),
        ({"awake_min": -1}, "1500 minutes"),
        ({"battery_percent": 101}, "0 to 100"),
        ({"battery_percent": -1}, "0 to 100"),
    ],
)
def test_a_day_that_contradicts_itself_is_refused(fields: dict[str, Any], says: str) -> None:
    day: dict[str, Any] = {"day": DAY, "unit": "new", "frames": 1, "awake_min": 1, "counts": ()}
    with pytest.raises(ValueError, match=says):
        SmallDay(**day | fields)


@pytest.mark.parametrize(
    ("number", "low", "high"), [(-1, None, None), (5, 6, 7), (5, 3, 4), (5, -1, 9), (5, 3, None), (5, None, 9)]
)
def test_a_range_that_does_not_hold_its_count_is_refused(number: int, low: int | None, high: int | None) -> None:
    with pytest.raises(ValueError, match=r"range|natural"):
        SmallCount(label=MOTH[0], count=number, low=low, high=high)


@pytest.mark.parametrize("unit", get_args(Unit))
def test_a_day_is_of_as_much_as_the_pages_day(unit: Unit) -> None:
    hours = [{"after_s": h * 3600.0, "unit": unit, "counts": (count(MOTH, n),)} for h, n in enumerate([4, 9, 2])]
    small = small_day(DAY, [hour(**one) for one in hours])
    page = page_days.days([interval(**one) for one in hours], UTC, DAY, unit, {})[-1]
    assert [one.count / small.frames for one in small.counts or ()] == [page.figures[MOTH[0]].count / page.frames]


def test_the_most_on_a_frame_is_the_most_of_the_day_and_never_a_sum() -> None:
    hours = [
        hour(h * 3600.0, unit="max_per_frame", counts=(count(APHID, n, n, n + 2),)) for h, n in enumerate([4, 9, 2])
    ]
    assert small_day(DAY, hours).counts == (SmallCount(label=APHID[0], count=9, low=9, high=11),)


def test_the_most_on_a_frame_may_have_been_in_any_hour_that_is_less_sure() -> None:
    hours = [
        hour(h * 3600.0, unit="max_per_frame", counts=(count(APHID, *told),))
        for h, told in enumerate([(5, 5, 6), (4, 2, 9)])
    ]
    assert small_day(DAY, hours).counts == (SmallCount(label=APHID[0], count=5, low=5, high=9),)


def test_a_reason_that_a_newer_node_gives_is_another_one() -> None:
    told = encode_small(small_day(DAY, [hour(frames=0, awake_s=0.0, counts=NoData("dark"))]))
    assert decode_small(told[:-1] + bytes([len(REASONS)])).no_data == "other"


@pytest.mark.parametrize("reason", get_args(Reason))
def test_each_reason_of_the_gate_arrives_as_it_is(reason: str) -> None:
    told = encode_small(small_day(DAY, [hour(frames=0, awake_s=0.0, counts=NoData(reason))]))
    assert decode_small(told).no_data == reason


@pytest.mark.parametrize("words", [REASONS, ("not known", *STAGES[1:]), LEVELS])
def test_numbers_of_reasons_stages_and_levels_stay_what_they_are(words: tuple[str, ...]) -> None:
    document = (CONTRACT / "small.md").read_text()
    assert ", ".join(f"{number} {word}" for number, word in enumerate(words)) in document


def test_a_range_that_is_not_known_of_one_hour_is_not_known_of_the_day() -> None:
    hours = [hour(counts=(count(MOTH, 3, 2, 5),)), hour(3600.0, counts=(count(MOTH, 4),))]
    assert small_day(DAY, hours).counts == (SmallCount(label=MOTH[0], count=7),)


def test_units_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="one unit"):
        small_day(DAY, [hour(unit="new"), hour(unit="visits")])


def test_every_name_of_the_table_has_a_number_of_its_own() -> None:
    assert len({name_number(name) for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", ["Novum insectum", "Novaspec"])
def test_a_name_that_the_decoder_does_not_know_keeps_its_number(name: str) -> None:
    day = SmallDay(day=DAY, unit="new", frames=1, awake_min=1, counts=(SmallCount(label=name, count=2),))
    (back,) = decode_small(encode_small(day)).counts or ()
    assert back.label == f"#{name_number(name):07x}"
    assert encode_small(decode_small(encode_small(day))) == encode_small(day)


def test_a_reason_that_has_no_number_is_another_one_and_not_the_dark() -> None:
    day = SmallDay(day=DAY, unit="new", frames=0, awake_min=0, counts=None, no_data="camera_missing")
    assert decode_small(encode_small(day)).no_data == "other"


def test_a_stage_that_has_no_number_is_another_one_and_not_unknown() -> None:
    moth = SmallCount(label=MOTH[0], stage="juvenile", count=2)
    day = SmallDay(day=DAY, unit="new", frames=1, awake_min=1, counts=(moth,))
    assert [one.stage for one in decode_small(encode_small(day)).counts or ()] == ["other"]


@pytest.mark.parametrize(
    ("at", "octets", "says"), [(3, b"\x20\x01", "unit 4 is not known"), (5, b"\xff" * 7 + b"\x7f", "a number above")]
)
def test_a_unit_from_the_future_and_more_frames_than_json_keeps_are_refused(at: int, octets: bytes, says: str) -> None:
    payload = encode_small(SmallDay(day=DAY, unit="new", frames=1, awake_min=1, counts=()))
    with pytest.raises(WireError, match=says):
        decode_small(payload[:at] + octets + b"\x00")


def test_a_level_from_the_future_is_refused() -> None:
    day = SmallDay(
        day=DAY, unit="new", frames=1, awake_min=1, counts=(SmallCount(label=MOTH[0], count=2, level="act"),)
    )
    payload = bytearray(encode_small(day))
    payload[-3] |= 3  # the lowest bits before the count and its range
    with pytest.raises(WireError, match="level"):
        decode_small(bytes(payload))


def test_the_golden_day_means_what_it_meant() -> None:
    golden = bytes.fromhex("15094515a0a00b5000ee861b750c0406")
    moth = SmallCount(label=MOTH[0], stage="adult", count=12, low=9, high=18, level="look")
    day = SmallDay(day=DAY, unit="new", frames=1440, awake_min=1440, counts=(moth,), saturated=True, battery_percent=80)
    assert encode_small(day) == golden
    assert decode_small(golden) == day


def test_a_later_version_is_refused_and_named() -> None:
    with pytest.raises(WireError, match="version 2 is not 1"):
        decode_small(b"\x20" + bytes(10))
