"""Text that other people's programs wrote: Windows puts a mark before UTF-8."""

from pathlib import Path

from edge.errors import ConfigError


def text_of(path: Path) -> str:
    """What is written in the file. Raises ConfigError for another encoding than UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as why:
        raise ConfigError(f"{path}: byte {why.start} is no UTF-8; save the file as UTF-8") from why
