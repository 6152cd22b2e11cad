"""The JSON messages of a node: status, info, health, summary. Each field's name ends in its unit.

Times are ISO 8601 in UTC. A field that is not known is left out, never filled with a zero.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct, convert

from edge.counts import Interval, Level, NoData, TaxonCount, per_m2
from edge.errors import WireError
from edge.wire.commands import Label, Share
from edge.wire.documents import decode_document
from edge.wire.fields import LARGEST
from edge.wire.instants import ClockWord, check_moments

MAX_MESSAGE_BYTES = 65_536
Figure = Annotated[float, Meta(ge=0, le=LARGEST)]
# In the schema alone: what a node tells that says its place otherwise is kept, and counts nowhere or in nights of UTC.
AreaCode = Annotated[
    str,
    Meta(
        description="Province to village, twelve digits, the last of which may be missing; another counts nowhere.",
        extra_json_schema={"pattern": "^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})$"},
    ),
]
TimeZone = Annotated[str, Meta(description="Of the IANA database, as Asia/Shanghai; nights of another are of UTC.")]
_Message = TypeVar("_Message", bound=Struct)


class Status(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`status`, retained. Compare (session, connection): a late last will never overrides a newer birth."""

    state: Literal["online", "offline", "stopped"]
    session: int  # starts of this node since its store was created
    connection: int  # connections within the session, from 1
    utc: datetime | None = None  # not in `offline`: the broker sends it, at a time the node does not know

    def __post_init__(self) -> None:
        check_moments(self.utc)


class ModelInfo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A bundle that runs, or that ran and whose intervals still come."""

    name: str
    version: str
    sha256: str  # empty: it ran
    labels: list[Label] = []  # that it can tell, as in records; missing: not known


class CalibrationInfo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a camera was calibrated with."""

    at: datetime
    who: str
    area_mm2: float | None = None  # of the region that is counted
    error_px: float | None = None  # root mean square of the board's corners
    region: list[tuple[float, float]] = []  # corners (x, y) as shares of the picture; empty: all of it


class CameraInfo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A camera as configured."""

    name: str
    kind: str
    mode: str
    mm_per_px: float | None = None  # in the middle of the picture
    calibration: CalibrationInfo | None = None  # missing: there is no density


class Info(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`info`, retained: what this node is. Sent at each connection."""

    software: str  # "fieldeye"
    version: str
    epoch: str  # of the store; new after a new or damaged card
    models: list[ModelInfo] = []
    cameras: list[CameraInfo] = []
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    area_code: AreaCode | None = None
    crop: str | None = None
    time_zone: TimeZone | None = None
    interval_s: float | None = None  # length of a counting interval
    capabilities: list[str] = []  # verbs that the node answers under cmd/
    software_number: int = 0  # of the update that runs, since versions may stay the same; 0: it was never signed


