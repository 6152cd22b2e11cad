"""Readers of Pascal VOC, COCO and painted masks, on small files in the form of the real sets."""

import json
import shutil

import cv2
import numpy as np
import pytest

from edge.errors import BadFrameError, ConfigError
from tests.training.conftest import TINY
from training.classes import HEALTHY, ClassTable, read_classes
from training.config import DatasetConfig
from training.datasets import read_dataset
from training.datasets.empty import all_images
from training.datasets.masks import lesion_boxes, painted, read_mask, read_masks
from training.samples import IGNORE

PICTURE = TINY / "rice-pests" / "images" / "rice_00.jpg"  # 224 px
VOC = """<annotation><object><name>Rice_Blast</name><bndbox><xmin>10</xmin><ymin>20</ymin><xmax>60</xmax><ymax>70</ymax>
</bndbox></object><object><name>Brown_Spot</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>6</xmax><ymax>40</ymax>
</bndbox></object></annotation>"""


def with_split(root, *images):
    for image in images:
        (root / image).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PICTURE, root / image)
    (root / "splits.csv").write_text("\n".join(["image,group,split", *(f"{image},0,train" for image in images)]))
    return root


def samples(root, dataset, annotation):
    return read_dataset(root, DatasetConfig(name=dataset, annotation=annotation), "train", read_classes([dataset]))


def read(root, dataset, annotation):
    (sample,) = samples(root, dataset, annotation)
    labels = read_classes([dataset]).labels
    return sample.xyxy.tolist(), [labels[class_id] for class_id in sample.class_id]


def voc(*boxes):
    corners = ("<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>".format(*box) for box in boxes)
    marks = (f"<object><name>Rice_Blast</name><bndbox>{four}</bndbox></object>" for four in corners)
    return f"<annotation>{''.join(marks)}</annotation>"


def test_voc_boxes_are_read_and_slivers_left_out_though_pictures_of_another_split_were_not_fetched(tmp_path):
    with_split(tmp_path, "orig/leaf.jpg")
    with (tmp_path / "splits.csv").open("a") as splits:
        splits.write("\norig/other.jpg,1,test")
    (tmp_path / "orig" / "leaf.xml").write_text(VOC)
    assert read(tmp_path, "rice-diseases", "voc") == ([[10, 20, 60, 70]], ["Pyricularia oryzae"])


def test_a_voc_picture_without_its_file_is_named(tmp_path):
    told = r"leaf\.jpg: has no XML file; .*, or give a picture that shows nothing one with <annotation/> in it"
    with pytest.raises(ConfigError, match=told):
        read(with_split(tmp_path, "orig/leaf.jpg"), "rice-diseases", "voc")


