"""A node's page on which a person checks pictures, and the COCO export that comes of it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge.annotations import annotate
from edge.cli import main as fieldeye
from edge.config import load_config
from edge.counts import Seen, Sighting
from edge.page import create_app
from edge.page.trust import Role
from edge.status import ModelStatus, StatusBoard
from edge.store import Store
from tests.clocks import SetClock
from tests.page.scenes import Scene
from tests.page.visitors import as_role, post
from training.classes import read_classes
from training.samples import read_image

LABELS = read_classes(["pest-vision", "rice-pests"])
ASKED = re.compile(r'name="picture" value="([^"]+)".*?name="box" value="(\d+)"', re.DOTALL)
NODE = '[node]\nsite = "paddy-3"\nnode = "north-dyke"\n[camera]\nkind = "folder"\n[store]\nfolder = "{}"\n'


@dataclass(frozen=True)
class Checked:
    """What a person said to each box that the page asked about, and the folder of the export."""

    verdicts: list[str]
    export: Path


def checked(samples, folder):
    """A node that saw what stands on the samples; every second box is confirmed, the others are rejected."""
    toml = folder / "node.toml"
    toml.write_text(NODE.format(folder / "store"), encoding="utf-8")
    config, clock = load_config(toml), SetClock(datetime(2026, 7, 1, 7, 30, tzinfo=UTC))
    store, board = Store(config.store, config.node.node), StatusBoard(clock.now())
    board.show(model=ModelStatus(name="pests", version="0.1.0"))
    for sample in samples:
        store.commit([sighting(clock)], annotate(sample.image_path.read_bytes(), seen_in(sample)))
    page = create_app(store, board, config, clock).test_client()
    verdicts = answered(as_role(page, Scene(store, board, config, clock), Role.FARMER))
    store.close()
    assert fieldeye(["reviewed", "--config", str(toml), "--out", str(folder / "north-dyke")]) == 0
    return Checked(verdicts, folder / "north-dyke")


def answered(page):
    """Until nothing is asked any more."""
    verdicts = []
    while match := ASKED.search(page.get("/review").text):
        picture, box = match.groups()
        verdicts.append("no" if len(verdicts) % 2 else "yes")
        assert post(page, "/review", "/account", picture=picture, box=box, verdict=verdicts[-1]).status_code == 303
    return verdicts


def sighting(clock):
    return Sighting(
        at=clock.now(), camera="cam0", model="pests@0.1.0", label="Nilaparvata lugens", eppo="NILALU", confidence=0.9,
        box=(0.1, 0.1, 0.2, 0.2), count=1,
    )  # fmt: skip


def seen_in(sample):
    """As the loop notes it in the picture."""
    height, width = read_image(sample.image_path).shape[:2]
    boxes = (sample.xyxy / [width, height, width, height]).tolist()
    labels = [LABELS.labels[class_id] for class_id in sample.class_id.tolist()]
    return [Seen(label, "", 0.9, tuple(box)) for label, box in zip(labels, boxes, strict=True)]
