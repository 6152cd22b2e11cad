"""The map with its filters, figures and tables, and what the script draws."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NoReturn

from flask import abort, current_app, g, jsonify, make_response, render_template, request, url_for

from edge.errors import UsageError
from edge.languages.typed import plain
from edge.platform.areas.area_names import called, code_in, codes_of, names_within, with_above
from edge.platform.areas.areas_below import AreaBelow, areas_below
from edge.platform.areas.charts import has_begun
from edge.platform.areas.hull import Point, beside
from edge.platform.areas.population import (
    Cameras,
    Night,
    Range,
    TaxonSum,
    Trend,
    Wanted,
    as_area,
    cameras_behind,
    is_incidence,
    population,
    range_told,
    running_from,
    taxa_of,
    taxon_unseen,
    together,
    trend,
    unlike_hours,
)
from edge.platform.areas.week import (
    in_weeks,
    last_over,
    nodes_of,
    places_at,
    places_of,
    threshold_of,
    undated,
    unplaced,
)
from edge.platform.database import Database, only_row
from edge.platform.desk.entry import Answer, desk, logged_in, refuse
from edge.platform.sentences import (
    area_words,
    between,
    cameras_words,
    change,
    count_words,
    density,
    density_range,
    density_words,
    incidence,
    level_colour,
    level_words,
    place_words,
    sign,
    together_words,
    undated_words,
    unit_words,
    unplaced_words,
    value_words,
    watched,
)
from edge.platform.words import gettext, number

DAYS_SHOWN, MOST_DAYS = 7, 400
MOST_AREAS = 30  # of the level below
MOST_TAXA = 200  # to choose from, and the one asked for


@desk.get("/")
@logged_in
def map_page() -> Answer:
    """Filters, table and, with a script, map and chart."""
    area, first, last = _filters()
    told = taxa_of(g.database, area, first, last)
    chosen, taxa = _chosen(told), told[:MOST_TAXA]
    if chosen is not None and chosen not in taxa:
        taxa.append(chosen)
    view: dict[str, Any] = {"taxa": taxa, "chosen": chosen, "first": first, "last": last, "area": area}
    if chosen is not None:
        view |= _of_taxon(g.database, chosen, chosen.wanted(area, first, last))
    undated_says = undated_words(undated(g.database, area, first, last))
    view |= {"area_says": called(g.database, area) or area_words(area), "names": names_within(g.database, g.area)}
    return render_template("map.html", undated=undated_says, **view)


@desk.get("/api/map")
@logged_in
def map_data() -> Answer:
    """What the script draws: places with counts (null: no data), nights, borders."""
    area, first, last = _filters()
    chosen = _chosen(taxa_of(g.database, area, first, last))
    outlines = current_app.config["OUTLINES"]
    if chosen is None:
        return jsonify(places=[], nights=[], outlines=outlines, threshold=None)
    wanted = chosen.wanted(area, first, last)
    nights, places = trend(g.database, in_weeks(wanted)), places_of(g.database, wanted)
    over = last_over(running_from(g.database, area), last)
    means = [one.week_mean if has_begun(one, over) else None for one in nights]
    start_at, *_ = threshold_of(g.database, wanted)
    reached = places_at(g.database, wanted, start_at)
    origin = places[0].at if places else Point(0, 0)
    return jsonify(
        places=[
            [
                ", ".join(filter(None, (place.name, place.called))),
                *beside(place.at, origin),
                place.value,
                place.name in reached,
            ]
            for place in places
        ],
        nights=[[one.night.isoformat(), one.per_camera_night, mean] for one, mean in zip(nights, means, strict=True)],
        outlines=[[beside(Point(*at), origin) for at in ring] for ring in outlines],
        # beside the mean that it is for
        threshold=start_at if together(g.database, wanted, nights[-1]) is None else None,
    )


def _filters() -> tuple[str, date, date]:
    """Area and nights as asked for; anything that makes no sense is answered with what would."""
    try:
        last = date.fromisoformat(request.args.get("last") or _newest(g.database).isoformat())
        first = date.fromisoformat(request.args.get("first") or (last - timedelta(days=DAYS_SHOWN - 1)).isoformat())
    except (ValueError, OverflowError):
        refuse(400, gettext("There is no such night: give a date such as 2026-07-01."))
    if last < first:
        refuse(400, gettext("The nights run backwards: give the earlier one first."))
    if (last - first).days > MOST_DAYS:
        refuse(400, gettext("At most %(nights)s nights are shown at once.", nights=number(MOST_DAYS)))
    return _area(), first, last


def _area() -> str:
    """As asked for by code or name; one beside the person's own is refused, as its counts would look like nothing."""
    typed = request.args.get("area", "").strip()
    asked = plain(typed)
    is_name = asked != "" and not asked.isdecimal()  # to look for one takes 0.3 s among a country's
    codes = codes_of(g.database, (typed, asked), g.area) if is_name else []
    if len(codes) > 1:
        _let_choose(codes)
    try:
        area = as_area(codes[0] if codes else code_in(asked) or g.area)
    except UsageError:
        if is_name:
            refuse(400, gettext("No area has this name: give another name, or an area code."))
        refuse(400, gettext("An area code has 2, 4, 6, 9 or 12 digits."))
    if not area.startswith(g.area):
        refuse(403, gettext("You see the area %(area)s only.", area=called(g.database, g.area) or g.area))
    return area


