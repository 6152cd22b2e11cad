"""A signed bundle becomes the slot that runs from the next start on, on trial. Runs as root; all before it need not."""

import errno
import hashlib
import os
import shutil
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from edge.durable import write_durably
from edge.errors import UpdateError, UsageError
from edge.updates.lock import UpdateBusyError, alone
from edge.updates.manifest import ENDING, MOST_BUNDLE_BYTES, Kind, Manifest
from edge.updates.models import merge_models, note_unnoted
from edge.updates.secrets import install_secrets
from edge.updates.signed import check_whole, read_signed, trusted_keys, unpack
from edge.updates.slots import (
    INSTALLED,
    LINK,
    Places,
    floor,
    forget_refused,
    is_overdue,
    note_bundle,
    noted_bundle,
    on_trial,
    run_slots,
    running_counter,
    runs_software,
    say,
    say_refused,
)

_LOCK = "requirements.lock"


def install(path: Path, places: Places, *, only: Kind | None = None) -> str:
    """Install the bundle at `path` and return a sentence on it. Raises UpdateError; then nothing has changed.

    Unless the sentence says that what a day on trial had not proved was taken back.
    After a power cut the same call goes on: what was built is used, what was half built is built anew.
    """
    with alone(places):
        return _install_one(path, places, only)


def _install_one(path: Path, places: Places, only: Kind | None = None) -> str:
    keys = trusted_keys(places.keys)
    try:
        bundle = places.incoming / f"bundle{ENDING}"
        if path.stat().st_size <= MOST_BUNDLE_BYTES:  # where it lies: a trial would have 100 MB copied each minute
            _check(path, read_signed(path, keys), places, only)
        _copy(path, bundle)
        manifest = read_signed(bundle, keys)
        sentence = _installed(bundle, manifest, places, only)
        _note(bundle, manifest, places)
    except OSError as why:
        raise _unusable(places, why) from why
    finally:
        shutil.rmtree(places.incoming, ignore_errors=True)
    say(places, sentence)
    forget_refused(places)
    return sentence


def _installed(bundle: Path, manifest: Manifest, places: Places, only: Kind | None) -> str:
    what, content = f"{manifest.kind} {manifest.version}, number {manifest.counter}", places.incoming / manifest.kind
    _check(bundle, manifest, places, only)
    if manifest.kind == "secrets":
        unpack(bundle, manifest, content)
        install_secrets(content, manifest, places.etc)
        write_durably(places.opt / "floor-secrets", f"{manifest.counter}\n".encode())
        return f"{what}, are in use from the next start on"
    if manifest.counter == running_counter(places, manifest.kind):
        return f"{what}, {INSTALLED}"
    unpack(bundle, manifest, content)
    (content / "counter").write_text(f"{manifest.counter}\n")
    taken_back = [_take_back(kind, places) for kind in on_trial(places)]
    try:
        _switch_to(content, manifest.kind, places)
    except (UpdateError, OSError) as why:
        refusal = why if isinstance(why, UpdateError) else _unusable(places, why)
        raise UpdateError("; ".join([str(refusal), *taken_back])) from why
    return "; ".join([*taken_back, f"{what}, is installed, on trial from the next start on"])


def _take_back(kind: Kind, places: Places) -> str:
    """It has failed: a node whose model is refused never says so itself. The new one needs the slot it lies in."""
    counter = running_counter(places, kind)
    run_slots(places, ["back", LINK[kind]])
    return f"{kind} number {counter} was taken back, for a day on trial had not proved it"


def _switch_to(content: Path, kind: Kind, places: Places) -> None:
    if kind == "models":
        merge_models(content, places.opt / LINK["models"])
    else:
        note_unnoted(places.opt / LINK["models"])
    run_slots(places, ["build" if kind == "software" else "fill", str(content)])
    run_slots(places, ["switch", LINK[kind]])


def _unusable(places: Places, why: OSError) -> UpdateError:
    return UpdateError(f"{places.opt}: cannot be read or written ({why}); make room on the memory card, or replace it")


