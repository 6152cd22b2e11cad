"""What some days say of a pest, in units with their effort; nights go from noon to noon where the node stands."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from edge.advice import Adviser, Days, Measured, Stand, begun, to_json, watched
from edge.advice.against_threshold import Evidence
from edge.advice.degree_days import DayRange, measured_days
from edge.clock import ClockState, Instant
from edge.config import AdviceTable, CameraTable, Mode, NodeConfig, NodeTable, OwnThreshold, StoreTable
from edge.counts import Climate, Interval, NoData, Spread, TaxonCount, counted, newest_unit
from edge.introduction import introduction
from edge.nights import begin_of, day_at, day_of, length_s, longest_s, whole_around
from tests.records import count, interval

SHANGHAI = ZoneInfo("Asia/Shanghai")  # UTC+8: its noon is 04:00 UTC
JULY = date(2026, 7, 1)
MOTH = ("Plutella xylostella", "PLUTMA")
BLAST = ("Pyricularia oryzae", "PYRIOR")
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)  # there


def at(hours: float) -> Instant:
    return Instant(NOON + timedelta(hours=hours), ClockState.SYNCED, "boot", 3600 * hours)


def hour(after_noon: float, number: int | None, unit: str = "new", mode: str = "trap", frames: int = 60) -> Interval:
    """An hour's count, or none of it."""
    counts = NoData("dark") if number is None else (count(MOTH, number),) if number else ()
    return interval(
        start=at(after_noon), end=at(after_noon + 1), mode=mode, unit=unit, counts=counts,
        frames=0 if number is None else frames,
    )  # fmt: skip


def leaf_hour(after_noon: float, number: int, frames: int, severity: float) -> Interval:
    """An hour of leaves that blast is seen on."""
    seen = hour(after_noon, number, "affected_frames", "leaf", frames)
    return replace(seen, counts=(count(BLAST, number),) if number else (), severity=severity)


def perfect(label: str, number: int, _share: float) -> TaxonCount:
    return counted(number, label, "", precision=1.0, recall=1.0)


def shared(label: str, number: int, share: float) -> TaxonCount:
    """With a range whose lower end tells the share."""
    return TaxonCount(label=label, eppo="", count=number, low=round(number * share), high=number)


def days(*intervals: Interval, today: date = JULY + timedelta(1)) -> Days:
    return Days.of(intervals, newest_unit(intervals) or "new", SHANGHAI, today, perfect)


def figures(evidence: Evidence | None) -> dict[str, float]:
    assert evidence is not None
    return {one.unit: one.value for one in evidence.told}


@pytest.mark.parametrize(("hours", "evening"), [(-1, 30), (0, 1), (12, 1), (23, 1), (24, 2)])
def test_a_trap_s_night_goes_from_noon_to_noon_and_is_named_by_its_evening(hours: float, evening: int) -> None:
    assert day_of(hour(hours, 0), SHANGHAI).day == evening


@pytest.mark.parametrize(
    ("begin", "end", "evening"),
    [(-1 / 6, 1, 1), (-0.5, 0.75, 1), (-0.75, 0.5, 30)],
    ids=["most after", "after", "before"],
)
def test_an_interval_over_noon_belongs_to_the_night_in_which_most_of_it_lies(
    begin: float, end: float, evening: int
) -> None:
    assert day_of(replace(hour(-1, 0), start=at(begin), end=at(end)), SHANGHAI).day == evening


def test_a_leaf_s_day_goes_from_midnight_to_midnight() -> None:
    assert [day_of(hour(h, 0, "max_per_frame", "live"), SHANGHAI).day for h in (11, 12)] == [1, 2]


@pytest.mark.parametrize(
    ("minutes", "interval_s", "expected_min"),
    [
        (0, 3600, 60),  # on the hour: a whole one
        (20, 3600, 40),
        (49.9, 3600, 10.1),
        (55, 3600, 65),  # too little is left of this one
        (-20, 3600, 20),  # up to noon, where a night ends
        (-100, 5 * 3600, 100),  # five hours do not fit into twelve: noon ends a night all the same
        (-300, 8 * 3600, 300),  # nor do eight: what is left of the first joins the four hours up to noon
        (-110, 11 * 3600, 110 + 660),  # too little is left up to noon as well
        (60, 86400, 23 * 60),  # a whole night
        (-360, 86400, 360),  # the morning of one
    ],
)
def test_an_interval_lasts_up_to_the_next_whole_one_by_the_local_clock(
    minutes: float, interval_s: float, expected_min: float
) -> None:
    start = NOON + timedelta(minutes=minutes)
    assert length_s(start, interval_s, SHANGHAI) == pytest.approx(expected_min * 60)


@pytest.mark.parametrize("mode", ["trap", "live", "leaf"])
@pytest.mark.parametrize("hours", [5, 12, 15, 24])
def test_an_interval_lies_in_one_day_however_long_it_may_be(mode: Mode, hours: float) -> None:
    told, start = [], NOON
    while start < NOON + timedelta(days=2):
        end = start + timedelta(seconds=length_s(start, longest_s(hours * 3600, mode), SHANGHAI))
        after_noon = [(moment - NOON) / timedelta(hours=1) for moment in (start, end)]
        told.append(interval(start=at(after_noon[0]), end=at(after_noon[1]), mode=mode))
        start = end
    for one in told:
        day = day_of(one, SHANGHAI)
        assert begin_of(day, mode, SHANGHAI) <= one.start.utc
        assert one.end.utc <= begin_of(day + timedelta(1), mode, SHANGHAI)


