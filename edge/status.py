"""What the node is doing right now: the one object that loop, publisher and page share beside the store.

Only what is committed may be shown as a result; the board holds states, not results.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Literal, TypedDict, Unpack

from edge.advice import Standing
from edge.boxes import Image
from edge.calibration import Calibration, FocusVerdict, LightVerdict
from edge.clock import Instant
from edge.counts import Seen

WATCHED_S = 5.0  # a phone that moves the live picture asks twice a second
JUDGED_S = 60.0  # longer: a look may take 30 s, and then a person compares; another phone's next picture has no frames
VISITED_S = 600.0  # a technician turns a lens or draws a region before the next page
BLIND_S = 3600.0  # of pictures that show nothing; dew and a low sun pass
BatteryLevel = Literal["good", "low", "empty"]
StoreOf = Literal["", "newer", "older"]
LinkState = Literal["off", "connecting", "connected", "refused", "lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraStatus:
    """The camera and the gate, as the loop sees them."""

    state: Literal["starting", "ok", "stalled", "repeating", "missing", "ended"] = "starting"
    detail: str = ""  # one sentence when not ok
    frames: int = 0  # received
    looked: int = 0  # given to the detector, and of use
    detections: int = 0  # boxes in all of them
    skipped: Mapping[str, int] = field(default_factory=dict)  # reason -> frames
    dropped: int = 0  # overtaken by a newer frame
    reopened: int = 0
    last_frame: Instant | None = None
    last_skip: str = ""  # reason why the newest frame was not looked at, empty if it was
    blind_s: float = 0.0  # for so long frames were covered, too bright, blurred, leafless or, by day, in infrared
    on_card: int | None = None  # insects that lie on the part of a trap's card that is in view; None: not looked at
    hung: Instant | None = None  # when there were so many that all of them cannot fall, see trap.TELLING
    ms_per_frame: float | None = None  # from detector to commit, of the last look
    focus: FocusVerdict = "unknown"  # against the day of focusing, where a calibration knows it
    light: LightVerdict | None = None  # in the region that is counted; None: not looked at yet
    banded: bool | None = None  # do mains lamps draw bands across the picture? None: not known yet


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatus:
    """The way to the broker."""

    state: LinkState = "off"
    word: str = ""  # reason when all is not well, see edge/mqtt/trouble.py; the page has words for it
    detail: str = ""  # the same as an English sentence
    acknowledged: int = 0  # records since start
    last_ack: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """The bundle that runs."""

    name: str = ""
    version: str = ""
    sha256: str = ""
    labels: tuple[str, ...] = ()  # that it can tell, as in records
    precisions: Mapping[str, float | None] = field(default_factory=dict)  # label with its stage -> share 0..1 of what
    # it tells that was right in tests; None: not measured
    detail: str = ""  # why it is not the one that was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryStatus:
    """The battery, where a gauge tells of it."""

    voltage_v: float
    share: float | None  # of a full one, 0..1; None: the gauge does not reckon it
    level: BatteryLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One consistent view of the node."""

    started: Instant
    camera: CameraStatus = CameraStatus()
    link: LinkStatus = LinkStatus()
    model: ModelStatus = ModelStatus()
    problem: str = ""  # safe mode: what keeps the node from looking
    store: str = ""  # why results cannot be kept right now, and what to do
    store_of: StoreOf = ""  # the software that wrote the card's results, where that is why they are kept in memory
    notice: str = ""  # why not the configuration that was meant is in use; without another one it is the `problem`
    aside: str = ""  # a damaged store lies beside the one that takes results, and what to do
    calibration: Calibration | None = None  # the one that counts now
    uncalibrated: str = ""  # why the one on the card cannot be used, and what to do
    battery: BatteryStatus | None = None  # None: there is no gauge, or it cannot be read
    no_battery: str = ""  # why a gauge that is named cannot be read, and what to do
    alerts: tuple[Standing, ...] = ()  # pests against their thresholds by committed counts, the most urgent first


class Shown(TypedDict, total=False):
    """Parts of the Snapshot that `StatusBoard.show` takes."""

    camera: CameraStatus
    link: LinkStatus
    model: ModelStatus
    problem: str
    store: str
    store_of: StoreOf
    notice: str
    aside: str
    calibration: Calibration | None
    uncalibrated: str
    battery: BatteryStatus | None
    no_battery: str
    alerts: tuple[Standing, ...]


class StatusBoard:
    """Holds the newest Snapshot and the newest frame. Any thread may read; a part is written by its owner only."""

    def __init__(self, started: Instant) -> None:
        self._lock = Lock()
        self._snapshot = Snapshot(started=started)
        self._frame: Image | None = None
        self._seen: tuple[Seen, ...] | None = None
        self._watched_s = self._judged_s = self._visited_s = float("-inf")

    def snapshot(self) -> Snapshot:
        """The newest view."""
        with self._lock:
            return self._snapshot

    def show(self, **parts: Unpack[Shown]) -> None:
        """Replace the parts that are given."""
        with self._lock:
            self._snapshot = replace(self._snapshot, **parts)

    def show_frame(self, image: Image, seen: Sequence[Seen] | None = None) -> None:
        """The newest frame (H, W, 3) uint8 BGR, for the technician's live picture. Nobody changes it afterwards.

        `seen` is what the detector finds on it; None: it was not looked at.
        """
        with self._lock:
            self._frame, self._seen = image, None if seen is None else tuple(seen)

    def frame(self) -> Image | None:
        """The newest frame, if any."""
        with self._lock:
            return self._frame

    def seen_on(self, image: Image) -> tuple[Seen, ...] | None:
        """What the detector finds on `image`; None if it was not looked at or is no longer the newest frame."""
        with self._lock:
            return self._seen if image is self._frame else None

    def watch(self, now_s: float, *, needs_seen: bool = False) -> None:
        """Somebody looks at the live picture at this monotonic time: the loop shows more frames than it counts.

        `needs_seen`: at what the detector finds, so these frames are looked at, however long that takes.
        """
        with self._lock:
            self._watched_s = now_s
            if needs_seen:
                self._judged_s = now_s

    def is_watched(self, now_s: float) -> bool:
        """Has somebody looked within the last `WATCHED_S`?"""
        with self._lock:
            return now_s - self._watched_s < WATCHED_S

    def needs_seen(self, now_s: float) -> bool:
        """Has somebody looked at what the detector finds within the last `JUDGED_S`?"""
        with self._lock:
            return now_s - self._judged_s < JUDGED_S

    def visit(self, now_s: float) -> None:
        """A person who has logged in used the page at this monotonic time: the node does not sleep under them."""
        with self._lock:
            self._visited_s = now_s

    def is_visited(self, now_s: float) -> bool:
        """Has somebody used the page within the last `VISITED_S`?"""
        with self._lock:
            return now_s - self._visited_s < VISITED_S
