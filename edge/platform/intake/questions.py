"""Farmers' photographs in the database, kept part by part, and what the station answers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from edge.errors import UsageError
from edge.platform.database import Database, only_row
from edge.taxa import as_spelled
from edge.wire import ImageHeader

MOST_LETTERS = 1000
MOST_OPEN = 100  # of a node, which keeps as many itself beside the last answers
MOST_PARTS = 2048  # of a photograph, which a node sends in some 500 at most: 512 KiB in steps of 1 KiB
MOST_SHOWN, MOST_ANSWERED = 100, 20
_QUESTIONS = (
    "SELECT node_id, site, node, time_zone AS zone, id, received, utc, who, note, guess, answer, answer_who,"
    " answer_label, answered, outcome, area_called(area_code) AS called"
    " FROM question JOIN node USING (node_id) WHERE jpeg IS NOT NULL"
)
_CAME = "UPDATE question SET bytes = %s, received = now() WHERE node_id = %s AND id = %s AND bytes = 0"
_NUMBERED = re.compile(r"([0-9a-f]{8})-q([0-9]{1,18})")
# What a card asked before, down to the next one that is known by any of its names: of 0 bytes until something comes,
# and asked for as what did not come whole. Where none is known another station may have got them. From the highest on,
# as each worker does: two never wait for each other.
_EXPECT = """
    WITH before AS (
        SELECT number, name, EXISTS (SELECT FROM question WHERE id = name AND question.node_id = ANY (ARRAY(
            SELECT ledger.node_id FROM ledger WHERE epoch BETWEEN %(first)s AND %(last)s UNION SELECT %(node)s
        ))) AS is_known
        FROM generate_series(greatest(%(number)s - %(most)s, 1), %(number)s - 1) AS number,
             LATERAL (SELECT %(card)s || '-q' || number AS name) AS told
    )
    INSERT INTO question (node_id, id, bytes) SELECT %(node)s, name, 0 FROM before
    WHERE number > (SELECT max(number) FROM before WHERE is_known) ORDER BY number DESC
    ON CONFLICT DO NOTHING
"""
_MAKE_ROOM = """
    WITH surplus AS (
        SELECT node_id, id FROM question WHERE node_id = %s AND id <> %s AND answered IS NULL AND deleted IS NULL
        ORDER BY jpeg IS NULL, bytes = 0, received DESC, id DESC OFFSET %s
    ), free AS (
        SELECT node_id, id FROM question JOIN surplus USING (node_id, id)
        WHERE answered IS NULL AND deleted IS NULL ORDER BY id FOR UPDATE OF question
    )
    DELETE FROM question q USING free WHERE (q.node_id, q.id) = (free.node_id, free.id)
"""
_DELETE = """
    UPDATE question SET jpeg = NULL, utc = NULL, who = '', note = '', guess = '', eppo = '', answer = NULL,
        answer_who = NULL, answer_label = '', answered = NULL, told = NULL, command = NULL,
        outcome = 'not_kept', -- as of one that its node has no longer: nobody asks for it, but for the next one
        deleted = coalesce(deleted, now()), deleted_by = coalesce(deleted_by, %s)
    WHERE node_id = %s AND id = %s AND (jpeg IS NOT NULL OR deleted IS NOT NULL)
"""
_NEAR = """
    SELECT first, first + length(payload) FROM question_part
    WHERE node_id = %(node)s AND id = %(id)s AND first < %(end)s AND first >= coalesce((
        SELECT max(first) FROM question_part WHERE node_id = %(node)s AND id = %(id)s AND first <= %(first)s), 0)
    ORDER BY first
"""
_HOW_MANY = """
    SELECT count(*), sum(length(payload)), max(first + length(payload)) FROM question_part
    WHERE node_id = %s AND id = %s
"""
_HOW_MANY_ASKED = """
    SELECT count(*) FILTER (WHERE jpeg IS NOT NULL AND answered IS NULL),
        count(*) FILTER (WHERE jpeg IS NOT NULL AND answered IS NOT NULL),
        count(*) FILTER (
            WHERE jpeg IS NULL AND outcome IS DISTINCT FROM 'not_kept' AND received > now() - interval '30 days')
    FROM question
"""
_FORGET = "DELETE FROM question_part WHERE node_id = %s AND id = %s"
_Key = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A whole photograph with what the person wrote. `outcome`: done once the node has the answer."""

    node_id: int
    site: str
    node: str
    zone: str
    id: str
    received: datetime
    utc: datetime | None
    who: str
    note: str
    guess: str
    answer: str | None
    answer_who: str | None
    answer_label: str
    answered: datetime | None
    outcome: str | None
    called: str | None  # its node's area, by a name that the station keeps


