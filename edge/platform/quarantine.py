"""Messages that break the contract, or that no table holds, are set aside with the reason."""

from hashlib import sha256

from edge.platform.database import Database, storable
from edge.platform.decode import Message

TOPIC_LETTERS = 300  # more than a topic of the contract has, less than its index takes


def set_aside(database: Database, message: Message, reason: str) -> None:
    """Once, however often it is delivered."""
    topic = storable(message.topic)[:TOPIC_LETTERS]
    database.execute(
        "INSERT INTO quarantine (topic, reason, payload, digest) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (topic, storable(reason), message.payload, sha256(message.payload).digest()),
    )
