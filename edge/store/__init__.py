"""Keeps what was committed: one SQLite file with records and outbox, and a folder of pictures.

It knows neither broker nor page: they ask.
"""

from edge.store.audit import Entry
from edge.store.inspect import inspect_store
from edge.store.records import BATCH_BYTES, BATCH_RECORDS, Records, Waiting
from edge.store.rows import LEAST_URGENT, MUST_GO
from edge.store.store import Store

__all__ = [
    "BATCH_BYTES",
    "BATCH_RECORDS",
    "LEAST_URGENT",
    "MUST_GO",
    "Entry",
    "Records",
    "Store",
    "Waiting",
    "inspect_store",
]
