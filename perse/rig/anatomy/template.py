"""The head's template: what `make_template` has made of MakeHuman's head (CC0), read from the file beside this one."""

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from ...face.landmarks import OVAL

PATH = Path(__file__).parent / "head_template.npz"
BASIS = 60  # ways in which heads differ, by how much they do


@dataclass(frozen=True)
class HeadTemplate:
    """The mean head without its face, which a rig has as the landmarks' own mesh, and neck and shoulders below it. Head frame, float64.

    landmarks (468, 3): where they lie on the mean head; head (V, 3): from the face's outline to the neck; bust (W, 3): from there down.
    Each with its basis (BASIS, …, 3): displacements of one standard deviation.
    head_faces (F, 3): over the outline's landmarks, in the order of OVAL, and behind them the vertices of the head; head_chart (F, 3, 2):
    their corners, around in the order of OVAL and down from the outline (0) to the neck (1). bust_faces (G, 3).
    neck_loop (L,): vertices of the head at which the neck begins. ears (V,): 1 on the ears. head_follows (V,), bust_follows (W,): how far
    they follow the head's turns.
    """

    landmarks: np.ndarray
    landmark_basis: np.ndarray
    head: np.ndarray
    head_basis: np.ndarray
    head_faces: np.ndarray
    head_chart: np.ndarray
    head_follows: np.ndarray
    ears: np.ndarray
    neck_loop: np.ndarray
    bust: np.ndarray
    bust_basis: np.ndarray
    bust_faces: np.ndarray
    bust_follows: np.ndarray

    @cached_property
    def outline_at(self) -> np.ndarray:
        """How far around the chart (36,) the landmarks of the face's outline lie, in the order of OVAL, rising from 0."""
        out = np.zeros(len(OVAL))
        of_outline = self.head_faces < len(OVAL)
        out[self.head_faces[of_outline]] = self.head_chart[of_outline][:, 0] % 1
        return out

    def around(self, columns: np.ndarray) -> np.ndarray:
        """Where on the face's outline columns of the chart (N,), 0 to 1, begin: fractional places in OVAL, 0 to 36."""
        return np.interp(columns, np.append(self.outline_at, 1.0), np.arange(len(OVAL) + 1))


@cache
def head_template() -> HeadTemplate:
    """The template, read once."""
    with np.load(PATH) as data:
        return HeadTemplate(**{name: data[name].astype(np.int64 if data[name].dtype == np.int32 else np.float64) for name in data.files})
