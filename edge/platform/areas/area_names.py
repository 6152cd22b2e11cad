"""What people call areas: names that a station keeps, and that stand beside the codes."""

from collections.abc import Mapping, Sequence

from edge.platform.database import Database, only_row, reachable
from edge.platform.sentences import area_words

MOST_LETTERS = 80
MOST_OFFERED = 300  # to choose from, the large areas first


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


def code_of(database: Database, name: str, within: str) -> str | None:
    """Of the one area of that name; None for none and for several."""
    asked = "SELECT code FROM area_name WHERE code ^@ %s AND name = %s LIMIT 2"
    codes = [str(code) for (code,) in database.execute(asked, (within, name)).fetchall()]
    return codes[0] if len(codes) == 1 else None


def names_within(database: Database, area: str) -> list[tuple[str, str]]:
    """Code and name of areas to choose from."""
    asked = "SELECT code, name FROM area_name WHERE code ^@ %s ORDER BY length(code), code LIMIT %s"
    return database.execute(asked, (area, MOST_OFFERED)).fetchall()
