"""What stands in an ONNX file beside its network, read without a session and without the `onnx` package."""

from collections.abc import Iterator

METADATA_KEY = "fieldeye"


def metadata_of(model: bytes) -> bytes:
    """The JSON under `fieldeye` in an ONNX file's metadata_props. Raises ValueError.

    Field numbers are those of onnx.proto (github.com/onnx/onnx): ModelProto.metadata_props = 14, whose entries hold
    key = 1 and value = 2.
    """
    for number, entry in _fields(memoryview(model)):
        pair = {key: bytes(value) for key, value in _fields(entry)} if number == 14 else {}
        if pair.get(1) == METADATA_KEY.encode():
            return pair.get(2, b"")
    raise ValueError(f"no metadata {METADATA_KEY!r}")


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and bytes of each field of a protobuf message (protobuf.dev/programming-guides/encoding)."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire_type = key >> 3, key & 7
        if wire_type == 2:
            length, at = _varint(message, at)
        elif wire_type == 0:
            length = _varint(message, at)[1] - at
        elif wire_type in {1, 5}:
            length = 8 if wire_type == 1 else 4
        else:
            raise ValueError("not an ONNX file")
        if at + length > len(message):
            raise ValueError("the file ends too early")
        yield number, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number that starts at `at`, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("the file ends too early")
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("not an ONNX file")
