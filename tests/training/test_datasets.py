import msgspec
import numpy as np
import pytest
from PIL import Image

from edge.errors import BadFrameError, ConfigError
from tests.training.conftest import TINY
from training.classes import read_classes
from training.config import DatasetConfig
from training.datasets import images_of_split, read_dataset
from training.datasets.yolo import box_of_line, label_path
from training.mixture import samples_of
from training.samples import ORIENTATION, read_image, upright_size

PESTS = read_classes(["pest-vision", "rice-pests"])
PEST_VISION = DatasetConfig(name="pest-vision", annotation="yolo")
RICE_PESTS = DatasetConfig(name="rice-pests", annotation="yolo")


def test_a_box_line_is_centre_and_size():
    index, box = box_of_line("3 0.5 0.4 0.2 0.6")
    assert index == 3
    assert box == pytest.approx([0.4, 0.1, 0.6, 0.7])


def test_a_polygon_line_becomes_its_hull_box():
    _, box = box_of_line("0 0.2 0.5 0.6 0.1 0.9 0.4 0.5 0.8")
    assert box == pytest.approx([0.2, 0.1, 0.9, 0.8])


def test_a_box_that_hangs_over_the_edge_is_cut():
    _, box = box_of_line("0 0.05 0.5 0.3 0.2")
    assert box == pytest.approx([0.0, 0.4, 0.2, 0.6])


@pytest.mark.parametrize("line", ["0 0.5 0.5 0.1", "0 0.1 0.2 0.3 0.4 0.5", "0 a b c d", "0"])
def test_a_line_that_is_neither_is_refused(line):
    with pytest.raises(ValueError, match=r"neither|could not convert"):
        box_of_line(line)


@pytest.mark.parametrize("line", ["0 50 40 20 20", "0 0.5 0.5 1.2 0.2", "0 nan 0.5 0.2 0.2", "0 9 9 90 9 90 90 9 90"])
def test_px_in_place_of_shares_are_refused_and_no_box_less(line):
    with pytest.raises(ValueError, match="no shares of the picture"):
        box_of_line(line)


def test_a_polygon_drawn_beyond_the_edge_is_cut():
    _, box = box_of_line("0 0.5 0.5 1.97 0.6 0.7 -0.2")
    assert box == pytest.approx([0.5, 0.0, 1.0, 0.6])


