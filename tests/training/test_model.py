import copy
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch.nn.functional import relu, silu

from edge.errors import ConfigError
from edge.onnx_metadata import METADATA_KEY
from tests.onnx_files import facts
from training.distillation import load_teacher
from training.export import midway
from training.model import Cv, YoloxNano, decode_boxes, grid_points, with_activation
from training.onnx_file import export_onnx, write_facts
from training.weights import (
    STEM_WEIGHT,
    activation_of,
    fold_batchnorm,
    load_folded,
    read_weights,
    restore_batchnorm,
    without_focus,
)

PUBLISHED = Path(__file__).parents[3] / "shared" / "weights" / "yolox_nano_coco.npz"
NAMELESS = ("",)  # a label; of weights that name none only their number counts
KNOWN = tuple("abcde")
needs_published = pytest.mark.skipif(not PUBLISHED.is_file(), reason="no published weights beside this checkout")


@pytest.fixture(scope="module")
def nameless(tmp_path_factory):
    """A file of as many labels as KNOWN, of which it says none, and its network."""
    torch.manual_seed(2)
    model, path = YoloxNano(len(KNOWN)).eval(), tmp_path_factory.mktemp("nameless") / "start.onnx"
    export_onnx(model, path, 64)
    return path, model


def pictures(count, seed=0):
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed)) * 255


@torch.no_grad()
def assert_batchnorm_is_invisible(folded, within):
    expected = folded(pictures(2, seed=9))
    restored = restore_batchnorm(copy.deepcopy(folded), [pictures(8, seed=seed) for seed in range(8)])
    assert (restored.eval()(pictures(2, seed=9)) - expected).abs().max() < within
    assert (fold_batchnorm(restored)(pictures(2, seed=9)) - expected).abs().max() < within


def test_restored_batchnorm_equals_the_folded_model_and_folds_back():
    torch.manual_seed(2)
    assert_batchnorm_is_invisible(YoloxNano(5).eval(), within=1e-4)


@needs_published
def test_restored_batchnorm_equals_the_published_model():
    assert_batchnorm_is_invisible(load_folded(PUBLISHED, NAMELESS * 80), within=2e-3)


@needs_published
def test_the_published_class_layer_is_kept_only_when_it_fits():
    published = read_weights(PUBLISHED)["head.cls_preds.0.weight"]
    assert torch.equal(load_folded(PUBLISHED, NAMELESS * 80).head.cls_preds[0].weight, published)
    assert load_folded(PUBLISHED, NAMELESS * 21).head.cls_preds[0].weight.shape == (21, 64, 1, 1)


def test_train_mode_sees_statistics_close_to_the_running_ones():
    torch.manual_seed(2)
    batch = pictures(64)
    model = restore_batchnorm(YoloxNano(5).eval(), [batch])
    with torch.no_grad():
        still = model.eval()(batch)
        moving = model.train()(batch)
    assert (still - moving).abs().mean() < 0.1 * still.abs().mean()


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ("backbone.stem.weight", (3,)),
        ("head.cls_preds.0.weight", (80, 64, 1, 1)),  # without its bias
        ("head.cls_preds.0.weight", ()),
    ],
)
def test_a_file_of_other_weights_is_refused_in_one_line(layer, shape, tmp_path):
    np.savez(tmp_path / "other.npz", **{layer: np.zeros(shape)})
    told = r"other\.npz: not the weights of YOLOX-Nano, or rounded to int8; take yolox_nano_coco\.npz or .* bundle$"
    with pytest.raises(ConfigError, match=told):
        load_folded(tmp_path / "other.npz", NAMELESS * 5)


def elsewhere(model):
    """A weight lies in a file of its own, as newer exporters write it, and that was left behind."""
    weight = model.graph.initializer[0]
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="start.onnx.data")


