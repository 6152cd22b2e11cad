"""Fourteen days of intervals, and how they are drawn."""

import csv
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from edge.clock import ClockState, Instant
from edge.counts import Interval, TaxonCount, newest_unit
from edge.label_sets import NONE_KEPT, LabelSets, load, remember
from edge.page.now.chart import LINE, bars, mark_y
from edge.page.now.days import Day, Figure, days, most_seen, unit_of_days
from edge.page.now.sightings import counts_of
from tests.page.scenes import BUG, HOPPER, Scene, interval, sighting, trap_hour, well

SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 7, 1)


def at(day: int, hour: int) -> Instant:
    """A moment of June or July by UTC."""
    utc = datetime(2026, 6 if day > 2 else 7, day, hour, tzinfo=UTC)
    return Instant(utc, ClockState.SYNCED, "b" * 36, 0.0)


def visits(start: Instant, count: int) -> Interval:
    taxon = TaxonCount(label=HOPPER, eppo="", count=count, low=count - 1, high=count + 1)
    return replace(interval(start, {HOPPER: count}), unit="visits", counts=(taxon,))


def days_of(*intervals: Interval, label_sets: LabelSets = NONE_KEPT) -> tuple[Day, ...]:
    return days(intervals, SHANGHAI, TODAY, newest_unit(intervals), label_sets)


def test_a_day_begins_at_midnight_where_the_node_stands() -> None:
    before, after = interval(at(30, 15), {HOPPER: 1}), interval(at(30, 16), {HOPPER: 2})
    *_, yesterday, today = days_of(before, after)
    assert yesterday.figures[HOPPER].count == 1
    assert today.figures[HOPPER].count == 2


def test_an_hour_over_midnight_belongs_to_the_day_in_which_most_of_it_lies() -> None:
    start = at(30, 15)
    restarted = replace(start, utc=start.utc + timedelta(minutes=52))  # 23:52 there, and so up to 01:00
    *_, yesterday, today = days_of(interval(restarted, {HOPPER: 14}, hours=68 / 60))
    assert (yesterday.frames, today.figures[HOPPER].count) == (0, 14)


def test_a_night_of_a_trap_is_one_day_and_named_by_its_evening() -> None:
    evening, dawn, noon = (trap_hour(at(30, hour), 6) for hour in (13, 22, 4))  # 21:00, 6:00 of the next day, 12:00
    caught = [dawn, noon, evening, trap_hour(at(30, 3), 1)]
    *_, before, last = days(caught, SHANGHAI, date(2026, 6, 30), "new", NONE_KEPT)
    assert (before.day, before.figures[HOPPER].count) == (date(2026, 6, 29), 1)
    assert (last.day, last.figures[HOPPER].count) == (date(2026, 6, 30), 18)


def test_life_stages_of_an_hour_are_added_before_the_most_of_the_day_is_sought() -> None:
    larvae, adults = (
        TaxonCount(label=HOPPER, eppo="", count=n, low=n - 1, high=n + 1, stage=s)
        for n, s in ((7, "larva"), (6, "adult"))
    )
    both = replace(interval(at(1, 1), {}), counts=(larvae, adults))
    today = days_of(both, interval(at(1, 2), {HOPPER: 9}))[-1]
    assert today.figures[HOPPER] == Figure(13, 11, 15)


def test_the_most_on_one_picture_of_a_day_is_the_largest_of_its_hours() -> None:
    today = days_of(interval(at(1, 1), {HOPPER: 4}), interval(at(1, 2), {HOPPER: 3}))[-1]
    assert today.figures[HOPPER] == Figure(4, 2, 7)


def test_visits_of_a_day_are_added_with_their_ranges() -> None:
    today = days_of(visits(at(1, 1), 4), visits(at(1, 2), 3))[-1]
    assert today.figures[HOPPER] == Figure(7, 5, 9)


