"""Ten kinds of garment, drawn: the stand-in for Fashion-MNIST where there is no network.

Each garment is a few shapes, and each shape is a signed distance: how many pixels a point lies
outside the shape (negative inside). `minimum` unites shapes, `maximum` intersects them, and
`cover` turns a distance into ink with an edge one pixel wide. A chunk of images of one class is
drawn at once: `u, v` hold every pixel's place in its own garment's coordinates, (n, 28, 28), in
pixels, with u to the right, v downwards and (0, 0) in the middle; the numbers that differ from
image to image are (n, 1, 1).

The same seed gives the same bytes on every machine. So only `+ - * /`, `sqrt`, comparisons and
rounding are used, which IEEE 754 fixes to the last bit; `sin`, `exp` and sums over an axis are
not, and of the generator only `random`.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

NAMES: tuple[str, ...] = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
SIDE = 28
TRAIN_SEED, TEST_SEED = 60_000, 10_000
CHUNK = 250  # images drawn at once: each array then fits in a core's cache

Array = np.ndarray
Number = float | Array  # one for all images, or (n, 1, 1): one for each, or (n, 28, 28)
Knots = list[tuple[Number, Number]]


class Dice:
    """Draws one random number per image, of shape (n, 1, 1), to broadcast over the pixels."""

    def __init__(self, rng: np.random.Generator, n: int) -> None:
        self.rng, self.n = rng, n

    def between(self, low: float, high: float) -> Array:
        """Uniform on [low, high)."""
        return low + (high - low) * self.rng.random((self.n, 1, 1), dtype=np.float32)

    def chance(self, p: float) -> Array:
        """1.0 with probability p, else 0.0."""
        return (self.rng.random((self.n, 1, 1), dtype=np.float32) < p).astype(np.float32)

    def sign(self, p_minus: float = 0.5) -> Array:
        """-1.0 with this probability, else 1.0: a detail paler than the rest, or darker."""
        return 1 - 2 * self.chance(p_minus)

    def noise(self) -> Array:
        """Uniform on [-1, 1) for each pixel, (n, 28, 28)."""
        return 2 * self.rng.random((self.n, SIDE, SIDE), dtype=np.float32) - 1


# Shapes: signed distances, about exact near the edge. All broadcast to (n, 28, 28).


def cover(distance: Array) -> Array:
    """Ink between 0 (outside) and 1 (inside), with a soft edge one pixel wide."""
    return np.clip(0.5 - distance, 0, 1)


def mix(share: Array, if_one: Number, if_zero: Number) -> Array:
    """`if_one` where share is 1, `if_zero` where it is 0."""
    return if_zero + share * (if_one - if_zero)


def curve(t: Array, knots: Knots) -> Array:
    """The broken line through knots (t, value), t rising; constant beyond both ends."""
    (start, value), *rest = knots
    for end, next_value in rest:
        value = value + (next_value - value) * np.clip((t - start) / (end - start), 0, 1)
        start = end
    return value


def every(*distances: Array) -> Array:
    """Intersection."""
    out = distances[0]
    for distance in distances[1:]:
        out = np.maximum(out, distance)
    return out


def line(distance: Array, width: Number) -> Array:
    """A line of this width along a shape's edge."""
    return np.abs(distance) - width / 2


def box(u: Array, v: Array, left: Number, right: Number, top: Number, bottom: Number) -> Array:
    """An upright rectangle."""
    return every(left - u, u - right, top - v, v - bottom)


def ellipse(u: Array, v: Array, cu: Number, cv: Number, ru: Array, rv: Array) -> Array:
    """An upright ellipse round (cu, cv) with half-axes ru and rv."""
    p, q = (u - cu) / ru, (v - cv) / rv
    return (np.sqrt(p * p + q * q) - 1) * np.minimum(ru, rv)


def limb(
    u: Array, v: Array, u0: Number, v0: Number, u1: Array, v1: Array, r0: Number, r1: Number
) -> Array:
    """A straight limb from (u0, v0) to (u1, v1): radius r0 to r1, round start, flat end."""
    du, dv = u1 - u0, v1 - v0
    length = np.sqrt(du * du + dv * dv)
    along = ((u - u0) * du + (v - v0) * dv) / length
    across = np.abs((u - u0) * dv - (v - v0) * du) / length
    return every(across - curve(along, [(0, r0), (length, r1)]), along - length, -along - r0)


