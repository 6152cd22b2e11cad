"""Which bundles a node trusts: check 15 of twenty, with real keys and real files."""

import io
import struct
import tracemalloc
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


def rewritten(path: Path, name: str, change: Callable[[bytes], bytes], way: int = zipfile.ZIP_STORED) -> Path:
    """The bundle with one member changed, as somebody without the key would do it."""
    with zipfile.ZipFile(path) as bundle:
        members = {entry: bundle.read(entry) for entry in bundle.namelist()}
    members[name] = change(members[name])
    with zipfile.ZipFile(path, "w", way) as bundle:
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


def with_a_directory(name: str, change: Callable[[bytes], bytes]) -> bytes:
    """A ZIP of an empty member, whose directory's only entry is changed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as whole:
        whole.writestr(name, b"")
    plain = packed.getvalue()
    begin, end = plain.index(b"PK\1\2"), plain.index(b"PK\5\6")
    directory = change(plain[begin:end])
    size = struct.pack("<L", len(directory))
    return plain[:begin] + directory + plain[end : end + 12] + size + plain[end + 16 :]


def test_a_bundle_that_nobody_signed_takes_no_memory_by_its_directory(bench: Bench) -> None:
    """70 MB of names took 562 MB: root's installer was killed, each minute anew, and reached nothing that waited."""
    path = bench.put("x.update", with_a_directory("x", lambda entry: entry * 30_000))
    tracemalloc.start()
    try:
        with pytest.raises(UpdateError, match="its directory is too large"):
            read_signed(path, [])
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**20
    finally:
        tracemalloc.stop()


def test_a_name_in_a_bundle_that_nobody_signed_makes_no_long_sentence_for_each_health(bench: Bench) -> None:
    """65 kB that came once were 260 kB each minute on a metered line."""

    def other_name(entry: bytes) -> bytes:
        return entry[:28] + struct.pack("<H", len(SIGNED)) + entry[30:46] + SIGNED.encode()

    path = bench.put("x.update", with_a_directory("x" * 60_000, other_name))
    with pytest.raises(UpdateError, match="is no whole bundle") as refused:
        read_signed(path, [])
    assert len(str(refused.value).removeprefix(str(path))) < 300


def test_a_bundle_with_an_offset_beyond_every_file_is_refused(bench: Bench) -> None:
    """A fault would end root's installer, each minute anew, before it reached what waits behind."""

    def far_off(entry: bytes) -> bytes:
        offset = struct.pack("<HHQ", 1, 8, 2**64 - 1)  # of ZIP64, in the entry's extra field
        return entry[:30] + struct.pack("<H", len(offset)) + entry[32:42] + b"\xff" * 4 + entry[46:] + offset

    path = bench.put("x.update", with_a_directory(SIGNED, far_off))
    with pytest.raises(UpdateError, match="is no whole bundle"):
        read_signed(path, [])


def repacked(path: Path, way: int) -> Path:
    return rewritten(path, SIGNED, bytes, way)


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_would_unpack_into_memory_without_a_bound_is_refused_whoever_signed_it(bench: Bench, way: int) -> None:
    with pytest.raises(UpdateError, match="neither stored nor deflated"):
        read_signed(repacked(put(bench), way), trusted_keys(bench.places.keys))


def test_a_bundle_may_be_deflated(bench: Bench) -> None:
    path = repacked(put(bench), zipfile.ZIP_DEFLATED)
    unpack(path, read_signed(path, trusted_keys(bench.places.keys)), bench.folder / "out")
    assert (bench.folder / "out/requirements.lock").read_bytes() == FILES["requirements.lock"]


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
