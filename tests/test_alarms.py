"""Alerts come from committed counts, once each, and levels outlive a restart."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from edge.advice import key_of
from edge.clock import ClockState, Instant
from edge.config import AdviceTable, CameraTable, NodeConfig, NodeTable, OwnThreshold, StoreTable
from edge.counts import Alert, Interval
from edge.label_sets import remember
from edge.loop.alarms import Alarms
from edge.mqtt.care import standing_alerts
from edge.ranges import Dispersion, count_range
from edge.status import StatusBoard
from edge.store import Deed, Store
from edge.tally import ClassAccuracy
from tests.records import MOTH, count, interval
from tests.spoiling import refusing

NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)  # in Shanghai
ACCURACY = {MOTH[0]: ClassAccuracy(MOTH[1], 1.0, 1.0)}


def at(hours: float) -> Instant:
    return Instant(NOON + timedelta(hours=hours), ClockState.SYNCED, "boot", 3600 * (100 + hours))


def moment(boot: str, days: float, state: ClockState, hours: float) -> Instant:
    one = at(hours)
    return replace(one, boot_id=boot, state=state, utc=one.utc + timedelta(days=days))


class Trap:
    """A store and its alarms, as the loop uses them: commit, judge, commit, show."""

    def __init__(
        self,
        folder: Path,
        act_at: float = 10,
        accuracy: Mapping[str, ClassAccuracy] = ACCURACY,
        *,
        node: str = "n",
        site: str = "s",
    ) -> None:
        own = OwnThreshold(label=MOTH[0], unit="insects/trap/night", act_at=act_at, source="the station")
        self.config = NodeConfig(
            node=NodeTable(site=site, node=node, time_zone="Asia/Shanghai"),
            camera=CameraTable(kind="folder", mode="trap"),
            store=StoreTable(folder=str(folder)),
            advice=AdviceTable(threshold=(own,)),
        )
        self.store = Store(self.config.store, node, site)
        self.board = StatusBoard(at(0))
        self.alarms = Alarms(self.config, accuracy, self.store, self.board)

    def hour(
        self, after_noon: float, caught: int, boot: str = "boot", state: ClockState = ClockState.SYNCED, days: float = 0
    ) -> list[str]:
        """An hour's catch, `after_noon` by the boot's own time and `days` later by the clock; the levels it raised."""
        counts = (count(MOTH, caught),)
        start, end = (moment(boot, days, state, hours) for hours in (after_noon, after_noon + 1))
        one = interval(start=start, end=end, mode="trap", unit="new", counts=counts)
        self.store.commit([one])
        alerts = self.alarms.after(one)
        self.store.commit(alerts)
        self.alarms.show()
        return [alert.level for alert in alerts]

    def now(self, boot: str, days: float, state: ClockState = ClockState.SYNCED, *, hours: float = 0) -> None:
        """The loop turns, `hours` after noon by the boot's own time, when the clock says that it is `days` later."""
        self.alarms.follow_clock(moment(boot, days, state, hours))

    def watch(self, advice: AdviceTable) -> None:
        """The node begins anew with other thresholds."""
        self.config = msgspec.structs.replace(self.config, advice=advice)
        self.alarms = Alarms(self.config, ACCURACY, self.store, self.board)

    def close(self) -> None:
        self.store.close()


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Trap]:
    with closing(Trap(tmp_path)) as made:
        yield made


def test_a_catch_that_reaches_the_threshold_raises_one_alert_that_same_hour(trap: Trap) -> None:
    assert [trap.hour(hours, 6) for hours in (8, 9, 10)] == [[], ["look"], []]
    records = [one.record for one in trap.store.records_between_seq(1, 99)]
    (alert,) = [record for record in records if isinstance(record, Alert)]
    assert (alert.value, alert.start_at, alert.task) == (12, 10, "go_and_look")
    assert (alert.label, alert.eppo) == MOTH
    assert alert.reason == "12 insects/trap/night has reached the threshold of 10"


def test_the_board_tells_last_night_s_catch_beside_the_threshold(trap: Trap) -> None:
    for hours, caught in ((8, 9), (12, 5), (25, 1)):
        trap.hour(hours, caught)
    (standing,) = trap.board.snapshot().alerts
    assert (standing.count, standing.threshold.low, standing.level) == (14, 10, "look")
    assert standing.period is not None
    assert (standing.period.last.day, standing.period.is_over) == (1, True)


