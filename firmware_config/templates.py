"""Texts that are filled in: `@NAME@` in a file below `firmware_config/` stands for a value."""

import re
from pathlib import Path

HERE = Path(__file__).parent
_PLACE = re.compile(r"@([A-Z_]+)@")


def fill(name: str, **values: str) -> str:
    """The template `name` with each place filled in one pass. KeyError: the template asks for what is not given."""
    return _PLACE.sub(lambda place: values[place[1]], (HERE / name).read_text("utf-8"))
