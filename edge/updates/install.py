"""A signed bundle becomes the slot that runs from the next start on, on trial. Runs as root; all before it need not."""

import os
import shutil
from pathlib import Path

from edge.durable import write_durably
from edge.errors import UpdateError, UsageError
from edge.updates.manifest import ENDING, MOST_BUNDLE_BYTES, Kind, Manifest
from edge.updates.models import merge_models
from edge.updates.secrets import install_secrets
from edge.updates.signed import read_signed, trusted_keys, unpack
from edge.updates.slots import LINK, Places, floor, is_overdue, run_slots, running_counter, trial


class UpdateBusyError(UpdateError):
    """What came before is still on trial; the same bundle is welcome afterwards."""


def install(path: Path, places: Places, *, only: Kind | None = None) -> str:
    """Install the bundle at `path` and return a sentence on it. Raises UpdateError; then nothing has changed.

    After a power cut the same call goes on: what was built is used, what was half built is built anew.
    """
    try:
        bundle = places.incoming / f"bundle{ENDING}"
        _copy(path, bundle)
        manifest = read_signed(bundle, trusted_keys(places.keys))
        sentence = _installed(bundle, manifest, places, only)
    finally:
        shutil.rmtree(places.incoming, ignore_errors=True)
    write_durably(places.opt / "said", f"{sentence}\n".encode())
    return sentence


def _installed(bundle: Path, manifest: Manifest, places: Places, only: Kind | None) -> str:
    what, content = f"{manifest.kind} {manifest.version}, number {manifest.counter}", places.incoming / manifest.kind
    if manifest.kind == "secrets":
        _check_number(manifest, floor(places, "secrets"))
        unpack(bundle, manifest, content)
        install_secrets(content, manifest, places.etc)
        write_durably(places.opt / "floor-secrets", f"{manifest.counter}\n".encode())
        return f"{what}, are in use from the next start on"
    if manifest.counter == running_counter(places, manifest.kind):
        return f"{what}, is installed already"
    _check(manifest, manifest.kind, places, only)
    unpack(bundle, manifest, content)
    (content / "counter").write_text(f"{manifest.counter}\n")
    if manifest.kind == "models":
        merge_models(content, places.opt / LINK["models"])
    run_slots(places, ["build" if manifest.kind == "software" else "fill", str(content)])
    run_slots(places, ["switch", LINK[manifest.kind]])
    return f"{what}, is installed, on trial from the next start on"


def install_waiting(inbox: Path, places: Places) -> list[str]:
    """Install what waits in the node's inbox, oldest first; a bundle that is refused is removed, with the reason said.

    Raises UpdateBusyError, and leaves the bundle, while another is on trial.
    """
    sentences = []
    waiting = [path for path in inbox.glob(f"*{ENDING}") if path.is_file() and not path.is_symlink()]
    for path in sorted(waiting, key=lambda path: path.stat().st_mtime):
        try:
            sentences.append(install(path, places))
        except UpdateBusyError:
            raise
        except UpdateError as why:
            sentences.append(f"refused: {why}")
            write_durably(places.opt / "said", f"{sentences[-1]}\n".encode())
        path.unlink(missing_ok=True)
    return sentences


def _copy(path: Path, bundle: Path) -> None:
    """Where only root writes, so that nobody changes it between check and use."""
    try:
        if path.stat().st_size > MOST_BUNDLE_BYTES:
            raise UpdateError(f"{path}: larger than {MOST_BUNDLE_BYTES / 1e6:.0f} MB; it is no bundle of ours")
        bundle.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(path, bundle)
    except OSError as why:
        raise UpdateError(f"{path}: cannot be copied to {bundle.parent} ({why.strerror}); is this root?") from why


def _check(manifest: Manifest, kind: Kind, places: Places, only: Kind | None) -> None:
    if only is not None and kind != only:
        raise UsageError(f"this bundle holds {kind}; install it with: fieldeye update install")
    here = os.uname().machine
    if manifest.machine not in {None, here}:
        raise UpdateError(f"this bundle is for {manifest.machine} and this is {here}; take the one for {here}")
    _check_number(manifest, max(floor(places, LINK[kind]), running_counter(places, kind)))
    on_trial = [other for other in LINK if trial(places, other) is not None]
    if not all(is_overdue(places, other) for other in on_trial):
        raise UpdateBusyError("what was installed before is still on trial; try again in some minutes")
    for other in on_trial:  # they have failed: a node whose model is refused never says so itself
        run_slots(places, ["back", LINK[other]])


def _check_number(manifest: Manifest, least: int) -> None:
    if manifest.counter <= least:
        raise UpdateError(f"number {manifest.counter} is not newer than {least}, which ran here; sign a newer one")
