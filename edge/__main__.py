"""`fieldeye` and `fieldeye-platform` begin here; `python -m edge` is the first, where scripts are not on the path.

The commands are loaded only within: from a memory card that takes a moment, and Ctrl-C then is to be heeded.
"""

import sys

STOPPED = 130  # as in edge/cli/exits.py, which is among what is loaded


def main() -> int:
    """`fieldeye`, see edge/cli."""
    try:
        from edge.cli import main as run  # noqa: PLC0415  see above

        return run()
    except KeyboardInterrupt:
        return _stopped("fieldeye")


def platform_main() -> int:
    """`fieldeye-platform`, see edge/cli."""
    try:
        from edge.cli import platform_main as run  # noqa: PLC0415  see above

        return run()
    except KeyboardInterrupt:
        return _stopped("fieldeye-platform")


def _stopped(program: str) -> int:
    sys.stderr.write(f"{program}: stopped\n")
    return STOPPED


if __name__ == "__main__":
    sys.exit(main())
