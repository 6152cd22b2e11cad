"""The calibration that is kept: focus, region, scale, and how the node's counts agree with a person's."""

from collections.abc import Container
from dataclasses import replace

import numpy as np

from edge.annotations import annotated
from edge.boxes import Image
from edge.calibration import (
    EVERYTHING,
    Calibration,
    Layout,
    Reference,
    Region,
    Scale,
    calibrating,
    find_corners,
    focused,
    load_calibration,
    measured,
    save_calibration,
    size_to_fit,
)
from edge.errors import ConfigError
from edge.languages.typed import decimal, plain
from edge.page.node import Node
from edge.page.now.sightings import pictured
from edge.page.set_up.visit import CHECK_PICTURES, change
from edge.page.trust import visitor
from edge.store import Store

LAYOUT = Layout()
NEWEST = 200  # sightings among which pictures to count by hand are looked for


def keep_focus(node: Node, frame: Image) -> Reference:
    """This is what a sharp picture looks like, in the region that is kept, also of a picture of another shape."""
    with calibrating:
        found = _known(node, None)
        reference = focused(frame, _region(found))
        _keep(node, found, focus=reference)
    return reference


def keep_hand(node: Node, pictures: int) -> None:
    """So many were counted by a person, whatever shape the picture has now."""
    with calibrating:
        _keep(node, _known(node, None), counted_by_eye=pictures)


def keep_region(node: Node, region: Region) -> None:
    """This is what is counted. How sharp another part of the picture was says nothing of it.

    One that reads as the one until now is the same: the form rounds it.
    """
    with calibrating:
        found = known(node)
        if region_text(region) == region_text(_region(found)):
            _keep(node, found)
        else:
            _keep(node, found, region=region, focus=None)


def keep_scale(
    node: Node, scale: Scale | None = None, side_mm: float | None = None, typed_area_mm2: float | None = None
) -> None:
    """By the board, whose squares have this side, by a typed area, or none of both: each in place of what held."""
    board = "" if scale is None else f"{LAYOUT.across}x{LAYOUT.down}"
    with calibrating:
        _keep(node, known(node), scale=scale, side_mm=side_mm, board=board, typed_area_mm2=typed_area_mm2)


def figures(known: Calibration | None) -> dict[str, str]:
    """Step -> what came of it, for each step of a visit that this calibration holds a result of."""
    if known is None:
        return {}
    found = {}
    if known.focus is not None:
        found["focus"] = f"{known.focus.sharpness:.1f}"
    if known.region != EVERYTHING:
        found["region"] = share_percent(known.region)
    if known.area_mm2 is not None:
        found["scale"] = f"{known.area_mm2 / 100:g} cm²"
    elif known.scale is not None:
        found["scale"] = ""  # measured, and what is counted reaches the horizon
    if known.counted_by_eye is not None:
        found["hand"] = str(known.counted_by_eye)
    return found


def scale_on(frame: Image, side_mm: float) -> Scale:
    """From the board on one frame. Raises BadFrameError with a reason."""
    return measured([find_corners(frame, LAYOUT)], side_mm)


def region_of(node: Node) -> Region:
    """What is counted now."""
    return _region(known(node))


def _region(found: Calibration | None) -> Region:
    return EVERYTHING if found is None else found.region


def parsed_region(typed: str) -> Region:
    """Of lines `x y` in percent of the picture. Raises ConfigError."""
    corners = []
    for line in plain(typed).replace(";", "\n").splitlines():
        words = line.split()
        if not words:
            continue
        try:
            x, y = (decimal(word) / 100 for word in words)
        except ValueError as why:
            raise ConfigError(f"{line}: a corner is two numbers, across and down, in percent") from why
        corners.append((x, y))
    return Region(tuple(corners))


def region_text(region: Region) -> str:
    """The inverse of `parsed_region`."""
    return "\n".join(f"{x * 100:.1f} {y * 100:.1f}" for x, y in region.corners)


def share_percent(region: Region) -> str:
    """How much of the picture is counted, in whole percent."""
    return str(round(region.share * 100))


def check_pictures(store: Store, region: Region, among: Container[str] | None = None) -> dict[str, int]:
    """The newest kept pictures on which something was seen -> how many the node framed there within `region`.

    `among`: only these, since they were shown before newer ones came.
    """
    found: dict[str, int] = {}
    for name, sighting in pictured(store, NEWEST).items():
        content = None if among is not None and name not in among else store.picture(name)
        framed = None if content is None else _framed(content, region, sighting.count)
        if framed is not None:
            found[name] = framed
        if len(found) == CHECK_PICTURES:
            break
    return found


def known(node: Node) -> Calibration | None:
    """The one that was saved last; one that cannot be used, or does not fit the newest picture, is none."""
    return _known(node, size_to_fit(node.config.camera, node.board.frame()))


def _known(node: Node, size_px: tuple[int, int] | None) -> Calibration | None:
    try:
        return load_calibration(node.folder, node.config.camera.rotation_deg, size_px)
    except ConfigError:
        return None


def _keep(node: Node, found: Calibration | None, **changes: object) -> None:
    """The calibration with what whoever sent this request has measured anew, durably. Raises StoreError.

    One that cannot be used, or does not fit the picture, goes, and its ticks go with it.
    """
    if found is None:
        change(node.store, lambda visit: visit.without("region", "scale", "focus"))
    at, who = node.clock.now().utc, visitor().name
    first = Calibration(at=at, who=who, rotation_deg=node.config.camera.rotation_deg)
    save_calibration(node.folder, replace(found or first, at=at, who=who, **changes))  # type: ignore[arg-type]


def _framed(jpeg: bytes, region: Region, told: int) -> int | None:
    """How many boxes of a picture count. Of one without boxes nobody knows where lay what the sighting `told`."""
    boxes = [seen.box for seen in annotated(jpeg)]
    if not boxes:
        return told if region == EVERYTHING else None
    return int(region.holds(np.array(boxes, np.float32), 1, 1).sum())
