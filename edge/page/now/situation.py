"""What a person in front of the node has to know first. Pure: a decision about states and committed facts."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from edge.census import BOARD
from edge.clock import Instant
from edge.config import CameraTable
from edge.counts import Sighting, Unit
from edge.gate import Reason
from edge.page import names
from edge.status import BLIND_S, CameraStatus, Snapshot

DAY_S = 86_400.0
LATE_S = 600.0  # without a new picture for so long (or three times the configured pause), something is wrong
FED_LATE_S = DAY_S  # a fed folder waits until somebody copies the pictures
COVERED: Reason = "blocked"  # the gate's word for a lens that something covers
NOT_KEPT = "not_kept"  # the loop's word for a look at a trap that counts nothing: the memory card takes no file
UNMATCHED = "unmatched"  # the trap's word for a picture that shows no card whose past is known
NEW_CARD = 3  # unmatched pictures in a row that are no fault: one before the trap is aimed, and a new card's first two
TOO_LATE = "too_late"  # the loop's word for a picture of hours that are over for good
FEW_LOOKS = 10  # in a day: fewer are too few for a zero,
FEW_S = 3600.0  # unless so long was watched,
PLANNED_SHARE = 0.25  # or so many of the looks that `every_s` promises came: nights and short days show nothing


class Situation(StrEnum):
    """The first thing to say, most urgent first."""

    STOPPED = "stopped"  # safe mode: the node does not look at all
    MISSING = "missing"  # no camera
    STALLED = "stalled"  # a camera that gives nothing new
    LATE = "late"  # the last picture is old
    UNFED = "unfed"  # nobody has copied pictures into a fed folder for long, or only such as are older than a day
    COVERED = "covered"  # something in front of the lens
    SEEN = "seen"
    NOTHING = "nothing"  # a real zero: looked, and nothing was there
    UNUSABLE = "unusable"  # pictures came, none was good enough, or none for long
    STARTING = "starting"


NO_DATA = frozenset(
    {
        Situation.STOPPED,
        Situation.MISSING,
        Situation.STALLED,
        Situation.LATE,
        Situation.UNFED,
        Situation.COVERED,
        Situation.UNUSABLE,
    }
)
_BY_CAMERA = {
    "missing": Situation.MISSING,
    "stalled": Situation.STALLED,
    "repeating": Situation.STALLED,
}


@dataclass(frozen=True, slots=True)
class Counted:
    """A taxon that the intervals tell of, in their unit: late pictures are counted and make no sighting."""

    label: str
    count: int
    unit: Unit
    nights: int = 1  # in which it came; of what is no trap 1
    low: int | None = None  # its likely range; None: never measured
    high: int | None = None


CardTrouble = Literal["full", "bare"]  # a trap's card catches less than it would, or what hung there is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is committed about the last 24 hours."""

    newest: Sighting | None
    foremost: Sighting | Counted | None  # the one to name first, see sightings.foremost
    frames: int  # looked at
    watched_s: float  # time in which frames came that showed something
    period: str = ""  # of a trap, in words: the night of which `foremost` or a zero is told; else the last 24 hours
    card: CardTrouble | None = None
    unmatched: int = 0  # a trap's newest pictures in a row without a known card, of the fortnight's starts


def situation(snapshot: Snapshot, facts: Facts, now: Instant, config: CameraTable) -> Situation:
    """The first thing to say."""
    camera = snapshot.camera
    if snapshot.problem:
        return Situation.STOPPED
    if camera.state in _BY_CAMERA:
        return _BY_CAMERA[camera.state]
    if camera.state != "ended" and is_late(snapshot, facts, now, config):
        return Situation.UNFED if config.fed else Situation.LATE
    is_covered = camera.last_skip == COVERED
    if is_covered or camera.last_skip in (BOARD, NOT_KEPT) or camera.blind_s >= BLIND_S:
        return Situation.COVERED if is_covered else Situation.UNUSABLE
    if facts.newest is None and not facts.frames:
        return _uncounted(snapshot, now, config)
    one = facts.foremost
    is_told = one is not None and not (names.is_harmless(one.label) and is_too_few(snapshot, facts, now, config))
    return Situation.SEEN if is_told else Situation.NOTHING  # beside what does no harm there may be foes


def _uncounted(snapshot: Snapshot, now: Instant, config: CameraTable) -> Situation:
    """No picture of the last day stands in a record."""
    camera, count = snapshot.camera, looked(snapshot, now)
    if config.fed and (count or camera.last_skip == TOO_LATE):
        return Situation.UNFED  # what it looked at may be of any day
    if count:
        return Situation.NOTHING
    return Situation.UNUSABLE if camera.skipped else Situation.STARTING


def is_late(snapshot: Snapshot, facts: Facts, now: Instant, config: CameraTable) -> bool:
    """Has no picture come for long? For a folder that a person fills a day, unless it is empty since the start."""
    if config.fed and snapshot.camera.last_frame is None:
        return not facts.frames and not snapshot.camera.detail and up_s(snapshot, now) > LATE_S
    return age_s(snapshot.camera, now) > max(FED_LATE_S if config.fed else LATE_S, 3 * config.every_s)


def looked(snapshot: Snapshot, now: Instant) -> int:
    """Pictures looked at since the start; 0 if all may be older than a day and the newest was not worth a look."""
    camera = snapshot.camera
    return camera.looked if is_first_day(snapshot, now) or camera.last_skip in ("", "still") else 0


def is_first_day(snapshot: Snapshot, now: Instant) -> bool:
    """Does "since the start" reach no further back than 24 hours?"""
    return up_s(snapshot, now) <= DAY_S


def is_too_few(snapshot: Snapshot, facts: Facts, now: Instant, config: CameraTable) -> bool:
    """Was too little looked at for a zero of the day? A still scene is watched, too.

    A trap's card collects all night, whenever it is looked at, and a fed folder's plan is not known.
    """
    if config.mode == "trap" or config.fed:
        return False
    since_start = looked(snapshot, now)
    if since_start:  # after a day all but the newest may be older than that
        since_start = since_start + snapshot.camera.skipped.get("still", 0) if is_first_day(snapshot, now) else 1
    promised = DAY_S / config.every_s if config.every_s else float("inf")
    floor = min(FEW_LOOKS, PLANNED_SHARE * promised)
    return max(facts.frames, since_start) < floor and facts.watched_s < FEW_S


def up_s(snapshot: Snapshot, now: Instant) -> float:
    """Seconds since the start."""
    return now.monotonic_s - snapshot.started.monotonic_s


def looks(snapshot: Snapshot) -> bool:
    """Is the node looking at what it is there for?"""
    return not snapshot.problem and snapshot.camera.state in ("ok", "starting", "ended")


def is_frozen(camera: CameraStatus) -> bool:
    """Does the camera give nothing new, so that the last picture tells nothing of now?"""
    return camera.state in _BY_CAMERA


def may_be_a_new_card(camera: CameraStatus, facts: Facts) -> bool:
    """Are so few pictures in a row without a known card as on a new one? That they count nothing is no fault."""
    return camera.last_skip == UNMATCHED and facts.unmatched <= NEW_CARD


def age_s(camera: CameraStatus, now: Instant) -> float:
    """Seconds since the last picture, by the clock that never jumps; 0 before the first one."""
    last = camera.last_frame
    return now.monotonic_s - last.monotonic_s if last is not None and last.boot_id == now.boot_id else 0.0
