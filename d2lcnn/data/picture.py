"""A picture in a file of any kind, as bytes in C×H×W."""

from __future__ import annotations

import io

import numpy as np
import torch
from torch import Tensor


def read_picture(content: bytes, channels: int | None = None) -> Tensor:
    """Read a picture, upright as the camera noted.

    Args:
        content: The content of an image file.
        channels: 1 makes it grey, 3 makes it RGB; None leaves a grey one grey and makes all else RGB.

    Shape:
        → uint8 C×H×W.

    Raises:
        ValueError: If it is no intact image, or a grey one with more than 8 bits; it says why. (Of a colour picture with
            more, Pillow gives the upper 8.)

    Example:
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (6, 4), "white").save(file, "png")
        >>> read_picture(file.getvalue()).shape, read_picture(file.getvalue(), channels=1).shape
        (torch.Size([3, 4, 6]), torch.Size([1, 4, 6]))
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.mode.startswith(("I", "F")):
                raise ValueError(f"it has more than 8 bits per channel (mode {image.mode}); convert it to 8")
            grey = image.mode in ("1", "L", "LA") if channels is None else channels == 1
            pixels = np.array(ImageOps.exif_transpose(image).convert("L" if grey else "RGB"))
    except Exception as error:  # decoders raise all sorts of errors on broken files
        raise ValueError(str(error)) from error
    return torch.from_numpy(pixels).reshape(*pixels.shape[:2], -1).permute(2, 0, 1)
