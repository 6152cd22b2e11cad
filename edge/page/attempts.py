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


def wait_s(accounts: Accounts, address: str, utc: datetime, *, is_known: bool) -> float:
    """How long an attempt from there has to wait. A browser that is known does not wait for what others guess."""
    own = pause_s(*accounts.failures(address, utc), FREE, LONGEST_S)
    return own if is_known else max(own, pause_s(*accounts.failures(TOGETHER, utc), FREE_TOGETHER, LONGEST_TOGETHER_S))


def count_failure(accounts: Accounts, address: str, utc: datetime) -> bool:
    """Keep it. False where so many failed that noting each would push all else out of the audit trail."""
    accounts.failed((address, TOGETHER), utc)
    together = accounts.failures(TOGETHER, utc)[0]
    return together <= FREE_TOGETHER or together % 100 == 0
