"""A card on disk, so that a node that was off knows in the morning what lay on it in the evening."""

import logging
from contextlib import suppress
from dataclasses import fields, replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from edge.clock import Instant
from edge.durable import write_durably
from edge.trap.card import Card, Insects
from edge.trap.places import Places

log = logging.getLogger(__name__)

HASH_BYTES = 32
SEEN = "seen"
FORMER = "former_"  # before the names of its columns
STEP = 2.0  # grey levels of fine structure that are kept as one: far below what a place is judged by


class Kept(NamedTuple):
    """A card on the disk, and when its last picture was taken and that of its `former`.

    None from a version that did not write it, or where nobody knows.
    """

    card: Card
    seen: Instant | None = None
    former_seen: Instant | None = None


def save_card(path: Path, model: str, kept: Kept) -> None:
    """Written durably, with its hash in front; about 1 MB. Raises OSError.

    `model`: whose detections it holds, as `Detector.identity` names it.
    """
    content, card = BytesIO(), kept.card
    moments = _moment(SEEN, kept.seen) | _moment(FORMER + SEEN, kept.former_seen if card.former else None)
    np.savez_compressed(content, **_columns(card), model=np.array(model), **moments)  # type: ignore[arg-type]  # numpy's stub takes a keyword for its own
    file = sha256(content.getbuffer()).digest() + content.getvalue()
    with suppress(OSError):  # what cannot be read is written anew
        if path.read_bytes() == file:  # the same all night long, and each write wears the disk
            return
    write_durably(path, file)


def load_card(path: Path, model: str) -> Kept | None:
    """The card that was saved, for a `model`; None if there is none that can be read."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as why:
        log.warning("card_not_readable", extra={"file": str(path), "why": str(why)})
        return None
    if sha256(content[HASH_BYTES:]).digest() != content[:HASH_BYTES]:
        log.warning("card_damaged", extra={"file": str(path)})
        return None
    with np.load(BytesIO(content[HASH_BYTES:]), allow_pickle=False) as kept:
        columns = {name: kept[name] for name in kept.files}
    try:
        card = _card(columns)
    except KeyError as why:
        log.warning("card_of_another_version", extra={"file": str(path), "lacks": str(why)})
        return None
    is_same_model = "model" in columns and columns["model"].item() == model  # former versions wrote none
    known = card if is_same_model else _for_another_model(card)
    return Kept(known, _seen(columns, SEEN), _seen(columns, FORMER + SEEN))


def _for_another_model(card: Card) -> Card:
    """What the former model overlooked or was unsure of lies there, too: only what comes from now on is new."""
    return replace(
        card,
        insects=card.insects.where(~card.insects.waiting),
        places=card.places and replace(card.places, first=card.places.last),
        former=card.former and _for_another_model(card.former),
    )


def _moment(name: str, seen: Instant | None) -> dict[str, np.ndarray]:
    return {} if seen is None else {name: np.frombuffer(msgspec.json.encode(seen), np.uint8)}


def _seen(columns: dict[str, np.ndarray], name: str) -> Instant | None:
    return msgspec.json.decode(columns[name].tobytes(), type=Instant) if name in columns else None


def _columns(card: Card) -> dict[str, np.ndarray]:
    insects = {f.name: getattr(card.insects, f.name) for f in fields(Insects)}
    places = {} if card.places is None else _place_columns(card.places)
    region = {} if card.region is None else {"region": card.region}
    former = {} if card.former is None else {f"{FORMER}{name}": told for name, told in _columns(card.former).items()}
    return {**insects, **places, **region, "unmatched": np.array(card.unmatched), **former}


def _place_columns(places: Places) -> dict[str, np.ndarray]:
    first, last = (np.clip(p / STEP, -127, 127).round().astype(np.int8) for p in (places.first, places.last))
    return {"first": first, "last": last, "ever": places.ever, "lies": places.lies}


def _card(columns: dict[str, np.ndarray]) -> Card:
    unmatched = columns["unmatched"] if "unmatched" in columns else columns["numbers"][-1]  # as former versions did
    former = {name.removeprefix(FORMER): told for name, told in columns.items() if name.startswith(FORMER)}
    return Card(
        insects=Insects(**{f.name: columns[f.name] for f in fields(Insects)}),
        places=_places(columns) if "first" in columns else None,
        unmatched=int(unmatched),
        region=columns.get("region"),
        former=_card(former) if former else None,
    )


def _places(columns: dict[str, np.ndarray]) -> Places:
    first, last = (columns[name].astype(np.float32) * np.float32(STEP) for name in ("first", "last"))
    return Places(first, last, columns["ever"], columns["lies"])
