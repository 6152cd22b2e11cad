"""A folder of pictures: order, loop, new files, bad files."""

import os
import shutil
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from threading import Thread

import cv2
import numpy as np
import pytest

from edge.cameras import open_camera
from edge.cameras.folder import RELIST_S, _gives_a_byte
from edge.cameras.picture_files import Shown, known_as, known_formerly_as, own_time, told_time
from edge.cameras.pictures import Bounds, bytes_of
from edge.clock import SystemClock
from edge.errors import BadFrameError, CameraEndedError, CameraError, SortingError
from tests.cameras.sources import BROKEN, PICTURES, camera_table
from tests.clocks import HurryingClock, SetClock

MORNING_S = 1_780_000_000
NOBODY = 65534


def put(folder: Path, name: str, modified_s: int = MORNING_S, source: Path = PICTURES[0]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    shutil.copy(source, path)
    os.utime(path, (modified_s, modified_s))
    return path


def shown(folder: Path, most: int = 20, **changes: bool) -> list[str]:
    names: list[str] = []
    with open_camera(camera_table("folder", folder, **changes), SystemClock()) as camera:
        while len(names) < most:
            try:
                names.append(camera.read(1).source)
            except CameraEndedError:
                break
    return names


def with_exif_time(jpeg: bytes, when: bytes, offset: bytes = b"") -> bytes:
    """`jpeg` with DateTimeOriginal, and its offset, in an EXIF block, big-endian, as cameras write it."""
    main = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIII", 1, 0x8769, 4, 1, 26, 0)
    fields = struct.pack(">HHII", 0x9003, 2, 20, 56) + (struct.pack(">HHII", 0x9011, 2, 7, 76) if offset else b"")
    exif = main + struct.pack(">H", len(fields) // 12) + fields.ljust(28, b"\0") + when + b"\0" + offset + b"\0"
    body = b"Exif\0\0" + exif
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def test_pictures_come_in_the_order_of_the_times_in_their_names(tmp_path: Path) -> None:
    for name in ("cam2_20260702_050000.jpg", "a_2026-07-01_23-59-59.jpg", "20260702T050001.jpg"):
        put(tmp_path / "p", name)
    assert shown(tmp_path / "p") == ["a_2026-07-01_23-59-59.jpg", "cam2_20260702_050000.jpg", "20260702T050001.jpg"]


@pytest.mark.parametrize("name", ["192.168.1.64_01_20260719053000502_TIMING.jpg", "Cam1_00_20260719053000.jpg"])
def test_a_time_in_the_name_may_end_in_milliseconds_as_hikvision_writes_it(name: str, tmp_path: Path) -> None:
    assert own_time(tmp_path / name) == datetime(2026, 7, 19, 5, 30)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("20260719T053000Z.jpg", UTC),
        ("cam_2026-07-19T05:30:00Z_1.jpg", UTC),
        ("2026-07-19T05:30:00.123Z.jpg", UTC),  # as JavaScript writes it
        ("2026-07-19T05-30-00-123Z.jpg", UTC),
        ("20260719_053000Zone2.jpg", None),
        ("20260719_053000_123Zone2.jpg", None),
    ],
)
def test_a_time_in_the_name_with_a_z_behind_it_is_utc(name: str, zone: tzinfo | None, tmp_path: Path) -> None:
    assert told_time(tmp_path / name) == datetime(2026, 7, 19, 5, 30, tzinfo=zone)
    assert own_time(tmp_path / name) == datetime(2026, 7, 19, 5, 30)  # noqa: DTZ001


@pytest.mark.parametrize("name", ["920260701_050000.jpg", "20260701_0500001.jpg", "PXL_20260719_053000123.jpg"])
def test_a_longer_number_is_no_time_nor_a_pixels_which_is_utc(name: str, tmp_path: Path) -> None:
    assert own_time(tmp_path / name) is None


def test_digits_in_a_name_that_are_no_date_do_not_hide_the_cameras_own_time(tmp_path: Path) -> None:
    path = tmp_path / "trap_20261399_250000.jpg"
    path.write_bytes(with_exif_time(PICTURES[0].read_bytes(), b"2026:07:01 05:00:00"))
    assert own_time(path) == datetime(2026, 7, 1, 5)  # noqa: DTZ001


