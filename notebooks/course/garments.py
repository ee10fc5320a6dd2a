"""Ten kinds of garment, drawn: the stand-in for Fashion-MNIST where there is no network.

`GARMENTS` holds a drawing of each kind, a list of polygons and lines. An image is one of these
drawings, bent, scaled and tilted at random, in random tones, with some of its parts left out. Many
images of one kind are drawn at once: (n, 1, 1) is the shape of a number that differs from image to
image, (n, 28, 28) that of one that differs from pixel to pixel.
"""

import math
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import numpy as np

SIDE = 28
TRAIN_SEED, TEST_SEED = 60_000, 10_000
CHUNK = 100  # images drawn at once: more take longer, since their arrays leave the core's cache
BEND = 1.1  # pixels; the more, the harder are the classes to tell apart


class Part(NamedTuple):
    """A part of a drawing, painted over the parts before it.

    tone: "cloth", "fold" (a little darker or lighter), "trim" (a clear contrast) or "black".
    points: "u,v u,v ..." as in SVG, in pixels, u to the right, v down, (0, 0) in the middle; a
        semicolon starts another polygon or line.
    width: 0 fills a convex polygon, its points clockwise; otherwise a line of this width.
    when: the part is in half the images, those that have this feature; "not ..." in the others.
    """

    tone: str
    points: str
    width: float = 0
    when: str = ""


