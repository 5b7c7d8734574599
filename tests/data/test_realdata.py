"""The real data sets, where D2LCNN_DATA has them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import torch
import torchvision

from d2lcnn.data import load_data_cifar10, load_data_fashion_mnist, load_data_mnist

pytestmark = pytest.mark.realdata
IDX_SETS = [(load_data_fashion_mnist, "FashionMNIST"), (load_data_mnist, "MNIST")]


def real_root(what: str) -> Path:
    """The real data root, or a skip that says what is missing."""
    if not os.environ.get("D2LCNN_DATA"):
        pytest.skip("D2LCNN_DATA names no folder of real data")
    root = Path(os.environ["D2LCNN_DATA"])
    if not list(root.glob(what)):
        pytest.skip(f"{root} has no {what}")
    return root


@pytest.mark.parametrize(("load", "name"), IDX_SETS)
def test_the_same_pixels_and_labels_as_torchvision(load, name):
    root = real_root(f"{name}/raw")
    for train, ours in zip((True, False), load(256, device="cpu"), strict=True):
        theirs = getattr(torchvision.datasets, name)(root, train=train, download=False)
        assert torch.equal(ours.images[:, 0], theirs.data)
        assert torch.equal(ours.labels, theirs.targets)
        assert ours.num_classes == 10
        if name == "FashionMNIST":
            assert list(ours.classes) == theirs.classes


@pytest.mark.parametrize(("load", "name"), IDX_SETS)
def test_one_flipped_bit_in_the_real_files_is_found(load, name, tmp_path, monkeypatch):
    raw = real_root(f"{name}/raw") / name / "raw"
    copy = tmp_path / name / "raw"
    copy.mkdir(parents=True)
    for path in raw.iterdir():
        (copy / path.name).symlink_to(path)
    spoilt = copy / "train-images-idx3-ubyte"
    content = bytearray(spoilt.read_bytes())
    content[20_000_000] ^= 1
    spoilt.unlink()
    spoilt.write_bytes(content)
    monkeypatch.setenv("D2LCNN_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="train-images-idx3-ubyte is damaged"):
        load(256, device="cpu")


def test_loading_and_an_epoch_are_quick():
    real_root("FashionMNIST/raw")

    def best_of_three(job):
        times = []
        for _ in range(3):
            start = time.process_time()  # the machine may be busy with the work of others
            job()
            times.append(time.process_time() - start)
        return min(times)

    train_iter, _ = load_data_fashion_mnist(256, device="cpu")
    assert best_of_three(lambda: load_data_fashion_mnist(256, device="cpu")) < 0.5
    assert best_of_three(lambda: sum(len(y) for _, y in train_iter)) < 1


@pytest.mark.slow
def test_cifar10_from_its_jpeg_zip():
    root = real_root("cifar10*.zip")
    if (root / "cifar-10-batches-py").exists():
        pytest.skip("torchvision's own files come first there")
    train_iter, test_iter = load_data_cifar10(256, device="cpu", subset=1000)
    assert train_iter.name.startswith("CIFAR-10 (images in cifar10")
    assert test_iter.images.shape == (10000, 3, 32, 32)
    assert torch.bincount(test_iter.labels).tolist() == [1000] * 10
    assert " ".join(test_iter.classes) == "airplane automobile bird cat deer dog frog horse ship truck"
    assert int(torch.bincount(train_iter.labels, minlength=10).min()) > 50