def stripes(t: Array, period: Number) -> Array:
    """A triangle wave along t, between 0 and 1."""
    phase = t / period
    return np.abs(2 * (phase - np.floor(phase)) - 1)


# Garments: each returns (distance, tone), the outline and how bright it is within, 1 being plain.


def shaded(tone: Array, distance: Array, strength: Number) -> Array:
    """Darken the tone inside a shape by this share; a negative strength brightens."""
    return tone * (1 - strength * cover(distance))


def patterned(
    dice: Dice, tone: Array, u: Array, v: Array, p_across: float, p_along: float
) -> Array:
    """Stripes across, along, both (checks) or, mostly, neither."""
    period, depth = dice.between(3, 6), dice.between(0.15, 0.6)
    tone = tone * (1 - dice.chance(p_across) * depth * stripes(v, period))
    return tone * (1 - dice.chance(p_along) * depth * stripes(u, period))


def torso(
    dice: Dice,
    u: Array,
    v: Array,
    *,
    half: Array,
    flare: Array,
    neck: Array,
    depth: Array,
    roundness: Number,
    bottom: Array,
) -> tuple[Array, Array, Array]:
    """Body of a garment that hangs from the shoulders: distances of the body, its sides, its neck.

    half: half the width at the shoulders; flare: how much wider at the hem; neck, depth: half the
    width and the depth of the neckline; roundness: 0.5 makes that a V, 1 makes it round.
    """
    a = np.abs(u)
    waist = half + flare / 2 - dice.between(0.2, 1.1)
    sides = a - curve(v, [(-9, half), (1, waist), (11, half + flare)])
    neckline = (
        curve(
            a,
            [
                (0, depth),
                (neck / 2, depth * roundness),
                (neck, 0),
                (neck + 1, 0.2),
                (half, dice.between(0.9, 2.2)),
            ],
        )
        - 11
        - v
    )
    return every(sides, neckline, v - bottom), sides, neckline


def with_sleeves(
    dice: Dice,
    u: Array,
    v: Array,
    body: Array,
    sides: Array,
    *,
    half: Array,
    reach: Array,
    end: Array,
    cuff: Array,
) -> tuple[Array, Array]:
    """Add sleeves that end at (+-(half + reach), end): the outline; a tone with the seams."""
    a = np.abs(u)
    sleeves = limb(a, v, half - 2, -7.4, half + reach, end, 2.7, cuff)
    seam = every(line(sides, 1), -8 - v, sleeves)
    tone = shaded(np.ones_like(u), seam, dice.between(0.1, 0.5))
    return np.minimum(body, sleeves), tone


def t_shirt(dice: Dice, u: Array, v: Array) -> tuple[Array, Array]:
    """Short sleeves, a round or V neck with its band, sometimes stripes or a print."""
    half, bottom = dice.between(5.4, 7.2), dice.between(8.5, 11.8)
    neck = dice.between(2.4, 3.8)
    body, sides, neckline = torso(
        dice,
        u,
        v,
        half=half,
        flare=dice.between(-0.6, 1.2),
        neck=neck,
        depth=dice.between(1.5, 3),
        roundness=mix(dice.chance(0.3), 0.5, 0.9),
        bottom=bottom,
    )
    outline, tone = with_sleeves(
        dice,
        u,
        v,
        body,
        sides,
        half=half,
        reach=dice.between(2.4, 4.4),
        end=dice.between(-5, 0.5),
        cuff=dice.between(2, 2.9),
    )
    band = every(line(neckline + 1, 1), np.abs(u) - neck - 0.5)
    tone = shaded(tone, band, dice.between(0.1, 0.5) * dice.sign())
    tone = patterned(dice, tone, u, v, 0.25, 0.1)
    size = dice.between(1.5, 3)
    chest = box(np.abs(u), v, -1, size, -4, size - 3)
    return outline, shaded(tone, chest, dice.chance(0.35) * dice.between(-0.6, 0.7))


