"""Codes on a picture, read by the library that many phones read them with."""

import zxingcpp

from edge.boxes import Image


def codes_on(picture: Image) -> list[str]:
    """What the codes on `picture` (H, W) or (H, W, 3) uint8 say, from left to right.

    OpenCV's reader fails on 2 % of codes without a fault in them, and passwords are drawn by chance.
    """
    found = zxingcpp.read_barcodes(picture)
    return [code.text for code in sorted(found, key=lambda code: code.position.top_left.x)]
