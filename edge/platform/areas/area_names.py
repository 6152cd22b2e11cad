"""What people call areas: names that a station keeps, and that stand beside the codes."""

import re
from collections.abc import Mapping, Sequence

from edge.platform.areas.population import LEVELS
from edge.platform.database import Database, only_row, reachable
from edge.platform.sentences import area_words

MOST_LETTERS = 80
MOST_OFFERED = 300  # to choose from, the large areas first
_BEHIND_NAME = re.compile(r"[(›] *([0-9]+) *\)?$")


@reachable()
def keep_names(database: Database, names: Mapping[str, str]) -> None:
    """By code, each in place of the one before; an empty name: none any more. Raises StoreError."""
    with database.transaction():
        database.execute("LOCK TABLE area_name IN SHARE ROW EXCLUSIVE MODE")  # one list at a time
        database.execute("DELETE FROM area_name WHERE code = ANY(%s)", (list(names),))
        database.execute(
            "INSERT INTO area_name SELECT * FROM unnest(%s::text[], %s::text[]) AS told (code, name) WHERE name <> ''",
            (list(names), list(names.values())),
        )


def called(database: Database, area: str) -> str | None:
    """Name and code; None where nobody named it, nor an area above."""
    return each_called(database, [area])[0]


def each_called(database: Database, areas: Sequence[str]) -> list[str | None]:
    """The same of each."""
    asked = "SELECT area_called(code) FROM unnest(%s::text[]) WITH ORDINALITY AS told (code, nth) ORDER BY nth"
    return [told for (told,) in database.execute(asked, (list(areas),))]


def told(database: Database, area: str) -> str:
    """What it is called, else its level and code; and how many nodes it has: of a mistyped code there are none."""
    (nodes,) = only_row(database, "SELECT count(*) FROM node WHERE area_code ^@ %s", (area,))
    has = {0: "no node yet", 1: "1 node"}.get(nodes, f"{nodes} nodes")
    return f"{called(database, area) or area_words(area)}, {has}"


def codes_of(database: Database, typed: Sequence[str], within: str) -> list[str]:
    """Of the areas of one of these names, in whatever letters, large areas first."""
    asked = """
        SELECT code FROM area_name WHERE code ^@ %s AND lower(name) = ANY (SELECT lower(unnest(%s::text[])))
        ORDER BY length(code), code LIMIT %s
    """
    return [code for (code,) in database.execute(asked, (within, list(typed), MOST_OFFERED))]


def code_in(typed: str) -> str:
    """The code that stands behind a name, as in what `called` gives; else all that was typed."""
    behind = _BEHIND_NAME.search(typed)
    return behind[1] if behind else typed


def with_above(database: Database, codes: Sequence[str]) -> list[tuple[str, str]]:
    """Each code, what it is called, and in which area that lies: so areas of one name are told apart."""
    above = [code[: max(digits for digits in LEVELS if digits < len(code))] for code in codes]
    told = zip(codes, each_called(database, codes), each_called(database, above), strict=True)
    return [(code, ", ".join(filter(None, (name, within)))) for code, name, within in told]


def names_within(database: Database, area: str) -> list[tuple[str, str]]:
    """Code and name of areas to choose from."""
    asked = "SELECT code, name FROM area_name WHERE code ^@ %s ORDER BY length(code), code LIMIT %s"
    return database.execute(asked, (area, MOST_OFFERED)).fetchall()
