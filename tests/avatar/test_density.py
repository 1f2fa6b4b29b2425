"""How many Gaussians a portrait is worth, and where in the picture they sit."""

from dataclasses import replace

import cv2
import numpy as np

from perse.avatar.seeds.density import RICHEST, cells, richness


def test_detail_of_single_pixels_is_worth_more_gaussians(astronaut_portrait):
    size = len(astronaut_portrait.image)
    noise = np.random.default_rng(0).random((512, 512, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 3)
    sharp, blurred = (
        replace(astronaut_portrait, foreground=cv2.resize(x, (size, size), interpolation=cv2.INTER_NEAREST)) for x in (noise, soft)
    )
    assert richness(sharp) == RICHEST and richness(blurred) == 1


def test_a_portrait_without_a_head_to_measure_is_usual(astronaut_portrait):
    assert richness(replace(astronaut_portrait, alpha=np.zeros_like(astronaut_portrait.alpha))) == 1


def test_cells_cover_what_is_wanted_and_are_finer_on_the_face(astronaut_portrait):
    wanted = astronaut_portrait.alpha > 0.12
    xy, side = cells(astronaut_portrait, wanted, 12000)
    assert abs(len(xy) - 12000) < 1500 and len(set(np.round(side, 6))) == 2
    column, row = xy.astype(int).T
    assert wanted[row, column].all() and np.isclose((side**2).sum(), wanted.sum(), rtol=0.05)
    face = astronaut_portrait.masks["face"][row, column] > 0.5
    cloth = astronaut_portrait.masks["clothes"][row, column] > 0.5
    assert side[face].mean() < 0.9 * side[cloth].mean()
