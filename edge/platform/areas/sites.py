"""In which areas a site's nodes may count, as its operator says: what they tell of themselves is not proof enough."""

from collections.abc import Sequence

from edge.errors import UsageError, WireError
from edge.platform.areas.population import as_area
from edge.platform.database import Database
from edge.wire import node_topic


def areas_of(database: Database, site: str) -> list[str]:
    """None: anywhere. Raises UsageError for what cannot be a site."""
    _check_site(site)
    rows = database.execute("SELECT prefix FROM site_area WHERE site = %s ORDER BY prefix", (site,)).fetchall()
    return [prefix for (prefix,) in rows]


def set_areas(database: Database, site: str, areas: Sequence[str]) -> None:
    """In place of those before; none: anywhere. Raises UsageError."""
    _check_site(site)
    prefixes = {as_area(area) for area in areas}
    if "" in prefixes:
        raise UsageError("an empty area is all of them; give 2, 4, 6, 9 or 12 digits, or say --anywhere")
    with database.transaction():
        database.execute("DELETE FROM site_area WHERE site = %s", (site,))
        database.execute("INSERT INTO site_area SELECT %s, unnest(%s::text[])", (site, sorted(prefixes)))


def _check_site(site: str) -> None:
    try:
        node_topic(site, "any", "info")
    except WireError as why:
        raise UsageError(f"{site!r} is no site; give the word of its nodes' topics, letters, digits, _ and -") from why
