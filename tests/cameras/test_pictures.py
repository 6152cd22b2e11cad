"""Whatever lies in a folder under a picture's name: a picture in BGR, or one counted reason."""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.cameras.headers import read_header
from edge.cameras.pictures import NODE, decode_picture, read_picture
from edge.errors import BadFrameError
from edge.photographs import checked, decoded
from tests.cameras.sources import BROKEN, PICTURES, picture_of

REASONS = {
    "truncated.jpg": "truncated",
    "truncated.png": "truncated",
    "flipped_bit.png": "truncated",
    "empty.jpg": "empty",
    "text.jpg": "not_an_image",
    "one_pixel.png": "too_small",
    "hundred_megapixels.png": "too_large",
}
WHOLE = PICTURES[0].read_bytes()


@pytest.mark.parametrize(("name", "reason"), REASONS.items())
def test_a_broken_picture_is_refused_by_name_with_its_reason(name: str, reason: str) -> None:
    with pytest.raises(BadFrameError, match=name) as caught:
        read_picture(BROKEN / name)
    assert caught.value.reason == reason


def test_each_broken_file_has_its_test() -> None:
    are_pictures = {"grey.jpg", "cmyk.jpg", "sixteen_bit.png"}
    assert {path.name for path in BROKEN.iterdir()} == REASONS.keys() | are_pictures


@pytest.mark.parametrize("name", ["grey.jpg", "sixteen_bit.png"])
def test_a_grey_picture_becomes_eight_bit_bgr_with_equal_channels(name: str) -> None:
    image = read_picture(BROKEN / name)
    assert image.dtype == "uint8"
    assert image.shape == (160, 160, 3)
    assert np.array_equal(image[..., 0], image[..., 2])
    expected = cv2.cvtColor(cv2.resize(picture_of(PICTURES[3]), (160, 160)), cv2.COLOR_BGR2GRAY).mean()
    assert abs(float(image.mean()) - float(expected)) < 4


def test_a_cmyk_picture_keeps_its_colours() -> None:
    image = read_picture(BROKEN / "cmyk.jpg")
    expected = cv2.resize(picture_of(PICTURES[3]), (160, 160), interpolation=cv2.INTER_AREA)
    assert np.abs(image.mean((0, 1)) - expected.mean((0, 1))).max() < 4


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tiff", ".webp"])
def test_each_format_tells_its_size_before_it_is_decoded(suffix: str) -> None:
    data = cv2.imencode(suffix, np.full((40, 56, 3), 90, np.uint8))[1].tobytes()
    header = read_header(data)
    assert (header.width_px, header.height_px, header.is_whole) == (56, 40, True)
    assert decode_picture(data, "x").shape == (40, 56, 3)
    if suffix != ".tiff":  # whose strips lie anywhere
        assert not read_header(data[:-1]).is_whole


def test_a_bitmap_whose_rows_stand_from_the_top_is_a_picture() -> None:
    data = bytearray(cv2.imencode(".bmp", np.full((20, 30, 3), 90, np.uint8))[1].tobytes())
    data[22:26] = struct.pack("<i", -20)
    assert decode_picture(bytes(data), "x").shape == (20, 30, 3)


def test_a_big_endian_tiff_tells_its_size_in_shorts() -> None:
    width, height = (struct.pack(">HHIHH", tag, 3, 1, px, 0) for tag, px in ((256, 640), (257, 480)))
    header = read_header(b"MM\0*\0\0\0\x08" + struct.pack(">H", 2) + width + height + bytes(4))
    assert (header.width_px, header.height_px) == (640, 480)


def test_a_tiff_that_does_not_tell_its_size_is_truncated() -> None:
    with pytest.raises(BadFrameError, match="x ends inside its header") as caught:
        decode_picture(b"MM\0*\0\0\0\x08" + bytes(2), "x")
    assert caught.value.reason == "truncated"


def webp(kind: str, image: np.ndarray) -> bytes:
    """The picture as the lossy, the lossless or the extended kind of WebP; the last as phones write it."""
    quality = 101 if kind == "VP8L" else 80
    plain = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
    if kind != "VP8X":
        return plain
    sides = b"".join((side - 1).to_bytes(3, "little") for side in image.shape[1::-1])
    chunks = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + bytes(4) + sides + plain[12:]
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