@pytest.mark.parametrize(("offset", "hours"), [(b"", None), (b"   :  ", None), (b"+08:00", 8), (b"-05:00", -5)])
def test_the_cameras_own_time_has_the_zone_that_it_tells(offset: bytes, hours: int | None, tmp_path: Path) -> None:
    path = tmp_path / "IMG_0001.jpg"
    path.write_bytes(with_exif_time(PICTURES[0].read_bytes(), b"2026:07:01 05:00:00", offset))
    zone = None if hours is None else timezone(timedelta(hours=hours))
    assert told_time(path) == datetime(2026, 7, 1, 5, tzinfo=zone)
    assert own_time(path) == datetime(2026, 7, 1, 5)  # noqa: DTZ001  wherever this machine stands


def test_without_a_time_in_the_name_the_cameras_own_time_orders(tmp_path: Path) -> None:
    for name, when in (("b.jpg", b"2026:07:01 06:00:00"), ("a.jpg", b"2026:07:01 07:00:00")):
        path = put(tmp_path / "p", name)
        path.write_bytes(with_exif_time(PICTURES[0].read_bytes(), when))
        os.utime(path, (MORNING_S, MORNING_S))
    assert shown(tmp_path / "p") == ["b.jpg", "a.jpg"]


def test_the_cameras_own_time_is_found_behind_another_block_of_the_picture(tmp_path: Path) -> None:
    words = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>" + bytes(9000)
    for name, when in (("b.jpg", b"2026:07:01 06:00:00"), ("a.jpg", b"2026:07:01 07:00:00")):
        path = put(tmp_path / "p", name)
        data = with_exif_time(PICTURES[0].read_bytes(), when)
        path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(words) + 2) + words + data[2:])
        os.utime(path, (MORNING_S, MORNING_S))
    assert shown(tmp_path / "p") == ["b.jpg", "a.jpg"]


def test_many_pictures_whose_names_tell_no_time_are_put_in_order_over_several_reads(tmp_path: Path) -> None:
    for minute in range(30):
        path = put(tmp_path / "p", f"IMG_{minute:04}.jpg")
        path.write_bytes(with_exif_time(PICTURES[0].read_bytes(), b"2026:07:01 06:%02d:00" % (29 - minute)))
    with open_camera(camera_table("folder", tmp_path / "p"), HurryingClock()) as camera:
        for left in (21, 11):
            with pytest.raises(SortingError, match=rf"p: {left} pictures are still to be put in order"):
                camera.read(1.05)
        assert [camera.read(9).source for _ in range(2)] == ["IMG_0029.jpg", "IMG_0028.jpg"]


def test_a_picture_that_arrives_lets_none_be_opened_anew_that_waits(tmp_path: Path) -> None:
    hours = {"a.jpg": b"06", "b.jpg": b"07", "c.jpg": b"08"}
    for name, hour in hours.items():
        path = put(tmp_path / "p", name)
        path.write_bytes(with_exif_time(PICTURES[0].read_bytes(), b"2026:07:01 %s:00:00" % hour))
        os.utime(path, (MORNING_S, MORNING_S))
    with open_camera(camera_table("folder", tmp_path / "p"), SystemClock()) as camera:
        assert camera.read(1).source == "a.jpg"
        path.write_bytes(path.read_bytes().replace(b"01 08:", b"01 05:"))  # would be seen if it were opened
        os.utime(path, (MORNING_S, MORNING_S))
        put(tmp_path / "p", "20260701_073000.jpg")
        assert [camera.read(1).source for _ in range(3)] == ["b.jpg", "20260701_073000.jpg", "c.jpg"]


def test_without_both_the_files_time_and_then_the_name_order(tmp_path: Path) -> None:
    put(tmp_path / "p", "z.jpg", MORNING_S)
    put(tmp_path / "p", "b.jpg", MORNING_S + 60)
    put(tmp_path / "p", "a.jpg", MORNING_S + 60)
    assert shown(tmp_path / "p") == ["z.jpg", "a.jpg", "b.jpg"]


def test_a_loop_begins_again_after_the_last(tmp_path: Path) -> None:
    put(tmp_path / "p", "a.jpg")
    put(tmp_path / "p", "b.jpg")
    assert shown(tmp_path / "p", most=5, loop=True) == ["a.jpg", "b.jpg", "a.jpg", "b.jpg", "a.jpg"]


@pytest.mark.parametrize("loop", [False, True])
def test_a_picture_that_arrives_while_running_is_shown(tmp_path: Path, loop: bool) -> None:
    put(tmp_path / "p", "20260701_060000.jpg")
    put(tmp_path / "p", "20260701_080000.jpg")
    with open_camera(camera_table("folder", tmp_path / "p", loop=loop), SystemClock()) as camera:
        camera.read(1)
        put(tmp_path / "p", "20260701_070000.jpg")
        assert [camera.read(1).source[9:11] for _ in range(2)] == ["07", "08"]


