"""Messages that break the contract, or that no table holds, are set aside with the reason."""

from collections.abc import Sequence
from hashlib import sha256

from edge.platform.database import Database, storable
from edge.platform.decode import Message

TOPIC_LETTERS = 300  # more than a topic of the contract has, less than its index takes
MOST_BYTES = 65_536  # of a payload: what a message of the contract has at most, but for a picture sent whole
MOST_KEPT = 1000  # the newest of a node: a card that goes mad fills no disk, for which all nodes would wait
_SENDER = "coalesce(substring(topic FROM '^(?:[^/]*/){3}[^/]*'), '')"
_INSERT = f"""
    INSERT INTO quarantine (topic, reason, payload, digest) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
    RETURNING {_SENDER}
"""  # noqa: S608  our own words
# What another worker is about to take away is left to it: two would wait for each other.
_LET_GO = f"""
    DELETE FROM quarantine WHERE quarantine_id IN (
        SELECT quarantine_id FROM quarantine WHERE {_SENDER} = %(sender)s AND quarantine_id <= (
            SELECT quarantine_id FROM quarantine WHERE {_SENDER} = %(sender)s
            ORDER BY quarantine_id DESC OFFSET %(most)s LIMIT 1
        ) ORDER BY quarantine_id FOR UPDATE SKIP LOCKED
    )
"""  # noqa: S608


def set_aside(database: Database, bad: Sequence[tuple[Message, str]]) -> None:
    """Each with its reason, once, however often it is delivered. Of a node that has many the oldest go."""
    senders: set[str] = set()
    for message, reason in bad:
        topic, payload = storable(message.topic)[:TOPIC_LETTERS], message.payload[:MOST_BYTES]
        values = (topic, storable(reason), payload, sha256(message.payload).digest())
        senders.update(sender for (sender,) in database.execute(_INSERT, values))
    for sender in sorted(senders):
        database.execute(_LET_GO, {"sender": sender, "most": MOST_KEPT})
