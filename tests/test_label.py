"""The label, read as a phone reads it: off the drawn page."""

import json
import re
import stat
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pypdfium2
import pytest
import zxingcpp

from edge.boxes import Image
from edge.cli import main
from edge.label import Label, label_pdf, label_svg
from edge.languages import LANGUAGES
from tests.codes import codes_on

LABEL = Label("valley", "a", "fieldeye-a", "k3n7-w2p9", "Q4TB-77KM-XW2D", "http://10.42.0.1:8080/")
EAST = "greenhouse-12-east-trap"  # as long as a name may be in a fleet file
LONG = Label(
    "shouguang-vegetable-base", EAST, f"fieldeye-{EAST}", "k3n7-w2p9-x4m8", LABEL.claim, f"http://{EAST}.local:8080/"
)
POINTS_A_MM = 72 / 25.4
HOTSPOT = "[connection]\nid=fieldeye-hotspot\n\n[wifi]\nmode=ap\nssid=fieldeye-a\n\n[wifi-security]\npsk={}\n"


def page_of(pdf: bytes) -> tuple[Image, str, tuple[float, float]]:
    """The drawn page (H, W, 3), its words and its size in mm."""
    document = pypdfium2.PdfDocument(pdf)
    page = document[0]
    drawn = np.asarray(page.render(scale=6).to_numpy()[:, :, :3], np.uint8)
    words = page.get_textpage().get_text_bounded()
    return drawn, words, (page.get_width() / POINTS_A_MM, page.get_height() / POINTS_A_MM)


def test_a_phone_reads_wifi_and_page_off_the_printed_label_of_true_size() -> None:
    drawn, words, size_mm = page_of(label_pdf(LABEL, "en"))
    assert size_mm == pytest.approx((90, 62), abs=0.01)
    assert codes_on(drawn) == ["WIFI:T:WPA;S:fieldeye-a;P:k3n7-w2p9;;", "http://10.42.0.1:8080/"]
    assert {"valley / a", "Password: k3n7-w2p9", "Claim code: Q4TB-77KM-XW2D"} <= set(words.splitlines())


