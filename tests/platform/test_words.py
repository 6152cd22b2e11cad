"""The station's languages: no sentence is missing in Chinese, who gets which, and taxa by their own names."""

import re
from datetime import date, datetime

import pypdfium2
import pytest
from babel.messages.catalog import Catalog
from flask.testing import FlaskClient

from edge.languages import HTML_LANGUAGE, LANGUAGES, REVIEWED
from edge.platform.areas.report import html, pdf
from edge.platform.areas.week import week
from edge.platform.desk import create_app
from edge.platform.words import CATALOGUES
from tests.catalogues import forms, read, said, sentences, translated, with_other_values
from tests.platform.desk.conftest import still, template  # noqa: F401  a question a node
from tests.platform.desk.visitors import log_in
from tests.platform.fleet import Fleet
from tests.records import MOTH

TRANSLATED = sorted(set(LANGUAGES) - {"en"})
SET_RIGHT = [  # by native readers: each said something else than the English
    (
        "Fieldeye desk",  # was: the piece of furniture
        {
            "es": "Puesto de control Fieldeye", "pt": "Painel Fieldeye", "id": "Dasbor Fieldeye",
            "hi": "Fieldeye डेस्क", "sw": "Dawati la Fieldeye",
        },
    ),
    ("Nothing was counted in these nights.", {"sw": "Hakuna kilichohesabiwa katika usiku hizi."}),  # was: tonight
    ("Silent in these nights: %(nodes)s.", {"sw": "Kimya katika usiku hizi: %(nodes)s."}),
    ("in which it was seen", {"zh": "分布面积"}),  # was: the area over its level, of official figures
    ("nymph", {"fr": "larve (jeune, sans nymphose)", "vi": "thiếu trùng"}),  # nymphe is a pupa
    ("pupa", {"fr": "nymphe (pupe)", "sw": "bundo"}),  # pupe is a fly's alone; buu is a maggot
    ("%(area)s, nights of %(first)s to %(last)s.", {"id": "%(area)s, malam tanggal %(first)s sampai %(last)s."}),
    ("juvenile", {"sw": "mdudu mchanga"}),  # was: sand
    ("range", {"sw": "mipaka"}),  # was: a distance
    ("against the week before", {"sw": "kulinganisha na wiki iliyotangulia"}),  # was: opposed to it
    ("incidence", {"hi": "रोग प्रकोप"}),
    ("offline", {"id": "tidak terhubung", "vi": "mất kết nối"}),
    ("silent for a day", {"hi": "एक दिन से कोई संदेश नहीं", "id": "tanpa kabar selama sehari"}),  # was: sits still
    ("a camera and night", {"hi": "प्रति कैमरा प्रति रात", "id": "per kamera per malam", "sw": "kwa kamera kwa usiku"}),
    ("What has reached its action level, or may have", {"id": "Yang sudah atau mungkin sudah mencapai ambang kendali"}),
    (
        "Threshold: starts at %(start)s, sure at %(sure)s a camera and night (%(source)s).",  # was: safe at
        {
            "es": "Umbral: empieza en %(start)s, con certeza desde %(sure)s por cámara y noche (%(source)s).",
            "pt": "Limiar: começa em %(start)s, com certeza a partir de %(sure)s por câmera e noite (%(source)s).",
        },
    ),
    (
        "You are logged out and nothing was sent: open another tab, log in there, then go back and send it again.",
        {  # was: enter another tab
            "es": "Su sesión ha terminado y no se envió nada: abra otra pestaña, inicie sesión allí, "
            "luego vuelva a esta y envíelo de nuevo.",
            "pt": "A sua sessão terminou e nada foi enviado: abra outra aba, entre nela com o seu nome e a sua senha, "
            "depois volte a esta e envie de novo.",
        },
    ),
    (
        "in which it was seen; spreads %(km)s km a week",  # was: as against so many km
        {
            "es": "donde se vio; avanza %(km)s km por semana",
            "pt": "onde foi visto; avança %(km)s km por semana",
        },
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def wanted() -> set[str]:
    """Of desk and report."""
    return sentences("edge/platform", "edge/platform/babel.cfg")


def catalogue(language: str) -> Catalog:
    return read(CATALOGUES, language)


@pytest.mark.parametrize("language", sorted(REVIEWED - {"en"}))
def test_no_sentence_is_missing_unsure_or_left_over(language: str, wanted: set[str]) -> None:
    assert len(wanted) > 100
    assert said(catalogue(language)) == translated(catalogue(language)) == wanted


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_is_spoken_and_a_machines_words_say_so(language: str, still: FlaskClient) -> None:  # noqa: F811
    page = still.get(f"/alerts?lang={language}").text
    assert f'<html lang="{HTML_LANGUAGE[language]}">' in page
    assert ("What has reached its action level" in page) == (language == "en"), f"translate in {CATALOGUES / language}"
    assert ("<footer" in page) == (language not in REVIEWED)


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_keep_the_values_of_their_sentence(language: str) -> None:
    assert with_other_values(catalogue(language)) == []


@pytest.mark.parametrize(("language", "station"), [("hi", "केंद्र"), ("sw", r"\b[kv]ituo")])
def test_a_node_is_not_called_a_station(language: str, station: str) -> None:
    for message in catalogue(language):
        english = " ".join(forms(message.id))
        if re.search(r"\bnodes?\b", english, re.IGNORECASE):
            says_station = bool(re.search(station, " ".join(forms(message.string)), re.IGNORECASE))
            assert says_station == ("station" in english), english


def test_a_node_has_one_word_in_chinese() -> None:
    assert [message.id for message in catalogue("zh") if "设备" in " ".join(forms(message.string))] == []


@pytest.mark.parametrize(("text", "wanted"), SET_RIGHT, ids=[text for text, _ in SET_RIGHT])
def test_what_native_readers_set_right_stays(text: str, wanted: dict[str, str]) -> None:
    assert {language: catalogue(language)[text].string for language in wanted} == wanted


@pytest.mark.parametrize(
    ("language", "furniture"),
    [("es", "mesa"), ("pt", "mesa"), ("id", "meja"), ("vi", "bàn"), ("hi", "मेज़"), ("sw", "meza")],
)
def test_the_desk_that_cannot_answer_is_a_page_and_no_table(language: str, furniture: str) -> None:
    says = catalogue(language)["The desk cannot answer this now. Try again soon, or tell who runs it."].string
    assert not re.search(rf"\b{furniture}", says, re.IGNORECASE)


@pytest.mark.parametrize("language", sorted({*LANGUAGES} - {"zh"}))
def test_a_name_that_is_locked_says_for_how_many_minutes(language: str, still: FlaskClient) -> None:  # noqa: F811
    page = still.application.test_client()
    page.get(f"/log-in?lang={language}")
    assert re.search(r"class=\"wrong\">[^<]*\b15\b", page.post("/log-in", data={"name": "x", "password": "y"}).text)


def test_every_language_of_the_menu_has_a_catalogue_or_is_the_source() -> None:
    assert {path.name for path in CATALOGUES.iterdir()} | {"en"} == set(LANGUAGES) == set(HTML_LANGUAGE)


@pytest.mark.parametrize(
    ("address", "headers", "expected"),
    [
        ("/log-in", {}, "en"),
        ("/log-in", {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}, "zh-Hans"),
        ("/log-in", {"Accept-Language": "ja"}, "en"),
        ("/log-in?lang=zh", {"Accept-Language": "en"}, "zh-Hans"),
        ("/log-in?lang=xx", {}, "en"),
    ],
)
def test_the_address_comes_before_the_browser_before_english(
    address: str,
    headers: dict[str, str],
    expected: str,
    still_url: str,
) -> None:
    assert f'<html lang="{expected}">' in create_app(still_url).test_client().get(address, headers=headers).text


def test_a_language_once_chosen_is_remembered_and_keeps_the_filters(fleet: Fleet, url: str) -> None:
    client = create_app(url).test_client()
    log_in(client)
    page = client.get("/?first=2026-07-01&last=2026-07-01&lang=zh").text
    assert 'href="/?first=2026-07-01&amp;last=2026-07-01&amp;lang=en"' in page
    page = client.get("/?first=2026-07-01&last=2026-07-01").text
    assert "乡镇 330106011" in page
    assert "小菜蛾 (Plutella xylostella)" in page
    assert "计数，范围 1–9" in page


def test_the_report_speaks_chinese_on_paper_too(fleet: Fleet) -> None:
    told = week(fleet.database, "330106", date(2026, 6, 29), date(2026, 7, 5))
    page = html(told, [], datetime(2026, 7, 6), "zh")  # noqa: DTZ001
    assert '<html lang="zh-Hans">' in page
    assert "监测点计数" in page
    assert "小菜蛾 (Plutella xylostella)" in page
    assert not re.search(r">[a-z ]{4,}<", page), "an English word is left"
    paper = pypdfium2.PdfDocument(pdf(page, "zh"))
    assert "监测点计数" in "".join(one.get_textpage().get_text_range() for one in paper)
    assert MOTH[0] in html(told, [], datetime(2026, 7, 6))  # noqa: DTZ001
