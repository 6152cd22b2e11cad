"""Commands that nodes have not carried out, sent again: answers, alerts somebody takes care of, photographs to send."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from edge.platform.alerts.standing_alerts import IS_GONE, as_of_today
from edge.platform.database import Database, not_just
from edge.platform.ledger.nodes import NodeName
from edge.platform.replay import MOST_COMMANDS, VALID_FOR
from edge.wire import MAX_PHOTO_BYTES, AnswerCommand, ImageCommand, Reply, SeenCommand, node_topic

AGAIN = timedelta(minutes=2)  # a node that was not there when a command was sent
MOST_AT_ONCE = 50  # nodes asked for what may follow: a fleet of 2,000 within minutes, and not all at once
FOLLOWING_FOR = timedelta(hours=3)  # after a restore a node may have records to send before
FOLLOWING_AGAIN = timedelta(days=1)  # a broker may have lost the newest: half a kilobyte a node
LOOK_AGAIN = timedelta(minutes=1)  # at all nodes, 2,000 of which with 100 questions each take half a second
# Each is noted as sent in the statement that finds it. What another holds that leads, too, or notes what a node says,
# is left to a later turn: to wait for one row with others in hand ends in a deadlock.
_OF = "site || '/' || node = ANY (%(of)s)"
_NOT_JUST_TOLD = not_just("told", "%(again)s")
_COMMAND = "replace(gen_random_uuid()::text, '-', '')"
# To the name that was heard last of the card that asked. Where both told one number they are copies that both run.
_ANSWERS = f"""
    WITH due AS (
        SELECT question.node_id, id, site, coalesce(renamed.name, node) AS name
        FROM question JOIN node USING (node_id) LEFT JOIN LATERAL (
            SELECT named.node AS name FROM ledger asked JOIN ledger other USING (epoch)
            JOIN node named ON (named.node_id, named.epoch) = (other.node_id, other.epoch)
            WHERE asked.node_id = question.node_id AND left(asked.epoch::text, 8) = left(id, 8)
              AND NOT other.seen && asked.seen AND named.site = node.site AND named.heard > node.heard
            ORDER BY named.heard DESC LIMIT 1
        ) AS renamed ON true
        WHERE answered IS NOT NULL AND outcome IS NULL AND {_NOT_JUST_TOLD}
          AND site || '/' || coalesce(renamed.name, node) = ANY (%(of)s)
        FOR NO KEY UPDATE OF question SKIP LOCKED
    ), sent AS (
        UPDATE question q SET told = now(), command = {_COMMAND}
        FROM due WHERE (q.node_id, q.id) = (due.node_id, due.id)
        RETURNING site, name, command, q.id, answer, answer_who, answer_label, answered
    )
    SELECT * FROM sent ORDER BY answered
"""  # noqa: S608  our own words
_SEEN = f"""
    WITH due AS (
        SELECT k.node_id, label, unit, level, k.since, site, node AS name
        FROM acknowledgement k JOIN node USING (node_id)
        WHERE outcome IS NULL AND {not_just("sent", "%(again)s")} AND NOT {IS_GONE} AND {_OF}
        FOR NO KEY UPDATE OF k SKIP LOCKED
    ), noted AS (
        UPDATE acknowledgement k SET sent = now(), command = {_COMMAND} FROM due
        WHERE (k.node_id, k.label, k.unit, k.level, k.since) = (due.node_id, due.label, due.unit, due.level, due.since)
        RETURNING site, name, command, k.label, k.unit, k.level, k.since, who, given_back, former, at
    )
    SELECT site, name, command, label, unit, level, since, who, given_back, former[cardinality(former) - 9:]
    FROM noted ORDER BY at
"""  # noqa: S608
# None while its node is away or has some to send, which it says once an hour at least; then later each time.
_UNFINISHED = f"""
    WITH unfinished AS (
        SELECT node_id, site, node, id, row_number() OVER (PARTITION BY node_id ORDER BY received, id) AS place
        FROM question JOIN node USING (node_id)
        WHERE jpeg IS NULL AND outcome IS DISTINCT FROM 'not_kept' AND left(epoch::text, 8) = left(id, 8)
          AND info->'capabilities' ? 'image' AND coalesce(status->>'state', 'online') = 'online'
          AND health ? 'store' AND NOT health->'store' ? 'questions'
          AND (received BETWEEN now() - '30 days'::interval AND now() - '1 hour'::interval
               OR received > now() + %(again)s)  -- noted while the clock ran ahead: taken for one of now
          AND (told IS NULL OR now() - told >= told - received OR told > now() + %(again)s)
          AND NOT EXISTS (SELECT FROM question q WHERE q.node_id = question.node_id AND q.jpeg IS NULL
                          AND q.told BETWEEN now() - %(again)s AND now() + %(again)s)
    ), due AS (
        SELECT node_id, site, node AS name, id FROM question JOIN unfinished USING (node_id, id)
        -- asked once more of the row as it is now: another may have led meanwhile
        WHERE place <= %(most)s AND jpeg IS NULL AND {_NOT_JUST_TOLD} AND {_OF}
        FOR NO KEY UPDATE OF question SKIP LOCKED
    ), asked AS (
        UPDATE question q SET told = now(), received = least(received, now()), command = {_COMMAND}
        FROM due WHERE (q.node_id, q.id) = (due.node_id, due.id)
        RETURNING site, name, command, q.id, received
    )
    SELECT site, name, command, id FROM asked ORDER BY received, id
