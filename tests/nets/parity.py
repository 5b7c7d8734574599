"""Proof by weight transfer that two networks are the same function, in evaluation and in training."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

# In float64 two ways to add the same numbers differ by about 1e-15; a wrong epsilon shows at 1e-6 and more.
RELATIVE = 1e-9


def randomise(net: nn.Module) -> None:
    """Draw every parameter and running statistic anew: the values of a fresh norm hide a wrong mapping or epsilon."""
    for name, tensor in net.state_dict().items():
        if not tensor.is_floating_point():
            tensor.zero_()
        elif name.endswith("running_var") or (name.endswith("weight") and tensor.dim() < 2):
            tensor.uniform_(0.5, 1.5)
        elif tensor.dim() < 2:
            tensor.uniform_(-0.2, 0.2)
        else:
            bound = (6 / tensor[0].numel()) ** 0.5
            tensor.uniform_(-bound, bound)


def transfer(ours: nn.Module, theirs: nn.Module) -> None:
    """Copy a state dict into another by the order of registration; the shapes must be equal one by one."""
    source, target = theirs.state_dict(), ours.state_dict()
    there, here = ([(name, tuple(t.shape)) for name, t in state.items()] for state in (source, target))
    wrong = [(a, b) for a, b in zip(here, there) if a[1] != b[1]]
    assert not wrong, f"tensors out of order or of another shape, ours and theirs: {wrong[:5]}"
    assert len(here) == len(there), f"{len(here)} tensors in ours, {len(there)} in theirs"
    ours.load_state_dict(dict(zip(target, source.values())))


def in_float64(net: nn.Module) -> nn.Module:
    """Give the network in float64; memory for one built on the `meta` device, which saves its initialization."""
    if any(tensor.is_meta for tensor in net.state_dict().values()):
        assert len(net.state_dict()) == len([*net.parameters(), *net.buffers()]), (
            "a buffer would stay undefined"
        )
        return net.double().to_empty(device="cpu")
    return net.double()


def tensors(output: Tensor | tuple[Tensor | None, ...]) -> list[Tensor]:
    """Give a network's output as a list: auxiliary heads come in a tuple."""
    return [output] if isinstance(output, Tensor) else [tensor for tensor in output if tensor is not None]


def assert_close(ours: Tensor, theirs: Tensor, what: str, scale: float = 0.0) -> None:
    """Compare within rounding, measured by the largest element, or by `scale` where that is larger."""
    assert ours.shape == theirs.shape, f"{what}: {tuple(ours.shape)} and {tuple(theirs.shape)}"
    if not theirs.is_floating_point():
        assert torch.equal(ours, theirs), what
        return
    error, scale = (ours - theirs).abs().max().item(), max(scale, theirs.abs().max().item())
    assert math.isfinite(scale), f"{what}: not finite, so nothing would be compared"
    assert error <= RELATIVE * scale, f"{what}: differ by {error:.2e} where the largest is {scale:.2e}"


def assert_same_network(
    ours: nn.Module, theirs: nn.Module, X: Tensor, *, train: bool = True, seed: int = 1
) -> None:
    """Assert that two networks with the same weights, in the order of registration, are the same in float64.

    The outputs in evaluation mode; then, if `train`, of one step in training mode the outputs, the gradients of
    the input and of every parameter, and the buffers afterwards. Dropout stays on: both draw from the same seed.
    Large networks are best built under `torch.device("meta")`, as their weights are drawn here anyway.
    """
    ours, theirs = in_float64(ours), in_float64(theirs)
    randomise(theirs)
    transfer(ours, theirs)
    inputs = [X.double().clone().requires_grad_() for _ in range(2)]

    with torch.no_grad():
        outputs = [tensors(net.eval()(x)) for net, x in zip((ours, theirs), inputs)]
    assert len(outputs[0]) == len(outputs[1])
    for i, pair in enumerate(zip(*outputs)):
        assert_close(*pair, f"output {i} in evaluation")
    assert all(output.abs().max() > 0 for output in outputs[1]), "outputs of zeros prove nothing"
    if not train:
        return

    outputs = []
    for net, x in zip((ours, theirs), inputs):
        torch.manual_seed(seed)
        outputs.append(tensors(net.train()(x)))
        # Random coefficients: a plain sum has no gradient through a norm.
        sum((output * torch.randn_like(output)).sum() for output in outputs[-1]).backward()
    assert len(outputs[0]) == len(outputs[1])
    for i, pair in enumerate(zip(*outputs)):
        assert_close(*pair, f"output {i} in training")
    assert_close(inputs[0].grad, inputs[1].grad, "gradient of the input")
    # The bias in front of a batch norm has the gradient zero, plus rounding of its layer's size.
    scales: dict[str, float] = {}
    for other, q in theirs.named_parameters():
        if q.grad is not None:
            layer = other.rpartition(".")[0]
            scales[layer] = max(scales.get(layer, 0.0), q.grad.abs().max().item())
    for (name, p), (other, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert (p.grad is None) == (q.grad is None), f"only one of {name} and {other} has a gradient"
        if q.grad is not None:
            what = f"gradient of {name} and {other}"
            assert_close(p.grad, q.grad, what, scales[other.rpartition(".")[0]])
    for (name, b), (other, c) in zip(ours.named_buffers(), theirs.named_buffers(), strict=True):
        assert_close(b, c, f"{name} and {other} after a step")