@pytest.mark.parametrize(("mode", "told_h"), [("trap", 24), ("live", 12), ("leaf", 12)])
def test_a_node_introduces_itself_with_the_length_of_what_it_publishes(mode: Mode, told_h: float) -> None:
    table = NodeTable(site="farm", node="east")
    config = NodeConfig(node=table, camera=CameraTable(kind="folder", mode=mode), store=StoreTable(interval_s=86_400))
    assert introduction(config, uuid4(), []).interval_s == told_h * 3600


@pytest.mark.parametrize(
    ("minutes", "interval_s", "from_min", "to_min"),
    [
        (0, 3600, 0, 60),
        (59.99, 3600, 0, 60),  # parts of a second count: the next one begins where this one ends
        (-0.1, 3600, -60, 0),
        (-100, 5 * 3600, -120, 0),
        (60, 86400, 0, 1440),
        (-360, 86400, -1440, 0),
    ],
)
def test_a_moment_lies_in_a_whole_interval_of_the_local_clock(
    minutes: float, interval_s: float, from_min: float, to_min: float
) -> None:
    begin, end = whole_around(NOON + timedelta(minutes=minutes), interval_s, SHANGHAI)
    assert [(moment - NOON) / timedelta(minutes=1) for moment in (begin, end)] == pytest.approx([from_min, to_min])


@pytest.mark.parametrize("mode", ["trap", "live"])
def test_a_day_begins_where_the_one_before_ends_though_the_clocks_change(mode: Mode) -> None:
    zone = ZoneInfo("Europe/Berlin")
    for day in (date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 24), date(2026, 10, 25)):
        begin = begin_of(day, mode, zone)
        assert day_at(begin, mode, zone) == day
        assert day_at(begin - timedelta(seconds=1), mode, zone) == day - timedelta(1)


def test_a_night_s_catch_is_the_sum_of_its_hours_a_trap_and_night() -> None:
    evidence = days(hour(1, 3), hour(10, 9), hour(23, 2), hour(25, 50)).over(MOTH[0], "insects/trap/night")
    assert figures(evidence)["insects/trap/night"] == 14


def test_a_catch_that_came_in_three_nights_is_a_third_of_it_a_night() -> None:
    after_three = replace(hour(10, 30), exposed_s=3 * 86_400.0)
    evidence = days(after_three).over(MOTH[0], "insects/trap/night")
    assert figures(evidence)["insects/trap/night"] == 10
    assert evidence is not None
    assert (evidence.count, evidence.nights) == (30, 3)


def test_what_came_in_a_winter_makes_no_week_calm() -> None:
    after_winter = replace(hour(-96 + 5, 12), exposed_s=136 * 86_400.0)
    week = [after_winter, *(hour(24 * night + 5, 3) for night in (-3, -2, -1, 0))]
    evidence = days(*week).over(MOTH[0], "adults/trap/week")
    assert figures(evidence)["adults/trap/night"] == 3
    assert evidence is not None
    assert evidence.count == 12
    assert days(*week[:4], today=JULY).over(MOTH[0], "adults/trap/week") is None  # of three nights nobody knows a week
    on_that_day = days(after_winter, today=JULY - timedelta(4)).so_far(MOTH[0], "adults/trap/week")
    assert figures(on_that_day)["adults/trap/night"] == 12 / 136


@pytest.mark.parametrize(
    ("days_ago", "hung_nights", "is_told"),
    [(0, 4, True), (0, 3, False), (0, 7, True), (3, 7, True), (4, 7, False), (0, 8, False)],
)
def test_a_look_tells_of_a_week_in_whose_nights_its_catch_came(days_ago: int, hung_nights: int, is_told: bool) -> None:
    look = replace(hour(5 - 24 * days_ago, 12), exposed_s=hung_nights * 86_400.0)
    assert (days(look).over(MOTH[0], "adults/trap/week") is not None) == is_told


@pytest.mark.parametrize(("hung_s", "nights"), [(86_700, 1), (90_000, 1), (3 * 86_400 - 300, 3), (3 * 86_400 + 300, 3)])
def test_a_card_hangs_for_whole_nights_though_its_pictures_are_some_minutes_apart(hung_s: float, nights: int) -> None:
    caught = [replace(hour(1, 0), exposed_s=hung_s - 3600.0), replace(hour(10, 30), exposed_s=3600.0)]
    assert figures(days(*caught).over(MOTH[0], "insects/trap/night"))["insects/trap/night"] == 30 / nights