def test_a_code_survives_a_scratch_over_a_tenth_of_it() -> None:
    drawn, _, _ = page_of(label_pdf(LABEL, "en"))
    half = drawn[:, drawn.shape[1] // 2 :].copy()
    rows, columns = half.shape[0] // 2, half.shape[1] // 2
    half[rows - 94 : rows + 94, columns - 94 : columns + 94] = 255  # of 578 px square
    assert codes_on(half) == ["http://10.42.0.1:8080/"]


def test_chinese_words_are_chinese_in_the_pdf() -> None:
    _, words, _ = page_of(label_pdf(LABEL, "zh"))
    assert "认领码: Q4TB-77KM-XW2D" in words


def test_a_label_in_hindi_calls_the_page_as_the_page_does() -> None:
    assert "2. यह पन्ना खोलें" in label_svg(LABEL, "hi")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_label_speaks_each_language_of_the_page_and_the_longest_words_fit(language: str) -> None:
    drawn, words, _ = page_of(label_pdf(LONG, language))
    dark = np.asarray((drawn < 128).any(axis=2))
    y_mm, x_mm = (np.arange(side) / side * all_mm for side, all_mm in zip(dark.shape, (62, 90), strict=True))
    assert not dark[:, (x_mm < 3) | (x_mm > 88)].any(), "shorten its words in edge/label.py"
    assert not dark[y_mm > 9][:, (x_mm > 47.5) & (x_mm < 49.5)].any(), "shorten its words in edge/label.py"
    svg = label_svg(LONG, language)
    ends_mm = {float(x) + float(long) for x, long in re.findall(r'<text x="(\d+)".* textLength="([\d.]+)"', svg)}
    assert all(end_mm < 48 or 50 < end_mm < 88 for end_mm in ends_mm)
    assert (label_svg(LONG, "en") == svg) == (language == "en")
    assert ("Claim code" in words) == (language in ("en", "hi", "vi"))  # letters that a PDF reader does not bring


def test_a_pdf_in_english_for_want_of_letters_says_where_the_others_are(
    node: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node.write_text(node.read_text().replace('node = "a"', 'node = "a"\nlanguage = "vi"'))
    assert main(["label", "--config", str(node), "--out", str(node.parent / "label.pdf")]) == 0
    assert "in English words (FILE.svg has" in capsys.readouterr().out
    assert main(["label", "--config", str(node), "--out", str(node.parent / "label.svg")]) == 0
    assert "English" not in capsys.readouterr().out
    assert "Mở trang này" in (node.parent / "label.svg").read_text()


def test_a_password_with_signs_of_markup_leaves_the_drawing_whole() -> None:
    drawn = ElementTree.fromstring(label_svg(LABEL._replace(password="a<b&c"), "en"))  # noqa: S106, S314
    assert "Password: a<b&c" in [one.text for one in drawn]


def test_signs_with_a_meaning_in_a_wifi_code_are_escaped() -> None:
    drawn, _, _ = page_of(label_pdf(LABEL._replace(password='a;b\\c:"d'), "en"))  # noqa: S106
    assert 'WIFI:T:WPA;S:fieldeye-a;P:a\\;b\\\\c\\:\\"d;;' in codes_on(drawn)


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """The configuration of a node with a claim code, beside its hotspot's file."""
    (tmp_path / "claim").write_text("Q4TB-77KM-XW2D\n")
    (tmp_path / "claim").chmod(0o600)
    (tmp_path / "hotspot").write_text(HOTSPOT.format("k3n7-w2p9"))
    config = tmp_path / "node.toml"
    config.write_text(
        '[node]\nsite = "valley"\nnode = "a"\n[camera]\nkind = "picamera"\n'
        f'[page]\nclaim_code_file = "{tmp_path / "claim"}"\n'
    )
    return config


def test_the_command_writes_a_file_that_only_its_owner_may_read(node: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = node.parent / "label.pdf"
    wifi = str(node.parent / "hotspot")
    assert main(["label", "--config", str(node), "--wifi", wifi, "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"label": str(out), "page": "http://10.42.0.1:8080/", "wifi": "fieldeye-a", "has_claim_code": True}
    assert "k3n7" not in json.dumps(told)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert codes_on(page_of(out.read_bytes())[0]) == ["WIFI:T:WPA;S:fieldeye-a;P:k3n7-w2p9;;", "http://10.42.0.1:8080/"]


@pytest.mark.parametrize(
    ("ssid", "psk", "code"),
    [
        ("fieldeye-a", r'\sa\\b;c#"d"', r"S:fieldeye-a;P: a\\b\;c#\"d\";;"),
        (r"a\\;b\\sc", "#1234567", r"S:a\;b\\sc;P:#1234567;;"),
        ("231;148;176;49;", "12345678", "S:田1;P:12345678;;"),
    ],
    ids=["a password with signs", "a name with signs", "a Chinese name"],
)
def test_a_phone_joins_the_wifi_as_networkmanager_keeps_it(ssid: str, psk: str, code: str, node: Path) -> None:
    """With GLib's escapes, and in a name with its own, as its `ssid_writer` has them."""
    out, wifi = node.parent / "label.pdf", node.parent / "hotspot"
    wifi.write_text(HOTSPOT.format(psk).replace("ssid=fieldeye-a", f"ssid={ssid}"))
    assert main(["label", "--config", str(node), "--wifi", str(wifi), "--out", str(out)]) == 0
    drawn, _, _ = page_of(out.read_bytes())
    assert f"WIFI:T:WPA;{code}".encode() in [found.bytes for found in zxingcpp.read_barcodes(drawn)]


def test_without_a_hotspot_the_label_has_the_pages_local_name(node: Path) -> None:
    out = node.parent / "label.pdf"
    assert main(["label", "--config", str(node), "--out", str(out)]) == 0
    drawn, words, _ = page_of(out.read_bytes())
    assert codes_on(drawn) == ["http://a.local:8080/"]
    assert "Open this page" in words.splitlines()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--out", "label.docx"], "end it in .pdf or .svg"),
        (["--out", "/no/label.pdf"], "name a file that can be written"),
        (["--out", "label.pdf", "--wifi", "/no/hotspot"], "no name and password of a Wi-Fi"),
    ],
)
def test_a_mistake_is_one_sentence_and_wrong_use(
    options: list[str], says: str, node: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["label", "--config", str(node), *options]) == 2
    assert says in capsys.readouterr().err
