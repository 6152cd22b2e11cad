"""The subscriber's side: decodes what nodes send and counts each record once. It knows the contract and no node.

What needs PostgreSQL is imported from its own file, so that `fieldeye listen` needs no driver for it.
"""

from edge.platform.broker.address import BrokerAddress
from edge.platform.broker.subscriber import Subscriber
from edge.platform.decode import Bad, Heard, Message, decode
from edge.platform.deduplicate import Deduplicator, Span
from edge.platform.ledger.ingest import ingest, ingest_file
from edge.platform.ledger.ledger import Ledger
from edge.platform.replay import replay_commands

__all__ = [
    "Bad",
    "BrokerAddress",
    "Deduplicator",
    "Heard",
    "Ledger",
    "Message",
    "Span",
    "Subscriber",
    "decode",
    "ingest",
    "ingest_file",
    "replay_commands",
]