def test_the_visits_of_a_week_are_told_as_those_of_a_day_with_the_share_that_each_hour_has_in_them() -> None:
    hours = [hour(24 * night - 8, visits, "visits", "live") for night, visits in ((-6, 4), (-4, 8), (-2, 4), (0, 4))]
    week = replace(days(*hours), range_of=shared).over(MOTH[0], "visits/week")
    assert week is not None
    assert week.told == (Measured(5.0, "visits/day", low=6 / 4, high=5.0),)  # 8² + 3 · 4² of 20² is 0.28


def test_an_hour_in_another_unit_is_no_part_of_a_day() -> None:
    slow, fast = hour(2, 40, "max_per_frame", "live"), hour(3, 5, "visits", "live")
    told = Days.of([slow, fast], "visits", SHANGHAI, JULY + timedelta(1), perfect).over(MOTH[0], "visits/day")
    assert figures(told) == {"visits/day": 5}


def test_two_stages_on_each_picture_are_not_more_than_all_pictures() -> None:
    both = tuple(replace(count(MOTH, 30), stage=stage) for stage in ("larva", "pupa"))
    seen = replace(hour(2, 30, "affected_frames", "leaf", frames=30), counts=both)
    assert figures(days(seen).over(MOTH[0], "% pictures"))["% pictures"] == 100


@pytest.mark.parametrize(("hung_h", "is_part"), [(8, True), (11.9, True), (12, False)])
def test_a_night_of_which_less_than_half_is_known_is_a_part(hung_h: float, is_part: bool) -> None:
    caught = [replace(hour(1, 0), exposed_s=3600.0), replace(hour(10, 3), exposed_s=(hung_h - 1) * 3600.0)]
    told = days(*caught, hour(12, 0)).over(MOTH[0], "adults/trap/night")  # the last knows of no time
    assert told is not None
    assert told.is_part == is_part
    week = days(*caught, *(hour(24 * night, 0) for night in range(-6, 0))).over(MOTH[0], "adults/trap/week")
    assert week is not None
    assert not week.is_part


def test_a_day_of_a_live_camera_tells_how_long_it_was_watched_and_a_trap_s_night_does_not() -> None:
    seen = [hour(1, 3, "visits", "live", frames=50), hour(2, 1, "visits", "live", frames=10)]
    told = days(*seen).over(MOTH[0], "visits/day")
    assert told is not None
    assert (told.watched_s, told.frames) == (sum(one.watched_s for one in seen), 60)
    night = days(hour(1, 3)).over(MOTH[0], "insects/trap/night")
    assert night is not None
    assert (night.watched_s, night.frames) == (0, 0)


def test_weather_of_a_day_comes_from_its_hours_and_half_a_day_is_none() -> None:
    def at_hour(h: int) -> Interval:
        warmth = Spread(mean=20.0, least=10.0 + h, most=12.0 + h)
        return replace(hour(h - 12, 0), climate=Climate(readings=60, temperature_c=warmth))

    whole, half = [at_hour(h) for h in range(24)], [at_hour(24 + h) for h in range(12)]
    silent = hour(0.5, 0)  # its sensor told nothing
    assert measured_days([*whole, silent, *half], SHANGHAI) == {JULY: DayRange(10.0, 35.0)}
    rest = [at_hour(36 + h) for h in range(12)]
    undated = [replace(one, end=replace(one.end, state=ClockState.UNSYNCED)) for one in rest[::2]]
    undated += [replace(one, start=replace(one.start, state=ClockState.UNSYNCED)) for one in rest[1::2]]
    assert JULY + timedelta(1) in measured_days([*half, *rest], SHANGHAI)
    assert measured_days([*half, *undated], SHANGHAI) == {}  # a board that wakes without the time


def in_sun(begin: float, end: float, readings: int = 60) -> Interval:
    """Hours after noon, with the weather of a summer day."""
    climate = Climate(readings=readings, temperature_c=Spread(mean=20.0, least=12.0, most=29.0))
    return replace(interval(), start=at(begin), end=at(end), climate=climate)


def test_hours_before_midnight_are_no_hours_of_the_day_after() -> None:
    told = measured_days([in_sun(10, 16), in_sun(16, 28)], SHANGHAI)  # 22 to 4, and 4 to 16 o'clock: sixteen hours
    assert told == {}


@pytest.mark.parametrize("hours", [0.5, 1, 1.5, 2, 5, 6, 12])
def test_weather_of_a_day_is_known_whatever_the_length_of_an_interval(hours: float) -> None:
    told, start = [], NOON - timedelta(hours=12)
    while start < NOON + timedelta(hours=12):
        end = start + timedelta(seconds=length_s(start, hours * 3600, SHANGHAI))
        told.append(in_sun((start - NOON) / timedelta(hours=1), (end - NOON) / timedelta(hours=1)))
        start = end
    assert measured_days(told, SHANGHAI) == {JULY: DayRange(12.0, 29.0)}


def test_an_interval_over_midnight_is_of_the_day_in_which_most_of_it_lies_and_any_may_be_the_warmest() -> None:
    most_c = {-2.5: 30.0, 11.5: 40.0}  # the last one, from half past eleven in the evening, is of the next day
    told = []
    for begin in (n - 0.5 for n in range(-12, 13, 2)):
        warmth = Spread(mean=20.0, least=12.0, most=most_c.get(begin, 25.0))
        told.append(replace(in_sun(begin, begin + 2), climate=Climate(readings=60, temperature_c=warmth)))
    assert measured_days(told, SHANGHAI) == {JULY: DayRange(12.0, 30.0)}


