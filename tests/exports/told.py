"""Records in their long form for the tests of exports: a plain week by hand, and any at all."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from edge.clock import ClockState
from edge.counts import Climate, NoData, Record, Spread
from edge.exports import About, Place
from edge.wire import (
    Decoded,
    Key,
    PlainInterval,
    PlainRecord,
    PlainSighting,
    PlainUnknown,
    Stored,
    Unknown,
    decode_batch,
    encode_batch,
    plain,
)
from tests.records import APHID, EPOCH, MOTH, batches, count, instant, interval, lost, sighting, stored

SITE = "farm-3"
PLACES = {
    (SITE, "n1"): Place(latitude_deg=30.25, longitude_deg=120.5, area_code="330106011002", crop="Oryza sativa"),
}
ABOUT = About(
    created=datetime(2026, 7, 8, 6, 0, tzinfo=UTC), publisher="County plant protection station", places=PLACES
)
NOWHERE_KNOWN = About(created=ABOUT.created, publisher=ABOUT.publisher, places={})

COUNTED = interval()
NOTHING_SEEN = interval(3600.0, counts=(), frames=3600, skipped=())
NO_DATA = interval(7200.0, frames=0, awake_s=0.0, skipped=(("dark", 3600),), counts=NoData("dark"))
THREE_KINDS = (count(APHID, 1), count(MOTH, 12), count(MOTH, 3, stage="larva"))
FULL_CARD = interval(
    10800.0,
    counts=(count(MOTH, 3), count(APHID, 0, 0, 2)),
    mode="trap",
    unit="new",
    saturated=True,
    exposed_s=34_567.0,
)
LEAVES = interval(
    14400.0, counts=(count(("Phytophthora infestans", "PHYTIN"), 7, 5, 9),), mode="leaf", unit="affected_frames"
)
LARVAE = interval(
    18000.0,
    unit="max_per_frame",
    counts=(count(MOTH, 4, 3, 6, stage="larva"),),
    area_mm2=500_000,
    climate=Climate(readings=60, temperature_c=Spread(mean=24.5, least=23.0, most=26.0)),
)
DAMP = interval(
    21600.0,
    climate=Climate(
        readings=60,
        temperature_c=Spread(mean=24.5, least=23.0, most=26.0),
        humidity=Spread(mean=0.72, least=0.5, most=0.9),
    ),
)
SEEN = sighting(60.0, picture=f"{EPOCH.hex[:8]}-41")
SEEN_UNSURE_WHEN = sighting(61.25, at=instant(61.25, ClockState.UNSYNCED), label="Thysanoptera", eppo="")
WEEK: tuple[Record, ...] = (
    COUNTED,
    NOTHING_SEEN,
    NO_DATA,
    FULL_CARD,
    LEAVES,
    LARVAE,
    SEEN,
    SEEN_UNSURE_WHEN,
    lost(50, 99, count=31),
)


def told(*records: Record, site: str = SITE) -> list[PlainRecord]:
    """The records as the platform has them, numbered from 41."""
    return over_the_wire(stored(*records, first_seq=41), site)


def over_the_wire(batch: list[Stored], site: str = SITE) -> list[PlainRecord]:
    """A batch after it was sent."""
    return [plain(decoded, site) for decoded in decode_batch(encode_batch(batch), "n1")]


def any_records() -> st.SearchStrategy[list[PlainRecord]]:
    """Any records that a node can send; those apart whose optional word is empty: a table cannot tell it from none."""
    return batches().map(over_the_wire).map(lambda found: [one for one in found if not _has_empty_word(one)])


def _has_empty_word(record: PlainRecord) -> bool:
    if isinstance(record, PlainInterval):
        return record.no_data == ""
    return isinstance(record, PlainSighting) and record.picture == ""


def unknown() -> PlainRecord:
    """Of a kind that this version does not know."""
    return plain(Decoded(Key("n1", EPOCH, 7), Unknown(9)), SITE)


def believable() -> st.SearchStrategy[list[PlainRecord]]:
    """As any, between 1970 and 2100: tables of ecology take no other years."""
    return any_records().map(lambda found: [one for one in found if all(1970 < year < 2100 for year in _years(one))])


def _years(record: PlainRecord) -> list[int]:
    if isinstance(record, PlainInterval):
        return [record.start.utc.year, record.end.utc.year]
    return [] if isinstance(record, PlainUnknown) else [record.at.utc.year]
