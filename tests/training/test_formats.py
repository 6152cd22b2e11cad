"""Readers of Pascal VOC, COCO and painted masks, on small files in the form of the real sets."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import ConfigError
from training.classes import read_classes
from training.config import DatasetConfig
from training.datasets import read_dataset
from training.datasets.masks import lesion_boxes

VOC = """<annotation><object><name>Rice_Blast</name><bndbox><xmin>10</xmin><ymin>20</ymin><xmax>60</xmax><ymax>70</ymax>
</bndbox></object><object><name>Brown_Spot</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>6</xmax><ymax>40</ymax>
</bndbox></object></annotation>"""


def with_split(root, image):
    (root / image).parent.mkdir(parents=True, exist_ok=True)
    (root / "splits.csv").write_text(f"image,group,split\n{image},0,train\n")
    return root


def read(root, dataset, annotation):
    classes = read_classes([dataset])
    (sample,) = read_dataset(root, DatasetConfig(name=dataset, annotation=annotation), "train", classes)
    return sample.xyxy.tolist(), [classes.labels[class_id] for class_id in sample.class_id]


def test_voc_boxes_are_read_and_slivers_left_out(tmp_path):
    with_split(tmp_path, "orig/leaf.jpg")
    (tmp_path / "orig" / "leaf.xml").write_text(VOC)
    assert read(tmp_path, "rice-diseases", "voc") == ([[10, 20, 60, 70]], ["Pyricularia oryzae"])


def test_a_voc_picture_without_its_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"leaf\.jpg: has no XML"):
        read(with_split(tmp_path, "orig/leaf.jpg"), "rice-diseases", "voc")


def test_a_broken_voc_file_is_named(tmp_path):
    with_split(tmp_path, "orig/leaf.jpg")
    (tmp_path / "orig" / "leaf.xml").write_text(VOC[:90])
    with pytest.raises(ConfigError, match=r"leaf\.xml"):
        read(tmp_path, "rice-diseases", "voc")


def coco(boxes):
    return json.dumps({
        "categories": [{"id": 1, "name": "BLACKPOD"}, {"id": 3, "name": "HEALTHY"}],
        "images": [{"id": 7, "file_name": "pod.jpg"}],
        "annotations": [{"image_id": 7, "category_id": category, "bbox": box} for category, box in boxes],
    })  # fmt: skip


def test_coco_boxes_become_corners_and_a_healthy_pod_no_detection(tmp_path):
    with_split(tmp_path, "train/pod.jpg")
    (tmp_path / "train" / "_annotations.coco.json").write_text(coco([(1, [10, 20, 30, 40]), (3, [0, 0, 50, 50])]))
    assert read(tmp_path, "cacao-pods", "coco") == ([[10, 20, 40, 60]], ["Phytophthora palmivora"])


def test_a_coco_picture_that_no_file_lists_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"pod\.jpg: no COCO file lists it"):
        read(with_split(tmp_path, "train/pod.jpg"), "cacao-pods", "coco")


def leaf(*lesions):
    mask = np.zeros((100, 200, 3), np.uint8)
    mask[10:90, 10:190] = (0, 176, 0)
    for left, top, right, bottom in lesions:
        mask[top:bottom, left:right] = (0, 0, 255)
    return mask


def test_each_connected_lesion_of_a_mask_becomes_a_box():
    assert lesion_boxes(leaf((20, 20, 40, 35), (100, 50, 130, 80))).tolist() == [[20, 20, 40, 35], [100, 50, 130, 80]]


def test_lesions_a_hair_apart_are_one_and_brush_marks_none():
    assert lesion_boxes(leaf((20, 20, 40, 40), (42, 20, 60, 40), (150, 50, 153, 53))).tolist() == [[20, 20, 60, 40]]


@pytest.mark.parametrize(("stress", "labels"), [("2", ["Hemileia vastatrix"]), ("0", [])])
def test_a_lesion_carries_the_stress_of_its_leaf_and_a_healthy_leaf_none(tmp_path, stress, labels):
    with_split(tmp_path, "images/train/7.jpg")
    (tmp_path / "dataset.csv").write_text(f"id,predominant_stress,severity\n7,{stress},1\n")
    masks = tmp_path / "annotations" / "train"
    masks.mkdir(parents=True)
    cv2.imwrite(str(masks / "7_mask.png"), leaf((20, 20, 40, 35)))
    assert read(tmp_path, "coffee-leaves", "masks")[1] == labels


def test_a_leaf_of_several_equal_stresses_is_left_out(tmp_path):
    with_split(tmp_path, "images/train/7.jpg")
    (tmp_path / "dataset.csv").write_text("id,predominant_stress,severity\n7,5,1\n")
    coffee = DatasetConfig(name="coffee-leaves", annotation="masks")
    assert read_dataset(tmp_path, coffee, "train", read_classes(["coffee-leaves"])) == []


def test_an_unknown_format_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(ConfigError, match="yolo, voc, coco, masks"):
        read_dataset(
            Path(tmp_path), DatasetConfig(name="cacao-pods", annotation="csv"), "train", read_classes(["cacao-pods"])
        )
