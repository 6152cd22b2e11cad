"""The report of an area's week or month as one HTML file, and the same as PDF. It tells what was observed."""

import logging
import subprocess
from collections.abc import Sequence
from contextlib import redirect_stdout
from datetime import date, datetime
from io import StringIO
from typing import Any

from flask import render_template
from markupsafe import Markup

from edge.errors import UsageError
from edge.languages import HTML_LANGUAGE, REVIEWED
from edge.languages.units import threshold_unit_words
from edge.platform.areas.charts import DOTS_BELOW, area_map, bars
from edge.platform.areas.hull import Point
from edge.platform.areas.population import Range, is_incidence
from edge.platform.areas.week import AlertTold, TaxonWeek, Week
from edge.platform.sentences import (
    area_words,
    between,
    change,
    count_words,
    degree,
    left_behind_words,
    level_colour,
    level_words,
    place_words,
    shown_words,
    sign,
    taxon_words,
    together_words,
    undated_words,
    unit_words,
    unplaced_words,
    value_words,
    watched,
    when,
)
from edge.platform.words import figure_words, gettext, ngettext, number, speaking

WEEK_DAYS = 7
MOST_LINES = 50  # of a list: of a province more would be hundreds of pages
INSTALL = "sudo apt install libpango-1.0-0 libpangoft2-1.0-0 fonts-noto-core fonts-noto-cjk"


def html(week: Week, outlines: Sequence[Sequence[Point]], made: datetime, language: str = "en") -> str:
    """One file that loads nothing."""
    with speaking(language):
        return render_template(
            "report.html",
            html_language=HTML_LANGUAGE[language],
            is_machine_translated=language not in REVIEWED,
            week=week,
            area=week.called or area_words(week.area),
            taxa=[_taxon(taxon, outlines, week.over) for taxon in week.taxa],
            unplaced=unplaced_words(week.unplaced),
            undated=undated_words(week.undated),
            alerts=[_alert(alert) for alert in week.alerts[:MOST_LINES]],
            alerts_shown=_shown(week.alerts),
            gaps=week.gaps[:MOST_LINES],
            gaps_shown=_shown(week.gaps),
            effort=_effort(week),
            more=_more(week),
            last_week=_last_week(week),
            left_behind=left_behind_words(week.left_behind),
            not_begun=_not_begun(week.not_begun),
            made=when(made),
            when=when,
            place_words=place_words,
        )


def pdf(page: str, language: str = "en") -> bytes:
    """The page on A4. What its renderer says of words that only a screen needs goes to nobody. Raises UsageError."""
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    if not _has_font(language):
        why = f"would be empty boxes in {language!r}, as no font here has its letters"
        raise UsageError(f"the report's PDF {why}; for more than its HTML run: {INSTALL}")
    try:
        with redirect_stdout(StringIO()):  # of Pango that is missing it prints several lines
            from weasyprint import HTML  # noqa: PLC0415  it loads Pango, which only paper needs
    except OSError as why:
        raise UsageError(f"the report's PDF needs Pango; for more than its HTML run: {INSTALL}") from why
    return bytes(HTML(string=page, url_fetcher=_fetch_nothing).write_pdf())


def _has_font(language: str) -> bool:
    """Does any font here write `language`? For letters that it does not find Pango draws boxes and says nothing."""
    try:
        fonts = subprocess.run(["fc-list", f":lang={language}"], capture_output=True, check=False)  # noqa: S603, S607
    except FileNotFoundError:  # comes with Pango on Debian; elsewhere nobody knows
        return True
    return bool(fonts.stdout)


def _fetch_nothing(url: str, *_: object, **__: object) -> dict[str, Any]:
    raise ValueError(f"the report loads nothing, and not {url}")


def _effort(week: Week) -> str:
    if week.over < week.last:
        return ngettext(
            "%(reporting)s of %(nodes)s node reported so far: these nights are not all over",
            "%(reporting)s of %(nodes)s nodes reported so far: these nights are not all over",
            len(week.nodes),
            reporting=number(week.reporting),
            nodes=number(len(week.nodes)),
        )
    nights = (week.last - week.first).days + 1
    full = sum(node.nights == nights for node in week.nodes)
    return ngettext(
        "%(reporting)s of %(nodes)s node reported, %(full)s of them on all %(nights)s nights",
        "%(reporting)s of %(nodes)s nodes reported, %(full)s of them on all %(nights)s nights",
        len(week.nodes),
        reporting=number(week.reporting),
        nodes=number(len(week.nodes)),
        full=number(full),
        nights=number(nights),
    )


def _shown(lines: Sequence[object]) -> str:
    return shown_words(1, min(len(lines), MOST_LINES), len(lines))


def _not_begun(names: Sequence[str]) -> str:
    if not names:
        return ""
    says = gettext("No night reported yet: %(nodes)s.", nodes=", ".join(names[:MOST_LINES]))
    return f"{says} {_shown(names)}".rstrip()


def _more(week: Week) -> str:
    if not week.more_taxa:
        return ""
    return ngettext(
        "%(more)s more was counted, and has reached no threshold of the station.",
        "%(more)s more were counted, and have reached no threshold of the station.",
        week.more_taxa,
        more=number(week.more_taxa),
    )


