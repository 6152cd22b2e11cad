"""Settings as a form: what stands in its fields, and what somebody changes, checked by the configuration's records."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import msgspec

from edge.changes import Table, over
from edge.config import NodeConfig, checked
from edge.errors import ConfigError
from edge.languages.typed import plain
from edge.page.forms import is_untouched, stands
from edge.page.settings.fields import Field, fields
from edge.page.settings.position import position
from edge.page.words import THOUSANDS, gettext

# Never a thousand: three decimals are decimals
SMALL = {"node.latitude", "node.longitude", "camera.lens_position", "camera.gain"}
NAMES = {"node.crop", "mqtt.username"}  # others know them sign by sign
KEY = re.compile(r"\b(?:node|camera|mqtt|store|page)\.\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A field with what stands in it."""

    field: Field
    value: str
    was: str  # as it was shown before somebody touched it
    options: tuple[tuple[str, str, bool], ...]
    is_on: bool
    wrong: str


def shown(
    config: NodeConfig,
    sent: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    *,
    within_reach: Sequence[str] | None = None,
) -> list[tuple[str, list[Shown]]]:
    """Title and fields of each group, with what holds now, or with what was `sent` and what is `wrong` about it.

    `within_reach`: as in `fields`.
    """
    table = msgspec.to_builtins(config)
    return [
        (title, [_shown(one, _text(table, one.key), sent, wrong or {}) for one in listed])
        for title, listed in fields(config, within_reach)
    ]


def changed(config: NodeConfig, sent: Mapping[str, str]) -> tuple[Table, dict[str, str]]:
    """What a form changes, and what is wrong with it: field's key -> words; only one of the two is not empty."""
    wrong: dict[str, str] = {}
    values: Table = {}
    sent = _spread(sent)
    now = msgspec.to_builtins(config)
    for field in (one for _, listed in fields(config) for one in listed):
        if is_untouched(sent, field.key):
            continue
        table, _, key = field.key.partition(".")
        if _is_read_two_ways(field, sent) and _typed(field, sent) != _text(now, field.key):
            wrong[field.key] = gettext("Write the number without a sign between thousands.")
            continue
        try:
            value = _value(config, field, sent)
        except ValueError:
            wrong[field.key] = gettext("This cannot be used.")
            continue
        if value != now[table][key]:
            values.setdefault(table, {})[key] = value
    wrong |= _leads_away(config, values)
    if wrong or not values:
        return {}, wrong
    try:
        checked(over(now, values), "settings")
    except ConfigError as why:
        return {}, {_meant(str(why), values): gettext("This cannot be used.")}
    return values, {}


def told(config: NodeConfig, values: Table) -> Iterator[str]:
    """`camera.every_s: 60 -> 30` of each key, for the audit trail."""
    now = msgspec.to_builtins(config)
    for table, keys in values.items():
        for key, value in keys.items():
            yield f"{table}.{key}: {_said(now[table][key])} → {_said(value)}"


def _leads_away(config: NodeConfig, values: Table) -> dict[str, str]:
    """What would part the node from its server, or the server's password from the node.

    A page's password must not open the server's: the node would log in with it wherever it is sent.
    """
    mqtt = config.mqtt
    if mqtt is None:
        return {}
    wrong: dict[str, str] = {}
    if mqtt.username is not None and "site" in values.get("node", {}):  # topics name the site, and so do their rights
        wrong["node.site"] = gettext(
            "The server lets this node speak for its site only: change it by a new memory card."
        )
    if mqtt.password_file is None and mqtt.next_password_file is None:
        return wrong
    words = gettext(
        "The node would send its password there: change the server in the node's configuration file "
        "or by a new memory card."
    )
    return wrong | {f"mqtt.{key}": words for key in ("host", "port") if key in values.get("mqtt", {})}


def _meant(why: str, values: Table) -> str:
    """Which of the changed keys a refusal speaks of; it may name one that does not stand on the page."""
    keys = [f"{table}.{key}" for table, listed in values.items() for key in listed]
    named = KEY.findall(why)
    tables = tuple(f"{one.partition('.')[0]}." for one in named)
    return next(iter([*(key for key in keys if key in named), *(key for key in keys if key.startswith(tables)), *keys]))


def _spread(sent: Mapping[str, str]) -> Mapping[str, str]:
    """A position pasted into the field of the latitude fills both."""
    found = position(sent.get("node.latitude", ""))
    return sent if found is None else {**sent, "node.latitude": str(found[0]), "node.longitude": str(found[1])}


def _typed(field: Field, sent: Mapping[str, str]) -> str:
    typed = sent.get(field.key, "")
    return typed.strip() if field.key in NAMES and plain(typed) not in dict(field.known) else plain(typed)


def _is_read_two_ways(field: Field, sent: Mapping[str, str]) -> bool:
    """3,600 s: an hour to one reader, four seconds to the next."""
    is_large = field.kind == "number" and field.key not in SMALL
    return is_large and THOUSANDS.fullmatch(_typed(field, sent)) is not None


def _value(config: NodeConfig, field: Field, sent: Mapping[str, str]) -> Any:
    """What was typed, as node.toml would have it. Raises ValueError."""
    typed = _typed(field, sent)
    table, _, key = field.key.partition(".")
    kind = next(one.type for one in msgspec.structs.fields(getattr(config, table)) if one.name == key)
    if field.kind == "yes":
        return typed == "on"
    if field.kind == "number":
        typed = typed.replace(",", ".")  # as half the world writes it
    if typed == "":
        return msgspec.convert(None, kind)
    value = msgspec.convert(typed, kind, strict=False)
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(field.key)
    return value


def _shown(field: Field, now: str, sent: Mapping[str, str] | None, wrong: Mapping[str, str]) -> Shown:
    value, was = stands(field.key, now, sent)
    return Shown(
        field=field,
        value=value,
        was=was,
        options=tuple((key, words, key == value) for key, words in field.options),
        is_on=value == "on",
        wrong=wrong.get(field.key, ""),
    )


def _text(table: dict[str, Any], key: str) -> str:
    part, _, name = key.partition(".")
    value = table[part][name]
    if isinstance(value, bool):
        return "on" if value else ""  # as a browser sends a box to tick
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value)


def _said(value: object) -> str:
    return "–" if value in (None, "") else str(value)