# In MIRRORED garments u is the distance from the vertical axis, so a part appears on both sides.
# Their polygons reach beyond the axis (u < 0), so that no edge shows along it.
MIRRORED = ("t-shirt", "trouser", "pullover", "dress", "coat", "shirt", "bag")
GARMENTS = {
    "t-shirt": (
        Part("fold", "3,-11 7,-10.5 12,-4 9,-1.5 3,-5"),
        Part("cloth", "-4,-12 4,-12 7.3,-10.5 7,12 -4,12"),
        Part("black", "0,-14 0,-12", 6),
        Part("trim", "0,-8.5 2.5,-9.5 3.4,-11.8", 1),
        Part("black", "-2,-13 2.5,-12 0,-6.5 -2,-6.5", when="V-neck"),
        Part("trim", "-4,-5 2.5,-5 2.5,-1 -4,-1", when="print"),
    ),
    "trouser": (
        Part("cloth", "-4,-13 4,-13 6,13 2,13 -4,-11"),
        Part("black", "-4,-5 0,-5 2,13 -4,13"),
        Part("fold", "-4,-11.5 4,-11.5; 0,-11 0,-6", 1),
        Part("fold", "3,-6 4,13", 1, when="crease"),
    ),
    "pullover": (
        Part("fold", "3,-11 7,-10.5 12.5,7 9.5,8 3,-3"),
        Part("trim", "11.7,6.3 9.7,7", 2),
        Part("cloth", "-4,-12 4,-12 7.3,-10.5 7,12 -4,12"),
        Part("trim", "-4,11.3 6.5,11.3", 2),
        Part("black", "0,-14 0,-12.5", 6),
        Part("trim", "0,-9 2.5,-10 3.4,-11.8", 1.5),
    ),
    "dress": (
        Part("fold", "3,-12 5,-11 7.5,-6 5,-5 2,-8", when="sleeves"),
        Part("cloth", "-4,-12.5 4,-12.5 3,-3 -4,-3"),
        Part("cloth", "-4,-3 3,-3 6.5,13 -4,13"),
        Part("black", "0,-14 0,-11", 4.5),
        Part("trim", "-4,-3 2.8,-3", 1.5, when="belt"),
        Part("fold", "0.5,0 1,13; 2,0 4,13", 1, when="folds"),
    ),
    "coat": (
        Part("fold", "3,-11 7,-10.5 12.5,7 9.5,8 3,-3"),
        Part("cloth", "-4,-12 4,-12 7.3,-10.5 7,12.3 -4,12.3"),
        Part("trim", "-4,-12.5 2.5,-12.5 0,-3 -4,-3"),
        Part("black", "-4,-12.5 2.5,-12.5 0,-9 -4,-9"),
        Part("fold", "2.5,-12 4,-8 0.5,-3", 1.2),
        Part("trim", "0,-4 0,12", 1.2),
        Part("trim", "2.5,4 5.5,4", 1, when="pockets"),
        Part("trim", "-4,0.5 7,0.5", 1.5, when="belt"),
    ),
    "sandal": (
        Part("cloth", "-12,5.5 -5,6 5,6 12,6", 2.2, when="not heel"),
        Part("cloth", "-12,6 -6,6 5,0 11,-1; 11,-1 11,6", 2, when="heel"),
        Part("fold", "-10,5 -8,1.5 -5,1.5 -3,5; -3,5 8,-2 11,-2 11,5", 1.8, when="not heel"),
        Part("fold", "-10,5 -8,2 -5,2 -3,4; -3,4 4,-6 11,-7 11,-1", 1.8, when="heel"),
    ),
    "shirt": (
        Part("fold", "3,-11 7,-10.5 12.5,7 9.5,8 3,-3", when="long sleeves"),
        Part("trim", "12.2,6 9.3,7", 1, when="long sleeves"),
        Part("fold", "3,-11 7,-10.5 12,-4 9,-1.5 3,-5", when="not long sleeves"),
        Part("cloth", "-4,-12 4,-12 7.3,-10.5 7,12 -4,12.3"),
        Part("black", "-2,-13 2,-12.5 0,-9 -2,-9"),
        Part("fold", "1.5,-8 1.5,12", 1),
        Part("trim", "2.5,-12.5 4,-10 2,-7.5 0,-9.5", 1),
        Part("trim", "0,-6 0,-5; 0,-3 0,-2; 0,0 0,1; 0,3 0,4; 0,6 0,7; 0,9 0,10", 1),
        Part("trim", "3,-3 5.5,-3 5.5,0 3,0 3,-3", 0.8, when="pockets"),
    ),
    "sneaker": (
        Part("cloth", "-12,3 -10.5,0 1,-5.5 4,-5 4,4 -12,4; 3,-4.5 8,-3 8,4 3,4"),
        Part("cloth", "7,-3 11.5,-5.5 12.3,4 7,4"),
        Part("trim", "-12,4.5 12,4.5", 2),
        Part("trim", "-6,-1 -4.5,1; -3.5,-2 -2,0; -1,-3.5 0.5,-1.5", 1),
        Part("trim", "3,2 6,-3; 6,2 8.5,-3", 1, when="stripes"),
    ),
    "bag": (
        Part("fold", "-4,-9 2,-9 5,-6 5.5,-2", 1.6, when="not strap"),
        Part("fold", "-4,-13 2,-13 7,-2", 1.2, when="strap"),
        Part("cloth", "-4,-3 9,-3 10,-2 11,10 10,11 -4,11"),
        Part("fold", "-4,-3 9,-3 10,0 0,4 -4,4", when="flap"),
        Part("trim", "-4,2 10,2", 1, when="not flap"),
        Part("trim", "0,3 0,4", 2),
    ),
    "ankle boot": (
        Part("cloth", "-12,8 -11,5 -6,2 0,-1 3,-2 3,9 -12,9"),
        Part("cloth", "-1,-10 10,-10 11,9 -1,9"),
        Part("trim", "-12,9.5 -4,9.5 3,8 10,8; 9,8 9,11", 2, when="heel"),
        Part("trim", "-12,10 11,10", 2, when="not heel"),
        Part("fold", "3,-9 7,-9 6,0 4,0", when="elastic"),
        Part("trim", "-1,-7 2,-8; -1,-4 2,-5; -1.5,-1.5 1.5,-2", 1, when="not elastic"),
    ),
}
NAMES = tuple(GARMENTS)