def test_a_picture_that_arrives_in_a_later_round_costs_no_other_its_turn(tmp_path: Path) -> None:
    for hour in (6, 7, 9):
        put(tmp_path / "p", f"20260701_{hour:02}0000.jpg")
    with open_camera(camera_table("folder", tmp_path / "p", loop=True), SystemClock()) as camera:
        for _ in range(4):
            camera.read(1)
        put(tmp_path / "p", "20260701_080000.jpg")
        assert [camera.read(1).source[9:11] for _ in range(4)] == ["07", "08", "09", "06"]


def test_pictures_of_a_folder_that_nobody_feeds_count_when_they_are_shown(tmp_path: Path) -> None:
    put(tmp_path / "p", "20260701_060000.jpg")
    with open_camera(camera_table("folder", tmp_path / "p"), SystemClock()) as camera:
        assert camera.read(1).taken is None


@pytest.mark.parametrize("what", ["link to a picture that is gone", "pipe"])
@pytest.mark.timeout(30)
def test_what_is_no_file_is_passed_and_good_ones_still_come(tmp_path: Path, what: str) -> None:
    put(tmp_path / "p", "a.jpg")
    if what == "pipe":
        os.mkfifo(tmp_path / "p" / "b.jpg")
        os.utime(tmp_path / "p" / "b.jpg", (0, 0))
    else:
        (tmp_path / "p" / "b.jpg").symlink_to("gone.jpg")
    put(tmp_path / "p", "c.jpg")
    with open_camera(camera_table("folder", tmp_path / "p"), SystemClock()) as camera:
        with pytest.raises(BadFrameError, match=r"b\.jpg"):
            camera.read(1)
        assert [camera.read(1).source for _ in range(2)] == ["a.jpg", "c.jpg"]


def test_a_pipe_gives_no_byte_and_nobody_waits_for_one(tmp_path: Path) -> None:
    """In a thread, since nothing would end it; a writer that comes lets it go."""
    os.mkfifo(tmp_path / "b.jpg")
    asked = Thread(target=_gives_a_byte, args=(tmp_path / "b.jpg",), daemon=True)
    asked.start()
    asked.join(10)
    assert not asked.is_alive()


@contextmanager
def as_nobody(path: Path) -> Iterator[None]:
    """Root reads whatever it likes; `path` becomes this user's."""
    if os.geteuid() != 0:
        yield
        return
    os.chown(path, NOBODY, -1)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_a_picture_that_may_not_be_read_is_told_once_and_comes_when_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "p", "a.jpg")
    monkeypatch.chdir(tmp_path / "p")
    path = Path("a.jpg")
    path.chmod(0)
    with as_nobody(path), open_camera(camera_table("folder", "."), SystemClock()) as camera:
        with pytest.raises(BadFrameError, match="Permission denied"):
            camera.read(1)
        with pytest.raises(CameraEndedError):
            camera.read(1)
        path.chmod(0o644)
        assert camera.read(1).source == "a.jpg"


def test_a_disk_of_which_nothing_can_be_read_is_away_and_costs_no_picture_its_turn(tmp_path: Path) -> None:
    path, shown = tmp_path / os.fsdecode(b"\xcc20260501_060000.jpg"), Shown()
    path.symlink_to("/proc/self/mem")  # gives EIO at its start, as a pulled stick does
    with pytest.raises(CameraError, match=r"/\\xcc20260501_060000\.jpg: cannot be read \(Input/output error\)"):
        open_camera(camera_table("folder", tmp_path), SystemClock(), (), shown).read(1)
    path.unlink()
    put(tmp_path, path.name)
    put(tmp_path, "20260501_070000.jpg")
    with open_camera(camera_table("folder", tmp_path), SystemClock(), (), shown) as camera:
        assert [camera.read(1).source[-10:-8] for _ in range(2)] == ["06", "07"]


@pytest.mark.parametrize("bad", ["20260501_060000.jpg", "20260503_060000.jpg"])
def test_a_picture_that_cannot_be_read_where_others_can_is_bad_and_stops_no_loop(tmp_path: Path, bad: str) -> None:
    good, outcomes = put(tmp_path, "20260502_060000.jpg").name, []
    (tmp_path / bad).symlink_to("/proc/self/mem")
    with (
        Path("/proc/self/mem").open("rb"),  # its times stay as they are
        open_camera(camera_table("folder", tmp_path, loop=True), SystemClock()) as camera,
    ):
        for _ in range(4):
            try:
                outcomes.append(camera.read(1).source)
            except BadFrameError as why:
                outcomes.append(why.reason)
    assert outcomes == 2 * (["unreadable", good] if bad < good else [good, "unreadable"])


