"""The leaf network: EfficientNet-Lite0 down to stride 16, a light decoder up to stride 4, and a head for the stress.

Encoder after Tan and Le (2019), EfficientNet, arXiv:1905.11946, in its Lite form (ReLU6, no squeeze-excite), with the
published ImageNet weights; decoder in the manner of Lin et al. (2017), Feature Pyramid Networks, arXiv:1612.03144.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge.errors import ConfigError
from training.datasets.masks import MASKS, STRESSES
from training.weights import read_weights

STRIDE = 4  # of the masks: a cell says how much of it is lesion, so the sum is finer than the cells
MEAN, SCALE = 127.0, 1 / 128
BLOCKS = ((1, 3, 1, 1, 16), (6, 3, 2, 2, 24), (6, 5, 2, 2, 40), (6, 3, 2, 3, 80), (6, 5, 1, 3, 112))  # t, k, s, n, out
FROZEN = 3  # first blocks that keep the published weights: edges and colours are the same, and they cost the most
MIDDLE = 4  # last block at stride 8
BATCHNORM_EPS = 1e-3


class Unit(nn.Module):
    """Convolution with TensorFlow's SAME padding, BatchNorm, and ReLU6 if `is_active`."""

    def __init__(self, into: int, out: int, kernel: int, stride: int = 1, groups: int = 1, *, is_active: bool = True):
        super().__init__()
        total = kernel - stride  # for sides that the stride divides
        self.pad = (total // 2, total - total // 2) * 2
        self.conv = nn.Conv2d(into, out, kernel, stride, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out, BATCHNORM_EPS)
        self.is_active = is_active

    def forward(self, x: Tensor) -> Tensor:
        """(B, into, H, W) to (B, out, H / stride, W / stride)."""
        y: Tensor = self.bn(self.conv(functional.pad(x, self.pad)))
        return functional.relu6(y) if self.is_active else y


class Block(nn.Module):
    """Inverted residual: wider, depthwise, narrower again."""

    def __init__(self, into: int, out: int, kernel: int, stride: int, wider: int) -> None:
        super().__init__()
        inner = into * wider
        self.expand = Unit(into, inner, 1) if wider > 1 else nn.Identity()
        self.dw = Unit(inner, inner, kernel, stride, inner)
        self.project = Unit(inner, out, 1, is_active=False)
        self.is_residual = stride == 1 and into == out

    def forward(self, x: Tensor) -> Tensor:
        """(B, into, H, W) to (B, out, H / stride, W / stride)."""
        y: Tensor = self.project(self.dw(self.expand(x)))
        return x + y if self.is_residual else y


class LeafNet(nn.Module):
    """Picture (B, 3, H, W) float32 BGR 0..255, sides multiples of 16, to masks and stress; see `forward`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Unit(3, 32, 3, 2)
        blocks, into = [], 32
        for wider, kernel, stride, repeats, out in BLOCKS:
            for repeat in range(repeats):
                blocks.append(Block(into, out, kernel, stride if repeat == 0 else 1, wider))
                into = out
        self.blocks = nn.Sequential(*blocks)
        self.laterals = nn.ModuleList([Unit(24, 32, 1), Unit(40, 48, 1)])
        self.narrow = nn.ModuleList([Unit(48, 32, 1), Unit(112, 48, 1)])
        self.smooth = nn.ModuleList([nn.Sequential(Unit(c, c, 3, groups=c), Unit(c, c, 1)) for c in (32, 48)])
        self.masks = nn.Conv2d(32, len(MASKS), 1)
        self.dropout = nn.Dropout(0.3)
        self.stress = nn.Linear(2 * 112, len(STRESSES))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, 3, H / 4, W / 4) of MASKS and (B, 5) of STRESSES."""
        with torch.no_grad():
            early = self.blocks[:FROZEN](self.stem((image.flip(1) - MEAN) * SCALE))  # [B, 24, H / 4, W / 4]
        middle = self.blocks[FROZEN : MIDDLE + 1](early)  # [B, 40, H / 8, W / 8]
        x = deep = self.blocks[MIDDLE + 1 :](middle)  # [B, 112, H / 16, W / 16]
        taps = (early, middle)
        for level in (1, 0):
            up = functional.interpolate(self.narrow[level](x), scale_factor=2.0, mode="nearest")
            x = self.smooth[level](up + self.laterals[level](taps[level]))
        masks: Tensor = self.masks(x)
        return masks, self.stress(self.dropout(self._seen(deep, masks)))

    def train(self, mode: bool = True) -> "LeafNet":
        """As of nn.Module; the frozen blocks keep their statistics."""
        super().train(mode)
        for part in (self.stem, self.blocks[:FROZEN]):
            part.eval()
        return self

    @staticmethod
    def _seen(deep: Tensor, masks: Tensor) -> Tensor:
        """(B, 224): the deepest features, their mean over the lesions and their largest value on the leaf."""
        share = functional.avg_pool2d(masks.softmax(dim=1).detach(), 4)  # [B, 3, H / 16, W / 16]
        lesion, leaf = share[:, 2:], share[:, 1:].sum(dim=1, keepdim=True)
        mean = (deep * lesion).sum(dim=(2, 3)) / (lesion.sum(dim=(2, 3)) + 0.5)
        return torch.cat([mean, (deep * leaf).amax(dim=(2, 3))], dim=1)


def started(weights: Path) -> LeafNet:
    """A network whose encoder holds the published weights. Raises ConfigError."""
    model = LeafNet()
    own = model.state_dict()
    known = {key: value for key, value in read_weights(weights).items() if key in own}
    if not known:
        raise ConfigError(f"{weights}: not the weights of EfficientNet-Lite0; take efficientnet_lite0_imagenet.npz")
    model.load_state_dict({**own, **known})
    return model
