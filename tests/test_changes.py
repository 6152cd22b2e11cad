"""What was changed on the page, on top of node.toml."""

import errno
import os
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest

from edge.changes import NAME, keep, last_change, load_changed, read, set_on_page, undo
from edge.durable import write_durably
from edge.errors import ConfigError, StoreError
from tests.faults.small_disk import left_by_a_power_cut
from tests.slow_card import both


@pytest.fixture
def node_toml(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    path.write_text(f'[node]\nsite = "s"\nnode = "n"\n[camera]\nkind = "folder"\n[store]\nfolder = "{tmp_path}"\n')
    return path


def every_s(node_toml: Path) -> float:
    return load_changed(node_toml)[0].camera.every_s


def test_without_changes_the_file_holds(node_toml: Path) -> None:
    assert load_changed(node_toml) == (load_changed(node_toml)[0], "")
    assert every_s(node_toml) == 60


def test_a_change_wins_over_the_file_and_leaves_all_else_to_it(node_toml: Path) -> None:
    config, _ = load_changed(node_toml)
    changed = keep(node_toml.parent, config, {"camera": {"every_s": 30}})
    assert changed.camera.every_s == 30
    node_toml.write_text(node_toml.read_text().replace('site = "s"', 'site = "other"'))
    found, refused = load_changed(node_toml)
    assert (found.camera.every_s, found.node.site, refused) == (30, "other", "")


def test_what_windows_puts_before_the_file_is_in_no_changes_way(node_toml: Path) -> None:
    keep(node_toml.parent, load_changed(node_toml)[0], {"camera": {"every_s": 30}})
    node_toml.write_bytes(b"\xef\xbb\xbf" + node_toml.read_bytes())
    assert every_s(node_toml) == 30


def test_each_key_that_node_toml_says_otherwise_than_the_page_is_told(node_toml: Path) -> None:
    values = {"camera": {"every_s": 30.5, "mode": "trap"}, "node": {"crop": "水稻"}, "page": {"open_to_read": False}}
    values["mqtt"] = {"host": "broker.example"}
    keep(node_toml.parent, load_changed(node_toml)[0], values)
    told = node_toml.read_text().replace('"folder"\n', '"folder"\nmode = "trap"\nevery_s = 9\n')
    node_toml.write_text(told)
    assert set_on_page(node_toml) == [
        "camera.every_s 30.5 was set on the page, node.toml says 9",
        'node.crop "水稻" was set on the page, node.toml says nothing',
        "page.open_to_read false was set on the page, node.toml says true",
        'mqtt.host "broker.example" was set on the page, node.toml says nothing',
    ]


def test_two_who_write_one_file_at_once_both_get_it_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one name for what lies beside it."""
    file = tmp_path / "x"
    synced = both(monkeypatch, lambda: write_durably(file, b"first"), lambda: write_durably(file, b"second"))
    assert synced == [b"first", b"second"]
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("x", b"second")]


def test_a_file_that_is_kept_again_and_again_holds_none_open(tmp_path: Path) -> None:
    """A process has 1024: after so many changes of settings a node would not see, send or answer any more."""
    write_durably(tmp_path / "x", b"kept")
    opened = (one.resolve() for one in Path("/proc/self/fd").iterdir())
    assert [one for one in opened if one.is_relative_to(tmp_path)] == []


def test_who_writes_elsewhere_waits_for_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop, which asks for the end in /run, beside somebody who saves settings."""
    waits, goes_on = Event(), Event()

    def fsync(file: int) -> None:
        if Path(f"/proc/self/fd/{file}").readlink().name == "card.new":
            waits.set()
            assert goes_on.wait(10)

    monkeypatch.setattr("os.fsync", fsync)
    with ThreadPoolExecutor(1) as page:
        saved = page.submit(write_durably, tmp_path / "card", b"settings")
        assert waits.wait(20)
        write_durably(tmp_path / "halt", b"at once")
        goes_on.set()
        saved.result(20)


def test_of_two_who_change_settings_at_once_the_second_goes_on_from_what_the_first_has_kept(
    node_toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, config = node_toml.parent, load_changed(node_toml)[0]
    pause, mode = ({"camera": {"every_s": 30}}, {"camera": {"mode": "trap"}})
    both(monkeypatch, lambda: keep(folder, config, pause), lambda: keep(folder, config, mode))
    assert read(folder) == {"camera": {"every_s": 30, "mode": "trap"}}


@pytest.mark.parametrize("first", ["undo", "keep"])
def test_an_undo_that_was_shown_before_somebody_else_had_to_wait_for_the_card_undoes_nothing_more(
    first: str, node_toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a second tap, or on another phone."""
    folder, config = node_toml.parent, load_changed(node_toml)[0]
    for pause_s in (30, 20):
        keep(folder, config, {"camera": {"every_s": pause_s}})
    shown = last_change(folder)
    does = {"undo": lambda: undo(folder, shown), "keep": lambda: keep(folder, config, {"camera": {"every_s": 10}})}
    both(monkeypatch, does[first], lambda: undo(folder, shown))
    assert read(folder) == {"camera": {"every_s": {"undo": 30, "keep": 10}[first]}}


def test_a_change_is_on_the_card_before_it_takes_the_former_ones_place(
    node_toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut may leave an empty file under the name."""
    synced: list[tuple[str, bytes, bool]] = []

    def note(number: int) -> None:
        beside = Path(f"/proc/self/fd/{number}").readlink()
        if beside.is_dir():  # afterwards
            return
        synced.append((beside.name, beside.read_bytes(), (node_toml.parent / NAME).exists()))

    monkeypatch.setattr("os.fsync", note)
    keep(node_toml.parent, load_changed(node_toml)[0], {"camera": {"every_s": 30}})
    assert synced[-1] == (f"{NAME}.new", b'{"camera":{"every_s":30}}', False)


SAVED = """
import os
from pathlib import Path
from edge.cli.exporting import sync, whole
from edge.durable import write_durably
file = Path(os.environ["DISK"], "kept")
file.write_text("as before")
for place in (file, file.parent):
    os.fsync(os.open(place, os.O_RDONLY))
"""
BY_THE_PAGE = 'write_durably(file, b"as set")'
BY_AN_EXPORT = """
with whole(file) as beside, beside.open("wb") as written:
    written.write(b"as set")
    sync(written)
"""


@pytest.mark.parametrize("saving", [BY_THE_PAGE, BY_AN_EXPORT], ids=["settings", "an export"])
def test_what_was_saved_outlives_a_power_cut_a_moment_later_on_a_card_that_writes_its_journal_each_half_hour(
    saving: str,
) -> None:
    """A technician set the camera, closed the box and pulled the plug: the node woke with the former settings."""
    unit = Path("firmware_config/card/system/etc/systemd/system/fieldeye-card.service").read_text()
    (options,) = re.findall(r"^ExecStart=mount -o remount,(\S+) /$", unit, flags=re.MULTILINE)
    assert left_by_a_power_cut(options, "-c", SAVED + saving) == "as set"


@pytest.mark.parametrize("code", [errno.EIO, errno.EINVAL], ids=["a dying card", "a share"])
def test_a_change_whose_name_a_dying_card_does_not_write_is_not_told_as_saved(
    node_toml: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fsync(number: int) -> None:
        if Path(f"/proc/self/fd/{number}").is_dir():
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr("os.fsync", fsync)
    refused = pytest.raises(StoreError, match="cannot be written") if code == errno.EIO else nullcontext()
    with refused:
        keep(node_toml.parent, load_changed(node_toml)[0], {"camera": {"every_s": 30}})
    assert bool(read(node_toml.parent)) == (code == errno.EINVAL)


def test_a_file_that_cannot_take_its_place_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (taken := tmp_path / "taken" / "by a folder").mkdir(parents=True)
    with pytest.raises(OSError, match=f"'{taken.parent}'"):
        write_durably(taken.parent, b"new")
    assert [*tmp_path.iterdir()] == [taken.parent]


def test_a_second_change_keeps_the_first(node_toml: Path) -> None:
    config, _ = load_changed(node_toml)
    keep(node_toml.parent, config, {"camera": {"every_s": 30}})
    keep(node_toml.parent, load_changed(node_toml)[0], {"camera": {"mode": "trap"}, "node": {"crop": "rice"}})
    found, _ = load_changed(node_toml)
    assert (found.camera.every_s, found.camera.mode, found.node.crop) == (30, "trap", "rice")


def test_an_undo_goes_back_and_another_one_forth(node_toml: Path) -> None:
    config, _ = load_changed(node_toml)
    keep(node_toml.parent, config, {"camera": {"every_s": 30}})
    keep(node_toml.parent, config, {"camera": {"every_s": 20}})
    seen = []
    for _ in range(3):
        assert undo(node_toml.parent, last_change(node_toml.parent))
        seen.append(every_s(node_toml))
    assert seen == [30, 20, 30]


def test_each_change_and_each_undo_has_a_name_of_its_own(node_toml: Path) -> None:
    config, names = load_changed(node_toml)[0], [last_change(node_toml.parent)]
    assert not undo(node_toml.parent, names[0])  # there is none yet
    for _ in range(3):
        keep(node_toml.parent, config, {"camera": {"every_s": 30}})
        names.append(last_change(node_toml.parent))
        undo(node_toml.parent, last_change(node_toml.parent))
        names.append(last_change(node_toml.parent))
    assert names[0] == last_change(node_toml.parent / "nowhere") == ""
    assert all(one != after for one, after in pairwise(names))


def test_a_change_that_is_sent_twice_is_still_undone_to_what_was_before_it(node_toml: Path) -> None:
    folder, config = node_toml.parent, load_changed(node_toml)[0]
    for pause_s in (30, 20, 20):
        keep(folder, config, {"camera": {"every_s": pause_s}})
    assert undo(folder, last_change(folder))
    assert read(folder) == {"camera": {"every_s": 30}}


@pytest.mark.parametrize(
    "values",
    [
        {"camera": {"every_s": -1}},
        {"camera": {"evry_s": 3}},
        {"node": {"time_zone": "Mars/Olympus"}},
        {"node": {"latitude": 3.0}},
        {"mqtt": {"host": "broker.example", "tls": False}},
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(
    values: dict[str, dict[str, object]], node_toml: Path
) -> None:
    config, _ = load_changed(node_toml)
    with pytest.raises(ConfigError):
        keep(node_toml.parent, config, values)
    assert not (node_toml.parent / NAME).exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"camera": {"every_s": "often"}}',
        b'{"camera": {"x": 1}}',
        b'{"camera": {"every_s": null}}',
        b'{"node": {"crop": "\xf2ice"}}',  # one flipped bit
        b'{"node":' * 9999,
        None,  # a folder, or a block that the card no longer reads
    ],
)
def test_a_change_that_does_not_fit_is_left_out_and_said(content: bytes | None, node_toml: Path) -> None:
    file = node_toml.parent / NAME
    file.mkdir() if content is None else file.write_bytes(content)
    found, refused = load_changed(node_toml)
    assert found.camera.every_s == 60
    assert NAME in refused