"""  # noqa: S608
# The newest of a node's card, by whatever name, and the one after it. None while that or others are on their way.
_FOLLOWING = """
    SELECT node_id, site, node, prefix || coalesce(number, 0), prefix || (coalesce(number, 0) + 1)
    FROM node CROSS JOIN LATERAL (SELECT left(epoch::text, 8) || '-q') AS card (prefix)
    LEFT JOIN LATERAL (
        SELECT substring(id FROM 11)::bigint, jpeg IS NOT NULL OR outcome IS NOT DISTINCT FROM 'not_kept'
        FROM question WHERE left(id, 10) = prefix AND id ~ '^.{10}[0-9]{1,18}$' AND question.node_id = ANY (ARRAY(
            SELECT ledger.node_id FROM ledger WHERE ledger.epoch = node.epoch UNION SELECT node.node_id
        )) ORDER BY 1 DESC LIMIT 1
    ) AS newest (number, has_come) ON true
    WHERE epoch IS NOT NULL AND info->'capabilities' ? 'image' AND coalesce(status->>'state', 'online') = 'online'
      AND health ? 'store' AND NOT health->'store' ? 'questions' AND has_come IS NOT FALSE AND node_id <> ALL (%s)
      AND site || '/' || node = ANY (%s)
"""


def answers_due(database: Database, of: Collection[NodeName]) -> list[tuple[str, AnswerCommand]]:
    """Topic and command for each answer that one of these nodes has not confirmed; noted as sent."""
    expires = datetime.now(UTC) + VALID_FOR
    return [
        (
            node_topic(site, node, "cmd/answer"),
            AnswerCommand(id=command, expires=expires, question=question, text=text, who=who or "", label=label),
        )
        for site, node, command, question, text, who, label, _ in database.execute(
            _ANSWERS, {"again": AGAIN, "of": _names(of)}
        )
    ]


def seen_due(database: Database, of: Collection[NodeName]) -> list[tuple[str, SeenCommand]]:
    """The same for each alert that somebody takes care of, or no longer."""
    expires = datetime.now(UTC) + VALID_FOR
    return [
        (
            node_topic(site, node, "cmd/seen"),
            SeenCommand(
                id=command,
                expires=expires,
                label=label,
                unit=unit,
                level=level,
                since=since,
                who=who,
                given_back=back,
                former=former,
            ),
        )
        for site, node, command, label, unit, level, since, who, back, former in database.execute(
            _SEEN, {"again": AGAIN, "of": _names(of), **as_of_today()}
        )
    ]


def photographs_due(database: Database, of: Collection[NodeName]) -> list[tuple[str, ImageCommand]]:
    """The same for photographs that have not come whole."""
    expires = datetime.now(UTC) + VALID_FOR
    rows = database.execute(_UNFINISHED, {"again": AGAIN, "of": _names(of), "most": MOST_COMMANDS})
    return [_asking(site, node, command, question, expires) for site, node, command, question in rows]


def _names(of: Collection[NodeName]) -> list[str]:
    return [f"{site}/{node}" for site, node in of]


def _asking(site: str, node: str, command: str, question: str, expires: datetime) -> tuple[str, ImageCommand]:
    """Topic and command; asked for with less it would come smaller."""
    told = ImageCommand(id=command, expires=expires, picture=question, most_bytes=MAX_PHOTO_BYTES)
    return node_topic(site, node, "cmd/image"), told


class Following:
    """What one leader asks for: photographs after the newest one that is here, which a restored backup lacks.

    Of each node the first, once a day, and the next while they come; where there is none, the node says `not_kept`.
    """

    def __init__(self) -> None:
        self._asked: dict[int, tuple[str, datetime]] = {}  # node: for which one last, and when
        self._next = datetime.min.replace(tzinfo=UTC)  # look at the nodes; each turn while one is due

    def photographs_due(self, database: Database, of: Collection[NodeName]) -> list[tuple[str, ImageCommand]]:
        """Topic and command for some of these nodes, the others a later turn; noted as asked for."""
        now, due = datetime.now(UTC), list[tuple[str, ImageCommand]]()
        if now < self._next:
            return due
        self._asked = {node_id: told for node_id, told in self._asked.items() if now - told[1] < FOLLOWING_AGAIN}
        done = [node_id for node_id, (_, when) in self._asked.items() if now - when > FOLLOWING_FOR]
        for node_id, site, node, newest, following in database.execute(_FOLLOWING, (done, _names(of))):
            has_come = newest == self._asked.get(node_id, (newest, now))[0]
            if has_come and len(due) < MOST_AT_ONCE:
                self._asked[node_id] = following, now
                due.append(_asking(site, node, uuid4().hex, following, now + FOLLOWING_FOR))
        if not due:
            self._next = now + LOOK_AGAIN
        return due


def note_reply(database: Database, node_id: int, channel: str, reply: Reply) -> None:
    """What the node, which may have the command by another name, made of it.

    `busy`, `expired` and `repeated` are no outcome: it is sent again.
    """
    if reply.id is None or reply.code in {"busy", "expired", "repeated"}:
        return
    table = "acknowledgement" if channel == "reply/seen" else "question"
    database.execute(
        f"UPDATE {table} SET outcome = %s WHERE command = %s AND node_id IN"  # noqa: S608
        " (SELECT named.node_id FROM node JOIN node named USING (site) WHERE node.node_id = %s)",
        (reply.code, reply.id, node_id),
    )
