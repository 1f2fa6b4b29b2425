"""How near a rig comes to heads whose form is known: `python -m tests.proof.head_shape [--write FILE]`.

Six heads are drawn from the template's prior, as far from its mean as people are, and seen by cameras of different distance, some of them
turned, one under a cap of hair. Each rig is built from the landmarks, off by what a detector's are, and from the masks. Printed, and written
as JSON, is how far its surface lies from the true one, by region, in eye distances (one is about 90 mm): mean and 95th percentile.
"""

import argparse
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from scipy.spatial import cKDTree

from perse.face.alignment import procrustes
from perse.face.landmarks import CHIN, FACE, OVAL
from perse.render.geometry import grid_on
from perse.rig.anatomy.template import head_template
from perse.rig.build import build_rig
from perse.rig.skeleton import PART
from tests.rig.heads import EYES, MadeHead, drawn, made_head

# Seed, the camera's distance in eye distances, yaw in degrees, hair's thickness in eye distances.
HEADS = (
    (10, 6.0, 0.0, 0.0),
    (11, 9.0, 0.0, 0.0),
    (12, 14.0, 15.0, 0.0),
    (13, 20.0, -20.0, 0.0),
    (14, 9.0, 0.0, 0.25),
    (15, 12.0, 25.0, 0.0),
)
LANDMARKS_OFF = (0.02, 0.05)  # eye distances by which landmarks are off in the picture, and in depth
SAMPLES = 5  # points along a triangle's side
NECK_ENDS = 0.8  # eye distances below the chin


def portrait_of(made: MadeHead, seed: int) -> SimpleNamespace:
    """What a rig is built from: landmarks as a detector finds them, masks, and a picture of plain skin."""
    rng = np.random.default_rng(seed)
    off = rng.standard_normal(made.landmarks.shape) * [LANDMARKS_OFF[0], LANDMARKS_OFF[0], LANDMARKS_OFF[1]]
    image = np.where(made.masks["person"][..., None] > 0, np.float32([0.8, 0.6, 0.5]), np.float32(0.5))
    return SimpleNamespace(landmarks=made.landmarks + off * EYES, masks=made.masks, alpha=made.masks["person"], image=image)


def regions(face_part: np.ndarray, points: np.ndarray, chin: float) -> dict[str, np.ndarray]:
    """Which points (F, N, 3) of a head's triangles (F,) lie on its face, on its sides and back, and on its neck."""
    y, neck = points[..., 1], head_neck()
    face = np.broadcast_to((face_part == PART["face"])[:, None], y.shape)
    body = np.broadcast_to((face_part == PART["body"])[:, None], y.shape)
    of_neck = np.zeros(y.shape, bool)
    of_neck[face_part == PART["shell"]] = neck[:, None]
    return {"face": face, "sides and back": ~face & ~body & ~of_neck, "neck": (of_neck | body) & (y < chin + NECK_ENDS)}


def head_neck() -> np.ndarray:
    """Which triangles (F,) bool of the head behind the face follow its turns less than a skull."""
    template = head_template()
    return np.concatenate([np.ones(len(OVAL)), template.head_follows])[template.head_faces].mean(1) < 0.95


def distances(made: MadeHead, seed: int) -> dict[str, tuple[float, float]]:
    """Mean and 95th percentile of a rig's distance to the true surface, by region, eye distances."""
    rig = build_rig(portrait_of(made, seed))
    scale, turn, shift = procrustes(rig.vertices[:FACE].astype(np.float64), made.face)
    vertices = scale * rig.vertices.astype(np.float64) @ turn.T + shift
    of_skin = rig.part_faces("face", "shell", "body")
    points = grid_on(vertices[rig.faces[of_skin]], SAMPLES)
    truth = np.concatenate([made.face, made.head, made.bust])
    tree = cKDTree(grid_on(truth[made.faces], SAMPLES).reshape(-1, 3))
    chosen = regions(rig.face_part[of_skin], points, made.face[CHIN, 1])
    found = {name: tree.query(points[where])[0] for name, where in chosen.items()}
    return {"distance": (float(rig.camera.viewmat[2, 3]),) * 2} | {
        name: (float(away.mean()), float(np.quantile(away, 0.95))) for name, away in found.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path)
    args = parser.parse_args()
    found = []
    print("| head | camera, found | face: mean, p95 | sides and back | neck |")
    print("|---|---|---|---|---|")
    for seed, away, yaw, hair in HEADS:
        made = made_head(drawn(seed), away, yaw, hair)
        off = distances(made, seed)
        found.append({"seed": seed, "camera": away, "yaw": yaw, "hair": hair} | off)
        cells = [f"{off[name][0]:.3f}, {off[name][1]:.3f}" for name in ("face", "sides and back", "neck")]
        print(f"| yaw {yaw:.0f}, hair {hair} | {away:.0f}, {off['distance'][0]:.1f} | {' | '.join(cells)} |", flush=True)
    means = [np.mean([off[name] for off in found], 0) for name in ("face", "sides and back", "neck")]
    print(f"| mean of all | | {' | '.join(f'{a:.3f}, {b:.3f}' for a, b in means)} |")
    if args.write:
        args.write.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