def test_an_interval_of_twelve_hours_tells_of_no_more_of_them_than_it_has_readings() -> None:
    assert measured_days([in_sun(-12, 0), in_sun(0, 12, readings=5)], SHANGHAI) == {}
    assert measured_days([in_sun(-12, 0), in_sun(0, 12, readings=6)], SHANGHAI) == {JULY: DayRange(12.0, 29.0)}
    assert measured_days([in_sun(-12, 0), in_sun(0, 4), in_sun(4, 6, readings=1)], SHANGHAI) == {}


def test_a_night_without_a_picture_says_nothing() -> None:
    assert days(hour(1, None), hour(2, None), hour(25, 3)).over(MOTH[0], "insects/trap/night") is None


def test_a_weekly_figure_is_taken_over_the_nights_that_were_seen() -> None:
    """Four nights of seven with 6 each: 6 a night, and so 42 a week."""
    seen = [hour(24 * night + 5, 6) for night in (-6, -4, -2, 0)]
    evidence = days(*seen).over(MOTH[0], "adults/trap/week")
    assert figures(evidence)["adults/trap/night"] == 6
    assert evidence is not None
    assert (evidence.count, evidence.period.first, evidence.period.last) == (24, date(2026, 6, 25), JULY)


def looked_on(begin: int, end: int, exposed_s: float | None) -> list[Interval]:
    """Each hour from `begin` to `end` after noon; 10 in the ninth of each night."""
    return [replace(hour(h, 10 if h % 24 == 8 else 0), exposed_s=exposed_s) for h in range(begin, end)]


@pytest.mark.parametrize(
    ("begin", "end", "exposed_s", "nights"),
    [
        (-3 * 24 - 2, 24, 3600.0, 4),  # hung at ten in the morning: two hours are no night
        (-3 * 24 - 13, 24, 3600.0, 5),  # hung at eleven in the evening
        (-3 * 24, 26, 3600.0, 4),  # and off two hours after noon
        (-3 * 24, 24, None, 4),
        (-3 * 24, 24, 540.0, 4),  # a boot each hour, without the time: how long the card hung in between nobody knows
    ],
)
def test_a_week_s_catch_is_divided_by_the_whole_nights_in_which_it_came(
    begin: int, end: int, exposed_s: float | None, nights: int
) -> None:
    evidence = days(*looked_on(begin, end, exposed_s), today=JULY + timedelta(2 if end > 24 else 1))
    told = evidence.over(MOTH[0], "adults/trap/week")
    assert told is not None
    assert figures(told)["adults/trap/night"] == told.count / nights


def test_a_week_of_whole_nights_of_which_the_first_knows_no_time_is_one_of_seven_nights() -> None:
    nights = [
        replace(hour(24 * night, 6), end=at(24 * night + 24), exposed_s=86_400.0 if night > -6 else None)
        for night in range(-6, 1)
    ]
    assert figures(days(*nights).over(MOTH[0], "adults/trap/week"))["adults/trap/night"] == 6


@pytest.mark.parametrize(
    ("zone", "last", "hours"),
    [
        ("Europe/Madrid", date(2026, 3, 29), 167),
        ("Europe/Madrid", date(2026, 10, 26), 169),
        ("America/Los_Angeles", date(2026, 11, 1), 169),
        ("Asia/Kathmandu", date(2028, 3, 1), 168),  # with the 29th of February
    ],
)
def test_a_week_in_which_the_clocks_change_is_one_of_seven_nights_and_of_each_of_its_hours(
    zone: str, last: date, hours: int
) -> None:
    first_h = (begin_of(last - timedelta(6), "trap", ZoneInfo(zone)) - NOON) / timedelta(hours=1)
    told = [replace(hour(first_h + n, 1), exposed_s=3600.0) for n in range(-24, hours + 24)]
    known = Days.of(told, "new", ZoneInfo(zone), last + timedelta(1), perfect)
    week, running = known.over(MOTH[0], "adults/trap/week"), known.so_far(MOTH[0], "adults/trap/night")
    assert week is not None
    assert running is not None
    assert (week.count, week.nights, running.count, running.nights) == (hours, 7, 24, 1)


def test_three_nights_of_seven_are_no_week_and_one_of_two_is_half_of_them() -> None:
    assert days(*(hour(24 * night + 5, 6) for night in (-4, -2, 0))).over(MOTH[0], "adults/trap/week") is None
    assert days(hour(5, 6)).over(MOTH[0], "adults/trap/2 nights") is not None


def test_a_running_week_is_told_from_its_first_night_on_as_if_the_others_had_caught_nothing() -> None:
    evidence = days(hour(-48, 6), hour(25, 8)).so_far(MOTH[0], "adults/trap/week")
    assert figures(evidence)["adults/trap/night"] == 2


