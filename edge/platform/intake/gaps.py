"""What nodes committed and the database has not got: asked for again, each gap at most once in a while."""

from collections import defaultdict
from collections.abc import Container
from datetime import datetime
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from edge.platform.database import Database, not_just
from edge.platform.deduplicate import Span
from edge.platform.ledger.nodes import NodeName
from edge.platform.replay import ASK_AGAIN, MOST_COMMANDS, commands_for
from edge.wire import ReplayCommand, node_topic

MOST_SPANS = 512  # of a node are looked at in a turn: about a command's, where hours of twenty sightings were shed
# As many as still wait come by themselves, and are taken for the newest: sightings may wait for days. What the same
# card told under another name of the site (renamed) is no gap. Where both names told one number, two copies of a card
# run, and each is asked for its own.
_MISSING = """
    SELECT site, node, ledger_id, ledger.epoch, lower(span), upper(span) - 1
    FROM node JOIN ledger ON ledger.node_id = node.node_id AND ledger.epoch = node.epoch
    CROSS JOIN LATERAL (
        SELECT coalesce(range_agg(other.seen), '{}') AS seen
        FROM ledger other JOIN node named ON named.node_id = other.node_id
        WHERE other.epoch = ledger.epoch AND other.ledger_id <> ledger.ledger_id AND named.site = node.site
          AND NOT other.seen && ledger.seen
    ) AS renamed
    CROSS JOIN LATERAL (
        SELECT int8range(lower(span), ended) AS span FROM (
            SELECT span, upper(span) - greatest(0, waiting - newer) AS ended FROM (
                SELECT span, (health->'store'->>'waiting')::bigint AS waiting,
                       (sum(upper(span) - lower(span)) OVER (ORDER BY span DESC))::bigint
                       - upper(span) + lower(span) AS newer
                FROM unnest(int8multirange(int8range(1, (health->'store'->>'last_seq')::bigint + 1))
                            - ledger.seen - ledger.gone - renamed.seen) AS span
            ) AS without
        ) AS due WHERE ended > lower(span) ORDER BY span LIMIT %(most)s
    ) AS spans
    WHERE health->'store'->>'last_seq' IS NOT NULL
"""
_NOT_JUST_ASKED = not_just("asked", "%(again)s")
_ASK = f"UPDATE ledger SET asked = now() WHERE ledger_id = ANY (%(due)s) AND {_NOT_JUST_ASKED} RETURNING ledger_id"  # noqa: S608
_DUE = f" AND info->'capabilities' ? 'replay' AND {_NOT_JUST_ASKED}"


class Gap(NamedTuple):
    """Records of a node's present epoch that never came."""

    site: str
    node: str
    ledger_id: int
    epoch: UUID
    span: Span


def missing(database: Database) -> list[Gap]:
    """All gaps."""
    return _gaps(database, _MISSING)


def requests(database: Database, of: Container[NodeName], now: datetime) -> list[tuple[str, ReplayCommand]]:
    """Topic and command for the first gaps of each of these nodes that is due; noted as asked for.

    Due is one that carries out a replay and was not asked for a while.
    """
    due = [gap for gap in _gaps(database, _MISSING + _DUE) if (gap.site, gap.node) in of]
    noted = {"due": sorted({gap.ledger_id for gap in due}), "again": ASK_AGAIN}
    rows = database.execute(_ASK.encode(), noted).fetchall()
    mine = {ledger_id for (ledger_id,) in rows}  # of others one that leads too has just asked
    spans: dict[tuple[str, UUID], list[Span]] = defaultdict(list)
    for gap in due:
        if gap.ledger_id in mine:
            spans[node_topic(gap.site, gap.node, "cmd/replay"), gap.epoch].append(gap.span)
    return [
        (topic, command)
        for (topic, epoch), each in spans.items()
        for command in islice(commands_for(each, epoch, now), MOST_COMMANDS)
    ]


def _gaps(database: Database, query: str) -> list[Gap]:
    rows = database.execute(query.encode(), {"most": MOST_SPANS, "again": ASK_AGAIN})
    return [Gap(site, node, ledger, epoch, Span(*span)) for site, node, ledger, epoch, *span in rows]