def test_a_range_that_is_not_known_for_one_hour_is_not_known_for_the_day() -> None:
    unknown = TaxonCount(label=HOPPER, eppo="", count=2, low=None, high=None)
    hours = [visits(at(1, 1), 4), replace(visits(at(1, 2), 2), counts=(unknown,))]
    fortnight = days_of(*hours)
    assert fortnight[-1].figures[HOPPER] == Figure(6, None, None)
    bar = bars(fortnight, HOPPER)[-1]
    assert (bar.height, bar.range_y) == (80, None)


def test_figures_of_another_unit_are_not_mixed_in() -> None:
    today = days_of(visits(at(1, 1), 40), interval(at(1, 2), {HOPPER: 3}))[-1]
    assert today.figures[HOPPER].count == 3


@pytest.mark.parametrize(
    ("slow", "unit"), [(at(1, 3), "visits"), (at(2, 3), "max_per_frame")], ids=["that day", "on the next day"]
)
def test_an_hour_too_slow_for_visits_hides_none_of_its_day(slow: Instant, unit: str) -> None:
    kept = [visits(at(1, 1), 4), visits(at(1, 2), 3), interval(slow, {HOPPER: 1})]
    assert unit_of_days(kept, "visits", SHANGHAI) == unit
    assert unit_of_days(kept, "max_per_frame", SHANGHAI) == "max_per_frame"  # looked at more seldom by now


def test_the_page_goes_on_with_visits_after_an_hour_that_was_too_slow_for_them(scene: Scene) -> None:
    well(scene)
    scene.configure(camera={"kind": "opencv", "every_s": 1.0})
    slow = interval(scene.before(hours=2), {HOPPER: 1})
    scene.store.commit([visits(scene.before(hours=4), 4), visits(scene.before(hours=3), 3), slow])
    client = scene.app().test_client()
    assert "today so far: 7" in client.get("/").text
    today = client.get("/api/v1/days").json["days"][-1]
    assert (today["unit"], [one["count"] for one in today["counts"]]) == ("visits", [7])


def test_the_dark_takes_no_unit_from_what_the_light_told() -> None:
    dark = replace(interval(at(1, 3), None), unit="visits")
    kept = [interval(at(1, 1), {HOPPER: 4}), interval(at(1, 2), {HOPPER: 3}), dark]
    today = days_of(*kept)[-1]
    assert (today.frames > 0, today.figures[HOPPER].count) == (True, 4)
    assert [one.count for one in counts_of(today, "max_per_frame")] == [4]


def test_a_maximum_of_two_hours_has_the_highest_low_and_the_highest_high_as_on_the_platform() -> None:
    hours = [
        replace(interval(at(1, hour), {}), counts=(TaxonCount(label=HOPPER, eppo="", count=n, low=low, high=high),))
        for hour, (n, low, high) in enumerate([(10, 4, 20), (9, 8, 40)], start=1)
    ]
    assert days_of(*hours)[-1].figures[HOPPER] == Figure(10, 8, 40)
    unmeasured = replace(hours[1], counts=(TaxonCount(label=HOPPER, eppo="", count=9, low=None, high=None),))
    assert days_of(hours[0], unmeasured)[-1].figures[HOPPER] == Figure(10, None, None)


def test_a_day_without_a_look_is_a_gap_and_one_without_an_insect_a_zero() -> None:
    hours = [
        interval(at(28, 3), {}), interval(at(29, 3), None), interval(at(30, 3), {}), interval(at(1, 3), {HOPPER: 2})
    ]  # fmt: skip
    kinds = [bar.kind for bar in bars(days_of(*hours), HOPPER)]
    assert kinds[-5:] == ["before", "zero", "gap", "zero", "count"]


