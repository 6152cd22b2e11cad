"""What the two slots hold, as the script `slots` left it, and the script itself as the only way to change it."""

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.durable import write_durably
from edge.errors import UpdateError
from edge.updates.manifest import Kind

LINK: dict[Kind, str] = {"software": "venv", "models": "models"}
SAID, BUNDLE = "said", "bundle"
REFUSED = "refused"  # the last bundle that the installer removed, until one is accepted
RUNS = "runs"  # in the inbox: the hash of a bundle that was asked for and runs: the refusal of another is answered
INSTALLED = "is installed already"
# After these nobody has to do anything. The desk knows them as well, by the contract alone.
ENDS_OF_GOOD_UPDATES = ("runs well", "from the next start on", INSTALLED, "the rest is tried again")
LONGEST_TRIAL_S = 86_400.0  # what does well says so within minutes of a start, and every node is awake within a day
LONGEST_INSTALLATION_S = 3600.0  # one that is cut off begins anew: a slow board must get to its end
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # of the script


@dataclass(frozen=True, slots=True)
class Places:
    """Where a node keeps its slots, the keys that it trusts, and the script."""

    opt: Path = Path("/opt/fieldeye")
    keys: Path = Path("/etc/fieldeye/update-keys")
    script: Path = Path("/usr/local/lib/fieldeye/slots")
    etc: Path = Path("/etc/fieldeye")
    inbox: Path = Path("/var/lib/fieldeye/inbox")

    @property
    def incoming(self) -> Path:
        """A folder that only root writes: what is checked there is what is installed."""
        return self.opt / "incoming"


def running_counter(places: Places, kind: Kind) -> int:
    """The counter of what runs; 0 for what came with the card."""
    return slot_number(places.opt / LINK[kind])


def slot_number(slot: Path) -> int:
    """The counter of what a slot holds; 0 for what came with the card, and for a folder that is no slot."""
    return _number(slot / "release")


def floor(places: Places, link: str) -> int:
    """The highest counter that ever ran well here, of `venv`, `models` or `secrets`."""
    return _number(places.opt / f"floor-{link}")


def trial(places: Places, kind: Kind) -> int | None:
    """How often what is on trial has started without having proved itself; None: nothing is on trial.

    0 where only root may know: the scripts of older cards leave the file so, and it is there during a trial alone.
    """
    link, file = places.opt / LINK[kind], places.opt / f"trial-{LINK[kind]}"
    if file.exists() and not os.access(file, os.R_OK):
        return 0
    words = _text(file).split()
    if len(words) != 2 or not link.is_symlink() or str(link.readlink()) != words[0]:
        return None
    return int(words[1]) if words[1].isdecimal() else 0


def on_trial(places: Places) -> list[Kind]:
    """What is on trial; hardly ever both."""
    return [kind for kind in LINK if trial(places, kind) is not None]


def slot_paths(places: Places) -> dict[Kind, Path]:
    """The folders that the links name: what runs from the next start on."""
    return {kind: (places.opt / link).resolve() for kind, link in LINK.items()}


def is_overdue(places: Places, kind: Kind) -> bool:
    """Is what runs so long after its switch? A clock that was set meanwhile may end a trial too early, and no more."""
    return time.time() - (places.opt / LINK[kind]).lstat().st_mtime > LONGEST_TRIAL_S


def is_installing(places: Places) -> bool:
    """Is a bundle being installed? A folder that is older was left by a power cut."""
    try:
        return time.time() - places.incoming.stat().st_mtime < LONGEST_INSTALLATION_S
    except OSError:
        return False


def said(places: Places) -> str:
    """How the last trial or installation ended, what was refused and why nothing could be fetched; empty for nothing.

    What calls for somebody stands last, where its end shows it.
    """
    asked = _text(places.inbox / RUNS)
    runs = made_of(places, asked) if asked else ""
    other = f"{runs} {INSTALLED}" if runs else "" if asked else _text(places.opt / REFUSED)
    words = [word for word in (_text(places.opt / SAID), other, _text(places.inbox / SAID)) if word]
    return "; ".join(sorted(words, key=lambda word: not word.endswith(ENDS_OF_GOOD_UPDATES)))


def say(places: Places, sentence: str) -> None:
    """How an installation ended, or a wish of somebody on the node."""
    with suppress(OSError):  # what was done stays done
        write_durably(places.opt / SAID, f"{sentence}\n".encode())


def say_refused(places: Places, sentence: str) -> None:
    """It stays beside how others end."""
    with suppress(OSError):
        write_durably(places.opt / REFUSED, f"{sentence}\n".encode())
        (places.inbox / RUNS).unlink(missing_ok=True)


def forget_refused(places: Places) -> None:
    """A bundle was accepted: what was refused or did not come before is answered."""
    for path in (places.opt / REFUSED, places.inbox / RUNS, places.inbox / SAID):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def note_bundle(places: Places, kind: Kind, sha256: str) -> None:
    """Note in the slot that runs which bundle it was made of. With the slot it goes: then the same may come again."""
    write_durably(places.opt / LINK[kind] / BUNDLE, f"{sha256}\n".encode())


def made_of(places: Places, sha256: str) -> str:
    """What runs and was made of this bundle, as kind and number; empty if nothing was."""
    found = (kind for kind in LINK if noted_bundle(places, kind) == sha256)
    return ", ".join(f"{kind} number {running_counter(places, kind)}" for kind in found)


def runs_software(places: Places, mark: str) -> bool:
    """Is what runs made of this wheel and lock? `mark`: see `slots build`."""
    return _text(places.opt / LINK["software"] / "release").split()[1:] == [mark]


def noted_bundle(places: Places, kind: Kind) -> str:
    """The hash of the bundle that what runs was made of; empty where the power went before it was noted."""
    return _text(places.opt / LINK[kind] / BUNDLE)


def run_slots(places: Places, arguments: Sequence[str]) -> None:
    """Run the script. Raises UpdateError with its last line."""
    try:
        done = subprocess.run(  # noqa: S603  our own script, no shell
            [str(places.script), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": PATH, "FIELDEYE_OPT": str(places.opt)},
        )
    except OSError as why:
        raise no_script(places, why) from why
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise UpdateError(f"{arguments[0]} failed ({last}); what ran before still runs")


def no_script(places: Places, why: OSError) -> UpdateError:
    """Says what a machine without it is not."""
    return UpdateError(
        f"{places.script}: cannot be run ({why.strerror}); a node has it from setup.sh, so run this on a node"
    )


def _number(path: Path) -> int:
    words = _text(path).split()
    return int(words[0]) if words and words[0].isdecimal() else 0


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
