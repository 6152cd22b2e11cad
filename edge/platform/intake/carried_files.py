"""Files of `fieldeye export` into the database."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.errors import WireError
from edge.platform.database import Database
from edge.platform.decode import Message
from edge.platform.intake.database_intake import Intake, Kept
from edge.platform.intake.leader import roll_up
from edge.platform.intake.registry import Registry
from edge.platform.ledger.ingest import carried_lines
from edge.wire import read_carried

_LINES = 100


def keep_files(paths: Sequence[Path], database: Database, spoiled: list[Path]) -> Iterator[Kept]:
    """Yields what became of each hundred lines; a line that cannot be read is set aside. Raises StoreError.

    Notes in `spoiled` the files with lines that were set aside and not one record.
    """
    intake = Intake(database)
    registry = Registry(intake)
    for path in paths:
        messages, of_file = [_message(path, line) for line in carried_lines(path)], Kept()
        for first in range(0, len(messages), _LINES):
            part = messages[first : first + _LINES]
            kept = intake.keep(part)
            of_file += kept
            yield kept + Kept(set_aside=registry.note(part, are_carried=True))
        if of_file.set_aside and not of_file.new + of_file.repeated:
            spoiled.append(path)
    while roll_up(database):
        pass


def _message(path: Path, line: bytes) -> Message:
    try:
        carried = read_carried(line)
    except WireError:
        return Message(str(path), line)  # no topic of the contract: goes to quarantine with its bytes
    return Message(carried.topic, carried.payload, properties=carried.properties)
