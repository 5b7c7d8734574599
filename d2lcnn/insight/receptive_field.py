"""How much of the image one output of a layer sees: formulas for one layer, and the field of every layer of a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from d2lcnn.insight.shapes import run_for_shapes
from d2lcnn.layers.evonorm import EvoNormB0, EvoNormS0
from d2lcnn.layers.filter_response_norm import FilterResponseNorm2d
from d2lcnn.layers.group_norm import GroupNorm, InstanceNorm2d
from d2lcnn.layers.layer_norm import LayerNorm
from d2lcnn.layers.weight_norm import MeanOnlyLayerNorm
from d2lcnn.training.metrics import evaluation_mode


def output_size(n: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Give the number of outputs along one side, ⌊(n + 2p − d(k − 1) − 1) / s⌋ + 1.

    Args:
        n: Pixels along that side of the input.
        kernel_size: Side k of the window.
        stride: Step s between windows.
        padding: Pixels p added at each end.
        dilation: Distance d between the pixels that a window takes.

    Raises:
        ValueError: If a size is below 1, the padding negative, or the window larger than the padded input.

    Source:
        Dumoulin and Visin (2016), A guide to convolution arithmetic, relationship 15.

    Example:
        >>> output_size(227, 11, stride=4), output_size(224, 7, stride=2, padding=3)
        (55, 112)
    """
    for name, value, least in (
        ("n", n, 1),
        ("kernel_size", kernel_size, 1),
        ("stride", stride, 1),
        ("padding", padding, 0),
        ("dilation", dilation, 1),
    ):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}. Give a size in whole pixels.")
    extent = dilation * (kernel_size - 1) + 1
    if extent > n + 2 * padding:
        raise ValueError(
            f"A window must fit into the padded input: it spans {extent} pixels, and the input has {n + 2 * padding}. "
            f"Take a larger image, or a padding of at least {-((n - extent) // 2)}."
        )
    return (n + 2 * padding - extent) // stride + 1


