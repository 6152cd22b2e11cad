"""Checked pictures as COCO, read back by the field's own reader."""

import contextlib
import io
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from pycocotools.coco import COCO

from edge import changes
from edge.annotations import annotate
from edge.cli import main, platform_main
from edge.config import load_config
from edge.counts import Seen
from edge.exports.coco import Checked, CheckedPicture, Said, coco
from edge.platform.ledger.album import Picture, keep_picture
from edge.store import BoxKey, Decision, Store
from edge.wire import ImageHeader, Topic
from tests.faults.small_disk import run_on_small_disk
from tests.page.scenes import BUG, HOPPER, MODEL, picture_of, sighting
from tests.records import instant as at

BOXES = [
    Seen(HOPPER, "NILALU", 0.9, (0.25, 0.5, 0.5, 0.75)),
    Seen(BUG, "", 0.8, (0.0, 0.0, 0.1, 0.1)),
    Seen(BUG, "", 0.7, (0.6, 0.6, 0.9, 1.0)),
    Seen(BUG, "", 0.6, (0.1, 0.6, 0.3, 0.9)),
]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Path]:
    """A node whose store has two pictures, one of them checked: right, wrong, renamed, undecided; its configuration."""
    config = configured(tmp_path)
    store = Store(load_config(config).store, "north-dyke")
    for name in ("rice_bug.jpg", "planthopper.jpg"):
        store.commit([sighting(at(0), HOPPER, 1)], annotate(picture_of(name), BOXES))
    checked = store.latest_sightings(2)[1].record.picture
    for box, label in ((0, HOPPER), (1, ""), (2, "Sogatella furcifera")):
        store.decisions.decide(
            Decision(
                key=BoxKey(checked, box), said=BOXES[box].label, confidence=BOXES[box].confidence, model=MODEL,
                label=label, who="Mei", utc=at(60).utc,
            )
        )  # fmt: skip
    yield config
    store.close()


def configured(folder: Path) -> Path:
    config = folder / "node.toml"
    config.write_text(
        '[node]\nsite = "paddy-3"\nnode = "north-dyke"\n[camera]\nkind = "folder"\n'
        f'[store]\nfolder = "{folder / "store"}"\n'
    )
    return config


def exported(node: Path) -> tuple[Path, COCO]:
    out = node.parent / "out"
    assert main(["reviewed", "--config", str(node), "--out", str(out), "--json"]) == 0
    with contextlib.redirect_stdout(io.StringIO()):
        return out, COCO(str(out / "annotations.json"))


def test_confirmed_and_renamed_boxes_are_annotations_rejected_ones_background_and_others_ignored(node: Path) -> None:
    _, told = exported(node)
    names = {one["id"]: one["name"] for one in told.dataset["categories"]}
    listed = [(names[one["category_id"]], one["iscrowd"]) for one in told.dataset["annotations"]]
    assert listed == [(HOPPER, 0), ("Sogatella furcifera", 0), (BUG, 1)]


