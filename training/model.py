"""YOLOX-Nano as its published weights lay it out; `training.weights` fills it. Its activation is SiLU or ReLU.

Architecture: Ge et al. (2021), YOLOX, arXiv:2107.08430 (CSPDarknet with depthwise convolutions, PAN neck, decoupled
head). Names of modules are the keys of the weights file.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d, relu, silu

STRIDES = (8, 16, 32)
WIDTHS = (64, 128, 256)  # channels of the three levels
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": relu, "silu": silu}


class Cv(nn.Module):
    """Convolution, BatchNorm, activation: (B, c_in, H, W) -> (B, c_out, H/stride, W/stride).

    Folded, `bn` is the identity.

    The published network has SiLU, for which ONNX Runtime has no int8 kernel: with ReLU the same graph takes 0.77 of
    the time in float32 and 0.40 in int8 (416 px, one thread, x86 with VNNI).
    """

    def __init__(
        self, c_in: int, c_out: int, k: int = 1, stride: int = 1, groups: int = 1, padding: int | None = None
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, k, stride, k // 2 if padding is None else padding, groups=groups)
        self.bn: nn.Module = nn.Identity()
        self.activation = ACTIVATIONS["relu"]

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.bn(self.conv(x)))


class DWC(nn.Module):
    """Depthwise 3x3, then pointwise convolution."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1) -> None:
        super().__init__()
        self.dconv = Cv(c_in, c_in, 3, stride, groups=c_in)
        self.pconv = Cv(c_in, c_out)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.pconv(self.dconv(x))
        return out


class Bottleneck(nn.Module):
    """Pointwise and depthwise separable convolution with an optional residual."""

    def __init__(self, channels: int, add: bool) -> None:
        super().__init__()
        self.conv1 = Cv(channels, channels)
        self.conv2 = DWC(channels, channels)
        self.add = add

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv2(self.conv1(x))
        return out + x if self.add else out


class CSP(nn.Module):
    """Cross stage partial block: half of the channels go through `n` bottlenecks, half go round them."""

    def __init__(self, c_in: int, c_out: int, n: int, add: bool) -> None:
        super().__init__()
        half = c_out // 2
        self.conv1, self.conv2, self.conv3 = Cv(c_in, half), Cv(c_in, half), Cv(2 * half, c_out)
        self.m = nn.Sequential(*[Bottleneck(half, add) for _ in range(n)])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv3(torch.cat([self.m(self.conv1(x)), self.conv2(x)], dim=1))
        return out


