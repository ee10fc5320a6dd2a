"""Reads a picture file of the learner's as an input of lesson 05's networks."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image, ImageOps

SIDE = 28  # pixels of a side, as in Fashion-MNIST


def read_picture(content: bytes | memoryview) -> torch.Tensor:
    """Return a picture file's middle square as (28, 28) float32: grey from 0 to 1, light on dark.

    A picture whose edge is bright is turned into its negative, since Fashion-MNIST's background is
    black. A photo that a phone stores lying on its side is turned upright.

    Raises
    ------
    ValueError
        Where Pillow cannot read the file.
    """
    try:
        picture = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            "This file is no picture that can be read here; save it as JPEG or PNG and try again."
        ) from error
    white = Image.new("RGBA", picture.size, "white")  # behind what is transparent
    grey = Image.alpha_composite(white, picture).convert("L")
    x = np.asarray(ImageOps.fit(grey, (SIDE, SIDE)), dtype=np.float32) / 255
    edge = np.median(np.concatenate([x[0], x[-1], x[:, 0], x[:, -1]]))
    return torch.from_numpy(1 - x if edge > 0.5 else x.copy())
