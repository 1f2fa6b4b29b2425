"""What a face does beyond the blendshapes is found again where it can be seen."""

import numpy as np

from perse.face.landmarks import CHEEKBONES, FACE, MOUTH_RING, OVAL
from perse.rig.expressions import INDEX, NAMES
from perse.tracking.residual import residual_detail
from perse.tracking.solve import Face, Fit


def test_residual_detail_closes_the_gap(rig):
    """A smooth displacement on top of an open jaw is found again where it can be seen."""
    camera, face = rig.camera, Face.of(rig)
    weights = np.zeros((1, len(NAMES)))
    weights[0, INDEX["jaw_open"]] = 0.6
    true = 0.05 * np.exp(-((face.neutral - face.neutral[CHEEKBONES[0]]) ** 2).sum(1) / 0.1)[:, None] * [1.0, 0.5, 0.0]
    K = camera.K.astype(float)
    fit = Fit(camera.viewmat[None, :3, :3].astype(float), camera.viewmat[None, :3, 3].astype(float), weights)
    pixels = camera.project(face.pose(weights, true[None])[0])[0][None].astype(float)
    found = residual_detail(face, fit, pixels, K)[0]
    inner = [i for i in range(FACE) if i not in OVAL]
    assert np.abs(found - true)[inner, :2].max() < 0.012
    assert np.abs(found[MOUTH_RING] - true[MOUTH_RING])[:, :2].max() < 0.006
