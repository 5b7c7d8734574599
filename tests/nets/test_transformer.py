"""The Transformer block against torch's own layer."""

import pytest
import torch
from torch import nn

from d2lcnn.nets.transformer import MultiHeadSelfAttention, TransformerBlock

from .measures import modules, num_parameters, without_gradient
from .parity import assert_same_network


class Masked(nn.Module):
    """torch's layer, given the mask that our block makes itself."""

    def __init__(self, layer, causal):
        super().__init__()
        self.layer, self.causal = layer, causal

    def forward(self, x):
        mask = (
            nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype) if self.causal else None
        )
        return self.layer(x, src_mask=mask, is_causal=self.causal)


def torchs(width, heads, hidden, pre_norm, activation="relu"):
    return nn.TransformerEncoderLayer(
        width, heads, hidden, dropout=0.0, activation=activation, batch_first=True, norm_first=pre_norm
    )


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("pre_norm", [False, True])
def test_equal_to_torchs_layer(pre_norm, causal):
    ours = TransformerBlock(dropout=0.0, pre_norm=pre_norm, causal=causal)
    theirs = Masked(torchs(512, 8, 2048, pre_norm), causal)
    assert_same_network(ours, theirs, torch.randn(2, 7, 512))


def test_equal_to_torchs_layer_with_another_activation_and_sizes():
    ours = TransformerBlock(12, 3, 20, dropout=0.0, pre_norm=True, activation_layer=nn.GELU)
    assert_same_network(ours, Masked(torchs(12, 3, 20, True, "gelu"), False), torch.randn(3, 5, 12))


def test_a_causal_block_does_not_look_ahead():
    x = torch.randn(2, 6, 16, dtype=torch.float64)
    changed = x.clone()
    changed[:, 4:] += 1
    for causal in (True, False):
        block = TransformerBlock(16, 4, 32, causal=causal).double().eval()
        assert torch.equal(block(x)[:, :4], block(changed)[:, :4]) is causal
        assert not torch.allclose(block(x)[:, 4:], block(changed)[:, 4:])


def test_without_a_mask_the_order_of_the_tokens_does_not_matter():
    block = TransformerBlock(16, 4, 32).double().eval()
    x = torch.randn(2, 6, 16, dtype=torch.float64)
    order = torch.randperm(6)
    torch.testing.assert_close(block(x)[:, order], block(x[:, order]))


def test_post_norm_normalizes_what_goes_out_and_pre_norm_leaves_the_shortcut_free():
    x = 10 * torch.randn(2, 6, 64, dtype=torch.float64) + 3
    post, pre = (TransformerBlock(64, 4, 32, pre_norm=p).double().eval() for p in (False, True))
    torch.testing.assert_close(post(x).mean(dim=-1), torch.zeros(2, 6, dtype=torch.float64))
    torch.testing.assert_close(post(x).std(dim=-1, unbiased=False), torch.ones(2, 6, dtype=torch.float64),
                               rtol=1e-3, atol=0)  # fmt: skip
    for linear in (pre.attention.out_proj, pre.feedforward[2]):
        nn.init.zeros_(linear.weight), nn.init.zeros_(linear.bias)
    assert torch.equal(pre(x), x)


def test_dropout_on_what_the_sublayers_give():
    block = TransformerBlock(16, 4, 32, dropout=1.0, pre_norm=True)
    x = torch.randn(2, 6, 16)
    assert torch.equal(block.train()(x), x)
    assert not torch.equal(block.eval()(x), x)


def test_size_norms_and_gradients():
    block = TransformerBlock()
    assert num_parameters(block) == 4 * (512**2 + 512) + 2 * 512 * 2048 + 2048 + 512 + 2 * 2 * 512
    assert [norm.normalized_shape for norm in modules(block, nn.LayerNorm)] == [(512,)] * 2
    swapped = TransformerBlock(16, 4, 32, norm_layer=nn.RMSNorm)
    assert len(modules(swapped, nn.RMSNorm)) == 2
    assert not modules(swapped, nn.LayerNorm)
    for pre_norm in (False, True):
        # A bias of the keys adds the same to all of a query's scores, which the softmax does not see.
        block = TransformerBlock(16, 4, 32, dropout=0.1, pre_norm=pre_norm, causal=True)
        assert without_gradient(block, (2, 6, 16)) == []
        bias = block.attention.in_proj.bias.grad.reshape(3, 16).abs().amax(dim=1)
        assert bias[1] < 1e-4 * bias[0]


def test_wrong_input_and_settings():
    with pytest.raises(ValueError, match=r"num_heads must divide embed_dim; got 3 heads.*width of 16"):
        MultiHeadSelfAttention(16, 3)
    with pytest.raises(ValueError, match="num_heads must be at least 1 and is 0"):
        MultiHeadSelfAttention(16, 0)
    for shape in ((2, 6, 15), (6, 16)):
        with pytest.raises(ValueError, match=r"N×L×16.*got.*Embed the tokens in 16"):
            TransformerBlock(16, 4, 32)(torch.zeros(shape))
