"""The week's report of an area as one HTML file, and the same as PDF. It tells what was observed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from edge.platform.charts import area_map, bars
from edge.platform.hull import Point
from edge.platform.population import Night
from edge.platform.week import MOST_TAXA, TaxonWeek, Week

UNITS = {
    "new": "new since the picture before",
    "visits": "visits",
    "max_per_frame": "most on one frame",
    "affected_frames": "frames with the symptom",
}
LEVELS = {"act": "act", "look": "go and look", "calm": "calm", None: "no threshold of the station"}


def html(week: Week, outlines: Sequence[Sequence[Point]], made: datetime) -> str:
    """One file that loads nothing."""
    pages = Environment(loader=PackageLoader("edge.platform"), autoescape=True, undefined=StrictUndefined)
    view = [_taxon(taxon, outlines) for taxon in week.taxa]
    return pages.get_template("report.html").render(
        week=week, taxa=view, made=made, effort=_effort(week), shown=MOST_TAXA
    )


def pdf(page: str) -> bytes:
    """The page on A4."""
    from weasyprint import HTML  # noqa: PLC0415  it loads Pango, which only paper needs

    return bytes(HTML(string=page, url_fetcher=_fetch_nothing).write_pdf())


def _fetch_nothing(url: str, *_: object, **__: object) -> dict[str, Any]:
    raise ValueError(f"the report loads nothing, and not {url}")


def _effort(week: Week) -> str:
    nights = (week.last - week.first).days + 1
    full = sum(node.nights == nights for node in week.nodes)
    return f"{week.reporting} of {len(week.nodes)} nodes reported, {full} of them on all {nights} nights"


def _taxon(taxon: TaxonWeek, outlines: Sequence[Sequence[Point]]) -> dict[str, Any]:
    last = taxon.weeks[-1]
    return {
        "name": f"{taxon.total.label}, {taxon.total.stage}" if taxon.total.stage else taxon.total.label,
        "eppo": taxon.total.eppo,
        "unit": UNITS.get(taxon.total.unit, taxon.total.unit),
        "count": taxon.total.count,
        "between": between(taxon.total.low, taxon.total.high),
        "a_night": "no data" if taxon.per_camera_night is None else f"{taxon.per_camera_night:.1f}",
        "density": density(taxon.nights),
        "change": change(last.week_mean, last.week_before),
        "level": last.level or "none",
        "level_says": LEVELS[last.level],
        "threshold": _threshold(taxon),
        "chart": Markup(bars(taxon.weeks, taxon.start_at)),  # noqa: S704  our own SVG, names escaped
        "map": Markup(area_map(taxon.places, outlines)) if taxon.places else "",  # noqa: S704
        "cells": len(taxon.range.cells),
        "hull": f"{taxon.range.hull_km2:,.0f}",
        "first": taxon.range.first_seen,
        "last": taxon.range.last_seen,
    }


def between(low: int | None, high: int | None) -> str:
    """The range of a count, in words where there is none."""
    return "not known" if low is None or high is None else f"{low:,} to {high:,}"


def density(nights: Sequence[Night]) -> str:
    """Mean of the nights with a calibrated camera, individuals a square metre."""
    known = [night.per_m2 for night in nights if night.per_m2 is not None]
    return f"{sum(known) / len(known):,.0f} /m²" if known else "not calibrated"


def change(now: float | None, before: float | None) -> str:
    """Against the seven nights before."""
    if now is None or before is None:
        return "no data to compare"
    if before == 0:
        return "none before" if now else "none, as before"
    return f"{(now - before) / before:+.0%}"


def _threshold(taxon: TaxonWeek) -> str:
    if taxon.start_at is None:
        return ""
    sure = "" if taxon.sure_at is None else f", sure at {taxon.sure_at:g}"
    return f"starts at {taxon.start_at:g}{sure} a camera and night ({taxon.source})"
