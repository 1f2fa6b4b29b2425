"""A collar hangs on the bust, and what the mesh's outline leaves over lies with the head or with the bust, not between."""

from dataclasses import replace

import numpy as np
import pytest

from perse.avatar.seeds.from_photo import shown
from perse.rig.skeleton import PART

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def standing_collar(astronaut_portrait):
    """The astronaut with cloth painted beside her jaw, up to the mouth's height, half of it beyond her outline."""
    size = len(astronaut_portrait.image)
    jaw = astronaut_portrait.landmarks[172]
    unit = np.linalg.norm(astronaut_portrait.landmarks[33, :2] - astronaut_portrait.landmarks[263, :2])
    rows, columns = np.mgrid[:size, :size]
    cloth = (np.abs(columns - jaw[0]) < 0.25 * unit) & (rows > jaw[1] - 0.1 * unit) & (rows < jaw[1] + 0.8 * unit)
    masks = {name: np.where(cloth, float(name == "clothes"), mask).astype(np.float32) for name, mask in astronaut_portrait.masks.items()}
    return replace(astronaut_portrait, masks=masks, alpha=np.maximum(astronaut_portrait.alpha, cloth).astype(np.float32)), cloth


def test_cloth_beside_the_jaw_hangs_on_the_bust(standing_collar, rig, texture):
    portrait, cloth = standing_collar
    seeds = shown(portrait, rig, texture, 20000)
    point = np.einsum("nk,nkc->nc", seeds.bary, rig.vertices[rig.faces[seeds.face]]) + seeds.offset
    xy = np.clip(rig.camera.project(point)[0].astype(int), 0, len(cloth) - 1)
    part = rig.face_part[seeds.face][cloth[xy[:, 1], xy[:, 0]]]
    assert len(part) > 50 and (part == PART["body"]).mean() > 0.95
