"""What stands above its action level at each node, and who takes care of it, as desk and node say it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import msgspec

from edge.platform.database import Database
from edge.platform.former_names import IS_LEFT_BEHIND
from edge.wire import StandingAlert

Named = tuple[int, str, str, str, datetime]  # node_id, label, unit, level, since


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An alert as its node told it last. `who` is empty while nobody takes care of it."""

    node_id: int
    site: str
    node: str
    area_code: str
    called: str | None  # that area, by a name that the station keeps
    zone: str
    is_silent: bool  # not heard for a day: it may be over
    heard: datetime | None  # not so far
    nth: int  # of its node, in the order in which they stand
    told: StandingAlert
    who: str
    at: datetime | None  # when that was said
    outcome: str | None  # done once node and desk agree; None: on its way to the node


# Of a renamed node the former name: it is off, and its card was heard under another since.
IS_GONE = f"""({IS_LEFT_BEHIND}
    OR coalesce(node.status->>'state', 'online') <> 'online' AND is_renamed(node.node_id))"""
_STANDING = f"""
    SELECT node_id, site, node, area_code, area_called(area_code), time_zone,
           coalesce(heard < now() - interval '1 day', true) AS is_silent, heard, one,
           coalesce(k.who, ''), k.at, k.outcome,
           row_number() OVER (PARTITION BY node_id ORDER BY k.who IS NOT NULL, one->>'level', one->>'since') AS nth
    FROM node, jsonb_array_elements(health->'alerts') AS one
    LEFT JOIN LATERAL (
        SELECT who, at, outcome FROM acknowledgement k
        WHERE k.node_id = node.node_id AND (label, unit, level, since)
              = (one->>'label', one->>'unit', one->>'level', (one->>'since')::timestamptz)
    ) k ON true
    WHERE NOT {IS_GONE}
    ORDER BY k.who IS NOT NULL, is_silent, one->>'level', nth, one->>'since'
"""  # noqa: S608  our own words

_COUNTED = """
    SELECT coalesce((
        SELECT concat_ws('|', label, stage, unit) FROM night_count JOIN taxon USING (taxon_id)
        WHERE (node_id, label) = (told.of_node, told.of_label) ORDER BY night DESC, count DESC LIMIT 1
    ), '') FROM unnest(%s::integer[], %s::text[]) WITH ORDINALITY AS told (of_node, of_label, nth) ORDER BY nth
"""


def standing(database: Database) -> list[Standing]:
    """Of the role's subtree, those that nobody takes care of first, what silent nodes told below the others.

    Nodes take turns, so that one that tells without end hides no other's. Names that were left behind tell nothing.
    """
    return [
        Standing(
            node_id=node_id, site=site, node=node, area_code=area_code, called=called, zone=zone,
            is_silent=is_silent, heard=heard, nth=nth, told=msgspec.convert(one, StandingAlert),
            who=who, at=at, outcome=outcome,
        )
        for node_id, site, node, area_code, called, zone, is_silent, heard, one, who, at, outcome, nth
        in database.execute(_STANDING, as_of_today())
    ]  # fmt: skip


def counted(database: Database, alerts: Sequence[Standing]) -> list[str]:
    """Of each what its node counted last of that taxon, as `TaxonSum.key`; empty where it counted none."""
    asked = [one.node_id for one in alerts], [one.told.label for one in alerts]
    return [key for (key,) in database.execute(_COUNTED, asked)]


def as_of_today() -> dict[str, date]:
    """As IS_GONE asks for."""
    today = datetime.now(UTC).date()
    return {"first": today, "last": today}


def acknowledge(
    database: Database, node_id: int, *, label: str, unit: str, level: str, since: datetime, who: str
) -> bool:
    """Keep it until the node has it; False if the role sees no such alert standing."""
    return acknowledge_each(database, [(node_id, label, unit, level, since)], who)


def acknowledge_each(database: Database, alerts: Sequence[Named], who: str) -> bool:
    """The same of several, as far as they stand; False if none does."""
    stand = {named(one) for one in standing(database)}
    for one in (found := [one for one in alerts if one in stand]):
        database.execute(
            "INSERT INTO acknowledgement (node_id, label, unit, level, since, who) VALUES (%s, %s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            (*one, who[:80]),
        )
    return bool(found)


def named(one: Standing) -> Named:
    """What tells it from all others."""
    return one.node_id, one.told.label, one.told.unit, one.told.level, one.told.since


def note_standing(database: Database, node_id: int, alerts: Sequence[StandingAlert], *, is_kept: bool) -> None:
    """What a node's `health` says of its alerts: who takes care of them there, and what was taken back.

    One that the broker kept may be from before somebody took care of it, and takes nothing back.
    """
    for one in alerts:
        named = (node_id, one.label, one.unit, one.level, one.since)
        if one.done is not None:
            database.execute(
                "INSERT INTO acknowledgement (node_id, label, unit, level, since, who, at, outcome)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, 'done')"
                " ON CONFLICT (node_id, label, unit, level, since) DO UPDATE SET outcome = 'done'",
                (*named, one.who, one.done),
            )
        elif not is_kept:
            database.execute(
                "DELETE FROM acknowledgement WHERE (node_id, label, unit, level, since) = (%s, %s, %s, %s, %s)"
                " AND outcome = 'done'",
                named,
            )
            database.execute(  # refused by a node that was just starting, and it stands there after all
                "UPDATE acknowledgement SET outcome = NULL, command = NULL"
                " WHERE (node_id, label, unit, level, since) = (%s, %s, %s, %s, %s) AND outcome = 'not_kept'",
                named,
            )
