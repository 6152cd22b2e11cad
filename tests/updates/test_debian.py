"""How long no security updates of Debian came, by what apt leaves behind."""

from datetime import timedelta
from pathlib import Path

import pytest

from edge.updates import debian
from edge.updates.debian import security_updates
from tests.clocks import NOON
from tests.updates.debian import LIST, put_apt


@pytest.mark.parametrize(
    ("since", "listed", "ran", "days"),
    [
        (400, 3, 0, 3),
        (400, 63, 0, 63),  # a node that reaches its broker alone: apt goes through its old list night after night
        (400, 0, 63, 63),
        (400, 90, 63, 90),
        (400, 0, None, 400),
        (1, None, None, 1),
        (63, None, 0, 63),
        (1, 63, None, 63),
    ],
)
def test_a_run_by_an_old_list_brings_nothing_and_a_list_without_a_run_neither(
    since: int, listed: int | None, ran: int | None, days: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_apt(tmp_path, NOON, monkeypatch, since=since, listed=listed, ran=ran)
    found = security_updates()
    assert found is not None
    assert found.days_without(NOON) == days


def test_a_clock_that_was_set_back_makes_no_days_of_less_than_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_apt(tmp_path, NOON, monkeypatch, since=400, listed=1, ran=1)
    found = security_updates()
    assert found is not None
    assert found.days_without(NOON - timedelta(days=90)) == 0


def test_a_fleet_that_switched_them_off_and_a_machine_that_is_no_node_have_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_apt(tmp_path, NOON, monkeypatch, security="0", since=400, listed=90, ran=90)
    assert security_updates() is None
    put_apt(tmp_path / "pc", NOON, monkeypatch, listed=90, ran=90)
    assert security_updates() is None


@pytest.mark.parametrize("path", [debian.SWITCH, LIST, debian.RUN])
def test_a_card_that_fails_takes_neither_page_nor_doctor_away(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_apt(tmp_path, NOON, monkeypatch, since=400, listed=0, ran=0)
    (tmp_path / path).unlink()
    (tmp_path / path).symlink_to(path.rpartition("/")[2])  # a loop: any question about it is an OSError
    found = security_updates()
    assert (found is None) == (path == debian.SWITCH)
