"""What each model can tell is kept beside the records, and a model of which nothing is kept tells everything."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from edge.config import StoreTable
from edge.label_sets import KEPT, SETTING, can_tell, load, remember, with_counted
from edge.store import Store
from tests.records import count, interval


def store_in(folder: Path) -> Store:
    return Store(StoreTable(folder=str(folder)), "n")


def test_what_a_model_can_tell_outlives_the_start_that_ran_it(tmp_path: Path) -> None:
    with closing(store_in(tmp_path)) as store:
        remember(store, "pests@1", ["Pieris"])
        remember(store, "cards@1", ["Insecta"])
    with closing(store_in(tmp_path)) as store:
        kept = load(store)
    assert [can_tell(kept, model, "Pieris") for model in ("pests@1", "cards@1")] == [True, False]


def test_a_model_of_which_nothing_is_kept_is_taken_to_tell_everything(tmp_path: Path) -> None:
    with closing(store_in(tmp_path)) as store:
        remember(store, "cards@1", ["Insecta"])
        assert can_tell(load(store), "cards@0", "Pieris")


def test_a_model_that_tells_life_stages_tells_the_name_too(tmp_path: Path) -> None:
    with closing(store_in(tmp_path)) as store:
        remember(store, "stages@1", ["Pieris (larva)"])
        kept = load(store)
    told = {label: can_tell(kept, "stages@1", label) for label in ("Pieris", "Pieris (larva)", "Pieris (adult)")}
    assert told == {"Pieris": True, "Pieris (larva)": True, "Pieris (adult)": False}


def test_a_version_that_comes_with_other_labels_is_taken_to_tell_both(tmp_path: Path) -> None:
    with closing(store_in(tmp_path)) as store:
        remember(store, "own@1", ["Pieris"])
        remember(store, "own@1", ["Insecta"])
        assert load(store) == {"own@1": {"Pieris", "Insecta"}}


def test_what_a_model_counted_it_could_tell_with_its_life_stage() -> None:
    larva = replace(count(("Pieris", "1PIERG"), 2), stage="larva")
    counted = interval(model="stages@1", counts=(larva,))
    told = with_counted({"stages@1": frozenset({"Insecta"})}, [counted])
    assert told == {"stages@1": {"Insecta", "Pieris", "Pieris (larva)"}}


def test_only_the_models_that_ran_last_are_kept(tmp_path: Path) -> None:
    with closing(store_in(tmp_path)) as store:
        for number in range(KEPT + 2):
            remember(store, f"pests@{number}", ["Pieris"])
        assert list(load(store)) == [f"pests@{number}" for number in range(2, KEPT + 2)]


@pytest.mark.parametrize("content", ["", "[]", '{"pests@1": "Pieris"}', "{"])
def test_what_cannot_be_read_is_begun_anew(content: str, tmp_path: Path) -> None:
    with closing(store_in(tmp_path)) as store:
        store.set_setting(SETTING, content)
        assert load(store) == {}
        remember(store, "pests@1", ["Pieris"])
        assert not can_tell(load(store), "pests@1", "Insecta")


def test_a_store_that_takes_nothing_is_one_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = store_in(tmp_path)
    store.close()
    remember(store, "pests@1", ["Pieris"])
    assert [line.message for line in caplog.records] == ["labels_not_kept"]