def distance_to(part: Part, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Signed distance from each point (u, v) to a part: negative inside, in pixels."""
    pieces = []
    for piece in part.points.split(";"):
        corners = [tuple(map(float, corner.split(","))) for corner in piece.split()]
        ends = corners[1:] if part.width else corners[1:] + corners[:1]
        edges = []
        for (u0, v0), (u1, v1) in zip(corners, ends, strict=False):
            length = math.dist((u0, v0), (u1, v1))
            du, dv = (u1 - u0) / length, (v1 - v0) / length
            across = u * dv - v * du - (u0 * dv - v0 * du)
            if part.width:
                along = u * du + v * dv - (u0 * du + v0 * dv)
                beyond = along - np.clip(along, 0, length)
                across = np.sqrt(across**2 + beyond**2) - part.width / 2
            edges.append(across)
        pieces.append(reduce(np.minimum if part.width else np.maximum, edges))
    return reduce(np.minimum, pieces)


def draw_kind(name: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw n garments of one kind, (n, 28, 28) uint8."""

    def between(low, high):  # a number for each image, (n, 1, 1)
        return low + (high - low) * rng.random((n, 1, 1), dtype=np.float32)

    def bend(t):  # a slow wave along t
        return between(0, BEND) * np.sin(between(0.1, 0.35) * t + between(0, 2 * np.pi))

    # Where each pixel lies in its drawing: shifted, tilted, scaled and bent.
    pixels = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
    x = pixels - between(-1.5, 1.5)  # (n, 1, 28)
    y = pixels[:, None] - between(-1, 1)  # (n, 28, 1)
    tilt, size = between(-0.1, 0.1), between(0.9, 1.1)
    u, v = (x + tilt * y) / (size * between(0.92, 1.1)), (y - tilt * x) / size  # (n, 28, 28)
    if name in MIRRORED:
        x, u = np.abs(x), np.abs(u)
    u, v = u + bend(x) + bend(y), v + bend(x) + bend(y)

    # Details are lighter than the cloth as often as darker: were they always dark, the brightness
    # of a few pixels would tell the classes apart, and softmax regression would be nearly perfect.
    dark = between(0.25, 0.6)
    light = dark + between(0.25, 0.4)
    is_light = between(0, 1) < 0.5
    cloth, trim = np.where(is_light, light, dark), np.where(is_light, dark, light)
    for t in (u, v) if name in MIRRORED else ():  # some clothes are striped, but shoes are not
        depth = between(0.2, 0.7) * (between(0, 1) < 0.2)
        cloth = cloth * (1 - depth * np.sin(between(0.5, 1) * t) ** 2)
    tones = {"cloth": cloth, "fold": cloth * between(0.6, 1.3), "trim": trim, "black": 0}

    image, has = np.zeros_like(u), {"": True}
    for part in GARMENTS[name]:
        feature = part.when.removeprefix("not ")
        if feature not in has:
            has[feature] = between(0, 1) < 0.5
            has[f"not {feature}"] = ~has[feature]
        ink = np.clip(0.5 - distance_to(part, u, v), 0, 1)  # an edge one pixel wide
        image += has[part.when] * ink * (tones[part.tone] - image)
    grain = 1 + between(0, 0.08) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(255 * image * grain, 0, 255).astype(np.uint8)


def draw(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a garment of each label's class.

    Parameters
    ----------
    labels : (n,) integers
        Classes between 0 and 9, in the order of `NAMES`.
    rng : numpy.random.Generator
        An equal generator gives the same images again.

    Returns
    -------
    (n, 28, 28) uint8
        Light garments on black.

    Raises
    ------
    ValueError
        Where labels are not integers in one dimension between 0 and 9.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be integers in one dimension, not {labels.dtype} of shape {labels.shape}."
        )
    if ((labels < 0) | (labels >= len(NAMES))).any():
        raise ValueError(
            f"labels must lie between 0 and 9; these go from {labels.min()} to {labels.max()}."
        )
    images = np.zeros((len(labels), SIDE, SIDE), dtype=np.uint8)
    for label, name in enumerate(NAMES):
        rows = np.flatnonzero(labels == label)
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            images[chunk] = draw_kind(name, len(chunk), rng)
    return images


def draw_split(per_class: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (10 * per_class, 28, 28) and labels (10 * per_class,), uint8, in a shuffled order."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(10 * per_class) % 10).astype(np.uint8)
    return draw(labels, rng), labels


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write a uint8 array as an IDX file: 0, 0, 8 for uint8, the rank, the sizes, the bytes."""
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    path.write_bytes(head + array.tobytes())


def draw_dataset(raw_folder: Path, per_class: tuple[int, int] = (6_000, 1_000)) -> None:
    """Draw the training and the test set into an existing folder, as Fashion-MNIST's four files.

    Parameters
    ----------
    raw_folder : Path
        An existing folder; files of these names in it are overwritten.
    per_class : (int, int)
        Images of each class in the training set and in the test set.

    Raises
    ------
    OSError
        Where the folder is missing or a file cannot be written.
    """
    for name, n, seed in zip(("train", "t10k"), per_class, (TRAIN_SEED, TEST_SEED), strict=True):
        images, labels = draw_split(n, seed)
        write_idx(Path(raw_folder) / f"{name}-images-idx3-ubyte", images)
        write_idx(Path(raw_folder) / f"{name}-labels-idx1-ubyte", labels)
