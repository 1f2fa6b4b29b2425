"""A driver's light comes to lie on the avatar."""

import numpy as np
import pytest
import skimage.data
import torch

from perse.controls import BANDS, MARKS, Controls
from perse.motion.driving.drive import follow
from perse.portrait import track_landmarks
from perse.render.video import VideoWriter
from perse.tracking.track import track
from tests.tracking.shade import CHEEK, FAR, shaded


@pytest.mark.slow
def test_the_driven_face_takes_the_shade(avatar, tmp_path):
    frame = np.asarray(skimage.data.astronaut())
    landmarks = track_landmarks(frame).astype(np.float64)
    path = tmp_path / "shade.mp4"
    with VideoWriter(path, 512, 512, 20.0) as writer:
        for factor in [1.0] * 4 + [0.65] * 8:
            writer.write(shaded(frame, landmarks, (factor,) * 3))
    controls = list(follow(avatar, track(path)))
    assert controls[0].light == () and len(controls[-1].light) == MARKS
    assert np.reshape(controls[-1].light, (-1, 3))[CHEEK].mean() < -0.2
    points = avatar.poser.rest[[CHEEK, FAR[0]]]
    with torch.no_grad():
        plain, lit = (avatar(c) for c in (Controls(), Controls(light=controls[-1].light)))
    near, other = ((plain.means - p).norm(dim=1) < 0.05 for p in points)
    plain, lit = plain.colors, lit.colors
    assert (lit[near] / plain[near].clamp_min(0.05)).mean() < 0.85
    assert abs((lit[other] / plain[other].clamp_min(0.05)).mean() - 1) < 0.06


@pytest.mark.slow
def test_several_moments_are_lit_like_one(avatar):
    rng = np.random.default_rng(0)
    moments = [
        Controls(light=tuple(rng.uniform(-0.3, 0.3, MARKS)), mouth_light=tuple(rng.uniform(-1, 0.3, BANDS)), expression={"jaw_open": 0.5}),
        Controls(detail=tuple(rng.uniform(-0.01, 0.01, MARKS))),
    ]
    together = avatar.clouds(moments).colors
    for one, row in zip(moments, together):
        with torch.no_grad():
            alone = avatar(one).colors
        torch.testing.assert_close(row, alone, atol=1e-5, rtol=1e-4)
