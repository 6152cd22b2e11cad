"""The panel of warmth since the first catch: only from a trap with a sensor, and honest about what nobody knows."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from edge.advice.degree_days import DayRange, degree_days, development, species
from edge.advice.heat import CAUGHT, Progress, progress
from edge.clock import ClockState, Instant
from edge.counts import Climate, Interval, NoData, Spread, TaxonCount
from edge.label_sets import remember
from edge.page import serve
from edge.page.now.season import Season, stage_words
from edge.store import Draft
from edge.store.file import NAME
from edge.store.rows import Row, read
from edge.wire import Stored
from tests.page.scenes import Scene, well
from tests.waiting import wait_until

MOTH = "Helicoverpa armigera"
WEATHER = Climate(readings=60, temperature_c=Spread(mean=20, least=12, most=28))
EACH_C = degree_days(DayRange(12, 28), 10.56, 38)  # a day


def night(
    scene: Scene, back: int, caught: int | None, climate: Climate | None = WEATHER, label: str = MOTH
) -> list[Interval]:
    """24 hours from noon, `back` days ago, with the catch in the tenth; None: nobody looked."""
    local_noon = scene.clock.now().utc.replace(hour=4, minute=0) - timedelta(days=back)  # noon in Shanghai
    counts = [TaxonCount(label=label, eppo="", count=caught, low=0, high=caught + 3)] if caught else []
    return [
        Interval(
            start=at(scene, local_noon, n), end=at(scene, local_noon, n + 1), camera="cam0", model="m@1", mode="trap",
            unit="new", frames=0 if caught is None else 6, skipped=(), awake_s=0.0, climate=climate,
            counts=NoData("dark") if caught is None else tuple(counts if n == 9 else ()),
        )
        for n in range(24)
    ]  # fmt: skip


def at(scene: Scene, utc: datetime, hours: float) -> Instant:
    now, then = scene.clock.now(), utc + timedelta(hours=hours)
    return replace(now, utc=then, monotonic_s=now.monotonic_s - (now.utc - then).total_seconds())


def season(scene: Scene, caught: list[int | None], climate: Climate | None = WEATHER, label: str = MOTH) -> None:
    """The nights up to the one that ended today at noon."""
    well(scene)
    first = len(caught)
    scene.store.commit(
        [one for n, number in enumerate(caught) for one in night(scene, first - n, number, climate, label)]
    )


def test_heat_is_counted_from_the_first_two_nights_in_a_row(scene: Scene, client: FlaskClient) -> None:
    season(scene, [0, 2, 0, None, 4, 3, 0, 5])
    page = client.get("/").text
    assert "Caught two nights in a row since the evening of Jun 27." in page
    heat = 4 * EACH_C  # 27 to 30 June; of the 1st of July the sensor told of the morning only
    assert f"40 % of the eggs laid: {heat:.0f} of 117 degree days" in page
    assert "Nobody looked on 1 night before: it may have come earlier." in page
    assert "DDRP" in page


def test_a_night_that_is_over_and_was_corrected_counts_as_corrected(scene: Scene, client: FlaskClient) -> None:
    season(scene, [0, 0, 3, 0, 0, 0, 0, 0])
    assert "Caught two nights in a row" not in client.get("/").text
    catch, tenth_of_second = night(scene, 7, 2)[9], 24 + 10
    scene.store.commit_interval(replace(catch, revision=1), Draft(seq=tenth_of_second, state=b"", pictures=()))
    assert "Caught two nights in a row since the evening of Jun 24." in client.get("/").text


def test_a_night_that_comes_late_counts_at_the_next_look(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    for back, caught in ((5, 0), (4, 0), (2, 3), (1, 0)):
        scene.store.commit(night(scene, back, caught))
    assert "Caught two nights in a row" not in client.get("/").text
    for hour in night(scene, 3, 4):
        scene.store.commit_interval(hour, Draft(seq=None, state=None, pictures=()))
    assert "Caught two nights in a row since the evening of Jun 28." in client.get("/").text


@pytest.fixture
def seqs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Those of the records that are read, as they are."""
    seen: list[int] = []

    def noted(row: Row, *known: Any) -> Stored:
        seen.append(row.seq)
        return read(row, *known)

    monkeypatch.setattr("edge.store.records.read", noted)
    return seen


