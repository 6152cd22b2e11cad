"""Millimetres per pixel from a board seen at a slant; a region, focus, light; and a board that prints in true size."""

import errno
import json
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.calibration import (
    EVERYTHING,
    Calibration,
    KeptCalibration,
    Layout,
    OpticsWatch,
    Reference,
    Region,
    board_pdf,
    bring_calibration,
    exposure,
    find_corners,
    focused,
    last_calibration,
    let_turn,
    load_calibration,
    measured,
    save_calibration,
    shows_board,
    undo_calibration,
)
from edge.calibration.board import bars_mm, board_svg
from edge.calibration.exposure import ripple, row_light
from edge.calibration.focus import FocusWatch
from edge.calibration.record import from_json, to_json
from edge.calibration.scale import Scale
from edge.cameras.pixels import rotated
from edge.cli import main
from edge.config import CameraTable
from edge.counts import CAMERA
from edge.errors import BadFrameError, ConfigError, StoreError, UsageError
from edge.node.info import camera_info
from edge.wire import CalibrationInfo, CameraInfo
from tests.clocks import SetClock
from tests.counting import cutouts
from tests.counting.boards import LAYOUT, SIDE_MM, photograph, true_mm_per_px
from tests.slow_card import both


@pytest.mark.parametrize("tilt_deg", [0, 10, 20, 30])
@pytest.mark.parametrize("turn_deg", [0, 35])
def test_millimetres_per_pixel_are_right_to_one_per_cent_at_any_tilt_up_to_30_degrees(
    tilt_deg: float, turn_deg: float
) -> None:
    picture, px_to_mm = photograph(tilt_deg, turn_deg)
    scale = measured([find_corners(picture, LAYOUT)], SIDE_MM)
    assert scale.mm_per_px() == pytest.approx(true_mm_per_px(px_to_mm), rel=0.01)
    assert scale.is_slanted == (tilt_deg >= 10)


def test_an_area_on_a_slanted_card_is_straightened() -> None:
    picture, px_to_mm = photograph(25)
    scale = measured([find_corners(picture, LAYOUT)], SIDE_MM)
    side = SIDE_MM / LAYOUT.square_mm
    page_mm = np.array([[20, 20], [120, 20], [120, 140], [20, 140]]) * side
    px = cv2.perspectiveTransform(page_mm.reshape(-1, 1, 2), np.linalg.inv(px_to_mm)).reshape(-1, 2)
    region = Region(tuple((float(x) / 1296, float(y) / 972) for x, y in px))
    assert region.area_mm2(scale) == pytest.approx(100 * 120 * side * side, rel=0.01)


@pytest.mark.parametrize(("tilt_deg", "ground"), [(65, (0, 0.7)), (-65, (0.3, 1))])
def test_a_camera_that_shows_the_sky_has_an_area_only_below_the_horizon(
    tilt_deg: float, ground: tuple[float, float]
) -> None:
    picture, px_to_mm = photograph(tilt_deg, focal=800)
    known = Calibration(at=MONDAY, who="Mei", rotation_deg=0, scale=measured([find_corners(picture, LAYOUT)], SIDE_MM))
    assert known.area_mm2 is None
    top, bottom = ground
    region = Region(((0, top), (1, top), (1, bottom), (0, bottom)))
    true_mm = cv2.perspectiveTransform(region.points_px(1296, 972).reshape(-1, 1, 2), px_to_mm).astype(np.float32)
    assert replace(known, region=region).area_mm2 == pytest.approx(cv2.contourArea(true_mm), rel=0.1)


def test_a_scale_fits_its_picture_at_another_size_and_none_of_another_shape() -> None:
    scale = measured([find_corners(photograph(0)[0], LAYOUT)], SIDE_MM)  # of 1296x972 px
    sizes = [(2592, 1944), (640, 480), (1280, 1024), (1920, 1080)]
    assert [scale.fits(*size) for size in sizes] == [True, True, False, False]


def test_the_half_of_a_board_that_lies_in_the_region_is_a_board() -> None:
    picture, _ = photograph(0)
    assert shows_board(picture, Region(((0.5, 0), (1, 0), (1, 1), (0.5, 1))))


