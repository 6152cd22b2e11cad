"""A bundle as it came, and whether one of the node's own keys signed it. Nothing of it is used before that is known."""

import base64
import hashlib
import io
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from edge.errors import UpdateError, to_read
from edge.updates.manifest import (
    CONTENT,
    CONTEXT,
    MOST_MANIFEST_BYTES,
    SIGNATURE,
    SIGNED,
    Manifest,
    Part,
    read_manifest,
)

KEY_ENDING = ".pub"
_SIGNATURE_BYTES = 64
_CHUNK_BYTES = 1 << 20  # a directory has less than MOST_MANIFEST_BYTES: a manifest says more of each file
_MOST_TOLD = 200  # letters of what zipfile says: a name in it may have 64 kB, and each `health` tells what was refused
_PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # the others unpack into memory as much as their sender likes
_BROKEN = (  # what zipfile raises; ValueError, OverflowError: a name or an offset that cannot be
    zipfile.BadZipFile,
    KeyError,
    EOFError,
    ValueError,
    OverflowError,
    zlib.error,
    RuntimeError,
)


def trusted_keys(folder: Path) -> list[VerifyKey]:
    """The Ed25519 keys whose bundles this node takes, each a line of base64. Raises UpdateError if there is none."""
    try:
        texts = [path.read_text() for path in sorted(folder.glob(f"*{KEY_ENDING}"))]
        keys = [VerifyKey(base64.b64decode(text)) for text in texts]
    except (OSError, ValueError) as why:
        raise UpdateError(f"{folder}: a key cannot be read ({why}); copy the node's rendered keys there again") from why
    if not keys:
        raise UpdateError(f"{folder}: no key, so that no bundle can be trusted; copy the node's rendered keys there")
    return keys


def read_signed(path: Path, keys: list[VerifyKey]) -> Manifest:
    """What the bundle at `path` says, once one of `keys` has signed it. Raises UpdateError."""
    with _opened(path) as bundle:
        text = _small(bundle, SIGNED, MOST_MANIFEST_BYTES)
        signature = _small(bundle, SIGNATURE, _SIGNATURE_BYTES)
    if not any(_is_signed(key, CONTEXT + text, signature) for key in keys):
        raise UpdateError(f"{path}: no key of this node signed it; sign it with the key of this node's fleet")
    return read_manifest(text)


def check_whole(path: Path) -> None:
    """Does the bundle hold all that it names? Who signed it is not asked. Raises UpdateError if not."""
    with _opened(path) as bundle, Path(os.devnull).open("wb") as nowhere:
        for name, part in read_manifest(_small(bundle, SIGNED, MOST_MANIFEST_BYTES)).files.items():
            with bundle.open(CONTENT + name) as source:
                _copy(source, nowhere, part, name)


def unpack(path: Path, manifest: Manifest, folder: Path) -> None:
    """Put each file that `manifest` names into the empty `folder`, checked by hash. Raises UpdateError."""
    shutil.rmtree(folder, ignore_errors=True)
    with _opened(path) as bundle:
        try:
            for name, part in manifest.files.items():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with bundle.open(CONTENT + name) as source, target.open("wb") as file:
                    _copy(source, file, part, name)
        except OSError as why:
            raise UpdateError(f"{folder}: cannot be written ({why.strerror}); make room on the memory card") from why


class _Chunks(io.FileIO):
    """A file that gives a chunk at once at most: a directory, which zipfile reads whole, has not been signed yet."""

    def read(self, size: int | None = -1, /) -> bytes:
        asked = _CHUNK_BYTES + 1 if size is None or not 0 <= size <= _CHUNK_BYTES else size
        data = super().read(asked)
        if len(data) > _CHUNK_BYTES:
            raise zipfile.BadZipFile("its directory is too large")
        return data


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with _Chunks(path) as file, zipfile.ZipFile(file) as bundle:
            if any(member.compress_type not in _PACKED for member in bundle.infolist()):
                raise zipfile.BadZipFile("a member is neither stored nor deflated")
            yield bundle
    except UpdateError:  # a ValueError as well, and its sentence is the better one
        raise
    except OSError as why:
        raise UpdateError(f"{path}: cannot be read ({why.strerror}); {to_read(why, 'copy it again')}") from why
    except _BROKEN as why:
        told = str(why)[:_MOST_TOLD]
        raise UpdateError(f"{path}: is no whole bundle ({told}); copy it again, or send the right file") from why


def _copy(source: IO[bytes], file: IO[bytes], part: Part, name: str) -> None:
    digest, left = hashlib.sha256(), part.bytes
    while block := source.read(min(_CHUNK_BYTES, left + 1)):
        left -= len(block)
        if left < 0:
            break
        digest.update(block)
        file.write(block)
    if left or digest.hexdigest() != part.sha256:
        raise UpdateError(f"{name}: not the file that was signed (size or sha256 differs); copy the bundle again")


def _small(bundle: zipfile.ZipFile, name: str, most_bytes: int) -> bytes:
    """A member that must not be large, however small it looks when packed."""
    with bundle.open(name) as member:
        content = member.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise zipfile.BadZipFile(f"{name} is too large")
    return content


def _is_signed(key: VerifyKey, message: bytes, signature: bytes) -> bool:
    try:
        key.verify(message, signature)
    except (BadSignatureError, ValueError):  # ValueError: a signature of another length
        return False
    return True