class CameraHealth(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The camera and the gate since the start."""

    state: str  # starting, ok, stalled, repeating, missing, ended
    frames: int
    looked: int
    dropped: int = 0
    reopened: int = 0
    skipped: dict[str, int] = {}  # reason -> frames
    last_frame_utc: datetime | None = None
    ms_per_frame: float | None = None
    focus: str | None = None  # sharp, soft, blurred, against the day of focusing
    light: str | None = None  # good, look, bad: share of clipped pixels, and brightness
    banded: bool | None = None  # mains lamps draw bands across the picture: set the camera to the mains of the place


class StoreHealth(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The store. The platform compares `last_seq` with what it has, so that a gap at the end shows too."""

    waiting: Annotated[int, Meta(ge=0, le=LARGEST)]  # records not yet delivered
    oldest_waiting_utc: datetime | None = None
    first_seq: int | None = None  # oldest record that can be replayed
    last_seq: Annotated[int, Meta(ge=0, le=LARGEST)] | None = None  # newest committed
    used_mb: float | None = None
    max_mb: float | None = None
    pictures_mb: float | None = None
    lost: int = 0  # records shed since the store was created
    questions: int = 0  # photographs that wait for the station


class LinkHealth(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The way to the broker, since the start unless it says otherwise."""

    acknowledged: int  # records, a correction once more, replays apart
    connections: int
    refused: int = 0  # messages that the broker did not want
    unheard: int = 0  # messages acknowledged without a subscriber, kept
    resent: int = 0  # records sent more than once
    images: int = 0  # pictures that a subscriber has got
    sent_bytes: int = 0  # payloads and topics
    sent_bytes_today: int = 0  # UTC day
    daily_budget_bytes: int | None = None
    ack_ms: float | None = None  # last round trip


class StandingAlert(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands above its action level now; `who` takes care of it since `done`, or has `carried_out` the task."""

    label: Label
    unit: Label  # of the threshold, as are both figures
    level: Level  # never calm
    since: datetime
    value: Figure
    start_at: Figure
    who: Label = ""
    done: datetime | None = None
    carried_out: bool = False

    def __post_init__(self) -> None:
        check_moments(self.since, self.done)


class Health(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`health`, retained: how a node is, once a minute or less often; at once when a level begins or ends.

    The publisher adds `store`, `link`, `alerts` and `compared`.
    """

    utc: datetime
    clock: ClockWord
    session: int
    uptime_s: float
    camera: CameraHealth | None = None
    store: StoreHealth | None = None
    link: LinkHealth | None = None
    problem: str | None = None  # the worst that is wrong, for people; first what keeps the node from looking
    last_stop: str | None = None  # why the node ended the last time
    cpu_temperature_c: float | None = None
    throttled: bool | None = None  # under-voltage or heat slows the processor right now
    load: float | None = None  # one minute
    memory_mb: float | None = None  # of this process
    disk_free_mb: float | None = None
    last_update: str | None = None  # how the last installation or trial ended, for people
    battery_v: Figure | None = None
    battery_share: Share | None = None
    alerts: list[StandingAlert] = []
    compared: Annotated[int, Meta(ge=0)] = 0  # action levels that a count of yesterday or today was held against

    def __post_init__(self) -> None:
        check_moments(self.utc)


class SummaryCount(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one taxon. `low` and `high` are missing where the model's errors were never measured."""

    label: str
    eppo: str
    count: int
    low: int | None = None
    high: int | None = None
    stage: str = ""  # of life, where the model tells it
    per_m2: float | None = None  # four digits; missing without a calibration


class SpreadOf(Struct, frozen=True, kw_only=True):
    """Readings of one quantity."""

    mean: float
    least: float
    most: float


class ClimateOf(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a sensor in the field told meanwhile. `humidity`: relative, 0..1."""

    readings: int
    temperature_c: SpreadOf
    humidity: SpreadOf | None = None


class Summary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`summary`, retained: the latest interval of a camera. `counts` is missing when nothing can be said."""

    start: datetime
    end: datetime
    camera: str
    model: str
    mode: str
    unit: str
    frames: int
    awake_s: float
    counts: list[SummaryCount] | None = None  # an empty list: looked, and saw none
    no_data: str | None = None  # why there are no counts
    saturated: bool = False
    area_mm2: int | None = None  # what was counted on, by calibration
    exposed_s: float | None = None  # trap: time in which what is new has come
    severity: float | None = None  # leaf: mean share 0..1 of a leaf that is lesion
    climate: ClimateOf | None = None


def summary_of(interval: Interval) -> Summary:
    """The summary message of an interval."""
    return Summary(start=interval.start.utc, end=interval.end.utc, **told_of(interval))


def told_of(interval: Interval) -> dict[str, Any]:
    """What summary and record say of an interval in the same words."""
    counts, climate = interval.counts, interval.climate
    return {
        "camera": interval.camera,
        "model": interval.model,
        "mode": interval.mode,
        "unit": interval.unit,
        "frames": interval.frames,
        "awake_s": interval.awake_s,
        "counts": None if isinstance(counts, NoData) else [_count(taxon, interval) for taxon in counts],
        "no_data": counts.reason if isinstance(counts, NoData) else None,
        "saturated": interval.saturated,
        "area_mm2": interval.area_mm2,
        "exposed_s": interval.exposed_s,
        "severity": interval.severity,
        "climate": None if climate is None else convert(climate, ClimateOf, from_attributes=True),
    }


def _count(taxon: TaxonCount, interval: Interval) -> SummaryCount:
    return SummaryCount(
        label=taxon.label,
        eppo=taxon.eppo,
        count=taxon.count,
        low=taxon.low,
        high=taxon.high,
        stage=taxon.stage,
        per_m2=_four_digits(per_m2(taxon, interval)),
    )


def _four_digits(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def encode_message(message: Struct) -> bytes:
    """The JSON payload."""
    return msgspec.json.encode(message)


def decode_message(payload: bytes, kind: type[_Message]) -> _Message:
    """The message in a payload; unknown fields are ignored. Raises WireError."""
    if len(payload) > MAX_MESSAGE_BYTES:
        raise WireError(f"{kind.__name__}: {len(payload)} bytes, at most {MAX_MESSAGE_BYTES} are read; send less")
    return decode_document(payload, kind)
