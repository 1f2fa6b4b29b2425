"""From a portrait to a rig: fit the camera, place the anatomical head behind it, and eyes and mouth, author the expressions."""

import numpy as np

from ..face.landmarks import CHIN, FACE, MOUTH_RING, OVAL
from ..face.measures import mouth_width
from ..face.triangles import canonical
from ..render.geometry import triangle_normals
from ..smooth_ramps import smooth_step
from .anatomy.template import head_template
from .blendshapes import build_blendshapes, jaw_weights
from .bust import build_bust
from .charts import around, face_chart, in_chart
from .expressions import NAMES
from .eyes import CAP, build_eye, room_behind_lid
from .head import build_head, fit_head
from .hull import inside_hull
from .mouth import build_cavity, build_teeth, build_tongue, look_between_lips
from .neutral import serious_mouth
from .rig import Rig
from .sculpt import Surface
from .skeleton import JAW_GLIDE, PART

# Where each part's texture lies in the atlas: u0, v0, u1, v1.
TONGUE_UP = 0.16  # of the mouth's width, of the tongue's back in a mouth that is fully open: higher, it hides the throat (.1 to .2)
TONGUE_REACH, TONGUE_ROUND = 0.33, 0.12  # how far its tip comes out, and how much farther in the middle, eye distances
TONGUE_ROOT, TONGUE_NARROW = 0.65, 0.85  # share of it that moves, and how wide it is then
FLOOR_OF_MOUTH = 0.30  # eye distances below the chin where a throat no longer follows the jaw


