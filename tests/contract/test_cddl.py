"""What a node sends follows docs/contract/records.cddl, and the CDDL notices what is missing."""

import cbor2
import pytest
from hypothesis import given, settings

from edge.wire import Stored, encode_batch
from tests.contract.golden import BATCHES, CONTRACT, golden_bytes
from tests.records import batches, interval, stored

pycddl = pytest.importorskip("pycddl", reason="pycddl has no wheel for aarch64")
CDDL = pycddl.Schema((CONTRACT / "records.cddl").read_text())


@pytest.mark.parametrize("name", BATCHES)
def test_golden_bytes_follow_the_cddl(name: str) -> None:
    CDDL.validate_cbor(golden_bytes(name))


@settings(max_examples=60)
@given(batches())
def test_any_batch_follows_the_cddl(batch: list[Stored]) -> None:
    CDDL.validate_cbor(encode_batch(batch))


@pytest.mark.parametrize("key", [0, 1, 2, 3, 4, 9])
def test_the_cddl_misses_a_part_of_the_batch(key: int) -> None:
    batch = cbor2.loads(golden_bytes("intervals"))
    del batch[key]
    with pytest.raises(pycddl.ValidationError):
        CDDL.validate_cbor(cbor2.dumps(batch))


@pytest.mark.parametrize("key", [0, 1, 2, 5, 6, 7, 8, 9, 10, 11])
def test_the_cddl_misses_a_part_of_an_interval(key: int) -> None:
    batch = cbor2.loads(encode_batch(stored(interval())))
    del batch[9][0][key]
    with pytest.raises(pycddl.ValidationError):
        CDDL.validate_cbor(cbor2.dumps(batch))