def test_a_disk_that_takes_seconds_to_say_so_is_not_away_for_two_bad_pictures(tmp_path: Path) -> None:
    for bad in ("20260501_060000.jpg", "20260502_060000.jpg"):
        (tmp_path / bad).symlink_to("/proc/self/mem")
    (tmp_path / "20260503_060000.jpg").touch()
    good = put(tmp_path, "20260504_060000.jpg").name
    with open_camera(camera_table("folder", tmp_path), SystemClock()) as camera:
        for reason in ("unreadable", "unreadable", "empty"):
            with pytest.raises(BadFrameError) as caught:
                camera.read(1)
            assert caught.value.reason == reason
        assert camera.read(1).source == good


def test_a_folder_shown_once_goes_on_when_a_picture_is_added(tmp_path: Path) -> None:
    put(tmp_path / "p", "a.jpg")
    with open_camera(camera_table("folder", tmp_path / "p"), SystemClock()) as camera:
        camera.read(1)
        with pytest.raises(CameraEndedError, match="1 pictures"):
            camera.read(1)
        put(tmp_path / "p", "b.jpg")
        assert camera.read(1).source == "b.jpg"


def test_a_picture_written_anew_is_shown_again(tmp_path: Path) -> None:
    path = put(tmp_path / "p", "latest.jpg")
    with open_camera(camera_table("folder", tmp_path / "p"), SystemClock()) as camera:
        path.write_bytes(path.read_bytes()[:9000])  # still being copied
        with pytest.raises(BadFrameError, match=r"latest\.jpg"):
            camera.read(1)
        put(tmp_path / "p", "latest.jpg", MORNING_S + 1)
        assert camera.read(1).source == "latest.jpg"


