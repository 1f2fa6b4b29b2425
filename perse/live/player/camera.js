// The portrait's camera in a picture of any size, orbited and zoomed as the controls say: `perse.avatar.avatar.Avatar.camera`.

import { dot, rotation, turned } from "./vectors.js";

// {rows: world to camera, three rows of four; lens: focal lengths and principal point, pixels}
export function cameraOf(head, controls, width, height) {
  const { viewmat, lens, size } = head.camera, scale = Math.min(width, height) / size, zoom = controls.zoom ?? 1;
  const centre = viewmat.slice(0, 3).map((row) => dot(row, head.pivot) + row[3]);
  const sides = [width, height];
  const out = [0, 1].map((k) => {
    const middle = lens[2 + k] * scale + (sides[k] - size * scale) / 2;
    const pivot = (lens[k] * scale * centre[k]) / centre[2] + middle; // zooming keeps it where it is
    return [lens[k] * scale * zoom, pivot + (middle - pivot) * zoom];
  });
  // Around the head first, then above it, then the picture's own turn: the inverse of what `rotation` does with the angles negated.
  const inverse = rotation(...["yaw", "pitch", "roll"].map((name) => (-(controls[name] || 0) * Math.PI) / 180));
  const turn = [0, 1, 2].map((a) => inverse.map((row) => row[a]));
  const back = turned(turn, centre);
  const rows = turn.map((row, a) => {
    const mixed = [0, 1, 2, 3].map((k) => row[0] * viewmat[0][k] + row[1] * viewmat[1][k] + row[2] * viewmat[2][k]);
    mixed[3] += centre[a] - back[a];
    return mixed;
  });
  return { rows, lens: [out[0][0], out[1][0], out[0][1], out[1][1]] };
}