@pytest.fixture
def own(tmp_path):
    """A set of one picture and one mark, which a test spoils."""
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    (tmp_path / "classes.txt").write_text("pieris\n")
    (tmp_path / "splits.csv").write_text("image,group,split\nimages/pest_00.jpg,0,train\n")
    (tmp_path / "images/pest_00.jpg").write_bytes((TINY / "pest-vision/images/pest_00.jpg").read_bytes())
    (tmp_path / "labels/pest_00.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    return tmp_path


def test_a_polygon_beside_the_picture_is_none_in_it(own):  # pest-vision has one
    (own / "labels/pest_00.txt").write_text("0 1.7 1.3 1.9 1.3 1.9 1.8\n")
    (sample,) = read_dataset(own, PEST_VISION, "train", PESTS)
    assert len(sample.xyxy) == 0


@pytest.mark.parametrize(
    "line",
    [
        "0 0.5 0.5", "1 0.5 0.5 0.2 0.2", "-1 0.5 0.5 0.2 0.2",
        "0 0.5 0.5 -0.2 0.2", "0 0.5 0.5 0.2 -0.2", "0 1.01 0.5 0.01 0.3", "0 0.5 -0.5 0.2 0.4",
    ],
)  # fmt: skip
def test_a_bad_line_is_named_with_file_and_number(line, own):
    (own / "labels/pest_00.txt").write_text(f"0 0.5 0.5 0.2 0.2\n{line}\n")
    with pytest.raises(ConfigError, match=r"pest_00\.txt, line 2"):
        read_dataset(own, PEST_VISION, "train", PESTS)


def test_a_line_that_stands_twice_is_refused_since_one_of_the_two_would_always_be_missed(own):
    (own / "labels/pest_00.txt").write_text("0 0.5 0.5 0.25 0.25\n0 0.5 0.5 0.5 0.5\n0 0.50 0.5 0.25 0.25\n")
    with pytest.raises(
        ConfigError, match=r"pest_00\.txt: has the mark pieris at \[84, 54.75, 140, 91.25\] twice; take"
    ):
        read_dataset(own, PEST_VISION, "train", PESTS)


def test_a_blank_behind_the_name_of_a_class_is_no_part_of_it(own):
    (own / "classes.txt").write_text("pieris \r\n")
    (sample,) = read_dataset(own, PEST_VISION, "train", PESTS)
    assert [PESTS.labels[class_id] for class_id in sample.class_id] == ["Pieris"]


@pytest.mark.parametrize("file", ["splits.csv", "classes.txt", "labels/pest_00.txt"])
def test_the_mark_that_windows_puts_before_utf_8_is_no_part_of_a_file(file, own):
    (own / file).write_text((own / file).read_text(), encoding="utf-8-sig")
    (sample,) = read_dataset(own, PEST_VISION, "train", PESTS)
    assert [PESTS.labels[class_id] for class_id in sample.class_id] == ["Pieris"]


@pytest.mark.parametrize("file", ["splits.csv", "classes.txt", "labels/pest_00.txt"])
def test_a_file_in_another_encoding_is_named_with_the_remedy(file, own):
    (own / file).write_bytes((own / file).read_bytes() + "0 käfer\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=rf"{file}: byte \d+ is no UTF-8; save the file as UTF-8"):
        read_dataset(own, PEST_VISION, "train", PESTS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("image;group;split\na.jpg;0;train\n", "no column 'image'; begin it with the line image,group,split"),
        ("image,split\na.jpg,train\n", "no column 'group'"),
        ("", "no column 'image'"),
        ("image,group,split\na.jpg,0,valid\n", "a.jpg is in 'valid', which is no split; write one of train, val, test"),
        ("image,group,split\na.jpg,0,Train\n", "'Train'"),
        ("image,group,split\na.jpg,0\n", "a.jpg is in ''"),
        ("image,group,split\na\0.jpg,0,train\n", "has a NUL, which no text has; save the file anew as UTF-8"),
    ],
)
def test_a_picture_that_would_vanish_from_splits_csv_is_refused(text, says, own):
    (own / "splits.csv").write_text(text)
    with pytest.raises(ConfigError) as caught:
        images_of_split(own, "val")
    assert str(caught.value).startswith(f"{own / 'splits.csv'}: ")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "again", ["images/pest_00.jpg,0,test", "./images//pest_00.jpg,0,val", "images/pest_00.jpg,0,train"]
)
def test_a_picture_that_is_given_to_two_splits_is_not_learned_and_then_judged_by(again, own):
    (own / "splits.csv").write_text((own / "splits.csv").read_text() + again + "\n")
    with pytest.raises(
        ConfigError, match=r"splits\.csv: has .*images/+pest_00\.jpg twice, in train and .*; take one out"
    ):
        images_of_split(own, "train")


def test_a_path_with_the_backslashes_of_windows_is_told_as_what_it_is(own):
    (own / "splits.csv").write_text("image,group,split\nimages\\pest_00.jpg,0,train\n")
    with pytest.raises(
        ConfigError, match=r"splits\.csv: images\\pest_00\.jpg has a backslash; write / between folders"
    ):
        images_of_split(own, "train")


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_picture_that_is_cut_off_is_not_learned_as_grey(suffix, tmp_path):
    path = tmp_path / f"half.{suffix}"
    Image.open(TINY / "pest-vision/images/pest_00.jpg").save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BadFrameError, match=rf"half\.{suffix}: cut off, .*; fetch the dataset again, or leave it out"):
        read_image(path)