def test_a_broken_voc_file_is_named(tmp_path):
    with_split(tmp_path, "orig/leaf.jpg")
    (tmp_path / "orig" / "leaf.xml").write_text(VOC[:90])
    with pytest.raises(ConfigError, match=r"leaf\.xml"):
        read(tmp_path, "rice-diseases", "voc")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<Error><Code>AccessDenied</Code></Error>", "is no Pascal VOC but <Error>"),
        ("<html><body>404</body></html>", "is no Pascal VOC but <html>"),
        (VOC.replace("<annotation>", '<annotation xmlns="http://a.org">'), "is no Pascal VOC but <{http://a.org}annot"),
        (VOC.replace("<annotation>", "<annotation><objects>").replace("</annotation>", "</objects></annotation>"),
         "its objects lie in other elements"),
        ('<?xml version="1.0" encoding="foo"?>' + VOC, "unknown encoding: foo"),
    ],
)  # fmt: skip
def test_xml_that_is_no_voc_file_is_not_learned_as_a_picture_that_shows_nothing(tmp_path, text, says):
    (with_split(tmp_path, "leaf.jpg") / "leaf.xml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        samples(tmp_path, "rice-diseases", "voc")
    assert str(caught.value).startswith(f"{tmp_path / 'leaf.xml'}: {says}")


def test_a_voc_file_with_a_capital_and_with_objects_in_its_objects_is_read(tmp_path):
    text = VOC.replace("annotation>", "Annotation>").replace("</object>", "<object>leaf</object></object>")
    (with_split(tmp_path, "leaf.jpg") / "leaf.xml").write_text(VOC)
    plain = read(tmp_path, "rice-diseases", "voc")
    (tmp_path / "leaf.xml").write_text(text)
    assert read(tmp_path, "rice-diseases", "voc") == plain != ([], [])


def test_a_voc_file_without_an_object_is_a_picture_that_shows_nothing(tmp_path):
    (with_split(tmp_path, "leaf.jpg") / "leaf.xml").write_text("<annotation/>")
    assert read(tmp_path, "rice-diseases", "voc") == ([], [])


DAYS = ("day1/IMG_1.jpg", "day2/IMG_1.jpg")
ONE, OTHER = (10, 10, 30, 30), (40, 40, 90, 90)


@pytest.mark.parametrize(
    ("pictures", "files"),
    [
        (DAYS, ("day1/IMG_1.xml", "day2/IMG_1.xml")),
        ([f"Images/{day}" for day in DAYS], ("Annotations/day1/IMG_1.xml", "Annotations/day2/IMG_1.xml")),
        (
            ("day1/images/IMG_1.jpg", "day2/images/IMG_1.jpg"),
            ("day1/annotations/IMG_1.xml", "day2/annotations/IMG_1.xml"),
        ),
        (DAYS, ("day1/IMG_1.xml", "others/IMG_1.xml")),
    ],
)
def test_voc_pictures_of_one_name_in_two_folders_have_each_their_own_marks(tmp_path, pictures, files):
    with_split(tmp_path, *pictures)
    for file, box in zip(files, (ONE, OTHER), strict=True):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(voc(box))
    first, second = samples(tmp_path, "rice-diseases", "voc")
    assert (first.xyxy.tolist(), second.xyxy.tolist()) == ([list(ONE)], [list(OTHER)])


@pytest.mark.parametrize("split", ["train", "test"])
def test_two_voc_pictures_of_one_name_and_two_formats_are_refused_as_one_file_would_mark_both(tmp_path, split):
    with_split(tmp_path, "leaf.jpg", "leaf.png")
    (tmp_path / "splits.csv").write_text(f"image,group,split\nleaf.jpg,0,train\nleaf.png,1,{split}")
    (tmp_path / "leaf.xml").write_text(voc(ONE))
    with pytest.raises(
        ConfigError, match=r"leaf\.xml: would be the marks of both .*leaf\.jpg and .*leaf\.png; give each"
    ):
        samples(tmp_path, "rice-diseases", "voc")


def test_a_voc_picture_does_not_take_the_marks_of_another_picture_of_its_name(tmp_path):
    with_split(tmp_path, *DAYS)
    (tmp_path / "day1" / "IMG_1.xml").write_text(voc(ONE))
    with pytest.raises(ConfigError, match=r"day2/IMG_1\.jpg: has no XML"):
        samples(tmp_path, "rice-diseases", "voc")


def test_voc_files_that_may_both_be_a_picture_s_are_named(tmp_path):
    with_split(tmp_path, "day1/IMG_1.jpg")
    for folder in ("anna", "bert"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "IMG_1.xml").write_text(voc(ONE))
    with pytest.raises(ConfigError, match=r"day1/IMG_1\.jpg: both .*anna/IMG_1\.xml and .*bert/IMG_1\.xml may be"):
        samples(tmp_path, "rice-diseases", "voc")


def test_a_voc_box_that_hangs_over_the_edge_is_cut(tmp_path):
    with_split(tmp_path, "leaf.jpg")
    (tmp_path / "leaf.xml").write_text(voc((-20, 50, 40, 300)))
    assert read(tmp_path, "rice-diseases", "voc")[0] == [[0, 50, 40, 224]]


def test_a_voc_box_beside_the_picture_is_no_sliver_but_a_mark_on_another_picture(tmp_path):
    with_split(tmp_path, "leaf.jpg")
    (tmp_path / "leaf.xml").write_text(voc((300, 50, 400, 150)))
    with pytest.raises(
        ConfigError, match=r"leaf\.jpg: is 224x224 px and the mark \[300, 50, 400, 150\] lies beside it"
    ):
        samples(tmp_path, "rice-diseases", "voc")


@pytest.mark.parametrize("box", [(50, 10, 10, 50), (10, 50, 50, 10), ("nan", 10, 50, 50), (10, 10, "inf", 50)])
def test_a_voc_box_that_is_turned_round_or_no_number_is_refused_and_no_sliver(tmp_path, box):
    with_split(tmp_path, "leaf.jpg")
    (tmp_path / "leaf.xml").write_text(voc(ONE, box))
    with pytest.raises(ConfigError, match=r"leaf\.xml: the mark \[.*\] is turned round or no number; mend the file"):
        samples(tmp_path, "rice-diseases", "voc")


QUARTER = "<attributes><attribute><name>rotation</name><value>90.0</value></attribute></attributes></object>"


def test_a_box_that_somebody_turned_in_cvat_is_marked_where_it_lies_on_the_picture(tmp_path):
    """CVAT writes 10 to 60 and 20 to 40 as if it lay flat, and the angle beside."""
    with_split(tmp_path, "leaf.jpg")
    (tmp_path / "leaf.xml").write_text(voc((10, 20, 60, 40)).replace("</object>", QUARTER))
    content = json.loads(coco([(1, [10, 20, 50, 20])], "leaf.jpg"))
    content["annotations"][0]["attributes"] = {"occluded": False, "rotation": 90.0}
    (tmp_path / "all.json").write_text(json.dumps(content))
    for dataset, annotation in (("rice-diseases", "voc"), ("cacao-pods", "coco")):
        (mark,), _ = read(tmp_path, dataset, annotation)
        assert mark == pytest.approx([25, 5, 45, 55])


@pytest.mark.parametrize("beside", [{"segmentation": [[10, 20, 60, 20, 60, 40]]}, {"attributes": {"rotation": "left"}}])
def test_a_coco_outline_is_turned_already_and_a_word_turns_nothing(beside, tmp_path):
    with_split(tmp_path, "pod.jpg")
    content = json.loads(coco([(1, [10, 20, 50, 20])]))
    content["annotations"][0] |= {"attributes": {"rotation": 90.0}} | beside
    (tmp_path / "all.json").write_text(json.dumps(content))
    assert read(tmp_path, "cacao-pods", "coco")[0] == [[10, 20, 60, 40]]


def test_a_voc_mark_that_stands_twice_is_refused_since_one_of_the_two_would_always_be_missed(tmp_path):
    with_split(tmp_path, "leaf.jpg")
    (tmp_path / "leaf.xml").write_text(voc(ONE, OTHER, ONE).replace("Rice_Blast", "Brown_Spot", 1))
    assert len(samples(tmp_path, "rice-diseases", "voc")[0].xyxy) == 3, "two names at one place are two marks"
    (tmp_path / "leaf.xml").write_text(voc(ONE, OTHER, ONE))
    with pytest.raises(ConfigError, match=r"leaf\.xml: has the mark Rice_Blast at \[10, 10, 30, 30\] twice; take one"):
        samples(tmp_path, "rice-diseases", "voc")


def coco(boxes, file_name="pod.jpg", crowds=()):
    return json.dumps({
        "categories": [{"id": 1, "name": "BLACKPOD"}, {"id": 3, "name": "HEALTHY"}],
        "images": [{"id": 7, "file_name": file_name}],
        "annotations": [
            {"id": n, "image_id": 7, "category_id": category, "bbox": box, "iscrowd": int(n in crowds)}
            for n, (category, box) in enumerate(boxes)
        ],
    })  # fmt: skip


def test_coco_boxes_become_corners_and_a_healthy_pod_no_detection(tmp_path):
    with_split(tmp_path, "train/pod.jpg")
    (tmp_path / "train" / "_annotations.coco.json").write_text(coco([(1, [10, 20, 30, 40]), (3, [0, 0, 50, 50])]))
    assert read(tmp_path, "cacao-pods", "coco") == ([[10, 20, 40, 60]], ["Phytophthora palmivora"])


@pytest.mark.parametrize(
    ("size", "is_refused"),
    [
        ((224, 224), False),
        (("224", "224"), False),
        ((0, 0), False),
        ((-1, -1), False),
        ((448, 448), True),
        ((224, 300), True),
    ],
)
@pytest.mark.parametrize(("dataset", "annotation"), [("rice-diseases", "voc"), ("cacao-pods", "coco")])
def test_marks_of_a_picture_that_was_turned_or_shrunk_since_are_refused(
    tmp_path, dataset, annotation, size, is_refused
):
    width, height = size
    with_split(tmp_path, "leaf.jpg")
    stated = f"<annotation><size><width>{width}</width><height>{height}</height></size>"
    (tmp_path / "leaf.xml").write_text(voc(ONE).replace("<annotation>", stated))
    content = json.loads(coco([(1, ONE)], "leaf.jpg"))
    content["images"][0] |= {"width": width, "height": height}
    (tmp_path / "all.json").write_text(json.dumps(content))
    if not is_refused:
        assert len(samples(tmp_path, dataset, annotation)[0].xyxy) == 1
        return
    told = rf"leaf\.jpg: is 224x224 px and was marked at {width}x{height} px; take the picture that was marked"
    with pytest.raises(ConfigError, match=told):
        samples(tmp_path, dataset, annotation)


def test_a_coco_picture_that_no_file_lists_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"pod\.jpg: no COCO file below .* lists it by its path .* or from images/"):
        read(with_split(tmp_path, "train/pod.jpg"), "cacao-pods", "coco")


