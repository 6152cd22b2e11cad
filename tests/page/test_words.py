"""Languages: who gets which, and that no sentence is missing."""

import io
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from flask.testing import FlaskClient

from edge.languages import HTML_LANGUAGE, LANGUAGES, REVIEWED
from edge.page.words import CATALOGUES
from tests.page.scenes import Scene, seen

ROOT = Path(__file__).parent.parent.parent
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


@pytest.fixture(scope="module")
def wanted() -> list[object]:
    """Every sentence in the page's code and templates."""
    methods, _ = parse_mapping_cfg(io.StringIO((ROOT / "babel.cfg").read_text()), "babel.cfg")
    below_page = [(pattern.removeprefix("edge/page/"), method) for pattern, method in methods]
    found = extract_from_dir(ROOT / "edge" / "page", below_page)
    return sorted({message for _, _, message, _, _ in found}, key=str)


def catalogue(language: str) -> Catalog:
    with (CATALOGUES / language / "LC_MESSAGES" / "messages.po").open("rb") as lines:
        return read_po(lines, locale=language)


def forms(text: object) -> Iterator[str]:
    yield from text if isinstance(text, tuple | list) else (str(text),)


def test_the_page_has_sentences_to_translate(wanted: list[object]) -> None:
    assert len(wanted) > 100


def test_no_sentence_is_missing_or_unsure_in_chinese(wanted: list[object]) -> None:
    chinese = catalogue("zh")
    for text in wanted:
        message = chinese.get(next(forms(text)))
        assert message is not None, f"not in the catalogue: {text!r}"
        assert all(forms(message.string)), f"empty: {text!r}"
        assert not message.fuzzy, f"fuzzy: {text!r}"


def test_the_chinese_catalogue_holds_nothing_that_is_no_longer_said(wanted: list[object]) -> None:
    said = {next(forms(text)) for text in wanted}
    assert {next(forms(message.id)) for message in catalogue("zh") if message.id} <= said


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_translations_keep_the_values_of_their_sentence(language: str) -> None:
    for message in catalogue(language):
        if message.id and all(forms(message.string)):
            meant = set(PLACEHOLDER.findall(list(forms(message.id))[-1]))
            for form in forms(message.string):
                assert set(PLACEHOLDER.findall(form)) == meant, message.id


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - REVIEWED))
def test_what_other_languages_lack_is_listed(language: str, wanted: list[object]) -> None:
    known = catalogue(language)
    for text in wanted:
        message = known.get(next(forms(text)))
        if message is None or not all(forms(message.string)):
            warnings.warn(f"{language} lacks: {text!r}", stacklevel=1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_is_spoken_and_a_machines_words_say_so(language: str, client: FlaskClient, scene: Scene) -> None:
    seen(scene)
    page = client.get(f"/?lang={language}").text
    assert f'<html lang="{HTML_LANGUAGE[language]}">' in page
    assert ("Go and look at the plants" in page) == (language == "en")
    assert ('class="soft foot"' in page) == (language not in REVIEWED)


@pytest.mark.parametrize(
    ("address", "headers", "expected"),
    [
        ("/", {}, "en"),
        ("/", {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}, "zh-Hans"),
        ("/", {"Accept-Language": "ja,de;q=0.5"}, "en"),
        ("/", {"Accept-Language": "sw-KE,de;q=0.5"}, "sw"),
        ("/?lang=zh", {"Accept-Language": "en"}, "zh-Hans"),
        ("/?lang=xx", {"Accept-Language": "zh"}, "zh-Hans"),
    ],
)
def test_the_address_comes_before_the_phone_before_the_node(
    address: str, headers: dict[str, str], expected: str, client: FlaskClient
) -> None:
    assert f'<html lang="{expected}">' in client.get(address, headers=headers).text


def test_a_language_once_chosen_is_remembered(client: FlaskClient) -> None:
    client.get("/?lang=zh")
    assert '<html lang="zh-Hans">' in client.get("/node").text


def test_an_earlier_choice_comes_before_the_phone_and_after_the_address(client: FlaskClient) -> None:
    client.set_cookie("lang", "zh")
    assert '<html lang="zh-Hans">' in client.get("/", headers={"Accept-Language": "en"}).text
    assert '<html lang="en">' in client.get("/?lang=en").text


def test_an_unknown_language_is_not_remembered(client: FlaskClient) -> None:
    assert "Set-Cookie" not in client.get("/?lang=%0d%0aSet-Cookie:x").headers


def test_chinese_readers_get_chinese_names_dates_and_times(client: FlaskClient, scene: Scene) -> None:
    seen(scene)
    page = client.get("/?lang=zh").text
    assert "褐飞虱：5" in page
    assert "12分钟前" in page
    assert "6月18日" in page
    assert "16:18" in page


def test_times_are_those_of_the_place_where_the_node_stands(client: FlaskClient, scene: Scene) -> None:
    seen(scene)  # 08:18 UTC
    assert "4:18" in client.get("/").text


def test_every_language_of_the_menu_has_a_catalogue_or_is_the_source() -> None:
    assert {path.name for path in CATALOGUES.iterdir()} | {"en"} == set(LANGUAGES)
