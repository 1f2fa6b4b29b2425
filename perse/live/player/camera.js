// The portrait's camera in a picture of any size, orbited and zoomed as the controls say: `perse.avatar.avatar.Avatar.camera`.

import { latentsOf } from "./controls.js";
import { dot, rotation, turned } from "./vectors.js";

// Row of the highest thing, as a share of the portrait's frame: what stands higher than the head with the amounts that there are.
function highestOf(head, controls) {
  const { rest, tops } = head.headroom;
  let out = rest;
  for (const [name, z] of latentsOf(head, controls))
    head.categories.find((c) => c.name === name).axes.forEach((axis, k) => {
      if (axis.name in tops && z[k] > 0) out = Math.min(out, rest + z[k] * (tops[axis.name] - rest));
    });
  return out;
}

// A lens that makes way for it: `perse.avatar.headroom`.
function lowered(head, controls, lens, row, width, height) {
  if (!head.headroom) return lens; // a file from before there was any
  const { rest, margin, looks_up, close } = head.headroom, side = Math.min(width, height);
  const [now, goal] = [row(rest), Math.min(row(rest), margin * side)];
  const t = Math.min(1, Math.max(0, (now / side - close[0]) / (close[1] - close[0])));
  const missing = Math.max(goal - row(highestOf(head, controls)), 0) * t * t * (3 - 2 * t);
  if (!(missing > 0)) return lens;
  const down = looks_up * missing, smaller = (height - goal + down) / (height - goal + missing);
  return [lens[0] * smaller, lens[1] * smaller, width / 2 + (lens[2] - width / 2) * smaller, height + (lens[3] - height) * smaller + down];
}

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
  const pivot = (lens[1] * centre[1]) / centre[2] + lens[3];
  const row = (y) => (pivot + (y * size - pivot) * zoom) * scale + (height - size * scale) / 2;
  return { rows, lens: lowered(head, controls, [out[0][0], out[1][0], out[0][1], out[1][1]], row, width, height) };
}
