"""The node's wheels for a Raspberry Pi, and its models on the processors of the boards (make test-arm64)."""

import json
import re
from typing import Any

import numpy as np
import pytest

from edge.boxes import iou, nms
from tests.arm64.conftest import PICTURE
from tests.arm64.roots import ROOT, Arm64

pytestmark = pytest.mark.arm64

BOARDS = ("cortex-a53", "cortex-a72", "cortex-a76")  # Pi 3 and Zero 2 W, Pi 4, Pi 5
ON_EACH_BOARD = [("3.13", board) for board in BOARDS]
MOST_APART_PX = 1e-3
MOST_APART = 1e-5  # of confidence

# In int8 a value between two steps falls to the other one, and what follows differs, as it does when one pixel changes.
SURE = 0.4
LEAST_IOU = 0.8
INT8_MOST_APART = 0.2  # of confidence
RIVAL = 0.4  # IoU of two boxes of one label: from 0.5 on one of them goes, and which one may hang on a last digit


def told(arm64: Arm64, board: str, program: str, *arguments: str) -> dict[str, Any]:
    """The JSON object that a program beside this one prints there."""
    output: dict[str, Any] = json.loads(arm64.run("python3", f"/src/tests/arm64/{program}", *arguments, board=board))
    return output


def test_every_package_of_the_lock_is_there_with_what_it_asks_for_and_loads(arm64: Arm64) -> None:
    there = told(arm64, "cortex-a53", "installed.py", "/opt/fieldeye")
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert there["machine"] == "aarch64"
    assert there["python"].startswith(f"{arm64.python}.")
    own = there["versions"].keys() - locked.keys()
    assert own == {"fieldeye"}
    assert {name: there["versions"].get(name) for name in locked} == locked
    assert there["unmet"] == []
    print(f"{len(locked)} packages, {there['imported']} compiled modules")
    assert there["imported"] > 20


@pytest.mark.parametrize(("arm64", "board"), [*ON_EACH_BOARD, ("3.11", "cortex-a72")], indirect=["arm64"])
def test_a_board_sees_what_x86_sees(arm64: Arm64, board: str, looks_here: dict[str, Any]) -> None:
    there = told(arm64, board, "looks.py", f"/src/{PICTURE}")
    assert there["machine"] == "aarch64"
    assert there["models"].keys() == looks_here["models"].keys()
    for name, here in looks_here["models"].items():
        assert any(here.values()), f"{name}: nothing to compare"
        assert there["models"][name].keys() == here.keys()
        for picture, rows in here.items():
            compared = compare_int8 if name.endswith("-int8") else compare
            confidence, corner_px = compared(there["models"][name][picture], rows, f"{name}, {picture}")
            print(f"{board}, {name}, {picture}: confidence off by {confidence:.6f}, corners by {corner_px:.5f} px")


def compare_int8(there: list[list[float]], here: list[list[float]], where: str) -> tuple[float, float]:
    """Whatever one is sure of, the other sees as well. Returns how far these are apart, in confidence and px."""
    found, expected = (np.array(rows, np.float32).reshape(-1, 6) for rows in (there, here))
    furthest = np.zeros(6)
    for one, other in ((found, expected), (expected, found)):
        strongest, _ = nms(one[:, 2:], one[:, 1], one[:, 0].astype(np.int64), RIVAL)
        alone = one[strongest]
        sure = alone[alone[:, 1] >= SURE]
        alike = iou(sure[:, 2:], other[:, 2:]) >= LEAST_IOU
        alike &= sure[:, :1] == other[:, 0]
        alike &= np.abs(sure[:, 1:2] - other[:, 1]) <= INT8_MOST_APART
        assert alike.any(axis=1).all(), where
        apart = np.abs(sure - other[alike.argmax(axis=1)]) if len(sure) else np.zeros((0, 6))
        furthest = np.maximum(furthest, apart.max(axis=0, initial=0))
    return float(furthest[1]), float(furthest[2:].max())


def compare(there: list[list[float]], here: list[list[float]], where: str) -> tuple[float, float]:
    """The same rows of class, confidence and box, in the same order. Returns as `compare_int8`."""
    found, expected = (np.array(rows).reshape(-1, 6) for rows in (there, here))
    assert found[:, 0].tolist() == expected[:, 0].tolist(), where
    apart = np.abs(found - expected).max(axis=0, initial=0)
    assert apart[1] <= MOST_APART, where
    assert apart[2:].max() <= MOST_APART_PX, where
    return float(apart[1]), float(apart[2:].max())


@pytest.mark.parametrize(("arm64", "board"), ON_EACH_BOARD, indirect=["arm64"])
def test_a_node_looks_at_pictures_and_commits_what_it_saw(arm64: Arm64, board: str) -> None:
    told_last = arm64.run("python3", "-m", "edge", "demo", "--seconds", "20", "--json", board=board).splitlines()[-1]
    done = json.loads(told_last)
    print(f"{board}: {done['frames']} frames, {done['records']} records")
    assert done["frames"] > 0
    assert done["records"] > 0
    assert done["waiting"] == done["records"]  # there is no broker
