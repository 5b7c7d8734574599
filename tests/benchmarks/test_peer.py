"""d2l's side of the benchmark is d2l's own loop on d2l's own loader, timed in its steady state."""

import itertools

import pytest
import torch
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

import d2lcnn

CPU = torch.device("cpu")


@pytest.fixture
def root(peer, tmp_path):
    peer.write_stand_in(tmp_path, num_train=60, num_test=10)
    return tmp_path


@pytest.mark.parametrize("size", [28, 40])
def test_the_loader_is_d2ls(peer, root, size):
    published = datasets.FashionMNIST
    loader = peer.loader(root, 16, size)
    assert isinstance(loader, DataLoader)
    assert (loader.batch_size, loader.num_workers) == (16, 4)
    assert isinstance(loader.sampler, torch.utils.data.RandomSampler)
    assert type(loader.dataset) is published is datasets.FashionMNIST
    assert loader.dataset.root == root
    kinds = [type(step) for step in loader.dataset.transform.transforms]
    assert kinds == [transforms.Resize, transforms.ToTensor][size == 28 :]
    X, y = loader.dataset[0]
    assert X.shape == (1, size, size)
    assert 0 <= y < 10


def test_the_stand_in_has_the_real_ones_size(peer, tmp_path):
    peer.write_stand_in(tmp_path)
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "FashionMNIST" / "raw").iterdir()}
    assert sizes == {
        "train-images-idx3-ubyte": 16 + 60_000 * 784,
        "train-labels-idx1-ubyte": 8 + 60_000,
        "t10k-images-idx3-ubyte": 16 + 10_000 * 784,
        "t10k-labels-idx1-ubyte": 8 + 10_000,
    }


def test_only_the_steps_after_the_warm_up_count(peer, monkeypatch):
    batches = [(torch.zeros(n, 1), torch.zeros(n)) for n in (7, 4, 4, 2, 9)]
    # asked, given, asked, given … : batch 1 comes after 5 s and is computed in 5; 2 in 1 and 3; 3 in 2 and 2; 4 in 1 and 1.
    clock = iter([0, 5, 10, 11, 14, 16, 18, 19, 20])
    monkeypatch.setattr(peer.time, "perf_counter", lambda: next(clock))
    cut = peer.Cut(batches, 4)
    assert [len(y) for _, y in cut] == [7, 4, 4, 2]
    assert len(cut) == 5
    assert cut.rates(1) == (10 / (20 - 10), 10 / (3 + 2 + 1))


def test_a_loader_cannot_be_cut_longer(peer):
    with pytest.raises(ValueError, match="only 2 batches, wanted 3"):
        peer.Cut([1, 2], 3)


def test_the_loop_is_d2ls(peer, root, d2l, monkeypatch):
    calls = []
    own = d2l.train_ch6
    monkeypatch.setattr(peer.d2l, "train_ch6", lambda *a: calls.append(a) or own(*a))
    loader = peer.loader(root, 8, 28)
    end_to_end, compute = peer.measure(d2lcnn.lenet(), loader, 2, 3, 0.1, CPU)
    assert 0 < end_to_end < compute
    (net, cut, _test, epochs, lr, device) = calls[0]
    assert (epochs, lr, device) == (1, 0.1, CPU)
    assert cut.loader is loader
    assert cut.sizes == [8] * 5
    assert not net.training


def test_the_warm_up_lasts_until_the_queues_are_full(peer):
    assert peer.warm_up_steps(0.01, 5) == 40
    assert peer.warm_up_steps(0.1, 5) == 20
    assert peer.warm_up_steps(0.1, 30) == 30
    assert peer.warm_up_steps(9.0, 1) == 1


def test_losses_are_read_off_d2ls_animator(peer):
    batches = [(torch.rand(4, 1, 28, 28), torch.tensor([0, 1, 2, 3])) for _ in range(5)]
    result = peer.train(d2lcnn.lenet(), batches, batches[:1], 0.1, CPU)
    assert set(result) == {"train_loss", "train_acc", "test_acc"}
    assert 2 < result["train_loss"] < 4
    assert all(value in {i / 20 for i in range(21)} for value in itertools.islice(result.values(), 1, 3))