@pytest.mark.parametrize(
    ("markers", "is_board"), [([3], False), ([3, 4], False), ([3, 3, 3], False), ([3, 4, 5], True)]
)
def test_three_markers_are_a_board_and_fewer_are_none(markers: list[int], is_board: bool) -> None:
    picture = np.full((300, 500, 3), 220, np.uint8)
    for place, number in enumerate(markers):
        marker = cv2.aruco.generateImageMarker(LAYOUT.charuco().getDictionary(), number, 90)
        picture[100:190, 40 + 140 * place : 130 + 140 * place] = marker[..., None]
    assert shows_board(picture, EVERYTHING) is is_board


def test_a_picture_without_a_board_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadFrameError, match="show the whole board"):
        find_corners(np.full((480, 640, 3), 128, np.uint8), LAYOUT)


@pytest.mark.parametrize(("down_px", "across_px", "corners"), [(120, 600, 9), (180, 240, 6)], ids=["row", "corner"])
def test_one_row_or_one_corner_of_a_large_board_is_refused_with_what_to_do(
    down_px: int, across_px: int, corners: int
) -> None:
    wide = Layout(10, 4, 20)
    part = wide.charuco().generateImage((600, 240))[:down_px, :across_px]
    part = cv2.copyMakeBorder(part, *[60] * 4, cv2.BORDER_CONSTANT, value=(255,))
    with pytest.raises(BadFrameError, match=f"only {corners} corners of a 10x4 board are seen; show the whole board"):
        find_corners(np.repeat(part[..., None], 3, axis=2), wide)


def test_a_bent_board_is_refused() -> None:
    corners = find_corners(photograph(0)[0], LAYOUT)
    bent = replace(corners, px=corners.px + np.column_stack([0 * corners.px[:, 0], 6 * np.sin(corners.squares[:, 0])]))
    with pytest.raises(BadFrameError, match="flat"):
        measured([bent], SIDE_MM)


def test_of_several_views_one_that_shows_more_of_the_board_counts() -> None:
    whole = find_corners(photograph(0)[0], LAYOUT)
    part = replace(whole, px=whole.px[:8], squares=whole.squares[:8])
    assert [measured(views, SIDE_MM).corners for views in ([whole, part], [part, whole])] == [24, 24]


def test_the_pdf_holds_the_board_in_true_size_and_a_right_table() -> None:
    content = board_pdf(LAYOUT)
    width, height = (float(v) / 72 * 25.4 for v in re.search(rb"MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", content).groups())
    assert (width, height) == pytest.approx(LAYOUT.page_mm, abs=0.01)
    assert max(width / 210, height / 297) <= 1  # a sheet of A4 takes it
    table = int(re.search(rb"startxref\n(\d+)", content)[1])
    assert content[table:].startswith(b"xref")
    for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n", content), start=1):
        assert content[int(place) :].startswith(b"%d 0 obj" % number)


def test_pdf_and_svg_hold_the_same_bars() -> None:
    assert board_pdf(LAYOUT).count(b" re\n") == len(bars_mm(LAYOUT))
    assert board_svg(LAYOUT).count("<rect x=") == len(bars_mm(LAYOUT))
    svg = re.findall(r'<rect x="([^"]+)" y="([^"]+)" width="([^"]+)" height="([^"]+)"/>', board_svg(LAYOUT))
    pdf = re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re\n", board_pdf(LAYOUT))
    x, y, wide, high = np.array(pdf, float).T / 72 * 25.4
    from_top = np.column_stack([x, LAYOUT.page_mm[1] - y - high, wide, high])  # a PDF counts from below
    assert from_top == pytest.approx(np.array(svg, float), abs=0.01)


def test_a_board_stands_in_the_middle_of_its_page_above_a_ruler_of_100_mm_and_the_words() -> None:
    bars = np.array(bars_mm(LAYOUT))
    board, ticks = bars[np.isclose(bars[:, 3], LAYOUT.square_mm / 8)], bars[bars[:, 3] == 4]
    width, height = LAYOUT.page_mm
    assert board[:, 0].min() == pytest.approx(width - (board[:, 0] + board[:, 2]).max()) == 25
    assert ticks[:, 0] - ticks[0, 0] == pytest.approx(np.arange(0, 101, 10))
    words_y = [height - float(y) / 72 * 25.4 for y in re.findall(rb"Tf [\d.]+ ([\d.]+) Td", board_pdf(LAYOUT))]
    assert board[:, 1].max() < ticks[0, 1] < min(words_y) < max(words_y) < height
    assert b"the line above is 100 mm" in board_pdf(LAYOUT)


