"""Edits of form: displacements (V, 3) of a rig's rest shape."""

import numpy as np
from scipy.ndimage import grey_closing
from scipy.spatial import cKDTree

from ..attributes.edit_vocabulary import Ears, EyeSize, EyeSpacing, HairVolume, Sculpt, Tuck
from ..face.landmarks import BROW, EYE, FACE, MOUTH_RING, NASION, NOSE_BRIDGE, OVAL
from ..face.triangles import canonical
from ..render.geometry import vertex_normals
from ..rig.anatomy.prior import likely_head, upright
from ..rig.anatomy.template import head_template
from ..rig.bust import ANGLES, ROWS, sections
from ..rig.ears import ears_of
from ..rig.head import bare_head
from ..rig.rig import Rig
from ..rig.sculpt import Surface
from ..rig.skeleton import MOUTH_PARTS, PART
from ..smooth_ramps import smooth_step
from ..texture.atlas import ATLAS, sample

HAIR_CENTRE = np.array([0.0, 0.25, 0.75])  # from which hair is pushed away, in the head frame
HAIR_GIVES = 0.08  # share of an ear's change that hair over it takes part in
HAIRLINE = 0.4  # eye distances behind the face's outline over which hair gains its volume
HOLLOW = 0.02  # eye distances by which a point lies deeper than its neighbours where little light reaches
FIRM = 3.0  # times the share of hair at a vertex, by which what goes wholly is drawn in
ISLAND = (7, 9)  # rows and columns of the bust within which what hair surrounds goes with it
GOES, BESIDE = 0.5, (0.40, 0.15)  # weight of hair that goes; eye distances from it up to which, and within which, the nape goes with it
SMOOTHINGS = 2  # times that a region's weight is averaged over neighbours of the shell, whose triangles are large


