"""One event a line: JSON under systemd, readable on a terminal. Events are past-tense names with pairs in `extra`."""

import json
import logging
import os
import sys
from datetime import UTC, datetime

from edge.errors import one_line

_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


class Readable(logging.Formatter):
    """`12:30:05 broker_link_changed was=lost now=connected`"""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback of a fault after it."""
        when = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        pairs = " ".join(f"{name}={value}" for name, value in pairs_of(record).items())
        fault = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return one_line(f"{when} {record.getMessage()} {pairs}".rstrip()) + fault


class JsonLines(logging.Formatter):
    """One JSON object a line; journald adds the time, but a copied log needs its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Event, level, UTC and the pairs."""
        line: dict[str, object] = {
            "utc": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **pairs_of(record),
        }
        if record.exc_info:
            line["fault"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def pairs_of(record: logging.LogRecord) -> dict[str, object]:
    """What was given as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def hush_opencv() -> None:
    """Its own lines, and FFmpeg's, on a broken picture or video say again what an error says; read when it is imported.

    Whoever wants them sets OPENCV_LOG_LEVEL and OPENCV_FFMPEG_LOGLEVEL.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "FATAL")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET


def set_up_logs(level: int) -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if "INVOCATION_ID" in os.environ else Readable())  # set by systemd
    logging.basicConfig(level=level, handlers=[handler], force=True)
