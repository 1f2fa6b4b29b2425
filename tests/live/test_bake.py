"""A live avatar looks like the avatar that it was baked from, in every control, and is as small as it promises."""

import numpy as np
import pytest
import torch

from perse.avatar.appearance.closed_lids import ClosedLid
from perse.avatar.appearance.face_light import FaceLight
from perse.avatar.appearance.mouth_light import MouthLight
from perse.avatar.appearance.throat_shade import ThroatShade
from perse.bench.live import base_bytes, psnr, random_controls
from perse.controls import Controls
from perse.errors import PerseError
from perse.live import effects
from perse.live.bake import bake, live_file
from perse.live.container import decode
from perse.live.merge import merged
from perse.live.reader import assemble, read_live
from perse.renderer import Renderer

from .conftest import FEW

SIZE = 256
PARTS = (18_000, 12_000)  # Gaussians at rest, and those that edits bring


@pytest.fixture(scope="module")
def rounded(example):
    """All of its Gaussians, as a live file keeps them."""
    return assemble(decode(live_file(example).encode()))


def likeness(avatar, read, count) -> np.ndarray:
    """dB over random controls."""
    moments = [random_controls(avatar, seed) for seed in range(count)]
    one, other = Renderer(avatar, SIZE), Renderer(read, SIZE)
    return np.array([psnr(one.frame(c), other.frame(c)) for c in moments])


def test_rounding_is_not_seen(example, rounded):
    assert len(rounded) == len(example)
    assert likeness(example, rounded, 6).min() > 38


def test_sixty_thousand_look_like_all(example, usual):
    read = assemble(decode(usual))
    found = likeness(example, read, 8)
    assert found.mean() > 36 and found.min() > 32, found
    seen = [(read.cloud(read.state(random_controls(read, seed))).opacities >= 1 / 255).sum() for seed in range(8)]
    assert max(seen) <= 60_000
    assert len(usual) < 4_000_000 and base_bytes(usual) < 1_500_000


def test_a_dye_goes_with_the_hair_that_a_cut_takes_off(example, rounded, live):
    dyed, cut = Controls(attributes={"hair_blue": 1.0}), Controls(attributes={"hair_bald": 1.0, "hair_ears": 0.5})
    both = dyed.with_(attributes=dyed.attributes | cut.attributes)
    for read in (rounded, assemble(decode(live))):
        renderer = Renderer(read, SIZE)
        bare, coloured = (renderer.frame(c).astype(float)[: SIZE // 2] for c in (cut, both))
        hair = np.abs(renderer.frame(dyed).astype(float) - renderer.frame()).max(-1)[: SIZE // 2] > 30
        assert np.abs(coloured - bare).max(-1)[hair].mean() < 4, "no blue scalp"
    assert psnr(*[Renderer(a, SIZE).frame(both) for a in (example, rounded)]) > 38


def test_merging_alone_keeps_the_person(example):
    small = merged(example, *PARTS)
    brought = small.opacities == 0
    assert (len(small) - int(brought.sum()), int(brought.sum())) == PARTS and merged(small, *PARTS) is small
    frames = [Renderer(a, SIZE).frame() for a in (example, small)]
    assert psnr(*frames) > 22
    kinds = torch.bincount(torch.from_numpy(example.rig.face_part)[small.binding.face], minlength=9)
    assert bool((kinds > 0).all())


def test_what_is_not_merged_moves_as_before(example):
    """Strands hang far from the triangle that moves them; where that stretches, they go with the point of it that they were bound to."""
    brought = int((example.opacities == 0).sum())
    small = merged(example, 48_000, brought)
    worn = Controls(attributes={"hair_curls": 1.0, "hair_volume": 0.6, "glasses_square": 1.0}, yaw=20)
    assert psnr(*[Renderer(a, SIZE).frame(worn) for a in (example, small)]) > 38


def test_the_same_avatar_is_the_same_file_here_and_where_the_app_s_own_process_may_not_learn(example, live, monkeypatch):
    monkeypatch.setattr("perse.live.bake.ON_ZERO", True)
    monkeypatch.setattr(torch.optim.Adam, "step", lambda *args: pytest.fail("a step"))
    assert bake(example, FEW) == live


def test_everything_that_can_be_set_is_still_there(example, live):
    read = assemble(decode(live))
    assert list(read.space.categories) == list(example.space.categories) and set(read.space.axes) == set(example.space.axes)
    assert set(read.space.middles) == set(example.space.middles)
    for name, axis in ((a.name, a) for c in example.space.categories.values() for a in c.axes):
        assert read.space.grows(axis) == example.space.grows(axis), name
    # An axis that is seen in the avatar is seen in the live one, and about as much.
    one, other = Renderer(example, 128), Renderer(read, 128)
    bare = [r.frame().astype(float) for r in (one, other)]
    for name in ("nose_width", "hat_cap", "beard_full", "hair_blue", "lip_red", "glasses_round", "eye_blue", "jaw_width"):
        change = [np.abs(r.frame(Controls(attributes={name: 1.0})) - b).mean() for r, b in zip((one, other), bare)]
        assert 0.7 < change[1] / change[0] < 1.4, (name, change)


def test_every_effect_on_colour_is_known(example):
    """An effect of a new kind has to be taught to the live file and to the player."""
    assert {type(e) for e in example.effects} <= {ThroatShade, ClosedLid, MouthLight, FaceLight}


def test_each_gaussian_follows_one_effect_and_its_coefficients_are_the_avatars_own(live):
    data, read = decode(live), assemble(decode(live))
    kind, coefficients = data.arrays["effect.kind"].stored, data.arrays["effect.coefficients"].values.T
    sets = [e.index.numpy() for e in read.effects if not isinstance(e, FaceLight)]
    assert len(np.concatenate(sets)) == len(np.unique(np.concatenate(sets))) == (kind > 0).sum()
    row = np.cumsum(kind > 0) - 1
    throat = next(e for e in read.effects if isinstance(e, ThroatShade))
    assert (kind[throat.index] == effects.THROAT).all()
    np.testing.assert_allclose(coefficients[row[throat.index], :2], throat.coefficients, atol=1e-4)
    lid = next(e for e in read.effects if isinstance(e, ClosedLid) and e.side == "left")
    skin = lid.index.numpy()[lid.balls :]
    assert (kind[skin] == effects.LID_LEFT).all() and (kind[lid.index[: lid.balls]] == effects.BALL_LEFT).all()
    np.testing.assert_allclose(coefficients[row[skin]], lid.coefficients[lid.balls :][:, [1, 2, 0]], atol=1e-4)


def test_a_look_is_kept_for_the_player(example):
    look = Controls(expression={"smile": 0.5}, yaw=20)
    assert decode(live_file(merged(example, *PARTS), look).encode()).head["look"] == {"expression": {"smile": 0.5}, "yaw": 20}
    with pytest.raises(PerseError, match="sneeze"):
        bake(example, FEW, Controls(expression={"sneeze": 1.0}))


@pytest.mark.parametrize("budget", [0, 19_999, 130_001, 10**9])
def test_budgets_that_are_none(example, budget):
    with pytest.raises(PerseError, match="Gaussians"):
        bake(example, budget)


def test_a_file_says_that_it_is_synthetic(live, tmp_path):
    assert decode(live).head["synthetic"].startswith("Synthetic 3D head")
    (tmp_path / "a.live").write_bytes(live)
    assert len(read_live(tmp_path / "a.live")) == decode(live).head["gaussians"]
