"""The bust behind what the portrait shows: a neck above the collar, cloth below it, hair where hair is long."""

from dataclasses import replace

import numpy as np
import pytest

from perse.rig.build import build_rig
from perse.rig.bust import ANGLES
from perse.rig.skeleton import PART
from perse.texture.atlas import chart_slice
from perse.texture.bake import bake
from perse.texture.completion.torso import collar_line, strands_run_on

HEIGHT, WIDTH = 96, 128


@pytest.fixture(scope="module")
def hopper_texture(hopper_portrait, hopper_rig):
    return bake(hopper_portrait, hopper_rig)


@pytest.fixture(scope="module", params=["rig", "hopper_rig"])
def any_rig(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def long_haired(astronaut_portrait):
    """The astronaut with hair painted to both sides of her neck, down to the picture's end."""
    size = len(astronaut_portrait.image)
    chin, middle = astronaut_portrait.landmarks[152, 1], astronaut_portrait.landmarks[152, 0]
    unit = np.linalg.norm(astronaut_portrait.landmarks[33, :2] - astronaut_portrait.landmarks[263, :2])
    rows, columns = np.mgrid[:size, :size]
    aside = np.abs(columns - middle) / unit
    locks = (rows > chin - 1.3 * unit) & (aside > 0.75) & (aside < 1.3)
    masks = {name: np.where(locks, float(name == "hair"), mask).astype(np.float32) for name, mask in astronaut_portrait.masks.items()}
    brown = np.where(locks[..., None], [0.25, 0.15, 0.08], astronaut_portrait.foreground).astype(np.float32)
    return replace(astronaut_portrait, masks=masks, foreground=brown, alpha=np.maximum(astronaut_portrait.alpha, locks).astype(np.float32))


def back(texture, name: str, low: float, high: float) -> float:
    """Mean of a region at the back of the bust between two heights, head frame."""
    area = chart_slice("body")
    points, covered = texture.points[area], texture.faces[area] >= 0
    chosen = covered & (points[..., 2] > 1.1) & (points[..., 1] > low) & (points[..., 1] < high)
    assert chosen.sum() > 100
    return float(texture.regions[name][area][chosen].mean())


def test_a_neck_is_bare_above_the_collar_and_dressed_below(hopper_texture):
    assert back(hopper_texture, "neck", 0.9, 1.02) > 0.9
    assert back(hopper_texture, "clothes", 1.5, 2.5) > 0.95
    area = chart_slice("body")
    points, color = hopper_texture.points[area], hopper_texture.color[area]
    behind = (hopper_texture.faces[area] >= 0) & (points[..., 2] > 1.1)
    nape, jacket = (color[behind & (points[..., 1] > a) & (points[..., 1] < b)].mean(0) for a, b in ((0.9, 1.02), (1.5, 2.5)))
    # Skin over a black uniform: not cloth diffused up to the hair.
    assert nape[0] > jacket[0] + 0.15 and nape[0] > 1.2 * nape[2]


@pytest.mark.parametrize("height", [0.2, 0.5])
def test_the_collar_goes_on_around_the_back_at_the_sides_height(height):
    y = np.linspace(0.5, 3.0, HEIGHT)[:, None]
    points = np.zeros((HEIGHT, WIDTH, 3))
    points[..., 1] = y
    turn = np.abs((np.arange(WIDTH) + 0.5) / WIDTH - 0.5)
    seen = np.broadcast_to(turn < 0.22, (HEIGHT, WIDTH)).astype(float)
    collar = 1.2 + height - 0.1 * np.cos(2 * np.pi * turn)  # in front a little higher, as seen
    neck, clothes = seen * (y < collar), seen * (y >= collar)
    line = collar_line(points, neck, clothes, seen, 1.2)
    assert np.abs(line - collar)[turn < 0.15].max() < 0.1
    side, nape = line[np.abs(turn - 0.25) < 0.03].mean(), line[turn > 0.45].mean()
    assert abs(side - collar[np.argmin(np.abs(turn - 0.2))]) < 0.15
    assert 0.05 < side - nape < 0.25


def test_one_bare_side_takes_the_other_ones_collar():
    y = np.linspace(0.5, 3.0, HEIGHT)[:, None]
    points = np.zeros((HEIGHT, WIDTH, 3))
    points[..., 1] = y
    turn = (np.arange(WIDTH) + 0.5) / WIDTH - 0.5
    seen = np.broadcast_to((np.abs(turn) < 0.22)[None] & (y < 1.7), (HEIGHT, WIDTH)).astype(float)
    dressed = (turn > 0)[None] & (y > 1.4)
    line = collar_line(points, seen * ~dressed, seen * dressed, seen, 1.2)
    assert line.max() < 1.9 and line[turn > 0.24].max() < 1.5


def test_long_hair_hangs_down_the_back_with_thickness(long_haired, rig):
    long_rig = build_rig(long_haired)
    texture = bake(long_haired, long_rig)
    assert back(texture, "hair", 1.2, 1.6) > 0.9
    area = chart_slice("body")

    def depth(points):
        chosen = (points[:, 1] > 1.1) & (points[:, 1] < 1.4) & (np.abs(points[:, 0]) < 0.4)
        return points[chosen, 2].max()

    assert depth(texture.points[area].reshape(-1, 3)) > 1.5
    body = rig.vertices[rig.vertex_part == 2]
    assert depth(texture.points[area].reshape(-1, 3)) > depth(body) + 0.15


def test_but_the_throat_is_bare(long_haired):
    texture = bake(long_haired, build_rig(long_haired))
    area = chart_slice("body")
    points = texture.points[area]
    turn = np.abs((np.arange(points.shape[1]) + 0.5) / points.shape[1] - 0.5)
    throat = (texture.faces[area] >= 0) & (turn < 0.08)[None] & (points[..., 1] > 1.2) & (points[..., 1] < 1.6)
    assert throat.sum() > 500 and texture.regions["hair"][area][throat].mean() < 0.05


def test_strands_run_on_from_the_head(long_haired):
    """One stripe of red hair on the back of the head is a red stripe in what hangs down."""
    texture = bake(long_haired, build_rig(long_haired))
    shell, area = chart_slice("shell"), chart_slice("body")
    texture.color[shell][np.abs(texture.points[shell][..., 0]) < 0.3] = [1, 0, 0]
    points, plain = texture.points[area], np.full((*texture.seen[area].shape, 3), 0.2)
    color = strands_run_on(texture, points, plain)
    behind = (texture.faces[area] >= 0) & (points[..., 2] > 1.1)

    def red(low, high, inner, outer):
        x, y = np.abs(points[..., 0]), points[..., 1]
        chosen = behind & (y > low) & (y < high) & (x > inner) & (x < outer)
        return (color[chosen][:, 0] - color[chosen][:, 1]).mean()

    assert red(0.8, 1.2, 0, 0.15) > 0.5 and red(0.8, 1.2, 0.5, 0.8) < 0.3
    assert red(2.2, 2.6, 0, 0.15) < 0.05


def test_short_hair_does_not(texture):
    assert back(texture, "hair", 1.2, 2.5) < 0.02


def test_the_bust_is_solid_and_dissolves_at_its_lower_end(texture):
    area = chart_slice("body")
    covered = texture.faces[area] >= 0
    y, alpha = np.where(covered, texture.points[area][..., 1], -9), texture.alpha[area]
    low = covered & (y > y.max(0)[None] - 0.02)
    assert alpha[low].max() < 0.1
    behind = covered & (texture.points[area][..., 2] > 1.0) & (y < y.max(0)[None] - 0.6) & (texture.seen[area] < 0.02)
    assert behind.any() and (alpha[behind] > 0.99).mean() > 0.9


def test_what_touches_from_the_side_does_not_widen_the_neck(astronaut_portrait, rig):
    """Cloth painted beside the jaw, far out: a neighbour's shoulder."""
    chin = int(astronaut_portrait.landmarks[152, 1])
    touching = astronaut_portrait.alpha.copy()
    touching[chin - 20 : chin + 10] = 1
    wide = build_rig(replace(astronaut_portrait, alpha=touching))
    before, after = (r.vertices[r.vertex_part == PART["body"]].reshape(-1, ANGLES, 3) for r in (rig, wide))
    upper = before[..., 1].mean(1) < rig.vertices[152, 1] + 0.2
    assert upper.sum() >= 2 and np.abs(after[upper][..., 0]).max() < 1.3


def test_hair_that_the_photo_cuts_off_goes_on(long_haired):
    """Her locks again, in a photo that ends a little below her chin."""
    size = len(long_haired.image)
    unit = np.linalg.norm(long_haired.landmarks[33, :2] - long_haired.landmarks[263, :2])
    shown = np.arange(size)[:, None] < long_haired.landmarks[152, 1] + 0.15 * unit
    cut = replace(long_haired, alpha=long_haired.alpha * shown, masks={name: mask * shown for name, mask in long_haired.masks.items()})
    assert back(bake(cut, build_rig(cut)), "hair", 1.2, 1.4) > 0.9


def test_a_neck_is_as_deep_as_necks_are_and_reaches_the_jaw(any_rig):
    body = any_rig.vertices[np.isin(any_rig.vertex_part, [PART["shell"], PART["body"]])]
    chin = any_rig.vertices[152]
    level = body[np.abs(body[:, 1] - chin[1] - 0.3) < 0.15]
    middle = level[np.abs(level[:, 0]) < 0.25]
    assert 0.9 < np.ptp(middle[:, 2]) < 1.6
    # The jaw's underside goes back from the chin to the throat, without a step or a gap.
    under = np.sort(body[(np.abs(body[:, 0]) < 0.25) & (np.abs(body[:, 1] - chin[1] - 0.1) < 0.3) & (body[:, 2] < 0.8), 2])
    assert under[0] < chin[2] + 0.1 and under[-1] > 0.3 and np.diff(under).max() < 0.15


def test_the_neck_behind_the_jaw_stays_inside_the_outline(astronaut_portrait, rig):
    body = rig.vertices[rig.vertex_part == PART["body"]]
    upper = body[body[:, 1] < rig.vertices[152, 1] - 0.15]
    xy = np.clip(rig.camera.project(upper)[0].astype(int), 0, len(astronaut_portrait.alpha) - 1)
    assert astronaut_portrait.alpha[xy[:, 1], xy[:, 0]].mean() > 0.9


def test_cloth_goes_on_under_hair_that_lies_on_it(astronaut_portrait, rig):
    """A lock that ends on one shoulder: the shoulder rises under it, and the other one is as it was."""
    size = len(astronaut_portrait.image)
    points = astronaut_portrait.landmarks
    unit = np.linalg.norm(points[33, :2] - points[263, :2])
    rows, columns = np.mgrid[:size, :size]
    masks = astronaut_portrait.masks
    lock = (columns > points[152, 0] + 0.75 * unit) & (columns < points[152, 0] + 1.3 * unit) & (rows > points[1, 1])
    top = np.argmax(masks["clothes"] > 0.5, axis=0)
    lock &= (rows < top[None]) & (top[None] > 0)
    bodies = []
    for hair in (np.zeros_like(masks["hair"]), lock.astype(np.float32)):
        alpha = np.maximum(astronaut_portrait.alpha, hair)
        locks = build_rig(replace(astronaut_portrait, alpha=alpha, masks=masks | {"hair": hair}))
        bodies.append(locks.vertices[locks.vertex_part == PART["body"]])

    def shoulder(vertices: np.ndarray, side: float) -> float:
        return float(vertices[(side * vertices[:, 0] > 0.8) & (side * vertices[:, 0] < 1.2), 1].min())

    assert lock.sum() > 500
    assert shoulder(bodies[1], 1.0) < shoulder(bodies[0], 1.0) - 0.05
    assert abs(shoulder(bodies[1], -1.0) - shoulder(bodies[0], -1.0)) < 0.15
