"""What an interval may carry beside its counts, from key 14 on: area, exposure, severity, climate, revision."""

from typing import Any

from edge.counts import Climate, Interval, Spread
from edge.wire.fields import Fields, array, integer

AREA, EXPOSED, SEVERITY, CLIMATE, REVISION = range(14, 19)
HUNDREDTHS, THOUSANDTHS = 100, 1000
_EXACT = 2**40  # in hundredths: wider than any weather


def effort_fields(interval: Interval) -> dict[int, Any]:
    """Those that are known; a first revision is 0 and stays unsaid. Raises WireError."""
    told = {
        AREA: interval.area_mm2,
        EXPOSED: _thousandths(interval.exposed_s),
        SEVERITY: _thousandths(interval.severity),
        REVISION: interval.revision or None,
    }
    known = {key: integer(value, "interval", least=0) for key, value in told.items() if value is not None}
    return known if interval.climate is None else known | {CLIMATE: _climate(interval.climate)}


def read_effort_fields(fields: Fields) -> dict[str, Any]:
    """Named as in Interval. Raises WireError."""
    return {
        "area_mm2": fields.uint(AREA, "area") if AREA in fields else None,
        "exposed_s": fields.uint(EXPOSED, "exposed") / THOUSANDTHS if EXPOSED in fields else None,
        "severity": fields.uint(SEVERITY, "severity", most=1000) / THOUSANDTHS if SEVERITY in fields else None,
        "climate": _read_climate(fields.raw(CLIMATE, "climate")) if CLIMATE in fields else None,
        "revision": fields.uint(REVISION, "revision", absent=0),
    }


def rounded(interval: Interval) -> dict[str, Any]:
    """The values of an interval that the wire rounds, rounded."""
    exposed, severity = _thousandths(interval.exposed_s), _thousandths(interval.severity)
    climate = interval.climate
    return {
        "exposed_s": None if exposed is None else exposed / THOUSANDTHS,
        "severity": None if severity is None else severity / THOUSANDTHS,
        "climate": None if climate is None else _read_climate(_climate(climate)),
    }


def _thousandths(value: float | None) -> int | None:
    return None if value is None else round(value * THOUSANDTHS)


def _climate(climate: Climate) -> list[Any]:
    """`[readings, temperature, humidity]`, each of both `[mean, least, most]`: hundredths of a degree, thousandths."""
    humidity = None if climate.humidity is None else _spread(climate.humidity, THOUSANDTHS)
    return [climate.readings, _spread(climate.temperature_c, HUNDREDTHS), humidity]


def _spread(spread: Spread, steps: int) -> list[int]:
    return [round(value * steps) for value in (spread.mean, spread.least, spread.most)]


def _read_climate(value: object) -> Climate:
    readings, temperature, humidity = array(value, "interval.climate", 3)
    return Climate(
        readings=integer(readings, "interval.climate", least=0),
        temperature_c=_read_spread(temperature, HUNDREDTHS),
        humidity=None if humidity is None else _read_spread(humidity, THOUSANDTHS),
    )


def _read_spread(value: object, steps: int) -> Spread:
    figures = [integer(v, "interval.climate", least=-_EXACT, most=_EXACT) for v in array(value, "interval.climate", 3)]
    mean, least, most = (figure / steps for figure in figures)
    return Spread(mean=mean, least=least, most=most)
