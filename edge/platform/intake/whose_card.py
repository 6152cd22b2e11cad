"""Whose a card is: the node that has a name now, the one that told of a card before, and its row in the ledger."""

from collections.abc import Collection
from uuid import UUID

from edge.platform.database import Database, only_row

# What another node told of a card before counts there and is not asked for, whatever that one is called: it may be this
# node under its former name. What nobody told is asked for: a gap, or what a restored backup lost.
_LEDGER = """
    INSERT INTO ledger (node_id, node_name, epoch, gone)
    SELECT %(id)s, %(node)s, %(epoch)s, coalesce(range_agg(seen), '{}') * int8multirange(int8range(1, %(first)s))
    FROM ledger WHERE epoch = %(epoch)s
    ON CONFLICT (node_id, epoch) DO UPDATE SET epoch = excluded.epoch RETURNING ledger_id
"""


def node_id(database: Database, site: str, node: str, *, is_live: bool = True) -> int:
    """Of the one that has that name now, and until the transaction ends; it may be new, and heard if `is_live`."""
    query = "SELECT node_id FROM node WHERE (site, node) = (%s, %s) FOR KEY SHARE"
    row = database.execute(query, (site, node)).fetchone()
    (found,) = row or only_row(
        database,
        "INSERT INTO node (site, node, heard) VALUES (%s, %s, CASE WHEN %s THEN now() END)"
        " ON CONFLICT (site, node) DO UPDATE SET heard = greatest(node.heard, excluded.heard) RETURNING node_id",
        (site, node, is_live),
    )
    return int(found)


def holder(database: Database, site: str, node: str, epoch: UUID) -> tuple[int, str] | None:
    """Number and site of the node that told of a card before, if `site` may have that node.

    It stays so until the transaction ends.
    """
    database.execute("SELECT lock_name(%s)", (node,))
    query = "SELECT node_id, site FROM node WHERE node_id = holder_of(%s, %s, %s)"
    return database.execute(query, (site, node, epoch)).fetchone()


def ledger_of(database: Database, site: str, node: str, epoch: UUID, first_seq: int) -> tuple[int, int]:
    """Numbers of a card's ledger and of its node, wherever that stood when it first came: a key names no site."""
    with database.transaction():
        its_node, _ = holder(database, site, node, epoch) or (node_id(database, site, node), site)
        told = {"id": its_node, "node": node, "epoch": epoch, "first": first_seq}
        (ledger_id,) = only_row(database, _LEDGER, told)
    return ledger_id, its_node


def note_gone(database: Database, spans: Collection[tuple[int, int, int]]) -> None:
    """The node no longer has these (ledger, first, last): do not wait for them. Those that came all the same count.

    At once: each statement writes all that a ledger knows anew, and a card may tell thousands.
    """
    ledgers, firsts, lasts = ([span[n] for span in spans] for n in range(3))
    database.execute(
        "UPDATE ledger SET gone = gone + told.spans FROM ("
        " SELECT id, range_agg(int8range(first, last, '[]')) AS spans"
        " FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS told (id, first, last) GROUP BY id"
        ") AS told WHERE ledger_id = id",
        (ledgers, firsts, lasts),
    )
