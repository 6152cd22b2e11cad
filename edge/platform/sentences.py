"""Figures as the station's people read them, in their language: what desk and report have in common."""

from collections.abc import Sequence
from datetime import UTC, datetime

from babel.numbers import format_percent

from edge.clock import zone_of
from edge.languages import locale
from edge.platform.areas.population import Cameras, Night, TaxonSum, is_incidence, watched_h
from edge.platform.former_names import SILENT_DAYS
from edge.platform.words import figure_words, gettext, named, ngettext, number

NO_AREA = "00"  # the zeros of a node that counts nowhere
LITTLE_H = 6.0  # a camera that sleeps at night watches longer on a winter's day


def taxon_words(label: str, stage: str) -> str:
    """Name and life stage."""
    stages = {
        "egg": gettext("egg"),
        "larva": gettext("larva"),
        "nymph": gettext("nymph"),
        "pupa": gettext("pupa"),
        "juvenile": gettext("juvenile"),
        "adult": gettext("adult"),
        "symptom": gettext("symptom"),
    }
    if not stage:
        return named(label)
    return gettext("%(taxon)s, %(stage)s", taxon=named(label), stage=stages.get(stage, stage))


def unit_words(unit: str) -> str:
    """What is counted; a unit that is not known yet as it is."""
    words = {
        "new": gettext("new since the picture before"),
        "visits": gettext("visits"),
        "max_per_frame": gettext("most on one frame"),
        "affected_frames": gettext("frames with the symptom"),
    }
    return words.get(unit, unit)


def choice_words(taxon: TaxonSum) -> str:
    """One entry of a list of taxa; what most nodes count goes without saying."""
    name = taxon_words(taxon.label, taxon.stage)
    return name if taxon.unit == "new" else f"{name} · {unit_words(taxon.unit)}"


def level_words(level: str | None) -> str:
    """Of a count against a threshold."""
    words = {"act": gettext("act"), "look": gettext("go and look"), "calm": gettext("calm")}
    return gettext("no threshold of the station") if level is None else words.get(level, level)


def level_colour(level: str | None) -> str:
    """As a place on the map has it: red from the station's threshold on."""
    return "none" if level is None else "calm" if level == "calm" else "act"


def together_words(mean: float | None, unit: str, start_at: float = 0) -> str:
    """What a level is of, beside the mean of one life stage; empty where that is it."""
    if mean is None:
        return ""
    return gettext("All life stages together: %(mean)s.", mean=value_words(mean, unit, start_at))


def area_words(area: str) -> str:
    """The level of an area code, with the code."""
    if area == NO_AREA:
        return gettext("In no area")
    levels = {
        0: gettext("All areas"),
        2: gettext("Province %(area)s", area=area),
        4: gettext("City %(area)s", area=area),
        6: gettext("County %(area)s", area=area),
        9: gettext("Township %(area)s", area=area),
        12: gettext("Village %(area)s", area=area),
    }
    return levels[len(area)]


def place_words(code: str, name: str | None) -> str:
    """An area by its name, else its code; of a node that counts nowhere that it is in none."""
    return name or (code if code.strip("0") else area_words(NO_AREA))


def code_words(code: str, name: str | None) -> str:
    """The same behind what such digits are."""
    where = place_words(code, name)
    return f"{gettext('Area code')} {where}" if code.strip("0") else where


def count_words(count: int | None) -> str:
    """A count, or that nobody looked."""
    return gettext("no data") if count is None else number(count)


def value_words(value: float | None, unit: str, start_at: float = 0) -> str:
    """A count or, of a disease, a share of the frames; or that nobody looked.

    With more than a decimal where that would make it a zero, or put it beyond its threshold.
    """
    if value is None:
        return gettext("no data")
    told = round(value, 1)
    is_true = (told > 0) == (value > 0) and (told >= start_at) == (value >= start_at)
    return (number(told, 1) if is_true else figure_words(value, start_at)) + sign(unit)


def between(low: float | None, high: float | None, digits: int = 0) -> str:
    """The range of a count, in words where there is none."""
    if low is None or high is None:
        return gettext("not known")
    return gettext("%(low)s to %(high)s", low=number(low, digits), high=number(high, digits))


def sign(unit: str) -> str:
    """What stands behind a trend's figure."""
    return " %" if is_incidence(unit) else ""


def degree(unit: str, nights: Sequence[Night], cameras: Cameras) -> str:
    """How bad it is: of a disease the share of the frames looked at, of insects the number on a square metre.

    Empty of visits: one that comes back is another visit.
    """
    if unit == "visits":
        return ""
    if is_incidence(unit):
        return gettext("Incidence: %(share)s.", share=incidence(nights))
    if spread := density_range(nights, cameras):
        return gettext("Density: %(density)s, range %(range)s.", density=density(unit, nights, cameras), range=spread)
    return gettext("Density: %(density)s.", density=density(unit, nights, cameras))


