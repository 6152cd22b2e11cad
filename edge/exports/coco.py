"""Kept pictures that people checked as COCO, the form that trainers read. Pure.

A box that a person confirmed or renamed is an ordinary annotation; one that was rejected is background and left out;
one that nobody decided on is marked `iscrowd`, which evaluation and training pass over. So is what the model found
outside the region that counts, where nobody is asked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge.counts import Seen
from edge.taxa import taxon

UNDECIDED, DECIDED = 1, 0


@dataclass(frozen=True, slots=True)
class Said:
    """By a person: `label` is empty for nothing of interest."""

    label: str
    who: str
    utc: datetime


@dataclass(frozen=True, slots=True)
class Checked:
    """A box of the model and what a person said about it; None: nothing yet."""

    seen: Seen
    said: Said | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPicture:
    """A picture with all its boxes, and what the model found outside the region that counts."""

    file_name: str
    width_px: int
    height_px: int
    boxes: Sequence[Checked]
    outside: Sequence[Seen]


def coco(pictures: Iterable[CheckedPicture], description: str, created: datetime) -> dict[str, Any]:
    """The document; categories by name, `supercategory` is the EPPO code where one is known."""
    images, annotations = list[dict[str, Any]](), list[dict[str, Any]]()
    categories: dict[str, dict[str, Any]] = {}
    for image_id, picture in enumerate(pictures, start=1):
        size = {"width": picture.width_px, "height": picture.height_px}
        images.append({"id": image_id, "file_name": picture.file_name, **size})
        for box in (*picture.boxes, *(Checked(seen, None) for seen in picture.outside)):
            label = box.seen.label if box.said is None else box.said.label
            if not label:
                continue
            category = categories.setdefault(label, _category(label, len(categories) + 1, box.seen))
            ids = {"id": len(annotations) + 1, "image_id": image_id, "category_id": category["id"]}
            annotations.append(ids | _box(box.seen, picture) | _origin(box))
    info = {"description": description, "date_created": created.isoformat()}
    return {"info": info, "images": images, "annotations": annotations, "categories": list(categories.values())}


def _category(label: str, category_id: int, seen: Seen) -> dict[str, Any]:
    eppo = seen.eppo if seen.label == label and seen.eppo else taxon(label).eppo
    return {"id": category_id, "name": label, "supercategory": eppo}


def _box(seen: Seen, picture: CheckedPicture) -> dict[str, Any]:
    """`bbox` is left, top, width, height in px of the picture."""
    left, top, right, bottom = seen.box
    x, y = left * picture.width_px, top * picture.height_px
    width, height = (right - left) * picture.width_px, (bottom - top) * picture.height_px
    return {"bbox": [round(side, 2) for side in (x, y, width, height)], "area": round(width * height, 2)}


def _origin(box: Checked) -> dict[str, Any]:
    """Who decided and when, and what the model had said: keys beyond COCO, which readers pass over."""
    model = {"model_label": box.seen.label, "confidence": round(box.seen.confidence, 3)}
    if box.said is None:
        return {"iscrowd": UNDECIDED, **model}
    utc = box.said.utc.isoformat().replace("+00:00", "Z")
    return {"iscrowd": DECIDED, "decided_by": box.said.who, "decided_utc": utc, **model}
