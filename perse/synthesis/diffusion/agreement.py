"""Did the editor do what the catalogue means by its words? The catalogue's own edit is the witness.

Shown the catalogue's own edits, rendered, the landmarks confirm most shapes (cosine 0.35 to 0.98) and contradict nearly all
opposite ones (-0.3 to -0.98); they are blind to ears and next to blind to the width of nostrils and the thickness of brows.
What they cannot confirm stays procedural.
"""

import cv2
import numpy as np

from ...attributes.edit_vocabulary import Axis, Category, Strands
from ...edits.workshop import Workshop
from ...face.alignment import Similarity
from ...face.landmarks import FACE
from ...face.measures import eye_distance
from ...portrait import Portrait
from .compose import grows_hair, project_region
from .filters import Verdict, refused

AGREES = 0.25  # least cosine
LEAST_LAB, LEAST_MOVE = 3.0, 0.012  # below this the catalogue's own edit says nothing: mean Lab difference, eye distances


def check_asked(category: Category, axis: Axis, sign: int, verdict: Verdict, portrait: Portrait, workshop: Workshop) -> Verdict:
    """The verdict, turned down if colours or landmarks of the region went another way than in the catalogue's own edit of
    this end of the axis. Beards, objects and words of the visitor's have no witness."""
    if not verdict.ok or not axis.edits or any(isinstance(e, Strands) for e in axis.edits):
        return verdict
    own = workshop.edit(axis, sign)
    scores = []
    weight = workshop.owned(axis) * workshop.texture.seen
    if own.change(workshop.texture) is not None and weight.sum() > 50:
        meant = _mean_lab(own.color, weight) - _mean_lab(workshop.texture.color, weight)
        shown = project_region(weight, workshop.rig) * portrait.alpha
        if np.linalg.norm(meant) > LEAST_LAB and shown.sum() > 10:
            scores.append(_cosine(meant, _mean_lab(verdict.picture, shown) - _mean_lab(portrait.image, shown)))
    if own.shape is not None:
        rig = workshop.rig
        meant = rig.camera.project(rig.vertices[:FACE] + own.shape[:FACE])[0] - rig.camera.project(rig.vertices[:FACE])[0]
        far = np.linalg.norm(meant, axis=1)
        moving, still = far > 0.25 * far.max(), far < 0.02 * far.max()
        # Depth alone, and what lies behind the face, shows in the picture, not in the landmarks.
        if far.max() > LEAST_MOVE * eye_distance(portrait.landmarks[:, :2]) and still.sum() > 20:
            before, after = (marks[:FACE, :2].astype(float) for marks in (portrait.landmarks, verdict.landmarks))
            moved = Similarity.fit(after[still], before[still])(after) - before
            scores.append(_cosine(meant[moving].ravel(), moved[moving].ravel()))
        elif not scores and not grows_hair(category):
            return refused("the landmarks cannot confirm such a shape")
    if scores and max(scores) < AGREES:
        return refused("it is not what was asked", agreement=max(scores))
    return verdict


def _mean_lab(color: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted mean (3,) in CIE Lab of (H, W, 3) RGB."""
    rows, columns = np.flatnonzero(weight.max(1) > 0), np.flatnonzero(weight.max(0) > 0)
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    lab = cv2.cvtColor(np.ascontiguousarray(color[box], np.float32), cv2.COLOR_RGB2Lab)
    return (lab * weight[box][..., None]).sum((0, 1)) / weight[box].sum()


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9)
