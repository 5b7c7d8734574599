"""Store the notebooks' pictures so that they are sharp on fine screens and light for those who load them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

# The kernel draws a picture with twice the pixels of its size in a page, and says that size.
TWICE = "--InlineBackend.figure_formats=retina"
# A drawing has few colours, and a palette changes them by less than this in the mean, of 255: by much less, as a rule.
UNSEEN = 1.0


def lighten(png: bytes, width: int) -> bytes:
    """Give a picture in fewer bytes: a drawing with a palette, and a photograph as large as the page shows it.

    A photograph has no more to show in twice the pixels, and with a palette it would lose its colours.

    Args:
        png: A picture without transparency.
        width: Of the picture in a page, in CSS pixels.

    Raises:
        ValueError: If a part of the picture is transparent: a page's dark ground would show through.
    """
    picture = Image.open(io.BytesIO(png))
    dpi = picture.info.get("dpi", (100, 100))[0]
    if picture.convert("RGBA").getextrema()[-1][0] < 255:
        raise ValueError(
            f"A picture of the book must have a ground of its own, got one of {picture.width} × {picture.height} pixels "
            "that is transparent: leave the figure's facecolor as it is."
        )
    exact = picture.convert("RGB")
    light = exact.quantize(256, dither=Image.Dither.NONE)
    change = np.asarray(exact, dtype=int) - np.asarray(light.convert("RGB"), dtype=int)
    if np.abs(change).mean() >= UNSEEN:
        light = exact.resize((width, round(exact.height * width / exact.width)), Image.Resampling.BOX)
        dpi *= width / exact.width
    stored = io.BytesIO()
    light.save(stored, "PNG", optimize=True, dpi=(dpi, dpi))
    return stored.getvalue()