def test_hours_in_the_dark_are_no_effort_in_the_table_as_on_top(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    dark = [interval(scene.before(hours=back), None) for back in (6, 5, 4)]
    scene.store.commit([*dark, *(interval(scene.before(hours=back), {}) for back in (3, 2))])
    page = client.get("/").text
    assert "120 pictures looked at in the last 24 hours, watching for 2 hours" in page
    assert rows_of(page)[0][-1] == "120 pictures in 2 hours"
    assert client.get("/api/v1/days").get_json()["days"][-1]["awake_s"] == 7200


def test_taxa_stand_in_the_order_of_their_best_day() -> None:
    fortnight = days_of(interval(at(30, 3), {BUG: 5, HOPPER: 2}), interval(at(1, 3), {HOPPER: 4}))
    assert most_seen(fortnight) == [BUG, HOPPER]


def test_a_bar_of_twice_the_count_is_twice_as_high() -> None:
    fortnight = days_of(interval(at(30, 3), {HOPPER: 10}), interval(at(1, 3), {HOPPER: 20}))
    heights = [bar.height for bar in bars(fortnight, HOPPER)[-2:]]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.2)


def test_the_highest_range_fills_the_drawing_beside_the_bar_of_the_count_with_the_figure_on_top() -> None:
    """Of 10, where 8 to 13 are likely: 80 units are 13."""
    bar = bars(days_of(interval(at(1, 3), {HOPPER: 10})), HOPPER)[-1]
    assert (bar.y, bar.height, bar.range_x, bar.range_y) == (42.5, 61.5, 347, (24, 54.8))
    assert (bar.x, bar.right, bar.text, bar.text_y) == (327, 344, "10", 36.5)


@pytest.mark.parametrize("count", range(1, 40))
def test_no_figure_is_struck_through_by_the_level_and_each_stands_near_its_bar(count: int) -> None:
    """Letters are 13 units high over their line, the level is 3 thick; together in 108."""
    told = days_of(interval(at(29, 3), {HOPPER: 25}), interval(at(1, 3), {HOPPER: count}))
    line = mark_y(told, HOPPER, 20.0)
    assert line is not None
    for bar in bars(told, HOPPER, 20.0):
        if bar.text:
            assert not bar.text_y - 13 - 1.5 < line < bar.text_y + 1.5
            assert 13 <= bar.text_y < bar.y < bar.text_y + 2 * LINE


def test_a_single_insect_is_a_low_bar_on_the_floor() -> None:
    alone = TaxonCount(label=HOPPER, eppo="", count=1, low=None, high=None)
    bar = bars(days_of(replace(visits(at(1, 1), 1), counts=(alone,))), HOPPER)[-1]
    assert (bar.y, bar.height) == (84, 20)  # of 80, down to 104


def test_a_great_figure_over_the_first_or_the_last_bar_stays_within_the_drawing() -> None:
    fortnight = days_of(interval(at(18, 3), {HOPPER: 12345}), interval(at(1, 3), {HOPPER: 1234}))
    for bar in bars(fortnight, HOPPER):
        half = 9.5 / 2 * len(bar.text)  # digits of 16 px, bold
        assert half <= bar.middle <= 350 - half


@pytest.mark.parametrize(
    ("back", "most", "so_far", "told"),
    [
        (1, 312, 305, ["312", ""]),
        (2, 1412, 1380, ["1,412", ""]),
        (3, 1412, 1380, ["1,412", "1,380"]),
        (1, 1412, 900, ["1,412", "900"]),
        (1, 305, 312, ["", "312"]),
        (1, 31, 29, ["31", "29"]),
    ],
    ids=["beside it", "two days on", "three days on", "lower", "higher", "short"],
)
def test_todays_figure_is_left_out_where_it_would_run_into_the_highest_one(
    back: int, most: int, so_far: int, told: list[str]
) -> None:
    fortnight = days_of(trap_hour(at(31 - back, 15), most), trap_hour(at(1, 5), so_far))
    drawn = bars(fortnight, HOPPER)
    assert [drawn[13 - back].text, drawn[13].text] == told