def test_a_level_is_left_after_a_night_below_and_not_before_it_is_over(trap: Trap) -> None:
    trap.hour(8, 14)
    assert [trap.hour(hours, 1) for hours in (25, 30, 46)] == [[], [], []]
    assert trap.hour(47, 0) == ["calm"]


def test_a_night_nobody_watched_is_not_good_news(trap: Trap) -> None:
    trap.hour(8, 14)
    assert trap.hour(24 * 3 + 1, 0) == []
    assert trap.board.snapshot().alerts[0].level == "look"


UNSYNCED = ClockState.UNSYNCED


@pytest.mark.parametrize("board", ["was off", "stood blind"])
def test_the_first_catch_after_a_winter_is_news_though_the_level_stood_in_autumn(board: str, trap: Trap) -> None:
    assert trap.hour(8, 14) == ["look"]
    if board == "was off":
        trap.watch(trap.config.advice)
        trap.now("next", 200)
        assert trap.board.snapshot().alerts == (), "the page sends nobody out for last year's catch"
        trap.watch(trap.config.advice)  # before a count could tell that it is over
    assert trap.hour(24 * 200 + 8, 14, "boot" if board == "stood blind" else "next") == ["calm", "look"]
    *_, ended, again = [one.record for one in trap.store.records_between_seq(1, 99) if isinstance(one.record, Alert)]
    assert (ended.value, ended.task, ended.reason) == (14, "nothing", "the last count is too old to go by")
    assert (ended.eppo, again.eppo) == (MOTH[1], MOTH[1])
    assert ended.look_at == "Nobody counted for 14 days: look at the node and its camera."
    assert trap.hour(24 * 200 + 9, 1) == []


def test_a_count_below_the_level_that_is_too_old_to_go_by_is_no_news_that_it_is_below(trap: Trap) -> None:
    assert trap.hour(8, 1) == []
    trap.watch(trap.config.advice)
    trap.now("next", 200)
    assert trap.board.snapshot().alerts == ()
    assert trap.hour(24 * 200 + 8, 1, "next") == []


def test_what_was_calm_before_a_gap_that_an_unset_clock_hides_is_told_as_it_is_now(trap: Trap) -> None:
    assert trap.hour(8, 1) == []
    trap.watch(trap.config.advice)
    assert trap.hour(80, 2, "next", UNSYNCED) == []
    trap.now("next", 197, hours=82)
    assert [(one.level, one.count) for one in trap.board.snapshot().alerts] == [("calm", 2)]


def test_a_level_that_an_unset_clock_counted_on_and_a_set_one_each_day_since_is_not_outdated(trap: Trap) -> None:
    assert trap.hour(8, 14) == ["look"]
    trap.watch(trap.config.advice)
    assert trap.hour(12, 14, "next", UNSYNCED) == []
    trap.now("next", 1, hours=13)
    assert [trap.hour(24 * days + 8, 14, "next", days=1) for days in range(1, 31)] == [[]] * 30
    trap.watch(trap.config.advice)
    trap.now("last", 32)
    assert [one.level for one in trap.board.snapshot().alerts] == ["look"]


def test_a_level_that_former_software_kept_without_the_time_of_its_count_ends_a_fortnight_after_its_night(
    trap: Trap,
) -> None:
    trap.hour(8, 14)
    kept = msgspec.json.decode(trap.store.setting("standings") or "")
    del kept[0]["at"]
    trap.store.set_setting("standings", msgspec.json.encode(kept).decode())
    levels = []
    for days in (14, 15):
        trap.watch(trap.config.advice)
        trap.now("next", days)
        levels.append([one.level for one in trap.board.snapshot().alerts])
    assert levels == [["look"], []]


@pytest.mark.parametrize(("days", "levels"), [(13.9, []), (14.1, ["calm"])])
def test_a_level_stands_for_a_fortnight_in_which_nobody_looked(days: float, levels: list[str], trap: Trap) -> None:
    trap.hour(8, 14)
    assert trap.hour(9 + 24 * days - 1, 0) == levels


