"""All benchmarks that need no word, one after the other; each also runs alone: `python -m benchmarks.node`."""

import subprocess
import sys
from pathlib import Path

from benchmarks._alone import alone

ASKED_ONLY = {"cards", "photographs", "ranges"}  # of trained folds, of many pictures, of a named bundle


def main() -> None:
    """Print each one's name and what it says, from a process of its own: some measure the memory that theirs takes.

    One that ends badly has said why; the others are measured all the same.
    """
    failed = []
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        if path.stem not in ASKED_ONLY:
            print(f"\n{path.stem}", flush=True)
            if subprocess.run([sys.executable, "-m", f"benchmarks.{path.stem}"], check=False).returncode:
                failed.append(path.stem)
    if failed:
        raise SystemExit(f"benchmarks: not measured to the end: {', '.join(failed)}")


alone(main, __doc__)