def test_what_was_found_outside_the_region_is_ignored_and_nobody_left_it_undecided(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(tmp_path)
    with contextlib.closing(Store(load_config(config).store, "north-dyke")) as store:
        store.commit([sighting(at(0), HOPPER, 1)], annotate(picture_of("rice_bug.jpg"), BOXES[:1], BOXES[1:2]))
        key = BoxKey(store.latest_sightings(1)[0].record.picture, 0)
        store.decisions.decide(
            Decision(key=key, said=HOPPER, confidence=0.9, model=MODEL, label=HOPPER, who="Mei", utc=at(60).utc)
        )
    _, told = exported(config)
    names = {one["id"]: one["name"] for one in told.dataset["categories"]}
    assert [(names[one["category_id"]], one["iscrowd"]) for one in told.dataset["annotations"]] == [
        (HOPPER, 0),
        (BUG, 1),
    ]
    assert {"kept": 1, "rejected": 0, "undecided": 0}.items() <= json.loads(capsys.readouterr().out).items()


def test_only_pictures_with_a_decision_are_there_as_they_were_taken(node: Path) -> None:
    out, told = exported(node)
    (image,) = told.dataset["images"]
    assert [file.name for file in (out / "images").iterdir()] == [image["file_name"]]
    assert (out / "images" / image["file_name"]).read_bytes() == annotate(picture_of("rice_bug.jpg"), BOXES)


def test_a_box_is_in_pixels_of_its_picture_with_who_and_when(node: Path) -> None:
    _, told = exported(node)
    (image,) = told.dataset["images"]
    first = told.dataset["annotations"][0]
    width, height = image["width"], image["height"]
    assert first["bbox"] == [width / 4, height / 2, width / 4, height / 4]
    assert first["area"] == width * height / 16
    assert (first["decided_by"], first["decided_utc"]) == ("Mei", at(60).utc.isoformat().replace("+00:00", "Z"))
    assert told.dataset["categories"][0]["supercategory"] == "NILALU"
    renamed = told.dataset["annotations"][1]
    assert (renamed["decided_by"], renamed["model_label"], renamed["confidence"]) == ("Mei", BUG, 0.7)
    undecided = told.dataset["annotations"][2]
    assert (undecided["model_label"], undecided["confidence"], "decided_by" in undecided) == (BUG, 0.6, False)


def test_a_site_that_was_changed_on_the_page_is_the_one_that_is_named(node: Path) -> None:
    changes.keep(node.parent / "store", load_config(node), {"node": {"site": "paddy-4"}})
    _, told = exported(node)
    assert told.dataset["info"]["description"] == "checked by people on the node paddy-4/north-dyke"


def test_a_renamed_box_has_the_code_of_its_new_name_and_numbers_begin_at_one() -> None:
    said = Said("Helicoverpa armigera", "Mei", at(0).utc)
    checked = [
        Checked(BOXES[0], said),
        Checked(BOXES[0], None),
        Checked(Seen("Aphis", "1APHIG", 0.5, (0, 0, 1, 1)), None),
        Checked(Seen("Myzus persicae", "", 0.5, (0, 0, 1, 1)), None),  # by a model that names no code
    ]
    picture = CheckedPicture(file_name="a.jpg", width_px=8, height_px=8, boxes=checked, outside=())
    told = coco([picture, picture], "d", at(0).utc)
    assert [(one["id"], one["name"], one["supercategory"]) for one in told["categories"]] == [
        (1, "Helicoverpa armigera", "HELIAR"), (2, HOPPER, "NILALU"), (3, "Aphis", "1APHIG"),
        (4, "Myzus persicae", "MYZUPE"),
    ]  # fmt: skip
    assert [one["id"] for one in told["images"]] == [1, 2]
    assert told["info"] == {"description": "d", "date_created": "2026-07-01T12:00:00+00:00"}
    assert [(one["id"], one["image_id"], one["category_id"]) for one in told["annotations"]] == [
        (1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 1, 4), (5, 2, 1), (6, 2, 2), (7, 2, 3), (8, 2, 4),
    ]  # fmt: skip


def test_a_picture_that_is_gone_is_told_and_left_out(node: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in (node.parent / "store" / "pictures").iterdir():
        file.unlink()
    assert main(["reviewed", "--config", str(node), "--out", str(node.parent / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["pictures"], told["gone"]) == (0, 1)
    assert json.loads((node.parent / "out" / "annotations.json").read_text())["images"] == []


def test_labels_of_before_are_not_replaced(node: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, told = exported(node)
    for file in (node.parent / "store" / "pictures").iterdir():
        file.unlink()
    assert main(["reviewed", "--config", str(node), "--out", str(out)]) == 2
    assert "name a new folder with --out" in capsys.readouterr().err
    assert json.loads((out / "annotations.json").read_text()) == told.dataset


def test_decisions_that_are_newer_or_damaged_are_named_and_left_for_the_node_to_set_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(tmp_path)
    words = ["reviewed", "--config", str(config), "--out", str(tmp_path / "out")]
    Store(load_config(config).store, "north-dyke").close()
    file = tmp_path / "store" / "decisions.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.executescript("PRAGMA user_version = 99; PRAGMA application_id = 99")
    assert main(words) == 1
    assert "written by a newer Fieldeye" in capsys.readouterr().err
    file.write_bytes(b"no database" * 100)
    assert main(words) == 1
    assert "it is damaged; restart the node" in capsys.readouterr().err
    assert file.read_bytes() == b"no database" * 100


def test_a_node_without_a_store_is_named_with_a_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "node.toml"
    config.write_text(
        f'[node]\nsite = "a"\nnode = "b"\n[camera]\nkind = "folder"\n[store]\nfolder = "{tmp_path / "none"}"\n'
    )
    assert main(["reviewed", "--config", str(config), "--out", str(tmp_path)]) == 1
    assert "no store yet" in capsys.readouterr().err


def test_pictures_that_nodes_sent_are_undecided_boxes_for_people_to_label(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger, out = tmp_path / "ledger.jsonl", tmp_path / "coco"
    jpeg = annotate(picture_of("rice_bug.jpg"), BOXES)
    topic = Topic("farm", "n1", "image")
    for name, kind in (("p-1", "picture"), ("p-2", "excerpt"), ("p-q1", "question"), ("p-0", "picture")):
        header = ImageHeader(kind=kind, id=name, bytes=len(jpeg))  # type: ignore[arg-type]
        keep_picture(Picture(topic, header, jpeg), tmp_path / "ledger.jsonl.pictures")
    (damaged,) = (tmp_path / "ledger.jsonl.pictures").rglob("*p-2*.json")
    damaged.write_bytes(damaged.read_bytes().replace(b"excerpt", b"excer\xf0t"))  # by one bit
    (unread,) = (tmp_path / "ledger.jsonl.pictures").rglob("*p-0*.jpg")
    unread.unlink()
    unread.symlink_to("/proc/self/mem")  # gives EIO, as a bad sector does
    words = ["export", "--ledger", str(ledger), "--format", "coco", "--out", str(out)]
    assert platform_main(words) == 0
    assert f"picture_not_read path={unread} " in capsys.readouterr().err
    with contextlib.redirect_stdout(io.StringIO()):
        told = COCO(str(out / "annotations.json"))
    (image,) = told.dataset["images"]
    assert (out / "images" / image["file_name"]).read_bytes() == jpeg
    assert [one["iscrowd"] for one in told.dataset["annotations"]] == [1] * len(BOXES)
    assert {one["name"] for one in told.dataset["categories"]} == {HOPPER, BUG}
    assert platform_main(words) == 2, "a folder that is there stays as it is"


FILLED = """
import os
from pathlib import Path
from edge.annotations import annotate
from edge.cli import platform_main
from edge.platform.ledger.album import Picture, keep_picture
from edge.wire import ImageHeader, Topic
from tests.exports.test_coco import BOXES
from tests.page.scenes import picture_of
disk, jpeg = Path(os.environ["DISK"]), annotate(picture_of("rice_bug.jpg"), BOXES)
for name in ("p-1", "p-2"):
    header = ImageHeader(kind="picture", id=name, bytes=len(jpeg))
    keep_picture(Picture(Topic("farm", "n1", "image"), header, jpeg), disk / "l.pictures")
(disk / "filler").write_bytes(bytes(8_388_608 - len(jpeg) * 7 // 2))
words = ["export", "--ledger", str(disk / "l"), "--format", "coco", "--out", str(disk / "coco")]
print(platform_main(words), sorted(os.listdir(disk)))
(disk / "filler").unlink()
print(platform_main(words), sorted(os.listdir(disk / "coco")))
"""


def test_a_disk_that_fills_keeps_no_half_of_the_pictures_and_the_next_try_has_all() -> None:
    first, *_, last = run_on_small_disk("-c", FILLED).splitlines()
    assert (first, last) == ("1 ['filler', 'l.pictures']", "0 ['annotations.json', 'images']")


@pytest.mark.parametrize(
    ("of", "code", "says"),
    [
        (["--ledger", "nowhere.jsonl"], 1, "have sent no pictures"),
        (["--ledger", "nowhere.jsonl", "--until", "2026-07-12"], 2, "tells no day"),
        (["--database", "postgresql://x/y"], 2, "--ledger"),
    ],
)
def test_pictures_that_are_not_there_are_a_sentence(
    tmp_path: Path, of: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert platform_main(["export", *of, "--format", "coco", "--out", str(tmp_path / "x")]) == code
    assert says in capsys.readouterr().err