def next_field(size: int, jump: int, kernel_size: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Give the receptive field and the jump behind one more layer, r′ = r + (k − 1)·d·j and j′ = j·s.

    Args:
        size: Receptive field r in front of the layer, 1 at the image.
        jump: Distance j in image pixels between neighbours in front of the layer, 1 at the image.
        kernel_size: Side k of the layer's window.
        stride: The layer's stride s.
        dilation: The layer's dilation d.

    Source:
        Araujo, Norris and Sim (2019), Computing receptive fields of convolutional neural networks, equation 2 read
        from the input on.

    Example:
        Three 3×3 layers see as much as one of 7×7.

        >>> size, jump = 1, 1
        >>> for _ in range(3):
        ...     size, jump = next_field(size, jump, kernel_size=3)
        >>> size
        7
    """
    return size + (kernel_size - 1) * dilation * jump, jump * stride


class _Axis(NamedTuple):
    """What outputs see along one axis: output i sees the pixels start + i·jump … start + i·jump + size − 1."""

    start: int
    size: int
    jump: int

    def window(self, kernel_size: int, stride: int, padding: int, dilation: int) -> _Axis:
        """Slide a window."""
        return _Axis(
            self.start - padding * self.jump, *next_field(self.size, self.jump, kernel_size, stride, dilation)
        )

    def union(self, other: _Axis) -> _Axis:
        """See what either sees."""
        start = min(self.start, other.start)
        end = max(self.start + self.size, other.start + other.size)
        return _Axis(start, end - start, max(self.jump, other.jump))


_Field = tuple[_Axis, _Axis]

aten = torch.ops.aten
_ADAPTIVE = (
    aten._adaptive_avg_pool2d,
    aten.adaptive_avg_pool2d,
    aten.adaptive_max_pool2d,
    aten.mean,
    aten.sum,
    aten.amax,
)
# Their own statistics over the whole map are left out, as in torch's, which are one operation.
NORMS = (EvoNormB0, EvoNormS0, FilterResponseNorm2d, GroupNorm, InstanceNorm2d, LayerNorm, MeanOnlyLayerNorm)
_PADS = (aten.constant_pad_nd, aten.reflection_pad2d, aten.replication_pad2d)


def _pair(value: Sequence[int] | int) -> tuple[int, int]:
    values = [value, value] if isinstance(value, int) else list(value)
    return values[0], values[-1]


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


class _FieldMode(TorchDispatchMode):
    """Follows the fields of all tensors that depend on the input through every operation that torch runs."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.fields = WeakTensorKeyDictionary()
        self.fields[images] = (_Axis(0, 1, 1), _Axis(0, 1, 1))
        self.windows = 0
        self.paused = False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if self.paused:
            return func(*args, **(kwargs or {}))
        sources = [t for t in _tensors([*args, *(kwargs or {}).values()]) if t in self.fields]
        known = [(self.fields[t], tuple(t.shape)) for t in sources]
        out = func(*args, **(kwargs or {}))
        if known:
            for tensor in _tensors(out):
                self.fields[tensor] = self._follow(func, args, known, tuple(tensor.shape))
        return out

    def _follow(
        self,
        func: Any,
        args: tuple[Any, ...],
        known: list[tuple[_Field, tuple[int, ...]]],
        shape: tuple[int, ...],
    ) -> _Field:
        operation = func.overloadpacket
        if operation in (aten.roll, aten.flip) or (operation is aten.convolution and args[6]):
            raise self._unknown(func, known[0][1], shape)
        field, input_shape = known[0]
        for other, other_shape in known[1:]:
            field = (field[0].union(other[0]), field[1].union(other[1]))
            if input_shape[2:] == (1, 1) and other_shape[2:] != (1, 1):
                input_shape = other_shape
        # A single value for the whole map, such as a gate, has no neighbours: the map's own jump remains.
        jumps = [f for f, s in known if s[-2:] == input_shape[-2:]]
        field = (
            field[0]._replace(jump=max(f[0].jump for f in jumps)),
            field[1]._replace(jump=max(f[1].jump for f in jumps)),
        )
        if len(input_shape) == 4 and len(shape) == 4:
            if operation is aten.convolution:
                return self._window(field, args[1].shape[2:], args[3], args[4], args[5])
            if operation in (aten.max_pool2d_with_indices, aten.max_pool2d):
                kernel_size, stride, padding, dilation = (*args[1:5], *([], 0, 1)[len(args) - 2 :])[:4]
                return self._window(field, kernel_size, stride or kernel_size, padding, dilation)
            if operation is aten.avg_pool2d:
                kernel_size, stride, padding = (*args[1:4], *([], 0)[len(args) - 2 :])[:3]
                return self._window(field, kernel_size, stride or kernel_size, padding, 1)
            if operation in _ADAPTIVE and shape[2:] != input_shape[2:]:
                return self._adaptive(field, input_shape[2:], shape[2:])
            if operation is aten.slice and args[1] in (2, 3, -1, -2):
                return self._slice(field, args[1] % 4 - 2, input_shape, *args[2:])
            if operation in _PADS:
                left, top = (args[1][0], args[1][2] if len(args[1]) > 2 else 0)
                return (field[0].window(1, 1, top, 1), field[1].window(1, 1, left, 1))
        if len(shape) < 4:
            # Every output may see all that any position sees.
            sides = input_shape[-2:] if len(input_shape) >= 4 else (1, 1)
            return tuple(  # type: ignore[return-value]
                axis._replace(size=axis.size + (n - 1) * axis.jump) for axis, n in zip(field, sides)
            )
        # More than four dimensions, rows and columns last, are channels split or given neighbours, as in LRN.
        same_size = all(len(s) < 4 or s[-2:] in (shape[-2:], (1, 1)) for _, s in known)
        if not same_size or operation in (aten.permute, aten.transpose):
            raise self._unknown(func, input_shape, shape)
        return field

    def _unknown(self, func: Any, input_shape: tuple[int, ...], shape: tuple[int, ...]) -> ValueError:
        return ValueError(
            f"Receptive fields follow convolutions, pooling, padding, slices, and what works at each pixel; the "
            f"network runs {func} on {input_shape}, giving {shape}. Measure the part of the network in front of it."
        )

    def _window(self, field: _Field, kernel_size: Any, stride: Any, padding: Any, dilation: Any) -> _Field:
        self.windows += 1
        pairs = zip(*map(_pair, (kernel_size, stride, padding, dilation)))
        (high, wide), (first, second) = field, pairs
        return high.window(*first), wide.window(*second)

    def _adaptive(self, field: _Field, sides: tuple[int, ...], outputs: tuple[int, ...]) -> _Field:
        if any(n % m for n, m in zip(sides, outputs)):
            raise ValueError(
                f"An adaptive pooling has one stride only if its outputs divide its inputs; here it makes "
                f"{outputs[0]}×{outputs[1]} of {sides[0]}×{sides[1]}. Take another image size."
            )
        kernel = [n // m for n, m in zip(sides, outputs)]
        return self._window(field, kernel, kernel, 0, 1)

    def _slice(
        self,
        field: _Field,
        axis: int,
        shape: tuple[int, ...],
        start: int | None = None,
        end: int | None = None,
        step: int = 1,
    ) -> _Field:
        first = max(start + shape[2 + axis], 0) if start is not None and start < 0 else (start or 0)
        axes = list(field)
        axes[axis] = axes[axis].window(1, step, -first, 1)
        return axes[0], axes[1]


@dataclass(frozen=True)
class FieldRow:
    """What one layer's outputs see of the image; each pair is vertical, horizontal, in image pixels.

    Output i sees the pixels start + i·jump … start + i·jump + size − 1, of which those outside the image are padding.

    Args:
        name: Name of the module in the network.
        kind: Name of its class.
        output_size: Height and width of what it gives.
        size: Receptive field of one output.
        jump: Distance between the fields of neighbouring outputs, the product of the strides so far.
        start: First pixel that output 0 sees, negative where padding lies in front of the image.

    Example:
        >>> receptive_field(nn.Sequential(nn.Conv2d(1, 1, 5, stride=2, padding=2)), (1, 1, 28, 28))[0].start
        (-2, -2)
    """

    name: str
    kind: str
    output_size: tuple[int, int]
    size: tuple[int, int]
    jump: tuple[int, int]
    start: tuple[int, int]


class FieldTable(list[FieldRow]):
    """Rows of `receptive_field` that print as an aligned table.

    Example:
        >>> print(receptive_field(nn.Sequential(nn.Conv2d(1, 1, (1, 7)), nn.MaxPool2d(2)), (1, 1, 28, 28)))
        layer  type       output  field  jump  start
        0      Conv2d      28×22    1×7     1      0
        1      MaxPool2d   14×11    2×8     2      0
    """

    def __str__(self) -> str:
        rows = [("layer", "type", "output", "field", "jump", "start")]
        for row in self:
            pairs = (row.output_size, row.size, row.jump, row.start)
            rows.append((row.name, row.kind, *(f"{a}" if a == b else f"{a}×{b}" for a, b in pairs)))  # type: ignore[arg-type]
        widths = [max(len(row[i]) for row in rows) for i in range(6)]
        return "\n".join(
            "  ".join(
                cell.rjust(w) if i > 1 else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths))
            )
            for row in rows
        )

    __repr__ = __str__


