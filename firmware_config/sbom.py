"""What a folder of software holds, as a CycloneDX list beside it; with the standard library alone, for bundle.sh."""

import json
import sys
from email.message import Message
from email.parser import BytesHeaderParser
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile


def listed(folder: Path) -> dict[str, Any]:
    """CycloneDX 1.6 of the wheels that bundle.sh put into `folder`; the same folder gives the same list."""
    (ours,) = folder.glob("fieldeye-*.whl")
    libraries = [_component(path, "library") for path in sorted(folder.glob("wheels/*.whl"))]
    for library in libraries:  # Fieldeye itself is on no index
        library["purl"] = f"pkg:pypi/{library['name'].lower().replace('_', '-')}@{library['version']}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component(ours, "application")},
        "components": libraries,
    }


def _component(wheel: Path, kind: str) -> dict[str, Any]:
    told = _metadata(wheel)
    component = {
        "type": kind,
        "name": told["Name"],
        "version": told["Version"],
        "hashes": [{"alg": "SHA-256", "content": sha256(wheel.read_bytes()).hexdigest()}],
    }
    licence = told["License-Expression"]  # older wheels tell theirs in words of their own
    return component | ({"licenses": [{"expression": licence}]} if licence else {})


def _metadata(wheel: Path) -> Message:
    name, version, *_ = wheel.name.split("-")
    with ZipFile(wheel) as files:
        return BytesHeaderParser().parsebytes(files.read(f"{name}-{version}.dist-info/METADATA"))


if __name__ == "__main__":
    (Path(sys.argv[1]) / "sbom.cdx.json").write_text(json.dumps(listed(Path(sys.argv[1])), indent=1) + "\n")
