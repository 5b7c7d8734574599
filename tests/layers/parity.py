"""What the tests of the layers share: proof that two layers are the same, and the cases that several files use."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torch.func import functional_call

from d2lcnn.layers import (
    batch_norm,
    cosine_norm,
    evonorm,
    filter_response_norm,
    group_norm,
    layer_norm,
    weight_norm,
    weight_standardization,
)

# Every norm of images, by name, for 6 channels; built fresh.
IMAGE_NORMS = {
    "BN": lambda: batch_norm.BatchNorm2d(6),
    "BN without affine": lambda: batch_norm.BatchNorm2d(6, affine=False),
    "LN": lambda: layer_norm.LayerNorm([6, 4, 5]),
    "GN": lambda: group_norm.GroupNorm(3, 6),
    "IN": lambda: group_norm.InstanceNorm2d(6, affine=True),
    "IN tracking": lambda: group_norm.InstanceNorm2d(6, track_running_stats=True),
    "FRN": lambda: filter_response_norm.FilterResponseNorm2d(6),
    "FRN learning eps": lambda: filter_response_norm.FilterResponseNorm2d(6, learn_eps=True),
    "EvoNorm-B0": lambda: evonorm.EvoNormB0(6),
    "EvoNorm-S0": lambda: evonorm.EvoNormS0(6, groups=3),
    "mean-only BN": lambda: weight_norm.MeanOnlyBatchNorm(6),
    "mean-only LN": lambda: weight_norm.MeanOnlyLayerNorm(6),
}
# Layers with weights of their own, 6 channels in.
WEIGHTED = {
    "WN": lambda: weight_norm.WeightNormConv2d(6, 4, 3, stride=2, padding=1, groups=2),
    "WS": lambda: weight_standardization.WSConv2d(6, 4, 3, stride=2, padding=1, groups=2),
    "cosine": lambda: cosine_norm.CosineConv2d(6, 4, 3, stride=2, padding=1),
    "centred cosine": lambda: cosine_norm.CosineConv2d(6, 4, 3, padding=1, centered=True),
}
SHAPE = (3, 6, 4, 5)

randn = partial(torch.randn, dtype=torch.float64)


@torch.no_grad()
def randomise(layer: nn.Module) -> None:
    """Fresh affine parameters and running statistics would hide a wrong mapping."""
    for name, tensor in layer.state_dict().items():
        if not tensor.is_floating_point():
            continue
        if name.endswith(("var", "weight_g", "original0")):
            tensor.uniform_(0.5, 2)
        else:
            tensor.normal_()


def assert_same_layer(ours: nn.Module, theirs: nn.Module, x: torch.Tensor, *, steps: int = 3) -> None:
    """Compare outputs, gradients and buffers over training steps and in evaluation; states load both ways."""
    ours.double(), theirs.double()
    randomise(theirs)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    randomise(ours)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    for mode in [True] * steps + [False]:
        x = x + randn(x.shape)
        outputs, gradients = [], []
        upstream = None
        for layer in (ours, theirs):
            layer.train(mode)
            leaf = x.clone().requires_grad_()
            y = layer(leaf)
            upstream = randn(y.shape) if upstream is None else upstream
            parameters = sorted(layer.parameters(), key=lambda p: (p.shape, p.sum().item()))
            outputs.append(y)
            gradients.append(torch.autograd.grad(y, [leaf, *parameters], upstream))
            with torch.no_grad():
                for parameter, gradient in zip(parameters, gradients[-1][1:], strict=True):
                    parameter -= 0.01 * gradient
        torch.testing.assert_close(*outputs)
        torch.testing.assert_close(*gradients)
        states = [list(layer.buffers()) for layer in (ours, theirs)]
        torch.testing.assert_close(*states)


def assert_gradients(layer: nn.Module, x: torch.Tensor) -> None:
    """Check first and second derivatives, in the input and every parameter, against finite differences."""
    layer.double()
    names = [name for name, _ in layer.named_parameters()]
    buffers = {name: buffer.clone() for name, buffer in layer.named_buffers()}

    def function(x, *parameters):
        return functional_call(layer, dict(zip(names, parameters)) | buffers, x)

    arguments = [x.double().requires_grad_()]
    arguments += [p.detach().clone().requires_grad_() for p in layer.parameters()]
    assert torch.autograd.gradcheck(function, arguments, fast_mode=True)
    assert torch.autograd.gradgradcheck(function, arguments, fast_mode=True)