def test_a_coco_crowd_is_ignored_and_taught_as_nothing(tmp_path):
    with_split(tmp_path, "pod.jpg")
    boxes = [(1, [10, 20, 30, 40]), (1, [80, 80, 90, 90]), (3, [0, 100, 50, 50])]
    (tmp_path / "all.json").write_text(coco(boxes, crowds=(1, 2)))
    (sample,) = samples(tmp_path, "cacao-pods", "coco")
    assert sample.xyxy.tolist() == [[10, 20, 40, 60], [80, 80, 170, 170], [0, 100, 50, 150]]
    assert sample.class_id.tolist() == [0, IGNORE, IGNORE]


@pytest.mark.parametrize(
    ("crowd", "is_crowd"), [(0, False), ("0", False), (None, False), (0.0, False), (1, True), ("1", True), (True, True)]
)
def test_a_coco_crowd_is_what_its_number_says_also_as_text(tmp_path, crowd, is_crowd):
    with_split(tmp_path, "pod.jpg")
    content = json.loads(coco([])) | {"annotations": [LISTED | {"iscrowd": crowd}]}
    (tmp_path / "all.json").write_text(json.dumps(content))
    (sample,) = samples(tmp_path, "cacao-pods", "coco")
    assert (sample.class_id.tolist() == [IGNORE]) == is_crowd