def test_the_running_night_counts_as_a_whole_one_so_that_it_can_only_rise() -> None:
    evidence = days(hour(24 + 1, 5), today=JULY + timedelta(1)).so_far(MOTH[0], "insects/trap/night")
    assert figures(evidence)["insects/trap/night"] == 5
    assert evidence is not None
    assert not evidence.period.is_over


def test_the_most_on_one_picture_is_a_density_only_where_the_area_is_known() -> None:
    seen = [hour(-8, 3, "max_per_frame", "live"), hour(-7, 8, "max_per_frame", "live")]
    assert figures(days(*seen).over(MOTH[0], "insects/m2")) == {"insects/picture": 8}
    on_area = [replace(one, area_mm2=500_000) for one in seen]
    assert figures(days(*on_area).over(MOTH[0], "insects/m2")) == {"insects/picture": 8, "insects/m2": 16}
    of_one_picture = replace(days(*on_area), range_of=shared).over(MOTH[0], "insects/m2")
    assert of_one_picture is not None
    assert [one.low for one in of_one_picture.told] == [8, 16]


def test_a_camera_that_is_calibrated_anew_leaves_each_count_the_area_it_was_counted_on() -> None:
    seen = [(-8, 6, 1_000_000), (-7, 3, 100_000), (-6, 50, None)]
    hours = [replace(hour(h, n, "max_per_frame", "live"), area_mm2=area_mm2) for h, n, area_mm2 in seen]
    assert figures(days(*hours).over(MOTH[0], "insects/m2"))["insects/m2"] == 30


@pytest.mark.parametrize("accuracy", [1.0, None])
def test_the_count_told_with_a_density_is_the_one_behind_it(accuracy: float | None) -> None:
    def ranged(label: str, number: int, _share: float) -> TaxonCount:
        return counted(number, label, "", precision=accuracy, recall=accuracy)

    hours = [
        replace(hour(h, n, "max_per_frame", "live"), area_mm2=area_mm2)
        for h, n, area_mm2 in ((-8, 9, 10**6), (-7, 2, 10**5))
    ]
    counts = {}
    for unit in ("insects/m2", "insects/picture"):
        own = OwnThreshold(label=MOTH[0], unit=unit, act_at=10)
        adviser = begun(watched([MOTH[0]], AdviceTable(threshold=(own,)), None), {}, None, Stand())
        after, _ = adviser.advised(replace(days(*hours), range_of=ranged), hours[-1].end, "cam0", "m")
        (standing,) = after.compared
        counts[unit] = (standing.count, standing.figure and standing.figure.value)
    assert counts == {"insects/m2": (2, 20), "insects/picture": (9, 9)}


def test_what_is_most_urgent_is_told_first_whatever_its_name() -> None:
    def ranged(label: str, number: int, _share: float) -> TaxonCount:
        return TaxonCount(label=label, eppo="", count=number, low=number - 3, high=2 * number)

    numbers = {"Agrotis": 1, "Pieris": 7, "Myzus": 6, "Zeuzera": 20}
    own = tuple(OwnThreshold(label=label, unit="insects/picture", act_at=10) for label in numbers)
    seen = replace(
        hour(-8, 0, "max_per_frame", "live"), counts=tuple(count((label, ""), n) for label, n in numbers.items())
    )
    adviser = begun(watched(numbers, AdviceTable(threshold=own), None), {}, None, Stand())
    after, _ = adviser.advised(replace(days(seen), range_of=ranged), seen.end, "cam0", "m")
    assert [(one.threshold.scientific_name, one.level) for one in after.compared] == [
        ("Zeuzera", "act"), ("Myzus", "look"), ("Pieris", "look"), ("Agrotis", "calm"),
    ]  # fmt: skip


def test_a_level_is_judged_anew_where_only_its_upper_end_was_edited() -> None:
    def adviser(sure_at: float, kept: str | None) -> Adviser:
        own = OwnThreshold(label=MOTH[0], unit="insects/picture", act_at=3, sure_at=sure_at)
        return begun(watched([MOTH[0]], AdviceTable(threshold=(own,)), None), {}, kept, Stand())

    seen = hour(-8, 8, "max_per_frame", "live")
    after, _ = adviser(9, None).advised(days(seen), seen.end, "cam0", "m")
    kept = [adviser(sure_at, to_json(after)).standings[0].period for sure_at in (9, 6)]
    assert kept == [after.standings[0].period, None]


@pytest.mark.parametrize(
    ("units", "wanted_days"),
    [
        (["insects/trap/night", "adults/trap/week"], 7),
        (["adults/trap/week", "insects/trap/night"], 7),
        (["insects/picture", "% pictures"], 3),
        (["insects/picture"], 1),
        ([], 1),
    ],
)
def test_as_many_days_are_read_as_the_threshold_that_speaks_of_most(units: list[str], wanted_days: int) -> None:
    own = tuple(OwnThreshold(label=MOTH[0], unit=unit, act_at=10) for unit in units)
    adviser = begun(watched([MOTH[0]], AdviceTable(threshold=own), None), {}, None, Stand())
    assert adviser.reach == timedelta(days=wanted_days)


