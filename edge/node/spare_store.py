"""The store on the card, or one in memory where that is of no use: the broker may still take what is counted."""

import logging
import os
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import msgspec

from edge.calibration import bring_calibration
from edge.config import NodeConfig
from edge.errors import StoreError, StoreHeldError, StoreNewerError, StoreOlderError
from edge.status import StatusBoard, StoreOf
from edge.store import Store, told_aside

log = logging.getLogger(__name__)

_OF: dict[type[StoreError], StoreOf] = {StoreNewerError: "newer", StoreOlderError: "older"}
SPARE_MB = 8  # of a store in memory, and as much of pictures: /run has 40 on a board of 512


def open_store(
    config: NodeConfig, parts: ExitStack, board: StatusBoard, *, unattended: bool
) -> tuple[NodeConfig, Store]:
    """The store, and the configuration with the folder where all else is kept.

    What is wrong with the one on the card is said on the board, and raised as StoreError where somebody is there.
    """
    try:
        store = parts.enter_context(closing(Store(config.store, config.node.node, config.node.site)))
    except StoreError as why:
        if isinstance(why, StoreHeldError) or not unattended:
            raise
        log.error("store_unusable", extra={"why": str(why)})  # noqa: TRY400  the sentence says all
        board.show(store=str(why), store_of=_OF.get(type(why), ""))
        return _in_memory(config, parts)
    board.show(aside=told_aside(Path(config.store.folder)))
    return config, store


def _in_memory(config: NodeConfig, parts: ExitStack) -> tuple[NodeConfig, Store]:
    card, folder = Path(config.store.folder), _spare_folder(parts)
    spare = msgspec.structs.replace(config.store, folder=str(folder), max_mb=SPARE_MB, pictures_mb=SPARE_MB)
    store = parts.enter_context(closing(Store(spare, config.node.node, config.node.site, accounts=card)))
    if _takes_files(card):  # calibration and a trap's insects stay on it
        return config, store
    bring_calibration(card, folder)
    return msgspec.structs.replace(config, store=spare), store


def _takes_files(folder: Path) -> bool:
    try:
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _spare_folder(parts: ExitStack) -> Path:
    """For a store in memory: systemd's below /run, since /tmp may lie on the card that takes nothing."""
    place = os.environ.get("RUNTIME_DIRECTORY") or None
    try:
        return Path(parts.enter_context(TemporaryDirectory(prefix="fieldeye-", dir=place)))
    except OSError as why:
        raise StoreError(
            f"no folder for a store in memory can be made ({why}); give this user one to write in (TMPDIR), "
            "or mend store.folder"
        ) from why
