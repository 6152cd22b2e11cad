"""Fieldeye's node: from a camera frame to a record on the broker and a sentence on the page."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("fieldeye")
except PackageNotFoundError:  # run from a folder that was never installed
    __version__ = "0+unknown"
