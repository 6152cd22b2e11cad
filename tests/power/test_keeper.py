"""When a node asks to sleep: a low battery, the night, the time between two looks; and what the root side does then."""

import logging
import os
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from edge.app import _keeper as keeper_of
from edge.clock import ClockState
from edge.config import CameraTable, MqttTable, NodeConfig, NodeTable, PowerTable, StoreTable, parse_config
from edge.errors import ConfigError, StoreDamagedError
from edge.power.gauge import Battery, read_battery, status_of
from edge.power.keeper import Halt, Keeper, ask_halt
from edge.power.schedule import longest_sleep_s, next_look, wake_at
from edge.status import StatusBoard
from edge.store import Store
from edge.updates.inbox import Inbox
from edge.updates.slots import Places, is_installing
from tests.clocks import SetClock

PROGRAMS = Path(__file__).parents[2] / "firmware_config/card/system/usr/local/lib/fieldeye"
SHOUGUANG = NodeTable(site="s", node="n", latitude=36.88, longitude=118.74)
DAY, NIGHT = datetime(2026, 6, 21, 4, 0, tzinfo=UTC), datetime(2026, 6, 21, 15, 0, tzinfo=UTC)
SUNRISE = datetime(2026, 6, 21, 20, 45, tzinfo=UTC)


def keeper(clock: SetClock, power: PowerTable, *, volts: Callable[[], float | None] = lambda: None,
           is_idle: bool = True, is_installing: Callable[[], bool] = lambda: False,
           is_visited: Callable[[], bool] = lambda: False,
           every_s: float = 3600, node: NodeTable = SHOUGUANG,
           takes: Callable[[Halt], bool] = lambda _: True) -> tuple[Keeper, list[Halt]]:  # fmt: skip
    asked: list[Halt] = []

    def ask(halt: Halt) -> bool:
        asked.append(halt)
        return takes(halt)

    def read() -> Battery | None:
        voltage_v = volts()
        return None if voltage_v is None else Battery(voltage_v)

    camera = CameraTable(kind="folder", every_s=every_s)
    made = Keeper(
        power, node, camera, clock,
        read=read, is_idle=lambda: is_idle, is_installing=is_installing, is_visited=is_visited, ask=ask,
    )  # fmt: skip
    return made, asked


