"""Meshes cut along a field, their open edges found and zipped together, their triangles wound one way."""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


class Cut:
    """A mesh whose vertices lie on the edges of another: pairs (V, 2) of its vertices, and how far from the first to the second (V,)."""

    def __init__(self, triangles: np.ndarray, pairs: np.ndarray, share: np.ndarray):
        self.triangles, self.pairs, self.share = triangles, pairs, share

    def of(self, values: np.ndarray) -> np.ndarray:
        """What the other mesh's vertices (..., V, C) hold, here."""
        share = self.share[:, None]
        return values[..., self.pairs[:, 0], :] * (1 - share) + values[..., self.pairs[:, 1], :] * share

    def largest(self) -> "Cut":
        """The largest connected piece."""
        a, b = self.triangles[:, [0, 1]].ravel(), self.triangles[:, [1, 2]].ravel()
        n = len(self.pairs)
        label = connected_components(coo_matrix((np.ones(len(a)), (a, b)), shape=(n, n)), directed=False)[1]
        of = label[self.triangles[:, 0]]
        return Cut(self.triangles[of == np.bincount(of).argmax()], self.pairs, self.share)

    def divided(self, field: np.ndarray) -> tuple["Cut", "Cut"]:
        """Where a field (V,) of the vertices is negative and where it is positive, cut along its zero."""
        pairs, share, made = list(map(tuple, self.pairs)), list(self.share), {}
        field = np.where(np.abs(field) < 1e-9, 1e-9, field)

        def between(a: int, b: int) -> int:
            key = (min(a, b), max(a, b))
            if key not in made:
                low, high = key
                made[key] = len(pairs)
                pairs.append((self.pairs[low, 0], self.pairs[high, 0]))
                share.append(field[low] / (field[low] - field[high]))
            return made[key]

        sides: list[list] = [[], []]
        for corners in self.triangles:
            positive = field[corners] > 0
            if positive.all() or not positive.any():
                sides[int(positive[0])].append(tuple(corners))
                continue
            # One corner lies alone.
            alone = int(np.flatnonzero(positive == (positive.sum() == 1))[0])
            a, b, c = np.roll(corners, -alone)
            ab, ac = between(a, b), between(a, c)
            sides[int(positive[alone])].append((a, ab, ac))
            sides[1 - int(positive[alone])] += [(ab, b, c), (ab, c, ac)]
        all_pairs, all_share = np.array(pairs), np.array(share)
        return Cut(np.array(sides[0]), all_pairs, all_share), Cut(np.array(sides[1]), all_pairs, all_share)


def boundary_loops(triangles: np.ndarray) -> list[np.ndarray]:
    """The loops of edges that have one triangle only, each a row of vertices."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    known = {tuple(e) for e in edges}
    follows = {a: b for a, b in known if (b, a) not in known}
    loops = []
    while follows:
        first = next(iter(follows))
        loop = [first]
        while (following := follows.pop(loop[-1])) != first:
            loop.append(following)
        loops.append(np.array(loop))
    return sorted(loops, key=len, reverse=True)


def zipped(points: np.ndarray, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """Triangles between two loops of vertices that run around the same middle: always the shorter of the two next edges."""
    middle = points[inner].mean(0)

    def angle(index):
        return np.arctan2(points[index, 0] - middle[0], middle[1] - points[index, 1])

    if (
        np.sum(np.sin(np.diff(np.append(angle(inner), angle(inner)[0]))))
        * np.sum(np.sin(np.diff(np.append(angle(outer), angle(outer)[0]))))
        < 0
    ):
        outer = outer[::-1]
    outer = np.roll(outer, -int(np.linalg.norm(points[outer] - points[inner[0]], axis=1).argmin()))
    out, i, j, n, m = [], 0, 0, len(inner), len(outer)
    while i < n or j < m:
        a, b = inner[i % n], outer[j % m]
        next_a, next_b = inner[(i + 1) % n], outer[(j + 1) % m]
        step_inner = np.linalg.norm(points[next_a] - points[b]) if i < n else np.inf
        step_outer = np.linalg.norm(points[next_b] - points[a]) if j < m else np.inf
        if step_inner <= step_outer:
            out.append((a, b, next_a))
            i += 1
        else:
            out.append((a, b, next_b))
            j += 1
    return np.array(out)


def wound_outwards(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """The same triangles, each wound like its neighbours, and all so that they face away from the mesh's middle on the whole."""
    owners: dict[tuple[int, int], list[int]] = {}
    for t, corners in enumerate(triangles):
        for k in range(3):
            a, b = corners[k], corners[(k + 1) % 3]
            owners.setdefault((min(a, b), max(a, b)), []).append(t)
    out, done = triangles.copy(), np.zeros(len(triangles), bool)
    for seed in range(len(out)):
        if done[seed]:
            continue
        done[seed], stack = True, [seed]
        while stack:
            t = stack.pop()
            for k in range(3):
                a, b = out[t, k], out[t, (k + 1) % 3]
                for other in owners[min(a, b), max(a, b)]:
                    if not done[other]:
                        if any(out[other, q] == a and out[other, (q + 1) % 3] == b for q in range(3)):
                            out[other] = out[other, ::-1]
                        done[other] = True
                        stack.append(other)
    corner = points[out]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    return out if (normal * (corner.mean(1) - points.mean(0))).sum() > 0 else out[:, ::-1]
