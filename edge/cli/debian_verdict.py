"""What the doctor says of Debian's security updates: over a metered line a node gets none unless it is let."""

from collections.abc import Iterator
from datetime import datetime

from edge.cli.verdict import Verdict
from edge.updates.debian import OVERDUE_DAYS, security_updates

BY_HAND = "sudo apt-get update && sudo unattended-upgrade -v"


def on_debian(now: datetime) -> Iterator[Verdict]:
    """Nothing where nobody wants them."""
    updates = security_updates()
    if updates is None:
        return
    listed = f"by a list of {updates.listed:%Y-%m-%d}" if updates.listed else "no list of them is here yet"
    ran = f"last looked for on {updates.ran:%Y-%m-%d}" if updates.ran else "never looked for yet"
    days = updates.days_without(now)
    if days <= OVERDUE_DAYS:
        yield Verdict("Debian updates", "ok", f"security updates: {ran}, {listed}")
        return
    what = "no security updates" if updates.ran else "nothing looked for security updates"
    todo = f"for a night, give the node a line that is not metered, or run: {BY_HAND}"
    yield Verdict("Debian updates", "worth a look", f"{what} for {days} days ({ran}, {listed}); {todo}")