def turn(made: Keeper, clock: SetClock, seconds: float) -> None:
    for _ in range(int(seconds // 10)):
        clock.advance(10)
        made.beat()


def test_a_low_battery_shuts_down_after_a_minute_and_a_half_whatever_else() -> None:
    clock = SetClock(DAY, ClockState.UNSYNCED)
    power = PowerTable(gauge="ina219", low_v=11.5)
    made, asked = keeper(clock, power, volts=lambda: 11.4, is_idle=False, is_visited=lambda: True)
    turn(made, clock, 60)
    assert asked == []
    turn(made, clock, 30)
    assert [(halt.reason, halt.must) for halt in asked] == [("the battery is low", True)]
    assert asked[0].until - clock.utc == pytest.approx(timedelta(hours=6), abs=timedelta(minutes=1))


def test_a_voltage_that_dips_for_a_moment_does_not_shut_down() -> None:
    clock, readings = SetClock(DAY), iter([11.0, 11.0, 12.5] * 20)
    made, asked = keeper(clock, PowerTable(gauge="ina219", low_v=11.5), volts=lambda: next(readings))
    turn(made, clock, 900)
    assert asked == []


def test_without_a_gauge_no_battery_is_low() -> None:
    clock = SetClock(DAY)
    made, asked = keeper(clock, PowerTable(gauge="ina219", low_v=11.5))
    turn(made, clock, 900)
    assert (asked, made.battery) == ([], None)


def test_a_gauge_without_a_voltage_to_shut_down_at_is_read_for_health_alone() -> None:
    clock = SetClock(DAY)
    made, asked = keeper(clock, PowerTable(gauge="ina219"), volts=lambda: 3.1)
    turn(made, clock, 900)
    assert (asked, made.battery) == ([], Battery(3.1))


def test_a_node_that_was_left_on_still_watches_its_battery_and_asks_again_after_an_hour() -> None:
    clock, volts = SetClock(NIGHT), [12.6]
    made, asked = keeper(clock, PowerTable(gauge="ina219", low_v=11.5, sleep="night"), volts=lambda: volts[0])
    turn(made, clock, 3600)
    assert [halt.must for halt in asked] == [False]
    turn(made, clock, 600)
    assert [halt.must for halt in asked] == [False, False]
    volts[0] = 10.9
    turn(made, clock, 90)
    assert [halt.must for halt in asked] == [False, False, True]
    assert made.battery == Battery(10.9)


@pytest.mark.parametrize(
    ("utc", "sleep", "until"),
    [
        (DAY, "night", None),
        (NIGHT, "night", SUNRISE - timedelta(minutes=30)),
        (NIGHT, "never", None),
        (NIGHT, "between", SUNRISE - timedelta(minutes=30)),
        (DAY, "between", datetime(2026, 6, 21, 5, 0, tzinfo=UTC)),
    ],
)
def test_the_node_sleeps_when_it_is_told_to(utc: datetime, sleep: str, until: datetime | None) -> None:
    clock = SetClock(utc)
    made, asked = keeper(clock, PowerTable(sleep=sleep))  # type: ignore[arg-type]
    turn(made, clock, 170)
    assert asked == []  # a person with a phone has time to come
    turn(made, clock, 60)
    if until is None:
        assert asked == []
    else:
        assert len(asked) == 1
        assert abs(asked[0].until - until) < timedelta(minutes=5)
        assert not asked[0].must


def test_records_that_wait_keep_it_awake_for_a_quarter_of_an_hour() -> None:
    clock = SetClock(NIGHT)
    made, asked = keeper(clock, PowerTable(sleep="night"), is_idle=False)
    turn(made, clock, 840)
    assert asked == []
    turn(made, clock, 120)
    assert len(asked) == 1


def sleeper(folder: Path, mqtt: MqttTable | None = None) -> NodeConfig:
    """A node that is off between its hourly looks."""
    return NodeConfig(
        node=SHOUGUANG,
        camera=CameraTable(kind="folder", every_s=3600),
        store=StoreTable(folder=str(folder)),
        power=PowerTable(sleep="between"),
        mqtt=mqtt,
    )


@pytest.mark.parametrize(
    ("name", "age_s", "sleeps"),
    [
        (None, 0, True),
        ("a.update", 7200, False),
        ("a.fetch", 7200, False),
        ("a.part", 30, False),
        ("a.part", 150, True),
    ],
)
def test_a_node_does_not_switch_off_in_the_midst_of_an_update(
    name: str | None, age_s: int, sleeps: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    config, clock = sleeper(tmp_path), SetClock(DAY)
    with closing(Store(config.store, "n")) as store:
        made = keeper_of(config, store, clock, StatusBoard(clock.now()), Inbox(tmp_path / "inbox"))
        (tmp_path / "inbox").mkdir()
        turn(made, clock, 170)
        if name is not None:
            (tmp_path / "inbox" / name).touch()
            os.utime(tmp_path / "inbox" / name, (clock.utc.timestamp() - age_s,) * 2)
        turn(made, clock, 20)
    assert (tmp_path / "halt").exists() == sleeps


def test_a_photograph_for_the_station_keeps_it_awake_as_long_as_a_record_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    config = sleeper(tmp_path, MqttTable(host="localhost"))
    clock, photo = SetClock(DAY), b"\xff\xd8 a photograph \xff\xd9"
    with closing(Store(config.store, "n")) as store:
        made = keeper_of(config, store, clock, StatusBoard(clock.now()), Inbox(tmp_path / "inbox"))
        question = store.ask_station(clock.now(), photo)
        turn(made, clock, 300)
        assert not (tmp_path / "halt").exists()
        store.mark_question_sent(question.id)
        store.ask_station(replace(clock.now(), utc=DAY - timedelta(days=1)), photo)  # nobody takes it
        turn(made, clock, 30)
    assert (tmp_path / "halt").exists()


def test_a_card_that_does_not_read_what_waits_ends_no_node_and_keeps_it_awake_as_a_record_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    config, clock = sleeper(tmp_path, MqttTable(host="localhost")), SetClock(DAY)
    with closing(Store(config.store, "n")) as store:
        made = keeper_of(config, store, clock, StatusBoard(clock.now()), Inbox(tmp_path / "inbox"))
        with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as other:
            other.execute("ALTER TABLE question RENAME TO away")
        turn(made, clock, 880)
        assert not (tmp_path / "halt").exists()
        turn(made, clock, 50)
    assert (tmp_path / "halt").exists()


def test_a_store_that_is_found_damaged_before_a_sleep_ends_the_node_for_a_start_that_mends_it(tmp_path: Path) -> None:
    config, clock = sleeper(tmp_path, MqttTable(host="localhost")), SetClock(DAY)
    with closing(Store(config.store, "n")) as store:
        made = keeper_of(config, store, clock, StatusBoard(clock.now()), Inbox(tmp_path / "inbox"))
        with closing(sqlite3.connect(tmp_path / "fieldeye.db", isolation_level=None)) as other:
            other.execute("PRAGMA writable_schema = 1")
            other.execute("UPDATE sqlite_master SET sql = 'no table' WHERE name = 'question'")
            other.execute("PRAGMA schema_version = 999")
        with pytest.raises(StoreDamagedError):
            turn(made, clock, 300)


def test_an_installation_keeps_it_awake_longer_than_a_broker_does_but_not_for_ever() -> None:
    clock = SetClock(NIGHT)
    made, asked = keeper(clock, PowerTable(sleep="night"), is_installing=lambda: True)
    turn(made, clock, 3600)
    assert asked == []
    turn(made, clock, 240)
    assert len(asked) == 1


def test_an_installation_that_begins_at_dusk_has_its_hour_however_long_the_node_ran() -> None:
    clock, begins = SetClock(NIGHT - timedelta(hours=6)), NIGHT - timedelta(hours=3, minutes=10)
    ends = begins + timedelta(minutes=50)
    made, asked = keeper(clock, PowerTable(sleep="night"), is_installing=lambda: begins < clock.utc < ends)
    while not asked:
        turn(made, clock, 10)
    assert ends <= clock.utc < ends + timedelta(minutes=1)


def test_a_second_installation_has_its_hour_whenever_the_first_one_began() -> None:
    clock, first, second = SetClock(NIGHT - timedelta(hours=6)), NIGHT - timedelta(hours=5), NIGHT
    made, asked = keeper(
        clock,
        PowerTable(sleep="night", after_sunset_s=14_400),
        is_installing=lambda: any(begin < clock.utc < begin + timedelta(minutes=50) for begin in (first, second)),
    )
    while not asked:
        turn(made, clock, 10)
    assert second + timedelta(minutes=50) <= clock.utc < second + timedelta(minutes=51)


@pytest.mark.parametrize(("age_s", "is_under_way"), [(60, True), (7200, False), (None, False)])
def test_what_a_power_cut_left_of_an_installation_is_none_that_is_under_way(
    age_s: int | None, is_under_way: bool, tmp_path: Path
) -> None:
    places = Places(opt=tmp_path)
    if age_s is not None:
        places.incoming.mkdir()
        os.utime(places.incoming, (time.time() - age_s,) * 2)
    assert is_installing(places) == is_under_way


@pytest.mark.parametrize(("utc", "sleep"), [(NIGHT, "night"), (DAY, "between")])
def test_a_node_does_not_sleep_under_a_person_and_sleeps_ten_minutes_after(
    utc: datetime, sleep: Literal["night", "between"]
) -> None:
    clock = SetClock(utc)
    board = StatusBoard(clock.now())
    made, asked = keeper(clock, PowerTable(sleep=sleep), is_visited=lambda: board.is_visited(clock.monotonic_s()))
    for _ in range(4):
        board.visit(clock.monotonic_s())
        turn(made, clock, 590)
    assert asked == []
    turn(made, clock, 60)
    assert [halt.must for halt in asked] == [False]


def test_a_node_that_does_not_know_the_time_stays_awake() -> None:
    clock = SetClock(NIGHT, ClockState.UNSYNCED)
    made, asked = keeper(clock, PowerTable(sleep="night"))
    turn(made, clock, 3600)
    assert asked == []


@pytest.mark.parametrize("every_s", [480, 240, 0])
def test_pictures_come_too_often_to_sleep_between(every_s: float) -> None:
    clock = SetClock(DAY)
    made, asked = keeper(clock, PowerTable(sleep="between"), every_s=every_s)
    turn(made, clock, 3600)
    assert asked == []


def test_a_node_that_stays_for_a_look_that_is_too_near_to_sleep_until_sleeps_once_it_has_looked() -> None:
    """Ten minutes apart, on a board that takes two to start: at 4:12 for the first time, and then at 4:22."""
    clock = SetClock(DAY + timedelta(minutes=12))
    made, asked = keeper(clock, PowerTable(sleep="between"), every_s=600)
    while not asked:
        turn(made, clock, 10)
    assert DAY + timedelta(minutes=22) < clock.utc < DAY + timedelta(minutes=24)
    assert asked[0].until == DAY + timedelta(minutes=30)


@pytest.mark.parametrize("every_s", [172_800, 604_800])
def test_whoever_looks_less_often_than_daily_wakes_once_a_day_and_is_switched_off(every_s: float) -> None:
    """The root side refuses what is more than a day away."""
    clock = SetClock(DAY)
    made, asked = keeper(clock, PowerTable(sleep="between"), every_s=every_s)
    turn(made, clock, 240)
    assert [halt.until for halt in asked] == [datetime(2026, 6, 22, 0, 0, tzinfo=UTC)]


def test_looks_fall_on_the_same_times_each_day() -> None:
    assert next_look(datetime(2026, 6, 21, 4, 59, 59, tzinfo=UTC), 3600) == datetime(2026, 6, 21, 5, 0, tzinfo=UTC)
    assert next_look(datetime(2026, 6, 21, 23, 30, tzinfo=UTC), 3600) == datetime(2026, 6, 22, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("hour", range(24))
def test_whoever_sleeps_wakes_within_a_day_and_by_day(hour: int) -> None:
    now = datetime(2026, 12, 21, hour, 7, tzinfo=UTC)
    until = wake_at(now, PowerTable(sleep="night"), 36.88, 118.74)
    if until is not None:
        assert now < until < now + timedelta(hours=24)
        assert wake_at(until, PowerTable(sleep="night"), 36.88, 118.74) is None


@pytest.mark.parametrize("longitude", range(-180, 181, 45))
def test_the_night_is_where_the_node_stands_all_round_the_earth(longitude: int) -> None:
    """At the equinox, by hours after the sun's noon: it sets at six and rises at eighteen."""
    noon = datetime(2026, 3, 20, 12, 7, tzinfo=UTC) - timedelta(hours=longitude / 15)
    power = PowerTable(sleep="night")
    woken = {hour: wake_at(noon + timedelta(hours=hour), power, 36.0, longitude) for hour in range(24)}
    assert [hour for hour, until in woken.items() if until is not None] == list(range(7, 18))
    rise = noon + timedelta(hours=18)
    assert all(abs(until - rise + timedelta(minutes=30)) < timedelta(minutes=12) for until in woken.values() if until)


def test_a_night_that_begins_hours_before_sunset_begins_then_also_in_the_farthest_east() -> None:
    early = PowerTable(sleep="night", after_sunset_s=-21_600)
    forenoon = datetime(2026, 12, 21, 23, tzinfo=UTC)  # eleven by the sun, which sets at four
    until = wake_at(forenoon, early, 50.0, 180.0)
    assert until is not None
    assert timedelta(hours=20) < until - forenoon < timedelta(hours=21)


@pytest.mark.parametrize("hour", [0, 12, 22])
def test_where_the_sun_neither_rises_nor_sets_the_node_stays_awake(hour: int) -> None:
    """In Alta from May to July, and from the end of November to the middle of January."""
    year = [datetime(2026, 1, 1, hour, tzinfo=UTC) + timedelta(days=day) for day in range(365)]
    asleep = {f"{now:%m-%d}" for now in year if wake_at(now, PowerTable(sleep="night"), 70.0, 25.0) is not None}
    assert "03-01" in asleep or hour == 12
    assert not [day for day in asleep if day < "01-15" or "05-20" < day < "07-22" or day > "11-28"]


@pytest.mark.parametrize(("sleep", "longest_s"), [("never", 0.0), ("night", 86_400.0), ("between", 86_400.0)])
def test_no_sleep_is_longer_than_a_day(sleep: Literal["never", "night", "between"], longest_s: float) -> None:
    assert longest_sleep_s(PowerTable(sleep=sleep)) == longest_s


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("low_v = 11", "needs power.gauge"),
        ('sleep = "night"', "needs node.latitude"),
        ('sleep = "nite"', "power.sleep"),
    ],
)
def test_settings_that_cannot_work_are_named(table: str, says: str) -> None:
    text = f'[node]\nsite = "s"\nnode = "n"\n[camera]\nkind = "folder"\n[power]\n{table}\n'
    with pytest.raises(ConfigError, match=says):
        parse_config(text, "node.toml")


@pytest.mark.parametrize(
    ("files", "reads"),
    [
        ({"name": "ina219\n", "in1_input": "12840\n"}, Battery(12.84)),
        ({"name": "ina219\n", "in1_input": "\n"}, None),
        ({"name": "ina219\n", "in1_input": "1000\n"}, Battery(1.0)),
        *(({"name": "ina219\n", "in1_input": f"{stray_mv}\n"}, None) for stray_mv in (-4, 0, 4, 999)),  # no wire
        ({"name": "cpu_thermal\n", "in1_input": "12840\n"}, None),
    ],
)
def test_the_gauge_is_read_from_the_kernels_files(tmp_path: Path, files: dict[str, str], reads: Battery | None) -> None:
    """A folder of the kernel's form: there is no gauge here."""
    (tmp_path / "hwmon0").mkdir()
    (tmp_path / "hwmon1").mkdir()
    for name, text in files.items():
        (tmp_path / "hwmon1" / name).write_text(text)
    assert read_battery("ina219", tmp_path, tmp_path) == reads


@pytest.mark.parametrize(
    ("files", "reads"),
    [
        ({"voltage_now": "3912000\n", "capacity": "64\n"}, Battery(3.912, 0.64)),
        ({"voltage_now": "4187000\n", "capacity": "100\n"}, Battery(4.187, 1.0)),
        ({"voltage_now": "3912000\n", "capacity": "255\n"}, Battery(3.912)),
        ({"voltage_now": "3912000\n"}, Battery(3.912)),
        ({"capacity": "64\n"}, None),
        ({"voltage_now": "1000\n", "capacity": "64\n"}, None),
    ],
)
def test_a_gauge_that_reckons_also_tells_the_share(
    tmp_path: Path, files: dict[str, str], reads: Battery | None
) -> None:
    (tmp_path / "max17040").mkdir()
    for name, text in files.items():
        (tmp_path / "max17040" / name).write_text(text)
    assert read_battery("max17040", tmp_path / "hwmon", tmp_path) == reads


@pytest.mark.parametrize(
    ("battery", "low_v", "level"),
    [
        (Battery(12.8), 11.8, "good"),
        (Battery(12.1), 11.8, "low"),
        (Battery(11.7), 11.8, "empty"),
        (Battery(11.7), None, "good"),  # nobody has said what is low
        (Battery(3.7, 0.25), None, "good"),
        (Battery(3.7, 0.24), None, "low"),
        (Battery(3.5, 0.10), None, "low"),
        (Battery(3.5, 0.09), None, "empty"),
        (Battery(3.9, 0.64), 3.4, "good"),
    ],
)
def test_a_battery_is_low_before_it_ends_the_work(battery: Battery, low_v: float | None, level: str) -> None:
    status = status_of(battery, low_v)
    assert status is not None
    assert (status.level, status.share) == (level, battery.share)


def test_an_unknown_battery_is_neither_good_nor_empty() -> None:
    assert status_of(None, 11.8) is None


def test_a_gauge_that_is_named_and_reads_nothing_is_told_once_until_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder of the kernel's form: there is no gauge here."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("edge.app.read_battery", partial(read_battery, root=tmp_path, supplies=tmp_path))
    power = PowerTable(gauge="ina219", low_v=11.8)
    config, clock = msgspec.structs.replace(sleeper(tmp_path), power=power), SetClock(DAY)
    board = StatusBoard(clock.now())
    with closing(Store(config.store, "n")) as store:
        made = keeper_of(config, store, clock, board, Inbox(tmp_path / "inbox"))
        turn(made, clock, 300)
        assert "power.gauge: ina219 " in board.snapshot().no_battery
        assert "power.low_v" in board.snapshot().no_battery
        (tmp_path / "hwmon1").mkdir()
        (tmp_path / "hwmon1" / "name").write_text("ina219\n")
        (tmp_path / "hwmon1" / "in1_input").write_text("12840\n")
        turn(made, clock, 300)
    assert (board.snapshot().no_battery, made.battery) == ("", Battery(12.84))
    assert [one.message for one in caplog.records] == ["no_battery", "battery_read"]


def test_a_gauge_is_told_as_unread_after_three_misses_in_a_row_and_not_after_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    readings: list[Battery | None] = []
    monkeypatch.setattr("edge.app.read_battery", lambda _gauge: readings.pop(0))
    config, clock = msgspec.structs.replace(sleeper(tmp_path), power=PowerTable(gauge="ina219")), SetClock(DAY)
    board = StatusBoard(clock.now())
    with closing(Store(config.store, "n")) as store:
        made = keeper_of(config, store, clock, board, Inbox(tmp_path / "inbox"))
        for misses in (1, 2, 3, 2):
            readings += [*[None] * misses, Battery(12.84)]
            turn(made, clock, 30 * misses)
            assert (bool(board.snapshot().no_battery), made.battery) == (misses == 3, None)
            turn(made, clock, 30)
            assert (board.snapshot().no_battery, made.battery) == ("", Battery(12.84))
    assert caplog.messages == ["no_battery", "battery_read"]


def test_without_a_gauge_nothing_is_said_of_a_battery(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config, clock = sleeper(tmp_path), SetClock(DAY)
    board = StatusBoard(clock.now())
    with closing(Store(config.store, "n")) as store:
        turn(keeper_of(config, store, clock, board, Inbox(tmp_path / "inbox")), clock, 60)
    assert (board.snapshot().no_battery, caplog.messages) == ("", [])


def halt(tmp_path: Path, line: str, *, wakes: bool) -> list[str]:
    """What the root side does with a request; systemctl is a stand-in, and so is the clock's file."""
    for name, text in {"systemctl": f'echo "$*" >>{tmp_path}/did', "date": 'exec /bin/date "$@"'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "halt").write_text(line)
    if wakes:
        (tmp_path / "rtc").write_text("0\n")
    told = {"FIELDEYE_HALT": str(tmp_path / "halt"), "FIELDEYE_RTC": str(tmp_path / "rtc")}
    told |= {"FIELDEYE_ALARM": str(PROGRAMS / "wake-alarm"), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["sh", PROGRAMS / "halt"], env=told, check=False, capture_output=True)
    assert not (tmp_path / "halt").exists()
    return (tmp_path / "did").read_text().splitlines() if (tmp_path / "did").exists() else []


@pytest.mark.parametrize(("how", "wakes", "does"), [
    ("may", True, ["poweroff"]), ("may", False, []), ("must", False, ["poweroff"]), ("must", True, ["poweroff"]),
])  # fmt: skip
def test_nothing_is_switched_off_that_nothing_would_wake_unless_its_battery_is_low(
    tmp_path: Path, how: str, wakes: bool, does: list[str]
) -> None:
    until = int(datetime.now(UTC).timestamp()) + 3600
    assert halt(tmp_path, f"{until} {how}\n", wakes=wakes) == does
    if wakes:
        in_s = (tmp_path / "rtc").read_text()
        assert in_s[0] == "+", "as long as it is until then, whatever the time at a clock that nobody has set"
        assert 3540 < int(in_s) <= 3600
    else:
        (tmp_path / "rtc").symlink_to("/dev/null")  # a clock without an alarm takes what is written, and shows none
        assert halt(tmp_path, f"{until} {how}\n", wakes=False) == [*does, *does]


@pytest.mark.parametrize("line", ["", "soon must\n", "1 must\n", "99999999999 must\n", "$(reboot) must\n"])
def test_a_request_that_makes_no_sense_changes_nothing(tmp_path: Path, line: str) -> None:
    assert halt(tmp_path, line, wakes=True) == []


@pytest.mark.parametrize(("must", "word"), [(False, "may"), (True, "must")])
def test_the_request_reaches_the_root_side_as_it_is_read_there(
    must: bool, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    until = datetime.now(UTC) + timedelta(hours=1)
    assert ask_halt(Halt("it is night", until, must))
    assert (tmp_path / "halt").read_text() == f"{int(until.timestamp())} {word}\n"


def test_without_systemd_a_request_is_nobody_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.chdir(tmp_path)
    assert ask_halt(Halt("it is night", NIGHT))
    assert list(tmp_path.iterdir()) == []


def test_a_request_that_finds_no_room_ends_nothing_and_is_made_again_with_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "full"))
    clock = SetClock(DAY)
    made, asked = keeper(clock, PowerTable(gauge="ina219", low_v=11.5), volts=lambda: 11.4, takes=ask_halt)
    turn(made, clock, 90)
    (tmp_path / "full").mkdir()
    turn(made, clock, 600)
    assert len(asked) == 2
    assert (tmp_path / "full" / "halt").exists()
