"""What was seen on a picture, written into the picture: a comment in its JPEG, so that the two cannot be parted.

The wire carries one box a sighting, the clearest; the picture on the node knows them all, for page and export.
"""

from collections.abc import Sequence

import msgspec

from edge.counts import Seen

SOI, COM, SOS = b"\xff\xd8", 0xFE, 0xDA  # start of image, comment, start of scan: ITU-T T.81, table B.1
MOST = 300  # a comment holds 65,533 bytes, an entry takes at most about 150
_HEAD = b"fieldeye1"


def annotate(jpeg: bytes, seen: Sequence[Seen]) -> bytes:
    """The JPEG with the strongest `MOST` of `seen` in a comment. Raises ValueError for what is no JPEG."""
    if not jpeg.startswith(SOI):
        raise ValueError("not a JPEG file")
    strongest = sorted(seen, key=lambda one: -one.confidence)[:MOST]
    rounded = [(s.label, s.eppo, round(s.confidence, 3), [round(side, 4) for side in s.box]) for s in strongest]
    content = _HEAD + msgspec.json.encode(rounded)
    return SOI + bytes((0xFF, COM)) + (len(content) + 2).to_bytes(2, "big") + content + jpeg[2:]


def annotated(jpeg: bytes) -> tuple[Seen, ...]:
    """What `annotate` wrote, strongest first; () for a picture without such a comment."""
    at = len(SOI)
    while jpeg[at : at + 1] == b"\xff" and at + 4 <= len(jpeg) and jpeg[at + 1] != SOS:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        content = jpeg[at + 4 : end]
        if jpeg[at + 1] == COM and content.startswith(_HEAD):
            return _read(content[len(_HEAD) :])
        at = end
    return ()


def _read(content: bytes) -> tuple[Seen, ...]:
    """A comment that somebody else damaged is no comment."""
    try:
        rows = msgspec.json.decode(content, type=list[tuple[str, str, float, tuple[float, float, float, float]]])
    except msgspec.DecodeError:
        return ()
    return tuple(Seen(*row) for row in rows)