def pullover(dice: Dice, u: Array, v: Array) -> tuple[Array, Array]:
    """Long sleeves, a closed round neck, ribbed neck, hem and cuffs, sometimes stripes."""
    half, bottom, end = dice.between(5.3, 7.2), dice.between(8.3, 11.8), dice.between(4.5, 9.5)
    a, neck = np.abs(u), dice.between(2.2, 3.4)
    body, sides, neckline = torso(
        dice,
        u,
        v,
        half=half,
        flare=dice.between(-0.8, 1),
        neck=neck,
        depth=dice.between(0.6, 1.8),
        roundness=0.95,
        bottom=bottom,
    )
    outline, tone = with_sleeves(
        dice,
        u,
        v,
        body,
        sides,
        half=half,
        reach=dice.between(1.5, 4.4),
        end=end,
        cuff=dice.between(1.5, 2.1),
    )
    tone = patterned(dice, tone, u, v, 0.35, 0.1)
    depth = dice.between(0.25, 0.65) * dice.sign()
    hem = every(bottom - 2.2 - v, sides)
    tone = tone * (1 - depth * (stripes(u, 2) * 0.5 + 0.5) * cover(hem))
    cuffs = every(end - 2.2 - v, -sides - 0.5)
    band = every(line(neckline + 1, 1.6), a - neck - 0.5)
    return outline, shaded(tone, np.minimum(cuffs, band), depth)


def coat(dice: Dice, u: Array, v: Array) -> tuple[Array, Array]:
    """Long sleeves, a long body that opens down the front, lapels, pockets, sometimes a belt."""
    half, bottom = dice.between(5.2, 7.1), dice.between(9.5, 12.4)
    a, neck, depth = np.abs(u), dice.between(1.8, 3), dice.between(1, 2.5)
    body, sides, _ = torso(
        dice,
        u,
        v,
        half=half,
        flare=dice.between(-0.6, 1.6),
        neck=neck,
        depth=depth,
        roundness=0.5,
        bottom=bottom,
    )
    outline, tone = with_sleeves(
        dice,
        u,
        v,
        body,
        sides,
        half=half,
        reach=dice.between(1.5, 4.3),
        end=dice.between(4.2, 9.2),
        cuff=dice.between(1.6, 2.3),
    )
    dark, meet = dice.between(0.4, 0.9) * dice.sign(), dice.between(-8, 1)
    front = np.maximum(line(a, dice.between(0.9, 1.6)), meet - v)
    tone = shaded(tone, front, dark)
    vee = a - neck * np.clip((meet - v) / (meet + 11), 0, 1)
    tone = shaded(tone, every(vee, v - meet), dark)
    lapels = every(line(vee - dice.between(1.6, 2.6), 1), v - meet, -10 - v)
    tone = shaded(tone, lapels, dark * 0.7)
    pockets = every(line(v - dice.between(3, 5), 1), 2 - a, a - 5)
    tone = shaded(tone, pockets, dice.chance(0.6) * dark * 0.7)
    belt = every(line(v - dice.between(0, 2), 1.6), sides)
    return outline, shaded(tone, belt, dice.chance(0.25) * dark)


def shirt(dice: Dice, u: Array, v: Array) -> tuple[Array, Array]:
    """A turned-down collar, buttons, long or short sleeves, cuffs, often a pocket or checks."""
    half, bottom = dice.between(5.3, 7.2), dice.between(8.8, 12)
    a, neck, is_short = np.abs(u), dice.between(1.8, 2.8), dice.chance(0.45)
    body, sides, _ = torso(
        dice,
        u,
        v,
        half=half,
        flare=dice.between(-0.6, 1.2),
        neck=neck,
        depth=dice.between(0.8, 2.2),
        roundness=0.5,
        bottom=bottom - dice.between(0, 0.3) * a,
    )
    end = mix(is_short, dice.between(-5, 0.5), dice.between(4.2, 9.5))
    outline, tone = with_sleeves(
        dice,
        u,
        v,
        body,
        sides,
        half=half,
        reach=dice.between(1.6, 4.2),
        end=end,
        cuff=mix(is_short, dice.between(2, 2.8), dice.between(1.5, 2.1)),
    )
    tone = patterned(dice, tone, u, v, 0.25, 0.4)
    dark = dice.between(0.4, 0.85) * dice.sign()
    cuffs = every(line(v - end + 2, 1), -sides - 0.5)
    tone = shaded(tone, cuffs, dark)
    tone = shaded(tone, line(a - 1.5, 1), dark * 0.4)
    buttons = np.maximum(a - 0.6, 0.6 - 1.5 * stripes(v, 3.0))
    tone = shaded(tone, every(buttons, -7 - v), dark)
    flaps = every(a - neck - 1.2, v + 7 + 0.5 * a - 0.4 * neck, -a - 1)
    tone = shaded(tone, line(flaps, 1), dark)
    pocket = box(u, v, 2, 4.6, -3.5, -0.5)
    return outline, shaded(tone, line(pocket, 1), dice.chance(0.5) * dark * 0.6)


