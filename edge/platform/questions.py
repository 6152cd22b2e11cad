"""Farmers' photographs in the database, part by part, and the station's answers on their way back to the node."""

from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from psycopg.rows import class_row

from edge.errors import UsageError
from edge.platform.database import Database
from edge.platform.nodes import NodeName
from edge.platform.replay import MOST_COMMANDS
from edge.taxa import as_spelled
from edge.wire import MAX_PHOTO_BYTES, AnswerCommand, ImageCommand, ImageHeader, Reply, node_topic

AGAIN = timedelta(minutes=2)  # a node that was not there when an answer was sent
VALID_FOR = timedelta(minutes=10)
MOST_LETTERS = 1000
MOST_OPEN = 100  # of a node, which keeps as many itself beside the last answers
MOST_SHOWN, MOST_ANSWERED = 100, 20
MOST_AT_ONCE = 50  # nodes asked for what may follow: a fleet of 2,000 within minutes, and not all at once
FOLLOWING_FOR = timedelta(hours=3)  # after a restore a node may have records to send before
LOOK_AGAIN = timedelta(minutes=1)  # at all nodes, 2,000 of which with 100 questions each take half a second
_QUESTIONS = (
    "SELECT node_id, site, node, id, received, utc, who, note, guess, question.eppo, answer, answer_who, answer_label,"
    " answered, outcome FROM question JOIN node USING (node_id) WHERE jpeg IS NOT NULL"
)
# To the name that was heard last of the card that asked. Where both told one number they are copies that both run.
_DUE = """
    SELECT question.node_id, site, coalesce(renamed.name, node), id, answer, answer_who, answer_label, answered
    FROM question JOIN node USING (node_id) LEFT JOIN LATERAL (
        SELECT named.node AS name FROM ledger asked JOIN ledger other USING (epoch)
        JOIN node named ON (named.node_id, named.epoch) = (other.node_id, other.epoch)
        WHERE asked.node_id = question.node_id AND left(asked.epoch::text, 8) = left(id, 8)
          AND NOT other.seen && asked.seen AND named.site = node.site AND named.heard > node.heard
        ORDER BY named.heard DESC LIMIT 1
    ) AS renamed ON true
    WHERE answered IS NOT NULL AND outcome IS NULL AND (told IS NULL OR told <= now() - %s) ORDER BY answered
"""
# None while its node is away or has some to send, which it says once an hour at least; then later each time.
_UNFINISHED = """
    SELECT node_id, site, node, id FROM (
        SELECT node_id, site, node, id, row_number() OVER (PARTITION BY node_id ORDER BY received, id) AS place
        FROM question JOIN node USING (node_id)
        WHERE jpeg IS NULL AND outcome IS DISTINCT FROM 'not_kept' AND left(epoch::text, 8) = left(id, 8)
          AND info->'capabilities' ? 'image' AND coalesce(status->>'state', 'online') = 'online'
          AND health ? 'store' AND NOT health->'store' ? 'questions'
          AND received BETWEEN now() - '30 days'::interval AND now() - '1 hour'::interval
          AND (told IS NULL OR now() - told >= told - received)
          AND NOT EXISTS (SELECT FROM question q WHERE q.node_id = question.node_id AND q.jpeg IS NULL
                          AND q.told > now() - %s)
    ) AS due WHERE place <= %s
"""
# The newest of a node's card, by whatever name, and the one after it. None while that or others are on their way.
_FOLLOWING = """
    SELECT node_id, site, node, prefix || coalesce(number, 0), prefix || (coalesce(number, 0) + 1)
    FROM node CROSS JOIN LATERAL (SELECT left(epoch::text, 8) || '-q') AS card (prefix)
    LEFT JOIN LATERAL (
        SELECT substring(id FROM 11)::bigint, jpeg IS NOT NULL OR outcome IS NOT DISTINCT FROM 'not_kept'
        FROM question WHERE left(id, 10) = prefix AND id ~ '-q[0-9]{1,18}$' AND question.node_id = ANY (ARRAY(
            SELECT ledger.node_id FROM ledger WHERE ledger.epoch = node.epoch UNION SELECT node.node_id
        )) ORDER BY 1 DESC LIMIT 1
    ) AS newest (number, has_come) ON true
    WHERE epoch IS NOT NULL AND info->'capabilities' ? 'image' AND coalesce(status->>'state', 'online') = 'online'
      AND health ? 'store' AND NOT health->'store' ? 'questions' AND has_come IS NOT FALSE AND node_id <> ALL (%s)
      AND site || '/' || node = ANY (%s)
"""
_MAKE_ROOM = """
    WITH surplus AS (
        SELECT node_id, id FROM question WHERE node_id = %s AND id <> %s AND answered IS NULL
        ORDER BY jpeg IS NULL, received DESC, id DESC OFFSET %s
    ), parts AS (
        DELETE FROM question_part p USING surplus WHERE (p.node_id, p.id) = (surplus.node_id, surplus.id)
    )
    DELETE FROM question q USING surplus WHERE (q.node_id, q.id) = (surplus.node_id, surplus.id) AND answered IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A whole photograph with what the person wrote. `outcome`: done once the node has the answer."""

    node_id: int
    site: str
    node: str
    id: str
    received: datetime
    utc: datetime | None
    who: str
    note: str
    guess: str
    eppo: str
    answer: str | None
    answer_who: str | None
    answer_label: str
    answered: datetime | None
    outcome: str | None


