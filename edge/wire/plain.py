"""Records with long names: what `fieldeye listen --json` prints, the platform stores and the JSON Schema describes."""

from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from edge.clock import Instant
from edge.counts import Alert, Interval, Level, Lost, NoData, Sighting, Task
from edge.wire.commands import Share
from edge.wire.instants import ClockWord
from edge.wire.messages import ClimateOf, SummaryCount, climate_of, taxon_counts
from edge.wire.record_keys import Decoded

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
    if isinstance(record, Sighting):
        return PlainSighting(
            **where,
            at=_instant(record.at),
            camera=record.camera,
            model=record.model,
            label=record.label,
            eppo=record.eppo,
            confidence=record.confidence,
            box=record.box,
            count=record.count,
            picture=record.picture,
            stage=record.stage,
        )
    if isinstance(record, Interval):
        return _interval(record, where)
    if isinstance(record, Alert):
        return _alert(record, where)
    if isinstance(record, Lost):
        return PlainLost(
            **where,
            at=_instant(record.at),
            first_seq=record.first_seq,
            last_seq=record.last_seq,
            count=record.count,
            reason=record.reason,
        )
    return PlainUnknown(**where, number=record.kind)


@lru_cache(maxsize=4096)
def _epoch_text(epoch: UUID) -> str:
    """A batch is of one epoch, and writing it out takes longer than looking it up."""
    return str(epoch)


def _interval(record: Interval, where: dict[str, Any]) -> PlainInterval:
    counts = record.counts
    return PlainInterval(
        **where,
        start=_instant(record.start),
        end=_instant(record.end),
        camera=record.camera,
        model=record.model,
        mode=record.mode,
        unit=record.unit,
        frames=record.frames,
        skipped=dict(record.skipped),
        awake_s=record.awake_s,
        counts=taxon_counts(record),
        no_data=counts.reason if isinstance(counts, NoData) else None,
        saturated=record.saturated,
        area_mm2=record.area_mm2,
        exposed_s=record.exposed_s,
        severity=record.severity,
        climate=climate_of(record.climate),
        revision=record.revision,
    )


def _alert(record: Alert, where: dict[str, Any]) -> PlainAlert:
    same = {f.name: getattr(record, f.name) for f in fields(record) if f.name != "at"}
    return PlainAlert(**where, at=_instant(record.at), **same)


def _instant(instant: Instant) -> PlainInstant:
    return PlainInstant(
        utc=instant.utc, clock=instant.state.value, boot=instant.boot_id, monotonic_s=instant.monotonic_s
    )
