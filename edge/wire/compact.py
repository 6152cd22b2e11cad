"""Each record as a CBOR map with integer keys, and back. Keys 0 to 2 are common; from 5 on each kind has its own.

A field is only ever added, with the next free key, and is optional for ever; a key is never used for something else.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, get_args

from edge.counts import Alert, Box, Interval, Lost, NoData, Record, Sighting, TaxonCount, Unit
from edge.errors import WireError
from edge.wire.alerts import alert_fields, read_alert_fields
from edge.wire.effort import effort_fields, read_effort_fields
from edge.wire.fields import Fields, array, integer, one_of, text
from edge.wire.instants import read_instant
from edge.wire.record_keys import Stored, Unknown
from edge.wire.tables import Header, Tables, checked_seq
from edge.wire.taxa import Taxon

SIGHTING, INTERVAL, LOST, ALERT = range(4)
KIND, SEQ, AT, CAMERA, MODEL = range(5)
TAXON, CONFIDENCE, BOX, COUNT, PICTURE = range(5, 10)  # of a sighting
END, MODE, UNIT, FRAMES, SKIPPED, AWAKE, COUNTS, NO_DATA, SATURATED = range(5, 14)  # of an interval
FIRST, LAST, REASON, GONE = range(5, 9)  # of a loss

UNITS: tuple[Unit, ...] = get_args(Unit)
BOX_STEPS = 65535  # a side of the box is a share 0..1 in 65535 steps: a quarter of a pixel on 16,384
_BOX = struct.Struct(">4H")


def compact_record(stored: Stored, tables: Tables) -> dict[int, Any]:
    """The record's map; names that it uses enter the tables."""
    record, seq = stored.record, checked_seq(stored.key.seq)
    offset = seq - tables.base_seq
    if isinstance(record, Sighting):
        return {KIND: SIGHTING, SEQ: offset, **_sighting(record, seq, tables)}
    if isinstance(record, Interval):
        return {KIND: INTERVAL, SEQ: offset, **_interval(record, tables)}
    if isinstance(record, Alert):
        return {KIND: ALERT, SEQ: offset, **_alert(record, tables)}
    return {KIND: LOST, SEQ: offset, **_lost(record, tables)}


def _sighting(record: Sighting, seq: int, tables: Tables) -> dict[int, Any]:
    compact = {
        AT: tables.boots.compact(record.at),
        **_places(record.camera, record.model, tables),
        TAXON: tables.taxa.place(Taxon(record.label, record.eppo, record.stage)),
        CONFIDENCE: integer(round(record.confidence * 1000), "sighting.confidence", least=0, most=1000),
        BOX: _compact_box(record.box),
        COUNT: integer(record.count, "sighting.count", least=0),
    }
    return compact if record.picture is None else compact | {PICTURE: _compact_picture(record.picture, seq, tables)}


def _interval(record: Interval, tables: Tables) -> dict[int, Any]:
    compact = {
        AT: tables.boots.compact(record.start),
        **_places(record.camera, record.model, tables),
        END: tables.boots.compact(record.end),
        MODE: tables.words.place(record.mode),
        UNIT: UNITS.index(record.unit),
        FRAMES: integer(record.frames, "interval.frames", least=0),
        SKIPPED: [[tables.words.place(reason), _natural(frames)] for reason, frames in record.skipped],
        AWAKE: integer(round(record.awake_s * 1000), "interval.awake_s", least=0),
    }
    if isinstance(record.counts, NoData):
        compact[NO_DATA] = tables.words.place(record.counts.reason)
    else:
        compact[COUNTS] = [_compact_count(taxon, tables) for taxon in record.counts]
    full = {SATURATED: True} if record.saturated else {}
    return compact | full | effort_fields(record)


def _alert(record: Alert, tables: Tables) -> dict[int, Any]:
    at = tables.boots.compact(record.at)
    return {AT: at, **_places(record.camera, record.model, tables), **alert_fields(record, tables)}


