"""The head behind the face: bare skin as it is likely, hair as far out as the picture shows it, ears flat under it."""

import numpy as np
import pytest

from perse.face.landmarks import FACE, OVAL
from perse.face.triangles import canonical
from perse.render.mesh import rasterize_ids
from perse.rig.anatomy.template import head_template
from perse.rig.head import THICK, build_head, fit_head

from .heads import drawn, made_head


def grown(made):
    camera, face, likely = fit_head(made.landmarks, made.masks)
    return camera, face, build_head(face, camera, made.masks, likely)


def overlap(made, camera, face, head) -> float:
    """Intersection over union of the silhouettes of face and head as they are and as they were made, above the chin."""
    ring = np.concatenate([OVAL, FACE + np.arange(len(head.vertices))])
    faces = np.concatenate([canonical()[2], ring[head_template().head_faces]]).astype(np.int32)
    shown = []
    for vertices, view in ((np.concatenate([face[:FACE], head.vertices]), camera), (np.concatenate([made.face, made.head]), made.camera)):
        shown.append(rasterize_ids(vertices.astype(np.float32), faces, view)[0] >= 0)
    a, b = (s[: int(made.landmarks[152, 1])] for s in shown)
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("seed", [5, 6])
@pytest.mark.parametrize("yaw", [0.0, 20.0])
def test_a_bald_head_has_no_hair_and_ends_where_the_person_does(seed, yaw):
    made = made_head(drawn(seed), yaw=yaw)
    camera, face, head = grown(made)
    assert np.abs(head.thickness).mean() < 0.03 and np.quantile(np.abs(head.thickness), 0.95) < 0.12
    assert overlap(made, camera, face, head) > 0.96


@pytest.mark.parametrize("hair", [0.15, 0.35])
def test_hair_makes_the_head_as_large_as_it_is_shown(hair):
    made = made_head(drawn(5), hair=hair)
    camera, face, head = grown(made)
    assert overlap(made, camera, face, head) > 0.94
    crown = head.skull[:, 1] < np.quantile(head.skull[:, 1], 0.05)
    np.testing.assert_allclose(np.median(head.thickness[crown]), hair, atol=0.08)
    # It goes on around the back, and there is none under the jaw.
    behind = (head.skull[:, 2] > 1.3) & (head.skull[:, 1] < 0.0)
    assert np.median(head.thickness[behind]) > 0.5 * hair
    under = (head.skull[:, 1] > 1.1) & (head.skull[:, 2] < 0.5)
    assert under.sum() > 20 and np.abs(head.thickness[under]).max() < 0.02


def test_ears_are_flat_under_hair_and_stand_off_without():
    template = head_template()
    left = (template.ears > 0.5) & (template.head[:, 0] > 0)

    def folds(points) -> float:
        """How far an ear lies off one evenly bent surface, eye distances."""
        x, y, z = (points[left] - points[left].mean(0)).T
        bent = np.stack([np.ones_like(y), y, z, y * y, y * z, z * z], 1)
        return float(np.std(x - bent @ np.linalg.lstsq(bent, x, rcond=None)[0]))

    bare = grown(made_head(drawn(5)))[2]
    covered = grown(made_head(drawn(5), hair=3 * THICK, down_to=0.9))[2]
    assert folds(bare.vertices) > 0.9 * folds(bare.skull)
    assert folds(covered.vertices) < 0.75 * folds(covered.skull)


def test_hair_hides_an_ear_that_it_covers_and_no_other():
    made = made_head(drawn(5))
    camera, face, bald = grown(made)
    assert bald.hidden_ears == (False, False)
    right = np.arange(made.masks["person"].shape[1])[None] < camera.project(face[:1])[0][0, 0]
    made.masks["hair"] = made.masks["hair"] + right * made.masks["person"] * (np.abs(_beside(made)) > 0.8)
    assert build_head(face, camera, made.masks, fit_head(made.landmarks, made.masks)[2]).hidden_ears == (True, False)


def _beside(made) -> np.ndarray:
    """(1, S): how far beside the face's middle columns lie, half widths of its outline."""
    left, right = made.landmarks[[234, 454], 0]
    return (np.arange(made.masks["person"].shape[1])[None] - (left + right) / 2) / (0.5 * (right - left))