def test_nights_of_a_trap_are_told_as_nights(scene: Scene, client: FlaskClient) -> None:
    well(scene)  # at 16:30
    scene.store.commit([trap_hour(scene.before(hours=back), caught) for back, caught in ((20, 9), (10, 3), (2, 2))])
    scene.store.commit([sighting(scene.before(hours=2))])
    page = client.get("/").text
    assert "New on the trap, each night: 12 on Jun 30, no data on Jun 29" in page
    assert "Highest: 12 on Jun 30 · night of Jul 1 so far: 2" in page
    assert "<span>Jun 18</span><span>Jul 1</span>" in page
    assert '<th scope="col">Night</th>' in page


def test_a_catch_of_several_nights_is_one_bar_over_them_as_high_as_its_mean() -> None:
    """Of four, in the first of which somebody looked."""
    told = days_of(trap_hour(at(28, 13), 6), trap_hour(at(1, 13), 42, nights=4))
    *_, first, gap, other_gap, wide = bars(told, HOPPER, 20.0)
    assert [one.kind for one in (first, gap, other_gap, wide)] == ["count", "later", "later", "count"]
    assert (wide.x, wide.right, wide.middle) == (gap.x, other_gap.right + 25, other_gap.x + 8.5)
    assert [bars(told, HOPPER, level)[-1].text for level in (None, 20.0, 10.2)] == ["10", "10", "10.5"]
    assert wide.height / first.height == pytest.approx(10.5 / 6, abs=0.02)
    assert mark_y(told, HOPPER, 20.0) < wide.y  # type: ignore[operator]


def test_a_bar_of_more_nights_than_a_fortnight_has_begins_with_it() -> None:
    told = bars(days_of(trap_hour(at(1, 13), 42, nights=60)), HOPPER)
    assert [one.kind for one in told] == ["later"] * 13 + ["count"]
    assert (told[-1].x, told[-1].text) == (told[0].x, "0.7")


def test_the_nights_of_a_catch_that_was_first_looked_at_in_the_evening_reach_back_to_the_look_before() -> None:
    """From 11:00 of June 28 to 20:30 of July 1 are 80 hours, so three nights; they lie in four."""
    evening = replace(trap_hour(at(1, 12), 42), exposed_s=80.5 * 3600)
    told = days_of(trap_hour(at(28, 2), 5), evening)
    first, *gap, wide = bars(told, HOPPER)[-5:]
    assert [one.kind for one in (first, *gap, wide)] == ["count", "later", "later", "later", "count"]
    assert (wide.x, wide.text, told[-1].effort(HOPPER).nights) == (gap[0].x, "14", 3)


def test_a_catch_that_came_in_a_night_that_was_looked_at_too_is_told_as_the_mean_that_is_drawn(
    scene: Scene, client: FlaskClient
) -> None:
    well(scene)
    scene.clock.advance(15 * 3600)  # 7:30 of July 2
    scene.store.commit([trap_hour(scene.before(hours=37), 30), trap_hour(scene.before(hours=1), 43, nights=2)])
    page = client.get("/").text
    assert "Highest: 30 on Jun 30 · night of Jul 1 so far: 21.5 a night, 43 in 2 nights" in page
    assert "Data since Jun 30. A catch of several nights is drawn as high as its mean a night.</p>" in page
    assert re.findall("<text .*?>(.*?)</text>", page) == ["30", "22"]


