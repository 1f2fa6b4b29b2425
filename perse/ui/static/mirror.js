// "Mirror me": the camera's small pictures go to the server one by one, what the face in them does comes back, and the live head
// does it.
(() => {
  const LONG = 320; // pixels of a picture's longer side
  const JPEG = { type: "image/jpeg", quality: 0.8 };
  const PACE = 45; // milliseconds between two pictures at least
  const FOLLOWS = 30; // milliseconds in which the head goes most of the way to what was told last: a picture is no step; 20 to 60
  const USUAL = 0.2; // share of the latest in how long something usually takes
  const FORGETS = 1500; // milliseconds without a face after which the head is at rest
  const WAITS = 400; // milliseconds before it is tried again when many are there
  const find = (id) => document.getElementById(id);
  const pause = (time) => new Promise((done) => setTimeout(done, time));

  // Packs pixels as a JPEG in a thread of its own, where a browser packs at once: on the page's own Chromium waits until nothing else is to be
  // done, and while a head moves there nearly always is something. pack(ImageData) resolves with a Blob, or with null where this is not to be had.
  function packer() {
    const source = `let paper;
      onmessage = async ({ data: [image, options] }) => {
        try {
          if (paper?.width !== image.width || paper.height !== image.height) paper = new OffscreenCanvas(image.width, image.height);
          paper.getContext("2d", { alpha: false, willReadFrequently: true }).putImageData(image, 0, 0);
          postMessage(await paper.convertToBlob(options));
        } catch {
          postMessage(null);
        }
      };`;
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" })), worker = new Worker(url);
    URL.revokeObjectURL(url);
    return {
      close: () => worker.terminate(),
      pack: (image) => new Promise((done) => {
        worker.onmessage = ({ data }) => done(data);
        worker.onerror = () => done(null);
        worker.postMessage([image, JPEG], [image.data.buffer]);
      }),
    };
  }

  // From one moment towards another by a share; what is in neither is not there.
  function towards(from, to, share) {
    const out = {};
    for (const name of new Set([...Object.keys(from), ...Object.keys(to)])) {
      const [a, b] = [from[name] ?? 0, to[name] ?? 0];
      out[name] = typeof (from[name] ?? to[name]) === "object" ? towards(a || {}, b || {}, share) : a + share * (b - a);
    }
    return out;
  }

  const mirror = {
    rate: 0, // moments a second that come back; tests and the curious may read it
    seen: 0, // of them all

    build() {
      const { live } = perse;
      find("perse-mirror").onclick = () => (live.playing === "mirror" ? live.stop() : this.start());
      find("perse-mirror-stop").onclick = () => live.stop();
      find("perse-straight").onclick = () => { this.straight = true; };
      find("perse-mirrored").onchange = () => { this.straight = true; this.draw(); };
      this.draw();
    },

    // What is shown follows from whether the head plays it.
    draw() {
      const on = perse.live.playing === "mirror", view = find("perse-mirror-view");
      find("perse-mirror").textContent = on ? "Stop the camera" : this.starting ? "One moment …" : "Mirror me";
      find("perse-mirror").setAttribute("aria-pressed", on);
      find("perse-mirror").disabled = !!this.starting;
      find("perse-camera-light").hidden = find("perse-straight").hidden = view.hidden = !on;
      view.classList.toggle("perse-flipped", find("perse-mirrored").checked);
      if (!on) this.tell("");
    },

    tell(text) {
      perse.language.put(find("perse-mirror-note"), text);
    },

    async start() {
      const { live, token } = perse;
      if (!live.on) return perse.toast("The head is not drawn by your own browser here, so it cannot follow you at once: “Follow a clip” under Video works everywhere.");
      if (!document.querySelector("[data-allow=camera]").checked) return perse.toast("Please tick the box: the face is yours, or you have the person's permission.");
      const run = live.stop();
      this.starting = true;
      this.draw();
      let stream = null;
      try {
        if (!navigator.mediaDevices) throw new Error();
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 640 } } });
      } catch (error) {
        perse.toast(perse.recorder.why(error, "camera", "."));
      }
      this.starting = false;
      const [track] = stream?.getTracks() ?? [];
      if (stream && live.on && run === live.run && token === perse.token) await this.follow(stream, track, token); // nothing else moves it by now
      track?.stop();
      Object.assign(find("perse-mirror-view"), { srcObject: null });
      this.draw();
    },

    // Until the head plays something else, or the camera ends.
    async follow(stream, track, token) {
      const { live } = perse, run = live.stop(), view = find("perse-mirror-view");
      live.playing = "mirror";
      perse.ways.draw();
      track.onended = () => { if (run === live.run) { perse.toast("The camera has stopped."); live.stop(); } };
      view.srcObject = stream;
      view.play().catch(() => {});
      Object.assign(this, { goal: { is: {} }, shown: {}, straight: true, seen: 0, rate: 0 });
      this.tell("Look straight at the screen …");
      this.show(run);
      const owner = { "X-Perse-Visit": await perse.visit.secret() };
      const beside = packer(), usual = { making: 0, looking: 0 };
      const timed = async (what, promise, began = performance.now()) => {
        const out = await promise;
        usual[what] += USUAL * (performance.now() - began - usual[what]);
        return out;
      };
      let met = performance.now(), before = met;
      let next = null; // the picture that is made ready while the one before is looked at, so late that it is new when its turn comes
      while (run === live.run) {
        let picture = null, seen = false;
        try {
          picture = await (next ?? timed("making", this.picture(view, beside)));
          next = null;
          if (run !== live.run) break;
          if (!picture) {
            await pause(PACE);
            continue;
          }
          const asked = perse.ask(`mirror/${token}`, picture.straight ? { straight: 1 } : {}, picture.blob, owner).then((answer) => answer.json());
          next = pause(Math.max(usual.looking, PACE) - usual.making).then(() => run === live.run && timed("making", this.picture(view, beside))).catch(() => null);
          const told = await timed("looking", asked), now = performance.now();
          this.rate += 0.1 * (1000 / (now - before) - this.rate);
          before = now;
          if (told.moment) {
            [this.goal, met] = [{ ...told, is: told.moment, at: picture.at }, now];
            seen = true;
            this.seen += 1;
          } else if (now - met > FORGETS) {
            this.goal = { is: {} };
          }
          this.tell(told.moment ? "Your face is followed." : now - met > FORGETS ? "No face is seen: please look into the camera, in even light." : "");
        } catch (error) {
          if (run !== live.run) break;
          if (![202, 429, 503].includes(error.status)) {
            perse.toast(error.message);
            live.stop();
            break;
          }
          this.tell(error.message);
          const [old] = await Promise.all([next, pause(WAITS)]);
          next = null;
          if (old?.straight) this.straight = true;
        }
        if (picture?.straight && !seen) this.straight = true; // then the next one says it
      }
      beside.close();
      perse.ask(`mirror/${token}`, {}, "", owner).catch(() => {}); // it forgets by itself, too
    },

    // What the head goes after at `now`: on the way from what was told of a picture to what was told of later, and no farther.
    there(now) {
      const { at, is, soon, ahead } = this.goal;
      return soon ? towards(is, soon, Math.min(1, Math.max(0, now - at) / (1000 * ahead))) : is;
    },

    // The head goes after what was told last, with every picture of the display.
    async show(run) {
      const { live } = perse;
      let last = performance.now();
      while (run === live.run && live.player) {
        const now = performance.now();
        this.shown = towards(this.shown, this.there(now), 1 - Math.exp((last - now) / FOLLOWS));
        last = now;
        live.player.set(perse.player.moved(live.wanted(), { fps: 1, frames: [this.shown] }, 0));
        await new Promise(requestAnimationFrame);
      }
    },

    // What the camera shows: {blob: a JPEG, at: when, straight: whether the head looks straight ahead in it}; none before its first picture.
    async picture(view, beside) {
      const { videoWidth: width, videoHeight: height } = view;
      if (!width) return null;
      const { straight } = this, at = performance.now();
      this.straight = false;
      this.paper ??= document.createElement("canvas");
      const scale = Math.min(1, LONG / Math.max(width, height)), flipped = find("perse-mirrored").checked;
      const [w, h] = [width, height].map((side) => Math.max(1, Math.round(scale * side)));
      if (this.paper.width !== w || this.paper.height !== h) Object.assign(this.paper, { width: w, height: h });
      const pen = this.paper.getContext("2d", { alpha: false, willReadFrequently: true }); // the graphics card has its own work
      pen.setTransform(flipped ? -1 : 1, 0, 0, 1, flipped ? w : 0, 0);
      pen.drawImage(view, 0, 0, w, h);
      const blob = (await beside.pack(pen.getImageData(0, 0, w, h))) || (await new Promise((done) => this.paper.toBlob(done, JPEG.type, JPEG.quality)));
      return { blob, at, straight };
    },
  };
  perse.mirror = mirror;
  document.addEventListener("visibilitychange", () => { if (document.hidden && perse.live.playing === "mirror") perse.live.stop(); });
})();
