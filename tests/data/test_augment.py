"""Random crops and flips: what they may do to a picture, and that every picture is drawn by itself."""

import pytest
import torch

from d2lcnn import RandomCrops, RandomFlips


def shifted(image, down, right):
    """The picture moved by whole pixels, zeros coming in."""
    out = torch.zeros_like(image)
    height, width = image.shape[-2:]
    rows, columns = slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0))
    from_rows = slice(max(-down, 0), height + min(-down, 0))
    from_columns = slice(max(-right, 0), width + min(-right, 0))
    out[..., rows, columns] = image[..., from_rows, from_columns]
    return out


def test_a_crop_is_the_picture_shifted_and_all_shifts_occur():
    images = torch.rand(400, 2, 4, 5)
    allowed = {(d, r): shifted(images, d, r) for d in (-1, 0, 1) for r in (-1, 0, 1)}
    cropped = RandomCrops(1)(images)
    counts = dict.fromkeys(allowed, 0)
    for i, image in enumerate(cropped):
        fitting = [key for key, all_of_them in allowed.items() if torch.equal(image, all_of_them[i])]
        assert len(fitting) == 1
        counts[fitting[0]] += 1
    assert min(counts.values()) > 400 / 9 / 3


def test_a_flip_mirrors_about_half_of_the_pictures():
    images = torch.rand(400, 3, 2, 5)
    flipped = RandomFlips()(images)
    mirrored = (flipped == images.flip(3)).flatten(1).all(1)
    same = (flipped == images).flatten(1).all(1)
    assert bool((mirrored ^ same).all())
    assert 140 < int(mirrored.sum()) < 260


@pytest.mark.parametrize("change", [RandomCrops(2), RandomFlips()])
def test_types_layout_and_seed(change):
    images = torch.randint(0, 256, (6, 1, 8, 8), dtype=torch.uint8)
    torch.manual_seed(1)
    first = change(images)
    torch.manual_seed(1)
    assert torch.equal(change(images), first)
    assert first.dtype == torch.uint8
    assert first.shape == images.shape
    with pytest.raises(ValueError, match="takes a batch"):
        change(images[0])


@pytest.mark.parametrize("padding", [0, -1, 1.5, True])
def test_padding_out_of_range(padding):
    with pytest.raises(ValueError, match="padding must be"):
        RandomCrops(padding)
