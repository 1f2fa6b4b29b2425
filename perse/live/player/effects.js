// What a pose asks of the colours that depend on it, as a few numbers; shaders.js has the formulas. Python's side: perse/avatar/appearance.

import { add, cross, dot, mean, norm, sub, times, unit } from "./vectors.js";

const clamp = (x) => Math.min(1, Math.max(0, x));
const smooth = (x) => x * x * (3 - 2 * x);

// Places of points in a plane: along it, up, alternately. x never falls, as what is looked up between two of them must not.
function across(points, origin, along, up) {
  let most = -Infinity;
  return points.flatMap((p) => {
    const from = sub(p, origin);
    most = Math.max(most, dot(from, along));
    return [most, dot(from, up)];
  });
}

export class Effects {
  constructor(head) {
    this.constants = head.effects;
    this.index = new Map(head.shapes.map((name, i) => [name, i]));
  }

  // {opening, eyes: {right, left}, mouth}; what is null changes nothing.
  of(weights, vertices) {
    const at = (v) => [vertices[3 * v], vertices[3 * v + 1], vertices[3 * v + 2]];
    const { eyes, mouth } = this.constants, weight = (name) => weights[this.index.get(name)];
    return {
      opening: weight("jaw_open"),
      eyes: { right: eyes.right && this.#eye(eyes.right, weight, at), left: eyes.left && this.#eye(eyes.left, weight, at) },
      mouth: mouth && this.#mouth(mouth, at),
    };
  }

  #eye(eye, weight, at) {
    const closed = Object.entries(eye.closing).reduce((sum, [name, share]) => sum + share * weight(name), 0);
    const lid = smooth(clamp(closed / eye.all_skin));
    const shut = smooth(clamp((closed - eye.ball_hidden[0]) / (eye.ball_hidden[1] - eye.ball_hidden[0])));
    const edges = eye.edges.map(at), pole = at(eye.pole), half = edges.length / 2;
    const change = Math.max(...edges.map((p, k) => Math.abs(norm(sub(p, pole)) - eye.rest[k])));
    const centre = times(add(times(pole, eye.share), mean(eye.ring.map(at))), 1 / (1 + eye.share));
    const [upper, lower] = [edges.slice(0, half), edges.slice(half)];
    const forward = unit(sub(times(add(mean(upper), mean(lower)), 0.5), centre));
    const length = sub(upper[half - 1], upper[0]), along = unit(sub(length, times(forward, dot(length, forward))));
    const up = times(cross(along, forward), eye.toward_inner);
    // Between the corners of the lids the ball is not all behind one or the other.
    const curve = (points) => {
      const places = points.flatMap((p) => [dot(sub(p, centre), along), dot(sub(p, centre), up)]), last = places.length - 2;
      const grown = eye.corner * (places[last] - places[0]);
      places[0] -= grown;
      places[last] += grown;
      for (let k = 2; k <= last; k += 2) places[k] = Math.max(places[k], places[k - 2]);
      return places;
    };
    return { lid, shut, moved: clamp((change - eye.still) / eye.still), centre, along, up, edges: [...curve(upper), ...curve(lower)] };
  }

  #mouth(mouth, at) {
    const lips = mouth.lips.map(at), half = lips.length / 2, [upper, lower] = [lips.slice(0, half), lips.slice(half)];
    const corner = upper[0], width = norm(sub(upper[0], upper[half - 1]));
    const gap = Math.max(...upper.map((p, k) => norm(sub(p, lower[k])))) / Math.max(width, 1e-6);
    const open = clamp((gap - mouth.shut) / (mouth.wide - mouth.shut)), closed = clamp(1 - gap / mouth.shut);
    const falls = mouth.shade + (1 - mouth.shade) * Math.max(closed, smooth(open));
    const along = times(sub(upper[half - 1], corner), 1 / Math.max(width, 1e-6)), drop = sub(mean(lower), mean(upper));
    const down = unit(sub(drop, times(along, dot(drop, along))));
    const edges = [...across(upper, corner, along, down), ...across(lower, corner, along, down)];
    const out = smooth(clamp((gap - mouth.gap) / mouth.in_light));
    return { light: Math.min(1, falls / mouth.usual), out, corner, along, down, edges };
  }
}