def _let_choose(codes: Sequence[str]) -> NoReturn:
    """Which of the areas of one name is meant, in place of the page."""
    others: dict[str, Any] = {name: request.args.get(name) for name in ("taxon", "first", "last")}
    areas = [(url_for("desk.map_page", area=code, **others), says) for code, says in with_above(g.database, codes)]
    abort(make_response((render_template("which_area.html", areas=areas), 300)))


def _newest(database: Database) -> date:
    """The last night with data that is over; a node whose clock runs ahead leads nobody into its future."""
    today = datetime.now(UTC).date()
    running = running_from(database, g.area) or today
    asked = "SELECT max(night) FROM area_effort WHERE prefix = %s AND night < %s"
    (newest,) = only_row(database, asked, (g.area, running))
    return newest or today


def _chosen(taxa: list[TaxonSum]) -> TaxonSum | None:
    """The taxon asked for by its key, also one that nobody saw here and then; asked for none, the first one."""
    asked = request.args.get("taxon", "")
    if not asked:
        return taxa[0] if taxa else None
    found = next((one for one in taxa if one.key == asked), None) or taxon_unseen(g.database, asked)
    return found or refuse(404, gettext("No node has ever told of this taxon: choose one of the list."))


def _of_taxon(database: Database, chosen: TaxonSum, wanted: Wanted) -> dict[str, Any]:
    unit = wanted.unit
    nights, below = population(database, wanted), areas_below(database, wanted)
    running = running_from(database, wanted.area)
    is_newest = running is not None and wanted.last == running - timedelta(days=1)
    until = wanted.last + timedelta(days=2 * is_newest)  # tonight may raise what stands now
    weeks = trend(database, replace(in_weeks(wanted), last=until))
    now, shown = weeks[-1], weeks[-1 - 2 * is_newest]
    nodes, places = nodes_of(database, wanted.area, wanted.first, wanted.last), places_of(database, wanted)
    over = last_over(running, wanted.last)
    start_at, *_ = threshold_of(database, wanted)
    return {
        "nights": nights,
        "figures": [
            *_figures(chosen, nights, now, unlike_hours(database, wanted)),
            *_degree(unit, nights, cameras_behind(database, wanted, nights)),
            *_spread(range_told(database, wanted, nights)),
        ],
        "level": now.level,
        "colour": level_colour(now.level),
        "level_says": level_words(now.level),
        "threshold_says": _threshold_words(start_at, unit),
        "reached": places_at(database, wanted, start_at),
        "tonight": _tonight_words(running, shown, now),
        "together": together_words(together(database, wanted, now), unit),
        "weeks": [one for one in weeks if one.night <= wanted.last and has_begun(one, over)],
        "over": over,
        "watched": watched(unit, nights),
        "sign": sign(unit),
        "is_incidence": is_incidence(unit),
        "below": [(one, place_words(one.area, one.called), *_degree_below(one, unit)) for one in below[:MOST_AREAS]],
        "areas": len(below),
        "places": places,
        "unplaced": unplaced_words(unplaced(nodes, places)),
        "silent": [f"{node.site}/{node.node}" for node in nodes if not node.nights and wanted.first <= over],
    }


def _threshold_words(start_at: float | None, unit: str) -> str:
    """Empty where the station has none."""
    if start_at is None:
        return ""
    start = number(start_at, 3) + sign(unit)
    if is_incidence(unit):
        return gettext("by the station's threshold of %(start)s", start=start)
    return gettext("by the station's threshold of %(start)s a camera and night", start=start)


def _tonight_words(running: date | None, shown: Trend, now: Trend) -> str:
    """Why level and change are not those of the last night on the page; empty where they are."""
    if (shown.week_mean, shown.level) == (now.week_mean, now.level):
        return ""
    return gettext("The change and any level include the night %(night)s, which is not over yet.", night=str(running))


def _degree_below(one: AreaBelow, unit: str) -> tuple[str, str]:
    """And of how many cameras, unless of all; empty of insects that too few calibrated ones counted."""
    if is_incidence(unit):
        return value_words(one.incidence, unit), ""
    if one.per_m2 is None or one.cameras is None or not one.cameras.are_enough:
        return "", ""
    return density_words(one.per_m2, unit), cameras_words(one.cameras)


def _figures(
    chosen: TaxonSum, nights: Sequence[Night], now: Trend, unlike_h: tuple[float, float] | None
) -> list[tuple[str, str]]:
    """Each with what it is."""
    counted, says = None, gettext("count")
    if any(night.count is not None for night in nights):
        counted = chosen.count
        says = gettext("counted, range %(range)s", range=between(chosen.low, chosen.high))
    return [
        (count_words(counted), says),
        (change(now.week_mean, now.week_before, unlike_h), gettext("against the week before")),
    ]


def _degree(unit: str, nights: Sequence[Night], cameras: Cameras) -> list[tuple[str, str]]:
    """None of visits: one that comes back is another visit."""
    if unit == "visits":
        return []
    if is_incidence(unit):
        return [(incidence(nights), unit_words(unit))]
    spread = density_range(nights, cameras)
    says = gettext("density, range %(range)s", range=spread) if spread else gettext("density")
    return [(density(unit, nights, cameras), says)]


def _spread(found: Range | None) -> list[tuple[str, str]]:
    """Where it was seen, and how fast it goes on where it does."""
    if found is None:
        return []
    cells, front_km = f"{number(len(found.cells))} km²", found.front_km_per_week or 0
    if round(front_km, 1) <= 0:
        return [(cells, gettext("in which it was seen"))]
    return [(cells, gettext("in which it was seen; spreads %(km)s km a week", km=number(front_km, 1)))]
