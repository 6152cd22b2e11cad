"""Moments in a batch: offsets in milliseconds from a base in the header, with the trust of their clock.

An instant is `[utc, lag, clock, boot]`: `utc` is milliseconds after the batch's base, `lag` is how many milliseconds
the boot's monotonic time ran ahead of it (0 unless the clock was set in between), so that monotonic time costs a byte.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from edge.clock import ClockState, Instant
from edge.errors import WireError
from edge.wire.fields import LARGEST, array, integer, one_of, text

ClockWord = Literal["synced", "unsynced", "corrected"]
CLOCKS = (ClockState.SYNCED, ClockState.UNSYNCED, ClockState.CORRECTED)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_FARTHEST = timedelta(hours=14)  # from UTC, of any place


def utc_ms(utc: datetime) -> int:
    """Milliseconds since 1970, rounded down."""
    return (utc - _EPOCH) // _MS


def from_utc_ms(ms: int) -> datetime:
    """Aware UTC. Raises WireError outside the years 1 to 9999."""
    try:
        return _EPOCH + ms * _MS
    except OverflowError as why:
        raise WireError(f"utc: {ms} ms since 1970 is outside the years 1 to 9999; send milliseconds") from why


def check_moments(*moments: datetime | None) -> None:
    """JSON may tell times that no database reads: of an offset beyond any place, of a year beyond the calendar in UTC.

    Raises ValueError.
    """
    for moment in filter(None, moments):
        if abs(moment.utcoffset() or timedelta()) > _FARTHEST or not 1 < moment.year < 9999:
            raise ValueError(f"{moment} is no time of any place; send UTC")


def whole_ms(instant: Instant) -> Instant:
    """The instant as the wire keeps it: both clocks in whole milliseconds."""
    return Instant(
        from_utc_ms(utc_ms(instant.utc)), instant.state, instant.boot_id, round(instant.monotonic_s * 1000) / 1000
    )


@dataclass(slots=True)
class Boots:
    """The batch's table of boots: `[id, monotonic milliseconds at the base]` each."""

    base_ms: int
    _index: dict[str, int] = field(default_factory=dict)
    table: list[list[Any]] = field(default_factory=list)

    def compact(self, instant: Instant) -> list[int]:
        """`[utc, lag, clock, boot]`; a boot seen for the first time enters the table."""
        utc = utc_ms(instant.utc) - self.base_ms
        monotonic_ms = round(instant.monotonic_s * 1000)
        if instant.boot_id not in self._index:
            self._index[instant.boot_id] = len(self.table)
            self.table.append([_compact_boot(instant.boot_id), monotonic_ms - utc])
        boot = self._index[instant.boot_id]
        lag = monotonic_ms - utc - self.table[boot][1]
        return [utc, lag, CLOCKS.index(instant.state), boot]


def read_boots(table: list[Any]) -> list[tuple[str, int]]:
    """Boot ids with their monotonic milliseconds at the base."""
    boots = [array(entry, "boots", 2) for entry in table]
    return [(_boot_id(boot), integer(monotonic_ms, "boots.monotonic_ms")) for boot, monotonic_ms in boots]


def read_instant(value: object, what: str, base_ms: int, boots: list[tuple[str, int]]) -> Instant:
    """The moment behind `[utc, lag, clock, boot]`."""
    utc, lag, clock, boot = moment = array(value, what, 4)
    for item in moment:
        if type(item) is not int or not -LARGEST <= item <= LARGEST:
            integer(item, what)  # says so
    if not 0 <= clock < len(CLOCKS) or boot < 0:
        raise WireError(f"{what}: clock must be 0 to {len(CLOCKS) - 1} and boot an entry of the table")
    boot_id, boot_ms = one_of(boots, boot, "instant.boot")
    return Instant(from_utc_ms(base_ms + utc), CLOCKS[clock], boot_id, (boot_ms + utc + lag) / 1000)


def boot_bytes(boot_id: str) -> bytes:
    """How it stands in a record, among other bytes."""
    compact = _compact_boot(boot_id)
    return compact if isinstance(compact, bytes) else compact.encode()


def _compact_boot(boot_id: str) -> bytes | str:
    """16 bytes for the usual form, else the text itself, so that any boot id comes back as it was."""
    try:
        as_uuid = UUID(boot_id)
    except ValueError:
        return boot_id
    return as_uuid.bytes if str(as_uuid) == boot_id else boot_id


def _boot_id(value: object) -> str:
    if isinstance(value, bytes) and len(value) == 16:
        return str(UUID(bytes=value))
    return text(value, "boots.id")
