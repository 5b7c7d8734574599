"""Small training runs: what they train, what they note, and that looking leaves no trace."""

import pytest
import torch
from torch import nn

import d2lcnn


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 64, generator=generator, dtype=torch.float64)
    return x, torch.arange(40) % 10


def state(net):
    return {name: value.clone() for name, value in net.state_dict().items()}


def same_state(net, before):
    return all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_equal_seeds_give_equal_weights_with_and_without_norm():
    plain, normed = (d2lcnn.dense_network(3, norm, seed=5) for norm in (False, True))
    for ours, theirs in zip(plain[:-1], normed[:-1]):
        assert torch.equal(ours[0].weight, theirs[0].weight)
    assert torch.equal(plain[-1].weight, normed[-1].weight)
    assert not torch.equal(plain[0][0].weight, d2lcnn.dense_network(3, False, seed=6)[0][0].weight)


def test_deviation_of_the_first_weights():
    net = d2lcnn.dense_network(2, False, seed=0, std=3.0)
    assert 2.8 < net[0][0].weight.std().item() < 3.2


def test_no_hidden_layer_is_refused():
    with pytest.raises(ValueError, match="at least 1 hidden layer, got 0"):
        d2lcnn.dense_network(0, True, seed=0)


def test_random_batches_repeat_with_the_seed_and_leave_the_global_generator():
    before = torch.get_rng_state()
    first, again, other = (torch.cat([*d2lcnn.random_batches(50, 8, 5, seed)]) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.get_rng_state())


def test_a_step_is_plain_sgd(data):
    net = d2lcnn.dense_network(2, True, seed=0).double()
    start = nn.utils.parameters_to_vector(net.parameters()).detach()
    batch = torch.arange(16)
    loss, gradient = d2lcnn.flat_gradient(net, data[0][batch], data[1][batch])
    seen = []
    losses = d2lcnn.fit_batches(net, data, [batch], lr=0.3, after_step=seen.append)
    assert losses == [pytest.approx(loss)]
    assert seen == [net]
    moved = nn.utils.parameters_to_vector(net.parameters()).detach()
    torch.testing.assert_close(moved, start - 0.3 * gradient)


def test_steps_are_those_of_torchs_optimizer(data):
    ours, theirs = (d2lcnn.dense_network(2, True, seed=0).double() for _ in range(2))
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.3)
    for _ in range(3):
        d2lcnn.sgd_step(ours, ours(data[0]).square().mean(), lr=0.3)
        optimizer.zero_grad()
        theirs(data[0]).square().mean().backward()
        optimizer.step()
    for mine, other in zip(ours.parameters(), theirs.parameters()):
        torch.testing.assert_close(mine, other)
    assert all(parameter.grad is None for parameter in ours.parameters())


def test_moments_are_those_before_the_tanh_and_leave_no_trace(data):
    net = d2lcnn.dense_network(2, True, seed=0).double()
    before = state(net)
    means, deviations = d2lcnn.unit_moments(net.eval(), data[0])
    assert same_state(net, before)
    assert not any(module.training for module in net.modules())
    assert not any(module._forward_pre_hooks for module in net.modules())
    assert means.shape == deviations.shape == (2, 64)
    assert means.abs().max() < 1e-6
    assert (deviations - 1).abs().max() < 1e-2
    plain = d2lcnn.dense_network(1, False, seed=0).double()
    z = plain[0][0](data[0])
    torch.testing.assert_close(d2lcnn.unit_moments(plain, data[0])[0][0], z.mean(dim=0))


def test_a_walk_down_a_bowl():
    # A linear model's loss in one step: the first stop must be the optimizer's own step.
    torch.manual_seed(0)
    net = nn.Linear(4, 3).double()
    x, y = torch.randn(9, 4, dtype=torch.float64), torch.arange(9) % 3
    before = state(net)
    walk = d2lcnn.walk_along_gradient(net, x, y, [0.2, 0.4])
    assert same_state(net, before)
    _, g = d2lcnn.flat_gradient(net, x, y)
    assert walk.slope == pytest.approx(g.norm().item())
    lengths = [0.2 * g.norm().item(), 0.4 * g.norm().item()]
    same = d2lcnn.walk_along_gradient(net, x, y, lengths, by_length=True)
    d2lcnn.fit_batches(net, (x, y), [torch.arange(9)], lr=0.2)
    loss, there = d2lcnn.flat_gradient(net, x, y)
    assert walk.losses[1] == pytest.approx(loss)
    assert walk.cosines[0] == pytest.approx(torch.cosine_similarity(g, there, dim=0).item())
    assert walk.changes[0] == pytest.approx(((there - g).norm() / (0.2 * g.norm())).item())
    assert len(walk.cosines) == len(walk.changes) == 2
    assert walk.spread == pytest.approx(max(walk.losses) - min(walk.losses))
    assert same.losses == pytest.approx(walk.losses)
    assert same.changes == pytest.approx(walk.changes)


def test_saved_megabytes_grow_with_the_batch_and_count_a_tensor_once():
    x = torch.randn(1000, 500, requires_grad=True)
    assert d2lcnn.saved_megabytes(nn.Tanh(), x) == pytest.approx(2.0)
    net = nn.Sequential(nn.Tanh(), nn.Tanh())
    assert d2lcnn.saved_megabytes(net, x) == pytest.approx(4.0)


def test_saved_megabytes_need_shapes_alone():
    x = torch.zeros(3, 1, 28, 28)
    real, shapes = d2lcnn.lenet_bn(), d2lcnn.build_on_meta(d2lcnn.lenet_bn)
    assert d2lcnn.saved_megabytes(shapes, x.to("meta")) == d2lcnn.saved_megabytes(real, x) > 0.1


def test_share_right_is_taken_in_evaluation_mode(data):
    net = nn.Sequential(nn.Dropout(0.9), nn.Linear(64, 10)).double()
    assert d2lcnn.share_right(net, data) == d2lcnn.share_right(net, data)


def test_work_is_counted_without_the_backward_pass():
    x = torch.randn(10, 5, requires_grad=True)
    assert d2lcnn.count_work(lambda: x.tanh().sum()) == (2, 51)
    assert d2lcnn.count_work(lambda: x.tanh().sum().backward()) == (2, 51)
    assert d2lcnn.count_work(lambda: x.shape[0] + x.sum().item())[0] == 1
    assert d2lcnn.count_work(lambda: None) == (0, 0)


def test_a_batch_norm_is_an_operation_more():
    x, linear = torch.randn(8, 64), nn.Linear(64, 64).requires_grad_(False)
    norm = nn.BatchNorm1d(64).eval().requires_grad_(False)
    assert d2lcnn.count_work(lambda: linear(x)) == (1, 512)
    assert d2lcnn.count_work(lambda: norm(linear(x))) == (2, 1024)
