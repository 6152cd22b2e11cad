"""Shares of leaves, not numbers of spots; the same leaf twice is one leaf; nobody looked is not healthy."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.detections import Detections
from edge.leaf import Scale, Sightings, graded, incidence, is_green, lesion_share, looked_at, mckinney_index
from tests.counting import cutouts

COFFEE_LEAVES = cutouts.SHARED / "coffee-leaves"
grade_counts = st.dictionaries(st.integers(0, 5), st.integers(0, 40), min_size=1)


def leaf(spots: int = 0, radius: int = 12) -> tuple[np.ndarray, np.ndarray, float]:
    """A drawn leaf on paper with round brown spots: the picture, their boxes, their true share of the leaf."""
    picture = np.full((384, 768, 3), 205, np.uint8)
    cv2.ellipse(picture, (384, 192), (300, 120), 0, 0, 360, (45, 140, 70), cv2.FILLED)
    whole = int((picture[..., 0] < 100).sum())
    places = [(200 + 60 * (k % 6), 150 + 40 * (k // 6)) for k in range(spots)]
    for x, y in places:
        cv2.circle(picture, (x, y), radius, (40, 70, 120), cv2.FILLED)
    sick = int((picture[..., 2] == 120).sum())
    boxes = np.array([[x - radius, y - radius, x + radius, y + radius] for x, y in places], np.float32)
    noise = np.random.default_rng(2).normal(0, 4, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8), boxes.reshape(-1, 4), sick / whole


@pytest.mark.parametrize("spots", [0, 1, 6, 18])
def test_severity_is_the_share_of_the_leaf_that_is_lesion(spots: int) -> None:
    picture, boxes, share = leaf(spots)
    severity = looked_at(picture, boxes).severity
    assert severity == pytest.approx(share, abs=0.006)


def test_a_large_picture_has_the_severity_of_a_small_one() -> None:
    picture, boxes, share = leaf(6)
    large = cv2.resize(picture, None, fx=2.5, fy=2.5, interpolation=cv2.INTER_CUBIC)
    told = looked_at(large, boxes * 2.5)
    assert told.severity == pytest.approx(share, abs=0.006)
    assert told.leaf == pytest.approx(looked_at(picture, boxes).leaf, abs=0.006)


def test_the_leaf_of_a_picture_is_its_share_of_the_picture() -> None:
    picture, boxes, _ = leaf()
    assert looked_at(picture, boxes).leaf == pytest.approx(np.pi * 300 * 120 / (768 * 384), abs=0.006)


def test_a_spot_that_is_grey_as_the_paper_belongs_to_the_leaf() -> None:
    picture, boxes, _ = leaf(6)
    whole = looked_at(picture, boxes).leaf
    cv2.circle(picture, (384, 192), 40, (205, 205, 205), cv2.FILLED)
    assert looked_at(picture, boxes).leaf == pytest.approx(whole, abs=0.004)


def test_a_leaf_that_has_yellowed_is_leaf_and_a_blue_bucket_beside_it_is_none() -> None:
    picture, boxes, _ = leaf()
    whole = looked_at(picture, boxes).leaf
    yellowed = np.where(picture[..., :1] < 100, np.uint8((40, 150, 190)), picture)
    cv2.rectangle(yellowed, (0, 320), (200, 384), (200, 90, 40), cv2.FILLED)
    assert looked_at(yellowed, boxes).leaf == pytest.approx(whole, abs=0.006)


def test_a_dry_spot_at_the_rim_belongs_to_the_leaf_though_it_is_nearly_grey() -> None:
    picture, _, _ = leaf()
    cv2.circle(picture, (384, 86), 20, (92, 100, 120), cv2.FILLED)  # some of it lies beyond the leaf's outline
    spot = float((picture == (92, 100, 120)).all(axis=2).sum())
    told = looked_at(picture, np.array([[344, 26, 424, 106]], np.float32))  # with paper, which is neither
    assert told.severity == pytest.approx(spot / (np.pi * 300 * 120), abs=0.002)


@pytest.mark.parametrize(
    ("ground", "right", "share"),
    [
        pytest.param((200, 206, 206), (188, 202, 202), 0.0, id="cream paper, half of it in the shade"),
        pytest.param((60, 80, 100), (45, 140, 70), 1 / 3, id="a leaf on brown soil"),
        pytest.param((45, 140, 70), (30, 200, 200), 1.0, id="a leaf that is far more yellow on one side"),
    ],
)
def test_leaf_is_told_from_paper_and_soil_by_how_much_colour_it_has(
    ground: tuple[int, int, int], right: tuple[int, int, int], share: float
) -> None:
    picture = np.full((96, 192, 3), ground, np.uint8)
    picture[:, 128:] = right
    assert looked_at(picture, np.empty((0, 4), np.float32)).leaf == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(("lighter", "redder", "is_lesion"), [(0, 5, False), (0, 8, True), (30, 0, False)])
def test_a_spot_that_hardly_differs_from_its_leaf_is_none_nor_is_one_in_the_sun(
    lighter: int, redder: int, is_lesion: bool
) -> None:
    """CIE Lab: of a leaf of one colour three spreads are 6, and 36 of its lightness."""
    lab = np.full((96, 192, 3), (130, 100, 160), np.uint8)
    lab[40:56, 80:96, :2] += np.array([lighter, redder], np.uint8)
    lab[:, :48] = (200, 128, 128)  # grey paper
    severity = looked_at(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR), np.array([[70, 30, 106, 66]], np.float32)).severity
    assert severity == pytest.approx(16 * 16 / (96 * 144) if is_lesion else 0.0, rel=0.02)


def test_what_looks_sick_outside_the_boxes_is_no_lesion() -> None:
    picture, boxes, share = leaf(6)
    assert looked_at(picture, boxes[:3]).severity == pytest.approx(share / 2, abs=0.003)


def test_coloured_crumbs_and_a_thread_are_no_leaf() -> None:
    picture, boxes, _ = leaf()
    whole = looked_at(picture, boxes).leaf
    for x in range(20, 768, 40):
        picture[4:24, x : x + 20] = picture[360:380, x : x + 20] = (45, 140, 70)
    picture[34:37] = (45, 140, 70)
    assert looked_at(picture, boxes).leaf == pytest.approx(whole, abs=0.004)


def test_a_scrap_of_a_leaf_is_too_little_to_have_a_severity() -> None:
    picture = np.full((384, 768, 3), 205, np.uint8)
    picture[150:200, 300:360] = (45, 140, 70)  # 1 % of the picture
    told = looked_at(picture, np.empty((0, 4), np.float32))
    assert told.leaf == pytest.approx(0.01, abs=0.001)
    assert told.severity is None
    picture[150:200, 300:480] = (45, 140, 70)  # 3 %
    assert looked_at(picture, np.empty((0, 4), np.float32)).severity == 0.0


def test_a_leaf_that_lies_within_one_box_is_all_lesion() -> None:
    picture, _, _ = leaf()
    assert looked_at(picture, np.array([[0, 0, 768, 384]], np.float32)).severity == 1.0


def test_two_boxes_on_one_lesion_are_not_two_lesions() -> None:
    picture, boxes, _ = leaf(6)
    assert looked_at(picture, np.vstack([boxes, boxes + 1])).severity == pytest.approx(
        looked_at(picture, boxes).severity, abs=0.004
    )


@pytest.mark.parametrize("size", [1.0, 2.5])
def test_only_the_leaf_inside_the_part_that_counts_is_divided_by(size: float) -> None:
    picture, boxes, share = leaf(6)  # three spots on either side of x = 355
    picture = cv2.resize(picture, None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC)
    inside = np.zeros(picture.shape[:2], np.uint8)
    inside[:, : round(355 * size)] = 255
    left = boxes[boxes[:, 0] < 355] * np.float32(size)
    told = looked_at(picture, left, inside)
    assert told.severity == pytest.approx(share * len(left) / 6 / 0.439, abs=0.006)  # 43.9 % of the leaf lies there


def test_a_leaf_that_fills_a_small_part_has_a_severity() -> None:
    picture, boxes, _ = leaf(6)
    inside = np.zeros(picture.shape[:2], np.uint8)
    inside[140:200, 180:230] = 255  # 1 % of the picture, round the first spot
    assert looked_at(picture, boxes[:1], inside).severity == pytest.approx(np.pi * 12**2 / (60 * 50), abs=0.02)
    assert looked_at(picture, boxes[:1], np.zeros_like(inside)).severity is None


def test_a_picture_without_leaf_has_no_severity_rather_than_none_sick() -> None:
    assert looked_at(np.full((300, 400, 3), 200, np.uint8), np.empty((0, 4), np.float32)).severity is None


@pytest.mark.parametrize(
    ("shown", "is_told"),
    [
        pytest.param(leaf()[0], True, id="a leaf on paper"),
        pytest.param((cv2.imread(str(cutouts.DEMO / "12-rice-leaves.jpg")) * 0.2).astype(np.uint8), True, id="at dusk"),
        pytest.param((leaf()[0] * (0.5, 1.0, 2.0)).clip(0, 255).astype(np.uint8), True, id="in the evening sun"),
        pytest.param(leaf()[0][..., [1, 1, 1]], True, id="of a monochrome camera, where nobody knows"),
        pytest.param(leaf()[0][..., [1, 0, 2]], False, id="what is blue"),
        pytest.param(leaf()[0][..., [0, 2, 1]], False, id="what is red, as bricks"),
        pytest.param(cv2.imread(str(cutouts.DEMO / "10-root-grubs.jpg")), False, id="soil"),
        pytest.param(cv2.imread(str(cutouts.DEMO / "09-mealybugs.jpg")), False, id="a red fruit"),
        pytest.param(cv2.imread(str(cutouts.DEMO / "12-rice-leaves.jpg")), True, id="rice in the field"),
    ],
)
def test_walls_and_soil_are_no_leaf_on_which_nothing_was_found(shown: np.ndarray, is_told: bool) -> None:
    assert is_green(shown) is is_told


def test_a_fiftieth_of_what_counts_is_leaf_enough() -> None:
    picture = leaf()[0]
    inside = np.zeros(picture.shape[:2], np.uint8)
    inside[:, :84] = 255  # the leaf's left end is all paper
    assert (is_green(picture), is_green(picture, inside)) == (True, False)
    for wide, is_told in ((5, False), (10, True)):
        strip = np.full((256, 256, 3), (120, 140, 200), np.uint8)
        strip[:, :wide] = (45, 140, 70)
        assert is_green(strip) is is_told


@pytest.mark.parametrize(
    ("seen", "lesions", "is_told"),
    [
        pytest.param([0, 0, 1], {0, 1}, True, id="spots of two diseases"),
        pytest.param([], {0}, True, id="a healthy leaf"),
        pytest.param([0, 2, 0], {0, 1}, False, id="an insect beside spots"),
        pytest.param([], (), False, id="by a model that knows no lesion"),
    ],
)
def test_the_share_that_is_lesion_is_told_of_spots_alone(seen: list[int], lesions: set[int], is_told: bool) -> None:
    picture, boxes, share = leaf(len(seen))
    found = Detections(boxes, np.full(len(seen), 0.9, np.float32), np.array(seen, np.int64))
    assert lesion_share(picture, found, lesions) == (pytest.approx(share, abs=0.006) if is_told else None)


@given(grade_counts)
def test_the_index_lies_between_all_healthy_and_all_at_the_highest_grade(grades: dict[int, int]) -> None:
    index = mckinney_index(grades, 5)
    if not sum(grades.values()):
        assert index is None
        return
    assert 0 <= index <= 100
    assert (index == 0) == (all(grade == 0 for grade, units in grades.items() if units))


def test_the_index_of_a_worked_example() -> None:
    """10 leaves of grade 0, 5 of 1, 3 of 3, 2 of 5: (5 + 9 + 10) / (20 x 5) = 24 %."""
    assert mckinney_index({0: 10, 1: 5, 3: 3, 5: 2}, 5) == pytest.approx(24.0)


@pytest.mark.parametrize("grades", [{6: 1}, {-1: 1}, {3: -1}])
def test_a_grade_beyond_the_scale_or_fewer_units_than_none_are_refused(grades: dict[int, int]) -> None:
    with pytest.raises(ValueError, match="between 0 and 5"):
        mckinney_index(grades, 5)


def test_nobody_looked_is_no_incidence() -> None:
    assert (incidence(0, 0), incidence(0, 12), incidence(3, 8)) == (None, 0.0, 0.375)


def test_leaves_are_graded_by_the_limits_of_the_named_scale() -> None:
    coffee = Scale((0.001, 0.05, 0.10, 0.15), "Esgario, Krohling and Ventura 2020")
    assert graded([0.0, 0.001, 0.02, 0.05, 0.07, 0.2], coffee) == {0: 2, 1: 2, 2: 1, 3: 0, 4: 1}


def test_the_same_leaf_seen_again_from_elsewhere_is_not_a_second_leaf() -> None:
    pictures = [cv2.imread(str(p)) for p in sorted(cutouts.DEMO.glob("*.jpg"))[:6]]
    seen = Sightings()
    for picture in pictures:
        seen, again = seen.with_(picture)
        assert not again
    height, width = pictures[2].shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 7, 0.95)
    turned = (cv2.warpAffine(pictures[2], turn, (width, height)) * 0.85).astype(np.uint8)
    assert seen.with_(turned)[1]


def on_newspaper(shape: int, dx_px: int = 0) -> np.ndarray:
    """A drawn leaf of the given shape and pattern on a printed page that is the same below all of them."""
    page = np.full((500, 700, 3), 225, np.uint8)
    for row in range(14, 500, 16):
        cv2.putText(page, "rice sold in the market today, price a kilo up", (5, row), 0, 0.5, (40, 40, 40), 1)
    chance = np.random.default_rng(shape)
    pattern = cv2.resize(chance.integers(-40, 40, (18, 25)).astype(np.float32), (700, 500))
    leaf = np.zeros((500, 700), np.uint8)
    cv2.ellipse(leaf, (350, 250), (150 + 15 * shape, 90 - 5 * shape), 25.0 * shape, 0, 360, (1,), cv2.FILLED)
    green = np.clip(np.array([45, 140, 70]) + pattern[..., None], 0, 255).astype(np.uint8)
    moved = np.roll(np.where(leaf[..., None] > 0, green, 0), dx_px, axis=1)
    return np.where(moved.any(axis=2, keepdims=True), moved, page).astype(np.uint8)


def test_other_leaves_on_the_same_ground_are_other_leaves_and_one_moved_on_it_is_the_same() -> None:
    seen = Sightings()
    for shape in range(4):
        seen, again = seen.with_(on_newspaper(shape))
        assert not again
    assert seen.with_(on_newspaper(1, dx_px=30))[1]


def test_a_picture_without_a_leaf_that_is_seen_again_is_no_second_one() -> None:
    page = on_newspaper(0)[:, :160]  # beside the leaf
    seen, _ = Sightings().with_(page)
    assert seen.with_(page)[1]


def test_a_smooth_picture_is_not_taken_for_the_leaves_after_it() -> None:
    """Its two points are so unlike that dozens of any leaf are much nearer to one of them than to the other."""
    smooth = np.full((384, 768, 3), (60, 130, 80), np.float32)
    cv2.circle(smooth, (300, 200), 8, (20, 90, 40), cv2.FILLED)
    cv2.circle(smooth, (500, 150), 8, (100, 170, 120), cv2.FILLED)
    seen, _ = Sightings().with_(cv2.GaussianBlur(smooth, (0, 0), 3).astype(np.uint8))
    for shape in range(4):
        seen, again = seen.with_(on_newspaper(shape))
        assert not again


def test_a_leaf_is_known_again_until_five_hundred_others_were_seen() -> None:
    leaf_before = np.random.default_rng(4).integers(0, 255, (160, 160, 3), np.uint8)
    other = np.full((160, 160, 3), 90, np.uint8)
    seen, _ = Sightings().with_(leaf_before)
    for _ in range(499):
        seen, again = seen.with_(other)
        assert not again  # nothing stands out by which it could be known
    assert seen.with_(leaf_before)[1]
    seen, _ = seen.with_(other)
    assert not seen.with_(leaf_before)[1]


@pytest.mark.skipif(not COFFEE_LEAVES.exists(), reason="the coffee leaves are not in the repository")
def test_severity_agrees_with_masks_drawn_by_hand_on_real_leaves() -> None:
    off = []
    for mask_path in sorted((COFFEE_LEAVES / "annotations" / "val").glob("*.png"))[:12]:
        mask = cv2.imread(str(mask_path))
        lesion = ((mask[..., 2] > 128) & (mask[..., 1] < 100)).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(lesion)
        boxes = [[x, y, x + w, y + h] for x, y, w, h, area in stats[1:].tolist() if area > 12]
        image = cv2.imread(str(COFFEE_LEAVES / "images" / "val" / mask_path.name.replace("_mask.png", ".jpg")))
        severity = looked_at(image, np.array(boxes, np.float32).reshape(-1, 4)).severity
        off.append(abs((severity or 0) - lesion.sum() / (mask.max(axis=2) > 60).sum()))
    assert np.mean(off) < 0.02