def receptive_field(net: nn.Module, X: Tensor | Sequence[int]) -> FieldTable:
    """Give the receptive field of every convolution and pooling layer, followed through the live network.

    Where branches meet, an output sees the smallest rectangle that holds what each branch sees: with branches of one
    centre, the largest of their fields.
    Behind a gate over the whole map, as in squeeze-and-excitation, every output sees the whole image, and the size is
    an upper bound.

    Args:
        net: The network; it is left as it was, and runs on the `meta` device, without arithmetic.
        X: A batch of images, or the shape of one.

    Returns:
        One row for each module without children that slides a window, in the order in which they run.

    Raises:
        ValueError: If the images are not N×C×H×W, or on the way to a layer lies an operation whose field is not
            known, such as a transposed convolution.

    Source:
        Araujo, Norris and Sim (2019), Computing receptive fields of convolutional neural networks.

    Differs from:
        What an output strictly depends on, in norms: layer, group and instance norm take their statistics over the
        whole map, and are counted like batch norm in evaluation, pixel by pixel.

    Example:
        >>> from d2lcnn.nets.lenet import lenet
        >>> print(receptive_field(lenet(), (1, 1, 28, 28)))
        layer  type       output  field  jump  start
        conv1  Conv2d         28      5     1     -2
        pool1  AvgPool2d      14      6     2     -2
        conv2  Conv2d         10     14     2     -2
        pool2  AvgPool2d       5     16     4     -2
    """
    shape = tuple(X.shape) if isinstance(X, Tensor) else tuple(X)
    if len(shape) != 4:
        raise ValueError(
            f"Receptive fields are measured on a batch of images, N×C×H×W, and got the shape {shape}. "
            "For a single image add the batch dimension."
        )
    layers = {
        name: module for name, module in net.named_modules() if not any(True for _ in module.children())
    }

    def run(forward: Callable[[], Any]) -> FieldTable:
        table = FieldTable()
        mode: _FieldMode | None = None
        windows_before = 0

        def enter(_: nn.Module, args: tuple[Any, ...]) -> None:
            nonlocal mode
            if mode is None:
                mode = stack.enter_context(_FieldMode(args[0]))

        def before(module: nn.Module, _: Any) -> None:
            nonlocal windows_before
            if mode is not None:
                windows_before = mode.windows
                mode.paused = isinstance(module, NORMS)

        def after(name: str) -> Any:
            def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
                if mode is not None and mode.paused:
                    mode.paused = False
                    for given in _tensors([*args, *kwargs.values()]):
                        if given in mode.fields:
                            mode.fields[output] = mode.fields[given]
                if mode is None or mode.windows == windows_before or not isinstance(output, Tensor):
                    return
                high, wide = mode.fields[output]
                table.append(
                    FieldRow(
                        name,
                        type(module).__name__,
                        (output.shape[2], output.shape[3]),
                        (high.size, wide.size),
                        (high.jump, wide.jump),
                        (high.start, wide.start),
                    )
                )

            return hook

        with ExitStack() as stack, evaluation_mode(net), torch.no_grad():
            stack.callback(net.register_forward_pre_hook(enter).remove)
            for name, module in layers.items():
                stack.callback(module.register_forward_pre_hook(before).remove)
                stack.callback(module.register_forward_hook(after(name), with_kwargs=True).remove)
            forward()
        return table

    return run_for_shapes(net, X, run)
