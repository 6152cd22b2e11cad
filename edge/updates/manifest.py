"""What a signed bundle says of itself. The signature covers these bytes, and they name each file by its hash."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from edge.errors import UpdateError

Kind = Literal["software", "models"]
AnyKind = Literal["software", "models", "secrets"]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
# One folder deep at most, and nothing that leads out of it.
FileName = Annotated[str, Meta(pattern=r"^([A-Za-z0-9_]+/)?[A-Za-z0-9_][A-Za-z0-9_.+-]*$", max_length=200)]

CONTEXT = b"fieldeye update 1\n"  # signed before the manifest, so that no other signature of the key fits
SIGNED, SIGNATURE, CONTENT = "signed.json", "signature", "content/"  # the ZIP's members
MOST_MANIFEST_BYTES = 200_000
MOST_BUNDLE_BYTES = 400_000_000
ENDING = ".update"


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the bundle."""

    sha256: Sha256
    bytes: Annotated[int, Meta(ge=0, le=MOST_BUNDLE_BYTES)]


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`signed.json`. A node accepts of each kind only a higher `counter` than any that ran well on it."""

    format: Literal[1]
    kind: AnyKind
    version: Annotated[str, Meta(pattern=r"^[A-Za-z0-9.+_-]{1,40}$")]  # for people
    counter: Annotated[int, Meta(ge=1, le=2**53)]
    machine: str | None = None  # as `uname -m` says; None: any
    node: str | None = None  # site/node, of secrets
    files: dict[FileName, Part]


def read_manifest(text: bytes) -> Manifest:
    """The manifest in JSON. Raises UpdateError."""
    try:
        return msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as why:
        raise UpdateError(f"the bundle's {SIGNED} cannot be used ({why}); sign the bundle again") from why