def test_a_board_that_does_not_know_the_time_ends_no_level(trap: Trap) -> None:
    trap.hour(8, 14)
    trap.watch(trap.config.advice)
    for days in (-56 * 365, 55 * 365):
        trap.now("next", days, UNSYNCED)
        assert trap.hour(24 * days + 8, 0, "next", UNSYNCED) == []
    assert [one.level for one in trap.board.snapshot().alerts] == ["look"]


def test_a_level_of_a_boot_that_never_knew_the_time_is_told_anew_once_it_is_known(trap: Trap) -> None:
    assert trap.hour(24 * 55 * 365, 14, "former", UNSYNCED) == ["look"]
    trap.watch(trap.config.advice)
    assert trap.hour(8, 14, "next") == ["calm", "look"]
    assert [one.since and one.since.utc.year for one in trap.board.snapshot().alerts] == [2026]


@pytest.mark.parametrize(("days", "levels"), [(2, []), (200, ["calm", "look"])])
def test_what_an_unset_clock_saw_is_of_the_level_before_where_no_season_lies_between(
    days: int, levels: list[str], trap: Trap
) -> None:
    """The board believes after the power cut that it is July 4, counts an hour, and hears the time."""
    assert trap.hour(8, 14) == ["look"]
    trap.watch(trap.config.advice)
    assert trap.hour(80, 15, "next", UNSYNCED) == []
    trap.now("next", days - 3, hours=82)
    told = [(one.level, one.count, one.period and one.period.last) for one in trap.board.snapshot().alerts]
    assert told == ([] if levels else [("look", 15, (NOON + timedelta(days=days)).date())])
    assert [trap.hour(hours, 14, "next", days=days - 3) for hours in (82, 83)] == [levels, []]


def test_a_night_before_the_power_cut_keeps_its_date_when_the_clock_is_set(trap: Trap) -> None:
    """The board wakes two hours after its first night, takes it for the day before, counts an hour and is set."""
    assert trap.hour(8, 14) == ["look"]
    trap.watch(trap.config.advice)
    woke_h = -99.0  # of the boot's own time: it began an hour ago
    assert trap.hour(woke_h, 3, "next", UNSYNCED, days=(26 - woke_h) / 24) == []
    trap.now("next", (26 - woke_h) / 24 + 1, hours=woke_h + 1)
    (stands,) = trap.board.snapshot().alerts
    assert (stands.count, stands.period and stands.period.last) == (14, NOON.date())


def test_two_hours_before_the_clock_is_set_hide_no_winter_either(trap: Trap) -> None:
    assert trap.hour(8, 14) == ["look"]
    trap.watch(trap.config.advice)
    assert [trap.hour(hours, 15, "next", UNSYNCED) for hours in (80, 81)] == [[], []]
    trap.now("next", 197, hours=82)
    assert trap.hour(82, 14, "next", days=197) == ["calm", "look"]


@pytest.mark.parametrize("state", [ClockState.SYNCED, UNSYNCED])
def test_the_catches_of_a_board_that_wakes_on_the_same_date_each_day_are_no_one_night_s(
    state: ClockState, trap: Trap
) -> None:
    assert [trap.hour(8, 3, f"day-{day}", UNSYNCED) for day in range(6)] == [[]] * 6
    assert trap.hour(8, 3, "last", state) == []
    (standing,) = trap.board.snapshot().alerts
    assert (standing.count, standing.level) == (3, "calm")
    assert trap.hour(9, 7, "last", state) == ["look"], "of one boot they are"


def test_catches_of_a_night_of_which_each_look_is_a_boot_are_added_up_though_nobody_set_the_clock(trap: Trap) -> None:
    assert [trap.hour(hours, 4, f"look-{hours}", UNSYNCED) for hours in (8, 9, 10, 11)] == [[], [], ["look"], []]
    trap.hour(12, 0, "last")
    assert [(one.level, one.count) for one in trap.board.snapshot().alerts] == [("look", 16)]


def test_a_week_of_boots_whose_clock_goes_on_is_added_up_though_nobody_set_it(trap: Trap) -> None:
    week = OwnThreshold(label=MOTH[0], unit="insects/trap/week", act_at=20, source="the station")
    trap.watch(AdviceTable(threshold=(week,)))
    told = [trap.hour(8, 5, f"night-{night}", UNSYNCED, days=night) for night in range(6)]
    assert told == [[], [], [], ["look"], [], []]