class SPP(nn.Module):
    """Spatial pyramid pooling: the same map seen through windows of 1, 5, 9 and 13 cells, each made of the one before.

    Two windows of 5 see 9 cells: the published network's numbers, from 75 cells in place of 275.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = Cv(channels, channels // 2), Cv(channels * 2, channels)

    def forward(self, x: Tensor) -> Tensor:
        seen = [self.conv1(x)]
        for _ in range(3):
            seen.append(max_pool2d(seen[-1], 5, 1, 2))
        out: Tensor = self.conv2(torch.cat(seen, dim=1))
        return out


class Stem(nn.Module):
    """(B, 3, S, S) -> (B, 16, S/2, S/2) by one 6x6 convolution of stride 2.

    The published network slices 2x2 blocks of pixels into channels and convolves 3x3; `without_focus` turns those
    weights into this form, which gives the same numbers and spares the node the slicing, 4 % of its time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = Cv(3, 16, 6, stride=2, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return out


class Backbone(nn.Module):
    """Picture (B, 3, S, S) -> C3 (B, 64, S/8), C4 (B, 128, S/16), C5 (B, 256, S/32)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem()
        self.dark2 = nn.Sequential(DWC(16, 32, stride=2), CSP(32, 32, 1, add=True))
        self.dark3 = nn.Sequential(DWC(32, 64, stride=2), CSP(64, 64, 3, add=True))
        self.dark4 = nn.Sequential(DWC(64, 128, stride=2), CSP(128, 128, 3, add=True))
        self.dark5 = nn.Sequential(DWC(128, 256, stride=2), SPP(256), CSP(256, 256, 1, add=False))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        c3 = self.dark3(self.dark2(self.stem(x)))
        c4 = self.dark4(c3)
        return c3, c4, self.dark5(c4)


class Neck(nn.Module):
    """Path aggregation: coarse levels tell fine ones what, fine ones tell coarse ones where. Shapes stay."""

    def __init__(self) -> None:
        super().__init__()
        self.lateral_conv0, self.C3_p4 = Cv(256, 128), CSP(256, 128, 1, add=False)
        self.reduce_conv1, self.C3_p3 = Cv(128, 64), CSP(128, 64, 1, add=False)
        self.bu_conv2, self.C3_n3 = DWC(64, 64, stride=2), CSP(128, 128, 1, add=False)
        self.bu_conv1, self.C3_n4 = DWC(128, 128, stride=2), CSP(256, 256, 1, add=False)

    def forward(self, levels: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        c3, c4, c5 = levels
        l5 = self.lateral_conv0(c5)
        l4 = self.reduce_conv1(self.C3_p4(torch.cat([_doubled(l5), c4], dim=1)))
        p3 = self.C3_p3(torch.cat([_doubled(l4), c3], dim=1))
        p4 = self.C3_n3(torch.cat([self.bu_conv2(p3), l4], dim=1))
        p5 = self.C3_n4(torch.cat([self.bu_conv1(p4), l5], dim=1))
        return p3, p4, p5


class Head(nn.Module):
    """Levels -> (B, N, 5 + C): t_x, t_y, t_w, t_h, objectness logit, C class logits of every grid point in turn."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stems = nn.ModuleList(Cv(width, 64) for width in WIDTHS)
        self.cls_convs = nn.ModuleList(nn.Sequential(DWC(64, 64), DWC(64, 64)) for _ in WIDTHS)
        self.reg_convs = nn.ModuleList(nn.Sequential(DWC(64, 64), DWC(64, 64)) for _ in WIDTHS)
        self.cls_preds = nn.ModuleList(nn.Conv2d(64, classes, 1) for _ in WIDTHS)
        self.reg_preds = nn.ModuleList(nn.Conv2d(64, 4, 1) for _ in WIDTHS)
        self.obj_preds = nn.ModuleList(nn.Conv2d(64, 1, 1) for _ in WIDTHS)

    def forward(self, levels: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        raw = []
        for i, level in enumerate(levels):
            stem = self.stems[i](level)
            boxes = self.reg_convs[i](stem)
            parts = [self.reg_preds[i](boxes), self.obj_preds[i](boxes), self.cls_preds[i](self.cls_convs[i](stem))]
            raw.append(torch.cat(parts, dim=1).flatten(2))
        return torch.cat(raw, dim=2).transpose(1, 2)


class YoloxNano(nn.Module):
    """Pictures (B, 3, S, S) float32 BGR 0..255, S a multiple of 32 -> raw (B, N, 5 + C), N = points of all levels."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone, self.neck, self.head = Backbone(), Neck(), Head(classes)

    def forward(self, images: Tensor) -> Tensor:
        raw: Tensor = self.head(self.neck(self.backbone(images)))
        return raw


def with_activation(model: YoloxNano, name: str) -> YoloxNano:
    """The model with that one of ACTIVATIONS in every block."""
    for block in model.modules():
        if isinstance(block, Cv):
            block.activation = ACTIVATIONS[name]
    return model


def grid_points(side_px: int) -> Tensor:
    """Points (N, 3) float32: column, row, stride, in the order of the head's output."""
    points = []
    for stride in STRIDES:
        cells = side_px // stride
        row, column = torch.meshgrid(torch.arange(cells), torch.arange(cells), indexing="ij")
        points.append(torch.stack([column, row, torch.full_like(row, stride)], dim=-1).reshape(-1, 3))
    return torch.cat(points).float()


def decode_boxes(raw: Tensor, points: Tensor) -> Tensor:
    """Boxes (…, N, 4) xyxy in px of the square from raw (…, N, >= 4) and `grid_points`."""
    stride = points[:, 2:]
    centre = (raw[..., :2] + points[:, :2]) * stride
    half = raw[..., 2:4].clamp(max=8).exp() * stride / 2  # e^8 strides is wider than any picture; keeps exp finite
    return torch.cat([centre - half, centre + half], dim=-1)


def _doubled(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2.0, mode="nearest")
