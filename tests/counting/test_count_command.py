"""`fieldeye count` from a folder or a video to counts, and against a person's counts."""

import json
import os
import shutil
import struct
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.bundle import MODELS
from edge.calibration import EVERYTHING, Region
from edge.census import begun
from edge.cli import main
from edge.detections import Detections, no_detections
from edge.ranges import Dispersion, steadied
from edge.tally import ClassAccuracy
from tests.cameras.test_folder import with_exif_time
from tests.counting import cards
from tests.counting.boards import photograph
from tests.counting.cutouts import DEMO
from tests.onnx_files import BLUE, Net, facts, picture_with, write_model

ONE_COLOUR_A_PX = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)

pytestmark = pytest.mark.skipif(not (MODELS / "manifest.json").exists(), reason="no model is built here")


@pytest.fixture(scope="module")
def weevils(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures in time order that show one and the same weevil, and one that is no picture."""
    folder = tmp_path_factory.mktemp("weevils")
    picture = cv2.imread(str(DEMO / "01-weevil-on-leaf.jpg"))
    for k in range(12):
        moved = cv2.warpAffine(picture, np.float64([[1, 0, 2 * k], [0, 1, k]]), picture.shape[1::-1], borderMode=2)
        cv2.imwrite(str(folder / f"{k:02d}.jpg"), moved)
    (folder / "99.jpg").write_bytes(b"\xff\xd8 cut off")
    return folder


def told(capsys: pytest.CaptureFixture[str], *words: object) -> dict:
    assert main(["count", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_weevil_on_twelve_pictures_is_one_visit_and_a_broken_picture_is_skipped(
    weevils: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = told(capsys, weevils, "--mode", "live", "--fps", 2)
    assert {c["label"]: c["count"] for c in result["counts"]}["Curculionidae"] == 1
    assert (result["frames"], sum(result["skipped"].values()), result["unit"]) == (12, 1, "visits")


def test_a_video_counts_as_its_frames_do(weevils: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [cv2.imread(str(p)) for p in sorted(weevils.glob("0*.jpg"))]
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5, frames[0].shape[1::-1])
    for frame in frames:
        writer.write(frame)
    writer.release()
    result = told(capsys, tmp_path / "a.avi", "--mode", "live")
    assert {c["label"]: c["count"] for c in result["counts"]}["Curculionidae"] == 1
    assert result["frames"] == len(frames)


def recorded(at: Path, pictures: list[np.ndarray]) -> Path:
    """Of a stream, 5 a second, each at the time when it came: such a film does not say how many come in a second."""
    path = at / "recorded.mkv"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"FFV1"), 5, pictures[0].shape[1::-1])
    for picture in pictures:
        writer.write(picture)
    writer.release()
    film = bytearray(path.read_bytes())
    rate_at = film.index(b"\x23\xe3\x83\x84")  # DefaultDuration, four bytes; RFC 9559
    film[rate_at : rate_at + 8] = b"\xec\x86" + bytes(6)  # Void
    for number in range(1, 12):
        at_ms = film.index(b"\x81" + struct.pack(">hx", 200 * number)) + 1  # of a SimpleBlock of track 1
        struct.pack_into(">h", film, at_ms, 200 * number + 37 * number % 101)
    path.write_bytes(film)
    return path


def test_a_film_is_counted_by_the_time_of_each_frame_and_not_by_a_guess_at_frames_a_second(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen, gone = (picture_with(squares) for squares in ([(16, 16, BLUE)], []))
    film = recorded(tmp_path, [seen] * 5 + [gone] * 20 + [seen] * 5)
    assert cv2.VideoCapture(str(film)).get(cv2.CAP_PROP_FPS) > 100
    result = told(capsys, film, "--mode", "live", "--model", write_model(tmp_path / "squares.onnx"), "--all")
    assert [(one["label"], one["count"]) for one in result["counts"]] == [("Pieris", 2)]


def test_a_trap_counts_nothing_new_on_pictures_of_one_insect(weevils: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = told(capsys, weevils, "--mode", "trap", "--model", "pests")
    assert result["counts"] == []
    assert (result["frames"], result["skipped"]) == (11, {"not_an_image": 1, "unmatched": 1})
    assert result["card"]["present"] >= 1


def test_a_single_picture_of_a_card_tells_what_is_on_it_and_no_zero_of_what_is_new(
    weevils: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(weevils / "00.jpg", tmp_path)
    assert main(["count", str(tmp_path), "--mode", "trap", "--model", "pests"]) == 0
    first, card = capsys.readouterr().out.splitlines()
    assert first == "trap: 0 pictures counted, 1 not (unmatched 1)"
    cv2.imwrite(str(tmp_path / "01.png"), photograph(0)[0])
    result = told(capsys, tmp_path, "--mode", "trap", "--model", "pests", "--all")
    assert result["skipped"] == {"board": 1, "unmatched": 1}
    assert card.startswith(f"card: present {result['card']['present']}, ")


def test_a_leaf_seen_twelve_times_is_one_leaf(weevils: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = told(capsys, weevils, "--mode", "leaf", "--model", "pests")
    assert (result["leaf"]["leaves"], result["skipped"]["same_leaf"]) == (1, 11)


@pytest.fixture(scope="module")
def by_night(weevils: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures by day, one in which nothing can be told and one by infrared light."""
    folder = tmp_path_factory.mktemp("by_night")
    for name in ("00.jpg", "01.jpg"):
        shutil.copy(weevils / name, folder)
    picture = cv2.imread(str(weevils / "02.jpg"))
    cv2.imwrite(str(folder / "02.jpg"), picture // 20)
    cv2.imwrite(str(folder / "03.jpg"), cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    return folder


@pytest.mark.parametrize("mode", ["live", "trap", "leaf"])
def test_a_picture_whose_light_a_node_passes_over_is_not_counted_either(
    mode: str, by_night: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "truth.csv").write_text("picture,count\n00.jpg,1\n02.jpg,0\n03.jpg,1\n")
    words = [by_night, "--mode", mode, "--model", "pests", "--against", tmp_path / "truth.csv"]
    result = told(capsys, *words)
    assert (result["skipped"].get("dark"), result["skipped"].get("colourless")) == (1, 1)
    assert result["against"]["n"] == 1
    result = told(capsys, *words, "--all")
    assert not result["skipped"].keys() & {"dark", "colourless"}
    assert result["against"]["n"] == 3


def test_where_no_picture_has_light_it_says_what_counts_them_all_the_same(
    by_night: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(by_night / "03.jpg", tmp_path)
    assert main(["count", str(tmp_path), "--mode", "leaf"]) == 2
    assert "no picture there can be used (colourless 1); give others, or --all" in capsys.readouterr().err
    result = told(capsys, tmp_path, "--mode", "trap", "--model", "pests")
    assert result["skipped"] == {"unmatched": 1}  # a monochrome camera's card, of which it is the first picture


def test_pictures_that_are_links_to_nothing_or_no_files_are_counted_as_unreadable(
    weevils: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    shutil.copy(weevils / "00.jpg", folder)
    (folder / "01.jpg").symlink_to("not-fetched.jpg")
    (folder / "02.jpg").symlink_to("02.jpg")
    os.mkfifo(folder / "03.jpg")
    result = told(capsys, folder, "--mode", "trap", "--model", "pests", "--save", tmp_path / "drawn")
    assert result["skipped"] == {"unmatched": 1, "unreadable": 3}


def test_a_weevil_on_a_leaf_makes_it_no_sicker(weevils: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = told(capsys, weevils, "--mode", "leaf", "--model", "pests")
    assert [one["label"] for one in result["counts"]] == ["Curculionidae"]
    assert result["leaf"] == {"leaves": 1, "severity": None}


def test_the_text_tells_why_pictures_were_not_counted(weevils: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["count", str(weevils), "--mode", "leaf", "--model", "pests"]) == 0
    assert capsys.readouterr().out.startswith("leaf: 1 pictures counted, 12 not (not_an_image 1, same_leaf 11)\n")


@pytest.fixture(scope="module")
def coffee(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """Three drawn leaves on white paper with 0, 6 and 14 brown spots, and the share of each leaf that is spots."""
    folder, shares = tmp_path_factory.mktemp("coffee"), []
    for seed, spots in enumerate((0, 6, 14)):
        chance = np.random.default_rng(seed + 1)
        leaf, lesion = np.zeros((480, 640), np.uint8), np.zeros((480, 640), np.uint8)
        cv2.ellipse(leaf, (320, 240), (270, 130), 0, 0, 360, (1,), -1)
        for _ in range(spots):
            cv2.circle(lesion, (int(chance.integers(120, 520)), int(chance.integers(170, 310))), 18, (1,), -1)
        picture = np.full((480, 640, 3), 235.0)
        picture[leaf > 0] = (50, 120, 60)
        picture[(leaf & lesion) > 0] = (40, 80, 140)
        picture[leaf > 0] += chance.normal(0, 8, (int(leaf.sum()), 3))
        cv2.imwrite(str(folder / f"{spots:02d}.png"), picture.clip(0, 255).astype(np.uint8))
        shares.append(float((leaf & lesion).sum() / leaf.sum()))
    return folder, shares


def test_a_crop_with_a_leaf_network_has_severity_and_stress_from_it(
    coffee: tuple[Path, list[float]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, shares = coffee
    words = [folder, "--mode", "leaf", "--model", "diseases-int8"]
    plain, read = (told(capsys, *words, *more)["leaf"] for more in ((), ("--crop", "coffee")))
    assert read["severity"] == pytest.approx(float(np.mean(shares)), abs=0.02)
    assert plain["severity"] > 0.0
    assert read["leaves"] == sum(read["stresses"].values()) + 1  # the healthy one rules nothing
    assert "limits fitted" in read["scale"]
    assert 0.0 < read["index"] <= 100.0
    assert plain.keys() == {"leaves", "severity"}, "nobody said which crop's scale its grades would be of"


def test_no_more_leaves_are_affected_than_were_looked_at(
    coffee: tuple[Path, list[float]], capsys: pytest.CaptureFixture[str]
) -> None:
    result = told(capsys, coffee[0], "--mode", "leaf")
    assert result["model"].startswith("diseases@")
    assert result["counts"]
    assert all(count["high"] <= 3 for count in result["counts"])


def test_a_disease_is_told_as_a_share_of_the_leaves_too(
    coffee: tuple[Path, list[float]], capsys: pytest.CaptureFixture[str]
) -> None:
    first, *_ = told(capsys, coffee[0], "--mode", "leaf")["counts"]
    assert first["count"] in {1, 2, 3}
    assert first["incidence"] == round(first["count"] / 3, 4)
    assert main(["count", str(coffee[0]), "--mode", "leaf"]) == 0
    assert f", {first['count'] / 3:.0%} of the leaves" in capsys.readouterr().out


def test_where_the_board_lies_on_each_picture_of_a_card_nothing_is_told_and_no_zero(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(tmp_path / "board.png"), photograph(0)[0])
    assert main(["count", str(tmp_path), "--mode", "trap"]) == 2
    assert "no picture there can be used (board 1)" in capsys.readouterr().err


@pytest.mark.parametrize("crop", [(), ("--crop", "coffee")])
def test_soil_and_walls_are_no_healthy_leaves_and_no_sick_ones(
    crop: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wall, words = np.full((240, 320, 3), (70, 90, 170), np.uint8), [tmp_path, "--mode", "leaf", *crop]
    wall[::24] = wall[:, ::40] = (160, 165, 170)
    cv2.imwrite(str(tmp_path / "wall.png"), wall)
    shutil.copy(DEMO / "10-root-grubs.jpg", tmp_path / "soil.jpg")
    assert main(["count", *map(str, words)]) == 2
    assert "no picture there can be used (no_leaf 2)" in capsys.readouterr().err
    shutil.copy(DEMO / "12-rice-leaves.jpg", tmp_path / "rice.jpg")
    (tmp_path / "truth.csv").write_text("picture,count\nwall.png,0\nrice.jpg,0\n")
    result = told(capsys, *words, "--against", tmp_path / "truth.csv")
    assert (result["skipped"], result["leaf"]["leaves"], result["against"]["n"]) == ({"no_leaf": 2}, 1, 1)


def test_a_leaf_that_is_brown_all_over_is_one_where_a_lesion_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_model(tmp_path / "squares.onnx", Net(metadata=facts(("Hemileia vastatrix", "Aleyrodidae"))))
    brown = np.full((64, 64, 3), (70, 90, 170), np.uint8)
    brown[::16] = (60, 80, 150)
    cv2.imwrite(str(tmp_path / "wall.png"), brown)
    brown[16:24, 16:24] = BLUE
    cv2.imwrite(str(tmp_path / "sick.png"), brown)
    result = told(capsys, tmp_path, "--mode", "leaf", "--model", model, "--all")
    assert (result["frames"], result["skipped"]) == (1, {"no_leaf": 1})
    assert [(one["label"], one["incidence"]) for one in result["counts"]] == [("Hemileia vastatrix", 1.0)]


def test_a_folder_of_single_pictures_is_counted_as_a_node_counts_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    differ, folder = Dispersion(precision=0.5, recall=1.0), tmp_path / "pictures"
    model = write_model(tmp_path / "squares.onnx", Net(metadata=facts(dispersion=asdict(differ))))
    folder.mkdir()
    for name, squares in (("1", [(16, 16, BLUE)]), ("2", [(0, 0, BLUE), (32, 32, BLUE)]), ("3", [(16, 16, BLUE)])):
        cv2.imwrite(str(folder / f"{name}.png"), picture_with(squares))
    words = [folder, "--mode", "live", "--model", model, "--all"]
    result = told(capsys, *words, "--save", tmp_path / "drawn")
    assert result["unit"] == "max_per_frame"
    assert [(one["label"], one["count"]) for one in result["counts"]] == [("Pieris", 2)]
    node = ClassAccuracy("", steadied(0.9, 20), steadied(0.8, 20), differ).counted(2, "Pieris", "max_per_frame")
    assert [(one["low"], one["high"]) for one in result["counts"]] == [(node.low, node.high)]
    assert main(["count", *map(str, words)]) == 0
    assert "Pieris: 2 on one picture at most (" in capsys.readouterr().out
    assert told(capsys, *words, "--fps", 1)["unit"] == "visits"


def test_what_is_new_can_be_compared_only_where_insects_are_followed(
    weevils: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "truth.csv").write_text("picture,new\n00.jpg,1\n01.jpg,0\n")
    words = ["count", str(weevils), "--mode", "live", "--against", str(tmp_path / "truth.csv")]
    assert main(words) == 2
    assert "truth.csv: without --fps no insect of a folder is known again" in capsys.readouterr().err
    assert main([*words, "--fps", "2"]) == 0


def test_single_pictures_of_insects_are_not_passed_off_as_no_visit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.jpg").write_bytes((DEMO / "01-weevil-on-leaf.jpg").read_bytes())
    assert main(["count", str(tmp_path), "--mode", "live", "--fps", "1"]) == 0
    seen = capsys.readouterr()
    assert "none: 0 visits" in seen.out
    assert "fieldeye detect" in seen.err


def test_pictures_are_saved_with_numbers(weevils: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = Path(shutil.copytree(weevils, tmp_path / "pictures"))
    shutil.copy(pictures / "00.jpg", pictures / "00.jpeg")
    (pictures / "01.jpeg").write_bytes(b"no picture")
    told(capsys, pictures, "--mode", "live", "--save", tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").glob("*.jpg")}
    assert len(names) == 13
    assert names >= {"00.jpg", "00-2.jpg", "01-2.jpg"}  # 01.jpeg, which cannot be read, has its name all the same


def test_counts_are_compared_with_those_of_a_person(
    weevils: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "truth.csv").write_text("picture,count\n00.jpg,1\n01.jpg,1\n02.jpg,3\n")
    against = told(capsys, weevils, "--mode", "live", "--against", tmp_path / "truth.csv", "--threshold", 2)["against"]
    assert (against["n"], against["what"], against["missed"], against["false_alarms"]) == (3, "count", 1, 0)
    assert against["bias"] == pytest.approx(-2 / 3)


def test_pictures_are_not_drawn_over(weevils: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.name: path.read_bytes() for path in weevils.iterdir()}
    assert main(["count", str(weevils), "--mode", "live", "--save", str(weevils)]) == 2
    told = capsys.readouterr().err
    assert (told.count("\n"), f"{weevils / '00.jpg'} itself lies there" in told) == (1, True)
    assert {path.name: path.read_bytes() for path in weevils.iterdir()} == before


def test_a_truth_as_excel_writes_it_is_read_and_names_that_were_not_counted_are_told(
    weevils: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "truth.csv").write_text("picture,count\n00.jpg,1\nOO.jpg,2\n99.jpg,3\n", "utf-8-sig")
    assert main(["count", str(weevils), "--mode", "live", "--against", str(tmp_path / "truth.csv"), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["against"]["n"] == 1
    assert "truth.csv: 2 of its 3 pictures (OO.jpg) were not counted" in told.err


def test_a_folder_is_counted_by_the_pictures_own_times_not_by_names_that_roll_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, folder = write_model(tmp_path / "squares.onnx"), tmp_path / "phone"
    folder.mkdir()
    (folder / "._IMG_9996.jpg").write_bytes(b"\0\5\x16\7")
    seen, gone = (picture_with(squares) for squares in ([(16, 16, BLUE)], []))
    for second, picture in enumerate([gone, gone, seen, seen, seen, gone, gone, gone]):
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 100, *ONE_COLOUR_A_PX])[1].tobytes()
        name = f"IMG_{(9996 + second) % 10_000:04}.jpg"
        (folder / name).write_bytes(with_exif_time(jpeg, b"2026:07:01 06:00:%02d" % second))
    result = told(capsys, folder, "--mode", "live", "--fps", 1, "--model", model, "--all")
    assert [(one["label"], one["count"]) for one in result["counts"]] == [("Pieris", 1)]
    assert (result["frames"], result["skipped"]) == (8, {})


@pytest.mark.parametrize(
    "words",
    [
        ["nowhere", "--mode", "live"],
        ["{}", "--mode", "live", "--fps", "0"],
        ["{}", "--mode", "live", "--against", "none.csv"],
        ["{}", "--mode", "live", "--threshold", "3"],
        ["{}", "--mode", "live", "--crop", "coffee"],
        ["{}", "--mode", "leaf", "--crop", "unheard-of"],
    ],
)
def test_what_cannot_be_counted_is_wrong_use(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["count", *[word.format(tmp_path) for word in words]]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_pictures_too_far_apart_for_visits_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["count", str(tmp_path), "--mode", "live", "--fps", "0.003"]) == 2
    assert "--fps 0.003: pictures more than 5 minutes apart show no visits" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [("image,count\n", "columns"), ("picture,count\na.jpg,many\n", "line 2"), ("", "columns"),
     ("picture,count\n\na.jpg,1\nb.jpg,-1\n", "line 4: '-1' is not 0 or more"),
     ("picture,count\na.jpg,1,5\n", "truth.csv:2: has more cells than columns"),
     ("picture,count\na.jpg,nan\n", "line 2"), ("count,picture\n1\n", "line 2: names no picture")],
)  # fmt: skip
def test_a_truth_that_cannot_be_read_names_file_line_and_remedy(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "truth.csv").write_text(text)
    assert main(["count", str(tmp_path), "--mode", "live", "--against", str(tmp_path / "truth.csv")]) == 2
    message = capsys.readouterr().err
    assert "truth.csv" in message
    assert says in message


def test_a_board_beside_the_region_that_counts_leaves_a_card_to_be_looked_at() -> None:
    picture, beside = photograph(0)[0], Region(((0, 0), (0.1, 0), (0.1, 1), (0, 1)))
    nothing = np.empty(0, np.bool_)
    skipped = [
        replace(begun("trap", 1), region=region).looked(no_detections(), nothing, 0.0, picture)[1].skipped
        for region in (EVERYTHING, beside)
    ]
    assert skipped == ["board", ""]


def test_a_disease_that_the_model_is_not_sure_of_affects_no_leaf() -> None:
    boxes = np.array([[10, 10, 40, 40], [60, 10, 90, 40]], np.float32)
    found = Detections(boxes, np.array([0.9, 0.3], np.float32), np.array([0, 1], np.int64))
    _, step = begun("leaf", 2).looked(found, np.array([True, False]), 0.0, photograph(0)[0])
    assert step.counted.tolist() == [0]


def test_a_census_of_each_mode_counts_one_insect_once() -> None:
    picture = next(
        cards.series(np.random.default_rng(1), 1, cards.drawn_ground(np.random.default_rng(1)), start=10, dew=0)
    )
    empty = Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64))
    found, sure = cards.detected(picture, np.random.default_rng(2))
    for mode, counts in (("live", len(found)), ("trap", 0), ("leaf", 1)):
        census, total = begun(mode, 1), 0
        for k in range(6):
            census, step = census.looked(found, sure, k / 2, picture.image)
            total += len(step.counted)
        assert total == counts
        assert sorted(step.number) == ([*range(1, counts + 1)] if mode == "live" else [0] * len(found))
        census, step = census.looked(empty, np.empty(0, np.bool_), 3.0, picture.image)
        assert len(step.counted) == 0


@pytest.mark.parametrize("mode", ["live", "trap"])
def test_where_a_model_finds_none_of_what_it_knows_it_says_what_the_models_are_for(
    mode: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_model(tmp_path / "squares.onnx")
    for squares, is_told in (([], True), ([(16, 16, BLUE)], False)):
        folder = tmp_path / str(is_told)
        folder.mkdir()
        for name in ("a", "b"):
            cv2.imwrite(str(folder / f"{name}.png"), picture_with(squares))
        assert main(["count", str(folder), "--mode", mode, "--model", str(model), "--all"]) == 0
        assert ("cards for sticky cards" in capsys.readouterr().err) is is_told
