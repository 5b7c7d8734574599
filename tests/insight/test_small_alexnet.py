"""The thin AlexNet has the paper's order of parts and its switches; crops move, and mirror, each picture by itself."""

import pytest
import torch
from torch import nn

from d2lcnn.insight.small_alexnet import random_crops, small_alexnet
from d2lcnn.insight.small_runs import fit_batches, random_batches
from d2lcnn.nets.alexnet import paper_lrn


def test_order_of_parts_and_switches():
    net = small_alexnet(0, norm_layer=paper_lrn, activation_layer=nn.Tanh, pool_size=2, groups=1, dropout=0.3)
    kinds = [type(part).__name__ for part in net]
    assert kinds[:4] == kinds[4:8] == ["Conv2d", "Tanh", "LocalResponseNorm", "MaxPool2d"]
    assert kinds[8:] == ["Flatten", *["Linear", "Tanh", "Dropout"] * 2, "Linear"]
    assert {part.kernel_size for part in net if isinstance(part, nn.MaxPool2d)} == {2}
    assert {part.p for part in net if isinstance(part, nn.Dropout)} == {0.3}
    assert net[4].groups == 1
    assert small_alexnet(0)[4].groups == 2
    assert net(torch.zeros(1, 1, 11, 11).double()).shape == (1, 10)


def test_equal_seeds_give_equal_weights_whatever_the_switches():
    one, other = small_alexnet(3), small_alexnet(3, norm_layer=paper_lrn, pool_size=2, dropout=0.5)
    pairs = list(zip(one.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(one[0].weight, small_alexnet(4)[0].weight)


def test_crops_are_moved_pictures_all_places_equally_often():
    torch.manual_seed(0)
    x = torch.arange(1, 26.0).reshape(1, 1, 5, 5)
    places = {}
    for crop in random_crops(x.repeat(900, 1, 1, 1)):
        center = int(crop[0, 2, 2])
        places[center] = places.get(center, 0) + 1
        shift = divmod(center - 13, 5) if center >= 13 else None
        if shift == (0, 1):
            assert torch.equal(crop[0, :, :4], x[0, 0, :, 1:])
            assert not crop[0, :, 4].any()
    assert sorted(places) == [7, 8, 9, 12, 13, 14, 17, 18, 19]
    assert min(places.values()) > 60


def test_flip_mirrors_half_of_the_pictures_left_and_right():
    torch.manual_seed(0)
    x = torch.rand(1, 3, 4, 6)
    crops = random_crops(x.repeat(400, 1, 1, 1), margin=0, flip=True)
    mirrored = torch.tensor([torch.equal(crop, x[0].flip(2)) for crop in crops])
    same = torch.tensor([torch.equal(crop, x[0]) for crop in crops])
    assert bool((mirrored ^ same).all())
    assert 150 < int(mirrored.sum()) < 250
    assert torch.equal(random_crops(x, margin=0), x)


def test_refuses_what_has_no_crops():
    for x, margin in [(torch.zeros(1, 5, 5), 1), (torch.zeros(1, 1, 5, 5), -1)]:
        with pytest.raises(ValueError, match=rf"margin of {margin}"):
            random_crops(x, margin)


def test_fit_batches_with_momentum_and_augmentation():
    """Momentum is torch's, and what the network sees is what the augmentation gives."""
    data = torch.eye(4).double(), torch.arange(4)
    batches = list(random_batches(4, 3, steps=5))
    net, by_hand = nn.Linear(4, 4).double(), nn.Linear(4, 4).double()
    by_hand.load_state_dict(net.state_dict())
    fit_batches(net, data, batches, 0.5, momentum=0.9, augment=lambda x: 2 * x)
    velocity = [torch.zeros_like(p) for p in by_hand.parameters()]
    for batch in batches:
        loss = nn.functional.cross_entropy(by_hand(2 * data[0][batch]), data[1][batch])
        slopes = torch.autograd.grad(loss, list(by_hand.parameters()))
        velocity = [0.9 * v + g for v, g in zip(velocity, slopes)]
        with torch.no_grad():
            for p, v in zip(by_hand.parameters(), velocity):
                p -= 0.5 * v
    torch.testing.assert_close(net.weight, by_hand.weight)
