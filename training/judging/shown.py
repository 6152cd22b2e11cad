"""Which pictures may stand beside a model: of sets with a stated open licence, and without somebody else's mark."""

from collections.abc import Sequence
from pathlib import Path

from training.fetch import source_of
from training.samples import Sample
from training.text import rows_of

OPEN_LICENCES = ("CC-BY-4.0", "MIT")
NOT_SHOWN_CSV = Path(__file__).with_name("not_shown.csv")  # looked at by eye, one by one
COLUMNS = ("dataset", "image", "reason")


def may_be_shown(samples: Sequence[Sample]) -> list[Sample]:
    """Those of open sets that are not in not_shown.csv: a set's licence does not reach what was not its publisher's.

    Raises ConfigError for a set of which nothing is known.
    """
    licence_of = {name: source_of(name).licence for name in {sample.dataset for sample in samples}}
    marked = marked_pictures()
    return [
        sample
        for sample in samples
        if licence_of[sample.dataset] in OPEN_LICENCES and (sample.dataset, sample.image_path.name) not in marked
    ]


def marked_pictures() -> set[tuple[str, str]]:
    """Dataset and file name of pictures that are judged but not shown. Raises ConfigError."""
    return {(row["dataset"], Path(row["image"]).name) for row in rows_of(NOT_SHOWN_CSV, COLUMNS)}
