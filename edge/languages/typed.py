"""Numbers and codes as people type or copy them: a keyboard may write wide signs, a web page a minus of its own."""

import re

# Not Unicode's NFKC, which makes another sign of the º and the ″ of a position
_PLAIN: dict[int, int | str] = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
_PLAIN |= {ord("\N{IDEOGRAPHIC SPACE}"): " ", ord("\N{MINUS SIGN}"): "-"}


def plain(typed: str) -> str:
    """`typed` with ASCII's signs and with digits of all scripts as ASCII's. Not for names and passwords."""
    return re.sub(r"\d", lambda digit: str(int(digit[0])), typed.translate(_PLAIN)).strip()


def decimal(typed: str) -> float:
    """Of what `plain` gave, be it with a decimal comma. Raises ValueError, also for 1_0, which Python reads as 10."""
    if "_" in typed:
        raise ValueError(typed)
    return float(typed.replace(",", "."))
