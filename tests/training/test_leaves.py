import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from edge.bundle import MODELS
from edge.errors import ConfigError
from edge.leaf_network import LeafReader
from training.checkpoints import Checkpoint, save_checkpoint
from training.datasets.masks import UNSURE, painted
from training.judging.figures import Share
from training.leaves.card import LeafFigures
from training.leaves.export import export, fitted_limits, fitted_line
from training.leaves.judge import figures_of, release
from training.leaves.net import LeafNet, started
from training.leaves.pictures import Leaf, changed, read_leaves, share_of, shares
from training.leaves.train import EPOCHS, SIDE_PX, lesion_share, loss_of, train

GREEN, RED = (0, 200, 0), (0, 0, 255)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Drawn leaves as the publisher lays them out: 8 to train, 2 to validate; odd ones have one lesion each."""
    root = tmp_path_factory.mktemp("coffee-leaves")
    rows = ["id,predominant_stress,miner,rust,phoma,cercospora,severity"]
    splits = ["image,group,split"]
    for number in range(10):
        picture, mask = np.full((128, 256, 3), 230, np.uint8), np.zeros((128, 256, 3), np.uint8)
        for canvas, green, red in ((picture, (40, 120, 60), (30, 60, 110)), (mask, GREEN, RED)):
            cv2.ellipse(canvas, (128, 64), (110, 50), 0, 0, 360, green, cv2.FILLED)
            if number % 2:
                cv2.circle(canvas, (60 + 15 * number, 64), 20, red, cv2.FILLED)
        for folder, name, canvas in (("images", f"{number}.png", picture), ("annotations", f"{number}_mask.png", mask)):
            (root / folder / "all").mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / folder / "all" / name), canvas)
        rows.append(f"{number},{2 if number % 2 else 0},0,{number % 2},0,0,{2 if number % 2 else 0}")
        splits.append(f"images/all/{number}.png,{number},{'val' if number > 7 else 'train'}")
    (root / "dataset.csv").write_text("\n".join(rows), encoding="utf-8")
    (root / "splits.csv").write_text("\n".join(splits), encoding="utf-8")
    return root


def test_a_leaf_has_its_painted_share_stress_and_grade(dataset):
    leaves = read_leaves(dataset, "train", 128)
    assert [leaf.stress for leaf in leaves] == [0, 2] * 4
    assert [leaf.grade for leaf in leaves] == [0, 2] * 4
    assert leaves[0].share == 0
    assert leaves[1].share == pytest.approx(20**2 / (110 * 50), rel=0.05)
    assert leaves[0].image.shape == (64, 128, 3)


@pytest.fixture
def table(dataset, tmp_path):
    """The rows of a copy of the leaves, which a test spoils."""
    shutil.copytree(dataset, tmp_path / "leaves")
    return tmp_path / "leaves" / "dataset.csv"


def test_a_table_of_leaves_without_grades_is_refused(table):
    table.write_text(table.read_text("utf-8").replace(",severity", ",grade"), encoding="utf-8")
    with pytest.raises(ConfigError, match="no column 'severity'"):
        read_leaves(table.parent, "train", 128)


def test_leaves_to_train_and_to_validate_that_share_a_row_are_refused_as_it_is_of_one_of_them(table):
    (table.parent / "images/more").mkdir()
    (table.parent / "images/all/9.png").rename(table.parent / "images/more/0.png")
    splits = table.with_name("splits.csv")
    splits.write_text(splits.read_text("utf-8").replace("all/9.png", "more/0.png"), encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"dataset\.csv, row 0: would be the marks of both .*all/0\.png and .*more/0\.png"
    ):
        read_leaves(table.parent, "train", 128)


@pytest.mark.parametrize("severity", ["", "low", "2.0", "5", "-1"])
def test_a_grade_that_is_none_is_named(severity, table):
    table.write_text(table.read_text("utf-8").replace("1,2,0,1,0,0,2", f"1,2,0,1,0,0,{severity}"), encoding="utf-8")
    with pytest.raises(
        ConfigError, match=rf"dataset\.csv: 1 has the severity '{severity}'; write one of 0, 1, 2, 3, 4"
    ):
        read_leaves(table.parent, "train", 128)


def test_fewer_leaves_to_train_than_a_step_shows_are_refused(table, tmp_path):
    splits = table.parent / "splits.csv"
    splits.write_text(splits.read_text().replace("0.png,0,train", "0.png,0,test"))
    with pytest.raises(
        ConfigError, match=r"splits\.csv: 7 leaves are in train, and a step shows 8; give it more there"
    ):
        train(table.parent, tmp_path / "none.npz", tmp_path)


def test_a_leaf_without_a_row_in_the_table_is_named(table):
    table.write_text("\n".join(table.read_text("utf-8").splitlines()[:-1]))
    with pytest.raises(ConfigError, match=r"all/9\.png: no row in .*dataset\.csv; take the dataset again"):
        read_leaves(table.parent, "val", 128)


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_without_leaves_is_refused(split, table, tmp_path):
    splits = table.parent / "splits.csv"
    splits.write_text(splits.read_text().replace(f",{split}", ",test"))
    with pytest.raises(ConfigError, match=rf"splits\.csv: no leaf is in {split}; give it some there"):
        train(table.parent, tmp_path / "none.npz", tmp_path)


def test_leaves_to_validate_that_each_have_several_equal_stresses_are_refused(table, tmp_path):
    table.write_text(table.read_text("utf-8").replace("9,2,", "9,5,"), encoding="utf-8")
    splits = table.parent / "splits.csv"
    splits.write_text(splits.read_text().replace("8.png,8,val", "8.png,8,train"))
    with pytest.raises(ConfigError, match=r"splits\.csv: no leaf in val has one predominant stress; "):
        train(table.parent, tmp_path / "none.npz", tmp_path)


@pytest.mark.parametrize("content", [b"version https://git-lfs.github.com/spec/v1\n", b"PK\x03\x04cut off", b""])
def test_starting_weights_that_are_not_whole_are_refused_in_one_sentence(content, tmp_path):
    (tmp_path / "lite0.npz").write_bytes(content)
    with pytest.raises(ConfigError, match=r"lite0\.npz: no weights, or not whole; fetch it again"):
        started(tmp_path / "lite0.npz")


def test_the_run_of_a_detector_is_no_run_of_the_leaf_network_and_stays_as_it_is(dataset, tmp_path):
    state = Checkpoint(1, {}, {}, {}, torch.get_rng_state(), {}, "none", 0, 0, ("Pieris",))
    save_checkpoint(tmp_path / "last.pt", state)
    before = (tmp_path / "last.pt").read_bytes()
    for goes_on in (
        lambda: train(dataset, tmp_path / "none.npz", tmp_path),
        lambda: export(dataset, tmp_path / "last.pt", tmp_path / "leaf.onnx"),
    ):
        with pytest.raises(ConfigError, match=r"last\.pt: is a detector's; name the run of a leaf network with --run"):
            goes_on()
    assert [one.name for one in tmp_path.iterdir()] == ["last.pt"]
    assert (tmp_path / "last.pt").read_bytes() == before


def test_a_run_that_is_started_again_says_how_far_it_is(dataset, tmp_path, capsys):
    state = LeafNet().state_dict()
    save_checkpoint(tmp_path / "last.pt", Checkpoint(EPOCHS, state, state, {}, torch.get_rng_state(), {}, "none", 0, 0))
    train(dataset, tmp_path / "none.npz", tmp_path)
    assert capsys.readouterr().out == f"{tmp_path}: has learned all {EPOCHS} epochs; export it\n"


def test_a_picture_in_which_the_network_sees_no_leaf_is_named():
    grey = Leaf("7", np.full((208, 416, 3), 114, np.uint8), np.zeros((208, 416), np.uint8), 0.0, 0, 0)
    with pytest.raises(ConfigError, match=r"leaf\.onnx: sees no leaf in 7, a picture of one; train"):
        figures_of(MODELS / "leaf.onnx", [grey], "val")


def test_a_network_that_has_no_golden_picture_stays_the_file_of_the_manifest(tmp_path):
    path = shutil.copy(MODELS / "leaf.onnx", tmp_path)
    before = (tmp_path / "leaf.onnx").read_bytes()
    share = Share(0.9, None)
    figures = LeafFigures(
        split="test", leaves=1, share_mae=0.1, share_bias=0.1, grade=share, stress=share, judged_stresses=1,
        grades=[[1]], stresses=[[1]], size_bytes=1, ms=1.0,
    )  # fmt: skip
    with pytest.raises(ConfigError, match=r"cacao-pods/splits\.csv: not found"):
        release(Path(path), figures, tmp_path)
    assert (tmp_path / "leaf.onnx").read_bytes() == before


def test_a_mask_is_read_by_its_colours():
    mask = np.array([[(0, 0, 0), GREEN, RED, RED]], np.uint8)
    assert painted(mask).tolist() == [[0, 1, 2, 2]]
    assert share_of(painted(mask)) == pytest.approx(2 / 3)


def test_cells_keep_the_lesions_share():
    mask = np.zeros((8, 8), np.uint8)
    mask[:, 1:] = 1
    mask[:3, 1:4] = 2
    cells = shares(torch.from_numpy(mask)[None])
    assert cells.sum(dim=0).numpy() == pytest.approx(np.ones((2, 2)))
    assert float(lesion_share(cells[None])) == pytest.approx(9 / 56)


def test_changes_move_picture_and_mask_together(dataset):
    torch.manual_seed(3)
    images, cells = changed(read_leaves(dataset, "train", 128))
    dark = images.mean(dim=1) < 150  # the leaf before light ground and grey filling
    leaf = torch.nn.functional.interpolate(1 - cells[:, :1], scale_factor=4.0)[:, 0] > 0.5
    both = (dark & leaf).sum() / leaf.sum()
    assert float(both) > 0.9


def test_a_right_answer_costs_less_and_an_unsure_stress_nothing():
    cells = torch.zeros(1, 3, 4, 4)
    cells[:, 1] = 1
    right, wrong = 10 * cells, 10 * cells.roll(1, dims=1)
    stress = torch.tensor([[9.0, 0, 0, 0, 0]])
    assert loss_of(right, stress, cells, torch.tensor([0])) < loss_of(wrong, stress, cells, torch.tensor([0]))
    assert loss_of(right, stress, cells, torch.tensor([0])) < loss_of(right, stress, cells, torch.tensor([2]))
    spread = stress.flip(1)
    unsure = torch.tensor([0, UNSURE])
    both = [
        loss_of(right.repeat(2, 1, 1, 1), torch.cat([stress, s]), cells.repeat(2, 1, 1, 1), unsure)
        for s in (stress, spread)
    ]
    assert float(both[0]) == pytest.approx(float(both[1]))


def test_floor_and_slope_are_found_again():
    truth = np.linspace(0, 0.2, 40)
    floor, slope = fitted_line((truth / 1.2 + 0.008).tolist(), truth.tolist())
    assert floor == pytest.approx(0.008, abs=0.001)
    assert slope == pytest.approx(1.2, abs=0.03)


def test_limits_are_those_of_the_people_who_graded():
    severity = np.linspace(0, 0.25, 500)
    grade = np.searchsorted([0.001, 0.045, 0.11, 0.14], severity)
    assert fitted_limits(severity, grade) == pytest.approx([0.001, 0.045, 0.11, 0.14], abs=0.001)


def test_the_frozen_part_keeps_its_statistics_while_training():
    model = LeafNet().train()
    assert not model.stem.bn.training
    assert model.masks.training


@pytest.mark.timeout(400)
def test_a_short_run_is_exported_and_read_by_the_node(dataset, tmp_path, monkeypatch):
    saved = []

    def noted(path, state):
        save_checkpoint(path, state)
        saved.append(path.name)

    monkeypatch.setattr("training.leaves.train.EPOCHS", 1)
    monkeypatch.setattr("training.leaves.train.save_checkpoint", noted)
    weights = tmp_path / "none.npz"
    np.savez(
        weights, **{name: value.numpy() for name, value in LeafNet().state_dict().items() if name.startswith("stem")}
    )
    train(dataset, weights, tmp_path)
    assert saved == ["best.pt", "last.pt"], "a run that is cut in between does the epoch again"
    export(dataset, tmp_path / "best.pt", tmp_path / "leaf.onnx")
    reader = LeafReader(tmp_path / "leaf.onnx")
    leaf = read_leaves(dataset, "val", SIDE_PX)[0]
    seen = reader.looked(leaf.image)
    assert len(reader.bundle.stresses) == 5
    assert reader.bundle.stresses[2].label == "Hemileia vastatrix"
    cells = (SIDE_PX / 4) ** 2
    assert seen[:3].sum() == pytest.approx(cells, rel=1e-3)
    assert seen[3] == pytest.approx(cells / 2, rel=1e-3)
    before = (tmp_path / "leaf.onnx").read_bytes()
    with pytest.raises(ConfigError, match="absent"):
        export(tmp_path / "absent", tmp_path / "best.pt", tmp_path / "leaf.onnx")
    assert (tmp_path / "leaf.onnx").read_bytes() == before
