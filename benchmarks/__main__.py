"""All benchmarks, one after the other; each also runs alone: `python -m benchmarks.node`."""

from importlib import import_module
from pathlib import Path

for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
    print(f"\n{path.stem}", flush=True)
    import_module(f"benchmarks.{path.stem}").main()
