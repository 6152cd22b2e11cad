"""Signs what nodes shall run: a folder of software or of models becomes one file that they trust."""

import base64
import hashlib
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.errors import UsageError, to_read
from edge.updates.manifest import CONTENT, CONTEXT, SIGNATURE, SIGNED, AnyKind, Manifest, Part, read_manifest
from firmware_config.keys import KeyStore, damaged

SYSTEM = "system.tar"  # in a bundle of software: units, timers and firewall
_KEY = "update-key"  # 32 random bytes in hexadecimal: who has them decides what the fleet's nodes run
_MACHINE = re.compile(r"_(aarch64|x86_64)\.whl$")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")  # of a requirement's line
_WHEN = (1980, 1, 1, 0, 0, 0)  # the same folder and number give the same file


def signing_key(keys: KeyStore) -> Ed25519PrivateKey:
    """The fleet's key, made on first use. Raises ConfigError."""
    return Ed25519PrivateKey.from_private_bytes(keys.take_bytes(_KEY, 32))


def public_key(key: Ed25519PrivateKey) -> str:
    """What a node checks by, as a line of base64."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def next_counter(keys: KeyStore, kind: AnyKind, wanted: int | None) -> int:
    """One more than the last that was signed, or `wanted` if that is higher still. Raises UsageError, ConfigError."""
    name = f"signed-{kind}"
    text = keys.take(name, lambda: "0")
    try:
        last = int(text)
    except ValueError as why:
        raise damaged(name) from why
    counter = last + 1 if wanted is None else wanted
    if counter <= last:
        raise UsageError(f"--counter {counter}: {last} was signed already; give a higher one, or none")
    keys.replace(name, str(counter))
    return counter


def signed_bundle(
    kind: AnyKind,
    version: str,
    counter: int,
    files: dict[str, bytes],
    key: Ed25519PrivateKey,
    *,
    node: str | None = None,
) -> bytes:
    """The ZIP that a node takes. Raises UpdateError for a name that a node would refuse."""
    parts = {name: Part(sha256=hashlib.sha256(c).hexdigest(), bytes=len(c)) for name, c in sorted(files.items())}
    machines = {found[1] for name in files if (found := _MACHINE.search(name))}
    machine = machines.pop() if len(machines) == 1 else None
    manifest = Manifest(format=1, kind=kind, version=version, counter=counter, machine=machine, node=node, files=parts)
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    read_manifest(text)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as bundle:
        for name, content in {SIGNED: text, SIGNATURE: key.sign(CONTEXT + text)}.items():
            bundle.writestr(zipfile.ZipInfo(name, _WHEN), content)
        for name in parts:
            bundle.writestr(zipfile.ZipInfo(CONTENT + name, _WHEN), files[name])
    return packed.getvalue()


def software_files(folder: Path, *, thin: bool) -> tuple[str, dict[str, bytes]]:
    """Version and files of a folder that bundle.sh made; `thin`: without the libraries. Raises UsageError."""
    wheels = sorted(folder.glob("fieldeye-*.whl"))
    lock = folder / "requirements.lock"
    if len(wheels) != 1 or not lock.is_file():
        raise UsageError(f"{folder}: holds no software; make it with firmware_config/bundle.sh")
    paths = [wheels[0], lock] if thin else [wheels[0], lock, *sorted(folder.glob("wheels/*.whl"))]
    files = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
    if not thin:
        _check_libraries(folder, files)
    return wheels[0].name.split("-")[1], files | ({"thin": b""} if thin else {})


def model_files(folder: Path, names: list[str]) -> tuple[str, dict[str, bytes]]:
    """Version and files of the models `names` of a folder with a manifest.json, as in `models/`. Raises UsageError."""
    known = _bundles(folder / "manifest.json")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"{folder}: knows no model {unknown[0]}; it has {', '.join(known)}")
    bundles = {name: known[name] for name in names or known}
    texts = {"manifest.json": json.dumps({"format": 1, "bundles": bundles}).encode()}
    try:
        hashes = {entry["file"]: entry["sha256"] for entry in bundles.values()}
        hashes |= {entry["golden"]["image"]: entry["golden"]["sha256"] for entry in bundles.values()}
        versions = "+".join(sorted({entry["version"] for entry in bundles.values()}))
        files = {path: (folder / path).read_bytes() for path in hashes}
    except (OSError, KeyError, TypeError, ValueError) as why:
        says = f"{folder}: what its manifest.json names cannot all be read ({why})"
        raise UsageError(f"{says}; {to_read(why, 'give the whole folder')}") from why
    for path, content in files.items():
        if hashlib.sha256(content).hexdigest() != hashes[path]:
            raise UsageError(f"{folder / path}: not the file in manifest.json (sha256 differs); give the whole folder")
    return versions, texts | files


def _check_libraries(folder: Path, files: dict[str, bytes]) -> None:
    """Is there a wheel of each library that the lock names? A node has no network while it installs."""
    there = {hashlib.sha256(content).hexdigest() for name, content in files.items() if name.startswith("wheels/")}
    for line in files["requirements.lock"].decode(errors="replace").replace("\\\n", "").splitlines():
        if "==" in line.partition("#")[0] and there.isdisjoint(_HASH.findall(line)):
            raise UsageError(
                f"{folder}/wheels: lacks {line.split()[0]}; make the folder anew with firmware_config/bundle.sh"
            )


def _bundles(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes())["bundles"])
    except (OSError, KeyError, TypeError, ValueError) as why:
        then = to_read(why, "give a folder of models with its manifest")
        raise UsageError(f"{path}: cannot be read ({why}); {then}") from why
