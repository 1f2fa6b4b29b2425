// Arithmetic of three numbers, and rotations by angles as the whole project has them: Ry(yaw) Rx(pitch) Rz(roll).

export const add = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const sub = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const times = (a, s) => [a[0] * s, a[1] * s, a[2] * s];
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
export const norm = (a) => Math.hypot(a[0], a[1], a[2]);
export const unit = (a) => times(a, 1 / Math.max(norm(a), 1e-12));
export const mean = (points) => times(points.reduce(add, [0, 0, 0]), 1 / points.length);
export const turned = (m, a) => [dot(m[0], a), dot(m[1], a), dot(m[2], a)];

export function rotation(yaw, pitch, roll) {
  const [cy, sy, cx, sx, cz, sz] = [yaw, pitch, roll].flatMap((x) => [Math.cos(x), Math.sin(x)]);
  return [
    [cy * cz + sy * sx * sz, -cy * sz + sy * sx * cz, sy * cx],
    [cx * sz, cx * cz, -sx],
    [-sy * cz + cy * sx * sz, sy * sz + cy * sx * cz, cy * cx],
  ];
}
