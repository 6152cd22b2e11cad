"""The calibration board: a chessboard with numbered markers (ChArUco), as a PDF or SVG in true millimetres. Pure."""

from dataclasses import dataclass
from itertools import groupby

import cv2
import numpy as np

from edge.boxes import Image
from edge.errors import UsageError

MODULES = 8  # of a square's side: a marker takes 6 of them, 4 bits and a black rim
MARGIN_MM = 15.0  # white around the board, and room for the words
POINTS_A_MM = 72 / 25.4
RULER_MM = 100.0
WORDS = (
    "Print at 100 % (no fitting to the page). Measure a row of squares with a ruler and type one square's side.",
    "Glue it on something stiff and lay it in the plane that is counted, not in front of it.",
)
Bar = tuple[float, float, float, float]  # left, top, width, height in mm, from the upper left corner of the page


@dataclass(frozen=True, slots=True)
class Layout:
    """Squares across and down, and the side of one in mm as it is meant to be printed."""

    across: int = 5
    down: int = 7
    square_mm: float = 20.0

    def __post_init__(self) -> None:
        if not (3 <= self.across <= 12 and 3 <= self.down <= 16 and 4 <= self.square_mm <= 100):
            raise UsageError(
                f"a board of {self.across}x{self.down} squares of {self.square_mm:g} mm cannot be made; "
                "3 to 12 across, 3 to 16 down, 4 to 100 mm"
            )

    def charuco(self) -> cv2.aruco.CharucoBoard:
        """OpenCV's board, lengths in squares, so that its object points times the measured side are millimetres."""
        words = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_100)
        return cv2.aruco.CharucoBoard((self.across, self.down), 1.0, 6 / MODULES, words)

    @property
    def page_mm(self) -> tuple[float, float]:
        """Width and height of the page."""
        width = max(self.across * self.square_mm, RULER_MM + 20) + 2 * MARGIN_MM
        return width, self.down * self.square_mm + 3 * MARGIN_MM

    def modules(self) -> Image:
        """(8 x down, 8 x across) uint8, 0 black, one pixel a module."""
        size = self.across * MODULES, self.down * MODULES
        return np.asarray(self.charuco().generateImage(size, marginSize=0, borderBits=1), np.uint8)


def board_svg(layout: Layout) -> str:
    """The board as an SVG document in mm."""
    width, height = layout.page_mm
    bars = "".join(
        f'<rect x="{left:g}" y="{top:g}" width="{wide:g}" height="{high:g}"/>'
        for left, top, wide, high in bars_mm(layout)
    )
    words = "".join(f'<text x="{MARGIN_MM}" y="{y:g}" font-size="2.6">{text}</text>' for y, text in _words(layout))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
        f'viewBox="0 0 {width:g} {height:g}" font-family="sans-serif" shape-rendering="crispEdges">'
        f'<rect width="100%" height="100%" fill="#fff"/>{bars}{words}</svg>\n'
    )


def board_pdf(layout: Layout) -> bytes:
    """The board as a PDF of one page in true size (ISO 32000-1, text in one of the fourteen standard fonts)."""
    width, height = layout.page_mm
    k = POINTS_A_MM
    drawn = [f"{x * k:.3f} {(height - y - h) * k:.3f} {w * k:.3f} {h * k:.3f} re" for x, y, w, h in bars_mm(layout)]
    text = [
        f"BT /F1 7 Tf {MARGIN_MM * k:.2f} {(height - y) * k:.2f} Td ({_escaped(t)}) Tj ET" for y, t in _words(layout)
    ]
    stream = "\n".join(["0 g", *drawn, "f", *text]).encode("latin-1")
    return _pdf_file(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width * k:.3f} {height * k:.3f}] /Contents 4 0 R "
            "/Resources << /Font << /F1 5 0 R >> >> >>".encode(),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        ]
    )


def bars_mm(layout: Layout) -> list[Bar]:
    """What is black: runs of modules, and a ruler of 100 mm below the board."""
    side = layout.square_mm / MODULES
    left = (layout.page_mm[0] - layout.across * layout.square_mm) / 2
    bars: list[Bar] = []
    for row, line in enumerate(layout.modules() < 128):
        column = 0
        for black, run in groupby(line.tolist()):
            length = len(list(run))
            if black:
                bars.append((left + column * side, MARGIN_MM + row * side, length * side, side))
            column += length
    ruler_y = MARGIN_MM * 1.5 + layout.down * layout.square_mm
    ticks = [(MARGIN_MM + mm, ruler_y - 2.0, 0.2, 4.0) for mm in range(0, int(RULER_MM) + 1, 10)]
    return [*bars, (MARGIN_MM, ruler_y, RULER_MM + 0.2, 0.2), *ticks]


def _words(layout: Layout) -> list[tuple[float, str]]:
    first_y = MARGIN_MM * 2 + layout.down * layout.square_mm
    size = (
        f"fieldeye board {layout.across}x{layout.down}, squares of {layout.square_mm:g} mm; the line above is 100 mm."
    )
    return [(first_y + 4 * line, text) for line, text in enumerate((size, *WORDS))]


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _pdf_file(objects: list[bytes]) -> bytes:
    """Objects 1, 2, … with the table of their places."""
    content, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return content + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (count, table, count, len(content))
    )
