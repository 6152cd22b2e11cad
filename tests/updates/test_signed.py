"""Which bundles a node trusts: check 15 of twenty, with real keys and real files."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import UpdateError
from edge.updates.manifest import CONTENT, CONTEXT, SIGNATURE, SIGNED
from edge.updates.signed import read_signed, trusted_keys, unpack
from firmware_config.sign import signed_bundle
from tests.updates.bundles import Bench

FILES = {"fieldeye-1.0-py3-none-any.whl": b"wheel", "requirements.lock": b"numpy\n", "wheels/numpy-2.whl": b"numbers"}


def put(bench: Bench, files: dict[str, bytes] = FILES) -> Path:
    return bench.put("x.update", signed_bundle("software", "1.0", 3, files, bench.key))


def test_what_was_signed_comes_out_as_it_went_in(bench: Bench) -> None:
    path = put(bench)
    manifest = read_signed(path, trusted_keys(bench.places.keys))
    unpack(path, manifest, bench.folder / "out")
    out = {str(p.relative_to(bench.folder / "out")): p.read_bytes() for p in (bench.folder / "out").rglob("*.*")}
    assert (manifest.kind, manifest.counter, out) == ("software", 3, FILES)


def test_the_same_files_and_number_give_the_same_bundle(bench: Bench) -> None:
    assert put(bench).read_bytes() == put(bench).read_bytes()


def test_a_bundle_of_another_fleet_is_refused(bench: Bench) -> None:
    other = Bench(bench.folder / "other")
    other.folder.mkdir()
    with pytest.raises(UpdateError, match="no key of this node signed it"):
        read_signed(put(other), trusted_keys(bench.places.keys))


def test_a_node_without_a_key_trusts_nobody(bench: Bench) -> None:
    with pytest.raises(UpdateError, match="no bundle can be trusted"):
        trusted_keys(bench.folder)


def test_one_of_several_keys_is_enough(bench: Bench) -> None:
    other = Bench(bench.folder / "other")
    other.folder.mkdir()
    (other.places.keys / "1.pub").rename(bench.places.keys / "2.pub")
    assert read_signed(put(other), trusted_keys(bench.places.keys)).counter == 3


def rewritten(path: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """The bundle with one member changed, as somebody without the key would do it."""
    with zipfile.ZipFile(path) as bundle:
        members = {entry: bundle.read(entry) for entry in bundle.namelist()}
    members[name] = change(members[name])
    with zipfile.ZipFile(path, "w") as bundle:
        for entry, content in members.items():
            bundle.writestr(entry, content)
    return path


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        (SIGNED, lambda text: text.replace(b": 3", b": 4"), "no key of this node"),
        (SIGNATURE, lambda text: text[:-1], "no key of this node"),
        (SIGNATURE, lambda _: bytes(64), "no key of this node"),
        (SIGNED, lambda _: b" " * 300_000, "too large"),
        (CONTENT + "requirements.lock", lambda _: b"evil\n", "not the file that was signed"),
        (CONTENT + "requirements.lock", lambda text: text * 1000, "not the file that was signed"),
        (CONTENT + "requirements.lock", lambda _: b"", "not the file that was signed"),
    ],
)
def test_a_bundle_that_was_changed_after_signing_is_refused(
    bench: Bench, name: str, change: Callable[[bytes], bytes], says: str
) -> None:
    path = rewritten(put(bench), name, change)
    with pytest.raises(UpdateError, match=says):
        unpack(path, read_signed(path, trusted_keys(bench.places.keys)), bench.folder / "out")


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7), length=st.integers(0, 10_000))
def test_no_flipped_bit_and_no_missing_end_brings_in_anything_else(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int, length: int
) -> None:
    bench = Bench(tmp_path_factory.mktemp("flip"))
    whole = bytearray(put(bench).read_bytes())
    whole[at % len(whole)] ^= 1 << bit
    path = bench.put("y.update", bytes(whole[: len(whole) - length % 3]))
    out = bench.folder / "out"
    try:
        unpack(path, read_signed(path, trusted_keys(bench.places.keys)), out)
    except UpdateError:
        return
    assert {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*.*")} == FILES


@pytest.mark.parametrize("name", ["../evil.sh", "/etc/passwd", "a/b/c.whl", "..", "wheels/../../x", "-rf", ""])
def test_a_name_that_leads_out_of_the_folder_is_not_even_signed(bench: Bench, name: str) -> None:
    with pytest.raises(UpdateError, match="cannot be used"):
        put(bench, {name: b""})


def test_a_signature_of_something_else_by_the_same_key_does_not_fit(bench: Bench) -> None:
    path = put(bench)
    with zipfile.ZipFile(path) as bundle:
        text = bundle.read(SIGNED)
    assert text not in {CONTEXT, b""}
    with pytest.raises(UpdateError, match="no key"):
        read_signed(rewritten(path, SIGNATURE, lambda _: bench.key.sign(text)), trusted_keys(bench.places.keys))