def keep_part(database: Database, node_id: int, header: ImageHeader, payload: bytes) -> None:
    """A part of a question, of which the longest from each byte on is kept; the last one makes the photograph whole.

    A new question of a node that has enough of them open takes the place of its oldest one, of half a photograph first.
    """
    with database.transaction():
        begun = database.execute(
            "INSERT INTO question (node_id, id, bytes) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (node_id, header.id, header.bytes),
        )
        if begun.rowcount:
            database.execute(_MAKE_ROOM, (node_id, header.id, MOST_OPEN - 1))
        if header.offset == 0:
            asked = header.utc if header.clock != "unsynced" else None
            database.execute(
                "UPDATE question SET utc = %s, who = %s, note = %s, guess = %s, eppo = %s"
                " WHERE node_id = %s AND id = %s",
                (asked, header.who, header.note, header.guess, header.eppo, node_id, header.id),
            )
        database.execute(
            "INSERT INTO question_part SELECT node_id, id, %s, %s FROM question"
            " WHERE node_id = %s AND id = %s AND jpeg IS NULL ON CONFLICT (node_id, id, first)"
            " DO UPDATE SET payload = excluded.payload WHERE length(excluded.payload) > length(question_part.payload)",
            (header.offset, payload, node_id, header.id),
        )
        rows = database.execute(
            "SELECT first, payload FROM question_part WHERE node_id = %s AND id = %s ORDER BY first",
            (node_id, header.id),
        ).fetchall()
        jpeg = assembled(rows, header.bytes)
        if jpeg is not None:
            database.execute("UPDATE question SET jpeg = %s WHERE node_id = %s AND id = %s", (jpeg, node_id, header.id))
            database.execute("DELETE FROM question_part WHERE node_id = %s AND id = %s", (node_id, header.id))


def assembled(parts: Sequence[tuple[int, bytes]], size: int) -> bytes | None:
    """The whole of overlapping parts in order, or None while some are missing."""
    whole = bytearray()
    for first, payload in parts:
        if first > len(whole):
            return None
        whole[first : first + len(payload)] = payload
    return bytes(whole) if len(whole) == size else None


def questions(database: Database, *, most: int = MOST_SHOWN, most_answered: int = MOST_ANSWERED) -> list[Question]:
    """Those of the role's subtree, unanswered ones first: of each node the oldest, then of each the next one.

    So a node that asks without end hides no other's question. Behind them the ones that were answered last.
    """
    with database.cursor(row_factory=class_row(Question)) as cursor:
        waiting = cursor.execute(
            f"{_QUESTIONS} AND answered IS NULL"
            " ORDER BY row_number() OVER (PARTITION BY node_id ORDER BY received, id), received LIMIT %s",
            (most,),
        ).fetchall()
        answered = f"{_QUESTIONS} AND answered IS NOT NULL ORDER BY answered DESC LIMIT %s"
        return waiting + cursor.execute(answered, (most_answered,)).fetchall()


def how_many(database: Database) -> tuple[int, int]:
    """Of the role's subtree without an answer and with one."""
    asked = "SELECT count(*) - count(answered), count(answered) FROM question WHERE jpeg IS NOT NULL"
    waiting, answered = database.execute(asked).fetchone() or (0, 0)
    return waiting, answered


def find_question(database: Database, node_id: int, question: str) -> Question | None:
    """That one, if the role may see it."""
    with database.cursor(row_factory=class_row(Question)) as cursor:
        return cursor.execute(f"{_QUESTIONS} AND node_id = %s AND id = %s", (node_id, question)).fetchone()


def photograph(database: Database, node_id: int, question: str) -> bytes | None:
    """The JPEG, if the role may see it."""
    row = database.execute("SELECT jpeg FROM question WHERE node_id = %s AND id = %s", (node_id, question)).fetchone()
    return bytes(row[0]) if row and row[0] else None


