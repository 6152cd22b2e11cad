"""Pictures of a printed board under a pinhole camera, with the geometry that drew them."""

import cv2
import numpy as np

from edge.calibration import Layout
from edge.calibration.board import bars_mm

LAYOUT = Layout()
SIDE_MM = 19.7  # as printers print 20


def sheet(px_mm: float = 8.0) -> np.ndarray:
    """The printed page, drawn from the same bars that PDF and SVG hold."""
    width, height = (round(v * px_mm) for v in LAYOUT.page_mm)
    page = np.full((height, width), 245, np.uint8)
    for left, top, wide, high in bars_mm(LAYOUT):
        corner, far = (
            (round(left * px_mm), round(top * px_mm)),
            (round((left + wide) * px_mm), round((top + high) * px_mm)),
        )
        page[corner[1] : far[1], corner[0] : far[0]] = 20
    return page


def photograph(
    tilt_deg: float, turn_deg: float = 0.0, noise: float = 3.0, focal: float = 1600.0
) -> tuple[np.ndarray, np.ndarray]:
    """A picture of the sheet under a pinhole camera 400 mm away, and the true map (3, 3) from px to mm on the sheet."""
    px_mm, side = 8.0, SIDE_MM / LAYOUT.square_mm
    width, height = LAYOUT.page_mm
    distance = 400.0
    tilt, turn = np.radians(tilt_deg), np.radians(turn_deg)
    rot = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    rot = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]) @ rot
    middle = np.array([[1, 0, -width * side / 2], [0, 1, -height * side / 2], [0, 0, 1]])
    plane = np.column_stack([rot[:, 0], rot[:, 1], [0, 0, distance]]) @ middle
    mm_to_px = np.array([[focal, 0, 648], [0, focal, 486], [0, 0, 1]]) @ plane
    sheet_to_mm = np.diag([side / px_mm, side / px_mm, 1])
    shrunk = cv2.GaussianBlur(sheet(px_mm), (0, 0), 0.8)
    picture = cv2.warpPerspective(shrunk, mm_to_px @ sheet_to_mm, (1296, 972), flags=cv2.INTER_AREA, borderValue=120)
    noisy = picture + np.random.default_rng(3).normal(0, noise, picture.shape)
    return np.repeat(np.clip(noisy, 0, 255).astype(np.uint8)[..., None], 3, axis=2), np.linalg.inv(mm_to_px)


def true_mm_per_px(px_to_mm: np.ndarray) -> float:
    """Square root of the area of one px around the middle, by differences."""
    corners = np.array([[647.5, 485.5], [648.5, 485.5], [648.5, 486.5], [647.5, 486.5]]).reshape(-1, 1, 2)
    x, y = cv2.perspectiveTransform(corners, px_to_mm).reshape(-1, 2).T
    return float(np.sqrt(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2))
