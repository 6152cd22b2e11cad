"""`fieldeye board`: print a calibration board, or read the scale off a picture of it."""

import argparse
import re
from dataclasses import asdict
from math import inf
from pathlib import Path

from edge.calibration.board import Layout, board_pdf, board_svg
from edge.calibration.scale import Scale, find_corners, measured
from edge.cameras.pictures import read_picture
from edge.cli.exits import DONE
from edge.cli.results import show
from edge.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `board`."""
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the board to FILE.pdf or FILE.svg")
    parser.add_argument("--squares", default="5x7", metavar="AxD", help="squares across and down (default: 5x7)")
    parser.add_argument("--square-mm", type=float, default=20.0, metavar="MM", help="side to print (default: 20)")
    parser.add_argument("--look", type=Path, nargs="+", metavar="PICTURE", help="read mm per pixel off pictures of it")
    parser.add_argument("--side-mm", type=float, metavar="MM", help="side of a printed square by the ruler")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")


def run(args: argparse.Namespace) -> int:
    """0 if the board was written or read."""
    layout = _layout(args.squares, args.square_mm)
    if (args.out is None) == (args.look is None):
        raise UsageError("give --out board.pdf to print a board, or --look PICTURE --side-mm MM to read one")
    if args.out is not None:
        _write(layout, args.out)
        show({"board": str(args.out)}, _printed(layout, args.out), as_json=args.json)
        return DONE
    if args.side_mm is None:
        raise UsageError("--side-mm is missing: measure ten squares with a ruler and give a tenth; printers shrink")
    if not 0 < args.side_mm < inf:
        raise UsageError(f"--side-mm must be above 0, not {args.side_mm:g}; measure ten squares and give a tenth")
    scale = measured([find_corners(read_picture(picture), layout) for picture in args.look], args.side_mm)
    show(_as_json(scale), _read(scale), as_json=args.json)
    return DONE


def _layout(squares: str, square_mm: float) -> Layout:
    sides = re.fullmatch(r"(\d{1,3})x(\d{1,3})", squares)
    if sides is None:
        raise UsageError(f"--squares {squares} is not like 5x7; give how many across and down")
    across, down = map(int, sides.groups())
    return Layout(across, down, square_mm)


def _write(layout: Layout, path: Path) -> None:
    if path.suffix.lower() not in {".pdf", ".svg"}:
        raise UsageError(f"--out {path}: end it in .pdf or .svg")
    content = board_pdf(layout) if path.suffix.lower() == ".pdf" else board_svg(layout).encode()
    try:
        path.write_bytes(content)
    except OSError as why:
        raise UsageError(f"--out {path}: {why.strerror}; name a file that can be written") from why


def _printed(layout: Layout, path: Path) -> str:
    width, height = layout.page_mm
    return (
        f"{path}: {width:.0f} x {height:.0f} mm; print it at 100 %, measure a square with a ruler, and then: "
        f"fieldeye board --squares {layout.across}x{layout.down} --look PICTURE --side-mm MM"
    )


def _as_json(scale: Scale) -> dict[str, object]:
    return {"mm_per_px": round(scale.mm_per_px(), 6), "is_slanted": scale.is_slanted, **asdict(scale)}


def _read(scale: Scale) -> str:
    slant = "; the camera looks at a slant, which is allowed for" if scale.is_slanted else ""
    return (
        f"{scale.mm_per_px():.4f} mm per pixel in the middle, corners off by {scale.error_px:.2f} px "
        f"({scale.corners} corners{slant})"
    )
