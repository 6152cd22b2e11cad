"""Records for tests: plain ones by hand, and generators of any."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from edge.clock import ClockState, Instant
from edge.counts import Alert, Climate, Interval, Lost, NoData, Record, Sighting, Spread, TaxonCount
from edge.wire import Key, Mark, Stored
from tests.clocks import BOOT, NOON

EPOCH = UUID("0c9a64a1-58c8-4f2a-9a0e-3f5d5f0e7b11")
MOTH, APHID = ("Plutella xylostella", "PLUTMA"), ("Myzus persicae", "MYZUPE")


def instant(after_s: float = 0.0, state: ClockState = ClockState.SYNCED, boot_id: str = BOOT) -> Instant:
    """A moment after noon; the boot was 1000 s old then."""
    return Instant(NOON + timedelta(seconds=after_s), state, boot_id, 1000.0 + after_s)


def sighting(after_s: float = 0.0, **changes: Any) -> Sighting:
    """A moth, with values that the wire keeps as they are."""
    fields: dict[str, Any] = {
        "at": instant(after_s), "camera": "cam0", "model": "pests@0.1.0", "label": MOTH[0], "eppo": MOTH[1],
        "confidence": 0.875, "box": (0.2, 0.4, 0.6, 1.0), "count": 2,
    }  # fmt: skip
    return Sighting(**fields | changes)


def interval(after_s: float = 0.0, length_s: float = 3600.0, **changes: Any) -> Interval:
    """An hour with two taxa."""
    fields: dict[str, Any] = {
        "start": instant(after_s), "end": instant(after_s + length_s), "camera": "cam0", "model": "pests@0.1.0",
        "mode": "live", "unit": "visits", "frames": 3540, "skipped": (("dark", 40), ("blurred", 20)),
        "awake_s": 3600.0, "counts": (count(MOTH, 12, 9, 17), count(APHID, 230, 201, 260)),
    }  # fmt: skip
    return Interval(**fields | changes)


def count(
    taxon: tuple[str, str], number: int, low: int | None = None, high: int | None = None, stage: str = ""
) -> TaxonCount:
    """A count of a (label, EPPO code)."""
    return TaxonCount(label=taxon[0], eppo=taxon[1], count=number, low=low, high=high, stage=stage)


WARM = Climate(
    readings=60,
    temperature_c=Spread(mean=24.25, least=21.5, most=28.0),
    humidity=Spread(mean=0.81, least=0.7, most=0.95),
)


def alert(after_s: float = 0.0, **changes: Any) -> Alert:
    """A catch over its threshold."""
    fields: dict[str, Any] = {
        "at": instant(after_s), "camera": "cam0", "model": "pests@0.1.0", "label": MOTH[0], "eppo": MOTH[1],
        "level": "look", "value": 14.0, "low": 11.0, "high": 18.5, "unit": "insects/trap/night", "start_at": 10.0,
        "sure_at": None, "reason": "14 insects/trap/night has reached the threshold of 10", "task": "go_and_look",
        "look_at": "Go and look in the field.", "source": "the local station",
    }  # fmt: skip
    return Alert(**fields | changes)


def lost(first: int, last: int, **changes: Any) -> Lost:
    """A loss of all of first..last."""
    fields: dict[str, Any] = {
        "at": instant(), "first_seq": first, "last_seq": last, "count": last - first + 1, "reason": "store_full",
    }  # fmt: skip
    return Lost(**fields | changes)


def stored(*records: Record, first_seq: int = 1) -> list[Stored]:
    """Records as a store gives them back."""
    return [Stored(Key("n1", EPOCH, seq), record) for seq, record in enumerate(records, start=first_seq)]


def marks(seqs: Iterable[int]) -> list[Mark]:
    """What is acknowledged of records that were never revised."""
    return [Mark(seq) for seq in seqs]


naturals = st.integers(0, 2**53 - 1)
seqs = st.integers(1, 2**53 - 1)
words = st.text(max_size=30)
shares = st.floats(0, 1)
boots = st.uuids().map(str) | st.text(max_size=40)
clocks = st.datetimes(datetime(1970, 1, 1), datetime(9998, 1, 1)).map(lambda naive: naive.replace(tzinfo=UTC))  # noqa: DTZ001
instants = st.builds(Instant, clocks, st.sampled_from(ClockState), boots, st.floats(0, 1e9))
bounds = st.just((None, None)) | st.tuples(naturals, naturals)
stages = st.sampled_from(["", "", "larva", "adult"])
taxon_counts = st.builds(
    lambda label, eppo, number, pair, stage: TaxonCount(
        label=label, eppo=eppo, count=number, low=pair[0], high=pair[1], stage=stage
    ),
    words, words, naturals, bounds, stages,
)  # fmt: skip
spreads = st.builds(Spread, mean=st.floats(-90, 90), least=st.floats(-90, 90), most=st.floats(-90, 90))
climates = st.builds(Climate, readings=naturals, temperature_c=spreads, humidity=st.none() | spreads)
pictures = st.none() | words | st.integers(0, 10**6).map(lambda number: f"{EPOCH.hex[:8]}-{number}")
sightings = st.builds(
    Sighting, at=instants, camera=words, model=words, label=words, eppo=words, confidence=shares,
    box=st.tuples(shares, shares, shares, shares), count=naturals, picture=pictures, stage=stages,
)  # fmt: skip
figures = st.floats(0, 1e9)
alerts = st.builds(
    lambda pair, **fields: Alert(low=pair[0], high=pair[1], **fields),
    st.just((None, None)) | st.tuples(figures, figures),
    at=instants, camera=words, model=words, label=words, eppo=words, level=st.sampled_from(["calm", "look", "act"]),
    value=figures, unit=words, start_at=figures, sure_at=st.none() | figures, reason=words, look_at=words, source=words,
    task=st.sampled_from(["nothing", "go_and_look", "count_by_eye", "follow_source"]),
)  # fmt: skip
losses = st.builds(Lost, at=instants, first_seq=seqs, last_seq=seqs, count=naturals, reason=words)


@st.composite
def intervals(draw: Any) -> Interval:
    """With counts, or with the reason why there are none."""
    frames = draw(st.integers(0, 10**6))
    return Interval(
        start=draw(instants),
        end=draw(instants),
        camera=draw(words),
        model=draw(words),
        mode=draw(words),
        unit=draw(st.sampled_from(["max_per_frame", "visits", "new", "affected_frames"])),
        frames=frames,
        skipped=tuple(draw(st.lists(st.tuples(words, naturals), max_size=4))),
        awake_s=draw(st.floats(0, 1e8)),
        counts=tuple(draw(st.lists(taxon_counts, max_size=5))) if frames else NoData(draw(words)),
        saturated=draw(st.booleans()),
        area_mm2=draw(st.none() | naturals),
        exposed_s=draw(st.none() | st.floats(0, 1e8)),
        severity=draw(st.none() | shares),
        climate=draw(st.none() | climates),
        revision=draw(st.integers(0, 9)),
    )


@st.composite
def batches(draw: Any) -> list[Stored]:
    """Records of one node and epoch, in any order of seq."""
    records = draw(st.lists(sightings | intervals() | losses | alerts, min_size=1, max_size=8))
    numbers = draw(st.lists(seqs, min_size=len(records), max_size=len(records), unique=True))
    return [Stored(Key("n1", EPOCH, seq), record) for seq, record in zip(numbers, records, strict=True)]
