"""Fieldeye's node: from a camera frame to a record on the broker and a sentence on the page."""

import os
from importlib.metadata import PackageNotFoundError, version

# Read when onnxruntime is imported: a node tells Microsoft nothing. Switching its reports off later comes too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

try:
    __version__ = version("fieldeye")
except PackageNotFoundError:  # run from a folder that was never installed
    __version__ = "0+unknown"
