"""How long ago Debian's security updates came, which apt installs on a node by itself.

apt's own stamps do not tell: apt.systemd.daily renews them also in a night in which it has reached no server.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

OVERDUE_DAYS = 40  # a node that has a line for one night a month stays below it
ROOT = Path("/")
SWITCH, ON = "etc/apt/apt.conf.d/52fieldeye", 'APT::Periodic::Unattended-Upgrade "1";'
LIST = "var/lib/apt/lists/*dists_*-security_InRelease"
RUN = "var/lib/apt/periodic/unattended-upgrades-stamp"


@dataclass(frozen=True, slots=True)
class SecurityUpdates:
    """Of a node that wants them."""

    since: datetime  # it wants them, or the card's files said so anew
    listed: datetime | None  # when Debian changed the list that is here, as it does weekly at least; None: none is here
    ran: datetime | None  # when unattended-upgrade last came to its end, also if there was nothing or a package failed

    def days_without(self, now: datetime) -> int:
        """Whole days from which none can be here: a run by an old list knows of no newer ones."""
        came = min(self.listed or self.since, self.ran or self.since)
        return max(0, (now - came) // timedelta(days=1))


def security_updates() -> SecurityUpdates | None:
    """As every user may read it.

    None where the fleet file switches them off, on what is no node by a card, and on a card that fails.
    """
    try:
        switch = (ROOT / SWITCH).read_text("utf-8")
        since = _changed(ROOT / SWITCH)
        lists = [_changed(file) for file in ROOT.glob(LIST)]  # apt sets it to what the server told
    except OSError:
        return None
    if since is None or ON not in switch:
        return None
    return SecurityUpdates(since, max(filter(None, lists), default=None), _changed(ROOT / RUN))


def _changed(file: Path) -> datetime | None:
    """None where there is none, or none any more: apt may be at work."""
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:
        return None
