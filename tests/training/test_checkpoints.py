import errno
import os
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path
from zipfile import ZipFile

import msgspec
import pytest
import torch

import training.train
from edge.errors import ConfigError
from tests.training.conftest import LABELS, room_for
from training.checkpoints import Checkpoint, alone_in, current_commit, load_checkpoint, save_checkpoint
from training.curves import draw_curves
from training.engine import DivergedError
from training.train import Learner, append_line, train

WRITER = """
import sys, torch
from pathlib import Path
from training.checkpoints import Checkpoint, save_checkpoint
for epoch in range(1, 1000):
    state = {"weight": torch.full((400_000,), float(epoch))}
    save_checkpoint(Path(sys.argv[1]), Checkpoint(epoch, state, state, {}, torch.get_rng_state(), {}, "none", 0.0, 0.0))
    print(epoch, flush=True)
"""


def checkpoint(**state):
    return Checkpoint(3, state, state, {}, torch.get_rng_state(), {"name": "tiny"}, "abc", 0.5, 12.0)


def test_a_checkpoint_is_read_back_as_it_was_saved(tmp_path):
    save_checkpoint(tmp_path / "last.pt", checkpoint(weight=torch.arange(4.0)))
    loaded = load_checkpoint(tmp_path / "last.pt")
    assert torch.equal(loaded.model["weight"], torch.arange(4.0))
    assert (loaded.epoch, loaded.config, loaded.commit) == (3, {"name": "tiny"}, "abc")


def test_a_checkpoint_in_which_the_disk_spoiled_a_weight_is_refused(tmp_path):
    save_checkpoint(tmp_path / "last.pt", checkpoint(weight=torch.arange(1000.0)))
    content = bytearray((tmp_path / "last.pt").read_bytes())
    at = content.index(torch.arange(1000.0).numpy().tobytes()) + 900
    content[at : at + 8] = bytes(8)
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(ConfigError, match=r"last\.pt: not a checkpoint, cut off or damaged; fetch it whole, or remove"):
        load_checkpoint(tmp_path / "last.pt")


NO_TENSOR = b"\x80\2ctorch._utils\n_rebuild_tensor_v2\n()K\0))\x89NtR."  # a pickle of one that holds no numbers


