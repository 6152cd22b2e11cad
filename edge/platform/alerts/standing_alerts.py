"""What stands above its action level at each node, and who takes care of it, as desk and node say it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple

import msgspec

from edge.platform.database import Database
from edge.platform.former_names import IS_LEFT_BEHIND
from edge.wire import StandingAlert

Named = tuple[int, str, str, str, datetime]  # node_id, label, unit, level, since
MOST_STEPS = 10  # of an alert's history, the newest


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
    giver: str  # who gave it back last, until the node knows
    at: datetime | None  # when that was said
    carried_out: bool  # `who` has done what it asks for
    outcome: str | None  # done once node and desk agree; None: on its way to the node


class Step(NamedTuple):
    """What somebody said of an alert. An empty `who`: it was open again at the node."""

    who: str
    at: datetime
    given_back: bool
    carried_out: bool


# Of a renamed node the former name: it is off, and its card was heard under another since.
IS_GONE = f"""({IS_LEFT_BEHIND}
    OR coalesce(node.status->>'state', 'online') <> 'online' AND is_renamed(node.node_id))"""
_STANDING = f"""
    SELECT node_id, site, node, area_code, area_called(area_code), time_zone,
           coalesce(heard < now() - interval '1 day', true) AS is_silent, heard, one,
           coalesce(k.holder, ''), coalesce(k.giver, ''), k.at, coalesce(k.carried_out, false) AS is_done, k.outcome,
           row_number() OVER (PARTITION BY node_id ORDER BY k.holder IS NOT NULL, one->>'level', one->>'since') AS nth
    FROM node, jsonb_array_elements(health->'alerts') AS one
    LEFT JOIN LATERAL (
        SELECT CASE WHEN NOT given_back THEN who END AS holder, CASE WHEN given_back THEN who END AS giver, at,
               carried_out, outcome
        FROM acknowledgement k
        WHERE k.node_id = node.node_id AND (label, unit, level, since)
              = (one->>'label', one->>'unit', one->>'level', (one->>'since')::timestamptz)
    ) k ON true
    WHERE NOT {IS_GONE}
    ORDER BY k.holder IS NOT NULL, is_done, is_silent, one->>'level', nth, one->>'since'
"""  # noqa: S608  our own words

_COUNTED = """
    SELECT coalesce((
        SELECT concat_ws('|', label, stage, unit) FROM night_count JOIN taxon USING (taxon_id)
        WHERE (node_id, label) = (told.of_node, told.of_label) ORDER BY night DESC, count DESC LIMIT 1
    ), '') FROM unnest(%s::integer[], %s::text[]) WITH ORDINALITY AS told (of_node, of_label, nth) ORDER BY nth
"""
_HISTORIES = f"""
    SELECT nth, step.who, step.at, step.given_back, step.carried_out
    FROM unnest(%s::integer[], %s::text[], %s::text[], %s::text[], %s::timestamptz[]) WITH ORDINALITY
        AS told (of_node, of_label, of_unit, of_level, of_since, nth)
    CROSS JOIN LATERAL (
        SELECT * FROM care WHERE (node_id, label, unit, level, since) = (of_node, of_label, of_unit, of_level, of_since)
              AND (who <> '' OR given_back)  -- a node may tell that it is done, and not by whom
        ORDER BY care_id DESC LIMIT {MOST_STEPS}
    ) AS step ORDER BY nth, care_id
"""  # noqa: S608  our own words
# To the node as if it were the first word: what it still tells of who did before does not take it back.
_ANEW = """who = %(who)s, at = now(), sent = NULL, command = NULL, outcome = NULL, carried_out = false,
           former = array_append(array_remove(k.former, k.who), k.who)"""
_TAKE = f"""
    INSERT INTO acknowledgement AS k (node_id, label, unit, level, since, who)
    VALUES (%(node_id)s, %(label)s, %(unit)s, %(level)s, %(since)s, %(who)s)
    ON CONFLICT (node_id, label, unit, level, since) DO UPDATE SET given_back = false, {_ANEW}
    WHERE CASE WHEN k.given_back THEN '' ELSE k.who END = %(was)s
