// Poses the control mesh: shapes, jaw, teeth, eyes, neck. The same as `perse.rig.rig.Poser`, on a few thousand vertices.

import { listed } from "./live_file.js";
import { add, dot, norm, rotation, sub, times, turned } from "./vectors.js";

const RADIANS = Math.PI / 180;

// Displacements of some vertices: which (m), and by what (terms, 3, m).
class Move {
  constructor(which, array) {
    this.which = listed(which.stored);
    this.terms = array.shape[0];
    this.by = array.values();
  }

  add(out, powers) {
    const m = this.which.length;
    for (let t = 0; t < this.terms; t++) {
      for (let c = 0; c < 3; c++) {
        const start = (3 * t + c) * m, power = powers[t];
        for (let k = 0; k < m; k++) out[3 * this.which[k] + c] += power * this.by[start + k];
      }
    }
  }
}

export class Poser {
  constructor(head, arrays) {
    const planes = arrays.get("mesh.vertices").values(), count = head.vertices;
    this.head = head;
    this.rest = new Float32Array(3 * count);
    for (let v = 0; v < count; v++) for (let c = 0; c < 3; c++) this.rest[3 * v + c] = planes[c * count + v];
    this.jaw = arrays.get("mesh.jaw").values();
    this.carried = arrays.get("mesh.head").values();
    this.index = new Map(head.shapes.map((name, i) => [name, i]));
    this.shapes = head.shapes.map((name) => new Move(arrays.get(`shape.${name}.which`), arrays.get(`shape.${name}`)));
    this.neutral = new Map(head.neutral.map((n) => [n, new Move(arrays.get(`neutral.${n}.which`), arrays.get(`neutral.${n}`))]));
    const part = arrays.get("mesh.vertex_part").stored;
    this.eyes = ["right", "left"].map((side, k) => {
      const number = head.parts.indexOf(`eye_${side}`), vertices = [];
      part.forEach((p, v) => p === number && vertices.push(v));
      return { side, vertices, centre: head.eye_centres[k], outward: side === "right" ? 1 : -1 };
    });
    this.moves = new Map();
  }

  // What an axis moves, once its section is here.
  learn(name, which, array) {
    this.moves.set(name, new Move(which, array));
  }

  // Vertices (3 V) in the pose of `controls`, with weights of the shapes and `moves`, as controls.js gives both.
  pose(controls, weights, moves) {
    const base = this.rest.slice(), amount = controls.neutralise || 0;
    for (const { name, powers } of moves) this.moves.get(name)?.add(base, powers);
    const asked = Object.entries(this.head.lets_go).reduce((sum, [name, share]) => sum + share * weights[this.index.get(name)], 0);
    // What moves the mouth's landmarks one by one tells it exactly.
    const x = controls.detail?.amounts ? 0 : Math.min(1, Math.max(0, asked)), letGo = x * x * (3 - 2 * x);
    for (const [name, move] of this.neutral) {
      const eye = () => amount * (1 - weights[this.index.get(`eye_blink_${name.slice(4)}`)]);
      const share = name === "serious" ? letGo : name === "mouth" ? amount * (1 - letGo) : eye();
      if (share) move.add(base, [share]);
    }
    this.#detail(base, controls.detail);
    const out = base.slice();
    weights.forEach((weight, i) => Math.abs(weight) > 1e-6 && this.shapes[i].add(out, [weight]));
    this.#tongue(out, weights[this.index.get("tongue_out")]);
    this.#jaw(out, (name) => weights[this.index.get(name)]);
    this.#teeth(out);
    this.#eyes(out, base, controls, (name) => weights[this.index.get(name)]);
    this.#neck(out, controls);
    return out;
  }

