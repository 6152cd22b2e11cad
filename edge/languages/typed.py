"""Numbers and codes as people type them: a Chinese keyboard may write each sign as wide as its letters."""

import re

# Not Unicode's NFKC, which makes another sign of the º and the ″ of a position
_WIDE = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | {ord("\N{IDEOGRAPHIC SPACE}"): " "}


def plain(typed: str) -> str:
    """`typed` with ASCII's signs and with digits of all scripts as ASCII's. Not for names and passwords."""
    return re.sub(r"\d", lambda digit: str(int(digit[0])), typed.translate(_WIDE)).strip()
