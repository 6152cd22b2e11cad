"""Series of one card made of real cards and real insects: moves, light, dew and losses at random, the truth known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detections import Detections
from tests.counting.cutouts import CARD_SERIES, Cutout, packaged, turned

WIDTH, HEIGHT = 1296, 972
MARGIN = 220  # px of card beyond the picture, so that a moved card still fills it
MM_PX = 10.0  # px a mm: the picture shows 130 mm of a card


@dataclass(frozen=True)
class Lying:
    number: int
    cutout: Cutout
    centre: tuple[float, float]  # px of the card's canvas
    new_in: int


@dataclass(frozen=True)
class Picture:
    image: NDArray[np.uint8]
    numbers: NDArray[np.int64]  # of the insects in view
    xyxy: NDArray[np.float32]
    new: int  # insects that came since the picture before, in view


@dataclass(frozen=True)
class Pose:
    """How the card lies: shift in mm, turn in degrees."""

    x_mm: float = 0.0
    y_mm: float = 0.0
    degrees: float = 0.0

    def matrix(self) -> NDArray[np.float64]:
        """From the canvas to the picture."""
        whole = cv2.getRotationMatrix2D((WIDTH / 2 + MARGIN, HEIGHT / 2 + MARGIN), self.degrees, 1.0)
        whole[:, 2] += self.x_mm * MM_PX - MARGIN, self.y_mm * MM_PX - MARGIN
        return whole


def real_grounds() -> tuple[NDArray[np.uint8], ...]:
    """The real, nearly empty cards of card-series at half size; no licence is stated, so they stay outside."""
    return tuple(cv2.resize(cv2.imread(str(p)), (WIDTH, HEIGHT)) for p in sorted(CARD_SERIES.glob("*.jpg"))[3:])


def drawn_ground(chance: np.random.Generator) -> NDArray[np.uint8]:
    """A yellow card with grain and a date written on it."""
    y, x = np.ogrid[0:HEIGHT, 0:WIDTH]
    shade = 1 - 0.25 * (((x - WIDTH / 2) / WIDTH) ** 2 + ((y - HEIGHT / 2) / HEIGHT) ** 2)
    grain = chance.normal(0, 3, (HEIGHT, WIDTH))
    card = cv2.merge([(colour * shade + grain).clip(0, 255).astype(np.uint8) for colour in (60, 215, 220)])
    cv2.putText(card, "3 July", (320, 430), cv2.FONT_HERSHEY_SCRIPT_COMPLEX, 4, (40, 40, 50), 9)
    return card


def series(
    chance: np.random.Generator,
    pictures: int,
    ground: NDArray[np.uint8],
    cutouts: Sequence[Cutout] | None = None,
    *,
    start: int = 6,
    arrivals: float = 3.0,
    falls: float = 0.01,
    poses: Sequence[Pose] | None = None,
    dew: float = 0.1,
) -> Iterator[Picture]:
    """`pictures` of a card with `start` insects on it; each falls off with probability `falls` between two pictures."""
    among = packaged() if cutouts is None else cutouts
    canvas = cv2.copyMakeBorder(ground, MARGIN, MARGIN, MARGIN, MARGIN, cv2.BORDER_REFLECT).astype(np.float32)
    lying = _landed(chance, among, [], start, 0)
    for picture in range(pictures):
        pose = poses[picture] if poses else _pose(chance)
        lying = [one for one in lying if picture == 0 or chance.random() >= falls]
        if picture:
            lying = _landed(chance, among, lying, int(chance.poisson(arrivals)), picture)
        image, numbers, xyxy = _rendered(canvas, lying, pose, chance, dew)
        new = sum(one.new_in == picture and one.number in numbers for one in lying) if picture else 0
        yield Picture(image, numbers, xyxy, new)


def moved_pair(chance: np.random.Generator, ground: NDArray[np.uint8], cutouts: Sequence[Cutout]) -> Iterator[Picture]:
    """A card with 5 to 40 insects, and once more: moved by 10 mm and turned by 3 degrees, nothing new."""
    angle = chance.uniform(0, 2 * np.pi)
    poses = [Pose(), Pose(10 * np.cos(angle), 10 * np.sin(angle), 3.0 * chance.choice([-1, 1]))]
    start = int(chance.integers(8, 60))  # on the whole canvas; about 6 of 10 lie in the picture
    return series(chance, 2, ground, cutouts, start=start, arrivals=0, falls=0, poses=poses)


def _pose(chance: np.random.Generator) -> Pose:
    """The mount trembles; now and then somebody takes the card out and puts it back."""
    if chance.random() < 0.1:
        return Pose(*chance.uniform(-7, 7, 2), chance.uniform(-3, 3))
    return Pose(*chance.normal(0, 0.3, 2), chance.normal(0, 0.2))


def left_moved(chance: np.random.Generator, pictures: int) -> list[Pose]:
    """It trembles, and after five pictures it is hung up anew, by up to 17 mm or by quarters, and stays so."""
    quarters = int(chance.integers(4))
    off_mm = 2 if quarters % 2 else 17  # further on, the picture shows more than there is of the card
    left = Pose(*chance.uniform(-off_mm, off_mm, 2), 90.0 * quarters + chance.uniform(-3, 3))
    return [
        Pose(pose.x_mm + chance.normal(0, 0.3), pose.y_mm + chance.normal(0, 0.3), pose.degrees + chance.normal(0, 0.2))
        for pose in [Pose()] * 5 + [left] * (pictures - 5)
    ]


def _landed(
    chance: np.random.Generator, among: Sequence[Cutout], lying: list[Lying], more: int, picture: int
) -> list[Lying]:
    """Insects on free places, each turned as it fell, 2 to 6 mm long."""
    found = list(lying)
    for _ in range(more):
        for _try in range(50):
            centre = chance.uniform(40, [WIDTH + 2 * MARGIN - 40, HEIGHT + 2 * MARGIN - 40])
            if all(np.hypot(*(centre - np.array(one.centre))) > 45 for one in found):
                break
        insect = among[int(chance.integers(len(among)))]
        length = chance.uniform(2, 6) * MM_PX
        number = 1000 * picture + len(found) + (found[-1].number if found else 0)
        found.append(Lying(number, turned(insect, chance.uniform(0, 360), length), tuple(centre), picture))
    return found


def _rendered(
    canvas: NDArray[np.float32], lying: list[Lying], pose: Pose, chance: np.random.Generator, dew: float
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]:
    card = canvas.copy()
    for one in lying:
        height, width = one.cutout.shape[:2]
        left, top = int(one.centre[0] - width / 2), int(one.centre[1] - height / 2)
        left, top = max(0, min(left, card.shape[1] - width)), max(0, min(top, card.shape[0] - height))
        opacity = one.cutout[..., 3:].astype(np.float32) / 255
        place = card[top : top + height, left : left + width]
        place[:] = place * (1 - opacity) + one.cutout[..., :3] * opacity
    move = pose.matrix()
    picture = cv2.warpAffine(card, move, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    numbers, boxes = [], []
    for one in lying:
        x, y = move @ (*one.centre, 1.0)
        height, width = one.cutout.shape[:2] if abs(move[0, 0]) > abs(move[0, 1]) else one.cutout.shape[1::-1]
        box = np.clip([x - width / 2, y - height / 2, x + width / 2, y + height / 2], 0, [WIDTH, HEIGHT] * 2)
        if min(box[2] - box[0], box[3] - box[1]) > 0.5 * min(width, height):
            numbers.append(one.number)
            boxes.append(box)
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return _lit(picture, chance, dew), np.array(numbers, np.int64), xyxy


def _lit(picture: NDArray[np.float32], chance: np.random.Generator, dew: float) -> NDArray[np.uint8]:
    """Another hour: brightness, colour, a soft shadow, drops of dew now and then, noise of the sensor."""
    y, x = np.mgrid[0:HEIGHT:8, 0:WIDTH:8].astype(np.float32)
    slope = 1 + chance.uniform(-0.15, 0.15) * (x / WIDTH - 0.5) + chance.uniform(-0.15, 0.15) * (y / HEIGHT - 0.5)
    if chance.random() < 0.3:
        angle, middle = chance.uniform(0, 6.3), chance.uniform(0.2, 0.8) * WIDTH
        edge = (x - middle) * np.cos(angle) + (y - HEIGHT / 2) * np.sin(angle)
        slope *= 1 - 0.35 / (1 + np.exp(-edge / 25))
    light = (cv2.resize(slope, (WIDTH, HEIGHT)) * chance.uniform(0.75, 1.15)).astype(np.float64)
    lit = cv2.merge([(light * colour).astype(np.float32) for colour in chance.uniform(0.95, 1.05, 3)])
    lit *= picture
    if chance.random() < dew:
        for _ in range(int(chance.integers(10, 60))):
            x_px, y_px, wide = int(chance.uniform(0, WIDTH)), int(chance.uniform(0, HEIGHT)), int(chance.uniform(6, 24))
            patch = lit[y_px : y_px + wide, x_px : x_px + wide]
            patch[:] = cv2.GaussianBlur(patch, (0, 0), 3) + 12
    noise = cv2.resize(chance.normal(0, 2.5, (HEIGHT // 2, WIDTH // 2)).astype(np.float32), (WIDTH, HEIGHT))
    lit += noise[..., None]
    return lit.clip(0, 255, out=lit).astype(np.uint8)


def detected(
    picture: Picture, chance: np.random.Generator, *, missed: float = 0.0, false: float = 0.0
) -> tuple[Detections, NDArray[np.bool_]]:
    """What a detector makes of it: boxes off by 3 %, some missed or unsure, some where nothing lies."""
    size = np.sqrt(np.maximum((picture.xyxy[:, 2:] - picture.xyxy[:, :2]).prod(axis=1), 1))
    shaken = picture.xyxy + chance.normal(0, 0.03, picture.xyxy.shape) * size[:, None]
    keep = chance.random(len(shaken)) >= missed
    extra = int(chance.binomial(len(shaken), false))
    corner = chance.uniform(0, [WIDTH - 40, HEIGHT - 40], (extra, 2))
    xyxy = np.vstack([shaken[keep], np.hstack([corner, corner + chance.uniform(15, 40, (extra, 2))])])
    n = len(xyxy)
    found = Detections(xyxy.astype(np.float32), np.full(n, 0.8, np.float32), np.zeros(n, np.int64))
    return found, np.ones(n, np.bool_)
