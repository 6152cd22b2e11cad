"""`fieldeye` and `fieldeye-platform` begin here; `python -m edge` is the first, where scripts are not on the path.

The commands are loaded only within: from a memory card that takes a moment, and Ctrl-C then is to be heeded.
"""

import sys
from importlib import import_module

STOPPED = 130  # as in edge/cli/exits.py, which is among what is loaded


def main() -> int:
    """`fieldeye`, see edge/cli."""
    return _begun("fieldeye", "main")


def platform_main() -> int:
    """`fieldeye-platform`, see edge/cli."""
    return _begun("fieldeye-platform", "platform_main")


def _begun(program: str, function: str) -> int:
    try:
        return int(getattr(import_module("edge.cli"), function)())
    except KeyboardInterrupt:
        if sys.stderr is not None:  # closed, as by 2>&-
            sys.stderr.write(f"{program}: stopped\n")
        return STOPPED


if __name__ == "__main__":
    sys.exit(main())
