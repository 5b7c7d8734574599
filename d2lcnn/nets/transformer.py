"""The Transformer block, where layer normalization lives: self-attention and a small dense network per token."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from d2lcnn.layers.checks import check_at_least


class MultiHeadSelfAttention(nn.Module):
    """Self-attention in several heads: in each, softmax(QKᵀ / √d)·V, with d = embed_dim / num_heads.

    Args:
        embed_dim: Width E of the tokens.
        num_heads: Number of heads, which share the width among them.
        causal: Each token sees only itself and those before it.

    Shape:
        N×L×E → N×L×E.

    Raises:
        ValueError: If the heads do not divide the width.

    Source:
        Vaswani et al. (2017), section 3.2, equation 1.

    Differs from:
        The paper, whose projections have no bias in its formulas; torch's have one, and so have these.
        torch.nn.MultiheadAttention in having one input, batch first, no dropout of attention weights.

    Example:
        >>> MultiHeadSelfAttention(8, 2)(torch.zeros(1, 5, 8)).shape
        torch.Size([1, 5, 8])
    """

    def __init__(self, embed_dim: int, num_heads: int, *, causal: bool = False) -> None:
        super().__init__()
        check_at_least(1, num_heads=num_heads)
        if embed_dim % num_heads:
            raise ValueError(
                f"The heads share the width among them, so num_heads must divide embed_dim; got {num_heads} heads for "
                f"a width of {embed_dim}. Take for example embed_dim={num_heads * 64}."
            )
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.causal = causal
        self.in_proj = nn.Linear(embed_dim, 3 * embed_dim)  # queries, keys and values in one product
        self.out_proj = nn.Linear(embed_dim, embed_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Let the tokens of each sequence look at each other."""
        if x.dim() != 3 or x.shape[2] != self.embed_dim:
            raise ValueError(
                f"Attention takes sequences of tokens, N×L×{self.embed_dim}, and got a tensor of shape "
                f"{tuple(x.shape)}. Embed the tokens in {self.embed_dim} numbers, and put the batch first."
            )
        batch, length, width = x.shape
        heads = self.in_proj(x).reshape(batch, length, 3, self.num_heads, width // self.num_heads)
        q, k, v = heads.permute(2, 0, 3, 1, 4)  # each N×heads×L×d
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5  # N×heads×L×L
        if self.causal:
            later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(diagonal=1)
            scores = scores.masked_fill(later, -torch.inf)
        mixed = scores.softmax(dim=-1) @ v
        out: Tensor = self.out_proj(mixed.transpose(1, 2).reshape(batch, length, width))
        return out


class TransformerBlock(nn.Module):
    """A Transformer block: attention, then a dense network for each token, each with a norm and a shortcut.

    Post-norm, as published: x ← norm(x + sublayer(x)). Pre-norm: x ← x + sublayer(norm(x)), which leaves the
    shortcut free from end to end.

    Args:
        embed_dim: Width E of the tokens.
        num_heads: Number of attention heads.
        feedforward_dim: Width of the hidden layer of the dense network.
        dropout: Probability with which a number that a sublayer gives is dropped in training.
        pre_norm: Normalize each sublayer's input, not the sum.
        causal: Each token sees only itself and those before it, as in a decoder.
        norm_layer: Makes the norms, called with the width.
        activation_layer: Makes the activation of the hidden layer.

    Shape:
        N×L×E → N×L×E.

    Raises:
        ValueError: If the heads do not divide the width, or the input is not N×L×E.

    Source:
        Vaswani et al. (2017), sections 3.1 to 3.3 and 5.4, with the base model's sizes (Table 3); pre-norm: Xiong
        et al. (2020), figure 1(b).

    Differs from:
        The paper's decoder, which has a third sublayer that looks at the encoder.
        torch.nn.TransformerEncoderLayer, which drops attention weights and hidden units as well; with dropout 0 it
        is the same function, with its tensors in its order.

    Example:
        >>> block = TransformerBlock(causal=True)
        >>> block(torch.zeros(2, 5, 512)).shape
        torch.Size([2, 5, 512])
        >>> sum(p.numel() for p in block.parameters())
        3152384
    """

    def __init__(
        self,
        embed_dim: int = 512,
        num_heads: int = 8,
        feedforward_dim: int = 2048,
        *,
        dropout: float = 0.1,
        pre_norm: bool = False,
        causal: bool = False,
        norm_layer: Callable[[int], nn.Module] = nn.LayerNorm,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        self.pre_norm = pre_norm
        self.attention = MultiHeadSelfAttention(embed_dim, num_heads, causal=causal)
        self.feedforward = nn.Sequential(
            nn.Linear(embed_dim, feedforward_dim), activation_layer(), nn.Linear(feedforward_dim, embed_dim)
        )
        self.norm1 = norm_layer(embed_dim)
        self.norm2 = norm_layer(embed_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Let the tokens look at each other, then change each by itself."""
        for sublayer, norm in ((self.attention, self.norm1), (self.feedforward, self.norm2)):
            if self.pre_norm:
                x = x + self.dropout(sublayer(norm(x)))
            else:
                x = norm(x + self.dropout(sublayer(x)))
        return x
