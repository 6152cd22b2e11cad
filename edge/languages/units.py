"""What the units of action thresholds are called."""

from edge.languages import gettext


def threshold_unit_words(unit: str) -> str:
    """A unit of the thresholds as a person says it; an unknown one as it stands in its source."""
    words = {
        "insects/picture": gettext("on one picture"),
        "insects/trap/night": gettext("a trap and night"),
        "adults/trap/night": gettext("a trap and night"),
        "insects/card/night": gettext("a card and night"),
        "adults/card/night": gettext("a card and night"),
        "insects/card/week": gettext("a card and week"),
        "adults/card/week": gettext("a card and week"),
        "insects/trap/week": gettext("a trap and week"),
        "adults/trap/week": gettext("a trap and week"),
        "visits/day": gettext("visits a day"),
        "insects/hill": gettext("a hill"),
        "insects/plant": gettext("a plant"),
        "insects/leaf": gettext("a leaf"),
        "insects/m2": gettext("a square metre"),
        "number/m2": gettext("a square metre"),
        "number/hill": gettext("a hill"),
        "insects/10 plants": gettext("on 10 plants"),
        "insects/100 plants": gettext("on 100 plants"),
        "larvae/20 plants": gettext("larvae on 20 plants"),
        "larvae/25 plants": gettext("larvae on 25 plants"),
        "larvae/leaf": gettext("larvae a leaf"),
        "larvae/m2": gettext("larvae a square metre"),
        "eggs/25 plants": gettext("eggs on 25 plants"),
        "% pictures": gettext("of 100 pictures with signs of it"),
        "% leaves": gettext("of 100 leaves affected"),
        "% plants": gettext("of 100 plants affected"),
        "% leaf area": gettext("percent of the leaf area"),
    }
    return words.get(unit, unit)
