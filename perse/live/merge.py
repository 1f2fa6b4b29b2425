"""Fewer Gaussians that look like many: neighbours of one kind are merged two by two until budgets are met.

What is seen at rest and what edits bring have a budget each. Of what edits bring a picture has little at a time, and what has no place in a
picture costs no time in a player; so it may be many, and must not take the room of the face.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ..avatar.appearance.closed_lids import ClosedLid
from ..avatar.appearance.mouth_light import MouthLight
from ..avatar.avatar import Avatar
from ..avatar.binding import Binding, matrix_to_quaternion
from ..avatar.latent_space import MOST_OPAQUE, AxisBasis, LatentSpace
from ..render.reference import rotations

COLOUR = 0.25  # eye distances that a difference of 1 in colour counts as: 0.1 to 0.3 look alike, beyond that detail is lost in space
APART = 10.0  # eye distances added between kinds that must not be merged: more than a head is large
# How much dearer it is to merge what lies in a mouth or about an eye: little of a picture, but people look there, and of the skin around an eye
# the colour of its closed lid is made.
DEAR = 3.0
NEAR = 3  # neighbours that are offered
FARTHEST = 0.3  # eye distances between two that are merged: of the last few of a kind the nearest may be on another ear
TINY = 1e-12


@dataclass
class _Blobs:
    """What is merged; all arrays of M rows: place (M, 3), covariance (M, 3, 3), color (M, 3), weight, area, opacity, kind (M,), face (M,) and
    bary (M, 3) of the triangle that it moves with, dear (M,), and brought (M,): whether it is invisible at rest. The weight is a Gaussian's
    area times its greatest opacity: how much of a picture it can make up."""

    place: np.ndarray
    covariance: np.ndarray
    color: np.ndarray
    weight: np.ndarray
    area: np.ndarray
    opacity: np.ndarray
    kind: np.ndarray
    face: np.ndarray
    bary: np.ndarray
    dear: np.ndarray
    brought: np.ndarray

    def beyond(self, seen: int, brought: int) -> tuple[int, int]:
        """By how many there are more than so many that are seen at rest, and than so many that edits bring."""
        invisible = int(self.brought.sum())
        return max(len(self.brought) - invisible - seen, 0), max(invisible - brought, 0)

    def pairs(self, most: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Pairs (P,), (P,) of one kind, near in place and colour and cheap to merge; nobody is in two, and there are at most so many of what
        is seen at rest, and so many of what edits bring.

        Each is offered its nearest NEAR neighbours; who is another's cheapest, and the other way round, becomes a pair, and the rest is
        asked again.
        """
        asked = np.flatnonzero(np.array(most)[self.brought.astype(int)] > 0)
        features = np.concatenate([self.place, COLOUR * self.color, APART * self.kind[:, None]], 1)[asked]
        distance, near = cKDTree(features, balanced_tree=False).query(features, 1 + NEAR, eps=0.1, workers=-1)
        one, other = np.repeat(np.arange(len(features)), 1 + NEAR), near.ravel()
        weight, dear = self.weight[asked], self.dear[asked]
        cost = (distance * np.sqrt(np.minimum(weight[:, None], weight[near])) * np.maximum(dear[:, None], dear[near])).ravel()
        offered = (one != other) & (distance.ravel() < FARTHEST)
        one, other, cost = one[offered], other[offered], cost[offered]
        one, other = np.concatenate([one, other]), np.concatenate([other, one])
        order = np.argsort(np.concatenate([cost, cost]))
        one, other = one[order], other[order]
        taken, found = np.zeros(len(features), bool), []
        while len(one):
            cheapest = np.full(len(features), -1)
            cheapest[one[::-1]] = other[::-1]  # the first of each counts
            chosen = np.flatnonzero(
                (cheapest >= 0) & (cheapest[cheapest] == np.arange(len(features))) & (cheapest > np.arange(len(features)))
            )
            found.append(np.stack([chosen, cheapest[chosen]]))
            taken[found[-1]] = True
            left = ~(taken[one] | taken[other])
            one, other = one[left], other[left]
        first, second = np.concatenate(found, 1) if found else np.zeros((2, 0), int)
        apart = np.sqrt(((features[first] - features[second]) ** 2).sum(1))
        price = apart * np.sqrt(np.minimum(weight[first], weight[second])) * np.maximum(dear[first], dear[second])
        first, second = asked[first], asked[second]
        kept = np.concatenate([_cheapest(price, self.brought[first] == brought, count) for brought, count in enumerate(most)])
        return first[kept], second[kept]

    def merge(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Put pairs into their first; returns for each of the M rows which row it is of now.

        Place and covariance are those of the mixture, and what of a picture the two cover stays.
        """
        share = self.weight[first] / (self.weight[first] + self.weight[second])
        nearer = np.where(share >= 0.5, first, second)
        place = _mix(share, self.place, first, second)
        apart = self.place[first] - self.place[second]
        spread = (share * (1 - share))[:, None, None] * apart[:, :, None] * apart[:, None, :]
        covariance = _mix(share, self.covariance, first, second) + spread
        area = _area(covariance)
        covered = self.opacity[first] * self.area[first] + self.opacity[second] * self.area[second]
        self.color[first] = _mix(share, self.color, first, second)
        self.place[first], self.covariance[first], self.area[first] = place, covariance, area
        self.opacity[first] = np.minimum(covered / area, MOST_OPAQUE)
        self.weight[first] += self.weight[second]
        # Where a triangle stretches, what is far beside it goes with one point of it: two of the same triangle share theirs, too.
        same = (self.face[first] == self.face[second])[:, None]
        self.bary[first] = np.where(same, _mix(share, self.bary, first, second), self.bary[nearer])
        self.face[first] = self.face[nearer]
        kept = np.ones(len(self.place), bool)
        kept[second] = False
        now = np.cumsum(kept) - 1
        now[second] = now[first]
        for name, values in vars(self).items():
            setattr(self, name, values[kept])
        return now


def _cheapest(price: np.ndarray, among: np.ndarray, count: int) -> np.ndarray:
    """Indices of the cheapest (at most `count`) among those that a mask (P,) allows."""
    allowed = np.flatnonzero(among)
    if len(allowed) <= count:
        return allowed
    return allowed[np.argpartition(price[allowed], count)[:count]]


def _area(covariance: np.ndarray) -> np.ndarray:
    """(M,) root of the product of the two largest eigenvalues of (M, 3, 3): Smith, "Eigenvalues of a symmetric 3 x 3 matrix" (1961)."""
    middle = np.trace(covariance, axis1=1, axis2=2) / 3
    apart = covariance - middle[:, None, None] * np.eye(3)
    width = np.sqrt((apart**2).sum((1, 2)) / 6)
    angle = np.arccos((np.linalg.det(apart) / (2 * np.maximum(width, TINY) ** 3)).clip(-1, 1)) / 3
    largest, least = (middle + 2 * width * np.cos(angle + turn) for turn in (0, 2 * np.pi / 3))
    return np.sqrt(largest.clip(TINY) * (3 * middle - largest - least).clip(TINY))


def _mix(share: np.ndarray, values: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    return share * values[first] + (1 - share) * values[second]


@torch.no_grad()
def merged(avatar: Avatar, seen: int, brought: int) -> Avatar:
    """The same person on the CPU with at most `seen` Gaussians at rest and at most `brought` that only edits show. The avatar itself if it has
    no more. Moments of a mixture as in Kerbl et al., "A Hierarchical 3D Gaussian Representation" (SIGGRAPH 2024), section 4.2."""
    peak = _greatest_opacity(avatar)
    blobs = _blobs(avatar, peak.double().numpy())
    if not any(blobs.beyond(seen, brought)):
        return avatar
    weight, member = blobs.weight.copy(), np.arange(len(avatar))
    while any(most := blobs.beyond(seen, brought)):
        first, second = blobs.pairs(most)
        if not len(first):
            break
        member = blobs.merge(first, second)[member]
    return _Shares(avatar, peak, member, weight / blobs.weight[member], blobs).avatar()


def _blobs(avatar: Avatar, peak: np.ndarray) -> _Blobs:
    face = avatar.binding.face.numpy()
    scales = avatar.log_scales.exp()
    spread = rotations(avatar.quats) * scales[:, None, :]
    extent = np.sort(scales.double().numpy(), 1)
    area = extent[:, 1] * extent[:, 2]
    return _Blobs(
        (avatar.rig.points_on(face, avatar.binding.bary.numpy()) + avatar.offset.numpy()).astype(np.float64),
        (spread @ spread.transpose(1, 2)).double().numpy(),
        avatar.colors.double().numpy(),
        peak * area + TINY,
        area,
        peak,
        _kinds(avatar),
        face.copy(),
        avatar.binding.bary.double().numpy().copy(),
        _dear(avatar),
        (avatar.opacities == 0).numpy(),
    )


def _dear(avatar: Avatar) -> np.ndarray:
    out = np.ones(len(avatar))
    for effect in avatar.effects:
        if isinstance(effect, (ClosedLid, MouthLight)):
            out[effect.index.numpy()] = DEAR
        if isinstance(effect, ClosedLid):
            out[effect.skin.numpy().ravel()] = DEAR
    return out


def _greatest_opacity(avatar: Avatar) -> Tensor:
    """(N,) that each has with any one axis at its end, or at rest."""
    peak = avatar.opacities.clone()
    for basis in avatar.space.axes.values():
        if basis.paints:
            rows, added = basis.gaussians, basis.opacity_at(torch.ones(()))
            peak[rows] = torch.maximum(peak[rows], (avatar.opacities[rows] + added).clamp(0, MOST_OPAQUE))
    return peak


def _kinds(avatar: Avatar) -> np.ndarray:
    """(N,): the same number for what may be merged: of one part of the rig, seen at rest or not, and brought by the same edits."""
    kinds = avatar.rig.face_part[avatar.binding.face.numpy()].astype(np.int64)
    added = (avatar.opacities == 0).numpy()
    random = np.random.default_rng(0)
    kinds[added] ^= random.integers(256, 1 << 62)  # scalp that lies under hair never becomes a part of it
    for basis in avatar.space.axes.values():
        if basis.paints and basis.terms == 2:
            rows = basis.gaussians.numpy()
            kinds[rows[added[rows]]] ^= random.integers(256, 1 << 62)  # as good as certainly another number for another set
    return np.unique(kinds, return_inverse=True)[1]


class _Shares:
    """What has become of the Gaussians of an avatar: member (N,) of which blob each is, and share (N,) of it that it makes up. peak (N,): the
    greatest opacity of each."""

    def __init__(self, avatar: Avatar, peak: Tensor, member: np.ndarray, share: np.ndarray, blobs: _Blobs):
        self.old, self.blobs, self.count = avatar, blobs, len(blobs.place)
        self.member, self.share = torch.from_numpy(member), torch.from_numpy(share).float()
        # What covers less as one than it did as two, or more, is as much more opaque, or less, whatever edit is on.
        self.denser = torch.from_numpy(blobs.opacity).float() / self._mean(peak).clamp_min(1e-6)
        added = self._mean(avatar.opacities.detach()) == 0
        self.denser[added] = self.denser[added].clamp_min(1)

    def _mean(self, values: Tensor) -> Tensor:
        shares = self.share.reshape(-1, *[1] * (values.dim() - 1))
        return values.new_zeros(self.count, *values.shape[1:]).index_add(0, self.member, values * shares)

    def avatar(self) -> Avatar:
        old, blobs = self.old, self.blobs
        binding = Binding(torch.from_numpy(blobs.face), torch.from_numpy(blobs.bary).float())
        extent, axes = np.linalg.eigh(blobs.covariance)
        axes *= np.sign(np.linalg.det(axes))[:, None, None]
        gaussians = {
            "offset": torch.from_numpy(blobs.place - old.rig.points_on(blobs.face, blobs.bary)).float(),
            "quats": matrix_to_quaternion(torch.from_numpy(axes)).float(),
            "log_scales": torch.from_numpy(0.5 * np.log(extent.clip(TINY))).float(),
            "colors": self._mean(old.colors.detach()).clamp(0, 1),
            "opacities": (self._mean(old.opacities.detach()) * self.denser).clamp(0, MOST_OPAQUE),
        }
        space = LatentSpace(list(old.space.categories.values()), self.count, len(old.rig.vertices))
        for name, basis in old.space.axes.items():
            space.add(name, self._basis(basis))
            if name in space.bares:
                space.axes[name].takes_off = self._summed(basis, basis.hair_taken_off())
        for name, basis in old.space.middles.items():
            space.middles[name] = self._basis(basis)
        return Avatar(old.rig, binding, gaussians, space, old.source, old.report).requires_grad_(False)

    def _rows(self, gaussians: Tensor) -> tuple[Tensor, Tensor]:
        """Which blobs (M,) hold any of some Gaussians, in order, and which of them each is in (n,)."""
        member = self.member[gaussians]
        held = torch.zeros(self.count, dtype=torch.bool)
        held[member] = True
        return held.nonzero()[:, 0], (held.cumsum(0) - 1)[member]

    def _summed(self, basis: AxisBasis, values: Tensor) -> Tensor:
        """(M,) of the blobs that a basis changes: what of values (n,) of its Gaussians comes together in each."""
        rows, place = self._rows(basis.gaussians)
        return values.new_zeros(len(rows)).index_add(0, place, values * self.share[basis.gaussians])

    def _basis(self, basis: AxisBasis) -> AxisBasis:
        rows, place = self._rows(basis.gaussians)
        share = self.share[basis.gaussians] * basis.weight
        out = AxisBasis(rows, torch.ones(len(rows)), basis.vertices, basis.terms, basis.paints, len(basis.shape)).requires_grad_(False)
        out.pace, out.shape[:] = basis.pace.clone(), basis.shape.detach()
        for name in ("color", "opacity", "log_scale"):
            for term, values in zip(getattr(out, name), getattr(basis, name).detach()):
                if values.any():
                    term.index_add_(0, place, values * share.reshape(-1, *[1] * (values.dim() - 1)))
        out.opacity *= self.denser[rows]
        return out
