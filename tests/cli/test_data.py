"""`d2lcnn data`."""

import hashlib
import struct

import pytest
from PIL import Image
from torchvision.datasets import FashionMNIST

from d2lcnn.data import idx


def idx_bytes(shape):
    count = 1
    for side in shape:
        count *= side
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + bytes(count)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LCNN_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def fashion(root, monkeypatch):
    """A Fashion-MNIST of three training images and one test image, with checksums that agree."""
    raw = root / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name in idx.IDX_FILES:
        n = 3 if name.startswith("train") else 1
        content = idx_bytes((n, 28, 28) if "images" in name else (n,))
        (raw / name).write_bytes(content)
        monkeypatch.setitem(idx.FASHION_MNIST_SHA256, name, hashlib.sha256(content).hexdigest())
    return raw


def by_name(outcome):
    return {row["name"]: row for row in outcome.json["sets"]}


def test_the_list_says_what_is_there_and_what_is_missing(d2lcnn_, fashion, root):
    outcome = d2lcnn_("data", "--json")
    assert outcome.status == 0
    assert outcome.json["root"] == str(root)
    sets = by_name(outcome)
    assert list(sets) == ["fashion_mnist", "mnist", "cifar10"]
    assert sets["fashion_mnist"]["bytes"] == (16 + 3 * 784) + (8 + 3) + (16 + 784) + (8 + 1)
    assert sets["fashion_mnist"]["missing"] == []
    assert sets["mnist"]["missing"] == list(idx.IDX_FILES)
    assert sets["mnist"]["bytes"] == 0

    (fashion / idx.IDX_FILES[0]).unlink()
    text = d2lcnn_("data").out.splitlines()
    assert text[0] == f"data sets in {root}"
    assert f"incomplete, without {idx.IDX_FILES[0]} (d2lcnn data fetch fashion_mnist)" in text[1]
    assert text[2].endswith("MNIST/raw: missing (d2lcnn data fetch mnist)")


def test_check_reads_every_file_and_names_the_bad_one(d2lcnn_, fashion):
    good = d2lcnn_("data", "check", "fashion_mnist")
    assert (good.status, good.err) == (0, "")
    assert good.out.rstrip().endswith("MB, verified")

    content = bytearray((fashion / "t10k-labels-idx1-ubyte").read_bytes())
    content[-1] ^= 1
    (fashion / "t10k-labels-idx1-ubyte").write_bytes(content)
    bad = d2lcnn_("data", "check", "fashion_mnist", "mnist", "--json")
    assert bad.status == 1
    assert "t10k-labels-idx1-ubyte is damaged" in bad.err
    assert "MNIST is not complete in" in bad.err  # the second is still looked at
    assert "d2lcnn data fetch mnist" in bad.err
    assert "is damaged" in by_name(bad)["fashion_mnist"]["problem"]


def test_fetch_brings_nothing_that_is_there_and_says_what_fails(d2lcnn_, fashion, root, monkeypatch):
    def no_download(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(FashionMNIST, "__init__", no_download)
    assert d2lcnn_("data", "fetch", "fashion_mnist").status == 0
    (fashion / "t10k-labels-idx1-ubyte").unlink()
    outcome = d2lcnn_("data", "--json", "fetch", "fashion_mnist")
    assert outcome.status == 1
    assert "Fashion-MNIST is not there and could not be downloaded" in outcome.err
    assert "no network" in by_name(outcome)["fashion_mnist"]["problem"]


def test_a_folder_of_images_serves_as_cifar10(d2lcnn_, root):
    for split, n in (("train", 2), ("test", 1)):
        for label in "abcdefghij":
            folder = root / "cifar10-small" / split / label
            folder.mkdir(parents=True)
            for i in range(n):
                Image.new("RGB", (32, 32)).save(folder / f"{i}.png")
    outcome = d2lcnn_("data", "check", "cifar10", "--json")
    assert outcome.status == 0, outcome.err
    row = by_name(outcome)["cifar10"]
    assert row["path"] == str(root / "cifar10-small")
    assert row["missing"] == []
    assert row["bytes"] > 0

    (root / "cifar10-small" / "train" / "c" / "1.png").write_bytes(b"no picture")
    outcome = d2lcnn_("data", "fetch", "cifar10")
    assert outcome.status == 1
    assert "train/c/1.png" in outcome.err


def test_wrong_commands(d2lcnn_, root):
    assert d2lcnn_("data", "fetch").status == 2
    outcome = d2lcnn_("data", "check", "cifar100")
    assert outcome.status == 2
    assert "cifar10" in outcome.err