@pytest.mark.parametrize("listed", ["images", "categories"])
def test_an_id_that_two_images_or_categories_have_is_refused_since_marks_would_go_to_the_wrong_one(tmp_path, listed):
    with_split(tmp_path, "pod.jpg")
    content = json.loads(coco([(1, ONE)]))
    content[listed].append(content[listed][0] | {"file_name": "b.jpg", "name": "b"})
    (tmp_path / "all.json").write_text(json.dumps(content))
    told = rf"all\.json: its {listed} have the id {content[listed][0]['id']} twice; give each one of its own, also"
    with pytest.raises(ConfigError, match=told):
        samples(tmp_path, "cacao-pods", "coco")
    content[listed][-1] = content[listed][0]  # the same one once more says nothing else
    (tmp_path / "all.json").write_text(json.dumps(content))
    assert len(read(tmp_path, "cacao-pods", "coco")[0]) == 1


def test_a_coco_mark_that_stands_twice_in_a_file_is_refused_and_not_doubled(tmp_path):
    with_split(tmp_path, "pod.jpg")
    twice = [(1, [10, 20, 30, 40]), (3, [10, 20, 30, 40]), (1, [10, 20, 30, 40])]
    (tmp_path / "all.json").write_text(coco(twice[:2]))
    assert len(read(tmp_path, "cacao-pods", "coco")[0]) == 1, "two names at one place are two marks"
    (tmp_path / "all.json").write_text(coco(twice))
    with pytest.raises(
        ConfigError, match=r"all\.json: has a mark of pod\.jpg twice, BLACKPOD at \[10, 20, 40, 60\]; take"
    ):
        samples(tmp_path, "cacao-pods", "coco")


def test_marks_of_two_coco_files_on_one_picture_are_joined(tmp_path):
    with_split(tmp_path, "pod.jpg")
    (tmp_path / "anna.json").write_text(coco([(1, [10, 20, 30, 40])]))
    (tmp_path / "bert.json").write_text(coco([(1, [100, 100, 50, 50])]))
    assert read(tmp_path, "cacao-pods", "coco")[0] == [[10, 20, 40, 60], [100, 100, 150, 150]]


