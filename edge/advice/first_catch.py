"""The first catch of a season (biofix), from which degree days are counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import takewhile


@dataclass(frozen=True, slots=True)
class Night:
    """Catch of one night, noon to noon, by the date of its evening. None: the trap was blind, which is not a zero."""

    evening: date
    catch: int | None


@dataclass(frozen=True, slots=True)
class Biofix:
    """First night of a sustained catch; it may lie up to `blind_before` nights earlier, in which nobody looked."""

    evening: date
    blind_before: int


def first_catch(nights: Sequence[Night], running: int) -> Biofix | None:
    """The first of `running` seen nights in a row with a catch; None until there was one.

    A stray moth is no flight: services that say "first sustained catch" want `running` of 2 or more. A blind night
    neither makes nor breaks a row. `nights` in order of time.
    """
    row: list[int] = []
    for index, night in enumerate(nights):
        if night.catch is None:
            continue
        row = [*row, index] if night.catch > 0 else []
        if len(row) == running:
            blind = list(takewhile(lambda before: before.catch is None, reversed(nights[: row[0]])))
            return Biofix(nights[row[0]].evening, len(blind))
    return None
