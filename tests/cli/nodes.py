"""Nodes for the doctor: their configurations, and the page of one that runs."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from edge.cli.doctor import diagnose
from edge.cli.verdict import Verdict
from edge.clock import Clock, SystemClock
from edge.config import (
    AdviceTable,
    CameraTable,
    Mode,
    NodeConfig,
    NodeTable,
    OwnThreshold,
    PageTable,
    StoreTable,
)
from edge.page import create_app, serve
from edge.status import CameraStatus, StatusBoard
from edge.store import Store
from tests.clocks import SetClock
from tests.ports import free_port


def config(folder: Path, mode: Mode = "live", crop: str | None = None, *own: OwnThreshold) -> NodeConfig:
    return NodeConfig(
        node=NodeTable(site="s", node="n"),
        camera=CameraTable(kind="folder", mode=mode),
        store=StoreTable(folder=str(folder)),
        advice=AdviceTable(crop=crop, threshold=own),
    )


def level(label: str, unit: str) -> OwnThreshold:
    return OwnThreshold(label=label, unit=unit, act_at=10)


IN_USE = replace(config(Path(), "trap"), camera=CameraTable(kind="opencv", source="/dev/video97", mode="trap"))

AT = SetClock().now()


@contextmanager
def running_page(
    folder: Path, board: StatusBoard, camera: CameraStatus, *, open_to_read: bool = True
) -> Iterator[NodeConfig]:
    """The store and the page of a node that has a camera."""
    board.show(camera=camera)
    settings = replace(
        IN_USE, store=StoreTable(folder=str(folder)), page=PageTable(port=free_port(), open_to_read=open_to_read)
    )
    assert settings.page is not None
    with closing(Store(settings.store, settings.node.node)) as store:
        server = serve(create_app(store, board, settings, SetClock()), "127.0.0.1", settings.page.port)
        try:
            yield settings
        finally:
            server.close()


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    return {verdict["what"]: verdict for verdict in map(json.loads, capsys.readouterr().out.splitlines())}


def verdict_on(what: str, settings: NodeConfig, clock: Clock | None = None) -> Verdict:
    """The doctor's first one on that part."""
    return next(verdict for verdict in diagnose(settings, clock or SystemClock()) if verdict.what == what)


def camera_of(settings: NodeConfig) -> tuple[str, str]:
    verdict = verdict_on("camera", settings)
    return verdict.state, verdict.sentence