def test_a_copy_of_a_coco_file_is_refused_since_its_marks_would_be_double(tmp_path):
    with_split(tmp_path, "pod.jpg")
    (tmp_path / "all.json").write_text(coco([(1, [10, 20, 30, 40])]))
    (tmp_path / "all_old.json").write_text(coco([(3, [10, 20, 30, 40]), (1, [100, 100, 50, 50])]))
    with pytest.raises(ConfigError, match=r"all_old\.json: has a mark of pod\.jpg that .*all\.json has too"):
        samples(tmp_path, "cacao-pods", "coco")


def test_a_coco_box_that_hangs_over_the_edge_is_cut_and_one_that_bows_over_stays(tmp_path):
    with_split(tmp_path, "pod.jpg")
    (tmp_path / "all.json").write_text(coco([(1, [-20, 20, 60, 300]), (1, [-1.5, 20, 40, 40])]))
    assert read(tmp_path, "cacao-pods", "coco")[0] == [[0, 20, 40, 224], [-1.5, 20, 38.5, 60]]


@pytest.mark.parametrize("picture", ["images/pod.jpg", "images/default/pod.jpg"])
def test_a_coco_file_in_a_folder_beside_images_lists_them_as_cvat_writes_it(tmp_path, picture):
    with_split(tmp_path, picture)
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "instances_default.json").write_text(coco([(1, [10, 20, 30, 40])]))
    assert read(tmp_path, "cacao-pods", "coco")[0] == [[10, 20, 40, 60]]


@pytest.mark.parametrize("name", ["pod.jpg", "day 1/pod.jpg", r"day 1\pod.jpg", r"images\day 1\pod.jpg"])
def test_a_coco_file_beside_images_may_leave_their_folder_out_and_write_names_as_windows_does(tmp_path, name):
    with_split(tmp_path, "images/pod.jpg" if name == "pod.jpg" else "images/day 1/pod.jpg")
    (tmp_path / "annotations.json").write_text(coco([(1, [10, 20, 30, 40])], name))
    assert read(tmp_path, "cacao-pods", "coco")[0] == [[10, 20, 40, 60]]


SERVED = "../../label-studio/data/media/upload/{}/pod.jpg"


def test_a_coco_file_of_label_studio_lists_pictures_by_where_its_server_has_them(tmp_path):
    with_split(tmp_path, "images/pod.jpg")
    (tmp_path / "result.json").write_text(coco([(1, [10, 20, 30, 40])], SERVED.format(1)))
    assert read(tmp_path, "cacao-pods", "coco")[0] == [[10, 20, 40, 60]]


def test_two_pictures_that_a_server_has_by_one_name_are_refused_and_their_marks_not_joined(tmp_path):
    with_split(tmp_path, "images/pod.jpg")
    content = json.loads(coco([(1, [10, 20, 30, 40])], SERVED.format(1)))
    content["images"].append({"id": 8, "file_name": SERVED.format(2)})
    (tmp_path / "result.json").write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=r"result\.json: lists .*images/pod\.jpg by two names, and marks of two"):
        samples(tmp_path, "cacao-pods", "coco")


@pytest.mark.parametrize("picture", ["pod.jpg", "images/pod.jpg"])
def test_a_set_whose_own_folder_is_called_annotations_is_read_as_any_other(tmp_path, picture):
    root = with_split(tmp_path / "annotations", picture)
    (root / "annotations.json").write_text(coco([(1, [10, 20, 30, 40])], "pod.jpg"))
    assert read(root, "cacao-pods", "coco")[0] == [[10, 20, 40, 60]]


@pytest.mark.parametrize(
    ("file", "name"),
    [("all.json", "images/pod.jpg"), ("all.json", "pod.jpg"), ("annotations/instances_default.json", "pod.jpg")],
)
def test_a_listed_coco_picture_that_is_not_there_is_named_as_missing(tmp_path, file, name):
    with_split(tmp_path, "images/pod.jpg")
    (tmp_path / "images/pod.jpg").unlink()
    (tmp_path / "annotations").mkdir()
    (tmp_path / file).write_text(coco([(1, [10, 20, 30, 40])], name))
    with pytest.raises(FileNotFoundError) as caught:
        samples(tmp_path, "cacao-pods", "coco")
    assert caught.value.filename.endswith("images/pod.jpg")


