"""`fieldeye model`: which models are there, are they what was released, and others in their place."""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge.bundle import MANIFEST, MODELS, Bundle, entries_of, find_bundle, load_manifest, load_release
from edge.cli.exits import DONE, NOT_WELL
from edge.cli.results import show
from edge.cli.update import add_places, go_back, places_of, print_installed, there
from edge.errors import BundleError
from edge.golden import tried
from edge.leaf_network import find_leaf, load_leaf
from edge.updates.install import install
from edge.updates.models import models_folder
from edge.updates.slots import LINK, Places


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `model list`, `verify`, `install` and `rollback`."""
    verbs = parser.add_subparsers(dest="model_verb", metavar="list|verify|install|rollback", required=True)
    listing = verbs.add_parser("list", help="name, version, precision, size, accuracy and classes of each; which runs")
    installed = f"where installed ones are; default: {Places().opt}"
    listing.add_argument("--opt", type=Path, default=Places().opt, metavar="DIR", help=installed)
    verify = verbs.add_parser("verify", help="hash, load and golden picture; exit code 1 if one fails")
    verify.add_argument("model", nargs="?", metavar="NAME|FILE", help="default: all that were released")
    for verb in (listing, verify):
        verb.add_argument("--json", action="store_true", help="one JSON object a model")
        verb.add_argument("--folder", type=Path, metavar="DIR", help="only of these, say a node's bundles/")
    verb = verbs.add_parser("install", help="signed models, on trial from the next start on; as root")
    verb.add_argument("bundle", type=Path, metavar="FILE.update", help="the bundle, as on a stick")
    add_places(verb)
    add_places(
        verbs.add_parser("rollback", help="the other slot's models run; on trial if they are the newer; as root")
    )


def run(args: argparse.Namespace) -> int:
    """0, or 1 if a model is not well."""
    if args.model_verb in {"install", "rollback"}:
        return _exchange(args)
    is_well = True
    for result in _all_listed(args) if args.model_verb == "list" else _all_verified(args):
        is_well &= result["ok"]
        show(result, _sentence(result), as_json=args.json)
    return DONE if is_well else NOT_WELL


def _all_verified(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    folder = args.folder or MODELS
    for name in [args.model] if args.model is not None else _released(folder):
        yield _verified(name, folder)


def _all_listed(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Those of the folder, else those that the software brought and those installed, and which are in use."""
    if args.folder:
        yield from (_listed(name, args.folder) for name in _released(args.folder))
        return
    installed = args.opt / LINK["models"]
    for folder, names in ((MODELS, _released(MODELS)), (installed, list(entries_of(installed)))):
        for name in names:
            in_use = models_folder(name, installed) == folder
            yield _listed(name, folder) | {"installed": folder == installed, "in_use": in_use}


def _exchange(args: argparse.Namespace) -> int:
    places = places_of(args)
    if args.model_verb == "install":
        print_installed(places, lambda: [install(there(args.bundle), places, only="models")])
    else:
        go_back("models", places)
    return DONE


def _released(folder: Path) -> list[str]:
    return [*load_manifest(folder).bundles, *_leaf_networks(folder)]


def _leaf_networks(folder: Path) -> dict[str, str]:
    """The crop of each, by the name of its file."""
    leaves = load_manifest(folder).leaves if (folder / MANIFEST).exists() else {}
    return {Path(entry.file).stem: crop for crop, entry in leaves.items()}


def _listed(name: str, folder: Path) -> dict[str, Any]:
    """What the file says of itself; the hash is checked, nothing is run."""
    crop = _leaf_networks(folder).get(name)
    try:
        facts = _leaf_facts(crop, folder) if crop else _facts(load_release(find_bundle(name, folder)))
    except BundleError as why:
        return {"name": name, "ok": False, "error": str(why)}
    return {"name": name, "ok": True} | facts


def _verified(name: str, folder: Path) -> dict[str, Any]:
    try:
        sha256, is_released = _tried(name, folder)
    except BundleError as why:
        return {"name": name, "ok": False, "error": str(why)}
    done = ["hash", "load", "golden picture"] if is_released else ["load"]
    return {"name": name, "ok": True, "checked": done, "sha256": sha256}


def _tried(name: str, folder: Path) -> tuple[str, bool]:
    """Hash of the file, and whether a manifest knows it. Raises BundleError."""
    crop = _leaf_networks(folder).get(name)
    if crop:
        find_leaf(crop, folder)
        return load_manifest(folder).leaves[crop].sha256, True
    release = find_bundle(name, folder)
    return tried(release).bundle.sha256, release.entry is not None


def _facts(bundle: Bundle) -> dict[str, Any]:
    return {
        "version": bundle.version,
        "precision": bundle.precision,
        "bytes": bundle.size_bytes,
        "sha256": bundle.sha256,
        "side_px": bundle.input.side_px,
        "map50": bundle.metrics.map50 if bundle.metrics else None,
        "classes": [asdict(c) for c in bundle.classes],
    }


def _leaf_facts(crop: str, folder: Path) -> dict[str, Any]:
    entry = load_manifest(folder).leaves[crop]
    bundle = load_leaf(folder / entry.file, entry.sha256)
    return {
        "version": bundle.version,
        "precision": "fp32",
        "bytes": entry.bytes,
        "sha256": entry.sha256,
        "side_px": bundle.input.side_px,
        "crop": crop,
        "metrics": asdict(bundle.metrics) if bundle.metrics else None,
        "stresses": [asdict(one) for one in bundle.stresses if one.label],
    }


def _sentence(result: dict[str, Any]) -> str:
    if not result["ok"]:
        name = result["name"]  # which the error of a file begins with, too
        return f"{name}: {result['error'].removeprefix(f'{name}: ')}"
    if "checked" in result:
        alone = "" if "hash" in result["checked"] else "; a file outside the manifest, so no hash to check it by"
        return f"{result['name']}: ok ({', '.join(result['checked'])}{alone})"
    size = f"{result['bytes'] / 1e6:.1f} MB"
    head = f"{result['name']} {result['version']}  {result['precision']}{_rank(result)}  {size}"
    if "crop" in result:
        return f"{head}  {_leaf_sentence(result)}"
    accuracy = "not measured" if result["map50"] is None else f"mAP50 {result['map50']:.3f}"
    labels = ", ".join(c["label"] for c in result["classes"])
    return f"{head}  {accuracy}  {len(result['classes'])} classes: {labels}"


def _rank(result: dict[str, Any]) -> str:
    if result.get("installed"):
        return "  installed" if result["in_use"] else "  installed, not in use: newer software brought its own"
    return "" if result.get("in_use", True) else "  not in use: another is installed"


def _leaf_sentence(result: dict[str, Any]) -> str:
    told = result["metrics"]
    accuracy = f"grade {told['grade_agreement']:.0%}, stress {told['stress_accuracy']:.0%}" if told else "not measured"
    labels = ", ".join(stress["label"] for stress in result["stresses"])
    return f"{accuracy}  {len(result['stresses'])} stresses of {result['crop']} leaves: {labels}"
