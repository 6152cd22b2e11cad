"""The label inside a node's box: how a phone reaches it, and the code to claim it. Keep it as a secret."""

from typing import NamedTuple
from xml.sax.saxutils import escape

import segno

WIDTH_MM, HEIGHT_MM = 90, 62  # a roll of 62 mm, across
_WORDS = {
    "en": ("1. Join this Wi-Fi", "2. Open this page", "Claim code", "Password"),
    "zh": ("1. 连接此 Wi-Fi", "2. 打开此页面", "认领码", "密码"),
}
_QR_MM = 34


class Label(NamedTuple):
    """What stands on it."""

    site: str
    node: str
    hotspot: str
    password: str
    claim: str
    page: str

    def __repr__(self) -> str:
        return f"Label(site={self.site!r}, node={self.node!r}, ***)"


def label_svg(label: Label, language: str) -> str:
    """An SVG of 90 x 62 mm, one unit a mm, that any browser prints."""
    join, open_page, claim, password = _WORDS[language]
    wifi = f"WIFI:T:WPA;S:{label.hotspot};P:{label.password};;"
    parts = [
        _text(4, 7, 5, f"{label.site} / {label.node}", "bold"),
        _text(4, 13, 3.6, join),
        _text(50, 13, 3.6, open_page),
        _code(wifi, 4, 15),
        _code(label.page, 50, 15),
        _text(4, 53, 3, f"{label.hotspot}"),
        _text(4, 58, 3, f"{password}: {label.password}"),
        _text(50, 53, 3, label.page),
        _text(50, 58, 3, f"{claim}: {label.claim}", "bold"),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_MM}mm" height="{HEIGHT_MM}mm" '
        f'viewBox="0 0 {WIDTH_MM} {HEIGHT_MM}" font-family="sans-serif">\n'
        f'<rect width="{WIDTH_MM}" height="{HEIGHT_MM}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _text(x_mm: float, y_mm: float, size_mm: float, words: str, weight: str = "normal") -> str:
    return f'<text x="{x_mm}" y="{y_mm}" font-size="{size_mm}" font-weight="{weight}">{escape(words)}</text>'


def _code(words: str, x_mm: float, y_mm: float) -> str:
    """A QR code, a quarter of which may be scratched away, within a square of `_QR_MM`."""
    rows = segno.make_qr(words, error="q").matrix
    side_mm = _QR_MM / len(rows)
    squares = [f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark]
    return f'<path transform="translate({x_mm} {y_mm}) scale({side_mm:.4f})" d="{"".join(squares)}"/>'