"""  # noqa: S608
_GIVE_BACK = f"""
    UPDATE acknowledgement k SET given_back = true, {_ANEW}
    WHERE (node_id, label, unit, level, since) = (%(node_id)s, %(label)s, %(unit)s, %(level)s, %(since)s)
      AND NOT given_back AND who = %(was)s
"""  # noqa: S608


def standing(database: Database) -> list[Standing]:
    """Of the role's subtree, those that nobody takes care of first, what silent nodes told below the others.

    Nodes take turns, so that one that tells without end hides no other's. Names that were left behind tell nothing.
    """
    return [
        Standing(
            node_id=node_id, site=site, node=node, area_code=area_code, called=called, zone=zone,
            is_silent=is_silent, heard=heard, nth=nth, told=msgspec.convert(one, StandingAlert),
            who=who, giver=giver, at=at, carried_out=carried_out, outcome=outcome,
        )
        for node_id, site, node, area_code, called, zone, is_silent, heard, one, who, giver, at, carried_out, outcome,
            nth in database.execute(_STANDING, as_of_today())
    ]  # fmt: skip


def counted(database: Database, alerts: Sequence[Standing]) -> list[str]:
    """Of each what its node counted last of that taxon, as `TaxonSum.key`; empty where it counted none."""
    asked = [one.node_id for one in alerts], [one.told.label for one in alerts]
    return [key for (key,) in database.execute(_COUNTED, asked)]


def histories(database: Database, alerts: Sequence[Standing]) -> list[list[Step]]:
    """Of each who did what when, the last one last."""
    found: list[list[Step]] = [[] for _ in alerts]
    if not alerts:
        return found
    columns = [list(column) for column in zip(*map(named, alerts), strict=True)]
    for nth, *step in database.execute(_HISTORIES, columns):
        found[nth - 1].append(Step(*step))
    return found


def as_of_today() -> dict[str, date]:
    """As IS_GONE asks for."""
    today = datetime.now(UTC).date()
    return {"first": today, "last": today}


def acknowledge_each(
    database: Database, alerts: Sequence[Named], who: str, *, was: str = "", gives_back: bool = False
) -> bool:
    """Keep it until the node has it, as far as they stand; False if none does. `gives_back`: nobody cares for them now.

    `was`: who did, as far as `who` knows; what somebody else has taken on meanwhile is theirs.
    """
    stand = {named(one) for one in standing(database)}
    for one in (found := sorted(one for one in alerts if one in stand)):  # else two people wait for each other
        asked = dict(zip(("node_id", "label", "unit", "level", "since"), one, strict=True))
        database.execute(_GIVE_BACK if gives_back else _TAKE, {**asked, "was": was, "who": who[:80]})
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
        if not is_kept:  # refused by a node that was just starting, and it stands there after all
            database.execute(
                "UPDATE acknowledgement SET outcome = NULL, command = NULL"
                " WHERE (node_id, label, unit, level, since) = (%s, %s, %s, %s, %s) AND outcome = 'not_kept'",
                named,
            )
        if one.done is not None:
            database.execute(
                "INSERT INTO acknowledgement AS k (node_id, label, unit, level, since, who, at, carried_out, outcome)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'done')"
                " ON CONFLICT (node_id, label, unit, level, since) DO UPDATE SET outcome = 'done', given_back = false,"
                " who = coalesce(nullif(excluded.who, ''), k.who), former = '{}', command = NULL,"
                " carried_out = excluded.carried_out, at = CASE WHEN (k.who, k.given_back, k.carried_out)"
                " = (excluded.who, false, excluded.carried_out) THEN k.at ELSE excluded.at END"
                " WHERE excluded.who <> ALL (k.former) OR k.outcome IS NOT NULL AND NOT %s",
                (*named, one.who, one.done, one.carried_out, is_kept),
            )
        elif not is_kept:
            database.execute(
                "DELETE FROM acknowledgement WHERE (node_id, label, unit, level, since) = (%s, %s, %s, %s, %s)"
                " AND outcome = 'done'",
                named,
            )