class Shaper:
    """Displacements of one rig; the surface's solver is prepared once."""

    def __init__(self, rig: Rig):
        self.rig = rig
        head = (rig.vertex_part == PART["face"]) | (rig.vertex_part == PART["shell"])
        count = int(head.sum())  # face and shell come first
        self.surface = Surface(rig.vertices[:count], rig.faces[(rig.faces < count).all(1)])
        self.shell = np.flatnonzero(rig.vertex_part == PART["shell"])
        self.body = np.flatnonzero(rig.vertex_part == PART["body"])
        self._bald: np.ndarray | None = None
        self._bare_bust: np.ndarray | None = None
        self._ears = self._evened(ears_of(rig)[:count])
        self._behind = self.surface.distance(list(OVAL))
        # A triangle of bone, which moves with the skull alone: neither expressions nor edits reach the hindmost of the upper teeth.
        teeth = rig.part_faces("upper_teeth")
        self.bone = int(teeth[rig.vertices[rig.faces[teeth], 2].mean(1).argmax()])
        # Atlas pixel of every vertex.
        self.at = np.zeros((len(rig.vertices), 2), np.float32)
        self.at[rig.faces.ravel()] = rig.uvs.reshape(-1, 2) * ATLAS

    def _spread(self, handles: dict[int, np.ndarray], radius: float, pinned: list[int]) -> np.ndarray:
        shape = np.zeros(self.rig.vertices.shape)
        shape[: len(self.surface.vertices)] = self.surface.spread(handles, radius, pinned)
        # The bag behind the lips is sewn to them.
        start = int(np.flatnonzero(self.rig.vertex_part == PART["cavity"])[0])
        shape[start : start + len(MOUTH_RING)] = shape[MOUTH_RING]
        return shape

    def sculpt(self, step: Sculpt) -> np.ndarray:
        """Landmarks moved, both sides."""
        mirror = canonical()[1]
        face = self.surface.vertices
        handles: dict[int, np.ndarray] = {}
        for index, vector in step.moves:
            handles[index] = np.array(vector, float)
            handles[int(mirror[index])] = np.array(vector) * [-1, 1, 1]
        for group, factors in step.scale:
            for indices in (list(group), [int(mirror[i]) for i in group]):
                centre = face[indices].mean(0)
                for i in indices:
                    handles[i] = handles.get(i, 0) + (face[i] - centre) * np.array(factors)
        pinned = {*step.pinned, *(int(mirror[i]) for i in step.pinned)} - set(handles)
        shape = self._spread(handles, step.radius, sorted(pinned))
        if any(step.inside):
            inner = np.isin(self.rig.vertex_part, MOUTH_PARTS)
            inner &= ~shape.any(1)
            inner[self.rig.faces[self.bone]] = False
            shape[inner] = step.inside
        return shape

    def eyes(self, step: EyeSize | EyeSpacing) -> np.ndarray:
        """Lids and eyeballs grown, or moved apart."""
        face = self.surface.vertices
        handles, pinned = {}, [NASION, NOSE_BRIDGE]
        balls = np.zeros(self.rig.vertices.shape)
        for side, part, centre in zip(("right", "left"), ("eye_right", "eye_left"), self.rig.eye_centres):
            eye, ball = EYE[side], self.rig.vertex_part == PART[part]
            for i in [eye["outer"], eye["inner"], *eye["upper"], *eye["lower"]]:
                if isinstance(step, EyeSize):
                    # Corners move less than lids, so the eye opens rather than only widens.
                    share = 0.6 if i in (eye["outer"], eye["inner"]) else 1.0
                    handles[i] = (face[i] - centre) * [step.by * share, step.by, step.by * 0.4]
                else:
                    handles[i] = np.array([np.sign(centre[0]) * step.by, 0.0, 0.15 * step.by])
            balls[ball] = (
                (self.rig.vertices[ball] - centre) * step.by * 0.75
                if isinstance(step, EyeSize)
                else [np.sign(centre[0]) * step.by, 0.0, 0.15 * step.by]
            )
        if isinstance(step, EyeSize):
            for side in BROW:
                pinned += BROW[side]["lower"]
        return self._spread(handles, 0.22 if isinstance(step, EyeSize) else 0.30, pinned) + balls

    def ears(self, step: Ears, hair: np.ndarray) -> np.ndarray:
        """The ears grown about their middle, or pushed off the head.

        Args:
            hair: (ATLAS, ATLAS) where hair is: it gives a little over an ear that grows.
        """
        shape = np.zeros(self.rig.vertices.shape)
        points = self.rig.vertices[self.shell].astype(np.float64)
        weight = (self._ears[FACE:] * (1 - (1 - HAIR_GIVES) * np.clip(self.on_shell(hair), 0, 1)))[:, None]
        outward = np.sign(points[:, :1]) * [[1.0, 0.0, 0.0]]
        left = points[:, 0] > 0
        middles = [np.average(points[side], axis=0, weights=weight[side, 0] ** 2) for side in (left, ~left)]
        middle = np.where(left[:, None], *middles)
        shape[self.shell] = weight * (
            step.out * (outward + [[0.0, 0.0, -0.3]]) + step.size * (np.array([1.2, 1.0, 0.5]) * (points - middle) + 0.25 * outward)
        )
        return shape

    def volume(self, step: HairVolume, hair: np.ndarray) -> np.ndarray:
        """Shell pushed away from the head's middle where it is hair, full beyond the hairline.

        Args:
            hair: (ATLAS, ATLAS) where hair is.
        """
        points = self.rig.vertices[self.shell]
        weight = self.on_shell(hair) * np.clip(self._behind[FACE:] / HAIRLINE, 0, 1)
        away = points - HAIR_CENTRE
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        by = np.minimum(step.by, np.maximum(step.most - np.linalg.norm(self.bald - points, axis=1), 0))
        shape = np.zeros(self.rig.vertices.shape)
        shape[self.shell] = (by * weight)[:, None] * away
        return shape

    def tuck(self, step: Tuck, region: np.ndarray, whole: np.ndarray | None = None) -> np.ndarray:
        """The shell drawn in to `keep` of its distance from a bald head of the same face, and hair on the bust to neck and shoulders.

        Args:
            region: (ATLAS, ATLAS) where; whole: (ATLAS, ATLAS) all the hair that it is a part of. Where that goes wholly skin comes in its place,
                as far as its edge, and must lie on the head there; of a border with other parts each takes its share.
        """
        inward = self.bald - self.rig.vertices[self.shell]
        keep = np.minimum(step.keep, step.most / np.maximum(np.linalg.norm(inward, axis=1), 1e-6))
        shape = np.zeros(self.rig.vertices.shape)
        weight = self.on_shell(region)
        if whole is not None and step.keep == 0:
            hair = np.maximum(self.on_shell(whole), weight)
            firm = np.clip(FIRM * hair, 0, 1)
            weight = weight * firm / np.maximum(hair, 1e-3)
            # Skin beside it, under what hung there, has stood out as far.
            of_hair = np.flatnonzero(hair > GOES)
            if len(of_hair):
                near, nearest = cKDTree(self.rig.vertices[self.shell[of_hair]]).query(self.rig.vertices[self.shell])
                mine = np.clip(weight / np.maximum(firm, 1e-3), 0, 1)[of_hair][nearest]  # of that; the others take their shares
                weight = np.maximum(weight, mine * smooth_step(near, *BESIDE) * (1 - firm) * (1 - self._ears[FACE:]))
        shape[self.shell] = ((1 - keep) * weight)[:, None] * inward
        hangs = np.clip(sample(region, self.at[None, self.body])[0], 0, 1).reshape(ROWS, ANGLES)
        if hangs.any():
            # What shows between locks goes with them: an island of cloth would stay in the air.
            hangs = grey_closing(hangs, ISLAND, mode=("nearest", "wrap")).ravel()
            shape[self.body] = ((1 - step.keep) * hangs)[:, None] * (self.bare_bust - self.rig.vertices[self.body])
        return shape

    @property
    def bare_bust(self) -> np.ndarray:
        """The bust's vertices (N, 3) where neck and shoulders would be without the hair on them: nowhere wider than they are likely to be."""
        if self._bare_bust is None:
            turn = self.rig.camera.viewmat[:3, :3].astype(np.float64)
            likely = likely_head(self.rig.vertices[:FACE].astype(np.float64))
            measured = sections(upright(likely.bust, head_template().bust_follows, turn))
            points = self.rig.vertices[self.body] @ turn.T
            axis = measured.centre(points[:, 1])
            away = points[:, [0, 2]] - axis
            angle, radius = np.arctan2(away[:, 0], -away[:, 1]), np.hypot(*away.T)
            likely_radius = measured.at(measured.radius, angle[None], points[None, :, 1])[0]
            points[:, [0, 2]] = axis + away * np.minimum(likely_radius / np.maximum(radius, 1e-6), 1)[:, None]
            self._bare_bust = points @ turn
        return self._bare_bust

    @property
    def bald(self) -> np.ndarray:
        """The shell's vertices (N, 3) of the same face without hair."""
        if self._bald is None:
            self._bald = bare_head(face := self.rig.vertices[:FACE].astype(np.float64), self.rig.camera, likely_head(face))
        return self._bald

    def bald_form(self) -> tuple[np.ndarray, np.ndarray]:
        """Of face and bald shell: normals (N, 3), and how hollow it is (N,) in [0, 1], as an ear is."""
        points = self.surface.vertices.astype(np.float64).copy()
        points[self.shell] = self.bald
        count = len(points)
        normals = vertex_normals(points, self.rig.faces[(self.rig.faces < count).all(1)])
        even = np.stack([self._evened(points[:, k]) for k in range(3)], 1)
        depth = ((even - points) * normals).sum(1)
        return normals, np.clip(self._evened(depth) / HOLLOW, 0, 1) * np.clip(2 * self._ears, 0, 1)

    def on_shell(self, region: np.ndarray) -> np.ndarray:
        """A region's weight at the shell's vertices, smoothed over their neighbours."""
        weight = np.zeros(len(self.surface.vertices))
        weight[self.shell] = sample(region, self.at[self.shell][None])[0]
        weight[:FACE] = sample(region, self.at[:FACE][None])[0]
        return self._evened(weight)[self.shell]

    def _evened(self, weight: np.ndarray) -> np.ndarray:
        """A weight (N,) of the surface's vertices, averaged over neighbours."""
        links = self.surface.stiffness.diagonal()
        for _ in range(SMOOTHINGS):
            weight = weight - self.surface.stiffness @ weight / (links + 2)
        return weight
