"""The records of the database and where its nodes stand, for whoever works with them after they were kept."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import date

import msgspec
import psycopg

from edge.errors import StoreError
from edge.platform.database import Database, first_line
from edge.platform.intake.registry import NOWHERE
from edge.platform.ledger.nodes import NodeName
from edge.wire import Info, PlainRecord

_AT_ONCE = 5000


def read_database(
    database: Database, since: date | None = None, until: date | None = None
) -> Generator[PlainRecord, None, None]:
    """Records that speak of `since` to `until` (UTC, the last day included), oldest first. Raises StoreError.

    Under the site that their node has now, as `nodes_of_database` names it.
    """
    query = """
        SELECT (CASE WHEN body->>'site' = site THEN body  -- to make each anew takes twice as long
                     ELSE body || jsonb_build_object('site', site) END)::text
        FROM record JOIN ledger USING (ledger_id) JOIN node USING (node_id)
        WHERE at >= coalesce(%s::timestamptz, '-infinity') AND at < coalesce(%s::date + 1, 'infinity')::timestamptz
        ORDER BY at, ledger_id, seq
    """
    decoder = msgspec.json.Decoder(PlainRecord)  # to make one takes longer than to decode a record
    # On the server: a year need not fit here.
    with _reading("records"), database.transaction(), database.cursor("export") as cursor:
        cursor.itersize = _AT_ONCE
        # Whoever takes them may write to a stick, which stands still for a minute: that is no reader that hangs.
        database.execute("SET LOCAL idle_in_transaction_session_timeout = '10min'")
        for (body,) in cursor.execute(query, (since, until)):
            yield decoder.decode(body)


def nodes_of_database(database: Database) -> dict[NodeName, Info]:
    """What each node said of itself last, with the area and the time zone in which it is reckoned. Raises StoreError.

    One that may not count where it says, or whose code is none, has no area: no sum holds it.
    """
    query = """
        SELECT site, node,
               (info || jsonb_build_object('time_zone', time_zone, 'area_code', nullif(area_code, %s)))::text
        FROM node WHERE info IS NOT NULL
    """
    with _reading("nodes"):
        rows = database.execute(query, (NOWHERE,)).fetchall()
    return {(site, node): msgspec.json.decode(info, type=Info) for site, node, info in rows}


def names_of_database(database: Database) -> dict[NodeName, str]:
    """What the station calls the areas of nodes, where it does. Raises StoreError."""
    with _reading("nodes"):
        rows = database.execute("SELECT site, node, area_called(area_code) FROM node").fetchall()
    return {(site, node): called for site, node, called in rows if called is not None}


@contextmanager
def _reading(what: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as why:
        raise StoreError(f"the {what} cannot be read ({first_line(why)}); check --database") from why
