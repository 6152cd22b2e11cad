"""Keeps what was committed: one SQLite file with records and outbox, and a folder of pictures.

It knows neither broker nor page: they ask.
"""

from edge.store.accounts import Account, Accounts
from edge.store.audit import Entry
from edge.store.decisions import BoxKey, Decision, Deed, Tally, if_readable, kept_decisions
from edge.store.drafts import CORRECTED, Draft
from edge.store.file import told_aside
from edge.store.inspect import inspect_beside, inspect_store, is_held
from edge.store.questions import MOST_NAME_LETTERS, MOST_NOTE_LETTERS, Answer, Question
from edge.store.records import BATCH_BYTES, BATCH_RECORDS, Records, Waiting, kept_records
from edge.store.rows import ALERTS_ONLY, LEAST_URGENT, MUST_GO, PRIORITIES
from edge.store.store import Store

__all__ = [
    "ALERTS_ONLY",
    "BATCH_BYTES",
    "BATCH_RECORDS",
    "CORRECTED",
    "LEAST_URGENT",
    "MOST_NAME_LETTERS",
    "MOST_NOTE_LETTERS",
    "MUST_GO",
    "PRIORITIES",
    "Account",
    "Accounts",
    "Answer",
    "BoxKey",
    "Decision",
    "Deed",
    "Draft",
    "Entry",
    "Question",
    "Records",
    "Store",
    "Tally",
    "Waiting",
    "if_readable",
    "inspect_beside",
    "inspect_store",
    "is_held",
    "kept_decisions",
    "kept_records",
    "told_aside",
]
