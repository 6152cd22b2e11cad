"""Which alerts are news to whom: levels that have risen, of which a recipient has not been told."""

from collections.abc import Collection
from datetime import datetime, timedelta

from psycopg.rows import class_row

from edge.platform.alerts.alert_letters import Risen
from edge.platform.database import Database

MOST_TRIES = 20
FIRST_AGAIN = timedelta(minutes=1)  # until the next try
MOST_AGAIN = timedelta(hours=2)
AWAY_AGAIN = timedelta(minutes=5)  # a server that is away, or does not let us in
MOST_AT_ONCE = 50  # a turn; more wait for the next
MOST_A_DAY = 20  # of a node to a recipient: a stolen card can invent causes by the thousand
# A node that was cut off for months brings all of that time along. Of what is older than a day a cause's newest rise
# in a unit is news, unless that has been calm for a day since. A short rise in quiet hours is told when they end.
# Nobody knows how old one is whose clock was not set: it is of when it `came`, and news if it is the newest.
# Each node has its turn: `nth` goes on from what a recipient was told of it within a day, the newest first. What lies
# beyond is never told; the others are, in the order of their times.
_DUE = """
    WITH alive AS (  -- causes of which something may be news to somebody: a year's others need not be ranked each turn
        SELECT DISTINCT node_id, ledger_id, camera, label FROM alert
        WHERE EXISTS (SELECT FROM recipient WHERE kind = ANY(%(kinds)s) AND recipient_id <> ALL(%(quiet)s))
        GROUP BY node_id, ledger_id, camera, label, unit
        HAVING max(at) >= %(day_ago)s OR max(seq) FILTER (WHERE level <> 'calm')
            > coalesce(max(seq) FILTER (WHERE level = 'calm' AND coalesce(came, at) < %(day_ago)s), 0)
    ), risen AS (
        SELECT one.*, max(seq) OVER (PARTITION BY one.ledger_id, one.camera, one.label, unit) AS newest
        FROM alive CROSS JOIN LATERAL (
            SELECT * FROM risen_alert
            WHERE (node_id, ledger_id, camera, label) = (alive.node_id, alive.ledger_id, alive.camera, alive.label)
            OFFSET 0  -- keeps the planner from ranking all first
        ) AS one
    ), news AS (
        SELECT *, coalesce(came, at) AS rose FROM risen a
        WHERE (came IS NULL AND at >= %(day_ago)s OR seq = newest AND NOT EXISTS (
            SELECT FROM alert c
            WHERE (c.node_id, c.ledger_id, c.camera, c.label, c.unit)
                  = (a.node_id, a.ledger_id, a.camera, a.label, a.unit)
              AND c.level = 'calm' AND c.seq > a.seq AND coalesce(c.came, c.at) < %(day_ago)s
        )) AND NOT EXISTS (
            SELECT FROM acknowledgement k  -- somebody takes care of it: an alert that waited for the morning is no news
            WHERE (k.node_id, k.label, k.unit, k.level) = (a.node_id, a.label, a.unit, a.level)
              AND abs(extract(epoch FROM k.since - a.at)) < 1 AND NOT k.given_back
        )
    ), today AS (
        SELECT recipient_id, node_id, count(*) AS many FROM told JOIN ledger USING (ledger_id)
        WHERE done > %(day_ago)s AND tries > 0 GROUP BY recipient_id, node_id
    ), waiting AS (
        SELECT news.*, recipient_id, kind, address, zone, language, coalesce(tries, 0) AS tries, next_try,
               coalesce(many, 0) AS many,
               coalesce(many, 0)
                   + row_number() OVER (PARTITION BY recipient_id, node_id ORDER BY rose DESC, seq DESC) AS nth
        FROM recipient JOIN news ON area_code ^@ prefix AND rose >= since
        LEFT JOIN told USING (recipient_id, ledger_id, seq) LEFT JOIN today USING (recipient_id, node_id)
        WHERE kind = ANY(%(kinds)s) AND recipient_id <> ALL(%(quiet)s)
          AND done IS NULL AND coalesce(tries, 0) < %(most)s
    ), held_back AS (
        INSERT INTO told (recipient_id, ledger_id, seq, done)
        SELECT recipient_id, ledger_id, seq, %(now)s FROM waiting WHERE nth > %(most_a_day)s
        ON CONFLICT (recipient_id, ledger_id, seq) DO UPDATE SET done = excluded.done, tries = 0
    ), chosen AS (
        SELECT *, many + row_number() OVER (PARTITION BY recipient_id, node_id ORDER BY rose, seq) AS turn
        FROM waiting WHERE nth <= %(most_a_day)s
    )
    SELECT recipient_id, kind, address, zone, language, ledger_id, seq, tries, site, node, area_code, rose AS at,
           area_called(area_code) AS called, camera, label, eppo, level, value, unit, start_at, reason, look_at, source,
           (SELECT body->>'task' FROM record r WHERE (r.ledger_id, r.seq) = (chosen.ledger_id, chosen.seq)) AS task,
           CASE turn WHEN %(most_a_day)s THEN turn END AS last_of
    FROM chosen WHERE coalesce(next_try, %(due_by)s) <= %(due_by)s
        OR next_try > %(latest)s  -- noted while the clock ran ahead
    ORDER BY turn, rose LIMIT %(limit)s
"""


def due(
    database: Database, now: datetime, due_by: datetime, *, kinds: Collection[str], quiet: Collection[int]
) -> list[Risen]:
    """What waits to be told by `due_by`, in this order; not of other kinds, nor to recipients in their quiet hours."""
    wanted = {
        "now": now,
        "day_ago": now - timedelta(days=1),
        "due_by": due_by,
        "latest": now + MOST_AGAIN,
        "kinds": list(kinds),
        "quiet": list(quiet),
        "most": MOST_TRIES,
        "most_a_day": MOST_A_DAY,
        "limit": MOST_AT_ONCE,
    }
    with database.cursor(row_factory=class_row(Risen)) as cursor:
        return cursor.execute(_DUE, wanted).fetchall()