def install_waiting(inbox: Path, places: Places) -> list[str]:
    """Install what waits in the node's inbox, oldest first; a bundle that is refused is removed, with the reason said.

    While another is on trial or being installed the bundle stays. Raises UpdateBusyError if it is the first that waits.
    """
    with alone(places):
        return _install_waiting(inbox, places)


def _install_waiting(inbox: Path, places: Places) -> list[str]:
    sentences: list[str] = []
    waiting = [path for path in inbox.glob(f"*{ENDING}") if path.is_file() and not path.is_symlink()]
    for path in sorted(waiting, key=lambda path: path.stat().st_mtime):
        try:
            sentences.append(_install_one(path, places))
        except UpdateBusyError:
            if not sentences:
                raise
            break  # what came before has to be started first
        except UpdateError as why:
            # Who sent it is far away: the hash says which it was, and where it lay helps nobody.
            sentences.append(f"refused: bundle {path.stem[:8]}: {str(why).removeprefix(f'{path}: ')}")
            say_refused(places, sentences[-1])
        path.unlink(missing_ok=True)
    return sentences


def _note(bundle: Path, manifest: Manifest, places: Places) -> None:
    if manifest.kind == "secrets":
        return
    with suppress(OSError):
        note_bundle(places, manifest.kind, _sha256_of(bundle))


def _is_what_runs(bundle: Path, manifest: Manifest, places: Places, kind: Kind) -> bool:
    """Is it the one that runs, of those with its number? Each who may sign for this node counts from 1."""
    if kind == "software":
        return runs_software(places, _mark(manifest))
    noted = noted_bundle(places, kind)
    return not noted or noted == _sha256_of(bundle)


def _sha256_of(bundle: Path) -> str:
    with bundle.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mark(manifest: Manifest) -> str:
    """What a slot's `release` says that it was made of, see `slots build`: the hash of what sha256sum says."""
    names = [name for name in sorted(manifest.files) if fnmatchcase(name, "fieldeye-*.whl") or name == _LOCK]
    return hashlib.sha256("".join(f"{manifest.files[name].sha256}  {name}\n" for name in names).encode()).hexdigest()


def _copy(path: Path, bundle: Path) -> None:
    """Where only root writes, so that nobody changes it between check and use."""
    try:
        if path.stat().st_size > MOST_BUNDLE_BYTES:
            raise UpdateError(f"{path}: larger than {MOST_BUNDLE_BYTES / 1e6:.0f} MB; it is no bundle of ours")
        bundle.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(path, bundle)
    except OSError as why:
        then = "make room on the memory card" if why.errno == errno.ENOSPC else "copy the bundle to the stick again"
        raise UpdateError(f"{path}: cannot be copied to {bundle.parent} ({why.strerror}); {then}") from why


def _check(bundle: Path, manifest: Manifest, places: Places, only: Kind | None) -> None:
    """Would it be installed now? Raises UpdateError or UsageError if not; changes nothing."""
    kind = manifest.kind
    if kind == "secrets":
        _check_number(manifest, floor(places, "secrets"))
        return
    least = max(floor(places, LINK[kind]), running_counter(places, kind))
    if manifest.counter == running_counter(places, kind):
        if _is_what_runs(bundle, manifest, places, kind):
            return
        check_whole(bundle)  # of a damaged copy of what runs the hash differs as well
        raise UpdateError(
            f"number {manifest.counter} is another signer's and runs here already; "
            f"sign it with --counter {least + 1} or higher"
        )
    if only is not None and kind != only:
        raise UsageError(f"this bundle holds {kind}; install it with: fieldeye update install")
    here = os.uname().machine
    if manifest.machine not in {None, here}:
        raise UpdateError(f"this bundle is for {manifest.machine} and this is {here}; take the one for {here}")
    _check_number(manifest, least)
    if not all(is_overdue(places, other) for other in on_trial(places)):
        raise UpdateBusyError("what was installed before is still on trial; try again in some minutes")


def _check_number(manifest: Manifest, least: int) -> None:
    if manifest.counter <= least:
        raise UpdateError(
            f"number {manifest.counter} is not newer than {least}, which ran here; "
            f"sign it with --counter {least + 1} or higher"
        )