def test_a_catch_of_several_nights_is_told_with_them_in_words_and_for_programs(
    scene: Scene, client: FlaskClient
) -> None:
    well(scene)
    scene.clock.advance(15 * 3600)  # 7:30 of July 2
    scene.configure(camera={"mode": "trap"})
    scene.store.commit([trap_hour(scene.before(hours=97), 8, nights=1), trap_hour(scene.before(hours=1), 42, nights=3)])
    page = client.get("/").text
    assert "Highest: 14 a night, 42 in the 3 nights up to Jul 1 · night of Jul 1 so far: 14 a night, 42 in 3" in page
    assert "Data since Jun 27. A catch of several nights is drawn as high as its mean a night. 1 day" in page
    assert re.search('<rect class="counted" x="[0-9]+" y="[0-9.]+" width="67"', page)
    assert [row[1] for row in rows_of(page)[:5]] == ["42 in 3 nights", *["in the catch of Jul 1"] * 2, "no data", "8"]
    assert rows_of(page)[1] == ["Jun 30", "in the catch of Jul 1", "not looked"]
    told = client.get("/api/v1/days").json["days"]
    assert [day["nights"] for day in told[-5:]] == [1, None, None, None, 3]
    assert [one["nights"] for day in told for one in day["counts"] or ()] == [1, 3]
    table = list(csv.DictReader(client.get("/api/v1/days.csv").text.splitlines()))
    assert [(row["count"], row["nights"]) for row in table[-5:]] == [("8", "1"), *[("", "")] * 3, ("42", "3")]
    scene.clock.advance(6 * 3600)
    well(scene)
    page = client.get("/").text
    assert "New on the trap, each night: 42 in the 3 nights up to Jul 1" in page


