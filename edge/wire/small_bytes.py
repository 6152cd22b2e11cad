"""A `SmallDay` in 51 or 222 bytes: LoRaWAN at its slowest and at its usual rate, NB-IoT; and back. Pure.

The line tells the node (device EUI, SIM), so the payload does not. What does not fit is counted as omitted, never taken
for zero. Layout, byte by byte: docs/contract/small.md.
"""

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from zlib import crc32

from edge.counts import Unit
from edge.errors import WireError
from edge.taxa import taxa
from edge.wire.alerts import LEVELS
from edge.wire.compact import UNITS
from edge.wire.fields import LARGEST
from edge.wire.small import FIRST_DAY, SmallCount, SmallDay

SLOWEST_BYTES, USUAL_BYTES = 51, 222  # LoRaWAN EU868: DR0 to DR2, and DR4 and faster, without MAC options
LEAST_BYTES = 24  # a head, whatever it says
VERSION = 1
STAGES = ("", "egg", "larva", "nymph", "pupa", "adult", "symptom", "other")  # three bits
REASONS = ("other", "dark", "no_frame", "blurred", "blocked", "overexposed", "not_started", "colourless", "still")
_SATURATED, _NO_DATA, _HAS_BATTERY = 1, 2, 4
_NAME_BITS = 27


def encode_small(told: SmallDay, most_bytes: int = SLOWEST_BYTES) -> bytes:
    """The day in at most `most_bytes`: what is over its threshold first, then the most; the rest is counted as omitted.

    Raises ValueError for `most_bytes` below 24, which a head may need.
    """
    if most_bytes < LEAST_BYTES:
        raise ValueError(f"{most_bytes} bytes do not hold a day; give at least {LEAST_BYTES}")
    head = _head(told)
    if told.counts is None:
        return head + bytes([_reason(told.no_data)])
    ranked = sorted(told.counts, key=lambda one: (-LEVELS.index(one.level), -one.count))
    parts = [_count(one) for one in ranked]
    kept = len(parts)
    while len(payload := head + _varint(told.omitted + len(parts) - kept) + b"".join(parts[:kept])) > most_bytes:
        kept -= 1
    return payload


def decode_small(payload: bytes) -> SmallDay:
    """The day in a payload. Raises WireError, and nothing else, for any bytes."""
    reader = _Reader(payload)
    first = reader.byte()
    if first >> 4 != VERSION:
        raise WireError(f"small: version {first >> 4} is not {VERSION}; update this program")
    day = FIRST_DAY + timedelta(days=reader.byte() << 8 | reader.byte())
    unit, awake_min = reader.unit_and_minutes()
    frames = reader.varint()
    battery = reader.byte() if first & _HAS_BATTERY else None
    no_data, counts, omitted = None, None, 0
    if first & _NO_DATA:
        number = reader.byte()
        no_data = REASONS[number] if number < len(REASONS) else "other"  # of a newer node
    else:
        omitted = reader.varint()
        counts = tuple(reader.counts())
    try:
        return SmallDay(
            day=day, unit=unit, frames=frames, awake_min=awake_min, counts=counts, no_data=no_data,
            omitted=omitted, saturated=bool(first & _SATURATED), battery_percent=battery,
        )  # fmt: skip
    except ValueError as why:
        raise WireError(f"small: {why}; see docs/contract/small.md") from why


def name_number(label: str) -> int:
    """27 bits of a scientific name: CRC-32 without its lowest five."""
    return crc32(label.encode()) >> (32 - _NAME_BITS)


def _head(told: SmallDay) -> bytes:
    flags = _SATURATED * told.saturated | _NO_DATA * (told.counts is None)
    flags |= _HAS_BATTERY * (told.battery_percent is not None)
    days = (told.day - FIRST_DAY).days
    packed = UNITS.index(told.unit) << 11 | told.awake_min
    battery = b"" if told.battery_percent is None else bytes([told.battery_percent])
    return bytes([VERSION << 4 | flags]) + days.to_bytes(2) + packed.to_bytes(2) + _varint(told.frames) + battery


def _count(one: SmallCount) -> bytes:
    """Name, stage and level in four bytes; the count; how far its range reaches below and above, from 1; 0: unknown."""
    stage = STAGES.index(one.stage) if one.stage in STAGES else STAGES.index("other")
    number = _number_of(one.label) << 5 | stage << 2 | LEVELS.index(one.level)
    packed = number.to_bytes(4) + _varint(one.count)
    if one.low is None or one.high is None:
        return packed + b"\0"
    return packed + _varint(one.count - one.low + 1) + _varint(one.high - one.count)


def _number_of(label: str) -> int:
    """Of a name that a decoder did not know, the number that it came with."""
    return int(label[1:], 16) if label.startswith("#") and len(label) == 8 else name_number(label)


def _reason(word: str | None) -> int:
    return REASONS.index(word) if word in REASONS else 0


def _varint(number: int) -> bytes:
    """LEB128: seven bits a byte, the lowest first, the top bit says that more come."""
    packed = bytearray()
    while number > 0x7F:
        packed.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*packed, number])


class _Reader:
    """Takes a payload apart from the front; WireError where it ends too early."""

    def __init__(self, payload: bytes) -> None:
        self._payload, self._at = payload, 0

    def byte(self) -> int:
        if self._at >= len(self._payload):
            raise WireError("small: the payload ends in the middle; send it whole")
        self._at += 1
        return self._payload[self._at - 1]

    def varint(self) -> int:
        number = shift = 0
        while True:
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            shift += 7
            if number > LARGEST:
                raise WireError(f"small: a number above {LARGEST}; see docs/contract/small.md")
            if not byte & 0x80:
                return number

    def unit_and_minutes(self) -> tuple[Unit, int]:
        packed = self.byte() << 8 | self.byte()
        if packed >> 11 >= len(UNITS):
            raise WireError(f"small: unit {packed >> 11} is not known; update this program")
        return UNITS[packed >> 11], packed & 0x7FF

    def counts(self) -> Iterator[SmallCount]:
        while self._at < len(self._payload):
            number = int.from_bytes(bytes(self.byte() for _ in range(4)))
            level, stage = number & 3, number >> 2 & 7
            if level >= len(LEVELS):
                raise WireError("small: a level that is not known; update this program")
            label = _labels().get(number >> 5, f"#{number >> 5:07x}")
            count, below = self.varint(), self.varint()
            low, high = (None, None) if not below else (count - below + 1, count + self.varint())
            try:
                yield SmallCount(label=label, stage=STAGES[stage], count=count, low=low, high=high, level=LEVELS[level])
            except ValueError as why:
                raise WireError(f"small: {why}; see docs/contract/small.md") from why


@cache
def _labels() -> dict[int, str]:
    return {name_number(one.scientific_name): one.scientific_name for one in taxa()}