def test_json_of_another_kind_beside_a_coco_file_is_passed_over(tmp_path):
    with_split(tmp_path, "pod.jpg")
    (tmp_path / "all.json").write_text(coco([(1, [10, 20, 30, 40])]))
    (tmp_path / "notes.json").write_text('{"categories": [], "info": {"version": "1.0"}}')
    (tmp_path / "list.json").write_text("[]")
    assert read(tmp_path, "cacao-pods", "coco")[0] == [[10, 20, 40, 60]]


def test_what_a_mac_laid_beside_each_file_of_a_zip_is_neither_a_coco_file_nor_a_picture(tmp_path):
    with_split(tmp_path, "pod.jpg")
    (tmp_path / "all.json").write_text(coco([(1, [10, 20, 30, 40])]))
    (tmp_path / "__MACOSX").mkdir()
    for name in ("._all.json", "._pod.jpg"):
        (tmp_path / "__MACOSX" / name).write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        \xb0")
    assert read(tmp_path, "cacao-pods", "coco")[0] == [[10, 20, 40, 60]]
    assert all_images(tmp_path) == ["pod.jpg"]


def test_the_mark_that_windows_puts_before_utf_8_is_no_part_of_a_coco_file(tmp_path):
    with_split(tmp_path, "pod.jpg")
    (tmp_path / "all.json").write_text(coco([(1, [10, 20, 30, 40])]), encoding="utf-8-sig")
    assert read(tmp_path, "cacao-pods", "coco")[0] == [[10, 20, 40, 60]]


LISTED = {"id": 4, "image_id": 7, "category_id": 1, "bbox": [10, 20, 30, 40]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"bbox": []}, {"bbox": None}, {"bbox": [0.1, 0.1, 0.3, 0.3]}, {"image_id": 9}, {"category_id": 9},
        {"bbox": [90, 20, -30, 40]}, {"bbox": [float("nan"), 20, 30, 40]}, {"bbox": [10, 20, 30, float("inf")]},
        {"attributes": {"rotation": float("nan")}}, {"bbox": [10**400, 20, 30, 40]},
        {"iscrowd": "no"}, {"iscrowd": [0]},
    ],
)  # fmt: skip
def test_a_coco_annotation_that_cannot_be_understood_is_named(tmp_path, wrong):
    with_split(tmp_path, "pod.jpg")
    content = json.loads(coco([])) | {"annotations": [LISTED | wrong]}
    (tmp_path / "all.json").write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=r"all\.json: annotation 4 has no bbox of four numbers, or"):
        samples(tmp_path, "cacao-pods", "coco")


@pytest.mark.parametrize("wrong", [None, [1], "x", 3])
def test_a_coco_annotation_that_is_none_is_named_by_its_place(tmp_path, wrong):
    with_split(tmp_path, "pod.jpg")
    content = json.loads(coco([])) | {"annotations": [LISTED, wrong]}
    (tmp_path / "all.json").write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=r"all\.json: annotation \[1\] of the list has no bbox of four numbers, or"):
        samples(tmp_path, "cacao-pods", "coco")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"images": [', "not JSON"),
        (
            f'{{"images": [{{"id": 1, "file_name": "", "width": {10**400}}}], "annotations": [], "categories": []}}',
            "no number as its size",
        ),
        ('{"images": [{"id": 1}], "annotations": [], "categories": []}', "no id or file_name"),
        ('{"images": [{"id": 1, "file_name": null}], "annotations": [], "categories": []}', "no id or file_name"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1, "name": 1}]}', "a category no id or name"),
        ("[" * 5000, "not JSON"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1, "name": ["x"]}]}', "a category no id or name"),
    ],
)
def test_a_coco_file_that_cannot_be_understood_is_named(tmp_path, text, says):
    (with_split(tmp_path, "pod.jpg") / "all.json").write_text(text)
    with pytest.raises(ConfigError, match=rf"all\.json: .*{says}"):
        samples(tmp_path, "cacao-pods", "coco")


@pytest.mark.parametrize(
    "content",
    [b"no picture", b"", PICTURE.read_bytes()[:50], b"P6 20000 20000 255\n", b"P6 inf 20 255\n"],
    ids=["text", "empty", "cut", "huge", "no number"],
)
@pytest.mark.parametrize(("dataset", "annotation"), [("rice-diseases", "voc"), ("cacao-pods", "coco")])
def test_a_file_that_is_no_picture_that_can_be_read_is_named(tmp_path, content, dataset, annotation):
    (with_split(tmp_path, "leaf.jpg") / "leaf.jpg").write_bytes(content)
    (tmp_path / "leaf.xml").write_text(voc(ONE))
    (tmp_path / "all.json").write_text(coco([(1, ONE)], "leaf.jpg"))
    with pytest.raises(BadFrameError, match=r"leaf\.jpg: not a picture, cut short or too large; .* HEIC as JPEG"):
        samples(tmp_path, dataset, annotation)


