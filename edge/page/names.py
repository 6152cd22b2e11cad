"""What the reader calls a label of the model, and whether it is a foe of the crop."""

from edge.counts import name_and_stage
from edge.languages import language
from edge.page.words import gettext
from edge.taxa import Taxon, taxon

HEALTHY = "healthy"  # a class of leaf models that is no taxon
WIDE_RANKS = ("superfamily", "order", "class")


def name(label: str) -> str:
    """The local name, with a capital, of all life stages; a label outside the table as it is."""
    if label == HEALTHY:
        return gettext("Healthy leaf")
    known = _taxon(label).name(language())
    return known[:1].upper() + known[1:]


def is_harmless(label: str) -> bool:
    """A natural enemy of pests, a pollinator or a healthy leaf; what is not known counts as a pest."""
    return label == HEALTHY or _taxon(label).group == "beneficial"


def is_wide(label: str) -> bool:
    """Wider than a family, as all insects: pests and their enemies are among them."""
    return _taxon(label).rank in WIDE_RANKS


def harmless_words(label: str) -> str:
    """What to do about what is harmless: a healthy leaf is the crop itself."""
    return gettext("Nothing to do.") if label == HEALTHY else gettext("Nothing to do: it does no harm to the crop.")


def _taxon(label: str) -> Taxon:
    return taxon(name_and_stage(label)[0])