def trouser(dice: Dice, u: Array, v: Array) -> tuple[Array, Array]:
    """Two legs with a gap between them, a waistband, sometimes a crease."""
    a, waist, spread = np.abs(u), dice.between(2.8, 4.2), dice.between(0.6, 2.6)
    hem, crotch = dice.between(1.6, 2.9), dice.between(-6, -3.5)
    outer = curve(v, [(-12, waist), (crotch, waist + 0.7), (12, spread + 2 * hem - 0.6)])
    inner = curve(v, [(crotch - 0.5, -0.6), (crotch + 2, 0.3), (12, spread)])
    outline = every(a - outer, inner - a, -12 - v, v - dice.between(10.5, 12.5))
    tone = shaded(np.ones_like(u), line(v + 10, 1), dice.between(0.2, 0.6))
    crease = every(line(a - (outer + inner) / 2, 1), crotch - v)
    tone = shaded(tone, crease, dice.chance(0.5) * dice.between(-0.3, 0.5))
    fly = every(line(u, 1), v - crotch)
    return outline, shaded(tone, fly, dice.between(0.2, 0.5))


def dress(dice: Dice, u: Array, v: Array) -> tuple[Array, Array]:
    """Narrow at the waist, wide at the hem, straps or short sleeves, sometimes folds or a belt."""
    a, half, waist = np.abs(u), dice.between(3, 4.6), dice.between(2.4, 3.8)
    at, hem = dice.between(-4, 0), waist + dice.between(1.4, 4)
    skirt = [(at, waist), (at + 4, (waist + hem) / 2), (12, hem)]
    sides = a - curve(v, [(-9, half), *skirt])
    neck, depth = half - dice.between(1, 1.6), dice.between(1.5, 4.5)
    neckline = curve(a, [(0, depth), (neck * 0.7, depth * 0.8), (neck, 0), (half, 1)]) - 12 - v
    outline = every(sides, neckline, v - dice.between(9.5, 12.5))
    sleeve_end = mix(dice.chance(0.2), dice.between(0, 3), dice.between(-7, -4))
    sleeves = limb(a, v, half - 1.5, -9.5, half + dice.between(1, 3), sleeve_end, 1.9, 1.6)
    outline = np.minimum(outline, sleeves + 9 * dice.chance(0.55))
    tone = shaded(np.ones_like(u), every(line(v - at, 1.4), sides), dice.between(0, 0.6))
    folds = stripes(u / curve(v, skirt), dice.between(0.4, 0.7))
    depth = dice.chance(0.6) * dice.between(0.2, 0.6)
    return outline, tone * (1 - depth * folds * cover(at - v))


def sneaker(dice: Dice, u: Array, v: Array) -> tuple[Array, Array]:
    """A low shoe, toe to the left: a thick pale sole, laces on the slope, a stripe on the side."""
    rise, ground, thick = dice.between(5, 8.5), dice.between(4, 6), dice.between(1.6, 2.8)
    sole_top, peak = ground - thick, dice.between(0, 3)
    top = curve(
        u,
        [
            (-12.5, sole_top - 0.5),
            (-11, sole_top - 2),
            (-6, sole_top - rise * 0.5),
            (peak, sole_top - rise),
            (peak + 3, sole_top - rise * 0.75),
            (11, sole_top - rise * 0.95),
            (12, sole_top - rise * 0.6),
        ],
    )
    upper = every(top - v, v - sole_top, np.abs(u) - 12)
    sole = every(sole_top - v, v - ground - 0.05 * np.minimum(u + 8, 0), np.abs(u) - 12.8)
    tone = shaded(np.ones_like(u), upper, dice.between(0.1, 0.6))
    tone = shaded(tone, line(v - sole_top, 1), dice.between(0.3, 0.8))
    laces = every(top - v, v - top - 2.2, -7 - u, u - peak)
    tone = tone * (1 - dice.between(-0.9, 0.6) * cover(laces) * stripes(u, 2.5))
    slant = dice.between(-0.8, 0.8)
    mark = every(line(u - dice.between(0, 5) - slant * v, dice.between(1.2, 2.4)), upper + 1)
    return np.minimum(upper, sole), shaded(tone, mark, dice.between(-0.9, 0.7))


