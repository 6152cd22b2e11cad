"""`fieldeye detect` as a person or a script meets it."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.cli import main
from tests.onnx_files import BLUE, RED, picture_with, write_model


@pytest.fixture
def model(tmp_path: Path) -> str:
    (tmp_path / "model").mkdir()
    return str(write_model(tmp_path / "model" / "squares.onnx"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three good pictures, two broken ones, and a file and macOS's shadow that are no pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    write_picture(folder / "a.png", picture_with([(8, 16, BLUE)]))
    write_picture(folder / "c.png", picture_with([(0, 0, RED), (40, 40, BLUE)]))
    write_picture(folder / "d.PNG", picture_with([]))
    whole = (folder / "c.png").read_bytes()
    (folder / "b.png").write_bytes(whole[: len(whole) // 2])
    (folder / "e.jpg").write_bytes(b"")
    (folder / "notes.txt").write_text("not to be looked at")
    (folder / "._a.png").write_bytes(b"\0\5\x16\7")
    return folder


def write_picture(path: Path, picture: np.ndarray) -> None:
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_json_has_one_object_a_picture_in_order_also_for_broken_ones_and_exit_1(
    folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", str(folder), "--model", model, "--json"]) == 1
    results = objects(capsys)
    assert [Path(r["image"]).name for r in results] == ["a.png", "b.png", "c.png", "d.PNG", "e.jpg"]
    assert [r.get("reason") for r in results] == [None, "truncated", None, None, "empty"]
    for broken in (results[1], results[4]):
        assert broken.keys() == {"image", "error", "reason"}
    assert results[3]["detections"] == []


def test_json_has_the_shape_that_the_design_promises(
    folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", str(folder / "a.png"), "--model", model, "--json"]) == 0
    (result,) = objects(capsys)
    assert list(result) == ["image", "width", "height", "model", "ms", "detections"]
    assert (result["image"], result["width"], result["height"]) == (str(folder / "a.png"), 64, 64)
    assert result["model"] == "squares"
    assert result["ms"] > 0
    assert result["detections"] == [{"label": "Pieris", "eppo": "", "confidence": 1.0, "xyxy": [8.0, 16.0, 16.0, 24.0]}]


def test_a_pattern_and_a_file_are_taken_in_the_order_of_the_words(
    folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(folder / "d.PNG"), str(folder / "[ac].png")]
    assert main(["detect", *words, "--model", model, "--json"]) == 0
    assert [Path(r["image"]).name for r in objects(capsys)] == ["d.PNG", "a.png", "c.png"]


def test_a_folder_of_pictures_that_nothing_here_decodes_is_told_one_by_one(
    tmp_path: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "IMG_0001.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(16))
    assert main(["detect", str(tmp_path), "--model", model]) == 1
    assert capsys.readouterr().out.endswith("is no JPEG, PNG, BMP, WebP or TIFF; convert it or take it away\n")


def test_pictures_of_a_folder_that_are_links_to_nothing_or_no_files_are_told_and_not_passed_over(
    tmp_path: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jpg").symlink_to(".git/annex/objects/not-fetched")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    for words in ([str(tmp_path)], [str(tmp_path / "*.jpg")]):
        assert main(["detect", *words, "--model", model]) == 1
        assert capsys.readouterr().out.splitlines() == [
            f"{tmp_path}/a.jpg: is a link to nothing; fetch its file",
            f"{tmp_path}/loop.jpg: is a link to nothing; fetch its file",
            f"{tmp_path}/pipe.jpg: is no file; give a picture",
        ]


def test_where_nothing_is_shown_it_says_what_the_models_are_for(
    folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sticky card with two hundred insects was "nothing" to the model that is looked with by default."""
    for picture, is_told in (("d.PNG", True), ("a.png", False), ("b.png", False)):
        main(["detect", str(folder / picture), "--model", model, "--json"])
        assert ("cards for sticky cards" in capsys.readouterr().err) is is_told


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_twelve_bits_in_a_file_of_sixteen_are_black_and_not_nothing(
    suffix: str, tmp_path: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"microscope.{suffix}"
    values = picture_with([(8, 16, BLUE)]).astype(np.uint16) * 16  # up to 4080
    path.write_bytes(cv2.imencode(path.suffix, values)[1].tobytes())
    assert main(["detect", str(path), "--model", model, "--json"]) == 1
    (result,) = objects(capsys)
    assert result["reason"] == "dark"
    assert result["error"].endswith("if it holds 12 bits in a file of 16, multiply them by 16")
    path.write_bytes(cv2.imencode(path.suffix, values * 16)[1].tobytes())
    assert main(["detect", str(path), "--model", model, "--json"]) == 0
    assert len(objects(capsys)[0]["detections"]) == 1


def test_without_json_there_is_a_line_a_picture_for_people(
    folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", str(folder), "--model", model]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert "a.png: Pieris 1.00" in lines[0]
    assert "cut off" in lines[1]
    assert "d.PNG: nothing" in lines[3]


def test_save_draws_into_a_folder_and_two_pictures_of_one_name_do_not_meet(
    folder: Path, model: str, tmp_path: Path
) -> None:
    (folder / "other").mkdir()
    for name in ("a.png", "a-2.png"):
        write_picture(folder / "other" / name, picture_with([]))
    words = [str(folder / "a.png"), str(folder / "other")]
    assert main(["detect", *words, "--model", model, "--save", str(tmp_path / "out" / "drawn")]) == 0
    saved = {path.name: cv2.imread(str(path)) for path in (tmp_path / "out" / "drawn").iterdir()}
    assert saved.keys() == {"a.jpg", "a-2.jpg", "a-3.jpg"}
    assert saved["a.jpg"].std() > saved["a-3.jpg"].std() + 10  # a box was drawn, and on the grey one none


def test_a_drawn_picture_has_the_same_name_whether_or_not_an_earlier_one_could_be_read(
    folder: Path, model: str, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes((folder / "a.png").read_bytes()[:50])
    words = [str(tmp_path / "a.png"), str(folder / "a.png")]
    assert main(["detect", *words, "--model", model, "--save", str(tmp_path / "drawn")]) == 1
    assert [path.name for path in (tmp_path / "drawn").iterdir()] == ["a-2.jpg"]


def test_pictures_are_not_drawn_over(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "d.png").symlink_to(folder / "d.PNG")
    (tmp_path / "same").symlink_to(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for looked_at, save in ((folder, "pictures"), (folder / "a.png", "same"), (tmp_path / "links", "pictures")):
        assert main(["detect", str(looked_at), "--model", model, "--save", str(tmp_path / save)]) == 2
        told = capsys.readouterr()
        assert (told.out, told.err.count("\n"), "name another folder" in told.err) == ("", 1, True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_confidence_replaces_the_thresholds(folder: Path, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detect", str(folder / "a.png"), "--model", model, "--json", "--confidence", "1"]) == 0
    assert objects(capsys)[0]["detections"] == []


def test_the_faintest_boxes_still_rank(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_picture(tmp_path / "faint.png", picture_with([(8, 16, (236, 0, 0)), (40, 40, (235, 0, 0))]))
    assert main(["detect", str(tmp_path / "faint.png"), "--model", model, "--json", "--confidence", "0"]) == 0
    surer, fainter = (one["confidence"] for one in objects(capsys)[0]["detections"])
    assert surer == pytest.approx(7.8e-6, rel=0.02)  # sigmoid(240 * 236 / 255 - 228)^2
    assert fainter == pytest.approx(1.2e-6, rel=0.02)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["{folder}/none.png"], "none.png: no picture there"),
        (["{folder}/*.gif"], "no picture there"),
        (["{folder}/a.png", "{folder}/none.png"], "none.png"),
        (["{empty}"], "no picture there"),
        (["{folder}/a.png", "--confidence", "1.5"], "--confidence 1.5"),
        (["{folder}/a.png", "--confidence", "nan"], "--confidence nan"),
        (["{folder}/a.png", "--confidence", "-0.1"], "--confidence -0.1"),
        (["{folder}/a.png", "--model", "rats"], "no model 'rats'"),
        (["a.png b.png " * 400], "a.pn…: is longer than the name of a file can be; give each file as a"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2_and_nothing_is_looked_at(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    (tmp_path / "empty").mkdir()
    filled = [word.format(folder=folder, empty=tmp_path / "empty") for word in words]
    assert main(["detect", "--model", model, *filled]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert says in told.err


def test_a_broken_model_is_one_line_and_exit_1(
    folder: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.onnx").write_bytes(Path(model).read_bytes()[:-50])
    assert main(["detect", str(folder), "--model", str(tmp_path / "broken.onnx")]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "broken.onnx" in told.err
    assert told.err.count("\n") == 1


def test_of_a_picture_that_cannot_be_decoded_that_alone_is_said(model: str, tmp_path: Path) -> None:
    fields = b"".join(struct.pack("<HHII", tag, 3, 1, 64) for tag in (256, 257))  # a TIFF of 64x64 px and no pixels
    (tmp_path / "a.tiff").write_bytes(b"II*\0\x08\0\0\0\x02\0" + fields + bytes(4))
    words = [sys.executable, "-m", "edge", "detect", str(tmp_path / "a.tiff"), "--model", model]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=180, check=False)
    assert ended.stdout == f"{tmp_path}/a.tiff: cannot be decoded; take it again\n"
    assert [line.rpartition(": ")[2] for line in ended.stderr.splitlines()] == [
        "neither hash nor golden picture vouch for it"
    ]


def test_a_model_file_without_a_manifest_is_said_to_be_unchecked(
    folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["detect", str(folder / "a.png"), "--model", model, "--json"])
    assert "in no manifest" in capsys.readouterr().err


def test_a_save_folder_that_cannot_be_written_is_wrong_use(
    folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", str(folder / "a.png"), "--model", model, "--save", str(folder / "notes.txt")]) == 2
    assert "--save" in capsys.readouterr().err


def test_of_a_picture_without_colour_on_which_nothing_is_found_it_says_why(
    folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_picture(folder / "green.png", np.full((64, 64, 3), (40, 120, 60), np.uint8))
    for picture, is_told in (("d.PNG", True), ("a.png", False), ("green.png", False)):
        main(["detect", str(folder / picture), "--model", model])
        assert ("without colour" in capsys.readouterr().err) is is_told