def test_a_picture_that_is_missing_is_named_as_missing(tmp_path):
    (with_split(tmp_path, "leaf.jpg") / "leaf.xml").write_text(voc(ONE))
    (tmp_path / "leaf.jpg").unlink()
    with pytest.raises(FileNotFoundError) as caught:
        samples(tmp_path, "rice-diseases", "voc")
    assert caught.value.filename.endswith("leaf.jpg")


def leaf(*lesions):
    mask = np.zeros((224, 224, 3), np.uint8)  # as PICTURE
    mask[10:90, 10:190] = (0, 176, 0)
    for left, top, right, bottom in lesions:
        mask[top:bottom, left:right] = (0, 0, 255)
    return mask


def spoilt(mask, how):
    """A mask as other programs paint it."""
    is_lesion, is_leaf = mask[..., 2] > 0, mask[..., 1] > 0
    return {
        "index": np.repeat((is_leaf + 2 * is_lesion).astype(np.uint8)[..., None], 3, axis=2),
        "half as bright": mask // 2,
        "RGB": mask[..., ::-1],
        "black": mask * 0,
        "yellow lesions": np.where(is_lesion[..., None], np.uint8([0, 255, 255]), mask),
    }[how]


def with_leaf(root, stress):
    with_split(root, "images/train/7.jpg")
    (root / "dataset.csv").write_text(f"id,predominant_stress\n7,{stress}\n", encoding="utf-8-sig")
    masks = root / "annotations" / "train"
    masks.mkdir(parents=True)
    cv2.imwrite(str(masks / "7_mask.png"), leaf((20, 20, 40, 35)))
    return root


def test_each_connected_lesion_of_a_mask_becomes_a_box():
    lesions = leaf((20, 20, 40, 35), (100, 50, 130, 80))
    assert lesion_boxes(painted(lesions)).tolist() == [[20, 20, 40, 35], [100, 50, 130, 80]]


def test_lesions_a_hair_apart_are_one_and_brush_marks_none():
    lesions = leaf((20, 20, 40, 40), (42, 20, 60, 40), (150, 50, 153, 53))
    assert lesion_boxes(painted(lesions)).tolist() == [[20, 20, 60, 40]]


@pytest.mark.parametrize(("stress", "labels"), [("2", ["Hemileia vastatrix"]), ("0", [])])
def test_a_lesion_carries_the_stress_of_its_leaf_and_a_healthy_leaf_none(tmp_path, stress, labels):
    assert read(with_leaf(tmp_path, stress), "coffee-leaves", "masks")[1] == labels


def test_two_leaves_to_train_and_to_test_that_share_one_row_are_refused_as_it_is_of_one_of_them(tmp_path):
    with_split(with_leaf(tmp_path, 2), "images/test/7.jpg")
    (tmp_path / "splits.csv").write_text("image,group,split\nimages/train/7.jpg,0,train\nimages/test/7.jpg,1,test\n")
    with pytest.raises(
        ConfigError,
        match=r"dataset\.csv, row 7: would be the marks of both .*train/7\.jpg and .*test/7\.jpg; give each",
    ):
        read(tmp_path, "coffee-leaves", "masks")


def test_a_mask_of_another_size_than_its_picture_is_refused(tmp_path):
    mask = with_leaf(tmp_path, 2) / "annotations/train/7_mask.png"
    cv2.imwrite(str(mask), cv2.resize(leaf((20, 20, 40, 35)), (112, 112)))
    with pytest.raises(ConfigError, match=r"7_mask\.png: is 112x112 px and its picture 224x224 px; "):
        read_mask(tmp_path / "images/train/7.jpg", 2)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("index", "shows no leaf"), ("half as bright", "shows no leaf"), ("black", "shows no leaf"),
        ("RGB", "of its px are neither black, green nor red"), ("yellow lesions", "of its px are neither black"),
    ],
)  # fmt: skip
def test_a_mask_in_other_colours_is_no_leaf_without_lesions(tmp_path, how, says):
    mask = with_leaf(tmp_path, 2) / "annotations/train/7_mask.png"
    cv2.imwrite(str(mask), spoilt(leaf((20, 20, 40, 35), (60, 20, 80, 60)), how))
    with pytest.raises(ConfigError, match=rf"7_mask\.png: .*{says}.*; paint ground black, leaf green and lesions red"):
        read(tmp_path, "coffee-leaves", "masks")


