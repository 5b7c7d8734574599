"""`tools/pictures.py` makes pictures light, and nobody sees that."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pictures() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        yield import_module("pictures")
    finally:
        sys.path.remove(str(ROOT / "tools"))


def drawn(**options: bool) -> bytes:
    """A figure of 4 by 3 inches with lines in six colours and their words, at 200 dots to the inch."""
    figure, axes = plt.subplots(figsize=(4, 3))
    for i in range(6):
        axes.plot(np.cos(np.linspace(0, 9, 200) + i), label=f"line {i}")
    axes.legend()
    stored = io.BytesIO()
    figure.savefig(stored, dpi=200, **options)  # type: ignore[arg-type]
    plt.close(figure)
    return stored.getvalue()


def photograph() -> np.ndarray:
    """A picture in which no two pixels need be alike."""
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)


def png(pixels: np.ndarray) -> bytes:
    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, "PNG", dpi=(200, 200))
    return stored.getvalue()


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=int)


def test_a_drawing_looks_as_it_was_and_takes_half_the_bytes(pictures):
    before = drawn()
    after = pictures.lighten(before, (400, 300))
    change = np.abs(pixels_of(after) - pixels_of(before))
    assert change.shape == (600, 800, 3)
    assert change.mean() < 0.2
    assert len(after) < len(before) / 2
    assert Image.open(io.BytesIO(after)).info["dpi"][0] == pytest.approx(200, abs=0.1)


def test_few_colours_stay_what_they_were(pictures):
    """As of a map with a colour for each of 200 values."""
    colours = np.random.default_rng(0).integers(0, 256, (200, 3)).astype(np.uint8)
    pixels = colours[np.arange(60 * 80).reshape(60, 80) % 200]
    assert np.array_equal(pixels_of(pictures.lighten(png(pixels), (40, 30))), pixels)


def test_a_photograph_keeps_its_colours_at_the_size_of_the_page(pictures):
    pixels = photograph()
    after = pictures.lighten(png(pixels), (40, 30))
    means = pixels.reshape(30, 2, 40, 2, 3).mean(axis=(1, 3))
    assert np.abs(pixels_of(after) - means).max() <= 1
    assert Image.open(io.BytesIO(after)).info["dpi"][0] == pytest.approx(100, abs=0.1)


@pytest.mark.parametrize("size", [(40, 29), (39, 30)])
def test_a_photograph_has_the_very_size_that_the_page_keeps_for_it(pictures, size):
    assert Image.open(io.BytesIO(pictures.lighten(png(photograph()), size))).size == size


def test_a_photograph_in_a_drawing_keeps_its_colours(pictures):
    before = pixels_of(drawn()).astype(np.uint8)
    before[:60, :80] = photograph()
    assert Image.open(io.BytesIO(pictures.lighten(png(before), (400, 300)))).mode == "RGB"


def test_a_picture_without_a_ground_is_refused(pictures):
    with pytest.raises(
        pictures.NoGroundError, match="ground of its own, got one of 800 × 600 pixels that is transparent"
    ):
        pictures.lighten(drawn(transparent=True), (400, 300))
