"""Sequence numbers as PostgreSQL's multiranges."""

from bisect import bisect_right
from collections.abc import Iterable

from psycopg.types.multirange import Multirange


class Spans:
    """What a row of the ledger has seen, to be asked for single numbers."""

    def __init__(self, seen: Multirange[int]) -> None:
        bounds = [(span.lower, span.upper) for span in seen if span.lower is not None and span.upper is not None]
        self._lowers = [lower for lower, _ in bounds]
        self._uppers = [upper for _, upper in bounds]  # exclusive

    def __contains__(self, seq: int) -> bool:
        place = bisect_right(self._lowers, seq)
        return place > 0 and seq < self._uppers[place - 1]


def multirange_text(seqs: Iterable[int]) -> str:
    """The numbers as a literal: {[1,4),[7,8)}."""
    spans: list[list[int]] = []
    for seq in sorted(seqs):
        if spans and spans[-1][1] >= seq:
            spans[-1][1] = seq + 1
        else:
            spans.append([seq, seq + 1])
    return "{" + ",".join(f"[{first},{end})" for first, end in spans) + "}"
