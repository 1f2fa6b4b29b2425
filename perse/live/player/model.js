// A live file's arrays in the form that graphics card and sorter take; made once, section by section.

import { listed } from "./live_file.js";
import { Poser } from "./pose.js";

export class Model {
  constructor(head, arrays) {
    this.head = head;
    this.poser = new Poser(head, arrays);
    this.parts = new Map();
    this.rows = new Map();
    this.parts_of_space = new Map(head.parts_of_space.map((part) => [part.name, part]));
    [this.count, this.vertexCount, this.triangleCount] = [head.gaussians, head.vertices, head.triangles];
    this.#triangles(arrays);
    this.#splats(arrays);
  }

  // Corners and, at rest, frames of the triangles: first edge and root of the area; normal.
  #triangles(arrays) {
    const faces = arrays.get("mesh.faces").stored, rest = this.poser.rest, count = this.triangleCount;
    this.corners = new Uint16Array(3 * count);
    this.corners4 = new Uint32Array(4 * count);
    this.frames = new Float32Array(8 * count);
    for (let f = 0; f < count; f++) {
      const [a, b, c] = [0, 1, 2].map((k) => (this.corners4[4 * f + k] = this.corners[3 * f + k] = faces[k * count + f]));
      const e = [0, 1, 2].map((k) => rest[3 * b + k] - rest[3 * a + k]), d = [0, 1, 2].map((k) => rest[3 * c + k] - rest[3 * a + k]);
      const n = [e[1] * d[2] - e[2] * d[1], e[2] * d[0] - e[0] * d[2], e[0] * d[1] - e[1] * d[0]];
      const long = Math.max(Math.hypot(...e), 1e-9), area = Math.max(Math.hypot(...n), 1e-12);
      this.frames.set([...e.map((x) => x / long), Math.sqrt(0.5 * area), ...n.map((x) => x / area), 0], 8 * f);
    }
  }

  // Two texels of four words for each Gaussian; shaders.js takes them apart.
  #splats(arrays) {
    const n = this.count, stored = (name) => arrays.get(name).stored, each = stored("splat.on_triangle");
    const [bary, offset, quats] = ["bary", "offset", "quats"].map((name) => stored(`splat.${name}`));
    const [sizes, colors, opacities] = ["log_scales", "colors", "opacities"].map((name) => stored(`splat.${name}`));
    const kind = stored("effect.kind"), coefficients = stored("effect.coefficients"), lids = stored("effect.lid_color");
    const inside = arrays.get("splat.bary"), size = arrays.get("splat.log_scales");
    this.ranges = [inside.low, inside.step, size.low, size.step];
    this.offsetStep = arrays.get("splat.offset").step;
    this.coefficientStep = arrays.get("effect.coefficients").step;
    this.splats = new Uint32Array(8 * n);
    const face = new Uint16Array(n), places = new Float32Array(2 * n), offsets = new Float32Array(3 * n);
    const taking = coefficients.length / 3;
    let f = 0, left = each[0], taken = 0, lid = 0;
    for (let i = 0; i < n; i++, left--) {
      while (left === 0) left = each[++f];
      const at = 8 * i, s = this.splats, o = [0, 1, 2].map((k) => offset[k * n + i]);
      s[at] = f | (bary[i] << 16) | (bary[n + i] << 24);
      s[at + 1] = (o[0] & 65535) | (o[1] << 16);
      s[at + 2] = o[2] & 65535;
      for (let k = 0; k < 4; k++) s[at + 3] |= (quats[k * n + i] & 255) << (8 * k);
      s[at + 4] = colors[i] | (colors[n + i] << 8) | (colors[2 * n + i] << 16) | (opacities[i] << 24);
      s[at + 5] = sizes[i] | (sizes[n + i] << 8) | (sizes[2 * n + i] << 16) | (kind[i] << 24);
      if (kind[i]) {
        s[at + 6] = coefficients[taken] | (coefficients[taking + taken] << 16);
        s[at + 7] = coefficients[2 * taking + taken++] | ((kind[i] > 1 && kind[i] < 6 ? lid++ : 0) << 16);
      }
      face[i] = f;
      for (let k = 0; k < 2; k++) places[2 * i + k] = inside.low + inside.step * bary[k * n + i];
      for (let k = 0; k < 3; k++) offsets[3 * i + k] = o[k] * this.offsetStep;
    }
    this.lidCount = lids.length / 3;
    this.lidColors = new Uint32Array(this.lidCount);
    for (let j = 0; j < this.lidCount; j++) {
      this.lidColors[j] = lids[j] | (lids[this.lidCount + j] << 8) | (lids[2 * this.lidCount + j] << 16);
    }
    this.still = { corners: this.corners, frames: this.frames, face, bary: places, offsets, opacities };
  }

  // Takes in the arrays of one more section; returns [name, rows] of the parts that paint.
  learn(arrays) {
    const learnt = [];
    for (const [name, array] of arrays) if (name.startsWith("rows.")) this.rows.set(name.slice(5), listed(array.stored));
    for (const part of this.parts_of_space.values()) {
      const move = arrays.get(`${part.name}.move`);
      if (move) this.poser.learn(part.name, arrays.get(`${part.name}.move.which`), move);
      const painted = ["color", "opacity", "log_scale"].map((kind) => arrays.get(`${part.name}.${kind}`));
      if (painted.some((x) => x)) {
        const rows = this.rows.get(String(part.rows));
        this.parts.set(part.name, this.#part(part, rows, painted, arrays.get(`${part.name}.lids`), arrays.get(`${part.name}.takes_off`)));
        learnt.push([part.name, rows]);
      }
    }
    return learnt;
  }

  // One vertex for each row: its number, for each term three bytes of colour, one of opacity, one of size, and a byte of hair that is taken off.
  #part({ terms }, rows, [color, opacity, growth], lids, off) {
    const n = rows.length, extra = lids ? this.lidCount : 0, stride = terms === 1 ? 12 : 16;
    const vertices = new ArrayBuffer(stride * (n + extra)), numbers = new Uint32Array(vertices), bytes = new Int8Array(vertices);
    const colorStep = color?.step ?? lids?.step ?? 1, same = lids ? lids.step / colorStep : 1;
    for (let i = 0; i < n + extra; i++) {
      numbers[(stride / 4) * i] = i < n ? rows[i] : this.count + i - n;
      if (off && i < n) bytes[stride * i + 4 + 5 * terms] = off.stored[i];
      for (let t = 0; t < terms; t++) {
        const at = stride * i + 4 + 5 * t;
        for (let k = 0; k < 3; k++) {
          bytes[at + k] = i < n ? color?.stored[(3 * t + k) * n + i] ?? 0 : Math.round(same * lids.stored[(3 * t + k) * extra + i - n]);
        }
        if (i < n) {
          bytes[at + 3] = opacity?.stored[t * n + i] ?? 0;
          bytes[at + 4] = growth?.stored[t * n + i] ?? 0;
        }
      }
    }
    return { vertices, stride, terms, count: n + extra, steps: [colorStep, opacity?.step ?? 1, growth?.step ?? 1] };
  }
}