def _lost(record: Lost, tables: Tables) -> dict[int, Any]:
    reason = tables.words.place(record.reason)
    seqs = {FIRST: checked_seq(record.first_seq), LAST: checked_seq(record.last_seq)}
    return {AT: tables.boots.compact(record.at), **seqs, REASON: reason, GONE: _natural(record.count)}


def _compact_count(taxon: TaxonCount, tables: Tables) -> list[int | None]:
    """`[taxon, count, low, high]`; low and high are null where the range is not known."""
    place = tables.taxa.place(Taxon(taxon.label, taxon.eppo, taxon.stage))
    low, high = taxon.low, taxon.high
    if low is None or high is None:
        return [place, _natural(taxon.count), None, None]
    return [place, _natural(taxon.count), _natural(low), _natural(high)]


def _natural(number: int) -> int:
    return integer(number, "interval.counts", least=0)


def _compact_box(box: Box) -> bytes:
    steps = (integer(round(side * BOX_STEPS), "sighting.box", least=0, most=BOX_STEPS) for side in box)
    return _BOX.pack(*steps)


def _places(camera: str, model: str, tables: Tables) -> dict[int, int]:
    """Camera and model. A node has mostly one of each, so the first entry is left out."""
    places = {CAMERA: tables.cameras.place(camera), MODEL: tables.models.place(model)}
    return {key: place for key, place in places.items() if place}


def _compact_picture(picture: str, seq: int, tables: Tables) -> int | str:
    """How many records before this one the picture was taken with, if its id has the store's usual form."""
    prefix, _, number = picture.partition("-")
    usual = prefix == tables.epoch.hex[:8] and number.isdecimal() and str(int(number)) == number
    return seq - int(number) if usual and int(number) <= seq else picture


def picture_id(epoch_hex: str, first_seq: int) -> str:
    """The id of the picture that was committed with the records from `first_seq` on; a safe file name."""
    return f"{epoch_hex[:8]}-{first_seq}"


def question_id(epoch_hex: str, number: int) -> str:
    """The id of a photograph that somebody asks about; a safe file name, and never a picture's."""
    return f"{epoch_hex[:8]}-q{number}"


def read_record(value: object, header: Header) -> tuple[int, Record | Unknown]:
    """Seq and record of one map. Raises WireError."""
    fields = Fields(value, "record")
    seq, kind = checked_seq(header.base_seq + fields.uint(SEQ, "seq")), fields.uint(KIND, "kind")
    if kind not in READERS:
        return seq, Unknown(kind)
    try:
        return seq, READERS[kind](fields, seq, header)
    except ValueError as why:  # a record refuses values that contradict each other, WireError included
        raise WireError(f"record {seq}: {why}") from why


def _read_sighting(fields: Fields, seq: int, header: Header) -> Sighting:
    label, eppo, stage = one_of(header.taxa, fields.uint(TAXON, "taxon"), "sighting.taxon")
    left, top, right, bottom = _BOX.unpack(fields.octets(BOX, "box", _BOX.size))
    camera, model = _read_places(fields, header)
    return Sighting(
        at=read_instant(fields.raw(AT, "at"), "sighting.at", header.base_ms, header.boots),
        camera=camera,
        model=model,
        label=label,
        eppo=eppo,
        confidence=fields.uint(CONFIDENCE, "confidence", most=1000) / 1000,
        box=shares(left, top, right, bottom),
        count=fields.uint(COUNT, "count"),
        picture=_read_picture(fields, seq, header),
        stage=stage,
    )


def shares(left: int, top: int, right: int, bottom: int) -> Box:
    """A box in steps as shares of the picture, with the five digits that tell the steps apart."""
    return (
        round(left / BOX_STEPS, 5),
        round(top / BOX_STEPS, 5),
        round(right / BOX_STEPS, 5),
        round(bottom / BOX_STEPS, 5),
    )


