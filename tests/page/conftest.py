"""A real app on a real store, in any of the scenes."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient

import edge.board
from edge.page import create_app
from edge.status import StatusBoard
from edge.store import Store
from tests.clocks import SetClock
from tests.page.scenes import FULL, SCENES, Scene, config

SHANGHAI = ZoneInfo("Asia/Shanghai")
AFTERNOON = datetime(2026, 7, 1, 7, 30, tzinfo=UTC)  # 15:30 in Shanghai


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A node with an empty store that has been up for an hour, on a board that says nothing of warmth, supply and Wi-Fi
    yet."""
    monkeypatch.setattr("edge.board.TEMPERATURE", tmp_path / "temperature")
    monkeypatch.setattr("edge.board.THROTTLED", tmp_path / "get_throttled")
    monkeypatch.setattr("edge.board.WIRELESS", tmp_path / "wireless")
    monkeypatch.setattr("edge.board.STATM", tmp_path / "statm")
    free_bytes, is_full = edge.board.free_bytes, tmp_path / FULL
    monkeypatch.setattr("edge.board.free_bytes", lambda folder: 90_000_000 if is_full.exists() else free_bytes(folder))
    clock = SetClock(AFTERNOON)
    started = clock.now()
    clock.advance(3600)
    settings = config(tmp_path)
    scene = Scene(Store(settings.store, settings.node.node), StatusBoard(started), settings, clock)
    yield scene
    scene.store.close()


@pytest.fixture
def client(scene: Scene) -> FlaskClient:
    """A browser on the node itself; the scene may still change."""
    return scene.app().test_client()


@pytest.fixture
def restarts() -> list[str]:
    """One entry each time the page asks the node to begin anew."""
    return []


@pytest.fixture
def slow_posts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that a browser sends to; each answer takes a second, as over a weak line."""
    addresses: list[str] = []

    def late(answer: Response) -> Response:
        if request.method == "POST":
            addresses.append(request.path)
            sleep(1.0)
        return answer

    answer_through(late, monkeypatch)
    return addresses


@pytest.fixture
def slow_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each picture comes a second after it was asked for, as over a weak line."""

    def late(answer: Response) -> Response:
        if answer.mimetype == "image/jpeg":
            sleep(1.0)
        return answer

    answer_through(late, monkeypatch)


def answer_through(late: Callable[[Response], Response], monkeypatch: pytest.MonkeyPatch) -> None:
    """What a browser is answered goes through `late`."""

    def slow(*parts: Any) -> Flask:
        app = create_app(*parts)
        app.after_request(late)
        return app

    monkeypatch.setattr("tests.page.browsing.create_app", slow)


@pytest.fixture(params=SCENES)
def any_scene(request: pytest.FixtureRequest, scene: Scene) -> str:
    """Each scene in turn; its name."""
    SCENES[request.param](scene)
    return str(request.param)
