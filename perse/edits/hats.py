"""Hats, fitted over the tucked hair. They grow from the rim up, and what juts out from there outwards: half a hat is a headband, a visor or a hat
without a top, which people wear, and never a lid in the air."""

from dataclasses import replace

import numpy as np

from .bound_mesh import BoundMesh
from .head_measures import Head
from .solids import Solid, ball, cloth, merged, outward, sheet, tube

AROUND = 60  # points around a hat
WALL = 11  # of a cowboy hat's rows, up to where its top turns inwards
# Of the amount, over which each row becomes solid: a sharp edge at every amount (0.08 to 0.15; less is lost in the file's eight bits).
GROWING = 0.12
FIRST, CLOSED = 0.10, 0.86  # amounts at which the rim appears, and at which the top closes
CUFF = 0.3  # amount at which a beanie's cuff is whole
JUTS = 0.55  # amount at which a brim or a visor is as wide as it gets
BEHIND = 0.09  # eye distances under the cloth at which a second, coarser layer closes the gaps of the first: hair would show as dots


def _dome(head: Head, low: float, gap, rows: int = 18) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A cap over the hair: grid (rows, AROUND, 3) from the rim up, azimuths (AROUND,), share of the way up (rows,).

    Args:
        low: elevation of the rim, radians.
        gap: distance from the hair, one number or a function of (azimuth, share).
    """
    azimuth = np.linspace(-np.pi, np.pi, AROUND, endpoint=False)
    share = np.linspace(0, 1, rows)
    elevation = low + (np.radians(89.0) - low) * share**0.85
    a, e = np.meshgrid(azimuth, elevation)
    away = gap(a, np.broadcast_to(share[:, None], a.shape)) if callable(gap) else gap
    return head.middle + (head.radius(a, e) + away)[..., None] * head.direction(a, e), azimuth, share


def _lining(head: Head, rim: np.ndarray) -> Solid:
    """The inside of a hat next to its rim (AROUND, 3), which one sees from below."""
    inner = rim + 0.12 * (head.middle - rim) + 0.04 * head.up
    return sheet(np.stack([rim, 0.5 * (rim + inner), inner, inner + 0.15 * (head.middle - inner) + 0.10 * head.up]), False, True)


def _grown(share: np.ndarray, last: float = CLOSED, around: int = AROUND) -> np.ndarray:
    """Amounts at which rows of so many points appear: the first, at the rim, first."""
    return np.repeat(FIRST + (last - FIRST) * share, around)


def _backed(head: Head, rows: int, points: np.ndarray, triangles: np.ndarray, colors: np.ndarray, start: np.ndarray) -> BoundMesh:
    """A hat of points (N, 3), the first of which are so many rows of a dome, with a back of every second of these, and every second point of each."""

    def every_second(values: np.ndarray) -> np.ndarray:
        return values[: rows * AROUND].reshape(rows, AROUND, *values.shape[1:])[::2, ::2]

    inner = every_second(points)
    inwards = head.middle - inner
    inner = inner + BEHIND * inwards / np.linalg.norm(inwards, axis=-1, keepdims=True)
    points, triangles = merged([(points, triangles), sheet(inner, False, True)])
    colors, start = (np.concatenate([x, every_second(x).reshape(-1, *x.shape[1:])]) for x in (colors, start))
    return replace(head.fixed(points, triangles, colors, "hat", start), growing=GROWING)


def beanie(head: Head, color: np.ndarray) -> BoundMesh:
    """A knitted hat with a turned-up cuff."""
    low = np.radians(-10.0)
    grid, azimuth, share = _dome(head, low, lambda a, s: 0.05 + 0.11 * s)
    cuff_share = np.linspace(0, 1, 7)
    a, e = np.meshgrid(azimuth, low + np.radians(17.0) * cuff_share)
    bulge = 0.065 + 0.025 * np.sin(np.pi * cuff_share[:, None])
    cuff = head.middle + (head.radius(a, e) + bulge)[..., None] * head.direction(a, e)
    edge = np.concatenate([grid[:1], cuff[:1]])
    lip = np.concatenate([cuff[-1:], grid[3:4]])
    points, triangles = merged([sheet(grid, False, True), sheet(cuff, False, True), sheet(edge, False, True), sheet(lip, False, True)])
    around = np.tile(azimuth, len(points) // AROUND)
    rib = np.cos(around * AROUND / 2)
    knit = 1 + 0.16 * rib
    knit[len(grid) * AROUND :] = 1.06 + 0.20 * rib[len(grid) * AROUND :]
    knit[-4 * AROUND :] = 0.75
    start = np.concatenate([_grown(share), _grown(cuff_share, CUFF), *(np.repeat(row, AROUND) for row in ([FIRST, FIRST], [CUFF, CUFF]))])
    return _backed(head, len(grid), points, triangles, cloth(color, outward(points, triangles, head.middle), knit), start)


def cap(head: Head, color: np.ndarray) -> BoundMesh:
    """A baseball cap: six panels, a button, a visor."""
    low = np.radians(-4.0)
    grid, azimuth, share = _dome(
        head, low, lambda a, s: 0.05 + 0.10 * s + 0.08 * np.exp(-((a / 1.0) ** 2)) * np.sin(np.pi * np.clip(s * 1.3, 0, 1))
    )
    visor_at, out = np.linspace(-1.05, 1.05, 29), np.linspace(0, 1, 9)
    a, o = np.meshgrid(visor_at, out)
    seat = np.full(a.shape, low + np.radians(3.0))
    base = head.middle + (head.radius(a, seat) - 0.01)[..., None] * head.direction(a, seat)
    reach = 0.62 * np.sqrt(np.clip(1 - (a / 1.05) ** 2, 0, 1)) * o
    # The visor points forward and slopes down at its sides.
    visor = base + reach[..., None] * head.forward - (0.05 * o * (a / 1.05) ** 2 + 0.30 * reach)[..., None] * head.up
    under = visor - 0.018 * head.up
    top = head.middle + (grid[-1] - head.middle).mean(0)
    pieces = [sheet(grid, False, True), sheet(visor), sheet(under), ball(top + 0.02 * head.up, 0.045), _lining(head, grid[0])]
    points, triangles = merged(pieces)
    normal = outward(points, triangles, head.middle)
    count = [len(p) for p, _ in pieces]
    normal[count[0] : count[0] + count[1]] *= np.sign(normal[count[0] : count[0] + count[1]] @ head.up)[:, None]
    pattern = np.ones(len(points))
    around = np.tile(azimuth, len(grid))
    pattern[: count[0]] -= 0.22 * (np.abs((around * 3 / np.pi + 0.5) % 1 - 0.5) < 0.05)
    pattern[count[0] + count[1] : count[0] + 2 * count[1]] = 0.45
    pattern[-count[4] :] = 0.30
    start = np.concatenate([_grown(share), *(_grown(out, JUTS, len(visor_at)),) * 2, np.full(count[3], CLOSED), np.full(count[4], FIRST)])
    return _backed(head, len(grid), points, triangles, cloth(color, normal, pattern), start)


def cowboy(head: Head, color: np.ndarray) -> BoundMesh:
    """A felt hat: a creased crown, a band, a wide brim curled up at the sides."""
    low = np.radians(2.0)
    azimuth = np.linspace(-np.pi, np.pi, AROUND, endpoint=False)
    rim = head.radius(azimuth[None], np.full((1, AROUND), low))[0] + 0.05
    flat = np.sin(azimuth)[:, None] * head.side + np.cos(azimuth)[:, None] * head.forward
    share = np.concatenate([np.linspace(0, 0.93, 14), [0.95, 0.97, 0.985, 1.0]])  # closer where it turns inwards
    # The crown stands above the tucked hair wherever that is.
    a, e = np.meshgrid(azimuth, np.linspace(low, np.radians(89), 20))
    needed = ((head.radius(a, e) + 0.05) * np.sin(e)).max()
    height = max(0.78, needed + 0.10) * (1 - 0.10 * np.cos(azimuth) * -1)
    width = np.interp(share, [0, 0.6, 0.85, 0.96, 1.0], [1.0, 0.93, 0.84, 0.62, 0.05])
    rise = np.interp(share, [0, 0.6, 0.85, 0.96, 1.0], [0.0, 0.70, 0.97, 1.0, 0.90])
    crown = head.middle + (rim[None] * width[:, None])[..., None] * flat + (rise[:, None] * height[None])[..., None] * head.up
    # A crease along the top, two dents in front.
    dent = 0.16 * np.exp(-((np.sin(azimuth)[None] * width[:, None] / 0.22) ** 2)) * np.clip((share[:, None] - 0.7) / 0.3, 0, 1)
    crown -= dent[..., None] * head.up
    out = np.linspace(0, 1, 10)
    reach = 0.62 + 0.10 * np.abs(np.cos(azimuth))
    curl = 0.34 * np.sin(azimuth) ** 4 * out[:, None] ** 1.6 - 0.05 * np.cos(azimuth) ** 2 * out[:, None]
    wide = rim[None] + reach[None] * out[:, None] * (1 - 0.25 * np.sin(azimuth)[None] ** 4 * out[:, None])
    brim = head.middle + wide[..., None] * flat + curl[..., None] * head.up
    under = brim - 0.02 * head.up
    band = head.middle + (rim[None] * 1.02 + 0.004)[..., None] * flat + (np.linspace(0.01, 0.12, 4)[:, None])[..., None] * head.up
    pieces = [
        sheet(crown, False, True),
        sheet(brim, False, True),
        sheet(under, False, True),
        sheet(band, False, True),
        tube(brim[-1] - 0.01 * head.up, 0.014, True, 6),
        _lining(head, crown[0]),
    ]
    points, triangles = merged(pieces)
    normal = outward(points, triangles, head.middle + 0.2 * head.up)
    count = np.cumsum([0, *(len(p) for p, _ in pieces)])
    normal[count[1] : count[2]] *= np.sign(normal[count[1] : count[2]] @ head.up)[:, None]
    pattern = np.ones(len(points))
    pattern[count[2] : count[3]], pattern[count[3] : count[4]], pattern[count[5] :] = 0.50, 0.35, 0.30
    start = np.concatenate(
        [
            _grown(share),
            *(_grown(out, JUTS),) * 2,
            np.full(4 * AROUND, FIRST),
            np.full(count[5] - count[4], JUTS),
            np.full(count[6] - count[5], FIRST),
        ]
    )
    return _backed(head, WALL, points, triangles, cloth(color, normal, pattern), start)


def hairband(head: Head, color: np.ndarray) -> BoundMesh:
    """A band over the hair from ear to ear."""
    across, along = np.linspace(-1, 1, 6), np.radians(np.linspace(-72, 72, 61))
    t, w = np.meshgrid(along, across)
    # An arch over the crown, a little behind the hairline: from its top down to both sides.
    centre = head.middle + 0.15 * head.up
    direction = np.sin(t)[..., None] * head.side + np.cos(t)[..., None] * (head.up + head.forward) / np.sqrt(2)
    direction = direction + 0.075 * w[..., None] * head.forward
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    x, y, z = direction @ head.side, direction @ head.up, direction @ head.forward
    radius = head.radius(np.arctan2(x, z), np.arcsin(np.clip(y, -1, 1)), "own")
    points = head.middle + (radius - 0.02 + 0.025 * (1 - w**2))[..., None] * direction
    points, triangles = sheet(points)
    start = np.tile(0.75 * np.abs(np.linspace(-1, 1, 61)), 6)
    sheen = 1 + 0.12 * np.cos(np.repeat(across, 61) * 3)
    return head.fixed(points, triangles, cloth(color, outward(points, triangles, centre), sheen), "hat", start)