def test_a_mask_on_white_ground_and_one_with_softened_edges_are_read(tmp_path):
    file = with_leaf(tmp_path, 2) / "annotations/train/7_mask.png"
    mask = leaf((20, 20, 40, 35))
    mask[mask.max(axis=2) == 0] = 255
    cv2.imwrite(str(file), cv2.GaussianBlur(mask, (3, 3), 0))
    assert read(tmp_path, "coffee-leaves", "masks")[0] == [[20, 20, 40, 35]]


def test_a_mask_of_many_flecks_that_was_made_smaller_is_read(tmp_path):
    """In linear light, as GIMP does: between red and green lies yellow, which is neither."""
    file = with_leaf(tmp_path, 2) / "annotations/train/7_mask.png"
    flecks = [(x, y, x + 30, y + 30) for x in range(40, 900, 60) for y in range(40, 500, 60)]
    large = cv2.resize(leaf(), (1100, 660), interpolation=cv2.INTER_NEAREST)
    large[large.any(axis=2)] = (0, 255, 0)
    for left, top, right, bottom in flecks:
        large[top:bottom, left:right] = (0, 0, 255)
    height, width = leaf().shape[:2]
    linear = cv2.resize((large > 0).astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(file), (255 * np.sqrt(linear)).astype(np.uint8))
    read(tmp_path, "coffee-leaves", "masks")


def test_empty_rows_of_a_spreadsheet_and_blanks_round_a_number_are_no_fault(tmp_path):
    root = with_leaf(tmp_path, " 2 ")
    with (root / "dataset.csv").open("a") as table:
        table.write(",,\n,,\n")
    (root / "splits.csv").write_text((root / "splits.csv").read_text() + "\n,,\n,,")
    assert len(read(root, "coffee-leaves", "masks")[0]) == 1


def test_a_leaf_whose_row_has_a_stress_and_whose_mask_has_no_lesion_is_refused(tmp_path):
    cv2.imwrite(str(with_leaf(tmp_path, 2) / "annotations/train/7_mask.png"), leaf())
    with pytest.raises(
        ConfigError, match=r"7_mask\.png: has no lesion, and its row in dataset\.csv has rust; mend one"
    ):
        read(tmp_path, "coffee-leaves", "masks")


@pytest.mark.parametrize("stress", ["rust", "2.0", "7", ""])
def test_a_stress_that_is_no_number_of_one_is_refused_and_the_leaf_does_not_vanish(tmp_path, stress):
    told = rf"dataset\.csv: 7 has the predominant_stress '{stress}'; write one of 0 healthy, 1 miner, .*, or 5"
    with pytest.raises(ConfigError, match=told):
        read(with_leaf(tmp_path, stress), "coffee-leaves", "masks")


def test_two_rows_of_one_leaf_are_refused(tmp_path):
    table = with_leaf(tmp_path, 2) / "dataset.csv"
    table.write_text(table.read_text("utf-8-sig") + "7,0\n")
    with pytest.raises(ConfigError, match=r"dataset\.csv: has two rows of 7; take one out"):
        read(tmp_path, "coffee-leaves", "masks")


def test_a_stress_that_the_class_table_calls_healthy_is_not_learned_as_background(tmp_path):
    classes = ClassTable((), (), {("coffee-leaves", "rust"): HEALTHY})
    with pytest.raises(ConfigError, match=r"images/train/7\.jpg: its leaf has rust, which classes\.csv calls healthy"):
        read_masks(with_leaf(tmp_path, 2), "coffee-leaves", ["images/train/7.jpg"], classes)


def test_a_leaf_of_several_equal_stresses_is_left_out(tmp_path):
    assert samples(with_leaf(tmp_path, 5), "coffee-leaves", "masks") == []


def test_an_unknown_format_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(ConfigError, match="yolo, voc, coco, masks"):
        samples(tmp_path, "cacao-pods", "csv")
