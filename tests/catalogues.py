"""Translations as they lie in their files, and the sentences in the code that want some."""

import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

ROOT = Path(__file__).parent.parent
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def sentences(folder: str, mapping: str) -> set[str]:
    """Every one in the code and templates below a folder, by its first form. `mapping`: what pybabel is given."""
    methods, _ = parse_mapping_cfg(io.StringIO((ROOT / mapping).read_text()), mapping)
    below = [(pattern.removeprefix(f"{folder}/"), method) for pattern, method in methods]
    return {next(forms(message)) for _, _, message, _, _ in extract_from_dir(ROOT / folder, below)}


def read(folder: Path, language: str) -> Catalog:
    with (folder / language / "LC_MESSAGES" / "messages.po").open("rb") as lines:
        return read_po(lines, locale=language)


def forms(text: object) -> Iterator[str]:
    """Singular and plural, or the only one."""
    yield from text if isinstance(text, tuple | list) else (str(text),)


def said(messages: Iterable[Message]) -> set[str]:
    """All sentences."""
    return {next(forms(message.id)) for message in messages if message.id}


def translated(messages: Catalog) -> set[str]:
    """Sentences that have all forms, and sure ones."""
    return said(message for message in messages if all(forms(message.string)) and not message.fuzzy)


def with_other_values(messages: Catalog) -> list[str]:
    """Translations that have not the values of their sentence."""
    wrong = []
    for message in messages:
        *_, sentence = forms(message.id)
        values = set(PLACEHOLDER.findall(sentence))
        wrong += [form for form in forms(message.string) if form and set(PLACEHOLDER.findall(form)) != values]
    return wrong
