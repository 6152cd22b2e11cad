"""What machines may ask and are answered, as types: encoding, checking and the OpenAPI document share them."""

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, Struct

from edge.wire import PlainRecord, StoreHealth

CSV_COLUMNS = ("day", "label", "unit", "count", "low", "high", "frames", "awake_s", "nights")


class Query(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be asked of `records`."""

    after: Annotated[int, Meta(ge=0, le=2**53)] = 0  # seq; records with a greater one
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


class Camera(Struct, frozen=True, kw_only=True):
    """The camera and the gate, since the start; of a fed folder `last_frame_utc` is when the picture came."""

    state: str
    frames: int
    looked: int
    skipped: dict[str, int]
    dropped: int
    last_frame_utc: datetime | None


class State(Struct, frozen=True, kw_only=True):
    """What the node is doing now."""

    site: str
    node: str
    version: str
    now_utc: datetime
    clock: str
    problem: str  # what keeps the node from looking, empty if nothing does
    camera: Camera
    model: str  # name@version, empty before it is loaded
    link: str
    acknowledged: int
    waiting: int
    oldest_waiting_utc: datetime | None


class Board(Struct, frozen=True, kw_only=True):
    """The machine; what it does not say is null."""

    cpu_temperature_c: float | None
    throttled: bool | None
    disk_free_mb: float | None
    memory_mb: float | None  # of this program


class Health(Struct, frozen=True, kw_only=True):
    """How the node is, part by part."""

    now_utc: datetime
    clock: str
    uptime_s: float
    looking: bool
    problem: str  # why it does not look
    notice: str  # why not the configuration that was meant is in use
    model_problem: str
    store_problem: str  # why results cannot be kept
    link_problem: str
    last_delivery_utc: datetime | None
    ms_per_frame: float | None
    store: StoreHealth
    battery_v: float | None
    battery_share: float | None  # of a full one, 0..1; null: the gauge does not reckon it
    battery_problem: str  # why a gauge that is named cannot be read
    board: Board


class Count(Struct, frozen=True, kw_only=True):
    """Of one taxon on one day; the range is null where the model was never measured on it."""

    label: str
    count: int
    low: int | None
    high: int | None
    nights: int | None  # of a trap: in which it came, also those before in which the node was off


class DayCounts(Struct, frozen=True, kw_only=True):
    """One day where the node stands. `counts` null: nobody looked, which is not a zero; a taxon not listed: zero.

    `frames` null: what was looked at was counted in another unit. `not_told`: seen on another of these days, and no
    model that looked on this one can tell it, so it is no zero.
    """

    day: date  # of a trap: from noon to noon, by the date of its evening
    unit: str | None
    frames: int | None
    awake_s: float | None  # in which pictures came that showed something
    saturated: bool
    counts: list[Count] | None
    nights: int | None  # of a trap: of which a zero speaks; each of the counts has its own
    not_told: list[str]


class Days(Struct, frozen=True, kw_only=True):
    """The last fourteen days, oldest first; a trap's go from noon to noon and are named by their evening."""

    time_zone: str
    days: list[DayCounts]


class Records(Struct, frozen=True, kw_only=True):
    """Records as on the wire; some seq may be gone. Ask again with `after` = `next_after` until that is `last_seq`.

    An interval may be corrected in its place, up to a week later: read the last days again, the highest `revision`
    holds. An `after` beyond `last_seq` is of a store that was made anew since, and answered from its beginning. Their
    `epoch` is told to who has logged in.
    """

    records: list[PlainRecord]
    next_after: int
    last_seq: int  # of the newest record that was ever committed


class Refusal(Struct, frozen=True, kw_only=True):
    """Why a question was not answered."""

    error: str
