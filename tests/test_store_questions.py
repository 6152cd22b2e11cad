"""Photographs that people ask the station about: kept until sent, answered once, never more than fit."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest

from edge.clock import ClockState
from edge.errors import StoreError
from edge.loop.commits import put_times_right
from edge.store import MOST_NAME_LETTERS, MOST_NOTE_LETTERS, Answer, Question, Store
from edge.store import questions as kept
from edge.wire import MAX_PHOTO_BYTES
from tests.clocks import NOON, SetClock
from tests.records import instant
from tests.test_store import open_store, put_in_the_way
from tests.waiting import wait_until

PHOTO = b"\xff\xd8 a photograph \xff\xd9"
ANSWER = Answer(
    utc=NOON, who="Station Linz", text="Thrips: look below the leaves.", label="Thysanoptera", eppo="1THYSO"
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as opened:
        yield opened


def ask(store: Store, note: str = "on the lower leaves", photo: bytes = PHOTO) -> Question:
    return store.ask_station(instant(), photo, who="Ana", note=note, guess="Thripidae", eppo="1THRIF")


def test_a_question_is_kept_with_all_that_was_told(store: Store) -> None:
    asked = ask(store)
    assert asked == Question(
        id=f"{store.epoch.hex[:8]}-q1", at=instant(), who="Ana", note="on the lower leaves", guess="Thripidae",
        eppo="1THRIF", size_bytes=len(PHOTO), is_sent=False, answer=None,
    )  # fmt: skip
    assert store.questions() == [asked]
    assert store.question(asked.id) == asked
    assert store.question_photo(asked.id) == PHOTO


def test_questions_leave_oldest_first_and_stay_to_be_read_newest_first(store: Store) -> None:
    first, second = ask(store, "first"), ask(store, "second")
    assert store.next_question() == (first, PHOTO)
    store.mark_question_sent(first.id)
    assert store.next_question() == (second, PHOTO)
    assert [(one.note, one.is_sent) for one in store.questions()] == [("second", False), ("first", True)]
    assert store.health().questions == 1


def test_questions_and_answers_survive_a_restart(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        answered, waiting = ask(store), ask(store)
        assert store.answer_question(answered.id, ANSWER)
    with closing(open_store(tmp_path)) as store:
        assert [one.answer for one in store.questions()] == [None, ANSWER]
        assert store.next_question() == (waiting, PHOTO)
        assert store.question_photo(waiting.id) == PHOTO


def test_a_later_answer_takes_the_place_of_an_earlier_one(store: Store) -> None:
    asked = ask(store)
    store.answer_question(asked.id, ANSWER)
    later = Answer(utc=NOON + timedelta(hours=1), who="Station Linz", text="Not thrips after all.")
    assert store.answer_question(asked.id, later)
    assert [one.answer for one in store.questions()] == [later]


def test_an_answer_to_what_is_not_kept_is_not_taken(store: Store) -> None:
    assert not store.answer_question("00000000-q1", ANSWER)
    assert store.question("00000000-q1") is None
    assert store.question_photo("../fieldeye") is None


@pytest.mark.parametrize(
    ("photo", "texts", "said"),
    [
        (b"GIF89a", {}, "JPEG"),
        (PHOTO[:-2], {}, "JPEG"),
        (PHOTO[2:], {}, "JPEG"),
        (b"\xff\xd8" + bytes(MAX_PHOTO_BYTES) + b"\xff\xd9", {}, "512 KiB"),
        (PHOTO, {"note": "x" * (MOST_NOTE_LETTERS + 1)}, "note: at most 500"),
        (PHOTO, {"who": "x" * (MOST_NAME_LETTERS + 1)}, "who: at most 80"),
        (PHOTO, {"note": "a\0b"}, "note"),
    ],
)
def test_what_a_question_cannot_carry_is_refused_with_the_reason(
    store: Store, photo: bytes, texts: dict[str, str], said: str
) -> None:
    with pytest.raises(StoreError, match=said):
        store.ask_station(instant(), photo, **texts)
    assert store.questions() == []


def test_the_most_that_a_question_may_carry_is_kept_whole(store: Store) -> None:
    photo = b"\xff\xd8" + bytes(MAX_PHOTO_BYTES - 4) + b"\xff\xd9"
    note, name = "x" * MOST_NOTE_LETTERS, "y" * MOST_NAME_LETTERS
    asked = store.ask_station(instant(), photo, who=name, note=note, guess=name, eppo=name)
    assert store.question(asked.id) == asked
    assert (asked.note, asked.who, store.question_photo(asked.id)) == (note, name, photo)


def test_a_new_question_takes_the_place_of_one_that_was_answered_and_never_of_one_that_waits(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT_QUESTIONS", 3)
    monkeypatch.setattr(kept, "KEPT_BYTES", 3 * len(PHOTO))
    first, second, third = ask(store), ask(store), ask(store)
    with pytest.raises(StoreError, match="wait for the station"):
        ask(store)
    store.mark_question_sent(first.id)
    store.answer_question(second.id, ANSWER)
    ask(store)
    assert [one.id[-2:] for one in store.questions()] == ["q4", "q3", "q1"]
    assert store.question_photo(second.id) is None
    assert len(list((tmp_path / "questions").iterdir())) == 3
    assert third.id == store.questions()[1].id


def test_an_answer_that_has_just_come_outlives_old_questions_that_nobody_answered(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT_QUESTIONS", 2 * kept.SPARED_PART)
    old = [ask(store).id for _ in range(2 * kept.SPARED_PART)]
    for name in old:
        store.mark_question_sent(name)
    for hour, name in enumerate((old[2], old[1], old[0])):
        store.answer_question(name, replace(ANSWER, utc=NOON + timedelta(hours=hour)))
    asked = [ask(store).id, ask(store).id]
    assert [one.id for one in store.questions()] == [*reversed(asked), *reversed(old[4:]), old[1], old[0]]


def test_a_photograph_that_does_not_fit_beside_those_that_wait_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT_BYTES", 2 * len(PHOTO))
    ask(store)
    ask(store)
    with pytest.raises(StoreError, match="wait for the station"):
        ask(store)


def test_as_many_old_photographs_go_as_a_large_one_needs_and_their_questions_stay_to_be_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT_BYTES", 4 * len(PHOTO))
    with closing(open_store(tmp_path)) as store:
        first = ask(store)
        for asked in (first, ask(store), ask(store), ask(store)):
            store.mark_question_sent(asked.id)
        large = ask(store, photo=PHOTO[:2] + bytes(2 * len(PHOTO) - 4) + PHOTO[-2:])
        assert large.size_bytes == 2 * len(PHOTO)
    (tmp_path / "questions" / f"{first.id}.jpg").write_bytes(PHOTO)  # the power went before its file did
    with closing(open_store(tmp_path)) as store:
        assert [store.question_photo(one.id) is not None for one in store.questions()] == [True] * 3 + [False] * 2
        assert store.answer_question(first.id, ANSWER)


def test_a_question_of_a_boot_without_a_clock_gets_its_time_unless_it_is_on_its_way(store: Store) -> None:
    early = [store.ask_station(instant(n, ClockState.UNSYNCED), PHOTO) for n in range(3)]
    store.mark_question_sent(early[0].id)
    put_times_right(store, SetClock(state=ClockState.UNSYNCED))
    assert {one.at.state.value for one in store.questions()} == {"unsynced"}
    known = instant(86_400)
    fixed = store.correct_clock(known, without_question=early[1].id)
    assert fixed == 1
    assert [one.at.state.value for one in store.questions()] == ["corrected", "unsynced", "unsynced"]
    assert store.questions()[0].at.utc == instant(2).utc
    assert store.correct_clock(known) == 1


def test_photographs_without_a_question_go_and_questions_without_a_photograph_too(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        whole, bare, cut = ask(store), ask(store), ask(store)
        epoch = store.epoch.hex[:8]
    for stray in (f"{epoch}-q9.jpg", "00000000-q1.jpg", "holiday.jpg"):
        (tmp_path / "questions" / stray).write_bytes(b"?")
    (tmp_path / "questions" / f"{bare.id}.jpg").unlink()
    (tmp_path / "questions" / f"{cut.id}.jpg").write_bytes(PHOTO[:9])
    with closing(open_store(tmp_path)) as store:
        assert [one.id for one in store.questions()] == [whole.id]
    assert sorted(path.name for path in (tmp_path / "questions").iterdir()) == sorted(
        [f"{whole.id}.jpg", "00000000-q1.jpg", "holiday.jpg"]
    )


def test_a_photograph_that_the_card_does_not_give_up_keeps_none_from_the_station_and_costs_no_start(
    tmp_path: Path,
) -> None:
    with closing(open_store(tmp_path)) as store:
        unread, next_ = ask(store), ask(store)
        put_in_the_way(tmp_path / "questions" / f"{unread.id}.jpg")
        assert store.next_question() == (next_, PHOTO)
    with closing(open_store(tmp_path)) as store:
        assert store.questions() == [next_]


def test_a_question_whose_photograph_a_card_does_not_give_at_one_start_is_there_at_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_store(tmp_path)) as store:
        asked = ask(store)
    stat = Path.stat

    def fail(path: Path, **how: bool) -> os.stat_result:
        if path.stem == asked.id:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return stat(path, **how)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", fail)
        open_store(tmp_path).close()
    with closing(open_store(tmp_path)) as store:
        assert store.next_question() == (asked, PHOTO)


def test_an_id_is_not_used_again_after_its_question_went(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT_QUESTIONS", 1)
    for expected in ("q1", "q2", "q3"):
        asked = ask(store)
        assert asked.id.endswith(expected)
        store.mark_question_sent(asked.id)


def test_of_a_deleted_question_no_letter_is_left_on_the_card_and_its_number_is_not_used_again(tmp_path: Path) -> None:
    secret = "Li Na, third house " * 26  # more than a page of the file holds
    with closing(open_store(tmp_path)) as store:
        others, mine = [ask(store).id], ask(store, secret, PHOTO[:2] + secret.encode() + PHOTO[-2:])
        store.answer_question(mine.id, replace(ANSWER, text=secret))
        store.health()  # whoever reads leaves the log as it is
        assert holding(tmp_path, secret)
        assert store.delete_question(mine.id)
        assert not store.delete_question(mine.id)
        assert not store.answer_question(mine.id, ANSWER)
        assert not store.delete_question("../fieldeye")
        assert holding(tmp_path, secret) == []
        others.append(ask(store).id)
        assert [one[-2:] for one in others] == ["q1", "q3"]
    with closing(open_store(tmp_path)) as store:
        assert [one.id for one in store.questions()] == others[::-1]


def test_a_deletion_beside_whoever_reads_on_and_on_holds_up_no_writer_and_the_next_one_empties_the_log(
    tmp_path: Path,
) -> None:
    secret, file = "Li Na, third house", tmp_path / "fieldeye.db"
    with (
        closing(open_store(tmp_path)) as store,
        closing(sqlite3.connect(file, isolation_level=None)) as reader,
        closing(sqlite3.connect(file, timeout=6, isolation_level=None)) as writer,
    ):
        mine, other = ask(store, secret), ask(store)
        reader.execute("BEGIN")
        reader.execute("SELECT note FROM question").fetchall()
        deleting = Thread(target=store.delete_question, args=[mine.id])
        deleting.start()
        wait_until(lambda: store.question(mine.id) is None, within_s=5)
        writer.execute("BEGIN IMMEDIATE")  # raises after its timeout
        writer.execute("ROLLBACK")
        deleting.join()
        assert holding(tmp_path, secret)
        reader.execute("ROLLBACK")
        assert store.delete_question(other.id)
        assert holding(tmp_path, secret) == []


def holding(folder: Path, text: str) -> list[str]:
    """Names of the files in which some of it stands."""
    return [path.name for path in folder.rglob("*") if path.is_file() and text[:19].encode() in path.read_bytes()]


def test_what_a_card_fails_to_delete_of_a_question_can_be_tried_again_and_half_of_it_goes_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with closing(open_store(tmp_path)) as store:
        whole, half = ask(store), ask(store)
        photo = tmp_path / "questions" / f"{whole.id}.jpg"
        put_in_the_way(photo)
        with pytest.raises(StoreError, match="cannot delete the question"):
            store.delete_question(whole.id)
        photo.rmdir()
        photo.write_bytes(PHOTO)
        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", fail)
            with pytest.raises(StoreError, match="replace the memory card"):
                store.delete_question(half.id)
        assert store.questions() == [half, whole]
    with closing(open_store(tmp_path)) as store:
        assert store.questions() == [whole]
        assert store.delete_question(whole.id)
        assert list(photo.parent.iterdir()) == []


def test_questions_leave_the_numbers_of_records_alone(store: Store) -> None:
    ask(store)
    assert store.health().last_seq is None
    assert (store.waiting().records, store.health().questions) == (0, 1)