def _last_week(week: Week) -> str:
    """Of which nights the means and levels are; empty of a week."""
    if (week.last - week.first).days + 1 == WEEK_DAYS:
        return ""
    return gettext("A camera and night, the change and the level are of the last seven nights.")


def _taxon(taxon: TaxonWeek, outlines: Sequence[Sequence[Point]], over: date) -> dict[str, Any]:
    last = taxon.weeks[-1]
    line_at = taxon.start_at if taxon.together is None else None  # beside the mean that it is for
    return {
        "name": taxon_words(taxon.total.label, taxon.total.stage),
        "eppo": taxon.total.eppo,
        "unit": unit_words(taxon.total.unit),
        "count": count_words(taxon.total.count),
        "between": between(taxon.total.low, taxon.total.high),
        "a_night": value_words(last.week_mean, taxon.total.unit, taxon.start_at or 0),
        "degree": degree(taxon.total.unit, taxon.nights, taxon.cameras),
        "watched": watched(taxon.total.unit, taxon.nights),
        "change": change(last.week_mean, last.week_before, taxon.unlike_h),
        "colour": level_colour(last.level),
        "level_says": level_words(last.level),
        "threshold": _threshold(taxon),
        "has_line": line_at is not None,
        "is_incidence": is_incidence(taxon.total.unit),
        "chart": Markup(bars(taxon.weeks, line_at, taxon.total.unit, over)),  # noqa: S704  our own SVG, names escaped
        "map": Markup(_map(taxon, outlines)) if taxon.places else "",  # noqa: S704
        "legend": _legend(taxon),
        "spread": _spread(taxon.range),
    }


def _map(taxon: TaxonWeek, outlines: Sequence[Sequence[Point]]) -> str:
    return area_map(taxon.places, outlines, taxon.total.unit, taxon.reached)


def _legend(taxon: TaxonWeek) -> str:
    """Of the map."""
    are_squares, is_judged = len(taxon.places) >= DOTS_BELOW, taxon.start_at is not None
    if are_squares and is_judged:
        return gettext(
            "Red: from the station's threshold on. Amber: seen, below it. The stronger the more. Small and green:"
            " looked and saw none. Hollow: no data."
        )
    if are_squares:
        return gettext("Amber: seen, the stronger the more. Small and green: looked and saw none. Hollow: no data.")
    if is_judged:
        return gettext(
            "Red: from the station's threshold on. Amber: seen, below it. The larger the more. Small and green: looked"
            " and saw none. Hollow: no data."
        )
    return gettext("Amber: seen, the larger the more. Small and green: looked and saw none. Hollow: no data.")


def _threshold(taxon: TaxonWeek) -> str:
    if taxon.start_at is None:
        return ""
    together = together_words(taxon.together, taxon.total.unit, taxon.start_at)
    return f"{_starts(taxon, taxon.start_at)} {together}".rstrip()


def _starts(taxon: TaxonWeek, start_at: float) -> str:
    after = sign(taxon.total.unit)
    values = {"start": number(start_at, 3) + after, "source": taxon.source}
    if taxon.sure_at is None and is_incidence(taxon.total.unit):
        return gettext("Threshold: starts at an incidence of %(start)s (%(source)s).", **values)
    if taxon.sure_at is None:
        return gettext("Threshold: starts at %(start)s a camera and night (%(source)s).", **values)
    sure = number(taxon.sure_at, 3) + after
    if is_incidence(taxon.total.unit):
        return gettext(
            "Threshold: starts at an incidence of %(start)s, sure at %(sure)s (%(source)s).", sure=sure, **values
        )
    return gettext(
        "Threshold: starts at %(start)s, sure at %(sure)s a camera and night (%(source)s).", sure=sure, **values
    )


def _spread(told: Range | None) -> str:
    """Where and when it was seen."""
    if told is None:
        return ""
    cells, nights = number(len(told.cells)), {"first": str(told.first_seen), "last": str(told.last_seen)}
    if told.first_seen is None:
        return gettext("Seen in %(cells)s km².", cells=cells)
    if told.hull_km2 is None:
        return gettext("Seen in %(cells)s km², %(first)s to %(last)s.", cells=cells, **nights)
    hull = number(told.hull_km2)
    return gettext(
        "Seen in %(cells)s km² of a hull of %(hull)s km², %(first)s to %(last)s.", cells=cells, hull=hull, **nights
    )


def _alert(alert: AlertTold) -> dict[str, str]:
    return {
        "level": alert.level,
        "level_says": level_words(alert.level),
        "says": gettext(
            "%(taxon)s at %(node)s, %(at)s: %(value)s %(unit)s; the action level is %(start)s.",
            taxon=taxon_words(alert.label, ""),
            node=alert.node,
            at=when(alert.at, alert.zone),
            value=figure_words(alert.value, alert.start_at),
            unit=threshold_unit_words(alert.unit),
            start=number(alert.start_at, 3),
        ),
        "source": alert.source,
    }
