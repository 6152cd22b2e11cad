"""Pictures of what a pest looks like, to hold beside the node's own: few, small, and with their licence."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from edge.page import names
from edge.page.words import gettext

CREDITS = {  # dataset -> as its publisher asks to be named; sources and hashes: references.csv, training/sources.toml
    "rice-pests": "AhmadSubadri, CC BY 4.0",
    "pest-vision": "omkar614, CC BY 4.0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A picture for comparison."""

    file: str  # of the static files
    words: str
    credit: str


def reference(label: str) -> Reference | None:
    """Of this taxon, or of the wider one that a picture tells; None where there is none."""
    found = _table().get(label)
    if found is None:
        return None
    shown, file, dataset = found
    words = gettext("For comparison: %(name)s", name=names.name(shown))
    return Reference(file=file, words=words, credit=gettext("Picture: %(credit)s", credit=CREDITS[dataset]))


@cache
def _table() -> dict[str, tuple[str, str, str]]:
    """Label -> label of what is shown, file, dataset."""
    rows = csv.DictReader(files("edge.page").joinpath("references.csv").read_text("utf-8").splitlines())
    return {
        label: (row["label"], row["file"], row["dataset"])
        for row in rows
        for label in (row["label"], *filter(None, row["also_for"].split(";")))
    }
