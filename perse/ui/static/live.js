// The head in the visitor's own browser: the big picture as soon as its file is here, and nothing is asked of anybody while it moves.
// Where that is impossible or too slow, and while it is not there yet, the server draws.
(() => {
  const SLOW = 240; // milliseconds from one picture to the next beyond which the server may be quicker
  const PATIENCE = 5; // pictures in a row that are as slow as that
  const COARSEST = 0.5; // of the screen's sharpness, before the server takes over
  const FORGOTTEN = 9000; // milliseconds
  const AHEAD = "alive"; // the motion of an example that is seen before its avatar has been opened
  const { h } = perse;
  const find = (id) => document.getElementById(id);

  const live = {
    on: false, // whether the big picture is drawn here
    player: null,
    canvas: null,
    box: null, // the element that holds the canvas, before its ground
    name: "", // of the example that is seen ahead of its avatar
    beginning: null, // what resolves when the player that was begun last is there
    playing: "", // the motion that runs
    run: 0,
    late: 0,
    patience: PATIENCE,
    motions: new Map(), // name -> what the server says of it, for this avatar
    backdrop: "",

    // Whether this browser can draw at all.
    able() {
      if (this.ability === undefined) {
        const gl = document.createElement("canvas").getContext("webgl2");
        this.ability = !!gl && !!window.DecompressionStream && !!window.Worker && !!(gl.getExtension("EXT_color_buffer_half_float") || gl.getExtension("EXT_color_buffer_float"));
        gl?.getExtension("WEBGL_lose_context")?.loseContext();
      }
      return this.ability;
    },

    // An example was chosen: its head moves in its place until the avatar is there.
    ahead(name) {
      this.close();
      if (!this.able()) return;
      this.name = name;
      this.begin(async () => perse.ask(`example/${name}`)).then((begun) => begun && this.name === name && !this.on && (this.appear(), perse.calm() ? this.player.set({ ...perse.settings.look }) : this.play(AHEAD)));
    },

    // Puts the canvas where the example's picture is, whenever that is there.
    appear() {
      const place = document.querySelector("#perse-found .perse-still");
      if (place && this.name && !this.on && this.canvas && this.box.parentElement !== place) place.append(this.box);
    },

    // An avatar has come. name: of the example that it is, or nothing.
    async open(token, name) {
      this.motions.clear();
      if (!this.able()) return;
      if (name && this.name === name) {
        if (this.player) return this.enter();
        if (await this.beginning) return token === perse.token && this.enter();
      }
      if (token !== perse.token) return;
      this.close();
      const owner = { "X-Perse-Visit": await perse.visit.secret() };
      if (token !== perse.token) return;
      if (await this.begin(() => perse.later(`live/${token}`, {}, null, owner))) this.enter();
    },

    // Makes a player of a file; resolves with whether there is one. Whatever goes wrong, the server's pictures are there.
    begin(fetched) {
      const canvas = h("canvas"); // the ground is painted by what it lies in: a canvas is not sure to show an image behind it
      Object.assign(this, { canvas, box: h("div", { class: "perse-live", "aria-hidden": true }, canvas) });
      const making = (async () => {
        try {
          const { body } = await fetched();
          if (this.canvas !== canvas) return false;
          const player = await perse.player.LivePlayer.open(canvas, body);
          if (this.canvas !== canvas) return player.close(), false;
          this.player = player;
          const current = (act) => () => { if (this.canvas === canvas) act(); };
          player.whole.then(() => { player.paced = (apart) => this.paced(apart); }, current(() => this.close()));
          canvas.addEventListener("webglcontextlost", current(() => this.leave()));
          canvas.addEventListener("webglcontextrestored", current(() => { if (perse.token) this.enter(); }));
          return true;
        } catch {
          if (this.canvas === canvas) Object.assign(this, { canvas: null, name: "" });
          return false;
        }
      })();
      this.beginning = making;
      return making;
    },

    // The big picture is drawn here from now on: at once if it is seen already, or with its first picture, so that nothing flickers.
    enter() {
      this.stop();
      this.name = "";
      const { player, box } = this, seen = box.isConnected;
      box.classList.toggle("perse-aside", !seen);
      find("perse-canvas").after(box);
      const begin = () => {
        this.on = true;
        this.ground();
        perse.clock.told("warming", null);
        find("perse-stage").classList.remove("loading", "warming");
        perse.ways.draw();
        perse.stage.refresh();
      };
      if (seen) return begin();
      player.set(this.wanted());
      player.settled().then(() => { if (this.player === player && perse.token) begin(); });
    },

    // And from now on it is not.
    leave() {
      this.stop();
      this.on = false;
      this.box?.remove();
      perse.ways.draw();
      if (perse.token) perse.stage.refresh();
    },

    close() {
      const { player } = this;
      perse.thumbs.end();
      if (player || this.on) this.leave();
      Object.assign(this, { player: null, canvas: null, beginning: null, name: "" });
      player?.close();
    },

    // Draws what the stage is to show, and says whether it does.
    draw() {
      if (!this.on) return false;
      if (!this.playing) this.player.set(this.wanted());
      this.box.classList.remove("perse-aside");
      return true;
    },

    wanted: () => (perse.stage.override?.look ? JSON.parse(perse.stage.override.look) : { ...perse.look.value }),

    // The server's picture of what is at rest is there: this one fades out above it.
    aside() { if (this.on) this.box.classList.add("perse-aside"); },

    // The colour, or the photo's background, behind the head.
    async ground() {
      if (!this.canvas || !this.on) return;
      const { background } = perse.stage, { style } = this.box, token = perse.token;
      style.backgroundImage = "";
      style.backgroundColor = background === "grey" || background === "original" ? "" : background;
      if (background !== "original") return;
      try {
        if (this.backdrop.token !== token) {
          const blob = await (await perse.later(`backdrop/${token}`)).blob();
          URL.revokeObjectURL(this.backdrop.url);
          this.backdrop = { token, url: URL.createObjectURL(blob), picture: new Image() };
          this.backdrop.picture.src = this.backdrop.url;
        }
        await this.backdrop.picture.decode();
        if (perse.stage.background === "original" && token === perse.token) style.backgroundImage = `url(${this.backdrop.url})`;
      } catch { /* grey will do */ }
    },

    // How far apart pictures are while they follow one another: too far, they become coarser, and at last the server's.
    paced(apart) {
      this.late = apart > SLOW ? this.late + 1 : 0;
      if (this.late < this.patience) return;
      this.late = 0;
      if (this.player.sharpness > COARSEST) this.player.sharpness = Math.max(COARSEST, 0.7 * this.player.sharpness);
      else this.close();
    },

    // What is heard in a motion, ready to be played.
    sound_of: (name, told) => (told.sound ? new Audio(perse.url(`sound/${name}`)) : null),

    // Plays a ready-made motion: over and over, or once where there is sound.
    async play(name) {
      const run = this.stop();
      try {
        const told = await this.told(name);
        if (run === this.run) await this.perform(name, told, this.sound_of(name, told));
      } catch (error) {
        perse.toast(error.message);
      }
    },

    // Plays what was told of a motion on top of the look. once: no loop, as where there is sound. Resolves when it is over.
    async perform(name, told, sound = null, once = false) {
      const run = this.stop();
      if (!this.player) return;
      const length = told.frames.length / told.fps;
      Object.assign(this, { sound, playing: name });
      perse.ways.draw();
      try { await sound?.play(); } catch { /* without it, then */ }
      const started = performance.now();
      let seen = started;
      for (;;) {
        if (this.canvas.isConnected) seen = performance.now();
        else if (performance.now() - seen > FORGOTTEN) return this.close(); // an example that nobody looks at any more
        const now = sound && !sound.paused ? sound.currentTime : (performance.now() - started) / 1000;
        if (run !== this.run || ((sound || once) && (sound?.ended || now >= length))) break;
        const look = this.on ? this.wanted() : { ...perse.settings.look };
        this.player.set(perse.player.moved(look, told, now));
        await new Promise(requestAnimationFrame);
      }
      if (run === this.run) this.stop();
    },

    async told(name) {
      if (!this.motions.has(name)) {
        const { token } = perse;
        const told = await (await perse.ask(`moments/${name}`, token && !this.name ? { avatar: token } : {})).json();
        if (token !== perse.token) return told;
        this.motions.set(name, told);
      }
      return this.motions.get(name);
    },

    // Returns the number of the run that may begin now.
    stop() {
      const run = (this.run += 1);
      this.sound?.pause();
      this.sound = null;
      if (!this.playing) return run;
      this.playing = "";
      perse.ways.draw();
      if (this.on) perse.stage.refresh();
      return run;
    },
  };
  perse.live = live;

  document.addEventListener("click", (e) => {
    const tile = e.target.closest("[data-example]");
    if (tile?.querySelector("template")?.innerHTML) live.ahead(tile.dataset.example);
  });
  new MutationObserver(() => live.appear()).observe(document, { childList: true, subtree: true });
})();
