"""A list of the desk that is too long for one page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request

from edge.platform.sentences import shown_words

MOST_LINES = 200  # an alert takes some 240 px of a phone's screen


@dataclass(frozen=True, slots=True)
class ListPage:
    """Some lines of a list, and where in it they begin and the next page does; None for its beginning and its end."""

    lines: Sequence[Any]
    says: str  # which ones they are; empty for all
    start: int | None
    next: int | None


def start_asked() -> int | None:
    """The line from which somebody reads, and to which whoever sends something from there comes back."""
    return request.args.get("start", type=int)


def one_page(lines: Sequence[Any]) -> ListPage:
    """The lines from the one that the address asks for, or the last page's."""
    last_page = max(len(lines) - 1, 0) // MOST_LINES * MOST_LINES
    start = min(max(start_asked() or 0, 0), last_page)
    end = min(start + MOST_LINES, len(lines))
    return ListPage(
        lines=lines[start:end],
        says=shown_words(start + 1, end, len(lines)),
        start=start or None,
        next=end if end < len(lines) else None,
    )
