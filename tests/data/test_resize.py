"""Our resize against torchvision's on PIL images, on real photographs and digits."""

from __future__ import annotations

import pytest
import torch
import torchvision.transforms.functional as TF
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits, load_sample_images

from d2lcnn.data import resize_images


@pytest.fixture(scope="module")
def pictures():
    china, flower = (torch.tensor(image).permute(2, 0, 1) for image in load_sample_images().images)
    grey = TF.pil_to_tensor(TF.to_pil_image(china).convert("L"))
    digit = (torch.from_numpy(load_digits().images[0]) * 255 / 16).to(torch.uint8).unsqueeze(0)
    return {"china": china, "flower": flower, "grey china": grey, "digit": digit}


@pytest.mark.parametrize("size", [28, 96, 224, (100, 333), (700, 900)])
@pytest.mark.parametrize("name", ["china", "flower", "grey china", "digit"])
def test_equal_to_torchvision_on_pil_images(pictures, name, size):
    image = pictures[name]
    height_width = [size, size] if isinstance(size, int) else list(size)
    theirs = TF.to_tensor(TF.resize(TF.to_pil_image(image), height_width))
    ours = resize_images(image.unsqueeze(0), size)[0] / 255
    assert ours.shape == theirs.shape
    # PIL rounds to half a grey level after each of its two passes, and its weights at the 22nd bit.
    assert float((ours - theirs).abs().max()) <= 1 / 255 + 1e-5


def test_it_is_antialiased():
    """Stripes one pixel wide shrink to even grey, not to false wider stripes."""
    stripes = (torch.arange(64) % 2 * 255).to(torch.uint8).expand(1, 1, 64, 64)
    inside = resize_images(stripes, 20)[..., 2:-2]
    assert float((inside - 127.5).abs().max()) < 20
    plain = torch.nn.functional.interpolate(stripes.float(), size=20, mode="bilinear")[..., 2:-2]
    assert float((plain - 127.5).abs().max()) > 40


@settings(deadline=None, max_examples=50)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 20), st.integers(1, 20)),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 1000),
)
def test_the_result_has_the_size_and_stays_in_the_range_of_each_image(shape, size, seed):
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    resized = resize_images(images, size)
    assert resized.shape == (*shape[:2], *size)
    assert resized.dtype == torch.float32
    assert bool((resized.amax((2, 3)) <= images.amax((2, 3))).all())
    assert bool((resized.amin((2, 3)) >= images.amin((2, 3))).all())


@pytest.mark.parametrize("height", range(2, 12))
def test_white_stays_white_in_spite_of_rounding(height):
    white = torch.full((1, 1, height, 3), 255, dtype=torch.uint8)
    assert all(float(resize_images(white, (size, 7)).max()) <= 255 for size in range(1, 60))


def test_floats_keep_their_scale():
    images = torch.rand(2, 3, 10, 10) * 4 - 2
    torch.testing.assert_close(resize_images(images, 20) * 3, resize_images(images * 3, 20))


def test_a_fitting_size_changes_nothing():
    images = torch.randint(0, 256, (2, 3, 5, 7), dtype=torch.uint8)
    assert torch.equal(resize_images(images, (5, 7)), images.float())


def test_a_device_without_the_operation_borrows_the_cpu(monkeypatch):
    images = torch.randint(0, 256, (2, 1, 5, 7), dtype=torch.uint8)
    expected = resize_images(images, 9)
    real, calls = torch.nn.functional.interpolate, []

    def refuse_once(*args, **kwargs):
        calls.append(args)
        if len(calls) == 1:
            raise NotImplementedError("not on this device")
        return real(*args, **kwargs)

    monkeypatch.setattr(torch.nn.functional, "interpolate", refuse_once)
    assert torch.equal(resize_images(images, 9), expected)
    assert len(calls) == 2


@pytest.mark.parametrize("size", [0, -1, True, 2.5, "28", None, (28,), (28, 28, 28), (0, 28), (28, 1.5)])
def test_bad_sizes_are_refused(size):
    with pytest.raises(ValueError, match="resize, in pixels|one number of pixels or a pair"):
        resize_images(torch.zeros(1, 1, 4, 4), size)


def test_a_single_image_is_refused_with_the_mend():
    with pytest.raises(ValueError, match="unsqueeze"):
        resize_images(torch.zeros(1, 4, 4), 8)