def portrait(path, orientation, **options):
    """A phone's picture, stored 60 px wide and 40 high; EXIF says how it is to be turned."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    pixels = np.random.default_rng(1).integers(0, 255, (40, 60, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path, **{"exif": exif} | options)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 10))
def test_the_size_from_the_header_is_that_of_the_picture_that_is_learned_from(orientation, suffix, tmp_path):
    path = portrait(tmp_path / f"a.{suffix}", orientation)
    assert upright_size(path) == read_image(path).shape[1::-1]


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


@pytest.mark.parametrize("options", [{"exif": b""}, {"exif": b"", "xmp": XMP}, {"exif": b"Exif\0\0no TIFF at all"}])
def test_a_picture_whose_exif_does_not_turn_it_has_the_size_that_is_stored(options, tmp_path):
    path = portrait(tmp_path / "a.jpg", 6, **options)
    assert upright_size(path) == read_image(path).shape[1::-1] == (60, 40)


def test_a_picture_whose_exif_is_no_table_is_named(tmp_path):
    path = portrait(tmp_path / "a.png", 6, exif=b"Exif\0\0no TIFF at all")
    with pytest.raises(BadFrameError, match=r"a\.png: not a picture, cut short or too large; "):
        upright_size(path)


def test_marks_of_a_phone_portrait_lie_where_they_were_drawn(own):
    portrait(own / "images/pest_00.jpg", 6)
    (own / "labels/pest_00.txt").write_text("0 0.25 0.75 0.5 0.5\n")  # of the picture upright: 40 px wide, 60 high
    (sample,) = read_dataset(own, PEST_VISION, "train", PESTS)
    assert sample.xyxy.tolist() == [[0, 30, 20, 60]]


@pytest.mark.parametrize(
    ("picture", "labels"),
    [
        ("images/train/a.jpg", "labels/train/a.txt"), ("images/train/day 1/a.jpg", "labels/train/day 1/a.txt"),
        ("obj_train_data/a.jpg", "obj_train_data/a.txt"), ("a.jpg", "a.txt"),
    ],
)  # fmt: skip
def test_labels_are_found_where_ultralytics_cvat_and_labelimg_write_them(picture, labels, own):
    for old, new in (("images/pest_00.jpg", picture), ("labels/pest_00.txt", labels)):
        (own / new).parent.mkdir(parents=True, exist_ok=True)
        (own / old).rename(own / new)
    (own / "splits.csv").write_text(f"image,group,split\n{picture},0,train\n")
    (sample,) = read_dataset(own, PEST_VISION, "train", PESTS)
    assert [PESTS.labels[class_id] for class_id in sample.class_id] == ["Pieris"]


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("pictures", [("images/a.jpg", "images/a.png"), ("day1/a.jpg", "day2/a.jpg")])
def test_pictures_that_one_file_would_mark_are_refused_since_the_marks_are_of_one_of_them(pictures, split, own):
    for picture in pictures:
        (own / picture).parent.mkdir(exist_ok=True)
        (own / picture).write_bytes((own / "images/pest_00.jpg").read_bytes())
    (own / "labels/pest_00.txt").rename(own / "labels/a.txt")
    (own / "splits.csv").write_text(f"image,group,split\n{pictures[0]},0,train\n{pictures[1]},1,{split}\n")
    with pytest.raises(
        ConfigError, match=rf"labels/a\.txt: would be the marks of both .*{pictures[0]} and .*{pictures[1]}; give each"
    ):
        read_dataset(own, PEST_VISION, "train", PESTS)


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ("labels/pest_00.txt", r"pest_00\.jpg: has no labels \(.*labels/pest_00\.txt\); give a picture that shows"),
        ("classes.txt", r"classes\.txt: not there; write it, a class a line, in the order of obj\.names .* data\.yaml"),
    ],
)
def test_a_file_that_a_program_did_not_write_is_told_with_what_to_write(missing, says, own):
    (own / missing).unlink()
    with pytest.raises(ConfigError, match=says):
        read_dataset(own, PEST_VISION, "train", PESTS)


def test_labels_lie_where_each_publisher_keeps_them(tmp_path):
    (tmp_path / "Annotations" / "Train" / "Human").mkdir(parents=True)
    assert label_path(tmp_path / "train/images/a.jpg") == tmp_path / "train/labels/a.txt"
    assert label_path(tmp_path / "Images/Test/7.jpg") == tmp_path / "Annotations/Test/YOLO/7.txt"
    assert label_path(tmp_path / "Images/Train/7.jpg") == tmp_path / "Annotations/Train/Human/YOLO/7.txt"


def test_only_splits_csv_decides_the_split():
    splits = {split: set(images_of_split(TINY / "pest-vision", split)) for split in ("train", "val", "test")}
    assert [len(splits[split]) for split in ("train", "val", "test")] == [9, 3, 2]
    assert not splits["train"] & splits["test"]


def test_a_dataset_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"splits\.csv: not found"):
        images_of_split(tmp_path / "absent", "train")


def test_boxes_are_in_pixels_of_the_stored_picture():
    sample = read_dataset(TINY / "rice-pests", RICE_PESTS, "train", PESTS)[0]  # rice_00.jpg, 224 px
    assert PESTS.labels[sample.class_id[0]] == "Cnaphalocrocis medinalis"
    assert sample.xyxy[0] == pytest.approx(np.array([0.23086, 0.10898, 0.78164, 0.87695]) * 224, abs=0.5)


def test_held_out_groups_of_train_validate_instead_and_test_stays():
    root = TINY / "pest-vision"
    train, val = images_of_split(root, "train"), images_of_split(root, "val")
    moved = [image for image in train if image.endswith(("_00.jpg", "_01.jpg"))]
    assert set(images_of_split(root, "val", {"0", "1"})) == set(val) | set(moved)
    assert set(images_of_split(root, "train", {"0", "1"})) == set(train) - set(moved)
    last = {"12", "13"}  # groups of the test split
    assert images_of_split(root, "test", last) == images_of_split(root, "test")


def test_a_group_that_no_picture_is_of_is_not_left_out_but_named_since_its_pictures_would_train():
    with pytest.raises(ConfigError, match=r"splits\.csv: no picture is of the group 'O', which is to be held"):
        images_of_split(TINY / "pest-vision", "train", ("1", "O"))


def test_a_set_without_the_labels_trains_with_no_boxes_and_is_not_judged(tiny_config):
    rice = DatasetConfig(name="rice-pests", annotation="empty")
    config = msgspec.structs.replace(tiny_config, datasets=(PEST_VISION, rice))
    assert config.labelled == ["pest-vision"]
    trained = [sample for sample in samples_of(config, "train") if sample.dataset == "rice-pests"]
    assert len(trained) == 4
    assert all(len(sample.xyxy) == 0 for sample in trained)
    for split in ("val", "test"):
        assert {sample.dataset for sample in samples_of(config, split)} == {"pest-vision"}


def test_a_set_that_shows_nothing_and_has_no_splits_only_tests_by_all_its_pictures_however_their_names_end(tmp_path):
    for name in ("a.JPG", "b.jpg", "c.jpeg", "card/a.jpg", "d.PNG", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    cards = DatasetConfig(name="empty-cards", annotation="empty")
    shown = {split: read_dataset(tmp_path, cards, split, PESTS) for split in ("train", "val", "test")}
    assert [one.image_path.name for one in shown["test"]] == ["a.JPG", "b.jpg", "c.jpeg", "a.jpg", "d.PNG"]
    assert all(len(one.class_id) == 0 for one in shown["test"])
    assert not shown["train"]
    assert not shown["val"]
    with pytest.raises(ConfigError, match="not found"):
        read_dataset(tmp_path / "elsewhere", cards, "test", PESTS)
