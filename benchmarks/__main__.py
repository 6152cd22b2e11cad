"""All benchmarks, one after the other; each also runs alone: `python -m benchmarks.node`."""

from importlib import import_module
from pathlib import Path

from benchmarks._alone import alone

ASKED_ONLY = {"cards", "ranges"}  # of folds that somebody trained, of a bundle that its caller names


def main() -> None:
    """Print each one's name and what it says."""
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        if path.stem not in ASKED_ONLY:
            print(f"\n{path.stem}", flush=True)
            import_module(f"benchmarks.{path.stem}").main()


alone(main, __doc__)
