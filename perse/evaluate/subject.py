"""An avatar as the attribute bench sees it: pictures, rendered regions, detected landmarks, moved vertices."""

from typing import Protocol

import cv2
import numpy as np
import torch

from ..attributes.edit_vocabulary import Category
from ..avatar.avatar import Avatar
from ..controls import Controls
from ..face.landmarks import FACE
from ..portrait import face_landmarks
from ..portrait.landmarker import second_pass
from ..render.rasterize import rasterize

GREY = 0.93


class Subject(Protocol):
    """What is measured. Pictures are square, float32 RGB in [0, 1]."""

    categories: dict[str, Category]

    def picture(self, controls: Controls) -> tuple[np.ndarray, np.ndarray]:
        """(S, S, 3) over plain grey, and alpha (S, S)."""
        ...

    def regions(self, groups: tuple[tuple[str, ...], ...], controls: Controls) -> np.ndarray:
        """(S, S, len(groups)) in [0, 1]: where the regions owned by each group of axes show in the picture; at most 3 groups."""
        ...

    def landmarks(self, picture: np.ndarray, near: np.ndarray | None) -> np.ndarray | None:
        """(468, 2) pixels, or None if there is no face. near: (478, 3) where to look, from `find`."""
        ...

    def find(self, picture: np.ndarray) -> np.ndarray | None:
        """(478, 3) where a face is, or None."""
        ...

    def moved(self, controls: Controls) -> np.ndarray:
        """(V,) how far the edit moves each vertex of the rest shape, in eye distances."""
        ...


class AvatarSubject:
    """A `Subject` over an avatar.

    An axis owns the Gaussians that lie in its regions of the rig's atlas (`AxisBasis.weight`: the atlas' soft mask at each of
    them) and the extras, strands and frames, that it fades in. A region is rendered like any picture, each Gaussian painted
    with its weight: what hides it hides it here too.

    Args:
        size: side of the pictures, pixels.
    """

    def __init__(self, avatar: Avatar, size: int = 256):
        self.avatar, self.size = avatar, size
        self.categories = avatar.space.categories
        self._weights: dict[tuple[tuple[str, ...], ...], torch.Tensor] = {}  # the last groups'

    def _render(self, controls: Controls, paint: torch.Tensor | None, background: float) -> tuple[np.ndarray, np.ndarray]:
        with torch.no_grad():
            cloud = self.avatar(controls)
            if paint is not None:
                cloud.colors = paint
            camera = self.avatar.camera(controls, self.size, self.size)
            rgb, alpha = rasterize(cloud, camera, backgrounds=torch.full((3,), background, device=cloud.means.device))
        return rgb[0].cpu().numpy(), alpha[0, ..., 0].cpu().numpy()

    def picture(self, controls: Controls) -> tuple[np.ndarray, np.ndarray]:
        """See `Subject`."""
        return self._render(controls, None, GREY)

    def regions(self, groups: tuple[tuple[str, ...], ...], controls: Controls) -> np.ndarray:
        """See `Subject`."""
        if groups not in self._weights:
            weight = torch.zeros(len(self.avatar), 3)
            for k, names in enumerate(groups):
                for basis in (self.avatar.space.axes[name] for name in names if name in self.avatar.space.axes):
                    weight[basis.gaussians, k] = torch.maximum(weight[basis.gaussians, k], basis.weight.float().clamp(0, 1))
            self._weights = {groups: weight.to(self.avatar.device)}
        return self._render(controls, self._weights[groups], 0.0)[0][..., : len(groups)]

    def landmarks(self, picture: np.ndarray, near: np.ndarray | None) -> np.ndarray | None:
        """See `Subject`."""
        found = None if near is None else second_pass(_bytes(picture), near)
        return None if found is None else found[:FACE, :2]

    def find(self, picture: np.ndarray) -> np.ndarray | None:
        """See `Subject`."""
        return face_landmarks(picture)

    def moved(self, controls: Controls) -> np.ndarray:
        """See `Subject`."""
        with torch.no_grad():
            change = self.avatar.space(self.avatar.state(controls).latents)
        return np.zeros(len(self.avatar.rig.vertices)) if change is None else np.linalg.norm(change.shape.cpu().numpy(), axis=1)


def _bytes(picture: np.ndarray) -> np.ndarray:
    return cv2.convertScaleAbs(picture, alpha=255.0)
