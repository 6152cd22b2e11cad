"""What holds for every test."""

import gc
import logging
from collections.abc import Callable, Generator, Iterator
from types import CodeType

import pytest
from flask import Flask
from hypothesis import settings
from jinja2.bccache import Bucket, BytecodeCache
from playwright.sync_api import Browser, expect, sync_playwright
from werkzeug.routing import Rule

from tests.broker import Broker
from tests.page.browsing import CHROMIUM, FLAGS

# No deadline: on a busy machine of two cores a fast example now and then takes its time, which is no fault.
settings.register_profile("fieldeye", deadline=None)
settings.load_profile("fieldeye")
expect.set_options(timeout=30_000)  # as Playwright gives a page to come; of itself it is 5 s


class Compiled(BytecodeCache):
    """Each template once for all apps that tests make: to compile a page takes ten times as long as to show it."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key, bucket.checksum] = bucket.code


Flask.jinja_options = {"bytecode_cache": Compiled()}
Builder = Callable[..., tuple[str, str]]
_builders: dict[tuple[str, tuple[tuple[bool, str], ...], bool], Builder] = {}
_compile_builder = Rule._compile_builder  # noqa: SLF001  werkzeug has no other place for it


def compiled_once(rule: Rule, append_unknown: bool = True) -> Builder:
    """What writes a rule's addresses, once for all apps: compiling them is 14 ms of the 17 that an app takes."""
    if rule.defaults:  # which stand in the code
        return _compile_builder(rule, append_unknown)
    known = rule.rule, tuple(rule._trace), append_unknown  # noqa: SLF001  all that the code is made of
    if known not in _builders:
        _builders[known] = _compile_builder(rule, append_unknown)
    return _builders[known]


Rule._compile_builder = compiled_once  # type: ignore[method-assign]  # noqa: SLF001


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """All that is collected and imported stays: to look through it again and again took a fifth of the collection."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The last file first: long ones stand in the last folders, and one begun at the end keeps the others waiting."""
    items.sort(key=lambda item: item.path, reverse=True)


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    """A command that ran in this process set up its logs, which is no matter of the next test."""
    root = logging.getLogger()
    level, handlers = root.level, [*root.handlers]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A Mosquitto of the test's own."""
    with Broker() as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests: starting it takes longer than most of them, and a process may have but one Playwright."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=120_000)
        yield chromium
        chromium.close()