  // Displacements that a motion brings along: {step, which, by, amounts}. A list of all landmarks' own is not drawn here.
  #detail(out, detail) {
    detail?.amounts?.forEach((amount, k) => {
      const share = amount * detail.step, by = detail.by[k];
      detail.which.forEach((v, i) => { for (let c = 0; c < 3; c++) out[3 * v + c] += share * by[3 * i + c]; });
    });
  }

  // On its way out the tongue goes over lower teeth and lip. Files of before do not say how.
  #tongue(out, weight) {
    const { tongue, lower_teeth: { lip, edge } } = this.head.joints;
    if (!tongue || !weight) return;
    const above = Math.max(0, out[3 * edge + 1] - out[3 * lip + 1]);
    tongue.vertices.forEach((v, k) => (out[3 * v + 1] -= (1 - Math.abs(2 * weight - 1) ** 3) * (tongue.over[k] + tongue.comes[k] * above)));
  }

  #jaw(out, weight) {
    const { hinge, angle, slide } = this.head.joints.jaw, opening = weight("jaw_open") * angle;
    const by = [(weight("jaw_left") - weight("jaw_right")) * slide, 0, -weight("jaw_forward") * slide];
    if (!opening && !by[0] && !by[2]) return;
    const cos = Math.cos(opening), sin = Math.sin(opening);
    for (let v = 0; v < this.jaw.length; v++) {
      const share = this.jaw[v], y = out[3 * v + 1] - hinge[1], z = out[3 * v + 2] - hinge[2];
      if (!share) continue;
      out[3 * v] += share * by[0];
      out[3 * v + 1] += share * (cos * y - sin * z - y);
      out[3 * v + 2] += share * (sin * y + cos * z - z + by[2]);
    }
  }

  // Lower teeth and tongue follow a lip that goes down farther than gums are high.
  #teeth(out) {
    const { vertices, follow, lip, edge, slack } = this.head.joints.lower_teeth;
    const down = Math.max(0, out[3 * lip + 1] - out[3 * edge + 1] - slack);
    if (down) vertices.forEach((v, k) => (out[3 * v + 1] += follow[k] * down));
  }

  #eyes(out, base, controls, weight) {
    const { look, limit } = this.head.joints.eyes, held = (x, most) => Math.min(most, Math.max(-most, x));
    for (const { side, vertices, centre, outward } of this.eyes) {
      let yaw = (weight(`eye_look_out_${side}`) - weight(`eye_look_in_${side}`)) * look * outward + (controls.gaze_yaw || 0) * RADIANS;
      let pitch = (weight(`eye_look_down_${side}`) - weight(`eye_look_up_${side}`)) * look;
      [yaw, pitch] = [held(yaw, limit[0]), held(pitch, limit[1])];
      if (!yaw && !pitch) continue;
      let middle = [0, 0, 0];
      for (const v of vertices) for (let c = 0; c < 3; c++) middle[c] += base[3 * v + c] - this.rest[3 * v + c];
      middle = add(centre, times(middle, 1 / vertices.length));
      const turn = rotation(yaw, pitch, 0);
      for (const v of vertices) out.set(add(turned(turn, sub(out.subarray(3 * v, 3 * v + 3), middle)), middle), 3 * v);
    }
  }

  // The head and the body about the neck, each with the vertices that it carries.
  #neck(out, controls) {
    const pose = (who) => ["yaw", "pitch", "roll", "x", "y", "z"].map((k) => controls[`${who}_${k}`] || 0);
    const head = pose("head"), body = pose("body"), { pivot } = this.head.joints.neck;
    if (![...head, ...body].some((x) => x)) return;
    const turns = [head, body].map((p) => rotation(...p.slice(0, 3).map((x) => x * RADIANS)));
    const shifts = [head.slice(3), add(body.slice(3), this.#pull(turns, head.slice(3), body.slice(3)))];
    for (let v = 0; v < this.carried.length; v++) {
      const from = sub(out.subarray(3 * v, 3 * v + 3), pivot), share = this.carried[v];
      const [up, down] = [0, 1].map((k) => add(turned(turns[k], from), shifts[k]));
      for (let c = 0; c < 3; c++) out[3 * v + c] = pivot[c] + down[c] + share * (up[c] - down[c]);
    }
  }

  // How far the head pulls the body along, beyond what a neck gives.
  #pull([headTurn, bodyTurn], headShift, bodyShift) {
    const { pivot, lower, upper, length, lean } = this.head.joints.neck, long = norm(sub(upper, lower));
    const ends = sub(turned(headTurn, sub(upper, pivot)), turned(bodyTurn, sub(lower, pivot)));
    const bone = add(ends, sub(headShift, bodyShift)), axis = turned(bodyTurn, times(sub(upper, lower), 1 / long));
    const along = dot(bone, axis), aside = sub(bone, times(axis, along)), out = Math.max(norm(aside), 1e-6);
    const [low, high] = length.map((share) => share * long), upright = Math.max(along, low / Math.sqrt(1 + lean * lean));
    const bent = add(times(axis, upright), times(aside, Math.min(1, (lean * upright) / out))), reach = norm(bent);
    if (out <= lean * along && reach >= low && reach <= high) return [0, 0, 0];
    return sub(bone, times(bent, Math.min(high, Math.max(low, reach)) / reach));
  }
}
