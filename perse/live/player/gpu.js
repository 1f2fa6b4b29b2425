// A live avatar on the graphics card: textures, programs and the four passes. Made anew from the same arrays after a lost context.

import { DRAW_FRAGMENT, DRAW_VERTEX, EDIT_FRAGMENT, EDIT_VERTEX, ROW, TURN_FRAGMENT, WHOLE_VERTEX, splatFragment } from "./shaders.js";

const rowsFor = (count) => Math.max(1, Math.ceil(count / ROW));

class Program {
  constructor(gl, vertex, fragment) {
    this.gl = gl;
    this.program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(this.program));
    this.places = new Map();
  }

  use(textures, values) {
    const { gl } = this;
    gl.useProgram(this.program);
    Object.entries(textures).forEach(([name, texture], unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.uniform1i(this.#place(name), unit);
    });
    for (const [name, [kind, value]] of Object.entries(values)) {
      if (kind === "Matrix4fv") gl.uniformMatrix4fv(this.#place(name), false, value);
      else gl[`uniform${kind}`](this.#place(name), value);
    }
  }

  #place(name) {
    if (!this.places.has(name)) this.places.set(name, this.gl.getUniformLocation(this.program, name));
    return this.places.get(name);
  }
}

export class Gpu {
  // model: what model.js makes of a live file.
  constructor(gl, model) {
    Object.assign(this, { gl, model, parts: new Map() });
    if (!gl.getExtension("EXT_color_buffer_half_float") && !gl.getExtension("EXT_color_buffer_float")) throw new Error("no half-float targets");
    gl.getExtension("EXT_color_buffer_float");
    const { eyes, mouth } = model.head.effects, lids = (eyes.right || eyes.left)?.edges.length / 2 || 2;
    this.sizes = { lids, lips: mouth ? mouth.lips.length / 2 : 2 };
    this.programs = {
      edit: new Program(gl, EDIT_VERTEX, EDIT_FRAGMENT),
      turn: new Program(gl, WHOLE_VERTEX, TURN_FRAGMENT),
      splat: new Program(gl, WHOLE_VERTEX, splatFragment(this.sizes.lids, this.sizes.lips)),
      draw: new Program(gl, DRAW_VERTEX, DRAW_FRAGMENT),
    };
    const { count, lidCount, triangleCount, vertexCount } = model, words = [gl.RGBA32UI, gl.RGBA_INTEGER, gl.UNSIGNED_INT];
    this.changeRows = rowsFor(count + lidCount);
    this.textures = {
      splats: this.#texture(words, 2 * count, model.splats),
      triangles: this.#texture(words, triangleCount, model.corners4),
      frames: this.#texture([gl.RGBA32F, gl.RGBA, gl.FLOAT], 2 * triangleCount, model.frames),
      lids: this.#texture([gl.R32UI, gl.RED_INTEGER, gl.UNSIGNED_INT], lidCount, model.lidColors),
      mesh: this.#texture([gl.RGBA32F, gl.RGBA, gl.FLOAT], vertexCount),
      order: this.#texture([gl.R32UI, gl.RED_INTEGER, gl.UNSIGNED_INT], count),
      turned: this.#texture(words, triangleCount),
      place: this.#texture(words, count),
      look: this.#texture(words, count),
      paint: this.#texture([gl.RGBA16F, gl.RGBA, gl.HALF_FLOAT], count + lidCount),
      dye: this.#texture([gl.RGBA16F, gl.RGBA, gl.HALF_FLOAT], count + lidCount),
      bare: this.#texture([gl.R16F, gl.RED, gl.HALF_FLOAT], count + lidCount),
    };
    const t = this.textures;
    this.targets = { edit: this.#target(t.paint, t.dye, t.bare), turn: this.#target(t.turned), splat: this.#target(t.place, t.look) };
    this.vertices = new Float32Array(4 * ROW * rowsFor(vertexCount));
    this.nothing = gl.createVertexArray();
    gl.disable(gl.DEPTH_TEST);
    this.edit([]);
  }

  #texture([format, layout, kind], count, data = null) {
    const { gl } = this, texture = gl.createTexture(), rows = rowsFor(count);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    for (const key of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, key, gl.NEAREST);
    for (const key of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, key, gl.CLAMP_TO_EDGE);
    if (data) {
      const channels = layout === gl.RED_INTEGER ? 1 : 4, whole = new data.constructor(ROW * rows * channels);
      whole.set(data);
      data = whole;
    }
    gl.texImage2D(gl.TEXTURE_2D, 0, format, ROW, rows, 0, layout, kind, data);
    return texture;
  }

  #target(...textures) {
    const { gl } = this, target = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, target);
    textures.forEach((t, k) => gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + k, gl.TEXTURE_2D, t, 0));
    gl.drawBuffers(textures.map((_, k) => gl.COLOR_ATTACHMENT0 + k));
    return target;
  }

  #part(name) {
    if (!this.parts.has(name)) {
      const { gl } = this, part = this.model.parts.get(name), array = gl.createVertexArray(), buffer = gl.createBuffer();
      gl.bindVertexArray(array);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, part.vertices, gl.STATIC_DRAW);
      gl.enableVertexAttribArray(0);
      gl.vertexAttribIPointer(0, 1, gl.UNSIGNED_INT, part.stride, 0);
      for (let term = 0; term < part.terms; term++) {
        [[1, 3, 0], [2, 2, 3]].forEach(([place, size, at]) => {
          gl.enableVertexAttribArray(place + 2 * term);
          gl.vertexAttribPointer(place + 2 * term, size, gl.BYTE, false, part.stride, 4 + 5 * term + at);
        });
      }
      gl.enableVertexAttribArray(5);
      gl.vertexAttribPointer(5, 1, gl.UNSIGNED_BYTE, true, part.stride, 4 + 5 * part.terms);
      this.parts.set(name, { array, count: part.count, steps: part.steps });
    }
    return this.parts.get(name);
  }

  // Adds up what parts, as controls.js lists them, do to the Gaussians.
  edit(paints) {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.targets.edit);
    gl.viewport(0, 0, ROW, this.changeRows);
    for (const k of [0, 1, 2]) gl.clearBufferfv(gl.COLOR, k, [0, 0, 0, 0]);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE);
    for (const { name, powers, whole, dyes, off } of paints) {
      if (!this.model.parts.has(name)) continue;
      const part = this.#part(name);
      gl.bindVertexArray(part.array);
      for (const place of [3, 4]) gl.vertexAttrib4f(place, 0, 0, 0, 0);
      this.programs.edit.use({}, {
        powers: ["3fv", [...powers, whole]],
        steps: ["3fv", part.steps],
        hairs: ["2fv", [Number(dyes), off]],
        opaque: ["1f", this.model.head.most_opaque],
        size: ["2fv", [ROW, this.changeRows]],
      });
      gl.drawArrays(gl.POINTS, 0, part.count);
    }
  }

  // frame: {vertices, order, shown: how many of it, camera, effects}
  draw(frame, width, height) {
    const { gl, textures: t, model } = this, { camera, effects } = frame, [a, b, c] = camera.rows;
    for (let v = 0; v < model.vertexCount; v++) {
      for (let k = 0; k < 3; k++) this.vertices[4 * v + k] = frame.vertices[3 * v + k];
    }
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, t.mesh);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, ROW, this.vertices.length / 4 / ROW, gl.RGBA, gl.FLOAT, this.vertices);
    gl.bindTexture(gl.TEXTURE_2D, t.order);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, ROW, rowsFor(frame.shown), gl.RED_INTEGER, gl.UNSIGNED_INT, frame.order);
    gl.bindVertexArray(this.nothing);
    gl.disable(gl.BLEND);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.targets.turn);
    gl.viewport(0, 0, ROW, rowsFor(model.triangleCount));
    this.programs.turn.use({ triangles: t.triangles, mesh: t.mesh, frames: t.frames }, {});
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.targets.splat);
    gl.viewport(0, 0, ROW, rowsFor(model.count));
    const inputs = { splats: t.splats, triangles: t.triangles, turned: t.turned, lids: t.lids, mesh: t.mesh, paint: t.paint, dye: t.dye, bare: t.bare };
    this.programs.splat.use(inputs, {
      ranges: ["4fv", model.ranges],
      offset_step: ["1f", model.offsetStep],
      coefficient_step: ["1f", model.coefficientStep],
      opaque: ["1f", model.head.most_opaque],
      count: ["1i", model.count],
      view: ["Matrix4fv", [0, 1, 2, 3].flatMap((k) => [a[k], b[k], c[k], k === 3 ? 1 : 0])],
      lens: ["4fv", camera.lens],
      size: ["2fv", [width, height]],
      ...this.#effects(effects),
    });
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.programs.draw.use({ places: t.place, looks: t.look, order: t.order }, { size: ["2fv", [width, height]] });
    gl.drawArrays(gl.TRIANGLES, 0, 6 * frame.shown);
  }

  #effects({ opening, eyes, mouth }) {
    const { throat, eyes: known, mouth: lips } = this.model.head.effects, { lids } = this.sizes;
    const none = { lid: 0, shut: 0, moved: 0, centre: [0, 0, 0], along: [1, 0, 0], up: [0, 1, 0], edges: new Array(4 * lids).fill(0) };
    const both = [eyes.right || none, eyes.left || none];
    const out = {
      throat: ["4fv", throat ? [opening, throat.drop, throat.fade, throat.darker] : [0, 0, 1, 0]],
      throat_open: ["1f", throat ? throat.open : 1],
      eye_share: ["3fv", both.flatMap((e) => [e.lid, e.shut, e.moved])],
      eye_frame: ["3fv", both.flatMap((e) => [...e.centre, ...e.along, ...e.up])],
      eye_edges: ["2fv", both.flatMap((e) => e.edges)],
      eye_fade: ["1f", (known.right || known.left)?.fade ?? 1],
      mouth_light: ["3fv", mouth ? [mouth.light, lips.lip_shade, lips.lip_depth] : [1, 0, 1]],
    };
    if (mouth) {
      out.mouth_frame = ["3fv", [...mouth.corner, ...mouth.along, ...mouth.down]];
      out.mouth_edges = ["2fv", mouth.edges];
      out.mouth_most = ["3fv", lips.most];
      out.mouth_gain = ["3fv", lips.lighter.map((gain) => mouth.out * (gain - 1))];
    }
    return out;
  }
}