@pytest.mark.parametrize("kind", ["VP8 ", "VP8L", "VP8X"])
def test_each_kind_of_webp_tells_its_size_and_whether_it_is_whole_before_it_is_decoded(kind: str) -> None:
    data = webp(kind, np.full((300, 517, 3), 90, np.uint8))
    assert data[12:16] == kind.encode()
    header = read_header(data)
    assert (header.width_px, header.height_px, header.is_whole) == (517, 300, True)
    assert decode_picture(data, "x").shape == (300, 517, 3)
    assert not read_header(data[:-1]).is_whole


def test_a_sound_that_begins_as_webp_does_is_no_picture() -> None:
    with pytest.raises(BadFrameError, match="without a picture") as caught:
        decode_picture(b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + bytes(28), "song.webp")
    assert caught.value.reason == "not_an_image"


def test_a_png_cut_exactly_between_two_chunks_is_truncated() -> None:
    whole = cv2.imencode(".png", picture_of(PICTURES[0]))[1].tobytes()
    with pytest.raises(BadFrameError) as caught:
        decode_picture(whole[:-12], "no_end.png")  # IEND is twelve bytes
    assert caught.value.reason == "truncated"


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize("color", [cv2.COLOR_BGR2BGRA, cv2.COLOR_BGR2GRAY])
@pytest.mark.parametrize("compression", [0, 9])
def test_a_png_that_unpacks_to_more_than_its_picture_is_refused_before_it_is_and_any_other_is_read(
    color: int, compression: int
) -> None:
    picture = cv2.cvtColor(picture_of(PICTURES[0])[:300, :200], color).astype(np.uint16) * 257
    whole = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, compression])[1].tobytes()
    assert decode_picture(whole, "deep.png").shape == (300, 200, 3)
    packer = zlib.compressobj(wbits=-15)
    megabyte = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)  # 64 MB of these take minutes
    end = packer.flush() + struct.pack(">I", zlib.adler32(bytes(10_000_000)))
    data = whole[:33] + png_chunk(b"IDAT", b"\x78\x9c" + 10 * megabyte + end) + png_chunk(b"IEND", b"")
    texts = whole[:33] + 101 * png_chunk(b"zTXt", b"by\0\0" + zlib.compress(b"me")) + whole[33:]
    for decode, wrong in product((partial(decode_picture, name="endless.png"), decoded), (data, texts)):
        with pytest.raises(BadFrameError, match="more than the picture that its header tells of") as caught:
            decode(wrong)
        assert caught.value.reason == "damaged"
    checked(data)  # in the node itself: nothing is unpacked there
    with pytest.raises(BadFrameError, match="is 200x300 px") as caught:
        decode_picture(data, "endless.png", replace(NODE, px=60_000))
    assert caught.value.reason == "too_large"


@given(cut=st.integers(0, len(WHOLE) - 1))
@settings(deadline=None, max_examples=60)
def test_a_jpeg_cut_anywhere_is_refused(cut: int) -> None:
    with pytest.raises(BadFrameError) as caught:
        decode_picture(WHOLE[:cut], "cut.jpg")
    assert caught.value.reason in {"truncated", "empty", "not_an_image"}


