// The look: a Controls value, exactly as Python reads it, with undo, redo, mixing and chance.
(() => {
  const SOFT = 0.15; // share of the camera's whole range, before each end, in which it gives way
  const GROUPS = ["attributes", "styles", "latents", "expression"];
  const copy = (value) => JSON.parse(JSON.stringify(value));
  const empty = () => copy(perse.settings.look);

  function mixed(a, b, t, neutral = 0) {
    if (typeof (a ?? b) === "object") {
      const [p, q] = [a ?? {}, b ?? {}];
      if (Array.isArray(a ?? b)) {
        return Array.from({ length: Math.max(p.length ?? 0, q.length ?? 0) }, (_, i) => mixed(p[i], q[i], t));
      }
      return Object.fromEntries([...new Set([...Object.keys(p), ...Object.keys(q)])].map((k) => [k, mixed(p[k], q[k], t)]));
    }
    return (1 - t) * (a ?? neutral) + t * (b ?? neutral);
  }

  const look = {
    value: empty(),
    marks: { A: null, B: null },
    past: [],
    future: [],
    listeners: [],

    json() { return JSON.stringify(this.value); },

    // Tell everyone. settled: the end of a change (for undo); redraw: controls must follow the value.
    changed({ redraw = false } = {}) { this.listeners.forEach((f) => f(redraw)); },

    // Change the value in place by `edit(value)`; call `commit` once the visitor lets go.
    edit(edit) { edit(this.value); this.changed(); },

    commit() {
      const now = this.json();
      if (this.past[this.past.length - 1] !== now) {
        this.past.push(now);
        if (this.past.length > 100) this.past.shift();
        this.future = [];
        this.changed({ redraw: true });
      }
    },

    replace(value) { this.value = Object.assign(empty(), copy(value)); this.changed({ redraw: true }); this.commit(); },

    start() {
      this.value = empty();
      this.past = [this.json()];
      this.future = [];
      this.marks = { A: null, B: null };
      this.changed({ redraw: true });
    },

    step(from, to) {
      if (from === this.past ? from.length < 2 : !from.length) return;
      const moved = from.pop();
      to.push(moved);
      this.value = JSON.parse(from === this.past ? from[from.length - 1] : moved);
      this.changed({ redraw: true });
    },
    undo() { this.step(this.past, this.future); },
    redo() { this.step(this.future, this.past); },

    resetCategory(category) {
      for (const axis of Object.keys(perse.info.categories[category].axes)) delete this.value.attributes[axis];
      delete this.value.styles[category];
      delete this.value.latents[category];
    },
    resetExpression() { this.value.expression = {}; },
    resetHead() { for (const a of ["head_yaw", "head_pitch", "head_roll", "gaze_yaw", "gaze_pitch"]) this.value[a] = perse.settings.look[a]; },
    resetCamera() { for (const a of ["yaw", "pitch", "roll", "zoom"]) this.value[a] = perse.settings.look[a]; },

    // The camera turned by so many degrees and brought nearer by a factor, within what it may do. Towards its limits it gives less and less.
    moveCamera({ yaw = 0, pitch = 0, nearer = 1 }) {
      const within = (x, [low, high]) => Math.min(high, Math.max(low, x));
      const eased = (x, step, [low, high]) => {
        const room = (step > 0 ? high - x : x - low) / (SOFT * (high - low));
        return within(x + step * Math.min(1, Math.max(room, 0.05)), [low, high]);
      };
      const { camera, ranges } = perse.settings;
      this.edit((v) => {
        v.yaw = eased(v.yaw, yaw, camera.yaw);
        v.pitch = eased(v.pitch, pitch, camera.pitch);
        v.zoom = within(v.zoom * nearer, ranges.zoom);
      });
    },

    // The person as in the photo, seen from where the visitor looks now.
    original() {
      const { yaw, pitch, roll, zoom } = this.value;
      return JSON.stringify({ yaw, pitch, roll, zoom });
    },

    touched(category) {
      const axes = Object.keys(perse.info.categories[category].axes);
      const styles = Object.values(this.value.styles[category] ?? {});
      return axes.some((a) => this.value.attributes[a]) || styles.some((v) => v) || !!this.value.latents[category];
    },

    morph(t) {
      const [a, b] = [this.marks.A, this.marks.B];
      this.value = mixed(a, b, t);
      this.changed({ redraw: true });
    },

    // Chance, as Python's sampler draws it: a whole look, or one category of it.
    async surprise(category = "") {
      try {
        const seed = Math.floor(Math.random() * perse.settings.seeds[1]);
        const drawn = await (await perse.ask(`random/${perse.token}`, { seed, category })).json();
        if (category) {
          this.resetCategory(category);
          Object.assign(this.value.attributes, drawn.attributes);
        } else {
          GROUPS.forEach((g) => { this.value[g] = drawn[g]; });
        }
        this.changed({ redraw: true });
        this.commit();
      } catch (error) {
        perse.toast(error.message);
      }
    },
  };
  perse.look = look;
})();