def test_a_share_of_pictures_needs_twenty_of_them_and_has_no_range() -> None:
    few, enough = (hour(-8, 3, "affected_frames", "leaf", frames) for frames in (19, 20))
    assert figures(days(few).over(MOTH[0], "% pictures")) == {}
    evidence = days(enough).over(MOTH[0], "% pictures")
    assert evidence is not None
    assert evidence.told == (Measured(15, "% pictures"),)


@pytest.mark.parametrize(
    ("pictures", "told", "first"),
    [
        ((20, 9, 9), 50, 1),  # of that day alone
        ((12, 8, 40), 70, 30),
        ((8, 7, 6), pytest.approx(100 * 17 / 21), 29),
        ((10, None, 10), 75, 29),  # a day between on which nobody looked
        ((7, 7, 5), None, 1),
        ((7, 7, 5, 20), None, 1),  # not of a third day before
        ((5, None, None), None, 1),
    ],
)
def test_a_share_takes_in_up_to_two_days_before_until_twenty_pictures_are_together(
    pictures: tuple[int | None, ...], told: float | None, first: int
) -> None:
    """Half of the last day's pictures show it, and all of the days before."""
    looked = [
        hour(-8 - 24 * back, frames if back else frames // 2, "affected_frames", "leaf", frames)
        for back, frames in enumerate(pictures)
        if frames is not None
    ]
    evidence = days(*reversed(looked)).over(MOTH[0], "% pictures")
    assert evidence is not None
    assert [one.value for one in evidence.told] == ([] if told is None else [told])
    assert (evidence.period.first.day, evidence.period.last) == (first, JULY)


def test_after_a_day_on_which_nobody_looked_a_share_says_nothing_of_the_days_before() -> None:
    assert days(hour(-32, 20, "affected_frames", "leaf", 20)).over(MOTH[0], "% pictures") is None


def test_the_share_of_a_running_day_takes_in_no_day_before() -> None:
    looked = [hour(-8, 30, "affected_frames", "leaf", 30), hour(13, 5, "affected_frames", "leaf", 12)]
    few = days(*looked).so_far(MOTH[0], "% pictures")
    assert few is not None
    assert (few.period.first, few.count, few.told) == (JULY + timedelta(1), 5, ())


def test_a_running_day_takes_no_level_back_though_its_share_falls_and_the_next_day_may() -> None:
    own = OwnThreshold(label=BLAST[0], unit="% leaf area", act_at=5)
    adviser = begun(watched([BLAST[0]], AdviceTable(threshold=(own,)), None), {}, None, Stand())
    shares = [(-20, 0.002), (-4, 0.08), (-3, 0.005), (-2, 0.09), (-1, 0.002), (0, 0.01), (13, 0.002)]
    told, raised = [], []
    for hours, share in shares:
        told.append(leaf_hour(hours, 3, 30, share))
        today = day_at(told[-1].end.utc, "leaf", SHANGHAI)
        adviser, alerts = adviser.advised(days(*told, today=today), told[-1].end, "cam0", "m")
        raised.append([(alert.level, alert.value) for alert in alerts])
        adviser = begun([one.threshold for one in adviser.standings], {}, to_json(adviser), Stand())  # a restart
    assert raised == [[], [("act", 8)], [], [], [], [], [("calm", pytest.approx(3.74))]]


def test_lesions_are_a_disease_s_only_where_hardly_another_was_seen() -> None:
    one = leaf_hour(-8, 3, 20, 0.02)
    other = leaf_hour(-7, 3, 60, 0.06)
    mixed = replace(other, counts=(count(BLAST, 3), count(("Bipolaris oryzae", ""), 1)))
    assert figures(days(one, other).over(BLAST[0], "% leaf area"))["% leaf area"] == pytest.approx(5.0)
    assert "% leaf area" not in figures(days(one, mixed).over(BLAST[0], "% leaf area"))


@pytest.mark.parametrize(("stray", "is_told"), [(1, True), (5, True), (6, False)])
def test_another_name_on_a_tenth_of_a_disease_s_pictures_takes_no_lesions_from_it(stray: int, is_told: bool) -> None:
    names = (count(BLAST, 50), count(("Bipolaris oryzae", ""), stray))
    one = replace(leaf_hour(-8, 50, 60, 0.06), counts=names)
    assert ("% leaf area" in figures(days(one).over(BLAST[0], "% leaf area"))) == is_told
    assert "% leaf area" not in figures(days(one).over("Bipolaris oryzae", "% leaf area"))


@pytest.mark.parametrize("others", [1, 20])
def test_a_disease_that_is_gone_is_on_none_of_the_leaf_whatever_other_is_seen(others: int) -> None:
    one = replace(leaf_hour(-8, 0, 20, 0.06), counts=(count(("Bipolaris oryzae", ""), others),))
    assert figures(days(one).over(BLAST[0], "% leaf area"))["% leaf area"] == 0
    unknown = replace(one, severity=None)  # insects on most of the pictures
    assert figures(days(unknown).over(BLAST[0], "% leaf area"))["% leaf area"] == 0
    few = replace(one, frames=19)
    assert "% leaf area" not in figures(days(few).over(BLAST[0], "% leaf area"))


def test_a_share_of_the_leaf_needs_twenty_pictures_of_which_it_is_known() -> None:
    seen = [replace(leaf_hour(-8, 9, 30, 0.0), severity=None), leaf_hour(-7, 9, 19, 0.06)]
    assert set(figures(days(*seen).over(BLAST[0], "% leaf area"))) == {"% pictures"}
    seen[1] = replace(seen[1], frames=20)
    assert figures(days(*seen).over(BLAST[0], "% leaf area"))["% leaf area"] == pytest.approx(6)


@pytest.mark.parametrize("label", ["Phytophthora palmivora", "Plutella xylostella"])
def test_what_is_no_lesion_of_a_leaf_has_no_share_of_it(label: str) -> None:
    one = replace(leaf_hour(-8, 0, 24, 0.0), counts=(count((label, ""), 9),))
    assert set(figures(days(one).over(label, "% leaf area"))) == {"% pictures"}


def test_packaged_thresholds_are_watched_only_where_the_crop_is_known() -> None:
    labels = ["Plutella xylostella", "Helicoverpa armigera"]
    assert watched(labels, AdviceTable(), None) == ()
    assert {row.scientific_name for row in watched(labels, AdviceTable(), "cabbage")} == {"Plutella xylostella"}
    assert {row.crop for row in watched(labels, AdviceTable(crop="cotton"), "cabbage")} == {"cotton"}
    assert watched(labels, AdviceTable(defaults=False), "cabbage") == ()


def test_what_is_watched_is_told_by_name_whatever_the_order_of_the_table() -> None:
    names = [row.scientific_name for row in watched(["Orseolia oryzae", "Nilaparvata lugens"], AdviceTable(), "rice")]
    assert names[0] == "Nilaparvata lugens"
    assert names == sorted(names)


def test_rows_for_another_stage_or_region_are_not_watched_where_it_is_named_and_those_for_all_stages_are() -> None:
    def rows(label: str, **named: str) -> set[tuple[str, float, str, str]]:
        found = watched([label], AdviceTable(**named), None)
        return {(row.unit, row.low, row.stage_of_crop, row.region) for row in found}

    hopper, kerala = "Nilaparvata lugens", "India (Kerala)"
    assert rows(hopper, crop="rice", stage="mid-tillering") == {("insects/hill", 10, "mid-tillering", kerala)}
    assert rows("Bemisia tabaci", crop="cotton", region="India") == {("insects/leaf", 10, "all", "India")}
    assert rows("Bemisia tabaci", crop="cotton", stage="boll") == {("insects/leaf", 10, "all", "India")}


def test_of_several_rows_for_a_pest_and_unit_the_one_that_acts_first_is_watched() -> None:
    rows = watched(["Nephotettix virescens"], AdviceTable(), "rice")
    assert len({row.unit for row in rows}) == len(rows)
    (hill,) = [row for row in rows if row.unit == "insects/hill"]
    assert hill.low == 10


@pytest.mark.parametrize(
    ("label", "unit", "acts"),
    [
        ("Nilaparvata lugens", "insects/hill", (5, 10)),  # before 10, 15 and 25 at later stages
        ("Scirpophaga incertulas", "% tillers", (5, None)),  # after 10 and 10
    ],
)
def test_the_row_that_acts_first_is_watched_wherever_it_stands_in_the_table(
    label: str, unit: str, acts: tuple[float, float | None]
) -> None:
    (row,) = [row for row in watched([label], AdviceTable(), "rice") if row.unit == unit]
    assert (row.low, row.high) == acts


@pytest.mark.parametrize("act_at", [0.2, 40.0])
def test_an_own_row_stands_in_place_of_the_packaged_one_whichever_acts_first(act_at: float) -> None:
    (packaged,) = watched(["Plutella xylostella"], AdviceTable(), "cabbage")
    own = OwnThreshold(label=packaged.scientific_name, unit=packaged.unit, act_at=act_at)
    (row,) = watched(["Plutella xylostella"], AdviceTable(threshold=(own,)), "cabbage")
    assert (row.low, row.source) == (act_at, "set on this node")


def test_an_own_row_of_a_pest_that_the_model_does_not_know_is_not_watched() -> None:
    own = OwnThreshold(label="Plutella xylostella", unit="insects/picture", act_at=3)
    assert watched(["Helicoverpa armigera"], AdviceTable(threshold=(own,)), None) == ()


def test_a_threshold_of_larvae_is_held_against_larvae_and_their_range_where_the_model_tells_them() -> None:
    def ranged(label: str, number: int, _share: float) -> TaxonCount:
        known = 1.0 if label == f"{MOTH[0]} (larva)" else None
        return counted(number, label, "", precision=known, recall=known)

    seen = replace(hour(-7, 3, "max_per_frame", "live"), area_mm2=500_000)
    hours = [hour(-8, None), replace(seen, counts=(count(MOTH, 5, stage="larva"), count(MOTH, 9, stage="adult")))]
    tomorrow, larva = JULY + timedelta(1), frozenset({(MOTH[0], "larva")})
    told = Days.of(hours, "max_per_frame", SHANGHAI, tomorrow, ranged, stages=larva).over(MOTH[0], "larvae/picture")
    blind = Days.of(hours, "max_per_frame", SHANGHAI, tomorrow, ranged).over(MOTH[0], "larvae/picture")
    assert figures(told) == {"larvas/picture": 5, "larvas/m2": 10}
    assert figures(blind) == {"insects/picture": 14, "insects/m2": 28}
    assert [one.low for evidence in (told, blind) if evidence for one in evidence.told] == [5, 10, None, None]


KEPT = {"pests@1": frozenset({MOTH[0]}), "cards@1": frozenset({"Insecta"})}


def by(model: str, intervals: Sequence[Interval]) -> list[Interval]:
    return [replace(one, model=model) for one in intervals]


def test_a_night_of_a_model_that_cannot_tell_the_pest_is_no_zero() -> None:
    told = by("pests@1", [hour(24 * n, 20) for n in range(4)]) + by("cards@1", [hour(24 * n, 0) for n in range(4, 7)])
    week = Days.of(told, "new", SHANGHAI, JULY + timedelta(7), perfect, label_sets=KEPT)
    assert figures(week.over(MOTH[0], "adults/trap/week"))["adults/trap/night"] == 20
    assert week.over(MOTH[0], "insects/trap/night") is None
    assert week.so_far(MOTH[0], "insects/trap/night") is None
    assert figures(week.over("Insecta", "insects/trap/night"))["insects/trap/night"] == 0


def test_a_week_most_nights_of_which_a_model_cannot_tell_says_nothing() -> None:
    told = by("cards@1", [hour(24 * n, 0) for n in range(4)]) + by("pests@1", [hour(24 * n, 20) for n in range(4, 7)])
    week = Days.of(told, "new", SHANGHAI, JULY + timedelta(7), perfect, label_sets=KEPT)
    assert week.over(MOTH[0], "adults/trap/week") is None


def test_a_share_is_of_pictures_of_the_models_that_can_tell_the_disease() -> None:
    told = [hour(-8, 5, "affected_frames", "leaf", frames=50), hour(-7, 0, "affected_frames", "leaf", frames=50)]
    both = [replace(told[0], model="pests@1"), replace(told[1], model="cards@1", counts=())]
    day = Days.of(both, "affected_frames", SHANGHAI, JULY + timedelta(1), perfect, label_sets=KEPT)
    assert figures(day.over(MOTH[0], "% pictures"))["% pictures"] == 10


def test_a_day_that_counted_a_pest_under_a_version_that_tells_other_labels_now_is_kept_whole() -> None:
    told = by("cards@1", [hour(h, n, "affected_frames", "leaf", frames=50) for h, n in ((-8, 5), (-7, 0))])
    day = Days.of(told, "affected_frames", SHANGHAI, JULY + timedelta(1), perfect, label_sets=KEPT)
    assert figures(day.over(MOTH[0], "% pictures"))["% pictures"] == 5


def test_larvae_that_were_counted_under_a_version_that_tells_other_labels_now_are_kept() -> None:
    (one,) = by("cards@1", [hour(-7, 3, "max_per_frame", "live")])
    larvae, stages = replace(one, counts=(count(MOTH, 5, stage="larva"),)), frozenset({(MOTH[0], "larva")})
    day = Days.of([larvae], "max_per_frame", SHANGHAI, JULY + timedelta(1), perfect, stages, KEPT)
    assert figures(day.over(MOTH[0], "larvae/picture")) == {"larvas/picture": 5}


def test_a_model_that_tells_no_life_stages_has_not_looked_for_larvae() -> None:
    one = hour(-7, 3, "max_per_frame", "live")
    kept, larva = {one.model: frozenset({MOTH[0]})}, frozenset({(MOTH[0], "larva")})
    day = Days.of([one], "max_per_frame", SHANGHAI, JULY + timedelta(1), perfect, larva, kept)
    assert day.over(MOTH[0], "larvae/picture") is None


def test_larvae_in_a_trap_are_no_catch_of_what_flies() -> None:
    caught = replace(hour(1, 0), counts=(count(MOTH, 5, stage="larva"), count(MOTH, 9, stage="adult")))
    told = replace(days(caught), stages=frozenset({(MOTH[0], "larva")}))
    assert figures(told.over(MOTH[0], "larvae/trap/night")) == {"larvas/trap/night": 5, "larvas/card/night": 5}


@pytest.mark.parametrize(
    ("label", "name", "stage"),
    [
        ("Lepidoptera (larva)", "Lepidoptera", "larva"),
        ("Cicadellidae (juvenile)", "Cicadellidae", "juvenile"),
        ("Tuta absoluta (symptom)", "Tuta absoluta", "symptom"),
        ("Bemisia (adult) tabaci", "Bemisia (adult) tabaci", ""),
        ("Pieris", "Pieris", ""),
        ("Aphis (Aphis) gossypii", "Aphis (Aphis) gossypii", ""),
        ("Aphis (gossypii)", "Aphis (gossypii)", ""),
    ],
)
def test_a_class_names_its_life_stage_in_brackets(label: str, name: str, stage: str) -> None:
    told = counted(3, label, "", precision=None, recall=None)
    assert (told.label, told.stage) == (name, stage)