def incidence(nights: Sequence[Night]) -> str:
    """Frames with the symptom among all frames of the nights."""
    frames = sum(night.frames for night in nights)
    affected = sum(night.count or 0 for night in nights)
    return value_words(100 * affected / frames if frames else None, "affected_frames")


def density(unit: str, nights: Sequence[Night], cameras: Cameras) -> str:
    """Mean of the nights with a calibrated camera, individuals a square metre; why there is none, too."""
    mean = _mean([night.per_m2 for night in nights if night.per_m2 is not None])
    if mean is None:
        return gettext("not calibrated")
    if not cameras.are_enough:
        some, every = number(cameras.calibrated), number(cameras.looked)
        return gettext("only %(some)s of %(every)s cameras calibrated", some=some, every=every)
    says = density_words(mean, unit)
    return f"{says} ({told})" if (told := cameras_words(cameras)) else says


def cameras_words(cameras: Cameras) -> str:
    """Of how many a density is; empty for all."""
    if cameras.calibrated == cameras.looked:
        return ""
    some, every = number(cameras.calibrated), number(cameras.looked)
    return gettext("%(some)s of %(every)s cameras", some=some, every=every)


def density_words(per_m2: float, unit: str) -> str:
    """Individuals a square metre; of a trap those that come in a night."""
    told = number(per_m2, _digits(per_m2))
    return gettext("%(density)s /m² a night", density=told) if unit == "new" else f"{told} /m²"


def density_range(nights: Sequence[Night], cameras: Cameras) -> str:
    """Of the same mean; empty where one of its nights has none."""
    if not cameras.are_enough:
        return ""
    known = [night for night in nights if night.per_m2 is not None]
    mean = _mean([night.per_m2 for night in known])
    low, high = _mean([night.per_m2_low for night in known]), _mean([night.per_m2_high for night in known])
    return "" if mean is None or low is None or high is None else between(low, high, _digits(mean))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _digits(density: float) -> int:
    """As many for its range, so that it lies within; one insect on many cameras is no zero."""
    if density >= 10:
        return 0
    return 4 if 0 < density < 0.1 else 2


def watched(unit: str, nights: Sequence[Night]) -> str:
    """How long cameras really looked, if it was little: of visits alone, which grow with the time that is watched."""
    hours = watched_h(nights)
    if unit != "visits" or hours is None or hours >= LITTLE_H:
        return ""
    return gettext("Watched for only %(hours)s h a camera and night.", hours=number(hours, 1))


def change(now: float | None, before: float | None, unlike_h: tuple[float, float] | None = None) -> str:
    """Against the seven nights before; in place of it the hours watched, where these alone may have made it."""
    if now is None or before is None:
        return gettext("no data to compare")
    if unlike_h:
        hours, hours_before = (number(one, 1) for one in unlike_h)
        return gettext("%(now)s h watched a night, %(before)s h before", now=hours, before=hours_before)
    if before == 0:
        return gettext("none before") if now else gettext("none, as before")
    share = round((now - before) / before, 2) + 0  # what rounds to 0 has no minus
    return "+" * (share >= 0) + format_percent(share, locale=locale())


def left_behind_words(names: int) -> str:
    """Of how many names nobody expects anything any more; empty for none."""
    if not names:
        return ""
    return gettext("Names silent for over %(days)s days: %(names)s.", days=number(SILENT_DAYS), names=number(names))


def unplaced_words(nodes: int) -> str:
    """Of how many nodes a map shows nothing; empty for none."""
    if not nodes:
        return ""
    return ngettext(
        "%(nodes)s node that counted has no position and is not on the map.",
        "%(nodes)s nodes that counted have no position and are not on the map.",
        nodes,
        nodes=number(nodes),
    )


def undated_words(nodes: int) -> str:
    """Of how many nodes something is in no figure, as its clock was not set; empty for none."""
    if not nodes:
        return ""
    return ngettext(
        "%(nodes)s node sent counts of an unknown night, as its clock was not set. They are in no figure.",
        "%(nodes)s nodes sent counts of an unknown night, as their clocks were not set. They are in no figure.",
        nodes,
        nodes=number(nodes),
    )


def shown_words(first: int, last: int, every: int) -> str:
    """Which lines of a list stand there; empty for all."""
    if (first, last) == (1, every):
        return ""
    return gettext(
        "Shown: %(first)s to %(last)s of %(every)s.", first=number(first), last=number(last), every=number(every)
    )


def when(at: datetime, zone: str = "UTC") -> str:
    """A moment by the clocks beside its node; in UTC, which is said, where the node has told no other zone."""
    try:
        local = at.astimezone(zone_of(zone))
    except OverflowError:  # a clock at the end of the calendar
        local = at.astimezone(UTC)
    return local.strftime("%Y-%m-%d %H:%M UTC" if local.tzname() == "UTC" else "%Y-%m-%d %H:%M")