@pytest.mark.parametrize("unwritten", [b"\0", b"\xff"], ids=["zeros", "erased flash"])
def test_a_jpeg_whose_end_was_never_written_is_truncated(unwritten: bytes) -> None:
    """What a card leaves after a power cut: full length. Each FF looks like the begin of a marker."""
    with pytest.raises(BadFrameError) as caught:
        decode_picture(WHOLE[: len(WHOLE) // 2] + unwritten * 2_000_000, "powercut.jpg")
    assert caught.value.reason == "truncated"


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_picture() -> None:
    thumbnail = cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes()
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    carrier = WHOLE[:2] + segment + WHOLE[2:]
    assert decode_picture(carrier, "whole.jpg").shape == decode_picture(WHOLE, "x").shape
    with pytest.raises(BadFrameError) as caught:
        decode_picture(carrier[: len(carrier) // 2], "cut.jpg")
    assert caught.value.reason == "truncated"


@given(at=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
@settings(deadline=None, max_examples=60)
def test_a_flipped_bit_gives_a_picture_or_a_reason_and_nothing_else(at: int, bit: int) -> None:
    data = bytearray(WHOLE)
    data[at] ^= 1 << bit
    try:
        image = decode_picture(bytes(data), "flipped.jpg")
    except BadFrameError as why:
        assert why.reason in {"truncated", "damaged", "not_an_image", "too_large", "too_small"}  # noqa: PT017
        return
    assert image.shape[2] == 3


def test_a_jpeg_whose_scans_keep_a_node_until_its_watchdog_ends_it_is_refused() -> None:
    """With 3,000 scans, 185 kB and 16 megapixels took 18 s on a PC: a board would begin anew with it for ever."""
    image = cv2.imencode(".jpg", picture_of(PICTURES[0]), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    last = image[image.rindex(b"\xff\xda") : -2]
    assert decode_picture(image[:-2] + last * 90 + image[-2:], "x", NODE).shape == picture_of(PICTURES[0]).shape
    many = image[:-2] + last * 91 + image[-2:]
    with pytest.raises(
        BadFrameError, match=r"^x is made of 101 scans, which takes too long .*; save it anew$"
    ) as caught:
        decode_picture(many, "x", NODE)
    assert caught.value.reason == "damaged"


LARGE = np.full((96, 128, 3), 90, np.uint8)
SCAN = b"\xff\xda"


def jpeg_of(side_px: int, options: tuple[int, ...] = ()) -> bytes:
    return cv2.imencode(".jpg", cv2.resize(LARGE, (side_px * 4 // 3, side_px)), options)[1].tobytes()


def jpegs_that_hide_their_size() -> Iterator[bytes]:
    """Each is `LARGE` to a decoder, and 28x21 px by what stands further on."""
    large, small = jpeg_of(96), jpeg_of(21)
    at = small.index(b"\xff\xc0")
    yield large[:-2] + small[at : at + 19] + large[-2:]  # a second frame header
    begun = large[:2] + b"\xff\x01" + large[2:-2]  # the marker has no length, and FFE0 behind it would be a long one
    yield begun + bytes(4 + 0xFFE0 - len(begun)) + small[2:]


def jpegs_that_hide_what_they_take() -> Iterator[bytes]:
    """All coefficients are kept, as more scans may come."""
    layered = jpeg_of(96, (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))
    yield layered[: layered.index(SCAN, layered.index(SCAN) + 2)] + b"\xff\xd9"
    plain = jpeg_of(96)
    yield plain[: plain.index(SCAN)] + SCAN + b"\0\x08\1\1\0\0\x3f\0" + bytes(40) + b"\xff\xd9"  # one component


def tiff_of(*fields: tuple[int, int, int]) -> bytes:
    """A header alone: tag, form, value."""
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + b"".join(
        struct.pack("<HHII", tag, form, 1, value) for tag, form, value in fields
    )  # fmt: skip


def test_a_picture_that_is_larger_to_the_decoder_than_by_its_header_is_refused_before_it_is_decoded() -> None:
    """Two kilobytes took 2.3 GB of a board's 512 MB, and 18 s on a PC."""
    lossless = webp("VP8L", LARGE)[20:]
    bare_webp = b"RIFF" + struct.pack("<I", len(lossless) + 4) + b"WEBP" + lossless
    for data in (*jpegs_that_hide_their_size(), *jpegs_that_hide_what_they_take(), bare_webp):
        assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == LARGE.shape
    bounds, big = replace(NODE, px=10_000), struct.pack("<Q", 128)
    refused = {
        **dict.fromkeys(jpegs_that_hide_what_they_take(), "too_large"),
        tiff_of((256, 4, 128), (257, 4, 96), (256, 4, 16), (257, 4, 16)): "too_large",  # a decoder takes the first
        tiff_of((256, 4, 16), (257, 4, 16), (322, 4, 128), (323, 4, 96)): "too_large",  # in one tile
        tiff_of((256, 16, 58), (257, 16, 58), (256, 4, 16), (257, 4, 16)) + big: "too_large",  # of BigTIFF's form
        tiff_of((256, 4, 16), (257, 4, 16), (322, 16, 58), (323, 17, 58)) + big: "too_large",
        tiff_of((256, 16, 58), (257, 16, 58)): "truncated",
        bare_webp: "not_an_image",
    }
    for data, reason in refused.items():
        with pytest.raises(BadFrameError) as caught:
            decode_picture(data, "x", bounds)
        assert caught.value.reason == reason
    for data in jpegs_that_hide_their_size():
        header = read_header(data)
        assert (header.width_px, header.height_px) == (128, 96)


def test_a_film_or_another_picture_behind_a_phones_picture_takes_nothing_from_it() -> None:
    small = cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes()
    for behind in (b"\0\0\0\x18ftypmp42\xff\xe1film", small, small[:-2]):
        assert np.array_equal(decode_picture(WHOLE + behind, "x", NODE), decode_picture(WHOLE, "x", NODE))


def test_a_picture_lying_on_its_side_is_turned_upright_by_its_exif() -> None:
    turned = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)  # Orientation 6
    exif = b"Exif\0\0" + turned
    wide = cv2.imencode(".jpg", np.zeros((40, 80, 3), np.uint8))[1].tobytes()
    data = wide[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + wide[2:]
    assert decode_picture(data, "phone.jpg").shape == (80, 40, 3)


@pytest.mark.parametrize("what", ["folder", "pipe", "dangling link", "nothing"])
def test_what_is_no_file_is_unreadable(tmp_path: Path, what: str) -> None:
    path = tmp_path / "x.jpg"
    makers = {"folder": path.mkdir, "pipe": lambda: os.mkfifo(path), "dangling link": lambda: path.symlink_to("gone")}
    makers.get(what, lambda: None)()
    with pytest.raises(BadFrameError, match=r"x\.jpg") as caught:
        read_picture(path)
    assert caught.value.reason == "unreadable"


def test_a_file_that_the_disk_does_not_give_is_unreadable_by_that_cause(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.symlink_to("/proc/self/mem")  # a file that opens, and fails when it is read
    with pytest.raises(BadFrameError, match=r"x\.jpg cannot be read \(Input/output error\)") as caught:
        read_picture(path)
    assert caught.value.reason == "unreadable"


def test_a_file_that_memory_may_not_hold_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "x.jpg").open("wb") as file:
        file.write(WHOLE)
        file.truncate(200_000_001)  # sparse: it takes no room
    with pytest.raises(BadFrameError, match="larger than 200 MB") as caught:
        read_picture(tmp_path / "x.jpg")
    assert caught.value.reason == "too_large"


@pytest.mark.parametrize(("size", "is_large_enough"), [((16, 16), True), ((15, 200), False), ((200, 15), False)])
def test_a_picture_needs_sixteen_pixels_each_way(size: tuple[int, int], is_large_enough: bool) -> None:
    data = cv2.imencode(".png", np.full((*size, 3), 90, np.uint8))[1].tobytes()
    if is_large_enough:
        assert decode_picture(data, "x").shape == (*size, 3)
        return
    with pytest.raises(BadFrameError, match="too small") as caught:
        decode_picture(data, "x")
    assert caught.value.reason == "too_small"


def height_or_reason(data: bytes, most_px: int) -> int | str:
    try:
        return decode_picture(data, "x", replace(NODE, px=most_px)).shape[0]
    except BadFrameError as why:
        return why.reason


@pytest.mark.parametrize(
    ("suffix", "options", "told"),
    [
        (".jpg", [], [48, 24, 12, 6, "too_large"]),
        (".jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [48, *4 * ["too_large"]]),
        (".png", [], [48, *4 * ["too_large"]]),
    ],
)
def test_a_node_takes_a_large_jpeg_smaller_unless_that_saves_no_memory(
    suffix: str, options: list[int], told: list[int | str]
) -> None:
    data = cv2.imencode(suffix, np.full((48, 64, 3), 90, np.uint8), options)[1].tobytes()
    assert [height_or_reason(data, most_px) for most_px in (3073, 3072, 768, 192, 48)] == told
