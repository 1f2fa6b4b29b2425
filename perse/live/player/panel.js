// The controls beside the head: expressions, head and eyes, every category's styles and sliders, ready-made motions. It changes one plain
// `Controls` object and tells whoever listens.

import { moved } from "./motion.js";

const POSES = [
  ["head_yaw", "Turn"], ["head_pitch", "Nod"], ["head_roll", "Tilt"], ["gaze_yaw", "Eyes sideways"], ["gaze_pitch", "Eyes down"],
];

function element(tag, attributes = {}, ...children) {
  const out = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in out) out[name] = value;
    else out.setAttribute(name, value);
  }
  out.append(...children);
  return out;
}

const words = (name) => name.replaceAll("_", " ").replace(/^./, (c) => c.toUpperCase());

export class Panel {
  // motions: [{name, label, fps, frames: [Controls that are added]}]; change(): called after every change of `controls`.
  constructor(place, head, motions, controls, change) {
    Object.assign(this, { head, controls, change, sliders: [] });
    const sections = [this.#motions(motions), this.#expressions(), this.#pose(), ...head.categories.map((c) => this.#category(c))];
    const reset = element("button", { type: "button", className: "reset", textContent: "Reset all" });
    reset.onclick = () => this.reset();
    place.append(...sections.filter((s) => s), reset);
    this.show();
  }

  reset() {
    this.#play(null);
    const { yaw, pitch, zoom } = this.controls;
    for (const name of Object.keys(this.controls)) delete this.controls[name];
    Object.assign(this.controls, { yaw, pitch, zoom });
    this.show();
    this.change();
  }

  // Every slider where the controls have it.
  show() {
    for (const { input, get } of this.sliders) input.value = get();
    for (const chip of document.querySelectorAll("[data-style]")) {
      const [category, style] = chip.dataset.style.split("/");
      chip.ariaPressed = String(Boolean(this.controls.styles?.[category]?.[style]));
    }
  }

  // The controls as a running motion has them now.
  moved(now) {
    return this.playing ? moved(this.controls, this.playing, (now - this.since) / 1000) : { ...this.controls };
  }

  #section(title, open, ...children) {
    return element("details", { open, name: "panel" }, element("summary", { textContent: title }), ...children);
  }

  #slider(id, label, low, get, set, help = "", high = 1) {
    const input = element("input", { type: "range", id, min: low, max: high, step: (high - low) / 200, title: help });
    input.oninput = () => {
      set(Number(input.value));
      this.change();
    };
    this.sliders.push({ input, get });
    return element("label", {}, element("span", { textContent: label }), input);
  }

  #named(group, name, id, label, low, help) {
    const { controls } = this;
    return this.#slider(id, label, low, () => controls[group]?.[name] || 0, (value) => {
      controls[group] = { ...controls[group], [name]: value };
    }, help);
  }

  #expressions() {
    const all = Object.keys(this.head.composites).concat("jaw_open");
    return this.#section("Expression", true, ...all.map((name) => this.#named("expression", name, `set-${name}`, words(name), 0)));
  }

  #pose() {
    const { controls } = this;
    const sliders = POSES.map(([name, label]) => {
      const [low, high] = this.head.ranges[name];
      return this.#slider(`set-${name}`, label, low, () => controls[name] || 0, (value) => (controls[name] = value), "", high);
    });
    const neutral = this.#slider("set-neutralise", "Neutral face", 0, () => controls.neutralise || 0, (v) => (controls.neutralise = v));
    return this.#section("Head and eyes", false, ...sliders, ...(this.head.neutral.some((name) => name !== "serious") ? [neutral] : []));
  }

  #category(category) {
    const { controls } = this;
    const chips = category.styles.filter((style) => !style.unavailable).map((style) => {
      const chip = element("button", { type: "button", textContent: style.label });
      chip.dataset.style = `${category.name}/${style.name}`;
      chip.onclick = () => {
        const on = controls.styles?.[category.name]?.[style.name];
        controls.styles = { ...controls.styles, [category.name]: on ? {} : { [style.name]: 1 } };
        this.show();
        this.change();
      };
      return chip;
    });
    const sliders = category.axes.filter((a) => !a.unavailable)
      .map((a) => this.#named("attributes", a.name, `set-${a.name}`, a.label, a.low, a.help));
    if (!sliders.length) return null;
    return this.#section(category.label, false, element("div", { className: "chips" }, ...chips), ...sliders);
  }

  #motions(motions) {
    this.buttons = motions.map((motion) => {
      const button = element("button", { type: "button", textContent: motion.label, ariaPressed: "false" });
      button.dataset.motion = motion.name;
      button.onclick = () => this.#play(this.playing === motion ? null : motion);
      return button;
    });
    return this.#section("Motion", true, element("div", { className: "chips" }, ...this.buttons));
  }

  #play(motion) {
    [this.playing, this.since] = [motion, performance.now()];
    for (const button of this.buttons) button.ariaPressed = String(button.dataset.motion === motion?.name);
    this.change();
  }
}
