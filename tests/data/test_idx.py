"""Reading IDX files: good ones, and every kind of damage."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import torch

from d2lcnn.data import load_data_fashion_mnist
from d2lcnn.data.idx import read_idx_pair

IMAGES = "train-images-idx3-ubyte"
LABELS = "train-labels-idx1-ubyte"


def load():
    return load_data_fashion_mnist(7, device="cpu")


def test_a_good_set_is_read_in_full(placed, small_fashion):
    train_iter, test_iter = load()
    assert (train_iter.num_examples, test_iter.num_examples) == (30, 12)
    assert bytes(train_iter.images.numpy()) == small_fashion[IMAGES][16:]
    assert train_iter.labels.tolist() == list(small_fashion[LABELS][8:])
    assert train_iter.classes[9] == "Ankle boot"
    assert [len(y) for _, y in train_iter] == [7, 7, 7, 7, 2]


def test_gzip_files_serve_where_only_they_are_there(placed):
    expected = load()[0].images
    for path in list(placed.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert torch.equal(load()[0].images, expected)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 4
    path.write_bytes(content)


def make_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = {
    "empty": (lambda path: path.write_bytes(b""), ValueError, "does not begin like an IDX file.*nothing"),
    "wrong magic": (
        lambda path: path.write_bytes(b"GIF8" + path.read_bytes()[4:]),
        ValueError,
        "47 49 46 38",
    ),
    "header only": (lambda path: path.write_bytes(path.read_bytes()[:6]), ValueError, "truncated"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-1]), ValueError, "truncated"),
    "too long": (lambda path: path.write_bytes(path.read_bytes() + b"x"), ValueError, "too long"),
    "flipped bit": (flip_a_bit, ValueError, "SHA-256"),
    "folder": (make_a_folder, IsADirectoryError, "must be a file"),
}


@pytest.mark.parametrize("name", [IMAGES, LABELS, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_named_and_left_alone(placed, name, damage):
    spoil, kind, message = DAMAGES[damage]
    path = placed / name
    spoil(path)
    before = path.is_dir() or path.read_bytes()
    with pytest.raises(kind, match=f"(?s){name}.*{message}|{message}.*{name}"):
        load()
    assert (path.is_dir() or path.read_bytes()) == before
    assert sorted(p.name for p in placed.parent.parent.iterdir()) == ["FashionMNIST"]


def test_an_unreadable_file_is_named(placed, monkeypatch):
    real = Path.read_bytes

    def refuse(self):
        if self.name == LABELS:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PermissionError, match=f"you may read.*{LABELS}"):
        load()


@pytest.mark.parametrize(
    "spoil", [lambda b: b[:-20], lambda b: b"no gzip", lambda b: b[:20] + bytes(40) + b[60:]]
)
def test_a_broken_gzip_file_is_named(placed, spoil):
    path = placed / f"{IMAGES}.gz"
    path.write_bytes(spoil(gzip.compress((placed / IMAGES).read_bytes())))
    (placed / IMAGES).unlink()
    with pytest.raises(ValueError, match=rf"{IMAGES}\.gz cannot be unpacked"):
        load()


def test_numbers_of_images_and_labels_must_agree(placed):
    labels = placed / LABELS
    labels.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 29]) + labels.read_bytes()[9:])
    with pytest.raises(ValueError, match="30 images and .* 29 labels"):
        read_idx_pair(placed, "train", {})


def test_a_set_without_images_is_refused(placed):
    (placed / IMAGES).write_bytes(bytes([0, 0, 8, 3]) + bytes(12))
    with pytest.raises(ValueError, match="is empty"):
        read_idx_pair(placed, "train", {})
