"""Which folder a model is taken from, and how installed models join those that are there already."""

from pathlib import Path

import msgspec

from edge.bundle import MANIFEST, MODELS, Entry, Manifest, find_bundle, load_manifest
from edge.errors import BundleError, UpdateError
from edge.golden import tried


def models_folder(name: str, installed: Path) -> Path:
    """Where to look for the model `name`: among the installed ones if it is there, else among the software's own."""
    return installed if name in _bundles(installed) else MODELS


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
    for name, entry in _bundles(installed).items():
        files = None if name in added else _contents(entry, installed)
        if files is None:
            continue
        kept[name] = entry
        for file, content in files.items():
            (new / file).parent.mkdir(parents=True, exist_ok=True)
            (new / file).write_bytes(content)
    (new / MANIFEST).write_bytes(msgspec.json.encode(Manifest(format=1, bundles={**kept, **added})))


def _contents(entry: Entry, folder: Path) -> dict[str, bytes] | None:
    """A model's files; None if the card does not read them any more: it must not keep a new one away."""
    try:
        return {file: (folder / file).read_bytes() for file in (entry.file, entry.golden.image)}
    except OSError:
        return None


def _bundles(folder: Path) -> dict[str, Entry]:
    try:
        return load_manifest(folder).bundles
    except BundleError:
        return {}