def ankle_boot(dice: Dice, u: Array, v: Array) -> tuple[Array, Array]:
    """A shoe with a shaft over the ankle, toe to the left: a heel, laces or an elastic side."""
    rise, ground, thick = dice.between(13, 18), dice.between(8, 11), dice.between(1.2, 2.2)
    heel, front = dice.between(0, 4), dice.between(-3, 1)
    sole_top = ground - thick - heel * curve(u, [(-6, 0), (4, 1)])
    top = curve(
        u,
        [
            (-12.5, ground - thick - 1),
            (-10.5, ground - 4),
            (front - 4, ground - 6),
            (front, ground - 8 - heel * 0.5),
            (front + 1.6, ground - rise),
            (11, ground - rise + 1),
        ],
    )
    back = dice.between(9.5, 11.5) + 0.08 * (v - ground)
    upper = every(top - v, v - sole_top, -12 - u, u - back)
    sole = every(sole_top - v, v - sole_top - thick, -12.4 - u, u - back)
    block = every(sole_top - v, v - ground, back - dice.between(3, 6) - u, u - back - 0.2)
    tone = shaded(np.ones_like(u), np.minimum(sole, block), dice.between(-0.6, 0.7))
    tone = shaded(tone, line(v - sole_top, 1), dice.between(0.2, 0.7))
    tone = shaded(tone, every(line(top + 1.6 - v, 1), front + 2 - u), dice.between(0.1, 0.6))
    is_laced = dice.chance(0.5)
    laces = every(front - 1 - u + 0.2 * (v - ground + 8), u - front - 2.5, v - ground + 6)
    tone = tone * (1 - is_laced * dice.between(0.3, 0.8) * cover(laces) * stripes(v, 2.6))
    elastic = np.abs(u - (front + back) / 2 - 0.5) - 1.5 - 0.12 * (ground - 8 - v)
    elastic = every(elastic, v - ground + 7)
    tone = shaded(tone, elastic, (1 - is_laced) * dice.between(0.3, 0.7))
    return np.minimum(np.minimum(upper, sole), block), tone


def sandal(dice: Dice, u: Array, v: Array) -> tuple[Array, Array]:
    """A thin sole, flat or on a heel, and a few straps with gaps between them."""
    ground, thick = dice.between(4, 7), dice.between(1.2, 2.2)
    is_heeled = dice.chance(0.45)
    heel = is_heeled * dice.between(3, 8)
    sole_top = ground - thick - heel * curve(u, [(-6, 0), (5, 1)])
    sole = every(sole_top - v, v - sole_top - thick, np.abs(u) - 12)
    front = 10.5 - dice.between(0, 3) + 0.1 * (ground - v)
    post = every(sole_top - v, v - ground, u - 11.5, front - u)
    above, width = v - sole_top, dice.between(1.3, 2.3)  # 0 on the sole, negative above it
    centre, ankle = dice.between(-7.5, -5), dice.between(-8, -5.5)
    arch = ellipse(u, above, centre, 0, dice.between(3.5, 5), dice.between(3, 4.8))
    is_slide = dice.chance(0.08)  # one broad band over the toes and nothing else
    arch = mix(is_slide, arch, line(arch, width))
    instep = limb(u, above, centre + 4, 0, dice.between(5, 9), ankle, width / 2, width / 2)
    round_ankle = every(line(above - ankle, width), 3 - u, u - 11.2)
    at_heel = every(line(u - 10.2, width), ankle - above)
    back = np.minimum(round_ankle, at_heel) + 9 * dice.chance(0.25)
    straps = every(np.minimum(arch, np.minimum(instep, back) + 9 * is_slide), above)
    tone = shaded(np.ones_like(u), straps, dice.between(-0.3, 0.5))
    return np.minimum(np.minimum(sole, post + 9 * (1 - is_heeled)), straps), tone