@pytest.mark.parametrize(("turn_deg", "corner"), [(90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_a_folders_picture_is_turned_as_the_camera_hangs(
    tmp_path: Path, turn_deg: int, corner: tuple[int, int]
) -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[0, 0] = 255
    cv2.imwrite(str(tmp_path / "a.png"), image)
    with open_camera(camera_table("folder", tmp_path, rotation_deg=turn_deg), SystemClock()) as camera:
        assert camera.read(1).image[corner].tolist() == [255, 255, 255]


def test_bad_pictures_are_passed_one_by_one_and_good_ones_still_come(tmp_path: Path) -> None:
    for path in BROKEN.iterdir():
        put(tmp_path / "p", path.name, source=path)
    put(tmp_path / "p", "zz_good.jpg", MORNING_S + 60)
    outcomes: list[str] = []
    with open_camera(camera_table("folder", tmp_path / "p"), SystemClock()) as camera:
        for _ in range(len(list(BROKEN.iterdir())) + 1):
            try:
                outcomes.append(camera.read(1).source)
            except BadFrameError as why:
                outcomes.append(why.reason)
    assert outcomes.count("truncated") == 3
    assert {"empty", "not_an_image", "too_small", "too_large"} <= set(outcomes)
    assert outcomes[-1] == "zz_good.jpg"


def test_a_picture_that_would_end_a_node_is_passed_by(tmp_path: Path) -> None:
    path = put(tmp_path / "p", "a.png", source=BROKEN / "hundred_megapixels.png")
    whole = bytearray(path.read_bytes())
    whole[16:24] = struct.pack(">II", 5000, 4000)
    whole[29:33] = struct.pack(">I", zlib.crc32(whole[12:29]))
    path.write_bytes(whole)
    with (
        open_camera(camera_table("folder", tmp_path / "p"), SystemClock()) as camera,
        pytest.raises(BadFrameError, match=r"a\.png is 5000x4000 px, 16 megapixels or more"),
    ):
        camera.read(1)


@pytest.mark.parametrize("suffix", [".HEIC", ".heif", ".avif", ".gif"])
def test_a_picture_that_nothing_here_decodes_is_counted_beside_those_that_can_be_read(
    tmp_path: Path, suffix: str
) -> None:
    put(tmp_path, "20260719_053001.jpg")
    (tmp_path / f"20260719_053000{suffix}").write_bytes(b"\0\0\0\x18ftypheic" + bytes(16))
    with open_camera(camera_table("folder", tmp_path, fed=True), SystemClock()) as camera:
        with pytest.raises(BadFrameError, match="convert it or take it away") as caught:
            camera.read(1)
        assert caught.value.reason == "not_an_image"
        assert camera.read(1).source == "20260719_053001.jpg"


def test_hidden_files_and_other_files_are_no_pictures(tmp_path: Path) -> None:
    put(tmp_path / "p", "._a.jpg")
    put(tmp_path / "p", "notes.txt")
    put(tmp_path / "p", "a.JPG")
    put(tmp_path / "p", "b.jfif")  # as Windows names a JPEG from a browser or a messenger
    assert shown(tmp_path / "p") == ["a.JPG", "b.jfif"]


@pytest.mark.parametrize("shown", [0, 1])
def test_an_empty_folder_is_an_error_and_not_an_end_though_some_were_shown(tmp_path: Path, shown: int) -> None:
    paths = [put(tmp_path, name) for name in ("a.jpg", "b.jpg")[: 2 * shown]]
    with open_camera(camera_table("folder", tmp_path), SystemClock()) as camera:
        for _ in range(shown):
            camera.read(1)
        for path in paths:
            path.unlink()
        with pytest.raises(CameraError, match="no picture") as caught:
            camera.read(1)
    assert not isinstance(caught.value, CameraEndedError)


def test_a_fed_folder_shows_each_name_once_and_no_known_one_and_is_ended_only_for_now(tmp_path: Path) -> None:
    known = {"old.jpg"}
    for name in ("old.jpg", "20260701_060000.jpg"):
        put(tmp_path / "p", name)
    with open_camera(camera_table("folder", tmp_path / "p", fed=True), SystemClock(), known) as camera:
        frame = camera.read(1)
        assert (frame.source, frame.taken) == ("20260701_060000.jpg", datetime(2026, 7, 1, 6))  # noqa: DTZ001
        known.add(frame.known_as)
        put(tmp_path / "p", frame.source, MORNING_S + 1)  # copied once more
        with pytest.raises(CameraEndedError):
            camera.read(1)
        put(tmp_path / "p", "new.jpg")
        later = camera.read(1)
        assert (later.source, later.taken) == ("new.jpg", None)


def test_what_is_gone_from_a_fed_folder_does_not_fill_the_memory_unless_the_folder_is_away(tmp_path: Path) -> None:
    shown: Shown = set()
    for name in ("1.jpg", "2.jpg", "3.jpg"):
        put(tmp_path / "p", name)
    with open_camera(camera_table("folder", tmp_path / "p", fed=True), SystemClock(), shown=shown) as camera:
        assert [camera.read(1).source for _ in range(3)] == ["1.jpg", "2.jpg", "3.jpg"]
        for name in ("1.jpg", "2.jpg"):
            (tmp_path / "p" / name).unlink()
        put(tmp_path / "p", "4.jpg")
        assert camera.read(1).source == "4.jpg"
        assert {name for name, *_ in shown} == {"3.jpg", "4.jpg"}
        (tmp_path / "p").rename(tmp_path / "away")
        (tmp_path / "p").mkdir()
        with pytest.raises(CameraEndedError):
            camera.read(1)
        assert len(shown) == 2


def test_what_a_fed_folder_has_shown_it_does_not_show_again_where_its_order_takes_several_reads(tmp_path: Path) -> None:
    for number in range(12):
        put(tmp_path / "p", f"IMG_{number:04}.jpg")
    with open_camera(camera_table("folder", tmp_path / "p", fed=True), HurryingClock()) as camera:
        assert len({camera.read(9).source for _ in range(12)}) == 12
        for name in ("NEW_1.jpg", "NEW_2.jpg"):
            put(tmp_path / "p", name)
            with pytest.raises(SortingError):
                camera.read(1.05)
            assert camera.read(9).source == name


def test_what_cannot_be_used_is_not_shown_again_by_the_next_start_unless_its_file_changes_or_its_disk_was_away(
    tmp_path: Path,
) -> None:
    put(tmp_path / "p", "cut_off.jpg", source=BROKEN / "truncated.jpg")
    (tmp_path / "p" / "elsewhere.jpg").symlink_to(tmp_path / "not_mounted.jpg")
    known = set[str]()
    for refused in (["elsewhere.jpg", "cut_off.jpg"], ["elsewhere.jpg"], ["elsewhere.jpg", "cut_off.jpg"]):
        with open_camera(camera_table("folder", tmp_path / "p", fed=True), SystemClock(), known) as camera:
            for name in refused:
                with pytest.raises(BadFrameError, match=name) as why:
                    camera.read(1)
                known |= {why.value.known_as} - {""}
            with pytest.raises(CameraEndedError):
                camera.read(1)
        if len(refused) == 1:
            put(tmp_path / "p", "cut_off.jpg", MORNING_S + 1, source=BROKEN / "truncated.jpg")


def test_a_fed_folder_that_stays_as_it_is_is_listed_anew_only_after_a_while(tmp_path: Path) -> None:
    clock, path = SetClock(), put(tmp_path / "p", "latest.jpg")
    with open_camera(camera_table("folder", tmp_path / "p", fed=True), clock) as camera:
        camera.read(1)
        put(tmp_path / "p", path.name, MORNING_S + 1)  # in place, which changes no folder
        clock.advance(0.9 * RELIST_S)
        with pytest.raises(CameraEndedError):
            camera.read(1)
        clock.advance(0.2 * RELIST_S)
        assert camera.read(1).source == "latest.jpg"


def test_a_picture_whose_name_tells_no_time_is_known_by_its_own_while_it_grows_or_else_by_its_content(
    tmp_path: Path,
) -> None:
    jpeg, path, known = PICTURES[0].read_bytes(), tmp_path / "IMG_0001.JPG", []
    for when in (b"2026:07:01 06:00:00", b"2026:07:02 06:00:00", b"no time"):
        for more, offset in ((b"", b""), (b"a film", b"+08:00")):
            path.write_bytes(with_exif_time(jpeg, when, offset) + more)
            known.append(known_as(path, told_time(path)))
    first, still_first, second, still_second, *others = known
    assert (first, second) == (still_first, still_second)
    assert len({first, second, *others}) == 4
    os.utime(path, (MORNING_S, MORNING_S))  # as by another copy
    assert known_as(path, None) == others[-1]
    assert known_as(tmp_path / "20260701_060000.jpg", None) == "20260701_060000.jpg"


def test_a_picture_that_grows_while_it_is_read_is_known_as_what_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / "p", "latest.jpg")
    size_bytes = path.stat().st_size

    def read_and_grow(path: Path, bounds: Bounds) -> bytes:
        data = bytes_of(path, bounds)
        path.write_bytes(data + b"a film")
        return data

    monkeypatch.setattr("edge.cameras.folder.bytes_of", read_and_grow)
    with open_camera(camera_table("folder", tmp_path / "p", fed=True), SystemClock()) as camera:
        assert camera.read(1).known_as.startswith(f"latest.jpg/{size_bytes}/")


@pytest.mark.parametrize("place", [100, 25_000, -100])
def test_pictures_of_one_name_and_size_are_known_by_beginning_middle_and_end(tmp_path: Path, place: int) -> None:
    path, jpeg = tmp_path / "latest.jpg", bytearray(50_000)
    path.write_bytes(jpeg)
    first = known_as(path, None)
    jpeg[place] = 1
    path.write_bytes(jpeg)
    assert known_as(path, None) != first
    assert known_formerly_as(known_as(path, None)) == known_formerly_as(first) == "latest.jpg/50000"


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (["2026-11-28", "2026-11-29"], r"folders below it \(2026-11-29\) are passed over; set the device"),
        *(
            ([name], "holds no picture that is new; wait for the device")
            for name in ("@eaDir", ".trash", "lost+found", "System Volume Information", "$RECYCLE.BIN", "#recycle")
        ),
    ],
)
def test_a_fed_folder_with_folders_for_pictures_in_it_says_that_these_are_passed_over(
    tmp_path: Path, folders: list[str], said: str
) -> None:
    for folder in folders:
        put(tmp_path / folder, "a.jpg")
    with (
        open_camera(camera_table("folder", tmp_path, fed=True), SystemClock()) as camera,
        pytest.raises(CameraEndedError, match=said),
    ):
        camera.read(1)


def test_a_link_that_leads_to_itself_hides_no_picture_of_a_fed_folder(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("a")
    path = put(tmp_path, "a.jpg")
    with open_camera(camera_table("folder", tmp_path, fed=True), SystemClock()) as camera:
        assert camera.read(1).source == path.name


def test_a_fed_folder_that_is_empty_waits(tmp_path: Path) -> None:
    with (
        open_camera(camera_table("folder", tmp_path, fed=True), SystemClock()) as camera,
        pytest.raises(CameraEndedError),
    ):
        camera.read(1)
