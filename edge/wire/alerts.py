"""The fields of an alert from key 5 on, and back. Figures travel in thousandths of their unit, as integers."""

from typing import Any, get_args

from edge.counts import Alert, Level, Task
from edge.errors import WireError
from edge.wire.fields import LABEL_LETTERS, SENTENCE_LETTERS, Fields, integer, one_of, text
from edge.wire.tables import Header, Tables
from edge.wire.taxa import Taxon

TAXON, LEVEL, VALUE, LOW, HIGH, UNIT, START_AT, SURE_AT, TASK, REASON, LOOK_AT, SOURCE = range(5, 17)
LEVELS: tuple[Level, ...] = get_args(Level)
TASKS: tuple[Task, ...] = get_args(Task)


def alert_fields(alert: Alert, tables: Tables) -> dict[int, Any]:
    """Keys 5 and above; names that it uses enter the tables. Raises WireError."""
    figures = {
        VALUE: alert.value,
        LOW: alert.low,
        HIGH: alert.high,
        START_AT: alert.start_at,
        SURE_AT: alert.sure_at,
    }
    return {
        TAXON: tables.taxa.place(Taxon(alert.label, alert.eppo)),
        LEVEL: LEVELS.index(alert.level),
        **{key: _thousandths(figure) for key, figure in figures.items() if figure is not None},
        UNIT: tables.words.place(alert.unit),
        TASK: TASKS.index(alert.task),
        REASON: alert.reason,
        LOOK_AT: alert.look_at,
        SOURCE: alert.source,
    }


def read_alert_fields(fields: Fields, header: Header) -> dict[str, Any]:
    """Named as in Alert. Raises WireError."""
    label, eppo, _stage = one_of(header.taxa, fields.uint(TAXON, "taxon"), "alert.taxon")
    if (LOW in fields) != (HIGH in fields):
        raise WireError("alert: low and high go together")
    return {
        "label": label,
        "eppo": eppo,
        "level": one_of(LEVELS, fields.uint(LEVEL, "level"), "alert.level"),
        "value": _figure(fields, VALUE, "value"),
        "low": _figure(fields, LOW, "low") if LOW in fields else None,
        "high": _figure(fields, HIGH, "high") if HIGH in fields else None,
        "unit": text(one_of(header.words, fields.uint(UNIT, "unit"), "alert.unit"), "alert.unit", most=LABEL_LETTERS),
        "start_at": _figure(fields, START_AT, "start_at"),
        "sure_at": _figure(fields, SURE_AT, "sure_at") if SURE_AT in fields else None,
        "task": one_of(TASKS, fields.uint(TASK, "task"), "alert.task"),
        "reason": _sentence(fields, REASON, "reason"),
        "look_at": _sentence(fields, LOOK_AT, "look_at"),
        "source": _sentence(fields, SOURCE, "source"),
    }


def in_thousandths(figure: float | None) -> float | None:
    """As the wire keeps it."""
    return None if figure is None else round(figure * 1000) / 1000


def _thousandths(figure: float) -> int:
    return integer(round(figure * 1000), "alert figure", least=0)


def _figure(fields: Fields, key: int, name: str) -> float:
    return fields.uint(key, name) / 1000


def _sentence(fields: Fields, key: int, name: str) -> str:
    return text(fields.raw(key, name), f"alert.{name}", most=SENTENCE_LETTERS)
