"""What page and desk have in common: nothing of it is missing in any language, and it stands behind their own words."""

import io
import re
from pathlib import Path
from typing import get_args

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po
from flask import Flask
from flask_babel import force_locale

from edge import taxa
from edge.advice import Stand, defaults
from edge.advice.tellable import TOLD, tellable
from edge.config import Language
from edge.counts import STAGES
from edge.languages import COMMON, LANGUAGES, PoBabel, gettext, number
from edge.languages.units import threshold_unit_words
from edge.page.words import CATALOGUES as PAGE
from edge.platform.words import CATALOGUES as DESK
from tests.catalogues import forms, read, said, translated

TRANSLATED = sorted(set(LANGUAGES) - {"en"})
# Page and desk each say these as their other sentences do.
SAID_APART = {"Name", "no data"}


def speaking(catalogues: Path) -> Flask:
    app = Flask(__name__)
    PoBabel(app, catalogues)
    return app


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_that_page_and_desk_share_is_missing_unsure_or_left_over(language: str) -> None:
    wanted = {message for _, _, message, _, _ in extract_from_dir(COMMON.parent)}
    common = read(COMMON, language)
    assert said(common) == translated(common) == wanted


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_page_and_desk_say_in_the_same_words_has_one_translation(language: str) -> None:
    desk = {message.id: message.string for message in read(DESK, language) if message.id}
    page = {message.id: message.string for message in read(PAGE, language) if message.id}
    both = (page.keys() & desk.keys()) - SAID_APART
    assert {text: desk[text] for text in both} == {text: page[text] for text in both}


@pytest.mark.parametrize("folder", [PAGE, DESK, COMMON], ids=["page", "desk", "common"])
def test_no_line_of_french_begins_with_the_sign_that_ends_a_word(folder: Path) -> None:
    texts = [text for message in read(folder, "fr") if message.id for text in forms(message.string)]
    assert [text for text in texts if re.search(" ([:;?!»]|%%)|« ", text)] == []


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("folder", [PAGE, DESK, COMMON], ids=["page", "desk", "common"])
def test_what_is_said_of_one_is_not_said_of_several_in_english(folder: Path, language: str) -> None:
    messages = [message for message in read(folder, language) if any(forms(message.string))]
    assert [message.id for message in messages if not all(forms(message.string))] == []


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("folder", [PAGE, DESK, COMMON], ids=["page", "desk", "common"])
def test_make_words_would_leave_a_catalogue_as_it_stands(folder: Path, language: str) -> None:
    written = io.BytesIO()
    write_po(written, read(folder, language), width=120, sort_output=True, ignore_obsolete=True)
    assert (folder / language / "LC_MESSAGES" / "messages.po").read_bytes() == written.getvalue(), "run: make words"


def test_each_language_of_the_menu_may_be_configured_and_has_a_column_of_names() -> None:
    assert tuple(LANGUAGES) == taxa.LANGUAGES == get_args(Language), "docs/page.md, a sentence, a language"


def test_a_programs_own_words_come_before_the_common_ones(tmp_path: Path) -> None:
    own = tmp_path / "zh" / "LC_MESSAGES" / "messages.po"
    own.parent.mkdir(parents=True)
    own.write_text('msgid "a hill"\nmsgstr "own"\n')
    with speaking(tmp_path).app_context(), force_locale("zh"):
        assert [gettext("a hill"), gettext("a leaf"), gettext("of nobody")] == ["own", "每叶", "of nobody"]


def test_a_unit_is_said_in_the_readers_language_and_an_unknown_one_as_it_stands(tmp_path: Path) -> None:
    with speaking(tmp_path).app_context(), force_locale("zh"):
        assert threshold_unit_words("insects/hill") == "每丛"
        for unit in ("insects/card/week", "adults/card/week"):  # of a station: how yellow cards are read
            assert threshold_unit_words(unit) == "每张粘虫板每周"
        assert threshold_unit_words("eggs/100 sweeps") == "eggs/100 sweeps"
    with speaking(tmp_path).app_context(), force_locale("hi"):
        assert threshold_unit_words("visits/day") == "आगमन प्रति दिन"  # आना is an old coin too
    with speaking(tmp_path).app_context():
        assert threshold_unit_words("insects/hill") == "a hill"
        assert threshold_unit_words("% plants") == "of 100 plants affected"  # a figure stands before it, and no noun


def test_each_unit_in_which_a_camera_can_tell_a_packaged_level_is_said_in_words(tmp_path: Path) -> None:
    stand = Stand(leaves_per_plant=1, plants_per_m2=1, hills_per_m2=1)
    stages = frozenset((row.scientific_name, stage) for row in defaults() for stage in STAGES)
    told = {row.unit for each in TOLD for row in tellable(defaults(), each, stand, stages=stages, has_area=True)}
    assert {"% leaf area", "insects/hill", "larvae/25 plants"} < told
    with speaking(tmp_path).app_context():
        assert [unit for unit in sorted(told) if threshold_unit_words(unit) == unit] == []


@pytest.mark.parametrize("unit", ["% pictures", "% leaves", "% plants"])
@pytest.mark.parametrize("language", ["es", "fr", "id", "pt", "vi"])
def test_a_share_says_what_is_affected_before_the_hundred_which_is_of_all(
    language: str, unit: str, tmp_path: Path
) -> None:
    with speaking(tmp_path).app_context(), force_locale(language):
        assert re.search(r"\S 100( \S+)?$", threshold_unit_words(unit))


def test_numbers_are_grouped_as_the_language_does(tmp_path: Path) -> None:
    with speaking(tmp_path).app_context(), force_locale("es"):
        assert number(12345.67, 1) == "12.345,7"
        assert number(-0.4) == "0"