def answer(
    database: Database, node_id: int, question: str, *, text: str, who: str, label: str, before: str | None = None
) -> bool:
    """Keep an answer, which takes the place of an earlier one; False if the role may not see the question.

    `before`: when the answer came that its writer has seen, empty for none; False, too, where that is not the last,
    unless the last is this very answer: a form that is sent twice changes nothing.
    Raises UsageError for an answer that the node would refuse.
    """
    text = text.replace("\r\n", "\n")  # a browser counts a line break as one letter and sends two
    if not 0 < len(text.strip()) <= MOST_LETTERS or len(label) > 80:
        raise UsageError(f"an answer has 1 to {MOST_LETTERS} letters and a name at most 80; shorten or write it")
    written = (text.strip(), who[:80], as_spelled(label))
    done = database.execute(
        "UPDATE question SET answer = %s, answer_who = %s, answer_label = %s, answered = now(), told = NULL,"
        " command = NULL, outcome = NULL WHERE node_id = %s AND id = %s"
        " AND (%s OR answered IS NOT DISTINCT FROM %s::timestamptz)",
        (*written, node_id, question, before is None, before or None),
    )
    return done.rowcount == 1 or written == _kept_answer(database, node_id, question)


def _kept_answer(database: Database, node_id: int, question: str) -> tuple[str | None, ...] | None:
    return database.execute(
        "SELECT answer, answer_who, answer_label FROM question WHERE node_id = %s AND id = %s", (node_id, question)
    ).fetchone()


def answers_due(database: Database, *, of: Container[NodeName] | None = None) -> list[tuple[str, AnswerCommand]]:
    """Topic and command for each answer that its node (of those alone) has not confirmed; noted as sent."""
    expires = datetime.now(UTC) + VALID_FOR
    rows = database.execute(_DUE, (AGAIN,)).fetchall()
    due = []
    for node_id, site, node, question, text, who, label, answered in rows:
        if of is not None and (site, node) not in of:
            continue
        command = AnswerCommand(
            id=uuid4().hex, expires=expires, question=question, text=text, who=who or "", label=label
        )
        noted = database.execute(
            "UPDATE question SET told = now(), command = %s WHERE node_id = %s AND id = %s AND answered = %s"
            " AND (told IS NULL OR told <= now() - %s)",
            (command.id, node_id, question, answered, AGAIN),
        )
        if noted.rowcount == 1:  # else it was corrected, or another leads too and sends it
            due.append((node_topic(site, node, "cmd/answer"), command))
    return due


def photographs_due(database: Database, *, of: Container[NodeName] | None = None) -> list[tuple[str, ImageCommand]]:
    """Topic and command for photographs of nodes (of those alone) that have not come whole; noted as asked for."""
    now, due = datetime.now(UTC), []
    for node_id, site, node, question in database.execute(_UNFINISHED, (AGAIN, MOST_COMMANDS)).fetchall():
        if of is None or (site, node) in of:
            topic, command = _asking(site, node, question, now + VALID_FOR)
            noted = database.execute(
                "UPDATE question SET told = now(), command = %s WHERE node_id = %s AND id = %s"
                " AND (told IS NULL OR told <= now() - %s)",
                (command.id, node_id, question, AGAIN),
            )
            if noted.rowcount == 1:
                due.append((topic, command))
    return due


def _asking(site: str, node: str, question: str, expires: datetime) -> tuple[str, ImageCommand]:
    """Topic and command; asked for with less it would come smaller."""
    command = ImageCommand(id=uuid4().hex, expires=expires, picture=question, most_bytes=MAX_PHOTO_BYTES)
    return node_topic(site, node, "cmd/image"), command


class Following:
    """What one leader asks for: photographs after the newest one that is here, which a restored backup lacks.

    Of each node the first, once, and the next while they come; where there is none, the node says `not_kept`.
    """

    def __init__(self) -> None:
        self._asked: dict[int, tuple[str, datetime]] = {}  # node: for which one last, and when
        self._next = datetime.min.replace(tzinfo=UTC)  # look at the nodes; each turn while one is due

    def photographs_due(self, database: Database, *, of: Collection[NodeName]) -> list[tuple[str, ImageCommand]]:
        """Topic and command for some of these nodes, the others a later turn; noted as asked for."""
        now, due = datetime.now(UTC), list[tuple[str, ImageCommand]]()
        if now < self._next:
            return due
        names = [f"{site}/{node}" for site, node in of]
        done = [node_id for node_id, (_, when) in self._asked.items() if now - when > FOLLOWING_FOR]
        for node_id, site, node, newest, following in database.execute(_FOLLOWING, (done, names)):
            has_come = newest == self._asked.get(node_id, (newest, now))[0]
            if has_come and len(due) < MOST_AT_ONCE:
                self._asked[node_id] = following, now
                due.append(_asking(site, node, following, now + FOLLOWING_FOR))
        if not due:
            self._next = now + LOOK_AGAIN
        return due


def note_outcome(database: Database, node_id: int, reply: Reply) -> None:
    """What the node, which may have asked by another name, made of an answer, or of being asked for a photograph.

    `busy` and `expired` are no outcome: it is sent again.
    """
    if reply.id is not None and reply.code not in {"busy", "expired"}:
        database.execute(
            "UPDATE question SET outcome = %s WHERE command = %s AND node_id IN"
            " (SELECT named.node_id FROM node JOIN node named USING (site) WHERE node.node_id = %s)",
            (reply.code, reply.id, node_id),
        )
