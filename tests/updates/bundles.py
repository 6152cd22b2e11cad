"""Small real software, real models and a machine with slots below a temporary folder."""

import base64
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.updates.install import install
from edge.updates.slots import Places
from firmware_config.keys import KeyStore
from firmware_config.sign import model_files, public_key, signed_bundle, signing_key, software_files

ROOT = Path(__file__).parents[2]
SLOTS = ROOT / "firmware_config/card/system/usr/local/lib/fieldeye/slots"
MODELS = ROOT / "models"


def wheel(folder: Path, version: str, *, starts: bool = True) -> Path:
    """A wheel called fieldeye whose command prints its version, or does not start."""
    text = f"def main():\n    {'print' if starts else 'raise SystemExit'}('fieldeye {version}')\n"
    return packed(folder, "fieldeye", version, {"edge.py": text}, "[console_scripts]\nfieldeye = edge:main\n")


def packed(folder: Path, name: str, version: str, files: dict[str, str], commands: str = "") -> Path:
    """A wheel with these files."""
    info = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": commands,
    }
    lines = [f"{member},sha256={_digest(text)},{len(text)}" for member, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""])
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as whole:
        for member, text in files.items():
            whole.writestr(member, text)
    return path


def software(folder: Path, version: str, *, starts: bool = True, library: str = "") -> Path:
    """A folder as bundle.sh makes it, with one dependency or none."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel(folder, version, starts=starts)
    (folder / "requirements.lock").write_text("")
    (folder / "wheels").mkdir()
    if library:
        path = packed(folder / "wheels", f"library_{library}", "1", {f"library_{library}.py": "one = 1\n"})
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        (folder / "requirements.lock").write_text(f"library_{library}==1 --hash=sha256:{digest}\n")
    return folder


def archive(files: dict[str, str]) -> bytes:
    """A tar of these files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as whole:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text.encode()), 0o755 if "lib/fieldeye" in name else 0o644
            whole.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


@dataclass(frozen=True)
class Bench:
    """A fleet's signing key, and a node that trusts it."""

    folder: Path
    script: Path = SLOTS

    @property
    def keys(self) -> KeyStore:
        return KeyStore(self.folder / "keystore")

    @property
    def places(self) -> Places:
        trusted = self.folder / "trusted"
        trusted.mkdir(exist_ok=True)
        (trusted / "1.pub").write_text(public_key(self.key) + "\n")
        return Places(self.folder / "opt", trusted, self.script, inbox=self.folder / "inbox")

    @property
    def key(self) -> Ed25519PrivateKey:
        keys = self.keys
        key = signing_key(keys)
        keys.keep()
        return key

    def sign_software(
        self,
        version: str,
        counter: int,
        *,
        starts: bool = True,
        library: str = "",
        system: dict[str, str] | None = None,
    ) -> Path:
        content = software(self.folder / f"software-{counter}", version, starts=starts, library=library)
        if system is not None:
            (content / "system.tar").write_bytes(archive(system))
        names = [path for path in content.rglob("*") if path.is_file()]
        files = {str(path.relative_to(content)): path.read_bytes() for path in names}
        return self.put(f"{counter}.update", signed_bundle("software", version, counter, files, self.key))

    def sign_thin(self, version: str, counter: int, *, lock_of: int | None) -> Path:
        """Without libraries; with the lock of number `lock_of`, or one that nobody has."""
        content = software(self.folder / f"software-{counter}", version)
        lock = f"software-{lock_of}/requirements.lock"
        text = (self.folder / lock).read_text() if lock_of else "nobody-has-it==1\n"
        (content / "requirements.lock").write_text(text)
        _, files = software_files(content, thin=True)
        return self.put(f"{counter}.update", signed_bundle("software", version, counter, files, self.key))

    def sign_models(self, names: list[str], counter: int) -> Path:
        version, files = model_files(MODELS, names)
        return self.put(f"models-{counter}.update", signed_bundle("models", version, counter, files, self.key))

    def put(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    def runs(self) -> str:
        """What the node's command says of itself."""
        command = self.folder / "opt/venv/bin/fieldeye"
        bare = {"PATH": os.environ["PATH"]}
        return subprocess.run([command], capture_output=True, text=True, check=True, env=bare).stdout.strip()

    def prove(self) -> None:
        """A start that does well."""
        self.slots("starting")
        self.slots("healthy")

    def slots(self, *arguments: str, **environment: str) -> str:
        """The script's own words."""
        told = {"FIELDEYE_OPT": str(self.places.opt), "FIELDEYE_HEALTHY": str(self.folder / "healthy")}
        done = subprocess.run(
            [SLOTS, *arguments], capture_output=True, text=True, check=False, env={**os.environ, **told, **environment}
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


class Begun:
    """Benches as a function leaves them, each made once and copied: to build a slot of software takes over a second."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[Callable[[Bench, Begun], object], Path] = {}

    def put(self, bench: Bench, make: "Callable[[Bench, Begun], object]") -> None:
        """`bench`, on which nothing was done, becomes what `make` makes of one; it may begin with another."""
        if make not in self._made:
            folder = self._folder / make.__name__
            folder.mkdir()
            make(Bench(folder, bench.script), self)
            self._made[make] = folder
        kept = self._made[make]
        shutil.copytree(kept, bench.folder, symlinks=True, dirs_exist_ok=True)
        for command in bench.folder.glob("opt/venv-?/bin/fieldeye"):  # its first line names the slot's own Python
            command.write_text(command.read_text().replace(str(kept), str(bench.folder)))


def one(bench: Bench, _: Begun) -> None:
    """Software number 1 runs."""
    install(bench.sign_software("1.0", 1), bench.places)


def one_and_two(bench: Bench, begun: Begun) -> None:
    """Software number 1 ran; number 2 is installed, on trial."""
    begun.put(bench, one)
    install(bench.sign_software("2.0", 2), bench.places)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
