"""What a file needs besides the records: where the nodes stand, who publishes, when; and what it is made of."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from edge.clock import zone_of
from edge.wire import Info, PlainRecord, SummaryCount


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a node stands and in which crop; None where nobody said so."""

    latitude_deg: float | None = None
    longitude_deg: float | None = None
    area_code: str | None = None  # twelve digits, province to village
    area_name: str | None = None  # and code, as the station names it
    crop: str | None = None
    zone: tzinfo = UTC  # in which its nights are reckoned


NOWHERE = Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The same for each format; a format takes what it has a field for."""

    created: datetime  # aware UTC, of the file
    publisher: str  # who answers for the data: a person or an office
    places: Mapping[tuple[str, str], Place]  # by site and node

    def place(self, record: PlainRecord) -> Place:
        """Of the record's node."""
        return self.places.get((record.site, record.node), NOWHERE)


class Piece(NamedTuple):
    """The next bytes of one file; a format of one file leaves the name empty."""

    file: str
    content: bytes


def place_of(info: Info) -> Place:
    """What a node's birth message says of its place."""
    return Place(
        latitude_deg=info.latitude_deg, longitude_deg=info.longitude_deg, area_code=info.area_code, crop=info.crop,
        zone=zone_of(info.time_zone or "UTC"),
    )  # fmt: skip


def key_of(record: PlainRecord) -> str:
    """`node/epoch/seq`: the same record has the same key in each file and for ever."""
    return f"{record.node}/{record.epoch}/{record.seq}"


def keyed(counts: Iterable[SummaryCount]) -> Iterator[tuple[str, SummaryCount]]:
    """Each count with its own key within the interval, `label/stage`, which it keeps when a revision adds a taxon.

    A taxon that an interval names again, as none of our nodes does, gets its place behind it.
    """
    taken: set[str] = set()
    for number, count in enumerate(counts):
        key = f"{count.label}/{count.stage}" if count.stage else count.label
        key += f"/{number}" if key in taken else ""
        taken.add(key)
        yield key, count
