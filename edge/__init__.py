"""Fieldeye's node: from a camera frame to a record on the broker and a sentence on the page."""

import os

# Read when onnxruntime is imported: a node tells Microsoft nothing. Switching its reports off later comes too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__: str


def __getattr__(name: str) -> str:
    """`__version__` once it is asked for: what finds it out takes long to load, and Ctrl-C then is to be heeded."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  only then

    try:
        return version("fieldeye")
    except PackageNotFoundError:  # run from a folder that was never installed
        return "0+unknown"