@pytest.mark.parametrize(
    "spoil",
    [
        elsewhere,
        lambda model: model.graph.initializer[0].dims.append(7),
        lambda model: setattr(model.graph.initializer[0], "data_type", 99),
        lambda model: model.metadata_props.add(key=METADATA_KEY, value="{"),
        lambda model: model.metadata_props.add(key=METADATA_KEY, value="null"),
        lambda model: model.metadata_props.add(key=METADATA_KEY, value='{"classes": [{}]}'),
        lambda model: model.metadata_props.add(key=METADATA_KEY, value="[" * 5000),
    ],
)
def test_a_bundle_of_which_a_part_is_lost_is_named_and_nothing_begins_with_it(spoil, nameless, tmp_path):
    file = onnx.load(nameless[0])
    spoil(file)
    (tmp_path / "start.onnx").write_bytes(file.SerializeToString())
    with pytest.raises(ConfigError, match=r"start\.onnx: no weights, or not whole; fetch it again"):
        load_folded(tmp_path / "start.onnx", KNOWN)


def test_a_bundle_that_names_more_labels_than_it_has_is_refused(nameless, tmp_path):
    path = Path(shutil.copy(nameless[0], tmp_path))
    write_facts(path, facts((*KNOWN, "f")))
    with pytest.raises(ConfigError, match=r"start\.onnx: not the weights of YOLOX-Nano, or"):
        load_folded(path, ("f", *KNOWN))


def test_a_bundle_of_ours_can_be_started_from(nameless):
    path, model = nameless
    with torch.no_grad():
        assert torch.allclose(load_folded(path, NAMELESS * 5)(pictures(1)), model(pictures(1)), atol=1e-5)


@pytest.fixture(scope="module")
def bundle(nameless, tmp_path_factory):
    """A bundle that tells KNOWN, and its network."""
    path = Path(shutil.copy(nameless[0], tmp_path_factory.mktemp("bundle")))
    write_facts(path, facts(KNOWN))
    return path, nameless[1]


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ("edcba", ""),
        ("abxcdey", "x, y, which begin anew; what it knows of the others stays\n"),
        ("ec", ""),
        ("xy", "x, y, which begin anew\n"),
    ],
)
@torch.no_grad()
def test_what_a_bundle_knows_of_a_label_is_found_by_its_name(labels, told, bundle, capsys):
    path, model = bundle
    before, after = model(pictures(1)), load_folded(path, tuple(labels))(pictures(1))
    assert after.shape[-1] == 5 + len(labels)
    for place, label in enumerate(labels):
        if label in KNOWN:
            assert torch.allclose(after[..., 5 + place], before[..., 5 + KNOWN.index(label)], atol=1e-5), label
    assert capsys.readouterr().out == (f"{path}: does not tell {told}" if told else "")


@pytest.mark.parametrize("labels", ["edcba", "abc", "abcdef"])
def test_a_teacher_of_other_labels_or_of_another_order_is_refused(labels, bundle):
    path, _ = bundle
    with pytest.raises(ConfigError, match=r"start\.onnx: tells other labels, or the same in another order"):
        load_teacher(path, tuple(labels), torch.device("cpu"))
    assert len(load_teacher(path, KNOWN, torch.device("cpu")).head.cls_preds[0].weight) == len(KNOWN)


@pytest.mark.parametrize(
    "name", "README.md start.onnx start.npz flat.npz packed.npz later.npz torn.npz last.pt".split()
)
def test_a_file_without_weights_or_cut_off_is_named(name, tmp_path):
    np.savez(tmp_path / "whole.npz", **{STEM_WEIGHT: np.zeros(999)})
    whole = (tmp_path / "whole.npz").read_bytes()
    listed = whole.index(b"PK\1\2")  # of a zip's own list of files
    of_npz = {
        "start.npz": whole[:200],
        "flat.npz": whole,
        "packed.npz": whole[: listed + 10] + b"\x63" + whole[listed + 11 :],  # by a method that nobody knows
        "later.npz": whole[: listed + 6] + b"\xff" + whole[listed + 7 :],  # of a version that is not yet
        "torn.npz": whole.replace(b"(999,), }", b" 999,), }"),
    }
    (tmp_path / name).write_bytes(of_npz.get(name, b"# Fieldeye\n"))
    if name == "last.pt":  # a checkpoint is an archive, too
        torch.save({"weight": torch.zeros(9)}, tmp_path / name)
    for reads in (read_weights, lambda path: load_folded(path, KNOWN)):
        with pytest.raises(ConfigError, match=rf"{name}: no weights, or not whole; fetch it again"):
            reads(tmp_path / name)


