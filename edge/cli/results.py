"""What a command has found: a sentence for people, or with `--json` one object for programs; and what it has to say."""

import json
import sys
from collections.abc import Mapping

from edge.errors import one_line


def show(found: Mapping[str, object], *lines: str, as_json: bool) -> None:
    """At once: whoever reads a pipe sees each when it is there."""
    words = json.dumps(found, ensure_ascii=False) if as_json else "\n".join(map(one_line, lines))
    print(words, flush=True)


def say(sentence: str, program: str = "fieldeye") -> None:
    """Beside the results: a line to standard error."""
    print(f"{program}: {one_line(sentence)}", file=sys.stderr, flush=True)
