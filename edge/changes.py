"""What a technician changed on the page, on top of node.toml: only the keys that were changed, in a file of their own.

node.toml belongs to whoever provisioned the node, and the service cannot write it. A key that was changed on the page
wins until it is undone; a change that no longer fits is left out as a whole, and the node says so.
"""

import copy
import json
import logging
import tomllib
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from edge.config import NodeConfig, checked, load_config
from edge.durable import version_of, write_durably
from edge.errors import ConfigError, StoreError, to_read

log = logging.getLogger(__name__)

NAME, BEFORE = "changes.json", "changes.before.json"
Table = dict[str, dict[str, Any]]  # table -> key -> value, as in node.toml
_one_at_a_time = Lock()  # who reads before another one has written would write over it


def load_changed(path: Path) -> tuple[NodeConfig, str]:
    """node.toml with what was changed on the page, and why the latter was left out, if it was. Raises ConfigError."""
    base = load_config(path)
    file = Path(base.store.folder) / NAME
    try:
        changes = read(Path(base.store.folder))
        return checked(over(tomllib.loads(path.read_text("utf-8-sig")), changes), str(file)), ""
    except ConfigError as why:
        log.error("changes_refused", extra={"why": str(why)})  # noqa: TRY400  the sentence says all
        return base, str(why)


def read(folder: Path) -> Table:
    """What is changed now; nothing if nothing was. Raises ConfigError for a file that is none of ours."""
    return _read(folder / NAME)


def set_on_page(path: Path) -> list[str]:
    """What of node.toml at `path` does not hold, as the page's changes win: a sentence a key. Raises ConfigError."""
    base = load_config(path)
    table = msgspec.json.decode(msgspec.json.encode(base))  # lists as the page's file has them
    return [
        f"{name}.{key} {_shown(value)} was set on the page, {path.name} says {_shown(was)}"
        for name, keys in read(Path(base.store.folder)).items()
        for key, value in keys.items()
        if value != (was := (table.get(name) or {}).get(key))
    ]


def keep(folder: Path, config: NodeConfig, values: Table) -> NodeConfig:
    """Add `values` to the changes of `config`, durably; the former file is kept for `undo`. The new configuration.

    Raises ConfigError where a value cannot be used, and StoreError where the card does not take it.
    """
    changed = checked(over(msgspec.to_builtins(config), values), "settings")
    with _one_at_a_time:
        before = read(folder)
        after = over(before, values)
        if after != before:  # else it is sent again, and what held before it stays the way back
            _write(folder / BEFORE, before)
            _write(folder / NAME, after)
    return changed


def undo(folder: Path, last: str) -> bool:
    """Go back to what held before the last change, and to the change by another undo.

    `last`: that change, by `last_change` as it was shown. False if it is not the last one any more, or there is none.
    Raises StoreError.
    """
    with _one_at_a_time:  # of two taps while the card keeps the first one waiting, the second undoes nothing
        if not last or last != last_change(folder):
            return False
        now, before = read(folder), _read(folder / BEFORE)
        _write(folder / NAME, before)
        _write(folder / BEFORE, now)
        return True


def last_change(folder: Path) -> str:
    """A name for what `undo` would take back: another one after each change and each undo."""
    return version_of(folder / NAME) if (folder / BEFORE).exists() else ""


def over(table: dict[str, Any], values: Table) -> dict[str, Any]:
    """`table` with `values` in it; a table that was None is begun."""
    merged = copy.deepcopy(table)
    for name, keys in values.items():
        merged[name] = {**(merged.get(name) or {}), **keys}
    return merged


def _shown(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "nothing" if value in (None, []) else json.dumps(value, ensure_ascii=False)


def _read(file: Path) -> Table:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Table)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as why:  # msgspec's errors, letters that are none, nesting without end
        reason, then = getattr(why, "strerror", why), to_read(why, "remove it, and set on the page what it held")
        raise ConfigError(f"{file}: cannot be read ({reason}); {then}") from why


def _write(file: Path, changes: Table) -> None:
    try:
        write_durably(file, msgspec.json.encode(changes))
    except OSError as why:
        raise StoreError(f"{file}: cannot be written ({why.strerror}); free some space and change it again") from why