def test_the_stem_without_slicing_gives_the_numbers_of_the_published_one():
    generator = torch.Generator().manual_seed(3)
    sliced, picture = torch.randn(16, 12, 3, 3, generator=generator), torch.rand(1, 3, 32, 32, generator=generator)
    corners = [picture[..., ::2, ::2], picture[..., 1::2, ::2], picture[..., ::2, 1::2], picture[..., 1::2, 1::2]]
    published = torch.conv2d(torch.cat(corners, dim=1), sliced, padding=1)
    kernel = without_focus({STEM_WEIGHT: sliced})[STEM_WEIGHT]
    assert torch.allclose(torch.conv2d(picture, kernel, stride=2, padding=2), published, atol=1e-5)


def test_points_run_through_rows_of_the_finest_level_first():
    points = grid_points(64)
    assert len(points) == 64 + 16 + 4
    assert points[10].tolist() == [2, 1, 8]  # column, row, stride
    assert points[64 + 6].tolist() == [2, 1, 16]


def test_a_box_is_decoded_as_the_paper_says():
    raw = torch.zeros(1, 84, 6)
    raw[0, 10] = torch.tensor([0.5, 0.25, np.log(2.0), np.log(4.0), 0, 0])
    box = decode_boxes(raw, grid_points(64))[0, 10].tolist()  # centre (2.5, 1.25) * 8, size (2, 4) * 8
    assert box == pytest.approx([20 - 8, 10 - 16, 20 + 8, 10 + 16])


def test_the_exported_graph_equals_the_trained_model(tmp_path):
    torch.manual_seed(2)
    model = restore_batchnorm(YoloxNano(5).eval(), [pictures(8)]).eval()
    with torch.no_grad():
        expected = model(pictures(1, seed=4)).numpy()
    export_onnx(fold_batchnorm(model), tmp_path / "model.onnx", 64)
    session = ort.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    assert [(node.name, node.shape) for node in session.get_inputs()] == [("image", [1, 3, 64, 64])]
    (raw,) = session.run(["raw"], {"image": pictures(1, seed=4).numpy()})
    assert raw.shape == (1, 84, 10)
    assert np.abs(raw - expected).max() < 1e-3


@pytest.mark.parametrize(("name", "expected"), [("silu", silu), ("relu", relu)])
def test_every_block_has_the_activation_that_is_asked_for(name, expected):
    model = with_activation(YoloxNano(2), name)
    block = model.backbone.stem.conv
    assert torch.allclose(block(pictures(2)), expected(block.conv(pictures(2))), atol=1e-5)
    assert {one.activation for one in model.modules() if isinstance(one, Cv)} == {expected}


def test_a_file_says_which_activation_it_has(nameless, tmp_path):
    assert activation_of(nameless[0]) == "relu"
    export_onnx(with_activation(YoloxNano(2), "silu"), tmp_path / "model.onnx", 32)
    assert activation_of(tmp_path / "model.onnx") == "silu"


def test_midway_between_two_networks_each_weight_is_their_mean():
    one, other = YoloxNano(2).eval(), YoloxNano(2).eval()
    means = {name: (value + other.state_dict()[name]) / 2 for name, value in one.state_dict().items()}
    between = midway(one, other).state_dict()
    assert all(torch.equal(between[name], mean) for name, mean in means.items())
    assert not torch.equal(between["head.cls_preds.0.weight"], other.state_dict()["head.cls_preds.0.weight"])
