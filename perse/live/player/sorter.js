// Sorts Gaussians back to front, in a worker: the only JavaScript that looks at each of them. Self-contained, as its source is its file.

export function sorterSource() {
  let still, seen, order, keys, depths;
  const starts = new Uint32Array(65537), parts = new Map();

  function show(names) {
    const rest = still.opacities;
    for (let i = 0; i < seen.length; i++) seen[i] = rest[i] > 0 ? 1 : 0;
    for (const name of names) for (const row of parts.get(name) || []) seen[row] = 1;
  }

  // What is beside a triangle moves with it: the view's axis as the triangle sees it, and how far its corners are along it.
  function sort(vertices, [x, y, z, w]) {
    const { corners, frames, face, bary, offsets, opacities } = still, triangles = corners.length / 3;
    const along = new Float32Array(4 * triangles), far = new Float32Array(vertices.length / 3);
    for (let v = 0; v < far.length; v++) far[v] = x * vertices[3 * v] + y * vertices[3 * v + 1] + z * vertices[3 * v + 2] + w;
    for (let f = 0; f < triangles; f++) {
      const a = 3 * corners[3 * f], b = 3 * corners[3 * f + 1], c = 3 * corners[3 * f + 2], r = 8 * f;
      let e0 = vertices[b] - vertices[a], e1 = vertices[b + 1] - vertices[a + 1], e2 = vertices[b + 2] - vertices[a + 2];
      const d0 = vertices[c] - vertices[a], d1 = vertices[c + 1] - vertices[a + 1], d2 = vertices[c + 2] - vertices[a + 2];
      let n0 = e1 * d2 - e2 * d1, n1 = e2 * d0 - e0 * d2, n2 = e0 * d1 - e1 * d0;
      const long = Math.max(Math.sqrt(e0 * e0 + e1 * e1 + e2 * e2), 1e-9), area = Math.max(Math.sqrt(n0 * n0 + n1 * n1 + n2 * n2), 1e-12);
      e0 /= long; e1 /= long; e2 /= long; n0 /= area; n1 /= area; n2 /= area;
      const e = x * e0 + y * e1 + z * e2, n = x * n0 + y * n1 + z * n2;
      const s = x * (n1 * e2 - n2 * e1) + y * (n2 * e0 - n0 * e2) + z * (n0 * e1 - n1 * e0);
      const [r0, r1, r2, , m0, m1, m2] = [frames[r], frames[r + 1], frames[r + 2], 0, frames[r + 4], frames[r + 5], frames[r + 6]];
      along[4 * f] = e * r0 + s * (m1 * r2 - m2 * r1) + n * m0;
      along[4 * f + 1] = e * r1 + s * (m2 * r0 - m0 * r2) + n * m1;
      along[4 * f + 2] = e * r2 + s * (m0 * r1 - m1 * r0) + n * m2;
      along[4 * f + 3] = Math.min(2.5, Math.max(0.35, Math.sqrt(0.5 * area) / Math.max(frames[r + 3], 1e-9)));
    }
    let low = Infinity, high = -Infinity, count = 0;
    for (let i = 0; i < seen.length; i++) {
      if (!seen[i]) continue;
      const f = face[i], a = bary[2 * i], b = bary[2 * i + 1], grown = opacities[i] ? along[4 * f + 3] : 1;
      const beside = along[4 * f] * offsets[3 * i] + along[4 * f + 1] * offsets[3 * i + 1] + along[4 * f + 2] * offsets[3 * i + 2];
      const depth = a * far[corners[3 * f]] + b * far[corners[3 * f + 1]] + (1 - a - b) * far[corners[3 * f + 2]] + grown * beside;
      depths[i] = depth;
      if (depth < low) low = depth;
      if (depth > high) high = depth;
      count++;
    }
    // A counting sort over 65536 depths.
    const scale = 65535 / Math.max(high - low, 1e-9);
    starts.fill(0);
    for (let i = 0; i < seen.length; i++) {
      if (!seen[i]) continue;
      keys[i] = (high - depths[i]) * scale;
      starts[keys[i] + 1]++;
    }
    for (let k = 0; k < 65536; k++) starts[k + 1] += starts[k];
    for (let i = 0; i < seen.length; i++) if (seen[i]) order[starts[keys[i]]++] = i;
    return count;
  }

  onmessage = ({ data }) => {
    if (data.still) {
      still = data.still;
      const count = still.face.length;
      [seen, keys, depths] = [new Uint8Array(count), new Uint16Array(count), new Float32Array(count)];
      show([]);
    } else if (data.part) {
      parts.set(data.part, data.rows);
    } else {
      order = data.order;
      if (data.shown) show(data.shown);
      const started = performance.now(), count = sort(data.vertices, data.axis);
      postMessage({ order, count, took: performance.now() - started }, [order.buffer]);
    }
  };
}

export function sorter() {
  const url = URL.createObjectURL(new Blob([`(${sorterSource})()`], { type: "text/javascript" }));
  const worker = new Worker(url);
  URL.revokeObjectURL(url);
  return worker;
}
