// Motions: what is added to the controls, moment by moment.

const EDITS = ["attributes", "styles", "latents"];

// Controls with a motion's moment added to them.
export function overlaid(controls, moment) {
  const out = { ...controls, expression: { ...controls.expression } };
  for (const [name, value] of Object.entries(moment)) {
    if (name === "expression") for (const [k, v] of Object.entries(value)) out.expression[k] = Math.min(1, (out.expression[k] || 0) + v);
    else if (name === "neutralise") out.neutralise = Math.max(out.neutralise || 0, value);
    else if (name === "zoom") out.zoom = (out.zoom ?? 1) * value;
    else if (name !== "detail") out[name] = (out[name] || 0) + value;
  }
  return out;
}

// Every number in a value of plain objects and arrays, times a share.
function scaled(value, share) {
  if (typeof value === "number") return share * value;
  if (Array.isArray(value)) return value.map((x) => scaled(x, share));
  return Object.fromEntries(Object.entries(value).map(([k, x]) => [k, scaled(x, share)]));
}

// Controls whose edits are there by so much.
export const faded = (controls, share) => ({ ...controls, ...Object.fromEntries(EDITS.map((k) => [k, scaled(controls[k] || {}, share)])) });

// A motion {fps, frames, sweeps, moves} on top of controls, at so many seconds; one that sweeps fades the edits in and out. moves: the
// displacements of which a frame's `detail` has amounts, as perse/live/curves.py tells them.
export function moved(controls, { fps, frames, sweeps, moves }, seconds) {
  const at = (seconds * fps) % frames.length, phase = at / frames.length, frame = frames[Math.floor(at)];
  const out = overlaid(sweeps ? faded(controls, 0.5 - 0.5 * Math.cos(2 * Math.PI * phase)) : controls, frame);
  return frame.detail ? { ...out, detail: { ...moves, amounts: frame.detail } } : out;
}