def test_a_zero_of_several_nights_has_them_named_in_the_table(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.clock.advance(15 * 3600)  # 7:30 of July 2
    scene.configure(camera={"mode": "trap"})
    none_new = replace(trap_hour(scene.before(hours=1), 0, nights=3), counts=())
    scene.store.commit([none_new])
    page = client.get("/").text
    assert [row[1] for row in rows_of(page)[1:]] == ["in the catch of Jul 1"] * 2
    assert "mean a night" not in page


def test_what_is_no_trap_has_no_nights(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.store.commit([interval(scene.before(hours=2), {HOPPER: 3})])
    today = client.get("/api/v1/days").json["days"][-1]
    assert [today["nights"], *(one["nights"] for one in today["counts"])] == [None, None]
    assert client.get("/api/v1/days.csv").text.splitlines()[-1].endswith(",")


def test_in_the_morning_the_night_that_began_last_evening_is_the_one_that_runs(
    scene: Scene, client: FlaskClient
) -> None:
    scene.clock.advance(15 * 3600)  # 7:30 of the next day
    well(scene)
    scene.store.commit([trap_hour(scene.before(hours=12), 4)])
    assert "night of Jul 1 so far: 4" in client.get("/").text
    scene.clock.advance(5 * 3600)
    assert "night of Jul 2: no data yet" in client.get("/").text


@pytest.mark.parametrize("mode", ["live", "leaf"])
def test_until_a_new_trap_has_looked_days_go_on_from_midnight(mode: str, scene: Scene, client: FlaskClient) -> None:
    well(scene)  # at 16:30; from 18:30 on the card hangs in the dark
    unit = {"live": "max_per_frame", "leaf": "affected_frames"}[mode]
    scene.store.commit([replace(interval(scene.before(hours=4), {HOPPER: 7}), mode=mode, unit=unit)])
    scene.clock.advance(12 * 3600)
    dark = replace(interval(scene.before(hours=10), None, hours=9), mode="trap", unit="new")
    scene.store.commit([dark])
    assert rows_of(client.get("/").text)[:2] == [
        ["Jul 2", "no data", "not looked"],
        ["Jul 1", "7", "60 pictures in 1 hour"],
    ]
    *_, yesterday, today = csv.DictReader(client.get("/api/v1/days.csv").text.splitlines())
    assert (yesterday["day"], yesterday["count"]) == ("2026-07-01", "7")
    assert (today["day"], today["count"]) == ("2026-07-02", "")
    assert "fieldeye_today_" not in client.get("/metrics").text


def test_days_before_the_first_data_are_left_empty() -> None:
    assert [bar.kind for bar in bars(days_of(), HOPPER)] == ["before"] * 14


MOTH = "Helicoverpa armigera"


def nights(scene: Scene, models: Sequence[str]) -> None:
    """A night each up to this one; twenty moths come, which `cards` counts as five and twenty insects."""
    remember(scene.store, "pests@1", [MOTH])
    remember(scene.store, "cards@1", ["Insecta"])
    well(scene)
    for back, model in zip(reversed(range(len(models))), models, strict=True):
        counts = {"Insecta": 25} if model == "cards@1" else {MOTH: 20}
        hour = interval(scene.before(days=back, hours=2), counts)
        scene.store.commit([replace(hour, model=model, mode="trap", unit="new")])


def rows_of(page: str) -> list[list[str]]:
    """The table day by day, the newest first."""
    (body,) = re.findall("<tbody>(.*?)</tbody>", page, re.DOTALL)
    return [re.findall("<t[hd][^>]*>(.*?)</t[hd]>", row) for row in body.split("</tr>")[:-1]]


def test_a_gap_before_a_look_that_cannot_tell_the_pest_is_hatched_for_it(scene: Scene) -> None:
    remember(scene.store, "pests@1", [HOPPER])
    remember(scene.store, "cards@1", ["Insecta"])
    found = replace(trap_hour(at(28, 13), 6), model="pests@1")
    blind = replace(trap_hour(at(1, 13), 0, nights=3), model="cards@1", counts=())
    told = days_of(found, blind, label_sets=load(scene.store))
    assert [bar.kind for bar in bars(told, HOPPER)[-4:]] == ["count", "gap", "gap", "other"]
    assert [bar.kind for bar in bars(told, "Insecta")[-3:]] == ["later", "later", "zero"]


def test_a_look_that_cannot_tell_the_pest_lends_no_nights_to_its_catch(scene: Scene) -> None:
    remember(scene.store, "pests@1", [HOPPER])
    remember(scene.store, "cards@1", ["Insecta"])
    well(scene)
    scene.clock.advance(15 * 3600)  # 7:30 of July 2
    well(scene)
    scene.configure(camera={"mode": "trap"})
    blind = replace(trap_hour(scene.before(hours=9), 0, nights=3), model="cards@1", counts=())
    found = [trap_hour(scene.before(hours=96), 5), trap_hour(scene.before(hours=1), 25, nights=1)]
    scene.store.commit([blind, *(replace(one, model="pests@1") for one in found)])
    client = scene.app().test_client()
    page = client.get("/").text
    assert ">Brown planthopper: 25 last night<" in page
    assert "Data since Jun 27. 3 days without data are hatched: that is not a zero.</p>" in page
    assert [one["nights"] for one in client.get("/api/v1/days").json["days"][-1]["counts"]] == [1]
    assert list(csv.DictReader(client.get("/api/v1/days.csv").text.splitlines()))[-1]["nights"] == "1"
    assert f'fieldeye_today_nights{{label="{HOPPER}"}} 1.0' in client.get("/metrics").text


def test_a_night_of_a_model_that_cannot_tell_a_pest_is_no_zero_of_it(scene: Scene, client: FlaskClient) -> None:
    nights(scene, [*["pests@1"] * 10, *["cards@1"] * 3, "pests@1"])
    page = client.get("/").text
    assert rows_of(page)[:2] == [
        ["Jul 1", "no data", "20", "60 pictures in 1 hour"],
        ["Jun 30", "25", "no data", "60 pictures in 1 hour"],
    ]
    assert "Days that were counted in another way are left empty." in page
    assert "without data" not in page
    rows = list(csv.DictReader(client.get("/api/v1/days.csv").text.splitlines()))
    assert [(row["label"], row["count"], row["frames"]) for row in rows[-4:]] == [
        ("Insecta", "25", "60"), (MOTH, "", ""), (MOTH, "20", "60"), ("Insecta", "", ""),
    ]  # fmt: skip
    told = client.get("/api/v1/days").get_json()["days"]
    assert [day["not_told"] for day in told[-2:]] == [[MOTH], ["Insecta"]]


def test_while_a_model_looks_that_cannot_tell_a_pest_no_figure_of_it_is_promised(
    scene: Scene, client: FlaskClient
) -> None:
    nights(scene, [*["pests@1"] * 3, "cards@1"])
    assert '<p class="soft">Highest: 20 on Jun 28</p>' in client.get("/").text


def test_effort_of_a_day_on_which_the_model_changed_is_that_of_those_who_can_tell() -> None:
    pests, cards = interval(at(1, 1), {MOTH: 2}, frames=60), interval(at(1, 2), {"Insecta": 3}, frames=50)
    kept = {"pests@1": frozenset({MOTH}), "cards@1": frozenset({"Insecta"})}
    told = [replace(pests, model="pests@1"), replace(cards, model="cards@1")]
    today = days_of(*told, label_sets=kept)[-1]
    assert (today.frames, today.effort(MOTH).frames, today.effort("Insecta").frames) == (110, 60, 50)
    assert (today.figure(MOTH), today.figure(HOPPER)) == (Figure(2, 0, 5), None)


def test_what_a_model_counted_before_its_labels_changed_under_one_version_stays_counted(
    scene: Scene, client: FlaskClient
) -> None:
    nights(scene, ["cards@1"])
    hours = [interval(scene.before(days=1, hours=back), {MOTH: 20} if back == 2 else {}) for back in (3, 2)]
    scene.store.commit([replace(hour, model="cards@1", mode="trap", unit="new") for hour in hours])
    rows = list(csv.DictReader(client.get("/api/v1/days.csv").text.splitlines()))
    assert [(row["label"], row["count"], row["frames"]) for row in rows[-3:]] == [
        (MOTH, "20", "120"), ("Insecta", "25", "60"), (MOTH, "", ""),
    ]  # fmt: skip
    assert [day["not_told"] for day in client.get("/api/v1/days").get_json()["days"][-2:]] == [[], [MOTH]]


def test_the_table_of_a_new_node_begins_with_its_first_day(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    scene.store.commit([interval(scene.before(hours=2), {HOPPER: 5})])
    assert rows_of(client.get("/").text) == [["Jul 1", "5", "60 pictures in 1 hour"]]


def test_days_that_were_counted_in_another_unit_were_looked_at(scene: Scene, client: FlaskClient) -> None:
    well(scene)
    live = [interval(scene.before(days=back), {HOPPER: 5}, frames=720) for back in (8, 7, 6, 3, 2, 1)]
    scene.store.commit([*live, trap_hour(scene.before(hours=2), 2)])
    page = client.get("/").text
    looked = [row[2] for row in rows_of(page)]
    assert looked == [
        "60 pictures in 1 hour", *["counted in another way"] * 3, *["not looked"] * 2,
        *["counted in another way"] * 3,
    ]  # fmt: skip
    assert (
        "Data since Jun 23. 2 days without data are hatched: that is not a zero. "
        "Days that were counted in another way are left empty." in page
    )
    kinds = re.findall(r'fill="url', page)
    assert len(kinds) == 2
    rows = {row["day"]: row for row in csv.DictReader(client.get("/api/v1/days.csv").text.splitlines())}
    told = {day: (rows[day]["count"], rows[day]["frames"], rows[day]["awake_s"]) for day in rows}
    assert told["2026-06-30"] == ("", "", "")
    assert told["2026-06-27"] == ("", "0", "0")
    assert told["2026-07-01"] == ("2", "60", "3600.0")
    answered = client.get("/api/v1/days").get_json()["days"]
    assert [(day["frames"], day["counts"]) for day in answered[-2:]] == [
        (None, None), (60, [{"label": HOPPER, "count": 2, "low": 0, "high": 5, "nights": 1}])
    ]  # fmt: skip
