"""Initial values: LeCun's, Xavier's, He's, orthogonal and layer-sequential unit-variance, and what they do to depth."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from d2lcnn.training.metrics import evaluation_mode

# The layers whose weight is laid out as outputs × inputs per group × kernel; others keep their values.
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
DISTRIBUTIONS = ("normal", "uniform")


def _layers(net: nn.Module) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = [
        (name, module) for name, module in net.named_modules() if isinstance(module, LAYERS)
    ]
    if not found:
        raise ValueError(
            f"Initializers fill nn.Linear and nn.Conv1d, 2d and 3d layers; {type(net).__name__} has none. "
            "Give a network that has, or fill its tensors with torch.nn.init."
        )
    return found


def _check(distribution: str) -> None:
    if distribution not in DISTRIBUTIONS:
        raise ValueError(
            f'The distribution must be "normal" or "uniform", got {distribution!r}. Choose one of them.'
        )


def gain(activation: str, negative_slope: float = 0.01) -> float:
    """Give the factor by which weights must be larger for an activation to keep the signal's size.

    Args:
        activation: "linear", "sigmoid", "tanh", "relu", "leaky_relu" or "selu", as torch names them.
        negative_slope: Slope a of the leaky ReLU below zero.

    Returns:
        1 for linear and sigmoid, 5/3 for tanh, √2 for ReLU, √(2/(1 + a²)) for leaky ReLU, 3/4 for SELU.

    Raises:
        ValueError: If the activation is unknown.

    Source:
        He et al. (2015), section 2.2, for the ReLUs. The 5/3 of tanh is a value from practice, near
        1.7159, by which LeCun et al. (1998) scale their tanh.

    Example:
        >>> round(gain("tanh"), 3), round(gain("relu"), 3)
        (1.667, 1.414)
    """
    known = ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu")
    if activation not in known:
        raise ValueError(
            f"The gain of {activation!r} is not known: choose one of {', '.join(known)}, or give a number."
        )
    return float(nn.init.calculate_gain(activation, negative_slope if activation == "leaky_relu" else None))  # type: ignore[arg-type]


def _fill(net: nn.Module, fill: Callable[[Tensor], Any]) -> nn.Module:
    for _, layer in _layers(net):
        # Group by group, as the fan-out of a grouped convolution is that of one of its groups.
        for weight in layer.weight.data.chunk(getattr(layer, "groups", 1)):
            fill(weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return net


def init_normal(net: nn.Module, *, std: float = 0.01) -> nn.Module:
    """Draw all weights from N(0, std²) whatever the layer's size, as AlexNet did, and set all biases to zero.

    Args:
        net: The network; its linear and convolutional layers are filled in place.
        std: The standard deviation.

    Source:
        Krizhevsky, Sutskever and Hinton (2012), section 5.

    Example:
        >>> layer = init_normal(nn.Linear(500, 500), std=0.01)
        >>> round(layer.weight.std().item(), 3)
        0.01
    """
    return _fill(net, lambda weight: nn.init.normal_(weight, std=std))


def init_lecun(net: nn.Module, *, distribution: str = "normal", gain: float = 1.0) -> nn.Module:
    """Draw all weights with the variance gain²/n_in, which keeps the forward signal, and set all biases to zero.

    Args:
        net: The network; its linear and convolutional layers are filled in place.
        distribution: "normal", or "uniform" within ±gain·√(3/n_in).
        gain: The factor for the activation.

    Raises:
        ValueError: If the distribution is another, or the network has no layer to fill.

    Source:
        LeCun, Bottou, Orr and Müller (1998), Efficient BackProp, section 4.6.

    Example:
        >>> layer = init_lecun(nn.Linear(400, 400))
        >>> round(layer.weight.std().item() * 400**0.5, 1)
        1.0
    """
    _check(distribution)

    def fill(weight: Tensor) -> None:
        std = gain / math.sqrt(weight[0].numel())
        if distribution == "normal":
            nn.init.normal_(weight, std=std)
        else:
            nn.init.uniform_(weight, -math.sqrt(3) * std, math.sqrt(3) * std)

    return _fill(net, fill)


def init_xavier(net: nn.Module, *, distribution: str = "uniform", gain: float = 1.0) -> nn.Module:
    """Draw all weights with the variance 2·gain²/(n_in + n_out), between forward's 1/n_in and backward's 1/n_out.

    Biases become zero.

    Args:
        net: The network; its linear and convolutional layers are filled in place.
        distribution: "normal", or "uniform" within ±gain·√(6/(n_in + n_out)).
        gain: The factor for the activation.

    Raises:
        ValueError: If the distribution is another, or the network has no layer to fill.

    Source:
        Glorot and Bengio (2010), equations 12 and 16.

    Differs from:
        `torch.nn.init` on a convolution in groups, where n_out is here that of one group, as n_in is.

    Example:
        >>> layer = init_xavier(nn.Linear(3, 3))
        >>> bool(layer.weight.abs().max() <= 1), bool(layer.bias.any())
        (True, False)
    """
    _check(distribution)
    fill = nn.init.xavier_normal_ if distribution == "normal" else nn.init.xavier_uniform_
    return _fill(net, lambda weight: fill(weight, gain))


def init_he(
    net: nn.Module, *, distribution: str = "normal", negative_slope: float = 0.0, mode: str = "fan_in"
) -> nn.Module:
    """Draw all weights with the variance 2/((1 + a²)·n), which makes up for the half that ReLU cuts away.

    Biases become zero.

    Args:
        net: The network; its linear and convolutional layers are filled in place.
        distribution: "normal" or "uniform".
        negative_slope: Slope a of a leaky ReLU below zero; 0 is ReLU.
        mode: "fan_in" keeps the forward signal (n = n_in), "fan_out" the gradient (n = n_out).

    Raises:
        ValueError: If the distribution or mode is another, or the network has no layer to fill.

    Source:
        He, Zhang, Ren and Sun (2015), Delving deep into rectifiers, equations 10, 14 and 15.

    Differs from:
        `torch.nn.init` on a convolution in groups, where n_out is here that of one group, as n_in is.

    Example:
        >>> layer = init_he(nn.Linear(400, 400))
        >>> round(layer.weight.var().item() * 400)
        2
    """
    _check(distribution)
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'The mode must be "fan_in" or "fan_out", got {mode!r}. Choose one of them.')
    fill = nn.init.kaiming_normal_ if distribution == "normal" else nn.init.kaiming_uniform_
    return _fill(net, lambda weight: fill(weight, negative_slope, mode, "leaky_relu"))  # type: ignore[arg-type]


def init_orthogonal(net: nn.Module, *, gain: float = 1.0) -> nn.Module:
    """Make the rows (or columns, if there are more rows) of all weight matrices orthonormal, W·Wᵀ = gain²·I.

    A kernel counts as a matrix of outputs × (inputs · kernel positions). Biases become zero.

    Args:
        net: The network; its linear and convolutional layers are filled in place.
        gain: The factor for the activation.

    Raises:
        ValueError: If the network has no layer to fill.

    Source:
        Saxe, McClelland and Ganguli (2014), Exact solutions to the nonlinear dynamics of learning in deep linear
        neural networks, section 3.

    Example:
        >>> W = init_orthogonal(nn.Linear(5, 3)).weight
        >>> torch.allclose(W @ W.T, torch.eye(3), atol=1e-6)
        True
    """
    return _fill(net, lambda weight: nn.init.orthogonal_(weight, gain))


def lsuv(
    net: nn.Module, X: Tensor, *, tolerance: float = 0.1, max_steps: int = 10
) -> dict[str, tuple[float, float, int]]:
    """Initialize layer by layer so that on a real batch every layer's output has the variance one (LSUV).

    All weights start orthonormal; then, from the first layer to the last, W ← W / √Var(output) until
    the variance differs from 1 by less than the tolerance.

    Args:
        net: The network, filled in place; it runs in evaluation mode.
        X: A batch of its data.
        tolerance: How far the variance may stay from one.
        max_steps: How often a layer is rescaled at most.

    Returns:
        For each layer, in the order in which they run, the variance before the first and after the last rescaling,
        and the number of rescalings.

    Raises:
        ValueError: If the tolerance or the steps are not positive, the network has no layer to fill, or some layer
            gives a constant, whose variance no factor makes one.

    Source:
        Mishkin and Matas (2016), All you need is a good init, Algorithm 1.

    Differs from:
        The paper in nothing on purpose; a layer that runs more than once is scaled for its first output.

    Example:
        >>> net = nn.Sequential(nn.Linear(20, 50), nn.ReLU(), nn.Linear(50, 50), nn.ReLU(), nn.Linear(50, 10))
        >>> report = lsuv(net, torch.randn(200, 20))
        >>> all(abs(after - 1) < 0.1 for before, after, steps in report.values())
        True
    """
    if not tolerance > 0 or max_steps < 1:
        raise ValueError(
            f"LSUV needs a positive tolerance and at least one step, got tolerance={tolerance} and "
            f"max_steps={max_steps}. The paper takes 0.1 and 10."
        )
    init_orthogonal(net)
    variances: dict[str, float] = {}

    def hook(name: str) -> Any:
        def note(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            if name not in variances:
                variances[name] = output.double().var(correction=0).item()

        return note

    def measure() -> dict[str, float]:
        variances.clear()
        net(X)
        return dict(variances)

    layers = dict(_layers(net))
    handles = [layer.register_forward_hook(hook(name)) for name, layer in layers.items()]
    report: dict[str, tuple[float, float, int]] = {}
    try:
        with evaluation_mode(net), torch.no_grad():
            for name in measure():
                before = variance = measure()[name]
                steps = 0
                while True:
                    if not 0 < variance < math.inf:
                        raise ValueError(
                            f"Layer {name!r} gives values of variance {variance}, which no factor makes one. Use a "
                            "batch whose examples differ, and activations that do not die."
                        )
                    if abs(variance - 1) < tolerance or steps == max_steps:
                        break
                    layers[name].weight.div_(math.sqrt(variance))
                    variance = measure()[name]
                    steps += 1
                report[name] = (before, variance, steps)
    finally:
        for handle in handles:
            handle.remove()
    return report


@dataclass(frozen=True)
class VarianceProfile:
    """Variances through a stack of layers, one number for each layer from the first to the last.

    Args:
        activations: Var of what the activation of layer i gives.
        pre_activations: Var of its argument, the layer's weighted sums.
        gradients: Var of the loss's derivatives with respect to those sums.
        weight_gradients: Var of its derivatives with respect to the layer's weights.

    Example:
        >>> variance_through_depth(4, 16).gradients.shape
        (4,)
    """

    activations: np.ndarray[Any, Any]
    pre_activations: np.ndarray[Any, Any]
    gradients: np.ndarray[Any, Any]
    weight_gradients: np.ndarray[Any, Any]


def variance_through_depth(
    depth: int = 50,
    width: int = 256,
    activation: Callable[[Tensor], Tensor] = torch.tanh,
    init: Callable[[nn.Module], Any] = init_xavier,
    *,
    batch_size: int = 128,
    seed: int = 0,
) -> VarianceProfile:
    """Send N(0, 1) noise through a stack of dense layers and back, and measure how its variance grows or dies.

    Layer i computes a_i = W_i·z_{i−1} and z_i = activation(a_i). The gradient that comes in at the end is N(0, 1)
    noise of its own, so that no loss decides its size. All in float64 on the CPU; torch's own random numbers are
    left as they were.

    Args:
        depth: Number of layers.
        width: Inputs and outputs of each layer.
        activation: Works on each element.
        init: Called with each layer, such as `init_xavier`, or `functools.partial(init_normal, std=0.01)`.
        batch_size: Number of examples.
        seed: Of the weights, the examples and the gradient.

    Raises:
        ValueError: If a size is below 1.

    Source:
        Glorot and Bengio (2010), equations 5 to 9 and figures 6 and 7.

    Example:
        Without activation and with the variance 1/n, every layer keeps the variance.

        >>> profile = variance_through_depth(10, 256, lambda a: a, init_lecun)
        >>> bool(abs(profile.activations - 1).max() < 0.3), bool(abs(profile.gradients - 1).max() < 0.3)
        (True, True)
    """
    if min(depth, width, batch_size) < 1:
        raise ValueError(
            f"Depth, width and batch size must be at least 1, got {depth}, {width} and {batch_size}. Give larger ones."
        )
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        layers = [nn.Linear(width, width, bias=False, dtype=torch.float64) for _ in range(depth)]
        z = torch.randn(batch_size, width, dtype=torch.float64)
        sums, outputs = [], []
        for layer in layers:
            init(layer)
            sums.append(layer(z))
            z = activation(sums[-1])
            outputs.append(z)
        gradients = torch.autograd.grad(z, [*sums, *(layer.weight for layer in layers)], torch.randn_like(z))

    def variances(tensors: Any) -> np.ndarray[Any, Any]:
        return np.array([tensor.detach().var(correction=0).item() for tensor in tensors])

    return VarianceProfile(
        variances(outputs), variances(sums), variances(gradients[:depth]), variances(gradients[depth:])
    )
