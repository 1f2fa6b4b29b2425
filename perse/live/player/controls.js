// What `Controls` (a plain object, every field may be missing) come to: weights of the shapes, and powers of the parts of the latent space.

const SIDES = ["left", "right"];

// Float32Array of weights, one for each of head.shapes, of named expressions; eyes that look up or down take their lids along.
export function shapeWeights(head, controls) {
  const out = new Float32Array(head.shapes.length), index = new Map(head.shapes.map((name, i) => [name, i]));
  const add = (name, value) => {
    if (index.has(name)) out[index.get(name)] += value;
  };
  for (const [name, value] of Object.entries(controls.expression || {})) {
    for (const [part, share] of Object.entries(head.composites[name] || { [name]: 1 })) add(part, share * value);
    for (const [part, share] of Object.entries(head.composites_wide[name] || {})) add(part, share * Math.max(value, 0) ** 2);
  }
  const at = (name) => index.get(name);
  for (let i = 0; i < out.length; i++) out[i] = Math.min(1, Math.max(0, out[i]));
  // Antagonists share one lid, and a lower lip rises only as far as the jaw has dropped.
  for (const side of SIDES) {
    const open = 1 - out[at(`eye_blink_${side}`)];
    for (const lid of ["eye_squint", "eye_wide", "eye_look_down", "eye_look_up"]) out[at(`${lid}_${side}`)] *= open;
  }
  out[at("mouth_close")] = Math.min(out[at("mouth_close")], out[at("jaw_open")]);
  const look = (controls.gaze_pitch || 0) / head.joints.eyes.lid_range;
  for (const side of SIDES) {
    const lid = at(`eye_look_${look > 0 ? "down" : "up"}_${side}`), follow = Math.abs(look) * (1 - out[at(`eye_blink_${side}`)]);
    if (follow > 0) out[lid] = Math.min(1, out[lid] + follow);
  }
  return out;
}

// The category in which a style is found today: looks may name one that has become several.
function homeOf(head, category, style) {
  const names = [category, ...(head.former?.split[category] || [])];
  return names.map((name) => head.categories.find((c) => c.name === name)).find((c) => c?.styles.some((s) => s.name === style));
}

// A raw latent vector as a list of [category, values]: one as long as all that its category has become is of the time before.
function latentParts(head, category, values) {
  const { split, shorter } = head.former || { split: {}, shorter: {} };
  const long = new Map(head.categories.map((c) => [c.name, c.axes.length]));
  const homes = (split[category] || []).filter((name) => long.has(name)), before = (name) => Math.min(shorter[name] ?? Infinity, long.get(name));
  const whole = homes.reduce((sum, name) => sum + before(name), 0);
  if (homes.length < 2 || values.length !== whole || values.length === long.get(category)) return [[category, values]];
  let at = 0;
  return homes.map((name) => [name, values.slice(at, (at += before(name)))]);
}

// Map of category -> Float32Array: its latent, attributes, styles and latents added up within the axes' ranges, as
// `perse.avatar.state.latents_of` does it.
export function latentsOf(head, controls) {
  const all = new Map(head.categories.map((c) => [c.name, new Float32Array(c.axes.length)])), out = new Map();
  for (const [category, styles] of Object.entries(controls.styles || {})) {
    for (const [name, amount] of Object.entries(styles)) {
      const home = homeOf(head, category, name), style = home?.styles.find((s) => s.name === name);
      home?.axes.forEach((axis, k) => (all.get(home.name)[k] += amount * (style.at[axis.name] || 0)));
    }
  }
  for (const [former, whole] of Object.entries(controls.latents || {})) {
    for (const [category, values] of latentParts(head, former, whole)) values.forEach((value, k) => all.has(category) && (all.get(category)[k] += value));
  }
  for (const category of head.categories) {
    const z = all.get(category.name);
    category.axes.forEach((axis, k) => (z[k] = Math.min(1, Math.max(axis.low, z[k] + ((controls.attributes || {})[axis.name] || 0)))));
    if (z.some((x) => x !== 0)) out.set(category.name, z);
  }
  return out;
}

// How far along its pace an axis is.
function paced(pace, z) {
  const last = pace.length - 1, at = Math.abs(z) * last, k = Math.min(Math.floor(at), last - 1);
  return Math.sign(z) * (pace[k] + (at - k) * (pace[k + 1] - pace[k]));
}

// What of the latent space is there: paints, a list of {name, powers: [first, second], whole, dyes: whether it colours hair, off: how much of the
// hair that it may take off is taken off}, and moves, a list of {name, powers}.
export function partsOf(head, controls) {
  const parts = new Map(head.parts_of_space.map((part) => [part.name, part]));
  const paints = new Map(), moves = [];
  for (const [name, z] of latentsOf(head, controls)) {
    const category = head.categories.find((c) => c.name === name);
    const there = category.axes.map((axis, k) => ({ axis, z: z[k] })).filter(({ axis, z }) => z !== 0 && parts.has(axis.name));
    for (const { axis, z } of there) {
      const part = parts.get(axis.name);
      moves.push({ name: axis.name, powers: [z, z * z] });
      if (!part.paints) continue;
      const u = part.terms === 1 ? z : paced(part.pace, z);
      const powers = [u, part.terms === 1 ? 0 : u * u], off = Math.min(1, Math.max(0, z));
      paints.set(axis.name, { name: axis.name, powers, whole: 0, dyes: !!part.dyes, off });
    }
    mixed(head, parts, there, paints);
  }
  return { paints: [...paints.values()], moves };
}

// Between two things that grow each is there as a whole and faint, and a middle may be known: perse/avatar/latent_space.py says why.
function mixed(head, parts, there, paints) {
  const most = new Map();
  for (let i = 0; i < there.length; i++) {
    for (let j = i + 1; j < there.length; j++) {
      const one = there[i], other = there[j], total = one.z + other.z, middle = `${one.axis.name}__${other.axis.name}`;
      const growing = one.axis.brings && other.axis.brings ? [one, other].filter((x) => x.axis.grows) : [];
      if (Math.min(one.z, other.z) <= 0 || total >= 2 || !(growing.length || parts.has(middle))) continue;
      const together = total ** 2 * (2 - total) ** 2;
      const share = together * (1 - (1 - (4 * one.z * other.z) / total ** 2) ** 2);
      for (const { axis } of growing) most.set(axis.name, Math.max(share, most.get(axis.name) || 0));
      if (parts.has(middle)) paints.set(middle, { name: middle, powers: [4 * one.z * other.z * together, 0], whole: 0, dyes: false, off: 0 });
    }
  }
  for (const { axis, z } of there) {
    const paint = paints.get(axis.name), share = most.get(axis.name);
    if (!paint || share === undefined) continue;
    paint.powers = paint.powers.map((x) => (1 - share) * x);
    paint.whole = share * z ** head.fainter;
  }
}
