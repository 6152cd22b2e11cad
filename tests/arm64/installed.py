"""What is installed for this Python, as JSON: run on a board.

`python installed.py FOLDER` imports every compiled module beneath FOLDER and prints {"machine", "python",
"versions": {NAME: VERSION}, "unmet": [REQUIREMENT, ...], "imported": N}. Unmet is what a distribution there asks of
this machine and does not find. A module that does not load here ends the program.
"""

import importlib
import json
import platform
import sys
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def compiled_modules(folder: Path) -> list[str]:
    """Their dotted names; cv2/cv2.abi3.so is loaded by its package."""
    files = [file.relative_to(folder) for file in sorted(folder.rglob("*.so")) if not file.name.startswith("lib")]
    names = [(*file.parent.parts, file.name.split(".")[0]) for file in files]
    return [".".join(name[:-1] if name[-2:] == ("cv2", "cv2") else name) for name in names]


def main(folder: Path) -> None:
    """Print what is there."""
    found = {canonicalize_name(each.metadata["Name"]): each for each in distributions(path=[str(folder)])}
    asked = [Requirement(line) for each in found.values() for line in each.requires or []]
    here = [each for each in asked if each.marker is None or each.marker.evaluate({"extra": ""})]
    versions = {name: each.version for name, each in found.items()}
    unmet = [
        str(each)
        for each in here
        if (name := canonicalize_name(each.name)) not in versions or not each.specifier.contains(versions[name])
    ]
    modules = compiled_modules(folder)
    for name in modules:
        importlib.import_module(name)
    told = {"machine": platform.machine(), "python": platform.python_version(), "versions": versions, "unmet": unmet}
    json.dump({**told, "imported": len(modules)}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
