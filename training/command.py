"""How each command of training ends: exit code 0, or a fault as one sentence and exit code 2; never a traceback for a
wrong file."""

import errno
import os
import sys
from collections.abc import Callable

from edge.errors import FieldeyeError

WRONG, STOPPED = 2, 130


def finish(main: Callable[[], int | None]) -> None:
    """Run a command line and leave the program; what `main` returns is the exit code."""
    try:
        code = main() or 0
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has seen enough
        print("stopped", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries once more at its end
        code = STOPPED
    except FieldeyeError as fault:
        print(fault, file=sys.stderr)
        code = WRONG
    except OSError as why:
        print(_sentence(why), file=sys.stderr)
        code = WRONG
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        code = STOPPED
    sys.exit(code)


def _sentence(why: OSError) -> str:
    if why.errno in {errno.ENOSPC, errno.EDQUOT}:  # what writes into an open file does not say which
        where = why.filename or "the disk that this writes to"
        return f"{where}: {why.strerror}; make room there and run the same command again"
    if why.filename is None:
        return f"{why.strerror or why}, says the system; mend that and run the same command again"
    return f"{why.filename}: {why.strerror}; name one that is there and that you may use"