def test_a_season_is_read_once_and_a_late_picture_has_its_last_days_read_again(scene: Scene, seqs: list[int]) -> None:
    season(scene, [0] * 40 + [3, 3] + [0] * 8)
    told = Season(scene.store, ZoneInfo("Asia/Shanghai"), None)
    with scene.app().test_request_context("/"):
        (before,) = told.warmth(scene.clock.utc.date())
        newest = 1  # is looked at first
        assert len(seqs) == newest + 50 * 24
        seqs.clear()
        catch, tenth = night(scene, 7, 2)[9], 43 * 24 + 10
        scene.store.commit_interval(replace(catch, revision=1), Draft(seq=tenth, state=b"", pictures=()))
        assert told.warmth(scene.clock.utc.date()) == (before,)
    assert (tenth in seqs, len(seqs) < 12 * 24) == (True, True)


def test_the_heat_is_reckoned_once_for_all_who_look_and_anew_with_the_next_interval(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    reckoned: list[str] = []

    def noted(label: str, *known: Any) -> tuple[Progress, ...]:
        reckoned.append(label)
        return progress(label, *known)

    monkeypatch.setattr("edge.page.now.season.progress", noted)
    season(scene, [0, 3, 3, 0, 0])
    told, today = Season(scene.store, ZoneInfo("Asia/Shanghai"), None), scene.clock.utc.date()
    seen = []
    for language in ("en", "zh"):
        with scene.app().test_request_context(f"/?lang={language}"):
            seen.append(told.warmth(today))
    assert [one.since[:6] for (one,) in seen] == ["Caught", "自6月27日"]
    assert reckoned == [MOTH]
    scene.store.commit(night(scene, 0, 0)[:1])
    with scene.app().test_request_context("/"):
        told.warmth(today)
    assert reckoned == [MOTH] * 2


def test_a_season_is_read_when_the_page_starts_and_no_phone_waits_for_it(scene: Scene, seqs: list[int]) -> None:
    season(scene, [0] * 40 + [3, 3] + [0] * 8)
    with closing(serve(scene.app(), "127.0.0.1", 0)) as server:
        wait_until(lambda: len(seqs) == 1 + 50 * 24, within_s=60)
        seqs.clear()
        with urlopen(f"http://127.0.0.1:{server.port}/", timeout=60) as page:
            assert "Caught two nights in a row" in page.read().decode()
    assert min(seqs) > 30 * 24  # the fortnight that every farmer's page tells of


def test_a_store_that_cannot_be_read_when_the_page_starts_is_told_who_looks_and_fills_no_log(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    well(scene)
    with closing(sqlite3.connect(Path(scene.config.store.folder) / NAME)) as damaged:
        damaged.execute("DROP TABLE record")
    with closing(serve(scene.app(), "127.0.0.1", 0)) as server, pytest.raises(HTTPError) as told:
        urlopen(f"http://127.0.0.1:{server.port}/", timeout=60)
    with told.value as answer:
        assert (answer.code, caplog.text) == (503, "")


def test_at_midwinter_a_season_begins_anew_also_on_a_page_that_was_open(scene: Scene, client: FlaskClient) -> None:
    scene.clock.jump(183 * 86_400, ClockState.SYNCED)  # the last day of the year
    season(scene, [3, 3, 0])
    assert "Caught two nights in a row since the evening of Dec 28." in client.get("/").text
    for caught, is_told in ((0, False), (3, False), (3, True)):
        scene.clock.advance(86_400)
        scene.store.commit(night(scene, 1, caught))
        assert ("Caught two nights in a row since the evening of Jan 1." in client.get("/").text) is is_told
        assert "since the evening of Dec" not in client.get("/").text


def test_a_catch_of_the_morning_counts_though_somebody_looked_in_that_night(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    quiet, caught = night(scene, 1, 0), night(scene, 1, 3)[9].counts
    scene.store.commit([*night(scene, 3, 0), *night(scene, 2, 3), *quiet[:14]])  # up to 2 o'clock
    assert "Caught two nights in a row" not in client.get("/").text
    scene.store.commit([replace(quiet[14], counts=caught)])
    assert "Caught two nights in a row since the evening of Jun 29." in client.get("/").text


@pytest.mark.parametrize(("behind", "nights", "begin"), [(20, 3, "Jun 28"), (1, 12, "Jun 19")])
def test_nights_whose_clock_is_put_right_are_counted_where_they_belong(
    behind: int, nights: int, begin: str, scene: Scene, client: FlaskClient
) -> None:
    scene.clock.jump(-behind * 86_400, ClockState.UNSYNCED)
    season(scene, [3] * nights)
    assert "Caught two nights in a row" not in client.get("/").text  # of which nights nobody knows yet
    scene.clock.jump(behind * 86_400, ClockState.SYNCED)
    assert scene.store.correct_clock(scene.clock.now()) == nights * 24
    assert f"since the evening of {begin}." in client.get("/").text


def test_a_look_while_the_clock_is_ahead_keeps_no_later_day_from_being_counted(
    scene: Scene, client: FlaskClient
) -> None:
    season(scene, [0, 3, 3, 0])
    scene.clock.jump(30 * 86_400, ClockState.UNSYNCED)
    client.get("/")
    scene.clock.jump(-30 * 86_400, ClockState.SYNCED)
    for _ in range(5):
        scene.clock.advance(86_400)
        scene.store.commit(night(scene, 1, 0))
    assert f"{8 * EACH_C:.0f} of 117" in client.get("/").text


def test_days_of_a_clock_that_ran_ahead_are_not_told_once_it_is_right(scene: Scene, client: FlaskClient) -> None:
    season(scene, [0, 3, 3, 0])
    scene.clock.jump(30 * 86_400, ClockState.SYNCED)
    scene.store.commit([hour for back in range(25, 0, -1) for hour in night(scene, back, 0)])
    assert "reached about Jul 10" in client.get("/").text
    scene.clock.jump(-29 * 86_400, ClockState.SYNCED)
    scene.store.commit(night(scene, 1, 0)[:12])
    assert "reached" not in client.get("/").text


@pytest.mark.parametrize("hours", [1, 6])
def test_a_catch_just_before_noon_counts_though_its_interval_ends_half_a_second_late(
    hours: int, scene: Scene, client: FlaskClient
) -> None:
    well(scene)
    for back in (3, 2, 1):
        *_, last = night(scene, back, 0)
        noon, late = last.end.utc - timedelta(hours=24), 0.5 / 3600
        scene.store.commit([
            replace(
                last, start=at(scene, noon, end - hours + late), end=at(scene, noon, end + late),
                counts=(TaxonCount(label=MOTH, eppo="", count=3, low=1, high=6),) if end == 24 else (),
            )
            for end in range(hours, 25, hours)
        ])  # fmt: skip
    assert "Caught two nights in a row since the evening of Jun 28." in client.get("/").text


def test_nights_of_a_model_that_cannot_tell_the_pest_may_hide_an_earlier_catch(
    scene: Scene, client: FlaskClient
) -> None:
    remember(scene.store, "cards@1", ["Insecta"])
    well(scene)
    for back in (7, 6, 5):
        scene.store.commit([replace(one, model="cards@1") for one in night(scene, back, 0)])
    scene.store.commit([one for back in (4, 3, 2, 1) for one in night(scene, back, 3)])
    page = client.get("/").text
    assert "Caught two nights in a row since the evening of Jun 27." in page
    assert "Nobody looked on 177 nights before: it may have come earlier." in page  # 174 of them without a trap


@pytest.mark.parametrize(("latitude", "blind"), [(30.0, 208), (-30.0, 27)])  # since 1 January, since 1 July
def test_a_trap_that_was_hung_in_mid_season_may_have_missed_an_earlier_catch(
    scene: Scene, latitude: float, blind: int
) -> None:
    scene.configure(node={"latitude": latitude, "longitude": 0.0})
    scene.clock.jump(30 * 86_400, ClockState.SYNCED)
    season(scene, [3, 3, 0])
    page = scene.app().test_client().get("/").text
    assert "Caught two nights in a row since the evening of Jul 28." in page
    assert f"Nobody looked on {blind} nights before: it may have come earlier." in page


def test_a_step_that_is_complete_is_told_with_its_day_and_new_nights_go_on(scene: Scene, client: FlaskClient) -> None:
    season(scene, [0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0])
    assert "of 117 degree days" in client.get("/").text
    for _ in range(3):
        scene.clock.advance(86_400)
        scene.store.commit(night(scene, 1, 0))
    assert 117 / EACH_C > 12
    page = client.get("/").text
    assert "40 % of the eggs laid: reached on Jul 3" in page


def test_a_day_without_a_sensor_is_named_and_no_zero(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    weather = [WEATHER, WEATHER, WEATHER, None, WEATHER, WEATHER]  # from noon to noon: of two days not 18 hours
    nights = [night(scene, 6 - n, 2 if n else 0, climate) for n, climate in enumerate(weather)]
    scene.store.commit([one for hours in nights for one in hours])
    page = client.get("/").text
    assert "2 days without a temperature are reckoned from their neighbours." in page
    assert f"{5 * EACH_C:.0f} of 117" in page


@pytest.mark.parametrize(
    ("silent", "said", "reckoned"),
    [
        ((), "reached on Jul 26", ""),
        ((5, 6), "reached about Jul 26", "3 days without a temperature"),
        ((14,), "reached on Jul 26", ""),
    ],
    ids=["none", "before", "after"],
)
def test_a_silent_sensor_puts_off_no_step_and_no_day_after_it_counts(
    silent: tuple[int, ...], said: str, reckoned: str, scene: Scene, client: FlaskClient
) -> None:
    scene.clock.jump(30 * 86_400, ClockState.SYNCED)
    well(scene)
    for n in range(-1, 17):  # the first catch is that of Jul 14
        scene.store.commit(night(scene, 17 - n, 3 if n in (0, 1) else 0, None if n in silent else WEATHER))
    page = client.get("/").text
    assert f"40 % of the eggs laid: {said}" in page
    assert ("without a temperature" in page, reckoned in page) == (bool(reckoned), True)


def test_warmth_goes_on_and_names_the_days_when_the_sensor_has_gone_silent(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    for back in range(9, 0, -1):
        scene.store.commit(night(scene, back, 2, WEATHER if back > 4 else None))
        if back < 4:  # its first catch came when nobody measured any more
            scene.store.commit(night(scene, back, 2, None, "Spodoptera litura"))
        client.get("/")  # it has read the season before the sensor went
    page = client.get("/").text
    assert "5 days without a temperature are reckoned from their neighbours." in page  # the 22nd, and 27 to 30 June
    assert f"{9 * EACH_C:.0f} of 117" in page
    assert page.count("Caught two nights in a row") == 1


@pytest.mark.parametrize(
    ("caught", "climate", "label"),
    [
        ([3, 0, 3, 0], WEATHER, MOTH),  # a stray moth
        ([3, 3, 3], None, MOTH),  # no sensor
        ([3, 3, 3], WEATHER, "Nilaparvata lugens"),  # nothing is known of its need of heat
        ([3, 3, 3], WEATHER, "Spodoptera frugiperda"),  # nor of what follows a catch
        ([], WEATHER, MOTH),
    ],
)
def test_without_a_sustained_catch_a_sensor_or_a_source_there_is_no_panel(
    scene: Scene, client: FlaskClient, caught: list[int | None], climate: Climate | None, label: str
) -> None:
    season(scene, caught, climate, label)
    page = client.get("/")
    assert (page.status_code, "Warmth since" in page.text) == (200, False)


def test_each_share_of_eggs_is_told_as_its_source_has_it(scene: Scene) -> None:
    with scene.app().test_request_context("/"):
        told = {row.stage_to: stage_words(row.stage_to) for name in species() for row in development(name)}
    assert {stage: words for stage, words in told.items() if words.endswith("of the eggs laid")} == {
        "quarter of eggs laid": "25 % of the eggs laid",
        "30% of eggs laid": "30 % of the eggs laid",
        "35% of eggs laid": "35 % of the eggs laid",
        "40% of eggs laid": "40 % of the eggs laid",
        "half of eggs laid": "50 % of the eggs laid",
    }


def test_what_heat_after_a_catch_leads_to_is_said_where_it_is_something_to_look_for(scene: Scene) -> None:
    rows = [row for name in species() for row in development(name) if row.stage_from in CAUGHT]
    with scene.app().test_request_context("/"):
        unsaid = {row.stage_to for row in rows if not stage_words(row.stage_to)}
    assert unsaid == {  # another one wants its words in `stage_words`
        "spring spray against overwintering flight",
        "first-generation egg hatch ends",
        "second-generation egg hatch begins",
    }
