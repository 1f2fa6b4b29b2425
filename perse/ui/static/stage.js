// The big picture: the newest look wins, no queue of stale frames; drag turns, wheel and pinch zoom, hold compares.
(() => {
  const { live_size: LIVE, live_sizes: [, LARGEST], dense: DENSE } = perse.settings;
  const SWEEP = 110; // degrees that a drag over the whole picture turns the camera
  const stage = {
    background: "grey",
    override: null, // {query, look} while something else than the look is shown: a comparison or a motion's preview
    busy: false,
    wanted: false,
    stills: null, // of an example: {path, yaws}, and its picture once it has come; shown until the first frame is there
    frames: 0, // shown so far; tests and the curious may read it
    latency: 0,
    turn: 0, // counts what was to be shown; a picture of an earlier turn is old
    held: false, // whether a finger or a button is down

    canvas: () => document.getElementById("perse-canvas"),

    refresh() {
      clearTimeout(this.polish);
      this.turn += 1;
      if (perse.live.draw()) return this.rest();
      this.wanted = true;
      if (!this.busy) this.pump();
    },

    // Of what this browser draws by itself the server makes its own picture, once the visitor has let go and nothing moves.
    rest() {
      this.wanted = false;
      this.polish = setTimeout(async () => {
        if (!perse.live.on || perse.live.playing || this.override) return;
        if (this.held) return this.rest();
        if (await this.show(perse.info.gaussians >= DENSE ? Math.max(LIVE, this.side()) : LIVE, true)) perse.live.aside();
      }, 350);
    },

    // Of the picture at the screen's own resolution, pixels.
    side() { return Math.min(LARGEST, Math.round((this.canvas()?.clientWidth ?? 0) * (window.devicePixelRatio || 1))); },

    async pump() {
      this.busy = true;
      while (this.wanted && perse.token) {
        this.wanted = false;
        await this.show(LIVE);
      }
      this.busy = false;
      // At rest the picture is drawn once more at the resolution of the screen.
      const side = this.side();
      if (perse.token && !perse.live.on && side > 1.15 * LIVE && perse.info.gaussians >= DENSE && !this.override) {
        this.polish = setTimeout(async () => {
          this.busy = true;
          await this.show(side, true);
          this.busy = false;
          if (this.wanted) this.pump();
        }, 350);
      }
    },

    // Whether a picture was drawn. patient: it is for what is at rest, and nothing is asked again for its sake.
    async show(size, patient = false) {
      const started = performance.now();
      const { token } = perse, { turn } = this;
      if (!token) return false;
      const body = this.override?.look ?? perse.look.json();
      try {
        const query = { size, background: this.background, ...(this.override?.query ?? {}) };
        const answer = await perse.ask(`frame/${token}`, query, body);
        const bitmap = await createImageBitmap(await answer.blob());
        if (token !== perse.token || ((patient || perse.live.on) && turn !== this.turn)) return false;
        const canvas = this.canvas();
        if (canvas.width !== bitmap.width) canvas.width = canvas.height = bitmap.width;
        canvas.getContext("2d").drawImage(bitmap, 0, 0);
        this.frames += 1;
        this.latency = performance.now() - started;
        this.stills = null;
        perse.clock.told("warming", null);
        document.getElementById("perse-stage").classList.remove("loading", "warming");
        return true;
      } catch (error) {
        if (token !== perse.token || (perse.live.on && error.status !== 404)) return false;
        if (error.status === 503 || error.status === 202) {
          this.wanted = true; // whatever the look is by then
          if (error.warming !== undefined) {
            document.getElementById("perse-stage").classList.add("warming");
            perse.clock.told("warming", { share: null, text: perse.settings.warming, seconds: error.warming, waiting: 0 });
          }
          await new Promise((done) => setTimeout(done, 300));
        } else {
          perse.toast(error.message);
          if (error.status === 404) perse.leave();
        }
        return false;
      }
    },

    // What stands for an example until it can be rendered: the nearest of its pictures from several sides.
    async stand(still) {
      this.stills = still;
      if (!still) return;
      const strip = new Image();
      strip.src = perse.url(still.path);
      try { await strip.decode(); } catch { return; }
      if (this.stills !== still) return;
      still.strip = strip;
      this.turnStill();
    },

    turnStill() {
      const { strip, yaws } = this.stills ?? {};
      if (!strip) return;
      const { yaw } = perse.look.value;
      const nearest = yaws.reduce((best, y, i) => (Math.abs(y - yaw) < Math.abs(yaws[best] - yaw) ? i : best), 0);
      const side = strip.naturalHeight;
      const canvas = this.canvas();
      if (canvas.width !== side) canvas.width = canvas.height = side;
      canvas.getContext("2d").drawImage(strip, nearest * side, 0, side, side, 0, 0, side, side);
      document.getElementById("perse-stage").classList.remove("loading");
    },

    setBackground(value) {
      this.background = value;
      for (const b of document.querySelectorAll("[data-background]")) {
        b.setAttribute("aria-pressed", b.dataset.background === value);
      }
      document.getElementById("perse-stage").dataset.shown = value;
      perse.live.ground();
      this.refresh();
    },

    bind() {
      const canvas = this.canvas();
      const fingers = new Map();
      let spread = 0;
      const zoom = (factor) => perse.look.moveCamera({ nearer: factor });
      canvas.onpointerdown = (e) => {
        fingers.set(e.pointerId, e);
        canvas.setPointerCapture(e.pointerId);
        spread = 0;
      };
      canvas.onpointermove = (e) => {
        const before = fingers.get(e.pointerId);
        if (!before) return;
        fingers.set(e.pointerId, e);
        if (fingers.size === 2) {
          const [p, q] = [...fingers.values()];
          const now = Math.hypot(p.clientX - q.clientX, p.clientY - q.clientY);
          if (spread) zoom(now / spread);
          spread = now;
          return;
        }
        const scale = SWEEP / canvas.clientWidth;
        perse.look.moveCamera({ yaw: (before.clientX - e.clientX) * scale, pitch: (e.clientY - before.clientY) * scale });
      };
      canvas.onpointerup = canvas.onpointercancel = (e) => {
        if (fingers.delete(e.pointerId)) perse.look.commit();
      };
      canvas.addEventListener("wheel", (e) => {
        e.preventDefault();
        zoom(Math.exp(-e.deltaY * 0.0012));
        clearTimeout(this.settle);
        this.settle = setTimeout(() => perse.look.commit(), 400);
      }, { passive: false });
      canvas.ondblclick = () => { perse.look.edit(() => perse.look.resetCamera()); perse.look.commit(); };
      canvas.onkeydown = (e) => {
        const [yaw, pitch] = { ArrowLeft: [4, 0], ArrowRight: [-4, 0], ArrowUp: [0, -3], ArrowDown: [0, 3] }[e.key] ?? [0, 0];
        if (yaw || pitch) {
          perse.look.moveCamera({ yaw, pitch });
        } else if (e.key === "+" || e.key === "-") {
          zoom(e.key === "+" ? 1.1 : 1 / 1.1);
        } else return;
        e.preventDefault();
        perse.look.commit();
      };

      const hold = document.getElementById("perse-compare");
      const compare = (on) => {
        this.override = on ? { look: perse.look.original() } : null;
        hold.setAttribute("aria-pressed", on);
        this.refresh();
      };
      hold.onpointerdown = () => compare(true);
      hold.onpointerup = hold.onpointerleave = hold.onpointercancel = () => this.override?.look && compare(false);
      hold.onkeydown = (e) => { if ((e.key === " " || e.key === "Enter") && !e.repeat) { e.preventDefault(); compare(true); } };
      hold.onkeyup = () => compare(false);

      for (const b of document.querySelectorAll("[data-background]")) b.onclick = () => this.setBackground(b.dataset.background);
      const colour = document.getElementById("perse-colour");
      colour.oninput = () => this.setBackground(colour.value);
      const own = document.querySelector('[data-background="original"]');
      own.hidden = !perse.info.source;
    },
  };
  perse.stage = stage;
  document.addEventListener("pointerdown", () => { stage.held = true; }, true);
  for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, () => { stage.held = false; }, true);
  perse.look.listeners.push(() => { stage.turnStill(); stage.refresh(); });
})();
