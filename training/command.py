"""How each command of training ends: exit code 0, or a fault as one sentence and exit code 2; never a traceback for a
wrong file."""

import sys
from collections.abc import Callable

from edge.errors import FieldeyeError

WRONG, STOPPED = 2, 130


def finish(main: Callable[[], int | None]) -> None:
    """Run a command line and leave the program; what `main` returns is the exit code."""
    try:
        code = main() or 0
    except FieldeyeError as fault:
        print(fault, file=sys.stderr)
        code = WRONG
    except OSError as why:
        print(f"{why.filename}: {why.strerror}; name one that is there and that you may use", file=sys.stderr)
        code = WRONG
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        code = STOPPED
    sys.exit(code)
