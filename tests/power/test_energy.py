"""Panel and battery: a sum done by hand, the real keeper, and laws that hold for any site."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as replace_fields

from edge.cli import main
from edge.config import NodeTable, PowerTable, Sleep
from edge.power.energy import BOARDS, SLEEPS, Board, Duty, Site, duty, load, need, sun_hours, worst_month
from edge.power.sun import day_length_h
from tests.clocks import SetClock
from tests.power.test_keeper import SHOUGUANG, keeper, turn

SITE = Site(latitude_deg=37, month=12, clearness=0.45, performance=0.6, dark_days=5, usable=0.8)
BOARD = Board(idle_w=1.0, busy_w=3.0, off_w=0.1, boot_s=60.0, assumed=())


def test_the_load_of_a_day_is_the_sum_done_by_hand() -> None:
    """Ten hours of light and half an hour before and after it, a look every half hour."""
    day = {"light_h": 10.0, "every_s": 1800.0, "stays_s": 180.0}
    never, night, between = (load(BOARD, duty(60, sleep=sleep, **day), picture_ws=36) for sleep in SLEEPS)
    assert never == pytest.approx(24 + 48 * 0.01)
    assert night == pytest.approx(3 / 60 + (11 - 1 / 60) * 1 + 13 * 0.1 + 22 * 0.01)
    starts = 22 + 2 - 255 / 1800  # of 60 s to boot and 195 s until the keeper looks after three minutes
    off_h = 24 - starts * 255 / 3600
    assert between == pytest.approx(starts * (60 * 3 + 195 * 1) / 3600 + off_h * 0.1 + starts * 0.01)


def spent_wh(board: Board, sleep: Sleep, *, is_idle: bool) -> float:
    return spent(board, sleep, is_idle=is_idle)[0]


def spent(board: Board, sleep: Sleep, *, is_idle: bool = True, every_s: float = 3600) -> tuple[float, float]:
    """From noon to noon in December: Wh that the real keeper lets a board in Shouguang spend but for looks, and those.

    It looks after each start, and `every_s` later while it is awake.
    """
    noon, spent_ws, looks = datetime(2026, 12, 16, 4, tzinfo=UTC), 0.0, 0.0
    clock, end = SetClock(noon), noon + timedelta(days=1)
    while clock.utc < end:
        clock.advance(board.boot_s)
        spent_ws += board.boot_s * board.busy_w
        start = clock.utc
        made, asked = keeper(clock, PowerTable(sleep=sleep), is_idle=is_idle, every_s=every_s)
        while not asked and clock.utc < end:
            turn(made, clock, 10)
            spent_ws += 10 * board.idle_w
        looks += 1 + (clock.utc - start).total_seconds() // every_s
        off_s = (min(asked[0].until, end) - clock.utc).total_seconds() if asked else 0.0
        clock.advance(off_s)
        spent_ws += off_s * board.off_w
    return spent_ws / 3600, looks


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
@pytest.mark.parametrize("sleep", ["night", "between"])
def test_the_plan_is_what_the_keeper_does_and_its_battery_carries_days_without_a_broker(
    sleep: Sleep, board: Board
) -> None:
    plan = need(SITE, board, every_s=3600, picture_ws=0, sleep=sleep)
    assert plan.load_wh == pytest.approx(spent_wh(board, sleep, is_idle=True), rel=0.05)
    assert plan.battery_wh * SITE.usable / SITE.dark_days == pytest.approx(
        spent_wh(board, sleep, is_idle=False), rel=0.05
    )


def starts(every_s: float, node: NodeTable, days: int = 4) -> int:
    """From the second day in December on: how often the real keeper lets the node start."""
    clock, count = SetClock(datetime(2026, 12, 15, tzinfo=UTC)), 0
    begin, end = clock.utc + timedelta(days=1), clock.utc + timedelta(days=1 + days)
    while clock.utc < end:
        count += clock.utc >= begin
        clock.advance(60)
        made, asked = keeper(clock, PowerTable(sleep="between"), every_s=every_s, node=node)
        while not asked:
            turn(made, clock, 10)
        clock.advance((asked[0].until - clock.utc).total_seconds())
    return count


@pytest.mark.parametrize("every_s", [10_800, 43_200, 86_400])
def test_a_plan_counts_the_starts_that_nodes_all_round_the_earth_make_on_average(every_s: float) -> None:
    nodes = [replace_fields(SHOUGUANG, longitude=float(longitude)) for longitude in range(-180, 180, 24)]
    light_h = day_length_h(SHOUGUANG.latitude or 0, datetime(2026, 12, 18, tzinfo=UTC).date())
    plan = duty(60, light_h=light_h, every_s=every_s, sleep="between", stays_s=180)
    assert plan.starts == pytest.approx(sum(starts(every_s, node) for node in nodes) / len(nodes) / 4, rel=0.05)


@pytest.mark.parametrize(("every_s", "boot_s"), [(500, 60), (600, 120), (600, 60), (3600, 60)])
def test_a_node_that_finds_the_next_look_too_near_to_sleep_stays_for_it_in_the_plan_as_well(
    every_s: float, boot_s: float
) -> None:
    board = replace(BOARD, boot_s=boot_s)
    plan = need(SITE, board, every_s=every_s, picture_ws=0, sleep="between")
    assert (plan.load_wh, plan.pictures) == pytest.approx(spent(board, "between", every_s=every_s), rel=0.05)
    by_day = day_length_h(SITE.latitude_deg, datetime(2026, 12, 16, tzinfo=UTC).date()) + 1
    assert plan.pictures == pytest.approx(by_day * 3600 / every_s, rel=0.2), "no second one is left out"


def test_the_plan_of_a_node_that_looks_less_often_than_daily_is_that_of_one_start_a_day() -> None:
    daily, weekly = (
        need(SITE, BOARD, every_s=every_s, picture_ws=12, sleep="between") for every_s in (86_400, 604_800)
    )
    assert weekly == daily


def test_under_a_sun_that_does_not_set_a_day_has_24_hours_and_no_start() -> None:
    assert duty(60, light_h=24, every_s=1800, sleep="night", stays_s=180) == Duty(starts=0, awake_s=86_400, pictures=48)


def test_looks_that_come_too_soon_for_a_sleep_between_cost_what_the_day_awake_costs() -> None:
    night, between = (need(SITE, BOARD, every_s=480, picture_ws=12, sleep=sleep) for sleep in ("night", "between"))
    assert replace(between, sleep="night") == night


@given(latitude=st.floats(-50, 50), every_s=st.floats(600, 86400), picture_ws=st.floats(0, 500))
def test_more_work_or_less_sun_never_needs_a_smaller_panel_or_battery(
    latitude: float, every_s: float, picture_ws: float
) -> None:
    site = replace(SITE, latitude_deg=latitude)
    for sleep in SLEEPS:
        one = need(site, BOARD, every_s=every_s, picture_ws=picture_ws, sleep=sleep)
        more = need(site, BOARD, every_s=every_s / 2, picture_ws=picture_ws + 1, sleep=sleep)
        darker = need(
            replace(site, clearness=0.3, dark_days=7), BOARD, every_s=every_s, picture_ws=picture_ws, sleep=sleep
        )
        assert one.panel_w <= more.panel_w
        assert one.battery_wh <= more.battery_wh
        assert one.panel_w < darker.panel_w
        assert one.battery_wh < darker.battery_wh


@pytest.mark.parametrize(("latitude", "month"), [(45, 12), (-45, 6), (20, 12)])
def test_the_worst_month_is_that_of_the_low_sun(latitude: float, month: int) -> None:
    assert worst_month(latitude) == month
    assert sun_hours(replace(SITE, latitude_deg=latitude, month=month)) < 4


def test_sun_hours_are_what_falls_above_the_air_by_what_of_it_reaches_the_ground() -> None:
    """At the equator in March: the sun is overhead at noon, and 0.5 % nearer than a year's mean."""
    above_kwh_m2 = 24 / 3.1416 * 1.361 / 0.995**2
    assert sun_hours(replace(SITE, latitude_deg=0, month=3, clearness=0.3)) == pytest.approx(
        0.3 * above_kwh_m2, rel=0.01
    )


