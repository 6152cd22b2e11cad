"""Detections of real, tiny ONNX models whose right answer is known on paper."""

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.boxes import fit_into, iou
from edge.bundle import MODELS, Tile, load_bundle
from edge.calibration import Region
from edge.cameras.pictures import read_picture
from edge.detections import Detections
from edge.detector import Detector
from edge.errors import BadFrameError, BundleError
from edge.eye import Eye
from tests.onnx_files import BLUE, RED, Net, facts, picture_with, write_model

GOLDEN = MODELS / "golden"
Cells = dict[tuple[int, int], tuple[int, int, int]]  # column and row of a square, and its colour


def squares_in(columns: int, rows: int) -> st.SearchStrategy[Cells]:
    """Squares of a cell that do not touch below or to the right, so that no larger square of one colour arises."""
    places = st.tuples(st.integers(0, columns - 1), st.integers(0, rows - 1))
    return st.dictionaries(places, st.sampled_from([BLUE, RED]), max_size=10).map(
        lambda cells: {(x, y): c for (x, y), c in cells.items() if not cells.keys() & {(x + 1, y), (x, y + 1)}}
    )


def expected(cells: Cells) -> set[tuple[int, ...]]:
    """What `seen` must be for them."""
    return {(int(colour == RED), 8 * x, 8 * y, 8 * x + 8, 8 * y + 8) for (x, y), colour in cells.items()}


def detector(tmp_path: Path, net: Net | None = None, confidence: float | None = None, **changes: Any) -> Detector:
    path = write_model(tmp_path / "squares.onnx", net or Net(metadata=facts(**changes)))
    return Detector(load_bundle(path), confidence=confidence)


def seen(found: Detections) -> set[tuple[int, ...]]:
    """Class and box of each detection, in whole px."""
    return {(int(c), *np.rint(box).astype(int).tolist()) for c, box in zip(found.class_id, found.xyxy, strict=True)}


