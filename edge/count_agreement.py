"""How well counts agree with a person's: error, bias, and on which side of the threshold both fall. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Of n frames or trap-nights. r2 is None where all true counts are equal: there is no spread to explain."""

    n: int
    mae: float
    rmse: float
    bias: float
    r2: float | None
    same_side: float | None  # share on the same side of the action threshold; None: no threshold was given
    missed: int  # person over, machine under: costs a crop
    false_alarms: int  # person under, machine over: costs a walk


def agreement(person: Sequence[float], machine: Sequence[float], threshold: float | None = None) -> Agreement:
    """MAE, RMSE, bias and R2 = 1 - sum (p - y)^2 / sum (y - mean y)^2, which the squared correlation would flatter.

    Raises ValueError if the counts do not pair up or there are none.
    """
    if len(person) != len(machine) or not person:
        raise ValueError(f"counts must pair up, got {len(person)} of a person and {len(machine)} of the machine")
    off = [p - y for y, p in zip(person, machine, strict=True)]
    mean = sum(person) / len(person)
    spread, square = sum((y - mean) ** 2 for y in person), sum(e * e for e in off)
    over = [] if threshold is None else [(y >= threshold, p >= threshold) for y, p in zip(person, machine, strict=True)]
    return Agreement(
        n=len(off),
        mae=sum(map(abs, off)) / len(off),
        rmse=sqrt(square / len(off)),
        bias=sum(off) / len(off),
        r2=1 - square / spread if spread else None,
        same_side=sum(y == p for y, p in over) / len(over) if over else None,
        missed=sum(y and not p for y, p in over),
        false_alarms=sum(p and not y for y, p in over),
    )