def test_the_panel_gives_back_what_the_load_took() -> None:
    one = need(SITE, BOARD, every_s=3600, picture_ws=20, sleep="night")
    assert one.panel_w * sun_hours(SITE) * SITE.performance == pytest.approx(one.load_wh)
    assert one.battery_wh * SITE.usable == pytest.approx(one.load_wh * SITE.dark_days)


def test_the_command_shows_each_way_to_sleep_and_what_is_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    plan = ["power", "plan", "--board", "zero2w", "--latitude", "36.9", "--picture-ws", "12"]
    assert main(plan) == 0
    assert "assumed, so measure them: busy_w, off_w, boot_s" in capsys.readouterr().out
    assert main([*plan, "--busy-w", "2", "--off-w", "0.02", "--boot-s", "70", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["sleep"] for row in rows] == list(SLEEPS)
    assert rows[0]["load_wh"] > rows[1]["load_wh"] > rows[2]["load_wh"] > 0


@pytest.mark.parametrize(
    "wrong",
    [["--latitude", "91"], ["--clearness", "0"], ["--usable", "1.1"], ["--every-s", "0"], ["--picture-ws", "-1"]],
)
def test_figures_that_cannot_be_are_refused_in_one_sentence(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    right = ["power", "plan", "--board", "pi4", "--latitude", "30", "--picture-ws", "5"]
    assert main([*right, *wrong]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_every_board_says_what_of_it_is_assumed() -> None:
    assert all(set(board.assumed) <= {"idle_w", "busy_w", "off_w", "boot_s"} for board in BOARDS.values())