def _outwards(vertices: np.ndarray, faces: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The same triangles, all wound so that they face away from `inside` (3,) on the whole."""
    corners = vertices[faces]
    facing = (triangle_normals(corners) * (corners.mean(1) - inside)).sum()
    return faces if facing > 0 else faces[:, [0, 2, 1]]


def build_rig(portrait, distance: float | None = None) -> Rig:
    """Build the rig of one `Portrait` (landmarks, masks and alpha are used; about half a second).

    distance: from the camera to the eyes, eye distances, if it is known (`pose_fit.distance_of`); the person's outline tells it if None.
    """
    masks = portrait.masks
    shown = {"person": portrait.alpha, "neck": masks["neck"], "clothes": masks["clothes"], "hair": masks["hair"]}
    camera, landmarks, likely = fit_head(portrait.landmarks.astype(np.float64), shown, distance)
    face = landmarks[:FACE]
    template = head_template()
    shell = build_head(face, camera, shown, likely)
    loop = template.neck_loop
    body = build_bust(face, likely, shell.vertices[loop], template.head_follows[loop], camera, shown)
    shell.vertices = inside_hull(shell.vertices, camera, portrait.alpha)
    body.vertices = inside_hull(body.vertices, camera, portrait.alpha)
    eyes = {side: build_eye(landmarks, portrait.landmarks, camera, side) for side in ("right", "left")}
    seen = look_between_lips(face, portrait.image, camera)
    mouth = {
        "cavity": build_cavity(face),
        "upper_teeth": build_teeth(face, "upper", seen.upper),
        "lower_teeth": build_teeth(face, "lower", seen.lower),
        "tongue": build_tongue(face),
    }

    vertices, faces, uvs, vertex_part, face_part = [face], [], [], [np.zeros(FACE, int)], []
    tessellation = canonical()[2]
    chart = face_chart()
    faces.append(tessellation)
    uvs.append(in_chart("face", chart)[tessellation])
    face_part.append(np.zeros(len(tessellation), int))
    offset = FACE

    def add(part, points, triangles, corner_uv, remap=None):
        nonlocal offset
        vertices.append(points)
        faces.append((triangles + offset) if remap is None else remap[triangles])
        uvs.append(in_chart(part, corner_uv))
        vertex_part.append(np.full(len(points), PART[part]))
        face_part.append(np.full(len(triangles), PART[part]))
        offset += len(points)

    shell_index = np.concatenate([OVAL, FACE + np.arange(len(shell.vertices))])
    add("shell", shell.vertices, template.head_faces, template.head_chart, shell_index)
    surface_count = offset

    body_faces = _outwards(body.vertices, body.faces, body.vertices.mean(0))
    add("body", body.vertices, body_faces, around(body_faces))
    for side in ("right", "left"):
        eye = eyes[side]
        ball = _outwards(eye.vertices, eye.faces, eye.centre)
        add(f"eye_{side}", eye.vertices, ball, (0.5 + 0.5 * eye.chart)[ball])
    starts = {}
    for named, patch in mouth.items():
        starts[named] = offset
        middle = patch.vertices.mean(0)
        # The bag is looked into; the rest is looked at from the front.
        triangles = (
            _outwards(patch.vertices, patch.faces, middle)[:, ::-1]
            if named == "cavity"
            else _outwards(patch.vertices, patch.faces, middle + [0, 0, 1.0])
        )
        add(named, patch.vertices, triangles, patch.chart[triangles])

    points = np.concatenate(vertices)
    triangles = np.concatenate(faces)
    part = np.concatenate(vertex_part)
    surface_faces = triangles[(triangles < surface_count).all(1)]
    surface = Surface(points[:surface_count], surface_faces)
    jaw = np.zeros(len(points))
    jaw[:surface_count] = jaw_weights(surface)
    shapes = np.zeros((len(NAMES), len(points), 3), np.float32)
    serious = serious_mouth(face, jaw[:FACE], surface, mouth["upper_teeth"].vertices)
    shapes[:, :surface_count] = build_blendshapes(surface, landmarks, eyes, serious)
    for name, patch in mouth.items():
        jaw[starts[name] : starts[name] + len(patch.vertices)] = patch.jaw
    # The floor of the mouth goes down with the jaw: skin that stayed would stand in the open mouth.
    below = points[part == PART["body"]] - [0, face[CHIN, 1], 0]
    jaw[part == PART["body"]] = smooth_step(below[:, 1], FLOOR_OF_MOUTH, 0) * smooth_step(below[:, 2], 0.55, 0.15)
    # The joint's head glides forward as the mouth opens: a pure hinge would push the chin into the throat.
    shapes[NAMES.index("jaw_open")] += jaw[:, None] * np.array([0.0, 0.0, -JAW_GLIDE], np.float32)
    _raise_tongue(shapes, starts["tongue"], mouth["tongue"], mouth_width(face))
    for side, eye in eyes.items():
        shapes[NAMES.index(f"eye_blink_{side}"), part == PART[f"eye_{side}"], 2] = room_behind_lid(face, eye.radius, side)
    _sew_cavity(shapes, jaw, starts["cavity"], mouth["cavity"])
    _tongue_out(shapes, starts["tongue"], mouth["tongue"])

    head = np.ones(len(points))
    head[part == PART["body"]], head[part == PART["shell"]] = body.head, template.head_follows
    return Rig(
        points.astype(np.float32),
        triangles,
        np.concatenate(uvs).astype(np.float32),
        part,
        np.concatenate(face_part),
        shapes,
        jaw.astype(np.float32),
        head.astype(np.float32),
        np.stack([eyes["right"].centre, eyes["left"].centre]).astype(np.float32),
        np.array([eyes["right"].iris_angle, eyes["left"].iris_angle], np.float32) / np.float32(CAP),
        camera,
        shell.hidden_ears,
    )


def _sew_cavity(shapes: np.ndarray, jaw: np.ndarray, start: int, cavity) -> None:
    """The bag's mouth follows the lips exactly; deeper rings follow by less."""
    count = len(MOUTH_RING)
    for k, share in enumerate((1.0, 0.7, 0.4, 0.15)):
        rows = slice(start + k * count, start + (k + 1) * count)
        shapes[:, rows] = share * shapes[:, MOUTH_RING]
    jaw[start : start + count] = jaw[MOUTH_RING]


def _raise_tongue(shapes: np.ndarray, start: int, tongue, width: float) -> None:
    """In a mouth that opens the tongue's back stays up: what one sees of it is a mound behind the lower teeth."""
    u, v = 2 * tongue.chart[:, 0] - 1, tongue.chart[:, 1]
    mound = np.sin(np.pi * np.clip(v / 1.1, 0, 1)) * (1 - 0.5 * u**2)
    shapes[NAMES.index("jaw_open"), start : start + len(v), 1] -= TONGUE_UP * width * mound


def _tongue_out(shapes: np.ndarray, start: int, tongue) -> None:
    """ARKit's tongueOut: the front half comes forward over the lower teeth and the lip, narrower, and its round tip hangs down."""
    index = NAMES.index("tongue_out")
    out = np.clip(1 - tongue.chart[:, 1] / TONGUE_ROOT, 0, 1)  # 1 at the tip, 0 where the tongue stays
    aside = tongue.vertices[:, 0] - tongue.vertices[:, 0].mean()
    across = (2 * tongue.chart[:, 0] - 1) ** 2
    down = 0.12 * out**3 - 0.16 * np.sqrt(out) - TONGUE_ROUND * across * out**2
    shift = np.stack([aside * (TONGUE_NARROW - 1) * np.minimum(4 * out, 1), down, -TONGUE_REACH * out], 1)
    shapes[index, start : start + len(out)] = shift