def keep_part(database: Database, node_id: int, header: ImageHeader, payload: bytes) -> None:
    """A part of a question, of which the bytes that had not come are kept; the last one makes the photograph whole.

    A new question of a node that has enough of them open takes the place of its oldest one, first of one that never
    came, then of half a photograph. One in more parts than any node sends begins anew: what goes with that is asked
    for again. Of one that somebody deleted nothing is kept.
    """
    key: _Key = (node_id, header.id)
    with database.transaction():
        begun = database.execute(
            "INSERT INTO question (node_id, id, bytes) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", (*key, header.bytes)
        )
        if begun.rowcount:
            _expect_those_before(database, key)
            database.execute(_MAKE_ROOM, (*key, MOST_OPEN - 1))
        else:
            database.execute(_CAME, (header.bytes, *key))
        if header.offset == 0:
            asked = header.utc if header.clock != "unsynced" else None
            database.execute(
                "UPDATE question SET utc = %s, who = %s, note = %s, guess = %s, eppo = %s"
                " WHERE node_id = %s AND id = %s AND deleted IS NULL",
                (asked, header.who, header.note, header.guess, header.eppo, *key),
            )
        unfinished = "SELECT FROM question WHERE node_id = %s AND id = %s AND jpeg IS NULL AND deleted IS NULL"
        unfinished += " FOR NO KEY UPDATE"
        if not database.execute(unfinished, key).rowcount:  # another worker's part may be its last
            return
        _keep_news(database, key, header.offset, payload)
        parts, kept_bytes, end = only_row(database, _HOW_MANY, key)
        if parts > MOST_PARTS:
            database.execute(_FORGET, key)
            _keep_news(database, key, header.offset, payload)
        elif kept_bytes >= header.bytes == end:  # to read all for each part would cost by the square of their number
            _complete(database, key, header.bytes)


def _expect_those_before(database: Database, key: _Key) -> None:
    """A card counts its questions: one between two that are here was acknowledged by a broker that lost it."""
    node_id, name = key
    if numbered := _NUMBERED.fullmatch(name):
        card, number = numbered.groups()
        first, last = UUID(card + "0" * 24), UUID(card + "f" * 24)
        told = {"node": node_id, "card": card, "number": int(number), "first": first, "last": last, "most": MOST_OPEN}
        database.execute(_EXPECT, told)


def _keep_news(database: Database, key: _Key, offset: int, payload: bytes) -> None:
    """Of a part the bytes that had not come."""
    spans = database.execute(_NEAR, {"node": key[0], "id": key[1], "first": offset, "end": offset + len(payload)})
    for first, end in holes(spans.fetchall(), offset, offset + len(payload)):
        database.execute(
            "INSERT INTO question_part VALUES (%s, %s, %s, %s) ON CONFLICT (node_id, id, first) DO UPDATE"
            " SET payload = excluded.payload WHERE length(excluded.payload) > length(question_part.payload)",
            (*key, first, payload[first - offset : end - offset]),
        )


def _complete(database: Database, key: _Key, size: int) -> None:
    rows = database.execute(
        "SELECT first, payload FROM question_part WHERE node_id = %s AND id = %s ORDER BY first", key
    ).fetchall()
    jpeg = assembled(rows, size)
    if jpeg is not None:
        database.execute("UPDATE question SET jpeg = %s WHERE node_id = %s AND id = %s", (jpeg, *key))
        database.execute(_FORGET, key)


def holes(spans: Sequence[tuple[int, int]], first: int, end: int) -> list[tuple[int, int]]:
    """What of first..end lies in none of the spans, which rise and may overlap; each end is exclusive."""
    free = []
    for begin, until in spans:
        if begin >= end:
            break
        if begin > first:
            free.append((first, begin))
        first = max(first, until)
    return [*free, (first, end)] if first < end else free


def assembled(parts: Sequence[tuple[int, bytes]], size: int) -> bytes | None:
    """The whole of overlapping parts in order, or None while some are missing."""
    whole = bytearray()
    for first, payload in parts:
        if first > len(whole):
            return None
        whole[first : first + len(payload)] = payload
    return bytes(whole) if len(whole) == size else None


def questions(database: Database) -> list[Question]:
    """Those of the role's subtree, unanswered ones first: of each node the oldest, then of each the next one.

    So a node that asks without end hides no other's question. Behind them the ones that were answered last.
    """
    with database.cursor(row_factory=class_row(Question)) as cursor:
        waiting = cursor.execute(
            f"{_QUESTIONS} AND answered IS NULL"
            " ORDER BY row_number() OVER (PARTITION BY node_id ORDER BY received, id), received LIMIT %s",
            (MOST_SHOWN,),
        ).fetchall()
        answered = f"{_QUESTIONS} AND answered IS NOT NULL ORDER BY answered DESC LIMIT %s"
        return waiting + cursor.execute(answered, (MOST_ANSWERED,)).fetchall()


def how_many(database: Database) -> tuple[int, int, int]:
    """Of the role's subtree without an answer, with one, and of which parts are missing that are asked for still."""
    waiting, answered, coming = only_row(database, _HOW_MANY_ASKED)
    return waiting, answered, coming


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
        " command = NULL, outcome = NULL WHERE node_id = %s AND id = %s AND deleted IS NULL"
        " AND (%s OR answered IS NOT DISTINCT FROM %s::timestamptz)",
        (*written, node_id, question, before is None, before or None),
    )
    kept = "SELECT answer, answer_who, answer_label FROM question WHERE node_id = %s AND id = %s"
    return done.rowcount == 1 or written == database.execute(kept, (node_id, question)).fetchone()


def delete(database: Database, node_id: int, question: str, *, who: str) -> bool:
    """Take photograph, words and answer away for good; False if the role may not see the question.

    Who deleted it and when stays with its key, so that neither a repeat nor a replay brings it back.
    """
    return database.execute(_DELETE, (who, node_id, question)).rowcount == 1
