"""Failed log-ins and claims make the next attempt wait, also after a restart; counted by address and all together."""

from datetime import datetime

from edge.store import Accounts

FREE, LONGEST_S = 5, 900.0  # failures of one address before it waits, and the longest wait
TOGETHER = "all addresses"  # many phones may be one guesser; but nobody shuts out the owner for long
FREE_TOGETHER, LONGEST_TOGETHER_S = 30, 60.0


def pause_s(failures: int, since_s: float, free: int, longest_s: float) -> float:
    """Seconds still to wait: 2, 4, 8 … after the last failure. Pure."""
    if failures < free:
        return 0.0
    return max(0.0, min(2.0 ** min(failures - free + 1, 30), longest_s) - since_s)


def browsers_of(name: str) -> str:
    """What failures in browsers that know somebody are counted by: no address and no other log-in forgives those."""
    return f"browsers of {name}"


def wait_s(accounts: Accounts, address: str, utc: datetime, *, known_as: str) -> float:
    """How long an attempt from there has to wait. `known_as`: whom its browser knows, empty for nobody.

    Such a browser does not wait for what others guess, unless so much was guessed in those that know the same person.
    """
    own = pause_s(*accounts.failures(address, utc), FREE, LONGEST_S)
    together = pause_s(*accounts.failures(TOGETHER, utc), FREE_TOGETHER, LONGEST_TOGETHER_S)
    if known_as:
        together = min(together, pause_s(*accounts.failures(browsers_of(known_as), utc), FREE, LONGEST_S))
    return max(own, together)


def count_failure(accounts: Accounts, address: str, utc: datetime, *, known_as: str) -> bool:
    """Keep it. False where so many failed that noting each would push all else out of the audit trail."""
    accounts.failed((address, TOGETHER, *([browsers_of(known_as)] if known_as else [])), utc)
    together = accounts.failures(TOGETHER, utc)[0]
    return together <= FREE_TOGETHER or together % 100 == 0
