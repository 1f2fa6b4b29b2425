"""Heads of known form and what a camera of known distance sees of them: the template's own, drawn from its prior, with plain skin."""

from dataclasses import dataclass

import numpy as np

from perse.face.landmarks import CHIN, EYE, EYE_CORNERS, OVAL
from perse.face.triangles import canonical
from perse.render.camera import Camera
from perse.render.mesh import rasterize_ids
from perse.rig.anatomy.template import BASIS, head_template
from perse.rig.head import outwards

SIZE = 512
EYES = 80.0  # pixels between the eyes' outer corners
SPREAD = 2.5  # of the coefficients, standard deviations: as far from the mean as people are
LIKE_CLOTH = 1.3  # eye distances below the chin from which a bust is dressed


@dataclass
class MadeHead:
    """face (468, 3), head (V, 3) with its hair, skull (V, 3) without, bust (W, 3), all in the template's frame; camera; landmarks (478, 3)
    in its pixels; masks (SIZE, SIZE) by name."""

    face: np.ndarray
    head: np.ndarray
    skull: np.ndarray
    bust: np.ndarray
    camera: Camera
    landmarks: np.ndarray
    masks: dict[str, np.ndarray]

    @property
    def faces(self) -> np.ndarray:
        """Triangles (F, 3) over face, head and bust, one after the other."""
        return _faces()


def _faces() -> np.ndarray:
    template, count = head_template(), len(head_template().landmarks)
    ring = np.concatenate([OVAL, count + np.arange(len(template.head))])
    return np.concatenate([canonical()[2], ring[template.head_faces], template.bust_faces + count + len(template.head)])


def drawn(seed: int) -> np.ndarray:
    """Coefficients (BASIS,) of a head as they are common."""
    return SPREAD * np.random.default_rng(seed).standard_normal(BASIS)


def made_head(coefficients: np.ndarray, distance: float = 9.0, yaw: float = 0.0, hair: float = 0.0, down_to: float = 0.2) -> MadeHead:
    """A head of these coefficients (BASIS,), seen from a distance in eye distances, turned by `yaw` degrees, under a cap of hair so thick,
    down to this height."""
    template = head_template()
    face, skull, bust = (
        rest + np.tensordot(coefficients, basis, 1)
        for rest, basis in (
            (template.landmarks, template.landmark_basis),
            (template.head, template.head_basis),
            (template.bust, template.bust_basis),
        )
    )
    unit = np.linalg.norm(face[EYE_CORNERS[0]] - face[EYE_CORNERS[1]])
    middle = face[list(EYE_CORNERS)].mean(0)
    face, skull, bust = ((points - middle) / unit for points in (face, skull, bust))
    capped = (skull[:, 1] < down_to) & (skull[:, 2] > 0.3)
    head = skull + hair * capped[:, None] * outwards(skull)
    angle = np.radians(yaw)
    view = np.eye(4)
    view[:3, :3] = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    view[:3, 3] = [0, -0.3, distance]
    K = np.array([[EYES * distance, 0, SIZE / 2], [0, EYES * distance, SIZE / 2], [0, 0, 1]])
    camera = Camera(view.astype(np.float32), K.astype(np.float32), SIZE, SIZE)
    xy, depth = camera.project(face)
    landmarks = np.column_stack([xy, (depth - depth[list(EYE_CORNERS)].mean()) * EYES])
    irises = [landmarks[[*EYE[side]["upper"], *EYE[side]["lower"]]].mean(0) for side in ("right", "left")]
    landmarks = np.concatenate([landmarks, np.repeat(irises, 5, 0)])
    vertices = np.concatenate([face, head, bust])
    ids, _ = rasterize_ids(vertices.astype(np.float32), _faces().astype(np.int32), camera)
    kind = np.zeros(len(vertices), int)  # 1 hair, 2 neck, 3 cloth
    kind[len(face) : len(face) + len(head)] = np.where(capped & (hair > 0), 1, 0)
    kind[len(face) + len(head) :] = np.where(bust[:, 1] > face[CHIN, 1] + LIKE_CLOTH, 3, 2)
    of_pixel = np.where(ids < 0, -1, kind[_faces()[np.maximum(ids, 0)]].max(-1))
    masks = {name: (of_pixel == k).astype(np.float32) for k, name in ((1, "hair"), (2, "neck"), (3, "clothes"))}
    masks["person"] = (ids >= 0).astype(np.float32)
    return MadeHead(face, head, skull, bust, camera, landmarks, masks)