def _read_interval(fields: Fields, _seq: int, header: Header) -> Interval:
    camera, model = _read_places(fields, header)
    return Interval(
        start=read_instant(fields.raw(AT, "start"), "interval.start", header.base_ms, header.boots),
        end=read_instant(fields.raw(END, "end"), "interval.end", header.base_ms, header.boots),
        camera=camera,
        model=model,
        mode=one_of(header.words, fields.uint(MODE, "mode"), "interval.mode"),
        unit=UNITS[fields.uint(UNIT, "unit", most=len(UNITS) - 1)],
        frames=fields.uint(FRAMES, "frames"),
        skipped=tuple(_read_skipped(entry, header) for entry in fields.items(SKIPPED, "skipped")),
        awake_s=fields.uint(AWAKE, "awake_ms") / 1000,
        counts=_read_counts(fields, header),
        saturated=fields.flag(SATURATED, "saturated"),
        **read_effort_fields(fields),
    )


def _read_lost(fields: Fields, _seq: int, header: Header) -> Lost:
    return Lost(
        at=read_instant(fields.raw(AT, "at"), "lost.at", header.base_ms, header.boots),
        first_seq=checked_seq(fields.uint(FIRST, "first_seq")),
        last_seq=checked_seq(fields.uint(LAST, "last_seq")),
        count=fields.uint(GONE, "count"),
        reason=one_of(header.words, fields.uint(REASON, "reason"), "lost.reason"),
    )


def _read_alert(fields: Fields, _seq: int, header: Header) -> Alert:
    camera, model = _read_places(fields, header)
    at = read_instant(fields.raw(AT, "at"), "alert.at", header.base_ms, header.boots)
    return Alert(at=at, camera=camera, model=model, **read_alert_fields(fields, header))


READERS: Mapping[int, Callable[[Fields, int, Header], Record]] = {
    SIGHTING: _read_sighting,
    INTERVAL: _read_interval,
    LOST: _read_lost,
    ALERT: _read_alert,
}


def _read_places(fields: Fields, header: Header) -> tuple[str, str]:
    if CAMERA not in fields and MODEL not in fields and header.cameras and header.models:
        return header.cameras[0], header.models[0]  # nearly always: a node has mostly one of each
    camera = one_of(header.cameras, fields.uint(CAMERA, "camera", absent=0), "record.camera")
    return camera, one_of(header.models, fields.uint(MODEL, "model", absent=0), "record.model")


def _read_picture(fields: Fields, seq: int, header: Header) -> str | None:
    if PICTURE not in fields:
        return None
    value = fields.raw(PICTURE, "picture")
    if isinstance(value, str):
        return text(value, "sighting.picture")
    before = integer(value, "sighting.picture", least=0, most=seq)
    return picture_id(header.epoch.hex, seq - before)


def _read_skipped(entry: object, header: Header) -> tuple[str, int]:
    word, frames = array(entry, "interval.skipped", 2)
    reason = one_of(header.words, integer(word, "interval.skipped", least=0), "interval.skipped")
    return reason, integer(frames, "interval.skipped", least=0)


def _read_counts(fields: Fields, header: Header) -> tuple[TaxonCount, ...] | NoData:
    """Counts or the reason why there are none: exactly one of both, so that no data never turns into a zero."""
    if (COUNTS in fields) == (NO_DATA in fields):
        raise WireError("interval: must carry either counts or no_data")
    if NO_DATA in fields:
        return NoData(one_of(header.words, fields.uint(NO_DATA, "no_data"), "interval.no_data"))
    return tuple(_read_taxon_count(entry, header) for entry in fields.items(COUNTS, "counts"))


def _read_taxon_count(entry: object, header: Header) -> TaxonCount:
    place, number, low, high = array(entry, "interval.counts", 4)
    label, eppo, stage = one_of(header.taxa, integer(place, "interval.counts", least=0), "interval.counts")
    known = (low, high) != (None, None)
    return TaxonCount(
        label=label,
        eppo=eppo,
        count=integer(number, "interval.count", least=0),
        low=integer(low, "interval.low", least=0) if known else None,
        high=integer(high, "interval.high", least=0) if known else None,
        stage=stage,
    )
