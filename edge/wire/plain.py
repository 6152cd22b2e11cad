"""Records with long names: what `fieldeye listen --json` prints, the platform stores and the JSON Schema describes."""

from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from edge.clock import Instant
from edge.counts import Alert, Interval, Level, Lost, Sighting, Task
from edge.wire.commands import Share
from edge.wire.instants import ClockWord
from edge.wire.messages import ClimateOf, SummaryCount, told_of
from edge.wire.record_keys import Decoded, Unknown

Figure = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]
Seq = Annotated[int, Meta(ge=1)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Epoch = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class PlainInstant(Struct, frozen=True, kw_only=True):
    """A moment and how far its UTC can be trusted."""

    utc: datetime
    clock: ClockWord
    boot: str  # one value from power-up to power-down
    monotonic_s: float  # seconds since boot


class _Keyed(Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    site: Name
    node: Name
    epoch: Epoch
    seq: Seq


class PlainSighting(_Keyed, frozen=True, kw_only=True, tag="sighting"):
    """A taxon came into view. `box`: left, top, right, bottom as shares of the picture."""

    at: PlainInstant
    camera: str
    model: str
    label: str
    eppo: str
    confidence: Share
    box: tuple[Share, Share, Share, Share]
    count: Count
    picture: str | None = None
    stage: str = ""  # of life, where the model tells it


class PlainInterval(_Keyed, frozen=True, kw_only=True, tag="interval"):
    """What a camera counted, with its effort. Exactly one of `counts` and `no_data` is there."""

    start: PlainInstant
    end: PlainInstant
    camera: str
    model: str
    mode: str
    unit: Literal["max_per_frame", "visits", "new", "affected_frames"]
    frames: Count
    skipped: dict[str, Count]
    awake_s: Annotated[float, Meta(ge=0)]
    counts: list[SummaryCount] | None = None  # an empty list: looked, and saw none
    no_data: str | None = None  # why nothing can be said
    saturated: bool = False
    area_mm2: Count | None = None  # what was counted on, by calibration
    exposed_s: Figure | None = None  # trap: time in which what is new has come
    severity: Share | None = None  # leaf: mean share of a leaf that is lesion
    climate: ClimateOf | None = None
    revision: Count = 0  # a higher one of the same key takes its place


class PlainLost(_Keyed, frozen=True, kw_only=True, tag="lost"):
    """Of first_seq..last_seq of this epoch `count` were committed and could not be kept; do not wait for them."""

    at: PlainInstant
    first_seq: Seq
    last_seq: Seq
    count: Count
    reason: str


class PlainAlert(_Keyed, frozen=True, kw_only=True, tag="alert"):
    """A level against an action threshold was reached or left. All figures are in `unit`."""

    at: PlainInstant
    camera: str
    model: str
    label: str
    eppo: str
    level: Level
    value: Figure
    low: Figure | None = None
    high: Figure | None = None
    unit: str
    start_at: Figure  # from here on the source acts,
    sure_at: Figure | None = None  # and from here on without further doubt
    reason: str
    task: Task
    look_at: str
    source: str


class PlainUnknown(_Keyed, frozen=True, kw_only=True, tag="unknown"):
    """A record of a kind that this program does not know yet; its seq is no gap."""

    number: Count  # of the kind on the wire


PlainRecord = PlainSighting | PlainInterval | PlainLost | PlainAlert | PlainUnknown


def plain(decoded: Decoded, site: str) -> PlainRecord:
    """The record of a node of `site` with long names."""
    key, record = decoded.key, decoded.record
    where: dict[str, Any] = {"site": site, "node": key.node, "epoch": _epoch_text(key.epoch), "seq": key.seq}
    if isinstance(record, Unknown):
        return PlainUnknown(**where, number=record.kind)
    if isinstance(record, Interval):
        where |= {"start": _instant(record.start), "end": _instant(record.end), "revision": record.revision}
        return PlainInterval(**where, **told_of(record), skipped=dict(record.skipped))
    where |= {name: getattr(record, name) for name in _SAME[type(record)]}
    told: PlainRecord = _PLAIN[type(record)](**where, at=_instant(record.at))
    return told


@lru_cache(maxsize=4096)
def _epoch_text(epoch: UUID) -> str:
    """A batch is of one epoch, and writing it out takes longer than looking it up."""
    return str(epoch)


_PLAIN = {Sighting: PlainSighting, Alert: PlainAlert, Lost: PlainLost}
_SAME = {kind: [field.name for field in fields(kind) if field.name != "at"] for kind in _PLAIN}


def _instant(instant: Instant) -> PlainInstant:
    return PlainInstant(
        utc=instant.utc, clock=instant.state.value, boot=instant.boot_id, monotonic_s=instant.monotonic_s
    )
