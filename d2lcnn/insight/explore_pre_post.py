"""A figure that moves: gradients on their way back through stacks of pre-norm and of post-norm Transformer blocks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from d2lcnn.insight.explorer import Explorer
from d2lcnn.insight.svg import BLUE, ORANGE, Drawing
from d2lcnn.nets.transformer import TransformerBlock

DEPTHS = (2, 4, 8, 12, 16, 24)
SEQUENCES, TOKENS, HEADS = 8, 8, 4


@dataclass(frozen=True)
class StreamProfile:
    """What the stream of tokens is like before each block and after the last one.

    Args:
        deviation: Standard deviation of the stream, over its numbers.
        gradient: Norm of the loss's gradient with respect to the stream.

    Example:
        >>> profile = stream_profile(transformer_stack(3, pre_norm=True))
        >>> len(profile.deviation), len(profile.gradient)
        (4, 4)
    """

    deviation: list[float]
    gradient: list[float]


def transformer_stack(depth: int, *, pre_norm: bool, width: int = 32, seed: int = 0) -> nn.Sequential:
    """Build narrow Transformer blocks on top of each other, in float64, without dropout, with Xavier's weights.

    Behind pre-norm blocks stands one more layer norm, since nothing else would normalize the last sum.

    Args:
        depth: Number of blocks.
        pre_norm: Whether the blocks normalize each sublayer's input, or the sum.
        width: Numbers in a token, a multiple of 4.
        seed: Seed of the weights.

    Raises:
        ValueError: If there is no block.

    Example:
        >>> len(transformer_stack(6, pre_norm=True)), len(transformer_stack(6, pre_norm=False))
        (7, 6)
    """
    if depth < 1:
        raise ValueError(f"A stack has at least one block, got depth={depth}. Give a larger depth.")
    with torch.random.fork_rng(devices=[]):
        blocks: list[nn.Module] = [
            TransformerBlock(width, HEADS, 4 * width, dropout=0.0, pre_norm=pre_norm) for _ in range(depth)
        ]
        stack = nn.Sequential(*blocks, *([nn.LayerNorm(width)] if pre_norm else [])).double()
        torch.manual_seed(seed)  # not before: what building draws depends on the default dtype
        for name, parameter in stack.named_parameters():
            if parameter.dim() == 2:
                nn.init.xavier_uniform_(parameter)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
    return stack


def stream_profile(stack: nn.Sequential, *, seed: int = 0) -> StreamProfile:
    """Send random tokens through a stack and a classifier's cross-entropy, and note stream and gradient at each block.

    Args:
        stack: What `transformer_stack` gives.
        seed: Seed of the tokens, the labels and the classifier.

    Example:
        >>> profile = stream_profile(transformer_stack(12, pre_norm=True))
        >>> profile.deviation[0] < profile.deviation[-1]
        True
    """
    blocks = [layer for layer in stack if isinstance(layer, TransformerBlock)]
    width = blocks[0].attention.embed_dim
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        stream = torch.randn(SEQUENCES, TOKENS, width, dtype=torch.float64).requires_grad_()
        head = nn.Linear(width, 10, dtype=torch.float64)
        labels = torch.randint(10, (SEQUENCES,))
    streams = [stream]
    for block in blocks:
        streams.append(block(streams[-1]))
    last = stack[-1](streams[-1]) if len(stack) > len(blocks) else streams[-1]
    loss = nn.functional.cross_entropy(head(last.mean(dim=1)), labels)
    gradients = torch.autograd.grad(loss, streams)
    return StreamProfile(
        [x.detach().std(correction=0).item() for x in streams], [g.norm().item() for g in gradients]
    )


def explore_pre_post() -> Explorer:
    """Show the gradient's norm at each block of an untrained stack, by depth and by the place of the norm.

    Example:
        >>> print(explore_pre_post())  # doctest: +ELLIPSIS
        Gradients through Transformer blocks (figure that moves)
        norm: post-norm, pre-norm
        blocks: 2, 4, 8, 12, 16, 24
        At norm = post-norm, blocks = 12: ...
    """

    def draw(norm: str, depth: int) -> tuple[Drawing, str]:
        profile = stream_profile(transformer_stack(depth, pre_norm=norm == "pre-norm"))
        drawing = Drawing(400, 236)
        panel = drawing.panel(x=(0, depth + 1), y=(0, 0.32), top=24)
        edges = [float(i) for i in range(depth + 2)]
        panel.bars(edges, profile.gradient, ORANGE if norm == "post-norm" else BLUE)
        panel.axes(sorted({0, depth // 2, depth}), (0, 0.1, 0.2, 0.3), "block, from the input to the loss")
        drawing.text(40, 16, "norm of the loss's gradient in the stream")
        sentence = (
            f"The gradient is {profile.gradient[0]:.2f} before the first block and {profile.gradient[-1]:.2f} after the "
            f"last; the stream's deviation goes from {profile.deviation[0]:.1f} to {profile.deviation[-1]:.1f}."
        )
        return drawing, sentence

    return Explorer(
        draw,
        {"norm": ["post-norm", "pre-norm"], "blocks": list(DEPTHS)},
        title="Gradients through Transformer blocks",
        caption=(
            "An untrained stack, 32 wide, with Xavier's weights. Make it deeper: with which norm do the last blocks "
            "keep a large gradient however deep the stack is, and with which do the first ones get the largest?"
        ),
        start=("post-norm", 12),
    )
