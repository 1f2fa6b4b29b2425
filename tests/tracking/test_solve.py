"""The solver's face is the rig's, and its bounded step finds the minimum."""

import numpy as np
import torch

from perse.face.landmarks import FACE
from perse.rig.expressions import INDEX, NAMES, expand
from perse.tracking.solve import Face, bounded, grams


def test_landmark_model_equals_the_rig(rig):
    face = Face.of(rig)
    weights = expand({"jaw_open": 0.7, "smile": 0.5, "jaw_left": 0.4, "mouth_close": 0.2})
    true = rig.poser()(torch.from_numpy(weights))[:FACE].numpy()
    assert np.abs(face.pose(weights[None].astype(float))[0] - true).max() < 1e-5


def test_jaw_tangent_is_the_derivative(rig):
    face = Face.of(rig)
    weights = np.zeros((1, len(NAMES)))
    weights[0, INDEX["jaw_open"]] = 0.4
    step = np.zeros_like(weights)
    step[0, INDEX["jaw_open"]] = 1e-5
    numeric = (face.pose(weights + step) - face.pose(weights - step)) / 2e-5
    # The shape part of jaw_open turns with the jaw as well, which the tangent leaves out.
    assert np.abs(numeric - face.jaw_tangent(weights)).max() < 0.02


def test_bounded_finds_the_constrained_minimum():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(3, 40, 6))
    gram, slope = a.transpose(0, 2, 1) @ a, rng.normal(size=(3, 6)) * 40
    x = bounded(gram, slope, np.zeros_like(slope), np.ones_like(slope))
    gradient = np.einsum("tij,tj->ti", gram, x) - slope
    inside = (x > 0) & (x < 1)
    assert np.abs(gradient[inside]).max() < 1e-3
    assert (gradient[x == 0] >= -1e-9).all() and (gradient[x == 1] <= 1e-9).all()


def test_products_of_columns_are_what_blas_says():
    columns = np.random.default_rng(0).normal(size=(3, 39, 7))
    assert np.abs(grams(columns) - columns.transpose(0, 2, 1) @ columns).max() < 1e-12