@pytest.fixture(scope="module", params=[False, True], ids=["the square alone", "any size"])
def squares(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return detector(tmp_path_factory.mktemp("squares"), Net(any_size=request.param))


@given(cells=squares_in(8, 8))
def test_every_insect_of_a_picture_is_found_with_its_class_and_place(squares: Detector, cells: Cells) -> None:
    found = squares(picture_with([(8 * x, 8 * y, colour) for (x, y), colour in cells.items()]))
    assert seen(found) == expected(cells)


@pytest.mark.parametrize(("left", "top"), [(0, 0), (32, 16), (48, 48)])
def test_a_larger_insect_is_found_on_a_coarser_level(squares: Detector, left: int, top: int) -> None:
    picture = np.full((64, 64, 3), 114, np.uint8)
    picture[top : top + 16, left : left + 16] = RED
    assert (1, left, top, left + 16, top + 16) in seen(squares(picture))


@pytest.mark.parametrize(("width_px", "height_px", "scale"), [(128, 96, 2), (192, 192, 3), (256, 64, 4), (64, 40, 1)])
def test_boxes_are_in_px_of_the_source_picture(squares: Detector, width_px: int, height_px: int, scale: int) -> None:
    picture = np.full((height_px, width_px, 3), 114, np.uint8)
    picture[8 * scale : 16 * scale, 24 * scale : 32 * scale] = BLUE
    assert seen(squares(picture)) == {(0, 24 * scale, 8 * scale, 32 * scale, 16 * scale)}


@pytest.mark.parametrize(("sides", "points"), [((128, 96), 8 * 6 + 4 * 3), ((20, 640), 2 * 8 + 1 * 4), ((64, 64), 80)])
def test_the_grey_that_a_picture_leaves_of_the_square_is_not_looked_at(
    tmp_path: Path, sides: tuple[int, int], points: int
) -> None:
    width_px, height_px = sides
    looks = detector(tmp_path, Net(any_size=True)), detector(tmp_path)
    for look in looks:
        look.prepare(np.full((height_px, width_px, 3), 114, np.uint8))
    assert [look.infer().shape[1] for look in looks] == [points, 8 * 8 + 4 * 4]


def test_a_picture_upright_after_one_that_lies_is_looked_at_as_if_alone(squares: Detector) -> None:
    lying, upright = picture_with([(48, 8, RED)], 64, 32), picture_with([(8, 48, BLUE)], 32, 64)
    for _ in range(2):
        assert seen(squares(lying)) == {(1, 48, 8, 56, 16)}
        assert seen(squares(upright)) == {(0, 8, 48, 16, 56)}


@pytest.mark.parametrize("strides", [(8, 12), (12, 8), (16, 8)])
def test_each_stride_divides_what_is_looked_at(tmp_path: Path, strides: tuple[int, ...]) -> None:
    spec = facts()["input"] | {"side_px": 96}
    net = Net(any_size=True, strides=strides, side_px=96, metadata=facts(input=spec, strides=list(strides)))
    look = detector(tmp_path, net)
    look.prepare(np.full((36, 96, 3), 114, np.uint8))
    assert look.infer().shape[1] == sum(96 // stride * (48 // stride) for stride in strides)


def test_a_read_only_frame_and_a_cut_out_of_one_are_looked_at_as_well(squares: Detector) -> None:
    picture = np.full((128, 128, 3), 114, np.uint8)
    picture[72:80, 88:96] = RED
    picture.setflags(write=False)
    assert seen(squares(picture[64:, 64:])) == {(1, 24, 8, 32, 16)}


def test_nothing_is_left_of_the_picture_before(squares: Detector) -> None:
    squares(picture_with([(0, 0, RED), (56, 56, BLUE)]))
    assert len(squares(np.full((20, 64, 3), 114, np.uint8))) == 0


def test_an_empty_picture_is_a_bad_frame(squares: Detector) -> None:
    with pytest.raises(BadFrameError):
        squares(np.empty((0, 64, 3), np.uint8))


def test_detections_stand_strongest_first(tmp_path: Path) -> None:
    picture = picture_with([(0, 0, BLUE), (16, 16, BLUE), (32, 32, BLUE)])
    picture[0, 0:2] = 114  # two px of 64 are wrong: less sure
    picture[16, 16] = 114
    found = detector(tmp_path, confidence=0.001)(picture)
    assert found.confidence.tolist() == sorted(found.confidence.tolist(), reverse=True)
    assert found.xyxy[:3, 0].tolist() == [32, 16, 0]


def spoilt_blue(px: int) -> tuple[np.ndarray, float]:
    """A blue square with `px` of its 64 px grey, and the score that the network must give it, worked out on paper."""
    picture = picture_with([(16, 16, BLUE)])
    picture[16, 16 : 16 + px] = 114
    share = px / 64
    # of 255: objectness is blue + red - green, the class is blue - red; grey counts 114 and 0
    objectness = 12 - 240 * share * (1 - 114 / 255)
    class_logit = 12 - 240 * share
    return picture, 1 / (1 + math.exp(-objectness)) / (1 + math.exp(-class_logit))


@pytest.mark.parametrize("px", [2, 3, 4])
def test_confidence_is_objectness_times_class(tmp_path: Path, px: int) -> None:
    picture, score = spoilt_blue(px)
    found = detector(tmp_path, confidence=0.01)(picture)
    assert found.confidence[0] == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_calibrates_the_confidence_and_the_threshold_is_of_the_calibrated(
    tmp_path: Path, temperature: float
) -> None:
    picture, score = spoilt_blue(3)
    calibrated = 1 / (1 + math.exp(-math.log(score / (1 - score)) / temperature))
    for confidence, expected in ((calibrated - 0.02, 1), (calibrated + 0.02, 0)):
        found = detector(tmp_path, confidence=confidence, temperature=temperature)(picture)
        assert len(found) == expected
        assert found.confidence.tolist() == pytest.approx([calibrated] * expected, abs=1e-3)


def test_each_class_has_its_own_threshold_and_confidence_replaces_them_all(tmp_path: Path) -> None:
    classes = [facts()["classes"][0] | {"threshold": 0.9}, facts()["classes"][1] | {"threshold": 0.1}]
    picture = picture_with([(16, 16, BLUE), (40, 40, RED)])
    picture[16, 16:19] = picture[40, 40:43] = 114  # each has 0.66
    assert detector(tmp_path, classes=classes)(picture).class_id.tolist() == [1]
    assert len(detector(tmp_path, classes=classes, confidence=0.5)(picture)) == 2
    assert len(detector(tmp_path, classes=classes, confidence=0.8)(picture)) == 0


def looked_at(detector: Detector, least: float, *names: tuple[float, float]) -> Detections:
    """What follows, at this least confidence, when neighbouring grid points see the same box with these logits each."""
    raw = np.full((1, 80, 7), -20, np.float32)
    for point, logits in enumerate(names):
        raw[0, point] = [0.5 - point, 0.5, 0, 0, 20, *logits]  # 8x8 px at the left upper corner
    return detector.decode(raw, fit_into(64, 64, 64), np.array([least, least], np.float32))


TWO_NAMES = pytest.mark.parametrize("names", [[(3.0, 1.0)], [(3.0, -20.0), (-20.0, 1.0)]])  # 0.95 and 0.73


@TWO_NAMES
def test_an_insect_is_shown_under_one_name_the_surest(squares: Detector, names: list[tuple[float, float]]) -> None:
    assert looked_at(squares, 0.5, *names).class_id.tolist() == [0]


@TWO_NAMES
def test_a_second_name_is_heard_as_unsure_by_who_asks_for_less(
    squares: Detector, names: list[tuple[float, float]]
) -> None:
    found = looked_at(squares, 0.05, *names)
    assert found.class_id.tolist() == [0, 1]
    assert found.confidence[1] == np.nextafter(np.float32(0.5), np.float32(0))
    assert found.confidence[1] < squares.thresholds[1]


def test_a_second_name_that_fell_is_fainter_than_another_insect(squares: Detector) -> None:
    there, elsewhere = [0.5, 0.5, 0, 0, 20, 3.0, 2.0], [0.5, 0.5, 0, 0, 20, -20, 1.0]  # 0.95 and 0.88; 0.73
    found = decoded(squares, (0.05, 0.05), there, elsewhere)
    assert found.class_id.tolist() == [0, 1, 1]
    assert found.xyxy[:, 0].tolist() == pytest.approx([0, 8, 0], abs=1e-3)


def test_an_insect_has_one_name_also_at_a_lower_confidence_than_the_bundle_s(tmp_path: Path) -> None:
    assert looked_at(detector(tmp_path, confidence=0.1), 0.1, (3.0, -1.0)).class_id.tolist() == [0]


def test_an_insect_has_one_name_also_at_a_higher_confidence_than_the_bundle_s(tmp_path: Path) -> None:
    found = looked_at(detector(tmp_path, confidence=0.9), 0.05, (1.0, 0.5))  # 0.73 and 0.62
    assert found.confidence.tolist() == pytest.approx([0.731, 0.5], abs=1e-3)


def decoded(detector: Detector, thresholds: tuple[float, float], *points: list[float]) -> Detections:
    """What follows from the logits of the first grid points, 8 px apart; the others see nothing."""
    raw = np.full((1, 80, 7), -20, np.float32)
    raw[0, : len(points)] = points
    return detector.decode(raw, fit_into(64, 64, 64), np.array(thresholds, np.float32))


def test_who_is_too_unsure_to_be_shown_has_a_say_in_where_a_box_lies(squares: Detector) -> None:
    sure, unsure = 20.0, math.log(0.6 / 0.4)  # class logits: confidence 1 and 0.6
    found = decoded(squares, (0.7, 0.7), [0.5, 0.5, 0, 0, 20, sure, -20], [-0.375, 0.5, 0, 0, 20, unsure, -20])
    assert len(found) == 1
    assert found.xyxy[0] == pytest.approx([0.6 / 1.6, 0, 8 + 0.6 / 1.6, 8], abs=0.01)


@pytest.mark.parametrize(("off_px", "names"), [(1.0, [0]), (1.5, [0, 1])])
def test_a_box_of_seven_tenths_in_common_is_a_second_name_and_one_of_less_a_second_insect(
    squares: Detector, off_px: float, names: list[int]
) -> None:
    points = [0.5, 0.5, 0, 0, 20, 3, -20], [off_px / 8 - 0.5, 0.5, 0, 0, 20, -20, 2]
    assert decoded(squares, (0.5, 0.5), *points).class_id.tolist() == names


def test_a_class_of_a_low_threshold_is_found_where_little_speaks_for_any_object(squares: Detector) -> None:
    assert decoded(squares, (0.9, 0.1), [0.5, 0.5, 0, 0, -1, -20, 20]).class_id.tolist() == [1]  # confidence 0.27


def test_an_insect_that_fills_the_picture_has_a_box_that_fills_it(squares: Detector) -> None:
    assert decoded(squares, (0.5, 0.5), [4, 4, 3, 3, 20, 20, -20]).xyxy.tolist() == [[0, 0, 64, 64]]


@pytest.mark.parametrize(("width_px", "height_px"), [(64, 40), (40, 64)])
def test_what_is_seen_in_the_grey_beside_a_picture_is_no_insect(
    squares: Detector, width_px: int, height_px: int
) -> None:
    found = []
    for sides in ((64, 64), (width_px, height_px)):
        fit = squares.prepare(np.full((sides[1], sides[0], 3), 114, np.uint8))
        raw = np.full_like(squares.infer(), -20)
        raw[0, raw.shape[1] * 4 // 5 - 1] = [0.5, 0.5, 0, 0, 20, 20, -20]  # 8x8 px at the right lower corner
        found.append(squares.decode(raw, fit, squares.thresholds))
    assert [len(one) for one in found] == [1, 0]


def test_numbers_of_another_kind_than_promised_are_refused(squares: Detector) -> None:
    with pytest.raises(BundleError, match="float64"):
        squares.decode(np.full((1, 80, 7), -20.0), fit_into(64, 64, 64), squares.thresholds)


def test_a_model_at_other_thresholds_is_another_one_to_whoever_keeps_what_it_saw(tmp_path: Path) -> None:
    usual, lower = detector(tmp_path), detector(tmp_path, confidence=0.1)
    assert usual.identity == detector(tmp_path).identity != lower.identity


def test_names_below_the_bundle_s_thresholds_are_heard_by_who_asks_for_them(squares: Detector) -> None:
    found = looked_at(squares, 0.05, (3.0, -1.0))  # confidence 0.95 and 0.27
    assert found.class_id.tolist() == [0, 1]
    assert found.confidence.tolist() == pytest.approx([1 / (1 + math.exp(-3)), 1 / (1 + math.exp(1))], abs=1e-4)


@pytest.mark.parametrize("name", ["pests", "diseases"])
def test_what_is_shown_lies_where_it_lies_for_who_asks_for_all(name: str) -> None:
    bundle = load_bundle(MODELS / f"{name}.onnx")
    for picture in sorted(GOLDEN.glob("*.jpg")):
        image = read_picture(picture)
        look = Detector(bundle)
        shown, everything = look(image), look.found(image, np.full_like(look.thresholds, 0.01))
        sure = everything.where(everything.confidence >= bundle.thresholds[everything.class_id])
        assert np.allclose(shown.xyxy, sure.xyxy, atol=1e-3)
        assert np.array_equal(shown.class_id, sure.class_id)


def test_a_network_that_takes_rgb_is_given_rgb(tmp_path: Path) -> None:
    spec = facts()["input"] | {"colour": "RGB"}
    found = detector(tmp_path, input=spec)(picture_with([(8, 8, BLUE)]))
    assert found.class_id.tolist() == [1]  # what it was told is red


@pytest.mark.parametrize(("mean", "std"), [(100, 50), (100, 1), (0, 50)])
def test_mean_and_deviation_are_applied_also_one_without_the_other(tmp_path: Path, mean: int, std: int) -> None:
    spec = facts()["input"] | {"mean": [mean] * 3, "std": [std] * 3}
    taker = detector(tmp_path, input=spec)
    taker.prepare(picture_with([(0, 0, BLUE)]))
    raw = taker.infer()
    plain = detector(tmp_path)
    plain.prepare(picture_with([(0, 0, BLUE)]))
    gain = 240 / 255  # of the objectness logit, a value of the mean blue + red - green
    assert plain.infer()[0, 0, 4] == pytest.approx(12, abs=0.01)
    assert raw[0, 0, 4] == pytest.approx((255 - mean) / std * gain - 228, abs=0.01)


@pytest.mark.parametrize(("confidence", "expected"), [(0.0, 1), (1.0, 0)])
def test_the_ends_of_the_scale_are_allowed_as_thresholds(tmp_path: Path, confidence: float, expected: int) -> None:
    assert len(detector(tmp_path, confidence=confidence)(picture_with([(8, 8, BLUE)]))) == expected


TILES = {"side_px": 64, "overlap_px": 16}


@pytest.fixture(scope="module")
def squares_in_tiles(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return detector(tmp_path_factory.mktemp("tiles"), tile=TILES)


@given(cells=squares_in(20, 14))
def test_a_picture_in_tiles_gives_each_insect_once(squares_in_tiles: Detector, cells: Cells) -> None:
    found = squares_in_tiles(picture_with([(8 * x, 8 * y, c) for (x, y), c in cells.items()], 160, 112))
    assert seen(found) == expected(cells)
    assert len(found) == len(cells)


def test_an_insect_that_two_tiles_name_otherwise_is_shown_under_one_name(tmp_path: Path) -> None:
    both = picture_with([(48, 24, (255, 0, 255))], 104, 64)  # in the right half of one tile, in the left of the other
    look = detector(tmp_path, Net(metadata=facts(tile={"side_px": 64, "overlap_px": 24}), leans=True))
    assert [look(tile).class_id.tolist() for tile in (both[:, :64], both[:, 40:], both)] == [[0], [1], [0]]


def test_a_camera_of_four_times_the_pixels_sees_the_same_insects_in_tiles_of_twice_the_side(tmp_path: Path) -> None:
    cells = [(8, 16, BLUE), (72, 40, RED), (136, 88, BLUE)]
    picture = picture_with(cells, 160, 112)
    large = np.ascontiguousarray(picture.repeat(2, axis=0).repeat(2, axis=1))
    taker = detector(tmp_path, tile={**TILES, "picture_px": 160 * 112})
    wanted = {(int(c == RED), x, y, x + 8, y + 8) for x, y, c in cells}
    assert seen(taker(picture)) == wanted
    assert seen(taker(large)) == {(c, *(2 * side for side in box)) for c, *box in wanted}


def test_a_picture_smaller_than_a_tile_is_one_tile(tmp_path: Path) -> None:
    assert len(detector(tmp_path, tile=TILES)(picture_with([(8, 8, BLUE)])[:40, :32])) == 1


@pytest.mark.parametrize("tile", [None, TILES])
@pytest.mark.parametrize(("snug", "grows"), [((True, False), True), ((False, True), False)])
def test_a_box_follows_the_insect_on_plain_ground_for_the_classes_that_the_bundle_names(
    tmp_path: Path, tile: dict[str, int] | None, snug: tuple[bool, bool], grows: bool
) -> None:
    classes = [{**one, "snug": is_snug} for one, is_snug in zip(facts()["classes"], snug, strict=True)]
    picture = picture_with([])
    picture[24:33, 24:33] = 40  # the insect: the network boxes its blue middle alone
    picture[24:32, 24:32] = BLUE
    (box,) = detector(tmp_path, classes=classes, tile=tile)(picture).xyxy
    assert box[2:] == pytest.approx([33, 33] if grows else [32, 32], abs=0.01)  # half-way to 34


BROKEN = {
    "input of another size": (Net(side_px=128), "takes"),
    "squares of any size": (Net(same_sides=True), "takes .*; .* see training/README.md"),
    "any size, of which it takes the square alone": (Net(any_size=True, leans=True), "does not run"),
    "more classes than it says": (Net(classes=3), "gives .*; .* see training/README.md"),
    "a level less than it says": (Net(strides=(8,)), "gives"),
    "numbers that are none": (Net(objectness_bias=math.nan), "not finite"),
    "numbers without end": (Net(objectness_bias=math.inf), "not finite"),
    "a head of another kind": (Net(metadata=facts(head="ssd")), "head 'ssd'"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_model_that_is_not_what_it_says_is_refused_when_opened(tmp_path: Path, kind: str) -> None:
    net, says = BROKEN[kind]
    with pytest.raises(BundleError, match=says) as why:
        detector(tmp_path, net)
    assert "squares.onnx" in str(why.value)  # where
    assert "; " in str(why.value)  # what to do
    assert "\n" not in str(why.value)


@pytest.mark.parametrize(
    ("stood", "stands"),
    [
        (b"Concat", b"Kon?at"),
        (b"image", b"imag\xe9"),
        (b"\x03raw", b"\x03ra\xf7"),
        (b"\x04side", b"\x04sid\xe5"),
        (b"\x08\x07\x10\x01B\x02b8", b"\x08\x01\x10\x01B\x02b8"),
    ],
    ids=["an operator", "an input that is no text", "an output that is no text", "a side that is no text", "a shape"],
)
def test_a_graph_that_onnxruntime_cannot_load_is_refused_in_one_line(
    stood: bytes, stands: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_model(tmp_path / "squares.onnx", Net(same_sides=True))
    path.write_bytes(path.read_bytes().replace(stood, stands))
    with pytest.raises(BundleError, match="cannot be loaded") as why:
        Detector(load_bundle(path))
    assert "\n" not in str(why.value)
    assert capfd.readouterr() == ("", "")


GRUBS = Path(__file__).parents[1] / "edge" / "cli" / "demo_pictures" / "10-root-grubs.jpg"  # two of them


@pytest.mark.parametrize(("left", "top"), [(0, 0), (250, 150), (300, 200), (150, 300)])
def test_two_real_grubs_across_the_seams_of_tiles_are_two_grubs(left: int, top: int) -> None:
    grubs = read_picture(GRUBS)
    bundle = load_bundle(MODELS / "pests.onnx")
    wide = np.full((900, 1000, 3), 114, np.uint8)
    wide[top : top + grubs.shape[0], left : left + grubs.shape[1]] = grubs
    found = Detector(replace(bundle, tile=Tile(side_px=416, overlap_px=64)))(wide)
    alone = Detector(bundle)(grubs)
    assert [bundle.labels[c] for c in found.class_id] == ["Scarabaeidae"] * 2
    overlap = iou(found.xyxy, alone.xyxy + np.array([left, top, left, top], np.float32))
    assert sorted(overlap.max(axis=1).tolist())[0] > 0.6


@pytest.mark.parametrize(("confidence", "is_sure"), [(None, True), (0.99999, False)])
def test_who_follows_an_insect_hears_one_name_of_it_also_where_all_are_unsure(
    tmp_path: Path, confidence: float | None, is_sure: bool
) -> None:
    look = detector(tmp_path, Net(two_names=True), confidence)
    picture = picture_with([(8, 8, BLUE)])
    assert look.found(picture, look.thresholds / 2).class_id.tolist() == [0, 1]
    found, sure = Eye(look).found(picture)
    assert (found.class_id.tolist(), sure.tolist()) == ([0], [is_sure])


def test_the_part_that_counts_lies_as_its_picture_does(tmp_path: Path) -> None:
    eye = Eye(Detector(load_bundle(write_model(tmp_path / "squares.onnx"))))
    eye.region = Region(((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
    part = eye.part(np.zeros((48, 64, 3), np.uint8))
    assert part is not None
    assert part.shape == (48, 64)
    assert part.mean() == pytest.approx(255 / 2, abs=5)


LOAD = """
import pathlib, sys
from edge.bundle import load_bundle
from edge.detector import Detector
Detector(load_bundle(pathlib.Path(sys.argv[1])))
"""


@pytest.mark.parametrize("program", [LOAD, "import training, onnxruntime"], ids=["node", "training"])
def test_onnxruntime_keeps_nothing_to_report_of_this_machine(program: str, tmp_path: Path) -> None:
    ours = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    others = {name: value for name, value in os.environ.items() if name not in ours}
    model = write_model(tmp_path / "squares.onnx", Net(metadata=facts()))
    subprocess.run([sys.executable, "-c", program, model], env=others | {"HOME": str(tmp_path)}, check=True, timeout=60)
    assert not (tmp_path / ".cache/Microsoft").exists()
