// The player: a canvas that shows a live avatar as `controls` say. One worker sorts, the graphics card does the rest.

import { cameraOf } from "./camera.js";
import { partsOf, shapeWeights } from "./controls.js";
import { Effects } from "./effects.js";
import { Gpu } from "./gpu.js";
import { readLive } from "./live_file.js";
import { Model } from "./model.js";
import { sorter } from "./sorter.js";

const SHARPEST = 2; // pixels of the canvas for one of the page at most

export class LivePlayer {
  // Resolves with a player as soon as the head itself can be shown; `whole` resolves when all that edits need is here, too.
  static async open(canvas, stream) {
    const sections = readLive(stream), { value: base } = await sections.next();
    const player = new LivePlayer(canvas, base.head, base.arrays);
    player.whole = player.#rest(sections);
    player.whole.catch(() => {}); // whoever waits for it is told
    return player;
  }

  // arrays: of the file's base, or another player's model: then both draw the same head, each on its own canvas.
  constructor(canvas, head, arrays) {
    Object.assign(this, { canvas, head, controls: head.look || {}, busy: false, changed: true, waiting: [], times: {}, sharpness: 1 });
    this.model = arrays instanceof Model ? arrays : new Model(head, arrays);
    this.effects = new Effects(head);
    this.order = new Uint32Array(512 * Math.ceil(this.model.count / 512));
    this.gl = canvas.getContext("webgl2", { antialias: false, depth: false, premultipliedAlpha: true, preserveDrawingBuffer: true });
    if (!this.gl) throw new Error("This browser cannot show the head: it has no WebGL 2.");
    this.gpu = new Gpu(this.gl, this.model);
    this.worker = sorter();
    this.worker.onmessage = ({ data }) => this.#sorted(data);
    this.worker.postMessage({ still: this.model.still });
    this.gone = new AbortController();
    const { signal } = this.gone;
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault(); // so that it comes back
      this.gpu = null;
    }, { signal });
    canvas.addEventListener("webglcontextrestored", () => {
      this.gpu = new Gpu(this.gl, this.model);
      this.edits = undefined;
      this.#change();
    }, { signal });
    document.addEventListener("visibilitychange", () => this.#change(), { signal });
    this.watch = new ResizeObserver(() => this.#change());
    this.watch.observe(canvas);
    this.#change();
  }

  // Shows other controls; drawn with the display's next frame.
  set(controls) {
    this.controls = controls;
    this.#change();
  }

  // Another player of the same head; whole, if this one is.
  beside(canvas) {
    const other = new LivePlayer(canvas, this.head, this.model), { parts, parts_of_space: known, rows } = this.model;
    for (const part of parts.keys()) other.worker.postMessage({ part, rows: rows.get(String(known.get(part).rows)) });
    other.whole = this.whole;
    return other;
  }

  // Resolves when what was set last has been drawn.
  settled() {
    return new Promise((done) => (this.busy || this.changed ? this.waiting.push(done) : done()));
  }

  close() {
    this.gone.abort();
    this.watch.disconnect();
    this.worker.terminate();
    this.gpu = null;
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  async #rest(sections) {
    for await (const { arrays } of sections) {
      for (const [part, rows] of this.model.learn(arrays)) this.worker.postMessage({ part, rows });
      this.edits = undefined;
      this.#change();
    }
  }

  #change() {
    this.changed = true;
    if (!this.busy && !this.asked && !document.hidden) this.asked = requestAnimationFrame(() => this.#pose());
  }

  // Poses the mesh, and has the Gaussians sorted for it.
  #pose() {
    this.asked = 0;
    if (this.busy || !this.gpu) return;
    const started = performance.now(), { canvas, controls, head } = this, ratio = this.sharpness * Math.min(window.devicePixelRatio || 1, SHARPEST);
    [this.changed, this.busy] = [false, true];
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.max(1, Math.round(side * ratio)));
    const weights = shapeWeights(head, controls), { paints, moves } = partsOf(head, controls), edits = JSON.stringify(paints);
    const vertices = this.model.poser.pose(controls, weights, moves), camera = cameraOf(head, controls, width, height);
    this.frame = { vertices, camera, width, height, effects: this.effects.of(weights, vertices), paints, edits };
    const shown = edits === this.edits ? null : paints.map(({ name }) => name);
    this.worker.postMessage({ vertices, axis: camera.rows[2], order: this.order, shown }, [this.order.buffer]);
    this.times.pose = performance.now() - started;
  }

  #sorted({ order, count, took }) {
    const started = performance.now(), { canvas, frame } = this;
    [this.order, this.busy] = [order, false];
    if (this.gpu) {
      if (canvas.width !== frame.width || canvas.height !== frame.height) [canvas.width, canvas.height] = [frame.width, frame.height];
      if (frame.edits !== this.edits) this.gpu.edit(frame.paints);
      this.edits = frame.edits;
      this.gpu.draw({ ...frame, order, shown: count }, frame.width, frame.height);
      this.frames = (this.frames || 0) + 1;
    }
    // While one frame follows the other, how far apart they are is what a frame takes, wherever that time is spent.
    if (this.running && !document.hidden) this.paced?.(started - this.drawn);
    [this.running, this.drawn] = [this.changed, started];
    Object.assign(this.times, { sort: took, draw: performance.now() - started });
    if (this.changed) this.#change();
    else this.waiting.splice(0).forEach((done) => done());
  }
}