def test_board_is_printed_and_read_back_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", "--out", str(tmp_path / "board.pdf")]) == 0
    assert (tmp_path / "board.pdf").read_bytes().startswith(b"%PDF")
    cv2.imwrite(str(tmp_path / "seen.png"), photograph(5)[0])
    capsys.readouterr()
    assert main(["board", "--look", str(tmp_path / "seen.png"), "--side-mm", str(SIDE_MM), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["mm_per_px"] == pytest.approx(400 / 1600, rel=0.01)


@pytest.mark.parametrize(
    "words",
    [
        ["--out", "a.docx"],
        [],
        ["--squares", "many", "--out", "a.pdf"],
        ["--squares", "²x3", "--out", "a.pdf"],
        ["--squares", f"5x{5000 * '7'}", "--out", "a.pdf"],
        ["--look", "x.png"],
        ["--out", "/no/a.pdf"],
    ],
)
def test_a_board_that_cannot_be_made_is_wrong_use(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("side_mm", ["0", "-1", "nan", "inf"])
def test_a_side_of_nothing_is_not_called_missing(side_mm: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", "--look", "x.png", "--side-mm", side_mm]) == 2
    assert "--side-mm must be above 0" in capsys.readouterr().err


@pytest.mark.parametrize("sides", [(2, 7, 20), (13, 7, 20), (5, 2, 20), (5, 17, 20), (5, 7, 3.9), (5, 7, 101)], ids=str)
def test_a_board_that_no_printer_or_camera_could_do_with_is_refused(sides: tuple[int, int, float]) -> None:
    with pytest.raises(UsageError, match="3 to 12 across, 3 to 16 down, 4 to 100 mm"):
        Layout(*sides)


@given(st.floats(0.05, 0.4), st.floats(0.05, 0.4))
def test_a_rectangle_of_the_picture_has_the_area_of_its_sides(x: float, y: float) -> None:
    flat = Scale((0.1, 0, 0, 0, 0.1, 0, 0, 0, 1), 1000, 500, 0.1, 0.0, 24)
    region = Region(((x, y), (1 - x, y), (1 - x, 1 - y), (x, 1 - y)))
    assert region.area_mm2(flat) == pytest.approx((1 - 2 * x) * 100 * (1 - 2 * y) * 50)


def test_a_region_holds_the_boxes_whose_middle_lies_inside() -> None:
    boxes = np.array([[10, 10, 30, 30], [80, 80, 99, 99], [40, 40, 60, 60], [10, 50, 30, 90]], np.float32)
    held = Region(((0, 0), (0.6, 0), (0.6, 0.6), (0, 0.6))).holds(boxes, 100, 100)
    assert held.tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    "corners",
    [
        (),
        ((0, 0), (1, 1)),
        ((0, 0), (0.5, 0.5), (1, 1)),
        ((0, 0), (2, 0), (1, 1)),
        ((0, 0), (1, 1), (1, 0), (0, 1)),
        ((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.6)),  # the halves do not even cancel
    ],
)
def test_a_region_that_is_none_is_refused(corners: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ConfigError, match=r"corners"):
        Region(corners)


@pytest.mark.parametrize(
    "percent",
    [
        "1 1 9 1 5 9",
        "1 1 4 1 4 5 7 5 7 1 9 1 9 9 1 9",  # two sides in one line
        "1 1 4 4 3 6 6 9 7 7 9 9 9 1",  # and aslant
        "1 1 9 1 9 9 1 9 1 1",  # closed by its first corner
        "1 1 9 1 9 1 9 9 5 5 1 9",
    ],
)
def test_a_region_may_have_any_form_whose_sides_do_not_cross(percent: str) -> None:
    numbers = [float(word) / 10 for word in percent.split()]
    corners = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    assert Region(corners).corners == corners


def test_a_calibration_comes_back_from_its_file_as_it_was() -> None:
    scale = measured([find_corners(photograph(10)[0], LAYOUT)], SIDE_MM)
    kept = Calibration(
        at=datetime(2026, 7, 1, tzinfo=UTC), who="Mei", rotation_deg=0, board="5x7", side_mm=SIDE_MM, scale=scale
    )
    assert from_json(to_json(kept), "cam0") == kept
    with pytest.raises(ConfigError, match="cam0"):
        from_json(b'{"who": 3}', "cam0")


@pytest.mark.parametrize(
    ("kept", "spoiled"),
    [
        (b"[0.1,", b"[0,1,"),  # one bit: ten numbers
        (b"0.1,", b"1e308,"),
        (b',1.0],"width', b',0.0],"width'),  # one bit: no millimetre is any length
        (b'"width_px":64', b'"width_px":0'),
        (b'"height_px":64', b'"height_px":1' + 400 * b"0"),
        (b'"board":""', b'"bo":' + 100_000 * b"[" + 100_000 * b"]"),
    ],
    ids=["comma", "number", "last number", "no side", "endless side", "endless nesting"],
)
def test_a_calibration_that_the_card_spoiled_is_none_and_ends_no_loop(kept: bytes, spoiled: bytes) -> None:
    scale = Scale((0.1, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 1.0), 64, 64, 0.25, 0.0, 24)
    whole = to_json(Calibration(at=datetime(2026, 7, 1, tzinfo=UTC), who="Mei", rotation_deg=0, scale=scale))
    assert kept in whole
    with pytest.raises(ConfigError, match=r"^cam0: no calibration \(.*\); calibrate the camera again$"):
        from_json(whole.replace(kept, spoiled), "cam0")


MONDAY = datetime(2026, 7, 6, tzinfo=UTC)


def test_the_platform_is_told_who_measured_what_and_nothing_of_a_board_where_an_area_was_typed() -> None:
    camera, half = CameraTable(kind="picamera", mode="trap"), ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    scale = Scale((0.5, 0, 0, 0, 0.5, 0, 0, 0, 1), 1000, 500, 0.25, 0.0, 24)
    board = Calibration(at=MONDAY, who="Mei", rotation_deg=0, scale=scale, region=Region(half))
    typed = replace(board, scale=None, region=EVERYTHING, typed_area_mm2=900.0)
    by_board = CalibrationInfo(at=MONDAY, who="Mei", area_mm2=62_500.0, error_px=0.25, region=list(half))
    by_hand = CalibrationInfo(at=MONDAY, who="Mei", area_mm2=900.0)
    for known, mm_per_px, calibration in ((board, 0.5, by_board), (typed, None, by_hand), (None, None, None)):
        told = CameraInfo(name=CAMERA, kind="picamera", mode="trap", mm_per_px=mm_per_px, calibration=calibration)
        assert camera_info(camera, known) == told


def test_a_saved_calibration_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    assert load_calibration(tmp_path, 0) is None
    kept = KeptCalibration(tmp_path, 0, SetClock())
    assert kept.current is None
    for area_mm2 in (1000.0, 2000.0):
        save_calibration(tmp_path, Calibration(at=MONDAY, who="Mei", rotation_deg=0, typed_area_mm2=area_mm2))
        assert kept.changed()
        assert kept.current is not None
        assert kept.current.area_mm2 == area_mm2
        assert not kept.changed()


def test_a_calibration_is_undone_and_brought_back_and_the_first_one_leaves_none(tmp_path: Path) -> None:
    assert last_calibration(tmp_path) == ""
    assert not undo_calibration(tmp_path, "")
    held = []
    for area_mm2 in (1000.0, 2000.0):
        save_calibration(tmp_path, Calibration(at=MONDAY, who="Mei", rotation_deg=0, typed_area_mm2=area_mm2))
        for _ in range(2):
            assert undo_calibration(tmp_path, last_calibration(tmp_path))
            known = load_calibration(tmp_path, 0)
            held.append(known and known.area_mm2)
    assert held == [None, 1000.0, 1000.0, 2000.0]


def test_an_undo_that_the_card_does_not_take_says_so_and_what_held_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_calibration(tmp_path, Calibration(at=MONDAY, who="Mei", rotation_deg=0, typed_area_mm2=1000.0))

    def fail(path: Path, *, missing_ok: bool) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(StoreError, match=r"calibration\.json: cannot be removed \(Read-only file system\); see"):
        undo_calibration(tmp_path, last_calibration(tmp_path))
    assert load_calibration(tmp_path, 0) is not None


@pytest.mark.parametrize("first", ["undo", "save"])
def test_an_undo_that_was_shown_before_somebody_else_had_to_wait_for_the_card_undoes_nothing_more(
    first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a second tap, or on another phone."""

    def save(area_mm2: float) -> None:
        save_calibration(tmp_path, Calibration(at=MONDAY, who="Mei", rotation_deg=0, typed_area_mm2=area_mm2))

    save(1000.0)
    save(2000.0)
    shown, undone = last_calibration(tmp_path), []
    does = {"undo": lambda: undo_calibration(tmp_path, shown), "save": lambda: save(3000.0)}
    both(monkeypatch, does[first], lambda: undone.append(undo_calibration(tmp_path, shown)))
    known = load_calibration(tmp_path, 0)
    assert known is not None
    assert (undone, known.area_mm2) == ([False], {"undo": 1000.0, "save": 3000.0}[first])


def test_a_calibration_that_cannot_be_read_is_none_and_says_so_to_who_asks(tmp_path: Path) -> None:
    save_calibration(tmp_path, Calibration(at=MONDAY, who="Mei", rotation_deg=0, typed_area_mm2=1000.0))
    kept = KeptCalibration(tmp_path, 0, SetClock())
    (tmp_path / "calibration.json").write_bytes(b'{"at":')
    assert kept.changed()
    assert kept.current is None
    with pytest.raises(ConfigError, match="calibrate the camera again") as told:
        load_calibration(tmp_path, 0)
    assert kept.trouble == str(told.value)
    assert not kept.changed()
    save_calibration(tmp_path, Calibration(at=MONDAY, who="Mei", rotation_deg=0))
    assert kept.changed()
    assert kept.trouble == ""


def test_a_calibration_that_the_card_does_not_give_for_a_moment_counts_a_minute_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    known, clock = Calibration(at=MONDAY, who="Mei", rotation_deg=0, typed_area_mm2=1000.0), SetClock()
    save_calibration(tmp_path, known)

    def fail(path: Path) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", fail)
        kept = KeptCalibration(tmp_path, 0, clock)
        assert "cannot be read (Input/output error)" in kept.trouble
        clock.advance(60)
        assert not kept.changed()
    assert [line.message for line in caplog.records] == ["calibration_refused"]
    clock.advance(59)  # a card that fails is not waited for at each turn
    assert not kept.changed()
    clock.advance(1)
    assert kept.changed()
    assert (kept.current, kept.trouble, kept.changed()) == (known, "", False)


def test_a_calibration_is_in_other_trouble_also_where_there_was_none_before(tmp_path: Path) -> None:
    kept = KeptCalibration(tmp_path, 0, SetClock())
    (tmp_path / "calibration.json").write_bytes(b'{"at":')
    assert kept.changed()
    assert "calibration.json: no calibration" in kept.trouble


CORNER = Region(((0.1, 0.2), (0.5, 0.2), (0.5, 0.9), (0.1, 0.6)))


@pytest.mark.parametrize("by_deg", [0, 90, 180, 270, -90])
def test_a_region_turns_with_its_picture(by_deg: int) -> None:
    turned = CORNER.turned(by_deg).mask(*((60, 80) if by_deg % 180 else (80, 60)))
    wanted = rotated(CORNER.mask(80, 60), by_deg % 360)
    assert turned.shape == wanted.shape
    assert float((turned != wanted).mean()) < 0.03  # of the outline, which is drawn whole


def test_a_whole_picture_stays_whole() -> None:
    assert EVERYTHING.turned(90) == EVERYTHING


@pytest.mark.parametrize("by_deg", [90, 180, 270])
def test_a_scale_turns_with_its_picture(by_deg: int) -> None:
    picture, _ = photograph(20)
    scale = measured([find_corners(picture, LAYOUT)], SIDE_MM)
    turned, anew = scale.turned(by_deg), measured([find_corners(rotated(picture, by_deg), LAYOUT)], SIDE_MM)
    assert (turned.width_px, turned.height_px) == (anew.width_px, anew.height_px)
    assert turned.mm_per_px((200.0, 300.0)) == pytest.approx(anew.mm_per_px((200.0, 300.0)), rel=0.002)
    assert CORNER.turned(by_deg).area_mm2(turned) == pytest.approx(CORNER.area_mm2(scale))


def test_a_calibration_made_on_a_picture_turned_otherwise_is_refused_and_says_so(tmp_path: Path) -> None:
    save_calibration(tmp_path, Calibration(at=MONDAY, who="Mei", region=CORNER, rotation_deg=0))
    kept = KeptCalibration(tmp_path, 180, SetClock())
    assert kept.current is None
    assert "made with camera.rotation_deg 0, which is 180 now; calibrate the camera again" in kept.trouble


def test_a_calibration_that_does_not_say_how_its_picture_was_turned_is_refused_and_says_so(tmp_path: Path) -> None:
    save_calibration(tmp_path, Calibration(at=MONDAY, who="Mei", region=CORNER, rotation_deg=0))
    content = json.loads((tmp_path / "calibration.json").read_bytes())
    del content["rotation_deg"]
    (tmp_path / "calibration.json").write_text(json.dumps(content))
    kept = KeptCalibration(tmp_path, 0, SetClock())
    assert kept.current is None
    assert kept.trouble.endswith("`rotation_deg`); calibrate the camera again")


def test_a_calibration_and_the_one_before_follow_a_picture_that_is_turned_on_the_page_and_back(tmp_path: Path) -> None:
    for who in ("Wen", "Mei"):
        save_calibration(tmp_path, Calibration(at=MONDAY, who=who, region=CORNER, rotation_deg=90))
    let_turn(tmp_path, 90, 0)
    for _ in range(2):
        for rotation_deg, wanted in ((90, CORNER), (0, CORNER.turned(270))):
            known = load_calibration(tmp_path, rotation_deg)
            assert known is not None
            assert known.region == wanted
        assert undo_calibration(tmp_path, last_calibration(tmp_path))
    with pytest.raises(ConfigError, match="calibrate the camera again"):
        load_calibration(tmp_path, 180)


def test_a_calibration_keeps_place_and_area_though_its_picture_is_turned_twice_before_the_node_begins_anew(
    tmp_path: Path,
) -> None:
    flat = Scale((0.1, 0, 0, 0, 0.1, 0, 0, 0, 1), 1000, 500, 0.1, 0.0, 24)  # 100 by 50 mm
    save_calibration(tmp_path, Calibration(at=MONDAY, who="Mei", region=CORNER, scale=flat, rotation_deg=90))
    let_turn(tmp_path, 90, 0)
    let_turn(tmp_path, 0, 180)
    known = load_calibration(tmp_path, 180)
    assert known is not None
    assert known.region == CORNER.turned(90)
    assert known.area_mm2 == pytest.approx(0.22 * 100 * 50)


def test_a_calibration_that_is_brought_from_a_card_can_be_undone_there_too(tmp_path: Path) -> None:
    card, folder = tmp_path / "card", tmp_path / "folder"
    card.mkdir()
    folder.mkdir()
    for who in ("first", "second"):
        save_calibration(card, Calibration(at=datetime.now(UTC), who=who, rotation_deg=0))
    bring_calibration(card, folder)
    assert load_calibration(folder, 0).who == "second"
    assert undo_calibration(folder, last_calibration(folder))
    assert load_calibration(folder, 0).who == "first"


def test_a_picture_that_is_turned_again_may_be_turned_back_to_each_of_its_rotations() -> None:
    known = Calibration(at=datetime.now(UTC), who="m", rotation_deg=0).turning(0, 90).turning(90, 180).turning(180, 270)
    assert all(known.at_rotation(deg) is not None for deg in (0, 90, 180, 270))


@pytest.mark.parametrize("area_mm2", [0.0, -5.0, float("nan")])
def test_an_area_that_is_none_is_refused(area_mm2: float) -> None:
    with pytest.raises(ConfigError, match="measure it again"):
        Calibration(at=MONDAY, who="Mei", rotation_deg=0, typed_area_mm2=area_mm2)


def test_a_board_s_scale_gives_the_region_its_area_and_without_one_there_is_none() -> None:
    flat = Scale((0.1, 0, 0, 0, 0.1, 0, 0, 0, 1), 1000, 500, 0.1, 0.0, 24)
    half = Region(((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
    assert Calibration(at=MONDAY, who="Mei", rotation_deg=0, scale=flat, region=half).area_mm2 == pytest.approx(50 * 50)
    assert Calibration(at=MONDAY, who="Mei", rotation_deg=0, region=half).area_mm2 is None


def test_a_lens_that_drifts_out_of_focus_is_soft_and_then_blurred() -> None:
    picture = cv2.imread(str(sorted(cutouts.DEMO.glob("*.jpg"))[0]))
    reference = focused(picture, Region())
    for blur, verdict in ((0.01, "sharp"), (0.6, "soft"), (3.0, "blurred")):
        looks = FocusWatch(reference)
        for _ in range(5):
            looks = looks.looked(cv2.GaussianBlur(picture, (0, 0), blur), Region())
        assert looks.verdict == verdict
    assert (
        FocusWatch(reference).looked((picture * 0.3).astype(np.uint8), Region()).verdict == "unknown"
    )  # dusk says nothing of focus


def test_one_web_before_the_lens_is_no_lost_focus_and_a_day_of_it_is_however_long_it_was_sharp() -> None:
    picture = np.asarray(cv2.imread(str(sorted(cutouts.DEMO.glob("*.jpg"))[0])), np.uint8)[:240, :320]
    web = np.asarray(cv2.GaussianBlur(picture, (0, 0), 3), np.uint8)
    looks = FocusWatch(focused(picture, Region()), looks=(focused(picture, Region()).sharpness,) * 24)
    verdicts = []
    for seen in (web, *[picture] * 60, *[web] * 13):
        looks = looks.looked(seen, Region())
        verdicts.append(looks.verdict)
    assert verdicts[:61] == ["sharp"] * 61
    assert verdicts[-1] == "blurred"


@pytest.mark.parametrize(("share", "verdict"), [(0.62, "sharp"), (0.58, "soft"), (0.32, "soft"), (0.28, "blurred")])
def test_a_lens_is_soft_below_six_tenths_of_its_sharpness_and_blurred_below_three(share: float, verdict: str) -> None:
    assert FocusWatch(Reference(90, 100), looks=(90 * share,) * 3).verdict == verdict


def test_focus_is_held_against_the_last_day_of_focusing() -> None:
    soft, sharp = (
        Calibration(at=datetime.now(UTC), who="m", rotation_deg=0, focus=Reference(s, 100)) for s in (20, 90)
    )
    watch = OpticsWatch().against(soft)
    assert watch.against(soft) is watch
    assert watch.against(sharp).sharpness == FocusWatch(Reference(90, 100))


def test_a_picture_in_the_sun_says_nothing_of_a_focus_that_was_told_in_the_shade() -> None:
    shade = np.full((100, 100, 3), 40, np.uint8)
    shade[:, ::2] = 60
    assert FocusWatch(focused(shade, Region())).looked(shade * np.uint8(2), Region()).verdict == "unknown"


def test_a_camera_of_four_times_the_pixels_is_as_sharp() -> None:
    picture = np.random.default_rng(5).integers(0, 255, (480, 640, 3), np.uint8)
    large = np.kron(picture, np.ones((2, 2, 1), np.uint8))
    assert focused(large, Region()).sharpness == pytest.approx(focused(picture, Region()).sharpness, rel=0.01)


def test_focus_is_told_from_the_region_alone() -> None:
    picture = np.full((100, 100, 3), 120, np.uint8)
    picture[:, 60::2] = 0
    assert focused(picture, Region(((0, 0), (0.5, 0), (0.5, 1), (0, 1)))).sharpness == 0
    assert focused(picture, Region()).sharpness > 0


def test_clipped_pixels_inside_the_region_make_a_picture_bad_and_outside_do_not() -> None:
    picture = np.full((100, 100, 3), 120, np.uint8)
    picture[:, 60:] = 255
    assert exposure(picture, Region()).verdict == "bad"
    assert exposure(picture, Region(((0, 0), (0.5, 0), (0.5, 1), (0, 1)))).verdict == "good"


def test_a_dark_room_round_a_card_in_good_light_is_no_dark_picture() -> None:
    picture = np.full((100, 100, 3), 4, np.uint8)
    picture[:, :60] = 110
    assert exposure(picture, Region(((0, 0), (0.5, 0), (0.5, 1), (0, 1)))).verdict == "good"


@pytest.mark.parametrize(("clipped", "verdict"), [(0, "good"), (1, "good"), (3, "look"), (6, "bad")])
@pytest.mark.parametrize("lost", [(0, 0, 0), (7, 7, 7), (120, 255, 120)], ids=["black", "black in a JPEG", "white"])
def test_a_few_clipped_pixels_are_to_be_looked_at_and_only_more_make_a_picture_bad(
    clipped: int, verdict: str, lost: tuple[int, int, int]
) -> None:
    picture = np.full((100, 100, 3), 120, np.uint8)
    picture[:clipped] = lost
    assert exposure(picture, Region()).verdict == verdict


@pytest.mark.parametrize("bgr", [(0, 170, 200), (0, 150, 0), (0, 0, 220), (240, 120, 0)])
def test_a_colour_whose_channel_is_empty_is_not_dark(bgr: tuple[int, int, int]) -> None:
    """A yellow or blue card, leaves in the sun, a red fruit."""
    assert exposure(np.full((100, 100, 3), bgr, np.uint8), Region()).verdict == "good"


@pytest.mark.parametrize(("level", "verdict"), [(50, "look"), (70, "good"), (170, "good"), (190, "look")])
def test_a_dark_and_a_pale_picture_are_to_be_looked_at(level: int, verdict: str) -> None:
    assert exposure(np.full((100, 100, 3), level, np.uint8), Region()).verdict == verdict


def lit(phase: float, amplitude: float) -> np.ndarray:
    picture = cv2.resize(cv2.imread(str(sorted(cutouts.DEMO.glob("*.jpg"))[3])), (640, 480)).astype(np.float64)
    lamps = 1 + amplitude * np.sin(2 * np.pi * 7 * np.arange(480) / 480 + phase)
    noisy = picture * lamps[:, None, None] + np.random.default_rng(int(phase * 10)).normal(0, 3, picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def banding(pictures: Sequence[np.ndarray]) -> float:
    """The strongest ripple between two that follow one another."""
    return max(ripple(row_light(before), row_light(after)) for before, after in pairwise(pictures))


def test_bands_of_mains_lamps_are_seen_and_a_steady_light_is_not_blamed() -> None:
    assert banding([lit(0, 0.08), lit(1, 0.08), lit(2.5, 0.08)]) > 0.02
    assert banding([lit(0, 0.0), lit(1, 0.0), lit(2.5, 0.0)]) == 0.0


@pytest.mark.parametrize(
    ("bands", "depth", "is_seen"),
    [
        *[(1, 0.08, False), (1.5, 0.08, False), (3, 0.08, True), (55, 0.08, True), (70, 0.08, False)],
        *[(7, 0.02, True), (7, 0.004, False)],
    ],
)
def test_a_cloud_the_grain_of_a_sensor_and_what_hardly_ripples_are_no_bands(
    bands: float, depth: float, is_seen: bool
) -> None:
    before, after = (1 + depth * np.sin(2 * np.pi * bands * np.arange(480) / 480 + phase) for phase in (0.0, 1.5))
    assert (ripple(before, after) > 0) is is_seen


def test_bands_are_seen_while_the_sun_rises_on_one_end_of_the_card() -> None:
    rows = np.arange(480) / 480
    assert ripple(np.ones(480), 1 + 0.3 * rows + 0.03 * np.sin(2 * np.pi * 7 * rows)) > 0


def watched(pictures: Sequence[np.ndarray]) -> OpticsWatch:
    """A look a minute."""
    watch = OpticsWatch()
    for number, picture in enumerate(pictures):
        watch = watch.looked(picture, 60.0 * number)
    return watch


def test_a_node_that_counts_sees_bands_after_some_looks_and_that_they_are_gone() -> None:
    lamps = [lit(phase, 0.08) for phase in (0, 1, 2.5, 4, 0.5, 2, 3.5, 5)]
    daylight = [lit(phase, 0.0) for phase in (0, 1, 2, 3, 4, 5, 6)]
    assert watched(lamps[:3]).banded is None
    assert watched(lamps).banded is True
    assert watched(daylight).banded is False
    assert watched([*lamps, *daylight]).banded is False


def test_pictures_within_a_minute_of_a_look_cost_the_node_no_look() -> None:
    picture = lit(0, 0.08)
    once = OpticsWatch().looked(picture, 1000.0)
    assert [once.looked(picture, at_s) is once for at_s in (1000.0, 1059.0, 1060.0)] == [True, True, False]


def test_one_shadow_or_a_picture_of_another_size_is_no_band() -> None:
    still = [lit(phase, 0.0) for phase in (0, 1, 2, 3)]
    assert watched([*still, lit(1, 0.08), *still]).banded is False
    assert watched([*still, still[0][:240], *still, *still]).banded is False
    assert watched([still[0][:7]] * 8).banded is False


def test_leaves_that_move_are_not_taken_for_bands() -> None:
    still = lit(0, 0.0)
    assert banding([still, np.roll(still, 17, axis=0), np.roll(still, 31, axis=1)]) == 0.0


@pytest.mark.skipif(not cutouts.CARD_SERIES.exists(), reason="the card series is not in the repository")
def test_bands_are_seen_on_a_real_card_that_has_them() -> None:
    pictures = [cv2.resize(cv2.imread(str(p)), (648, 486)) for p in sorted(cutouts.CARD_SERIES.glob("*.jpg"))]
    assert banding(pictures[:3]) > 0.01
    assert banding(pictures[3:]) == 0.0
