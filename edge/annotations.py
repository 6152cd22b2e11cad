"""What was seen on a picture, written into the picture: a comment in its JPEG, so that the two cannot be parted.

The wire carries one box a sighting, the clearest; the picture on the node knows them all, for page and export. What was
found outside the region that counts stands in a comment of its own: nobody is asked about it, and it is no background.
"""

from collections.abc import Iterator, Sequence

import msgspec

from edge.counts import Seen

SOI, COM, SOS = b"\xff\xd8", 0xFE, 0xDA  # start of image, comment, start of scan: ITU-T T.81, table B.1
MOST = 300  # an entry takes some 80 bytes, one of 80 letters in another script 400
MOST_BYTES = 65_533  # of a comment
_HEAD, _OUTSIDE = b"fieldeye1", b"fieldeye-outside1"  # software from before the second passes over it


def annotate(jpeg: bytes, seen: Sequence[Seen], outside: Sequence[Seen] = ()) -> bytes:
    """The JPEG with the strongest of `seen` in a comment, and what was found outside the region in a second.

    Each holds `MOST`, or as many as fit. Raises ValueError for what is no JPEG.
    """
    if not jpeg.startswith(SOI):
        raise ValueError("not a JPEG file")
    second = _comment(_OUTSIDE, outside) if outside else b""
    return SOI + _comment(_HEAD, seen) + second + jpeg[len(SOI) :]


def annotated(jpeg: bytes) -> tuple[Seen, ...]:
    """What `annotate` wrote, strongest first; () for a picture without such a comment."""
    return _first(jpeg, _HEAD)


def found_outside(jpeg: bytes) -> tuple[Seen, ...]:
    """What `annotate` wrote of outside the region; () for a picture that was kept before it did."""
    return _first(jpeg, _OUTSIDE)


def _comment(head: bytes, seen: Sequence[Seen]) -> bytes:
    strongest = sorted(seen, key=lambda one: -one.confidence)[:MOST]
    rounded = [(s.label, s.eppo, round(s.confidence, 3), [round(side, 4) for side in s.box]) for s in strongest]
    content = head + msgspec.json.encode(rounded)
    if len(content) > MOST_BYTES:
        return _comment(head, strongest[: len(strongest) * MOST_BYTES // len(content)])
    return bytes((0xFF, COM)) + (len(content) + 2).to_bytes(2, "big") + content


def _first(jpeg: bytes, head: bytes) -> tuple[Seen, ...]:
    return next((_read(content[len(head) :]) for content in _comments(jpeg) if content.startswith(head)), ())


def _comments(jpeg: bytes) -> Iterator[bytes]:
    at = len(SOI)
    while jpeg[at : at + 1] == b"\xff" and at + 4 <= len(jpeg) and jpeg[at + 1] != SOS:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if jpeg[at + 1] == COM:
            yield jpeg[at + 4 : end]
        at = end


def _read(content: bytes) -> tuple[Seen, ...]:
    """A comment that somebody else damaged is no comment."""
    try:
        rows = msgspec.json.decode(content, type=list[tuple[str, str, float, tuple[float, float, float, float]]])
    except ValueError:  # msgspec's errors, and that of letters that are none
        return ()
    return tuple(Seen(*row) for row in rows)