@pytest.mark.parametrize(
    "content", [b"PK not a checkpoint", b"text\n", b"", b"{}", b"version https://git-lfs.github.com/spec/v1\nsize 9\n"]
)
def test_a_file_that_is_no_checkpoint_is_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(ConfigError, match=r"last\.pt: not a checkpoint") as caught:
        load_checkpoint(tmp_path / "last.pt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"no pickle", b"\x80\2X\1", b"\x80\2K\1Q.", NO_TENSOR])
def test_an_archive_that_is_no_checkpoint_is_refused_in_one_sentence(tmp_path, content):
    with ZipFile(tmp_path / "last.pt", "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", b"3")
    with pytest.raises(ConfigError, match=r"last\.pt: not a checkpoint") as caught:
        load_checkpoint(tmp_path / "last.pt")
    assert "\n" not in str(caught.value)


def test_saving_never_touches_the_bytes_of_the_checkpoint_before(tmp_path):
    path = tmp_path / "last.pt"
    save_checkpoint(path, checkpoint(weight=torch.zeros(9)))
    with path.open("rb") as before:
        old = before.read()
        save_checkpoint(path, checkpoint(weight=torch.ones(9)))
        before.seek(0)
        assert before.read() == old  # the name moved to a new file
    assert load_checkpoint(path).model["weight"].sum() == 9


def test_a_disk_without_room_is_named_and_the_checkpoint_before_stays_alone(tmp_path):
    path = tmp_path / "last.pt"
    save_checkpoint(path, checkpoint(weight=torch.zeros(9)))
    with room_for(100_000), pytest.raises(OSError, match=r"last\.pt"):
        save_checkpoint(path, checkpoint(weight=torch.ones(100_000)))
    assert load_checkpoint(path).model["weight"].sum() == 0
    assert [one.name for one in tmp_path.iterdir()] == ["last.pt"]


def test_a_checkpoint_is_kept_on_a_share_that_cannot_sync_a_folder(tmp_path, monkeypatch):
    def fsync(number):
        if Path(f"/proc/self/fd/{number}").is_dir():
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr("os.fsync", fsync)
    save_checkpoint(tmp_path / "last.pt", checkpoint(weight=torch.ones(9)))
    assert load_checkpoint(tmp_path / "last.pt").model["weight"].sum() == 9


def test_where_git_is_not_installed_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert current_commit() == "none"


def test_a_kill_while_saving_leaves_a_whole_checkpoint(tmp_path):
    path = tmp_path / "last.pt"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        for line in writer.stdout:
            if int(line) >= 2:
                writer.kill()  # the next save has begun
                break
    loaded = load_checkpoint(path)
    assert loaded.epoch >= 2
    assert (loaded.model["weight"] == loaded.epoch).all()


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny_config):
    """The checkpoint of a run that never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    train(tiny_config, folder)
    return load_checkpoint(folder / "last.pt")


def test_a_resumed_run_ends_as_one_that_never_stopped(tmp_path, whole, tiny_config, monkeypatch):
    class PowerCut(BaseException):
        pass

    def save_and_die(path, state):
        save_checkpoint(path, state)
        raise PowerCut

    cut = _folder(tmp_path / "cut")
    with monkeypatch.context() as patch:
        patch.setattr(training.train, "save_checkpoint", save_and_die)
        with pytest.raises(PowerCut):
            train(tiny_config, cut)
    assert load_checkpoint(tmp_path / "cut" / "last.pt").epoch == 1
    train(tiny_config, tmp_path / "cut")
    resumed = load_checkpoint(cut / "last.pt")
    assert resumed.epoch == whole.epoch == 2
    for part in ("model", "ema"):
        for name, value in getattr(whole, part).items():
            assert torch.equal(value, getattr(resumed, part)[name]), f"{part} {name}"


def hold(run, held, done):
    with alone_in(run):
        held.set()
        done.wait(60)


def test_a_run_that_is_being_trained_is_not_trained_by_a_second_process(tmp_path, tiny_config, monkeypatch):
    run = _folder(tmp_path / "tiny")
    monkeypatch.setattr(training.train, "read_config", lambda _path: tiny_config)
    monkeypatch.setattr(training.train, "train", lambda *_: (run / "log.jsonl").touch())
    monkeypatch.setattr("sys.argv", ["train", "tiny.toml", "--runs", str(tmp_path)])
    forked = get_context("fork")  # a fresh one would take seconds to import PyTorch
    held, done = forked.Event(), forked.Event()
    other = forked.Process(target=hold, args=(run, held, done))
    other.start()
    try:
        assert held.wait(60)
        with pytest.raises(ConfigError, match=r"tiny: is being trained by another process; wait for it"):
            training.train.main()
    finally:
        done.set()
        other.join()
    assert not (run / "log.jsonl").exists()
    training.train.main()
    assert (run / "log.jsonl").exists()


def test_a_disk_without_room_for_the_starting_weights_is_named(tmp_path, tiny_config):
    run = _folder(tmp_path / "tiny")
    with room_for(1000), pytest.raises(OSError, match=r"tiny/start\.onnx"):
        train(tiny_config, run)
    assert not list(run.iterdir())


def test_a_disk_without_room_tears_no_line_of_the_log_and_one_that_is_torn_is_taken_away(tmp_path):
    log = tmp_path / "log.jsonl"
    append_line(log, {"epoch": 0, "loss": 1.0})
    with room_for(log.stat().st_size + 9), pytest.raises(OSError, match=r"log\.jsonl"):
        append_line(log, {"epoch": 1, "loss": 0.5})
    assert log.read_text() == '{"epoch": 0, "loss": 1.0}\n'
    log.write_text(log.read_text() + '{"epoch": 1, "lo')  # by an earlier build, or a power cut
    append_line(log, {"epoch": 2, "loss": 0.25})
    draw_curves(log, tmp_path / "curves.png")
    assert log.read_text() == '{"epoch": 0, "loss": 1.0}\n{"epoch": 2, "loss": 0.25}\n'


def test_a_run_that_goes_on_with_another_decay_of_weights_has_that_one(whole, tiny_config):
    other = msgspec.structs.replace(tiny_config.optimiser, weight_decay=0.5)
    config = msgspec.structs.replace(tiny_config, optimiser=other)
    learner = Learner.at(whole, config, LABELS, torch.device("cpu"))
    assert [group["weight_decay"] for group in learner.optimiser.param_groups] == [0.5, 0.0]


def test_a_loss_that_is_not_finite_ends_the_run(tmp_path, tiny_config):
    mad = msgspec.structs.replace(tiny_config.optimiser, learning_rate=1e30, warmup_steps=1, gradient_norm=1e30)
    with pytest.raises(DivergedError, match="lower the learning rate"):
        train(msgspec.structs.replace(tiny_config, optimiser=mad), _folder(tmp_path / "mad"))


def _folder(path):
    path.mkdir()
    return path
