"""The label inside a node's box: how a phone reaches it, and the code to claim it. Keep it as a secret.

What stands where, and how large, is decided once and drawn twice: as SVG and as PDF.
"""

import io
from collections.abc import Iterator
from typing import NamedTuple
from xml.sax.saxutils import escape

import segno
from reportlab.lib.units import mm
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfgen.canvas import Canvas

WIDTH_MM, HEIGHT_MM = 90, 62  # a roll of 62 mm, across
QR_MM = 34
LEFT_MM, RIGHT_MM, MARGIN_MM = 4, 50, 3  # where the columns begin, and what stays free beside them
_WORDS = {
    "en": ("1. Join this Wi-Fi", "2. Open this page", "Claim code", "Password"),
    "zh": ("1. 连接此 Wi-Fi", "2. 打开此页面", "认领码", "密码"),
    "es": ("1. Únase a este Wi-Fi", "2. Abra esta página", "Código", "Contraseña"),
    "fr": ("1. Rejoignez ce Wi-Fi", "2. Ouvrez cette page", "Code", "Mot de passe"),
    "pt": ("1. Entre neste Wi-Fi", "2. Abra esta página", "Código", "Senha"),
    "hi": ("1. इस वाई-फ़ाई से जुड़ें", "2. यह पन्ना खोलें", "कोड", "पासवर्ड"),
    "id": ("1. Sambung ke Wi-Fi ini", "2. Buka halaman ini", "Kode", "Kata sandi"),
    "vi": ("1. Kết nối Wi-Fi này", "2. Mở trang này", "Mã", "Mật khẩu"),
    "sw": ("1. Jiunge na Wi-Fi hii", "2. Fungua ukurasa huu", "Msimbo", "Nenosiri"),
}
_CHINESE = "STSong-Light"  # one of the fonts that every PDF reader has or replaces (Adobe-GB1)


class Label(NamedTuple):
    """What stands on it."""

    site: str
    node: str
    hotspot: str  # empty: the node has no Wi-Fi of its own
    password: str
    claim: str  # empty: claimed already, or without a code
    page: str

    def __repr__(self) -> str:
        return f"Label(site={self.site!r}, node={self.node!r}, ***)"


class Text(NamedTuple):
    """Words with their left end on the base line, from the upper left corner."""

    x_mm: float
    y_mm: float
    size_mm: float
    words: str
    is_bold: bool = False

    @property
    def font(self) -> str:
        """That of letters that Helvetica has."""
        return "Helvetica-Bold" if self.is_bold else "Helvetica"

    @property
    def width_mm(self) -> float:
        """In Helvetica; of letters that it lacks about."""
        return float(stringWidth(self.words, self.font, self.size_mm))

    def within(self, right_mm: float) -> "Text":
        """The same, so small that it ends there."""
        return self._replace(size_mm=self.size_mm * min(1.0, (right_mm - self.x_mm) / self.width_mm))


class Code(NamedTuple):
    """A QR code's upper left corner."""

    x_mm: float
    y_mm: float
    words: str


def label_svg(label: Label, language: str) -> str:
    """An SVG of 90 x 62 mm, one unit a mm, that any browser prints."""
    parts = [_svg_text(one) if isinstance(one, Text) else _svg_code(one) for one in _layout(label, language)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_MM}mm" height="{HEIGHT_MM}mm" '
        f'viewBox="0 0 {WIDTH_MM} {HEIGHT_MM}" font-family="Helvetica, Arial, sans-serif">\n'
        f'<rect width="{WIDTH_MM}" height="{HEIGHT_MM}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def label_pdf(label: Label, language: str) -> bytes:
    """A PDF of one page of 90 x 62 mm, to be printed at 100 %; its words are those of `pdf_language`."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(WIDTH_MM * mm, HEIGHT_MM * mm), invariant=1)
    canvas.setTitle(f"Fieldeye {label.site} / {label.node}")
    registerFont(UnicodeCIDFont(_CHINESE))
    for one in _layout(label, pdf_language(language)):
        if isinstance(one, Text):
            canvas.setFont(one.font if _is_latin(one.words) else _CHINESE, one.size_mm * mm)
            canvas.drawString(one.x_mm * mm, (HEIGHT_MM - one.y_mm) * mm, one.words)
        else:
            rows = _modules(one)
            side = QR_MM * mm / len(rows)
            for x, y in _dark(rows):
                top = (HEIGHT_MM - one.y_mm) * mm - y * side
                canvas.rect(one.x_mm * mm + x * side, top - side, side, side, stroke=0, fill=1)
    canvas.save()
    return file.getvalue()


def pdf_language(language: str) -> str:
    """That of a PDF's words: English for those whose letters neither Helvetica nor a reader's own Chinese font has."""
    words = "".join(_WORDS.get(language, _WORDS["en"]))
    return language if language == "zh" or _is_latin(words) else "en"


def _is_latin(words: str) -> bool:
    """May Helvetica write it, as every PDF reader has it?"""
    try:
        words.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def _layout(label: Label, language: str) -> Iterator[Text | Code]:
    join, open_page, claim, password = _WORDS.get(language, _WORDS["en"])
    middle_mm, end_mm = RIGHT_MM - MARGIN_MM, WIDTH_MM - MARGIN_MM
    yield Text(LEFT_MM, 7, 5, f"{label.site} / {label.node}", is_bold=True).within(end_mm)
    if label.hotspot:
        yield Text(LEFT_MM, 13, 3.6, join)
        yield Code(LEFT_MM, 15, f"WIFI:T:WPA;S:{_wifi(label.hotspot)};P:{_wifi(label.password)};;")
        yield Text(LEFT_MM, 53, 3, label.hotspot).within(middle_mm)
        yield Text(LEFT_MM, 58, 3, f"{password}: {label.password}").within(middle_mm)
    yield Text(RIGHT_MM, 13, 3.6, open_page if label.hotspot else open_page[2:].strip())
    yield Code(RIGHT_MM, 15, label.page)
    yield Text(RIGHT_MM, 53, 3, label.page).within(end_mm)
    if label.claim:
        yield Text(RIGHT_MM, 58, 2.5, f"{claim}: {label.claim}", is_bold=True).within(end_mm)


def _wifi(text: str) -> str:
    """Signs with a meaning in a Wi-Fi code are escaped (Wi-Fi Alliance, WPA3 specification, URI format)."""
    return "".join(f"\\{sign}" if sign in r'\;,":' else sign for sign in text)


def _modules(code: Code) -> tuple[bytearray, ...]:
    """Rows of a QR code, a tenth of which may be scratched away; UTF-8, since phones only guess at another encoding."""
    return tuple(segno.make_qr(code.words, error="q", encoding="utf-8").matrix)


def _dark(rows: tuple[bytearray, ...]) -> Iterator[tuple[int, int]]:
    return ((x, y) for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)


def _svg_text(one: Text) -> str:
    weight = "bold" if one.is_bold else "normal"
    place = f'x="{one.x_mm}" y="{one.y_mm}" font-size="{one.size_mm:.3g}" font-weight="{weight}"'
    if _is_latin(one.words):  # a browser without Helvetica may have a wider font
        place += f' textLength="{one.width_mm:.2f}" lengthAdjust="spacingAndGlyphs"'
    return f"<text {place}>{escape(one.words)}</text>"


def _svg_code(one: Code) -> str:
    rows = _modules(one)
    squares = "".join(f"M{x} {y}h1v1h-1z" for x, y in _dark(rows))
    return f'<path transform="translate({one.x_mm} {one.y_mm}) scale({QR_MM / len(rows):.4f})" d="{squares}"/>'
