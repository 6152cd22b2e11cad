"""What apt leaves behind on a node, for whoever reads how long ago Debian's security updates came."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from edge.updates import debian
from firmware_config.templates import fill

LIST = "var/lib/apt/lists/deb.debian.org_debian-security_dists_trixie-security_InRelease"


def put_apt(
    root: Path, now: datetime, monkeypatch: pytest.MonkeyPatch, *, security: str = "1", **days: int | None
) -> None:
    """A root folder where the card's own apt.conf is `since` days old, the list `listed` and the last run `ran`."""
    monkeypatch.setattr(debian, "ROOT", root)
    conf = fill(f"card/system/{debian.SWITCH}", SECURITY=security)
    for name, path, text in (("since", debian.SWITCH, conf), ("listed", LIST, ""), ("ran", debian.RUN, "")):
        if days.get(name) is None:
            continue
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        then_s = (now - timedelta(days=days[name])).timestamp()
        os.utime(file, (then_s, then_s))
