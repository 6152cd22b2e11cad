"""Passwords as Argon2id hashes, proposals that a phone can type, and the claim code on the label."""

import hmac
import secrets
from functools import cache
from threading import Lock
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from edge.languages.typed import plain

SHORTEST, LONGEST = 12, 200  # characters; hashing a longer one is work
# OWASP's least for Argon2id: 19 MiB for a moment beside a node of 140 on a board of 512, 50 ms on one x86 core
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # no 0, 1, I, L, O, U: as on the label
GROUPS, GROUP = 4, 4  # of a proposal: so many groups of so many
_one_at_a_time = Lock()  # several phones at once would take their 19 MiB each


def proposed() -> str:
    """A password of 78 bits in four groups."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))


def hashed(password: str) -> str:
    """With a salt of its own."""
    with _one_at_a_time:
        return HASHER.hash(normalize("NFC", password))


def is_right(password: str, known: str | None) -> bool:
    """Does it belong to the hash? Takes as long when there is no such account.

    One that was proposed may be typed as a claim code may; one of somebody's own opens only as it was chosen.
    """
    typed = normalize("NFC", password[: LONGEST + 1])
    return any(_verifies(one, known) for one in dict.fromkeys((typed, _as_proposed(typed))))


def _verifies(password: str, known: str | None) -> bool:
    try:
        with _one_at_a_time:
            HASHER.verify(known or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return known is not None


def _as_proposed(typed: str) -> str:
    """As `proposed` wrote it, if these are as many of its letters, whatever a keyboard made of capitals and dashes."""
    letters = _letters(typed)
    if len(letters) != GROUPS * GROUP or not set(letters) <= set(ALPHABET):
        return typed
    return "-".join(letters[at : at + GROUP] for at in range(0, len(letters), GROUP))


def is_claim_code(typed: str, code: str) -> bool:
    """Is it the code on the label, however it was typed? Compared in constant time."""
    return hmac.compare_digest(_letters(typed).encode(), _letters(code).encode()) and bool(_letters(code))


def _letters(code: str) -> str:
    return "".join(sign for sign in plain(code).upper()[:100] if sign.isalnum())


@cache
def _nobodys() -> str:
    return HASHER.hash(secrets.token_hex())
