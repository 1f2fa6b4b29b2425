"""How many Gaussians a portrait gets, and how those of what it hides lie."""

from dataclasses import replace

import cv2
import numpy as np

from perse.avatar.lift import MOST, STRAND, _downwards, _hidden, richness
from perse.synthesis.atlas import ATLAS, sample


def test_detail_of_single_pixels_is_worth_more_gaussians(astronaut_portrait):
    size = len(astronaut_portrait.image)
    noise = np.random.default_rng(0).random((512, 512, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 3)
    sharp, blurred = (replace(astronaut_portrait, foreground=cv2.resize(x, (size, size), interpolation=cv2.INTER_NEAREST)) for x in (noise, soft))
    assert richness(sharp) == MOST and richness(blurred) == 1


def test_a_portrait_without_a_head_to_measure_is_usual(astronaut_portrait):
    assert richness(replace(astronaut_portrait, alpha=np.zeros_like(astronaut_portrait.alpha))) == 1


def test_hair_falls_along_the_surface():
    normal = np.random.default_rng(0).standard_normal((200, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    tangent = _downwards(np.concatenate([normal, [[0.0, -1.0, 0.0]]]))
    assert np.allclose(np.linalg.norm(tangent, axis=1), 1) and np.abs((tangent[:-1] * normal).sum(1)).max() < 1e-6
    assert (tangent[:-1, 1] > -0.1).all()
    assert tangent[-1, 2] > 0.9  # on the crown it lies backwards


def test_hidden_hair_is_drawn_out_along_the_strands_and_skin_is_not(rig, texture):
    lifted = _hidden(rig, texture, np.random.default_rng(0))
    shell = rig.face_part[lifted.face] == 1
    hair = sample(texture.regions["hair"], lifted.uv[None] * ATLAS)[0]
    ratio = lifted.scales[:, 0] / lifted.scales[:, 1]
    assert np.allclose(ratio[shell & (hair > 0.8)], STRAND ** 2, rtol=1e-3)
    assert np.allclose(ratio[shell & (hair < 0.2)], 1, rtol=1e-3)