@pytest.mark.parametrize(("setting", "levels"), [(None, ["look"]), ("1", [])])
def test_what_stood_here_under_former_software_stands_and_what_stood_elsewhere_is_told_to_have_ended(
    tmp_path: Path, setting: str | None, levels: list[str]
) -> None:
    """Which did not say with each standing of which place it is."""
    with closing(Trap(tmp_path)) as before:
        before.hour(7, 3)
    with closing(Trap(tmp_path, site="t")) as moved:
        moved.hour(8, 14)
        kept = msgspec.json.decode(moved.store.setting("standings") or "")
        for one in kept:
            del one["last_elsewhere"]
        moved.store.set_setting("standings", msgspec.json.encode(kept).decode())
        if setting is not None:
            moved.store.set_setting("standings_elsewhere", setting)
    with closing(Trap(tmp_path, site="t")) as updated:
        assert [one.level for one in updated.board.snapshot().alerts] == ([] if levels else ["look"])
        assert updated.hour(9, 1) == (["calm", *levels] if levels else [])


@pytest.mark.parametrize("state", [ClockState.SYNCED, UNSYNCED])
@pytest.mark.parametrize("unset", [["next"], ["next", "other"]])
def test_a_level_that_was_counted_each_day_outlives_boots_without_the_time(
    state: ClockState, unset: list[str], trap: Trap
) -> None:
    assert trap.hour(8, 14) == ["look"]
    assert [trap.hour(24 * days + 8, 14, state=state) for days in range(1, 31)] == [[]] * 30
    for boot in unset:
        trap.watch(trap.config.advice)
        assert trap.hour(24 * 30 + 12, 14, boot, UNSYNCED) == []
    trap.watch(trap.config.advice)
    trap.now("last", 31)
    assert trap.hour(8, 14, "last", days=31) == []


@pytest.mark.parametrize("restarts", [True, False])
def test_forty_days_without_a_count_are_not_forgotten_for_one_count_before_the_clock_is_set(
    restarts: bool, trap: Trap
) -> None:
    assert trap.hour(8, 14) == ["look"]
    assert trap.hour(24 * 40 + 8, 14, state=UNSYNCED) == []
    if restarts:
        trap.watch(trap.config.advice)
        assert trap.hour(24 * 40 + 12, 14, "next", UNSYNCED) == []
        trap.watch(trap.config.advice)
        trap.now("last", 41)
    assert (trap.hour(8, 14, "last", days=41) if restarts else trap.hour(24 * 41 + 8, 14)) == ["calm", "look"]


def test_of_two_boots_that_never_knew_the_time_the_second_goes_on_with_no_level_of_the_first(trap: Trap) -> None:
    for boot, levels in (("former", ["look"]), ("next", [])):
        assert trap.hour(8, 14, boot, UNSYNCED) == levels
        trap.watch(trap.config.advice)
    trap.now("next", 200, hours=10)
    assert trap.hour(10, 14, "next", days=200) == ["calm", "look"]
    *_, ended, _ = [one.record for one in trap.store.records_between_seq(1, 99) if isinstance(one.record, Alert)]
    assert ended.look_at == "Nobody knows how old the last count is: look at the node, its clock and its camera."


@pytest.mark.parametrize("unset", ["boot", "next"])
@pytest.mark.parametrize(("days", "levels"), [(2, []), (20, ["calm", "look"])])
def test_a_level_that_an_unset_clock_counted_on_is_as_old_at_most_as_what_was_counted_before(
    unset: str, days: int, levels: list[str], trap: Trap
) -> None:
    """The kernel calls a clock that nobody sets again unset after hours; a board without one of its own starts so."""
    assert trap.hour(8, 14) == ["look"]
    assert trap.hour(20, 14, unset, UNSYNCED) == []
    trap.watch(trap.config.advice)
    trap.now("last", days)
    assert [one.level for one in trap.board.snapshot().alerts] == ([] if levels else ["look"])
    assert trap.hour(8, 14, "last", days=days) == levels


