"""The arm64 Debians of `make test-arm64`, with the software that goes onto cards."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build/arm64"
CANNOT = 75  # of root.sh: this machine cannot, and says why
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")


class CannotError(Exception):
    """This machine cannot emulate a board; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Arm64:
    """A Debian for aarch64 with its own Python. Both raise CannotError, and AssertionError if a command fails."""

    suite: str
    python: str

    def run(self, *command: str, board: str = "cortex-a72") -> str:
        """Standard output of a command there, on that processor; the repository is /src there."""
        return _root_sh("run", self.suite, *command, board=board)

    def set_up(self) -> None:
        """Make it, and put the lock's wheels and our own where its Python finds them.

        This machine's pip unpacks: the board's own would choose the same files, and takes minutes under emulation.
        """
        _root_sh("setup", self.suite)
        software = self._bundle()
        (own,) = software.glob("fieldeye-*.whl")
        lock = software / "requirements.lock"
        target = KEPT / self.suite / "opt/fieldeye"
        stamp = target / hashlib.sha256(own.read_bytes() + lock.read_bytes()).hexdigest()
        if stamp.exists():
            return
        shutil.rmtree(target, ignore_errors=True)
        tags = [word for platform in PLATFORMS for word in ("--platform", platform)]
        into: list[str | Path] = ["--target", target, "--implementation", "cp", "--python-version", self.python, *tags]
        only = ["--only-binary", ":all:", "--no-deps", "--no-compile", "--no-index", "--require-hashes"]
        found: list[str | Path] = ["--find-links", software / "wheels", "-r", lock, "-r", _pinned(own)]
        done = _ran(sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *only, *into, *found)
        assert done.returncode == 0, done.stdout + done.stderr
        stamp.touch()

    def _bundle(self) -> Path:
        """The folder that goes onto cards, for this Python and aarch64."""
        software = KEPT / "out" / f"software-{self.python}"
        command = (ROOT / "firmware_config/bundle.sh", software, self.python, *PLATFORMS)
        made = _ran(*command, here={"PYTHON": sys.executable})
        if made.returncode and not _index_answers():
            raise CannotError("no package index answers pip, and the wheels for aarch64 come from one")
        assert made.returncode == 0, made.stdout + made.stderr
        return software


def _root_sh(word: str, *arguments: str, board: str = "cortex-a72") -> str:
    here = {"ARM64_DIR": str(KEPT), "QEMU_CPU": board}
    done = _ran(ROOT / "tests/arm64/root.sh", word, *arguments, here=here)
    if done.returncode == CANNOT:
        raise CannotError(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, f"{' '.join(arguments)} on {board}: {done.stdout}{done.stderr}"
    return done.stdout


def _pinned(wheel: Path) -> Path:
    """A requirements file with that wheel and its hash, beside it."""
    line = f"fieldeye @ {wheel.as_uri()} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    own = wheel.with_name("own")
    own.write_text(line)
    return own


def _index_answers() -> bool:
    """Can pip fetch a small package of the lock?"""
    words = ("-m", "pip", "download", "--no-deps", "--no-cache-dir", "--dest", KEPT, "blinker")
    return _ran(sys.executable, *words).returncode == 0


def _ran(*command: str | Path, here: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command in the repository's folder, with `here` in its environment."""
    environment = {**os.environ, **(here or {})}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
