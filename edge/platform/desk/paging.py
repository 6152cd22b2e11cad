"""A list of the desk that is too long for one page."""

from collections.abc import Sequence
from typing import Any

from flask import request

from edge.platform.sentences import shown_words

MOST_LINES = 200  # an alert takes some 240 px of a phone's screen


def start_asked() -> int | None:
    """The line from which somebody reads, and to which whoever sends something from there comes back."""
    return request.args.get("start", type=int)


def one_page(lines: Sequence[Any]) -> dict[str, Any]:
    """The lines from the one that the address asks for, which ones they are, and where the next page starts."""
    start = min(max(start_asked() or 0, 0), max(len(lines) - 1, 0) // MOST_LINES * MOST_LINES)
    end = min(start + MOST_LINES, len(lines))
    return {
        "lines": lines[start:end],
        "says": shown_words(start + 1, end, len(lines)),
        "next": end if end < len(lines) else None,
    }
