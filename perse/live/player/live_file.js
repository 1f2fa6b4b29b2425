// Reads a live file (docs/live_format.md) from a stream, section by section: a picture is possible long before its end.

const KINDS = { u8: Uint8Array, i8: Int8Array, u16: Uint16Array, i16: Int16Array };

export class StoredArray {
  constructor(stored, shape, low, step) {
    Object.assign(this, { stored, shape, low, step });
  }

  // Numbers as they are meant.
  values() {
    return Float32Array.from(this.stored, (x) => this.low + this.step * x);
  }
}

async function inflated(bytes, size) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const out = new Uint8Array(size), reader = stream.getReader();
  for (let at = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) {
      if (at !== size) throw new Error("This live avatar is damaged.");
      return out;
    }
    if (at + value.length > size) throw new Error("This live avatar is damaged.");
    out.set(value, at);
    at += value.length;
  }
}

// Two-byte numbers are stored as all low bytes, then all high ones.
function unpacked(bytes, kind) {
  const Kind = KINDS[kind];
  if (Kind.BYTES_PER_ELEMENT === 1) return new Kind(bytes.buffer, bytes.byteOffset, bytes.length).slice();
  const count = bytes.length / 2, out = new Kind(count);
  for (let i = 0; i < count; i++) out[i] = bytes[i] | (bytes[count + i] << 8);
  return out;
}

// Yields {head, arrays, section} for every section after the description; arrays: name -> StoredArray of that section.
export async function* readLive(stream) {
  const reader = stream.getReader();
  let held = new Uint8Array(0);
  const take = async (count) => {
    const pieces = [held];
    let size = held.length;
    while (size < count) {
      const { done, value } = await reader.read();
      if (done) throw new Error("This live avatar ends too early.");
      pieces.push(value);
      size += value.length;
    }
    const all = new Uint8Array(size);
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    held = all.subarray(count);
    return all.subarray(0, count);
  };
  const number = (bytes, at) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
  const start = await take(16);
  if (String.fromCharCode(...start.subarray(0, 8)) !== "PERSELIV") throw new Error("This file is not a live avatar.");
  if (number(start, 8) > 1) throw new Error("This live avatar was saved by a newer PERSE.");
  const count = number(start, 12), sizes = await take(8 * count);
  const section = async (k) => inflated(await take(number(sizes, 8 * k + 4)), number(sizes, 8 * k));
  const head = JSON.parse(new TextDecoder().decode(await section(0)));
  for (let k = 1; k < count; k++) {
    const raw = await section(k), arrays = new Map();
    let at = 0;
    for (const [name, where, kind, shape, low, step] of head.arrays) {
      if (where !== k) continue;
      const size = shape.reduce((a, b) => a * b, 1) * KINDS[kind].BYTES_PER_ELEMENT;
      arrays.set(name, new StoredArray(unpacked(raw.subarray(at, at + size), kind), shape, low, step));
      at += size;
    }
    yield { head, arrays, section: k };
  }
}

// Indices of the bits that are set.
export function listed(mask) {
  const out = [];
  for (let i = 0; i < 8 * mask.length; i++) if ((mask[i >> 3] >> (i & 7)) & 1) out.push(i);
  return Uint32Array.from(out);
}
