"""Store the notebooks' pictures so that they are sharp on fine screens and light for those who load them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

# The kernel draws a picture with twice the pixels of its size in a page, and says that size.
TWICE = "--InlineBackend.figure_formats=retina"
# By how much of 255 a palette may change what is not white, in the mean; seen: drawings 0 to 1.1, photographs 2.9 to 4.7.
UNSEEN = 2.0


class NoGroundError(Exception):
    """A picture is transparent, so that a page's dark ground would show through."""


def lighten(png: bytes, size: tuple[int, int]) -> bytes:
    """Give a picture in fewer bytes: a drawing with a palette, one of photographs with as many pixels as its size.

    A palette would change photographs, and with twice the pixels one of them weighs half a megabyte.

    Args:
        png: A picture.
        size: Its width and height in a page, in CSS pixels.

    Raises:
        NoGroundError: If a part of the picture is transparent.
    """
    picture = Image.open(io.BytesIO(png))
    dpi = picture.info.get("dpi", (100, 100))[0]
    if picture.convert("RGBA").getextrema()[-1][0] < 255:
        raise NoGroundError(
            f"A picture of the book must have a ground of its own, got one of {picture.width} × {picture.height} pixels "
            "that is transparent. Leave the figure's facecolor as it is."
        )
    exact = picture.convert("RGB")
    light = exact.quantize(256, dither=Image.Dither.NONE)
    before, after = (np.asarray(image.convert("RGB"), dtype=int) for image in (exact, light))
    # Much white around a photograph must not hide what happens to it.
    ink = (before != 255).any(axis=-1)
    if ink.any() and np.abs(after - before)[ink].mean() > UNSEEN:
        light = exact.resize(size, Image.Resampling.BOX)
        dpi *= size[0] / exact.width
    stored = io.BytesIO()
    light.save(stored, "PNG", optimize=True, dpi=(dpi, dpi))
    return stored.getvalue()
