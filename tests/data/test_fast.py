"""Fast mode: the switch, and what the loaders then serve."""

from __future__ import annotations

import pytest
import torch

from d2lcnn.data import (
    fast_mode,
    load_data_cifar10,
    load_data_digits,
    load_data_fashion_mnist,
    load_data_mnist,
    resize_images,
)
from d2lcnn.data.fast import FAST_BATCH_SIZE, FAST_PIXELS, fast_counts

COURSE_LOADERS = [load_data_fashion_mnist, load_data_mnist, load_data_cifar10]


@pytest.fixture
def fast(root, monkeypatch):
    monkeypatch.setenv("D2LCNN_FAST", "1")
    return root


@pytest.mark.parametrize(("value", "expected"), [("", False), ("0", False), ("1", True)])
def test_the_switch_is_read_when_asked(monkeypatch, value, expected):
    monkeypatch.setenv("D2LCNN_FAST", value)
    assert fast_mode() is expected


@pytest.mark.parametrize("value", ["yes", "true", "2", " 1"])
def test_the_switch_refuses_other_values(monkeypatch, value):
    monkeypatch.setenv("D2LCNN_FAST", value)
    with pytest.raises(ValueError, match="D2LCNN_FAST must be 1"):
        load_data_fashion_mnist(256, device="cpu")


@pytest.mark.parametrize("load", COURSE_LOADERS)
def test_the_course_loaders_serve_the_digits(fast, load):
    train_iter, test_iter = load(256, device="cpu")
    channels, side = (3, 32) if load is load_data_cifar10 else (1, 28)
    for batches, n in ((train_iter, 1437), (test_iter, 360)):
        assert (batches.num_examples, batches.num_classes, batches.fast) == (n, 10, True)
        assert batches.name == "UCI digits (fast mode)"
        assert batches.batch_size == FAST_BATCH_SIZE
        assert batches.images.shape == (n, channels, side, side)
        assert torch.bincount(batches.labels).min() >= n / 10 * 0.95  # stratified
    assert (train_iter.shuffle, test_iter.shuffle) == (True, False)
    assert list(fast.iterdir()) == []  # nothing downloaded, nothing written
    digits, _ = load_data_digits(256, device="cpu")
    assert torch.equal(train_iter.labels, digits.labels)
    enlarged = resize_images(digits.images, side).expand(-1, channels, -1, -1)
    assert (
        float((train_iter.images - enlarged).abs().max()) <= 1
    )  # the digits lie there in sixteenths, not rounded


def test_a_smaller_batch_size_and_subset_are_kept(fast):
    train_iter, test_iter = load_data_fashion_mnist(8, subset=100, device="cpu")
    assert (train_iter.batch_size, train_iter.num_examples, test_iter.num_examples) == (8, 100, 360)
    assert load_data_fashion_mnist(8, subset=5000, device="cpu")[0].num_examples == 1437


@pytest.mark.parametrize("size", [28, 64, (64, 64)])
def test_up_to_64_pixels_everything_is_served(fast, size):
    assert load_data_fashion_mnist(256, size, device="cpu")[0].num_examples == 1437


@pytest.mark.parametrize("size", [65, 96, 224, 299, 3000])
def test_large_images_keep_to_the_budget(fast, size):
    train_iter, test_iter = load_data_fashion_mnist(256, size, device="cpu")
    served = {65: 40, 96: 40, 224: 40, 299: 22, 3000: 1}[size]
    assert (train_iter.num_examples, test_iter.num_examples) == (served, max(1, served // 2))
    assert served == 1 or served * size**2 <= FAST_PIXELS
    assert train_iter.num_classes == 10
    if served == 40:
        assert len(train_iter.labels.unique()) == 10


def test_counts_never_exceed_what_there_is():
    assert fast_counts(65, 65, 10, 5) == (10, 5)


@pytest.mark.parametrize("kwargs", [{"batch_size": 0}, {"resize": 0}, {"subset": 0}, {"subset": 1.5}])
def test_bad_numbers_are_refused_in_fast_mode_too(fast, kwargs):
    with pytest.raises(ValueError, match=f"{next(iter(kwargs))}.* must be"):
        load_data_fashion_mnist(**{"batch_size": 4, "device": "cpu", **kwargs})


def test_the_digits_loader_is_the_same_in_both_modes(monkeypatch):
    plain = load_data_digits(100, device="cpu")
    monkeypatch.setenv("D2LCNN_FAST", "1")
    fast = load_data_digits(100, device="cpu")
    for a, b in zip(plain, fast, strict=True):
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.labels, b.labels)
        assert (b.fast, b.batch_size, b.name) == (False, 100, "UCI digits")


def test_the_digits_are_scikit_learns_own():
    from sklearn.datasets import load_digits

    train_iter, test_iter = load_data_digits(100, device="cpu")
    ours = torch.cat([train_iter.images, test_iter.images]).reshape(-1, 64)
    theirs = (torch.from_numpy(load_digits().data) * 255 / 16).round().to(torch.uint8)
    assert sorted(map(bytes, ours.numpy())) == sorted(map(bytes, theirs.numpy()))
