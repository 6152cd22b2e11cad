"""The subscriber's side: decodes what nodes send and counts each record once. It knows the contract and no node."""

from edge.platform.decode import Bad, Heard, Message, decode
from edge.platform.deduplicate import Deduplicator, Span
from edge.platform.ingest import ingest, ingest_file
from edge.platform.kept import read_ledger
from edge.platform.ledger import Ledger
from edge.platform.nodes import read_nodes
from edge.platform.replay import replay_commands
from edge.platform.subscriber import Subscriber

__all__ = [
    "Bad",
    "Deduplicator",
    "Heard",
    "Ledger",
    "Message",
    "Span",
    "Subscriber",
    "decode",
    "ingest",
    "ingest_file",
    "read_ledger",
    "read_nodes",
    "replay_commands",
]
