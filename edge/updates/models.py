"""Which folder a model is taken from, and how installed models join those that are there already."""

from dataclasses import replace
from pathlib import Path

import msgspec
from msgspec import Struct

from edge.bundle import MANIFEST, MODELS, Entry, Manifest, entries_of, find_bundle, load_manifest
from edge.durable import write_durably
from edge.errors import BundleError, UpdateError
from edge.golden import tried
from edge.updates.slots import Places, running_counter

BESIDE = "beside.json"  # in a slot of models


class Beside(Struct, frozen=True):
    """What ran when a model was installed: the number of the software, and the hash of its own model of that name."""

    software: int
    sha256: str | None


def models_folder(name: str, installed: Path, own: Path = MODELS) -> Path:
    """Where to look for the model `name`: among the installed ones if it is there, else among the software's `own`.

    Newer software that brings another model of that name than the software it was installed beside takes its own.
    """
    return installed if name in entries_of(installed) and not _is_outdated(name, installed, own) else own


def merge_models(new: Path, installed: Path) -> None:
    """Try each model of the folder `new` on its golden picture, and add those of `installed` that it does not replace.

    Raises UpdateError for a model that does not see what it should.
    """
    try:
        added = load_manifest(new).bundles
        for name in added:
            tried(find_bundle(name, new))
    except BundleError as why:
        raise UpdateError(f"the bundle holds a model that must not run: {why}") from why
    kept = {}
    for name, entry in entries_of(installed).items():
        files = None if name in added else _contents(entry, installed)
        if files is None:
            continue
        kept[name] = own = _with_own_picture(entry)
        for file, content in zip((own.file, own.golden.image), files, strict=True):
            (new / file).parent.mkdir(parents=True, exist_ok=True)
            (new / file).write_bytes(content)
    (new / MANIFEST).write_bytes(msgspec.json.encode(Manifest(format=1, bundles={**kept, **added})))
    before = {name: beside for name, beside in _beside(installed).items() if name in kept}
    (new / BESIDE).write_bytes(msgspec.json.encode({**before, **{name: _now(name, installed) for name in added}}))


def note_unnoted(installed: Path) -> None:
    """Note beside models of a build that noted nothing which software runs now: newer software is told by it later.

    Raises OSError.
    """
    names, noted = entries_of(installed), _beside(installed)
    if names.keys() - noted.keys():
        now = {name: _now(name, installed) for name in names}
        write_durably(installed / BESIDE, msgspec.json.encode({**now, **noted}))


def _is_outdated(name: str, installed: Path, own: Path) -> bool:
    then, now = _beside(installed).get(name), _now(name, installed, own)
    return then is not None and now.software > then.software and now.sha256 not in {None, then.sha256}


def _now(name: str, installed: Path, own: Path = MODELS) -> Beside:
    entry = entries_of(own).get(name)  # the slots of software lie beside those of models
    return Beside(running_counter(Places(opt=installed.parent), "software"), entry.sha256 if entry else None)


def _beside(folder: Path) -> dict[str, Beside]:
    try:
        return msgspec.json.decode((folder / BESIDE).read_bytes(), type=dict[str, Beside])
    except (OSError, ValueError):  # msgspec's errors, and that of letters that are none
        return {}


def _with_own_picture(entry: Entry) -> Entry:
    """Its golden picture named by its hash: NAME and NAME-int8 call theirs alike, and each release may have another."""
    golden = entry.golden
    return replace(entry, golden=replace(golden, image=f"golden/{golden.sha256}{Path(golden.image).suffix}"))


def _contents(entry: Entry, folder: Path) -> list[bytes] | None:
    """A model's file and picture; None if the card does not read them any more: it must not keep a new one away."""
    try:
        return [(folder / file).read_bytes() for file in (entry.file, entry.golden.image)]
    except OSError:
        return None
