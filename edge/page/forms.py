"""A form that lay open on one phone undoes nothing that another one changed: each field says what it was shown with."""

from collections.abc import Mapping
from typing import NamedTuple


class Stands(NamedTuple):
    """What stands in a field, and what it was shown with, which the form sends along as `was.NAME`."""

    value: str
    was: str


def is_untouched(sent: Mapping[str, str], name: str) -> bool:
    """It came back as it was shown. A form that does not tell how it was shown changes all its fields."""
    was = sent.get(f"was.{name}")
    return was is not None and sent.get(name, "").strip() == was.strip()


def stands(name: str, now: str, sent: Mapping[str, str] | None) -> Stands:
    """What holds `now`, or in a field that was touched what somebody has `sent`."""
    if not sent or is_untouched(sent, name):
        return Stands(now, now)
    return Stands(sent.get(name, "").strip(), sent.get(f"was.{name}", now))
