"""What a command has found: a sentence for people, or with `--json` one object for programs."""

import json
from collections.abc import Mapping


def show(found: Mapping[str, object], sentence: str, *, as_json: bool) -> None:
    """One line, at once: whoever reads a pipe sees each when it is there."""
    print(json.dumps(found, ensure_ascii=False) if as_json else sentence, flush=True)