@pytest.mark.parametrize("days", [70, -20_000, 20 / 24])
@pytest.mark.parametrize("starts_anew", [False, True])
def test_what_was_done_before_the_clock_was_set_stays_done(days: int, starts_anew: bool, trap: Trap) -> None:
    """The board believes that it is July 1 of its own year; `days` later it hears the time."""
    assert trap.hour(8, 14, "boot", UNSYNCED) == ["look"]
    (asked,) = trap.board.snapshot().alerts
    trap.store.decisions.do(key_of(asked), Deed("Mei", at(10).utc, 14.0), replace(at(10), state=UNSYNCED))
    if starts_anew:
        trap.watch(trap.config.advice)
    trap.now("boot", days, hours=11)
    (stands,) = trap.board.snapshot().alerts
    assert (stands.level, stands.since and stands.since.utc) == ("look", at(24 * days + 9).utc)
    assert stands.period is not None
    assert stands.period.last == (NOON + timedelta(days=days)).date()
    deed = trap.store.decisions.deed(key_of(stands))
    assert deed == Deed("Mei", at(24 * days + 10).utc, 14.0)
    assert [one.who for one in standing_alerts(trap.board, trap.store, ZoneInfo("Asia/Shanghai"))] == ["Mei"]


def test_what_was_done_before_the_clock_was_set_has_its_time_once_a_full_disk_has_room(
    trap: Trap, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trap.hour(8, 14, "boot", UNSYNCED)
    (asked,) = trap.board.snapshot().alerts
    trap.store.decisions.do(key_of(asked), Deed("Mei", at(10).utc, 14.0), replace(at(10), state=UNSYNCED))
    with refusing(tmp_path / "decisions.sqlite", "UPDATE ON deed"):
        for hours in (11, 12):
            trap.now("boot", 70, hours=hours)
    trap.now("boot", 70, hours=13)
    assert trap.store.decisions.deed(key_of(asked)) == Deed("Mei", at(24 * 70 + 10).utc, 14.0)
    assert caplog.messages.count("deeds_not_timed") == 1


def test_the_level_outlives_a_restart_and_the_alert_is_not_raised_again(tmp_path: Path) -> None:
    with closing(Trap(tmp_path)) as before:
        assert before.hour(8, 14) == ["look"]
    with closing(Trap(tmp_path)) as after:
        assert [standing.level for standing in after.board.snapshot().alerts] == ["look"]
        assert after.hour(9, 0) == []


def test_an_hour_too_slow_for_visits_keeps_no_level_of_visits_up(trap: Trap) -> None:
    trap.config = msgspec.structs.replace(trap.config, camera=CameraTable(kind="opencv", every_s=1.0))
    trap.watch(AdviceTable(threshold=(OwnThreshold(label=MOTH[0], unit="visits/day", act_at=10, source="us"),)))
    levels = []
    for hours, unit, number in ((-24, "visits", 12), (0, "visits", 2), (24, "max_per_frame", 1)):
        start, counts = at(hours), (count(MOTH, number),)
        one = interval(start=start, end=at(hours + 1), mode="live", unit=unit, counts=counts)
        trap.store.commit([one])
        levels += [alert.level for alert in trap.alarms.after(one)]
    assert levels == ["act", "calm"]


def test_an_edited_threshold_is_what_the_next_count_is_held_against(tmp_path: Path) -> None:
    with closing(Trap(tmp_path)) as before:
        before.hour(8, 14)
    with closing(Trap(tmp_path, act_at=40)) as after:
        assert after.hour(25, 0) == ["calm"]


def test_an_edited_threshold_ends_a_level_of_the_same_night(tmp_path: Path) -> None:
    with closing(Trap(tmp_path)) as before:
        assert [before.hour(hours, caught) for hours, caught in ((-8, 2), (8, 14))] == [[], ["look"]]
    with closing(Trap(tmp_path, act_at=40)) as after:
        assert after.hour(9, 1) == ["calm"]


def test_a_level_that_was_raised_ends_though_the_count_stays_close_below_it(tmp_path: Path) -> None:
    with closing(Trap(tmp_path)) as before:
        assert before.hour(8, 13) == ["look"]
    with closing(Trap(tmp_path, act_at=16)) as after:  # 13 would keep a level of 16 that was reached
        assert [after.hour(hours, 13) for hours in (25, 49)] == [["calm"], []]


def test_a_level_that_was_raised_ends_on_the_first_day_with_data(tmp_path: Path) -> None:
    with closing(Trap(tmp_path)) as before:
        assert before.hour(8, 14) == ["look"]
    with closing(Trap(tmp_path, act_at=50)) as after:
        assert after.hour(9, 1) == ["calm"]
        assert after.hour(10, 35) == ["look"]


def test_an_edited_level_that_the_last_figure_reaches_too_is_kept_by_a_blind_night(tmp_path: Path) -> None:
    with closing(Trap(tmp_path)) as before:
        assert before.hour(8, 14) == ["look"]
    with closing(Trap(tmp_path, act_at=12)) as after:
        assert after.hour(49, 0) == []
        assert after.board.snapshot().alerts[0].level == "look"


def test_another_source_for_the_same_action_level_lets_no_level_go(trap: Trap) -> None:
    assert [trap.hour(hours, caught) for hours, caught in ((8, 14), (25, 9), (49, 9))] == [["look"], [], []]
    own = OwnThreshold(label=MOTH[0], unit="insects/trap/night", act_at=10, source="another station")
    trap.watch(AdviceTable(threshold=(own,)))
    assert trap.hour(50, 0) == []


def test_a_level_ends_with_the_way_of_looking_that_raised_it(trap: Trap) -> None:
    trap.hour(8, 14)
    config = msgspec.structs.replace(trap.config, camera=CameraTable(kind="folder", mode="live"))
    Alarms(config, ACCURACY, trap.store, trap.board)
    assert trap.board.snapshot().alerts == ()


@pytest.mark.parametrize("own", [(OwnThreshold(label=MOTH[0], unit="insects/trap/week", act_at=1000),), ()])
def test_a_level_whose_threshold_is_gone_is_calm_with_the_next_count_and_is_told_so_once(
    own: tuple[OwnThreshold, ...], trap: Trap
) -> None:
    trap.hour(8, 14)
    before = trap.config.advice
    for _ in range(2):  # also after a start that no count followed
        trap.watch(AdviceTable(threshold=own))
    assert trap.board.snapshot().alerts == ()
    assert [trap.hour(hours, 1) for hours in (9, 10)] == [["calm"], []]
    trap.watch(AdviceTable(threshold=own))
    assert trap.hour(11, 1) == []
    *_, ended = [one.record for one in trap.store.records_between_seq(1, 99) if isinstance(one.record, Alert)]
    assert (ended.unit, ended.value, ended.task) == ("insects/trap/night", 14, "nothing")
    assert ended.reason == "insects/trap/night is not held against a threshold here any more"
    assert ended.look_at == "Nothing to do; this threshold is not watched any more."
    trap.watch(before)
    assert trap.hour(12, 1) == ["look"]


def test_a_level_that_no_count_could_end_yet_is_kept_for_the_next_start(trap: Trap, tmp_path: Path) -> None:
    trap.hour(8, 14)
    trap.watch(AdviceTable())
    one = interval(start=at(9), end=at(10), mode="trap", unit="new")
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db:
        db.execute("ALTER TABLE record RENAME TO gone")
        assert trap.alarms.after(one) == ()
        trap.alarms.show()
        db.execute("ALTER TABLE gone RENAME TO record")
    trap.watch(AdviceTable())
    assert trap.hour(9, 1) == ["calm"]


def test_of_a_pest_in_another_unit_the_old_level_ends_before_the_new_one_begins(trap: Trap) -> None:
    trap.hour(8, 14)
    trap.watch(AdviceTable(threshold=(OwnThreshold(label=MOTH[0], unit="adults/trap/night", act_at=5),)))
    assert trap.hour(9, 1) == ["calm", "look"]


def test_kept_levels_that_cannot_be_read_are_found_anew(tmp_path: Path) -> None:
    with closing(Trap(tmp_path)) as before:
        before.store.set_setting("standings", "[{")
    with closing(Trap(tmp_path)) as after:
        assert after.board.snapshot().alerts == ()
        assert after.hour(8, 14) == ["look"]


@pytest.mark.parametrize("place", [{"site": "county-b"}, {"node": "n2"}])
def test_what_a_node_caught_at_another_place_alerts_nobody_here(place: dict[str, str], tmp_path: Path) -> None:
    with closing(Trap(tmp_path)) as there:
        assert there.hour(8, 14) == ["look"]
    for _ in range(2):
        with closing(Trap(tmp_path, **place)) as here:
            assert here.board.snapshot().alerts == ()
    with closing(Trap(tmp_path, **place)) as here:
        assert here.hour(9, 6) == ["calm"]
        *_, ended = [one.record for one in here.store.records_between_seq(1, 99) if isinstance(one.record, Alert)]
        assert (ended.value, ended.task, ended.reason) == (14, "nothing", "the node is at another place now")
        assert [(one.level, one.count) for one in here.board.snapshot().alerts] == [("calm", 6)]
        assert here.hour(10, 6) == ["look"]
    with closing(Trap(tmp_path, **place)) as again:
        assert [(one.level, one.count) for one in again.board.snapshot().alerts] == [("look", 12)]


def test_alerts_leave_the_node_before_anything_else(trap: Trap) -> None:
    trap.hour(8, 14)
    assert [type(one.record) for one in trap.store.next_batch()] == [Alert, Interval]


def test_a_weekly_threshold_is_held_against_a_week_of_which_four_nights_were_watched(tmp_path: Path) -> None:
    own = OwnThreshold(label=MOTH[0], unit="adults/trap/week", act_at=40)
    with closing(Trap(tmp_path)) as trap:
        config = msgspec.structs.replace(trap.config, advice=AdviceTable(threshold=(own,)))
        trap.alarms = Alarms(config, ACCURACY, trap.store, trap.board)
        assert [trap.hour(24 * night + 8, 6) for night in range(7)] == [[], [], [], [], ["look"], [], []]


def test_a_weekly_level_ends_though_the_trap_is_looked_at_every_third_evening_alone(trap: Trap) -> None:
    trap.watch(AdviceTable(threshold=(OwnThreshold(label=MOTH[0], unit="insects/trap/week", act_at=100),)))
    levels = []
    for evening, caught in ((0, 120), (3, 120), (6, 0), (9, 0), (12, 0)):
        start, counts = at(24 * evening + 8), (count(MOTH, caught),)
        one = interval(
            start=start, end=at(24 * evening + 9), mode="trap", unit="new", counts=counts, exposed_s=3 * 86_400.0
        )
        trap.store.commit([one])
        levels += [(evening, alert.level) for alert in trap.alarms.after(one)]
    assert levels == [(0, "look"), (12, "calm")]


@pytest.mark.parametrize(("known_h", "ended_on"), [((6,), 2), ((6, None), 2), ((None, 18), 1), ((None,), 1)])
def test_no_level_ends_on_the_hours_that_are_known_of_a_night_in_which_the_card_was_changed(
    trap: Trap, known_h: tuple[float | None, ...], ended_on: int
) -> None:
    levels = []
    for night, (caught, hung) in enumerate([(14, (24,)), (0, known_h), (0, (24,))]):
        for hour, hung_h in enumerate(hung, 21):
            exposed_s = None if hung_h is None else 3600.0 * hung_h
            start, end, counts = at(24 * night + hour), at(24 * night + hour + 1), (count(MOTH, caught),)
            one = interval(start=start, end=end, mode="trap", unit="new", counts=counts, exposed_s=exposed_s)
            trap.store.commit([one])
            levels += [(night, alert.level) for alert in trap.alarms.after(one)]
    morning = interval(start=at(73), end=at(74), mode="trap", unit="new", counts=(), exposed_s=3600.0)
    trap.store.commit([morning])
    levels += [(3, alert.level) for alert in trap.alarms.after(morning)]
    assert levels == [(0, "look"), (ended_on + 1, "calm")]


def test_a_range_of_two_hours_catch_is_of_their_sum_on_one_card(tmp_path: Path) -> None:
    differing = Dispersion(precision=0.1, recall=0.5)
    with closing(Trap(tmp_path, act_at=20, accuracy={MOTH[0]: ClassAccuracy(MOTH[1], 0.9, 0.8, differing)})) as trap:
        assert [trap.hour(hours, 9) for hours in (8, 9)] == [[], ["look"]]
        (alert,) = [one.record for one in trap.store.records_between_seq(1, 99) if isinstance(one.record, Alert)]
    assert (alert.low, alert.high) == count_range(18, 0.9, 0.8, differing, share=0.5, is_one_card=True)
    assert alert.low != count_range(18, 0.9, 0.8, differing)[0], "wrong detections even out over two pictures"
    assert alert.high != count_range(18, 0.9, 0.8, differing, share=0.5)[1], "how much its camera misses does not"


def test_a_density_over_its_threshold_is_an_alert_where_the_area_is_known(tmp_path: Path) -> None:
    own = OwnThreshold(label=MOTH[0], unit="insects/m2", act_at=100)
    with closing(Trap(tmp_path)) as trap:
        live = msgspec.structs.replace(trap.config.camera, mode="live")
        config = msgspec.structs.replace(trap.config, camera=live, advice=AdviceTable(threshold=(own,)))
        alarms = Alarms(config, ACCURACY, trap.store, trap.board)
        raised = []
        for hours, area_mm2 in ((8, None), (9, 150_000), (10, 100_000)):
            counts = (count(MOTH, 12),)
            seen = interval(start=at(hours), end=at(hours + 1), unit="max_per_frame", counts=counts, area_mm2=area_mm2)
            trap.store.commit([seen])
            raised.append([(alert.level, alert.value) for alert in alarms.after(seen)])
    assert raised == [[], [], [("act", 120)]]


def test_counts_that_cannot_be_read_raise_nothing_and_the_next_hour_decides(trap: Trap, tmp_path: Path) -> None:
    trap.hour(8, 14)
    one = interval(start=at(33), end=at(34), mode="trap", unit="new", counts=(count(MOTH, 0),))
    for name, other in (("record", "gone"), ("gone", "record")):
        with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db:
            db.execute(f"ALTER TABLE {name} RENAME TO {other}")
        if other == "gone":
            assert trap.alarms.after(one) == ()
    assert trap.hour(34, 1) == []
    assert trap.hour(47, 0) == ["calm"]


def test_levels_that_the_card_does_not_keep_are_on_the_board_all_the_same(trap: Trap, tmp_path: Path) -> None:
    with refusing(tmp_path / "fieldeye.db", "INSERT ON setting"):
        assert trap.hour(8, 14) == ["look"]
    assert [standing.level for standing in trap.board.snapshot().alerts] == ["look"]


def test_a_leaf_that_is_looked_at_nine_times_a_day_reaches_its_level_in_three_days_and_leaves_it(trap: Trap) -> None:
    own = OwnThreshold(label=MOTH[0], unit="% pictures", act_at=10, source="the station")
    trap.config = msgspec.structs.replace(trap.config, camera=CameraTable(kind="folder", mode="leaf"))
    trap.watch(AdviceTable(threshold=(own,)))

    def day(number: int, sick: int) -> list[tuple[str, float]]:
        one = interval(
            start=at(24 * number), end=at(24 * number + 1), mode="leaf", unit="affected_frames", frames=9,
            counts=(count(MOTH, sick),),
        )  # fmt: skip
        trap.store.commit([one])
        return [(alert.level, alert.value) for alert in trap.alarms.after(one)]

    assert [day(number, sick) for number, sick in enumerate((9, 9, 9, 0, 0, 0, 0))] == [
        [], [], [], [("act", 100)], [], [], [("calm", 0)],
    ]  # fmt: skip


def test_nights_of_another_model_that_cannot_tell_the_pest_make_no_week_calm(trap: Trap) -> None:
    """Twenty come each night, 140 a week; on four nights `cards` looked at them."""
    remember(trap.store, "pests@1", [MOTH[0]])
    remember(trap.store, "cards@1", ["Insecta"])
    trap.watch(AdviceTable(threshold=(OwnThreshold(label=MOTH[0], unit="insects/trap/week", act_at=100),)))
    for night in range(14):
        is_cards = 7 <= night < 11
        one = interval(
            start=at(24 * night + 8), end=at(24 * night + 9), mode="trap", unit="new", exposed_s=86_400.0,
            model="cards@1" if is_cards else "pests@1", counts=() if is_cards else (count(MOTH, 20),),
        )  # fmt: skip
        trap.store.commit([one])
        trap.alarms.after(one)
        trap.alarms.show()
    (standing,) = trap.board.snapshot().alerts
    assert (standing.level, standing.figure and standing.figure.value) == ("look", 140)
