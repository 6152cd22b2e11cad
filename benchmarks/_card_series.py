"""Pictures of a sticky card over days, for benchmarks of a trap."""

from pathlib import Path

from tests.counting.cutouts import CARD_SERIES


def card_series() -> Path:
    """Their folder. Raises SystemExit with a sentence where the datasets are not there."""
    if not CARD_SERIES.is_dir():
        raise SystemExit(f"benchmarks: the series of a sticky card is missing; put it into {CARD_SERIES}")
    return CARD_SERIES
