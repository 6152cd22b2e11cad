"""`fieldeye bench`: what this machine can do, stage by stage. Compare ratios, never milliseconds of two machines."""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np

from edge.bench import in_turns, stages
from edge.boxes import Image, at_most
from edge.bundle import find_bundle
from edge.cameras.base import Frame
from edge.cameras.pictures import read_picture
from edge.cli.arguments import as_threads, model_argument
from edge.cli.demo import PICTURES
from edge.cli.exits import DONE
from edge.cli.results import show
from edge.clock import SystemClock
from edge.config import GateTable, StoreTable
from edge.counts import Sighting
from edge.detector import Detector
from edge.draw import jpeg
from edge.gate import GateState, is_worth_a_look
from edge.golden import tried
from edge.store import Store
from edge.wire import Key, Stored, encode_batch

FRAMES = ((640, 480), (2304, 1296))
REPETITIONS = 20


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its time here, and its processor time as a share of the bare network's on a whole square."""

    stage: str
    ms: float
    share_of_network: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `bench`."""
    model_argument(parser)
    parser.add_argument("--threads", type=as_threads, default=1, metavar="N", help="cores for the network; default: 1")
    parser.add_argument("--json", action="store_true", help="one JSON object a stage")


def run(args: argparse.Namespace) -> int:
    """Print one line a stage."""
    for stage in measure(args.model, args.threads):
        line = f"{stage.stage:<44} {stage.ms:9.3f} ms  {stage.share_of_network:7.3f} x network"
        show(asdict(stage), line, as_json=args.json)
    return DONE


def measure(model: str, threads: int) -> Iterator[Stage]:
    """The path of a frame, in its order."""
    detector = tried(find_bundle(model), threads=threads)
    photograph = read_picture(min(PICTURES.glob("*.jpg")))
    side_px = detector.bundle.input.side_px
    network, square = f"network {detector.bundle.name} {side_px} px", Detector(detector.bundle, threads=threads)
    square.prepare(_resized(photograph, side_px, side_px))
    works: dict[str, Callable[[], object]] = {network: square.infer}
    for width_px, height_px in FRAMES:
        of_frame = stages(detector, _resized(photograph, width_px, height_px))
        works |= {f"{name} {width_px}x{height_px}": of_frame[name] for name in ("prepare", "decode", "detector")}
    with _around(photograph) as others:
        took = in_turns(works | others, REPETITIONS)
    for name, one in took.items():
        yield Stage(name, one.wall_ms, one.of(took[network]))


@contextmanager
def _around(photograph: Image) -> Iterator[dict[str, Callable[[], object]]]:
    """What happens to a frame before and after the detector."""
    clock, picture = SystemClock(), _resized(photograph, 2304, 1296)
    luma = np.ascontiguousarray(_resized(photograph, 320, 240)[:, :, 1])
    frame = Frame(picture, luma, clock.now(), "bench", 0)
    sighting = Sighting(
        at=clock.now(), camera="cam0", model="pests@0", label="Pieris", eppo="", confidence=0.9,
        box=(0.1, 0.1, 0.2, 0.2), count=1,
    )  # fmt: skip
    epoch = uuid4()
    batch = [Stored(Key("bench", epoch, seq), sighting) for seq in range(1, 21)]
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Store(StoreTable(folder=str(Path(folder) / "store")), "bench")) as store,
    ):
        yield {
            "gate 320x240": lambda: is_worth_a_look(frame, GateState(), GateTable(), "live"),
            "kept picture 640 px JPEG of 2304x1296": lambda: jpeg(at_most(picture, 640)),
            "store, one commit": lambda: store.commit([sighting]),
            "wire, batch of 20 to CBOR": lambda: encode_batch(batch),
        }


def _resized(image: Image, width_px: int, height_px: int) -> Image:
    rows = np.linspace(0, image.shape[0] - 1, height_px).astype(int)
    columns = np.linspace(0, image.shape[1] - 1, width_px).astype(int)
    return np.ascontiguousarray(image[rows][:, columns])
