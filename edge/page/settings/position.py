"""A position as a map app copies it: on http no browser tells a phone's place, and nobody types ten digits well."""

import re

from edge.languages.typed import plain

_ANGLE = re.compile(
    r"(?P<before>[NSEW])?\s*(?<![\d-])(?<!\d[.,])(?P<degrees>\d{1,3}(?:[.,]\d+)?)\s*[°º]\s*"
    r"(?:(?P<minutes>\d{1,2}(?:[.,]\d+)?)\s*['′’]\s*)?"
    r"(?:(?P<seconds>\d{1,2}(?:[.,]\d+)?)\s*(?:[\"″”]|'')\s*)?(?(before)|(?P<after>[NSEW])?)",
    re.IGNORECASE,
)
# With a point as in 31.2304,121.4737 or 31.2304 121.4737; a lone 31,2 is one number of those who write a comma.
_PAIR = re.compile(
    r"(?<![\d.])(-?\d{1,2}(?:\.\d+)?)(?:\s*,\s+|\s*,(?=-?\d+\.\d)|\s*;\s*|\s+)(-?\d{1,3}(?:\.\d+)?)(?![\d.])"
)
_MINUTES = re.compile(r"[°º]\d|['′’\"″”]")
# Before or after a pair: another number (of longitude, latitude, height it would be the last two; nor is 31 13 49 one),
# or a side or dash that is no sign of it and may mean south or west.
_BEFORE = re.compile(r"(?:\d|[-–]|\b[NSEW])[\s,;]*$", re.IGNORECASE)
_AFTER = re.compile(r"\s+\d|\s*[NSEW]\b", re.IGNORECASE)
_COMMAS = re.compile(r"^\s*-?\d{1,2},\d+\s*[;\s]\s*-?\d{1,3},\d+\s*$")


def position(typed: str) -> tuple[float, float] | None:
    """Latitude and longitude in degrees from `31.2304, 121.4737`, `31°13'49"N 121°28'25"E`, a geo: or a map's address.

    None if it is no such pair, or lies nowhere.
    """
    typed = " ".join(plain(typed).split())  # one pattern looks at all of a row of spaces from each of them
    found = _angles(typed) or _decimals(typed)
    return found if found and abs(found[0]) <= 90 and abs(found[1]) <= 180 else None


def _decimals(typed: str) -> tuple[float, float] | None:
    bare = re.sub("[°º]", "", typed)
    pair = _PAIR.search(bare.replace(",", ".") if _COMMAS.match(bare) else bare)
    if pair is None or _MINUTES.search(typed) or _BEFORE.search(bare[: pair.start()]) or _AFTER.match(bare, pair.end()):
        return None
    return float(pair[1]), float(pair[2])


def _angles(typed: str) -> tuple[float, float] | None:
    parts = [(_side(one), _degrees(one)) for one in _ANGLE.finditer(typed)]
    by_axis = {"lat" if side in "NS" else "lon": -value if side in "SW" else value for side, value in parts if side}
    return (by_axis["lat"], by_axis["lon"]) if len(parts) == 2 and len(by_axis) == 2 else None


def _side(angle: re.Match[str]) -> str:
    return (angle["before"] or angle["after"] or "").upper()


def _degrees(angle: re.Match[str]) -> float:
    degrees, minutes, seconds = (
        float((angle[part] or "0").replace(",", ".")) for part in ("degrees", "minutes", "seconds")
    )
    return round(degrees + minutes / 60 + seconds / 3600, 6)