def bag(dice: Dice, u: Array, v: Array) -> tuple[Array, Array]:
    """A box with a handle or a long strap above it, a flap or a zip, and a clasp."""
    a, half, top = np.abs(u), dice.between(7, 12), dice.between(-5, 0)
    bottom, taper = dice.between(7, 11), dice.between(-0.12, 0.12)
    sides = a - half + taper * (bottom - v)
    corners = a + np.abs(v - (top + bottom) / 2) - half - (bottom - top) / 2 + 1
    body = every(sides, top - v, v - bottom, corners)
    wide, high = half * dice.between(0.35, 0.85), dice.between(4.5, 8)
    handle = every(line(ellipse(u, v, 0, top, wide, high), dice.between(1.2, 2)), v - top)
    tone = shaded(np.ones_like(u), handle, dice.between(-0.3, 0.5))
    dark, is_flap = dice.between(0.2, 0.7), dice.chance(0.5)
    edge = top + (bottom - top) * dice.between(0.25, 0.6) - is_flap * 0.15 * a
    tone = shaded(tone, line(v - edge, 1), dark)
    tone = shaded(tone, every(v - edge, top - v), is_flap * dice.between(-0.3, 0.5))
    clasp = every(a - 1, np.abs(v - edge) - 1)
    return np.minimum(body, handle), shaded(tone, clasp, dice.between(-0.8, 0.9))


Garment = Callable[[Dice, Array, Array], tuple[Array, Array]]
GARMENTS: tuple[Garment, ...] = (
    t_shirt,
    trouser,
    pullover,
    dress,
    coat,
    sandal,
    shirt,
    sneaker,
    bag,
    ankle_boot,
)


def placed(dice: Dice) -> tuple[Array, Array]:
    """Pixel centres in the coordinates of n garments, each shifted, tilted and scaled: u, v."""
    pixels = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
    x = pixels[None, None, :] - dice.between(-1.4, 1.4)
    y = pixels[None, :, None] - dice.between(-1.3, 1.3)
    tilt, size = dice.between(-0.11, 0.11), dice.between(0.92, 1.12)
    return (x + tilt * y) / (size * dice.between(0.92, 1.1)), (y - tilt * x) / size


def draw_class(label: int, n: int, rng: np.random.Generator) -> Array:
    """Draw n images of one class, (n, 28, 28) uint8."""
    dice = Dice(rng, n)
    u, v = placed(dice)
    distance, tone = GARMENTS[label](dice, u, v)
    ink = cover(distance)
    tone = tone / np.maximum(1, (ink * tone).max(axis=(1, 2), keepdims=True))
    slope_u, slope_v = dice.between(-0.02, 0.02), dice.between(-0.02, 0.02)
    light = dice.between(0.45, 1) * (1 + slope_u * u + slope_v * v)
    grain = 1 + dice.between(0, 0.12) * dice.noise()
    return np.rint(np.clip(255 * ink * tone * light * grain, 0, 255)).astype(np.uint8)


def draw(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a garment of each label's class: (n,) whole numbers 0 to 9 -> (n, 28, 28) uint8.

    The same labels and an equal generator give the same images, to the byte. Raises ValueError
    where labels are not that.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not (labels.size == 0 or np.issubdtype(labels.dtype, np.integer)):
        raise ValueError(
            "labels must be whole numbers in one dimension, "
            f"not {labels.dtype} of shape {labels.shape}."
        )
    if labels.size and not 0 <= labels.min() <= labels.max() < len(NAMES):
        raise ValueError(
            f"labels must lie between 0 and 9; these go from {labels.min()} to {labels.max()}."
        )
    images = np.zeros((len(labels), SIDE, SIDE), dtype=np.uint8)
    for label in range(len(NAMES)):
        where = np.flatnonzero(labels == label)
        for start in range(0, len(where), CHUNK):
            chunk = where[start : start + CHUNK]
            images[chunk] = draw_class(label, len(chunk), rng)
    return images


def draw_split(per_class: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (10 * per_class, 28, 28) and labels (10 * per_class,), uint8, in a shuffled order."""
    rng = np.random.Generator(np.random.PCG64(seed))
    order = np.argsort(rng.random(len(NAMES) * per_class), kind="stable")
    labels = (order % len(NAMES)).astype(np.uint8)
    return draw(labels, rng), labels


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write a uint8 array as an IDX file: 0, 0, 8 for uint8, the rank, the sizes, the bytes."""
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(head + array.tobytes())


def draw_dataset(raw_folder: Path, per_class: tuple[int, int] = (6_000, 1_000)) -> None:
    """Draw the training and the test set into an existing folder, as Fashion-MNIST's four files.

    per_class: images of each class in the training set and in the test set.
    """
    for name, n, seed in zip(("train", "t10k"), per_class, (TRAIN_SEED, TEST_SEED), strict=True):
        images, labels = draw_split(n, seed)
        write_idx(Path(raw_folder) / f"{name}-images-idx3-ubyte", images)
        write_idx(Path(raw_folder) / f"{name}-labels-idx1-ubyte", labels)
